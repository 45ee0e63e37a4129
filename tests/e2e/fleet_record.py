#!/usr/bin/env python3
"""The fleet record through a real server: filters, pages, search, what is wanted and what runs.

    fleet_record.py [TEST...]      names of tests; all without
"""
import contextlib
import csv
import io
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import unicodedata
import urllib.parse

from operator_api import Refused
from paper_device import Firmware, PaperDevice
from server_trial import BIN, DeviceApi, ServerTrial, check_in, slot

PRODUCT = "/api/v1/products/lamp"
CHIPS = ("esp32", "esp32c3", "esp32s3")


def demand(holds, what):
    if not holds:
        raise SystemExit(f"fleet_record: {what}")


class Fleet:
    """120 devices that differ; what each said is kept here, to compare with."""

    def __init__(self, trial):
        self.trial, self.api = trial, trial.api
        self.api.post("/api/v1/products", {"name": "lamp", "rings": ["internal", "rest"], "trust": ["aa" * 32]})
        self.api.post("/api/v1/products", {"name": "other", "rings": ["rest"], "trust": ["aa" * 32]})
        token = self.api.post("/api/v1/tokens", {"role": "enrol", "product": "lamp"})["token"]
        self.devices = DeviceApi(trial, token)
        self.said, self.bulb_product = {}, None
        names = [f"lamp-{i:04}" for i in range(120)]
        random.shuffle(names)
        for name in names:
            self.add(name)

    def add(self, name):
        i = int(name[-4:])
        said = {"chip": CHIPS[i % 3], "hw_rev": i % 5, "version": f"1.{i % 12}.0", "region": ("eu", "us")[i % 2],
                "link": "cellular" if i % 7 == 0 else "wifi", "site": f"site {i % 4}", "panics": i % 10}
        attributes = {"region": said["region"], "link": said["link"], "site": said["site"]}
        self.devices.enrol(name, said["chip"], said["hw_rev"], **attributes)
        said["checked_in"] = i % 11 != 3
        if said["checked_in"]:
            self.devices.check_in(name, chip=said["chip"], hw_rev=said["hw_rev"], attributes=attributes,
                                  running=slot(digest=f"{i % 12 + 1:02x}" * 32, release=i % 12, version=said["version"]),
                                  health={"panics": said["panics"]}, metrics={"heap_floor": 40000 - i})
        said["tags"] = ["internal"] if i < 5 else []
        if said["tags"]:
            self.api.post(f"{PRODUCT}/devices/{name}/tags", {"add": said["tags"]})
        self.said[name] = said

    def bulbs(self):
        if self.bulb_product is None:
            self.bulb_product = Bulbs(self.trial)
        return self.bulb_product

    def restart(self, stop=True):
        if stop:
            self.trial.stop()
        self.trial.start()
        self.api, self.devices = self.trial.api, DeviceApi(self.trial, self.devices.enrol_token)
        if self.bulb_product is not None:
            self.bulb_product.server_is_new()

    def reconnect(self):
        """The server closes connections that idle: none is kept from one test to the next."""
        self.api.close()
        self.devices.connection.close()
        if self.bulb_product is not None:
            self.bulb_product.server_is_new()

    def page(self, **query):
        return self.api.get(f"{PRODUCT}/devices?" + urllib.parse.urlencode(query, quote_via=urllib.parse.quote))

    def ids(self, limit, **query):
        """All pages; their sizes are checked on the way."""
        found, after = [], {}
        while True:
            page = self.page(limit=limit, **query, **after)
            demand(len(page["devices"]) <= limit, f"a page of {len(page['devices'])}, {limit} were asked for")
            found += [d["id"] for d in page["devices"]]
            if page["next"] is None:
                return found
            after = {"after": page["next"]}


