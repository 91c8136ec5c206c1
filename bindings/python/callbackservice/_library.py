"""The shared library: where it is found, and its functions as ctypes sees them.

Nothing else in the package uses ctypes to load or declare anything.
"""

from __future__ import annotations

import ctypes
import os
import pathlib

from ._system import LIBRARY, built_library
from ._version import __version__

VARIABLE = "CALLBACKSERVICE_LIBRARY"

HANDLER = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
NO_HANDLER = HANDLER()
RELEASE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_TEXT, _POINTER, _INTEGER = ctypes.c_char_p, ctypes.c_void_p, ctypes.c_int32
_OUT = ctypes.POINTER(ctypes.c_void_p)
_NUMBER = ctypes.POINTER(ctypes.c_uint64)

# The parameters and the result of each function.
_PROTOTYPES = {
    "cbsvc_init": ([_TEXT, HANDLER, _POINTER, _OUT, _OUT], _INTEGER),
    "cbsvc_configure": ([_POINTER, _TEXT, _OUT], _INTEGER),
    "cbsvc_close": ([_POINTER, _INTEGER], _INTEGER),
    "cbsvc_command": ([_POINTER, _TEXT, _TEXT, _OUT], _INTEGER),
    "cbsvc_subscribe": ([_POINTER, _TEXT, HANDLER, _POINTER, RELEASE, _NUMBER], _INTEGER),
    "cbsvc_unsubscribe": ([_POINTER, ctypes.c_uint64], _INTEGER),
    "cbsvc_start": ([_POINTER, _TEXT, _TEXT, HANDLER, _POINTER, RELEASE, _NUMBER], _INTEGER),
    "cbsvc_cancel": ([_POINTER, ctypes.c_uint64], _INTEGER),
    "cbsvc_dispatch": ([_POINTER, _INTEGER], _INTEGER),
    "cbsvc_waitable": ([_POINTER, ctypes.POINTER(ctypes.c_ssize_t)], _INTEGER),
    "cbsvc_diagnostics": ([_OUT], _INTEGER),
    "cbsvc_set_log": ([_INTEGER, HANDLER, _POINTER], _INTEGER),
    "cbsvc_status_name": ([_INTEGER], _TEXT),
    "cbsvc_string_free": ([_POINTER], None),
    "cbsvc_version": ([], ctypes.c_uint32),
    "cbsvc_version_text": ([], _TEXT),
}


def candidates() -> list[str]:
    """The places where the library is looked for, the first one first."""
    named = os.environ.get(VARIABLE)
    if named:
        # A program that names a library does not want another one.
        return [named]
    package = pathlib.Path(__file__).resolve().parent
    places = [package / LIBRARY]
    if package.parts[-3:-1] == ("bindings", "python"):
        # A checkout, in which `make` has built the library.
        places.append(package.parents[2] / built_library())
    return [*map(str, places), LIBRARY]


def _open() -> tuple[ctypes.CDLL, str]:
    failures = []
    for place in candidates():
        if os.sep in place and not os.path.exists(place):
            failures.append(f"  {place}: no such file")
            continue
        try:
            return ctypes.CDLL(place), place
        except OSError as error:
            reason = str(error)
            failures.append(f"  {reason if place in reason else f'{place}: {reason}'}")
    tried = "\n".join(failures)
    raise ImportError(
        f"the shared library {LIBRARY} cannot be loaded. Tried:\n{tried}\n"
        f"Install a wheel of the package callbackservice, which contains the library, or set {VARIABLE} to its path."
    )


def _declare(loaded: ctypes.CDLL, place: str) -> None:
    for name, (parameters, result) in _PROTOTYPES.items():
        try:
            function = getattr(loaded, name)
        except AttributeError:
            raise ImportError(
                f"{place} is not the library of callbackservice {__version__}: it has no {name}"
            ) from None
        function.argtypes, function.restype = parameters, result


def check_version(loaded: int, binding: str, place: str) -> None:
    """Raises ImportError if a library, of the version 0xMMmmpp, does not serve a binding.

    Before version 1 a minor release may change anything. A later patch release of the library serves an earlier
    binding, and an earlier one lacks what the binding counts on.
    """
    major, minor, patch = (int(part) for part in binding.split("."))
    own = loaded >> 16, loaded >> 8 & 0xFF, loaded & 0xFF
    serves = own[0] == major and own >= (major, minor, patch) and (major > 0 or own[1] == minor)
    if not serves:
        found = ".".join(map(str, own))
        raise ImportError(f"{place} is version {found} of the library, which does not serve callbackservice {binding}")


def _load() -> tuple[ctypes.CDLL, str]:
    loaded, place = _open()
    _declare(loaded, place)
    check_version(loaded.cbsvc_version(), __version__, place)
    return loaded, place


library, path = _load()


def take(pointer: ctypes.c_void_p) -> bytes | None:
    """The bytes of an out parameter, which is freed; None where the library gave no text."""
    if not pointer.value:
        return None
    try:
        return ctypes.string_at(pointer.value)
    finally:
        library.cbsvc_string_free(pointer)
        pointer.value = None


def status_name(status: int) -> str:
    """The name of a status, such as SLOT_UNAVAILABLE; UNKNOWN for one that the library does not know."""
    name: bytes = library.cbsvc_status_name(status)
    return name.decode()


def version() -> str:
    """The version of the shared library, such as ``0.1.0``."""
    text: bytes = library.cbsvc_version_text()
    return text.decode()
