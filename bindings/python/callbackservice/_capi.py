"""The functions of the shared library, as ctypes sees them."""

import ctypes
import os
import pathlib

NO_SUCH = 205
BAD_HANDLE = 102
CLOSED = 201
REENTRANT = 202
TIMEOUT = 301
CANCELLED = 302
INTERNAL = 902

HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
NO_HANDLER = ctypes.cast(None, HANDLER)
RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def _load():
    beside = pathlib.Path(__file__).with_name("libcallbackservice.so")
    named = os.environ.get("CALLBACKSERVICE_LIBRARY")
    loaded = ctypes.CDLL(named or (str(beside) if beside.exists() else "libcallbackservice.so.1"))
    text, out, pointer = ctypes.c_char_p, ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p
    number = ctypes.POINTER(ctypes.c_uint64)
    for name, arguments in {
        "cbsvc_init": [text, HANDLER, pointer, out, out],
        "cbsvc_configure": [pointer, text, out],
        "cbsvc_close": [pointer, ctypes.c_int32],
        "cbsvc_schedule": [pointer, text, out],
        "cbsvc_availability": [pointer, text, out],
        "cbsvc_command": [pointer, text, text, out],
        "cbsvc_subscribe": [pointer, text, HANDLER, pointer, RELEASE, number],
        "cbsvc_unsubscribe": [pointer, ctypes.c_uint64],
        "cbsvc_start": [pointer, text, text, HANDLER, pointer, RELEASE, number],
        "cbsvc_cancel": [pointer, ctypes.c_uint64],
        "cbsvc_dispatch": [pointer, ctypes.c_int32],
        "cbsvc_waitable": [pointer, ctypes.POINTER(ctypes.c_ssize_t)],
        "cbsvc_diagnostics": [out],
        "cbsvc_set_log": [ctypes.c_int32, HANDLER, pointer],
    }.items():
        function = getattr(loaded, name)
        function.argtypes, function.restype = arguments, ctypes.c_int32
    loaded.cbsvc_string_free.argtypes, loaded.cbsvc_string_free.restype = [pointer], None
    loaded.cbsvc_status_name.argtypes, loaded.cbsvc_status_name.restype = [ctypes.c_int32], text
    loaded.cbsvc_version_text.argtypes, loaded.cbsvc_version_text.restype = [], text
    return loaded


library = _load()


def take(pointer):
    """The bytes of an out parameter, which is freed; None where the library gave no text."""
    if not pointer.value:
        return None
    try:
        return ctypes.string_at(pointer.value)
    finally:
        library.cbsvc_string_free(pointer)
        pointer.value = None
