"""The end of the interpreter."""

import time

import pytest
from support import Server, run_script

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


@pytest.mark.parametrize("name", SITUATIONS)
def test_the_interpreter_ends_cleanly(scripts, name):
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
        processes = [scripts.begin(body % SITUATIONS[name], server.url) for _ in range(3)]
        for process in processes:
            _, errors = process.communicate(timeout=20)
            assert process.returncode == 0, errors


def test_threads_that_the_interpreter_waits_for_finish_their_calls(scripts):
    body = """
service = opened()
threading.Thread(target=lambda: print(service.schedule(BOOK).id)).start()
"""
    with Server(may_answer=False) as server:
        process = scripts.begin(body, server.url)
        assert server.arrived.acquire(timeout=20)
        time.sleep(0.3)
        server.may_answer.set()
        assert process.communicate(timeout=20)[0] == "1\n"


def test_started_calls_complete_at_exit():
    body = """
service = opened()
service.start(SCHEDULE, BOOK, lambda event, outcome: print(outcome["state"]))
"""
    with Server(may_answer=False) as server:
        assert run_script(body, server.url) == "cancelled\n"
