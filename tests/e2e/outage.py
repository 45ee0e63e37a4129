#!/usr/bin/env python3
"""A self test that could not reach the server: no evidence while the server was down, harm while it was not."""
import pathlib
import tempfile
import time

from paper_fleet import Fleet, Server, demand


def switches(fleet, name):
    fleet.is_offered(name, "1.1.0")
    fleet.devices[name].check_in("nothing", "downloading", "installed", "switching")


def goes_back(fleet, name):
    """Both events at once: it had no contact in between."""
    fleet.devices[name].check_in("nothing", "booted", ("reverted", "no_contact"))


def attempt(fleet, name):
    return fleet.server.api.get(f"/api/v1/products/lamp/devices/{name}")["attempts"][0]


def outage_and_none(fleet):
    server = fleet.server
    rollout = fleet.start("1.1.0")
    time.sleep(1.5)  # a tick: the clocks are stored
    switches(fleet, "a")
    server.kill()
    time.sleep(4)
    server.start()
    fleet.server_is_new()
    goes_back(fleet, "a")
    demand(attempt(fleet, "a")["state"] == "withdrawn" and attempt(fleet, "a")["reason"] == "no_contact",
           f"a: {attempt(fleet, 'a')}")
    fleet.explain("a", "offered_again")
    fleet.is_offered("a", "1.1.0")
    switches(fleet, "b")
    time.sleep(2)
    fleet.devices["c"].check_in("nothing")
    goes_back(fleet, "b")
    demand(attempt(fleet, "b")["state"] == "reverted" and attempt(fleet, "b")["reason"] == "no_contact",
           f"b: {attempt(fleet, 'b')}")
    told = server.api.get(f"/api/v1/rollouts/{rollout}/events?after=0")["events"]
    demand([(e["kind"], e["device"]) for e in told if e["device"]] == [("no_evidence", "a"), ("attempt", "b")],
           f"timeline: {told}")


with tempfile.TemporaryDirectory() as name:
    server = Server(pathlib.Path(name))
    try:
        fleet = Fleet(server)
        fleet.push("1.0.0", 1)
        fleet.push("1.1.0", 2)
        for device in ("a", "b", "c"):
            fleet.add(device, "1.0.0")
        outage_and_none(fleet)
    finally:
        server.kill()
print("outage: no evidence while the server was down, harm while it was not")
