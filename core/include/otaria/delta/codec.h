/**
 * The codec: one walk through the target, shared by decoder and maker. Private to core/delta and tools/delta.
 *
 * A patch body is a list of operations: some inserted bytes, then a copy of base units, each unit either as predicted or
 * with changed bytes. A copy has no length: it ends where a unit "comes out otherwise" and the next bit says so.
 *
 * The maker runs the same code with a script that knows target, operations and map, and a coder that emits.
 * Work: each step yields at least one target byte or one bounded header (DELTA_STEP_BITS coded bits at most).
 */
#ifndef OTARIA_DELTA_CODEC_H
#define OTARIA_DELTA_CODEC_H

#include "otaria/delta/byte_model.h"
#include "otaria/delta/coder.h"
#include "otaria/delta/full.h"
#include "otaria/delta/hits.h"
#include "otaria/delta/unit.h"

#include "otaria/crypto.h"
#include "otaria/image.h"

#define DELTA_MAP_MAX 1408u
#define DELTA_VALUE_CACHE                                                                                    \
    256u /* literal values -> where they stand in the new image, by eight bits of a hash */
#define DELTA_MISS_CACHE  64u  /* old target -> new target, where the map was wrong */
#define DELTA_SPAN_BYTES  704u /* of the target, read to look for a literal */
#define DELTA_NOISE_PIECE 256u /* inserted bytes that are noise, or not, together; */
#define DELTA_NOISE_LEAST 64u  /* fewer never are */
#define DELTA_STEP_BITS   140u
#define DELTA_SECTOR      OT_SECTOR_BYTES

/** From this old address on, what refers there goes `delta` further, modulo 2^32 and within +-2^23. */
struct delta_map_entry {
    uint32_t addr;
    uint32_t delta;
};

/** Entries by rising address, in seven bytes each. */
struct delta_map {
    uint32_t addr[DELTA_MAP_MAX];
    uint16_t low[DELTA_MAP_MAX];
    uint8_t high[DELTA_MAP_MAX];
};

struct delta_copy {
    uint32_t inserted; /* bytes before the copy */
    uint32_t old;      /* where it begins in the base */
    uint8_t phase;     /* bytes until the base's next unit begins */
};

/** What the maker knows; NULL in a decoder. Borrowed. */
struct delta_script {
    void *ctx;
    const uint8_t *target;
    /** The operation that begins at `at`. */
    void (*next)(void *ctx, uint32_t at, struct delta_copy *out);
    /** Are the next `len` inserted bytes noise, cheaper as they are? */
    bool (*is_noise)(void *ctx, uint32_t at, uint32_t len);
    /** Does the present copy end before `at`? */
    bool (*is_over)(void *ctx, uint32_t at);
    /** Full images instead of all these: the token that begins at `at`. */
    void (*token)(void *ctx, uint32_t at, struct delta_token *out);
};

struct delta_moved {
    uint32_t old, now; /* addresses; old 0: empty */
};

/** Bytes that the phase of a copy may skip: the longest unit less one. */
#define DELTA_PHASE_MAX 3u

enum delta_phase {
    DELTA_PREAMBLE,
    DELTA_MAP,
    DELTA_OPERATION,
    DELTA_INSERT,
    DELTA_COPY,
    DELTA_SIGNATURES,
    DELTA_FULL,   /* full.c: no base, */
    DELTA_STORED, /* and nothing coded */
    DELTA_DONE
};

struct delta_codec {
    struct delta_coder coder;
    const struct delta_script *script;
    enum delta_phase phase;
    enum ot_status failure; /* the first */

    /* images */
    struct delta_layout base, target;
    struct delta_lines target_lines; /* of what is written already */
    struct delta_parser parser;
    uint32_t gp_base, gp_target;
    uint32_t image_end; /* of the last segment; behind it padding, checksum, digest */
    bool has_digest;
    struct ot_digest identity; /* of the target: the appended bytes */

    const struct ot_crypto *crypto; /* to hash what a signature covers; NULL: signed targets are refused */
    uint32_t body_end; /* the target's size, less the signature sector where that is coded by itself */

    /* output */
    enum ot_status (*write)(void *ctx, uint32_t offset, const uint8_t *bytes, uint32_t len);
    void *write_ctx;
    uint8_t *sector; /* DELTA_SECTOR bytes: target from `flushed` on */
    uint32_t flushed, at;
    const struct delta_segment *here; /* target segment that holds `at`, or NULL */
    uint32_t edge;                    /* `here` holds until there */
    uint32_t checksum;                /* of its four bytes the exclusive or */
    uint32_t shift;                   /* of `here`, its address less its offset */

    struct delta_registers regs; /* of the new image */

    union {
        struct {
            struct delta_reader base_reader;

