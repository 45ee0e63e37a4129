#!/usr/bin/env python3
"""The audit log's hash chain: whatever is done to it behind the server's back, `otaria audit verify` says where."""
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time

from server_trial import BIN, ServerTrial

ENTRIES = 1000
ZEROS = bytes(32)


def demand(holds, what):
    if not holds:
        sys.exit(f"audit_chain: {what}")


def verify(*options):
    done = subprocess.run([BIN / "cli/otaria", "audit", "verify", "--json", *options], capture_output=True, text=True,
                          check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else {}, done.stderr + done.stdout


def finds(place, what, *options):
    code, _, text = verify(*options)
    demand(code == 1 and "audit_broken" in text and f"entry {place}:" in text,
           f"{what}: exit {code}, wanted entry {place}: {text}")


def fill(server):
    connection = server.connect()
    for i in range(ENTRIES):
        body = json.dumps({"name": f"p{i}", "rings": ["rest"], "trust": ["%064x" % (i + 1)]})
        status, text = server.request(connection, "POST", "/api/v1/products", body)
        demand(status == 201, f"product {i}: {status} {text}")


def rows(db):
    return db.execute("SELECT seq,at_ms,who,action,object,detail,previous,hash FROM audit ORDER BY seq").fetchall()


def change(db, statement, *values):
    with db:
        db.execute(statement, values)


def tm_B22_each_field_of_a_log(db, count):
    """Flipped one at a time; put back behind it."""
    columns = ("at_ms", "who", "action", "object", "detail", "hash")
    positions = [1, 2, count // 2, count - 1, count] + random.sample(range(3, count - 1), 15)
    for seq in positions:
        for column in columns:
            old = db.execute(f"SELECT {column} FROM audit WHERE seq=?", (seq,)).fetchone()[0]
            new = (old + 1 if isinstance(old, int) else old[:-1] + bytes([old[-1] ^ 1]) if isinstance(old, bytes)
                   else old + "x" if random.random() < 0.5 else ("y" + old[1:] if old[:1] != "y" else "z" + old[1:]))
            change(db, f"UPDATE audit SET {column}=? WHERE seq=?", new, seq)
            finds(seq, f"{column} of entry {seq}")
            change(db, f"UPDATE audit SET {column}=? WHERE seq=?", old, seq)
    # From one text into the next: the same letters in the same order.
    seq, who, action = db.execute("SELECT seq,who,action FROM audit WHERE seq=?", (count // 3,)).fetchone()
    change(db, "UPDATE audit SET who=?, action=? WHERE seq=?", who + action[0], action[1:], seq)
    finds(seq, "a letter moved to the next field")
    change(db, "UPDATE audit SET who=?, action=? WHERE seq=?", who, action, seq)


def tm_B22_deleted_entries(db, count):
    for seq in (1, count // 2):
        row = db.execute("SELECT * FROM audit WHERE seq=?", (seq,)).fetchone()
        change(db, "DELETE FROM audit WHERE seq=?", seq)
        finds(seq, f"entry {seq} deleted")
        change(db, "INSERT INTO audit VALUES(?,?,?,?,?,?,?,?)", *row)


def tm_E09_the_end_deleted_or_all_written_anew(db, count, anchor):
    """What a chain alone cannot show: the anchor does."""
    kept = rows(db)
    change(db, "DELETE FROM audit WHERE seq>?", count - 10)
    demand(verify()[0] == 0, "a shorter log is whole as far as it goes")
    finds(count, "its end deleted", "--anchor", anchor)
    with db:
        db.executemany("INSERT INTO audit VALUES(?,?,?,?,?,?,?,?)", kept[count - 10:])
    # Written anew by somebody who knows how.
    import hashlib
    previous, forged = ZEROS, []
    for seq, at_ms, who, action, thing, detail, _, _ in kept:
        texts = [f"{seq}|{at_ms}", who, action, thing, detail + ("!" if seq == 7 else "")]
        digest = hashlib.sha256(previous + b"".join(t.encode() + b"\0" for t in texts)).digest()
        forged.append((digest, previous, texts[4], seq))
        previous = digest
    with db:
        db.executemany("UPDATE audit SET hash=?, previous=?, detail=? WHERE seq=?", forged)
    demand(verify()[0] == 0, "a chain made anew is a chain")
    finds(count, "all of it written anew", "--anchor", anchor)
    with db:
        db.executemany("UPDATE audit SET hash=?, previous=?, detail=? WHERE seq=?",
                       [(r[7], r[6], r[5], r[0]) for r in kept])


def nobody_changes_it_through_the_api(server):
    connection = server.connect()
    for method in ("DELETE", "PUT", "POST", "PATCH"):
        for path in ("/api/v1/audit", "/api/v1/audit/1"):
            status, _ = server.request(connection, method, path, "{}")
            demand(status in (404, 405), f"{method} {path}: {status}")


def main():
    seed = int(os.environ.get("OTARIA_SEED", time.time_ns() % 100000))
    print(f"seed {seed}")
    random.seed(seed)
    with tempfile.TemporaryDirectory() as directory:
        server = ServerTrial(directory)
        try:
            fill(server)
            code, whole, text = verify()
            demand(code == 0 and whole["entries"] > ENTRIES, f"the log as it is: {text}")
            count, anchor = whole["entries"], whole["anchor"]
            db = sqlite3.connect(server.data / "otaria.db", timeout=30)
            db.execute("PRAGMA busy_timeout=30000")
            tm_B22_each_field_of_a_log(db, count)
            tm_B22_deleted_entries(db, count)
            tm_E09_the_end_deleted_or_all_written_anew(db, count, anchor)
            nobody_changes_it_through_the_api(server)
            code, again, text = verify("--anchor", anchor)
            demand(code == 0 and again["anchored"] and again["entries"] == count, f"put back: {text}")
            demand(verify("--anchor", "7")[0] == 2, "an anchor without hash is a usage error")
            print(f"{count} entries: every change was found, and its place")
        finally:
            server.stop()


main()
