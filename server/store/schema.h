/** The schema, version by version. Private to server/store. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#define STORE_SCHEMA_VERSION 13

static const char *const store_migrations[STORE_SCHEMA_VERSION] = {
    /* 1 */
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE product(name TEXT PRIMARY KEY, seed BLOB NOT NULL, rings TEXT NOT NULL, trust TEXT NOT NULL,"
    " created_ms INTEGER NOT NULL);"
    "CREATE TABLE token(id TEXT PRIMARY KEY, sha256 BLOB NOT NULL UNIQUE, role TEXT NOT NULL, product TEXT NOT NULL,"
    " uses INTEGER NOT NULL, expires_s INTEGER NOT NULL, created_ms INTEGER NOT NULL);"
    "CREATE TABLE device(num INTEGER PRIMARY KEY, product TEXT NOT NULL, id TEXT NOT NULL, token BLOB NOT NULL UNIQUE,"
    " enrolled_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL, seq INTEGER NOT NULL, facts TEXT NOT NULL,"
    " UNIQUE(product,id));"
    "CREATE TABLE tag(device INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY(device,tag)) WITHOUT ROWID;"
    "CREATE TABLE release(id INTEGER PRIMARY KEY, product TEXT NOT NULL, version TEXT NOT NULL, number INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, UNIQUE(product,version), UNIQUE(product,number));"
    "CREATE TABLE image(release INTEGER NOT NULL, digest BLOB NOT NULL, sha256 BLOB NOT NULL, bytes INTEGER NOT NULL,"
    " blocks BLOB NOT NULL, chip INTEGER NOT NULL, hw_revs INTEGER NOT NULL, floor INTEGER NOT NULL,"
    " secure_version INTEGER NOT NULL, min_slot INTEGER NOT NULL, undescribed INTEGER NOT NULL, keys TEXT NOT NULL,"
    " UNIQUE(release,sha256));"
    "CREATE TABLE rollout(id INTEGER PRIMARY KEY, product TEXT NOT NULL, release INTEGER NOT NULL,"
    " state INTEGER NOT NULL, reason TEXT NOT NULL, plan TEXT NOT NULL, created_ms INTEGER NOT NULL);"
    "CREATE TABLE ring(rollout INTEGER NOT NULL, idx INTEGER NOT NULL, state INTEGER NOT NULL, bound INTEGER NOT NULL,"
    " widened_at INTEGER NOT NULL, opened_ms INTEGER NOT NULL, PRIMARY KEY(rollout,idx)) WITHOUT ROWID;"
    "CREATE TABLE member(rollout INTEGER NOT NULL, device INTEGER NOT NULL, ring INTEGER NOT NULL,"
    " state INTEGER NOT NULL, reason INTEGER NOT NULL, attempt INTEGER NOT NULL, way INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, offered_ms INTEGER NOT NULL, changed_ms INTEGER NOT NULL, changed_at_ms INTEGER NOT NULL,"
    " soak_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL, soaking INTEGER NOT NULL, crashes_base INTEGER NOT NULL,"
    " crashes_seen INTEGER NOT NULL, exposure_ms INTEGER NOT NULL, PRIMARY KEY(rollout,device));"
    "CREATE TABLE event(device INTEGER NOT NULL, seq INTEGER NOT NULL, attempt TEXT NOT NULL, kind INTEGER NOT NULL,"
    " reason INTEGER NOT NULL, way INTEGER NOT NULL, bytes INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " PRIMARY KEY(device,seq)) WITHOUT ROWID;"
    "CREATE TABLE timeline(seq INTEGER PRIMARY KEY, rollout INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " kind TEXT NOT NULL, ring INTEGER NOT NULL, device TEXT NOT NULL, text TEXT NOT NULL);"
    "CREATE INDEX timeline_rollout ON timeline(rollout,seq);"
    "CREATE TABLE audit(seq INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL, action TEXT NOT NULL,"
    " object TEXT NOT NULL, detail TEXT NOT NULL, previous BLOB NOT NULL, hash BLOB NOT NULL);",
    /* 2: the keys that an image's descriptor names and retires */
    "ALTER TABLE image ADD COLUMN trusts TEXT NOT NULL DEFAULT '[]';"
    "ALTER TABLE image ADD COLUMN revokes TEXT NOT NULL DEFAULT '[]';",
    /* 3: the check of a self test that ended an attempt */
    "ALTER TABLE member ADD COLUMN failed_check TEXT NOT NULL DEFAULT '';",
    /* 4: harm of a ring that a person has accepted; when a ring was opened */
    "ALTER TABLE ring ADD COLUMN accepted INTEGER NOT NULL DEFAULT 0;"
    "UPDATE ring SET opened_ms=coalesce((SELECT value FROM meta WHERE key='mono_ms'),0);", /* was not kept */
    /* 5: patches: target by its file, base by its identity */
    "CREATE TABLE patch(target BLOB NOT NULL, base BLOB NOT NULL, sha256 BLOB NOT NULL, bytes INTEGER NOT NULL,"
    " profile INTEGER NOT NULL, state INTEGER NOT NULL, made_ms INTEGER NOT NULL, UNIQUE(target,base));",
    /* 6: crashes and link losses beside the control's */
    "ALTER TABLE member ADD COLUMN links_seen INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN crashed_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN link_lost_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollout ADD COLUMN watch TEXT NOT NULL DEFAULT '';",
    /* 7: strata: what makes a kind, which kinds a rollout has, which is a member's */
    "ALTER TABLE product ADD COLUMN strata TEXT NOT NULL DEFAULT '[]';"
    "ALTER TABLE product ADD COLUMN strata_min INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE rollout ADD COLUMN strata TEXT NOT NULL DEFAULT '[]';"
    "ALTER TABLE member ADD COLUMN stratum INTEGER NOT NULL DEFAULT 0;",
    /* 8: recalls: whose release a rollout takes back, what a member ran before, what it is given instead */
    "ALTER TABLE rollout ADD COLUMN recalls INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN base INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE member ADD COLUMN target INTEGER NOT NULL DEFAULT 0;",
    /* 9: the numbers behind a line of the timeline */
    "ALTER TABLE timeline ADD COLUMN data TEXT NOT NULL DEFAULT '{}';",
    /* 10: how a device comes: rollout/habit.h */
    "ALTER TABLE device ADD COLUMN gap_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN away_ppm INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE device ADD COLUMN away_s INTEGER NOT NULL DEFAULT 0;",
    /* 11: gates at the end of a ring: which metrics, how often devices work, what a ring came to beside those that wait */
    "ALTER TABLE product ADD COLUMN metrics TEXT NOT NULL DEFAULT '[]';"
    "ALTER TABLE product ADD COLUMN duty_cycle_s INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE ring ADD COLUMN evidence TEXT NOT NULL DEFAULT '';",
    /* 12: what happened to a device; of the time before, what there is */
    "CREATE TABLE history(device INTEGER NOT NULL, seq INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " until_ms INTEGER NOT NULL, kind INTEGER NOT NULL, count INTEGER NOT NULL, attempt TEXT NOT NULL,"
    " what INTEGER NOT NULL, reason INTEGER NOT NULL, way INTEGER NOT NULL, number INTEGER NOT NULL,"
    " text TEXT NOT NULL, digest BLOB NOT NULL, PRIMARY KEY(device,seq)) WITHOUT ROWID;"
    "INSERT INTO history SELECT num,1,enrolled_ms,enrolled_ms,1,1,'',0,0,0,0,'',zeroblob(32) FROM device;"
    "INSERT INTO history SELECT device,1+row_number() OVER (PARTITION BY device ORDER BY seq),at_ms,at_ms,20,1,"
    "attempt,kind,reason,way,bytes,'',zeroblob(32) FROM event;",
    /* 13: how regularly a device is away; unknown is as long as it is away */
    "ALTER TABLE device ADD COLUMN away_spread_s INTEGER NOT NULL DEFAULT 0;"
    "UPDATE device SET away_spread_s=away_s;",
};

#endif
