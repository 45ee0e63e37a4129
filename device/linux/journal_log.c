/*
 * Two-sector log.
 *
 *   sector:  0 "OTJL"  4 u32 generation  8 u32 crc of 0..7  12 FF FF FF FF   then records, 16-byte aligned
 *   record:  0 u16 0x4A52  2 u8 key  3 u8 0  4 u16 len  6 u16 ~len  8 u32 crc of 0..7 and payload  12 payload, padded
 *
 * A record is valid when its CRC is right; the newest valid one of a key counts. A sector is valid when its header is;
 * the header is programmed last, after all live records, so a cut during compaction leaves the old sector in charge.
 * After a torn record nothing more is appended to a sector: the next set compacts.
 *
 * The sector that was compacted from stays as it is until the next compaction. Where a record of the active one is
 * damaged and was the only one of its key (a program disturbs what stands beside it: the header stands beside the first
 * record), the key's record over there counts: it is the one that was copied. A key set to nothing while compacting
 * therefore leaves an empty record behind, not none.
 *
 * Flash lies now and then, so nothing is believed at once: what was written is read back, what cannot be read is read
 * again, and what stands behind an unreadable record is still found (records start on 16-byte boundaries).
 */
#include "journal_log.h"

#include "otaria/bytes.h"
#include "otaria/planted.h"

#include <string.h>

#define SECTOR_HEADER 16u
#define RECORD_HEADER 12u
#define RECORD_MAGIC  0x4A52u
#define READ_TRIES    3
#define WRITE_TRIES   2
#define RECORD_MAX    (RECORD_HEADER + JOURNAL_PAYLOAD_MAX + 16u)

static const uint8_t sector_magic[4] = {'O', 'T', 'J', 'L'};

static uint32_t record_bytes(uint32_t payload_len)
{
    return (RECORD_HEADER + payload_len + 15u) & ~15u;
}

static uint32_t base(int sector)
{
    return (uint32_t)sector * JOURNAL_SECTOR_BYTES;
}

static int read_generation(struct journal_log *log, int sector, uint32_t *generation)
{
    uint8_t h[SECTOR_HEADER];
    int failed = 0;
    *generation = 0;
    for (int i = 0; i < READ_TRIES && *generation == 0; i++) {
        failed = log->flash.read(log->flash.ctx, base(sector), h, sizeof h);
        if (failed == 0 && memcmp(h, sector_magic, 4) == 0 && ot_load32(h + 8) == ot_crc32(0, h, 8))
            *generation = ot_load32(h + 4);
    }
    return failed;
}

static uint32_t record_crc(const uint8_t *header, const uint8_t *payload, uint32_t len)
{
    return ot_crc32(ot_crc32(0, header, 8), payload, OT_PLANTED(2) ? 0 : len);
}

static int all_erased(const uint8_t *bytes, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++) {
        if (bytes[i] != 0xFF)
            return 0;
    }
    return 1;
}

/* Everything from `at` on must be erased, or a later append would program over something. */
static int is_erased(struct journal_log *log, int sector, uint32_t at)
{
    uint8_t bytes[256];
    const uint32_t step = sizeof bytes;
    for (uint32_t n; at < JOURNAL_SECTOR_BYTES; at += n) {
        n = step - at % step;
        if (log->flash.read(log->flash.ctx, base(sector) + at, bytes, n) != 0 || !all_erased(bytes, n))
            return 0;
    }
    return 1;
}

static int rest_is_erased(struct journal_log *log, int sector, uint32_t at)
{
    for (int i = 0; i < READ_TRIES; i++) {
        if (is_erased(log, sector, at))
            return 1;
    }
    return 0;
}

/* One try at the record at `place`, of either sector: 1 valid, 0 not. */
static int try_record(struct journal_log *log, uint32_t place, uint8_t record[RECORD_MAX], uint32_t *len)
{
    uint32_t room = JOURNAL_SECTOR_BYTES - place % JOURNAL_SECTOR_BYTES;
    if (room < RECORD_HEADER || log->flash.read(log->flash.ctx, place, record, RECORD_HEADER) != 0)
        return 0;
    *len = ot_load16(record + 4);
    if (ot_load16(record) != RECORD_MAGIC || record[2] >= JOURNAL_KEYS_MAX || *len > JOURNAL_PAYLOAD_MAX ||
        (*len ^ ot_load16(record + 6)) != 0xFFFFu || record_bytes(*len) > room)
        return 0;
    if (log->flash.read(log->flash.ctx, place + RECORD_HEADER, record + RECORD_HEADER, *len) != 0)
        return 0;
    return ot_load32(record + 8) == record_crc(record, record + RECORD_HEADER, *len);
}

