#!/usr/bin/env python3
"""Compares the lists of this directory with the header, and adds what is new.

    update.py [--check]

With --check it adds nothing, and new names are errors too.
"""

import pathlib
import sys

ABI = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(ABI.parent / "tools"))
import header  # noqa: E402


def in_one_line(code):
    return " ".join(code.split())


def of_header(text=None):
    """The lists that the header stands for: of each file, lines without a version by name, and their versions."""
    items = header.items(text)
    now = ".".join(header.version().split(".")[:2])
    functions = {item.name: (item.since, in_one_line(item.code)) for item in items if item.kind == "function"}
    constants = {
        item.name: (now, f"{item.name} {item.value}")
        for item in items
        if item.kind == "constant" and item.name != "CBSVC_HEADER_VERSION"
    }
    return {"functions.txt": functions, "constants.txt": constants}


def name_in(line):
    """The name that a line of a list is about."""
    return line.split("(")[0].split()[-1].lstrip("*") if "(" in line else line.split()[0]


def recorded(path):
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    entries = (line.split(" ", 1) for line in lines)
    return {name_in(line): (since, line) for since, line in entries}


def differences(present, old):
    """What a linked program would notice."""
    found = []
    for name, (since, line) in old.items():
        if name not in present:
            found.append(f"{name} is gone")
        elif present[name][1] != line:
            found.append(f"{name} has changed: it was `{line}` and is `{present[name][1]}`")
        elif "(" in line and present[name][0] != since:
            found.append(f"{name} is since {since}, and its comment says {present[name][0]}")
    return found


def main():
    is_check = "--check" in sys.argv[1:]
    problems = []
    for file, present in of_header().items():
        path = ABI / file
        old = recorded(path)
        problems += differences(present, old)
        new = [name for name in present if name not in old]
        if is_check:
            problems += [f"{name} is new: run `make abi`" for name in new]
        elif new and not problems:
            entries = old | {name: present[name] for name in new}
            text = "".join(f"{since} {line}\n" for since, line in entries.values())
            path.write_text(text, encoding="utf-8")
    for problem in problems:
        print(f"abi: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
