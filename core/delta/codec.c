/* The walk: operations, inserted bytes, units. See codec.h and docs/patch-format.md "Body". */
#include "otaria/delta/codec.h"

#include "otaria/bytes.h"

#include <string.h>

void delta_codec_start(struct delta_codec *d, const struct ot_source *base, const struct ot_source *written,
                       const struct delta_script *script)
{
    d->script = script;
    d->phase = DELTA_PREAMBLE;
    d->failure = OT_OK;
    d->checksum = 0xEF;
    d->map_count = 0;
    delta_reader_start(&d->base_reader, base);
    delta_lines_start(&d->target_lines, written);
    delta_hits_start(&d->hits);
    delta_bytes_start(&d->bytes, d->base.chip != NULL && d->base.chip->arch == DELTA_RISCV);
    struct delta_number *numbers[] = {&d->n_size, &d->n_insert, &d->n_jump, &d->n_gap, &d->n_shift};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        delta_number_start(numbers[i]);
    delta_bits_start(d->b_phase, 4);
    delta_bits_start(d->b_jump, 8);
    delta_bits_start(d->b_ends, DELTA_HITS_GAPS * 2u);
    delta_bits_start(&d->b_same[0][0][0], DELTA_KIND_SLOTS * 4u * 8u);
    delta_bits_start(d->b_shift, 2);
    delta_bits_start(d->b_noise, 2);
}

/* --- operations --- */

/* Base offset minus target offset, where the map lets the base's `old` go, for a copy that begins at `at`. */
static bool mapped_jump(struct delta_codec *d, uint32_t entry, uint32_t old, uint32_t *jump)
{
    uint32_t addr = delta_layout_addr(&d->base, old);
    if (addr == 0)
        return false;
    uint32_t now = addr + (entry == DELTA_NOWHERE ? 0 : delta_map_delta(&d->map, entry));
    uint32_t offset = delta_layout_offset(&d->target, now);
    *jump = old - offset;
    return offset != DELTA_NOWHERE;
}

/* Where a copy at `at` may well begin, likeliest first: without a jump, by the map, as copies before. */
static unsigned guess_jumps(struct delta_codec *d, uint32_t guesses[5])
{
    uint32_t found[5], n = 0, kept = 0, jump;
    uint32_t entry = delta_map_find(d, delta_layout_addr(&d->base, d->old_last_end));
    found[n++] = d->jumps[0];
    if (mapped_jump(d, entry, d->old_last_end, &jump))
        found[n++] = jump;
    entry = entry == DELTA_NOWHERE ? 0 : entry + 1;
    if (entry < d->map_count && mapped_jump(d, entry, d->old_last_end, &jump))
        found[n++] = jump;
    found[n++] = d->jumps[1];
    found[n++] = d->jumps[2];
    for (unsigned i = 0; i < n && kept < 5; i++) {
        bool twice = i == 0 && d->inserting == 0; /* no copy ends for another one that goes on with it */
        for (unsigned j = 0; j < i; j++)
            twice |= found[j] == found[i];
        if (!twice)
            guesses[kept++] = found[i];
    }
    return kept;
}

static void code_jump(struct delta_codec *d, uint32_t at, uint32_t *old)
{
    uint32_t guesses[5], jump = *old - at;
    unsigned n = guess_jumps(d, guesses), i = 0;
    while (i < n && delta_code_adaptive(&d->coder, guesses[i] == jump,
                                        &d->b_jump[i + (d->inserting == 0 ? 3u : 0u)]) == 0)
        i++;
    if (i < n)
        jump = guesses[i];
    else
        jump = d->old_last_end +
               (uint32_t)delta_code_signed(&d->coder, &d->n_jump, (int32_t)(*old - d->old_last_end)) - at;
    *old = jump + at;
    for (i = 0; i < 2 && d->jumps[i] != jump; i++) {
    }
    for (; i > 0; i--)
        d->jumps[i] = d->jumps[i - 1];
    d->jumps[0] = jump;
}

static unsigned code_phase(struct delta_codec *d, unsigned phase)
{
    unsigned i = 0;
    while (i < DELTA_PHASE_MAX && delta_code_adaptive(&d->coder, phase > i, &d->b_phase[i]) != 0)
        i++;
    return i;
}

static void step_operation(struct delta_codec *d)
{
    struct delta_copy copy = {0};
    const struct delta_script *script = delta_script_of(d);
    if (script != NULL)
        script->next(script->ctx, d->at, &copy);
    uint32_t left = d->body_end - d->at;
    d->inserting = delta_code_number(&d->coder, &d->n_insert, copy.inserted);
    if (d->inserting > left) {
        delta_fail(d, OT_E_PATCH_FORMAT);
        return;
    }
    d->phase = DELTA_INSERT;
    d->piece_left = 0;
    d->old = d->base.size;
    if (d->inserting == left)
        return;
    code_jump(d, d->at + d->inserting, &copy.old);
    if (copy.old >= d->base.size) {
        delta_fail(d, OT_E_PATCH_FORMAT);
        return;
    }
    d->old = d->old_begin = copy.old;
    d->phase_left = (uint8_t)code_phase(d, copy.phase);
    d->is_first_unit = true;
}

