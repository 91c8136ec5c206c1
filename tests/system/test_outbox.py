"""The outbox as a system: the example programs, files and their modes, forks, disks and clocks."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request

from support import ROOT, TIMEOUT, Case, Sandbox, python_environment, run

NUMBER = "+14155550123"

# What the scripts below share: a service with an outbox, without a server unless one is given.
PRELUDE = """
import json, os, sys, threading, time
from callbackservice import CallbackServiceError, Service, diagnostics, set_log
file, base, *rest = sys.argv[1:]
def service(**outbox):
    return Service({"dataURL": base, "proxy": "none", "ajaxTimeout": 2000, "outbox": {"file": file, "deliver": "command",
                    "baseDelayMs": 50, "maxDelayMs": 50, **outbox}})
def submit(service, **options):
    number = "NUMBER"
    return service.command("CallbackService.submit", {"phonenumber": number, **options})
def submit_some(service, count):
    # Each with a number of its own: the server limits the bookings of one.
    for index in range(count):
        submit(service, phonenumber=f"+1415{1000000 + os.getpid() % 50000 * 100 + index}")
def deliver(service):
    return service.command("CallbackService.deliver", {})
def entries(service):
    return service.command("CallbackService.outbox", {"limit": 100000})["entries"]
def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.01)
""".replace("NUMBER", NUMBER)

AWAY = "http://127.0.0.1:1/genesys/1/service/callback/samples"


class Outbox(Case):
    def setUp(self):
        super().setUp()
        self.file = self.scratch / "spool" / "callbacks.db"
        self.file.parent.mkdir()

    def script(self, text, *arguments, base=AWAY, file=None, **options):
        script = self.scratch / "script.py"
        script.write_text(PRELUDE + text)
        environment = {**python_environment(), **options.pop("env", {})}
        return run(sys.executable, script, file or self.file, base, *arguments, env=environment, **options)

    def wait_for(self, condition):
        deadline = time.monotonic() + 60
        while not condition():
            self.assertLess(time.monotonic(), deadline, "it does not happen")
            time.sleep(0.02)

    def stored(self, file=None):
        with contextlib.closing(sqlite3.connect(file or self.file)) as connection:
            return connection.execute("SELECT count(*) FROM entry").fetchone()[0]


class Examples(Outbox):
    def deliver_with(self, submitter, deliverer):
        """Submits while the server is away, then starts it and the deliverer."""
        with Sandbox() as sandbox:
            base = sandbox.base
        config = self.scratch / "config.json"
        section = {"file": str(self.file), "baseDelayMs": 50, "maxDelayMs": 100}
        config.write_text(json.dumps({"dataURL": f"{base}/genesys/1/service/callback/samples", "proxy": "none", "outbox": section}))
        environment = python_environment()
        submitted = {run(*submitter, config, NUMBER, f"call-{call // 2}", env=environment) for call in range(6)}
        self.assertEqual(len(submitted), 3)
        self.assertTrue(all(line.startswith("stored as ") for line in submitted), submitted)
        command = [str(word) for word in [*deliverer, config]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as running:
            self.addCleanup(running.kill)
            # It has found nobody yet.
            self.wait_for(lambda: self.attempts() > 0)
            with Sandbox(listen=base.removeprefix("http://")):
                lines = [running.stdout.readline() for _ in range(3)]
            running.send_signal(signal.SIGTERM)
            rest, _ = running.communicate(timeout=TIMEOUT)
        self.assertEqual((running.returncode, rest), (0, ""))
        self.assertEqual({line.split()[0] for line in lines}, {line.split()[2] for line in submitted})
        self.assertTrue(all(" delivered as 369-" in line for line in lines), lines)
        self.assertNotIn(NUMBER.encode(), b"".join(path.read_bytes() for path in self.file.parent.iterdir()))

    def attempts(self):
        with contextlib.closing(sqlite3.connect(self.file)) as connection:
            return connection.execute("SELECT sum(attempts) FROM entry").fetchone()[0]

    def test_c_programs(self):
        programs = [self.compile(ROOT / f"examples/c/{name}.c", "-std=c99", "-D_GNU_SOURCE") for name in ["submit", "deliverer"]]
        self.deliver_with([programs[0]], [programs[1]])

    def test_python_programs(self):
        self.deliver_with(*([sys.executable, ROOT / f"examples/python/{name}.py"] for name in ["submit", "deliverer"]))

    def test_examples_report_errors(self):
        program = self.compile(ROOT / "examples/c/submit.c", "-std=c99", "-D_GNU_SOURCE")
        run(program, expected=2)
        config = self.scratch / "config.json"
        config.write_text(json.dumps({"dataURL": AWAY, "outbox": {"file": str(self.scratch)}}))
        done = subprocess.run([program, config, NUMBER, "k"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("is a directory", done.stderr)
        self.assertNotIn(NUMBER, done.stderr)


class Files(Outbox):
    def test_modes_do_not_depend_on_the_umask(self):
        for mask in [0, 0o777]:
            with self.subTest(mask=oct(mask)):
                file = self.file.parent / f"{mask}.db"
                self.script(f"os.umask({mask})\nwith service() as s:\n    submit(s)\n    os.abort()\n", file=file, expected=-signal.SIGABRT)
                modes = {path.name: path.stat().st_mode & 0o777 for path in self.file.parent.glob(f"{mask}.db*")}
                self.assertEqual(set(modes.values()), {0o600}, modes)
                self.assertEqual(len(modes), 3, modes)

    def test_no_descriptor_is_that_of_a_standard_stream(self):
        self.script(
            """
