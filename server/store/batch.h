/** What a batch holds. Private to server/store. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "store.h"

#include <sqlite3.h>

/*
 * Operations one behind the other: the kind's number, then its values as the kind's types say: 8 bytes of a number, 32 of
 * a digest, 8 of a length and a text with its NUL. A rollout of a million members is one batch: every byte counts.
 */
struct store_batch {
    uint8_t *bytes;
    size_t len, capacity, count;
    void (*done)(void *ctx);
    void *ctx;
    struct store_batch *next;
};

extern const char *const store_operation_sql[STORE_OPERATION_COUNT];
/** Kind of the operation at `*at`; moves on to its values. */
enum store_operation store_next(const struct store_batch *batch, size_t *at);
/** Bind and run it; moves on behind its values. SQLITE_DONE when good. */
int store_run(sqlite3_stmt *statement, enum store_operation kind, const struct store_batch *batch,
              size_t *at);

#endif
