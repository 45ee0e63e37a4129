/**
 * A NOR flash chip in memory that can fail: copy-on-write snapshots, cuts within an operation, and the failures flash
 * has in the field. The virtual device runs on it as on a file; the fault matrix (tests/matrix) and the simulator do.
 *
 *     struct nor nor;
 *     nor_init(&nor, 4u << 20);
 *     world.flash = &nor.flash;
 *     nor.before = my_hook;                     // sees every command before it happens
 *     ... in the hook:  nor_tear(&nor, command, NOR_TEAR_PREFIX, 8, seed);  longjmp(...)
 *
 * Deterministic: what is random comes from a seed the caller gives. A snapshot costs two small arrays; sectors are
 * shared until one side changes them. One thread at a time. Memory: one block per sector that is not erased.
 */
#ifndef VDEV_NOR_H
#define VDEV_NOR_H

#include "base/flash.h"

#include <stdbool.h>

enum nor_op {
    NOR_READ,
    NOR_PROGRAM, /* within one page */
    NOR_ERASE,   /* one sector */
    NOR_BURN,    /* no flash at all: a world hands its eFuse burns to the same hooks, under this name */
};

struct nor_command {
    enum nor_op op;
    uint32_t offset, len;
    const uint8_t *bytes; /* NOR_PROGRAM */
};

enum nor_answer {
    NOR_DO = 0,
    NOR_FAIL, /* the chip says so; nothing has changed */
    NOR_SKIP, /* it says it has done it, and has not (for a read: as NOR_DO) */
    NOR_FLIP, /* a read delivers one wrong bit; the flash itself is right */
};

/** How an operation is left when the power goes. */
enum nor_tear_kind {
    NOR_TEAR_NOT_DONE,
    NOR_TEAR_DONE,
    NOR_TEAR_PREFIX,   /* arg: bytes done */
    NOR_TEAR_WORDS,    /* arg 0..3: which 4-byte words are done: last only, all but first, even, odd */
    NOR_TEAR_BITS,     /* a random subset of the bits that change */
    NOR_TEAR_UNSTABLE, /* bits that change read differently each time, until the sector is erased */
    NOR_TEAR_WEAK,     /* reads as done; some bits fall back at the next power-on */
    NOR_TEAR_DISTURB,  /* done, and one bit of a neighbouring byte is cleared */
};

#define NOR_MARKS_MAX 8u

struct nor_sector;

/** A region whose bits are not settled: between `old` and the present content. */
struct nor_mark {
    bool is_weak; /* else unstable */
    uint32_t sector;
    struct nor_sector *old;
};

struct nor_stuck {
    uint32_t offset;
    uint8_t mask;  /* these bits ... */
    uint8_t value; /* ... always read so */
};

/** What a snapshot holds; nor_snapshot_drop() frees it. */
struct nor_state {
    struct nor_sector **map; /* NULL: erased */
    uint16_t *wear;          /* erases of each sector */
    unsigned mark_count;
    struct nor_mark marks[NOR_MARKS_MAX];
};

struct nor {
    struct flash flash;
    struct nor_state now;
    uint32_t sector_count;
    uint64_t chance; /* state of the generator behind unstable reads */
    struct nor_stuck stuck;
    /** May be NULL. Called before each command; may leave by longjmp. */
    enum nor_answer (*before)(void *ctx, const struct nor_command *command);
    void *ctx;
    bool hook_reads;          /* `before` sees reads too */
    struct nor_sector *spare; /* free list */
};

/** Aborts the program when memory runs out. */
void nor_init(struct nor *nor, uint32_t size);
void nor_fini(struct nor *nor);

void nor_snapshot(struct nor *nor, struct nor_state *out);
/** `from` stays valid. */
void nor_restore(struct nor *nor, const struct nor_state *from);
void nor_snapshot_drop(struct nor *nor, struct nor_state *state);

/** Leave `command` as `kind` says. The hook is not asked. */
void nor_tear(struct nor *nor, const struct nor_command *command, enum nor_tear_kind kind, uint32_t arg,
              uint64_t seed);
/** Weak bits fall back. */
void nor_power_on(struct nor *nor, uint64_t seed);

/** Does this program command ask for a 1 where a 0 stands? A bug in whoever gives it. */
bool nor_asks_the_impossible(const struct nor *nor, const struct nor_command *command);

/** Past all rules of NOR: content as it stands, without unstable bits. */
void nor_peek(const struct nor *nor, uint32_t offset, uint8_t *buf, uint32_t len);
void nor_poke(struct nor *nor, uint32_t offset, const uint8_t *buf, uint32_t len);

/** Next number of a splitmix64 generator. */
uint64_t nor_random(uint64_t *state);

#endif
