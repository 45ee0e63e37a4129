#!/usr/bin/env python3
"""Every kind of wrong image, offered to a virtual device by a server that lies: refused by the device.

Per case: each offer ends in exactly one outcome with the right reason; the boot decision selects the same slot as before;
the bytes of the running slot are the same; its otadata entry is still VALID.

  device_refusals.py OTARIA [CASE...]      the program to test; names of cases, all without
"""
import concurrent.futures
import hashlib
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

from lying_server import Device, LyingServer, Offer, authority

HERE = os.path.dirname(os.path.abspath(__file__))
SLOTS = {"ota_0": 0x20000, "ota_1": 0x70000}
SLOT_BYTES = 0x50000
OTADATA, OTADATA_SECTOR, VALID = 0xF000, 0x1000, 2
SECTOR = 4096
INVERTED = bytes(255 - i for i in range(256))  # a flash file holds the complement: its holes are erased flash
CASES = []


class Failed(Exception):
    pass


def expect(condition, text):
    if not condition:
        raise Failed(text)


def case(function):
    CASES.append(function)
    return function


# --- images ---


class Bench:
    """Keys, images, flash templates and the servers: made once."""

    def __init__(self, otaria, directory):
        self.otaria, self.dir = otaria, directory
        self.ca = authority(directory)
        self.other_ca = authority(directory, "other")
        self.server = LyingServer(directory)
        self.images = {}
        for name in ("trusted", "leaked", "stranger"):
            self.run("key", "generate", "--scheme", "ecdsa256", "--out", self.key(name))
        self.run("partition", "build", os.path.join(HERE, "small_slots.csv"), "--flash-size", "1MB", "--out",
                 self.path("table.bin"))
        self.write("scenario.json", json.dumps({"poll_s": 1, "self_test_s": 0, "speed": 50, "watchdog_s": 86400}))
        self.old = self.image("old", ["trusted", "leaked"])
        self.good = self.image("good", ["trusted"], version="2.0.0", release=200)
        self.template("plain", self.old)

    def path(self, name):
        return os.path.join(self.dir, name)

    def key(self, name):
        return self.path(name + ".pem")

    def write(self, name, text):
        with open(self.path(name), "w", encoding="ascii") as f:
            f.write(text)
        return self.path(name)

    def run(self, *words):
        r = subprocess.run([self.otaria, *words], capture_output=True, text=True, check=False, timeout=60)
        expect(r.returncode == 0, "%s: %s" % (" ".join(words), r.stderr))
        return r.stdout

    def image(self, name, keys, **options):
        """Bytes of an image that differs from a good one by what is named."""
        given = {"chip": "esp32c3", "project": "lamp", "version": "1.0.0", "release": 100, "hw-rev": "1,2",
                 "size": 70000}
        given.update({k.replace("_", "-"): v for k, v in options.items()})
        words = ["--undescribed"] if given.pop("undescribed", False) else []
        for option, value in given.items():
            words += ["--" + option, str(value)]
        out = self.path(name + ".bin")
        self.run("image", "make", *words, "--out", out)
        if keys:
            self.run("image", "sign", out, "--key", *[self.key(k) for k in keys], "--out", out)
        with open(out, "rb") as f:
            return f.read()

    def template(self, name, image, *options):
        with open(self.path(name + ".slot"), "wb") as f:
            f.write(image)
        self.run("flash", "create", "--table", self.path("table.bin"), "--flash-size", "1MB", "--slot",
                 "ota_0=" + self.path(name + ".slot"), "--otadata", "1:valid,-", "--device-id", "lamp-0001", "--hw-rev",
                 "1", "--product", "lamp", "--trust", self.key("trusted"), self.key("leaked"), *options, "--out",
                 self.path(name + ".flash"))

    def digest(self, name):
        return json.loads(self.run("key", "digest", self.key(name), "--json"))["digest"]


def image_end(data):
    """Where the appended digest stands, by the segments."""
    at = 24
    for _ in range(data[1]):
        at += 8 + struct.unpack_from("<I", data, at + 4)[0]
    return (at + 16) & ~15


def identity(data):
    return hashlib.sha256(data[:image_end(data)]).hexdigest()


def target_of(data):
    """The identity where there is one: so that only the fault itself can be the reason."""
    try:
        return identity(data)
    except (IndexError, struct.error):
        return hashlib.sha256(data).hexdigest()


