/*
 * Honest patches, changed: each ends in the exact target or in a refusal, within the limit of work, and writes nothing outside the
 * target. A result that is neither is found by its digest.
 *
 *     delta_mutations COUNT SEED [OLD NEW]...      of made images of 4 to 12 KiB; of these files where given
 */
#include "image_support.h"
#include "tools/delta.h"

#include "base/crypto_openssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pair {
    struct delta_file base, target;
    struct delta_patch patch;
};

struct slot {
    uint8_t *bytes;
    uint32_t size, written;
    bool strayed;
};

static uint32_t seed;

static uint32_t dice(uint32_t n)
{
    seed = seed * 1664525u + 1013904223u;
    return (uint32_t)((uint64_t)seed * n >> 32);
}

static enum ot_status read_file(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct delta_file *f = ctx;
    memcpy(buf, f->bytes + offset, len);
    return OT_OK;
}

static enum ot_status read_slot(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    struct slot *s = ctx;
    s->strayed |= offset > s->written || len > s->written - offset;
    memcpy(buf, s->bytes + offset, len);
    return OT_OK;
}

static enum ot_status write_slot(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    struct slot *s = ctx;
    s->strayed |= offset != s->written || len > s->size - offset;
    if (!s->strayed)
        memcpy(s->bytes + offset, bytes, len);
    s->written += len;
    return OT_OK;
}

/* One to four changes: a bit, a byte, a cut, something put in, a piece from elsewhere. The header's sizes and digests stay. */
static uint32_t mutate(uint8_t *bytes, uint32_t size)
{
    const uint32_t body = OT_DELTA_HEADER_BYTES;
    for (uint32_t n = 1u + dice(4); n > 0 && size > body + 8u; n--) {
        uint32_t at = body + dice(size - body), len;
        switch (dice(5)) {
        case 0:
            bytes[at] ^= (uint8_t)(1u << dice(8));
            break;
        case 1:
            bytes[at] = (uint8_t)dice(256);
            break;
        case 2:
            len = 1u + dice(size - at < 40 ? size - at : 40);
            memmove(bytes + at, bytes + at + len, size - at - len);
            size -= len;
            break;
        case 3:
            memmove(bytes + at + 1, bytes + at, size - at);
            bytes[at] = (uint8_t)dice(256);
            size++;
            break;
        default:
            len = 1u + dice(size - at < 60 ? size - at : 60);
            memmove(bytes + at, bytes + body + dice(size - body - len + 1u), len);
            break;
        }
    }
    return size;
}

static enum ot_status apply(struct pair *p, const uint8_t *patch, uint32_t size, struct slot *slot,
                            uint32_t *steps)
{
    static struct ot_delta d;
    static uint8_t sector[OT_DELTA_SECTOR_BYTES];
    uint32_t reads;
    struct ot_delta_io io = {.base = {.ctx = &p->base, .size = p->base.size, .read = read_file},
                             .base_digest = p->patch.header.base_digest,
                             .written = {.ctx = slot, .size = slot->size, .read = read_slot},
                             .target_max = slot->size,
                             .crypto = crypto_openssl(),
                             .ctx = slot,
                             .write = write_slot};
    slot->written = 0;
    slot->strayed = false;
    ot_delta_start(&d, &io, sector);
    enum ot_status st = ot_delta_feed(&d, patch, size);
    if (st == OT_OK)
        st = ot_delta_finish(&d);
    ot_delta_cost(&d, &reads, steps);
    return st;
}

static void fail(const char *what, uint32_t case_seed)
{
    fprintf(stderr, "delta_mutations: %s, case seed %u\n", what, case_seed);
    exit(1);
}

static struct delta_file made(uint16_t chip, const char *version, uint32_t size)
{
    struct image_spec spec = {.chip_id = chip, .version = version, .seed = 7, .size = size};
    struct delta_file f;
    f.bytes = image_make(&spec, &f.size);
    return f;
}

static struct delta_file load(const char *path)
{
    struct delta_file f;
    f.bytes = read_whole_file(path, &f.size);
    if (f.bytes == NULL)
        fail(path, 0);
    return f;
}

static void complete(struct pair *p)
{
    if (delta_make(&p->base, &p->target, &p->patch) != OT_OK)
        fail("no patch", 0);
}

static unsigned make_pairs(struct pair *pairs, int argc, char **argv)
{
    static const uint16_t chips[] = {0, 5, 9, 13};
    unsigned n = 0;
    for (int i = 3; i + 1 < argc && n < 16; i += 2, n++) {
        pairs[n].base = load(argv[i]);
        pairs[n].target = load(argv[i + 1]);
        complete(&pairs[n]);
    }
    for (unsigned i = 0; n == i && i < 4; i++, n++) {
        pairs[n].base = made(chips[i], "1.0.0", 4000u + 2000u * i);
        pairs[n].target = made(chips[i], "1.0.1", 4200u + 2000u * i);
        complete(&pairs[n]);
    }
    return n;
}

int main(int argc, char **argv)
{
    static struct pair pairs[16];
    if (argc < 3) {
        fprintf(stderr, "usage: delta_mutations COUNT SEED [OLD NEW]...\n");
        return 2;
    }
    unsigned long count = strtoul(argv[1], NULL, 10);
    uint32_t first = (uint32_t)strtoul(argv[2], NULL, 10);
    unsigned n = make_pairs(pairs, argc, argv), exact = 0, refused = 0, other = 0;
    for (unsigned long i = 0; i < count; i++) {
        struct pair *p = &pairs[i % n];
        struct slot slot = {.bytes = malloc(p->target.size), .size = p->target.size};
        uint8_t *bytes = malloc(p->patch.size + 8u);
        uint32_t steps;
        if (slot.bytes == NULL || bytes == NULL)
            fail("no memory", 0);
        memcpy(bytes, p->patch.bytes, p->patch.size);
        seed = first + (uint32_t)i * 2654435761u;
        enum ot_status st = apply(p, bytes, mutate(bytes, p->patch.size), &slot, &steps);
        bool same = st == OT_OK && memcmp(slot.bytes, p->target.bytes, p->target.size) == 0;
        if (slot.strayed || (st == OT_OK && slot.written != slot.size))
            fail("written outside the target", first + (uint32_t)i * 2654435761u);
        if (steps > OT_DELTA_STEPS_BASE + OT_DELTA_STEPS_PER_BYTE * (slot.size + 64u))
            fail("more work than the limit", first + (uint32_t)i * 2654435761u);
        exact += same;
        refused += st != OT_OK;
        other += st == OT_OK && !same;
        if (st == OT_OK && !same) {
            struct ot_digest digest;
            delta_file_digest(&(struct delta_file){.bytes = slot.bytes, .size = slot.size}, &digest);
            if (ot_digest_equal(&digest, &p->patch.header.target_digest))
                fail("a wrong result with the right digest", first + (uint32_t)i * 2654435761u);
        }
        free(slot.bytes);
        free(bytes);
    }
    printf(
        "%lu mutated patches of %u pairs, seed %u: %u refused by the decoder, %u by their digest, %u the exact target\n",
        count, n, first, refused, other, exact);
    return 0;
}
