#!/usr/bin/env python3
"""hostile_server.py CERT KEY READY_FILE: three HTTPS servers that lie to `otaria`, on free loopback ports.

  hostile  answers every request with all fields there are, each string full of what a terminal acts on
  empty    answers every request with {}
  refusing answers every request with 409 and such strings as code and message
READY_FILE gets their URLs, one a line, in this order.
"""
import http.server
import json
import os
import ssl
import sys
import threading

BAD = "x\x1b[2J\x1b]0;owned\x07\u009b31m\u202egnp\u2066\u200b\r\nINJECTED"
SLOT = dict.fromkeys(("slot", "digest", "version", "state"), BAD) | {"release": 1}
RING = {"name": BAD, "state": BAD, "members": 1, "in_flight": 0, "harmed": 0, "soaked": 0, "counts": {"confirmed": 0}}
THING = dict.fromkeys(
    ("id", "name", "role", "token", "version", "chip", "bootloader", "last_seen", "created_at", "digest", "kind", "text",
     "at", "who", "action", "object", "detail", "reason", "release"), BAD)
THING |= {"product": BAD, "running": SLOT, "other": SLOT, "tags": [BAD], "hw_rev": 1, "rings": [RING], "seq": 1,
          "attributes": {BAD: BAD}, "health": {"boots": BAD, "panics": BAD}, "state": "halted", "metrics": {BAD: 1},
          "desired": dict.fromkeys(("version", "release", "digest", "rollout", "answer"), BAD), "in_sync": BAD,
          "warnings": [BAD], "strata": [BAD, {"values": {BAD: BAD}, "rings": [{"members": 1, "resolved": 1, "harmed": 1}]}],
          "keys": [BAD], "revoked": [BAD], "runs": [dict.fromkeys(("digest", "version", "devices"), BAD)]}
IMAGE = {"chip": BAD, "bytes": 1, "digest": BAD}
REPLY = THING | {"images": [IMAGE], "attempts": [THING], "devices": [THING | {"stratum": {BAD: BAD}}], "rollouts": [THING], "entries": [THING],
                 "releases": [THING | {"images": [IMAGE]}], "products": [THING | {"rings": [BAD]}], "next": None}


def reply_for(kind, path):
    if kind == "empty":
        return 200, {}
    if kind == "refusing":
        return 409, {"error": {"code": BAD, "message": BAD}}
    if "/history?" in path:
        kinds = ("runs", "event", "attempt", "reset", "tag", "key", BAD)
        return 200, {"entries": [THING | {"kind": k, "change": BAD, "check": BAD} for k in kinds], "next": 0, "dropped": 1}
    if "/events?" in path:
        return 200, {"state": "halted", "next": 9, "events": [THING] if "after=0" in path else []}
    return 200, REPLY


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, reply = reply_for(self.server.kind, self.path)
        body = json.dumps(reply, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = answer

    def log_message(self, *_):
        pass


cert, key, ready = sys.argv[1:]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
urls = []
for kind in ("hostile", "empty", "refusing"):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.kind = kind
    urls.append(f"https://127.0.0.1:{server.server_address[1]}\n")
    threading.Thread(target=server.serve_forever, daemon=True).start()
with open(ready + ".new", "w", encoding="utf-8") as f:
    f.writelines(urls)
os.rename(ready + ".new", ready)
threading.Event().wait()
