#!/usr/bin/env python3
"""Plans: what a preview says is what creation does, and what makes no sense is refused whole, by API, preview and command.

Run by plans.sh, which starts the server. "Nothing half created" means: every row of every table but those that time alone
changes (last seen, the clock), and every list of the API, are the same before and behind a refusal.
"""
import argparse
import concurrent.futures
import json
import pathlib
import sqlite3
import subprocess
import sys

from fleet_clients import Device, Https
from operator_api import OperatorApi, Refused

DEVICES = 200
THREADS = 16  # their commits share a sync
TIME_CHANGES = ("meta", "device")  # the clock; last_seen
HOSTILE = ["", " ", "..", "../../etc", "a b", "<script>alert(1)</script>", "'; DROP TABLE rollout; --", "\x1b[2J", "a\nb", "a\0b",
           "r\u00e9st", "\u202etser", "REST", "rest%", "10%%", "1e1%", "0x10%", "-5%", "NaN%", "%", "x" * 32, "a" * 5000]


def demand(holds, what):
    if not holds:
        sys.exit(f"plans: {what}")


class Lamp(Device):
    """A device of some kind that has said so once."""

    def __init__(self, number, hw_rev, region):
        super().__init__("lamp", f"lamp-{number:04d}", number)
        self.kind = {"hw_rev": hw_rev, "attributes": {"region": region} if region else {}}

    def enrol_body(self):
        return json.dumps(json.loads(super().enrol_body()) | self.kind)

    def body(self, ask="nothing"):
        return json.dumps(json.loads(super().body()) | self.kind | {"ask": ask})


class DeviceApi(Https):
    def __init__(self, options):
        tls = OperatorApi(options.device, options.dir / "server/tls/ca.pem", options.dir / "server/admin.token").tls
        super().__init__(options.device, tls, (options.dir / "enrol.token").read_text().strip())

    def enrol(self, lamp):
        return [self.post("/device/v1/enrol", lamp.enrol_body()), self.check_in(lamp, "nothing")]

    def check_in(self, lamp, ask="offer"):
        return self.post("/device/v1/check-in", lamp.body(ask), lamp.token)

    def is_offered(self, lamp):
        status, reply = self.check_in(lamp)
        demand(status == 200, f"check-in: {status} {reply}")
        return "offer" in reply