def offer(data, target=None, **said):
    return Offer(data, target or target_of(data), **said)


def flip(data, offset, mask=4):
    bent = bytearray(data)
    bent[offset] ^= mask
    return bytes(bent)


def unsigned(data):
    return data[:image_end(data) + 32]


# --- one device ---


class Unit:
    """A virtual device with a flash of its own, and what must not change on it."""

    def __init__(self, bench, name, template="plain", efuse=None):
        self.bench, self.name = bench, name
        self.flash = bench.path(name + ".flash")
        shutil.copyfile(bench.path(template + ".flash"), self.flash)
        if efuse is not None:
            bench.write(name + ".flash.efuse", json.dumps(efuse))
        self.token = bench.write(name + ".token", name)
        with bench.server.lock:
            self.device = bench.server.devices.setdefault(name, Device())
        self.refusals = 0

    def command(self, ca=None, url=None):
        b = self.bench
        return [b.otaria, "device", "run", "--flash", self.flash, "--server", url or b.server.url, "--ca", ca or b.ca,
                "--token", self.token, "--scenario", b.path("scenario.json"), "--json", "--until-idle",
                "--max-seconds", "40"]

    def boots(self):
        return json.loads(self.bench.run("flash", "boot", self.flash, "--json"))["slot"]

    def contents(self):
        with open(self.flash, "rb") as f:
            return f.read().translate(INVERTED)

    def standing(self):
        """Slot that boots, its bytes, and its otadata entry."""
        slot = self.boots()
        flash = self.contents()
        entries = [flash[OTADATA + i * OTADATA_SECTOR:][:32] for i in range(2)]
        seqs = [struct.unpack_from("<I", e)[0] for e in entries]
        mine = [e for e, seq in zip(entries, seqs)
                if seq != 0xFFFFFFFF and "ota_%d" % ((seq - 1) % 2) == slot]
        at = SLOTS[slot]
        return slot, flash[at:at + SLOT_BYTES], mine

    def run(self):
        r = subprocess.run(self.command(), capture_output=True, text=True, check=False, timeout=50)
        expect(r.returncode == 0, "device run: exit %d: %s%s" % (r.returncode, r.stdout[-1500:], r.stderr))
        return r.stdout

    def check_same(self, before):
        slot, data, entries = self.standing()
        expect(slot == before[0], "boots %s now, %s before" % (slot, before[0]))
        expect(data == before[1], "the bytes of the running slot have changed")
        expect(entries == before[2] and len(entries) == 1, "the running slot's otadata: %s, before %s" % (entries, before[2]))
        expect(struct.unpack_from("<I", entries[0], 24)[0] == VALID, "its state is not VALID")

    def takes(self, data, release):
        """A good update first: offered, installed, confirmed."""
        o = offer(data, release=release)
        self.device.offers = [o]
        self.run()
        expect(o.outcomes == [("confirmed", "ok")], "the good update: %s" % o.outcomes)

    def refuses(self, *pairs):
        """(offer, reasons): each fails once, with one of the reasons, and nothing of what runs has changed."""
        before = self.standing()
        self.device.offers = [o for o, _ in pairs]
        self.run()
        for i, (o, reasons) in enumerate(pairs):
            wanted = reasons if isinstance(reasons, tuple) else (reasons,)
            expect(len(o.outcomes) == 1, "offer %d: outcomes %s" % (i, o.outcomes))
            kinds = [e["kind"] for e in self.device.events if e["attempt"] == o.attempt]
            expect(kinds in (["failed"], ["downloading", "failed"]), "offer %d: events %s" % (i, kinds))
            expect(o.outcomes[0][0] == "failed" and o.outcomes[0][1] in wanted,
                   "offer %d: %s, not failed with %s" % (i, o.outcomes[0], reasons))
        self.check_same(before)
        self.refusals += len(pairs)

    def outlasts(self, *offers):
        """Lies about the transport alone: no outcome until the server takes the offer back."""
        before = self.standing()
        self.device.offers = list(offers)
        self.run()
        for i, o in enumerate(offers):
            expect(o.lies >= o.drop_after, "offer %d: only %d lies were told" % (i, o.lies))
            expect(o.outcomes == [("withdrawn", "withdrawn")], "offer %d: %s" % (i, o.outcomes))
        self.check_same(before)
        self.refusals += len(offers)

    def untouched(self):
        """The slot to be written still holds nothing: it was refused before the first erase and write."""
        other = self.contents()[SLOTS["ota_1"]:][:SLOT_BYTES]
        expect(other == b"\xff" * SLOT_BYTES, "the other slot was written")
        expect(not any("artifacts" in path for path in self.device.requests), "something was fetched")


