#!/usr/bin/env python3
"""`rollout plan` on a real server: who, bytes by link, what it costs, how long it takes, what each ring can see; and that it
leaves nothing behind. Then the rollout itself, beside what was said of it."""
import json
import pathlib
import tempfile
import time

from paper_fleet import Fleet, Server, demand

LINKS = ["cellular", "wifi", "wifi", ""]


def tell_links(fleet):
    """Twenty devices, of which five are on a link that costs."""
    for n in range(20):
        d = fleet.add(f"d{n:02d}", "1.0.0")
        d.attributes = {"link": LINKS[n % 4]} if LINKS[n % 4] else {}
        d.check_in("nothing")


def plan(fleet, *words):
    return json.loads(fleet.server.otaria("rollout", "plan", "1.1.0", "--soak-s", "2", "--in-flight", "50",
                                          "--max-failure-percent", "100", "--override", "a test", "--json", *words))


def it_says_what_there_is(fleet):
    told = plan(fleet, "--price", "cellular=0.40/MB,wifi=0")
    ring, image = told["rings"][0], fleet.bytes["1.1.0"]
    demand(told["members"] == ring["members"] == ring["by_image"] == 20 and ring["by_patch"] == 0, f"who: {ring}")
    demand(told["bytes"] == told["full_bytes"] == 20 * image, f"bytes: {told['bytes']}")
    links = {link["link"]: link for link in ring["links"]}
    demand(links["cellular"]["devices"] == 5 and links["wifi"]["devices"] == 10 and links[""]["devices"] == 5, f"{links}")
    demand(abs(links["cellular"]["cost"] - 5 * image * 0.4 / 1e6) < 0.01 and links["wifi"]["cost"] == 0 and
           links[""]["cost"] is None, f"cost: {links}")
    demand(told["cost"] == links["cellular"]["cost"], f"cost: {told['cost']}")
    demand(ring["sees"] == "20 devices cannot see a failure rate below 13.9 %", ring["sees"])
    demand(told["assumes"]["attempts_seen"] == 0 and told["assumes"]["attempt_s"]["median"] == 600, "no attempt was seen")
    demand(600 < told["takes_s"]["median"] < 700, f"takes {told['takes_s']}")
    demand(told["runs"] == told["finished"] >= 5, f"runs: {told}")
    text = fleet.server.otaria("rollout", "plan", "--release", "1.1.0", "--max-source", "1.0.0")
    demand("cannot see a failure rate below 13.9 %" in text and "which is a guess" in text, text)
    demand(plan(fleet, "--min-source", "1.1.0")["rings"][0]["too_old"] == 20, "who is too old")
    demand(fleet.server.api.get("/api/v1/products/lamp/rollouts")["rollouts"] == [], "a forecast has created something")


def bad_prices_are_refused(fleet):
    for price in ("cellular", "cellular=", "cellular=x", "cellular=-1", "=", "cellular=1e9", "cellular=nan", "a=1,,b=2"):
        fleet.refused("/api/v1/products/lamp/rollouts?forecast=1&price=" + price, {"release": "1.1.0"}, "bad_field")
    fleet.refused("/api/v1/products/lamp/rollouts?forecast=1", {"release": "1.1.0", "rings": ["60%", "50%"]}, "plan")
    fleet.refused("/api/v1/products/lamp/rollouts?forecast=1", {"release": "9.9"}, "not_found")


def attempts_that_were_seen_are_what_it_goes_by(fleet):
    """Devices come every second and take half a second each: the next forecast has to be near what this rollout takes."""
    began = time.monotonic()
    rollout = fleet.start("1.1.0", soak_s=2, decide_by_s=100)
    updated = set()
    while fleet.server.api.get(f"/api/v1/rollouts/{rollout}")["state"] != "finished":
        demand(time.monotonic() - began < 60, "it does not finish")
        for name, d in fleet.devices.items():
            d.check_in()
            if d.offer is not None and name not in updated:
                d.confirm(fleet.firmware["1.1.0"])
                updated.add(name)
        time.sleep(0.8)  # gaps below half a poll interval are no habit
    took = time.monotonic() - began
    fleet.push("1.2.0", 12)
    told = json.loads(fleet.server.otaria("rollout", "plan", "1.2.0", "--soak-s", "2", "--in-flight", "50",
                                          "--max-failure-percent", "100", "--override", "a test", "--json"))
    demand(told["assumes"]["attempts_seen"] == 20 and told["assumes"]["attempt_s"]["median"] < 5, f"{told['assumes']}")
    demand(told["takes_s"]["median"] <= 4 * took and took <= 4 * told["takes_s"]["median"],
           f"it took {took:.1f} s, and {told['takes_s']} was said of the next")
    polls = fleet.server.api.get("/api/v1/products/lamp/devices/d00")["polls"]
    demand(0.2 < polls["gap_s"] < 30, f"polls: {polls}")
    return took, told["takes_s"]["median"]


with tempfile.TemporaryDirectory() as name:
    server = Server(pathlib.Path(name))
    try:
        fleet = Fleet(server)
        for version, release in (("1.0.0", 10), ("1.1.0", 11)):
            fleet.push(version, release)
        tell_links(fleet)
        it_says_what_there_is(fleet)
        bad_prices_are_refused(fleet)
        took, told = attempts_that_were_seen_are_what_it_goes_by(fleet)
    finally:
        server.kill()
print(f"forecast: a rollout took {took:.1f} s, {told} s were said of the next like it")
