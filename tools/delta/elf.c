/* See elf.h. Source: System V ABI, "Object Files"; fields at their offsets in ELF32. */
#include "elf.h"

#include "otaria/bytes.h"
#include "otaria/image.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES  52u
#define PROGRAM_BYTES 32u
#define SECTION_BYTES 40u
#define SYMBOL_BYTES  16u
#define PARTS_MAX     64u
#define NAME_BYTES    1024u /* of a name count */

#define APP_DESC_SHA                                                                                         \
    (OT_IMAGE_HEADER_BYTES + 8u + 144u) /* the ELF file's digest, put into the image afterwards */
#define APP_DESC_END (APP_DESC_SHA + 32u)
#define STAMP_BYTES  256u /* of a segment may differ: what tools write into an image behind the linker */

enum { TYPE_EXEC = 2, MACHINE_XTENSA = 94, MACHINE_RISCV = 243 };
enum { PROGRAM_LOAD = 1, SECTION_SYMBOLS = 2, SECTION_STRINGS = 3 };
enum { SYMBOL_OBJECT = 1, SYMBOL_FUNCTION = 2, SYMBOL_FILE = 4, BIND_LOCAL = 0, INDEX_RESERVED = 0xFF00 };

struct reading {
    const char *name;
    const uint8_t *bytes;
    size_t size;
    struct error *err;
};

struct table {
    uint32_t offset, count;
};

static bool lies_within(const struct reading *r, uint32_t offset, uint64_t length)
{
    return offset <= r->size && length <= r->size - offset;
}

static int read_header(const struct reading *r, struct delta_elf *elf)
{
    static const uint8_t magic[7] = {0x7F, 'E', 'L', 'F', 1, 1, 1};
    if (r->size < HEADER_BYTES || memcmp(r->bytes, magic, 4) != 0)
        return error_set(r->err, "%s: no ELF file", r->name);
    uint16_t machine = ot_load16(r->bytes + 18);
    elf->arch = machine == MACHINE_XTENSA  ? DELTA_XTENSA
                : machine == MACHINE_RISCV ? DELTA_RISCV
                                           : DELTA_PLAIN;
    if (memcmp(r->bytes, magic, sizeof magic) != 0 || elf->arch == DELTA_PLAIN)
        return error_set(r->err, "%s: not of a 32-bit Xtensa or RISC-V machine", r->name);
    if (ot_load16(r->bytes + 16) != TYPE_EXEC)
        return error_set(r->err, "%s: not linked: the ELF file of the whole firmware is needed", r->name);
    return 0;
}

/* Where a table of the header is; -1 unless its entries are of the size they have everywhere and within the file. */
static int find_table(const struct reading *r, const char *what, uint32_t at, uint32_t size_at,
                      uint32_t entry, struct table *out)
{
    *out = (struct table){.offset = ot_load32(r->bytes + at), .count = ot_load16(r->bytes + size_at + 2)};
    if (out->count > 0 && (ot_load16(r->bytes + size_at) != entry ||
                           !lies_within(r, out->offset, (uint64_t)out->count * entry)))
        return error_set(r->err, "%s: table of %s: outside the file", r->name, what);
    return 0;
}

static int read_parts(const struct reading *r, struct delta_elf *elf)
{
    struct table programs;
    if (find_table(r, "program headers", 28, 42, PROGRAM_BYTES, &programs) != 0)
        return -1;
    if (programs.count > PARTS_MAX)
        return error_set(r->err, "%s: more than %u program headers", r->name, PARTS_MAX);
    elf->parts = calloc(programs.count + 1u, sizeof *elf->parts);
    if (elf->parts == NULL)
        return error_set(r->err, "%s: no memory", r->name);
    for (uint32_t i = 0; i < programs.count; i++) {
        const uint8_t *h = r->bytes + programs.offset + (size_t)i * PROGRAM_BYTES;
        uint32_t offset = ot_load32(h + 4), addr = ot_load32(h + 8), length = ot_load32(h + 16);
        if (ot_load32(h) != PROGRAM_LOAD || length == 0)
            continue;
        if (!lies_within(r, offset, length) || length > UINT32_MAX - addr)
            return error_set(r->err, "%s: program header %u: outside the file", r->name, (unsigned)i);
        elf->parts[elf->part_count++] =
            (struct delta_elf_part){.addr = addr, .length = length, .bytes = r->bytes + offset};
    }
    return 0;
}

static uint64_t hash_name(uint64_t h, const char *text)
{
    for (unsigned i = 0; i < NAME_BYTES && text[i] != '\0'; i++)
        h = (h ^ (uint8_t)text[i]) * 0x100000001B3u;
    return (h ^ 0xFFu) * 0x100000001B3u;
}