# --- wrong images ---


@case
def tm_C01_unsigned(b):
    u = Unit(b, "tm_C01")
    raw = unsigned(b.good)
    u.refuses((offer(raw), "unsigned"),
              (offer(raw + b"\xff" * (-len(raw) % SECTOR + SECTOR)), "unsigned"))
    return u


@case
def tm_C03_unknown_key(b):
    u = Unit(b, "tm_C03")
    u.refuses((offer(b.image("stranger", ["stranger"], version="2.0.1", release=201)), "key_unknown"))
    return u


@case
def tm_C06_bytes_of_one_release_for_another(b):
    u = Unit(b, "tm_C06")
    other = b.image("other", ["trusted"], version="2.0.2", release=202)
    end = len(b.good) - SECTOR
    u.refuses((offer(other, target=identity(b.good)), "wrong_target"),
              (offer(b.good[:end] + other[-SECTOR:]), "signature_digest"))
    return u


@case
def tm_C07_below_the_floor_of_a_confirmed_release(b):
    u = Unit(b, "tm_C07")
    u.takes(b.image("raises", ["trusted"], version="2.1.0", release=210, floor=205), 210)
    below = b.image("below", ["trusted"], version="2.0.4", release=204)
    u.refuses((offer(below, release=204), "below_floor"),
              (offer(below, target=identity(flip(below, 100)), release=204), "below_floor"),
              (offer(below, release=999), "below_floor"),
              (offer(b.image("nameless", ["trusted"], undescribed=True), undescribed=True, release=999), "below_floor"))
    return u


@case
def tm_C07_below_the_floor_from_the_factory(b):
    b.template("floored", b.image("floored", ["trusted"], floor=100))
    u = Unit(b, "tm_C07_factory", "floored")
    u.refuses((offer(b.image("older", ["trusted"], version="0.9.0", release=99), release=999), "below_floor"))
    return u


@case
def tm_C07_below_the_secure_version_of_the_chip(b):
    u = Unit(b, "tm_C07_efuse", efuse={"chip": "esp32c3", "secure_version": 3})
    u.refuses((offer(b.image("insecure", ["trusted"], release=201, version="2.0.1", secure_version=2)),
               "secure_version"))
    return u


@case
def tm_C08_wrong_chip_product_and_hardware(b):
    u = Unit(b, "tm_C08")
    u.refuses((offer(b.image("s3", ["trusted"], chip="esp32s3", release=201)), "wrong_chip"),
              (offer(b.image("oven", ["trusted"], project="oven", release=202)), "wrong_product"),
              (offer(b.image("rev3", ["trusted"], hw_rev="0,3,63", release=203)), "wrong_hardware"))
    return u


@case
def tm_C09_truncated(b):
    u = Unit(b, "tm_C09")
    end, size = image_end(b.good) + 32, len(b.good)
    structure = [1, 23, 24, 31, 287, 288, 799, 800, SECTOR, 65535, 65536, 65537, end - 33, end - 1]
    sector = [size - SECTOR + 1, size - SECTOR + 1216, size - 1]
    u.refuses(*[(offer(b.good[:n], target="%064x" % n), "image_truncated") for n in structure + sector],
              (offer(b.good[:end + 1]), "image_trailing"),
              (offer(b.good[:end]), "unsigned"))
    return u


@case
def tm_C10_one_bit_flipped(b):
    u = Unit(b, "tm_C10")
    end, size = image_end(b.good), len(b.good)
    u.refuses((offer(flip(b.good, 0)), "image_magic"),
              (offer(flip(b.good, 4), target=identity(b.good)), "image_digest"),
              (offer(flip(b.good, 0x120 + 12)), "image_checksum"),
              (offer(flip(b.good, 30000)), "image_checksum"),
              (offer(flip(b.good, end), target="%064x" % 5), "image_digest"),
              (offer(flip(b.good, end + 40), target="%064x" % 6), "image_padding"),
              (offer(flip(b.good, size - SECTOR + 40), target="%064x" % 7), "signature_crc"),
              (offer(flip(b.good, size - SECTOR), target="%064x" % 8), "unsigned"))
    return u


