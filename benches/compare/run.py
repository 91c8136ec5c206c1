"""Compares the library with what a program would otherwise be written with, side by side in one run.

    run.py [--quick] [--write]

It prints one table with ratios against budgets and fails when a budget is not met. `--write` puts table, machine and
versions into docs/benchmarks.md; `--quick` runs few rounds, for trying.
"""

import contextlib
import os
import pathlib
import platform
import re
import statistics
import subprocess
import sys

import instructions
import sandbox
import tools
from peers import CLIENT_CORE, CORES, SERVER_CORE, Peer, Server, TlsServer

QUICK = "--quick" in sys.argv
DOCUMENT = tools.ROOT / "docs" / "benchmarks.md"
CALL, THREADS, STARTED, CONNECTIONS = "/callback", 8, 10_000, 100
MOST_SIZE = 3.5
HEAD = ["| row | library | peer | ratio | spread | budget | |", "| --- | --- | --- | --- | --- | --- | --- |"]


def duration(nanoseconds):
    for unit, size in [("s", 1e9), ("ms", 1e6), ("µs", 1e3)]:
        if nanoseconds >= size:
            return f"{nanoseconds / size:.1f} {unit}"
    return f"{nanoseconds:.0f} ns"


def per_second(calls):
    return lambda nanoseconds: f"{calls / nanoseconds * 1e9:,.0f}/s"


class Table:
    def __init__(self):
        self.lines, self.missed = [], []

    def add(self, name, ours, theirs, ratio, spread, budget, met):
        word = "" if met is None else "yes" if met else "**no**"
        self.lines.append(f"| {name} | {ours} | {theirs} | {ratio} | {spread} | {budget} | {word} |")
        print(self.lines[-1], flush=True)
        if met is False:
            self.missed.append(name)

    def compare(self, name, rounds, at_most=None, at_least=None, more=False, show=duration):
        """A row from rounds, each a pair of times: the library's and the peer's. `more`: more of it is better."""
        ours, theirs = (statistics.median(side) for side in zip(*rounds))

        def ratio_of(one, other):
            return other / one if more else one / other

        ratio = ratio_of(ours, theirs)
        each = [ratio_of(*pair) for pair in rounds]
        budget, met = "", None
        if at_most or at_least:
            budget = f"≥ {at_least}" if more else f"≤ {at_most}"
            met = ratio >= at_least if more else ratio <= at_most
        self.add(name, show(ours), show(theirs), f"{ratio:.2f}", f"{min(each):.2f}–{max(each):.2f}", budget, met)


