/* See elf_support.h. Written from the ELF and RISC-V documents, without the reader under test. */
#include "elf_support.h"

#include "image_support.h"

#include "otaria/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUNCTIONS     240u
#define VARIABLES     180u
#define TEXT_ADDR     0x42000020u
#define BSS_ADDR      0x3FC81000u
#define WORDS_MAX     32u
#define SYMBOLS_MAX   (FUNCTIONS + VARIABLES + 2u)
#define HEADER_BYTES  52u
#define PROGRAM_BYTES 32u
#define SECTION_BYTES 40u
#define SYMBOL_BYTES  16u
#define RET           0x00008067u

struct program {
    unsigned version;
    uint32_t function_addr[FUNCTIONS], function_words[FUNCTIONS], text_words;
    uint32_t variable_addr[VARIABLES];
};

static uint32_t random_of(uint32_t seed)
{
    seed = (seed + 1u) * 0x9E3779B1u;
    seed ^= seed >> 15;
    seed *= 0x85EBCA6Bu;
    return seed ^ seed >> 13;
}

/* The second version has some functions that are otherwise, and all in another order. */
static uint32_t seed_of(const struct program *p, uint32_t function)
{
    return function % 40u == 7u ? function + 1000u * p->version : function;
}

static uint32_t place_of(const struct program *p, uint32_t i, uint32_t count)
{
    return p->version == 1 ? i : (i * 7u + 3u) % count;
}

static uint32_t words_of(const struct program *p, uint32_t function)
{
    uint32_t seed = seed_of(p, function);
    return function % 3u != 0 ? 4u : 6u + random_of(seed) % 20u;
}

static void lay_out(struct program *p)
{
    uint32_t at = TEXT_ADDR, bss = BSS_ADDR;
    for (uint32_t i = 0; i < FUNCTIONS; i++) {
        uint32_t f = place_of(p, i, FUNCTIONS);
        p->function_addr[f] = at;
        p->function_words[f] = words_of(p, f);
        at += 4u * p->function_words[f];
    }
    p->text_words = (at - TEXT_ADDR) / 4u;
    for (uint32_t i = 0; i < VARIABLES; i++) {
        uint32_t v = place_of(p, i, VARIABLES);
        p->variable_addr[v] = bss;
        bss += 4u + random_of(v) % 16u * 4u;
    }
}

static uint32_t jal(uint32_t from, uint32_t to)
{
    uint32_t d = to - from;
    return 0xEFu | (d & 0x100000u) << 11 | (d & 0x7FEu) << 20 | (d & 0x800u) << 9 | (d & 0xFF000u);
}

static void load(uint32_t variable, uint32_t *out)
{
    out[0] = 0x000007B7u | ((variable + 0x800u) & 0xFFFFF000u); /* lui a5 */
    out[1] = 0x0007A503u | variable << 20;                      /* lw a0, (a5) */
}

static void write_function(const struct program *p, uint32_t f, uint8_t *text)
{
    uint32_t words[WORDS_MAX + 1u], n = p->function_words[f], seed = seed_of(p, f), at = p->function_addr[f];
    for (uint32_t i = 0; i < n; i++)
        words[i] = 0x00050513u | random_of(seed * 64u + i) << 20; /* addi a0, a0 */
    load(p->variable_addr[random_of(f + 77u) % VARIABLES], words);
    words[2] = jal(at + 8u, p->function_addr[random_of(f + 99u) % FUNCTIONS]);
    words[n - 1u] = RET;
    for (uint32_t i = 0; i < n; i++)
        ot_store32(text + (at - TEXT_ADDR) + 4u * i, words[i]);
}

static uint8_t *make_image(const struct program *p, uint32_t *size)
{
    struct image_segment_spec text = {.load_addr = TEXT_ADDR, .length = 4u * p->text_words};
    struct image_spec spec = {.chip_id = 5,
                              .version = p->version == 1 ? "1.0.0" : "1.1.0",
                              .seed = 1,
                              .segments = &text,
                              .segment_count = 1};
    uint8_t *image = image_make(&spec, size);
    uint32_t second = 24u + 8u + ot_load32(image + 28) + 8u;
    for (uint32_t f = 0; f < FUNCTIONS; f++)
        write_function(p, f, image + second);
    image_reseal(image, *size);
    return image;
}

/* --- the ELF file: header, two parts, their bytes, symbols, names, sections --- */

struct writer {
    uint8_t *bytes, *symbols;
    uint32_t size, symbol_count, names_at;
};

static uint32_t append(struct writer *w, const void *bytes, uint32_t n)
{
    uint32_t at = w->size;
    memcpy(w->bytes + at, bytes, n);
    w->size += n;
    return at;
}

