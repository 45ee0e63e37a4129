/*
 * SQLite: WAL, synchronous=FULL, one writer thread with group commit, one reading connection.
 */
#include "base/log.h"
#include "batch.h"
#include "planted.h"
#include "schema.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define EXIT_STORE_FAILED 70
#define FULL_WAIT_NS      200000000L

struct store_row {
    sqlite3_stmt *statement;
};

struct store {
    sqlite3 *writer, *reader;
    sqlite3_stmt *operations[STORE_OPERATION_COUNT];
    sqlite3_stmt *queries[STORE_QUERY_COUNT];
    pthread_mutex_t lock, read_lock;
    pthread_cond_t queued, written;
    struct store_batch *first, *last;
    size_t waiting; /* batches not on disk */
    bool stopping, has_thread;
    atomic_bool full;
    pthread_t thread;
};

#define QUERY_SQL(name, sql, types)   sql,
#define QUERY_TYPES(name, sql, types) types,
static const char *const query_sql[STORE_QUERY_COUNT] = {STORE_QUERIES(QUERY_SQL)};
static const char *const query_types[STORE_QUERY_COUNT] = {STORE_QUERIES(QUERY_TYPES)};

static int fail(struct store *s, sqlite3 *db, struct error *err, const char *what)
{
    error_set(err, "database: %s: %s", what, db != NULL ? sqlite3_errmsg(db) : "out of memory");
    store_close(s);
    return -1;
}

