"""Books telephone callbacks with a contact center, and lists the slots that can be booked.

    from callbackservice import Service, Rejected

    with Service({"dataURL": "http://127.0.0.1:8080/genesys/1/service/callback/samples"}) as service:
        for slot in service.availability(numberOfDays=1)["slots"]:
            print(slot["utcTime"], slot["capacity"])
        booked = service.schedule(phonenumber="+14151110000")
        print(booked["id"])

The module calls the shared library through ctypes. It looks for it at ``CALLBACKSERVICE_LIBRARY``, beside this
file, and where the system looks for libraries. While a call waits for the server, other Python threads run.
"""

import ctypes
import itertools
import json
import os
import pathlib

__all__ = ["CallbackServiceError", "Rejected", "Service", "diagnostics", "set_log", "version"]

_HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
_NO_HANDLER = ctypes.cast(None, _HANDLER)
_RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

# Python functions that the library may still call, by the number that it is given as their data.
_functions = {}
_numbers = itertools.count(1)


@_HANDLER
def _call(event, data, number):
    _functions[number](event.decode(), json.loads(data))


@_RELEASE
def _release(number):
    _functions.pop(number, None)


def _kept(function):
    """A number for a function, which is kept until the library releases it."""
    number = next(_numbers)
    _functions[number] = function
    return number

NO_SUCH = 205
REENTRANT = 202
TIMEOUT = 301
LOG_LEVELS = {"off": 0, "error": 1, "warning": 2, "info": 3, "debug": 4}


def _load():
    beside = pathlib.Path(__file__).with_name("libcallbackservice.so")
    named = os.environ.get("CALLBACKSERVICE_LIBRARY")
    library = ctypes.CDLL(named or (str(beside) if beside.exists() else "libcallbackservice.so.1"))
    text, out, pointer = ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p
    number = ctypes.POINTER(ctypes.c_uint64)
    for name, arguments in {
        "cbsvc_init": [text, _HANDLER, pointer, out, out],
        "cbsvc_configure": [pointer, text, out],
        "cbsvc_close": [pointer, ctypes.c_int32],
        "cbsvc_schedule": [pointer, text, out],
        "cbsvc_availability": [pointer, text, out],
        "cbsvc_command": [pointer, text, text, out],
        "cbsvc_subscribe": [pointer, text, _HANDLER, pointer, _RELEASE, number],
        "cbsvc_unsubscribe": [pointer, ctypes.c_uint64],
        "cbsvc_start": [pointer, text, text, _HANDLER, pointer, _RELEASE, number],
        "cbsvc_cancel": [pointer, ctypes.c_uint64],
        "cbsvc_dispatch": [pointer, ctypes.c_int32],
        "cbsvc_waitable": [pointer, ctypes.POINTER(ctypes.c_ssize_t)],
        "cbsvc_diagnostics": [out],
        "cbsvc_set_log": [ctypes.c_int32, _HANDLER, pointer],
    }.items():
        function = getattr(library, name)
        function.argtypes, function.restype = arguments, ctypes.c_int32
    library.cbsvc_string_free.argtypes, library.cbsvc_string_free.restype = [pointer], None
    library.cbsvc_status_name.argtypes, library.cbsvc_status_name.restype = [ctypes.c_int32], text
    library.cbsvc_version_text.argtypes, library.cbsvc_version_text.restype = [], text
    return library


_library = _load()


class CallbackServiceError(Exception):
    """A call that did not do what it was asked. ``status`` is the number, ``name`` its name."""

    def __init__(self, status, message):
        self.status = status
        self.name = _library.cbsvc_status_name(status).decode()
        super().__init__(f"{self.name}: {message}" if message else self.name)


class Rejected(CallbackServiceError):
    """A command that was rejected. ``outcome`` is the whole outcome, ``slots`` what the server proposes instead."""

    def __init__(self, status, outcome):
        self.outcome = outcome
        self.slots = outcome.get("slots", [])
        super().__init__(status, outcome["error"]["message"])


def _take(pointer):
    """The text of an out parameter, freed."""
    if not pointer.value:
        return None
    try:
        return ctypes.string_at(pointer.value).decode()
    finally:
        _library.cbsvc_string_free(pointer)


