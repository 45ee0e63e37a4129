/* See byte_model.h. Contexts: docs/patch-format.md "Bytes". */
#include "otaria/delta/byte_model.h"

#include <string.h>

#define CONTEXTS (DELTA_BYTE_INPUTS - 1u)
#define WEIGHT   1300 /* 0.32 */
#define RATE     14   /* of the weights */
#define LIMIT    8u
#define STRIDE   0x1A3u /* spreads the bits of a byte over the table */
#define SUREST   2047   /* Q8: 8.0 */

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
    b->last = b->last << 8 | byte;
    if (!b->in_code)
        return;
    if (b->phase == 0) {
        b->now = 0;
        b->length = (uint8_t)length_of(b, byte);
    }
    b->now |= (uint32_t)byte << (8u * b->phase);
    if (++b->phase >= b->length) {
        b->phase = 0;
        b->now = 0;
    }
}

/* Few: on patches of a few hundred bytes each further context costs more by learning than it tells. */
static void contexts(const struct delta_bytes *b, enum delta_mode mode, const struct delta_hint *t,
                     uint32_t k[CONTEXTS])
{
    uint32_t phase = b->in_code ? b->phase : 4u + b->phase, now = b->now | phase << 27;
    k[0] = delta_hash(phase, 3);
    k[1] = delta_hash(now, 6);
    k[2] = mode == DELTA_INSERTED ? delta_hash((b->last & 0xFFu) | phase << 8, 1)
                                  : delta_hash(t->predicted | (uint32_t)t->place << 8, 14);
}

/* A step along the gradient, rounded to nearest, within +-8. */
static int16_t adjusted(int16_t weight, int32_t gradient)
{
    int32_t w = weight + ((gradient * RATE + 0x8000) >> 16);
    return (int16_t)(w > INT16_MAX ? INT16_MAX : w < INT16_MIN ? INT16_MIN : w);
}

static unsigned code_bit(struct delta_coder *c, unsigned bit, int16_t *w, uint16_t *const slot[CONTEXTS])
{
    int32_t input[DELTA_BYTE_INPUTS] = {[CONTEXTS] = 256}, sum = w[CONTEXTS] * 256;
    for (unsigned j = 0; j < CONTEXTS; j++) {
        input[j] = delta_stretch(delta_bit_p(*slot[j]));
        sum += w[j] * input[j];
    }
    int32_t x = sum >> 12;
    if (x > SUREST)
        x = SUREST;
    if (x < -SUREST)
        x = -SUREST;
    uint32_t p1 = delta_squash(x);
    bit = delta_code_bit_fast(c, bit, p1);
    int32_t error = ((bit != 0 ? 65536 : 0) - (int32_t)p1) >> 4;
    for (unsigned j = 0; j < DELTA_BYTE_INPUTS; j++)
        w[j] = adjusted(w[j], input[j] * error);
    for (unsigned j = 0; j < CONTEXTS; j++)
        delta_bit_learn(slot[j], bit, LIMIT);
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
            slot[j] = &b->table[(keys[j] + partial * STRIDE) & ((1u << DELTA_TABLE_BITS) - 1u)];
        }
        partial = partial << 1 | code_bit(c, byte >> i & 1u, b->weights[mode][i][phase], slot);
    }
    return (uint8_t)partial;
}

uint8_t delta_code_raw(struct delta_coder *c, uint8_t byte)
{
    unsigned out = 0;
    for (unsigned i = 8; i-- > 0;)
        out = out << 1 | delta_code_bit(c, byte >> i & 1u, 0x8000u);
    return (uint8_t)out;
}