@case
def tm_C16_too_large(b):
    u = Unit(b, "tm_C16")
    u.refuses((offer(b"\xe9" * (SLOT_BYTES + 1)), "image_too_large"),
              (offer(b.good, bytes=SLOT_BYTES + 1), "image_too_large"),
              (offer(b.good, bytes=0xFFFFFFFF, target="%064x" % 1), "image_too_large"))
    u.untouched()
    large = b.image("large", ["trusted"], release=201, size=290000)
    expect(len(large) <= SLOT_BYTES, "the image must fit by its bytes, and not by the space it needs")
    u.refuses((offer(large), "image_too_large"),
              (offer(b.image("demanding", ["trusted"], release=202, min_slot=SLOT_BYTES + 1)), "slot_size"),
              (offer(b.good, bytes=len(b.good) - SECTOR), "wrong_target"),
              (offer(b.good, bytes=len(b.good) + 1, target="%064x" % 2), "wrong_target"))
    return u


@case
def tm_C18_signature_that_secure_boot_refuses(b):
    fuses = {"chip": "esp32c3", "secure_boot": True, "digests": [b.digest("leaked"), b.digest("trusted"), None],
             "revoked": [True, False, False]}
    u = Unit(b, "tm_C18", efuse=fuses)
    u.refuses((offer(b.image("burned", ["leaked"], release=201, version="2.0.1")), "key_revoked"))
    fuses["digests"], fuses["revoked"] = [b.digest("leaked"), None, None], [False, False, False]
    u = Unit(b, "tm_C18_unknown", efuse=fuses)
    u.refuses((offer(b.good), "key_unknown"))
    return u


@case
def tm_C20_trailing_bytes(b):
    u = Unit(b, "tm_C20")
    u.refuses(*[(offer(b.good + b"\xe9" * n, target="%064x" % n), "image_trailing") for n in (1, 15, 16, SECTOR)])
    return u


@case
def undescribed_where_it_is_not_allowed(b):
    b.template("strict", b.old, "--undescribed", "off")
    u = Unit(b, "undescribed", "strict")
    nameless = b.image("undescribed", ["trusted"], undescribed=True, version="2.0.1")
    u.refuses((offer(nameless, undescribed=True), "undescribed"))
    u.untouched()
    u.refuses((offer(nameless), "undescribed"))
    return u


@case
def tm_K02_revoked_key(b):
    u = Unit(b, "tm_K02")
    u.takes(b.image("retires", ["trusted"], version="2.1.0", release=210, revoke=b.key("leaked")), 210)
    u.refuses((offer(b.image("leaked", ["leaked"], version="2.2.0", release=220)), "key_revoked"))
    return u


@case
def tm_K02_key_revoked_from_the_factory(b):
    b.template("retired", b.image("retired", ["trusted"], revoke=b.key("leaked")))
    u = Unit(b, "tm_K02_factory", "retired")
    u.refuses((offer(b.image("leaked2", ["leaked"], version="2.2.1", release=221)), "key_revoked"))
    return u


@case
def tm_E01_every_poll_answered_with_another_mutated_image(b):
    u = Unit(b, "tm_E01")
    seed = int(os.environ.get("OTARIA_SEED", "20"))
    chance = random.Random(seed)
    covered = len(b.good) - SECTOR + 1200  # what follows in the sector is covered by nothing, and decides nothing
    offers = []
    for _ in range(40):
        data = b.good
        for _ in range(chance.randint(1, 3)):
            data = flip(data, chance.randrange(covered), 1 << chance.randrange(8))
        offers.append((offer(data, target=chance.choice([identity(b.good), target_of(data)])), E01_REASONS))
    u.refuses(*offers)
    return u


E01_REASONS = ("image_magic", "image_truncated", "image_segments", "image_segment_length", "image_segment_align",
               "wrong_chip", "wrong_chip_revision", "image_app_desc", "image_checksum", "image_no_digest", "image_digest",
               "image_trailing", "image_padding", "image_load_range", "unsigned", "signature_format", "signature_crc",
               "signature_digest", "signature_invalid", "key_unknown", "too_many_attempts")


# --- lies about the transport ---


