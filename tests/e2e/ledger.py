#!/usr/bin/env python3
"""The server's database recounted by simple means, and compared with what devices and operators were told.

Nothing here uses the product's code: states are derived again from the events in the table `event`, one by one.
The database is opened read-only, while the server runs or after it was killed.

    ledger.py DIR/otaria.db [--ack-log FILE]     recount, print the figures; exit 1 when something does not add up
"""
import collections
import hashlib
import json
import sqlite3
import sys

# The numbers stored in the database.
EVENTS = {1: "downloading", 2: "installed", 3: "switching", 4: "booted", 10: "confirmed", 11: "reverted",
          12: "rejected", 13: "no_fallback", 14: "failed", 15: "withdrawn", 20: "late_revert"}
OUTCOMES = ("confirmed", "reverted", "rejected", "no_fallback", "failed", "withdrawn")
STATES = {0: "none", 1: "offered", 2: "downloading", 3: "installed", 4: "switching", 5: "booted", 10: "confirmed",
          11: "reverted", 12: "rejected", 13: "no_fallback", 14: "failed", 15: "silent", 16: "superseded",
          17: "withdrawn"}
IN_FLIGHT = ("offered", "downloading", "installed", "switching", "booted")
HARMED = ("reverted", "rejected", "no_fallback", "failed", "silent")
UNBOUNDED = 0xFFFFFFFF
BY_SERVER = ("silent", "superseded", "withdrawn")  # what the server concludes by itself
ROLLOUTS = ("created", "running", "paused", "halted", "aborted", "finished", "held")
RINGS = ("waiting", "active", "soaking", "passed", "held", "failed")


class Wrong(Exception):
    """Something does not add up; the text says what and where."""


def demand(claim, text):
    if not claim:
        raise Wrong(text)


