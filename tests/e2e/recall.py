#!/usr/bin/env python3
"""Recall, source limits and stepping stones, on a real server with devices on paper: who is offered what, and what
`explain` says meanwhile; the server is killed in between."""
import json
import pathlib
import tempfile

from operator_api import OperatorApi, Refused
from paper_fleet import Fleet, Server, demand


def recall_brings_back_what_each_one_ran(fleet):
    for name, version in (("a0", "1.0.0"), ("a1", "1.0.0"), ("a2", "1.0.0"), ("b0", "1.1.0"), ("b1", "1.1.0"),
                          ("waits", "1.0.0")):
        fleet.add(name, version)
    bad = fleet.start("2.0.0", max_source="1.1.0")
    for name in ("a0", "a1", "b0"):
        fleet.takes(name, "2.0.0")
    fleet.is_offered("a2", "2.0.0")
    fleet.devices["a2"].check_in("nothing", "downloading")
    fleet.is_offered("b1", "2.0.0")
    fleet.devices["b1"].check_in("nothing", "downloading", "installed", "switching")

    fleet.refused(f"/api/v1/rollouts/{bad}/recall", {}, "reason")
    code, _, error = fleet.server.run("rollout", "recall", bad, "--reason", "x") # nobody to ask
    demand(code == 2 and b"--yes" in error, f"recall without --yes: {code} {error}")
    recall = json.loads(fleet.server.otaria("rollout", "recall", bad, "--reason", "it eats batteries", "--yes", "--json"))
    demand(recall["recalls"] == bad and recall["state"] == "running", f"recall: {recall}")
    demand(recall["rings"][0]["members"] == 4, f"recall of {recall['rings'][0]['members']} devices, wanted 4")
    fleet.state(bad, "recalled")
    fleet.refused(f"/api/v1/rollouts/{bad}/resume", {"reason": "x"}, "overlap")
    fleet.refused(f"/api/v1/rollouts/{recall['id']}/recall", {"reason": "x"}, "recall")

    demand(fleet.devices["a2"].check_in("nothing").get("drop") is True, "a2 is not told to drop its attempt")
    fleet.is_offered("a2", None)
    fleet.explain("a2", "not_recalled")
    fleet.explain("b1", "tries_recalled", "2.0.0", "1.1.0")
    fleet.takes("a0", "1.0.0")
    fleet.explain("a0", "up_to_date", "1.0.0")

    fleet.server.kill()
    fleet.server.start()
    fleet.server_is_new()
    fleet.explain("a1", "offered_next", "1.0.0")
    fleet.takes("a1", "1.0.0")
    fleet.takes("b0", "1.1.0")
    b1 = fleet.devices["b1"]
    b1.switch_to(fleet.firmware["2.0.0"])
    b1.check_in("nothing", "confirmed")
    fleet.takes("b1", "1.1.0")
    late = fleet.add("late", "2.0.0") # flashed by hand: it joins, and gets what most of them ran; of equals the newer
    fleet.takes(late.name, "1.1.0")
    fleet.state(recall["id"], "finished")
    decisions_carry_their_numbers(fleet, recall["id"])
    fleet.explain("waits", "not_recalled")
    entries = fleet.server.api.get("/api/v1/audit?after=0&limit=500")["entries"]
    demand(any(e["action"] == "rollout.recall" and e["object"] == bad and "it eats batteries" in e["detail"]
               for e in entries), "the audit log does not say who recalled it and why")


def decisions_carry_their_numbers(fleet, rollout):
    events = fleet.server.api.get(f"/api/v1/rollouts/{rollout}/events?after=0")["events"]
    by_kind = {e["kind"]: e for e in events}
    passed = by_kind["ring_passed"]["data"]
    demand(passed["members"] == passed["confirmed"] == 5 and passed["gate"]["verdict"] == "pass",
           f"ring_passed: {passed}")
    demand(by_kind["started"]["data"]["who"], "nobody has started it")
    told = json.loads(fleet.server.otaria("rollout", "explain", rollout, "--json"))
    demand(told["state"] == "finished" and told["rings"][0]["state"] == "passed", f"explain: {told}")
    demand([e["kind"] for e in told["decisions"]] == ["created", "started", "ring_active", "ring_compared", "ring_passed",
                                                       "finished"],
           f"explain: {told['decisions']}")
    text = fleet.server.otaria("rollout", "explain", rollout)
    demand("5 devices, 5 have answered, 5 confirmed" in text and "failure rate at most" in text, text)
    text = fleet.server.otaria("rollout", "explain", rollout, "a0")
    demand("a0" in text and "1.0.0" in text, text)