def filters_choose_the_same_devices_as_a_plain_reading(fleet):
    def by_version(said):
        return said["checked_in"] and int(said["version"].split(".")[1]) < 10

    cases = {
        "": lambda s: True,
        "chip = esp32c3 and hw_rev >= 2 and (region = eu or tag = internal) and not link = cellular":
            lambda s: s["chip"] == "esp32c3" and s["hw_rev"] >= 2 and (s["region"] == "eu" or s["tags"])
            and s["link"] != "cellular",
        "version < 1.10.0": by_version,
        "not version < 1.10.0": lambda s: not by_version(s),
        "checked_in = no": lambda s: not s["checked_in"],
        "panics in (3, 7) and unheard < 1h": lambda s: s["checked_in"] and s["panics"] in (3, 7),
        "site = \"site 2\" or attr.site = *3": lambda s: s["site"] in ("site 2", "site 3"),
        "digest = 0404 and first_seen < 1d": lambda s: s["checked_in"] and s["version"] == "1.3.0",
        "tag = internal": lambda s: s["tags"],
        "metric.heap_floor > 39990": lambda s: False,  # replaced below: depends on the name
        "region = nowhere": lambda s: False,
        "unheard > 1d": lambda s: False,
    }
    for text, claim in cases.items():
        wanted = sorted(n for n, s in fleet.said.items() if claim(s))
        if text.startswith("metric"):
            wanted = sorted(n for n, s in fleet.said.items() if s["checked_in"] and int(n[-4:]) < 10)
        for limit in (1000, 7):
            found = fleet.ids(limit, filter=text)
            demand(found == wanted, f"{text}: {found}, wanted {wanted}")
        if "regi" not in text:
            continue
        listed = json.loads(fleet.trial.otaria("device", "list", "--product", "lamp", "--filter", text, "--json"))
        demand([d["id"] for d in listed["devices"]] == wanted, f"otaria device list --filter {text}")
        count = fleet.trial.otaria("device", "list", "--product", "lamp", "--filter", text, "--count")
        demand(int(count) == len(wanted), f"{text}: --count says {count}")


def pages_go_on_where_they_ended_whoever_joins(fleet):
    first = fleet.page(limit=50)
    demand(first["total"] == len(fleet.said) and len(first["devices"]) == 50, "the first page")
    fleet.add("lamp-0000a-9000")  # among those already seen
    fleet.add("lamp-9001")
    rest = fleet.page(limit=1000, after=first["next"])
    found = [d["id"] for d in first["devices"] + rest["devices"]]
    demand(found == sorted(n for n in fleet.said if n != "lamp-0000a-9000"), "each device once, in the order of ids")
    demand(fleet.page(after="lamp-9", limit=5)["devices"][0]["id"] == "lamp-9001", "after an id that is not there")
    demand(fleet.page(after="zzz") == {"devices": [], "next": None, "total": len(fleet.said)}, "after the last")


def a_wrong_filter_is_refused_with_its_place(fleet):
    connection = fleet.trial.connect()
    for text, at, part in (("regoin = eu", 0, "is no field; fields are id, chip"), ("chip = esp42", 7, "one of esp32"),
                           ("id = a and (", 12, "the end"), ("site = a or seit = b", 12, "\"seit\" is no field")):
        status, body = fleet.trial.request(connection, "GET",
                                           f"{PRODUCT}/devices?filter={urllib.parse.quote(text)}")
        error = json.loads(body)["error"]
        demand(status == 422 and error["code"] == "filter" and error["at"] == at and part in error["message"],
               f"{text}: {status} {body}")
        code, out, err = fleet.trial.run("device", "list", "--product", "lamp", "--filter", text, "--json")
        demand(code == 1 and part in err.decode() and json.loads(out)["error"]["code"] == "filter", f"{text}: {err}")
    for query in ("filter", "filter&limit=5", "=x"):
        status, body = fleet.trial.request(connection, "GET", f"{PRODUCT}/devices?{query}")
        demand(status == 400, f"?{query} does not say which devices: {status} {body[:100]}")


def a_word_is_looked_for_in_ids_tags_and_digests(fleet):
    def found(word):
        text = fleet.trial.otaria("device", "list", word, "--product", "lamp", "--json")
        return [d["id"] for d in json.loads(text)["devices"]]

    demand(found("P-004") == [n for n in sorted(fleet.said) if "p-004" in n], "part of an id")
    demand(found("internal") == [n for n in sorted(fleet.said) if fleet.said[n]["tags"]], "a tag")
    demand(found("0b0b0b") == [n for n, s in sorted(fleet.said.items()) if s["checked_in"] and s["version"] == "1.10.0"],
           "a digest")
    demand(found('" or id ~ "') == [], "what is looked for is text, never a filter")
    demand(fleet.trial.run("device", "list", "x", "--filter", "id = a", "--product", "lamp")[0] == 2, "both")


def tm_B04_another_product_shows_nothing(fleet):
    """A token of one product, and filters, pages and ids of another: the same answers as from one that is not there."""
    token = fleet.api.post("/api/v1/tokens", {"role": "viewer", "product": "other"})["token"]
    connection = fleet.trial.connect()
    for rest in ("", "/devices", "/devices?filter=id%20%3D%20*", "/devices?filter=regoin%20%3D%20eu", "/devices?after=a",
                 "/devices/lamp-0001", "/devices/lamp-0001/explain"):
        there = fleet.trial.request(connection, "GET", f"{PRODUCT}{rest}", token=token)
        absent = fleet.trial.request(connection, "GET", f"/api/v1/products/nosuch{rest}", token=token)
        demand(there == absent and there[0] == 404, f"{rest}: {there}, {absent}")
    status, body = fleet.trial.request(connection, "GET", "/api/v1/products/other/devices?filter=id%20%3D%20*",
                                       token=token)
    demand((status, json.loads(body)) == (200, {"devices": [], "next": None, "total": 0}), f"its own: {body}")


