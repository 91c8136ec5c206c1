"""Instructions that one blocking call takes, counted by callgrind: a figure that other work on the machine does not move.

    instructions.py [--write]

The difference between 2N and N calls, divided by N, so that what happens once is not counted. `--write` records the
figures in benches/instructions.json, against which tests/system/test_instructions.py holds them.
"""

import json
import re
import subprocess
import sys

import tools
from peers import Server

RECORD = tools.ROOT / "benches" / "instructions.json"
MARGIN = 1.10

# Mode, path, calls and slots of each figure.
FIGURES = {
    "schedule": ("schedule", "/callback", 300, 0),
    "availability of 1,000 slots": ("availability", "/slots/1000", 30, 1000),
}


def total(program, base, mode, path, count, extra):
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(program), base]
    done = subprocess.run(command, input=f"{mode} {path} {count} {extra}\n", capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise AssertionError(f"callgrind failed\n{done.stdout}\n{done.stderr}")
    return int(found[1])


def per_call(program, base, mode, path, count, extra):
    counted = [total(program, base, mode, path, calls, extra) for calls in [count, count * 2]]
    return round((counted[1] - counted[0]) / count)


def measure(program="subject"):
    """The figures of a program, by their names."""
    tools.build("server", program)
    with Server() as server:
        return {name: per_call(tools.BUILD / program, server.base, *what) for name, what in FIGURES.items()}


def toolchain():
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, cwd=tools.ROOT)
    return rustc.stdout.strip()


def grown(measured):
    """What has become too much, in words."""
    record = json.loads(RECORD.read_text())
    recorded = record["instructions"]
    return [
        f"{name}: {count:,} instructions a call, recorded are {recorded[name]:,} (with {record['toolchain']}, here is "
        f"{toolchain()}); if that is meant, record anew with: make bench-instructions"
        for name, count in measured.items()
        if count > recorded[name] * MARGIN
    ]


def main():
    measured = measure()
    for name, count in measured.items():
        print(f"{name}: {count:,} instructions a call")
    if "--write" in sys.argv:
        RECORD.write_text(json.dumps({"toolchain": toolchain(), "instructions": measured}, indent=2) + "\n")
        return 0
    wrong = grown(measured)
    print("\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
