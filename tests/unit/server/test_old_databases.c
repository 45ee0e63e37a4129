/*
 * A database of any older schema opens and means what it meant: for each version one is made by the migrations up to it,
 * with a product, a device and a running rollout as that server wrote them, and opened by this one.
 */
#include "fleet/fleet.h"
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

#define DIGEST(c) "x'" c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c "'"
#define HEX       "abababababababababababababababababababababababababababababababab"

/* In the words of the first schema. A soak of zero was allowed then. */
static const char rows[] =
    "INSERT INTO meta VALUES('mono_ms', 5000000);"
    "INSERT INTO product(name,seed,rings,trust,created_ms) VALUES('lamp'," DIGEST(
        "11") ",'[\"internal\",\"10%\",\"rest\"]',"
              "'[\"" HEX "\"]',1000);"
              "INSERT INTO token VALUES('t-1'," DIGEST(
                  "22") ",'admin','',-1,0,1000);"
                        "INSERT INTO device VALUES(7,'lamp','lamp-0001'," DIGEST(
                            "33") ",1000,2000,4,'');"
                                  "INSERT INTO tag VALUES(7,'internal');"
                                  "INSERT INTO release VALUES(3,'lamp','1.0.0',100,1000);"
                                  "INSERT INTO image(release,digest,sha256,bytes,blocks,chip,hw_revs,floor,secure_version,min_slot,undescribed,keys)"
                                  " VALUES(3," DIGEST("44") "," DIGEST("55") ",65536," DIGEST(
                                      "66") ",5,7,0,0,0,0,'[\"" HEX "\"]');"
                                            "INSERT INTO rollout(id,product,release,state,reason,plan,created_ms) VALUES(9,'lamp',3,1,'',"
                                            "'{\"rings\":[\"internal\",\"10%\",\"rest\"],\"soak_s\":0,\"in_flight\":5,\"quorum_percent\":90,\"max_failure_percent\":10,"
                                            "\"max_crashes_per_device_day\":100,\"stale_after_s\":43200,\"lease_s\":3600}',1000);"
                                            "INSERT INTO ring(rollout,idx,state,bound,widened_at,opened_ms) VALUES(9,0,1,4294967295,0,4000000),(9,1,0,0,0,0),"
                                            "(9,2,0,0,0,0);"
                                            "INSERT INTO member(rollout,device,ring,state,reason,attempt,way,bytes,offered_ms,changed_ms,changed_at_ms,soak_ms,"
                                            "seen_ms,soaking,crashes_base,crashes_seen,exposure_ms) VALUES(9,7,0,2,0,12,1,100,4900000,4950000,1500,0,4950000,0,0,0,0);";

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail_msg("%s: %.60s", message, sql);
}

static void make(const char *path, int version)
{
    char pragma[64];
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    run(db, "PRAGMA synchronous=OFF; BEGIN");
    run(db, store_migrations[0]);
    run(db, rows);
    for (int v = 1; v < version; v++)
        run(db, store_migrations[v]);
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d; COMMIT", version);
    run(db, pragma);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void check(const char *dir)
{
    struct error err = {{0}};
    struct fleet *f = fleet_open(dir, 60, NULL, &err);
    if (f == NULL)
        fail_msg("%s", err.text);
    const struct fleet_product *p = fleet_product(f, "lamp");
    assert_true(p != NULL && p->rings.count == 3 && p->strata.count == 0 && p->trust_count == 1);
    const struct fleet_device *d = fleet_device(p, "lamp-0001");
    assert_true(d != NULL && d->seq == 4 && d->tag_count == 1 && d->membership_count == 1);
    const struct fleet_rollout *r = fleet_rollout(f, 9);
    assert_true(r != NULL && r->engine.state == ROLLOUT_RUNNING && r->filter == NULL);
    assert_true(r->engine.plan.soak_s == 0 && r->engine.plan.rings.count == 3 &&
                r->engine.stratum_count == 0);
    assert_int_equal(r->engine.members[0].state, ATTEMPT_DOWNLOADING);
    assert_true(r->engine.members[0].attempt == 12 && r->engine.members[0].ring == 0);
    assert_null(rollout_check(&r->engine));
    fleet_tick(f);
    assert_null(rollout_check(&r->engine));
    fleet_close(f);
}

static void every_older_schema_opens_and_means_what_it_meant(void **state)
{
    (void)state;
    for (int version = 1; version <= STORE_SCHEMA_VERSION; version++) {
        struct temp_dir dir;
        temp_dir_make(&dir);
        make(temp_path(&dir, "otaria.db"), version);
        check(dir.path);
        check(dir.path); /* and again, by what this server has written */
        temp_dir_remove(&dir);
    }
}

static void a_newer_schema_is_refused(void **state)
{
    struct temp_dir dir;
    struct error err = {{0}};
    (void)state;
    temp_dir_make(&dir);
    make(temp_path(&dir, "otaria.db"), STORE_SCHEMA_VERSION);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(temp_path(&dir, "otaria.db"), &db), SQLITE_OK);
    char pragma[64];
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", STORE_SCHEMA_VERSION + 1);
    run(db, pragma);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    assert_null(fleet_open(dir.path, 60, NULL, &err));
    assert_true(err.text[0] != '\0');
    temp_dir_remove(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_older_schema_opens_and_means_what_it_meant),
        cmocka_unit_test(a_newer_schema_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
