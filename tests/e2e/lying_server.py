"""A device API that lies: real TLS, any device may enrol, and what is offered and sent is what the test says.

It speaks docs/protocol.md, block hashes included, and says `go` to everything; so nothing but the device's own judgement
stands between a bad artifact and its boot. Each device is known by the enrolment token it came with.
"""
import hashlib
import http.server
import json
import re
import socket
import ssl
import subprocess
import threading

BLOCK = 65536
OUTCOMES = {"confirmed", "reverted", "rejected", "no_fallback", "failed", "withdrawn"}


class Offer:
    """One offer: the bytes to send, what is said of them, and how the sending is done."""

    def __init__(self, data, target, send=None, drop_after=None, **said):
        self.data, self.target, self.send, self.said = data, target, send, said
        self.drop_after = drop_after  # so many lies about the transport, then the offer is withdrawn
        self.lies = 0
        self.attempt = None
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.blocks = b"".join(hashlib.sha256(data[i:i + BLOCK]).digest() for i in range(0, len(data), BLOCK))
        self.outcomes = []  # (kind, reason), one per event sequence

    def message(self):
        image = {"sha256": self.sha256, "bytes": len(self.data), "block_bytes": BLOCK,
                 "blocks_sha256": hashlib.sha256(self.blocks).hexdigest()}
        offer = {"attempt": self.attempt, "release": 200, "version": "2.0.0", "target": self.target, "lease_s": 600,
                 "image": image}
        for name, value in self.said.items():
            (image if name in image else offer)[name] = value
        return offer

    def is_over(self):
        return self.drop_after is not None and self.lies >= self.drop_after


class Device:
    """What the server knows of one device."""

    def __init__(self):
        self.offers = []
        self.replies = []  # raw (status, headers, body) for the next check-ins, before any honest one
        self.ack = 0
        self.attempts = {}
        self.events = []
        self.requests = []  # paths, in order

    def current(self):
        return next((o for o in self.offers if not o.outcomes), None)

    def take_events(self, message):
        for event in message.get("events", []):
            if event["seq"] <= self.ack:
                continue
            self.ack = event["seq"]
            self.events.append(event)
            if event["kind"] in OUTCOMES and event["attempt"] in self.attempts:
                self.attempts[event["attempt"]].outcomes.append((event["kind"], event["reason"]))

    def answer(self, message):
        self.take_events(message)
        reply = {"v": 1, "ack": self.ack, "poll_s": 1}
        offer = self.current()
        if message["ask"] == "switch":
            reply["switch"] = "go"
        if offer is not None and message.get("attempt") and offer.is_over():
            reply["drop"] = True
        elif offer is not None and message["ask"] == "offer":
            if offer.attempt is None:
                offer.attempt = "a-%d" % (len(self.attempts) + 1)
                self.attempts[offer.attempt] = offer
            reply["offer"] = offer.message()
        return reply


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60

    def setup(self):
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def log_message(self, *args):
        pass

    def reply(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if not any(name.lower() in ("content-length", "transfer-encoding") for name, _ in headers):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reply_json(self, status, value):
        self.reply(status, json.dumps(value).encode(), [("Content-Type", "application/json")])

    def token(self):
        return self.headers.get("Authorization", "").removeprefix("Bearer ")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            if self.path == "/device/v1/enrol":
                device = self.server.devices.setdefault(self.token(), Device())
                self.server.by_token[body["token_sha256"]] = device
                device.requests.append(self.path)
                answer = 201, {"v": 1, "product": "lamp", "poll_s": 1}
            else:
                device = self.server.by_token[hashlib.sha256(self.token().encode()).hexdigest()]
                device.requests.append(self.path)
                if device.replies:
                    status, headers, raw = device.replies.pop(0)
                    self.reply(status, raw, headers)
                    return
                answer = 200, device.answer(body)
        self.reply_json(*answer)

    def do_GET(self):
        with self.server.lock:
            device = self.server.by_token[hashlib.sha256(self.token().encode()).hexdigest()]
            device.requests.append(self.path)
            offer = device.current()
        match = re.fullmatch(r"/device/v1/artifacts/([0-9a-f]{64})(/blocks)?", self.path)
        if offer is None or match is None or match[1] != offer.message()["image"]["sha256"] or offer.is_over():
            self.reply_json(404, {"error": {"code": "not_found", "message": "not offered"}})
            return
        data = offer.blocks if match[2] else offer.data
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        start = int(wanted[1]) if wanted else 0
        if match[2] is None and offer.send is not None and offer.send(self, offer, start):
            return
        self.send_honestly(data, start, offer.sha256)

    def send_honestly(self, data, start, etag):
        headers = [("ETag", '"%s"' % etag)]
        if start > 0:
            headers.append(("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data))))
        self.reply(206 if start > 0 else 200, data[start:], headers)

    def hang_up(self):
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


class LyingServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, directory, name="127.0.0.1"):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.devices, self.by_token = {}, {}
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(*certificate(directory, name))
        self.url = "https://127.0.0.1:%d" % self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass  # connections that end early are the subject of the test


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def authority(directory, name="ca"):
    """A private CA; returns its certificate's path."""
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=" + name, "-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.pem")
    return f"{directory}/{name}.pem"


def certificate(directory, name):
    """A server certificate of the CA in this directory, for an address or a host name."""
    kind = "IP" if name[0].isdigit() else "DNS"
    stem = f"{directory}/server-{name}"
    with open(stem + ".ext", "w", encoding="ascii") as f:
        f.write(f"subjectAltName={kind}:{name}\n")
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=liar", "-keyout",
            stem + ".key", "-out", stem + ".csr")
    openssl("x509", "-req", "-in", stem + ".csr", "-CA", f"{directory}/ca.pem", "-CAkey", f"{directory}/ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", stem + ".ext", "-out", stem + ".pem")
    return stem + ".pem", stem + ".key"
