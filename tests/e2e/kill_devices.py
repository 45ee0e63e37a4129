#!/usr/bin/env python3
"""Run by kill_devices.sh: kill device processes at random moments, and judge where they end.

What a firmware does is drawn for each device and release: healthy, failing its self test, crashing, hanging. What
must come of it follows from that and from what the flash itself says after each kill (`otaria flash boot`):

  * failing: the previous image
  * healthy: the target, except when a kill hit its one boot on trial (otadata PENDING): then the previous image
"""
import argparse
import collections
import json
import random
import struct
import subprocess
import threading
import time

from ledger import Ledger, Wrong, demand
from operator_api import OperatorApi, wait_until

DOES = ("healthy",) * 6 + ("self_test_fails", "crash_at_once", "crash_after", "hang")
KILL_LINES = (5, 9, 20)  # a whole update tells about twenty things
PATIENCE_S = 60
ERASED = b"\xff" * 4
PENDING = 1
AROUND_TRIAL = ("state resetting", "reset", "booted", "state probation", "acked", "state confirming", "outcome")


class Device:
    def __init__(self, run, number):
        self.run = run
        self.name = f"unit-{number}"
        self.flash = f"{run.dir}/{self.name}.flash"
        self.random = random.Random(f"{run.seed} {self.name}")
        self.behaviours = []
        self.self_test_s = self.random.choice((0, 0, 1))
        self.runs = run.digests["1.0.0"]
        self.error = None

    # --- one process ---

    def start(self):
        scenario = f"{self.run.dir}/{self.name}.json"
        with open(scenario, "w", encoding="utf-8") as f:
            json.dump({"poll_s": 1, "self_test_s": self.self_test_s, "watchdog_s": 1, "speed": 4,
                       "behaviours": self.behaviours}, f)
        return subprocess.Popen(
            [self.run.otaria, "device", "run", "--flash", self.flash, "--server", self.run.server, "--ca", self.run.ca,
             "--token", f"{self.run.dir}/enrol.token", "--scenario", scenario, "--until-idle", "--max-seconds",
             str(PATIENCE_S), "--json"],
            stdout=subprocess.PIPE, stderr=self.run.log, text=True)

    def live(self, kill):
        """One process until it has nothing left to do, or is killed. Returns (last event, killed)."""
        process = self.start()
        line_wanted, delay_s = self.draw_moment() if kill else (None, None)
        timer, lines, last = None, 0, "start"
        for line in process.stdout:
            lines += 1
            event = json.loads(line)
            last = f"{event['event']} {event['what']}" if event["event"] == "state" else event["event"]
            self.run.note(self.name, line)
            if lines == line_wanted:
                timer = threading.Timer(delay_s, process.kill)
                timer.start()
        if timer is not None:
            timer.cancel()
        code = process.wait()
        demand(code in (0, -9), f"{self.name}: exit code {code}")
        return last, code == -9

    def draw_moment(self):
        """After which line, and how long behind it: within what follows the line, or anywhere later."""
        delay_s = self.random.choice((0, self.random.uniform(0, 0.01), self.random.uniform(0, 0.3)))
        return self.random.randint(1, self.random.choice(KILL_LINES)), delay_s

    def boots(self):
        """The digest of the image that the boot decision, run on the flash file, gives; and otadata's state words."""
        boot = self.run.ask("flash", "boot", self.flash)
        shown = self.run.ask("flash", "show", self.flash)
        slots = {slot["slot"]: slot.get("digest") for slot in shown["slots"]}
        demand(boot["slot"] in slots, f"{self.name}: nothing boots")
        entries = [bytes.fromhex(entry) for entry in shown["otadata"]]
        return slots[boot["slot"]], [struct.unpack_from("<I", e, 24)[0] if e[:4] != ERASED else None for e in entries]

    # --- one update ---

    def update(self, version):
        does = self.random.choice(DOES)
        self.behaviours.append({"match": {"version": version}, "does": does,
                                **({"after_s": 0} if does == "crash_after" else {})})
        target, previous = self.run.digests[version], self.runs
        cut = None  # what a kill has done to the trial
        kills = 0
        wanted = self.random.randint(2, 4)
        while True:
            last, killed = self.live(kill=kills < wanted)
            if not killed:
                break
            kills += 1
            self.run.killed(last)
            boots, states = self.boots()
            demand(boots in (target, previous), f"{self.name}: boots neither target nor previous image")
            if PENDING in states:
                demand(boots == previous, f"{self.name}: a trial boots twice")
                cut = "on trial"
            elif cut is None and last in AROUND_TRIAL and None in states:
                cut = "entry lost"  # between erase and program: the trial may be over without a record
        self.judge(version, does, cut, kills)

    def judge(self, version, does, cut, kills):
        target, previous = self.run.digests[version], self.runs
        boots, _ = self.boots()
        shown = self.run.device(self.name)
        attempts = [a for a in shown["attempts"] if a["release"] == version]
        demand(len(attempts) == 1, f"{self.name} {version}: {len(attempts)} attempts")
        attempt = attempts[0]
        told = f"{self.name} {version} {does}: {attempt['state']} {attempt['reason']} after {kills} kills, cut: {cut}"
        demand(kills > 0, f"{told}: never killed")
        demand(shown["running"]["digest"] == boots, f"{told}: the server thinks that something else runs")
        demand((attempt["state"], boots) in (("confirmed", target), ("reverted", previous)), told)
        if does != "healthy" or cut == "on trial":
            demand(boots == previous, told)
        elif cut is None:
            demand(boots == target, told)
        self.runs = boots
        why = "failing" if does != "healthy" else "healthy" if cut is None else f"healthy, killed: {cut}"
        self.run.ended(f"{why}: {attempt['state']}", told)


