"""The library as a whole: its log, its state and its version."""

import ctypes

from . import _calls
from ._calls import Call
from ._capi import NO_HANDLER, library, take
from ._values import decoded
from .errors import CallbackServiceError


def diagnostics():
    """The state of the library in this process, as a dictionary."""
    pointer = ctypes.c_void_p()
    status = library.cbsvc_diagnostics(ctypes.byref(pointer))
    if status:
        raise CallbackServiceError(status)
    return decoded(take(pointer))


_LOG_LEVELS = {"off": 0, "error": 1, "warning": 2, "info": 3, "debug": 4}


def set_log(level, function=None):
    """Sends log lines to a function of the level's name and the line; ``off`` ends it."""
    if level not in _LOG_LEVELS:
        raise ValueError(f"the log level must be one of {', '.join(_LOG_LEVELS)}: {level!r}")
    is_on = function is not None and level != "off"
    if is_on:
        _calls.set_log(function)
    call = Call(library.cbsvc_set_log, _LOG_LEVELS[level], _calls.record_line if is_on else NO_HANDLER, None)
    call.perform(on_helper=_calls.needs_helper())
    if call.status:
        raise CallbackServiceError(call.status, "cannot set the log")
    if not is_on:
        _calls.set_log(None)


def version():
    """The version of the library."""
    return library.cbsvc_version_text().decode()
