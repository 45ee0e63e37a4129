"""Called by scripts/coverage: branch coverage from gcovr's JSON, and whether docs/coverage.md has a reason for what is left.

coverage.py REPORT PAGE WANTED [--lines]
"""
import json
import pathlib
import re
import sys

report, page, wanted = json.loads(pathlib.Path(sys.argv[1]).read_text()), pathlib.Path(sys.argv[2]), float(sys.argv[3])
with_lines = "--lines" in sys.argv[4:]


def reasons():
    """{(file name, function)} out of the first cells of the page's table: `boot.c: walk, decide`."""
    cells = [row.split("|")[1] for row in page.read_text().splitlines() if row.startswith("| `")]
    found = re.findall(r"`(\w+\.c): ([\w, ]+)`", " ".join(cells))
    return {(name, function) for name, functions in found for function in functions.split(", ")}


def missed_lines(entry):
    """(line, function, branches not taken) of a file; the function is the one that begins last before the line."""
    starts = sorted((f["lineno"], f["name"]) for f in entry["functions"])
    for line in entry["lines"]:
        missed = sum(b["count"] == 0 for b in line["branches"])
        if missed:
            yield line["line_number"], [n for at, n in starts if at <= line["line_number"]][-1], missed


taken = total = 0
left = {}
for entry in sorted(report["files"], key=lambda e: e["file"]):
    source = pathlib.Path(entry["file"]).read_text().splitlines()
    branches = [b for line in entry["lines"] for b in line["branches"]]
    file_taken = sum(b["count"] > 0 for b in branches)
    taken, total = taken + file_taken, total + len(branches)
    print(f"{entry['file']:28}{file_taken:6} of {len(branches):4}")
    for number, function, missed in missed_lines(entry):
        place = (pathlib.Path(entry["file"]).name, function)
        left[place] = left.get(place, 0) + missed
        if with_lines:
            print(f"    {number:4} {function}: {missed} not taken: {source[number - 1].strip()}")

if total == 0:
    sys.exit("coverage: no branches at all: nothing was measured")
percent = 100 * taken / total
print(f"branches: {taken} of {total}, {percent:.1f} %, wanted {wanted:g} %")
known = reasons()
for name, function in sorted(set(left) - known):
    print(f"{page}: no reason for {name}: {function} ({left[name, function]} branches; scripts/coverage --lines)")
for name, function in sorted(known - set(left)):
    print(f"note: {page} has a reason for {name}: {function}, of which nothing is left")
sys.exit(percent < wanted or bool(set(left) - known))