for descriptor in 0, 1, 2:
    os.close(descriptor)
s = service()
submit(s)
deliver(s)
assert not any(os.path.exists(f"/proc/self/fd/{number}") for number in (0, 1, 2))
s.close()
os._exit(0)
"""
        )

    def test_the_number_is_gone_after_delivery_and_never_in_the_log(self):
        with Sandbox() as sandbox:
            shown = self.script(
                """
lines = []
set_log("debug", lambda level, line: lines.append(line))
with service() as s:
    ids = [submit(s, userData={"name": "Erika Mustermann"})["entry"] for _ in range(5)]
    held = b"".join(open(os.path.join(os.path.dirname(file), name), "rb").read() for name in os.listdir(os.path.dirname(file)))
    assert b"4155550123" in held
    assert deliver(s)["delivered"] == 5
    held = b"".join(open(os.path.join(os.path.dirname(file), name), "rb").read() for name in os.listdir(os.path.dirname(file)))
    assert b"4155550123" not in held and b"Mustermann" not in held
text = "\\n".join(lines)
assert "4155550123" not in text and "Mustermann" not in text
for entry in ids:
    assert f"outbox entry {entry}: waiting" in text and f"outbox entry {entry}: delivered" in text, text
print("done")
""",
                base=sandbox.v1,
            )
        self.assertEqual(shown, "done\n")

    def test_diagnostics_report_the_outbox(self):
        self.script(
            """
with service() as s:
    [report] = diagnostics()["services"]
    assert report["outbox"]["waiting"] == 0 and not os.path.exists(file), report
    submit(s), submit(s)
    [report] = diagnostics()["services"]
    assert (report["outbox"]["waiting"], report["outbox"]["delivered"]) == (2, 0), report
    assert report["outbox"]["bytes"] > 4096 and report["outbox"]["oldestMs"] >= 0, report
    assert "4155550123" not in json.dumps(report)
"""
        )

    def test_a_service_without_an_outbox_has_no_thread_and_no_file(self):
        self.script(
            """
with Service({"dataURL": base}) as s:
    assert "outbox" not in diagnostics()["services"][0]
    assert diagnostics()["threads"] == 0
with service() as s:
    submit(s), deliver(s), entries(s)
    assert diagnostics()["threads"] == 0
"""
        )

    def test_a_full_disk_loses_nothing(self):
        disk = self.scratch / "disk"
        disk.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], capture_output=True).returncode:
            self.skipTest("only root can mount a small disk")
        self.addCleanup(subprocess.run, ["umount", "-l", disk], check=True)
        file = disk / "callbacks.db"
        with Sandbox() as sandbox:
            stored = self.script(
                """
with service() as s:
    stored = 0
    try:
        while True:
            submit(s, phonenumber=f"+1415{2000000 + stored}", userData={"text": "x" * 5000})
            stored += 1
    except CallbackServiceError as error:
        assert error.name == "STORAGE" and "the disk is full" in str(error), error
    assert len(entries(s)) == stored
