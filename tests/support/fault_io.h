/**
 * Writing to disk that goes wrong, inside a test program: link fault_io.c into the executable itself, so that its write(),
 * pwrite64(), ftruncate64(), fsync(), fdatasync(), rename() and unlink() stand before the C library's, for SQLite too.
 *
 *     fault_io_arm(FAULT_KILL, 17, 1);     the 17th call from now ends the process, before it does anything
 *
 * Only regular files are counted; nothing is, before the first arm. Syncs are counted and remembered, not done: what the
 * machine's disk does is not what is tested here.
 */
#ifndef FAULT_IO_H
#define FAULT_IO_H

#include <stdint.h>

enum fault {
    FAULT_NONE = 0, /* only count */
    FAULT_KILL,     /* kill -9: what was written is there */
    FAULT_POWER,    /* power loss: of what was not synced, any part is there, sectors torn */
    FAULT_FULL,     /* the disk is full: ENOSPC; a write may have put a part of its bytes there */
    FAULT_IO,       /* EIO */
    FAULT_HOLD,     /* waits until the next fault_io_arm() */
};

/** From now on: calls `at` to `at + count - 1` (counted from 1) go wrong. */
void fault_io_arm(enum fault kind, uint64_t at, uint64_t count);
/** Calls since. */
uint64_t fault_io_calls(void);
/** What decides which parts are there after a power loss. */
void fault_io_seed(uint64_t seed);

/** Exit status of a process that fault_io ended: FAULT_KILL and FAULT_POWER. */
#define FAULT_EXIT 99

#endif
