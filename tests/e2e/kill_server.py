#!/usr/bin/env python3
"""Run by kill_server.sh: rollouts on a simulated fleet, and a server that dies at random moments.

Three witnesses say what the server has promised: the fleet's log of acknowledged events, the operator's list of calls
that were answered, and the database as it was when an earlier process died. After each death all of it must be there.
"""
import argparse
import collections
import http.client
import json
import os
import random
import signal
import subprocess
import threading
import time

from ledger import Ledger, Wrong, compare_api, demand
from operator_api import OperatorApi, Refused, wait_until

NO_ANSWER = (OSError, http.client.HTTPException)
FINISH_S = 90


class Server:
    """One otariad process after the other, on one directory and one pair of ports."""

    def __init__(self, options):
        listen = [url.removeprefix("https://") for url in (options.server, options.operator)]
        self.dir, self.ready = options.dir, f"{options.dir}/ready.json"
        self.command = [options.otariad, "--data", f"{options.dir}/server", "--device-listen", listen[0],
                        "--operator-listen", listen[1], "--ready-file", self.ready, "--poll-s", "1"]
        self.process = None

    def start(self):
        """Again when a port is taken for a moment by somebody's outgoing connection."""
        for _ in range(20):
            if os.path.exists(self.ready):
                os.unlink(self.ready)
            with open(f"{self.dir}/otariad.log", "a", encoding="utf-8") as log:
                self.process = subprocess.Popen(self.command, stderr=log)
            wait_until(lambda: os.path.exists(self.ready) or self.process.poll() is not None, 30, "otariad is ready")
            if self.process.poll() is None:
                return
        raise Wrong(f"otariad does not start: exit code {self.process.returncode}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        demand(code == 0, f"otariad ended with exit code {code}")


class Operator(threading.Thread):
    """Tags devices all the time, and remembers what was answered."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_of, self.random = run, random.Random(f"{run.seed} operator")
        self.api = run.new_api()
        self.answered, self.lost, self.error = [], 0, None
        self.stopping = threading.Event()

    def run(self):
        number = 0
        while not self.stopping.wait(0.02):
            number += 1
            device, tag = f"lamp-{self.random.randint(1, self.run_of.count):04d}", f"t{number % 10}"
            try:
                self.api.post(f"/api/v1/products/lamp/devices/{device}/tags", {"add": [tag]})
                self.answered.append((device, tag))
            except NO_ANSWER:
                self.lost += 1
            except Refused as refused:
                self.error = refused
                return


class Watcher(threading.Thread):
    """Follows the timeline with long polls and looks at everything else in between; remembers what it was shown."""

    def __init__(self, run):
        super().__init__(daemon=True)
        self.run_of, self.api = run, run.new_api()
        self.shown, self.looks, self.error = {}, 0, None
        self.stopping = threading.Event()

    def look(self):
        rollout = self.run_of.rollout
        after = max((seq for seq, (r, _) in self.shown.items() if r == rollout), default=0)
        page = self.api.call("GET", f"/api/v1/rollouts/{rollout}/events?after={after}&wait_s=1")
        for event in page["events"]:
            self.shown[event["seq"]] = rollout, event["kind"]
        for path in ("products/lamp/devices?limit=20", "products/lamp/releases", "products/lamp/rollouts",
                     "products/lamp/devices/lamp-0001", "audit?after=0&limit=100", "whoami"):
            self.api.call("GET", f"/api/v1/{path}")
        self.looks += 1

    def run(self):
        while not self.stopping.wait(0.02):
            try:
                if self.run_of.rollout is not None:
                    self.look()
            except NO_ANSWER:
                pass
            except Refused as refused:
                self.error = refused
                return


class Run:
    def __init__(self, options):
        self.options, self.seed, self.count, self.dir = options, options.seed, options.devices, options.dir
        self.random = random.Random(f"{options.seed} kills")
        self.database, self.acks = f"{self.dir}/server/otaria.db", f"{self.dir}/acks.log"
        self.server = Server(options)
        self.sim = None
        self.earlier = None
        self.died = collections.Counter()
        self.rollout = None

    def new_api(self):
        return OperatorApi(self.options.operator, f"{self.dir}/server/tls/ca.pem", f"{self.dir}/server/admin.token")

    # --- the fleet ---

    def start_fleet(self):
        with open(f"{self.dir}/scenario.json", "w", encoding="utf-8") as f:
            json.dump({
                "poll_s": 1, "self_test_s": 1, "speed": 6,
                "fleet": {"count": self.count, "prefix": "lamp", "seed": 7, "start_spread_ms": 500, "hardware": [
                    {"hw_rev": 0, "share": 60, "flash": "factory-rev0.flash"},
                    {"hw_rev": 1, "share": 30, "flash": "factory-rev1.flash"},
                    {"hw_rev": 2, "share": 10, "flash": "factory-rev2.flash"}],
                    "regions": {"eu": 80, "us": 20}},
                # Every second release has devices that it does not suit.
                "behaviours": [b for n in range(2, self.options.releases + 1, 2) for b in (
                    {"match": {"version": f"1.{n}.0", "hw_rev": [2]}, "does": "crash_at_once"},
                    {"match": {"version": f"1.{n}.0", "attributes": {"region": "us"}}, "does": "self_test_fails"})],
            }, f)
        with open(f"{self.dir}/sim.log", "w", encoding="utf-8") as log:
            self.sim = subprocess.Popen(
                [self.options.sim, "run", f"{self.dir}/scenario.json", "--server", self.options.server, "--ca",
                 f"{self.dir}/server/tls/ca.pem", "--token", f"{self.dir}/enrol.token", "--state", f"{self.dir}/fleet",
                 "--summary", f"{self.dir}/summary.json", "--ack-log", self.acks], stdout=log, stderr=log)

    def stop_fleet(self):
        self.sim.send_signal(signal.SIGTERM)
        demand(self.sim.wait(30) == 0, "otaria-sim failed")
        with open(f"{self.dir}/summary.json", encoding="utf-8") as f:
            return {d["device"]: d["digest"] for d in json.load(f)["devices"]}

    # --- rollouts ---

    def next_rollout(self, number):
        plan = {"release": f"1.{number}.0", "soak_s": 1, "in_flight": 4, "max_failure_percent": 100, "lease_s": 30,
                "stale_after_s": 60, "override": "a test"}
        self.rollout = self.api.post("/api/v1/products/lamp/rollouts", plan)["id"]
        self.api.post(f"/api/v1/rollouts/{self.rollout}/start", {"reason": ""})

    def show(self):
        """The rollout as the server sees it now; its bounds hold."""
        shown = self.api.get(f"/api/v1/rollouts/{self.rollout}")
        for ring in shown["rings"]:
            demand(ring["bound"] is None or ring["in_flight"] <= ring["bound"],
                   f"ring {ring['name']}: {ring['in_flight']} in flight, the bound is {ring['bound']}")
        return shown

    def under_way(self):
        """Running, and a device is in the middle of it: a moment worth dying at."""
        shown = self.show()
        return shown["state"] == "finished" or any(ring["in_flight"] for ring in shown["rings"])

    def finish(self):
        def is_finished():
            shown = self.show()
            Ledger(self.database).check()
            return shown["state"] == "finished" and not any(r["in_flight"] for r in shown["rings"])
        wait_until(is_finished, FINISH_S, f"rollout {self.rollout} finishes")

    # --- deaths ---

    def look(self, when):
        """The database alone, while no server runs."""
        ledger = Ledger(self.database)
        try:
            ledger.check()
            if self.earlier is not None:
                ledger.check_not_behind(self.earlier)
            if os.path.exists(self.acks):
                self.acked = ledger.check_acked(self.acks)
            missing = set(self.operator.answered) - ledger.tags
            demand(not missing, f"answered to the operator, and not there: {missing}")
            missing = set(self.watcher.shown.items()) - {(seq, (str(r), k)) for seq, r, k, _ in ledger.timeline}
            demand(not missing, f"shown in a timeline, and not there: {missing}")
        except Wrong as wrong:
            raise Wrong(f"{when}: {wrong}") from None
        self.earlier = ledger
        return ledger

    def die(self, number):
        wait_until(self.under_way, FINISH_S, "a device is in flight")
        time.sleep(self.random.uniform(0, 0.8))
        self.server.kill()
        ledger = self.look(f"death {number}")
        self.died[f"{sum(ledger.in_flight().values())} in flight"] += 1
        self.server.start()
        self.show()

    def check_logs(self):
        """A process that was killed cannot end with a sanitizer's exit code: what it found stands in its log."""
        for name in ("otariad.log", "sim.log"):
            with open(f"{self.dir}/{name}", encoding="utf-8", errors="replace") as log:
                demand("Sanitizer" not in log.read(), f"{name}: a sanitizer found something")

    def run(self):
        self.server.start()
        self.api = self.new_api()
        self.operator, self.watcher = Operator(self), Watcher(self)
        self.start_fleet()
        wait_until(lambda: self.api.get("/api/v1/products/lamp")["devices"] == self.count, 60, "the fleet enrols")
        for device in range(1, 5):
            self.api.post(f"/api/v1/products/lamp/devices/lamp-{device:04d}/tags", {"add": ["internal"]})
        self.operator.start()
        self.watcher.start()
        deaths = 0
        for number in range(1, self.options.releases + 1):
            self.next_rollout(number)
            left = self.options.kills - deaths
            for _ in range(left if number == self.options.releases else -(-self.options.kills //
                                                                          self.options.releases)):
                if deaths < self.options.kills and self.show()["state"] == "running":
                    deaths += 1
                    self.die(deaths)
            self.finish()
        self.end(deaths)

    def end(self, deaths):
        demand(deaths == self.options.kills, f"{deaths} deaths of {self.options.kills}: the rollouts were too short")
        running = {d["id"]: d["running"]["digest"] for d in self.api.get("/api/v1/products/lamp/devices")["devices"]}
        for thread in (self.operator, self.watcher):
            thread.stopping.set()
            thread.join()
            demand(thread.error is None, str(thread.error))
        summary = self.stop_fleet()
        demand(running == summary, "the server thinks that something else runs")
        self.server.kill()
        ledger = self.look("the last death")
        outcomes = ledger.check_ended()
        self.server.start()
        compare_api(self.api, ledger)
        self.server.stop()
        self.check_logs()
        print(f"{deaths} deaths during {len(ledger.rollouts)} rollouts on {self.count} devices: "
              f"{dict(sorted(self.died.items()))}")
        print(f"{self.acked} acknowledged events all stored ({len(ledger.events)} there), "
              f"{len(self.operator.answered)} tags answered and kept, {self.operator.lost} unanswered, "
              f"{len(self.watcher.shown)} timeline events shown and kept in {self.watcher.looks} looks")
        print(f"{len(ledger.by_attempt())} attempts, one outcome each: {dict(outcomes)}")


def main():
    parser = argparse.ArgumentParser()
    for name in ("otariad", "sim", "dir", "server", "operator", "seed"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("devices", "kills", "releases"):
        parser.add_argument(f"--{name}", type=int, required=True)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    run = Run(options)
    try:
        run.run()
    finally:
        for process in (run.sim, run.server.process):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        raise SystemExit(f"kill_server: {wrong}")
