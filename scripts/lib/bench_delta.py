"""Patches of the corpus beside those of other codecs. Run by scripts/bench."""
import concurrent.futures
import csv
import json
import math
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys
import tempfile

# What a microcontroller can run in 32 KiB or less.
SMALL = ("esp_delta_ota", "esp_hdiffz", "espboot-ddelta-xz", "detools-crle", "janpatch")
SMALL_PATTERN = re.compile(r"detools-hs-.*|hpatchlite-.*-(4k|8k|16k|32k)$")
PROMISED = {  # at most
    "all": 0.20,
    "nightly + patch": 0.125,
    "esp_delta_ota": 0.13,
    "largest against any peer": 1.0,
    "decoder bytes with buffers": 32768,
    "stack bytes of the decoder": 1536,
    "seconds to make, median": 2.0,
    "MiB to make, median": 256,
    "reads a 64 bytes": 1.0,
    "reads a 64 bytes, worst pair": 1.0,
    "bytes a RSA block, key stays": 400,
    "bytes a RSA block, key changes": 800,
    "instructions a byte": 300,
    "instructions a byte, mean of the pairs": 300,
    "instructions a byte, worst pair": 300,
}


def is_small(peer):
    return peer in SMALL or SMALL_PATTERN.match(peer) is not None


def step_class(step):
    return "nightly + patch" if step in ("nightly", "patch") else "minor" if step.startswith("minor") else "major"


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True)


def instructions(bench, work, *files):
    """Of the decoder alone."""
    done = run("valgrind", "--tool=callgrind", f"--callgrind-out-file={work}/out", "--toggle-collect=ot_delta_feed",
               "--toggle-collect=ot_delta_finish", bench, "apply", *files)
    return int(re.search(r"Collected : (\d+)", done.stderr).group(1))


def measure(bench, corpus, pair, cost):
    old, new = corpus / pair / "old.bin", corpus / pair / "new.bin"
    with tempfile.TemporaryDirectory(prefix="otaria-bench-") as tmp:
        patch = pathlib.Path(tmp) / "patch"
        result = json.loads(run(bench, "make", old, new, patch).stdout)
        result["stack"] = json.loads(run(bench, "stack", old, patch).stdout)
        if cost:
            result["instructions"] = instructions(bench, tmp, old, patch) / result["target"]
            result["full"] = json.loads(run(bench, "full", new, patch).stdout)
            result["full"]["instructions"] = instructions(bench, tmp, patch) / result["target"]
    return result


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    return f"{re.search('model name.*: (.*)', text).group(1) if 'model name' in text else platform.machine()}, {os.cpu_count()} cores"


def cost_figures(ours, cost):
    """Over all bytes of all pairs, and of the pair where it is worst. Time is CPU time of this machine."""
    total = sum(o["target"] for o in ours)
    out = {
        "seconds to make, median": round(statistics.median(o["seconds"] for o in ours), 2),
        "seconds to make, most": round(max(o["seconds"] for o in ours), 2),
        "MiB to make, median": round(statistics.median(o["peak_kib"] for o in ours) / 1024),
        "reads a 64 bytes": round(sum(o["reads"] for o in ours) * 64 / total, 3),
        "reads a 64 bytes, worst pair": round(max(o["reads"] * 64 / o["target"] for o in ours), 3),
        "decoder bytes with buffers": ours[0]["decoder"],
        "stack bytes of the decoder": max(o["stack"] for o in ours),
    }
    if cost:
        out["instructions a byte"] = round(sum(o["instructions"] * o["target"] for o in ours) / total, 1)
        out["instructions a byte, mean of the pairs"] = round(statistics.mean(o["instructions"] for o in ours), 1)
        out["instructions a byte, median"] = round(statistics.median(o["instructions"] for o in ours), 1)
        out["instructions a byte, worst pair"] = round(max(o["instructions"] for o in ours), 1)
    return out


def mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values)) if values else float("nan")


