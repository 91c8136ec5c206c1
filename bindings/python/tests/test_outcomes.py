"""What reaches the caller: outcomes, exceptions, and what handlers do."""

import pytest
from support import Server, run_script

BODIES = {
    "an integer of 5,000 digits": b'{"_id":"1","n":' + b"9" * 5000 + b"}",
    "a negative one in a list": b'{"_id":"1","n":[{"m":-' + b"8" * 4301 + b"}]}",
    "a lone surrogate": b'{"_id":"1","n":"\\ud800 \\udc00"}',
    "a number beyond a float": b'{"_id":"1","n":1e999}',
    "an escaped NUL": b'{"_id":"1","n":"a\\u0000b"}',
    "deep nesting": b'{"_id":"1","n":' + b"[" * 90 + b"]" * 90 + b"}",
}


@pytest.mark.parametrize("mode", ["caller", "thread"])
@pytest.mark.parametrize("name", BODIES)
def test_an_outcome_reaches_the_caller_whatever_the_response_contains(name, mode):
    body = """
events, ended = [], []
service = opened(sys.argv[2], lambda event, data: events.append((event, data.get("id"))))
outcome = service.schedule(BOOK)
assert outcome.id == "1" and outcome.raw["state"] == "resolved" and outcome.http_status == 200, outcome.raw
service.start(SCHEDULE, BOOK, lambda event, outcome: ended.append((event, outcome["id"])))
if sys.argv[2] == "caller":
    assert service.dispatch(20)
wait_for(lambda: ended and events.count((SCHEDULED, "1")) == 2)
assert ended == [(SCHEDULED, "1")], ended
service.close()
pickle.dumps(outcome)
"""
    with Server(BODIES[name]) as server:
        run_script(body, server.url, mode)
        assert server.requests == 2


def test_nesting_beyond_the_recursion_limit_costs_one_member():
    body = """
def at_depth(function, depth):
    return function() if depth == 0 else at_depth(function, depth - 1)
service = opened()
sys.setrecursionlimit(200)
outcome = at_depth(lambda: service.schedule(BOOK), 100)
assert outcome.id == "1" and outcome.raw["state"] == "resolved", outcome.raw
"""
    with Server(b'{"_id":"1","n":' + b"[" * 110 + b"]" * 110 + b"}") as server:
        run_script(body, server.url)


def test_exceptions_can_be_pickled_and_copied():
    body = """
import concurrent.futures, multiprocessing
service = opened()
outcome = {"state": "rejected", "error": {"message": "no", "booked": "unknown", "serverMessage": "Lee is busy"}}
slots = [{"utcTime": "2030-12-01T10:00:00.000Z", "capacity": 3}, 1]
rejected = Rejected(501, None, {**outcome, "httpStatus": 400, "slots": slots})
interrupted = caught(lambda: opened(on_event=lambda event, data: 1 / 0))
def fail(event, data):
    if event == SCHEDULED:
        raise ValueError("from a handler")
from_handler = caught(opened(on_event=fail).schedule, BOOK)
assert from_handler.callbackservice_call.result().id == "1", from_handler
for error in [
    CallbackServiceError(105, "wrong"), CallbackServiceError(202), rejected, caught(service.schedule),
    interrupted, from_handler,
]:
    for other in [pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)]:
        assert type(other) is type(error) and str(other) == str(error), (error, other)
        for name in [name for name, kind in vars(CallbackServiceError).items() if isinstance(kind, property)]:
            assert getattr(other, name, 0) == getattr(error, name, 0), (name, error)
        if error is from_handler:
            assert other.callbackservice_call.result().id == "1"
assert (rejected.booked, rejected.server_message, str(rejected)) == ("unknown", "Lee is busy", "REJECTED: no")
assert CallbackServiceError(105, "wrong").booked is None
assert Rejected(501, None, {"error": "cut"}).server_message is None
assert [(slot.utc_time.hour, slot.capacity) for slot in rejected.slots] == [(10, 3)] and rejected.http_status == 400
def refused():
    return service.schedule()
with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
    error = caught(pool.submit(refused).result, 20)
assert isinstance(error, ArgumentError) and error.name == "NO_DATA", repr(error)
with multiprocessing.get_context("fork").Pool(1) as pool:
    assert isinstance(caught(pool.apply_async(refused).get, 20), ArgumentError)
"""
    with Server() as server:
        run_script(body, server.url)


def test_an_exception_of_a_handler_reaches_the_caller_after_the_other_handlers():
    body = """
class Stop(BaseException): pass
for kind in [ValueError, SystemExit, KeyboardInterrupt, Stop]:
    service, heard = opened(), []
    def fail(event, data):
        heard.append("first")
        raise kind("mine")
    numbers = [service.subscribe(SCHEDULED, fail), service.subscribe(SCHEDULED, lambda event, data: heard.append("second"))]
    error = caught(service.schedule, BOOK)
    assert type(error) is kind and error.callbackservice_call.result().id == "1", repr(error)
    service.dispatch()
    assert heard == ["first", "second"], heard
    for number in numbers:
        service.unsubscribe(number)
    service.start(SCHEDULE, BOOK, fail)
    service.start(SCHEDULE, BOOK, lambda event, data: heard.append("done"))
    wait_for(lambda: diagnostics()["services"][0]["resolved"] >= 1)
    errors = []
    while heard.count("done") == 0 or heard.count("first") < 2:
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
        run_script(body, server.url)


def test_handlers_run_on_the_calling_thread_and_may_fork():
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
assert service.schedule(BOOK).id == "1"
if forked[-1] == 0:
    forked.clear()
    assert service.schedule(BOOK).id == "1"
    os._exit(7 if forked[-1] else 0)
assert os.waitstatus_to_exitcode(os.waitpid(forked[-1], 0)[1]) == 7
"""
    with Server() as server:
        run_script(body, server.url)
