"""Programs for Windows against servers on this machine: the C test programs, the examples, and the scenarios."""

import contextlib
import json
import sqlite3
import struct
import time

import test_scenarios
import wine
from authority import Authority, serve
from support import ROOT, TIMEOUT, Sandbox
from support_windows import C99, WindowsCase
from test_hosts import Echo, documented_situations

PASSED = r"\d+ checks passed\n$"
# Fewer than on Linux: Wine does each system call through another process.
CALLS, CONNECTIONS, LOADS = 1_000, 50, 20

# The C test programs and examples that do not run here.
NOT_FOR_WINDOWS = {
    "tests/c/fork.c": "Windows has no forks",
    "tests/c/host_process.c": "signals, pthread_cancel and file descriptors below 3 are not those of Windows",
    "tests/c/later_clock.c": "replaces a function of glibc in a process for Linux",
    "tests/c/planted_memory_faults.c": "for the memory checkers of Linux",
    "tests/c/planted_race.c": "for ThreadSanitizer, which Windows does not have",
    "tests/c/secrets_wiped.c": "reads the memory of its process through /proc",
    "tests/c/soak.c": "the growth of memory under Wine is that of Wine",
    "examples/c/deliverer.c": "a daemon that SIGTERM ends",
    "examples/c/epoll_loop.c": "epoll; wait_for_multiple_objects.c does the same",
    "examples/c/forking_server.c": "Windows has no forks",
    "examples/c/thread_pool.c": "threads of POSIX; threads.c covers them",
}


class Programs(WindowsCase):
    """The C test programs."""

    def check(self, name, *arguments, **others):
        program = self.compile(ROOT / f"tests/c/{name}.c", *C99, libraries=["-lws2_32"])
        shown = self.run_program(program, *arguments, **others)
        self.assertRegex(shown, PASSED)
        return shown

    def test_interface(self):
        with Sandbox() as sandbox:
            self.check("interface", sandbox.base, timeout=300)

    def test_json(self):
        self.check("json")

    def test_handles(self):
        self.check("handles")

    def test_refused(self):
        with Echo(1) as base:
            self.check("refused", base)

    def test_threads(self):
        with Echo(1) as base:
            self.check("threads", base, timeout=300)

    def test_ten_thousand_calls(self):
        with Echo(100) as base:
            shown = self.check("ten_thousand_calls", base, CALLS, CONNECTIONS, timeout=300)
        for mode in ["poll", "caller"]:
            self.assertRegex(shown, rf"{CALLS} calls on one service \({mode}\): [12] threads more, -?\d+ bytes")

    def test_tls(self):
        authority = Authority(self.scratch)
        with authority.server("server") as base:
            self.check("tls", base, wine.path(authority.certificate))

    def test_unload(self):
        with Echo(0) as base:
            self.check("unload", "callbackservice.dll", base, LOADS)

    def test_call_matrix(self):
        program = self.compile(ROOT / "tests/c/call_matrix.c", *C99, libraries=["-lws2_32"])
        with Sandbox() as sandbox:
            shown = self.run_program(program, sandbox.base, timeout=400)
        seen = {}
        for line in shown.splitlines():
            name, situation, status = line.split("|")
            seen.setdefault((name, situation), set()).add(status)
        table = documented_situations()
        self.assertEqual(set(seen), {cell for cell in table if cell[1] != "in a forked child"})
        for cell, statuses in seen.items():
            self.assertLessEqual(statuses, table[cell], cell)

    def test_every_program_runs_or_is_left_out_for_a_reason(self):
        sources = {str(path.relative_to(ROOT)) for path in [*ROOT.glob("tests/c/*.c"), *ROOT.glob("examples/c/*.c")]}
        methods = {name.removeprefix("test_") for case in CASES for name in dir(case)}
        left_out = {name for name in sources if name.rsplit("/", 1)[1].removesuffix(".c") not in methods}
        self.assertEqual(left_out, set(NOT_FOR_WINDOWS))
        for name, reason in sorted(NOT_FOR_WINDOWS.items()):
            with self.subTest(name):
                self.skipTest(f"{name}: {reason}")


