#!/usr/bin/env python3
"""Downloads of a 1 MiB image over real TLS, the connection cut again and again at random bytes by a proxy in between.

Judged: every update ends confirmed; what is sent again is at most 4 KiB for each cut: the TLS record that the cut tears (the
proxy sees how much of it had come down), and what the device took beyond the image (`bytes` of the attempt, as the server has
it). Printed besides: what came down the wire in all, TLS, block hashes and check-ins included.

  download_cuts.py [--cuts N] [--devices N] [--seed N]      programs in OTARIA_BIN; 60 cuts over 3 devices
"""
import argparse
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SECTOR = 4096
IMAGE_BYTES = 1 << 20
TIMEOUT_S = 100


class Failed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


class Records:
    """Where in the TLS records a stream stands: a type, a version, a length of two bytes, so many bytes."""

    def __init__(self):
        self.header, self.wanted, self.have = b"", 0, 0

    def pass_on(self, data):
        while data:
            if len(self.header) < 5:
                n = 5 - len(self.header)
                self.header, data = self.header + data[:n], data[n:]
                if len(self.header) == 5:
                    self.wanted, self.have = struct.unpack(">H", self.header[3:])[0], 0
            n = min(len(data), self.wanted - self.have)
            data, self.have = data[n:], self.have + n
            if len(self.header) == 5 and self.have == self.wanted:
                self.header = b""

    def torn(self):
        """Bytes of a record of which not all have come."""
        return self.have if len(self.header) == 5 else 0


class CuttingProxy:
    """Passes bytes on, and cuts a connection when so many have gone down. A connection's first bytes pass: each one gets on."""

    def __init__(self, port, cuts, spread, seed):
        self.port, self.left, self.made, self.down, self.torn, self.torn_most = port, cuts, 0, 0, 0, 0
        self.spread, self.chance, self.lock = spread, random.Random(seed), threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "https://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.port))
            threading.Thread(target=self.up, args=(client, server), daemon=True).start()
            threading.Thread(target=self.down_stream, args=(client, server), daemon=True).start()

    def close(self):
        self.listener.close()

    def budget(self):
        with self.lock:
            return self.chance.randrange(8192, self.spread) if self.left > 0 else None

    @staticmethod
    def up(client, server):
        try:
            while data := client.recv(65536):
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def is_mine_to_cut(self, torn):
        with self.lock:
            if self.left == 0:
                return False
            self.left, self.made = self.left - 1, self.made + 1
            self.torn, self.torn_most = self.torn + torn, max(torn, self.torn_most)
            return True

    def cut(self, client):
        if self.chance.random() < 0.5:  # a reset; else an end in the middle of a record
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def down_stream(self, client, server):
        left, records = self.budget(), Records()
        try:
            while data := server.recv(65536 if left is None else max(1, min(65536, left))):
                client.sendall(data)
                records.pass_on(data)
                with self.lock:
                    self.down += len(data)
                if left is not None:
                    left -= len(data)
                if left is not None and left <= 0:
                    if self.is_mine_to_cut(records.torn()):
                        self.cut(client)
                        break
                    left = None
        except OSError:
            pass
        for s in (client, server):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            s.close()


