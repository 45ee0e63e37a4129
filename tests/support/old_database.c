/* See old_database.h. */
#include "old_database.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

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

static sqlite3 *open_file(const char *path)
{
    sqlite3 *db = NULL;
    if (sqlite3_open(path, &db) != SQLITE_OK)
        abort();
    return db;
}

static void run(sqlite3 *db, const char *sql)
{
    char *message = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK)
        return;
    fprintf(stderr, "%s: %.60s\n", message, sql);
    abort();
}

void old_database_make(const char *path, int version)
{
    char pragma[64];
    sqlite3 *db = open_file(path);
    run(db, "PRAGMA synchronous=OFF; BEGIN");
    run(db, store_migrations[0]);
    run(db, rows);
    for (int v = 1; v < version; v++)
        run(db, store_migrations[v]);
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d; COMMIT", version);
    run(db, pragma);
    sqlite3_close(db);
}

void old_database_claim(const char *path, int version)
{
    char pragma[64];
    sqlite3 *db = open_file(path);
    snprintf(pragma, sizeof pragma, "PRAGMA user_version=%d", version);
    run(db, pragma);
    sqlite3_close(db);
}
