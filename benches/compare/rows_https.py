"""The rows over HTTPS, which is what production uses.

nginx offers only HTTP/1.1 on one port, and HTTP/2 as well on the other. On the second one libcurl uses
HTTP/2 in all rows, and the library in those of asynchronous calls; its blocking calls use HTTP/1.1.
"""

import contextlib

from clients import CLIENT_CORE, CORES, Client, interleave, open_clients, take_turns
from rows import CALL, THREADS
from servers import HttpsServer

CALLS, CONNECTIONS, STREAMS = 2000, 20, 100


def add_rows(bench, slots):
    with HttpsServer({"v1/1000/availability": slots}) as server:
        https = Https(bench, server)
        https.add_first_calls()
        https.add_blocking()
        https.add_threads()
        https.add_async()


class Https:
    def __init__(self, bench, server):
        self.bench, self.report, self.server = bench, bench.report, server
        self.urls = {"HTTP/1.1": server.http1_url, "HTTP/2": server.http2_url}

    def measure(self, url, rounds, mode, path, count, extra=0, cores=(CLIENT_CORE,)):
        with contextlib.ExitStack() as stack:
            programs = self.bench.select("libcurl")
            clients = open_clients(stack, programs, url, self.server.environment, cores)
            return interleave(clients, self.bench.rounds(rounds), mode, path, count, extra)

    def add(self, name, times, at_most=None):
        self.report.compare(f"{name}, against libcurl + cJSON", times, "libcurl", at_most=at_most)
        self.report.compare_baseline(name, times)

    def add_first_calls(self):
        url = self.server.http1_url
        programs = self.bench.select("libcurl")

        def run(name):
            with Client(programs[name], url, self.server.environment) as client:
                return client.run("first", CALL, 1)[0]

        times = take_turns(programs, self.bench.rounds(21), run)
        self.add("HTTPS: first call of a process, with initialisation", times, at_most=1.0)
        self.add("HTTPS: first call of another service or handle", self.measure(url, 11, "first", CALL, 20))

    def add_blocking(self):
        url = self.server.http1_url
        self.add("HTTPS: schedule on an open connection", self.measure(url, 15, "schedule", CALL, 2000), at_most=1.0)
        for version, url in self.urls.items():
            times = self.measure(url, 11, "availability", "/v1/1000", 300, 1000)
            self.add(f"HTTPS, {version} offered: availability of 1,000 slots", times, at_most=1.0)

    def add_threads(self):
        calls = 16_000
        for version, url in self.urls.items():
            name = f"HTTPS, {version} offered: {THREADS} threads on all cores"
            times = self.measure(url, 11, "threads", CALL, calls, THREADS, CORES)
            self.report.compare_rates(f"{name}: calls per second, one service against {THREADS} handles", times,
                                      "libcurl", calls, at_least=1.0)
            self.report.compare_baseline(name, times)

    def add_async(self):
        """Handles in turns: as many as connections over HTTP/1.1, as many as streams over HTTP/2."""
        for version, url in self.urls.items():
            in_turns = CONNECTIONS if version == "HTTP/1.1" else STREAMS
            for suffix, state in [("", "connecting included"), ("-warm", "connections open")]:
                name = f"HTTPS, {version}: {CALLS:,} asynchronous calls, {CONNECTIONS} connections, {state}"
                for mode, connections, other in [
                    ("async", CONNECTIONS, "one handle for each call"),
                    ("async-queued", in_turns, f"{in_turns} handles in turns"),
                ]:
                    times = self.measure(url, 7, mode.replace("async", f"async{suffix}"), CALL, CALLS, connections)
                    self.report.compare_rates(f"{name}: calls per second, against the multi interface, {other}", times,
                                              "libcurl", CALLS, at_least=1.0)
                    if mode == "async":
                        self.report.compare_baseline(name, times)
