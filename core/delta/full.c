/* Full images: tokens, their models, and where in the image they go. See full.h. */
#include "otaria/delta/full.h"

#include "otaria/bytes.h"
#include "otaria/delta/codec.h"

#include <string.h>

#define WEIGHT  1600 /* Q12, of each input at first */
#define NOTHING UINT32_MAX

enum part { HEAD, SEGMENT_HEAD, SEGMENT, TAIL };
enum { SEGMENT_HEAD_BYTES = 8 };

void delta_full_start(struct delta_codec *d)
{
    struct delta_full *f = &d->full;
    memset(f, 0, sizeof *f);
    for (unsigned code = 0; code < 2; code++) {
        delta_number_start(&f->n_length[code]);
        for (unsigned i = 0; i < DELTA_FULL_SORTS; i++)
            delta_number_start(&f->n_distance[code][i]);
    }
    delta_number_start(&f->n_repeat);
    delta_bits_start(&f->b_match[0][0], sizeof f->b_match / sizeof(uint16_t));
    delta_bits_start(f->b_repeat, DELTA_FULL_HISTORY);
    delta_bits_start(&f->b_which[0][0], sizeof f->b_which / sizeof(uint16_t));
    delta_bits_start(f->table, DELTA_FULL_SLOTS);
    int16_t *w = &f->weights[0][0][0][0];
    for (size_t i = 0; i < sizeof f->weights / sizeof *w; i++)
        w[i] = WEIGHT;
    for (unsigned i = 0; i < DELTA_FULL_REPEATS; i++)
        f->distances[i] = i + 1u;
    f->view_at = NOTHING;
    f->part = d->base.chip != NULL ? HEAD : TAIL;
    f->edge = d->target.size;
    if (f->part == HEAD && f->edge > OT_IMAGE_HEADER_BYTES)
        f->edge = OT_IMAGE_HEADER_BYTES;
    d->at = d->flushed = 0;
    d->phase = DELTA_FULL;
}

uint32_t delta_full_position(const struct delta_codec *d)
{
    return d->at + d->full.have;
}

/* --- where in the image: its own headers tell, as they come out --- */

static void begin_segment(struct delta_codec *d)
{
    struct delta_full *f = &d->full;
    const struct delta_chip *chip = d->base.chip;
    uint32_t addr = delta_target_word(d, d->at - 8u), length = delta_target_word(d, d->at - 4u);
    f->spot.in_code = delta_chip_is_exec(chip, addr);
    if (chip->shares_window && addr - chip->flash_start < DELTA_FLASH_WINDOW) {
        f->spot.in_code &= f->had_flash;
        f->had_flash = true;
    }
    f->shift = addr - d->at;
    f->part = SEGMENT;
    if (length < f->edge - d->at)
        f->edge = d->at + length;
}

static void next_part(struct delta_codec *d)
{
    struct delta_full *f = &d->full;
    uint32_t left = d->target.size - d->at;
    f->edge = d->target.size;
    f->spot.in_code = false;
    f->view_at = NOTHING; /* read for another kind of place */
    if (f->part == HEAD)
        f->parts_left = (uint8_t)(delta_target_word(d, 0) >> 8);
    if (f->part == SEGMENT_HEAD) {
        begin_segment(d);
    } else if (f->parts_left > 0) {
        f->parts_left--;
        f->part = SEGMENT_HEAD;
        if (left > SEGMENT_HEAD_BYTES)
            f->edge = d->at + SEGMENT_HEAD_BYTES;
    } else {
        f->part = TAIL;
    }
}

/* --- bytes --- */

static void begin_unit(struct delta_full *f)
{
    f->have = 0;
    f->spot.now = 0;
    f->spot.phase = 0;
}

/* The unit in progress goes to the sector. */
static void put_unit(struct delta_codec *d, bool turns)
{
    struct delta_full *f = &d->full;
    unsigned n = f->have;
    if (turns)
        delta_full_to_stored(d->base.chip, f->unit, d->at + f->shift);
    begin_unit(f);
    for (unsigned i = 0; i < n; i++) {
        d->sector[d->at - d->flushed] = f->unit[i];
        if (++d->at - d->flushed == DELTA_SECTOR)
            delta_flush(d);
    }
}

static void put_code(struct delta_codec *d, uint8_t byte)
{
    struct delta_full *f = &d->full;
    const struct delta_chip *chip = d->base.chip;
    if (delta_full_is_entry(chip, f->unit, f->have, byte, d->at + f->have + f->shift))
        put_unit(d, false);
    f->unit[f->have] = byte;
    if (f->have == 4 && delta_full_length(chip, f->unit, 5) == 4) /* an AUIPC alone */
        put_unit(d, false);
    f->unit[f->have++] = byte;
    f->spot.now = (f->spot.now + byte + 1u) * 0x9E3779B1u;
    f->spot.phase = f->have;
    if (f->have == delta_full_length(chip, f->unit, f->have))
        put_unit(d, true);
    else if (d->at + f->have == f->edge)
        put_unit(d, false);
}

void delta_full_put(struct delta_codec *d, uint8_t byte)
{
    struct delta_full *f = &d->full;
    f->recent = f->recent << 8 | byte;
    f->spot.last = (uint32_t)f->recent;
    if (f->spot.in_code) {
        put_code(d, byte);
    } else {
        f->unit[0] = byte;
        f->have = 1;
        put_unit(d, false);
    }
    while (d->at == f->edge && d->at < d->target.size)
        next_part(d);
    if (!f->spot.in_code)
        f->spot.phase = d->at & 3u;
}