def tm_I19_nobody_but_an_admin_recalls_or_widens(fleet, rollout):
    for role in ("viewer", "uploader"):
        token = fleet.server.directory / f"{role}.token"
        token.write_text(fleet.server.api.post("/api/v1/tokens", {"role": role, "product": "lamp"})["token"])
        api = OperatorApi(fleet.server.url, fleet.server.data / "tls/ca.pem", token)
        for action in ("recall", "widen", "abort", "resume"):
            try:
                api.post(f"/api/v1/rollouts/{rollout}/{action}", {"reason": "x"})
                demand(False, f"a {role} may {action}")
            except Refused as e:
                demand(": 403 " in str(e), f"{role}, {action}: {e}")
        api.close()


def a_floor_stands_in_the_way(fleet):
    rollout = fleet.start("3.0.0")
    fleet.takes("a0", "3.0.0")
    fleet.refused(f"/api/v1/rollouts/{rollout}/recall", {"reason": "x"}, "below_floor")
    tm_I19_nobody_but_an_admin_recalls_or_widens(fleet, rollout)
    fleet.is_offered("a1", "3.0.0")
    fleet.devices["a1"].check_in("nothing", "downloading", "installed", "switching")
    recall = fleet.server.api.post(f"/api/v1/rollouts/{rollout}/recall", {"reason": "x"})
    demand(recall["rings"][0]["members"] == 1, f"{recall['rings'][0]['members']} members: a0 cannot go back")
    fleet.is_offered("a0", None)
    fleet.explain("a0", "cannot_go_back", "floor is release 30")


def steps_on_the_way(fleet):
    fleet.refused("/api/v1/products/lamp/rollouts", {"release": "4.0.0"}, "overlap")
    fleet.server.api.post("/api/v1/rollouts/4/abort", {"reason": "over"})
    fleet.refused("/api/v1/products/lamp/rollouts", {"release": "4.0.0", "min_source": "9.9"}, "plan")
    fleet.refused("/api/v1/products/lamp/rollouts", {"release": "4.0.0", "min_source": 11, "max_source": 10}, "plan")
    fleet.refused("/api/v1/products/lamp/rollouts", {"release": "4.0.0", "min_source": -1}, "bad_field")
    first = fleet.start("1.1.0", max_source="1.0.0", quorum_percent=1)
    fleet.takes("a2", "1.1.0")
    fleet.state(first, "finished")
    second = fleet.start("4.0.0", min_source="1.1.0", max_source="2.0.0")
    fleet.takes("a2", "4.0.0")
    fleet.takes("b0", "4.0.0")
    fleet.explain("a0", "source_too_new", "3.0.0", "up to 2.0.0")
    fleet.is_offered("a0", None)
    fleet.explain("waits", "offered_next", "1.1.0", "on its way to 4.0.0")
    fleet.takes("waits", "1.1.0")
    fleet.takes("waits", "4.0.0")
    newborn = fleet.add("newborn", "1.0.0") # enrolled long after the first rollout: it joins both
    fleet.takes(newborn.name, "1.1.0")
    fleet.takes(newborn.name, "4.0.0")
    fleet.server.api.post(f"/api/v1/rollouts/{first}/pause", {"reason": "no more steps"})
    fleet.add("stuck", "1.0.0")
    fleet.explain("stuck", "source_too_old", "from 1.1.0 on")
    fleet.is_offered("stuck", None)
    demand(fleet.server.api.get(f"/api/v1/rollouts/{second}")["plan"]["min_source"] == 11, "the plan shows its limit")


with tempfile.TemporaryDirectory() as name:
    server = Server(pathlib.Path(name))
    try:
        fleet = Fleet(server)
        for version, release, floor in (("1.0.0", 10, 0), ("1.1.0", 11, 0), ("2.0.0", 20, 0), ("3.0.0", 30, 30),
                                        ("4.0.0", 40, 0)):
            fleet.push(version, release, floor)
        recall_brings_back_what_each_one_ran(fleet)
        a_floor_stands_in_the_way(fleet)
        steps_on_the_way(fleet)
    finally:
        server.kill()
print("recall: each went back to what it ran, one could not; two steps led to 4.0.0")
