"""The Python binding: what reaches the caller, signals, the end of the interpreter, values, and dropped services."""

import collections
import http.server
import signal
import socket
import subprocess
import sys
import threading
import time

from support import Case, python_environment, run

# Each script gets the data URL of a server as its argument.
PRELUDE = """
import copy, decimal, fractions, functools, gc, math, os, pickle, signal, sys, threading, time, warnings
import callbackservice
from callbackservice import CallbackServiceError, InterruptedCall, Rejected, Service, diagnostics, set_log
URL = sys.argv[1]
SCHEDULE, SCHEDULED = "CallbackService.schedule", "CallbackService.scheduled"
BOOK = {"phonenumber": "+14151110000"}

def opened(mode="caller", on_event=None, **keys):
    return Service({"dataURL": URL, "proxy": "none", "ajaxTimeout": 20000, "handlers": mode, **keys}, on_event)

def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)

def caught(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except BaseException as error:
        return error
    return None
"""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self):
        self.rfile.read(int(self.headers["content-length"]))
        self.server.arrived.release()
        self.server.requests += 1
        self.server.may_answer.wait(60)
        body = self.server.body
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Answers every booking with the same body, when it may."""

    request_queue_size = 256

    def __init__(self, body=b'{"_id":"1"}', may_answer=True):
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.requests = body, 0
        self.arrived, self.may_answer = threading.Semaphore(0), threading.Event()
        if may_answer:
            self.may_answer.set()
        self.url = f"http://127.0.0.1:{self.server_port}/x"

    def handle_error(self, *_):
        pass  # A program that was interrupted has closed the connection.

    def __enter__(self):
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.may_answer.set()
        self.shutdown()
        self.server_close()


class Script(Case):
    def run_script(self, body, url, *arguments, expected=0):
        script = PRELUDE + body
        return run(
            sys.executable, "-c", script, url, *arguments, env=python_environment(), timeout=60, expected=expected
        )

    def begin_script(self, body, url, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", PRELUDE + body, url, *arguments],
            env=python_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process


class Outcomes(Script):
    BODIES = {
        "an integer of 5,000 digits": b'{"_id":"1","n":' + b"9" * 5000 + b"}",
        "a negative one in a list": b'{"_id":"1","n":[{"m":-' + b"8" * 4301 + b"}]}",
        "a lone surrogate": b'{"_id":"1","n":"\\ud800 \\udc00"}',
        "a number beyond a float": b'{"_id":"1","n":1e999}',
        "an escaped NUL": b'{"_id":"1","n":"a\\u0000b"}',
        "deep nesting": b'{"_id":"1","n":' + b"[" * 90 + b"]" * 90 + b"}",
    }

    def test_an_outcome_reaches_the_caller_whatever_the_response_contains(self):
        body = """
events, ended = [], []
service = opened(sys.argv[2], lambda event, data: events.append((event, data.get("id"))))
outcome = service.schedule(BOOK)
assert outcome["id"] == "1" and outcome["state"] == "resolved", outcome
service.start(SCHEDULE, BOOK, lambda event, outcome: ended.append((event, outcome["id"])))
if sys.argv[2] == "caller":
    assert service.dispatch(20)
wait_for(lambda: ended and events.count((SCHEDULED, "1")) == 2)
assert ended == [(SCHEDULED, "1")], ended
service.close()
pickle.dumps(outcome)
"""
        for name, response in self.BODIES.items():
            for mode in ["caller", "thread"]:
                with self.subTest(name, mode=mode), Server(response) as server:
                    self.run_script(body, server.url, mode)
                    self.assertEqual(server.requests, 2)

    def test_nesting_beyond_the_recursion_limit_costs_one_member(self):
        body = """
def at_depth(function, depth):
    return function() if depth == 0 else at_depth(function, depth - 1)
service = opened()
sys.setrecursionlimit(200)
outcome = at_depth(lambda: service.schedule(BOOK), 100)
assert outcome["id"] == "1" and outcome["state"] == "resolved", outcome
"""
        with Server(b'{"_id":"1","n":' + b"[" * 110 + b"]" * 110 + b"}") as server:
            self.run_script(body, server.url)

    def test_exceptions_can_be_pickled_and_copied(self):
        body = """
