"""Calls that were started."""

import pytest
from support import Server, run_script


def test_a_started_call_completes_in_dispatch_or_where_its_result_is_awaited(server):
    body = """
service = opened()
calls = [service.start.schedule(phone_number=str(number)) for number in range(20)]
assert [call.result(20).id for call in calls] == ["1"] * 20 and all(call.done() for call in calls)
assert calls[0].exception() is None and calls[0].command == SCHEDULE and len({call.id for call in calls}) == 20
assert calls[0].cancel() is False and "ended" in repr(calls[0])
bad = service.start.schedule(phone_number="x" * 10, desired_time="tomorrow")
assert isinstance(bad.exception(20), ArgumentError) and isinstance(caught(bad.result), ArgumentError)
told = []
call = service.start.schedule(phone_number="1")
@call.on_done
def first(call): told.append(call.result().id)
call.on_done(lambda call: 1 / 0)
call.on_done(lambda call: told.append("third"))
while not call.done():
    error = caught(service.dispatch, 1)
assert isinstance(error, ZeroDivisionError) and told == ["1", "third"], (error, told)
call.on_done(lambda call: told.append("late"))
assert told[-1] == "late"
"""
    run_script(body, server.url)


@pytest.mark.parametrize("mode", ["caller", "thread"])
def test_a_cancelled_call_says_what_is_known(mode):
    body = """
service = opened(sys.argv[2])
call = service.start.schedule(phone_number="1")
assert isinstance(caught(call.result, 0.01), CallTimeout) and not call.done()
assert call.cancel() and call.cancel() is False
error = call.exception(20)
assert isinstance(error, CallCancelled) and error.booked == "unknown", error
other = service.start.schedule(phone_number="2")
service.close()
assert other.done() and isinstance(caught(other.result), CallCancelled)
"""
    with Server(may_answer=False) as server:
        run_script(body, server.url, mode)


def test_the_handlers_thread_completes_calls(server):
    body = """
service = opened("thread")
threads = []
call = service.start.schedule(phone_number="1")
call.on_done(lambda call: threads.append(threading.get_ident()))
assert call.result(20).id == "1"
wait_for(lambda: threads)
assert isinstance(caught(service.dispatch), StateError)
service.close()
"""
    run_script(body, server.url)


def test_a_call_outlives_its_object_and_keeps_the_service(server):
    body = """
told = []
service = opened()
service.start.schedule(phone_number="1").on_done(lambda call: told.append(call.result().id))
gc.collect()
wait_for(lambda: service.dispatch(0.1) and told == ["1"])
call = opened().start.schedule(phone_number="1")
gc.collect()
assert call.result(20).id == "1"
call._service.close()
del service, call
gc.collect()
"""
    run_script(body, server.url)


def test_a_call_belongs_to_its_process():
    body = """
service = opened()
call = service.start.schedule(phone_number="1")
child = os.fork()
if child == 0:
    error = caught(call.result, 20)
    os._exit(0 if error.name == "NO_SUCH" and not service.dispatch() else 1)
assert os.waitpid(child, 0)[1] == 0
"""
    with Server(may_answer=False) as server:
        run_script(body, server.url)


def test_events_of_started_and_blocking_commands(server):
    body = """
heard = []
service = opened()
@service.on("scheduled", "scheduleError")
def log(event): heard.append((event.name, event.result and event.result.id, event.error and event.error.name))
@service.on()
def all_events(event): heard.append(event.name)
assert heard == ["ready"], heard
heard.clear()
service.schedule(BOOK)
service.start.schedule(BOOK).result(20)
caught(service.schedule)
assert heard == [("scheduled", "1", None), "scheduled"] * 2 + [("scheduleError", None, "NO_DATA"), "scheduleError"], heard
assert isinstance(caught(service.on("nonsense"), print), ArgumentError)
assert isinstance(caught(service.subscribe, "x", print), ArgumentError)
"""
    run_script(body, server.url)


def test_the_busy_queue_is_refused_and_loses_nothing():
    body = """
service = opened(queueLimit=2)
calls = [service.start.schedule(phone_number="1") for _ in range(2)]
assert isinstance(caught(service.start.schedule, phone_number="1"), BusyError)
service.close()
assert all(call.done() for call in calls)
"""
    with Server(may_answer=False) as server:
        run_script(body, server.url)
