"""Operators who work at the same time on the same rollouts, and a record of what each was answered.

Every action carries a word of its own (`op-2-17`) into the audit log: as reason, tag, version or token. So the log tells
what was really done, and in which order.
"""
import collections
import http.client
import random
import threading
import time

from operator_api import OperatorApi, Refused

NO_ANSWER = (OSError, http.client.HTTPException)
GO_ON = ("start", "resume", "widen")
STOP = ("pause", "abort")
ANSWERED, REFUSED, LOST = "answered", "refused", "lost"

# One action: monotonic times of request and reply (of a lost one: never), and what became of it.
Op = collections.namedtuple("Op", "word kind product rollout asked_at answered_at outcome reply")


class Operator(threading.Thread):
    def __init__(self, number, run, products, seed):
        super().__init__(daemon=True)
        self.number, self.run_of, self.products = number, run, products
        self.random = random.Random(f"{seed} operator {number}")
        self.api = OperatorApi(run.operator_url, run.ca, run.admin_token)
        self.ops, self.reads, self.rollouts, self.my_tags = [], [], {p: [] for p in products}, {}
        self.error = None
        self.stopping = threading.Event()

    def act(self, kind, product, path, body, rollout=None, method="POST", raw=None):
        word = f"op-{self.number}-{len(self.ops) + 1}"
        asked_at, outcome, reply = time.monotonic(), ANSWERED, None
        try:
            reply = self.api.call(method, path, body(word) if body else None, raw)
        except Refused as refused:
            outcome = REFUSED
            if refused.status not in (400, 409, 422, 503):
                self.error = str(refused)
        except NO_ANSWER:
            outcome = LOST
            self.stopping.wait(0.1)
        answered_at = time.monotonic() if outcome != LOST else float("inf")
        self.ops.append(Op(word, kind, product, rollout, asked_at, answered_at, outcome, reply))
        return reply

    # --- what they do ---

    def create(self, product):
        versions = self.run_of.pushed[product]
        plan = {"release": self.random.choice(versions[-3:]), "rings": self.random.choice([["rest"], ["30%", "rest"],
                                                                                       ["20%", "30%", "rest"]]),
                "in_flight": self.random.randint(1, 5), "soak_s": self.random.choice([0, 0, 1]),
                "max_failure_percent": self.random.choice([100, 100, 30]), "quorum_percent": 60,
                "lease_s": self.random.choice([1, 30]), "stale_after_s": self.random.choice([5, 60]),
                "supersede": self.random.random() < 0.7}
        made = self.act("create", product, f"/api/v1/products/{product}/rollouts", lambda word: plan | {"override": word})
        if made:
            self.rollouts[product].append(made["id"])
            self.work_on("start", product, made["id"])

    def work_on(self, kind, product, rollout):
        self.act(kind, product, f"/api/v1/rollouts/{rollout}/{kind}", lambda word: {"reason": word}, rollout)

    def tag(self, product):
        names = self.run_of.device_names(product)
        if not names:
            return
        device = self.random.choice(names)
        old = self.my_tags.get(device)
        reply = self.act("tag", product, f"/api/v1/products/{product}/devices/{device}/tags",
                         lambda word: {"add": [word], "remove": [old] if old else []})
        if reply:
            self.my_tags[device] = self.ops[-1].word
        elif self.ops[-1].outcome == LOST:
            self.my_tags.pop(device, None)

    def token(self, product):
        self.act("token", product, "/api/v1/tokens", lambda word: {"role": "viewer", "product": product})

    def push(self, product):
        version, image = self.run_of.next_image(product)
        if version is None:
            return
        if self.act("push", product, f"/api/v1/products/{product}/releases", None, raw=image):
            self.ops[-1] = self.ops[-1]._replace(word=version)
            self.run_of.pushed[product].append(version)
        else:
            self.run_of.give_back(product, version, image)

    def look(self, product):
        """What is seen, is there: a state with its reason may not be taken back."""
        rollout = self.newest(product)
        if rollout is None:
            return
        asked_at = time.monotonic()
        try:
            shown = self.api.call("GET", f"/api/v1/rollouts/{rollout}")
        except NO_ANSWER:
            self.stopping.wait(0.1)
            return
        self.reads.append((rollout, shown["state"], shown["reason"], asked_at, time.monotonic()))
        for ring in shown["rings"]:
            if ring["bound"] is not None and ring["in_flight"] > ring["bound"]:
                self.error = f"rollout {rollout} ring {ring['name']}: {ring['in_flight']} in flight, bound {ring['bound']}"

    def newest(self, product):
        known = [int(r) for o in self.run_of.operators for r in o.rollouts[product]]
        return max(known, default=None)

    def one(self):
        product = self.random.choice(self.products)
        kind = self.random.choices(["create", "pause", "resume", "widen", "retry", "abort", "tag", "token", "push", "look"],
                                   [4, 10, 24, 6, 6, 2, 12, 2, 2, 25])[0]
        rollout = self.newest(product)
        if kind in ("pause", "resume", "widen", "retry", "abort"):
            if rollout is not None:
                self.work_on(kind, product, rollout)
        else:
            getattr(self, kind)(product)
        if rollout is None:
            self.create(product)

    def run(self):
        while not self.stopping.wait(self.random.uniform(0.01, 0.12)) and self.error is None:
            try:
                self.one()
            except Exception as error:  # pylint: disable=broad-except
                self.error = repr(error)


