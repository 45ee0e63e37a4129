#!/usr/bin/env python3
"""Threat model, sections A, B, E, F and H, through a real server: who may do what, whatever is sent.

The routes are read from server/api/routes.c: a new one is tried without anybody's help.

    server_api.py [TEST...]      names of tests; all without. Programs: OTARIA_BIN
"""
import concurrent.futures
import hashlib
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests/e2e"))
from server_trial import BIN, DeviceApi, ServerTrial, check_in  # noqa: E402

ROLES = {"API_VIEW": {"viewer", "uploader", "admin"}, "API_UPLOAD": {"uploader", "admin"}, "API_ADMIN": {"admin"},
         "API_ADMIN_ALL": set(), "API_ENROL": {"enrol"}, "API_DEVICE": {"device"}}


def demand(holds, what):
    if not holds:
        raise SystemExit(f"server_api: {what}")


def routes():
    """(listener, method, path with names filled in, permission) of every route there is."""
    text = (SOURCE / "server/api/routes.c").read_text(encoding="utf-8")
    found = re.findall(r'\{HTTP_(DEVICE|OPERATOR), "(\w+)", "([^"]+)",\s*(API_\w+)', text)
    fill = {"product": "lamp", "device": "lamp-1", "version": "1.0.0", "rollout": "1", "sha256": "ab" * 32}
    demand(len(found) >= 25, "the table of routes was not found")
    return [(listener, method, re.sub(r"\{(\w+)\}", lambda m: fill[m[1]], path), permission)
            for listener, method, path, permission in found]


class Stage:
    """One server for all tests: product lamp with device lamp-1, product other with other-1, a token of each role."""

    def __init__(self, directory):
        self.trial = ServerTrial(directory)
        self.tls = ssl.create_default_context(cafile=self.trial.ca)
        api = self.trial.api
        self.tokens, self.secrets = {}, {(self.trial.data / "admin.token").read_text().strip()}
        for product in ("lamp", "other"):
            api.post("/api/v1/products", {"name": product, "rings": ["rest"], "trust": ["aa" * 32]})
        for role in ("viewer", "uploader", "admin", "enrol"):
            self.tokens[role] = self.token(role, "lamp")
        self.devices = DeviceApi(self.trial, self.tokens["enrol"])
        self.devices.enrol("lamp-1")
        self.devices.enrol("lamp-2")
        DeviceApi(self.trial, self.token("enrol", "other")).enrol("other-1")
        self.tokens["device"] = self.devices.token_of("lamp-1")
        self.secrets |= set(self.tokens.values())

    def token(self, role, product, **more):
        made = self.trial.api.post("/api/v1/tokens", {"role": role, "product": product} | more)["token"]
        self.secrets.add(made)
        return made

    def call(self, listener, method, path, token=None, body=None, headers=None, connection=None):
        """Status, headers, bytes. `token` None: no credential."""
        url = self.trial.device_url if listener == "DEVICE" else self.trial.url
        connection = connection or http.client.HTTPSConnection(url.removeprefix("https://"), context=self.tls, timeout=20)
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        connection.request(method, path, body, sent)
        reply = connection.getresponse()
        return reply.status, reply.headers, reply.read()

    def keep(self, listener):
        url = self.trial.device_url if listener == "DEVICE" else self.trial.url
        return http.client.HTTPSConnection(url.removeprefix("https://"), context=self.tls, timeout=20)

    def audit(self):
        entries, after = [], 0
        while True:
            page = self.trial.api.get(f"/api/v1/audit?after={after}&limit=500")
            if not page["entries"]:
                return entries
            entries += page["entries"]
            after = page["next"]


# --- A: devices ---

def tm_A01_A14_B01_no_credential_on_any_route(stage):
    """401 with the same words everywhere, whether what is asked for exists or not."""
    bodies = set()
    for listener, method, path, permission in routes():
        for where in (path, path.replace("lamp", "nothing").replace("1", "77")):
            if permission != "API_NOBODY" and "77.0.0" not in where.replace("/v77", "/v1"):
                where = where.replace("/v77", "/v1")
                status, _, body = stage.call(listener, method, where, body="{}" if method != "GET" else None)
                demand(status == 401, f"{method} {where} without a token: {status}")
                bodies.add(body)
    demand(len(bodies) == 1, f"401 in different words: {bodies}")