def tm_B14_no_value_is_part_of_a_statement(fleet):
    """Quotes, semicolons and comments of SQL in ids, filters and pages: text that matches nothing."""
    before = fleet.ids(1000)
    for text in ("' or '1'='1", "\"; DROP TABLE device; --", "1) or (1=1", "/*", "\\' or 1=1 --", "%27%20or%201=1"):
        quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
        demand(fleet.ids(1000, filter=f"id = {quoted} or tag = {quoted} or region = {quoted}") == [], f"found by {text}")
        demand(fleet.ids(1000, running=text) == [], f"running {text}")
        after = fleet.page(after=text)["devices"]
        demand([d["id"] for d in after] == [n for n in before if n > text], f"after {text}")
        try:
            fleet.api.get(f"{PRODUCT}/devices/{urllib.parse.quote(text, safe='')}")
            demand(False, f"a device called {text}")
        except Refused as refusal:
            demand(" 404 " in str(refusal), f"{text}: {refusal}")
    demand(fleet.ids(1000) == before, "all devices are still there")


class Bulbs:
    """A product with releases, whose devices take them on paper."""

    def __init__(self, trial):
        self.trial, self.api, self.firmware, self.devices = trial, trial.api, {}, {}
        self.key = trial.directory / "key.pem"
        trial.otaria("key", "generate", "--scheme", "ecdsa256", "--out", self.key)
        trial.otaria("product", "create", "bulb", "--trust", self.key, "--rings", "rest")
        self.token = self.api.post("/api/v1/tokens", {"role": "enrol", "product": "bulb"})["token"]
        for number, version in enumerate(("1.0.0", "1.1.0"), 1):
            self.push(version, number)

    def push(self, version, release):
        raw, image = self.trial.directory / "raw.bin", self.trial.directory / f"{version}.bin"
        self.trial.otaria("image", "make", "--chip", "esp32c3", "--project", "bulb", "--version", version, "--release",
                          str(release), "--hw-rev", "0", "--size", "20000", "--out", raw)
        self.trial.otaria("image", "sign", raw, "--key", self.key, "--out", image)
        self.trial.otaria("release", "push", image)
        digest = json.loads(self.trial.otaria("image", "info", image, "--json"))["digest"]
        self.firmware[version] = Firmware(digest, release, version)

    def enrol(self, name):
        device = PaperDevice(self.trial.device_url, self.trial.ca, name, self.firmware["1.0.0"])
        device.enrol(self.token)
        self.devices[name] = device
        return device

    def server_is_new(self):
        self.api = self.trial.api
        for device in self.devices.values():
            device.where, device.connection = urllib.parse.urlsplit(self.trial.device_url), None

    def get(self, path):
        return self.api.get(f"/api/v1/products/bulb{path}")

    def is_wanted(self, name, version, in_sync, answer):
        """The device's record, its line in the list, and `explain` agree."""
        shown = self.get(f"/devices/{name}")
        listed = self.get(f"/devices?filter=id={name}")["devices"][0]
        desired, reported = shown["desired"], shown["reported"]
        for field in ("desired", "reported", "in_sync"):
            demand(shown[field] == listed[field], f"{name}: {field} shown and listed")
        asked = {True: "yes", False: "no", None: "unknown"}[in_sync]
        found = self.get(f"/devices?filter=id={name}%20and%20in_sync={asked}")["devices"]
        demand([d["id"] for d in found] == [name], f"{name}: in_sync is not {asked} for the filter")
        demand((desired["version"], shown["in_sync"], desired["answer"]) == (version, in_sync, answer),
               f"{name}: {desired}, in sync {shown['in_sync']}; wanted {version}, {in_sync}, {answer}")
        demand(desired["answer"] == self.get(f"/devices/{name}/explain")["answer"], f"{name}: explain says else")
        if version is not None:
            firmware = self.firmware[version]
            demand((desired["digest"], desired["release"]) == (firmware.digest, firmware.release), f"{name}: {desired}")
            demand(shown["in_sync"] == (reported["digest"] == firmware.digest), f"{name}: {reported}")


