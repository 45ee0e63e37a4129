"""An otariad of a test's own: started on free ports, `otaria` logged in, devices that speak the device API by hand."""
import hashlib
import http.client
import json
import os
import pathlib
import ssl
import subprocess
import time

from operator_api import OperatorApi

BIN = pathlib.Path(os.environ.get("OTARIA_BIN", "build")).resolve()


class ServerTrial:
    def __init__(self, directory, *options):
        self.directory, self.options = pathlib.Path(directory), options
        self.data = self.directory / "server"
        self.printed = b""  # by otaria
        os.environ["OTARIA_CONFIG"] = str(self.directory / "login.json")
        self.start()

    def start(self):
        ready = self.directory / "ready.json"
        ready.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [BIN / "server/otariad", "--data", self.data, "--device-listen", "127.0.0.1:0", "--operator-listen",
             "127.0.0.1:0", "--ready-file", ready, *self.options],
            stderr=open(self.directory / "otariad.log", "a", encoding="utf-8"))
        while not ready.exists():
            if self.process.poll() is not None:
                raise SystemExit("otariad did not start: " + (self.directory / "otariad.log").read_text()[-500:])
            time.sleep(0.05)
        where = json.loads(ready.read_text())
        self.url, self.device_url = where["operator"], where["device"]
        self.ca = self.data / "tls/ca.pem"
        self.otaria("login", self.url, "--token-file", self.data / "admin.token", "--ca", self.ca)
        self.api = OperatorApi(self.url, self.ca, self.data / "admin.token")

    def stop(self):
        """Twice is once."""
        self.api.close()
        self.process.terminate()
        self.process.wait()

    def run(self, *words):
        """Exit code, standard output, standard error; bytes."""
        done = subprocess.run([BIN / "cli/otaria", *words], capture_output=True, check=False, stdin=subprocess.DEVNULL)
        self.printed += done.stdout + done.stderr
        return done.returncode, done.stdout, done.stderr

    def otaria(self, *words):
        """What a command that succeeds prints."""
        code, out, err = self.run(*words)
        if code != 0:
            raise SystemExit(f"otaria {' '.join(map(str, words))}: {code} {err.decode(errors='replace')}")
        return out.decode()

    def connect(self):
        """A connection to the operator API, for what OperatorApi is too polite for."""
        return http.client.HTTPSConnection(self.url.removeprefix("https://"),
                                           context=ssl.create_default_context(cafile=self.ca))

    def request(self, connection, method, path, body=None, token=None):
        token = token or (self.data / "admin.token").read_text().strip()
        connection.request(method, path, body, {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        reply = connection.getresponse()
        return reply.status, reply.read()


class DeviceApi:
    """Devices by hand: one connection for all of them."""

    def __init__(self, trial, enrol_token):
        self.enrol_token = enrol_token
        self.connection = http.client.HTTPSConnection(trial.device_url.removeprefix("https://"),
                                                      context=ssl.create_default_context(cafile=trial.ca))

    def post(self, path, token, body):
        self.connection.request("POST", path, json.dumps(body), {"Authorization": "Bearer " + token})
        reply = self.connection.getresponse()
        text = reply.read()
        if reply.status // 100 != 2:
            raise SystemExit(f"{path} {body.get('device')}: {reply.status} {text!r}")
        return json.loads(text)

    def token_of(self, device):
        return hashlib.sha256(b"secret of " + device.encode()).hexdigest()

    def enrol(self, device, chip="esp32c3", hw_rev=2, **attributes):
        digest = hashlib.sha256(self.token_of(device).encode()).hexdigest()
        return self.post("/device/v1/enrol", self.enrol_token,
                         {"v": 1, "device": device, "token_sha256": digest, "chip": chip, "hw_rev": hw_rev,
                          "attributes": attributes})

    def check_in(self, device, **said):
        return self.post("/device/v1/check-in", self.token_of(device), check_in(device, **said))


def slot(name="ota_0", digest="11" * 32, release=1, version="1.0.0", state="valid"):
    return {"slot": name, "digest": digest, "release": release, "version": version, "state": state}


HEALTH = {"boots": 1, "panics": 0, "watchdogs": 0, "brownouts": 0, "other_resets": 0, "link_losses": 0, "uptime_s": 60,
          "last_reset": "power_on", "crash": "0" * 16}


def check_in(device, health=None, **said):
    """A check-in of a device that is well; `said` replaces fields."""
    return {"v": 1, "device": device, "chip": "esp32c3", "hw_rev": 2, "slot_bytes": 1966080, "bootloader": "rollback",
            "patch_profile": 1, "running": slot(), "floor": 0, "secure_version": 0, "keys": ["aa" * 32], "revoked": [],
            "health": HEALTH | (health or {}), "ask": "offer"} | said
