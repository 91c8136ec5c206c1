"""Compares a blocking call of the library with reqwest::blocking: threads, fork, instructions and time.

    python3 docs/measurements/blocking/measure.py

Run `make library` before. It needs a C compiler, cargo and valgrind.
"""

import json
import os
import pathlib
import re
import statistics
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
BUILD = ROOT / "build" / "blocking"
PATH, DEADLINE_MS, CALLS, ROUNDS = "/callback", 1000, 2000, 15
# Of calls that callgrind counts.
COUNTED = 300


def build():
    """The server of the benchmarks, the client that uses the library, and the one that uses reqwest::blocking."""
    BUILD.mkdir(parents=True, exist_ok=True)
    [release] = [path for path in [ROOT / "build/release", ROOT / "target/release"] if path.exists()][:1]
    server, library = BUILD / "server", BUILD / "library"
    subprocess.run(["cc", "-O2", "-o", server, ROOT / "benches/compare/server.c"], check=True)
    link = [f"-I{ROOT / 'include'}", f"-L{release}", "-lcallbackservice", f"-Wl,-rpath,{release}"]
    subprocess.run(["cc", "-O2", "-o", library, HERE / "library.c", *link], check=True)
    cargo = ["cargo", "build", "--quiet", "--locked", "--release", "--manifest-path", HERE / "Cargo.toml"]
    subprocess.run([*cargo, "--target-dir", BUILD / "target"], check=True)
    return server, [library, BUILD / "target/release/measure-blocking"]


def ask(program, base, mode, count, rounds=1):
    """What a client answers to as many requests."""
    lines = f"{mode} {PATH} {count} 0\n" * rounds
    done = subprocess.run([program, base], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def instructions(program, base):
    """Those of 2N calls less those of N calls, so that what happens once is not counted."""
    totals = []
    for count in [COUNTED, 2 * COUNTED]:
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", program, base]
        line = f"schedule {PATH} {count} 0\n"
        done = subprocess.run(command, input=line, capture_output=True, text=True, check=True)
        totals.append(int(re.search(r"Collected : (\d+)", done.stderr)[1]))
    return round((totals[1] - totals[0]) / COUNTED)


def microseconds(program, base):
    answers = ask(program, base, "schedule", CALLS, ROUNDS)
    return statistics.median(statistics.median(answer["nanoseconds"]) for answer in answers) / 1000


def main():
    server, clients = build()
    # Client and server take turns on one core.
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    running = subprocess.Popen([server], stdout=subprocess.PIPE, text=True)
    try:
        base = running.stdout.readline().strip().removeprefix("listening on ")
        rows = [
            ("threads of the process after it", [ask(client, base, "threads", 1)[0]["threads"] for client in clients]),
            (
                "in a forked child of a process that has booked",
                [ask(client, base, "fork", DEADLINE_MS)[0]["fork"] for client in clients],
            ),
            ("instructions", [f"{instructions(client, base):,}" for client in clients]),
            ("time", [f"{microseconds(client, base):.0f} µs" for client in clients]),
        ]
    finally:
        running.kill()
        running.wait()
        running.stdout.close()
    print("| one booking | library | reqwest::blocking |\n| --- | --- | --- |")
    for name, (ours, theirs) in rows:
        print(f"| {name} | {ours} | {theirs} |")


if __name__ == "__main__":
    main()
