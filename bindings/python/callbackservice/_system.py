"""What differs between Linux and Windows: the library's file, threads, and waiting for a service."""

from __future__ import annotations

import asyncio
import ctypes
import os
import sys
import threading
from typing import Any, Callable, Optional

if sys.platform == "win32":
    LIBRARY = "callbackservice.dll"
else:
    import select

    LIBRARY = "libcallbackservice.so.1"


def built_library() -> str:
    """Where ``make`` puts the library for this Python, from the root of a checkout."""
    if sys.platform == "win32":
        architecture = "x86_64" if ctypes.sizeof(ctypes.c_void_p) == 8 else "i686"
        return os.path.join("build", "windows", architecture, LIBRARY)
    return os.path.join("build", "library", LIBRARY)


def register_at_fork(**functions: Callable[[], Any]) -> None:
    """As os.register_at_fork, where there are forks."""
    if sys.platform != "win32":
        os.register_at_fork(**functions)


if sys.platform == "win32":
    _kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
    _HANDLE, _DWORD, _BOOL = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int
    _HANDLES = ctypes.POINTER(_HANDLE)
    for _name, _parameters, _result in [
        ("CloseHandle", [_HANDLE], _BOOL),
        ("CreateEventW", [_HANDLE, _BOOL, _BOOL, ctypes.c_wchar_p], _HANDLE),
        ("OpenThread", [_DWORD, _BOOL, _DWORD], _HANDLE),
        ("SetEvent", [_HANDLE], _BOOL),
        ("WaitForMultipleObjects", [_DWORD, _HANDLES, _BOOL, _DWORD], _DWORD),
        ("WaitForSingleObject", [_HANDLE, _DWORD], _DWORD),
    ]:
        _function = getattr(_kernel32, _name)
        _function.argtypes, _function.restype = _parameters, _result

    _WAIT_OBJECT_0, _WAIT_TIMEOUT, _INFINITE, _SYNCHRONIZE = 0, 258, 0xFFFFFFFF, 0x00100000

    def is_running(native_id: Optional[int]) -> bool:
        """Whether this process has a thread with the system's number."""
        thread = _kernel32.OpenThread(_SYNCHRONIZE, False, native_id or 0)
        if not thread:
            return False
        try:
            # A thread that has ended can be opened while somebody has it open.
            return bool(_kernel32.WaitForSingleObject(thread, 0) == _WAIT_TIMEOUT)
        finally:
            _kernel32.CloseHandle(thread)

    def wait_for(waitable: int, seconds: float) -> bool:
        """Whether a service has work, after waiting for it."""
        return bool(_kernel32.WaitForSingleObject(waitable, int(seconds * 1000)) != _WAIT_TIMEOUT)

    class _Event:
        """An event of Windows that a wait takes back."""

        def __init__(self) -> None:
            self.handle = _kernel32.CreateEventW(None, False, False, None)
            if not self.handle:
                raise ctypes.WinError(ctypes.get_last_error())

        def set(self) -> None:
            _kernel32.SetEvent(self.handle)

        def __del__(self) -> None:
            if self.handle:
                _kernel32.CloseHandle(self.handle)

    class _Watched:
        """What the thread of a watch needs. It does not keep the watch, which may be dropped."""

        def __init__(self, loop: asyncio.AbstractEventLoop, waitable: int, function: Callable[[], Any]) -> None:
            self.loop, self.waitable, self.function = loop, waitable, function
            self.end, self.returned = _Event(), _Event()
            self.has_ended = False

        def call(self) -> None:
            try:
                if not self.has_ended:
                    self.function()
            finally:
                self.returned.set()

        def run(self) -> None:
            work = (_HANDLE * 2)(self.end.handle, self.waitable)
            answer = (_HANDLE * 2)(self.end.handle, self.returned.handle)
            while _kernel32.WaitForMultipleObjects(2, work, False, _INFINITE) == _WAIT_OBJECT_0 + 1:
                try:
                    self.loop.call_soon_threadsafe(self.call)
                except RuntimeError:
                    return  # The loop is closed.
                # The service has work until the function has taken it.
                if _kernel32.WaitForMultipleObjects(2, answer, False, _INFINITE) != _WAIT_OBJECT_0 + 1:
                    return

    class Watch:
        """Has an event loop call a function whenever a service has work, until ``end``.

        No event loop of Python waits for such a handle, so a thread does.
        """

        def __init__(self, loop: asyncio.AbstractEventLoop, waitable: int, function: Callable[[], Any]) -> None:
            self._watched = _Watched(loop, waitable, function)
            self._thread = threading.Thread(target=self._watched.run, name="callbackservice-watch", daemon=True)
            self._thread.start()

        def end(self) -> None:
            """The thread has left the handle of the service afterwards."""
            self._watched.has_ended = True
            self._watched.end.set()
            # A service may be collected on that thread, or when the interpreter ends, which stops its threads.
            if self._thread is not threading.current_thread() and not sys.is_finalizing():
                self._thread.join()

else:

    def is_running(native_id: Optional[int]) -> bool:
        """Whether this process has a thread with the system's number."""
        return os.path.exists(f"/proc/self/task/{native_id}")

    def wait_for(waitable: int, seconds: float) -> bool:
        """Whether a service has work, after waiting for it."""
        poll = select.poll()
        poll.register(waitable, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    class Watch:
        """Has an event loop call a function whenever a service has work, until ``end``."""

        def __init__(self, loop: asyncio.AbstractEventLoop, waitable: int, function: Callable[[], Any]) -> None:
            self._loop, self._descriptor = loop, waitable
            loop.add_reader(waitable, function)

        def end(self) -> None:
            if not self._loop.is_closed():
                self._loop.remove_reader(self._descriptor)
