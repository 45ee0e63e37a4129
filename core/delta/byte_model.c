/* See byte_model.h. Contexts: docs/patch-format.md "Bytes". */
#include "otaria/delta/byte_model.h"

#include <string.h>

#define CONTEXTS (DELTA_BYTE_INPUTS - 1u)
#define WEIGHT   1300 /* 0.32 */
#define RATE     10   /* of the weights */
#define LIMIT    8u
#define STRIDE   0x1A3u /* spreads the bits of a byte over the table */

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
    b->last = byte;
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
    k[2] = mode == DELTA_INSERTED ? delta_hash(b->last | phase << 8, 1)
                                  : delta_hash(t->predicted | (uint32_t)t->place << 8, 14);
}

uint8_t delta_code_byte(struct delta_coder *c, struct delta_bytes *b, uint8_t byte, enum delta_mode mode,
                        const struct delta_hint *hint)
{
    uint32_t keys[CONTEXTS];
    uint16_t *slot[CONTEXTS];
    unsigned phase = b->in_code ? b->phase : 4u, partial = 1;
    contexts(b, mode, hint, keys);
    for (unsigned i = 8; i-- > 0;) {
        DELTA_UNROLL
        for (unsigned j = 0; j < CONTEXTS; j++) {
            slot[j] = &b->table[(keys[j] + partial * STRIDE) & ((1u << DELTA_TABLE_BITS) - 1u)];
        }
        partial =
            partial << 1 | delta_code_mixed(c, byte >> i & 1u, b->weights[mode][i][phase], slot, RATE, LIMIT);
    }
    return (uint8_t)partial;
}

uint8_t delta_code_raw(struct delta_coder *c, uint8_t byte)
{
    unsigned out = 0;
    for (unsigned i = 8; i-- > 0;)
        out = out << 1 | delta_code_bit_fast(c, byte >> i & 1u, 0x8000u);
    return (uint8_t)out;
}