print(stored)
""",
                file=file,
                base=sandbox.v1,
            )
            self.assertGreater(int(stored), 5)
            subprocess.run(["mount", "-o", "remount,size=64m", disk], check=True)
            self.script(
                """
with service() as s:
    wait_for(lambda: deliver(s) and all(entry["delivery"] == "delivered" for entry in entries(s)))
    assert len(entries(s)) == int(rest[0])
""",
                stored.strip(),
                file=file,
                base=sandbox.v1,
            )

    def test_a_read_only_file_system_is_an_error(self):
        self.script("with service() as s:\n    submit(s)\n")
        mount = ["mount", "--bind", self.file.parent, self.file.parent]
        if subprocess.run(mount, capture_output=True).returncode:
            self.skipTest("only root can mount")
        self.addCleanup(subprocess.run, ["umount", "-l", self.file.parent], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", self.file.parent], check=True)
        self.script(
            """
with service() as s:
    try:
        submit(s)
        raise SystemExit("stored")
    except CallbackServiceError as error:
        assert error.name == "STORAGE", error
"""
        )
        subprocess.run(["mount", "-o", "remount,bind,rw", self.file.parent], check=True)
        self.assertEqual(self.stored(), 1)

    def test_a_truncated_log_loses_only_what_it_held(self):
        self.script("with service() as s:\n    submit(s)\n")
        self.script(
            "with service() as s:\n    submit(s), submit(s)\n    os.abort()\n", expected=-signal.SIGABRT
        )
        log = self.file.with_name("callbacks.db-wal")
        os.truncate(log, log.stat().st_size // 2 - 7)
        shown = self.script("with service() as s:\n    submit(s)\n    print(len(entries(s)))\n")
        self.assertIn(int(shown), (2, 3))
        self.assertEqual(self.stored(), int(shown))

    def test_a_lock_of_another_process_is_waited_for(self):
        self.script("with service() as s:\n    submit(s)\n")
        with contextlib.closing(sqlite3.connect(self.file, isolation_level=None)) as locking:
            locking.execute("BEGIN IMMEDIATE")
            self.script(
                """
with service() as s:
    started = time.monotonic()
    try:
        submit(s)
        raise SystemExit("stored")
    except CallbackServiceError as error:
        assert error.name == "STORAGE" and "locked by another process" in str(error), error
    assert 1.9 < time.monotonic() - started < 10
"""
            )
            script = "with service() as s:\n    s.configure(ajaxTimeout=60000)\n    print(submit(s)['delivery'])\n"
            (self.scratch / "waiting.py").write_text(PRELUDE + script)
            command = [sys.executable, self.scratch / "waiting.py", self.file, AWAY]
            with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=python_environment()) as waiting:
                time.sleep(5)
                locking.execute("COMMIT")
                self.assertEqual(waiting.communicate(timeout=TIMEOUT)[0], "waiting\n")
        self.assertEqual(self.stored(), 2)

    def test_setting_the_clock_back_delays_nothing(self):
        clock = self.scratch / "clock.c"
        clock.write_text(
            """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
#include <stdlib.h>
int clock_gettime(clockid_t clock, struct timespec *time)
{
    static int (*real)(clockid_t, struct timespec *);
    const char *offset = getenv("CLOCK_OFFSET");
    if (!real) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, time);
    if (clock == CLOCK_REALTIME && offset) time->tv_sec += atol(offset);
    return result;
}
"""
        )
        library = self.scratch / "clock.so"
        run("cc", "-shared", "-fPIC", "-o", library, clock, "-ldl")
        preloaded = {"LD_PRELOAD": str(library)}
        self.script(
            "with service() as s:\n    submit(s)\n    deliver(s)\n    assert entries(s)[0]['attempts'] == 1\n",
            env=preloaded,
        )
        with Sandbox() as sandbox:
            for offset in [-7 * 86400, 7 * 86400]:
                with self.subTest(offset=offset):
                    self.script(
                        """
with service() as s:
    submit(s)
    wait_for(lambda: deliver(s)["waiting"] + 1 and all(entry["delivery"] == "waiting" for entry in entries(s)))
    assert max(entry["attempts"] for entry in entries(s)) >= 1