class Service:
    """An open service. Close it, or use it as a context manager.

    ``config`` is the configuration as a dictionary or JSON text. ``on_event``, if given, is called with the name and
    the data of every event, on the thread whose call caused it.
    """

    def __init__(self, config, on_event=None):
        self._service = ctypes.c_void_p()
        self._on_event = _kept(on_event) if on_event else None
        error = ctypes.c_void_p()
        handler = _call if on_event else _NO_HANDLER
        status = _library.cbsvc_init(
            _text(config), handler, self._on_event, ctypes.byref(self._service), ctypes.byref(error)
        )
        if status:
            _release(self._on_event)
            raise CallbackServiceError(status, _take(error))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def configure(self, config=None, **keys):
        """Puts the given keys over the present configuration."""
        error = ctypes.c_void_p()
        status = _library.cbsvc_configure(self._service, _text(_merged(config, keys)), ctypes.byref(error))
        if status:
            raise CallbackServiceError(status, _take(error))

    def schedule(self, data=None, **options):
        """Books a callback and returns the outcome; raises Rejected when it was not booked."""
        return self._run(_library.cbsvc_schedule, data, options)

    def availability(self, query=None, **options):
        """Lists the open slots and returns the outcome; raises Rejected when the server gave none."""
        return self._run(_library.cbsvc_availability, query, options)

    def command(self, name, data=None):
        """Runs a command by its name on the widgets' bus."""
        outcome = ctypes.c_void_p()
        status = _library.cbsvc_command(self._service, name.encode(), _text(data), ctypes.byref(outcome))
        return self._outcome(status, outcome)

    def subscribe(self, event, function):
        """Calls a function with the name and data of an event, or of all events (``*``); returns a number."""
        number = ctypes.c_uint64()
        status = _library.cbsvc_subscribe(
            self._service, event.encode(), _call, _kept(function), _release, ctypes.byref(number)
        )
        if status:
            raise CallbackServiceError(status, f"subscribing to {event}")
        return number.value

    def unsubscribe(self, number):
        """Ends a subscription."""
        status = _library.cbsvc_unsubscribe(self._service, number)
        if status:
            raise CallbackServiceError(status, "unsubscribing")

    def start(self, name, data, done):
        """Starts a command; ``done`` is called with the event's name and the outcome by ``dispatch``."""
        number = ctypes.c_uint64()
        status = _library.cbsvc_start(
            self._service, name.encode(), _text(data), _call, _kept(done), _release, ctypes.byref(number)
        )
        if status:
            raise CallbackServiceError(status, f"starting {name}")
        return number.value

    def cancel(self, number):
        """Cancels a started call; its ``done`` is told so. Returns whether there was one."""
        status = _library.cbsvc_cancel(self._service, number)
        if status and status != NO_SUCH:
            raise CallbackServiceError(status, "cancelling")
        return status == 0

    def dispatch(self, timeout=0.0):
        """Runs what waits, after waiting up to ``timeout`` seconds (None: without end). Returns whether there was."""
        status = _library.cbsvc_dispatch(self._service, _milliseconds(timeout))
        if status and status != TIMEOUT:
            raise CallbackServiceError(status, "dispatching")
        return status == 0

    def fileno(self):
        """A descriptor that is readable while ``dispatch`` has something to run, for selectors and asyncio."""
        descriptor = ctypes.c_ssize_t()
        status = _library.cbsvc_waitable(self._service, ctypes.byref(descriptor))
        if status:
            raise CallbackServiceError(status, "asking for a descriptor")
        return descriptor.value

    def close(self, timeout=5.0):
        """Closes the service; waits up to ``timeout`` seconds (None: without end) for calls of other threads."""
        if self._service.value:
            status = _library.cbsvc_close(self._service, _milliseconds(timeout))
            if status == REENTRANT:
                raise CallbackServiceError(status, "a handler cannot close its own service")
            self._service = ctypes.c_void_p()
            if status == 0:
                _release(self._on_event)
            else:
                raise CallbackServiceError(status, "closing")

    def _run(self, function, data, options):
        outcome = ctypes.c_void_p()
        status = function(self._service, _text(_merged(data, options)), ctypes.byref(outcome))
        return self._outcome(status, outcome)

    def _outcome(self, status, pointer):
        outcome = json.loads(_take(pointer))
        if status:
            raise Rejected(status, outcome)
        return outcome


_log_handlers = []


def set_log(level, function=None):
    """Sends log lines to a function of the level's name and the line; ``off`` ends it."""
    handler = _NO_HANDLER
    if function:
        handler = _HANDLER(lambda name, line, _: function(name.decode(), line.decode()))
    # Kept for good: a thread may still be inside the one before.
    _log_handlers.append(handler)
    status = _library.cbsvc_set_log(LOG_LEVELS[level], handler, None)
    if status:
        raise CallbackServiceError(status, "setting the log")


def diagnostics():
    """The state of the library in this process, as a dictionary."""
    text = ctypes.c_void_p()
    status = _library.cbsvc_diagnostics(ctypes.byref(text))
    if status:
        raise CallbackServiceError(status, None)
    return json.loads(_take(text))


def version():
    """The version of the library."""
    return _library.cbsvc_version_text().decode()


def _milliseconds(seconds):
    return -1 if seconds is None else int(seconds * 1000)


def _merged(data, options):
    """The data and the keyword options together."""
    if data is None or not options:
        return options if data is None else data
    return {**(json.loads(data) if isinstance(data, (str, bytes)) else data), **options}


def _text(value):
    if value is None or isinstance(value, bytes):
        return value
    return (value if isinstance(value, str) else json.dumps(value)).encode()
