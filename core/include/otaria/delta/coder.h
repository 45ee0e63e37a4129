/**
 * Binary range coder with adaptive probabilities; one code path for both directions. Private to core/delta and its maker.
 *
 * The decoder takes bytes from a buffer that its owner keeps filled; the maker sets `emit` and every function then codes
 * the value it is given. Integers only: bit-identical everywhere. Formulas: docs/patch-format.md "Coder".
 */
#ifndef OTARIA_DELTA_CODER_H
#define OTARIA_DELTA_CODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Short loops of a fixed count, within what is done for every unit and bit: written out unless size counts more. */
#ifdef __OPTIMIZE_SIZE__
#define DELTA_UNROLL
#else
#define DELTA_UNROLL _Pragma("GCC unroll 8")
#endif

struct delta_coder {
    uint32_t low, high, code;
    const uint8_t *in; /* decoder: bytes not used yet */
    uint32_t in_len;
    uint32_t
        missing; /* bytes asked for beyond the end: zeros are given; a whole patch asks for at most four */
    void (*emit)(void *ctx, uint8_t byte); /* maker: where bytes go; NULL decodes */
    void *emit_ctx;
};

/** False, known when compiling, in firmware built with OT_DELTA_DECODE_ONLY: the maker's half is left out. */
static inline bool delta_coder_emits(const struct delta_coder *c)
{
#ifdef OT_DELTA_DECODE_ONLY
    (void)c;
    return false;
#else
    return c->emit != NULL;
#endif
}

void delta_coder_start(struct delta_coder *c, void (*emit)(void *ctx, uint8_t byte), void *emit_ctx);
/** Decoder: load the first four bytes. */
void delta_coder_prime(struct delta_coder *c);
/** Maker: as few bytes as decode right when zeros follow. */
void delta_coder_finish(struct delta_coder *c);
/** The top byte of both bounds is settled: out with it, or in with the next. */
void delta_coder_shift(struct delta_coder *c);

/** One bit that is 1 with probability p1/65536, p1 in 1..65535. `bit` is ignored when decoding. */
static inline unsigned delta_code_bit_fast(struct delta_coder *c, unsigned bit, uint32_t p1)
{
    uint32_t mid = c->low + (uint32_t)((uint64_t)(c->high - c->low) * p1 >> 16);
    if (!delta_coder_emits(c))
        bit = c->code <= mid;
    if (bit != 0)
        c->high = mid;
    else
        c->low = mid + 1;
    while (((c->low ^ c->high) & 0xFF000000u) == 0)
        delta_coder_shift(c);
    return bit;
}

/** The same as a function: where speed does not matter. */
unsigned delta_code_bit(struct delta_coder *c, unsigned bit, uint32_t p1);

/* Right shifts of negative numbers round down with every compiler this is built with. */
_Static_assert(-3 >> 1 == -2, "arithmetic shift");

/* --- probabilities: 12 bits of P(1) and 4 bits of experience in one u16 --- */

#define DELTA_BIT_INITIAL 0x8000u

extern const uint16_t delta_bit_rates[16];

static inline uint32_t delta_bit_p(uint16_t state)
{
    return (state & 0xFFF0u) | 8u;
}

/** `limit` 1..15: how much experience counts at most; the larger, the slower it forgets. */
static inline void delta_bit_learn(uint16_t *state, unsigned bit, unsigned limit)
{
    uint32_t flip = bit != 0 ? 4095u : 0, n = *state & 15u, left = (uint32_t)(*state >> 4) ^ flip;
    uint32_t step = left * delta_bit_rates[n] >> 16;
    if (step == 0)
        step = left != 0;
    *state = (uint16_t)(((left - step) ^ flip) << 4 | (n + (n < limit)));
}

unsigned delta_code_adaptive(struct delta_coder *c, unsigned bit, uint16_t *state);

/* --- whole numbers: length in unary, then the bits below the leading one, the first of them adaptive --- */

#define DELTA_NUMBER_LENGTHS 28u /* numbers below 2^27 */

struct delta_number {
    uint16_t more[DELTA_NUMBER_LENGTHS];
    uint16_t top[DELTA_NUMBER_LENGTHS][3]; /* the first bits behind the leading one */
    uint16_t low[6];                       /* the last bits: offsets are often multiples */
};

void delta_number_start(struct delta_number *n);
/** Numbers above 2^27 - 2 cannot be coded; a decoder never returns one. */
uint32_t delta_code_number(struct delta_coder *c, struct delta_number *n, uint32_t value);
/** Signed, by zigzag: within +-2^26. */
int32_t delta_code_signed(struct delta_coder *c, struct delta_number *n, int32_t value);

void delta_bits_start(uint16_t *states, size_t count);

/* --- the logistic domain, Q8 --- */

#define DELTA_STRETCH_MAX 2816 /* 11 * 256 */

extern const int16_t delta_stretch_table[384];
extern const uint16_t delta_squash_table[178];

/** round(256 * ln(p / (65536 - p))) of p in 1..65535, in steps. */
static inline int32_t delta_stretch(uint32_t p)
{
    uint32_t q = p > 32767u ? 65535u - p : p;
    uint32_t at = q < 128u ? q : q < 2048u ? 128u + (q >> 4) : 256u + (q >> 8);
    int32_t s = delta_stretch_table[at];
    return p > 32767u ? -s : s;
}

/** 65536 / (1 + exp(-x / 256)) of |x| <= `most`, kept within that; of 2..65534 with DELTA_STRETCH_MAX. */
static inline uint32_t delta_squash(int32_t x, uint32_t most)
{
    uint32_t a = (uint32_t)(x < 0 ? -x : x);
    if (a > most)
        a = most;
    const uint16_t *at = &delta_squash_table[a >> 4];
    uint32_t small = at[0] - (((uint32_t)(at[0] - at[1]) * (a & 15u) + 7u) >> 4);
    return x < 0 ? small : 65536u - small;
}

#endif
