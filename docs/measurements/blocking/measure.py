"""Compares a blocking call of the library with reqwest::blocking: threads, fork, instructions and time.

    python3 docs/measurements/blocking/measure.py

Run `make library` before. It needs what `make bench` needs.
"""

import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent.parent
sys.path.insert(0, str(ROOT / "benches" / "compare"))

import instructions  # noqa: E402
import tools  # noqa: E402
from peers import CLIENT_CORE, Peer, Server, os  # noqa: E402

PATH, DEADLINE_MS, ROUNDS, CALLS = "/callback", 1000, 15, 2000

# What `threads` and `fork` of src/main.rs do, with the library.
LIBRARY = """
import json, os, sys
from callbackservice import Service
service = Service({"dataURL": sys.argv[1], "ajaxTimeout": int(sys.argv[2]), "proxy": "none"})
service.schedule(phonenumber="+14151110000")
threads = len(os.listdir("/proc/self/task"))
child = os.fork()
if child == 0:
    try:
        service.schedule(phonenumber="+14151110000")
        os._exit(0)
    except Exception:
        os._exit(1)
status = os.waitpid(child, 0)[1]
print(json.dumps({"threads": threads, "fork": "books" if status == 0 else "fails"}))
"""


def ask(program, base, mode, count):
    line = f"{mode} {PATH} {count} 0\n"
    done = subprocess.run([program, base], input=line, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def library(base):
    binding = {"CALLBACKSERVICE_LIBRARY": str(tools.LIBRARY), "PYTHONPATH": str(ROOT / "bindings" / "python")}
    command = [sys.executable, "-c", LIBRARY, base + PATH, str(DEADLINE_MS)]
    done = subprocess.run(command, env={**os.environ, **binding}, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def microseconds(programs, base):
    """The median over the rounds of the medians of each program, which take turns; server and client on one core."""
    os.sched_setaffinity(0, {CLIENT_CORE})
    rounds = []
    peers = [Peer([program], base) for program in programs]
    for _ in range(ROUNDS):
        rounds.append([peer.ask("schedule", PATH, CALLS)[0] / 1000 for peer in peers])
    return [sorted(column)[ROUNDS // 2] for column in zip(*rounds)]


def main():
    target = tools.BUILD / "blocking"
    build = ["cargo", "build", "--quiet", "--locked", "--release", "--manifest-path", HERE / "Cargo.toml"]
    subprocess.run([*build, "--target-dir", target], check=True)
    other = target / "release" / "measure-blocking"
    tools.build("server", "subject")
    own = tools.BUILD / "subject"
    with Server() as server:
        base = server.base
        ours = library(base)
        theirs = {**ask(other, base, "threads", 1), **ask(other, base, "fork", DEADLINE_MS)}
        counts = [instructions.per_call(program, base, "schedule", PATH, 300, 0) for program in [own, other]]
        times = microseconds([own, other], base)
    print("| one booking | library | reqwest::blocking |\n| --- | --- | --- |")
    print(f"| threads of the process after it | {ours['threads']} | {theirs['threads']} |")
    print(f"| in a forked child of a process that has booked | {ours['fork']} | {theirs['fork']} |")
    print(f"| instructions | {counts[0]:,} | {counts[1]:,} |")
    print(f"| time | {times[0]:.0f} µs | {times[1]:.0f} µs |")


if __name__ == "__main__":
    main()