def tm_A02_B01_a_token_that_is_nearly_right(stage):
    for listener, path, token in (("DEVICE", "/device/v1/artifacts/" + "ab" * 32, stage.tokens["device"]),
                                  ("OPERATOR", "/api/v1/whoami", stage.tokens["viewer"])):
        connection = stage.keep(listener)
        wrong = [token[:n] for n in range(len(token))] + [token + c for c in "0a \t"] + [token.upper(), token.swapcase()]
        wrong += [token[:i] + ("0" if token[i] != "0" else "1") + token[i + 1:] for i in range(0, len(token), 3)]
        wrong += [token + token, " " + token[1:], '"' + token + '"', token + "," + token, "Bearer " + token]
        for bad in {w for w in wrong if w.strip() != token}:
            status, _, _ = stage.call(listener, "GET", path, bad, connection=connection)
            demand(status == 401, f"{path} with {bad!r}: {status}")
        for header in (token, f"Basic {token}", f"Token {token}", f"bearer{token}", f"Bearer\x0b{token}"):
            try:
                status, _, _ = stage.call(listener, "GET", path, headers={"Authorization": header})
            except ValueError:
                continue
            demand(status in (400, 401), f"Authorization: {header!r}: {status}")


def tm_A04_A10_one_device_for_another(stage):
    before = len(stage.audit())
    for victim in ("lamp-2", "other-1", "nobody"):
        status, _, body = stage.call("DEVICE", "POST", "/device/v1/check-in", stage.tokens["device"],
                                     json.dumps(check_in(victim)))
        demand(status == 403, f"lamp-1 checks in as {victim}: {status} {body}")
    told = [e for e in stage.audit()[before:] if e["action"] == "device.impersonation"]
    demand([e["object"] for e in told] == ["lamp-2", "other-1", "nobody"], f"not in the audit log: {told}")
    for kind in ("", "/blocks"):
        status, _, _ = stage.call("DEVICE", "GET", "/device/v1/artifacts/" + "cd" * 32 + kind, stage.tokens["device"])
        demand(status == 404, f"an artifact that was not offered: {status}")


def all_at_once(jobs):
    with concurrent.futures.ThreadPoolExecutor(len(jobs)) as pool:
        return [f.result() for f in [pool.submit(job) for job in jobs]]


def enrol_body(device, secret):
    return json.dumps({"v": 1, "device": device, "token_sha256": hashlib.sha256(secret.encode()).hexdigest(),
                       "chip": "esp32c3", "hw_rev": 0})


def tm_A06_an_id_is_taken_once(stage):
    def claim(n):
        return lambda: stage.call("DEVICE", "POST", "/device/v1/enrol", stage.tokens["enrol"],
                                  enrol_body("lamp-race", f"secret {n}"))[0]
    got = all_at_once([claim(n) for n in range(20)])
    demand(sorted(got) == [201] + [409] * 19, f"20 who claim one id: {sorted(got)}")
    status = stage.call("DEVICE", "POST", "/device/v1/enrol", stage.tokens["enrol"], enrol_body("lamp-2", "thief"))[0]
    demand(status == 409, f"an id that is taken: {status}")
    demand(stage.devices.check_in("lamp-2")["v"] == 1, "the owner's token still works")


def tm_A07_enrolment_tokens_are_counted_dated_and_of_one_product(stage):
    once, short = stage.token("enrol", "lamp", uses=1), stage.token("enrol", "lamp", expires_s=1)

    def use(n, token=once):
        return lambda: stage.call("DEVICE", "POST", "/device/v1/enrol", token, enrol_body(f"lamp-once-{n}", f"{n}"))[0]
    got = all_at_once([use(n) for n in range(20)])
    demand(sorted(got) == [201] + [403] * 19, f"20 uses of one: {sorted(got)}")
    time.sleep(2.1)
    demand(use(99, short)() == 403, "an expired token")
    demand(use(98, stage.tokens["viewer"])() == 403, "a token that is not for enrolment")
    of_other = stage.token("enrol", "other")
    demand(use(97, of_other)() == 201, "its own product")
    stage.trial.api.get("/api/v1/products/other/devices/lamp-once-97")
    demand(stage.call("OPERATOR", "GET", "/api/v1/products/lamp/devices/lamp-once-97", stage.tokens["viewer"])[0] == 404,
           "a token of another product put a device into lamp")