def signatures(program, corpus, pairs, ours):
    """What signatures add to the patch of the smallest image: it is the same for all."""
    pair = min(pairs, key=lambda p: ours[p]["target"])
    return pair, json.loads(run(program, corpus / pair / "old.bin", corpus / pair / "new.bin").stdout)


def signature_figures(signed):
    """The most that a block adds."""
    def most(word):
        return round(max(c["more"] / c["blocks"] for c in signed["cases"] if "RSA" in c["name"] and word in c["name"]))

    return {"bytes a RSA block, key stays": most("stay"), "bytes a RSA block, key changes": most("change")}


def print_signatures(pair, signed):
    print(f"\n{'signed, ' + pair:44} {'patch':>7} {'more':>7}")
    for c in signed["cases"]:
        print(f"{c['name']:44} {signed['unsigned'] + c['more']:7} {c['more']:7}")


def print_full(pairs, ours, peers):
    """The new image of each pair by itself, without a base."""
    print(f"\n{'full image':44} {'plain':>10} {'ours':>7} {'%':>6} {'xz -9e':>7} {'%':>6}  reads  sec  MiB  instr")
    for pair in pairs:
        full, xz = ours[pair]["full"], peers[pair]["full-xz-9e"]
        plain = full["target"]
        print(f"{pair:44} {plain:10} {full['bytes']:7} {full['bytes'] / plain * 100:6.2f} {xz:7} {xz / plain * 100:6.2f} "
              f"{full['reads'] * 64 / plain:6.2f} {full['seconds']:4.1f} {full['peak_kib'] // 1024:4} {full['instructions']:6.0f}")


def full_figures(pairs, ours, peers):
    """Mean share of the plain image, and against xz -9e."""
    return {
        "full image, % of plain": round(statistics.mean(ours[p]["full"]["bytes"] / ours[p]["full"]["target"] for p in pairs) * 100, 1),
        "full image by xz -9e, %": round(statistics.mean(peers[p]["full-xz-9e"] / ours[p]["full"]["target"] for p in pairs) * 100, 1),
        "full image against xz -9e": round(mean([ours[p]["full"]["bytes"] / peers[p]["full-xz-9e"] for p in pairs]), 4),
    }


def main():
    programs, corpus = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    bench = programs / "delta_bench"
    quick, check, as_json = (flag in sys.argv[3:] for flag in ("--quick", "--check", "--json"))
    cost = not quick
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
    figures.update(cost_figures(list(ours.values()), cost))
    signed_pair, signed = signatures(programs / "signature_bench", corpus, pairs, ours)
    figures.update(signature_figures(signed))
    if cost:
        figures.update(full_figures(pairs, ours, peers))
    if as_json:
        print(json.dumps({"pairs": ours, "signatures": signed, "figures": figures}))
    else:
        print(f"{'pair':44} {'step':10} {'patch':>7} {'%':>6} {'small':>7} {'esp':>7} {'any':>7}  ratio  reads  sec  MiB" + ("  instr" if cost else ""))
        for pair, step, size, percent, small, esp, best in rows:
            o = ours[pair]
            print(f"{pair:44} {step:10} {size:7} {percent:6.2f} {small:7} {esp:7} {best:7}  {size / small:.3f} {o['reads'] * 64 / o['target']:6.2f} "
                  f"{o['seconds']:4.1f} {o['peak_kib'] // 1024:4}" + (f" {o['instructions']:6.0f}" if cost else ""))
        print_signatures(signed_pair, signed)
        if cost:
            print_full(pairs, ours, peers)
        print(f"\nsmall: the best of those that a microcontroller runs in 32 KiB; any: of any RAM; geometric means; {machine()}")
        for name, value in figures.items():
            limit = PROMISED.get(name)
            print(f"{name:40} {value}" + ("" if limit is None else f"  (promised {limit}{', MISSED' if value > limit else ''})"))
    missed = [name for name, limit in PROMISED.items() if figures.get(name, 0) > limit]
    if check and missed:
        sys.exit(f"bench: missed: {', '.join(missed)}")


main()