class Ledger:
    """One consistent look into the database."""

    def __init__(self, path):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
        try:
            db.execute("BEGIN")
            self.devices = {num: (name, seq) for num, name, seq in db.execute("SELECT num,id,seq FROM device")}
            self.numbers = {(product, name): num
                            for num, product, name in db.execute("SELECT num,product,id FROM device")}
            self.events = db.execute("SELECT device,seq,attempt,kind,reason FROM event ORDER BY device,seq").fetchall()
            self.members = db.execute("SELECT rollout,device,ring,state,attempt FROM member").fetchall()
            self.rings = db.execute("SELECT rollout,idx,state,bound FROM ring ORDER BY rollout,idx").fetchall()
            self.rollouts = dict(db.execute("SELECT id,state FROM rollout"))
            self.timeline = db.execute("SELECT seq,rollout,kind,device FROM timeline ORDER BY seq").fetchall()
            self.tags = {(self.devices[d][0], tag) for d, tag in db.execute("SELECT device,tag FROM tag")}
            self.audit = db.execute("SELECT seq,at_ms,who,action,object,detail,previous,hash FROM audit "
                                    "ORDER BY seq").fetchall()
        finally:
            db.close()
        self.events_of = collections.defaultdict(dict)
        for device, seq, attempt, kind, _ in self.events:
            self.events_of[device][seq] = attempt, EVENTS[kind]

    def by_attempt(self):
        """(device number, attempt id) -> its events in order."""
        found = collections.defaultdict(list)
        for device, _, attempt, kind, _ in self.events:
            found[device, attempt].append(EVENTS[kind])
        return found

    def in_flight(self):
        """(rollout, ring) -> members with an open attempt."""
        count = collections.Counter()
        for rollout, _, ring, state, _ in self.members:
            count[rollout, ring] += STATES[state] in IN_FLIGHT
        return count

    def counts(self):
        """(rollout, ring) -> state -> members, those never offered left out."""
        found = collections.defaultdict(collections.Counter)
        for rollout, _, ring, state, _ in self.members:
            if state != 0:
                found[rollout, ring][STATES[state]] += 1
        return found

    # --- what must hold at every moment ---

    def check(self, by_operators=False):
        """`by_operators`: some retried, so that harm may have been forgiven."""
        self._check_bounds()
        self._check_sequences()
        self._check_attempts(by_operators)
        self._check_timeline(by_operators)
        self._check_audit()

    def _check_bounds(self):
        in_flight = self.in_flight()
        for rollout, ring, state, bound in self.rings:
            n = in_flight[rollout, ring]
            demand(n == 0 or RINGS[state] != "waiting", f"rollout {rollout} ring {ring}: waiting, {n} in flight")
            demand(n <= bound, f"rollout {rollout} ring {ring}: {n} in flight, the bound is {bound}")

    def _check_sequences(self):
        highest = collections.Counter()
        for device, seq, _, _, _ in self.events:
            highest[device] = max(highest[device], seq)
        for num, (name, seq) in self.devices.items():
            demand(highest[num] == seq, f"{name}: acknowledges {seq}, the last event stored is {highest[num]}")

    def _check_attempts(self, by_operators):
        events = self.by_attempt()
        for (device, attempt), kinds in events.items():
            name = f"{self.devices[device][0]} {attempt}: {', '.join(kinds)}"
            demand(sum(k in OUTCOMES for k in kinds) <= 1, f"{name}: more than one outcome")
            demand(len(set(kinds)) == len(kinds), f"{name}: an event stored twice")
            demand("late_revert" not in kinds or kinds[-2:] == ["confirmed", "late_revert"], name)
        confirmed = {device for (device, _), kinds in events.items() if "confirmed" in kinds}
        numbers = [attempt for _, _, _, _, attempt in self.members if attempt != 0]
        demand(len(set(numbers)) == len(numbers), "two members have the same attempt number")
        for _, device, _, state, attempt in self.members:
            kinds = events.get((device, f"a-{attempt}"), []) if attempt != 0 else []
            want, is_state = expected_state(kinds, attempt), STATES[state]
            concluded = want in IN_FLIGHT and is_state in BY_SERVER
            adopted = attempt == 0 and is_state == "confirmed"  # it ran the release already
            forgiven = by_operators and is_state == "withdrawn" and want in HARMED
            if by_operators and is_state == "confirmed" and want != "confirmed":
                adopted = device in confirmed  # given up here, and then the same release came by another rollout
            demand(is_state == want or concluded or adopted or forgiven,
                   f"{self.devices[device][0]} a-{attempt}: is {is_state}, its events say {want}")

    def _check_timeline(self, by_operators):
        demand([row[0] for row in self.timeline] == list(range(1, len(self.timeline) + 1)), "timeline: a gap")
        told = collections.Counter((r, d) for _, r, kind, d in self.timeline if kind == "attempt")
        for rollout, device, _, state, _ in self.members:
            name = self.devices[device][0]
            if by_operators:
                demand(STATES[state] not in HARMED or told[rollout, name] > 0, f"rollout {rollout}: {name}: nothing told")
            elif STATES[state] in HARMED:
                demand(told[rollout, name] == 1, f"rollout {rollout}: {name} was harmed, {told[rollout, name]} lines")
            elif STATES[state] != "confirmed":  # silent, and then heard of after all, was told
                demand(told[rollout, name] == 0, f"rollout {rollout}: {name} told harmed, is {STATES[state]}")

    def _check_audit(self):
        before = bytes(32)
        for at, (seq, at_ms, *texts, previous, digest) in enumerate(self.audit, 1):
            covered = b"".join(str(t).encode() + b"\0" for t in (f"{seq}|{at_ms}", *texts))
            demand(seq == at and previous == before and hashlib.sha256(before + covered).digest() == digest,
                   f"audit entry {at}: the chain is broken")
            before = digest

    # --- what must hold at the end ---

    def check_ended(self):
        """Every attempt ever made has exactly one outcome."""
        events = self.by_attempt()
        for (device, attempt), kinds in events.items():
            demand(sum(k in OUTCOMES for k in kinds) == 1, f"{self.devices[device][0]} {attempt}: no outcome")
        for rollout, device, _, state, attempt in self.members:
            if attempt != 0:
                demand((device, f"a-{attempt}") in events and STATES[state] not in IN_FLIGHT,
                       f"rollout {rollout}: {self.devices[device][0]} a-{attempt} is still {STATES[state]}")
        return collections.Counter(k for kinds in events.values() for k in kinds if k in OUTCOMES)

    def check_acked(self, path):
        """Every event that a device was told is stored, is stored. Returns how many there are."""
        stored = {(self.devices[d][0], seq): EVENTS[kind] for d, seq, _, kind, _ in self.events}
        with open(path, encoding="utf-8") as log:
            lines = [json.loads(line) for line in log if line.endswith("\n")]
        for line in lines:
            have = stored.get((line["device"], line["seq"]))
            demand(have == line["kind"], f"{line['device']} event {line['seq']}: acknowledged {line['kind']}, "
                                         f"the database has {have}")
        return len(lines)

    def check_nothing_lost(self, earlier):
        """What is only ever added to still has all that an earlier look has seen."""
        demand(set(earlier.events) <= set(self.events), "an event is gone")
        demand(earlier.timeline == self.timeline[:len(earlier.timeline)], "the timeline has changed")
        demand(earlier.audit == self.audit[:len(earlier.audit)], "the audit log has changed")
        demand(set(earlier.devices) <= set(self.devices), "a device is gone")
        demand(set(earlier.rollouts) <= set(self.rollouts), "a rollout is gone")

    def check_not_behind(self, earlier):
        """Nothing that an earlier look has seen is gone or has gone backwards."""
        self.check_nothing_lost(earlier)
        demand(earlier.tags <= self.tags, "a tag is gone")
        rings = {row[:2]: row[2:] for row in self.rings}
        for rollout, ring, state, bound in earlier.rings:
            now, now_bound = rings[rollout, ring]
            demand(ring_rank(now) >= ring_rank(state) and now_bound >= bound,
                   f"rollout {rollout} ring {ring}: was {RINGS[state]} bound {bound}, "
                   f"is {RINGS[now]} bound {now_bound}")
        for rollout, state in earlier.rollouts.items():
            demand(ROLLOUTS[state] != "finished" or self.rollouts[rollout] == state,
                   f"rollout {rollout}: was finished, is {ROLLOUTS[self.rollouts[rollout]]}")


