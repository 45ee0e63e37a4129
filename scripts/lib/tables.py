"""Called by scripts/tables: put tables from the code into the documents, or check that they are there."""
import pathlib
import re
import subprocess
import sys

PAGES = {
    "docs/design/agent.md": ["agent-table"],
    "docs/design/rollout.md": ["attempt-table", "rollout-table", "ring-table"],
    "docs/testing.md": ["scenario-table"],
    "docs/formats.md": ["boot-rules", "boot-rows"],
    "docs/gates.md": ["gates-ring", "gates-rules", "gates-rollouts", "gates-ends"],
}
mode, build = sys.argv[1], pathlib.Path(sys.argv[2])


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def put(text, name, table):
    pattern = re.compile(rf"(<!-- begin: {name} -->\n).*?(<!-- end -->)", re.S)
    if not pattern.search(text):
        sys.exit(f"tables: no place for {name}")
    return pattern.sub(lambda m: m.group(1) + table + m.group(2), text)


def table(name):
    if name.startswith("gates-"):
        return run(str(build / "tests" / "bench" / "gates" / "gates"), "--table", name.removeprefix("gates-"))
    return run(str(build / "tests" / "support" / "print_tables"), name)


def reference():
    """docs/cli.md behind its hand-written head: every command's own help."""
    otaria = str(build / "cli" / "otaria")
    verbs = re.findall(r"^  otaria ([a-z]+(?: [a-z]+)?)(?= |$)", run(otaria, "help"), re.M)
    out = ""
    for verb in verbs:
        words = verb.split()
        try:
            text = run(otaria, *words, "--help")
        except subprocess.CalledProcessError:
            words = words[:1]
            text = run(otaria, *words, "--help")
        out += f"### otaria {' '.join(words)}\n\n```\n{text.strip()}\n```\n\n"
    return out


stale = []
pages = {page: pathlib.Path(page).read_text() for page in PAGES}
for page, names in PAGES.items():
    text = pages[page]
    for name in names:
        text = put(text, name, table(name))
    pages[page] = text
cli = pathlib.Path("docs/cli.md")
pages["docs/cli.md"] = put(cli.read_text(), "commands", reference())
for page, text in pages.items():
    if pathlib.Path(page).read_text() != text:
        stale.append(page)
        if mode == "--write":
            pathlib.Path(page).write_text(text)
if mode == "--check" and stale:
    sys.exit(f"tables: {' '.join(stale)}: not what the code says; run scripts/tables --write")
print(f"tables: {len(pages)} pages {'written' if mode == '--write' else 'are what the code says'}")
