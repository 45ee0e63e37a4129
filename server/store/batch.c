/* Batches: operations of a closed list with copied values. */
#include "batch.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define OPERATION_SQL(name, sql, types)   sql,
#define OPERATION_TYPES(name, sql, types) types,
const char *const store_operation_sql[STORE_OPERATION_COUNT] = {STORE_OPERATIONS(OPERATION_SQL)};
static const char *const operation_types[STORE_OPERATION_COUNT] = {STORE_OPERATIONS(OPERATION_TYPES)};

static void *need(void *p)
{
    if (p == NULL)
        abort(); /* out of memory: better no server than one that forgets half of a change */
    return p;
}

struct store_batch *store_batch_new(void)
{
    return need(calloc(1, sizeof(struct store_batch)));
}

static void put(struct store_batch *batch, const void *bytes, size_t len)
{
    while (batch->capacity - batch->len < len) {
        batch->capacity = batch->capacity == 0 ? 256 : batch->capacity * 2;
        batch->bytes = need(realloc(batch->bytes, batch->capacity));
    }
    memcpy(batch->bytes + batch->len, bytes, len);
    batch->len += len;
}

static void put_number(struct store_batch *batch, int64_t number)
{
    put(batch, &number, sizeof number);
}

void store_add(struct store_batch *batch, enum store_operation kind, ...)
{
    va_list args;
    put_number(batch, (int64_t)kind);
    va_start(args, kind);
    for (const char *type = operation_types[kind]; *type != '\0'; type++) {
        if (*type == 'i') {
            put_number(batch, va_arg(args, int64_t));
        } else if (*type == 't') {
            const char *text = va_arg(args, const char *);
            put_number(batch, (int64_t)strlen(text));
            put(batch, text, strlen(text) + 1);
        } else {
            put(batch, va_arg(args, const struct ot_digest *)->bytes, OT_DIGEST_BYTES);
        }
    }
    va_end(args);
    batch->count++;
}

size_t store_batch_count(const struct store_batch *batch)
{
    return batch->count;
}

void store_batch_free(struct store_batch *batch)
{
    free(batch->bytes);
    free(batch);
}

/* --- reading it back --- */

static const void *get(const struct store_batch *batch, size_t *at, size_t len)
{
    const void *bytes = batch->bytes + *at;
    *at += len;
    return bytes;
}

static int64_t get_number(const struct store_batch *batch, size_t *at)
{
    int64_t number;
    memcpy(&number, get(batch, at, sizeof number), sizeof number);
    return number;
}

enum store_operation store_next(const struct store_batch *batch, size_t *at)
{
    return (enum store_operation)get_number(batch, at);
}

static int bind(sqlite3_stmt *statement, int column, char type, const struct store_batch *batch, size_t *at)
{
    if (type == 'i')
        return sqlite3_bind_int64(statement, column, get_number(batch, at));
    if (type != 't')
        return sqlite3_bind_blob(statement, column, get(batch, at, OT_DIGEST_BYTES), OT_DIGEST_BYTES,
                                 SQLITE_STATIC);
    size_t len = (size_t)get_number(batch, at);
    return sqlite3_bind_text(statement, column, get(batch, at, len + 1), (int)len, SQLITE_STATIC);
}

int store_run(sqlite3_stmt *statement, enum store_operation kind, const struct store_batch *batch, size_t *at)
{
    int rc = SQLITE_OK;
    for (int i = 0; operation_types[kind][i] != '\0'; i++) {
        int bound = bind(statement, i + 1, operation_types[kind][i], batch, at);
        rc = rc == SQLITE_OK ? bound : rc;
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}