            /* the present operation */
            uint32_t inserting;  /* bytes left */
            uint32_t piece_left; /* of the present piece of them */
            bool is_noise;       /* which comes as it is */
            uint32_t old, old_begin, old_last_end;
            uint8_t phase_left;
            bool is_first_unit;
            uint32_t jumps[3]; /* base offset minus target offset of the last copies, newest first */
            uint32_t
                piece; /* map entry that covers the present old address; DELTA_NOWHERE: before the first */

            /* map and caches */
            uint32_t map_count, map_wanted;
            struct delta_map map;
            int luck;
            uint32_t values[DELTA_VALUE_CACHE]; /* offset above eight bits of the value's hash; 0 empty */
            struct delta_moved moved[DELTA_MISS_CACHE], moved_literals[DELTA_MISS_CACHE];
            uint32_t last_literal;      /* address in the new image of the literal loaded last; 0 none */
            uint32_t span_at, span_end; /* what of the target stands in `span`: around that literal */
            union {
                uint8_t span[DELTA_SPAN_BYTES];
                struct {
                    struct delta_number n_size, n_gap, n_shift; /* before the body only */
                };
            };

            /* signature sector */
            struct {
                bool is_begun, is_open, is_new_key;
                uint8_t count, at; /* blocks */
                uint16_t raw_at, raw_end, then_at, then_end;
                struct ot_digest covered;
            } signature;

            /* models */
            struct delta_hits hits;
            struct delta_bytes bytes;
            struct delta_number n_insert, n_jump;
            uint16_t b_phase[4], b_jump[8], b_ends[DELTA_HITS_GAPS * 2u], b_same[DELTA_KIND_SLOTS][4][8],
                b_shift[2], b_noise[2];
        };
        struct delta_full full; /* instead of all that */
    };
};

/** NULL in a decoder. */
static inline const struct delta_script *delta_script_of(const struct delta_codec *d)
{
    return delta_coder_emits(&d->coder) ? d->script : NULL;
}

void delta_codec_start(struct delta_codec *d, const struct ot_source *base, const struct ot_source *written,
                       const struct delta_script *script);
/** One step. `d->failure` tells of what went wrong; `d->phase` DELTA_DONE: the target is complete and flushed. */
void delta_codec_step(struct delta_codec *d);

/* target.c: the bytes that come out */
void delta_put(struct delta_codec *d, uint8_t byte);
/** A unit of `length` bytes at once; `word` has the first lowest and zeros behind the last. */
void delta_put_unit(struct delta_codec *d, uint32_t word, unsigned length);
void delta_flush(struct delta_codec *d);
/** `d->here` for `d->at`; after the segments are known. */
void delta_locate(struct delta_codec *d);
/** Word at `offset` of the target, which must be below d->at - 3. */
uint32_t delta_target_word(struct delta_codec *d, uint32_t offset);
/** Words so many bytes before and behind `offset` will be looked at: they are read at once. */
void delta_target_need(struct delta_codec *d, uint32_t offset, uint32_t reach);
/** The byte at d->at as header and segment table tell it; where they do not, `byte`. */
uint8_t delta_known_byte(const struct delta_codec *d, uint8_t byte);

/* signature.c */
void delta_step_signatures(struct delta_codec *d);

/* preamble.c: target segments and map */
void delta_step_preamble(struct delta_codec *d);
void delta_step_map(struct delta_codec *d);

/* refer.c: where references of the base go in the target */
uint32_t delta_map_lookup(const struct delta_codec *d, uint32_t addr);
/** Entry that covers `addr`, or DELTA_NOWHERE. */
uint32_t delta_map_find(const struct delta_codec *d, uint32_t addr);
/** Predict the new target of unit `u`, which stands at base address `from` and comes to stand at `to`. Returns the class. */
unsigned delta_predict(struct delta_codec *d, const struct delta_unit *u, uint32_t from, uint32_t to,
                       uint32_t *target);
/** The unit came out as `x`; `missed` when not as predicted. */
void delta_learn(struct delta_codec *d, const struct delta_unit *u, uint32_t x, uint32_t to, bool missed);
/** Xtensa: a word of a literal pool stands at this offset of the target. */
void delta_learn_literal_word(struct delta_codec *d, uint32_t value, uint32_t offset);

static inline uint32_t delta_map_delta(const struct delta_map *m, uint32_t i)
{
    return delta_extend((uint32_t)m->high[i] << 16 | m->low[i], 24);
}

static inline void delta_map_set(struct delta_map *m, uint32_t i, struct delta_map_entry e)
{
    m->addr[i] = e.addr;
    m->low[i] = (uint16_t)e.delta;
    m->high[i] = (uint8_t)(e.delta >> 16);
}

static inline void delta_fail(struct delta_codec *d, enum ot_status status)
{
    if (d->failure == OT_OK)
        d->failure = status;
}

#endif
