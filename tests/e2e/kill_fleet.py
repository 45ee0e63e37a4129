#!/usr/bin/env python3
"""20 concurrent device clients and 4 operators against a server that is killed with -9 at random, its clock set a day
forward and back meanwhile.

Devices enrol, check in, repeat themselves and report; operators create, start, pause, resume, widen, retry, abort, tag, push
and look, all on the same rollouts. What each was answered is written down. After every death, with nobody serving, the
database must have all of it, once; at the end the record must be one that can have happened in its order.

    kill_fleet.py [--kills N] [--clients N] [--seed N]        programs: OTARIA_BIN
"""
import argparse
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from fleet_clients import Client
from fleet_operators import ANSWERED, LOST, Operator, check_audit, check_pauses, reason_of
from ledger import Ledger, Wrong, compare_api, demand
from operator_api import OperatorApi, wait_until

BIN = pathlib.Path(os.environ.get("OTARIA_BIN", "build")).resolve()
PRODUCTS = ("lamp", "plug")
IMAGES = 5
DAY_S = 86400


class Server:
    """One otariad after the other on one directory and one pair of ports, with a wall clock of our own."""

    def __init__(self, directory):
        self.dir, self.ready, self.process = directory, directory / "ready.json", None
        self.listen, self.clock = ["127.0.0.1:0", "127.0.0.1:0"], directory / "clock"
        self.set_clock(0)
        self.env = dict(os.environ, OTARIA_CLOCK_OFFSET=str(self.clock),
                        LD_PRELOAD=str(BIN / "tests/support/libclock_shim.so"),
                        ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0")

    def set_clock(self, offset_s):
        """In place: the shim has the file mapped."""
        with open(self.clock, "r+b" if self.clock.exists() else "wb") as f:
            f.write(struct.pack("=q", offset_s))

    def start(self):
        """Again when a port is taken for a moment by somebody's outgoing connection."""
        for _ in range(20):
            self.ready.unlink(missing_ok=True)
            with open(self.dir / "otariad.log", "a", encoding="utf-8") as log:
                self.process = subprocess.Popen(
                    [BIN / "server/otariad", "--data", self.dir / "server", "--device-listen", self.listen[0],
                     "--operator-listen", self.listen[1], "--ready-file", self.ready, "--poll-s", "1", "--patch-bases", "0"],
                    stderr=log, env=self.env)
            wait_until(lambda: self.ready.exists() or self.process.poll() is not None, 30, "otariad is ready")
            if self.process.poll() is None:
                break
        demand(self.process.poll() is None, f"otariad does not start: exit code {self.process.returncode}")
        urls = json.loads(self.ready.read_text())
        self.listen = [urls[k].removeprefix("https://") for k in ("device", "operator")]
        return urls["device"], urls["operator"]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        demand(self.process.wait(30) == 0, "otariad did not end well")


class Run:
    def __init__(self, directory, options):
        self.dir, self.options, self.random = directory, options, random.Random(f"{options.seed} kills")
        self.server = Server(directory)
        self.database, self.ca = directory / "server/otaria.db", directory / "server/tls/ca.pem"
        self.admin_token = directory / "server/admin.token"
        self.lock, self.images, self.pushed = threading.Lock(), collections.defaultdict(list), {}
        self.rollout_of, self.earlier, self.jumps, self.died = {}, None, 0, collections.Counter()
        self.clients, self.operators, self.last_difference = [], [], ""

    # --- set-up ---

    def otaria(self, *args):
        env = dict(os.environ, OTARIA_CONFIG=str(self.dir / "login.json"))
        return subprocess.run([BIN / "cli/otaria", *args], check=True, env=env, capture_output=True, text=True).stdout

    def make_images(self, product):
        for n in range(1, IMAGES + 1):
            raw, image = self.dir / f"{product}-{n}.raw", self.dir / f"{product}-{n}.bin"
            self.otaria("image", "make", "--chip", "esp32c3", "--project", product, "--version", f"1.{n}.0", "--release",
                        str(100 + n), "--hw-rev", "1", "--size", "65536", "--out", raw)
            self.otaria("image", "sign", raw, "--key", self.dir / "key.pem", "--out", image)
            self.images[product].append((f"1.{n}.0", image.read_bytes()))

    def set_up(self):
        device_url, self.operator_url = self.server.start()
        self.api = OperatorApi(self.operator_url, self.ca, self.admin_token)
        self.otaria("login", self.operator_url, "--token-file", self.admin_token, "--ca", self.ca)
        self.otaria("key", "generate", "--scheme", "ecdsa256", "--out", self.dir / "key.pem")
        tokens = {}
        for product in PRODUCTS:
            self.otaria("product", "create", product, "--trust", self.dir / "key.pem", "--rings", "rest")
            tokens[product] = self.api.post("/api/v1/tokens", {"role": "enrol", "product": product})["token"]
            self.make_images(product)
            version, image = self.images[product].pop(0)
            self.api.call("POST", f"/api/v1/products/{product}/releases", raw=image)
            self.pushed[product] = [version]
        for n in range(self.options.clients):
            product = PRODUCTS[n % len(PRODUCTS)]
            self.clients.append(Client(n, product, device_url, self.ca, tokens[product], self.options.seed,
                                       self.options.devices))
        self.operators = [Operator(n, self, PRODUCTS, self.options.seed) for n in range(1, self.options.operators + 1)]

    # --- what operators ask for ---

    def device_names(self, product):
        return [d.name for c in self.clients if c.product == product for d in list(c.devices) if d.enrolled]

    def next_image(self, product):
        with self.lock:
            return self.images[product].pop(0) if self.images[product] else (None, None)

    def give_back(self, product, version, image):
        with self.lock:
            self.images[product].insert(0, (version, image))

    # --- deaths ---

    def look(self, when):
        """The database alone, while no server runs."""
        ledger = Ledger(self.database)
        try:
            ledger.check(by_operators=True)
            if self.earlier is not None:
                ledger.check_nothing_lost(self.earlier)
            for client in self.clients:
                for device in list(client.devices):
                    self.check_device(ledger, device)
        except Wrong as wrong:
            raise Wrong(f"{when}: {wrong}") from None
        for rollout, _, _, _, attempt in ledger.members:
            if attempt:
                self.rollout_of[f"a-{attempt}"] = str(rollout)
        self.earlier = ledger
        return ledger

    def check_device(self, ledger, device):
        """What it was told is there, once; and what is there, it has said."""
        num = ledger.numbers.get((device.product, device.name))
        demand(num is not None or not device.enrolled, f"{device.name}: was told that it is enrolled")
        stored = ledger.events_of.get(num, {})
        for seq, event in list(device.acked.items()):
            demand(stored.get(seq) == event, f"{device.name} event {seq}: acknowledged {event}, stored {stored.get(seq)}")
        for seq, event in stored.items():
            demand(device.sent.get(seq) == event, f"{device.name} event {seq}: stored {event}, sent {device.sent.get(seq)}")
        highest = max((a for _, d, _, _, a in ledger.members if d == num), default=0)
        for attempt, _, _ in list(device.offers):
            demand(int(attempt.removeprefix("a-")) <= highest, f"{device.name}: was offered {attempt}, which is not there")

    def die(self, number):
        time.sleep(self.random.uniform(0.05, 1))
        if self.random.random() < 0.7:
            self.server.set_clock(self.random.choice([-DAY_S, 0, DAY_S]))
            self.jumps += 1
            time.sleep(self.random.uniform(0, 0.2))
        self.server.kill()
        ledger = self.look(f"death {number}")
        self.died["with attempts in flight" if sum(ledger.in_flight().values()) else "with none"] += 1
        self.server.start()
        for thread in self.clients + self.operators:
            demand(thread.error is None, f"death {number}: {thread.error}")

    # --- the whole ---

    def is_recounted(self):
        """Leases go on running out: database and process may be looked at in two different moments."""
        try:
            compare_api(self.api, Ledger(self.database))
        except Wrong as wrong:
            self.last_difference = wrong
            return False
        return True

    def check_record(self):
        ops = [op for o in self.operators for op in o.ops]
        entries = [(seq, action, thing, reason_of(action, detail))
                   for seq, _, _, action, thing, detail, _, _ in self.earlier.audit]
        placed = check_audit(ops, entries, demand)
        offers = [offer for c in self.clients for d in c.devices for offer in d.offers]
        reads = [read for o in self.operators for read in o.reads]
        owner = {}
        for client in self.clients:
            for device in client.devices:
                for attempt, _, _ in device.offers:
                    demand(owner.setdefault(attempt, device.name) == device.name, f"{attempt} was offered to two devices")
        judged = check_pauses(ops, offers, reads, self.rollout_of, demand)
        done = {detail for _, _, _, detail in entries}
        for rollout, state, reason, _, _ in reads:
            demand(not reason.startswith("op-") or reason in done,
                   f"rollout {rollout} was seen {state} because of {reason}, which is not in the audit log")
        self.check_answered(ops)
        return ops, placed, judged, len(reads)

    def check_answered(self, ops):
        """What stands for itself: rollouts, tags, releases, tokens."""
        for op in ops:
            if op.outcome != ANSWERED:
                continue
            if op.kind == "create":
                shown = self.api.get(f"/api/v1/rollouts/{op.reply['id']}")
                demand(shown["plan"] == op.reply["plan"], f"{op.word}: rollout {op.reply['id']} has another plan")
            elif op.kind == "push":
                shown = self.api.get(f"/api/v1/products/{op.product}/releases/{op.word}")
                kept = self.dir / "server/artifacts"
                demand(any(p.stat().st_size == shown["images"][0]["bytes"] for p in
                           kept.rglob(shown["images"][0]["sha256"] + "*")), f"{op.word}: its bytes are gone")
            elif op.kind == "token":
                kept = self.dir / "one.token"
                kept.write_text(op.reply["token"])
                demand(OperatorApi(self.operator_url, self.ca, kept).get("/api/v1/whoami")["role"] == "viewer", op.word)
        for operator in self.operators:
            for device, tag in operator.my_tags.items():
                product = device.split("-")[0]
                shown = self.api.get(f"/api/v1/products/{product}/devices/{device}")
                demand(tag in shown["tags"], f"{device}: {tag} was answered and is gone")

    def run(self):
        self.set_up()
        for thread in self.clients + self.operators:
            thread.start()
        for number in range(1, self.options.kills + 1):
            self.die(number)
        time.sleep(0.3)
        for thread in self.clients + self.operators:
            thread.stopping.set()
        for thread in self.clients + self.operators:
            thread.join(60)
            demand(not thread.is_alive() and thread.error is None, str(thread.error))
        self.server.kill()
        ledger = self.look("the last death")
        self.server.start()
        wait_until(self.is_recounted, 30, "the new process agrees with a recount")
        ops, placed, judged, reads = self.check_record()
        self.server.stop()
        log = (self.dir / "otariad.log").read_text(encoding="utf-8", errors="replace")
        demand("Sanitizer" not in log and "runtime error" not in log, "a sanitizer found something")
        self.report(ledger, ops, placed, judged, reads)

    def report(self, ledger, ops, placed, judged, reads):
        devices = [d for c in self.clients for d in c.devices]
        offers = sum(len(d.offers) for d in devices)
        outcomes = collections.Counter(op.outcome for op in ops)
        done = collections.Counter(op.kind for op in ops if op.outcome == ANSWERED)
        print(f"{self.options.kills} deaths {dict(self.died)}, {self.jumps} clock jumps; {len(self.clients)} clients, "
              f"{sum(c.requests for c in self.clients)} requests of which {sum(c.unanswered for c in self.clients)} "
              f"unanswered; {len(self.operators)} operators, {len(ops)} actions: {dict(outcomes)}")
        print(f"{sum(d.enrolled for d in devices)} devices told that they are enrolled, "
              f"{sum(len(d.acked) for d in devices)} acknowledged events, {offers} offers: all stored, once")
        print(f"{dict(sorted(done.items()))}: {placed} in the audit log, in an order that can have been; {judged} offers "
              f"and {reads} looks beside every pause; {len(ledger.rollouts)} rollouts as recounted")
        # A run in which nothing happens proves nothing.
        demand(offers > 10 * self.options.kills / 10 and outcomes[ANSWERED] > self.options.kills and
               (self.options.kills < 10 or outcomes[LOST] > 0) and done["pause"] and done["resume"] and self.jumps,
               "too little happened")


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("kills", 30), ("clients", 20), ("operators", 4), ("devices", 6)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--seed", default=str(time.time_ns() % 100000))
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="otaria-kill."))
    run = Run(directory, options)
    try:
        run.run()
    except (Wrong, TimeoutError) as wrong:
        sys.exit(f"kill_fleet: {wrong} {run.last_difference}; logs and database: {directory}")
    finally:
        if run.server.process is not None and run.server.process.poll() is None:
            run.server.kill()
    shutil.rmtree(directory)


if __name__ == "__main__":
    main()