/* --- bytes --- */

static void place(struct delta_codec *d, bool begins)
{
    const struct delta_segment *s = d->here;
    delta_bytes_place(&d->bytes, s != NULL && s->exec, begins,
                      s == NULL ? d->at & 3u : (d->at - s->offset) & 3u);
}

/* Compressed files within an image are noise: they come as they are, at no cost but their bits. */
static void begin_piece(struct delta_codec *d)
{
    d->piece_left = d->inserting < DELTA_NOISE_PIECE ? d->inserting : DELTA_NOISE_PIECE;
    bool noise = false;
    if (d->piece_left >= DELTA_NOISE_LEAST) {
        const struct delta_script *script = delta_script_of(d);
        noise = script != NULL && script->is_noise(script->ctx, d->at, d->piece_left);
        noise = delta_code_adaptive(&d->coder, noise, &d->b_noise[d->is_noise]) != 0;
    }
    d->is_noise = noise;
}

static void step_insert(struct delta_codec *d)
{
    if (d->inserting == 0) {
        d->phase = DELTA_COPY;
        delta_parser_moved(&d->parser);
        d->piece = delta_map_find(d, delta_layout_addr(&d->base, d->old));
        delta_registers_start(&d->regs, d->gp_target);
        return;
    }
    static const struct delta_hint none = {0};
    if (d->piece_left == 0)
        begin_piece(d);
    d->piece_left--;
    place(d, false);
    uint8_t byte = delta_script_of(d) != NULL ? delta_script_of(d)->target[d->at] : 0;
    delta_put(d, d->is_noise ? delta_code_raw(&d->coder, byte)
                             : delta_code_byte(&d->coder, &d->bytes, byte, DELTA_INSERTED, &none));
    d->old_last_end++;
    d->inserting--;
}

/* --- units --- */

#define UNITS_A_STEP 16u /* as predicted: a bit each; the one that is not takes at most 38 */
#define WORK_A_STEP  256u

/* Content without the parts that references and small numbers take: what else tends to change together. */
static uint32_t unit_key(const struct delta_codec *d, const struct delta_unit *u, uint32_t x)
{
    if (u->kind == DELTA_WORD || u->kind == DELTA_BYTE)
        return delta_hash(x, 99);
    if (d->base.chip->arch == DELTA_RISCV)
        return delta_hash(u->length == 4 ? (x & 0xFFF00000u) | (x & 0x707Fu) : x & 0xFC63u, u->kind);
    return delta_hash(u->length == 3 ? x & 0xFFF00Fu : x & 0xF00Fu, u->kind);
}

/* What comes instead of the unit `x`. */
static uint32_t code_changed(struct delta_codec *d, const struct delta_unit *u, uint32_t x)
{
    const uint8_t *truth = delta_script_of(d) != NULL ? delta_script_of(d)->target + d->at : NULL;
    unsigned changed = 0; /* a bit for each of the first three bytes */
    for (unsigned i = 0; i < u->length; i++) {
        bool is_last_chance = i + 1u == u->length && changed == 0;
        uint8_t want = truth != NULL ? truth[i] : 0, byte = (uint8_t)(x >> 8u * i);
        place(d, false);
        if (is_last_chance || delta_code_adaptive(&d->coder, want == byte,
                                                  &d->b_same[delta_kind_slot(u->kind)][i][changed]) == 0) {
            struct delta_hint hint = {.predicted = byte,
                                      .place = (uint8_t)(delta_kind_slot(u->kind) * 4u + i)};
            byte ^= delta_code_byte(&d->coder, &d->bytes, want, DELTA_CHANGED, &hint);
            x ^= (uint32_t)byte << 8u * i;
            changed |= 1u << (i < 2 ? i : 2u);
        }
        delta_put(d, (uint8_t)(x >> 8u * i));
    }
    return x;
}

/* The unit of the base at d->old; single bytes at the ends of both files and before the first unit begins. */
static struct delta_unit next_unit(struct delta_codec *d)
{
    struct delta_unit u = {.kind = DELTA_BYTE, .length = 1};
    if (d->phase_left > 0) {
        d->phase_left--;
        d->parser.word = *delta_reader_at(&d->base_reader, d->old);
        return u;
    }
    u = delta_parse(&d->parser, d->old);
    if (d->body_end - d->at < u.length || d->base.size - d->old < u.length)
        u = (struct delta_unit){.kind = DELTA_BYTE, .length = 1};
    return u;
}