class Trial:
    """otariad of our own, one product, one release of 1 MiB rolled out to everybody, as it is: not compressed."""

    def __init__(self, directory):
        binaries = os.environ.get("OTARIA_BIN", os.path.join(ROOT, "build"))
        self.dir = directory
        self.otaria = os.path.join(binaries, "cli", "otaria")
        self.otariad = os.path.join(binaries, "server", "otariad")
        self.env = dict(os.environ, OTARIA_CONFIG=self.path("login.json"))

    def path(self, name):
        return os.path.join(self.dir, name)

    def run(self, *words):
        r = subprocess.run([self.otaria, *words], capture_output=True, text=True, check=False, timeout=60, env=self.env)
        expect(r.returncode == 0, "%s: %s" % (" ".join(words), r.stderr))
        return r.stdout

    def start(self):
        ready = self.path("ready.json")
        with open(self.path("otariad.log"), "wb") as log:
            # pylint: disable-next=consider-using-with
            self.server = subprocess.Popen([self.otariad, "--data", self.path("server"), "--patch-bases", "0",
                                            "--device-listen", "127.0.0.1:0", "--operator-listen", "127.0.0.1:0",
                                            "--ready-file", ready],
                                           stdout=subprocess.DEVNULL, stderr=log)
        end = time.monotonic() + 20
        while not (os.path.exists(ready) and os.path.getsize(ready) > 0):
            expect(self.server.poll() is None and time.monotonic() < end, "otariad does not come up")
            time.sleep(0.05)
        with open(ready, encoding="utf-8") as f:
            urls = json.load(f)
        self.device_port = int(urls["device"].rsplit(":", 1)[1])
        self.ca = self.path("server/tls/ca.pem")
        self.run("login", urls["operator"], "--token-file", self.path("server/admin.token"), "--ca", self.ca)

    def stop(self):
        self.server.terminate()
        expect(self.server.wait(20) == 0, "otariad ended badly")

    def image(self, version, release, size):
        name = self.path("lamp-%s.bin" % version)
        self.run("image", "make", "--chip", "esp32c3", "--project", "lamp", "--version", version, "--release",
                 str(release), "--hw-rev", "0", "--size", str(size), "--out", name)
        self.run("image", "sign", name, "--key", self.path("key.pem"), "--out", name)
        return name

    def roll_out(self):
        self.run("key", "generate", "--scheme", "ecdsa256", "--out", self.path("key.pem"))
        self.run("product", "create", "lamp", "--trust", self.path("key.pem"), "--rings", "rest")
        self.run("token", "create", "--role", "enrol", "--product", "lamp", "--out", self.path("enrol.token"))
        self.old = self.image("1.0.0", 100, 65536)
        new = self.image("1.1.0", 110, IMAGE_BYTES - SECTOR)
        self.size = os.path.getsize(new)
        expect(self.size == IMAGE_BYTES, "the image is %d bytes" % self.size)
        self.run("release", "push", new)
        self.run("partition", "build", os.path.join(ROOT, "packaging/partitions/otaria-4mb.csv"), "--flash-size", "4MB",
                 "--out", self.path("table.bin"))
        with open(self.path("scenario.json"), "w", encoding="ascii") as f:
            json.dump({"poll_s": 5, "self_test_s": 0, "speed": 50, "watchdog_s": 86400}, f)

    def device(self, name, url):
        """A device of the factory's, until it has nothing more to do."""
        flash = self.path(name + ".flash")
        self.run("flash", "create", "--table", self.path("table.bin"), "--flash-size", "4MB", "--slot",
                 "ota_0=" + self.old, "--otadata", "1:valid,-", "--hw-rev", "0", "--product", "lamp", "--device-id", name,
                 "--trust", self.path("key.pem"), "--out", flash)
        words = [self.otaria, "device", "run", "--flash", flash, "--ca", self.ca, "--token", self.path("enrol.token"),
                 "--scenario", self.path("scenario.json"), "--max-seconds", str(TIMEOUT_S)]
        # Enrolled first, so that the rollout knows whom it is for.
        for server, until in ((self.url(), "--once"), (url, "--until-idle")):
            if until == "--until-idle":
                yield
            r = subprocess.run([*words, "--server", server, until], capture_output=True, text=True, check=False,
                               timeout=TIMEOUT_S + 20)
            expect(r.returncode == 0, "%s %s: %s%s" % (name, until, r.stdout[-500:], r.stderr))

    def url(self):
        return "https://127.0.0.1:%d" % self.device_port

    def attempts(self, name):
        return json.loads(self.run("device", "show", name, "--product", "lamp", "--json"))["attempts"]


def go(trial, cuts, devices, seed):
    shares = [cuts // devices + (1 if i < cuts % devices else 0) for i in range(devices)]
    proxies, runs = [], []
    for i, share in enumerate(shares):
        proxies.append(CuttingProxy(trial.device_port, share, max(16384, 14 * IMAGE_BYTES // (10 * share)), seed + i))
        runs.append(trial.device("lamp-%d" % i, proxies[i].url))
        next(runs[i])
    trial.run("rollout", "create", "--product", "lamp", "--release", "1.1.0", "--soak-s", "0", "--override", "a test", "--stale-after-s",
              "86400", "--lease-s", "86400", "--in-flight", str(devices), "--start")
    twice = 0
    for i, proxy in enumerate(proxies):
        for _ in runs[i]:
            pass
        proxy.close()
        attempts = trial.attempts("lamp-%d" % i)
        expect(len(attempts) == 1 and attempts[0]["state"] == "confirmed", "lamp-%d: %s" % (i, attempts))
        again = attempts[0]["bytes"] - trial.size
        print("lamp-%d: %d cuts; %d bytes in torn records (one: at most %d), %d taken again; %d down the wire in all" %
              (i, proxy.made, proxy.torn, proxy.torn_most, again, proxy.down))
        expect(proxy.made == shares[i], "lamp-%d: %d cuts made, not %d" % (i, proxy.made, shares[i]))
        again += proxy.torn
        expect(0 <= again <= SECTOR * proxy.made, "lamp-%d: %d bytes again" % (i, again))
        twice += again
    print("%d cuts, %d bytes sent again, %.0f a cut (at most %d)" % (cuts, twice, twice / cuts, SECTOR))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cuts", type=int, default=int(os.environ.get("OTARIA_CUTS", "60")))
    parser.add_argument("--devices", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    directory = tempfile.mkdtemp(prefix="otaria-cuts.")
    trial = Trial(directory)
    try:
        trial.start()
        try:
            trial.roll_out()
            go(trial, args.cuts, args.devices, args.seed)
        finally:
            trial.stop()
    except Failed as e:
        print("FAILED: %s" % e)
        with open(trial.path("otariad.log"), encoding="utf-8", errors="replace") as f:
            print(f.read()[-1500:])
        return 1
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