class Run:
    def __init__(self, options):
        self.otaria, self.dir, self.server, self.seed = options.otaria, options.dir, options.server, options.seed
        self.ca = f"{self.dir}/server/tls/ca.pem"
        self.api = OperatorApi(options.operator, self.ca, f"{self.dir}/server/admin.token")
        self.lock = threading.Lock()
        self.log = open(f"{self.dir}/devices.log", "w", encoding="utf-8", buffering=1)
        self.kills, self.ends = collections.Counter(), collections.Counter()
        self.digests = {}
        for n in range(options.releases + 1):
            info = self.ask("image", "info", f"{self.dir}/lamp-1.{n}.0.bin")
            self.digests[f"1.{n}.0"] = info["digest"]
        self.devices = [Device(self, n + 1) for n in range(options.devices)]

    def ask(self, *words):
        return json.loads(subprocess.run([self.otaria, *words, "--json"], check=True, capture_output=True).stdout)

    def device(self, name):
        with self.lock:
            return self.api.get(f"/api/v1/products/lamp/devices/{name}")

    def note(self, name, line):
        with self.lock:
            self.log.write(f"{time.monotonic():.3f} {name} {line}")

    def killed(self, last):
        with self.lock:
            self.kills[last] += 1

    def ended(self, how, told):
        with self.lock:
            self.ends[how] += 1
            self.log.write(told + "\n")

    def in_parallel(self, work):
        def guarded(device):
            try:
                work(device)
            except Exception as error:  # told by the main thread
                device.error = error
        threads = [threading.Thread(target=guarded, args=(d,)) for d in self.devices]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for d in self.devices:
            if d.error is not None:
                raise d.error

    def roll_out(self, version):
        plan = {"release": version, "soak_s": 0, "in_flight": 1000, "max_failure_percent": 100, "override": "a test"}
        rollout = self.api.post("/api/v1/products/lamp/rollouts", plan)["id"]
        self.api.post(f"/api/v1/rollouts/{rollout}/start", {"reason": ""})
        self.in_parallel(lambda device: device.update(version))
        wait_until(lambda: self.api.get(f"/api/v1/rollouts/{rollout}")["state"] == "finished", 10,
                   f"rollout {rollout} finishes")

    def check_database(self, updates):
        ledger = Ledger(f"{self.dir}/server/otaria.db")
        ledger.check()
        outcomes = ledger.check_ended()
        demand(sum(outcomes.values()) == updates, f"{sum(outcomes.values())} outcomes of {updates} attempts")
        api = collections.Counter(a["state"] for d in self.devices for a in self.device(d.name)["attempts"])
        demand(api == outcomes, f"the API counts {api}, the stored events {outcomes}")
        return dict(outcomes)


def main():
    parser = argparse.ArgumentParser()
    for name in ("otaria", "dir", "server", "operator"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("devices", "releases"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--seed", required=True)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    run = Run(options)
    run.in_parallel(lambda device: device.live(kill=False))  # enrolled, idle on 1.0.0
    for n in range(1, options.releases + 1):
        run.roll_out(f"1.{n}.0")
    updates = options.devices * options.releases
    outcomes = run.check_database(updates)
    print(f"{updates} updates, {sum(run.kills.values())} kills; last heard before the kill: "
          f"{dict(run.kills.most_common())}")
    print(f"how they ended: {dict(run.ends)}; outcomes in the database: {outcomes}")


if __name__ == "__main__":
    try:
        main()
    except Wrong as wrong:
        raise SystemExit(f"kill_devices: {wrong}")