import concurrent.futures, multiprocessing
service = opened()
outcome = {"state": "rejected", "error": {"message": "no", "booked": "unknown", "serverMessage": "Lee is busy"}}
rejected = Rejected(501, {**outcome, "slots": [1]})
interrupted = caught(lambda: opened(on_event=lambda event, data: 1 / 0))
def fail(event, data):
    if event == SCHEDULED:
        raise ValueError("from a handler")
from_handler = caught(opened(on_event=fail).schedule, BOOK)
assert from_handler.callbackservice_call.result()["id"] == "1", from_handler
for error in [
    CallbackServiceError(105, "wrong"), CallbackServiceError(202), rejected, caught(service.schedule),
    interrupted, from_handler,
]:
    for other in [pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)]:
        assert type(other) is type(error) and str(other) == str(error), (error, other)
        for name in ["status", "name", "booked", "server_message", "outcome", "slots"]:
            assert getattr(other, name, 0) == getattr(error, name, 0), (name, error)
        if error is from_handler:
            assert other.callbackservice_call.result()["id"] == "1"
assert (rejected.booked, rejected.server_message, str(rejected)) == ("unknown", "Lee is busy", "REJECTED: no")
assert CallbackServiceError(105, "wrong").booked is None
assert Rejected(501, {"error": "cut"}).server_message is None
def refused():
    return service.schedule()
with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
    error = caught(pool.submit(refused).result, 20)
assert isinstance(error, Rejected) and error.name == "NO_DATA", repr(error)
"""
        with Server() as server:
            self.run_script(body, server.url)

    def test_an_exception_of_a_handler_reaches_the_caller_after_the_other_handlers(self):
        body = """
class Stop(BaseException): pass
for kind in [ValueError, SystemExit, KeyboardInterrupt, Stop]:
    service, heard = opened(), []
    def fail(event, data):
        heard.append("first")
        raise kind("mine")
    numbers = [service.subscribe(SCHEDULED, fail), service.subscribe(SCHEDULED, lambda event, data: heard.append("second"))]
    error = caught(service.schedule, BOOK)
    assert type(error) is kind and error.callbackservice_call.result()["id"] == "1", repr(error)
    service.dispatch()
    assert heard == ["first", "second"], heard
    for number in numbers:
        service.unsubscribe(number)
    service.start(SCHEDULE, BOOK, fail)
    service.start(SCHEDULE, BOOK, lambda event, data: heard.append("done"))
    wait_for(lambda: diagnostics()["services"][0]["resolved"] >= 1)
    errors = []
    while heard.count("done") == 0:
        errors.append(caught(service.dispatch, 1))
    assert [type(error) for error in errors if error] == [kind], errors
    assert heard.count("first") == 2 and heard.count("done") == 1, heard
    service.close()
# On the handlers' thread there is no caller.
reported = []
threading.excepthook = lambda report: reported.append(report.exc_type)
service = opened("thread")
service.start(SCHEDULE, BOOK, lambda event, data: 1 / 0)
wait_for(lambda: reported == [ZeroDivisionError])
"""
        with Server() as server:
            self.run_script(body, server.url)

    def test_handlers_run_on_the_calling_thread_and_may_fork(self):
        body = """
threads = []
service = opened(on_event=lambda event, data: threads.append(threading.get_ident()))
set_log("debug", lambda level, line: threads.append(threading.get_ident()))
def work():
    threads.clear()
    service.schedule(BOOK)
    service.start(SCHEDULE, BOOK, lambda event, data: threads.append(threading.get_ident()))
    while not service.dispatch(5): pass
    assert len(threads) > 4 and set(threads) == {threading.get_ident()}, threads
work()
thread = threading.Thread(target=work)
thread.start()
thread.join()
set_log("off")
forked = []
def fork(event, data):
    forked.append(os.fork())
service.subscribe(SCHEDULED, fork)
outcome = service.schedule(BOOK)
assert outcome["id"] == "1"
if forked[-1] == 0:
    forked.clear()
    assert service.schedule(BOOK)["id"] == "1"
    os._exit(7 if forked[-1] else 0)
