"""What the tests share: a server on loopback, the sandbox, and scripts that run in a process of their own."""

import http.server
import json
import os
import pathlib
import subprocess
import sys
import threading

PACKAGE = pathlib.Path(__file__).resolve().parent.parent
ROOT = PACKAGE.parent.parent
RELEASE = ROOT / "build" / "release"

# With INSTALLED=1, the tests are of the package that is installed for this Python.
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
if not os.environ.get("INSTALLED"):
    ENVIRONMENT["PYTHONPATH"] = str(PACKAGE)
    ENVIRONMENT.setdefault("CALLBACKSERVICE_LIBRARY", str(RELEASE / "libcallbackservice.so"))

# Each script gets the data URL of a server as its argument.
PRELUDE = """
import asyncio, copy, datetime, decimal, fractions, functools, gc, logging, math, os, pickle, signal, sys, threading, time, uuid
import warnings, zoneinfo
import callbackservice
from callbackservice import *
from callbackservice import AsyncService
URL = sys.argv[1]
SCHEDULE, SCHEDULED = "CallbackService.schedule", "CallbackService.scheduled"
BOOK = {"phonenumber": "+14151110000"}
CONFIG = {"dataURL": URL, "proxy": "none", "ajaxTimeout": 20000}

def opened(mode="caller", on_event=None, **keys):
    return Service({**CONFIG, "handlers": mode, **keys}, on_event)

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

    def do_GET(self):
        self.answer()

    def do_POST(self):
        self.answer()

    def do_PUT(self):
        self.answer()

    def do_DELETE(self):
        self.answer()

    def answer(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.seen.append((self.command, self.path, body.decode()))
        self.server.arrived.release()
        self.server.may_answer.wait(60)
        status, headers, body = self.server.response
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    """Answers every request with the same response, when it may, and keeps what it was sent."""

    request_queue_size = 256

    def __init__(self, body=b'{"_id":"1"}', may_answer=True, status=200, headers=None):
        super().__init__(("127.0.0.1", 0), Handler)
        self.response = status, headers or {}, body
        self.seen = []
        self.arrived, self.may_answer = threading.Semaphore(0), threading.Event()
        if may_answer:
            self.may_answer.set()
        self.base = f"http://127.0.0.1:{self.server_port}"
        self.url = f"{self.base}/x"

    @property
    def requests(self):
        return len(self.seen)

    def handle_error(self, *_):
        pass  # A program that was interrupted has closed the connection.

    def __enter__(self):
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.may_answer.set()
        self.shutdown()
        self.server_close()


class Sandbox:
    """A running sandbox with bookings in memory."""

    def __init__(self, *arguments):
        self.arguments = arguments

    def __enter__(self):
        self.process = subprocess.Popen(
            [RELEASE / "callback-sandbox", "--listen", "127.0.0.1:0", *self.arguments], stdout=subprocess.PIPE, text=True
        )
        self.base = self.process.stdout.readline().strip()[len("listening on ") :]
        self.v1 = f"{self.base}/genesys/1/service/callback/samples"
        self.v3 = f"{self.base}/engagement/v3"
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.stdout.close()
        assert self.process.wait(timeout=10) == 0, "the sandbox did not end cleanly"


def run(*command, expected=0, env=None, **options):
    """Runs a program and returns what it printed; fails with all of it when the program fails."""
    done = subprocess.run(
        [str(word) for word in command], env=env or ENVIRONMENT, capture_output=True, text=True, timeout=60, **options
    )
    assert done.returncode == expected, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_script(body, url="http://127.0.0.1:1/x", *arguments, expected=0):
    return run(sys.executable, "-c", PRELUDE + body, url, *arguments, expected=expected)


class Scripts:
    """Scripts that run beside the test, and end with it."""

    def __init__(self):
        self.processes = []

    def begin(self, body, url, *arguments):
        process = subprocess.Popen(
            [sys.executable, "-u", "-c", PRELUDE + body, url, *arguments],
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stderr.close()


def sent(server):
    """The data of the last request, from JSON."""
    return json.loads(server.seen[-1][2])
