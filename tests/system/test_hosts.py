"""The library inside real hosts: event loops, thread pools, forks, unloading, and the table of situations.

FULL=1 in the environment asks for the full sizes.
"""

import os
import re
import socket
import subprocess
import sys

from support import RELEASE, ROOT, Case, Sandbox, python_environment, run

FULL = os.environ.get("FULL") == "1"
C99 = ["-std=c99", "-D_GNU_SOURCE"]


class Echo:
    """A running server that answers every booking with the booked phone number as the identifier."""

    def __init__(self, milliseconds):
        self.milliseconds = milliseconds

    def __enter__(self):
        program = ROOT / "tests/system/echo_server.py"
        self.process = subprocess.Popen(
            [sys.executable, program, str(self.milliseconds)], stdout=subprocess.PIPE, text=True
        )
        return self.process.stdout.readline().strip().removeprefix("listening on ")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Hosts(Case):
    def test_ten_thousand_calls_use_few_resources_and_release_them(self):
        program = self.compile(ROOT / "tests/c/ten_thousand_calls.c", *C99)
        with Echo(300) as base:
            shown = run(program, base, 10_000, 8_000 if FULL else 400)
        for mode in ["poll", "caller"]:
            self.assertRegex(shown, rf"10000 calls on one service \({mode}\): [12] threads more, \d+ bytes")
        self.assertRegex(shown, r"\d+ checks passed\n$")

    def test_fork_under_load(self):
        program = self.compile(ROOT / "tests/c/fork.c", *C99)
        with Echo(1) as base:
            shown = run(program, base, 2_000 if FULL else 300, timeout=600)
        self.assertRegex(shown, r"\d+ checks passed\n$")

    def test_bookings_are_consistent_when_the_server_is_killed(self):
        sizes = ["20000", "20"] if FULL else ["2000", "4"]
        shown = run(sys.executable, ROOT / "tests/crash_consistency.py", *sizes)
        self.assertTrue(shown.endswith("the ledger is right\n"), shown)

    def test_concurrent_calls_on_the_same_services(self):
        program = self.compile(ROOT / "tests/c/threads.c", *C99)
        with Echo(1) as base:
            for _ in range(20 if FULL else 3):
                self.assertRegex(run(program, base), r"\d+ checks passed\n$")

    def test_library_is_loaded_and_unloaded(self):
        program = self.compile(ROOT / "tests/c/unload.c", *C99, "-ldl")
        with Echo(0) as base:
            shown = run(program, RELEASE / "libcallbackservice.so", base, 100)
        self.assertRegex(shown, r"\d+ checks passed\n$")

    def test_memory_stays_flat(self):
        program = self.compile(ROOT / "tests/c/soak.c", *C99)
        with Sandbox() as sandbox:
            self.assertRegex(run(program, sandbox.base, 200_000 if FULL else 40_000), r"\d+ checks passed\n$")

    def test_secrets_are_wiped_on_replacement_and_close(self):
        program = self.compile(ROOT / "tests/c/secrets_wiped.c", *C99)
        self.assertEqual(re.findall(r"(\d+) copies", run(program)), ["0", "0", "0"])
        replaced, *kept = map(int, re.findall(r"(\d+) copies", run(program, "keep")))
        self.assertEqual(replaced, 0)
        self.assertTrue(all(kept), "the search finds what is there")

    def test_python_multiprocessing_forks(self):
        script = """
import multiprocessing, sys, threading
from callbackservice import Service
service = Service({"dataURL": sys.argv[1], "ajaxTimeout": 30000, "proxy": "none"})
def book(number):
    return service.schedule(phone_number=f"n{number}").id
stop = threading.Event()
wrong = []
def busy(thread):
    number = 0
    while not stop.is_set():
        number += 1
        if book(f"{thread}-{number}") != f"n{thread}-{number}":
            wrong.append(number)
threads = [threading.Thread(target=busy, args=(thread,)) for thread in range(4)]
[thread.start() for thread in threads]
with multiprocessing.get_context("fork").Pool(4) as pool:
    ids = pool.map(book, range(200))
stop.set()
[thread.join() for thread in threads]
assert ids == [f"n{number}" for number in range(200)], ids
assert not wrong, wrong
service.close()
print("done")
"""
        with Echo(1) as base:
            shown = run(sys.executable, "-c", script, f"{base}/x", env=python_environment())
        self.assertEqual(shown, "done\n")


class Examples(Case):
    def test_epoll_loop_books_hundreds_concurrently(self):
        program = self.compile(ROOT / "examples/c/epoll_loop.c", *C99)
        with Sandbox() as sandbox:
            self.assertTrue(run(program, sandbox.v1, 300).endswith("300 booked, 0 refused\n"))

    def test_thread_pool_shares_one_service(self):
        program = self.compile(ROOT / "examples/c/thread_pool.c", *C99)
        with Sandbox() as sandbox:
            self.assertEqual(run(program, sandbox.v1, 8, 200), "200 booked, 0 refused\n")

    def test_poll_takes_the_completion_of_a_booking(self):
        program = self.compile(ROOT / "examples/c/poll.c", *C99)
        with Sandbox() as sandbox:
            shown = run(program, sandbox.v1)
        self.assertIn("event: CallbackService.ready {}\n", shown)
        self.assertIn('booking: CallbackService.scheduled {"command":"CallbackService.schedule","state":"resolved"', shown)

    def test_forking_server_books_for_each_client(self):
        program = self.compile(ROOT / "examples/c/forking_server.c", *C99)
        with Sandbox() as sandbox:
            with subprocess.Popen([program, sandbox.v1, "5"], stdout=subprocess.PIPE, text=True) as server:
                port = int(server.stdout.readline().split()[-1])
                for number in range(5):
                    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
                        client.sendall(b"+1415111%04d\n" % number)
                        self.assertEqual(client.makefile().readline(), "OK\n")
                self.assertEqual(server.stdout.readline(), "5 clients served, 0 failed\n")
            self.assertEqual(server.returncode, 0)

    def test_asyncio_loop_books_and_cancels(self):
        program = ROOT / "examples/python/asyncio_loop.py"
        with Sandbox() as sandbox:
            shown = run(sys.executable, program, sandbox.v1, 200, env=python_environment())
        self.assertEqual(shown, "one cancelled\n200 booked, 0 refused\n")


def documented_situations():
    """The statuses that docs/threads.md lists for each function and situation."""
    text = (ROOT / "docs/threads.md").read_text()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    situations = rows[0][1:]
    table = {}
    for name, *cells in rows[2:]:
        if not name.startswith("`cbsvc_"):
            break
        for situation, cell in zip(situations, cells):
            table[name.strip("`"), situation] = set(cell.split(", "))
    return table


class Situations(Case):
    def test_every_cell_of_the_table_holds(self):
        table = documented_situations()
        header = (ROOT / "include/callbackservice.h").read_text()
        declared = set(re.findall(r"^\S.*?\b(cbsvc_\w+)\(", header, re.M))
        self.assertEqual({name for name, _ in table}, declared)

        program = self.compile(ROOT / "tests/c/call_matrix.c", *C99)
        with Sandbox() as sandbox:
            shown = run(program, sandbox.base)
        seen = {}
        for line in shown.splitlines():
            name, situation, status = line.split("|")
            seen.setdefault((name, situation), set()).add(status)
        self.assertEqual(set(seen), set(table))
        for cell, statuses in seen.items():
            self.assertLessEqual(statuses, table[cell], cell)
            if len(table[cell]) == 1:
                self.assertEqual(statuses, table[cell], cell)
