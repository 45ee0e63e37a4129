/* See bytes.h. Contexts: docs/patch-format.md "Bytes". */
#include "otaria/delta/bytes.h"

#include <string.h>

#define CONTEXTS (DELTA_BYTE_INPUTS - 1u)
#define WEIGHT   1638 /* 0.4 */
#define LIMIT    12u

void delta_bytes_start(struct delta_bytes *b, bool is_riscv)
{
    memset(b, 0, sizeof *b);
    delta_bits_start(b->table, sizeof b->table / sizeof b->table[0]);
    int16_t *w = &b->weights[0][0][0][0];
    for (size_t i = 0; i < sizeof b->weights / sizeof *w; i++)
        w[i] = WEIGHT;
    b->is_riscv = is_riscv;
    b->length = 1;
}

void delta_bytes_place(struct delta_bytes *b, bool in_code, bool begins, unsigned align)
{
    if (in_code != b->in_code || !in_code)
        begins = true;
    b->in_code = in_code;
    if (!begins)
        return;
    b->now = 0;
    b->phase = in_code ? 0 : (uint8_t)align;
}

static unsigned length_of(const struct delta_bytes *b, uint8_t first)
{
    if (b->is_riscv)
        return (first & 3u) == 3 ? 4 : 2;
    return (first & 15u) < 8 ? 3 : (first & 15u) < 14 ? 2 : 3;
}

void delta_bytes_pass(struct delta_bytes *b, uint8_t byte)
{
    b->last[3] = b->last[2];
    b->last[2] = b->last[1];
    b->last[1] = b->last[0];
    b->last[0] = byte;
    if (!b->in_code)
        return;
    if (b->phase == 0) {
        b->now = 0;
        b->length = (uint8_t)length_of(b, byte);
    }
    b->now |= (uint32_t)byte << (8u * b->phase);
    if (++b->phase >= b->length) {
        b->before2 = b->before;
        b->before = b->now;
        b->phase = 0;
        b->now = 0;
    }
}

/* An instruction without its immediates and registers. */
static uint32_t opcode(const struct delta_bytes *b, uint32_t x)
{
    if (b->is_riscv)
        return (x & 3u) == 3 ? x & 0x707Fu : x & 0xE003u;
    return (x & 0xF00Fu) | (x >> 4 & 3u) << 4;
}

static void contexts(const struct delta_bytes *b, enum delta_mode mode, const struct delta_hint *t,
                     uint32_t k[CONTEXTS])
{
    uint32_t h1 = b->last[0], h2 = b->last[1], h3 = b->last[2], phase = b->in_code ? b->phase : 4u + b->phase;
    uint32_t now = b->now | phase << 27, op = opcode(b, b->before);
    if (mode == DELTA_INSERTED) {
        k[0] = delta_hash(h1 | phase << 8, 1);
        k[1] = delta_hash(h1 | h2 << 8 | phase << 16, 2);
        k[2] = delta_hash(h1 | h2 << 8 | h3 << 16 | phase << 24, 3);
        k[3] = delta_hash(t->predicted | h1 << 8 | phase << 16, 4);
        k[4] = delta_hash(t->other | 0x5500u | phase << 16, 5);
        k[5] = delta_hash(now, 6);
        k[6] = delta_hash(now ^ op * 0x10001u, 7);
        k[7] = delta_hash(now ^ delta_hash(op, opcode(b, b->before2)), 8);
        k[8] = delta_hash(h1 | h2 << 8 | h3 << 16 | (uint32_t)b->last[3] << 24, 9);
        return;
    }
    k[0] = delta_hash(h1 | 0x10000u, 11);
    k[1] = delta_hash(now, 12);
    k[2] = delta_hash(b->last_difference | (uint32_t)t->predicted << 8, 13);
    k[3] = delta_hash(t->predicted | (uint32_t)t->place << 8, 14);
    k[4] = delta_hash(t->predicted | h1 << 8, 15);
    k[5] = delta_hash(now ^ op * 0x10001u, 16);
    k[6] = delta_hash(t->key ^ b->now * 0x9E37u, 17);
    k[7] = delta_hash(h1 | h2 << 8 | phase << 16, 2);
    k[8] = delta_hash(now, 6);
}

/* A step along the gradient, rounded to nearest, within +-8. */
static int16_t adjusted(int16_t weight, int32_t gradient)
{
    int32_t w = weight + (gradient * 3 + 0x8000) / 65536;
    return (int16_t)(w > INT16_MAX ? INT16_MAX : w < INT16_MIN ? INT16_MIN : w);
}

static unsigned code_bit(struct delta_coder *c, struct delta_bytes *b, unsigned bit, int16_t *w,
                         uint16_t *slot[CONTEXTS])
{
    int32_t input[DELTA_BYTE_INPUTS];
    int32_t sum = w[CONTEXTS] * 256;
    for (unsigned j = 0; j < CONTEXTS; j++) {
        input[j] = delta_stretch(delta_bit_p(*slot[j]));
        sum += w[j] * input[j];
    }
    input[CONTEXTS] = 256;
    int32_t x = sum / 4096;
    if (x > 2047)
        x = 2047;
    if (x < -2047)
        x = -2047;
    uint32_t p1 = delta_squash(x);
    bit = delta_code_bit(c, bit, p1);
    int32_t error = (bit != 0 ? 65536 : 0) - (int32_t)p1;
    for (unsigned j = 0; j < DELTA_BYTE_INPUTS; j++)
        w[j] = adjusted(w[j], input[j] * (error >> 4));
    for (unsigned j = 0; j < CONTEXTS; j++)
        delta_bit_learn(slot[j], bit, LIMIT);
    (void)b;
    return bit;
}

uint8_t delta_code_byte(struct delta_coder *c, struct delta_bytes *b, uint8_t byte, enum delta_mode mode,
                        const struct delta_hint *hint)
{
    uint32_t keys[CONTEXTS];
    uint16_t *slot[CONTEXTS];
    unsigned phase = b->in_code ? b->phase : 4u, partial = 1;
    contexts(b, mode, hint, keys);
    for (unsigned i = 8; i-- > 0;) {
        for (unsigned j = 0; j < CONTEXTS; j++) {
            uint32_t h = keys[j] + partial * 0x9E3779B1u;
            h ^= h >> 16;
            h *= 0x85EBCA6Bu;
            slot[j] = &b->table[h >> 15 & ((1u << DELTA_TABLE_BITS) - 1u)];
        }
        partial = partial << 1 | code_bit(c, b, byte >> i & 1u, b->weights[mode][i][phase], slot);
    }
    if (mode == DELTA_CHANGED)
        b->last_difference = (uint8_t)(partial - hint->predicted);
    return (uint8_t)partial;
}