class Examples(WindowsCase):
    def example(self, name):
        return self.compile(ROOT / f"examples/c/{name}.c", *C99)

    def test_quickstart(self):
        program = self.example("quickstart")
        with Sandbox() as sandbox:
            for api in ["v1", "v3"]:
                shown = self.run_program(program, api, sandbox.base)
                self.assertIn(f"5 booked over {api}", shown)
                self.assertIn("is no longer free. The contact center offers instead:", shown)

    def test_poll(self):
        program = self.example("poll")
        with Sandbox() as sandbox:
            self.assertRegex(self.run_program(program, sandbox.v1), r"booking: CallbackService\.scheduled \{")

    def test_my_callbacks(self):
        booking, listing = self.example("quickstart"), self.example("my_callbacks")
        with Sandbox() as sandbox:
            self.run_program(booking, "v1", sandbox.base)
            shown = self.run_program(listing, sandbox.v1, "+14151110000")
        self.assertRegex(shown, r"^(\S+ \S+ SCHEDULED\n){5}moved \S+ to \S+\ncancelled \S+\n$")

    def test_submit(self):
        program = self.example("submit")
        config = self.scratch / "config.json"
        config.write_text(json.dumps({"dataURL": "http://127.0.0.1:1/x", "outbox": {"file": wine.path(self.scratch / "outbox.db")}}))
        shown = [self.run_program(program, wine.path(config), "+14151110000", "call-1") for _ in range(2)]
        self.assertRegex(shown[0], "^stored as ")
        self.assertEqual(shown[0], shown[1])

    def test_wait_for_multiple_objects(self):
        program = self.example("wait_for_multiple_objects")
        with Sandbox() as sandbox:
            self.assertEqual(self.run_program(program, sandbox.v1, 100), "100 booked, 0 refused or cancelled\n")

    def test_wait_for_multiple_objects_is_stopped(self):
        program = self.example("wait_for_multiple_objects")
        setter = self.compile(ROOT / "tests/windows/set_event.c", *C99, library=False)
        # Longer than the program may run.
        with Echo(10 * 60 * 1000) as base:
            name = "Local\\stop-booking"
            with self.wine.popen(program, f"{base}/x", 10, name, environment=self.environment) as process:
                self.addCleanup(process.kill)
                self.run_program(setter, name)
                shown, _ = process.communicate(timeout=TIMEOUT)
        self.assertEqual((process.returncode, shown), (1, "0 booked, 10 refused or cancelled\n"))


class System(WindowsCase):
    """What the library takes from the settings of Windows."""

    CONNECTIONS = r"HKCU\Software\Microsoft\Windows\CurrentVersion\Internet Settings\Connections"

    def book(self, config):
        """The outcome of a booking."""
        path = self.scratch / "config.json"
        path.write_text(json.dumps({"ajaxTimeout": 20000, **config}))
        program = self.compile(ROOT / "tests/windows/outcome.c", *C99, libraries=["-lws2_32"])
        return json.loads(self.run_program(program, wine.path(path)))

    def set_proxy(self, proxy, bypass):
        """What Windows keeps beside the values that its control panel shows, and Wine instead of them."""
        is_direct, is_proxy = 1, 2
        value = struct.pack("<III", 0x46, 0, is_direct | is_proxy)
        for text in [proxy, bypass, ""]:
            value += struct.pack("<I", len(text)) + text.encode()
        words = ["/v", "DefaultConnectionSettings", "/t", "REG_BINARY", "/d", value.hex(), "/f"]
        self.wine.run("reg", "add", self.CONNECTIONS, *words)
        self.addCleanup(self.wine.run, "reg", "delete", self.CONNECTIONS, "/v", "DefaultConnectionSettings", "/f")

    def test_the_proxy_of_the_user_is_used(self):
        away = {"dataURL": "http://callbacks.invalid/x"}
        with serve() as proxy, serve() as server:
            self.assertEqual(self.book(away)["error"]["name"], "DNS")
            self.set_proxy(proxy.removeprefix("http://"), "*.internal.invalid")
            self.assertEqual(self.book(away)["state"], "resolved")
            self.assertEqual(self.book({**away, "proxy": "none"})["error"]["name"], "DNS")
            self.assertEqual(self.book({"dataURL": "http://a.internal.invalid/x"})["error"]["name"], "DNS")
            self.assertEqual(self.book({"dataURL": f"{server}/x"})["state"], "resolved")

    def test_certificates_are_verified(self):
        authority = Authority(self.scratch)
        known = {"tls": {"caFile": wine.path(authority.certificate)}, "proxy": "none"}
        with authority.server("server") as base:
            outcome = self.book({"dataURL": f"{base}/x", **known})
            self.assertEqual(outcome["state"], "resolved", outcome)
            unknown = self.book({"dataURL": f"{base}/x", "proxy": "none"})["error"]
            self.assertEqual(unknown["name"], "TLS")
            self.assertIn("name the issuer's certificate in tls.caFile", unknown["message"])
            elsewhere = self.book({"dataURL": f"{base.replace('localhost', '127.0.0.1')}/x", **known})["error"]
            self.assertIn("for another host", elsewhere["message"])


