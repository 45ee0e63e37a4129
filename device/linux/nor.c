/* NOR in memory: see vdev/nor.h. Sectors are reference-counted and copied when one of several owners changes them. */
#include "vdev/nor.h"

#include <stdlib.h>
#include <string.h>

struct nor_sector {
    uint32_t refs;
    struct nor_sector *next; /* free list */
    uint8_t bytes[FLASH_SECTOR_BYTES];
};

static void *must(void *p)
{
    if (p == NULL)
        abort(); /* a test chip without memory proves nothing */
    return p;
}

uint64_t nor_random(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

/* --- sectors --- */

static struct nor_sector *hold(struct nor_sector *s)
{
    if (s != NULL)
        s->refs++;
    return s;
}

static void release(struct nor *nor, struct nor_sector *s)
{
    if (s == NULL || --s->refs > 0)
        return;
    s->next = nor->spare;
    nor->spare = s;
}

static struct nor_sector *fresh(struct nor *nor)
{
    struct nor_sector *s = nor->spare;
    if (s != NULL)
        nor->spare = s->next;
    else
        s = must(malloc(sizeof *s));
    s->refs = 1;
    s->next = NULL;
    return s;
}

/* The sector at `index`, writable: its only owner is the chip. */
static uint8_t *own(struct nor *nor, uint32_t index)
{
    struct nor_sector **slot = &nor->now.map[index];
    if (*slot != NULL && (*slot)->refs == 1)
        return (*slot)->bytes;
    struct nor_sector *s = fresh(nor);
    if (*slot == NULL)
        memset(s->bytes, 0xFF, sizeof s->bytes);
    else
        memcpy(s->bytes, (*slot)->bytes, sizeof s->bytes);
    release(nor, *slot);
    *slot = s;
    return s->bytes;
}

static uint8_t byte_of(const struct nor_sector *s, uint32_t at)
{
    return s == NULL ? 0xFF : s->bytes[at];
}

void nor_peek(const struct nor *nor, uint32_t offset, uint8_t *buf, uint32_t len)
{
    for (uint32_t n; len > 0; offset += n, buf += n, len -= n) {
        uint32_t at = offset % FLASH_SECTOR_BYTES;
        const struct nor_sector *s = nor->now.map[offset / FLASH_SECTOR_BYTES];
        n = FLASH_SECTOR_BYTES - at < len ? FLASH_SECTOR_BYTES - at : len;
        if (s == NULL)
            memset(buf, 0xFF, n);
        else
            memcpy(buf, s->bytes + at, n);
    }
}

void nor_poke(struct nor *nor, uint32_t offset, const uint8_t *buf, uint32_t len)
{
    for (uint32_t n; len > 0; offset += n, buf += n, len -= n) {
        uint32_t at = offset % FLASH_SECTOR_BYTES;
        n = FLASH_SECTOR_BYTES - at < len ? FLASH_SECTOR_BYTES - at : len;
        memcpy(own(nor, offset / FLASH_SECTOR_BYTES) + at, buf, n);
    }
}

/* --- unsettled bits --- */

static void drop_mark(struct nor *nor, unsigned i)
{
    release(nor, nor->now.marks[i].old);
    nor->now.marks[i] = nor->now.marks[--nor->now.mark_count];
}

static void settle(struct nor *nor, uint32_t sector)
{
    for (unsigned i = nor->now.mark_count; i-- > 0;) {
        if (nor->now.marks[i].sector == sector)
            drop_mark(nor, i);
    }
}

static void mark(struct nor *nor, uint32_t sector, struct nor_sector *old, bool is_weak)
{
    if (nor->now.mark_count == NOR_MARKS_MAX)
        drop_mark(nor, 0);
    nor->now.marks[nor->now.mark_count++] = (struct nor_mark){is_weak, sector, hold(old)};
}

/* Bits of unstable sectors that differ between old and new read as either. */
static void shake(struct nor *nor, uint32_t offset, uint8_t *buf, uint32_t len)
{
    for (unsigned i = 0; i < nor->now.mark_count; i++) {
        const struct nor_mark *m = &nor->now.marks[i];
        uint32_t from = m->sector * FLASH_SECTOR_BYTES, to = from + FLASH_SECTOR_BYTES;
        if (m->is_weak || offset >= to || offset + len <= from)
            continue;
        for (uint32_t at = offset > from ? offset : from; at < to && at < offset + len; at++) {
            uint8_t differ =
                (uint8_t)(byte_of(m->old, at - from) ^ byte_of(nor->now.map[m->sector], at - from));
            if (differ != 0)
                buf[at - offset] ^= (uint8_t)(nor_random(&nor->chance) & differ);
        }
    }
}

void nor_power_on(struct nor *nor, uint64_t seed)
{
    for (unsigned i = nor->now.mark_count; i-- > 0;) {
        struct nor_mark m = nor->now.marks[i];
        if (!m.is_weak)
            continue;
        uint8_t *bytes = own(nor, m.sector);
        for (uint32_t at = 0; at < FLASH_SECTOR_BYTES; at++) {
            uint8_t differ = (uint8_t)(byte_of(m.old, at) ^ bytes[at]);
            if (differ != 0)
                bytes[at] ^=
                    (uint8_t)(nor_random(&seed) & nor_random(&seed) & differ); /* a quarter of them */
        }
        drop_mark(nor, i);
    }
}

/* --- commands --- */

static void stick(struct nor *nor, uint32_t offset, uint32_t len)
{
    const struct nor_stuck *s = &nor->stuck;
    if (s->mask == 0 || s->offset < offset || s->offset >= offset + len)
        return;
    uint8_t *byte = own(nor, s->offset / FLASH_SECTOR_BYTES) + s->offset % FLASH_SECTOR_BYTES;
    *byte = (uint8_t)((*byte & (uint8_t)~s->mask) | (s->value & s->mask));
}

static void program(struct nor *nor, uint32_t offset, const uint8_t *bytes, uint32_t len)
{
    uint8_t *to = own(nor, offset / FLASH_SECTOR_BYTES) + offset % FLASH_SECTOR_BYTES;
    for (uint32_t i = 0; i < len; i++)
        to[i] &= bytes[i];
    stick(nor, offset, len);
}

static void erase(struct nor *nor, uint32_t sector)
{
    release(nor, nor->now.map[sector]);
    nor->now.map[sector] = NULL;
    nor->now.wear[sector]++;
    settle(nor, sector);
    stick(nor, sector * FLASH_SECTOR_BYTES, FLASH_SECTOR_BYTES);
}

static enum nor_answer ask(struct nor *nor, const struct nor_command *command)
{
    return nor->before != NULL ? nor->before(nor->ctx, command) : NOR_DO;
}

static int nor_read(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len)
{
    struct nor *nor = ctx;
    enum nor_answer answer = NOR_DO;
    if (nor->hook_reads)
        answer = ask(nor, &(struct nor_command){.op = NOR_READ, .offset = offset, .len = len});
    if (answer == NOR_FAIL)
        return -1;
    nor_peek(nor, offset, buf, len);
    if (nor->now.mark_count > 0)
        shake(nor, offset, buf, len);
    if (answer == NOR_FLIP && len > 0) {
        uint64_t bit = nor_random(&nor->chance) % (8ull * len);
        buf[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    return 0;
}

bool nor_asks_the_impossible(const struct nor *nor, const struct nor_command *c)
{
    uint8_t page[FLASH_PAGE_BYTES];
    if (c->op != NOR_PROGRAM)
        return false;
    nor_peek(nor, c->offset, page, c->len);
    for (uint32_t i = 0; i < c->len; i++) {
        if ((c->bytes[i] & (uint8_t)~page[i]) != 0)
            return true;
    }
    return false;
}

static int nor_program_page(void *ctx, uint32_t offset, const uint8_t *buf, uint32_t len)
{
    struct nor *nor = ctx;
    enum nor_answer answer =
        ask(nor, &(struct nor_command){.op = NOR_PROGRAM, .offset = offset, .len = len, .bytes = buf});
    if (answer == NOR_SKIP)
        return 0;
    if (answer != NOR_DO)
        return -1;
    program(nor, offset, buf, len);
    return 0;
}

static int nor_erase(void *ctx, uint32_t offset, uint32_t len)
{
    struct nor *nor = ctx;
    for (uint32_t at = offset; at < offset + len; at += FLASH_SECTOR_BYTES) {
        enum nor_answer answer =
            ask(nor, &(struct nor_command){.op = NOR_ERASE, .offset = at, .len = FLASH_SECTOR_BYTES});
        if (answer == NOR_FAIL)
            return -1;
        if (answer == NOR_DO)
            erase(nor, at / FLASH_SECTOR_BYTES);
    }
    return 0;
}

static const struct flash_ops nor_ops = {
    .read = nor_read, .program_page = nor_program_page, .erase = nor_erase};

/* --- cuts --- */

/* Which bits of byte `i` of an operation over `len` bytes have changed. */
static uint8_t done_bits(enum nor_tear_kind kind, uint32_t arg, uint32_t i, uint32_t len, uint64_t *seed)
{
    uint32_t word = i / 4, words = (len + 3) / 4;
    switch (kind) {
    case NOR_TEAR_NOT_DONE:
        return 0;
    case NOR_TEAR_PREFIX:
        return i < arg ? 0xFF : 0;
    case NOR_TEAR_WORDS:
        if (arg == 0)
            return word == words - 1 ? 0xFF : 0;
        if (arg == 1)
            return word > 0 ? 0xFF : 0;
        return word % 2 == (arg == 2 ? 0u : 1u) ? 0xFF : 0;
    case NOR_TEAR_BITS:
        return (uint8_t)nor_random(seed);
    case NOR_TEAR_DONE:
    case NOR_TEAR_UNSTABLE:
    case NOR_TEAR_WEAK:
    case NOR_TEAR_DISTURB:
    default:
        return 0xFF;
    }
}

static void disturb(struct nor *nor, const struct nor_command *c, uint64_t *seed)
{
    uint32_t sector_end = (c->offset / FLASH_SECTOR_BYTES + 1) * FLASH_SECTOR_BYTES;
    uint32_t at = c->offset + c->len < sector_end ? c->offset + c->len : c->offset - 1;
    uint8_t *byte = own(nor, at / FLASH_SECTOR_BYTES) + at % FLASH_SECTOR_BYTES;
    *byte &= (uint8_t) ~(1u << (nor_random(seed) & 7u));
}

void nor_tear(struct nor *nor, const struct nor_command *c, enum nor_tear_kind kind, uint32_t arg,
              uint64_t seed)
{
    uint32_t sector = c->offset / FLASH_SECTOR_BYTES, at = c->offset % FLASH_SECTOR_BYTES;
    bool erases = c->op == NOR_ERASE;
    if (kind == NOR_TEAR_NOT_DONE || c->op == NOR_READ)
        return;
    if (erases) {
        nor->now.wear[sector]++;
        settle(nor, sector);
    }
    struct nor_sector *old = hold(nor->now.map[sector]);
    uint8_t *bytes = own(nor, sector);
    for (uint32_t i = 0; i < c->len; i++) {
        uint8_t want = erases ? 0xFF : (uint8_t)(bytes[at + i] & c->bytes[i]);
        uint8_t done = done_bits(kind, arg, i, c->len, &seed);
        bytes[at + i] = (uint8_t)((bytes[at + i] & (uint8_t)~done) | (want & done));
    }
    if (kind == NOR_TEAR_UNSTABLE || kind == NOR_TEAR_WEAK)
        mark(nor, sector, old, kind == NOR_TEAR_WEAK);
    if (kind == NOR_TEAR_DISTURB)
        disturb(nor, c, &seed);
    release(nor, old);
    stick(nor, c->offset, c->len);
}

/* --- life --- */

static void take(struct nor *nor, const struct nor_state *from, struct nor_state *to)
{
    memcpy(to->map, from->map, nor->sector_count * sizeof *to->map);
    memcpy(to->wear, from->wear, nor->sector_count * sizeof *to->wear);
    for (uint32_t i = 0; i < nor->sector_count; i++)
        hold(to->map[i]);
    to->mark_count = from->mark_count;
    for (unsigned i = 0; i < from->mark_count; i++) {
        to->marks[i] = from->marks[i];
        hold(to->marks[i].old);
    }
}

static void let_go(struct nor *nor, struct nor_state *s)
{
    for (uint32_t i = 0; i < nor->sector_count; i++)
        release(nor, s->map[i]);
    for (unsigned i = 0; i < s->mark_count; i++)
        release(nor, s->marks[i].old);
    s->mark_count = 0;
}

static void allocate(const struct nor *nor, struct nor_state *s)
{
    s->map = must(calloc(nor->sector_count, sizeof *s->map));
    s->wear = must(calloc(nor->sector_count, sizeof *s->wear));
    s->mark_count = 0;
}

void nor_init(struct nor *nor, uint32_t size)
{
    memset(nor, 0, sizeof *nor);
    nor->flash = (struct flash){.ops = &nor_ops, .ctx = nor, .size = size};
    nor->sector_count = size / FLASH_SECTOR_BYTES;
    allocate(nor, &nor->now);
}

void nor_fini(struct nor *nor)
{
    nor_snapshot_drop(nor, &nor->now);
    while (nor->spare != NULL) {
        struct nor_sector *s = nor->spare;
        nor->spare = s->next;
        free(s);
    }
}

void nor_snapshot(struct nor *nor, struct nor_state *out)
{
    allocate(nor, out);
    take(nor, &nor->now, out);
}

void nor_restore(struct nor *nor, const struct nor_state *from)
{
    let_go(nor, &nor->now);
    take(nor, from, &nor->now);
}

void nor_snapshot_drop(struct nor *nor, struct nor_state *state)
{
    let_go(nor, state);
    free(state->map);
    free(state->wear);
    state->map = NULL;
    state->wear = NULL;
}
