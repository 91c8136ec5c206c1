"""The rows over plain HTTP, and those without a server."""

import contextlib
import dataclasses
import json
import re
import statistics
import subprocess
import urllib.request

import instructions
import tools
from clients import CLIENT_CORE, CORES, SERVER_CORE, Client, Program, interleave, open_clients, start
from report import Report, duration, plain

CALL, THREADS, CALLS, CONNECTIONS = "/callback", 8, 10_000, 100
MAX_SIZE_MIB = 4.5


@dataclasses.dataclass
class Bench:
    """What every row needs."""

    report: Report
    # How to start the C clients: `library`, perhaps `baseline`, and the others.
    programs: dict
    # Another shared object of the library.
    baseline: object
    quick: bool
    base_url: str = ""

    def select(self, *others):
        """The programs of the library, the baseline if there is one, and the named others."""
        return {name: self.programs[name] for name in ["library", "baseline", *others] if name in self.programs}

    def rounds(self, number):
        return 3 if self.quick else number

    def measure(self, others, rounds, mode, path, count, extra=0, cores=(CLIENT_CORE,)):
        """The times of interleaved rounds against the server of the rows over plain HTTP."""
        with contextlib.ExitStack() as stack:
            clients = open_clients(stack, self.select(*others), self.base_url, cores=cores)
            return interleave(clients, self.rounds(rounds), mode, path, count, extra)


def read_slots(server):
    """The list of 1,000 slots of the v1 API."""
    with urllib.request.urlopen(f"{server.base_url}/v1/1000/availability") as response:
        return response.read().decode()


def add_blocking(bench):
    report = bench.report
    times = bench.measure(["libcurl", "socket"], 15, "schedule", CALL, 3000)
    report.compare("schedule, against libcurl + cJSON", times, "libcurl", at_most=1.0)
    report.compare("schedule, against a raw socket", times, "socket", at_most=2.2)
    report.compare_baseline("schedule", times)
    time_of = {}
    for api, slots, count in [
        ("v1", 10, 2000), ("v1", 1000, 300), ("v1", 100_000, 5), ("v3", 1000, 200), ("v3", 100_000, 5),
    ]:
        name = f"availability of {slots:,} slots, {api}"
        times = bench.measure(["libcurl"], 11, "availability", f"/{api}/{slots}", count, slots)
        report.compare(f"{name}, against libcurl + cJSON", times, "libcurl", at_most=1.0)
        report.compare_baseline(name, times)
        time_of[api, slots] = statistics.median(times["library"])
    short = (time_of["v1", 1000] - time_of["v1", 10]) / 990
    long = (time_of["v1", 100_000] - time_of["v1", 1000]) / 99_000
    report.add("time of one more slot: list of 100,000, against a list of 1,000", duration(long), duration(short),
               long / short, budget="≤ 1.5", met=long / short <= 1.5)


def add_async(bench):
    name = f"{CALLS:,} asynchronous calls, {CONNECTIONS} connections"
    for mode, other in [
        ("async", "the multi interface, one handle for each call"),
        ("async-queued", f"the multi interface, {CONNECTIONS} handles in turns"),
    ]:
        times = bench.measure(["libcurl"], 7, mode, CALL, CALLS, CONNECTIONS)
        bench.report.compare_rates(f"{name}: calls per second, against {other}", times, "libcurl", CALLS, at_least=1.0)
        if mode == "async":
            bench.report.compare_baseline(name, times)


def add_same_core(bench):
    """Excludes the time of waking another core, which is the same for all clients."""
    name = "schedule, server on the same core"
    times = bench.measure(["libcurl", "socket"], 15, "schedule", CALL, 3000, cores=[SERVER_CORE])
    bench.report.compare(f"{name}, against libcurl + cJSON", times, "libcurl")
    bench.report.compare(f"{name}, against a raw socket", times, "socket")
    bench.report.compare_baseline(name, times)


def add_threads(bench):
    calls = 24_000
    for cores, place in [(CORES, "on all cores"), ([CLIENT_CORE], "on one core")]:
        name = f"{THREADS} threads {place}"
        times = bench.measure(["libcurl"], 15, "threads", CALL, calls, THREADS, cores)
        bench.report.compare_rates(f"{name}: calls per second, one service against {THREADS} handles", times, "libcurl",
                                   calls, at_least=1.2)
        bench.report.compare_baseline(name, times)