def interleaved(peers, rounds, mode, path, count, extra=0):
    """For each peer the medians of its rounds. The peers take turns, and the first turn too, so that drift meets all."""
    for peer in peers:
        peer.ask(mode, path, max(count // 10, extra if mode == "threads" else 1), extra)
    times = [[] for _ in peers]
    for turn in range(3 if QUICK else rounds):
        order = list(range(len(peers)))
        for index in order if turn % 2 == 0 else reversed(order):
            times[index].append(peers[index].ask(mode, path, count, extra)[0])
    return times


def pairs(ours, theirs):
    return list(zip(ours, theirs))


def plain_rows(table, subject, curl, raw):
    ours, with_curl, bare = interleaved([subject, curl, raw], 15, "schedule", CALL, 3000)
    table.compare("schedule, against libcurl + cJSON", pairs(ours, with_curl), at_most=1.0)
    table.compare("schedule, against a raw socket", pairs(ours, bare), at_most=2.2)
    cost = {}
    for slots, count in [(10, 2000), (1000, 300), (100_000, 5)]:
        ours, theirs = interleaved([subject, curl], 11, "availability", f"/slots/{slots}", count, slots)
        table.compare(f"availability, {slots:,} slots", pairs(ours, theirs), at_most=1.0)
        cost[slots] = statistics.median(ours)
    for slots, count in [(1000, 200), (100_000, 5)]:
        ours, theirs = interleaved([subject, curl], 11, "availability", f"/listed/{slots}", count, slots)
        table.compare(f"availability, {slots:,} slots over v3", pairs(ours, theirs), at_most=1.0)
    small, large = (cost[1000] - cost[10]) / 990, (cost[100_000] - cost[1000]) / 99_000
    table.add("cost of a further slot: of 100,000, against of 1,000", f"{large:.0f} ns", f"{small:.0f} ns",
              f"{large / small:.2f}", "", "≤ 1.5", large / small <= 1.5)


def one_core_rows(table, commands, base):
    """Without the time that it takes to wake another core, which is the same for all peers and hides differences."""
    with contextlib.ExitStack() as stack:
        peers = [stack.enter_context(Peer(command, base, cores=[SERVER_CORE])) for command in commands]
        ours, with_curl, bare = interleaved(peers, 15, "schedule", CALL, 3000)
    table.compare("schedule, server on the same core, against libcurl + cJSON", pairs(ours, with_curl))
    table.compare("schedule, server on the same core, against a raw socket", pairs(ours, bare))


def thread_rows(table, commands, base):
    calls, name = 24_000, f"{THREADS} threads: calls a second, one service against {THREADS} handles"
    for cores, where, least in [(CORES, "on all cores", 1.2), ([CLIENT_CORE], "on one core", 1.2)]:
        with contextlib.ExitStack() as stack:
            peers = [stack.enter_context(Peer(command, base, cores=cores)) for command in commands]
            times = interleaved(peers, 15, "threads", CALL, calls, THREADS)
        table.compare(f"{name}, {where}", pairs(*times), at_least=least, more=True, show=per_second(calls))


def started_rows(table, subject, curl):
    name = f"{STARTED:,} started calls, {CONNECTIONS} connections: calls a second, against"
    for mode, peer, least in [
        ("started", "the multi interface with as many handles", 1.0),
        ("queued", f"the multi interface with {CONNECTIONS} handles that take turns", 1.0),
    ]:
        times = interleaved([subject, curl], 7, mode, CALL, STARTED, CONNECTIONS)
        table.compare(f"{name} {peer}", pairs(*times), at_least=least, more=True, show=per_second(STARTED))


def memory_row(table, commands, base):
    """In processes of their own: a second round would find the memory of the first."""
    grown = []
    for command in commands:
        with Peer(command, base) as peer:
            grown.append(peer.ask("started", CALL, STARTED, CONNECTIONS)[1] / STARTED)
    table.add("memory of a call in flight", f"{grown[0]:,.0f} bytes", f"{grown[1]:,.0f} bytes",
              f"{grown[0] / grown[1]:.2f}", "", "", None)


def tls_rows(table, commands):
    with TlsServer() as server, contextlib.ExitStack() as stack:
        first = []
        for _ in range(3 if QUICK else 21):
            pair = []
            for command in commands:
                with Peer(command, server.base, server.environment) as peer:
                    pair.append(peer.ask("first", CALL, 1)[0])
            first.append(pair)
        table.compare("TLS: first call of a process, initialisation included", first, at_most=1.0)
        peers = [stack.enter_context(Peer(command, server.base, server.environment)) for command in commands]
        table.compare("TLS: first call of a further service or handle", pairs(*interleaved(peers, 11, "first", CALL, 20)))
        table.compare("TLS: kept-alive call", pairs(*interleaved(peers, 15, "schedule", CALL, 2000)), at_most=1.0)


def script_rows(table, base):
    binding = {"CALLBACKSERVICE_LIBRARY": str(tools.LIBRARY), "PYTHONPATH": str(tools.ROOT / "bindings" / "python")}
    own = [tools.PYTHON, tools.HERE / "subject_ctypes.py"]
    scripts = {
        "requests": [tools.PYTHON, tools.HERE / "peer_requests.py"],
        "httpx": [tools.PYTHON, tools.HERE / "peer_httpx.py"],
        "Node's fetch": ["node", tools.HERE / "peer_fetch.mjs"],
    }
    for cores, where in [([CLIENT_CORE], ""), ([SERVER_CORE], ", server on the same core")]:
        with contextlib.ExitStack() as stack:
            subject = stack.enter_context(Peer(own, base, binding, cores=cores))
            peers = [stack.enter_context(Peer(command, base, cores=cores)) for command in scripts.values()]
            ours, *others = interleaved([subject, *peers], 9, "schedule", CALL, 500)
        for name, theirs in zip(scripts, others):
            row = f"Python: schedule through ctypes{where}, against {name}"
            table.compare(row, pairs(ours, theirs), at_most=0.2 if name == "requests" else None)


def load_row(table, base):
    with contextlib.ExitStack() as stack:
        peers = []
        for library in [str(tools.LIBRARY), "libcurl.so.4"]:
            names = {"LAUNCH_PROGRAM": str(tools.BUILD / "load"), "LAUNCH_LIBRARY": library}
            peers.append(stack.enter_context(Peer([tools.BUILD / "launch"], base, names)))
        times = interleaved(peers, 11, "schedule", CALL, 20)
    table.compare("a process that loads, initialises and books once, against libcurl + cJSON", pairs(*times), at_most=1.0)


def size_row(table):
    stripped = tools.BUILD / "stripped.so"
    subprocess.run(["strip", "--strip-unneeded", "-o", stripped, tools.LIBRARY], check=True)
    size = stripped.stat().st_size / (1 << 20)
    dynamic = subprocess.run(["readelf", "-d", tools.LIBRARY], capture_output=True, text=True, check=True).stdout
    linked = re.findall(r"NEEDED.*\[(.*)\]", dynamic)
    beyond = [name for name in linked if not re.match(r"(libc|ld-linux.*|libm|libpthread|libdl|librt)\.so", name)]
    table.add("the stripped shared object", f"{size:.2f} MiB", "", "", "", f"≤ {MOST_SIZE} MiB", size <= MOST_SIZE)
    table.add("what it links to beyond libc", ", ".join(beyond) or "nothing", "", "", "", "", None)


def instruction_rows(table):
    ours, theirs = instructions.measure(), instructions.measure("peer_curl")
    for name, count in ours.items():
        table.add(f"instructions of a blocking call: {name}", f"{count:,}", f"{theirs[name]:,}",
                  f"{count / theirs[name]:.2f}", "", "", None)


def first_line(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    return ((done.stdout or done.stderr).strip().splitlines() or ["?"])[0]


def versions():
    packages = tools.NEEDS.keys() & {"libcurl4-openssl-dev", "libcjson-dev", "nginx-light", "valgrind", "wrk"}
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    library = re.search(r'^version = "(.*)"', (tools.ROOT / "Cargo.toml").read_text(), re.M)[1]
    modules = [line.split(";")[0] for line in (tools.HERE / "requirements.txt").read_text().split()]
    return [
        f"- Machine: {model[1] if model else platform.machine()}, {os.cpu_count()} cores, kernel {platform.release()}",
        f"- Library {library}, {instructions.toolchain()}; {first_line('cc', '--version')}",
        "- Debian packages: " + ", ".join(
            first_line("dpkg-query", "-W", "-f", "${Package} ${Version}", package) for package in sorted(packages)),
        f"- {first_line('openssl', 'version')}; Node {first_line('node', '--version')}; "
        f"{first_line(tools.PYTHON, '--version')} with {', '.join(modules)}",
        f"- Clients on core {CLIENT_CORE}, servers on core {SERVER_CORE}",
    ]


def write(table):
    before, rest = DOCUMENT.read_text().split("<!-- begin -->\n")
    after = rest.split("<!-- end -->")[1]
    generated = "\n".join([*versions(), "", *HEAD, *table.lines])
    DOCUMENT.write_text(f"{before}<!-- begin -->\n{generated}\n<!-- end -->{after}")


def main():
    tools.install()
    programs = tools.build("subject", "peer_curl", "peer_socket", "server", "launch", "load")
    subject, curl, raw = ([program] for program in programs[:3])
    table = Table()
    print("\n".join(HEAD), flush=True)
    with Server() as server:
        with Peer(subject, server.base) as ours, Peer(curl, server.base) as theirs, Peer(raw, server.base) as bare:
            plain_rows(table, ours, theirs, bare)
            started_rows(table, ours, theirs)
        one_core_rows(table, [subject, curl, raw], server.base)
        thread_rows(table, [subject, curl], server.base)
        memory_row(table, [subject, curl], server.base)
        load_row(table, server.base)
        script_rows(table, server.base)
    tls_rows(table, [subject, curl])
    size_row(table)
    instruction_rows(table)
    sandbox.add_rows(table, 1 if QUICK else 5)
    if "--write" in sys.argv:
        write(table)
    print(f"budgets not met: {'; '.join(table.missed)}" if table.missed else "every budget is met")
    return 1 if table.missed else 0


if __name__ == "__main__":
    sys.exit(main())