assert os.waitstatus_to_exitcode(os.waitpid(forked[-1], 0)[1]) == 7 if hasattr(os, "waitstatus_to_exitcode") else True
"""
        with Server() as server:
            self.run_script(body, server.url)


class Signals(Script):
    def test_an_interrupt_ends_every_wait(self):
        waits = {
            "dispatch": "service = opened(); ready(); service.dispatch(None)",
            "dispatch, 30 s": "service = opened(); ready(); service.dispatch(30)",
            "dispatch, infinity": "service = opened(); ready(); service.dispatch(math.inf)",
            "dispatch with a log": "set_log('debug', print); service = opened(); ready(); service.dispatch(None)",
            "schedule": "opened(on_event=lambda event, data: ready()).schedule(BOOK)",
            "schedule in a with": "with opened() as service: ready(); service.schedule(BOOK)",
            "schedule, handlers' thread": "service = opened('thread'); ready(); service.schedule(BOOK)",
            "schedule with a log": "set_log('debug', print); service = opened(); ready(); service.schedule(BOOK)",
            "availability": "service = opened(); ready(); service.availability(numberOfDays=1)",
            "command": "service = opened(); ready(); service.command(SCHEDULE, BOOK)",
            "close": """
service = opened(on_event=lambda event, data: event != "CallbackService.ready" and time.sleep(60), ajaxTimeout=200)
threading.Thread(target=lambda: caught(service.schedule, BOOK), daemon=True).start()
time.sleep(1); ready(); service.close(None)""",
            "close, handlers' thread": """
service = opened("thread")
service.start("CallbackService.configure", {}, lambda event, data: (ready(), time.sleep(60)))
service.close(None)""",
            "the outcome of an interrupted call": """
signal.signal(signal.SIGALRM, lambda *_: 1 / 0); signal.setitimer(signal.ITIMER_REAL, 0.3)
error = caught(opened().schedule, BOOK); ready(); error.callbackservice_call.result()""",
        }
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}/x"
            for name, body in waits.items():
                with self.subTest(name):
                    process = self.begin_script("ready = lambda: print('ready', flush=True)\n" + body, url)
                    while "ready" not in process.stdout.readline():
                        self.assertIsNone(process.poll(), name)
                    time.sleep(0.3)
                    begun = time.monotonic()
                    process.send_signal(signal.SIGINT)
                    _, errors = process.communicate(timeout=20)
                    self.assertLess(time.monotonic() - begun, 4)
                    self.assertEqual(process.returncode, -signal.SIGINT, errors)
                    self.assertIn("KeyboardInterrupt", errors)

    def test_an_interrupted_booking_is_made_once_and_can_be_asked_for(self):
        body = """
class TimeLimit(Exception):
    def __setattr__(self, name, value): raise AttributeError(name)
def limit(*_): raise TimeLimit()
signal.signal(signal.SIGUSR1, limit)
heard = []
def on_event(event, data): heard.append((event, threading.get_ident()))
service = opened(sys.argv[2], on_event if sys.argv[3] == "handler" else None)
wait_for(lambda: heard or sys.argv[3] != "handler")
heard.clear()
error = caught(service.schedule, BOOK)
assert type(error) is TimeLimit, repr(error)
call = error.callbackservice_call
assert isinstance(call, InterruptedCall) and not call.done() and call.command == SCHEDULE, call
assert caught(call.result, 0.01).name == "TIMEOUT"
print("interrupted", flush=True)
if sys.argv[2] == "caller" and sys.argv[3] == "handler":
    while not service.dispatch(0.1): pass
assert call.result()["id"] == "1" and call.done()
if sys.argv[3] == "handler":
    wait_for(lambda: heard)
    assert [event for event, _ in heard] == [SCHEDULED], heard
    assert sys.argv[2] == "thread" or heard[0][1] == threading.get_ident()
service.close()
print("done")
"""
        for mode in ["caller", "thread"]:
            for handler in ["handler", "none"]:
                with self.subTest(mode=mode, handler=handler), Server(may_answer=False) as server:
                    process = self.begin_script(body, server.url, mode, handler)
                    self.assertTrue(server.arrived.acquire(timeout=20))
                    process.send_signal(signal.SIGUSR1)
                    self.assertEqual(process.stdout.readline(), "interrupted\n", process.poll())
                    server.may_answer.set()
                    out, errors = process.communicate(timeout=20)
                    self.assertEqual(out, "done\n", errors)
                    self.assertEqual(server.requests, 1)

    def test_an_interrupted_dispatch_loses_no_completion(self):
        body = """
class Tick(Exception): pass
def tick(*_):
    # Once each time, so that none is raised outside the try.
    if armed:
        armed.clear()
        raise Tick()
signal.signal(signal.SIGALRM, tick)
armed, service, ended = [], opened(), [{} for _ in range(200)]
for one in ended:
    # A function in C, into which no signal handler raises.
    service.start(SCHEDULE, BOOK, one.setdefault)
