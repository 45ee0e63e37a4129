/*
 * Xtensa: instructions of 2, 3 and (ESP32-S3) 4 bytes, and the literal pools between functions.
 *
 * Source: Xtensa ISA summary, formats RRR, CALL, RI16, BRI8, BRI12, and the windowed ABI's ENTRY.
 */
#include "otaria/bytes.h"
#include "otaria/delta/unit.h"

#define POOL_LOOK_WORDS 128u /* how far ahead an ENTRY is looked for */
#define POOL_LOOK_CODE  96u  /* bytes of the function behind it that are looked at */
#define POOL_SAMPLE     24u
#define POOL_DENSITY    5u /* at least one pointer in so many words */

static bool is_entry(uint32_t x)
{
    return (x & 0x0FFFu) == 0x0136u && (x >> 16 & 0xFFu) <= 0x20u;
}

static unsigned length_of(const struct delta_parser *p, uint8_t first)
{
    unsigned op = first & 15u;
    return op < 8 ? 3 : op < 14 ? 2 : p->layout->chip->has_wide ? 4 : 3;
}

/* The lowest address in [from, entry) that the first instructions behind `entry` load from; `entry` when none. */
static uint32_t lowest_literal(struct delta_parser *p, uint32_t from, uint32_t entry)
{
    const struct delta_segment *s = p->segment;
    uint32_t lowest = entry, end = entry + POOL_LOOK_CODE, segment_end = s->addr + s->length;
    if (end > segment_end)
        end = segment_end;
    for (uint32_t a = entry; a + 3u <= end; p->steps++) {
        uint32_t x = delta_reader_scout(p->reader, s->offset + (a - s->addr));
        if ((x & 15u) == 1) {
            uint32_t target = delta_xtensa_literal(x, a);
            if (target >= from && target < lowest)
                lowest = target;
        }
        a += length_of(p, (uint8_t)x);
    }
    return lowest;
}

/* Pools are full of pointers, code is not. */
static bool looks_like_pool(struct delta_parser *p, uint32_t from, uint32_t end)
{
    const struct delta_segment *s = p->segment;
    uint32_t words = (end - from) / 4u, pointers = 0;
    words = words < POOL_SAMPLE ? words : POOL_SAMPLE;
    for (uint32_t i = 0; i < words; i++, p->steps++)
        pointers += delta_chip_is_pointer(
            p->layout->chip, delta_reader_scout(p->reader, s->offset + (from - s->addr) + 4u * i));
    return pointers * POOL_DENSITY >= words && pointers > 0;
}

/* Is the word at `addr`, behind a jump, a literal of the functions that follow? */
static bool is_literal(struct delta_parser *p, uint32_t addr)
{
    const struct delta_segment *s = p->segment;
    if (addr < p->pool_seen || addr >= p->pool_end) {
        uint32_t end = addr + POOL_LOOK_WORDS * 4u, segment_end = s->addr + s->length, a = addr;
        if (end > segment_end)
            end = segment_end;
        while (a + 4u <= end && !is_entry(delta_reader_scout(p->reader, s->offset + (a - s->addr)))) {
            a += 4;
            p->steps++;
        }
        p->pool_seen = addr;
        p->pool_end = a;
        p->pool_start = a + 4u <= end ? lowest_literal(p, addr, a) : a;
        if (p->pool_end == addr)
            return false;
    }
    return addr >= p->pool_start || looks_like_pool(p, addr, p->pool_end);
}

/* Behind jumps and returns nothing falls through: a pool, padding or another function may follow. */
static enum delta_place place_behind(struct delta_parser *p, const struct delta_unit *u, uint32_t x,
                                     uint32_t addr)
{
    bool jumps = false;
    switch (u->kind) {
    case DELTA_WORD:
        return DELTA_IN_POOL;
    case DELTA_POINTER: /* in the middle of code it is chance */
        if (p->place == DELTA_BEHIND_JUMP)
            return is_literal(p, addr) ? DELTA_IN_POOL : DELTA_BEHIND_JUMP;
        return p->place == DELTA_IN_CODE ? DELTA_BEHIND_JUMP : DELTA_IN_POOL;
    case DELTA_X_JUMP:
        jumps = true;
        break;
    case DELTA_OP2: /* ret.n, retw.n */
        jumps = (x & 0xFFFFu) == 0xF00Du || (x & 0xFFFFu) == 0xF01Du;
        break;
    case DELTA_OP3: /* ret, retw, jx */
        jumps = (x & 0xFFFFEFu) == 0x000080u || (x & 0xFFF0FFu) == 0x0000A0u;
        break;
    default:
        break;
    }
    return jumps ? DELTA_BEHIND_JUMP : DELTA_IN_CODE;
}

