/*
 * Damaged patches: each ends in the exact target or in a refusal, within the limit of work; nothing is written but the target's
 * area, in order, and nothing is read but the base and what was written.
 *
 *     delta_mutations COUNT SEED [OLD NEW]...      of made files of 0.5 to 8 KiB; of these files where given
 *
 * Made files: plain, of both instruction sets, signed; every third target without its base. A mutation is one to four of: bits, bytes, runs taken out, put in, copied,
 * cut off, hung on; the header included. The patch comes in chunks of any size.
 */
#include "image_support.h"
#include "otaria/bytes.h"
#include "otaria/image.h"
#include "sign_support.h"
#include "tools/delta.h"

#include "base/crypto_openssl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 64u

#define MADE_PAIRS 40u
#define PAIRS_MAX  40u

struct pair {
    struct delta_file base, target;
    struct delta_patch patch;
    struct ot_digest base_digest;
};

static uint64_t random_state;
static uint32_t case_number;

/* A case depends on the seed and its number alone, not on the cases before. (Signatures of ECDSA are never the same twice.) */
static void begin_case(uint32_t seed, uint32_t number)
{
    case_number = number;
    random_state = 0x9E3779B97F4A7C15u ^ ((uint64_t)seed << 32 | number) * 0xD1342543DE82EF95u;
}

static uint32_t draw(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)(random_state >> 16) % below;
}

#define HOLDS(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "delta_mutations: case %u: broken: %s (line %d)\n", case_number, #condition,     \
                    __LINE__);                                                                               \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* --- the port of a device --- */

struct slot {
    const struct delta_file *base;
    uint8_t *bytes; /* the target's size, and a guard */
    uint32_t room, written;
};

static enum ot_status read_base(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct slot *s = ctx;
    HOLDS(offset <= s->base->size && len <= s->base->size - offset);
    memcpy(buf, s->base->bytes + offset, len);
    return OT_OK;
}

static enum ot_status read_written(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    const struct slot *s = ctx;
    HOLDS(offset <= s->written && len <= s->written - offset);
    memcpy(buf, s->bytes + offset, len);
    return OT_OK;
}

static enum ot_status write_slot(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    struct slot *s = ctx;
    HOLDS(offset == s->written && len <= s->room - offset);
    memcpy(s->bytes + offset, bytes, len);
    s->written += len;
    return OT_OK;
}

static enum ot_status apply(const struct pair *p, const uint8_t *patch, uint32_t size, struct slot *slot)
{
    static struct ot_delta d;
    static uint8_t sector[OT_DELTA_SECTOR_BYTES];
    uint32_t chunk = 1u + draw(700), reads, steps;
    struct ot_delta_io io = {.base = {.ctx = slot, .size = p->base.size, .read = read_base},
                             .base_digest = p->base_digest,
                             .written = {.ctx = slot, .size = slot->room, .read = read_written},
                             .target_max = slot->room,
                             .crypto = crypto_openssl(),
                             .ctx = slot,
                             .write = write_slot};
    enum ot_status st = OT_OK;
    ot_delta_start(&d, &io, sector);
    for (uint32_t at = 0; at < size && st == OT_OK; at += chunk)
        st = ot_delta_feed(&d, patch + at, chunk < size - at ? chunk : size - at);
    if (st == OT_OK)
        st = ot_delta_finish(&d);
    ot_delta_cost(&d, &reads, &steps);
    /* the step that oversteps is the last */
    HOLDS(steps / OT_DELTA_STEPS_PER_BYTE <=
          OT_DELTA_STEPS_BASE / OT_DELTA_STEPS_PER_BYTE + ot_delta_produced(&d) + 64u);
    return st;
}

/* --- mutations --- */

struct mutant {
    uint8_t *bytes;
    uint32_t size, room;
};

static void take_out(struct mutant *m, uint32_t at, uint32_t n)
{
    n = n < m->size - at ? n : m->size - at;
    memmove(m->bytes + at, m->bytes + at + n, m->size - at - n);
    m->size -= n;
}

