/**
 * The database: the only room that knows SQL.
 *
 * Writing: build a batch of operations from the closed list below, commit it, and be told when it is on disk. One
 * writer thread puts every batch that is waiting into one transaction, so the queue that forms during one sync is the
 * next transaction. A commit that fails ends the process: what memory says would no longer be what the disk says. A full
 * disk alone does not: the transaction waits, nobody is told that it is durable, and goes through when there is space.
 *
 *     struct store_batch *b = store_batch_new();
 *     store_add(b, STORE_PUT_TAG, (int64_t)device, "internal");
 *     store_commit(store, b, on_durable, request);
 *
 * Reading: store_each() runs a query of the closed list on a connection of its own, on the caller's thread.
 * Only committed rows are seen.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/error.h"
#include "otaria/crypto.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;
struct store_batch;
struct store_row;

/* X(name, SQL, types): i int64_t, t const char *, d const struct ot_digest *, b const void * + size_t */
#define STORE_OPERATIONS(X)                                                                                            \
    X(STORE_PUT_META, "INSERT OR REPLACE INTO meta(key,value) VALUES(?,?)", "ti")                                      \
    X(STORE_PUT_PRODUCT, "INSERT INTO product(name,seed,rings,trust,created_ms) VALUES(?,?,?,?,?)", "tdtti")           \
    X(STORE_SET_PRODUCT,                                                                                               \
      "UPDATE product SET seed=?, rings=?, strata=?, strata_min=?, metrics=?, duty_cycle_s=? WHERE name=?",            \
      "dttitit")                                                                                                       \
    X(STORE_PUT_TOKEN,                                                                                                 \
      "INSERT INTO token(id,sha256,role,product,uses,expires_s,created_ms) "                                           \
      "VALUES(?,?,?,?,?,?,?)",                                                                                         \
      "tdttiii")                                                                                                       \
    X(STORE_SET_TOKEN_USES, "UPDATE token SET uses=? WHERE id=?", "it")                                                \
    X(STORE_PUT_DEVICE,                                                                                                \
      "INSERT INTO device(num,product,id,token,enrolled_ms,last_seen_ms,seq,facts) "                                   \
      "VALUES(?,?,?,?,?,?,0,?)",                                                                                       \
      "ittdiit")                                                                                                       \
    X(STORE_SET_DEVICE,                                                                                                \
      "UPDATE device SET last_seen_ms=?, seq=?, facts=?, gap_ms=?, away_ppm=?, away_s=?, away_spread_s=? WHERE num=?", \
      "iitiiiii")                                                                                                      \
    X(STORE_PUT_TAG, "INSERT OR IGNORE INTO tag(device,tag) VALUES(?,?)", "it")                                        \
    X(STORE_DROP_TAG, "DELETE FROM tag WHERE device=? AND tag=?", "it")                                                \
    X(STORE_PUT_RELEASE, "INSERT INTO release(id,product,version,number,created_ms) VALUES(?,?,?,?,?)",                \
      "ittii")                                                                                                         \
    X(STORE_PUT_IMAGE,                                                                                                 \
      "INSERT INTO image(release,digest,sha256,bytes,blocks,chip,hw_revs,floor,"                                       \
      "secure_version,min_slot,undescribed,keys,trusts,revokes) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",                  \
      "iddidiiiiiittt")                                                                                                \
    X(STORE_PUT_PATCH,                                                                                                 \
      "INSERT OR REPLACE INTO patch(target,base,sha256,bytes,profile,state,made_ms) VALUES(?,?,?,?,?,?,?)",            \
      "dddiiii")                                                                                                       \
    X(STORE_PUT_ROLLOUT,                                                                                               \
      "INSERT INTO rollout(id,product,release,state,reason,plan,created_ms,strata,recalls) "                           \
      "VALUES(?,?,?,?,?,?,?,?,?)",                                                                                     \
      "itiittiti")                                                                                                     \
    X(STORE_SET_ROLLOUT, "UPDATE rollout SET state=?, reason=?, watch=? WHERE id=?", "itti")                           \
    X(STORE_PUT_RING,                                                                                                  \
      "INSERT OR REPLACE INTO ring(rollout,idx,state,bound,widened_at,opened_ms,accepted,evidence) "                   \
      "VALUES(?,?,?,?,?,?,?,?)",                                                                                       \
      "iiiiiiit")                                                                                                      \
    X(STORE_PUT_MEMBER,                                                                                                \
      "INSERT OR REPLACE INTO member(rollout,device,ring,state,reason,attempt,way,bytes,"                              \
      "offered_ms,changed_ms,changed_at_ms,soak_ms,seen_ms,soaking,crashes_base,"                                      \
      "crashes_seen,exposure_ms,failed_check,links_seen,crashed_ms,link_lost_ms,stratum,base,target) "                 \
      "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",                                                       \
      "iiiiiiiiiiiiiiiiitiiiiii")                                                                                      \
    X(STORE_PUT_EVENT,                                                                                                 \
      "INSERT OR IGNORE INTO event(device,seq,attempt,kind,reason,way,bytes,at_ms) "                                   \
      "VALUES(?,?,?,?,?,?,?,?)",                                                                                       \
      "iitiiiii")                                                                                                      \
    /* A row like the one before it is counted there, where the last parameter allows that. */                         \
    X(STORE_PUT_HISTORY,                                                                                               \
      "INSERT INTO history(device,seq,at_ms,until_ms,kind,count,attempt,what,reason,"                                  \
      "way,number,text,digest) "                                                                                       \
      "SELECT ?1,coalesce((SELECT seq+NOT(?12 AND kind=?3 AND what=?6 AND text=?10) FROM history "                     \
      "WHERE device=?1 ORDER BY seq DESC LIMIT 1),1),?2,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11 WHERE true "                   \
      "ON CONFLICT(device,seq) DO UPDATE SET count=count+excluded.count,until_ms=excluded.until_ms",                   \
      "iiiitiiiitdi")                                                                                                  \
    X(STORE_END_HISTORY,                                                                                               \
      "UPDATE history SET until_ms=?2,count=1 WHERE device=?1 AND seq="                                                \
      "(SELECT max(seq) FROM history WHERE device=?1 AND kind=?3)",                                                    \
      "iii")                                                                                                           \
    /* All but the newest of the kinds from ?2 to ?3; the first row of a device, its enrolment, stays. */              \
    X(STORE_CLEAR_HISTORY,                                                                                             \
      "DELETE FROM history WHERE device=?1 AND kind BETWEEN ?2 AND ?3 AND seq>1 AND seq<coalesce("                     \
      "(SELECT seq FROM history WHERE device=?1 AND kind BETWEEN ?2 AND ?3 "                                           \
      "ORDER BY seq DESC LIMIT 1 OFFSET ?4),0)",                                                                       \
      "iiii")                                                                                                          \
    X(STORE_PUT_TIMELINE,                                                                                              \
      "INSERT INTO timeline(seq,rollout,at_ms,kind,ring,device,text,data) "                                            \
      "VALUES(?,?,?,?,?,?,?,?)",                                                                                       \
      "iiitittt")                                                                                                      \
    X(STORE_PUT_AUDIT,                                                                                                 \
      "INSERT INTO audit(seq,at_ms,who,action,object,detail,previous,hash) "                                           \
      "VALUES(?,?,?,?,?,?,?,?)",                                                                                       \
      "iittttdd")

