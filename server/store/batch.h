/** What a batch holds. Private to server/store. */
#ifndef STORE_BATCH_H
#define STORE_BATCH_H

#include "store.h"

#include <sqlite3.h>

struct value {
    char type; /* i, t, d */
    int64_t number;
    char *text;
    struct ot_digest digest;
};

struct operation {
    enum store_operation kind;
    unsigned count;
    struct value *values;
};

struct store_batch {
    struct operation *operations;
    size_t count, capacity;
    void (*done)(void *ctx);
    void *ctx;
    struct store_batch *next;
};

extern const char *const store_operation_sql[STORE_OPERATION_COUNT];
/** Bind and run one operation. SQLITE_DONE when good. */
int store_run(sqlite3_stmt *statement, const struct operation *operation);

#endif