HOSTILE = ["\u202etxt.exe", "=cmd()", "<script>alert(1)</script>", "'; DROP TABLE device;--", "%s%n", "a" * 48, "\u00e9\u4e2d",
           "../../etc/passwd", "\u200b", "a\tb", "a\nb", "a\x00b", "a\x1b[31mb", "\x7f", "a" * 5000, ""]


def tm_A15_strings_of_devices(stage):
    """Taken and told as they are, or refused; nothing in between, and nothing that a terminal would obey."""
    token = stage.devices.token_of("lamp-2")
    for text in HOSTILE:
        for said in ({"attributes": {"region": text}}, {"running": {"slot": "ota_0", "digest": "11" * 32, "release": 1,
                                                                     "version": text, "state": "valid"}}):
            status, _, _ = stage.call("DEVICE", "POST", "/device/v1/check-in", token, json.dumps(check_in("lamp-2", **said)))
            demand(status in (200, 400, 413), f"{said}: {status}")
            control = any(ord(c) < 32 or ord(c) == 127 for c in text)
            demand(not control or status in (400, 413), f"control characters were taken: {said}")
            if status == 200:
                shown = stage.trial.api.get("/api/v1/products/lamp/devices/lamp-2")
                demand(text in (shown["attributes"].get("region"), shown["running"]["version"]), f"told otherwise: {said}")
                out = stage.trial.otaria("device", "show", "lamp-2", "--product", "lamp")
                demand(not any(ord(c) < 32 and c != "\n" or ord(c) == 127 for c in out), f"terminal: {out!r}")
        status, _, _ = stage.call("DEVICE", "POST", "/device/v1/enrol", stage.tokens["enrol"], enrol_body(text, "x" + text[:9]))
        demand(status == (201 if re.fullmatch(r"[A-Za-z0-9._:-]{1,64}", text) else 413 if len(text) > 4000 else 400),
               f"device id {text[:20]!r}: {status}")


# --- B: operators ---

def tm_B02_every_role_on_every_route(stage):
    """Below what a route needs: 403, and nothing has happened. At or above: anything but 401 and 403."""
    before = len(stage.audit())
    allowed = []
    for listener, method, path, permission in routes():
        for role, token in stage.tokens.items():
            wanted = permission == "API_NOBODY" or role in ROLES[permission]
            if wanted and method != "GET":
                allowed.append((listener, method, path, token))
                continue
            status, _, _ = stage.call(listener, method, path, token, "{}" if method != "GET" else None)
            demand((status == 403) != wanted and status != 401, f"{role}: {method} {path}: {status}")
    demand(len(stage.audit()) == before, "something was done by somebody who may not")
    for listener, method, path, token in allowed:
        status, _, _ = stage.call(listener, method, path, token, "{")
        demand(status not in (401, 403) and status < 500, f"{method} {path} by somebody who may: {status}")


def tm_B10_headers_on_every_answer(stage):
    for listener, method, path, _ in routes() + [("OPERATOR", "GET", "/nowhere", ""), ("DEVICE", "GET", "/../x", "")]:
        for token in (None, stage.tokens["admin"]):
            _, headers, _ = stage.call(listener, method, path, token, "{}" if method != "GET" else None)
            demand(headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store" and
                   "frame-ancestors 'none'" in headers["Content-Security-Policy"] and headers["Strict-Transport-Security"],
                   f"{method} {path}: {headers}")


NAMES = ["..", ".", "%2e%2e", "..%2f..%2fetc", "a%00b", "a%5cb", "%c0%ae%c0%ae", "CON", "a.", "a%0ab", "%ff", "a" * 300, "-rf",
         "~root", "%2fetc%2fpasswd", "*", "a%20b", "%"]


