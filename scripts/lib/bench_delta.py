"""Patches of the corpus beside those of other codecs. Run by scripts/bench."""
import concurrent.futures
import csv
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

# What a microcontroller can run in 32 KiB or less.
SMALL = ("esp_delta_ota", "esp_hdiffz", "espboot-ddelta-xz", "detools-crle", "janpatch")
SMALL_PATTERN = re.compile(r"detools-hs-.*|hpatchlite-.*-(4k|8k|16k|32k)$")
PROMISED = {"all": 0.20, "nightly + patch": 0.125, "esp_delta_ota": 0.13}


def is_small(peer):
    return peer in SMALL or SMALL_PATTERN.match(peer) is not None


def step_class(step):
    return "nightly + patch" if step in ("nightly", "patch") else "minor" if step.startswith("minor") else "major"


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)


def measure(bench, corpus, pair, cost):
    old, new = corpus / pair / "old.bin", corpus / pair / "new.bin"
    with tempfile.TemporaryDirectory(prefix="otaria-bench-") as tmp:
        patch = pathlib.Path(tmp) / "patch"
        result = json.loads(run(bench, "make", old, new, patch).stdout)
        if cost:
            done = run("valgrind", "--tool=callgrind", f"--callgrind-out-file={tmp}/out", "--toggle-collect=ot_delta_feed",
                       "--toggle-collect=ot_delta_finish", bench, "apply", old, patch)
            result["instructions"] = int(re.search(r"Collected : (\d+)", done.stderr).group(1)) / result["target"]
    return result


def mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else float("nan")


def main():
    bench, corpus = sys.argv[1], pathlib.Path(sys.argv[2])
    cost, check, as_json = (flag in sys.argv[3:] for flag in ("--cost", "--check", "--json"))
    peers = {row.pop("pair"): {k: int(v) for k, v in row.items()} for row in csv.DictReader(open(corpus / "PEERS.tsv"), delimiter="\t")}
    steps = {row["id"]: row["step"] for row in csv.DictReader(open(corpus / "MANIFEST.tsv"), delimiter="\t")}
    pairs = [p for p in peers if (corpus / p / "old.bin").exists()]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        ours = dict(zip(pairs, pool.map(lambda p: measure(bench, corpus, p, cost), pairs)))
    ratios = {name: [] for name in ("all", "nightly + patch", "minor", "major", "esp_delta_ota", "any RAM")}
    rows = []
    for pair in pairs:
        size, sizes = ours[pair]["bytes"], peers[pair]
        small = min(v for k, v in sizes.items() if is_small(k))
        best = min(v for k, v in sizes.items() if not k.startswith("full-"))
        ratios["all"].append(size / small)
        ratios[step_class(steps[pair])].append(size / small)
        ratios["esp_delta_ota"].append(size / sizes["esp_delta_ota"])
        ratios["any RAM"].append(size / best)
        rows.append((pair, steps[pair], size, size / ours[pair]["target"] * 100, small, sizes["esp_delta_ota"], best))
    figures = {name: round(mean(values), 4) for name, values in ratios.items()}
    figures["largest against any peer"] = round(max(ratios["any RAM"]), 3)
    figures["seconds to make, median"] = round(statistics.median(o["seconds"] for o in ours.values()), 2)
    figures["MiB to make, median"] = round(statistics.median(o["peak_kib"] for o in ours.values()) / 1024)
    figures["reads a 64 bytes, mean"] = round(statistics.mean(o["reads"] * 64 / o["target"] for o in ours.values()), 3)
    figures["decoder bytes with buffers"] = next(iter(ours.values()))["decoder"]
    if cost:
        figures["instructions a byte, mean"] = round(statistics.mean(o["instructions"] for o in ours.values()), 1)
        figures["instructions a byte, median"] = round(statistics.median(o["instructions"] for o in ours.values()), 1)
    if as_json:
        print(json.dumps({"pairs": ours, "figures": figures}))
    else:
        print(f"{'pair':44} {'step':10} {'patch':>7} {'%':>6} {'small':>7} {'esp':>7} {'any':>7}  ratio" + ("  instr" if cost else ""))
        for pair, step, size, percent, small, esp, best in rows:
            print(f"{pair:44} {step:10} {size:7} {percent:6.2f} {small:7} {esp:7} {best:7}  {size / small:.4f}" +
                  (f"  {ours[pair]['instructions']:.0f}" if cost else ""))
        for name, value in figures.items():
            print(f"{name:32} {value}")
    missed = [name for name, limit in PROMISED.items() if figures[name] > limit]
    missed += ["largest against any peer"] * (figures["largest against any peer"] > 1)
    missed += ["decoder bytes with buffers"] * (figures["decoder bytes with buffers"] > 32768)
    if check and missed:
        sys.exit(f"bench: missed: {', '.join(missed)}")


main()