def desired_is_what_the_deciding_code_wants_now(fleet):
    bulbs = fleet.bulbs()
    for name in ("b-1", "b-2", "b-3"):
        bulbs.enrol(name).check_in("nothing")
    try:
        bulbs.api.post("/api/v1/products/bulb/rollouts", {"release": "1.1.0", "filter": "id = b-1 and in_sync = no"})
        demand(False, "a rollout that is filtered by what it brings about")
    except Refused as refusal:
        demand("at byte 13: in_sync is for lists" in str(refusal), f"{refusal}")
    bulbs.enrol("b-mute")
    bulbs.is_wanted("b-1", None, True, "no_rollout")
    bulbs.is_wanted("b-mute", None, None, "never_seen")
    demand(bulbs.get("/devices/b-mute")["reported"] is None, "it has reported nothing")
    rollout = bulbs.api.post("/api/v1/products/bulb/rollouts", {"release": "1.1.0", "soak_s": 0, "in_flight": 1,
                                                               "max_failure_percent": 100, "override": "a test"})["id"]
    bulbs.is_wanted("b-1", None, True, "not_started")
    bulbs.api.post(f"/api/v1/rollouts/{rollout}/start", {})
    bulbs.is_wanted("b-1", "1.1.0", False, "offered_next")
    bulbs.devices["b-1"].check_in()
    bulbs.is_wanted("b-1", "1.1.0", False, "in_progress")
    bulbs.is_wanted("b-2", "1.1.0", False, "bound_reached")
    bulbs.api.post(f"/api/v1/rollouts/{rollout}/pause", {"reason": "test"})
    bulbs.is_wanted("b-2", None, True, "paused")
    bulbs.is_wanted("b-1", None, True, "held_back")
    bulbs.api.post(f"/api/v1/rollouts/{rollout}/resume", {"reason": "test"})
    demand(runs_of(bulbs) == {"1.0.0": 3}, f"before: {runs_of(bulbs)}")
    bulbs.devices["b-1"].confirm(bulbs.firmware["1.1.0"])
    bulbs.is_wanted("b-1", "1.1.0", True, "up_to_date")
    demand(runs_of(bulbs) == {"1.0.0": 2, "1.1.0": 1}, f"behind: {runs_of(bulbs)}")
    b2 = bulbs.devices["b-2"]
    b2.check_in()
    b2.check_in("nothing", "downloading", ("failed", "http"))
    bulbs.is_wanted("b-2", "1.1.0", False, "ended_badly")
    shown = fleet.trial.otaria("device", "show", "b-2", "--product", "bulb")
    for words in ("desired         1.1.0 release 2 by rollout", "(ended_badly)", "in sync         no", "slot bytes      1966080"):
        demand(words in shown, f"no \"{words}\" in {shown}")


def runs_of(bulbs):
    product = bulbs.get("")
    demand(product["unreported"] == 1 and product["digests"] == len(product["runs"]), f"{product}")
    demand(all(r["known"] for r in product["runs"]), f"{product['runs']}")
    return {r["version"]: r["devices"] for r in product["runs"]}


def what_runs_is_counted_as_it_changes(fleet):
    def counted():
        product = fleet.api.get(PRODUCT)
        return {r["digest"]: r["devices"] for r in product["runs"]}, product["unreported"]

    def recounted():
        runs, unreported = {}, 0
        for d in fleet.page(limit=1000)["devices"]:
            if d["reported"] is None:
                unreported += 1
            else:
                runs[d["reported"]["digest"]] = runs.get(d["reported"]["digest"], 0) + 1
        return runs, unreported

    demand(counted() == recounted() and len(counted()[0]) == 12, f"{counted()}, {recounted()}")
    names = random.sample(sorted(fleet.said), 40)
    for i, name in enumerate(names):
        fleet.devices.check_in(name, running=slot(digest=f"{random.randrange(1, 20):02x}" * 32))
        if i % 10 == 0:
            demand(counted() == recounted(), f"{counted()}, {recounted()}")
    fleet.restart()
    demand(counted() == recounted(), f"after a restart: {counted()}, {recounted()}")
    runs = fleet.api.get(PRODUCT)["runs"]
    demand([r["devices"] for r in runs] == sorted((r["devices"] for r in runs), reverse=True), "most common first")
    shown = fleet.trial.otaria("product", "show", "lamp")
    demand(runs[0]["digest"] in shown and "never pushed" in shown, shown)
    attributes = fleet.api.get(f"{PRODUCT}/attributes")["attributes"]
    named = {}
    for d in fleet.page(limit=1000)["devices"]:
        for name in d["attributes"]:
            named[name] = named.get(name, 0) + 1
    demand({a["name"]: a["devices"] for a in attributes} == named, f"{attributes}, {named}")


def history_of(bulbs, name, limit=500):
    """All entries, in pages; their order is checked on the way."""
    entries, after = [], 0
    while after is not None:
        page = bulbs.get(f"/devices/{name}/history?after={after}&limit={limit}")
        demand(len(page["entries"]) <= limit and (page["next"] is None or len(page["entries"]) == limit), "a page")
        entries, after = entries + page["entries"], page["next"]
    demand([e["seq"] for e in entries] == sorted({e["seq"] for e in entries}), "in order, each once")
    return entries, page["dropped"]


