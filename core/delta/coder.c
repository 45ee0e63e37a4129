/* See coder.h. The carry-less range coder: bounds of 32 bits, a byte leaves when both agree on it. */
#include "otaria/delta/coder.h"

void delta_coder_start(struct delta_coder *c, void (*emit)(void *ctx, uint8_t byte), void *emit_ctx)
{
    *c = (struct delta_coder){.high = UINT32_MAX, .emit = emit, .emit_ctx = emit_ctx};
}

static uint32_t next_byte(struct delta_coder *c)
{
    if (c->in_len == 0) {
        c->missing++;
        return 0;
    }
    c->in_len--;
    return *c->in++;
}

void delta_coder_prime(struct delta_coder *c)
{
    for (int i = 0; i < 4; i++)
        c->code = c->code << 8 | next_byte(c);
}

void delta_coder_shift(struct delta_coder *c)
{
    if (delta_coder_emits(c))
        c->emit(c->emit_ctx, (uint8_t)(c->high >> 24));
    else
        c->code = c->code << 8 | next_byte(c);
    c->low <<= 8;
    c->high = c->high << 8 | 0xFFu;
}

void delta_coder_finish(struct delta_coder *c)
{
    if (c->low != 0) /* the top bytes differ: the next round number lies within the bounds */
        c->emit(c->emit_ctx, (uint8_t)((c->low >> 24) + 1u));
}

unsigned delta_code_bit(struct delta_coder *c, unsigned bit, uint32_t p1)
{
    return delta_code_bit_fast(c, bit, p1);
}

unsigned delta_code_adaptive(struct delta_coder *c, unsigned bit, uint16_t *state)
{
    bit = delta_code_bit(c, bit, delta_bit_p(*state));
    delta_bit_learn(state, bit, 15);
    return bit;
}

void delta_bits_start(uint16_t *states, size_t count)
{
    for (size_t i = 0; i < count; i++)
        states[i] = DELTA_BIT_INITIAL;
}

void delta_number_start(struct delta_number *n)
{
    delta_bits_start(n->more, DELTA_NUMBER_LENGTHS);
    delta_bits_start(&n->top[0][0], DELTA_NUMBER_LENGTHS * 3u);
    delta_bits_start(n->low, 6);
}

static unsigned bit_length(uint32_t v)
{
    unsigned n = 0;
    while (v >> n > 1)
        n++;
    return n;
}

uint32_t delta_code_number(struct delta_coder *c, struct delta_number *n, uint32_t value)
{
    unsigned length = delta_coder_emits(c) ? bit_length(value + 1u) : 0;
    unsigned k = 0;
    while (k + 1 < DELTA_NUMBER_LENGTHS && delta_code_adaptive(c, k < length, &n->more[k]) != 0)
        k++;
    uint32_t v = 1;
    for (unsigned i = k; i-- > 0;) {
        unsigned bit = (value + 1u) >> i & 1u, depth = k - 1 - i;
        uint16_t *state = depth < 3 ? &n->top[k][depth] : i < 6 ? &n->low[i] : NULL;
        bit = state != NULL ? delta_code_adaptive(c, bit, state) : delta_code_bit(c, bit, 0x8000u);
        v = v << 1 | bit;
    }
    return v - 1u;
}

int32_t delta_code_signed(struct delta_coder *c, struct delta_number *n, int32_t value)
{
    uint32_t zigzag = value < 0 ? (uint32_t)(-(value + 1)) * 2u + 1u : (uint32_t)value * 2u;
    zigzag = delta_code_number(c, n, zigzag);
    return (zigzag & 1u) != 0 ? -(int32_t)(zigzag >> 1) - 1 : (int32_t)(zigzag >> 1);
}
