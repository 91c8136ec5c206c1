"""The state of the library in this process."""

from __future__ import annotations

import ctypes

from ._library import library, take
from ._values import decoded
from .errors import error_of
from .types import JsonObject


def diagnostics() -> JsonObject:
    """The state of the library in this process: its version, threads, and the open services with their counters.

    Contains no API key, telephone number or user data.
    """
    pointer = ctypes.c_void_p()
    status = library.cbsvc_diagnostics(ctypes.byref(pointer))
    encoded = take(pointer)
    if status or encoded is None:
        raise error_of(status)
    return decoded(encoded)
