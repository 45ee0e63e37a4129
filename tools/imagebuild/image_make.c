/*
 * Building images. Layout: header, DROM segment (app descriptor, Otaria's descriptor, rodata), IROM segment on the next
 * MMU page, checksum, SHA-256. The rodata and "code" are noise from a small generator seeded by project and version,
 * with a common part, so that successive versions resemble each other as real ones do.
 */
#include "tools/image_make.h"

#include "base/crypto_openssl.h"
#include "otaria/bytes.h"
#include "otaria/image.h"

#include <stdlib.h>
#include <string.h>

#define PAGE           0x10000u
#define HEADER_BYTES   24u
#define SEGMENT_HEADER 8u
#define DROM_OFFSET    (HEADER_BYTES + SEGMENT_HEADER)
#define CHECKSUM_START 0xEFu

static void put_text(uint8_t *at, const char *text, size_t max)
{
    size_t len = strlen(text);
    memcpy(at, text, len < max ? len : max);
}

static void put_segment(uint8_t *at, uint32_t load_addr, uint32_t len)
{
    ot_store32(at, load_addr);
    ot_store32(at + 4, len);
}

/* xorshift64*: repeatable noise. */
static void noise(uint8_t *at, uint32_t len, uint64_t seed)
{
    uint64_t x = seed | 1u;
    for (uint32_t i = 0; i < len; i++) {
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        at[i] = (uint8_t)(x * 0x2545F4914F6CDD1Du >> 56);
    }
}

static uint64_t seed_of(const char *text)
{
    struct ot_digest d;
    ot_sha256_of(crypto_openssl(), (const uint8_t *)text, strlen(text), &d);
    return ot_load64(d.bytes);
}

static void put_app_desc(uint8_t *at, const struct tools_image_spec *what)
{
    ot_store32(at, 0xABCD5432u);
    ot_store32(at + 4, what->secure_version);
    put_text(at + 16, what->version, 32);
    put_text(at + 48, what->project, 32);
    put_text(at + 112, "otaria-placeholder", 32);
    noise(at + 144, 32, seed_of(what->version)); /* stands for the ELF's digest */
    ot_store16(at + 178, 0xFFFF);
    at[180] = 16; /* 64 KiB MMU pages */
}

static void put_header(uint8_t *at, const struct tools_image_spec *what)
{
    at[0] = OT_IMAGE_MAGIC;
    at[1] = 2;
    at[2] = 2;    /* DIO */
    at[3] = 0x2F; /* 4 MB, 80 MHz */
    ot_store32(at + 4, what->chip->irom.start + 0x20);
    at[8] = 0xEE;
    ot_store16(at + 12, what->chip->id);
    ot_store16(at + 17, 0xFFFF);
    at[23] = 1;
}

/* Checksum over segment data, then the digest over everything before it. */
static void finish(uint8_t *image, const struct ot_image *parsed)
{
    struct ot_digest digest;
    uint8_t checksum = CHECKSUM_START;
    for (uint32_t s = 0; s < parsed->segment_count; s++) {
        for (uint32_t i = 0; i < parsed->segments[s].length; i++)
            checksum ^= image[parsed->segments[s].offset + i];
    }
    image[parsed->digest_offset - 1] = checksum;
    ot_sha256_of(crypto_openssl(), image, parsed->digest_offset, &digest);
    memcpy(image + parsed->digest_offset, digest.bytes, OT_DIGEST_BYTES);
}

static int parse(const uint8_t *image, size_t len, struct ot_image *out, struct error *err)
{
    struct ot_memory memory = {.bytes = image, .size = (uint32_t)len};
    struct ot_source src = ot_source_from_memory(&memory);
    struct ot_image_limits limits = {0};
    enum ot_status st = ot_image_parse(&src, &limits, out);
    return st == OT_OK ? 0 : error_set(err, "%s", ot_status_text(st));
}

/* Nine tenths are the product's, the rest the version's: what changed between two builds. */
static void fill(uint8_t *at, uint32_t len, const struct tools_image_spec *what)
{
    uint32_t common = len / 10 * 9;
    noise(at, common, seed_of(what->project));
    noise(at + common, len - common, seed_of(what->version));
}

int tools_image_make(const struct tools_image_spec *what, uint8_t **out, size_t *len, struct error *err)
{
    struct ot_image parsed;
    if (what->size < 4096 || what->size > OT_IMAGE_SPACE_MAX - 2 * PAGE)
        return error_set(err, "--size: from 4096 to %u", OT_IMAGE_SPACE_MAX - 2 * PAGE);
    if (strlen(what->project) > 32 || strlen(what->version) > 32)
        return error_set(err, "project and version have at most 32 bytes");
    /* IROM data stands at 0x20 behind a page; DROM fills up to its header. */
    uint32_t drom_len = PAGE - DROM_OFFSET + 0x20 - SEGMENT_HEADER;
    uint32_t irom_offset = DROM_OFFSET + drom_len + SEGMENT_HEADER;
    uint32_t irom_len = what->size > irom_offset + 64 ? (what->size - irom_offset - 64) & ~3u : 1024;
    *len = ((size_t)irom_offset + irom_len + 16) / 16 * 16 + OT_DIGEST_BYTES;
    uint8_t *image = calloc(1, *len);
    if (image == NULL)
        return error_set(err, "out of memory");
    put_header(image, what);
    put_segment(image + HEADER_BYTES, what->chip->drom.start + 0x20, drom_len);
    put_segment(image + irom_offset - SEGMENT_HEADER, what->chip->irom.start + irom_offset % PAGE + PAGE,
                irom_len);
    fill(image + DROM_OFFSET, drom_len, what);
    memset(image + DROM_OFFSET, 0, OT_APP_DESC_BYTES + OT_DESC_BYTES);
    put_app_desc(image + DROM_OFFSET, what);
    fill(image + irom_offset, irom_len, what);
    enum ot_status st = what->described ? ot_descriptor_format(&what->desc, image + OT_DESC_OFFSET) : OT_OK;
    if (st != OT_OK || parse(image, *len, &parsed, err) != 0) {
        if (st != OT_OK)
            error_set(err, "%s", ot_status_text(st));
        free(image);
        return -1;
    }
    finish(image, &parsed);
    *out = image;
    return 0;
}

static bool place_is_reserved(const uint8_t *at)
{
    uint8_t any = 0;
    for (uint32_t i = 0; i < OT_DESC_BYTES; i++)
        any |= at[i];
    return any == 0 || memcmp(at, "OTAD", 4) == 0;
}

int tools_image_describe(uint8_t *image, size_t len, const struct ot_descriptor *desc, struct error *err)
{
    struct ot_image parsed;
    if (parse(image, len, &parsed, err) != 0)
        return -1;
    if (len != parsed.length)
        return error_set(err, "the image is signed or has something behind it: describe it before signing");
    if (parsed.segments[0].length < OT_APP_DESC_BYTES + OT_DESC_BYTES ||
        !place_is_reserved(image + OT_DESC_OFFSET))
        return error_set(
            err, "the image has reserved no place for the descriptor at 0x120 (symbol otaria_app_desc)");
    enum ot_status st = ot_descriptor_format(desc, image + OT_DESC_OFFSET);
    if (st != OT_OK)
        return error_set(err, "%s", ot_status_text(st));
    finish(image, &parsed);
    return 0;
}