ticks, deadline = 0, time.monotonic() + 30
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.005)
while not all(ended) and time.monotonic() < deadline:
    try:
        armed.append(True)
        service.dispatch(0.05)
        armed.clear()
    except Tick:
        ticks += 1
signal.setitimer(signal.ITIMER_REAL, 0)
assert all(ended), sum(map(bool, ended))
assert ticks > 3, ticks
"""
        with Server() as server:
            self.run_script(body, server.url)
            self.assertEqual(server.requests, 200)

    def test_interrupts_at_any_moment_leave_the_service_usable(self):
        body = """
class Tick(Exception): pass
def tick(*_):
    # Once each time, so that none is raised outside the try.
    if armed:
        armed.clear()
        raise Tick()
signal.signal(signal.SIGALRM, tick)
armed, heard, calls, booked = [], {}, [], 0
service = opened(on_event=heard.setdefault)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.0013)
deadline = time.monotonic() + 4
while time.monotonic() < deadline:
    try:
        armed.append(True)
        service.schedule(BOOK)
        booked += 1
        number = service.subscribe("*", heard.setdefault)
        service.unsubscribe(number)
        service.dispatch()
        armed.clear()
    except Tick as error:
        calls.append(getattr(error, "callbackservice_call", None))
signal.setitimer(signal.ITIMER_REAL, 0)
sent = 0
for call in filter(None, calls):
    try:
        assert call.result(20)["id"] == "1"
        sent += 1
    except CallbackServiceError as error:
        assert (error.name, error.booked) == ("CANCELLED", "no"), error
service.dispatch()
assert not service.dispatch() and len(calls) > 100, len(calls)
worker = threading.Thread(target=service.close, args=(None,))
worker.start()
worker.join(20)
assert not worker.is_alive() and not diagnostics()["services"]
print(sent + booked)
"""
        with Server() as server:
            answered = int(self.run_script(body, server.url))
            # A tick between the end of a command and the next one takes the outcome that was returned already.
            self.assertLessEqual(answered, server.requests)
            self.assertGreater(answered, server.requests - 40)

    def test_an_interrupt_between_handlers_leaves_the_rest_for_the_next_dispatch(self):
        body = """
service, ended = opened(), []
def stop(event, data):
    ended.append("stop")
    sys.exit(5)
service.start("CallbackService.configure", {}, stop)
for number in range(3):
    service.start("CallbackService.configure", {}, lambda event, data, number=number: ended.append(number))
error = caught(service.dispatch)
assert isinstance(error, SystemExit) and ended == ["stop"], ended
assert service.dispatch() and ended == ["stop", 0, 1, 2], ended
assert not service.dispatch()
service.start("CallbackService.configure", {}, stop)
service.start("CallbackService.configure", {}, lambda event, data: ended.append("last"))
assert isinstance(caught(service.dispatch), SystemExit)
service.close()
assert ended[-1] == "last", ended
raise error
"""
        self.run_script(body, "http://127.0.0.1:1/x", expected=5)


class Exit(Script):
    SITUATIONS = {
        "a daemon thread books, with a handler": """
service = opened(on_event=lambda event, data: None)
for _ in range(4): threading.Thread(target=book_for_ever, daemon=True).start()
""",
        "a daemon thread books, with a log": """
set_log("debug", lambda level, line: None)
service = opened()
for _ in range(4): threading.Thread(target=book_for_ever, daemon=True).start()
""",
        "daemon threads open services, with a log": """
set_log("debug", lambda level, line: None)
def open_for_ever():
    while True: opened(on_event=lambda event, data: None).close()
for _ in range(4): threading.Thread(target=caught, args=(open_for_ever,), daemon=True).start()
""",
        "a daemon thread dispatches": """
service = opened()
def dispatch_for_ever():
    while True: service.dispatch(0.5)
for _ in range(100): service.start(SCHEDULE, BOOK, lambda event, data: time.sleep(0.001))
threading.Thread(target=caught, args=(dispatch_for_ever,), daemon=True).start()
""",
        "the handlers' thread is busy": """
service = opened("thread", lambda event, data: time.sleep(0.002))
for _ in range(50): service.start(SCHEDULE, BOOK, lambda event, data: time.sleep(0.002))
""",
        "a handler on the handlers' thread never returns": """
