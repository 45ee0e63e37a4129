/**
 * The full image compressed: no base, the window is the target itself as far as it is written. Private.
 *
 * Tokens: a byte by itself, or a match (so many bytes, from so far back). Code is coded with its calls and literals
 * absolute: a unit is decoded in that form and turned before it is written, and what a match copies is turned the other
 * way when it is read, at the phase of the unit that it goes to. So nothing but the target itself is ever kept, and a
 * match costs a read of flash instead of RAM. Maker and decoder run the same steps. Format: docs/patch-format.md "Full images".
 * Work: a step yields at least one byte, at most DELTA_FULL_STRETCH, from at most 116 coded bits.
 */
#ifndef OTARIA_DELTA_FULL_H
#define OTARIA_DELTA_FULL_H

#include "otaria/delta/byte_model.h"
#include "otaria/delta/layout.h"

#define DELTA_FULL_UNIT     8u    /* bytes of the longest unit */
#define DELTA_FULL_NEAR     8u    /* so far back a match takes bytes as they were decoded */
#define DELTA_FULL_STRETCH  64u   /* bytes of a match copied in one step */
#define DELTA_FULL_SLOTS    9984u /* what the context leaves */
#define DELTA_FULL_CONTEXTS 3u
#define DELTA_FULL_LIMIT    15u
#define DELTA_FULL_RATE     2
#define DELTA_FULL_PHASES   8u /* code: byte of a unit, 3 for those behind; data: 4 and place in a word */
#define DELTA_FULL_HISTORY  64u
#define DELTA_FULL_REPEATS  4u /* distances remembered */
#define DELTA_FULL_SORTS    4u /* of matches, by length: 2, 3, 4, more */

/** Two bits a token, the newest lowest; three tokens. */
enum { DELTA_WAS_BYTE, DELTA_WAS_REPEATED_BYTE, DELTA_WAS_REPEATED, DELTA_WAS_NEW };

struct delta_token {
    uint32_t length, distance; /* length 0: a byte by itself, */
    uint8_t byte;              /* as decoded */
};

/** What the models know of the place the next byte goes to. */
struct delta_spot {
    uint32_t last; /* four bytes as decoded, the newest lowest */
    uint32_t now;  /* the unit so far, hashed; 0 where one begins and in data */
    uint8_t phase; /* bytes of the unit so far; of data the place in a word */
    bool in_code;
};

struct delta_full {
    /* where in the image */
    uint32_t edge;  /* the present part ends there */
    uint32_t shift; /* its addresses minus offsets */
    uint8_t part, parts_left;
    bool had_flash;
    /* the unit in progress: of the bytes decoded the last `have` are not in the sector yet */
    struct delta_spot spot;
    uint64_t recent; /* eight bytes as decoded, the newest lowest */
    uint8_t have;
    uint8_t unit[DELTA_FULL_UNIT];
    /* matches */
    uint32_t distances[DELTA_FULL_REPEATS]; /* the newest first */
    uint32_t left;                          /* bytes of the present match */
    uint32_t history;
    uint32_t view_at; /* offset of the unit in `view` */
    uint8_t view[DELTA_FULL_UNIT];
    /* models */
    struct delta_number n_length[2], n_repeat, n_distance[2][DELTA_FULL_SORTS];
    uint16_t b_match[DELTA_FULL_HISTORY][DELTA_FULL_PHASES], b_repeat[DELTA_FULL_HISTORY];
    uint16_t b_which[DELTA_FULL_REPEATS - 1u][2];
    int16_t weights[8][2][DELTA_FULL_PHASES][DELTA_BYTE_INPUTS]; /* Q12 */
    uint16_t table[DELTA_FULL_SLOTS];
};

struct delta_codec;

/** With `d->base.chip` (or NULL), `d->target.size`, sector and sources set. */
void delta_full_start(struct delta_codec *d);
/** A token, or some bytes of a match. `d->phase` DELTA_DONE: the target is complete and flushed. */
void delta_full_step(struct delta_codec *d);
/** A step of a stored target: a byte as it is. */
void delta_stored_step(struct delta_codec *d);

/* calls.c: units in the form in which they are coded */

/** Bytes of the unit that begins so, of which `have` are known, one at least; as long as they do not tell: the most. */
unsigned delta_full_length(const struct delta_chip *chip, const uint8_t *unit, unsigned have);
/** The unit at address `addr`, DELTA_FULL_UNIT bytes with what follows it: references absolute, or as they are stored. */
void delta_full_to_absolute(const struct delta_chip *chip, uint8_t *unit, uint32_t addr);
void delta_full_to_stored(const struct delta_chip *chip, uint8_t *unit, uint32_t addr);
/** `byte`, which goes to address `addr`, begins a function, and the unit in progress so far was misread. */
bool delta_full_is_entry(const struct delta_chip *chip, const uint8_t *unit, unsigned have, uint8_t byte,
                         uint32_t addr);

/* for the maker: what the steps are made of */

uint32_t delta_full_position(const struct delta_codec *d);
/** A decoded byte has its place. */
void delta_full_put(struct delta_codec *d, uint8_t byte);
void delta_full_keys(const struct delta_spot *s, unsigned predicted, bool again,
                     uint32_t keys[DELTA_FULL_CONTEXTS]);

static inline unsigned delta_full_phase(const struct delta_spot *s)
{
    return !s->in_code ? 4u + s->phase : s->phase < 3 ? s->phase : 3u;
}

static inline unsigned delta_full_sort(uint32_t length)
{
    return length < DELTA_FULL_SORTS + 1u ? length - 2u : DELTA_FULL_SORTS - 1u;
}

/** Of the newest token's kind: did it copy? Then the byte that would have followed is told. */
static inline bool delta_full_is_again(uint32_t history)
{
    return (history & 3u) != DELTA_WAS_BYTE;
}

static inline uint32_t delta_full_pushed(uint32_t history, unsigned was)
{
    return (history << 2 | was) % DELTA_FULL_HISTORY;
}

/** States of the next bit, `partial` being a 1 and the bits of the byte so far. */
static inline void delta_full_slots(uint16_t *table, const uint32_t keys[DELTA_FULL_CONTEXTS],
                                    uint32_t partial, uint16_t *slots[DELTA_FULL_CONTEXTS])
{
    for (unsigned j = 0; j < DELTA_FULL_CONTEXTS; j++)
        slots[j] = &table[(uint64_t)(keys[j] + partial * 0x9E3779B1u) * DELTA_FULL_SLOTS >> 32];
}

#endif
