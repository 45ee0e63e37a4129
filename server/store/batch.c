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

void store_add(struct store_batch *batch, enum store_operation kind, ...)
{
    va_list args;
    const char *types = operation_types[kind];
    if (batch->count == batch->capacity) {
        batch->capacity = batch->capacity == 0 ? 8 : batch->capacity * 2;
        batch->operations = need(realloc(batch->operations, batch->capacity * sizeof *batch->operations));
    }
    struct operation *op = &batch->operations[batch->count++];
    *op = (struct operation){.kind = kind, .count = (unsigned)strlen(types)};
    op->values = need(calloc(op->count, sizeof *op->values));
    va_start(args, kind);
    for (unsigned i = 0; i < op->count; i++) {
        struct value *v = &op->values[i];
        v->type = types[i];
        if (types[i] == 'i')
            v->number = va_arg(args, int64_t);
        else if (types[i] == 't')
            v->text = need(strdup(va_arg(args, const char *)));
        else
            v->digest = *va_arg(args, const struct ot_digest *);
    }
    va_end(args);
}

size_t store_batch_count(const struct store_batch *batch)
{
    return batch->count;
}

void store_batch_free(struct store_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        for (unsigned v = 0; v < batch->operations[i].count; v++)
            free(batch->operations[i].values[v].text);
        free(batch->operations[i].values);
    }
    free(batch->operations);
    free(batch);
}

int store_run(sqlite3_stmt *statement, const struct operation *op)
{
    int rc = SQLITE_OK;
    for (unsigned i = 0; rc == SQLITE_OK && i < op->count; i++) {
        const struct value *v = &op->values[i];
        int at = (int)i + 1;
        if (v->type == 'i')
            rc = sqlite3_bind_int64(statement, at, v->number);
        else if (v->type == 't')
            rc = sqlite3_bind_text(statement, at, v->text, -1, SQLITE_STATIC);
        else
            rc = sqlite3_bind_blob(statement, at, v->digest.bytes, OT_DIGEST_BYTES, SQLITE_STATIC);
    }
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    return rc;
}