/* X(name, SQL, types of the parameters) */
#define STORE_QUERIES(X)                                                                                                                                 \
    X(STORE_META, "SELECT key,value FROM meta", "")                                                                                                      \
    X(STORE_PRODUCTS,                                                                                                                                    \
      "SELECT name,seed,rings,trust,created_ms,strata,strata_min,metrics,duty_cycle_s FROM product ORDER BY created_ms,name",                            \
      "")                                                                                                                                                \
    X(STORE_TOKENS, "SELECT id,sha256,role,product,uses,expires_s FROM token", "")                                                                       \
    X(STORE_DEVICES,                                                                                                                                     \
      "SELECT num,product,id,token,enrolled_ms,last_seen_ms,seq,facts,gap_ms,away_ppm,away_s,away_spread_s FROM device "                                 \
      "ORDER BY num",                                                                                                                                    \
      "")                                                                                                                                                \
    X(STORE_TAGS, "SELECT device,tag FROM tag ORDER BY device,tag", "")                                                                                  \
    X(STORE_RELEASES, "SELECT id,product,version,number,created_ms FROM release ORDER BY id", "")                                                        \
    X(STORE_IMAGES,                                                                                                                                      \
      "SELECT release,digest,sha256,bytes,blocks,chip,hw_revs,floor,secure_version,min_slot,"                                                            \
      "undescribed,keys,trusts,revokes FROM image ORDER BY rowid",                                                                                       \
      "")                                                                                                                                                \
    X(STORE_PATCHES, "SELECT target,base,sha256,bytes,profile,state FROM patch ORDER BY rowid", "")                                                      \
    X(STORE_ROLLOUTS,                                                                                                                                    \
      "SELECT id,product,release,state,reason,plan,created_ms,watch,strata,recalls FROM rollout ORDER BY id",                                            \
      "")                                                                                                                                                \
    X(STORE_RINGS, "SELECT rollout,idx,state,bound,widened_at,opened_ms,accepted,evidence FROM ring", "")                                                \
    X(STORE_MEMBERS,                                                                                                                                     \
      "SELECT rollout,device,ring,state,reason,attempt,way,bytes,offered_ms,changed_ms,"                                                                 \
      "changed_at_ms,soak_ms,seen_ms,soaking,crashes_base,crashes_seen,exposure_ms,failed_check,links_seen,crashed_ms,link_lost_ms,stratum,base,target " \
      "FROM member ORDER BY rollout,rowid",                                                                                                              \
      "")                                                                                                                                                \
    X(STORE_TIMELINE,                                                                                                                                    \
      "SELECT seq,at_ms,kind,ring,device,text,data FROM timeline WHERE rollout=? AND seq>? "                                                             \
      "ORDER BY seq LIMIT ?",                                                                                                                            \
      "iii")                                                                                                                                             \
    X(STORE_LAST_TIMELINE, "SELECT coalesce(max(seq),0) FROM timeline", "")                                                                              \
    X(STORE_AUDIT,                                                                                                                                       \
      "SELECT seq,at_ms,who,action,object,detail,hash FROM audit WHERE seq>? "                                                                           \
      "ORDER BY seq LIMIT ?",                                                                                                                            \
      "ii")                                                                                                                                              \
    X(STORE_LAST_AUDIT, "SELECT seq,hash FROM audit ORDER BY seq DESC LIMIT 1", "")                                                                      \
    X(STORE_HISTORY,                                                                                                                                     \
      "SELECT seq,at_ms,until_ms,kind,count,attempt,what,reason,way,number,text,digest FROM history "                                                    \
      "WHERE device=? AND seq>? ORDER BY seq LIMIT ?",                                                                                                   \
      "iii")                                                                                                                                             \
    X(STORE_HISTORY_DROPPED, "SELECT coalesce(max(seq),0),count(*) FROM history WHERE device=?", "i")                                                    \
    X(STORE_EVENTS,                                                                                                                                      \
      "SELECT seq,attempt,kind,reason,way,bytes,at_ms FROM event WHERE device=? AND seq>? "                                                              \
      "ORDER BY seq LIMIT ?",                                                                                                                            \
      "iii")