def told(e):
    """An entry in a few words."""
    parts = {"enrolled": (), "runs": ("version",), "key": ("change",), "floor": ("value",), "event": ("state", "reason"),
             "attempt": ("state", "version"), "reset": ("cause", "count"), "tag": ("change", "tag")}[e["kind"]]
    return " ".join([e["kind"]] + [str(e[p]) for p in parts])


def history_tells_what_happened_in_order(fleet):
    bulbs = fleet.bulbs()
    device = bulbs.enrol("h-1")
    bulbs.api.post("/api/v1/products/bulb/devices/h-1/tags", {"add": ["lab"]})
    key = json.loads(fleet.trial.otaria("key", "digest", bulbs.key, "--json"))["digest"]
    device.keys = ["aa" * 32, key]
    device.check_in("nothing")
    for n in (1, 2, 4):  # the third time two at once
        device.health = {"panics": n, "last_reset": "panic", "crash": "00000000deadbeef"}
        device.check_in("nothing")
    device.health |= {"brownouts": 1}
    device.check_in("nothing")
    rollout = bulbs.api.post("/api/v1/products/bulb/rollouts", {"release": "1.1.0", "soak_s": 0, "override": "a test",
                                                                "supersede": True})
    bulbs.api.post(f"/api/v1/rollouts/{rollout['id']}/start", {})
    device.keys, device.revoked = [key], ["aa" * 32]
    device.check_in()
    demand(device.offer is not None, "h-1 is offered the release")
    device.confirm(bulbs.firmware["1.1.0"])
    device.check_in("nothing")
    bulbs.api.post("/api/v1/products/bulb/devices/h-1/tags", {"remove": ["lab"]})
    wanted = ["enrolled", "tag added lab", "runs 1.0.0", "key trusted", "key trusted", "reset panic 4",
              "reset brownout 1", "key gone", "key revoked", "attempt offered 1.1.0", "event downloading ok", "event installed ok",
              "event switching ok", "runs 1.1.0", "event confirmed ok", "tag removed lab"]
    entries, dropped = history_of(bulbs, "h-1")
    demand([told(e) for e in entries] == wanted and dropped == 0, f"{[told(e) for e in entries]}")
    first, second = (e for e in entries if e["kind"] == "runs")
    demand(first["until"] == second["at"] and second["until"] is None, f"{first}, {second}")
    demand(second["digest"] == bulbs.firmware["1.1.0"].digest and second["slot"] == "ota_0", f"{second}")
    demand(next(e for e in entries if e["kind"] == "reset")["crash"] == "00000000deadbeef", "the crash")
    attempt = next(e for e in entries if e["kind"] == "attempt")
    demand(all(e["attempt"] == attempt["attempt"] for e in entries if e["kind"] == "event"), "one attempt")
    demand(history_of(bulbs, "h-1", 3)[0] == entries, "in pages of three")
    shown = fleet.trial.otaria("device", "history", "h-1", "--product", "bulb")
    for words in ("runs           1.0.0 release 1 from ota_0 until", "reset          panic times 4", "by t-", "bytes 1000"):
        demand(words in shown, f"no \"{words}\" in {shown}")
    listed = json.loads(fleet.trial.otaria("device", "history", "h-1", "--product", "bulb", "--json"))
    demand(listed["entries"] == entries, "--json")
    fleet.restart()
    demand(history_of(bulbs, "h-1")[0] == entries, "after a restart")


def tm_H14_a_device_that_talks_much_has_a_bounded_history(fleet):
    """Resets, keys, releases, tags and attempts without end: of each kind the newest are kept, and the enrolment."""
    bulbs = fleet.bulbs()
    device = bulbs.enrol("h-loud")
    for n in range(1, 160):
        device.health = {"panics": n, "brownouts": n, "crash": f"{n:016x}"}
        device.running = Firmware(f"{n:02x}" * 32, n, f"0.0.{n}")
        device.keys = [f"{n:02x}" * 32]
        device.attempt = f"x-{n}"
        device.check_in("nothing", "downloading", "failed")
    device.attempt = ""
    for i in range(40):
        for change in ("add", "remove"):
            bulbs.api.post("/api/v1/products/bulb/devices/h-loud/tags", {change: [f"t{i}"]})
    entries, dropped = history_of(bulbs, "h-loud", 100)
    count = {}
    for e in entries:
        count[e["kind"]] = count.get(e["kind"], 0) + 1
    demand(entries[0]["kind"] == "enrolled", "the enrolment is kept")
    for kinds, keep in ((("runs", "key"), 100), (("event",), 200), (("reset",), 50), (("tag",), 50)):
        kept = sum(count[k] for k in kinds)
        demand(keep <= kept < keep + 16, f"{kinds}: {kept} of {keep} at least")
    # Enrolled; what runs, keys come and gone, two resets, two events; tags. The first time no key goes, no reset is new.
    made = 1 + 159 * (1 + 1 + 1 + 2 + 2) - 3 + 80
    demand(dropped == made - len(entries), f"{dropped} are gone of {made}, {len(entries)} are there")
    demand(told(entries[-1]) == "tag removed t39", f"the newest is there: {told(entries[-1])}")
    fleet.restart()
    device.check_in("nothing")
    device.attempt, device.keys = "", []
    device.check_in("nothing")  # the first entry behind a start clears
    count = sum(e["kind"] == "reset" for e in history_of(bulbs, "h-loud")[0])
    demand(count == 50, f"{count} resets")