class Scenarios(WindowsCase):
    """The scenarios that all languages share, with the comparison that they have on Linux."""

    check = test_scenarios.Scenarios.check
    prepare = test_scenarios.Scenarios.prepare
    compare = test_scenarios.Scenarios.compare
    compare_step = test_scenarios.Scenarios.compare_step

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        test_scenarios.Scenarios.setUpClass.__func__(cls)

    # Each form once: Wine takes seconds to start a program.
    def run_scenarios(self, program, forms):
        self.check(self.wine.command(program), forms, env=self.wine.environment(**self.environment))

    def test_in_c(self):
        self.run_scenarios(self.compile(ROOT / "tests/scenarios/runner.c", *C99), ["blocking", "poll"])

    def test_in_cpp(self):
        program = self.compile(ROOT / "tests/scenarios/runner.cpp", "-std=c++17", compiler="g++")
        self.run_scenarios(program, ["started"])


class Outbox(WindowsCase):
    KILLS = 4

    def configure(self, base, directory):
        config = self.scratch / "config.json"
        outbox = {"file": wine.path(directory / "callbacks.db"), "deliver": "command", "baseDelayMs": 50, "maxDelayMs": 200}
        data = {"dataURL": f"{base}/genesys/1/service/callback/samples", "proxy": "none", "outbox": outbox}
        config.write_text(json.dumps(data, ensure_ascii=False), "utf-8")
        return wine.path(config)

    def submit_until_killed(self, program, config, first):
        """The numbers of the bookings that a process has stored before it was killed."""
        with self.wine.popen(program, "submit", config, first, environment=self.environment) as process:
            lines = [process.stdout.readline() for _ in range(5)]
            process.kill()
            lines += process.stdout.readlines()
        # The last line may be cut.
        return [line.strip() for line in lines if line.endswith("\n")]

    def deliver_all(self, program, config, file):
        """Delivers until nothing is left, also of what a killed process was sending."""
        deadline = time.monotonic() + TIMEOUT
        while True:
            shown = self.run_program(program, "deliver", config)
            if rows(file, "SELECT 1 FROM entry WHERE finished_at IS NULL AND (due_at IS NOT NULL OR claim IS NOT NULL)") == []:
                return
            self.assertLess(time.monotonic(), deadline, shown)

    def test_killed_processes_lose_and_repeat_nothing(self):
        program = self.compile(ROOT / "tests/windows/outbox.c", *C99, libraries=["-lws2_32"])
        directory = self.scratch / "Ausg\u00e4nge \u96fb\u8a71"
        directory.mkdir()
        database = self.scratch / "server.db"
        with Sandbox("--db", database) as sandbox:
            config = self.configure(sandbox.base, directory)
            stored = []
            for number in range(self.KILLS):
                stored += self.submit_until_killed(program, config, number * 100_000)
                with self.wine.popen(program, "deliver", config, environment=self.environment) as process:
                    time.sleep(0.1 * number)
                    process.kill()
            self.deliver_all(program, config, directory / "callbacks.db")
        booked = [number for (number,) in rows(database, "SELECT number FROM callback")]
        self.assertGreaterEqual(len(stored), 5 * self.KILLS)
        # What was stored just before the kill may not have been printed.
        self.assertEqual(sorted(set(stored) - set(booked)), [])
        self.assertEqual(len(booked), len(set(booked)))


def rows(file, query):
    with contextlib.closing(sqlite3.connect(file, timeout=30)) as connection:
        return connection.execute(query).fetchall()


CASES = [Programs, Examples, System, Scenarios, Outbox]