static void put_in(struct mutant *m, uint32_t at, uint32_t n, bool copies)
{
    n = n < m->room - m->size ? n : m->room - m->size;
    memmove(m->bytes + at + n, m->bytes + at, m->size - at);
    m->size += n;
    for (uint32_t i = 0; i < n; i++)
        m->bytes[at + i] = copies ? m->bytes[draw(m->size)] : (uint8_t)draw(256);
}

/* Of the header mostly what is not compared with something else at once. */
static uint32_t place(const struct mutant *m)
{
    static const uint8_t telling[] = {5, 5, 6, 12, 13, 14, 50};
    if (draw(12) == 0)
        return draw(m->size);
    if (draw(12) == 0 && m->size > OT_DELTA_HEADER_BYTES)
        return telling[draw(sizeof telling)];
    return m->size > OT_DELTA_HEADER_BYTES ? OT_DELTA_HEADER_BYTES + draw(m->size - OT_DELTA_HEADER_BYTES)
                                           : draw(m->size);
}

static void mutate_once(struct mutant *m)
{
    uint32_t at = place(m), n = 1u + draw(draw(4) == 0 ? 64 : 4);
    switch (draw(7)) {
    case 0:
        m->bytes[at] ^= (uint8_t)(1u << draw(8));
        break;
    case 1:
        m->bytes[at] = (uint8_t)draw(256);
        break;
    case 2:
        m->bytes[at] = draw(2) == 0 ? 0 : 0xFF;
        break;
    case 3:
        take_out(m, at, n);
        break;
    case 4:
        put_in(m, at, n, draw(2) == 0);
        break;
    case 5:
        m->size = at;
        break;
    default:
        put_in(m, m->size, n, false);
        break;
    }
}

/* --- one case --- */

struct tally {
    uint32_t exact, refused, wrong; /* wrong: came out whole, and its digest told */
};

static bool digest_fits(const uint8_t *patch, const struct slot *slot)
{
    struct ot_delta_header h;
    struct ot_digest is;
    HOLDS(ot_delta_header_read(patch, &h) == OT_OK);
    HOLDS(slot->written == h.target_bytes);
    delta_file_digest(&(struct delta_file){.bytes = slot->bytes, .size = slot->written}, &is);
    return ot_digest_equal(&is, &h.target_digest);
}

static void one_case(const struct pair *p, struct tally *tally)
{
    struct mutant m = {.room = p->patch.size + 512u};
    struct slot slot = {.base = &p->base, .room = p->target.size};
    m.bytes = malloc(m.room);
    slot.bytes = malloc(slot.room + GUARD);
    HOLDS(m.bytes != NULL && slot.bytes != NULL);
    memcpy(m.bytes, p->patch.bytes, p->patch.size);
    m.size = p->patch.size;
    for (uint32_t n = 1u + draw(4); n > 0 && m.size > 0; n--)
        mutate_once(&m);
    memset(slot.bytes + slot.room, 0x5A, GUARD);
    enum ot_status st = apply(p, m.bytes, m.size, &slot);
    for (uint32_t i = 0; i < GUARD; i++)
        HOLDS(slot.bytes[slot.room + i] == 0x5A);
    if (st != OT_OK) {
        tally->refused++;
    } else if (!digest_fits(m.bytes, &slot)) {
        tally->wrong++;
    } else {
        HOLDS(slot.written == p->target.size && memcmp(slot.bytes, p->target.bytes, p->target.size) == 0);
        tally->exact++;
    }
    free(m.bytes);
    free(slot.bytes);
}

/* --- the pairs --- */

static void make_patch(struct pair *p, bool is_full)
{
    HOLDS((is_full ? delta_make_full(&p->target, &p->patch) : delta_make(&p->base, &p->target, &p->patch)) ==
          OT_OK);
    delta_file_digest(&p->base, &p->base_digest);
}

static void drop(struct delta_file *f)
{
    union {
        const uint8_t *in;
        void *memory;
    } u = {.in = f->bytes};
    free(u.memory);
}

static void drop_pair(struct pair *p)
{
    drop(&p->base);
    drop(&p->target);
    delta_patch_free(&p->patch);
}