HOSTILE = ("=cmd|'/C calc'!A1", "+1+1", "-2+3", "@SUM(A1)", "=HYPERLINK(\"x\")", "a,b", 'say "hi"', " =1", "\uff1d1+1", "\u00e4\u6f22",
           "<script>alert(1)</script>", "'quoted'", "a;b", "trailing ", "\\N")


def tm_B09_exports_hold_what_devices_wrote_as_text(fleet):
    """Values a spreadsheet, a page or a shell would act on: there as text, as CSV and as JSON, each in its own column."""
    for i, value in enumerate(HOSTILE):
        fleet.devices.enrol(f"lamp-8{i:03}", note=value, region="eu")
        fleet.devices.check_in(f"lamp-8{i:03}", attributes={"note": value, "region": "eu"},
                               running=slot(version=value[:32], digest="77" * 32))
    code, out, err = fleet.trial.run("device", "export", "--product", "lamp", "--format", "csv", "--filter", "id = lamp-8*")
    demand(code == 0, err)
    text = out.decode()
    demand(text.count("\n") == text.count("\r\n") == len(HOSTILE) + 1, "a line each, ended by CR LF")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    names = text.split("\r\n")[0].split(",")
    demand(names[:6] == ["id", "product", "chip", "hw_rev", "tags", "version"] and names[-4:] ==
           ["attr.link", "attr.note", "attr.region", "attr.site"], f"{names}")
    for row, value in zip(rows, HOSTILE):
        formula = value.lstrip(" ")[0] in "=+-@\uff1d"
        for cell, said in ((row["attr.note"], value), (row["version"], value[:32])):
            demand(cell == ("'" if formula else "") + said, f"{said!r} is exported as {cell!r}")
        demand(None not in row and row["digest"] == "77" * 32 and row["keys"] == "aa" * 32 and row["in_sync"] == "yes", f"{row}")
    exported = json.loads(fleet.trial.otaria("device", "export", "--product", "lamp", "--format", "json", "--filter",
                                             "id = lamp-8*"))
    demand([d["attributes"]["note"] for d in exported] == list(HOSTILE), "JSON has what was said")
    demand(exported == fleet.page(filter="id = lamp-8*")["devices"], "the devices of the API, whole")
    demand(json.loads(fleet.trial.otaria("device", "export", "--product", "lamp", "--json", "--filter", "id = no")) == [],
           "none")
    demand(fleet.trial.run("device", "export", "--product", "lamp")[0] == 2, "a format is needed")
    shown = fleet.trial.otaria("device", "list", "lamp-8010", "--product", "lamp")
    demand("<script>" in shown and "\x1b" not in shown, shown)
    connection = fleet.trial.connect()
    fleet.trial.request(connection, "GET", f"{PRODUCT}/devices/lamp-8010")
    connection.request("GET", f"{PRODUCT}/devices?filter=id%20%3D%20%22%3Cscript%3E%22%20x", headers={
        "Authorization": "Bearer " + (fleet.trial.data / "admin.token").read_text().strip()})
    reply = connection.getresponse()
    body = reply.read()
    demand(reply.status == 422 and reply.headers["Content-Type"] == "application/json", "never HTML")
    demand(reply.headers["X-Content-Type-Options"] == "nosniff", f"{reply.headers}")
    json.loads(body)


