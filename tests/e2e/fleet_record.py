#!/usr/bin/env python3
"""The fleet record through a real server: filters, pages, search.

    fleet_record.py [TEST...]      names of tests; all without
"""
import json
import random
import sys
import tempfile
import urllib.parse

from operator_api import Refused
from server_trial import DeviceApi, ServerTrial, slot

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
        self.said = {}
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
                                  running=slot(digest=f"{i % 12:02x}" * 32, release=i % 12, version=said["version"]),
                                  health={"panics": said["panics"]}, metrics={"heap_floor": 40000 - i})
        said["tags"] = ["internal"] if i < 5 else []
        if said["tags"]:
            self.api.post(f"{PRODUCT}/devices/{name}/tags", {"add": said["tags"]})
        self.said[name] = said

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
        "digest = 0404 and first_seen < 1d": lambda s: s["checked_in"] and s["version"] == "1.4.0",
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
    demand(found("0b0b0b") == [n for n, s in sorted(fleet.said.items()) if s["checked_in"] and s["version"] == "1.11.0"],
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


TESTS = (filters_choose_the_same_devices_as_a_plain_reading, pages_go_on_where_they_ended_whoever_joins,
         a_wrong_filter_is_refused_with_its_place, a_word_is_looked_for_in_ids_tags_and_digests,
         tm_B04_another_product_shows_nothing, tm_B14_no_value_is_part_of_a_statement)


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
                    test(fleet)
                    print(test.__name__)
        finally:
            trial.stop()


main()
