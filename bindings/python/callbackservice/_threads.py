"""Threads of the binding: helpers for calls of the library, and one for the handlers of a service."""

from __future__ import annotations

import _thread
import os
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Callable, List, Optional, Protocol, Set

from ._system import is_running


class Delivery(Protocol):
    """A call of a function of the program, for which another thread waits."""

    def hand_over(self) -> _thread.LockType: ...
    def run(self) -> None: ...
    def has_returned(self) -> None: ...


class Call(Protocol):
    """A call of the library."""

    def run(self) -> None: ...
    def wake(self) -> None: ...


if TYPE_CHECKING:
    Deliveries = queue.SimpleQueue[Optional[Delivery]]

# Threads of the library that run handlers, by the system's number.
library_threads: Set[int] = set()


class HandlersThread:
    """Runs the handlers of a service with ``"handlers":"thread"``, while the library's own thread waits for them."""

    def __init__(self) -> None:
        self._queue: Optional[Deliveries] = None
        self._current: Optional[Delivery] = None
        self._native_id: Optional[int] = None
        self._is_given_up = False

    def run(self, delivery: Delivery) -> None:
        """Has a delivery run, and waits for it: a full queue is to be noticed in the library."""
        if self._is_given_up:
            return
        if self._native_id is None:
            self._native_id = threading.get_native_id()
            library_threads.add(self._native_id)
        if self._queue is None:
            started: Deliveries = queue.SimpleQueue()
            try:
                name = "callbackservice-handlers"
                threading.Thread(target=_run_handlers, args=(started,), name=name, daemon=True).start()
            except RuntimeError:
                # The interpreter is ending, or there are too many threads.
                run_reported(delivery.run)
                return
            self._queue = started
        returned = delivery.hand_over()
        self._current = delivery
        if self._is_given_up:
            return
        self._queue.put(delivery)
        returned.acquire()
        self._current = None

    def end(self, has_left: bool) -> None:
        """Ends the thread after the handler that it runs. ``has_left`` says that the library's thread has ended."""
        if has_left and self._native_id is not None:
            library_threads.discard(self._native_id)
        if self._queue is not None:
            self._queue.put(None)
            self._queue = None

    def give_up(self) -> None:
        """Lets the library's thread go on without waiting for the handler that runs."""
        self._is_given_up = True
        current = self._current
        if current is not None:
            current.has_returned()


def _run_handlers(deliveries: Deliveries) -> None:
    process = os.getpid()
    while True:
        delivery = deliveries.get()
        if delivery is None:
            return
        run_reported(delivery.run)
        delivery.has_returned()
        del delivery
        if os.getpid() != process:
            # The handler has forked, and this is the child, which has no other thread.
            return


def run_reported(function: Callable[[], Any]) -> None:
    """Runs a function on a thread that has no caller."""
    try:
        function()
    except BaseException:
        # Reported as the exception of any thread is, which the program may have prepared for.
        threading.excepthook(threading.ExceptHookArgs([*sys.exc_info(), threading.current_thread()]))


class _Helper:
    """A thread that runs calls. It stays for the next one for a while: that is quicker than a new thread."""

    IDLE_TIMEOUT = 1.0

    def __init__(self, call: Call) -> None:
        self._call: Optional[Call] = call
        self._wake = _thread.allocate_lock()
        self._wake.acquire()
        self._native_id: Optional[int] = None

    def hand_over(self, call: Optional[Call]) -> None:
        self._call = call
        self._wake.release()

    def loop(self) -> None:
        self._native_id = threading.get_native_id()
        while self._call is not None:
            call, self._call = self._call, None
            call.run()
            # Idle before the caller wakes: its next call would not find this helper otherwise. Waking is the last step
            # before the thread gives the interpreter away, for which the caller waits.
            _idle.append(self)
            call.wake()
            del call
            while not self._wake.acquire(True, self.IDLE_TIMEOUT):
                try:
                    _idle.remove(self)
                    return
                except ValueError:
                    pass  # It has been taken just now.

    def end(self) -> None:
        """Ends the thread, which is idle, and waits for that."""
        self.hand_over(None)
        deadline = time.monotonic() + self.IDLE_TIMEOUT
        while is_running(self._native_id) and time.monotonic() < deadline:
            time.sleep(0.0001)


_idle: List[_Helper] = []


def run_on_helper(call: Call) -> None:
    """Runs a call on a helper; raises RuntimeError when there is none to be had."""
    try:
        helper = _idle.pop()
    except IndexError:
        _thread.start_new_thread(_Helper(call).loop, ())
    else:
        helper.hand_over(call)


def end_helpers() -> None:
    """Before a fork: the child would not have the idle threads, and Python warns of forks beside threads."""
    while _idle:
        _idle.pop().end()


def forget_threads() -> None:
    """In a forked child, the other threads of the parent are gone."""
    library_threads.clear()
    _idle.clear()
