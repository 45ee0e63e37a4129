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
    uint32_t last;                                               /* four bytes, the newest lowest */
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
    uint32_t newest_low = word >> 24 | (word >> 8 & 0xFF00u) | (word << 8 & 0xFF0000u) | word << 24;
    b->phase = 0;
    b->now = 0;
    b->last = length == 4 ? newest_low : b->last << 8u * length | newest_low >> (32u - 8u * length);
}

/** The next byte begins a unit, or a segment. `in_code`: of a segment that holds code. `align`: of a data byte, 0..3. */
void delta_bytes_place(struct delta_bytes *b, bool in_code, bool begins, unsigned align);
uint8_t delta_code_byte(struct delta_coder *c, struct delta_bytes *b, uint8_t byte, enum delta_mode mode,
                        const struct delta_hint *hint);

/** A byte as it is: eight even bits. */
uint8_t delta_code_raw(struct delta_coder *c, uint8_t byte);

static inline uint32_t delta_hash(uint32_t a, uint32_t b)
{
    uint32_t h = (a * 0x9E3779B1u) ^ ((b + 0x7F4A7C15u) * 0x85EBCA6Bu);
    h ^= h >> 15;
    h *= 0x2C1B3C6Du;
    return h ^ h >> 13;
}

#endif