static void refer(struct delta_unit *u, enum delta_kind kind, uint32_t target)
{
    u->kind = (uint8_t)kind;
    u->target = target;
}

static void branch_or_jump(struct delta_unit *u, uint32_t x, uint32_t addr)
{
    unsigned n = x >> 4 & 3u, m = x >> 6 & 3u, r = x >> 12 & 15u;
    if (n == 0)
        refer(u, DELTA_X_JUMP, addr + 4u + delta_extend(x >> 6, 18));
    else if (n == 1)
        refer(u, DELTA_X_BRANCH12, addr + 4u + delta_extend(x >> 12, 12));
    else if (n == 2 || m >= 2)
        refer(u, DELTA_X_BRANCH8, addr + 4u + delta_extend(x >> 16, 8));
    else if (m == 1 && (r <= 1 || (r >= 8 && r <= 10))) /* bf, bt; loop, loopnez, loopgtz go forward only */
        refer(u, DELTA_X_BRANCH8, addr + 4u + (r >= 8 ? x >> 16 & 0xFFu : delta_extend(x >> 16, 8)));
}

static void instruction(uint32_t x, uint32_t addr, unsigned length, struct delta_unit *u)
{
    u->length = (uint8_t)length;
    u->kind = length == 2 ? DELTA_OP2 : length == 3 ? DELTA_OP3 : DELTA_OP4;
    if (length != 3)
        return;
    switch (x & 15u) {
    case 1:
        refer(u, DELTA_X_L32R, delta_xtensa_literal(x, addr));
        break;
    case 5:
        refer(u, DELTA_X_CALL, (addr & ~3u) + 4u + (delta_extend(x >> 6, 18) << 2));
        break;
    case 6:
        branch_or_jump(u, x, addr);
        break;
    case 7:
        refer(u, DELTA_X_BRANCH8, addr + 4u + delta_extend(x >> 16, 8));
        break;
    default:
        break;
    }
}

/* An ENTRY inside what looks like an instruction: the cut has slipped, go byte by byte up to it. */
static bool hides_entry(const uint8_t *bytes, uint32_t addr, unsigned length)
{
    uint32_t skip = 4u - (addr & 3u);
    return skip < length && bytes[skip] == 0x36u && is_entry(ot_load32(bytes + skip));
}

struct delta_unit delta_xtensa_parse(struct delta_parser *p, const uint8_t *bytes, uint32_t addr,
                                     uint32_t left)
{
    struct delta_unit u = {.kind = DELTA_BYTE, .length = 1};
    uint32_t x = p->word;
    bool is_word = (addr & 3u) == 0 && left >= 4;
    if (is_word && delta_chip_is_pointer(p->layout->chip, x)) {
        u = (struct delta_unit){.kind = DELTA_POINTER, .length = 4, .target = x};
    } else if (is_word && p->place != DELTA_IN_CODE && !is_entry(x) &&
               (p->place == DELTA_IN_POOL || is_literal(p, addr))) {
        u = (struct delta_unit){.kind = DELTA_WORD, .length = 4};
    } else if (p->place != DELTA_IN_CODE && (x & 0xFFu) == 0) {
        return u; /* padding */
    } else {
        unsigned length = length_of(p, (uint8_t)x);
        if (length > left || hides_entry(bytes, addr, length))
            return u;
        instruction(x, addr, length, &u);
    }
    p->place = place_behind(p, &u, x, addr);
    return u;
}

uint32_t delta_xtensa_point(const struct delta_unit *u, uint32_t x, uint32_t at, uint32_t target)
{
    uint32_t d = target - at - 4u;
    switch (u->kind) {
    case DELTA_X_CALL:
        return (x & 0xFF00003Fu) | ((target - ((at & ~3u) + 4u)) >> 2 & 0x3FFFFu) << 6;
    case DELTA_X_JUMP:
        return (x & 0xFF00003Fu) | (d & 0x3FFFFu) << 6;
    case DELTA_X_L32R:
        return (x & 0xFF0000FFu) | ((target - ((at + 3u) & ~3u)) >> 2 & 0xFFFFu) << 8;
    case DELTA_X_BRANCH12:
        return (x & 0xFF000FFFu) | (d & 0xFFFu) << 12;
    default:
        return (x & 0xFF00FFFFu) | (d & 0xFFu) << 16;
    }
}