/* Functions and variables that have a place. `text` is the string table, whose last byte is 0. */
static int read_symbols(const struct reading *r, struct delta_elf *elf, struct table symbols,
                        struct table text)
{
    const uint64_t start = 0xCBF29CE484222325u;
    uint64_t file = start;
    elf->symbols = calloc(symbols.count + 1u, sizeof *elf->symbols);
    if (elf->symbols == NULL)
        return error_set(r->err, "%s: no memory", r->name);
    for (uint32_t i = 0; i < symbols.count; i++) {
        const uint8_t *s = r->bytes + symbols.offset + (size_t)i * SYMBOL_BYTES;
        uint32_t name = ot_load32(s), addr = ot_load32(s + 4), size = ot_load32(s + 8);
        unsigned type = s[12] & 15u, bind = s[12] >> 4, index = ot_load16(s + 14);
        if (name >= text.count || size > UINT32_MAX - addr)
            return error_set(r->err, "%s: symbol %u: name or place outside what there is", r->name,
                             (unsigned)i);
        const char *word = (const char *)r->bytes + text.offset + name;
        if (type == SYMBOL_FILE)
            file = hash_name(start, word);
        if ((type != SYMBOL_FUNCTION && type != SYMBOL_OBJECT) || index == 0 || index >= INDEX_RESERVED ||
            *word == '\0')
            continue;
        elf->symbols[elf->symbol_count++] = (struct delta_elf_symbol){
            .name = hash_name(bind == BIND_LOCAL ? file : start, word), .addr = addr, .size = size};
    }
    return 0;
}

static int find_symbols(const struct reading *r, struct delta_elf *elf)
{
    struct table sections;
    if (find_table(r, "sections", 32, 46, SECTION_BYTES, &sections) != 0)
        return -1;
    for (uint32_t i = 0; i < sections.count; i++) {
        const uint8_t *h = r->bytes + sections.offset + (size_t)i * SECTION_BYTES;
        if (ot_load32(h + 4) != SECTION_SYMBOLS)
            continue;
        struct table symbols = {.offset = ot_load32(h + 16), .count = ot_load32(h + 20) / SYMBOL_BYTES};
        uint32_t link = ot_load32(h + 24);
        const uint8_t *strings = r->bytes + sections.offset + (size_t)(link % sections.count) * SECTION_BYTES;
        if (ot_load32(h + 36) != SYMBOL_BYTES || !lies_within(r, symbols.offset, ot_load32(h + 20)) ||
            link >= sections.count || ot_load32(strings + 4) != SECTION_STRINGS)
            return error_set(r->err, "%s: section %u: no table of symbols with their names", r->name,
                             (unsigned)i);
        struct table text = {.offset = ot_load32(strings + 16), .count = ot_load32(strings + 20)};
        if (text.count == 0 || !lies_within(r, text.offset, text.count) ||
            r->bytes[text.offset + text.count - 1u] != 0)
            return error_set(r->err, "%s: section %u: names outside the file", r->name, (unsigned)link);
        return read_symbols(r, elf, symbols, text);
    }
    return 0;
}

int delta_elf_read(struct delta_elf *elf, const char *name, const uint8_t *bytes, size_t size,
                   struct error *err)
{
    struct reading r = {.name = name, .bytes = bytes, .size = size, .err = err};
    *elf = (struct delta_elf){0};
    if (read_header(&r, elf) != 0 || read_parts(&r, elf) != 0 || find_symbols(&r, elf) != 0)
        return -1;
    if (elf->symbol_count == 0)
        return error_set(err, "%s: no symbols: give the ELF file as it was before strip", name);
    return 0;
}

void delta_elf_free(struct delta_elf *elf)
{
    free(elf->parts);
    free(elf->symbols);
    *elf = (struct delta_elf){0};
}

/* --- does it belong to the image? --- */

struct comparison {
    uint32_t same, different, first; /* bytes; address of the first that differs */
};

static void compare(const struct delta_elf_part *part, const struct delta_segment *s, const uint8_t *image,
                    struct comparison *c)
{
    uint32_t from = part->addr > s->addr ? part->addr : s->addr;
    uint32_t part_end = part->addr + part->length, end = s->addr + s->length;
    end = part_end < end ? part_end : end;
    for (uint32_t a = from; a < end; a++) {
        uint32_t offset = s->offset + (a - s->addr);
        if (offset >= APP_DESC_SHA && offset < APP_DESC_END)
            continue;
        if (part->bytes[a - part->addr] == image[offset]) {
            c->same++;
        } else {
            c->first = c->different == 0 || a < c->first ? a : c->first;
            c->different++;
        }
    }
}

int delta_elf_matches(const struct delta_elf *elf, const char *name, const uint8_t *image,
                      const char *image_name, const struct delta_layout *layout, struct error *err)
{
    uint32_t seen = 0, all = 0;
    if (layout->chip == NULL)
        return error_set(err, "%s: no app image of a known chip: --elf is of no use", image_name);
    if (layout->chip->arch != elf->arch)
        return error_set(err, "%s: of another architecture than %s", name, image_name);
    for (uint32_t i = 0; i < layout->count; i++) {
        const struct delta_segment *s = &layout->segments[i];
        struct comparison c = {0};
        for (uint32_t k = 0; k < elf->part_count && s->length <= UINT32_MAX - s->addr; k++)
            compare(&elf->parts[k], s, image, &c);
        if (c.different > STAMP_BYTES || c.different > c.same)
            return error_set(
                err,
                "%s: not what %s was made from: segment %u (0x%08x, %u bytes) differs from 0x%08x on. "
                "Give the ELF file of the same build, or leave --elf out",
                name, image_name, (unsigned)i, (unsigned)s->addr, (unsigned)s->length, (unsigned)c.first);
        seen += c.same;
        all += s->length;
    }
    if (seen < all / 2u)
        return error_set(err,
                         "%s: not what %s was made from: it loads nothing where most segments are. "
                         "Give the ELF file of the same build, or leave --elf out",
                         name, image_name);
    return 0;
}