# --- what the record proves ---

def reason_of(action, detail):
    """The reason in "running -> paused: op-2-17"; of other entries, what they say."""
    return detail.split(": ", 1)[1] if action.startswith("rollout.") and " -> " in detail and ": " in detail else detail


def check_audit(ops, entries, demand):
    """Each action that was answered stands in the audit log once, one that was refused does not, and the order of the
    log is one in which they can have happened. `entries`: (seq, action, object, detail)."""
    told = collections.defaultdict(list)
    for seq, action, thing, detail in entries:
        told[(action, {"token.create": thing, "release.push": f"{thing} {detail}"}.get(action, detail))].append(seq)
    placed = []
    for op in ops:
        key = audit_key(op)
        if key is None:
            continue
        found = told.get(key, [])
        demand(len(found) <= 1, f"{op.word} {op.kind}: {len(found)} entries in the audit log")
        demand(op.outcome != ANSWERED or len(found) == 1, f"{op.word} {op.kind}: answered, and not in the audit log")
        demand(op.outcome != REFUSED or not found, f"{op.word} {op.kind}: refused, and in the audit log all the same")
        if found and op.kind != "push":  # a push that was lost and done, and is sent again, is answered: it is there
            placed.append((found[0], op))
    placed.sort(key=lambda p: p[0])
    latest = 0.0, None  # of those before: who was asked last
    for seq, op in placed:
        demand(op.answered_at >= latest[0], f"audit entry {seq} ({op.word}) stands behind {latest[1]}, which was asked "
                                            f"only after {op.word} had been answered")
        latest = max(latest, (op.asked_at, op.word))
    return len(placed)


def audit_key(op):
    if op.kind == "create":
        return "rollout.override", op.word
    if op.kind == "tag":
        return "device.tag", op.word
    if op.kind == "push":
        return ("release.push", f"{op.product} {op.word}") if op.outcome == ANSWERED else None
    if op.kind == "token":
        return ("token.create", op.reply["id"]) if op.outcome == ANSWERED else None
    return f"rollout.{op.kind}", op.word


def check_pauses(ops, offers, reads, rollout_of, demand):
    """No offer, and no sight of a running rollout, between the answer to a pause or an abort and the next attempt to go
    on. `offers`: (attempt, asked_at, answered_at)."""
    stops, going_on = collections.defaultdict(list), collections.defaultdict(list)
    for op in ops:
        if op.kind in STOP and op.outcome == ANSWERED:
            stops[op.rollout].append(op)
        if op.kind in GO_ON and op.outcome != REFUSED:
            going_on[op.rollout].append(op)

    def stopped_by(rollout, asked_at, answered_at):
        for stop in stops[rollout]:
            if stop.answered_at < asked_at and all(g.answered_at < stop.asked_at or g.asked_at > answered_at
                                                   for g in going_on[rollout]):
                return stop
        return None

    judged = 0
    for attempt, asked_at, answered_at in offers:
        rollout = rollout_of.get(attempt)
        if rollout is None:
            continue
        judged += 1
        stop = stopped_by(rollout, asked_at, answered_at)
        demand(stop is None, f"{attempt} of rollout {rollout} was offered after the answer to {stop and stop.word}")
    for rollout, state, _, asked_at, answered_at in reads:
        if state == "running":
            stop = stopped_by(rollout, asked_at, answered_at)
            demand(stop is None, f"rollout {rollout} was seen running after the answer to {stop and stop.word}")
    return judged