def tm_B13_names_are_no_paths(stage):
    def files():
        return {p for p in stage.trial.directory.rglob("*") if "-wal" not in p.name and "-shm" not in p.name}
    before = files()
    for name in NAMES:
        for path in (f"/api/v1/products/{name}", f"/api/v1/products/lamp/devices/{name}", f"/api/v1/rollouts/{name}",
                     f"/api/v1/products/lamp/releases/{name}", f"/api/v1/products/{name}/devices"):
            status, _, _ = stage.call("OPERATOR", "GET", path, stage.tokens["admin"])
            demand(status in (400, 404), f"GET {path}: {status}")
        status, _, _ = stage.call("DEVICE", "GET", f"/device/v1/artifacts/{name}", stage.tokens["device"])
        demand(status in (400, 404), f"artifact {name}: {status}")
        raw = bytes.fromhex(name.encode().hex()).decode()
        for body, path in (({"name": raw + "/x", "rings": ["rest"], "trust": ["aa" * 32]}, "/api/v1/products"),
                           ({"add": ["../" + raw[:20]]}, "/api/v1/products/lamp/devices/lamp-1/tags")):
            status, _, _ = stage.call("OPERATOR", "POST", path, (stage.trial.data / "admin.token").read_text().strip(),
                                      json.dumps(body))
            demand(status in (400, 422), f"{body}: {status}")
    demand(files() == before, f"files came or went: {files() ^ before}")


def tm_B16_headers_that_others_believe(stage):
    tricks = [{"X-Forwarded-For": "127.0.0.1"}, {"X-Forwarded-For": ", ".join(["10.0.0.1"] * 100)}, {"X-Real-IP": "::1"},
              {"X-HTTP-Method-Override": "DELETE"}, {"X-Original-URL": "/api/v1/audit"}, {"X-Rewrite-URL": "/api/v1/audit"},
              {"X-Forwarded-Host": "evil.example"}, {"X-Client-Cert": "CN=admin"}, {"X-User": "admin"}, {"Forwarded": "for=_x"}]
    plain = stage.call("OPERATOR", "GET", "/api/v1/whoami", stage.tokens["viewer"])[2]
    for headers in tricks:
        status, _, body = stage.call("OPERATOR", "GET", "/api/v1/whoami", stage.tokens["viewer"], headers=headers)
        demand((status, body) == (200, plain), f"{headers}: {status} {body}")
        demand(stage.call("OPERATOR", "GET", "/api/v1/audit", headers=headers)[0] == 401, f"{headers}: let in")


def tm_B17_fields_that_are_not_the_callers(stage):
    bodies = {"/api/v1/products": {"name": "mine", "rings": ["rest"], "trust": ["aa" * 32]},
              "/api/v1/tokens": {"role": "viewer", "product": "lamp"},
              "/api/v1/products/lamp/devices/lamp-1/tags": {"add": ["x"]},
              "/api/v1/products/lamp/rollouts": {"release": "1.0.0"}, "/api/v1/rollouts/1/pause": {"reason": "x"}}
    token = (stage.trial.data / "admin.token").read_text().strip()
    before = len(stage.audit())
    for path, body in bodies.items():
        for field in ("id", "state", "created_at", "created_by", "seed", "bound", "counts", "harmed", "token", "sha256", "who"):
            status, _, text = stage.call("OPERATOR", "POST", path, token, json.dumps(body | {field: "1"}))
            demand(status == 400 and b"unknown" in text, f"{path} with {field}: {status} {text}")
    demand(len(stage.audit()) == before, "something was done all the same")


def tm_B18_the_same_request_again(stage):
    token = (stage.trial.data / "admin.token").read_text().strip()

    def make():
        return stage.call("OPERATOR", "POST", "/api/v1/products", token,
                          json.dumps({"name": "twice", "rings": ["rest"], "trust": ["aa" * 32]}))[0]
    got = all_at_once([make] * 20)
    demand(sorted(got) == [201] + [409] * 19, f"20 times the same product: {sorted(got)}")
    again = stage.call("DEVICE", "POST", "/device/v1/enrol", stage.tokens["enrol"],
                       enrol_body("lamp-1", stage.devices.token_of("lamp-1")))[0]
    demand(again == 200, f"the same enrolment again: {again}")


# --- E, F, H ---