#define STORE_ENUM(name, sql, types) name,
enum store_operation { STORE_OPERATIONS(STORE_ENUM) STORE_OPERATION_COUNT };
enum store_query { STORE_QUERIES(STORE_ENUM) STORE_QUERY_COUNT };
#undef STORE_ENUM

/** Open or create; migrates an older schema, refuses a newer one. NULL with a message. */
struct store *store_open(const char *path, struct error *err);
/** Writes what is queued, then closes. */
void store_close(struct store *store);

/** Ends the process when out of memory, as every function of a batch. */
struct store_batch *store_batch_new(void);
/** One operation with its values, in the order and types of the list. Values are copied. */
void store_add(struct store_batch *batch, enum store_operation operation, ...);
size_t store_batch_count(const struct store_batch *batch);
void store_batch_free(struct store_batch *batch);

/**
 * Queue a batch (taken over). `done` (may be NULL) is called on the writer thread once the batch is on disk.
 * Batches are executed in the order of the calls. An empty one costs nothing and is done when all before it are.
 */
void store_commit(struct store *store, struct store_batch *take_batch, void (*done)(void *ctx), void *ctx);

/** Wait until at most so many batches are not on disk yet: for a caller that could be much faster than the disk. */
void store_wait(struct store *store, size_t most);
/** Does the writer wait for space on the disk? From any thread. */
bool store_is_full(const struct store *store);

typedef void store_row_fn(void *ctx, const struct store_row *row);
/** Every row of a query, in order. 0, or -1 with a message. */
int store_each(struct store *store, enum store_query query, store_row_fn *fn, void *ctx, struct error *err,
               ...);
int64_t store_int(const struct store_row *row, int column);
/** Never NULL; valid during the call. */
const char *store_text(const struct store_row *row, int column);
/** Zero when the column is not 32 bytes. */
struct ot_digest store_digest(const struct store_row *row, int column);

#endif