""",
                        env={**preloaded, "CLOCK_OFFSET": str(offset)},
                    )
            self.script(
                """
with service() as s:
    states = [entry["delivery"] for entry in entries(s)]
    assert states == ["waiting"] * 3, states
""",
                env=preloaded,
                base=sandbox.v1,
            )


class Processes(Outbox):
    def test_children_deliver_their_own_claims_only(self):
        with Sandbox() as sandbox:
            shown = self.script(
                """
s = service(deliver="thread")
submit(s)
wait_for(lambda: entries(s)[0]["delivery"] == "delivered")
children = []
for child in range(4):
    process = os.fork()
    if process == 0:
        submit_some(s, 25)
        wait_for(lambda: not any(entry["delivery"] in ("waiting", "sending") for entry in entries(s)))
        s.close()
        os._exit(0)
    children.append(process)
submit_some(s, 25)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
wait_for(lambda: all(entry["delivery"] == "delivered" for entry in entries(s)))
print(len(entries(s)))
s.close()
""",
                base=sandbox.v1,
            )
            self.assertEqual(int(shown), 126)
            self.assertEqual(len(self.booked(sandbox)), 126)

    def test_a_child_outlives_the_file_of_its_parent(self):
        self.script(
            """
s = service()
submit(s)
reader, writer = os.pipe()
child = os.fork()
if child == 0:
    os.close(writer)
    submit(s)
    # The parent has closed its connection by then, and would have removed the log of a child without locks.
    os.read(reader, 1)
    for _ in range(20):
        submit(s)
    os._exit(0)
os.close(reader)
time.sleep(0.2)
s.close()
os.close(writer)
assert os.waitpid(child, 0)[1] == 0
with service() as again:
    assert len(entries(again)) == 22
"""
        )

    def test_threads_submit_while_others_fork(self):
        self.script(
            """
s = service()
stop = []
def work():
    while not stop:
        submit(s)
threads = [threading.Thread(target=work) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        submit(s)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
stop.append(True)
for thread in threads:
    thread.join()
assert len(entries(s)) >= 23
"""
        )

    def test_a_stopped_process_keeps_its_claims(self):
        with Sandbox() as sandbox:
            self.ask(f"{sandbox.base}/sandbox/faults", b'{"method":"POST","delayMs":3000,"count":1}')
            script = self.scratch / "claiming.py"
            script.write_text(PRELUDE + "s = service()\ns.configure(ajaxTimeout=30000)\nsubmit(s)\ndeliver(s)\n")
            command = [sys.executable, script, self.file, sandbox.v1]
            with subprocess.Popen(command, env=python_environment()) as claiming:
                self.addCleanup(claiming.kill)
                self.wait_for(lambda: self.file.exists() and self.states() == ["sending"])
                claiming.send_signal(signal.SIGSTOP)
                self.script("with service() as s:\n    assert deliver(s)['waiting'] == 0\n", base=sandbox.v1)
                self.assertEqual(self.states(), ["sending"])
                claiming.kill()
                claiming.wait()
            self.script(
                "with service() as s:\n    wait_for(lambda: deliver(s) and entries(s)[0]['delivery'] == 'delivered')\n",
                base=sandbox.v1,
            )
            self.assertEqual(len(self.booked(sandbox)), 1)

    def ask(self, url, body=None):
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            return json.loads(response.read() or b"null")

    def booked(self, sandbox):
        services = self.ask(f"{sandbox.base}/genesys/1/admin/callback/queues?target=samples")
        return [record for records in services.values() for record in records]

    def states(self):
        try:
            with contextlib.closing(sqlite3.connect(self.file)) as connection:
                return [state for (state,) in connection.execute("SELECT delivery FROM entry")]
        except sqlite3.OperationalError:
            return []

    def test_nothing_is_lost_or_booked_twice_when_processes_are_killed(self):
        arguments = ["20000", "50", "8"] if os.environ.get("FULL") else ["400", "8", "3"]
        shown = run(sys.executable, ROOT / "tests/outbox_consistency.py", *arguments, timeout=3600)
        self.assertEqual(shown.count("exactly as it should be"), 2, shown)
