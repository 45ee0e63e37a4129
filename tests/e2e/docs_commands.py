#!/usr/bin/env python3
"""Run every ```sh block of README.md and docs/*.md, as a reader would: per page, in order, in a fresh directory, with the built
programs on the PATH. A command that fails, fails the test. ```console blocks are not run (they need a fresh machine) and must not
hold a command of Otaria's own programs; they are listed. Every verb of `otaria help` must be run by some block or named in a test.

    docs_commands.py --bin BUILD [PAGE...]
"""
import argparse
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("otaria", "otariad", "otaria-sim")


def blocks(page):
    return re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def with_free_ports(script):
    """Pages name fixed ports, for people; two tests at a time must not meet on them."""
    for port in sorted(set(re.findall(r"127\.0\.0\.1:(\d{5})", script))):
        script = script.replace(f"127.0.0.1:{port}", f"127.0.0.1:{free_port()}")
    return script


def run_page(page, build):
    script = "".join(body for kind, body in blocks(page) if kind == "sh")
    if not script:
        return 0
    commands = sum(1 for line in script.splitlines() if line.strip() and not line.startswith("#"))
    env = dict(os.environ, OTARIA_SOURCE=str(SOURCE))
    env["PATH"] = ":".join(str(build / room) for room in ("cli", "server", "sim")) + ":" + env["PATH"]
    with tempfile.TemporaryDirectory(prefix="otaria-docs-") as home:
        env["OTARIA_CONFIG"] = str(pathlib.Path(home) / "login.json")
        shell = "set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + with_free_ports(script)
        done = subprocess.run(["bash", "-c", shell], cwd=home, env=env, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode != 0:
        print(done.stdout[-3000:], done.stderr[-3000:], sep="\n")
        sys.exit(f"{page.name}: exit {done.returncode}")
    return commands


def check_console(page):
    for kind, body in blocks(page):
        if kind != "console":
            continue
        for line in body.splitlines():
            if line.split(" ")[0] in PROGRAMS:
                sys.exit(f"{page.name}: `{line}` stands in a console block, which no test runs")
            print(f"not run, needs a fresh machine: {page.name}: {line}")


def check_verbs(pages, build):
    """Each verb is in some block that is run here, or in a test of tests/e2e."""
    listing = subprocess.run([str(build / "cli" / "otaria"), "help"], check=True, capture_output=True, text=True).stdout
    text = "".join(body for page in pages for kind, body in blocks(page) if kind == "sh")
    tests = "".join(f.read_text(encoding="utf-8") for f in (SOURCE / "tests" / "e2e").glob("test_*.c"))
    verbs = re.findall(r"^  otaria ([a-z]+ [a-z]+)(?= )", listing, re.M)
    assert len(verbs) > 25, listing
    for verb in verbs:
        noun, word = verb.split()
        if f"otaria {verb}" not in text and f"{noun} {word}" not in tests and not re.search(rf'"{noun}",\s*"{word}"', tests):
            sys.exit(f"otaria {verb}: no page and no test runs it")
    return len(verbs)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--bin", required=True, type=pathlib.Path)
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    build = args.bin.resolve()
    pages = args.pages or [SOURCE / "README.md", *sorted((SOURCE / "docs").rglob("*.md"))]
    total = 0
    for page in pages:
        check_console(page)
        total += run_page(page, build)
    print(f"{total} lines of commands run from {len(pages)} pages; {check_verbs(pages, build)} verbs, each run by a page or a test")


main()
