"""The C functions for tests, through ctypes.

Names of commands are without their prefix, times in milliseconds. An outcome is a dictionary, also that of a rejected command;
only what cannot have an outcome raises `Failed`.
"""

import ctypes
import itertools
import json
import os

from support import RELEASE

OK = 0
PREFIX = "CallbackService."
LEVELS = ["off", "error", "warning", "info", "debug"]
FOREVER = -1

Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
Out = ctypes.POINTER(ctypes.c_void_p)
NOTHING = ctypes.cast(None, Handler)

library = ctypes.CDLL(os.environ.get("CALLBACKSERVICE_LIBRARY", str(RELEASE / "libcallbackservice.so")))


def function(name, *arguments, result=ctypes.c_int32):
    function = getattr(library, name)
    function.argtypes, function.restype = arguments, result
    return function


init = function("cbsvc_init", ctypes.c_char_p, Handler, ctypes.c_void_p, Out, Out)
configure = function("cbsvc_configure", ctypes.c_void_p, ctypes.c_char_p, Out)
close = function("cbsvc_close", ctypes.c_void_p, ctypes.c_int32)
command = function("cbsvc_command", ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, Out)
start = function("cbsvc_start", ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p, Handler, ctypes.c_void_p, ctypes.c_void_p,
                 ctypes.POINTER(ctypes.c_uint64))
cancel = function("cbsvc_cancel", ctypes.c_void_p, ctypes.c_uint64)
subscribe = function("cbsvc_subscribe", ctypes.c_void_p, ctypes.c_char_p, Handler, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)
dispatch = function("cbsvc_dispatch", ctypes.c_void_p, ctypes.c_int32)
json_state = function("cbsvc_diagnostics", Out)
log_to = function("cbsvc_set_log", ctypes.c_int32, Handler, ctypes.c_void_p)
status_name = function("cbsvc_status_name", ctypes.c_int32, result=ctypes.c_char_p)
string_free = function("cbsvc_string_free", ctypes.c_void_p, result=None)


class Failed(Exception):
    """A function that returned a status other than OK."""


def check(status, text=None):
    if status != OK:
        raise Failed(f"{status_name(status).decode()} {text or ''}")


def encoded(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def decoded(text):
    # Python refuses to convert an integer with thousands of digits.
    return json.loads(text, parse_int=lambda digits: int(digits) if len(digits) < 20 else digits)


def taken(pointer):
    """The text of an out parameter, which is freed."""
    text = ctypes.string_at(pointer.value) if pointer.value else None
    string_free(pointer)
    return text


class Service:
    """An open service. It appends its events to a list, as pairs of name and data."""

    def __init__(self, configuration, events=None):
        self._waiting, self._ended, self._numbers = {}, [], itertools.count(1)
        # The library calls both as long as the service is open. `dispatch` calls the functions of the test, outside of the
        # library, where exceptions reach the test.
        self._on_event = Handler(lambda event, data, _: events.append((event.decode(), decoded(data))))
        self._on_end = Handler(lambda _, data, number: self._ended.append((number, decoded(data))))
        self._handle, error = ctypes.c_void_p(), ctypes.c_void_p()
        check(init(encoded(configuration), NOTHING, None, self._handle, error), taken(error))
        if events is not None:
            check(subscribe(self._handle, b"*", self._on_event, None, None, None))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def command(self, name, data):
        """The outcome of a blocking call."""
        outcome = ctypes.c_void_p()
        status = command(self._handle, (PREFIX + name).encode(), encoded(data), outcome)
        outcome = decoded(taken(outcome))
        assert status == outcome.get("error", {}).get("status", OK), (status, outcome)
        return outcome

    def start(self, name, data, done):
        """Starts a call and returns its id; `done` receives the outcome in `dispatch`."""
        number, call = next(self._numbers), ctypes.c_uint64()
        self._waiting[number] = done
        check(start(self._handle, (PREFIX + name).encode(), encoded(data), self._on_end, number, None, call))
        return call.value

    def cancel(self, call):
        """Cancels a call, unless it is complete."""
        return cancel(self._handle, call)

    def dispatch(self, timeout=FOREVER):
        status = dispatch(self._handle, timeout)
        while self._ended:
            number, outcome = self._ended.pop(0)
            self._waiting.pop(number)(outcome)
        return status

    def configure(self, changes):
        error = ctypes.c_void_p()
        check(configure(self._handle, encoded(changes), error), taken(error))

    def close(self, timeout=5000):
        check(close(self._handle, timeout))


def blocking(service, name, data):
    return service.command(name, data)


def started(service, name, data):
    outcomes = []
    service.start(name, data, outcomes.append)
    while not outcomes:
        check(service.dispatch())
    return outcomes[0]


MODES = [blocking, started]


def diagnostics():
    state = ctypes.c_void_p()
    check(json_state(state))
    return decoded(taken(state))


# One for ever: another thread may still be in it after `set_log`.
log_handler = Handler(lambda level, line, _: log_function(level.decode(), line.decode()))
log_function = None


def set_log(level, function=lambda level, line: None):
    """Sends log lines to a function of level and line, which must not raise."""
    global log_function
    log_function = function
    check(log_to(LEVELS.index(level), log_handler, None))


def status_of(outcome):
    return outcome["error"]["name"] if "error" in outcome else "OK"