def add_memory(bench):
    """Each client in a new process, because a second round would reuse the memory of the first."""
    bytes_per_call = {}
    for name, program in bench.select("libcurl").items():
        with Client(program, bench.base_url) as client:
            bytes_per_call[name] = [client.run("async", CALL, CALLS, CONNECTIONS)[1] / CALLS]
    [own], [other] = bytes_per_call["library"], bytes_per_call["libcurl"]
    name = "memory of an asynchronous call in progress"
    bench.report.add(name, plain(" bytes")(own), plain(" bytes")(other), own / other)
    bench.report.compare_baseline(name, bytes_per_call, plain(" bytes"))


def add_load(bench):
    libraries = {"library": tools.LIBRARY, "baseline": bench.baseline, "libcurl": "libcurl.so.4"}
    programs = {
        name: Program([tools.BUILD / "launch"],
                      {"LAUNCH_PROGRAM": str(tools.BUILD / "load"), "LAUNCH_LIBRARY": str(library)})
        for name, library in libraries.items() if library
    }
    with contextlib.ExitStack() as stack:
        clients = open_clients(stack, programs, bench.base_url)
        times = interleave(clients, bench.rounds(11), "schedule", CALL, 20)
    name = "process that loads the library, initialises it and books once"
    bench.report.compare(f"{name}, against libcurl + cJSON", times, "libcurl", at_most=1.0)
    bench.report.compare_baseline(name, times)


def add_scripts(bench):
    def binding(library):
        environment = {
            "CALLBACKSERVICE_LIBRARY": str(library),
            "PYTHONPATH": str(tools.ROOT / "bindings" / "python"),
        }
        return Program([tools.PYTHON, tools.HERE / "client_callbackservice.py"], environment)

    libraries = {"library": tools.LIBRARY, "baseline": bench.baseline}
    programs = {name: binding(library) for name, library in libraries.items() if library}
    others = {
        "requests": Program([tools.PYTHON, tools.HERE / "client_requests.py"]),
        "httpx": Program([tools.PYTHON, tools.HERE / "client_httpx.py"]),
        "Node's fetch": Program(["node", tools.HERE / "client_fetch.mjs"]),
    }
    for core, place in [(CLIENT_CORE, ""), (SERVER_CORE, ", server on the same core")]:
        name = f"Python: schedule with ctypes{place}"
        with contextlib.ExitStack() as stack:
            clients = open_clients(stack, {**programs, **others}, bench.base_url, cores=[core])
            times = interleave(clients, bench.rounds(9), "schedule", CALL, 500)
        for other in others:
            at_most = 0.2 if other == "requests" else None
            bench.report.compare(f"{name}, against {other}", times, other, at_most=at_most)
        bench.report.compare_baseline(name, times)


def add_json_reads(bench):
    """Both in one process, round by round."""
    for api in ["v1", "v3"]:
        command = [tools.BUILD / "json_reads", f"{bench.base_url}/{api}/1000", str(bench.rounds(200))]
        with start(command, [CLIENT_CORE], stdout=subprocess.PIPE) as process:
            rounds = [json.loads(line) for line in process.stdout]
        if process.returncode:
            raise SystemExit("json_reads failed")
        times = {name: [round[name] for round in rounds] for name in ["library", "cJSON"]}
        bench.report.compare(f"100 reads of an outcome with 1,000 slots, {api}, against one parse with cJSON", times,
                             "cJSON", at_most=1.0)


def stripped_size(library):
    stripped = tools.BUILD / "stripped.so"
    subprocess.run(["strip", "--strip-unneeded", "-o", stripped, library], check=True)
    return stripped.stat().st_size


def add_size(bench):
    def show(size):
        return f"{size / (1 << 20):.2f} MiB"

    name = "size of the stripped shared object"
    size = stripped_size(tools.LIBRARY)
    bench.report.add(name, show(size), budget=f"≤ {MAX_SIZE_MIB} MiB", met=size <= MAX_SIZE_MIB * (1 << 20))
    if bench.baseline:
        bench.report.compare_baseline(name, {"library": [size], "baseline": [stripped_size(bench.baseline)]}, show)
    dynamic = subprocess.run(["readelf", "-d", tools.LIBRARY], capture_output=True, text=True, check=True).stdout
    needed = re.findall(r"NEEDED.*\[(.*)\]", dynamic)
    others = [name for name in needed if not re.match(r"(libc|ld-linux.*|libm|libpthread|libdl|librt)\.so", name)]
    bench.report.add("shared libraries that it needs besides libc", ", ".join(others) or "none")


def add_instructions(bench):
    counts = {name: instructions.measure(program) for name, program in bench.select("libcurl").items()}
    for command, own in counts["library"].items():
        other = counts["libcurl"][command]
        name = f"instructions of a blocking call: {command}"
        bench.report.add(name, plain()(own), plain()(other), own / other)
        values = {client: [counts[client][command]] for client in counts}
        bench.report.compare_baseline(name, values, plain())
