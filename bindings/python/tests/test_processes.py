"""More than one process: multiprocessing and prefork servers."""

import importlib.util
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from support import ENVIRONMENT, Server, run

POOL = """
import concurrent.futures, multiprocessing, sys
from callbackservice import Service, SlotUnavailable

URL = sys.argv[1]
service = None

def book(number):
    global service
    if service is None:
        service = Service({"dataURL": URL, "proxy": "none", "ajaxTimeout": 20000})
    return service.schedule(phone_number=str(number))

def refused(_):
    raise SlotUnavailable(502, None, {"error": {"booked": "no"}, "slots": [{"utcTime": "2030-12-01T10:00:00.000Z"}]})

if __name__ == "__main__":
    kind = sys.argv[2]
    if kind == "fork":
        book(0)  # The children inherit the open service.
    context = multiprocessing.get_context(kind)
    with context.Pool(2) as pool:
        assert [booking.id for booking in pool.map(book, range(20))] == ["1"] * 20
        try:
            pool.apply(refused, (1,))
            raise AssertionError
        except SlotUnavailable as error:
            assert error.slots[0].utc_time.hour == 10 and error.booked == "no"
        pool.close()
        pool.join()
    with concurrent.futures.ProcessPoolExecutor(2, context) as executor:
        assert [booking.id for booking in executor.map(book, range(4))] == ["1"] * 4
        assert isinstance(executor.submit(refused, 1).exception(), SlotUnavailable)
    print("done")
"""


@pytest.mark.parametrize("kind", ["fork", "spawn", "forkserver"])
def test_multiprocessing(server, tmp_path, kind):
    program = tmp_path / "pool.py"
    program.write_text(POOL)
    assert run(sys.executable, program, server.url, kind) == "done\n"


APPLICATION = """
import json, os, threading
from callbackservice import Service

# Opened before the server forks; each worker uses it.
service = Service({"dataURL": os.environ["DATA_URL"], "proxy": "none", "ajaxTimeout": 20000})
service.schedule(phone_number="0")

def application(environ, start_response):
    if environ["PATH_INFO"] == "/pid":
        body = str(os.getpid())
    elif environ["PATH_INFO"] == "/start":
        body = service.start.schedule(phone_number="2").result(20).id
    else:
        body = service.schedule(phone_number="1").id
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [body.encode()]
"""

SERVERS = {
    "gunicorn": ["-m", "gunicorn", "--preload", "--workers", "2", "--threads", "2", "--log-level", "error", "--bind"],
    "uwsgi": ["--master", "--processes", "2", "--threads", "2", "--need-app", "--die-on-term", "--disable-logging",
              "--wsgi-file", "application.py", "--http-socket"],
}  # fmt: skip


@pytest.mark.parametrize("name", SERVERS)
def test_prefork_servers(server, tmp_path, name):
    if name == "gunicorn" and importlib.util.find_spec("gunicorn") is None:
        pytest.skip("gunicorn is not installed")
    program = [sys.executable] if name == "gunicorn" else [sys.executable.rsplit("/", 1)[0] + "/uwsgi"]
    (tmp_path / "application.py").write_text(APPLICATION)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    application = ["application"] if name == "gunicorn" else []
    try:
        process = subprocess.Popen(
            [*program, *SERVERS[name], address, *application], cwd=tmp_path, env={**ENVIRONMENT, "DATA_URL": server.url},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    except FileNotFoundError:
        pytest.skip(f"{name} is not installed")

    def get(path):
        with urllib.request.urlopen(f"http://{address}{path}", timeout=20) as response:
            return response.read().decode()

    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                get("/pid")
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, process.stdout.read()
                time.sleep(0.05)
        assert [get("/") for _ in range(20)] == ["1"] * 20
        assert [get("/start") for _ in range(10)] == ["1"] * 10
    finally:
        process.send_signal(signal.SIGTERM)
        shown, _ = process.communicate(timeout=20)
    assert process.returncode == 0, shown
    assert "Traceback" not in shown, shown
    assert server.requests >= 31


def test_a_signal_exception_of_a_task_queue_reaches_the_task():
    """Celery's soft time limit and alarm-based limits raise in a signal handler while the task waits."""
    body = """
import signal, sys, time
from callbackservice import Service
class SoftTimeLimit(Exception): pass
def limit(*_): raise SoftTimeLimit()
signal.signal(signal.SIGUSR1, limit)
signal.signal(signal.SIGALRM, limit)
service = Service({"dataURL": sys.argv[1], "proxy": "none", "ajaxTimeout": 20000}, on_event=lambda event, data: None)
signal.setitimer(signal.ITIMER_REAL, 0.3)
begun = time.monotonic()
try:
    service.schedule(phone_number="1")
    raise SystemExit("the time limit is gone")
except SoftTimeLimit as error:
    assert time.monotonic() - begun < 5
    print(error.callbackservice_call.done())
"""
    with Server(may_answer=False) as server:
        assert run(sys.executable, "-c", body, server.url) == "False\n"