/* A record that reads wrong once may read right the next time; a torn one stays torn. */
static int read_record(struct journal_log *log, uint32_t place, uint8_t record[RECORD_MAX], uint32_t *len)
{
    for (int i = 0; i < READ_TRIES; i++) {
        if (try_record(log, place, record, len))
            return 1;
    }
    return 0;
}

struct found {
    uint32_t end; /* behind the last valid record */
    int is_torn;  /* something unreadable stands there */
    uint16_t at[JOURNAL_KEYS_MAX];
};

static void search(struct journal_log *log, int sector, struct found *f)
{
    uint8_t record[RECORD_MAX];
    uint32_t len = 0;
    memset(f, 0, sizeof *f);
    f->end = SECTOR_HEADER;
    for (uint32_t at = SECTOR_HEADER; at + RECORD_HEADER <= JOURNAL_SECTOR_BYTES;) {
        if (read_record(log, base(sector) + at, record, &len)) {
            f->at[record[2]] = (uint16_t)(base(sector) + at);
            at += record_bytes(len);
            f->end = at;
            continue;
        }
        if (!f->is_torn && rest_is_erased(log, sector, at))
            return;
        if (OT_PLANTED(4))
            return;
        f->is_torn = 1; /* keep looking: a rotten record must not hide the newer ones behind it */
        at += 16;
    }
}

/* The active sector's records, and where it is damaged the sector's that it was made from. */
static void make_index(struct journal_log *log)
{
    struct found f;
    uint32_t generation;
    search(log, log->sector, &f);
    memcpy(log->at, f.at, sizeof log->at);
    log->end = f.end;
    log->tail_is_torn = f.is_torn;
    if (!f.is_torn || read_generation(log, 1 - log->sector, &generation) != 0 || generation == 0 ||
        generation != log->generation - 1)
        return;
    search(log, 1 - log->sector, &f);
    for (unsigned k = 0; k < JOURNAL_KEYS_MAX; k++) {
        if (log->at[k] == 0)
            log->at[k] = f.at[k];
    }
}

int journal_log_open(struct journal_log *log, const struct journal_flash *flash)
{
    uint32_t generation[2];
    memset(log, 0, sizeof *log);
    log->flash = *flash;
    log->sector = -1;
    for (int s = 0; s < 2; s++) {
        if (read_generation(log, s, &generation[s]) != 0)
            return -1;
        if (generation[s] > log->generation) {
            log->generation = generation[s];
            log->sector = s;
        }
    }
    if (log->sector >= 0)
        make_index(log);
    return 0;
}

int journal_log_get(struct journal_log *log, unsigned key, uint8_t *buf, uint32_t cap, uint32_t *len)
{
    uint8_t record[RECORD_MAX];
    *len = 0;
    if (key >= JOURNAL_KEYS_MAX)
        return -1;
    if (log->sector < 0 || log->at[key] == 0)
        return 0;
    if (!read_record(log, log->at[key], record, len) || *len > cap)
        return -1;
    memcpy(buf, record + RECORD_HEADER, *len);
    return 0;
}

static int reads_as(struct journal_log *log, uint32_t at, const uint8_t *bytes, uint32_t len)
{
    uint8_t back[64];
    for (uint32_t n; len > 0; at += n, bytes += n, len -= n) {
        n = len < sizeof back ? len : (uint32_t)sizeof back;
        if (log->flash.read(log->flash.ctx, at, back, n) != 0 || memcmp(back, bytes, n) != 0)
            return 0;
    }
    return 1;
}

/* Durable means: it reads back. Programming the same bytes again is harmless where the first command did nothing. */
static int program_checked(struct journal_log *log, uint32_t at, const uint8_t *bytes, uint32_t len)
{
    for (int i = 0; i < WRITE_TRIES; i++) {
        if (log->flash.program(log->flash.ctx, at, bytes, len) == 0 &&
            (OT_PLANTED(1) || reads_as(log, at, bytes, len)))
            return 0;
        if (reads_as(log, at, bytes, len))
            return 0;
    }
    return -1;
}

static int erase_checked(struct journal_log *log, int sector)
{
    for (int i = 0; i < WRITE_TRIES; i++) {
        if (log->flash.erase_sector(log->flash.ctx, base(sector)) == 0 && is_erased(log, sector, 0))
            return 0;
    }
    return -1;
}