def fill(options):
    """Three kinds that are common, one of which there are ten, one of which there are two."""
    def some(first):
        api, answers = DeviceApi(options), []
        for n in range(first, DEVICES, THREADS):
            hw_rev, region = (2, "no") if n < 10 else (1, "") if n < 12 else (n % 2, "eu" if n % 3 else "us")
            answers += api.enrol(Lamp(n, hw_rev, region))
        return [a for a in answers if a is None or a[0] // 100 != 2]

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        bad = sum(pool.map(some, range(THREADS)), [])
    demand(bad == [], f"enrolment: {bad[:2]}")


class Fleet:
    def __init__(self, options):
        self.options = options
        self.api = OperatorApi(options.operator, options.dir / "server/tls/ca.pem", options.dir / "server/admin.token")

    def rows(self):
        """Every table that time alone does not change."""
        with sqlite3.connect(f"file:{self.options.dir}/server/otaria.db?mode=ro", uri=True) as db:
            tables = [t for (t,) in db.execute("SELECT name FROM sqlite_master WHERE type='table' AND name NOT LIKE 'sqlite_%'")]
            demand("rollout" in tables and "member" in tables, f"tables: {tables}")
            return {t: db.execute(f"SELECT * FROM {t}").fetchall() for t in tables if t not in TIME_CHANGES}

    def lists(self):
        paths = ["/api/v1/products", "/api/v1/products/lamp", "/api/v1/products/lamp/rollouts", "/api/v1/products/lamp/releases",
                 "/api/v1/audit?limit=1000"]
        return [self.api.get(path) for path in paths]

    def state(self):
        """Cheap enough to be asked after every refusal; lists() once behind all of them."""
        return self.rows(), self.api.get(ROLLOUTS)

    def ask(self, method, path, body=None, raw=None):
        """(status, code, message) of a refusal; (200, reply, "") of an answer."""
        try:
            return 200, self.api.call(method, path, body, raw=raw), ""
        except Refused as refused:
            text = str(refused).split(": ", 1)[1].split(" ", 1)[1]
            error = json.loads(text)["error"]
            return refused.status, error["code"], error["message"]

    def otaria(self, *words):
        done = subprocess.run([self.options.otaria, *words, "--json"], capture_output=True, text=True, check=False)
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else {}, done.stderr


ROLLOUTS = "/api/v1/products/lamp/rollouts"

# Field values of a plan; status, code and a part of the message. Through creation and preview alike.
BAD_PLANS = [
    ({"rings": ["60%", "50%"]}, 422, "plan", "more than 100%"),
    ({"rings": ["100%", "0.01%"]}, 422, "plan", "more than 100%"),
    ({"rings": ["rest", "10%"]}, 422, "plan", "rest"),
    ({"rings": ["internal", "internal"]}, 422, "plan", "twice"),
    ({"rings": ["0%"]}, 400, "rings", "above 0%"),
    ({"rings": ["101%"]}, 400, "rings", "101%"),
    ({"rings": ["1", "2", "3", "4", "5", "6", "7", "8", "9"]}, 400, "rings", "more than 8 rings"),
    ({"rings": []}, 422, "plan", "at least one ring"),
    ({"rings": "rest"}, 400, "rings", "list"),
    ({"rings": {"0": "rest"}}, 400, "rings", "list"),
    ({"rings": [10]}, 400, "rings", "list"),
    ({"rings": ["nobody", "rest"]}, 422, "empty", "ring nobody is empty"),
    ({"rings": ["nobody"]}, 422, "empty", "no device"),
    ({"rings": ["internal", "0.01%", "rest"]}, 422, "empty", "ring 0.01% is empty"),
    ({"soak_s": 0}, 422, "plan", "soak_s 0"),
    ({"soak_s": -1}, 400, "bad_field", "soak_s"),
    ({"soak_s": 1.5}, 400, "bad_field", "soak_s"),
    ({"soak_s": "1h"}, 400, "bad_field", "soak_s"),
    ({"soak_s": 1 << 40}, 400, "bad_field", "soak_s"),
    ({"soak_s": None}, 400, "bad_field", "soak_s"),
    ({"in_flight": 0}, 422, "plan", "in_flight"),
    ({"in_flight": 1000001}, 400, "bad_field", "in_flight"),
    ({"quorum_percent": 0}, 422, "plan", "quorum_percent"),
    ({"quorum_percent": 101}, 400, "bad_field", "quorum_percent"),
    ({"max_failure_percent": 0}, 422, "unreachable", "cannot see a failure rate below"),
    ({"max_failure_percent": 1}, 422, "unreachable", "cannot see a failure rate below"),
    ({"max_failure_percent": 101}, 400, "bad_field", "max_failure_percent"),
    ({"max_failure_percent": "ten"}, 400, "bad_field", "max_failure_percent"),
    ({"max_failure_percent": "10%"}, 400, "bad_field", "max_failure_percent"),
    ({"tolerated_failure_percent": 11}, 422, "plan", "tolerated_failure_percent"),
    ({"tolerated_failure_percent": 0.1}, 422, "plan", "tolerated_failure_percent"),
    ({"tolerated_failure_percent": "2"}, 400, "bad_field", "tolerated_failure_percent"),
    ({"max_crashes_per_device_day": -0.5}, 400, "bad_field", "max_crashes_per_device_day"),
    ({"stale_after_s": 0}, 422, "plan", "stale_after_s"),
    ({"soak_s": 3600}, 422, "plan", "stale_after_s 43200 is more than soak_s 3600"),
    ({"soak_s": 600, "stale_after_s": 601}, 422, "plan", "stale_after_s 601 is more than soak_s 600"),
    ({"soak_s": 43199}, 422, "plan", "stale_after_s"),
    ({"lease_s": 0}, 422, "plan", "lease_s"),
    ({"decide_by_s": 60, "soak_s": 60}, 422, "plan", "decide_by_s"),
    ({"supersede": "yes"}, 400, "bad_field", "supersede"),
    ({"supersede": 1}, 400, "bad_field", "supersede"),
    ({"override": 1}, 400, "bad_field", "override"),
    ({"override": "x" * 160}, 400, "bad_field", "override"),
    ({"release": "7.7.7"}, 404, "not_found", "release"),
    ({"release": 101}, 404, "not_found", "release"),
    ({"filter": "regoin = eu"}, 422, "filter", "regoin"),
    ({"filter": "region = eu and"}, 422, "filter", ""),
    ({"filter": "(region = eu"}, 422, "filter", ""),
    ({"filter": "hw_rev = two"}, 422, "filter", "two"),
    ({"filter": "region > eu"}, 422, "filter", ""),
    ({"filter": "' OR 1=1 --"}, 422, "filter", ""),
    ({"filter": "region = \x1b[2J"}, 422, "filter", ""),
    ({"filter": "(" * 1000}, 422, "filter", ""),
    ({"filter": "x" * 1025}, 400, "bad_field", "filter"),
    ({"filter": ["region = eu"]}, 400, "bad_field", "filter"),
    ({"filter": "region = antarctica"}, 422, "empty", "the filter leaves out 200"),
    ({"filter": "hw_rev = 2"}, 422, "empty", "ring internal is empty"),
    ({"state": "running"}, 400, "unknown_field", "state"),
    ({"members": []}, 400, "unknown_field", "members"),
]
BAD_PLANS += [({"rings": [name, "rest"]}, (400, 422), None, "" if "\0" in name else "ring") for name in HOSTILE]
BAD_PLANS += [({"release": name}, 404, "not_found", "release") for name in HOSTILE if "\0" not in name]

# Not even a plan.
BAD_BODIES = [b"", b"{", b"[]", b"null", b'{"release":"1.1.0","release":"1.2.0"}', b'{"release":"1.1.0","soak_s":1e400}',
              b'{"release":"1.1.0","soak_s":99999999999999999999}', b'{"release":"1.1.0","rings":["\xff"]}',
              b'{"release":"1.1.0","soak_s":NaN}', b'{"release":"1.1.0",}', b"[" * 10000]

# The same as a person types it; exit code and a part of what is said.
BAD_WORDS = [
    (["--rings", "60%,50%"], 1, "more than 100%"),
    (["--rings", "nobody,rest"], 1, "ring nobody is empty"),
    (["--rings", ""], 1, "at least one ring"),
    (["--rings", "10%,,rest"], 1, "ring"),
    (["--rings", "internal,0.01%,rest"], 1, "ring 0.01% is empty"),
    (["--rings", b"\xff,rest"], 1, "ring"),
    (["--filter", "regoin = eu"], 1, "regoin"),
    (["--filter", "region = antarctica"], 1, "filter"),
    (["--filter", b"region = \xff"], 2, "--filter"),
    (["--soak-s", "0"], 1, "soak_s 0"),
    (["--soak-s", "1h"], 2, "--soak-s"),
    (["--soak-s", "-1"], 2, "--soak-s"),
    (["--soak-s", ""], 2, "--soak-s"),
    (["--soak-s", "99999999999999999999"], 2, "--soak-s"),
    (["--max-failure-percent", "ten"], 2, "--max-failure-percent"),
    (["--max-failure-percent", "10%"], 2, "--max-failure-percent"),
    (["--max-failure-percent", "nan"], 2, "--max-failure-percent"),
    (["--max-failure-percent", "1"], 1, "cannot see a failure rate below"),
    (["--tolerated-failure-percent", "nan"], 2, "--tolerated-failure-percent"),
    (["--tolerated-failure-percent", "1e400"], 2, "--tolerated-failure-percent"),
    (["--tolerated-failure-percent", "50"], 1, "tolerated_failure_percent"),
    (["--quorum-percent", "0"], 1, "quorum_percent"),
    (["--in-flight", "0"], 1, "in_flight"),
    (["--lease-s", "0"], 1, "lease_s"),
    (["--release", "7.7.7"], 4, "release"),
    (["--product", "\x1b[2J"], 4, "product"),
    (["--product", "../lamp"], 4, "product"),
]

# A product changed by PATCH.
BAD_CHANGES = [
    ({}, 422, "nothing", "nothing to change"),
    ({"rings": []}, 422, "rings", "at least one ring"),
    ({"rings": ["90%", "20%"]}, 422, "rings", "more than 100%"),
    ({"strata": "region"}, 400, "strata", "list"),
    ({"strata": [1]}, 400, "strata", "list"),
    ({"strata": ["region", "region"]}, 400, "strata", "twice"),
    ({"strata": ["a", "b", "c", "d", "e"]}, 400, "strata", "more than 4"),
    ({"strata": ["regoin"]}, 422, "strata", "no device of lamp has an attribute regoin"),
    ({"strata": ["region"], "strata_min": 0}, 400, "bad_field", "strata_min"),
    ({"strata": ["region"], "strata_min": 1001}, 400, "bad_field", "strata_min"),
    ({"strata": ["region"], "strata_min": "three"}, 400, "bad_field", "strata_min"),
    ({"strata_min": 3}, 422, "strata", "no strata"),
    ({"new_seed": "yes"}, 400, "bad_field", "new_seed"),
    ({"seed": "00"}, 400, "unknown_field", "seed"),
    ({"name": "oven"}, 400, "unknown_field", "name"),
    ({"devices": 0}, 400, "unknown_field", "devices"),
]
BAD_CHANGES += [({"strata": [name]}, (400, 422), None, "" if "\0" in name else "strata") for name in HOSTILE]


def refused_whole(fleet, before, what, got, status, code, message):
    """A refusal says why, in printable text, and leaves everything as it was."""
    wanted = status if isinstance(status, tuple) else (status,)
    demand(got[0] in wanted and code in (None, got[1]) and message in got[2], f"{what}: wanted {status} {code} {message}, got {got}")
    demand(all(c.isprintable() for c in got[2]), f"{what}: control characters in {got[2]!r}")
    demand(fleet.state() == before, f"{what}: something was created")


def tm_I24_bad_rules_and_sets_by_api(fleet):
    before, count = fleet.state(), 0
    for fields, status, code, message in BAD_PLANS:
        for path in (ROLLOUTS, ROLLOUTS + "?preview=1"):
            got = fleet.ask("POST", path, {"release": "1.1.0"} | fields)
            refused_whole(fleet, before, f"{path} {fields}", got, status, code, message)
            count += 1
    for body in BAD_BODIES:
        got = fleet.ask("POST", ROLLOUTS, raw=body)
        refused_whole(fleet, before, f"body {body[:40]!r}", got, (400, 404), None, "")
        count += 1
    for fields, status, code, message in BAD_CHANGES:
        got = fleet.ask("PATCH", "/api/v1/products/lamp", fields)
        refused_whole(fleet, before, f"product {fields}", got, status, code, message)
        count += 1
    return count


def tm_I24_bad_rules_and_sets_by_command(fleet):
    before, count = fleet.state(), 0
    for words, code, message in BAD_WORDS:
        for verb in ("create", "preview"):
            given = ["rollout", verb, "--product", "lamp", "--release", "1.1.0", *words]
            exit_code, answer, text = fleet.otaria(*given)
            what = f"{verb} {words}"
            demand(exit_code == code and message in text, f"{what}: wanted {code} {message}, got {exit_code} {text}")
            demand(answer["error"]["message"] in text.replace("\n", " "), f"{what}: JSON and text differ")
            demand("\x1b" not in text, f"{what}: an escape sequence on the terminal")
            demand(fleet.state() == before, f"{what}: something was created")
            count += 1
    return count


def tm_I05_overlap_in_every_shape(fleet):
    """Created, running, paused: each of them stands in the way of the next one, whichever devices that is for, and of a new
    seed; and --supersede ends it."""
    plan = {"release": "1.1.0", "rings": ["10%", "rest"]}
    shapes = [{}, {"rings": ["rest"]}, {"filter": "region = eu"}, {"filter": "id = lamp-0030", "rings": ["rest"]},
              {"filter": "region = us"}, {"filter": "region = eu", "release": "1.1.0"}]
    first = fleet.api.post(ROLLOUTS, plan)["id"]
    for action in (None, "start", "pause"):
        if action:
            fleet.api.post(f"/api/v1/rollouts/{first}/{action}", {"reason": "a test"})
        before = fleet.state()
        for path in (ROLLOUTS, ROLLOUTS + "?preview=1"):
            for shape in shapes:
                got = fleet.ask("POST", path, plan | {"release": "1.2.0"} | shape)
                refused_whole(fleet, before, f"overlap after {action}", got, 409, "overlap", f"rollout {first} of release 1.1.0")
        got = fleet.ask("PATCH", "/api/v1/products/lamp", {"new_seed": True})
        refused_whole(fleet, before, f"new seed after {action}", got, 409, "overlap", f"rollout {first}")
        code, _, text = fleet.otaria("rollout", "create", "--product", "lamp", "--release", "1.2.0", "--rings", "10%,rest")
        demand(code == 5 and first in text and fleet.state() == before, f"overlap by command: {code} {text}")
        got = fleet.ask("POST", ROLLOUTS, plan | {"release": "1.2.0", "rings": ["nobody"], "supersede": True})
        refused_whole(fleet, before, "supersede with an empty ring", got, 422, "empty", "no device")
    before = fleet.state()
    demand(fleet.ask("POST", ROLLOUTS + "?preview=1", plan | {"supersede": True})[0] == 200, "preview of a successor")
    demand(fleet.state() == before, "a preview has ended a rollout")
    second = fleet.api.post(ROLLOUTS, plan | {"release": "1.2.0", "supersede": True})["id"]
    demand(fleet.api.get(f"/api/v1/rollouts/{first}")["state"] == "aborted", "the first one was to end")
    fleet.api.post(f"/api/v1/rollouts/{second}/abort", {"reason": "a test"})


def open_attempts(fleet, rollout=None):
    """Attempts that hold a place, as the database has them: (rollout, device) of each."""
    with sqlite3.connect(f"file:{fleet.options.dir}/server/otaria.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT m.rollout, d.id FROM member m JOIN device d ON d.num=m.device WHERE m.state BETWEEN 1 AND 5")
        return [row for row in rows if rollout in (None, str(row[0]))]


def tell(devices, lamp, kind):
    """One report of its attempt, and what is answered to it."""
    asks = {"installed": "switch"}
    if kind == "booted":
        lamp.running, lamp.release, lamp.version = lamp.attempt["runs"]
    lamp.attempt["at"] = kind
    lamp.tell(kind)
    status, reply = devices.check_in(lamp, asks.get(kind, "nothing"))
    demand(status == 200 and reply["ack"] == lamp.seq, f"{lamp.name} {kind}: {status} {reply}")
    lamp.events = []
    return reply


def tm_I06_a_new_release_while_one_runs(fleet):
    """In each state of an attempt: before the switch it is dropped, behind it the device finishes, and each counts where it
    began."""
    devices, way = DeviceApi(fleet.options), ["offered", "downloading", "installed", "switching", "booted", "confirmed"]
    ids = " or ".join(f"id = lamp-{n:04d}" for n in range(40, 46))
    plan = {"release": "1.1.0", "rings": ["rest"], "filter": ids, "in_flight": 100, "max_failure_percent": 100}
    first = fleet.api.post(ROLLOUTS, plan)["id"]
    fleet.api.post(f"/api/v1/rollouts/{first}/start", {"reason": ""})
    lamps = [Lamp(n, n % 2, "eu" if n % 3 else "us") for n in range(40, 46)]
    for steps, lamp in enumerate(lamps):
        status, reply = devices.check_in(lamp)
        demand(status == 200 and "offer" in reply, f"{lamp.name}: {reply}")
        lamp.begin(reply["offer"])
        for kind in way[1:steps + 1]:
            tell(devices, lamp, kind)
    demand(len(open_attempts(fleet, first)) == 5, f"open: {open_attempts(fleet)}")
    second = fleet.api.post(ROLLOUTS, plan | {"release": "1.2.0", "supersede": True})["id"]
    fleet.api.post(f"/api/v1/rollouts/{second}/start", {"reason": ""})
    for steps, lamp in enumerate(lamps):
        status, reply = devices.check_in(lamp, "switch" if way[steps] == "installed" else "nothing")
        gone = steps < way.index("switching")
        demand(reply.get("drop", False) == gone and reply.get("switch") != "go", f"{way[steps]}: {reply}")
        if gone:
            lamp.end("withdrawn")
            status, reply = devices.check_in(lamp, "nothing")
            lamp.events = []
        elif way[steps] != "confirmed":
            for kind in way[steps + 1:]:
                tell(devices, lamp, kind)
        lamp.attempt = None
    counts = fleet.api.get(f"/api/v1/rollouts/{first}")["rings"][0]["counts"]
    demand(counts["confirmed"] == 3 and counts["withdrawn"] + counts["superseded"] == 3, f"the first one counts {counts}")
    demand(open_attempts(fleet) == [], f"open: {open_attempts(fleet)}")
    counts = fleet.api.get(f"/api/v1/rollouts/{second}")["rings"][0]["counts"]
    demand(sum(counts.values()) == 0, f"the second one counts {counts} before it has offered anything")
    for lamp in lamps:
        demand(devices.is_offered(lamp), f"{lamp.name} is not offered the newer release")
    had = sorted(device for _, device in open_attempts(fleet))
    demand(had == sorted(lamp.name for lamp in lamps), f"one attempt for each device: {open_attempts(fleet)}")
    fleet.api.post(f"/api/v1/rollouts/{second}/abort", {"reason": "a test"})


def tm_I07_many_polls_at_once_never_exceed_the_bound(fleet):
    """Everybody asks at once, from as many connections as there are threads; and again after an outcome."""
    bound, asked, most = 10, 0, 0
    lamps = [Lamp(n, n % 2, "eu" if n % 3 else "us") for n in range(60, 160)]
    for _ in range(5):
        made = fleet.api.post(ROLLOUTS, {"release": "1.1.0", "rings": ["rest"], "in_flight": bound})["id"]
        fleet.api.post(f"/api/v1/rollouts/{made}/start", {"reason": ""})

        def ask(first):
            devices = DeviceApi(fleet.options)
            return sum(devices.is_offered(lamp) for lamp in lamps[first::THREADS])

        with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
            offered = sum(pool.map(ask, range(THREADS)))
        demand(offered == bound == len(open_attempts(fleet, made)), f"{offered} of {len(lamps)} at once are offered it, bound {bound}")
        asked, most = asked + len(lamps), max(most, offered)
        fleet.api.post(f"/api/v1/rollouts/{made}/abort", {"reason": "a test"})
    return asked


def kinds_of(preview):
    return {tuple(s["values"].items()): [r["members"] for r in s["rings"]] for s in preview["strata"]}


def preview_is_what_creation_does(fleet):
    """Each kind in each ring of shares, or as many as there are; and the same again, and for real."""
    path = ROLLOUTS + "?preview=1&devices=1"
    plan = {"release": "1.1.0", "rings": ["internal", "5%", "20%", "rest"]}
    plain = fleet.api.post(path, plan)
    demand(plain["strata"] == [] and sum(r["moved"] for r in plain["rings"]) == 0, f"no strata: {plain['rings']}")
    code, answer, text = fleet.otaria("product", "set", "lamp", "--strata", "hw_rev,region", "--strata-min", "3")
    demand(code == 0 and answer["strata"] == ["hw_rev", "region"] and answer["strata_min"] == 3, f"product set: {answer} {text}")
    shown = fleet.api.post(path, plan)
    kinds = kinds_of(shown)
    demand(len(kinds) == 6, f"kinds: {kinds}")
    for kind, rings in kinds.items():
        left = sum(rings[1:])
        for ring in rings[1:3]:
            demand(ring >= min(3, left), f"{kind}: {rings}")
            left -= ring
    demand(kinds[(("hw_rev", "1"), ("region", ""))][1] == 2, f"of two devices both come first: {kinds}")
    demand(sum(r["members"] for r in shown["rings"]) == DEVICES == len(shown["devices"]), "each device in one ring")
    demand(shown["rings"][0]["members"] == 4 and shown["rings"][0]["moved"] == 0, "named devices stay")
    moved = sum(r["moved"] for r in shown["rings"])
    demand(moved > 0 and moved == sum(d["moved"] for d in shown["devices"]), f"{moved} moved")
    demand(fleet.api.post(path, plan) == shown, "a second preview differs")
    code, answer, _ = fleet.otaria("rollout", "preview", "--product", "lamp", "--release", "1.1.0", "--rings", "internal,5%,20%,rest",
                                   "--devices")
    demand(code == 0 and answer["devices"] == shown["devices"] and answer["rings"] == shown["rings"], "the command's preview differs")
    page, devices, after = 37, [], ""
    while after is not None:
        reply = fleet.api.post(f"{path}&limit={page}&after={after}", plan)
        devices, after = devices + reply["devices"], reply["next"]
    demand(devices == shown["devices"], "pages differ from the whole")
    created = fleet.api.post(ROLLOUTS, plan)
    demand([r["members"] for r in created["rings"]] == [r["members"] for r in shown["rings"]], "creation differs from the preview")
    with sqlite3.connect(f"file:{fleet.options.dir}/server/otaria.db?mode=ro", uri=True) as db:
        stored = dict(db.execute("SELECT d.id, m.ring FROM member m JOIN device d ON d.num=m.device WHERE m.rollout=?", (created["id"],)))
    demand(stored == {d["id"]: d["ring"] for d in shown["devices"]}, "what is stored differs from the preview")
    fleet.api.post(f"/api/v1/rollouts/{created['id']}/abort", {"reason": "a test"})
    return len(kinds), moved


def a_filter_says_who_is_in_it(fleet):
    """When it is created, whatever attributes say later; who comes later must match, too."""
    devices, no, eu = DeviceApi(fleet.options), Lamp(0, 2, "no"), Lamp(50, 0, "eu")
    made = fleet.api.post(ROLLOUTS, {"release": "1.1.0", "rings": ["rest"], "filter": " hw_rev=2   and region = no", "in_flight": 100})
    demand(made["plan"]["filter"] == "hw_rev = 2 and region = no", f"kept: {made['plan']['filter']}")
    demand(made["rings"][0]["members"] == 10, f"members: {made['rings']}")
    fleet.api.post(f"/api/v1/rollouts/{made['id']}/start", {"reason": ""})
    no.kind["attributes"]["region"] = "se"
    demand(devices.is_offered(no), "a member whose attributes change stays one")
    eu.kind = {"hw_rev": 2, "attributes": {"region": "se"}}
    demand(not devices.is_offered(eu), "who does not match is not offered it")
    why = fleet.api.get(f"/api/v1/products/lamp/devices/{eu.name}/explain")
    demand(why["answer"] == "no_place" and "hw_rev = 2 and region = no" in why["text"], f"explain: {why}")
    late, other = Lamp(901, 2, "no"), Lamp(902, 1, "no")
    devices.enrol(late)
    devices.enrol(other)
    demand(devices.is_offered(late) and not devices.is_offered(other), "a joiner must match")
    members = fleet.api.get(f"/api/v1/rollouts/{made['id']}")["rings"][0]["members"]
    demand(members == 11, f"{members} members")
    fleet.api.post(f"/api/v1/rollouts/{made['id']}/abort", {"reason": "a test"})


def a_new_seed_draws_anew(fleet):
    path, plan = ROLLOUTS + "?preview=1&devices=1", {"release": "1.1.0", "rings": ["10%", "rest"]}
    before = fleet.api.post(path, plan)["devices"]
    demand(fleet.otaria("product", "set", "lamp", "--new-seed")[0] == 0, "a new seed")
    after = fleet.api.post(path, plan)["devices"]
    changed = sum(a["ring"] != b["ring"] for a, b in zip(before, after))
    demand(changed > 10, f"{changed} devices changed their ring")
    entry = [e for e in fleet.api.get("/api/v1/audit?limit=1000")["entries"] if e["action"] == "product.set"][-1]
    demand("new seed" in entry["detail"] and '["hw_rev","region"]' in entry["detail"], f"audit: {entry}")


def warnings_and_reasons(fleet):
    plan = {"release": "1.1.0", "rings": ["internal", "rest"]}
    shown = fleet.api.post(ROLLOUTS + "?preview=1", plan)
    demand(len(shown["warnings"]) == 1 and "from 4 to 196 devices" in shown["warnings"][0], f"warnings: {shown['warnings']}")
    shown = fleet.api.post(ROLLOUTS + "?preview=1", plan | {"override": "known", "soak_s": 0, "max_failure_percent": 1,
                                                            "rings": ["internal", "0.01%", "rest"]})
    demand(shown["warnings"] == [] and shown["plan"]["override"] == "known", f"with a reason: {shown}")
    duty_cycle(fleet)


def duty_cycle(fleet):
    """A soak below it is refused once somebody has said it, and hinted at while nobody has."""
    plan = {"release": "1.1.0", "rings": ["rest"], "soak_s": 7200, "stale_after_s": 3600}
    shown = fleet.api.post(ROLLOUTS + "?preview=1", plan)
    demand(["nobody has said how long the duty cycle" in w for w in shown["warnings"]] == [True], f"hint: {shown['warnings']}")
    demand(fleet.ask("PATCH", "/api/v1/products/lamp", {"duty_cycle_s": 7201})[0] == 200, "duty cycle")
    before = fleet.state()
    refused_whole(fleet, before, "soak below the duty cycle", fleet.ask("POST", ROLLOUTS, plan), 422, "plan",
                  "less than the duty cycle of the product's devices, 7201 s")
    demand(fleet.api.post(ROLLOUTS + "?preview=1", plan | {"override": "known"})["warnings"] == [], "with a reason")
    demand(fleet.api.post(ROLLOUTS + "?preview=1", plan | {"soak_s": 7201})["warnings"] == [], "long enough")
    demand(fleet.ask("PATCH", "/api/v1/products/lamp", {"duty_cycle_s": 0})[0] == 200, "no duty cycle")


def main():
    parser = argparse.ArgumentParser()
    for name in ("otaria", "dir", "device", "operator"):
        parser.add_argument("--" + name, required=True, type=pathlib.Path if name == "dir" else str)
    options = parser.parse_args()
    fleet = Fleet(options)
    fill(options)
    for version in ("1.1.0", "1.2.0"):
        fleet.api.call("POST", "/api/v1/products/lamp/releases", raw=(options.dir / f"lamp-{version}.bin").read_bytes())
    for n in range(20, 24):
        fleet.api.post(f"/api/v1/products/lamp/devices/lamp-{n:04d}/tags", {"add": ["internal"]})
    everything = fleet.lists()
    by_command = tm_I24_bad_rules_and_sets_by_command(fleet)
    by_api = tm_I24_bad_rules_and_sets_by_api(fleet)
    demand(fleet.lists() == everything, "the API's lists have changed")
    tm_I05_overlap_in_every_shape(fleet)
    kinds, moved = preview_is_what_creation_does(fleet)
    warnings_and_reasons(fleet)
    a_new_seed_draws_anew(fleet)
    a_filter_says_who_is_in_it(fleet)
    tm_I06_a_new_release_while_one_runs(fleet)
    asked = tm_I07_many_polls_at_once_never_exceed_the_bound(fleet)
    print(f"plans: {by_api} refused by API and {by_command} by command, nothing half created; {kinds} kinds of device in every ring, "
          f"{moved} of {DEVICES} devices moved forward; "
          f"{asked} polls by {THREADS} at once within the bound")


if __name__ == "__main__":
    main()
