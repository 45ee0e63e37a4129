/* The history of devices in the database: rows that are joined, ended, cleared, and those of a time before there were any. */
#include "fleet/history.h"
#include "store/schema.h"
#include "temp_dir.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WITHOUT_HISTORY 11 /* the last schema that had none */

struct rows {
    char text[4000];
    size_t len;
};

/* "seq kind count at-until text;" */
static void on_row(void *ctx, const struct store_row *row)
{
    struct rows *r = ctx;
    r->len += (size_t)snprintf(r->text + r->len, sizeof r->text - r->len, "%d %d %d %d-%d %s;",
                               (int)store_int(row, 0), (int)store_int(row, 3), (int)store_int(row, 4),
                               (int)store_int(row, 1), (int)store_int(row, 2), store_text(row, 10));
}

static void put(struct store_batch *b, int64_t device, int64_t at_ms, enum history_kind kind, int64_t count,
                const char *text)
{
    struct ot_digest digest = {{0}};
    store_add(b, STORE_PUT_HISTORY, device, at_ms, (int64_t)kind, count, "", (int64_t)0, (int64_t)0,
              (int64_t)0, (int64_t)0, text, &digest, (int64_t)(kind == HISTORY_RESET));
}

/* Everything of a device that is on disk once the store has been closed. */
static void read_back(const char *path, int64_t device, struct rows *out)
{
    struct error err;
    struct store *s = store_open(path, &err);
    assert_non_null(s);
    *out = (struct rows){.len = 0};
    assert_int_equal(store_each(s, STORE_HISTORY, on_row, out, &err, device, (int64_t)0, (int64_t)1000), 0);
    store_close(s);
}

static void resets_alike_are_counted_and_a_release_ends_when_the_next_begins(void **state)
{
    struct temp_dir dir;
    struct error err;
    struct rows rows;
    (void)state;
    temp_dir_make(&dir);
    const char *path = temp_path(&dir, "otaria.db");
    struct store *s = store_open(path, &err);
    struct store_batch *b = store_batch_new();
    put(b, 7, 1, HISTORY_ENROLLED, 1, "");
    put(b, 7, 2, HISTORY_RUNS, 0, "1.0.0");
    put(b, 7, 3, HISTORY_RESET, 2, "dead");
    put(b, 7, 4, HISTORY_RESET, 1, "dead");
    put(b, 8, 4, HISTORY_RESET, 1, "dead"); /* another device */
    put(b, 7, 5, HISTORY_RESET, 1, "beef");
    put(b, 7, 6, HISTORY_EVENT, 1, "check");
    put(b, 7, 7, HISTORY_EVENT, 1, "check"); /* an event is never joined */
    put(b, 7, 8, HISTORY_RESET, 1, "beef");
    store_add(b, STORE_END_HISTORY, (int64_t)7, (int64_t)9, (int64_t)HISTORY_RUNS);
    put(b, 7, 9, HISTORY_RUNS, 0, "1.1.0");
    store_commit(s, b, NULL, NULL);
    store_close(s);
    read_back(path, 7, &rows);
    assert_string_equal(rows.text,
                        "1 1 1 1-1 ;2 10 1 2-9 1.0.0;3 30 3 3-4 dead;4 30 1 5-5 beef;5 20 1 6-6 check;"
                        "6 20 1 7-7 check;7 30 1 8-8 beef;8 10 0 9-9 1.1.0;");
    read_back(path, 8, &rows);
    assert_string_equal(rows.text, "1 30 1 4-4 dead;");
    temp_dir_remove(&dir);
}

static void clearing_leaves_the_newest_of_a_class_and_the_first_row(void **state)
{
    struct temp_dir dir;
    struct error err;
    struct rows rows;
    (void)state;
    temp_dir_make(&dir);
    const char *path = temp_path(&dir, "otaria.db");
    struct store *s = store_open(path, &err);
    struct store_batch *b = store_batch_new();
    put(b, 7, 0, HISTORY_EVENT, 1, "first");
    for (int i = 1; i <= 4; i++) {
        put(b, 7, i, HISTORY_EVENT, 1, "e");
        put(b, 7, i, HISTORY_STATE, 1, "s");
        put(b, 7, i, HISTORY_TAG, 1, "t");
    }
    put(b, 8, 1, HISTORY_EVENT, 1, "another device");
    store_add(b, STORE_CLEAR_HISTORY, (int64_t)7, (int64_t)20, (int64_t)29, (int64_t)2);
    store_add(b, STORE_CLEAR_HISTORY, (int64_t)7, (int64_t)30, (int64_t)39, (int64_t)2); /* there is none */
    store_commit(s, b, NULL, NULL);
    store_close(s);
    read_back(path, 7, &rows);
    assert_string_equal(rows.text,
                        "1 20 1 0-0 first;4 40 1 1-1 t;7 40 1 2-2 t;9 21 1 3-3 s;10 40 1 3-3 t;11 20 1 4-4 e;"
                        "12 21 1 4-4 s;13 40 1 4-4 t;");
    read_back(path, 8, &rows);
    assert_int_equal(rows.text[0], '1');
    temp_dir_remove(&dir);
}

static void a_database_from_before_gets_enrolments_and_events(void **state)
{
    struct temp_dir dir;
    struct rows rows;
    sqlite3 *db;
    (void)state;
    temp_dir_make(&dir);
    const char *path = temp_path(&dir, "otaria.db");
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    for (unsigned v = 0; v < WITHOUT_HISTORY; v++)
        assert_int_equal(sqlite3_exec(db, store_migrations[v], NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(db,
                     "INSERT INTO device(num,product,id,token,enrolled_ms,last_seen_ms,seq,facts) VALUES"
                     "(7,'p','a',x'01',100,0,0,''),(8,'p','b',x'02',200,0,0,'');"
                     "INSERT INTO event(device,seq,attempt,kind,reason,way,bytes,at_ms) VALUES"
                     "(7,9,'a-1',10,0,1,5,120),(7,4,'a-1',1,0,1,5,110),(9,1,'a-2',1,0,1,5,130);"
                     "PRAGMA user_version=11",
                     NULL, NULL, NULL),
        SQLITE_OK);
    sqlite3_close(db);
    read_back(path, 7, &rows);
    assert_string_equal(rows.text, "1 1 1 100-100 ;2 20 1 110-110 ;3 20 1 120-120 ;");
    read_back(path, 8, &rows);
    assert_string_equal(rows.text, "1 1 1 200-200 ;");
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resets_alike_are_counted_and_a_release_ends_when_the_next_begins),
        cmocka_unit_test(clearing_leaves_the_newest_of_a_class_and_the_first_row),
        cmocka_unit_test(a_database_from_before_gets_enrolments_and_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