def tm_F08_requests_that_are_read_in_two_ways(stage):
    head = "POST /device/v1/check-in HTTP/1.1\r\nHost: x\r\n"
    bad = [head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
           head + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", head + "Content-Length: +5\r\n\r\nhello",
           head + "Content-Length: 5\r\n folded: x\r\n\r\nhello", head + "Content-Length : 5\r\n\r\nhello", head + "A\x00: b\r\n\r\n",
           head + "Content-Length: -1\r\n\r\n",
           head + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n"]
    port = int(stage.trial.device_url.rsplit(":", 1)[1])
    for request in bad:
        smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        with stage.tls.wrap_socket(socket.create_connection(("127.0.0.1", port), timeout=10),
                                   server_hostname="127.0.0.1") as s:
            s.sendall((request + smuggled).encode("latin-1"))
            got = b""
            while True:
                try:
                    chunk = s.recv(65536)
                except OSError:
                    break
                if not chunk:
                    break
                got += chunk
        demand(got.count(b"HTTP/1.1 ") == 1 and got.startswith(b"HTTP/1.1 400"), f"{request!r}: {got[:200]!r}")


def tm_B20_E10_no_secret_is_anywhere(stage):
    """Not in the log, not in the database, not in what operators read; and no value of the database opens anything."""
    texts = [(stage.trial.directory / "otariad.log").read_bytes(), json.dumps(stage.audit()).encode()]
    for path in stage.trial.data.glob("otaria.db*"):
        texts.append(path.read_bytes())
    for _, method, path, _ in routes():
        if method == "GET" and path.startswith("/api"):
            texts.append(stage.call("OPERATOR", "GET", path, stage.tokens["admin"])[2])
    for secret in stage.secrets | {stage.devices.token_of("lamp-1")}:
        demand(not any(secret.encode() in text for text in texts), "a secret stands somewhere")
    db = sqlite3.connect(f"file:{stage.trial.data}/otaria.db?mode=ro", uri=True)
    values = {v for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'").fetchall()
              for row in db.execute(f"SELECT * FROM {name}").fetchall() for v in row if isinstance(v, (bytes, str)) and v}
    tried = {v.hex() if isinstance(v, bytes) else v for v in values}
    keep = {k: stage.keep(k) for k in ("DEVICE", "OPERATOR")}
    for value in {t for t in tried if len(t) <= 200 and t.isascii() and t.isprintable()}:
        for listener, path in (("DEVICE", "/device/v1/artifacts/" + "ab" * 32), ("OPERATOR", "/api/v1/whoami")):
            demand(stage.call(listener, "GET", path, value, connection=keep[listener])[0] == 401, f"{value} opens {path}")


def tm_H10_one_process_owns_a_data_directory(stage):
    def second():
        done = subprocess.run([BIN / "server/otariad", "--data", stage.trial.data, "--device-listen", "127.0.0.1:0",
                               "--operator-listen", "127.0.0.1:0"], capture_output=True, text=True, timeout=60, check=False)
        return done.returncode == 1 and "another otariad owns" in done.stderr
    demand(second(), "a second otariad on the same directory")
    stage.trial.process.send_signal(signal.SIGSTOP)
    demand(second(), "a second one while the first stands still")
    stage.trial.process.send_signal(signal.SIGCONT)
    demand(stage.devices.check_in("lamp-1")["v"] == 1, "the first goes on")
    stage.trial.process.kill()
    stage.trial.process.wait()
    stage.trial.start()  # the lock has gone with its owner


def main():
    tests = [t for name, t in sorted(globals().items()) if name.startswith("tm_") and name != "tm_H10_one_process_owns_a_data_directory"]
    tests.append(tm_H10_one_process_owns_a_data_directory)  # it ends the server
    chosen = [t for t in tests if not sys.argv[1:] or t.__name__ in sys.argv[1:]]
    with tempfile.TemporaryDirectory() as directory:
        stage = Stage(directory)
        try:
            for test in chosen:
                test(stage)
                demand(stage.trial.process.poll() is None, f"{test.__name__}: the server is gone")
                print(test.__name__, flush=True)
        finally:
            stage.trial.stop()
        log = (pathlib.Path(directory) / "otariad.log").read_text(errors="replace")
        demand("Sanitizer" not in log and "runtime error" not in log, f"a sanitizer found something: {log[-2000:]}")


if __name__ == "__main__":
    main()
