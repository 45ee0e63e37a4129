/**
 * Bytes that were not predicted: coded bit by bit, several contexts mixed in the logistic domain. Private.
 *
 * Contexts are hashed into one small table without check bits: collisions cost bits, not RAM. Two modes: bytes between
 * copies (INSERTED) and bytes of a unit that came out otherwise (CHANGED).
 */
#ifndef OTARIA_DELTA_BYTE_MODEL_H
#define OTARIA_DELTA_BYTE_MODEL_H

#include "otaria/delta/coder.h"

#define DELTA_TABLE_BITS  11u
#define DELTA_BYTE_INPUTS 4u /* three contexts and a constant */
#define DELTA_BYTE_PHASES 5u /* byte of an instruction 0..3, or data */

enum delta_mode { DELTA_INSERTED = 0, DELTA_CHANGED = 1 };

/** What is known about the byte to come, besides the bytes before it. */
struct delta_hint {
    uint8_t predicted; /* CHANGED: the byte as predicted */
    uint8_t place;     /* CHANGED: kind of unit and byte within it */
};

struct delta_bytes {
    uint16_t table[1u << DELTA_TABLE_BITS];
    int16_t weights[2][8][DELTA_BYTE_PHASES][DELTA_BYTE_INPUTS]; /* Q12 */
    uint8_t last;                                                /* the byte before */
    /* where the byte to come stands in an instruction of the new image */
    bool in_code, is_riscv;
    uint8_t phase, length;
    uint32_t now; /* this instruction so far */
};

void delta_bytes_start(struct delta_bytes *b, bool is_riscv);
/** A byte of the new image is settled. */
void delta_bytes_pass(struct delta_bytes *b, uint8_t byte);
/** A whole unit is, of `length` bytes; `word` has the first lowest. */
static inline void delta_bytes_pass_unit(struct delta_bytes *b, uint32_t word, unsigned length)
{
    b->phase = 0;
    b->now = 0;
    b->last = (uint8_t)(word >> (8u * length - 8u));
}

/** The next byte begins a unit, or a segment. `in_code`: of a segment that holds code. `align`: of a data byte, 0..3. */
void delta_bytes_place(struct delta_bytes *b, bool in_code, bool begins, unsigned align);
uint8_t delta_code_byte(struct delta_coder *c, struct delta_bytes *b, uint8_t byte, enum delta_mode mode,
                        const struct delta_hint *hint);

/** A byte as it is: eight even bits. */
uint8_t delta_code_raw(struct delta_coder *c, uint8_t byte);

/* --- a bit whose states are mixed, by each owner's own rate (of the weights) and limit (of experience) --- */

#define DELTA_MIX_SUREST 2047 /* Q8: 8.0 */

/** Probability of a 1, of 65536. `input` is what the weights learn from. */
static inline uint32_t delta_mix(const int16_t *w, uint16_t *const slot[DELTA_BYTE_INPUTS - 1u],
                                 int32_t input[DELTA_BYTE_INPUTS])
{
    int32_t sum = w[DELTA_BYTE_INPUTS - 1u] * 256;
    input[DELTA_BYTE_INPUTS - 1u] = 256;
    DELTA_UNROLL
    for (unsigned j = 0; j < DELTA_BYTE_INPUTS - 1u; j++) {
        input[j] = delta_stretch(delta_bit_p(*slot[j]));
        sum += w[j] * input[j];
    }
    return delta_squash(sum >> 12, DELTA_MIX_SUREST);
}

/* A step along the gradient, rounded to nearest, within +-8. */
static inline int16_t delta_mix_adjusted(int16_t weight, int32_t gradient)
{
    int32_t w = weight + ((gradient + 0x8000) >> 16);
    if (w != (int16_t)w)
        w = w < 0 ? INT16_MIN : INT16_MAX;
    return (int16_t)w;
}

static inline unsigned delta_code_mixed(struct delta_coder *c, unsigned bit, int16_t *w,
                                        uint16_t *const slot[DELTA_BYTE_INPUTS - 1u], int32_t rate,
                                        unsigned limit)
{
    int32_t input[DELTA_BYTE_INPUTS];
    uint32_t p1 = delta_mix(w, slot, input);
    bit = delta_code_bit_fast(c, bit, p1);
    int32_t error = (((bit != 0 ? 65536 : 0) - (int32_t)p1) >> 4) * rate;
    DELTA_UNROLL
    for (unsigned j = 0; j < DELTA_BYTE_INPUTS; j++)
        w[j] = delta_mix_adjusted(w[j], input[j] * error);
    DELTA_UNROLL
    for (unsigned j = 0; j < DELTA_BYTE_INPUTS - 1u; j++)
        delta_bit_learn(slot[j], bit, limit);
    return bit;
}

static inline uint32_t delta_hash(uint32_t a, uint32_t b)
{
    uint32_t h = (a * 0x9E3779B1u) ^ ((b + 0x7F4A7C15u) * 0x85EBCA6Bu);
    h ^= h >> 15;
    h *= 0x2C1B3C6Du;
    return h ^ h >> 13;
}

#endif
