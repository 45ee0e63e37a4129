"""Devices on paper: they speak the device API and own no flash, so that a test can put them where it wants them."""
import http.client
import json
import secrets
import ssl
import hashlib
import urllib.parse


class Firmware:
    """An image as a device sees it."""

    def __init__(self, digest, release, version, floor=0):
        self.digest, self.release, self.version, self.floor = digest, release, version, floor


class PaperDevice:
    """One device. `running` is what it says it runs, `old` what is in the other slot."""

    def __init__(self, url, ca_file, name, running):
        self.where = urllib.parse.urlsplit(url)
        self.tls = ssl.create_default_context(cafile=ca_file)
        self.connection = None
        self.name, self.running, self.old = name, running, None
        self.token = secrets.token_hex(32)
        self.seq, self.floor, self.slot_bytes = 0, 0, 1966080
        self.attempt, self.offer, self.attributes = "", None, {}
        self.metrics = {}
        self.health, self.keys, self.revoked = {}, [], []

    def call(self, path, token, body):
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(self.where.hostname, self.where.port, timeout=20, context=self.tls)
        self.connection.request("POST", path, json.dumps(body),
                                {"Authorization": "Bearer " + token, "Content-Type": "application/json"})
        reply = self.connection.getresponse()
        text = reply.read()
        if reply.status // 100 != 2:
            raise RuntimeError(f"{self.name}: {path}: {reply.status} {text.decode(errors='replace')}")
        return json.loads(text)

    def enrol(self, token):
        return self.call("/device/v1/enrol", token,
                         {"v": 1, "device": self.name, "token_sha256": hashlib.sha256(self.token.encode()).hexdigest(),
                          "chip": "esp32c3", "hw_rev": 0, "attributes": {}})

    @staticmethod
    def slot(name, firmware, state="valid"):
        return {"slot": name, "digest": firmware.digest, "release": firmware.release, "version": firmware.version,
                "state": state}

    def check_in(self, ask="offer", *events):
        """Report events (kind, or (kind, reason)); an offer is remembered."""
        said = []
        for event in events:
            kind, reason = event if isinstance(event, tuple) else (event, "ok")
            self.seq += 1
            said.append({"seq": self.seq, "attempt": self.attempt, "kind": kind, "reason": reason, "way": "full",
                         "bytes": 1000})
        message = {"v": 1, "device": self.name, "chip": "esp32c3", "hw_rev": 0, "slot_bytes": self.slot_bytes,
                   "bootloader": "rollback", "running": self.slot("ota_0", self.running), "floor": self.floor,
                   "secure_version": 0, "keys": self.keys, "revoked": self.revoked,
                   "health": {"boots": 1, "panics": 0, "watchdogs": 0, "brownouts": 0, "other_resets": 0, "link_losses": 0,
                              "uptime_s": 1000, "last_reset": "software", "crash": "0" * 16} | self.health,
                   "ask": ask, "events": said, "attributes": self.attributes}
        if self.old is not None:
            message["other"] = self.slot("ota_1", self.old)
        if self.metrics:
            message["metrics"] = self.metrics
        if self.attempt and ask != "offer":
            message["attempt"] = self.attempt
        reply = self.call("/device/v1/check-in", self.token, message)
        self.offer = reply.get("offer")
        if self.offer is not None:
            self.attempt = self.offer["attempt"]
        return reply

    def switch_to(self, firmware):
        """What the reset behind the switch does."""
        self.old, self.running = self.running, firmware

    def confirm(self, firmware):
        """Everything from the download to the confirmation."""
        self.check_in("nothing", "downloading", "installed", "switching")
        self.switch_to(firmware)
        self.floor = max(self.floor, firmware.floor)
        return self.check_in("nothing", "confirmed")

    def close(self):
        if self.connection is not None:
            self.connection.close()