static int append(struct journal_log *log, int sector, uint32_t at, unsigned key, const uint8_t *payload,
                  uint32_t len)
{
    uint8_t record[RECORD_MAX];
    memset(record, 0xFF, sizeof record);
    ot_store16(record, RECORD_MAGIC);
    record[2] = (uint8_t)key;
    record[3] = 0;
    ot_store16(record + 4, (uint16_t)len);
    ot_store16(record + 6, (uint16_t)~len);
    if (len > 0)
        memcpy(record + RECORD_HEADER, payload, len);
    ot_store32(record + 8, record_crc(record, record + RECORD_HEADER, len));
    return program_checked(log, base(sector) + at, record, record_bytes(len));
}

static int write_header(struct journal_log *log, int sector, uint32_t generation)
{
    uint8_t h[SECTOR_HEADER];
    memset(h, 0xFF, sizeof h);
    memcpy(h, sector_magic, sizeof sector_magic);
    ot_store32(h + 4, generation);
    ot_store32(h + 8, ot_crc32(0, h, 8));
    return program_checked(log, base(sector), h, sizeof h);
}

/* A record behind everything that stands in the active sector, torn or not. -1: not now. */
static int append_behind(struct journal_log *log, unsigned key, const uint8_t *payload, uint32_t len)
{
    while (log->end < JOURNAL_SECTOR_BYTES && !rest_is_erased(log, log->sector, log->end))
        log->end += 16;
    uint32_t at = log->end;
    if (record_bytes(len) > JOURNAL_SECTOR_BYTES - at) {
        log->at[key] = 0; /* no place: lost, or nothing could ever be written again */
        return 0;
    }
    log->end += record_bytes(len);
    if (append(log, log->sector, at, key, payload, len) != 0)
        return -1;
    log->at[key] = (uint16_t)(base(log->sector) + at);
    return 0;
}

/* What only the sector knows that is about to be erased is brought over first. */
static int rescue(struct journal_log *log, int from)
{
    uint8_t live[JOURNAL_PAYLOAD_MAX];
    uint32_t len = 0;
    for (unsigned k = 0; k < JOURNAL_KEYS_MAX; k++) {
        if (log->at[k] == 0 || log->at[k] / JOURNAL_SECTOR_BYTES != (uint32_t)from)
            continue;
        if (journal_log_get(log, k, live, sizeof live, &len) != 0 || append_behind(log, k, live, len) != 0)
            return -1;
    }
    return 0;
}

/* All live records but `key` into sector `to`, `key`'s new value behind them, the header last. */
static int compact(struct journal_log *log, int to, unsigned key, const uint8_t *payload, uint32_t len)
{
    uint8_t live[JOURNAL_PAYLOAD_MAX];
    uint32_t at = SECTOR_HEADER, live_len = 0;
    if (rescue(log, to) != 0 || erase_checked(log, to) != 0 ||
        (OT_PLANTED(3) && write_header(log, to, log->generation + 1) != 0))
        return -1;
    for (unsigned k = 0; k <= JOURNAL_KEYS_MAX; k++) {
        const uint8_t *bytes = k < JOURNAL_KEYS_MAX ? live : payload;
        if (k == key)
            continue;
        if (k < JOURNAL_KEYS_MAX && journal_log_get(log, k, live, sizeof live, &live_len) != 0)
            return -1; /* a live record that cannot be read must not be lost by leaving it behind */
        if (k == JOURNAL_KEYS_MAX)
            live_len = len;
        if (live_len == 0 && k < JOURNAL_KEYS_MAX)
            continue;
        if (record_bytes(live_len) > JOURNAL_SECTOR_BYTES - at ||
            append(log, to, at, k < JOURNAL_KEYS_MAX ? k : key, bytes, live_len) != 0)
            return -1;
        at += record_bytes(live_len);
    }
    if (write_header(log, to, log->generation + 1) != 0)
        return -1;
    log->sector = to;
    log->generation++;
    make_index(log);
    return 0;
}

int journal_log_set(struct journal_log *log, unsigned key, const uint8_t *buf, uint32_t len)
{
    if (key >= JOURNAL_KEYS_MAX || len > JOURNAL_PAYLOAD_MAX)
        return -1;
    if (log->sector < 0 && compact(log, 0, key, buf, len) == 0)
        return 0;
    if (log->sector < 0 || log->tail_is_torn || record_bytes(len) > JOURNAL_SECTOR_BYTES - log->end)
        return compact(log, log->sector == 1 ? 0 : 1, key, buf, len);
    if (append(log, log->sector, log->end, key, buf, len) != 0) {
        log->tail_is_torn = 1; /* a bad place: leave it behind */
        return compact(log, 1 - log->sector, key, buf, len);
    }
    log->at[key] = (uint16_t)(base(log->sector) + log->end);
    log->end += record_bytes(len);
    return 0;
}
