/**
 * The journal of the virtual device: a log over two flash sectors. `set` is atomic and durable: a power cut at any
 * flash operation leaves the old value or the new one. Byte layout: docs/formats.md "Journal log".
 *
 * Flash goes through three function pointers, so the power-cut tests can stand between.
 */
#ifndef LINUX_JOURNAL_LOG_H
#define LINUX_JOURNAL_LOG_H

#include <stdint.h>

#define JOURNAL_SECTOR_BYTES 4096u
#define JOURNAL_PAYLOAD_MAX  512u
#define JOURNAL_KEYS_MAX     16u

/** Offsets are from the first of the two sectors. Each returns 0, or -1 on failure. */
struct journal_flash {
    void *ctx;
    int (*read)(void *ctx, uint32_t offset, uint8_t *buf, uint32_t len);
    int (*program)(void *ctx, uint32_t offset, const uint8_t *buf, uint32_t len);
    int (*erase_sector)(void *ctx, uint32_t offset);
};

struct journal_log {
    struct journal_flash flash;
    int sector;          /* active: 0, 1, or -1: none yet */
    uint32_t generation; /* of the active sector */
    uint32_t end;        /* where the next record goes */
    int tail_is_torn;    /* something unreadable stands in it: compact before the next record */
    uint16_t
        at[JOURNAL_KEYS_MAX]; /* offset of the newest record of each key, from the first sector; 0 = none */
};

/** Find the active sector and index it. Never writes. 0, or -1 on a read error. */
int journal_log_open(struct journal_log *log, const struct journal_flash *flash);
/** 0 with `*len` (0: no such record), -1 on error or when longer than `cap`. */
int journal_log_get(struct journal_log *log, unsigned key, uint8_t *buf, uint32_t cap, uint32_t *len);
/** `len` 0 erases. 0 when durable. */
int journal_log_set(struct journal_log *log, unsigned key, const uint8_t *buf, uint32_t len);

#endif