/* The byte `distance` back, as it would be coded at the present phase; 0 before the beginning. */
static uint8_t source_byte(struct delta_codec *d, uint32_t distance)
{
    struct delta_full *f = &d->full;
    if (distance <= DELTA_FULL_NEAR)
        return (uint8_t)(f->recent >> (8u * (distance - 1u)));
    if (distance > d->at)
        return 0;
    uint32_t from = d->at - distance;
    if (f->view_at != from) {
        f->view_at = from;
        d->parser.steps++;
        ot_store32(f->view, delta_target_word(d, from));
        if (f->spot.in_code) {
            ot_store32(f->view + 4, delta_target_word(d, from + 4u));
            delta_full_to_absolute(d->base.chip, f->view, from + f->shift);
        }
    }
    return f->view[f->have];
}

void delta_full_keys(const struct delta_spot *s, unsigned predicted, bool again,
                     uint32_t k[DELTA_FULL_CONTEXTS])
{
    unsigned phase = s->phase;
    k[0] = s->in_code ? delta_hash(s->now, 16 + phase) : delta_hash(phase, 1);
    k[1] = again ? delta_hash(predicted, s->in_code ? 2 : 3) : delta_hash(phase, s->in_code ? 4 : 1);
    k[2] = s->in_code ? delta_hash(s->last & 15u, 32 + phase) : delta_hash(s->last & 0xFFu, 5);
}

static uint8_t code_byte(struct delta_codec *d, uint8_t byte, unsigned predicted)
{
    struct delta_full *f = &d->full;
    bool again = delta_full_is_again(f->history);
    unsigned partial = 1, phase = delta_full_phase(&f->spot);
    uint32_t keys[DELTA_FULL_CONTEXTS];
    delta_full_keys(&f->spot, predicted, again, keys);
    for (unsigned i = 8; i-- > 0;) {
        uint16_t *slots[DELTA_FULL_CONTEXTS];
        delta_full_slots(f->table, keys, partial, slots);
        partial = partial << 1 | delta_code_mixed(&d->coder, byte >> i & 1u, f->weights[i][again][phase],
                                                  slots, DELTA_FULL_RATE, DELTA_FULL_LIMIT);
    }
    return (uint8_t)partial;
}

/* --- tokens --- */

static unsigned code_which(struct delta_codec *d, unsigned which)
{
    struct delta_full *f = &d->full;
    unsigned i = 0;
    while (i + 1u < DELTA_FULL_REPEATS &&
           delta_code_adaptive(&d->coder, which > i, &f->b_which[i][f->history & 1u]) != 0)
        i++;
    return i;
}

static unsigned find_distance(const struct delta_full *f, uint32_t distance)
{
    unsigned i = 0;
    while (i < DELTA_FULL_REPEATS && f->distances[i] != distance)
        i++;
    return i;
}

static void step_match(struct delta_codec *d, const struct delta_token *t)
{
    struct delta_full *f = &d->full;
    unsigned which = find_distance(f, t->distance), code = f->spot.in_code, was;
    uint32_t distance, length, position = delta_full_position(d);
    if (delta_code_adaptive(&d->coder, which < DELTA_FULL_REPEATS, &f->b_repeat[f->history]) != 0) {
        which = code_which(d, which);
        distance = f->distances[which];
        length = 1u + delta_code_number(&d->coder, &f->n_repeat, t->length - 1u);
        was = length == 1 ? DELTA_WAS_REPEATED_BYTE : DELTA_WAS_REPEATED;
    } else {
        which = DELTA_FULL_REPEATS - 1u;
        length = 2u + delta_code_number(&d->coder, &f->n_length[code], t->length - 2u);
        distance = 1u + delta_code_number(&d->coder, &f->n_distance[code][delta_full_sort(length)],
                                          t->distance - 1u);
        was = DELTA_WAS_NEW;
    }
    f->history = delta_full_pushed(f->history, was);
    for (; which > 0; which--)
        f->distances[which] = f->distances[which - 1];
    f->distances[0] = distance;
    f->left = length;
    if (distance > position || length > d->target.size - position)
        delta_fail(d, OT_E_PATCH_FORMAT);
}

static void step_token(struct delta_codec *d)
{
    struct delta_full *f = &d->full;
    const struct delta_script *script = delta_script_of(d);
    struct delta_token t = {0};
    if (script != NULL)
        script->token(script->ctx, delta_full_position(d), &t);
    if (delta_code_adaptive(&d->coder, t.length > 0, &f->b_match[f->history][delta_full_phase(&f->spot)]) !=
        0) {
        step_match(d, &t);
        return;
    }
    unsigned predicted = delta_full_is_again(f->history) ? source_byte(d, f->distances[0]) : 0;
    uint8_t byte = code_byte(d, t.byte, predicted);
    f->history = delta_full_pushed(f->history, DELTA_WAS_BYTE);
    delta_full_put(d, byte);
}

static void finish_when_complete(struct delta_codec *d)
{
    if (d->at < d->target.size)
        return;
    delta_flush(d);
    d->phase = DELTA_DONE;
}

void delta_full_step(struct delta_codec *d)
{
    struct delta_full *f = &d->full;
    d->parser.steps++;
    if (f->left == 0)
        step_token(d);
    for (unsigned i = 0; i < DELTA_FULL_STRETCH && f->left > 0 && d->failure == OT_OK; i++, f->left--)
        delta_full_put(d, source_byte(d, f->distances[0]));
    finish_when_complete(d);
}

void delta_stored_step(struct delta_codec *d)
{
    const struct delta_script *script = delta_script_of(d);
    uint8_t byte = script != NULL ? script->target[d->at] : 0;
    d->full.unit[0] = delta_code_raw(&d->coder, byte);
    d->full.have = 1;
    put_unit(d, false);
    finish_when_complete(d);
}