static bool ends_here(struct delta_codec *d)
{
    if (d->is_first_unit)
        return false;
    const struct delta_script *script = delta_script_of(d);
    bool ends = script != NULL && script->is_over(script->ctx, d->at);
    return delta_code_adaptive(&d->coder, ends, &d->b_ends[d->hits.history & 7u]) != 0;
}

static bool is_as_predicted(const struct delta_codec *d, uint32_t x, unsigned length)
{
    const struct delta_script *script = delta_script_of(d);
    if (script == NULL)
        return false;
    if (!d->is_first_unit && script->is_over(script->ctx, d->at))
        return false;
    for (unsigned i = 0; i < length; i++) {
        if (script->target[d->at + i] != (uint8_t)(x >> 8u * i))
            return false;
    }
    return true;
}

static void end_copy(struct delta_codec *d)
{
    d->old_last_end = d->old;
    if (d->at < d->body_end) {
        d->phase = DELTA_OPERATION;
        return;
    }
    delta_flush(d);
    d->phase = d->body_end < d->target.size ? DELTA_SIGNATURES : DELTA_DONE;
}

static void learn_registers(struct delta_codec *d, const struct delta_unit *u, uint32_t x, uint32_t to)
{
    if (u->kind >= DELTA_OP2 && d->parser.segment->exec)
        delta_registers_pass(&d->regs, x, u->length, to);
}

/* A unit. Returns whether it came out as predicted and the copy goes on. */
static bool step_unit(struct delta_codec *d)
{
    struct delta_unit u = next_unit(d);
    uint32_t x = d->parser.word, in_unit = UINT32_MAX >> (32u - 8u * u.length);
    uint32_t to = d->here != NULL ? d->at + d->shift : 0, target;
    unsigned ref = 0;
    if (to == 0 && u.length == 1) {
        x = delta_known_byte(d, (uint8_t)x);
    } else if (to != 0 && delta_unit_refers(&u)) {
        const struct delta_segment *s = d->parser.segment;
        ref = delta_predict(d, &u, s->addr + (d->old - s->offset), to, &target);
        x = delta_unit_point(&u, x, to, target, &d->regs);
    }
    x &= in_unit;
    bool hit = delta_code_hit(&d->coder, &d->hits, is_as_predicted(d, x, u.length), delta_kind_slot(u.kind),
                              ref, unit_key(d, &u, x)) != 0;
    if (hit) {
        delta_put_unit(d, x, u.length);
    } else {
        if (ends_here(d)) {
            end_copy(d);
            return false;
        }
        place(d, u.kind != DELTA_BYTE);
        x = code_changed(d, &u, x);
    }
    d->is_first_unit = false;
    if (to != 0 && u.kind != DELTA_BYTE) {
        if (delta_unit_refers(&u))
            delta_learn(d, &u, x, to, !hit);
        if (d->base.chip->arch == DELTA_RISCV)
            learn_registers(d, &u, x, to);
        else if (u.length == 4 && d->here != NULL && d->here->exec)
            delta_learn_literal_word(d, x, d->at - 4u);
    }
    d->old += u.length;
    if (d->at == d->body_end || d->old >= d->base.size) {
        end_copy(d);
        return false;
    }
    return hit;
}

/* Several, while they are as predicted and no work: the limits are looked at behind each step. */
static void step_units(struct delta_codec *d)
{
    uint32_t before = d->parser.steps;
    for (unsigned n = 0; n < UNITS_A_STEP && d->parser.steps - before < WORK_A_STEP && step_unit(d); n++) {
    }
}

void delta_codec_step(struct delta_codec *d)
{
    switch (d->phase) {
    case DELTA_PREAMBLE:
        delta_step_preamble(d);
        break;
    case DELTA_MAP:
        delta_step_map(d);
        break;
    case DELTA_OPERATION:
        step_operation(d);
        break;
    case DELTA_INSERT:
        if (d->inserting == 0 && d->at == d->body_end)
            end_copy(d);
        else
            step_insert(d);
        break;
    case DELTA_COPY:
        step_units(d);
        break;
    case DELTA_SIGNATURES:
        delta_step_signatures(d);
        break;
    case DELTA_FULL:
        delta_full_step(d);
        break;
    case DELTA_STORED:
        delta_stored_step(d);
        break;
    case DELTA_DONE:
        break;
    }
    if (d->base.size != 0 && d->base_reader.lines.status != OT_OK) /* without a base there is no reader */
        delta_fail(d, d->base_reader.lines.status);
    if (d->target_lines.status != OT_OK)
        delta_fail(d, d->target_lines.status);
}