STRINGS = HOSTILE + (
    "", "\x00", "a\x00b", "\x01", "\x07bell", "\x08\x08", "tab\there", "line\nbreak", "\r\nSet-Cookie: a=b", "\x1b[2J", "\x1b]0;owned\x07",
    "\x7f", "\u0080", "\u009b31m", "\u202egnp.exe", "\u2066hidden\u2069", "\u200b", "\ufeff", "\u2028", "\u061c", "\ud800", "\udfff",
    "\ud83d\ude00", "\U0001f600", "a" * 48, "a" * 49, "a" * 64, "a" * 65, "a" * 4000, "\u00e4" * 24, "\u00e4" * 25, "../../etc/passwd",
    "..", ".", "/", "\\\\host\\share", "%2e%2e%2f", "%00", "%s%n%x", "{{7*7}}", "${jndi:ldap://x}", "$(id)", "`id`", "; rm -rf /", "| cat",
    "' or '1'='1", "\"; DROP TABLE device; --", "null", "true", "-0", "1e400", "9223372036854775808", "NaN", "CON", "con.txt", "a b", " lead",
    "<img src=x onerror=alert(1)>", "&lt;", "]]>", "-->", "lamp-A15", "LAMP-a15", "\u0430dmin")


def raw_post(fleet, path, token, body):
    """Status of a message as it is, in the bytes that json makes of it: escapes for all that is not ASCII."""
    connection = fleet.devices.connection
    connection.request("POST", path, json.dumps(body), {"Authorization": "Bearer " + token})
    reply = connection.getresponse()
    reply.read()
    return reply.status


def is_clean(data, breaks):
    """Bytes for a terminal, a table or a log: UTF-8, no control, nothing that hides or reorders."""
    text = data.decode()  # raises where it is not UTF-8
    for mark in breaks:
        text = text.replace(mark, "")
    return all(unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)


def tm_A15_strings_of_devices_are_refused_or_shown_as_text(fleet):
    """Each string through each field that a device fills in; then every place where it can come out."""
    d, taken, refused = fleet.devices, 0, 0
    for i, text in enumerate(STRINGS):
        name = f"a15-{i:03}"
        d.enrol(name)
        before = fleet.api.get(f"{PRODUCT}/devices/{name}")
        event = {"seq": 1, "attempt": "a-1", "kind": "failed", "reason": "self_test", "way": "full", "bytes": 1}
        bodies = [("/device/v1/enrol", d.enrol_token, {"v": 1, "device": text, "token_sha256": f"{i:064x}", "chip": "esp32",
                                                       "hw_rev": 0, "attributes": {}})]
        for fields in ({"attributes": {text: "x"}}, {"attributes": {"x": text}}, {"running": slot(version=text)},
                       {"other": slot("ota_1", version=text)}, {"metrics": {text: 1}}, {"attempt": text},
                       {"events": [event | {"attempt": text}]}, {"events": [event | {"check": text, "seq": 2}]},
                       {"chip": text}, {"bootloader": text}, {"ask": text}):
            bodies.append(("/device/v1/check-in", d.token_of(name), check_in(name, **fields)))
        for path, token, body in bodies:
            status = raw_post(fleet, path, token, body)
            demand(status in (200, 201, 400, 409, 413), f"{text[:80]!r} in {list(body)}: {status}")
            taken, refused = taken + (status < 400), refused + (status >= 400)
        if text == "\x1b[2J":  # nowhere allowed: nothing is left of it
            after = fleet.api.get(f"{PRODUCT}/devices/{name}")
            demand(before == after, f"{after}")
    demand(taken > 100 and refused > 300, f"{taken} taken, {refused} refused")
    shown = fleet.trial.run("device", "list", "--product", "lamp", "--filter", "id = *")[1]
    table = fleet.trial.run("device", "export", "--product", "lamp", "--format", "csv")[1]
    array = fleet.trial.run("device", "export", "--product", "lamp", "--format", "json")[1]
    demand(is_clean(shown, "\n") and is_clean(table, "\r\n") and is_clean(array, "\n"), "a list and both exports")
    demand(len(list(csv.reader(io.StringIO(table.decode(), newline="")))) == fleet.page()["total"] + 1, "a row each")
    for i, text in enumerate(STRINGS):
        if text.isprintable() and len(text) % 5 == 0:
            for verb in ("show", "history"):
                _, out, _ = fleet.trial.run("device", verb, f"a15-{i:03}", "--product", "lamp")
                demand(is_clean(out, "\n"), f"device {verb}: {out!r}")
    demand(is_clean((fleet.trial.directory / "otariad.log").read_bytes(), "\n"), "the log")
    print(f"{taken} taken, {refused} refused")


def tm_B20_no_secret_is_left_behind(trial, secrets):
    """In no file of the server but the one that is for it, in no log, in nothing that `otaria` printed."""
    files = [p for p in trial.directory.rglob("*") if p.is_file() and p.name not in ("admin.token", "login.json")]
    demand(any(p.name == "otaria.db" for p in files) and any(p.name == "otariad.log" for p in files), f"{files}")
    for data, where in [(p.read_bytes(), p.name) for p in files] + [(trial.printed, "what otaria printed")]:
        for secret in secrets:
            for form in (secret.encode(), bytes.fromhex(secret[-64:]) if len(secret) >= 64 else secret.encode()):
                demand(form not in data, f"a token is in {where}")