service = opened("thread")
def spin(event, data):
    while True: pass
service.start("CallbackService.configure", {}, spin)
service.start("CallbackService.configure", {}, spin)
""",
        "a handler of a daemon thread never returns": """
def spin(event, data):
    while event == SCHEDULED: pass
service = opened(on_event=spin)
threading.Thread(target=caught, args=(service.schedule, BOOK), daemon=True).start()
""",
        "nothing was dispatched": """
service = opened()
for _ in range(10): service.start(SCHEDULE, BOOK, lambda event, data: None)
""",
        "a service is closed already": "opened().close()",
        "a service was dropped": "opened('thread').start(SCHEDULE, BOOK, lambda event, data: None)",
    }

    def test_the_interpreter_ends_cleanly(self):
        body = """
def book_for_ever():
    caught(lambda: [service.schedule(BOOK) for _ in iter(int, 1)])
class Slow:
    def __del__(self, sleep=time.sleep): sleep(0.3)
import builtins
builtins.slow = Slow()
%s
time.sleep(0.05)
"""
        with Server() as server:
            for name, situation in self.SITUATIONS.items():
                ends = collections.Counter()
                for _ in range(3):
                    process = self.begin_script(body % situation, server.url)
                    _, errors = process.communicate(timeout=20)
                    ends[process.returncode] += 1
                self.assertEqual(set(ends), {0}, f"{name}: {errors}")

    def test_threads_that_the_interpreter_waits_for_finish_their_calls(self):
        body = """
service = opened()
threading.Thread(target=lambda: print(service.schedule(BOOK)["id"])).start()
"""
        with Server(may_answer=False) as server:
            process = self.begin_script(body, server.url)
            self.assertTrue(server.arrived.acquire(timeout=20))
            time.sleep(0.3)
            server.may_answer.set()
            self.assertEqual(process.communicate(timeout=20)[0], "1\n")

    def test_started_calls_complete_at_exit(self):
        body = """
service = opened()
service.start(SCHEDULE, BOOK, lambda event, outcome: print(outcome["state"]))
"""
        with Server(may_answer=False) as server:
            self.assertEqual(self.run_script(body, server.url), "cancelled\n")


class Values(Script):
    def test_times(self):
        body = """
milliseconds = callbackservice._milliseconds
for seconds, expected in [
    (None, -1), (math.inf, -1), (decimal.Decimal("Infinity"), -1), (0, 0), (0.0004, 1), (1.5, 1500), (True, 1000),
    (fractions.Fraction(1, 3), 334), (decimal.Decimal("0.25"), 250), (2**31 / 1000, 2**31 - 1), (3e6, 2**31 - 1),
    (2**32 / 1000, 2**31 - 1), (2**64, 2**31 - 1), (1e306, 2**31 - 1), (10**400, 2**31 - 1),
]:
    assert milliseconds(seconds) == expected, (seconds, milliseconds(seconds))
service = opened()
call = InterruptedCall("x", callbackservice._calls.Call(None))
for wrong in [-1, -0.001, -math.inf, math.nan, decimal.Decimal(-1), decimal.Decimal("NaN")]:
    for function in [milliseconds, service.dispatch, service.close, call.result]:
        assert isinstance(caught(function, wrong), ValueError), (function, wrong)
assert isinstance(caught(service.dispatch, "1"), TypeError)
for long in [math.inf, None, 3e6, 2**32 / 1000, 10**400]:
    thread = threading.Thread(target=caught, args=(service.dispatch, long), daemon=True)
    thread.start()
    thread.join(0.15)
    assert thread.is_alive(), long
begun = time.monotonic()
assert not service.dispatch(0.3) and 0.3 <= time.monotonic() - begun < 2
service.close(math.inf)
service.close(math.inf)
"""
        self.run_script(body, "http://127.0.0.1:1/x")

    def test_a_nul_is_refused_and_nothing_is_sent(self):
        body = """
