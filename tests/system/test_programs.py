"""Programs against a running server: the examples, the bindings, and the C test programs."""

import os
import signal
import subprocess
import sys

import capi
from support import ROOT, Case, Sandbox, python_environment, run
from test_hosts import Echo


class Examples(Case):
    def test_demo_books_and_lists_over_both_apis(self):
        shown = run("make", "--silent", "demo")
        for api in ["v1", "v3"]:
            self.assertEqual(shown.count(f"5 booked over {api}"), 2, shown)
        self.assertEqual(shown.count("is no longer free. The contact center offers instead:"), 4, shown)
        self.assertRegex(shown, r"SCHEDULED\nmoved \S+ to \S+\ncancelled \S+\n")
        self.assertRegex(shown, r"\n\d+ callbacks\ncancelled\n")
        self.assertEqual((shown.count("stored as"), shown.count("delivered as")), (3, 3), shown)
        self.assertTrue(shown.endswith("\n3 delivered\n\nThe demo is complete.\n"), shown)

    def test_c_quickstart_reports_errors(self):
        program = self.compile(ROOT / "examples/c/quickstart.c", "-std=gnu90")
        run(program, expected=2)
        done = subprocess.run([program, "v1", "http://127.0.0.1:1"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no slots: CONNECT", done.stderr)

    def test_c_my_callbacks_moves_the_first_and_cancels_the_last(self):
        program = self.compile(ROOT / "examples/c/my_callbacks.c", "-std=c99")
        run(program, expected=2)
        number = "+14155550123"
        with Sandbox("--now", "2030-01-07T10:30:00Z", "--speed", "0") as sandbox, capi.Service({"dataURL": sandbox.v1}) as service:
            self.assertEqual(run(program, sandbox.v1, number, expected=1), "")
            times = [f"2030-01-08T{hour}:00:00.000Z" for hour in [10, 11, 12]]
            booking = {"phonenumber": number}
            ids = [service.command("schedule", {**booking, "desiredtime": time})["id"] for time in times]
            shown = run(program, sandbox.v1, number).splitlines()
            self.assertEqual(shown[:3], [f"{id} {time} SCHEDULED" for id, time in zip(ids, times)])
            # The eighth slot from now on.
            self.assertEqual(shown[3:], [f"moved {ids[0]} to 2030-01-07T12:15:00.000Z", f"cancelled {ids[2]}"])
            found = {found["id"]: found for found in service.command("query", booking)["callbacks"]}
            self.assertEqual(found[ids[0]]["desiredTime"], "2030-01-07T12:15:00.000Z")
            self.assertEqual([found[id].get("reason") for id in ids], [None, None, "CANCELLED"])
        done = subprocess.run([program, "http://127.0.0.1:1/service/callback/s", number], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout), (1, ""))
        self.assertIn("CallbackService.query: no connection", done.stderr)


class Interface(Case):
    def test_c_program_gets_what_the_header_documents(self):
        for static in [False, True]:
            with self.subTest(static=static), Sandbox() as sandbox:
                program = self.compile(ROOT / "tests/c/interface.c", "-std=c99", "-D_GNU_SOURCE", static=static)
                shown = run(program, sandbox.base)
                self.assertRegex(shown, r"\d+ checks passed\n$")

    def test_exception_from_a_handler_ends_the_program_with_a_message(self):
        program = self.compile(ROOT / "tests/c/exception.cpp", "-std=c++17", compiler="g++")
        with Sandbox() as sandbox:
            done = subprocess.run([program, sandbox.v1], capture_output=True, text=True)
        self.assertEqual(done.returncode, -signal.SIGABRT)
        self.assertIn("exception", done.stderr)


class Handles(Case):
    def test_closed_and_forged_handles_are_detected(self):
        program = self.compile(ROOT / "tests/c/handles.c", "-std=c99", "-D_GNU_SOURCE")
        self.assertRegex(run(program), r"\d+ checks passed\n$")


class HostProcess(Case):
    """What the library must leave alone in its host."""

    C99 = ["-std=c99", "-D_GNU_SOURCE"]

    def test_descriptors_signals_cancellation_errno_and_children(self):
        program = self.compile(ROOT / "tests/c/host_process.c", *self.C99)
        with Echo(1) as base:
            for url in [base, base.replace("127.0.0.1", "localhost")]:
                with self.subTest(url):
                    self.assertRegex(run(program, url), r"\d+ checks passed\n$")

    def test_handlers_left_by_longjmp(self):
        program = self.compile(ROOT / "tests/c/host_process.c", *self.C99)
        with Echo(1) as base:
            self.assertRegex(run(program, base, "jump"), r"\d+ checks passed\n$")

    def test_refused_threads_and_fork_handlers(self):
        for static in [False, True]:
            with self.subTest(static=static), Echo(1) as base:
                program = self.compile(ROOT / "tests/c/refused.c", *self.C99, static=static)
                self.assertRegex(run(program, base), r"\d+ checks passed\n$")


class Python(Case):
    SCRIPT = """
import os, sys
from callbackservice import CallbackServiceError, Rejected, Service, diagnostics, set_log, version

v1, v3 = sys.argv[1:]
heard, lines = [], []
set_log("debug", lambda level, line: lines.append((level, line)))
with Service({"dataURL": v1, "theme": "dark"}, lambda event, data: heard.append(event)) as service:
    number = service.subscribe("CallbackService.availableSlots", lambda event, data: heard.append(data["slots"]))
    slots = service.availability(number_of_days=1, max_time_slots=2).raw["slots"]
    assert [slot["capacity"] for slot in slots] == [5, 5], slots
    service.unsubscribe(number)
    assert heard == ["CallbackService.ready", "CallbackService.availableSlots", slots], heard
    service.configure(apiVersion="v3", dataURL=v3, serviceName="samples")
    try:
        service.schedule(phone_number="1")
        raise SystemExit("booked without a key")
    except Rejected as rejected:
        assert (rejected.status, rejected.name) == (503, "UNAUTHORIZED"), rejected
    service.command("CallbackService.configure", {"apikey": "sandbox-key"})
    assert service.command("CallbackService.schedule", '{"phonenumber":"1"}')["state"] == "resolved"
    [report] = diagnostics()["services"]
    assert (report["apiVersion"], report["resolved"], report["rejected"]) == ("v3", 2, 1), report
    assert report["errors"] == {"UNAUTHORIZED": 1}, report
    child = os.fork()
    if child == 0:
        service.schedule(phone_number="2")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    service.schedule({"phonenumber": "3"}, subject="both")
    refused = []
    def close_inside(event, data):
        try:
            service.close()
        except CallbackServiceError as error:
            refused.append(error.name)
    service.unsubscribe(service.subscribe("*", close_inside))
    assert refused == ["REENTRANT"], refused
assert diagnostics()["services"] == []
set_log("off")
assert ("warning", 'configuration key "theme" is unknown and ignored') in lines, lines
assert not any("sandbox-key" in line for _, line in lines)
for call in (lambda: Service({}), lambda: service.unsubscribe(5)):
    try:
        call()
        raise SystemExit("nonsense was accepted")
    except CallbackServiceError as error:
        assert error.name in ("CONFIG", "BAD_HANDLE"), error
assert version() == "0.1.0"
print("done")
"""

    def test_python_binding_covers_the_library(self):
        with Sandbox() as sandbox:
            shown = run(sys.executable, "-c", self.SCRIPT, sandbox.v1, sandbox.v3, env=python_environment())
        self.assertEqual(shown, "done\n")

    def test_missing_library_is_reported(self):
        environment = {**os.environ, **python_environment(), "CALLBACKSERVICE_LIBRARY": "/nowhere.so"}
        done = subprocess.run(
            [sys.executable, "-c", "import callbackservice"], env=environment, capture_output=True, text=True
        )
        self.assertIn("/nowhere.so", done.stderr)