MANY = 25000


def put_many(fleet):
    """Devices straight into the database of a server that stands still: what each said, and an enrolment."""
    fleet.api.post("/api/v1/products", {"name": "many", "rings": ["rest"], "trust": ["aa" * 32]})
    fleet.trial.stop()
    with contextlib.closing(sqlite3.connect(fleet.trial.data / "otaria.db")) as db, db:
        first = db.execute("SELECT max(num)+1 FROM device").fetchone()[0]
        for i in range(MANY):
            said = check_in(f"m-{i:05}", attributes={"region": "eu", "n": str(i % 100)}, ask="nothing")
            db.execute("INSERT INTO device(num,product,id,token,enrolled_ms,last_seen_ms,seq,facts) VALUES(?,?,?,?,?,?,0,?)",
                       (first + i, "many", said["device"], random.randbytes(32), 1700000000000, 1700000000000,
                        json.dumps(said)))


def exported(fleet, words):
    """Lines of an export, and the most memory that it took, in MB."""
    process = subprocess.Popen([BIN / "cli/otaria", "device", "export", "--product", "many", *words],
                               stdout=subprocess.PIPE)
    lines = sum(1 for _ in process.stdout)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    demand(process.returncode == 0, f"export {words}: {process.returncode}")
    return lines, usage.ru_maxrss / 1024


def tm_B19_many_devices_cost_pages_not_memory(fleet):
    """25,000 devices: pages are bounded, whatever is asked; an export holds one, however many there are."""
    os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1"  # where it is built in: freed memory is used again
    put_many(fleet)
    fleet.restart(stop=False)
    del os.environ["ASAN_OPTIONS"]
    many = "/api/v1/products/many"
    for limit in ("100000", "0", "-1", "x", "99999999999999999999"):
        demand(len(fleet.api.get(f"{many}/devices?limit={limit}")["devices"]) == 1000, f"limit={limit}")
    page = fleet.api.get(f"{many}/devices?filter=id%20%3D%20m-24999")
    demand(page["devices"] == [] and page["next"] is not None, "a request does not look at all")
    page = fleet.api.get(f"{many}/devices?filter=id%20%3D%20m-24999&after={page['next']}")
    demand([d["id"] for d in page["devices"]] == ["m-24999"] and page["next"] is None, f"the last: {page['next']}")
    count = fleet.trial.otaria("device", "list", "--product", "many", "--filter", "n = 7", "--count")
    demand(int(count) == MANY // 100, f"{count} by a bare attribute")
    os.environ["ASAN_OPTIONS"] = "quarantine_size_mb=1"
    few, few_mb = exported(fleet, ("--format", "csv", "--filter", "id = m-00*"))
    all_of_them, all_mb = exported(fleet, ("--format", "csv"))
    del os.environ["ASAN_OPTIONS"]
    demand((few, all_of_them) == (1001, MANY + 1), f"{few}, {all_of_them} lines")
    print(f"{few - 1} devices: {few_mb:.0f} MB, {MANY}: {all_mb:.0f} MB")
    demand(all_mb < few_mb + 16, f"{few_mb} MB for {few - 1}, {all_mb} MB for {MANY} devices")


TESTS = (filters_choose_the_same_devices_as_a_plain_reading, pages_go_on_where_they_ended_whoever_joins,
         a_wrong_filter_is_refused_with_its_place, a_word_is_looked_for_in_ids_tags_and_digests,
         tm_B04_another_product_shows_nothing, tm_B14_no_value_is_part_of_a_statement,
         desired_is_what_the_deciding_code_wants_now, what_runs_is_counted_as_it_changes,
         tm_B09_exports_hold_what_devices_wrote_as_text, tm_A15_strings_of_devices_are_refused_or_shown_as_text,
         tm_B19_many_devices_cost_pages_not_memory, history_tells_what_happened_in_order, tm_H14_a_device_that_talks_much_has_a_bounded_history)


def main():
    seed = random.randrange(1000000)
    print(f"seed {seed}")
    random.seed(seed)
    with tempfile.TemporaryDirectory() as directory:
        trial = ServerTrial(directory)
        try:
            fleet = Fleet(trial)
            for test in TESTS:
                if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
                    fleet.reconnect()
                    test(fleet)
                    print(test.__name__, flush=True)
            secrets = [(trial.data / "admin.token").read_text().strip(), fleet.devices.enrol_token,
                       fleet.devices.token_of("lamp-0001"), fleet.devices.token_of("lamp-0042")]
            trial.stop()
            tm_B20_no_secret_is_left_behind(trial, secrets)
        finally:
            trial.stop()


main()
