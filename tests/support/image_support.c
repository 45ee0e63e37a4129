/* Builds ESP images from parameters. Knows the format on its own account: see the header. */
#include "image_support.h"

#include "otaria/bytes.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER     24u
#define SEG_HEADER 8u
#define APP_DESC   256u
#define DIGEST     32u
#define FIRST_DATA (HEADER + SEG_HEADER)

static void *must_alloc(size_t size)
{
    void *p = calloc(1, size);
    if (p == NULL)
        abort();
    return p;
}

/* Where a chip maps constant data: enough for an image whose first segment must be mapped. */
static uint32_t drom_of(uint16_t chip_id)
{
    switch (chip_id) {
    case 0x0000:
        return 0x3F400000u;
    case 0x0002:
        return 0x3F000000u;
    case 0x0012:
        return 0x40000000u;
    case 0x000D:
    case 0x0010:
    case 0x0014:
    case 0x0017:
        return 0x42000000u;
    default:
        return 0x3C000000u;
    }
}

static uint32_t random_next(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void fill(uint8_t *to, uint32_t len, uint32_t *random)
{
    for (uint32_t i = 0; i < len; i++)
        to[i] = (uint8_t)(random_next(random) >> 11);
}

#define PIECE 64u

/* Pieces that are random and pieces that stood anywhere before, by turns of chance. */
static void repeat(uint8_t *bytes, uint32_t len, uint32_t *random)
{
    for (uint32_t at = PIECE; at + PIECE <= len; at += PIECE) {
        uint32_t chance = random_next(random);
        if ((chance >> 8 & 1u) != 0)
            memcpy(bytes + at, bytes + (chance >> 9) % (at - PIECE + 1u), PIECE);
    }
}

static void put_text(uint8_t *field, uint32_t size, const char *text, const char *otherwise)
{
    const char *chosen = text != NULL ? text : otherwise;
    size_t len = strlen(chosen);
    memcpy(field, chosen, len < size ? len : size);
}

static void put_app_desc(uint8_t *d, const struct image_spec *spec)
{
    static const uint8_t magic[4] = {0x32, 0x54, 0xCD, 0xAB};
    memcpy(d, magic, sizeof magic);
    ot_store32(d + 4, spec->secure_version);
    put_text(d + 16, 32, spec->version, "1.0.0");
    put_text(d + 48, 32, spec->project, "lamp");
    put_text(d + 80, 16, spec->time, "");
    put_text(d + 96, 16, spec->date, "");
    put_text(d + 112, 32, spec->idf, "v5.5.1");
    SHA256((const uint8_t *)&spec->seed, sizeof spec->seed, d + 144);
    ot_store16(d + 178, 199);
    d[180] = spec->mmu_page_log2;
}

static void put_header(uint8_t *h, const struct image_spec *spec)
{
    h[0] = 0xE9;
    h[1] = (uint8_t)(1 + spec->segment_count);
    h[2] = 2;
    h[3] = 0x2F;
    ot_store32(h + 4, drom_of(spec->chip_id) + FIRST_DATA);
    h[8] = 0xEE;
    ot_store16(h + 12, spec->chip_id);
    ot_store16(h + 15, spec->min_revision);
    ot_store16(h + 17, spec->max_revision);
    h[23] = spec->no_digest ? 0 : 1;
}

static uint32_t tail_bytes(const struct image_spec *spec)
{
    uint32_t tail = spec->no_digest ? 0 : DIGEST;
    for (unsigned i = 0; i < spec->segment_count; i++)
        tail += SEG_HEADER + spec->segments[i].length;
    return tail;
}

/* The first segment grows until the file has the wanted size; 4 bytes stay for the checksum. */
static uint32_t first_length(const struct image_spec *spec)
{
    uint32_t least = APP_DESC + (spec->descriptor != NULL ? OT_DESC_BYTES : 0);
    uint32_t others = FIRST_DATA + tail_bytes(spec) + 4u;
    uint32_t wanted = (spec->size + 15u) & ~15u;
    return wanted > others + least ? wanted - others : least;
}

uint8_t *image_make(const struct image_spec *spec, uint32_t *size)
{
    uint32_t random = spec->seed * 2654435761u + 88172645u;
    uint32_t length = first_length(spec);
    uint32_t end = FIRST_DATA + length + tail_bytes(spec) - (spec->no_digest ? 0 : DIGEST);
    *size = ((end + 16u) & ~15u) + (spec->no_digest ? 0 : DIGEST);
    uint8_t *bytes = must_alloc(*size);
    put_header(bytes, spec);
    ot_store32(bytes + HEADER, drom_of(spec->chip_id) + FIRST_DATA);
    ot_store32(bytes + HEADER + 4, length);
    fill(bytes + FIRST_DATA + APP_DESC, length - APP_DESC, &random);
    if (spec->repeats)
        repeat(bytes + FIRST_DATA + APP_DESC, length - APP_DESC, &random);
    put_app_desc(bytes + FIRST_DATA, spec);
    if (spec->descriptor != NULL && ot_descriptor_format(spec->descriptor, bytes + OT_DESC_OFFSET) != OT_OK)
        abort();
    uint32_t at = FIRST_DATA + length;
    for (unsigned i = 0; i < spec->segment_count; i++) {
        const struct image_segment_spec *s = &spec->segments[i];
        ot_store32(bytes + at, s->load_addr);
        ot_store32(bytes + at + 4, s->length);
        if (s->load_addr != 0)
            fill(bytes + at + SEG_HEADER, s->length, &random);
        at += SEG_HEADER + s->length;
    }
    image_reseal(bytes, *size);
    return bytes;
}

void image_reseal(uint8_t *bytes, uint32_t size)
{
    uint8_t sum = 0xEF;
    uint32_t at = HEADER;
    for (unsigned i = 0; i < bytes[1]; i++) {
        if (at + SEG_HEADER > size || ot_load32(bytes + at + 4) > size - at - SEG_HEADER)
            abort();
        uint32_t end = at + SEG_HEADER + ot_load32(bytes + at + 4);
        for (at += SEG_HEADER; at < end; at++)
            sum ^= bytes[at];
    }
    uint32_t checksum_at = at | 15u; /* last byte of the 16-byte block that holds `at` */
    if (checksum_at + 1u + (bytes[23] == 1 ? DIGEST : 0u) > size)
        abort();
    bytes[checksum_at] = sum;
    if (bytes[23] == 1)
        SHA256(bytes, checksum_at + 1u, bytes + checksum_at + 1u);
}

static void put_hex(uint8_t *to, const char *hex)
{
    for (; hex[0] != '\0'; hex += 2) {
        char pair[3] = {hex[0], hex[1], '\0'};
        *to++ = (uint8_t)strtoul(pair, NULL, 16);
    }
}

void image_example(uint8_t out[IMAGE_EXAMPLE_BYTES])
{
    memset(out, 0, IMAGE_EXAMPLE_BYTES);
    put_hex(out, "e901022f20000042ee00000005000303"
                 "00c7000000000001"
                 "2000003c00010000"
                 "3254cdab07000000");
    put_text(out + 0x30, 32, "1.2.3", "");
    put_text(out + 0x50, 32, "mini", "");
    put_text(out + 0x70, 16, "01:02:03", "");
    put_text(out + 0x80, 16, "Mar  4 2026", "");
    put_text(out + 0x90, 32, "v6.0.2", "");
    put_hex(out + 0xB0, "c59e46d749280b4f9c5421bf5889ee6b753e62b33e1560d87858125063453ba9"
                        "0000c70010020000");
    put_hex(out + 0x12F, "32"
                         "d98611d88bdc53a49da70789f3bc6a1b46f3bb88ba10415c82d9ad3496c26552");
}

static enum ot_status read_or_fail(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    struct failing_source *s = ctx;
    if (offset > s->size || len > s->size - offset)
        abort(); /* core promises never to ask */
    if (s->reads++ >= s->fail_at)
        return OT_E_READ;
    if (offset + len > s->highest)
        s->highest = offset + len;
    memcpy(buf, s->bytes + offset, len);
    return OT_OK;
}

struct ot_source failing_source(struct failing_source *state)
{
    return (struct ot_source){.ctx = state, .size = state->size, .read = read_or_fail};
}

uint8_t *read_whole_file(const char *path, uint32_t *size)
{
    uint8_t *bytes = NULL;
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    if (fseek(f, 0, SEEK_END) == 0) {
        long end = ftell(f);
        rewind(f);
        bytes = must_alloc((size_t)end + 1); /* +1: text files are wanted terminated */
        *size = (uint32_t)end;
        if (fread(bytes, 1, (size_t)end, f) != (size_t)end) {
            free(bytes);
            bytes = NULL;
        }
    }
    (void)fclose(f);
    return bytes;
}

const char *corpus_dir(void)
{
    const char *dir = getenv("OTARIA_CORPUS");
    if (dir == NULL || dir[0] == '\0')
        dir = OTARIA_SOURCE_DIR "/../shared/corpus";
    if (access(dir, R_OK) == 0)
        return dir;
    printf("skipped: no corpus at %s (set OTARIA_CORPUS)\n", dir);
    return NULL;
}