static void symbol(struct writer *w, const char *name, uint32_t addr, uint32_t size, uint8_t info,
                   uint16_t section)
{
    uint8_t *s = w->symbols + SYMBOL_BYTES * w->symbol_count++;
    memset(s, 0, SYMBOL_BYTES);
    ot_store32(s, name[0] != '\0' ? append(w, name, (uint32_t)strlen(name) + 1u) - w->names_at : 0);
    ot_store32(s + 4, addr);
    ot_store32(s + 8, size);
    s[12] = info;
    ot_store16(s + 14, section);
}

static void add_symbols(struct writer *w, const struct program *p)
{
    char name[32];
    symbol(w, "", 0, 0, 0, 0);
    symbol(w, "main.c", 0, 0, 0x04, 0xFFF1);
    for (uint32_t f = 0; f < FUNCTIONS; f++) {
        snprintf(name, sizeof name, "function_%u", (unsigned)f);
        symbol(w, name, p->function_addr[f], 4u * p->function_words[f], f % 2u == 0 ? 0x02 : 0x12, 1);
    }
    for (uint32_t v = 0; v < VARIABLES; v++) {
        snprintf(name, sizeof name, "variable_%u", (unsigned)v);
        symbol(w, name, p->variable_addr[v], 4, 0x11, 2);
    }
}

static void section(struct writer *w, uint32_t type, uint32_t at, uint32_t size, uint32_t link,
                    uint32_t entry)
{
    uint8_t h[SECTION_BYTES] = {0};
    ot_store32(h + 4, type);
    ot_store32(h + 16, at);
    ot_store32(h + 20, size);
    ot_store32(h + 24, link);
    ot_store32(h + 36, entry);
    append(w, h, sizeof h);
}

static void program_header(struct writer *w, unsigned i, uint32_t addr, const uint8_t *bytes, uint32_t n)
{
    uint8_t *h = w->bytes + HEADER_BYTES + PROGRAM_BYTES * i;
    ot_store32(h, 1);
    ot_store32(h + 4, append(w, bytes, n));
    ot_store32(h + 8, addr);
    ot_store32(h + 16, n);
    ot_store32(h + 20, n);
}

static void header(struct writer *w, uint32_t sections)
{
    static const uint8_t ident[7] = {0x7F, 'E', 'L', 'F', 1, 1, 1};
    uint8_t *h = w->bytes;
    memcpy(h, ident, sizeof ident);
    ot_store16(h + 16, 2);
    ot_store16(h + 18, 243);
    ot_store32(h + 28, HEADER_BYTES);
    ot_store32(h + 32, sections);
    ot_store16(h + 42, PROGRAM_BYTES);
    ot_store16(h + 44, 2);
    ot_store16(h + 46, SECTION_BYTES);
    ot_store16(h + 48, 3);
}

static uint8_t *make_elf(const struct program *p, const uint8_t *image, uint32_t image_bytes, uint32_t *size)
{
    struct writer w = {.bytes = calloc(1, image_bytes + SYMBOLS_MAX * 64u + 1000u),
                       .symbols = calloc(SYMBOLS_MAX, SYMBOL_BYTES),
                       .size = HEADER_BYTES + 2u * PROGRAM_BYTES};
    uint32_t first = ot_load32(image + 28);
    if (w.bytes == NULL || w.symbols == NULL)
        abort();
    program_header(&w, 0, ot_load32(image + 24), image + 32, first);
    program_header(&w, 1, TEXT_ADDR, image + 32 + first + 8, 4u * p->text_words);
    w.names_at = append(&w, "", 1);
    add_symbols(&w, p);
    uint32_t names = w.size - w.names_at, bytes = w.symbol_count * SYMBOL_BYTES,
             at = append(&w, w.symbols, bytes);
    uint32_t sections = w.size;
    section(&w, 0, 0, 0, 0, 0);
    section(&w, 2, at, bytes, 2, SYMBOL_BYTES);
    section(&w, 3, w.names_at, names, 0, 0);
    header(&w, sections);
    free(w.symbols);
    *size = w.size;
    return w.bytes;
}

struct firmware firmware_make(unsigned version)
{
    struct program p = {.version = version};
    struct firmware f;
    lay_out(&p);
    f.image = make_image(&p, &f.image_bytes);
    f.elf = make_elf(&p, f.image, f.image_bytes, &f.elf_bytes);
    return f;
}

void firmware_free(struct firmware *f)
{
    free(f->image);
    free(f->elf);
    *f = (struct firmware){0};
}
