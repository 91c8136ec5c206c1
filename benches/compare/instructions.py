"""Instructions per blocking call, counted by callgrind. Load on the machine does not change them.

    instructions.py [--write]

The count is the difference between runs of 2N and N calls, divided by N: it excludes initialisation.
`--write` records the counts in benches/instructions.json, with which
tests/system/test_instructions.py compares later ones.
"""

import json
import os
import re
import subprocess
import sys

import tools
from clients import Program
from servers import Server

RECORD = tools.ROOT / "benches" / "instructions.json"
MARGIN = 1.10

# Mode, path, calls and slots of each command.
COMMANDS = {
    "schedule": ("schedule", "/callback", 300, 0),
    "availability of 1,000 slots": ("availability", "/v1/1000", 30, 1000),
    "availability of 1,000 slots, v3": ("availability", "/v3/1000", 30, 1000),
}


def total(program, base_url, mode, path, count, extra):
    """The instructions of a whole run of a client."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *program.command, base_url]
    done = subprocess.run([str(word) for word in command], input=f"{mode} {path} {count} {extra}\n", capture_output=True,
                          text=True, env={**os.environ, **program.environment})
    found = re.search(r"Collected : (\d+)", done.stderr)
    if done.returncode or not found:
        raise AssertionError(f"callgrind failed\n{done.stdout}\n{done.stderr}")
    return int(found[1])


def per_call(program, base_url, mode, path, count, extra):
    once, twice = (total(program, base_url, mode, path, calls, extra) for calls in [count, count * 2])
    return round((twice - once) / count)


def measure(program=None):
    """The counts of a client, by default of the library, keyed by the command."""
    if program is None:
        tools.build("client_callbackservice")
        program = Program([tools.BUILD / "client_callbackservice"])
    tools.build("server")
    with Server() as server:
        return {name: per_call(program, server.base_url, *command) for name, command in COMMANDS.items()}


def toolchain():
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, cwd=tools.ROOT)
    return rustc.stdout.strip()


def regressions(measured):
    """A message for each count that exceeds the recorded one by more than the margin."""
    record = json.loads(RECORD.read_text())
    recorded = record["instructions"]
    return [
        f"{name}: {count:,} instructions per call, recorded: {recorded[name]:,} (with {record['toolchain']}, this is "
        f"{toolchain()}); if this is intended, record it with: make bench-instructions"
        for name, count in measured.items()
        if count > recorded[name] * MARGIN
    ]


def main():
    measured = measure()
    for name, count in measured.items():
        print(f"{name}: {count:,} instructions per call")
    if "--write" in sys.argv:
        RECORD.write_text(json.dumps({"toolchain": toolchain(), "instructions": measured}, indent=2) + "\n")
        return 0
    messages = regressions(measured)
    print("\n".join(messages))
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main())
