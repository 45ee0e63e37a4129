#!/usr/bin/env python3
"""Numbers of the application's own through a real server: a heap that sinks halts the ring at its end, numbers that are
missing hold it, and what was compared survives a kill."""
import json
import pathlib
import tempfile
import time

from paper_fleet import Fleet, Server, demand

DEVICES = 60


def settings(fleet):
    product = json.loads(fleet.server.otaria("product", "set", "lamp", "--rings", "30%,rest", "--metric",
                                             "heap_floor:lower_is_worse", "--duty-cycle-s", "1", "--json"))
    demand(product["metrics"] == ["heap_floor:lower_is_worse:5%"] and product["duty_cycle_s"] == 1, f"product: {product}")
    text = fleet.server.otaria("product", "list")
    demand("metrics heap_floor:lower_is_worse:5% duty cycle 1 s" in text, text)
    for metrics in (["heap_floor"], ["a:lower_is_worse", "a:lower_is_worse"], ["Heap:lower_is_worse"], "heap", [1],
                    [f"m{n}:lower_is_worse" for n in range(5)]):
        fleet.refused_change("/api/v1/products/lamp", {"metrics": metrics}, "metrics")


def heap(n, part=1.0):
    return {"heap_floor": int((40000 + 37 * (n * 7919 % 53)) * part)}


def all_check_in(fleet):
    for d in fleet.devices.values():
        d.check_in("nothing")


def first_ring(fleet, version, metrics):
    """Its devices take the release and report these numbers from then on; returns the rollout."""
    rollout = fleet.start(version, soak_s=1, stale_after_s=60, supersede=True)
    all_check_in(fleet)
    taken = []
    for n, (name, d) in enumerate(fleet.devices.items()):
        d.check_in()
        if d.offer:
            d.check_in("nothing", "downloading", "installed", "switching")
            d.switch_to(fleet.firmware[version])
            d.metrics = metrics(n)
            d.check_in("nothing", "confirmed")
            taken.append(name)
    demand(10 <= len(taken) <= DEVICES - 30, f"{len(taken)} in the first ring: the test wants others")
    time.sleep(1.1)
    all_check_in(fleet)
    return rollout, taken


def gates(fleet, rollout):
    shown = fleet.server.api.get(f"/api/v1/rollouts/{rollout}")
    return {g["gate"]: g for g in shown["rings"][0]["gates"]}


def a_heap_that_sinks_halts(fleet):
    rollout, taken = first_ring(fleet, "1.1.0", lambda n: heap(n, 0.85))
    halted = fleet.state(rollout, "halted", 10)
    demand("ring 30%: heap_floor: 3" in halted["reason"] and "lower in 100 % of pairs" in halted["reason"], halted["reason"])
    compared = gates(fleet, rollout)
    demand(set(compared) == {"silent", "crashes", "link_losses", "heap_floor"}, f"gates: {compared}")
    demand(compared["heap_floor"]["verdict"] == "fail" and compared["heap_floor"]["devices"] == len(taken) and
           compared["heap_floor"]["control_devices"] == DEVICES - len(taken), f"heap_floor: {compared['heap_floor']}")
    demand(compared["silent"]["verdict"] == "pass" and compared["silent"]["has_control"], f"silent: {compared['silent']}")
    text = fleet.server.otaria("rollout", "show", rollout)
    demand("fail heap_floor: 3" in text and "pass silent: 0 of" in text and "cannot see a failure rate below" in text, text)
    fleet.server.kill()
    fleet.server.start()
    fleet.server_is_new()
    demand(gates(fleet, rollout) == compared, "other gates after a restart")
    told = [e for e in fleet.server.api.get(f"/api/v1/rollouts/{rollout}/events?after=0")["events"] if e["kind"] == "ring_compared"]
    demand(len(told) == 1 and len(told[0]["data"]["gates"]) == 4, f"timeline: {told}")
    shown = fleet.server.api.get(f"/api/v1/products/lamp/devices/{taken[0]}")
    demand(33000 < shown["metrics"]["heap_floor"] < 37000, f"device: {shown['metrics']}")


def missing_numbers_hold(fleet):
    fleet.refused("/api/v1/products/lamp/rollouts", {"release": "1.2.0", "override": "a test"}, "overlap")  # halted
    rollout, taken = first_ring(fleet, "1.2.0", lambda n: {})
    held = fleet.state(rollout, "held", 10)
    demand(f"heap_floor: 0 of the devices that have soaked report it, and {-(-len(taken) * 9 // 10)} must" in held["reason"],
           held["reason"])
    for n, name in enumerate(taken):
        fleet.devices[name].metrics = heap(n)
    all_check_in(fleet)
    fleet.server.otaria("rollout", "resume", rollout, "--reason", "they report it now")
    fleet.state(rollout, "running", 10)
    end = time.monotonic() + 10
    while fleet.server.api.get(f"/api/v1/rollouts/{rollout}")["rings"][0]["state"] != "passed":
        demand(time.monotonic() < end, f"does not pass: {gates(fleet, rollout)}")
        time.sleep(0.1)
    demand(gates(fleet, rollout)["heap_floor"]["verdict"] == "pass", f"{gates(fleet, rollout)}")


with tempfile.TemporaryDirectory() as directory:
    server = Server(pathlib.Path(directory))
    try:
        fleet = Fleet(server)
        for number, version in enumerate(("1.0.0", "1.1.0", "1.2.0"), 1):
            fleet.push(version, number)
        settings(fleet)
        for n in range(DEVICES):
            fleet.add(f"lamp-{n:02d}", "1.0.0").metrics = heap(n)
        a_heap_that_sinks_halts(fleet)
        missing_numbers_hold(fleet)
    finally:
        server.kill()
print("metrics: a heap that sinks halts, missing numbers hold, and a kill changes neither")