def expected_state(kinds, attempt):
    if "late_revert" in kinds:
        return "reverted"
    for kind in kinds:
        if kind in OUTCOMES:
            return kind
    if kinds:
        return kinds[-1]
    return "offered" if attempt != 0 else "none"


def compare_api(api, ledger):
    """With nobody calling: what a new process says is what the events come to."""
    counts, in_flight = ledger.counts(), ledger.in_flight()
    stored = {(r, i): (RINGS[s], b if b != UNBOUNDED else None) for r, i, s, b in ledger.rings}
    for rollout, state in ledger.rollouts.items():
        shown = api.get(f"/api/v1/rollouts/{rollout}")
        demand(shown["state"] == ROLLOUTS[state], f"rollout {rollout}: {shown['state']}, stored {ROLLOUTS[state]}")
        for ring in shown["rings"]:
            key = rollout, ring["index"]
            told = {name: n for name, n in ring["counts"].items() if n}
            demand(told == {k: n for k, n in counts[key].items() if n},
                   f"rollout {key}: told {told}, recounted {dict(counts[key])}")
            demand(ring["in_flight"] == in_flight[key], f"rollout {key}: {ring['in_flight']} in flight")
            demand((ring["state"], ring["bound"]) == stored[key], f"rollout {key}: {ring}, stored {stored[key]}")


def ring_rank(state):
    """An open ring may go from soaking to active and back: somebody new took it up."""
    return {"waiting": 0, "active": 1, "soaking": 1}.get(RINGS[state], 2)


def main():
    ledger = Ledger(sys.argv[1])
    ledger.check()
    if sys.argv[2:3] == ["--ack-log"]:
        print(f"{ledger.check_acked(sys.argv[3])} acknowledged events are all there")
    print(f"{len(ledger.events)} events, {len(ledger.by_attempt())} attempts, {len(ledger.audit)} audit entries")
    for key, counts in sorted(ledger.counts().items()):
        print(f"rollout {key[0]} ring {key[1]}: {dict(counts)}")


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        sys.exit(f"ledger: {wrong}")