static struct delta_file plain_file(uint32_t size)
{
    uint8_t *bytes = malloc(size);
    HOLDS(bytes != NULL);
    for (uint32_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(draw(5) * 37u);
    return (struct delta_file){.bytes = bytes, .size = size};
}

/* Code-like segments behind the first: references of both instruction sets, close enough to be followed. */
static struct delta_file code_image(uint16_t chip, uint32_t seed, uint32_t size)
{
    struct image_segment_spec segments[] = {
        {chip == 0 ? 0x400D0020u : 0x42000020u, 512 + size / 4u / 4u * 4u}};
    struct image_spec spec = {.chip_id = chip,
                              .version = seed % 2u == 0 ? "1.0.0" : "1.0.1",
                              .seed = 1u + seed / 2u,
                              .size = size,
                              .segments = segments,
                              .segment_count = 1};
    struct delta_file f;
    f.bytes = image_make(&spec, &f.size);
    union {
        const uint8_t *in;
        uint8_t *out;
    } u = {.in = f.bytes};
    for (uint32_t i = 320; i + 8u < f.size - 64u; i += 12u) {
        uint32_t word = chip == 0 ? (i % 24u == 0 ? 0x00004136u : 0x0000F01Du | seed << 24)
                                  : (i % 24u == 0 ? 0x010000EFu : 0x00000517u + (seed << 12));
        if (draw(3) != 0 && i % 4u == 0)
            ot_store32(u.out + i, word);
    }
    image_reseal(u.out, f.size);
    return f;
}

static void sign_pair(struct pair *p)
{
    struct sign_key *key = sign_key_make(OT_SCHEME_ECDSA256);
    struct delta_file from = p->base, to = p->target;
    p->base.bytes = sign_file(from.bytes, from.size, &key, 1, &p->base.size);
    p->target.bytes = sign_file(to.bytes, to.size, &key, 1, &p->target.size);
    drop(&from);
    drop(&to);
    sign_key_free(key);
}

static void make_files(struct pair *p, uint32_t i)
{
    static const uint16_t chips[] = {0, 5, 9, 13};
    uint32_t size = 500u + draw(3500);
    if (i % 5u == 0) {
        p->base = plain_file(size);
        p->target = plain_file(1u + draw(4000));
    } else {
        uint16_t chip = chips[i % 4u];
        p->base = code_image(chip, 2u * i, size);
        p->target = code_image(chip, 2u * i + (i % 3u == 0 ? 3u : 1u), size + draw(200));
        if (i % 5u == 4)
            sign_pair(p);
    }
    make_patch(p, i % 3u == 2u);
}

static struct delta_file load(const char *path)
{
    struct delta_file f;
    f.bytes = read_whole_file(path, &f.size);
    HOLDS(f.bytes != NULL);
    return f;
}

static uint32_t make_pairs(struct pair *pairs, int argc, char **argv)
{
    uint32_t n = 0;
    for (int i = 3; i + 1 < argc && n < PAIRS_MAX; i += 2, n++) {
        pairs[n].base = load(argv[i]);
        pairs[n].target = load(argv[i + 1]);
        make_patch(&pairs[n], n % 3u == 2u);
    }
    if (n > 0)
        return n;
    for (; n < MADE_PAIRS; n++)
        make_files(&pairs[n], n);
    return n;
}

int main(int argc, char **argv)
{
    static struct pair pairs[PAIRS_MAX];
    struct tally tally = {0};
    if (argc < 3) {
        fprintf(stderr, "usage: delta_mutations COUNT SEED [OLD NEW]...\n");
        return 2;
    }
    uint32_t count = (uint32_t)strtoul(argv[1], NULL, 10), first = (uint32_t)strtoul(argv[2], NULL, 10);
    begin_case(first, 0);
    uint32_t n = make_pairs(pairs, argc, argv);
    for (uint32_t i = 0; i < count; i++) {
        begin_case(first, i + 1u);
        one_case(&pairs[i % n], &tally);
    }
    for (uint32_t i = 0; i < n; i++)
        drop_pair(&pairs[i]);
    printf(
        "%u mutated patches of %u pairs, seed %u: %u refused by the decoder, %u by their digest, %u the exact target\n",
        count, n, first, tally.refused, tally.wrong, tally.exact);
    return tally.refused == 0 || (count > 1000 && tally.exact == 0);
}