def send_less(handler, o, start):
    """Announce everything, send half of what is left, hang up."""
    o.lies += 1
    data = o.data[start:]
    handler.send_response(206 if start else 200)
    if start:
        handler.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(o.data) - 1, len(o.data)))
    handler.send_header("Content-Length", str(len(data)))
    handler.end_headers()
    handler.wfile.write(data[:len(data) // 2])
    handler.hang_up()
    return True


def on_resume(lie):
    """Cut the first transfer, and lie when it is resumed."""
    def send(handler, o, start):
        if start == 0:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(o.data)))
            handler.end_headers()
            handler.wfile.write(o.data[:66000])
            handler.hang_up()
            return True
        o.lies += 1
        lie(handler, o, start)
        return True
    return send


def always(lie):
    def send(handler, o, start):
        o.lies += 1
        lie(handler, o, start)
        return True
    return send


def ranged(first, total, shift=0, header=True):
    def lie(handler, o, start):
        data = o.data[start + shift:]
        headers = [("Content-Range", "bytes %d-%d/%d" % (start + first, len(o.data) - 1, len(o.data) + total))]
        handler.reply(206, data, headers if header else [])
    return lie


def other_object(handler, o, start):
    data = bytes(x ^ 0x55 for x in o.data[start:])
    handler.reply(206, data, [("ETag", '"%s"' % ("0" * 64)),
                              ("Content-Range", "bytes %d-%d/%d" % (start, len(o.data) - 1, len(o.data)))])


def endless(handler, o, start):
    handler.send_response(200)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    for _ in range(64):
        handler.wfile.write(b"1000\r\n" + b"\xe9" * 4096 + b"\r\n")
    handler.hang_up()


@case
def tm_F04_more_or_less_than_announced(b):
    u = Unit(b, "tm_F04")
    u.refuses((offer(b.good, target="%064x" % 1, send=always(lambda h, o, s: h.reply(200, o.data + b"more"))),
               "wrong_target"),
              (offer(b.good, target="%064x" % 2, send=always(lambda h, o, s: h.reply(200, o.data[:-1]))), "wrong_target"),
              (offer(b.good, target="%064x" % 3,
                     send=always(lambda h, o, s: h.reply(200, b"<html>Please log in</html>"))), "wrong_target"))
    u.outlasts(offer(b.good, target="%064x" % 4, send=always(endless), drop_after=3),
               offer(b.good, target="%064x" % 5, send=send_less, drop_after=8),
               offer(b.good, target="%064x" % 6, send=always(lambda h, o, s: h.hang_up()), drop_after=3))
    return u


@case
def tm_F05_resume_answered_with_something_else(b):
    u = Unit(b, "tm_F05")
    u.refuses((offer(b.good, target="%064x" % 1, send=on_resume(lambda h, o, s: h.reply(200, o.data))), "state"),
              (offer(b.good, target="%064x" % 2, send=on_resume(ranged(SECTOR, 0, shift=SECTOR))), "state"),
              (offer(b.good, target="%064x" % 3, send=on_resume(ranged(-1, 0, shift=-1))), "state"),
              (offer(b.good, target="%064x" % 4, send=on_resume(ranged(0, 1))), "wrong_target"),
              (offer(b.good, target="%064x" % 5, send=on_resume(other_object)), "wrong_target"))
    u.outlasts(offer(b.good, target="%064x" % 6, send=on_resume(ranged(0, 0, header=False)), drop_after=3),
               offer(b.good, target="%064x" % 7, send=on_resume(lambda h, o, s: h.reply(416, b"")), drop_after=3))
    return u


@case
def block_hashes_that_do_not_belong_to_the_bytes(b):
    u = Unit(b, "blocks")
    wrong_list = offer(b.good, target="%064x" % 1, blocks_sha256="%064x" % 9)
    wrong_hashes, short = offer(b.good, target="%064x" % 2), offer(b.good, target="%064x" % 3)
    wrong_hashes.blocks = bytes(x ^ 1 for x in wrong_hashes.blocks)
    short.blocks = short.blocks[:32]
    u.refuses((wrong_list, "wrong_target"), (wrong_hashes, "wrong_target"), (short, "wrong_target"),
              (offer(b.good, target="%064x" % 4, block_bytes=4096), "wire_range"))
    return u


@case
def errors_and_redirects_instead_of_the_artifact(b):
    u = Unit(b, "redirect")
    away = [("Location", b.server.url + "/elsewhere")]
    lies = [lambda h, o, s, code=code: h.reply(code, b"", away) for code in (301, 302, 307, 204, 500, 502, 503)]
    u.outlasts(*[offer(b.good, target="%064x" % i, send=always(lie), drop_after=2) for i, lie in enumerate(lies, 1)])
    expect("/elsewhere" not in u.device.requests, "a redirect was followed")
    return u