service = opened()
ignore = lambda event, data: None
for call in [
    lambda: Service('{"dataURL":"%s"}\\0 and more' % URL), lambda: Service(b'{"dataURL":"x"}\\0'),
    lambda: service.configure('{}\\0'), lambda: service.schedule('{"phonenumber":"1"}\\0,"desiredtime":"2030"}'),
    lambda: service.schedule(b'{"phonenumber":"1"}\\0'), lambda: service.availability('{}\\0'),
    lambda: service.schedule('{"phonenumber":"1"}\\0', subject="x"),
    lambda: service.command(SCHEDULE + '\\0x', BOOK), lambda: service.command(SCHEDULE, '{"phonenumber":"1"}\\0'),
    lambda: service.subscribe("*\\0", ignore), lambda: service.start(SCHEDULE + "\\0", BOOK, ignore),
    lambda: service.start(SCHEDULE, '{"phonenumber":"1"}\\0', ignore),
    lambda: service.schedule('{"phonenumber":"1"}'.encode("utf-16")),
]:
    error = caught(call)
    assert isinstance(error, ValueError), repr(error)
"""
        with Server() as server:
            self.run_script(body, server.url)
            self.assertEqual(server.requests, 0)

    def test_options_join_data_without_rewriting_it(self):
        body = """
from callbackservice._values import merged
assert merged(None, {"a": 1}) == {"a": 1} and merged('{"a":1}', {}) == '{"a":1}'
assert merged({"a": 1}, {"a": 2}) == {"a": 2}
assert merged('\\ufeff {"n": 4.15e9, "big": %s} ' % ("9" * 5000), {"a": 1}) == '{"n": 4.15e9, "big": %s,"a": 1}' % ("9" * 5000)
assert merged(b"{}", {"a": 1}) == '{"a": 1}'
for wrong, kind in [("[1]", TypeError), ("{", ValueError), ("", ValueError), ("null", TypeError)]:
    assert isinstance(caught(merged, wrong, {"a": 1}), kind), wrong
class Mapping(dict): pass
import types
service = opened()
assert service.schedule(types.MappingProxyType(BOOK))["id"] == "1"
assert service.schedule('{"phonenumber":"1"}', phonenumber="2")["id"] == "1"
"""
        with Server() as server:
            self.run_script(body, server.url)

    def test_a_wrong_log_level_is_named(self):
        body = """
assert "warning" in str(caught(set_log, "warn", print)) and isinstance(caught(set_log, 3, print), ValueError)
"""
        self.run_script(body, "http://127.0.0.1:1/x")


class Dropped(Script):
    def test_a_dropped_service_is_closed_with_a_warning(self):
        body = """
class Owner:
    def __init__(self, mode):
        self.service = opened(mode, self.on_event)
        self.service.subscribe("*", lambda event, data: self)
    def on_event(self, event, data): pass
for mode in ["caller", "thread"]:
    for make in [opened, Owner]:
        with warnings.catch_warnings(record=True) as caught_warnings:
            warnings.simplefilter("always")
            for _ in range(20): make(mode)
            wait_for(lambda: gc.collect() is None or not diagnostics()["services"])
        kinds = {warning.category for warning in caught_warnings}
        assert kinds == {ResourceWarning} and len(caught_warnings) == 20, (mode, make, len(caught_warnings))
with warnings.catch_warnings():
    warnings.simplefilter("error")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20): opened().close()
    assert len(os.listdir("/proc/self/fd")) <= before + 2
"""
        with Server() as server:
            self.run_script(body, server.url)

    def test_a_service_may_be_collected_inside_its_own_handler(self):
        body = """
warnings.simplefilter("ignore")
for mode in ["caller", "thread"]:
    box, ended = [opened(mode)], []
    def done(event, outcome):
        box.clear()
        gc.collect()
        ended.append(outcome["state"])
    box[0].start("CallbackService.configure", {}, done)
    if mode == "caller":
        box[0].dispatch(5)
    wait_for(lambda: len(ended) == 1 and not diagnostics()["services"])
    # Inside the handler of another one.
    outer, box = opened(mode), [opened("caller"), opened("thread")]
    outer.start("CallbackService.configure", {}, done)
    if mode == "caller":
        outer.dispatch(5)
    wait_for(lambda: len(ended) == 2)
    outer.close()
    wait_for(lambda: not diagnostics()["services"])
"""
        self.run_script(body, "http://127.0.0.1:1/x")

    def test_a_started_call_of_a_dropped_service_completes(self):
        body = """
warnings.simplefilter("ignore")
ended = []
for mode in ["caller", "thread"]:
    opened(mode).start(SCHEDULE, BOOK, lambda event, outcome: ended.append(outcome["state"]))
wait_for(lambda: ended == ["cancelled"] * 2)
assert gc.collect() is None or not diagnostics()["services"]
"""
        with Server(may_answer=False) as server:
            self.run_script(body, server.url)
