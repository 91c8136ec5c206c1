"""What the tests share: a server on loopback, the sandbox, and scripts that run in a process of their own."""

import json
import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent
PACKAGE = TESTS.parent
ROOT = PACKAGE.parent.parent
RELEASE = ROOT / "build" / "release"

sys.path.append(str(ROOT / "tests" / "system"))
from booking_server import Server  # noqa: E402, F401

# With INSTALLED=1, the tests are of the package that is installed for this Python.
ENVIRONMENT = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
if not os.environ.get("INSTALLED"):
    ENVIRONMENT["PYTHONPATH"] = str(PACKAGE)
    ENVIRONMENT.setdefault("CALLBACKSERVICE_LIBRARY", str(RELEASE / "libcallbackservice.so"))

# Scripts run with another Python, such as one for Windows, if SCRIPT_PYTHON is a JSON list of the words of its command,
# and SCRIPT_ENVIRONMENT a JSON object of its environment.
SCRIPT_PYTHON = json.loads(os.environ.get("SCRIPT_PYTHON", "null")) or [sys.executable]
SCRIPT_ENVIRONMENT = json.loads(os.environ.get("SCRIPT_ENVIRONMENT", "null")) or ENVIRONMENT

# Each script gets the data URL of a server as its argument.
PRELUDE = """
import asyncio, copy, ctypes, datetime, decimal, fractions, functools, gc, logging, math, os, pickle, signal, sys, threading, time, uuid
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


class Sandbox:
    """A running sandbox with bookings in memory."""

    def __init__(self, *arguments, listen="127.0.0.1:0"):
        self.arguments = ["--listen", listen, *arguments]

    def __enter__(self):
        self.process = subprocess.Popen(
            [RELEASE / "callback-sandbox", *self.arguments],
            stdout=subprocess.PIPE,
            text=True,
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
    # Python looks for packages in its directory first.
    options = {"cwd": TESTS, "env": env or ENVIRONMENT, "timeout": 60, "stdin": subprocess.DEVNULL, **options}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    assert done.returncode == expected, f"ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def run_script(body, url="http://127.0.0.1:1/x", *arguments, expected=0):
    return run(*SCRIPT_PYTHON, "-c", PRELUDE + body, url, *arguments, expected=expected, env=SCRIPT_ENVIRONMENT)


class Scripts:
    """Scripts that run beside the test, and end with it."""

    def __init__(self):
        self.processes = []

    def begin(self, body, url, *arguments):
        process = subprocess.Popen(
            [*SCRIPT_PYTHON, "-u", "-c", PRELUDE + body, url, *arguments],
            cwd=TESTS,
            env=SCRIPT_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
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
