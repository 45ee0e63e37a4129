"""A product `lamp` with devices on paper, on a server of the test's own."""
import json
import pathlib
import sys
import time

from operator_api import Refused
from paper_device import Firmware, PaperDevice
from server_trial import ServerTrial


def demand(holds, what):
    if not holds:
        sys.exit(f"{pathlib.Path(sys.argv[0]).stem}: {what}")


class Server(ServerTrial):
    """It can be killed, and started again on the same data."""

    def __init__(self, directory):
        super().__init__(directory, "--poll-s", "1")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Fleet:
    def __init__(self, server):
        self.server, self.devices, self.firmware, self.bytes = server, {}, {}, {}
        self.key = server.directory / "key.pem"
        server.otaria("key", "generate", "--scheme", "ecdsa256", "--out", self.key)
        server.otaria("product", "create", "lamp", "--trust", self.key, "--rings", "rest")
        self.token = server.api.post("/api/v1/tokens", {"role": "enrol", "product": "lamp"})["token"]

    def push(self, version, release, floor=0):
        raw, image = self.server.directory / "raw.bin", self.server.directory / f"{version}.bin"
        self.server.otaria("image", "make", "--chip", "esp32c3", "--project", "lamp", "--version", version, "--release",
                           str(release), "--floor", str(floor), "--hw-rev", "0", "--size", "20000", "--out", raw)
        self.server.otaria("image", "sign", raw, "--key", self.key, "--out", image)
        self.server.otaria("release", "push", image)
        digest = json.loads(self.server.otaria("image", "info", image, "--json"))["digest"]
        self.bytes[version] = image.stat().st_size
        self.firmware[version] = Firmware(digest, release, version, floor)

    def add(self, name, version):
        d = PaperDevice(self.server.device_url, self.server.data / "tls/ca.pem", name, self.firmware[version])
        d.enrol(self.token)
        d.check_in("nothing")
        self.devices[name] = d
        return d

    def server_is_new(self):
        for d in self.devices.values():
            fresh = PaperDevice(self.server.device_url, self.server.data / "tls/ca.pem", d.name, d.running)
            d.where, d.connection = fresh.where, None

    def explain(self, name, answer, *words):
        got = self.server.api.get(f"/api/v1/products/lamp/devices/{name}/explain")
        demand(got["answer"] == answer, f"{name} is explained as {got}, wanted {answer}")
        for word in words:
            demand(word in got["text"], f"{name}: no \"{word}\" in: {got['text']}")

    def is_offered(self, name, version):
        d = self.devices[name]
        d.check_in()
        got = d.offer["version"] if d.offer else None
        demand(got == version, f"{name} is offered {got}, wanted {version}")

    def takes(self, name, version):
        self.is_offered(name, version)
        self.devices[name].confirm(self.firmware[version])

    def start(self, version, **plan):
        body = {"release": version, "soak_s": 0, "override": "a test", "in_flight": 50, "max_failure_percent": 100} | plan
        made = self.server.api.post("/api/v1/products/lamp/rollouts", body)
        return self.server.api.post(f"/api/v1/rollouts/{made['id']}/start", {})["id"]

    def state(self, rollout, wanted, seconds=5):
        end = time.monotonic() + seconds
        while True:
            got = self.server.api.get(f"/api/v1/rollouts/{rollout}")
            if got["state"] == wanted:
                return got
            demand(time.monotonic() < end, f"rollout {rollout} is {got['state']} ({got['reason']}), wanted {wanted}")
            time.sleep(0.05)

    def refused_change(self, path, body, code):
        self.refused(path, body, code, "PATCH")

    def refused(self, path, body, code, method="POST"):
        try:
            self.server.api.call(method, path, body)
        except Refused as e:
            demand(f'"code":"{code}"' in str(e), f"{path}: wanted {code}: {e}")
            return
        demand(False, f"{path} was not refused, wanted {code}")