/* Each connection belongs to one thread at a time: the writer, or who holds read_lock. It needs no locks of its own. */
static int open_connection(const char *path, sqlite3 **db)
{
    int rc =
        sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(*db, 10000);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(
            *db,
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            "PRAGMA trusted_schema=OFF; PRAGMA cache_size=-65536;", /* 64 MiB, if the database is that large */
            NULL, NULL, NULL);
    if (rc == SQLITE_OK && OT_PLANTED(202))
        rc = sqlite3_exec(*db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    return rc;
}

static int schema_version(sqlite3 *db, int *version)
{
    sqlite3_stmt *st = NULL;
    int rc = sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &st, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(st);
    if (rc == SQLITE_ROW)
        *version = sqlite3_column_int(st, 0);
    sqlite3_finalize(st);
    return rc == SQLITE_ROW ? SQLITE_OK : SQLITE_ERROR;
}

/* Each step is one transaction, its version with it: interrupted, it is whole or not there. */
static int migrate(sqlite3 *db, int from)
{
    char pragma[64];
    for (int v = from; v < STORE_SCHEMA_VERSION; v++) {
        snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", v + 1);
        if (sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(db, store_migrations[v], NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(db, pragma, NULL, NULL, NULL) != SQLITE_OK ||
            sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
            return -1;
    }
    return 0;
}

static int prepare(struct store *s)
{
    for (int i = 0; i < STORE_OPERATION_COUNT; i++) {
        if (sqlite3_prepare_v3(s->writer, store_operation_sql[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &s->operations[i], NULL) != SQLITE_OK)
            return -1;
    }
    for (int i = 0; i < STORE_QUERY_COUNT; i++) {
        if (sqlite3_prepare_v3(s->reader, query_sql[i], -1, SQLITE_PREPARE_PERSISTENT, &s->queries[i],
                               NULL) != SQLITE_OK)
            return -1;
    }
    return 0;
}

/* --- writer --- */

static void die(struct store *s, const char *what)
{
    log_error("store.failed", "what=%s error=\"%s\" extended=%d", what, sqlite3_errmsg(s->writer),
              sqlite3_extended_errcode(s->writer));
    _exit(EXIT_STORE_FAILED);
}

/* SQLITE_OK, or SQLITE_FULL with nothing done. */
static int write_all(struct store *s, const struct store_batch *list)
{
    int rc = sqlite3_exec(s->writer, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc != SQLITE_OK && rc != SQLITE_FULL)
        die(s, "begin");
    for (const struct store_batch *b = list; b != NULL && rc != SQLITE_FULL; b = b->next) {
        for (size_t at = 0; at < b->len && rc != SQLITE_FULL;) {
            enum store_operation kind = store_next(b, &at);
            rc = store_run(s->operations[kind], kind, b, &at);
            if (rc != SQLITE_DONE && rc != SQLITE_FULL)
                die(s, store_operation_sql[kind]);
        }
    }
    if (rc != SQLITE_FULL)
        rc = sqlite3_exec(s->writer, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK && rc != SQLITE_FULL)
        die(s, "commit");
    if (rc == SQLITE_FULL && sqlite3_get_autocommit(s->writer) == 0 &&
        sqlite3_exec(s->writer, "ROLLBACK", NULL, NULL, NULL) != SQLITE_OK)
        die(s, "rollback");
    return rc;
}

static bool has_operations(const struct store_batch *list)
{
    while (list != NULL && list->count == 0)
        list = list->next;
    return list != NULL;
}

static void set_full(struct store *s, bool full)
{
    if (atomic_exchange(&s->full, full) == full)
        return;
    if (full)
        log_error("store.full", "note=\"nothing is stored or offered until there is space on the disk\"");
    else
        log_warn("store.not_full", "note=\"what had waited is stored\"");
}

static bool is_stopping(struct store *s)
{
    pthread_mutex_lock(&s->lock);
    bool stopping = s->stopping;
    pthread_mutex_unlock(&s->lock);
    return stopping;
}

/* A full disk is waited for: nobody has been told anything, so nothing has to be taken back. */
static void execute(struct store *s, struct store_batch *list)
{
    static const struct timespec pause = {.tv_nsec = FULL_WAIT_NS};
    while (has_operations(list) && write_all(s, list) == SQLITE_FULL && !OT_PLANTED(204)) {
        set_full(s, true);
        if (is_stopping(s))
            die(s, "full");
        nanosleep(&pause, NULL);
    }
    set_full(s, false);
}

static size_t finish(struct store_batch *list)
{
    size_t count = 0;
    for (; list != NULL; count++) {
        struct store_batch *b = list;
        list = b->next;
        if (b->done != NULL)
            b->done(b->ctx);
        store_batch_free(b);
    }
    return count;
}

static void *write_forever(void *arg)
{
    struct store *s = arg;
    for (;;) {
        pthread_mutex_lock(&s->lock);
        while (s->first == NULL && !s->stopping)
            pthread_cond_wait(&s->queued, &s->lock);
        struct store_batch *list = s->first;
        s->first = s->last = NULL;
        pthread_mutex_unlock(&s->lock);
        if (list == NULL)
            return NULL;
        execute(s, list);
        size_t count = finish(list);
        pthread_mutex_lock(&s->lock);
        s->waiting -= count;
        pthread_cond_broadcast(&s->written);
        pthread_mutex_unlock(&s->lock);
    }
}

void store_wait(struct store *s, size_t most)
{
    pthread_mutex_lock(&s->lock);
    while (s->waiting > most)
        pthread_cond_wait(&s->written, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

void store_commit(struct store *s, struct store_batch *take_batch, void (*done)(void *ctx), void *ctx)
{
    if (OT_PLANTED(201) && done != NULL) {
        done(ctx);
        done = NULL;
    }
    take_batch->done = done;
    take_batch->ctx = ctx;
    take_batch->next = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->last != NULL)
        s->last->next = take_batch;
    else
        s->first = take_batch;
    s->last = take_batch;
    s->waiting++;
    pthread_cond_signal(&s->queued);
    pthread_mutex_unlock(&s->lock);
}

bool store_is_full(const struct store *s)
{
    return atomic_load(&s->full);
}

/* --- open, close --- */

struct store *store_open(const char *path, struct error *err)
{
    int version = -1;
    struct store *s = calloc(1, sizeof *s);
    if (s == NULL) {
        error_set(err, "database: out of memory");
        return NULL;
    }
    pthread_mutex_init(&s->lock, NULL);
    pthread_mutex_init(&s->read_lock, NULL);
    pthread_cond_init(&s->queued, NULL);
    pthread_cond_init(&s->written, NULL);
    if (open_connection(path, &s->writer) != SQLITE_OK || schema_version(s->writer, &version) != SQLITE_OK) {
        fail(s, s->writer, err, path);
        return NULL;
    }
    if (version < 0) {
        error_set(err, "database %s has schema %d: it is damaged, restore a backup", path, version);
        store_close(s);
        return NULL;
    }
    if (version > STORE_SCHEMA_VERSION) {
        error_set(err, "database %s has schema %d, this otariad knows %d: use the newer otariad", path,
                  version, STORE_SCHEMA_VERSION);
        store_close(s);
        return NULL;
    }
    if (migrate(s->writer, version) != 0 || open_connection(path, &s->reader) != SQLITE_OK ||
        prepare(s) != 0) {
        fail(s, s->reader != NULL ? s->reader : s->writer, err, path);
        return NULL;
    }
    if (pthread_create(&s->thread, NULL, write_forever, s) != 0) {
        fail(s, NULL, err, "writer thread");
        return NULL;
    }
    s->has_thread = true;
    return s;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    if (s->has_thread) {
        pthread_mutex_lock(&s->lock);
        s->stopping = true;
        pthread_cond_signal(&s->queued);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
    }
    for (int i = 0; i < STORE_OPERATION_COUNT; i++)
        sqlite3_finalize(s->operations[i]);
    for (int i = 0; i < STORE_QUERY_COUNT; i++)
        sqlite3_finalize(s->queries[i]);
    sqlite3_close(s->reader);
    sqlite3_close(s->writer);
    pthread_cond_destroy(&s->queued);
    pthread_cond_destroy(&s->written);
    pthread_mutex_destroy(&s->read_lock);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

/* --- reading --- */

static int bind_parameters(sqlite3_stmt *st, const char *types, va_list args)
{
    int rc = SQLITE_OK;
    for (int i = 0; rc == SQLITE_OK && types[i] != '\0'; i++) {
        if (types[i] == 'i')
            rc = sqlite3_bind_int64(st, i + 1, va_arg(args, int64_t));
        else
            rc = sqlite3_bind_text(st, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
    }
    return rc;
}

int store_each(struct store *s, enum store_query query, store_row_fn *fn, void *ctx, struct error *err, ...)
{
    va_list args;
    int rc;
    sqlite3_stmt *st = s->queries[query];
    struct store_row row = {.statement = st};
    pthread_mutex_lock(&s->read_lock);
    va_start(args, err);
    rc = bind_parameters(st, query_types[query], args);
    va_end(args);
    while (rc == SQLITE_OK || rc == SQLITE_ROW) {
        rc = sqlite3_step(st);
        if (rc == SQLITE_ROW)
            fn(ctx, &row);
    }
    if (rc != SQLITE_DONE)
        error_set(err, "database: %s", sqlite3_errmsg(s->reader));
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
    pthread_mutex_unlock(&s->read_lock);
    return rc == SQLITE_DONE ? 0 : -1;
}

int64_t store_int(const struct store_row *row, int column)
{
    return sqlite3_column_int64(row->statement, column);
}

const char *store_text(const struct store_row *row, int column)
{
    const unsigned char *text = sqlite3_column_text(row->statement, column);
    return text != NULL ? (const char *)text : "";
}

struct ot_digest store_digest(const struct store_row *row, int column)
{
    struct ot_digest d = {{0}};
    const void *bytes = sqlite3_column_blob(row->statement, column);
    if (bytes != NULL && sqlite3_column_bytes(row->statement, column) == (int)OT_DIGEST_BYTES)
        memcpy(d.bytes, bytes, OT_DIGEST_BYTES);
    return d;
}
