"""Devices as the server sees them: threads that speak the device API, repeat what was not answered, and keep a record.

No agent and no flash: the protocol alone, so that many of them cost little. What each was told is what a server may never
take back: `acked`, `enrolled`, `offers`.
"""
import hashlib
import http.client
import json
import random
import ssl
import threading
import time
import urllib.parse

NO_ANSWER = (OSError, http.client.HTTPException, ValueError)
WAY = ["downloading", "installed", "switching", "booted", "confirmed"]


class Https:
    """One connection, opened again after every failure. (status, JSON), or None when there was no answer."""

    def __init__(self, url, tls, token):
        where = urllib.parse.urlsplit(url)
        self.host, self.port, self.tls, self.token, self.connection = where.hostname, where.port, tls, token, None

    def post(self, path, body, token=None):
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(self.host, self.port, timeout=20, context=self.tls)
            self.connection.request("POST", path, body, {"Authorization": "Bearer " + (token or self.token),
                                                         "Content-Type": "application/json"})
            reply = self.connection.getresponse()
            return reply.status, json.loads(reply.read())
        except NO_ANSWER:
            self.close()
            return None

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None


class Device:
    """One device of one product. Sequence, events and attempt survive everything: they are its flash."""

    def __init__(self, product, name, seed):
        self.product, self.name, self.random = product, name, random.Random(seed)
        self.token = hashlib.sha256(f"{seed} token".encode()).hexdigest()
        self.running = hashlib.sha256(b"factory").hexdigest()
        self.version, self.release = "0.1.0", 1
        self.enrolled, self.seq, self.events = False, 0, []
        self.attempt, self.before, self.may_switch = None, None, False
        self.fails_at = None
        self.bodies = []  # the last few it sent
        self.sent, self.acked, self.offers = {}, {}, []

    # --- what it says ---

    def enrol_body(self):
        return json.dumps({"v": 1, "device": self.name, "token_sha256": hashlib.sha256(self.token.encode()).hexdigest(),
                           "chip": "esp32c3", "hw_rev": 1})

    def body(self):
        ask = "nothing"
        if self.attempt is None:
            ask = "offer"
        elif self.attempt["at"] == "installed" and not self.may_switch:
            ask = "switch"
        message = {"v": 1, "device": self.name, "chip": "esp32c3", "hw_rev": 1, "slot_bytes": 1966080,
                   "bootloader": "rollback",
                   "running": {"slot": "ota_0", "digest": self.running, "release": self.release,
                               "version": self.version, "state": "valid"},
                   "floor": 0, "secure_version": 0, "keys": [], "revoked": [],
                   "health": {"boots": 1, "panics": 0, "watchdogs": 0, "brownouts": 0, "other_resets": 0,
                              "link_losses": 0, "uptime_s": 1, "last_reset": "power_on",
                              "crash": "0000000000000000"},
                   "ask": ask, "events": self.events[:8]}
        if self.attempt is not None:
            message["attempt"] = self.attempt["id"]
        return json.dumps(message)

    def tell(self, kind):
        self.seq += 1
        event = {"seq": self.seq, "attempt": self.attempt["id"], "kind": kind, "reason": "ok", "way": "full",
                 "bytes": 4096}
        self.events.append(event)
        self.sent[self.seq] = (event["attempt"], kind)

    # --- what it does ---

    def go_on(self):
        """One step of its attempt, at most; not before what it has said so far is acknowledged, now and then."""
        if self.attempt is None or self.random.random() < 0.2:
            return
        at = self.attempt["at"]
        nxt = WAY[WAY.index(at) + 1] if at != "offered" else WAY[0]
        if nxt == "switching" and not self.may_switch:
            return
        if nxt == self.fails_at:
            self.running, self.release, self.version = self.before
            self.end("failed" if nxt in WAY[:2] else "reverted")
            return
        if nxt == "booted":
            self.running, self.release, self.version = self.attempt["runs"]
        if nxt == "confirmed":
            self.end("confirmed")
            return
        self.attempt["at"] = nxt
        self.tell(nxt)

    def end(self, outcome):
        self.tell(outcome)
        self.attempt = None

    def begin(self, offer):
        self.before = self.running, self.release, self.version
        self.attempt = {"id": offer["attempt"], "at": "offered",
                        "runs": (offer["target"], offer["release"], offer["version"])}
        self.may_switch = False
        self.fails_at = self.random.choice([None] * 9 + ["installed", "booted", "confirmed"])

    # --- what it is told ---

    def hear(self, reply, asked_at, answered_at):
        for event in [e for e in self.events if e["seq"] <= reply["ack"]]:
            self.acked[event["seq"]] = (event["attempt"], event["kind"])
        self.events = [e for e in self.events if e["seq"] > reply["ack"]]
        if reply.get("offer"):
            self.offers.append((reply["offer"]["attempt"], asked_at, answered_at))
            if self.attempt is None:
                self.begin(reply["offer"])
        if self.attempt is None:
            return
        self.may_switch = self.may_switch or reply.get("switch") == "go"
        if (reply.get("drop") or reply.get("switch") == "no") and self.attempt["at"] in ("offered",) + tuple(WAY[:2]):
            self.end("withdrawn")


class Client(threading.Thread):
    """One connection, and the devices that share it; a new one now and then."""

    def __init__(self, number, product, url, ca_file, enrol_token, seed, most):
        super().__init__(daemon=True)
        self.number, self.product, self.random = number, product, random.Random(f"{seed} client {number}")
        self.https = Https(url, ssl.create_default_context(cafile=ca_file), enrol_token)
        self.devices, self.most, self.seed = [], most, seed
        self.error, self.unanswered, self.requests = None, 0, 0
        self.stopping = threading.Event()

    def demand(self, claim, text):
        if not claim:
            self.error = text

    def post(self, path, body, token=None):
        self.requests += 1
        reply = self.https.post(path, body, token)
        if reply is None:
            self.unanswered += 1
            self.stopping.wait(0.05)
        return reply

    def enrol(self, device):
        reply = self.post("/device/v1/enrol", device.enrol_body())
        if reply is not None:
            self.demand(reply[0] in (200, 201), f"{device.name}: enrolment answered {reply}")
            device.enrolled = True

    def check_in(self, device):
        for _ in range(self.random.randint(1, 2)):
            device.go_on()
        body = device.body()
        if device.bodies and self.random.random() < 0.1:
            replayed = self.post("/device/v1/check-in", self.random.choice(device.bodies), device.token)  # by a proxy
            self.demand(replayed is None or replayed[0] in (200, 503), f"{device.name}: a repeated one: {replayed}")
        asked_at = time.monotonic()
        reply = self.post("/device/v1/check-in", body, device.token)
        device.bodies = device.bodies[-3:] + [body]
        if reply is None or reply[0] == 503:
            return
        self.demand(reply[0] == 200, f"{device.name}: check-in answered {reply}")
        device.hear(reply[1], asked_at, time.monotonic())

    def run(self):
        while not self.stopping.wait(self.random.uniform(0.005, 0.05)) and self.error is None:
            if len(self.devices) < self.most and (not self.devices or self.random.random() < 0.03):
                name = f"{self.product}-{self.number:02d}-{len(self.devices):02d}"
                self.devices.append(Device(self.product, name, f"{self.seed} {name}"))
            device = self.random.choice(self.devices)
            try:
                self.check_in(device) if device.enrolled else self.enrol(device)
            except Exception as error:  # pylint: disable=broad-except
                self.error = f"{device.name}: {error!r}"
        self.https.close()