def bad_replies(b):
    honest = {"v": 1, "ack": 0, "poll_s": 1}
    evil = offer(b.good)
    evil.attempt = "a-1"
    full = dict(honest, offer=evil.message())
    texts = [b"", b"{", b"null", b"[]", b"\x00" * 100, b"<html>Please log in</html>", b'{"v":1,"v":1,"ack":0,"poll_s":1}',
             b"[" * 4000, json.dumps({"ack": 0, "poll_s": 1}).encode(), json.dumps(dict(honest, v=2)).encode(),
             json.dumps(dict(full, pad="x" * 5000)).encode(), json.dumps(dict(full, pad="x" * 70000)).encode(),
             json.dumps(full).encode()[:-1], json.dumps(full).encode() + b"}"]
    for field, value in (("bytes", -1), ("bytes", 1 << 32), ("bytes", 1e400), ("sha256", "00"), ("sha256", "Z" * 64),
                         ("blocks_sha256", None), ("block_bytes", "65536")):
        spoiled = json.loads(json.dumps(full))
        spoiled["offer"]["image"][field] = value
        texts.append(json.dumps(spoiled).encode())
    away = [("Location", b.server.url + "/elsewhere")]
    return ([(200, [], text) for text in texts] +
            [(code, away, json.dumps(full).encode()) for code in (204, 302, 307, 400, 401, 403, 404, 500, 503)])


@case
def replies_that_are_none(b):
    """Garbage, huge, in error or redirected: no attempt begins, and the device goes on asking."""
    u = Unit(b, "replies")
    before = u.standing()
    u.device.replies = bad_replies(b)
    told = len(u.device.replies)
    u.run()
    expect(not u.device.replies, "%d of %d were not even fetched" % (len(u.device.replies), told))
    expect(not u.device.events, "events: %s" % u.device.events)
    expect(set(u.device.requests) == {"/device/v1/enrol", "/device/v1/check-in"}, str(set(u.device.requests)))
    u.check_same(before)
    u.untouched()
    u.refusals = told
    return u


def gives_up_connecting(u, ca, url):
    """Run until it has failed to connect three times."""
    seen = 0
    with subprocess.Popen(u.command(ca, url), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as p:
        for line in p.stdout:
            seen += json.loads(line)["event"] == "network"
            if seen == 3:
                p.terminate()
                break
        p.stdout.read()
    expect(seen == 3, "the connection failed %d times only" % seen)


@case
def tm_F01_server_certificate_of_another_authority_or_name(b):
    u = Unit(b, "tm_F01")
    elsewhere = LyingServer(b.dir, "otaria.invalid")
    before = u.standing()
    gives_up_connecting(u, b.other_ca, None)
    gives_up_connecting(u, b.ca, elsewhere.url)
    expect(not u.device.requests and not elsewhere.devices, "a token was sent before the server was verified")
    u.check_same(before)
    u.refusals = 2
    return u


@case
def after_the_lies_the_next_update_works(b):
    """Transfers cut short, then honest ones: the update arrives by Range. Without this the tests above prove too little."""
    u = Unit(b, "recovers")
    def cut_twice(handler, o, start):
        return send_less(handler, o, start) if o.lies < 2 else False
    u.refuses((offer(flip(b.good, 30000)), "image_checksum"))
    o = offer(b.good, send=cut_twice)
    u.device.offers = [o]
    u.run()
    expect(o.lies == 2 and o.outcomes == [("confirmed", "ok")], "%d lies, %s" % (o.lies, o.outcomes))
    expect(u.boots() == "ota_1", "the new image does not boot")
    return u


def attempt_case(function, bench):
    try:
        return function(bench).refusals, None
    except (Failed, subprocess.TimeoutExpired) as failure:
        return 0, str(failure)


def main(otaria, names):
    chosen = [c for c in CASES if not names or c.__name__ in names]
    expect(chosen, "there is no such case")
    failures = 0
    with tempfile.TemporaryDirectory(prefix="otaria-liar.") as directory:
        bench = Bench(otaria, directory)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            results = pool.map(lambda c: attempt_case(c, bench), chosen)
            for function, (count, failure) in zip(chosen, results):
                failures += failure is not None
                print("%-58s %s" % (function.__name__, failure or "%d refused" % count), flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
