"""Calls of the library during which no function of the program runs inside the library.

The library calls its handlers on the thread that called it. Python code there has three problems: an exception
cannot pass through the library, so ctypes prints and drops it, also the KeyboardInterrupt of a signal; a thread that
wants the interpreter while it ends is unwound through the library, which aborts the process; and a signal handler
does not run while its thread waits in the library.

So a call that may run handlers or wait takes place on a helper thread. There the handlers only record what they are
called with. The calling thread waits for the helper, which signals interrupt, and calls the functions of the program
itself.
"""

from __future__ import annotations

import _thread
import collections
import ctypes
import itertools
import os
import threading
import time
import weakref
from typing import Any, Callable, Deque, Dict, List, Optional, Protocol, Set, Union

from ._completion import Completion
from ._delivery import Delivery, EventFunction, LogFunction, Owner, raise_first, report
from ._fork import in_child, notice
from ._library import HANDLER, RELEASE, take
from ._system import is_running, register_at_fork
from ._threads import HandlersThread, end_helpers, forget_threads, library_threads, run_on_helper
from .types import Status


class CallOwner(Owner, Protocol):
    """What the calls of a service need of it."""

    _interrupted: List[Call]
    _handlers_thread: HandlersThread


# A reference to the service of each number that the library knows as a handler's data. The library never calls a
# handler with a number that it has released.
_owners: Dict[int, Callable[[], Optional[CallOwner]]] = {}
_numbers = itertools.count(1)

# Calls that have not left the library, and threads that are inside one of the functions that it calls.
_running: Set[Call] = set()
_recording: Set[int] = set()

# How long a wait lasts at most before Python looks for signals again, in seconds. One that comes at the moment at which
# the wait begins does not interrupt it.
_SLICE = 0.2

# Log lines that came from a thread without a call; the next call delivers them.
_stray: Deque[Delivery] = collections.deque()

_local = threading.local()


class _State:
    log: Optional[LogFunction] = None
    is_exiting = False


_state = _State()


def _record_marked(event: bytes, data: bytes, number: int) -> None:
    """The handler that the library calls for every function of the program."""
    thread = _thread.get_ident()
    _recording.add(thread)
    try:
        # A function of its own: what it drops, and what is collected then, goes while the thread is marked.
        _record(event, data, number)
    finally:
        _recording.discard(thread)


def _record(event: bytes, data: bytes, number: int) -> None:
    reference = _owners.get(number)
    owner = reference() if reference else None
    handler = owner._handlers.get(number) if owner else None
    if owner is None or handler is None:
        return
    is_completion = isinstance(handler, Completion)
    if is_completion:
        owner._handlers.pop(number, None)
    _deliver(owner, Delivery(owner, number, handler if is_completion else None, (event, data)))


def _record_line(level: bytes, line: bytes, _: Any) -> None:
    """The handler that the library calls for every log line."""
    if _state.log:
        call = _current_call()
        (call.deliveries if call else _stray).append(Delivery(None, 0, _state.log, (level, line)))
        if call:
            call.wake()


def _current_call() -> Optional[Call]:
    """The call that this thread runs."""
    return getattr(_local, "call", None)


record, record_line = HANDLER(_record_marked), HANDLER(_record_line)

# A method written in C: no signal handler of Python can run, and raise, inside it.
release = RELEASE(_owners.pop)


def _deliver(owner: CallOwner, delivery: Delivery) -> None:
    call = _current_call()
    if call:
        call.deliveries.append(delivery)
        call.wake()
    else:
        # The handlers' thread of the service.
        owner._handlers_thread.run(delivery)


def keep(owner: CallOwner, handler: Union[EventFunction, Completion]) -> int:
    """A number for a handler, for which the owner keeps it."""
    number = next(_numbers)
    owner._handlers[number] = handler
    _owners[number] = weakref.ref(owner)
    return number


def set_log(function: Optional[LogFunction]) -> None:
    _state.log = function


def refer_to(owner: CallOwner) -> None:
    """Makes the handlers of an owner that is being collected reachable until the library releases them."""
    for number in list(owner._handlers):
        if number in _owners:
            _owners[number] = lambda: owner


class Call:
    """A call of one function of the library."""

    __slots__ = (
        "_arguments",
        "_failure",
        "_function",
        "_is_closing",
        "_out",
        "_start",
        "_wake",
        "deliveries",
        "has_delivered",
        "is_brief",
        "is_finished",
        "owner",
        "status",
        "text",
        "thread",
    )

    def __init__(
        self,
        function: Optional[Callable[..., int]],
        *arguments: Any,
        out: Optional[ctypes.c_void_p] = None,
        owner: Optional[CallOwner] = None,
        is_closing: bool = False,
        is_brief: bool = False,
    ) -> None:
        self._is_closing, self.is_brief = is_closing, is_brief
        self._function, self._arguments, self._out = function, arguments, out
        # An owner that is collected is closed, which would end the call.
        self.owner = owner
        self.deliveries: Deque[Delivery] = collections.deque()
        self.status: int = Status.OK
        self.text: Optional[bytes] = None
        self._failure: Optional[BaseException] = None
        self.is_finished = self.has_delivered = False
        self.thread = _thread.get_ident()
        # The thread that takes the only element decides whether the call begins.
        self._start = [True]
        self._wake = _thread.allocate_lock()
        self._wake.acquire()

    def run(self) -> None:
        """The call itself, on whichever thread; ``wake`` must follow."""
        if not self._takes_start():
            return
        _running.add(self)
        outer, _local.call = _current_call(), self
        try:
            if self._function is not None:
                self.status = self._function(*self._arguments)
            if self._out is not None:
                self.text = take(self._out)
        except BaseException as error:  # Handed to the calling thread.
            self._failure = error
        finally:
            _local.call = outer
            self.finish()

    def _takes_start(self) -> bool:
        try:
            return self._start.pop()
        except IndexError:
            return False

    def withdraw(self) -> bool:
        """Keeps a call that has not begun from ever beginning; whether it had not."""
        if not self._takes_start():
            return False
        self.status, self.is_finished = Status.CANCELLED, True
        return True

    def finish(self) -> None:
        self.is_finished = True
        _running.discard(self)

    @property
    def is_over(self) -> bool:
        """Whether the call has ended and all that it asked for has run."""
        return self.is_finished and not self.deliveries

    def wake(self) -> None:
        """Wakes the thread that waits for the call."""
        try:
            self._wake.release()
        except RuntimeError:
            pass  # It has not been seen to be awake yet.

    def begin(self, on_helper: bool) -> None:
        notice()
        if _state.is_exiting and not self._is_closing:
            self.status, self.is_finished = Status.CLOSED, True
            return
        if on_helper:
            try:
                run_on_helper(self)
                return
            except RuntimeError:
                pass  # The interpreter is ending, or there are too many threads.
        self.run()

    def perform(self, on_helper: bool = True) -> int:
        """Runs the call, and the functions of the program that it asks for on this thread; returns the status."""
        try:
            self.begin(on_helper)
            self.wait()
            if self._failure is not None:
                raise self._failure
            return self.status
        except BaseException:
            if self.owner is not None and not (self.withdraw() or self.is_over):
                self.owner._interrupted.append(self)
            raise

    def wait(self, deadline: Optional[float] = None) -> bool:
        """Delivers what the call asks for until it has ended; whether it has ended before the deadline."""
        errors: List[BaseException] = []
        try:
            while not self.is_finished or self.deliveries:
                # Log lines come while the call waits for the server. Handlers run when it has ended, so that one that
                # forks finds the outcome in the child as well.
                if self.deliveries and (self.is_finished or self.deliveries[0].is_log_line):
                    self.deliver(errors)
                elif not self._sleep(deadline):
                    break
        except BaseException:
            report(errors)
            raise
        if self.is_finished:
            # Another thread may wait for the same call.
            self.wake()
        raise_first(errors)
        return self.is_finished

    def _sleep(self, deadline: Optional[float]) -> bool:
        """Waits for a delivery or the end; whether the deadline has not passed."""
        left = _SLICE if deadline is None else deadline - time.monotonic()
        if left > 0:
            self._wake.acquire(True, min(left, _SLICE))
        return left > 0

    def deliver(self, errors: List[BaseException]) -> None:
        """Runs the oldest delivery. An exception is added to the errors, one that ends the program is raised."""
        # It is taken out when it has run: a signal handler that raises in between loses nothing.
        delivery = self.deliveries[0]
        self.has_delivered |= not delivery.begun
        try:
            delivery.run()
        except Exception as error:
            if not delivery.begun:
                raise
            errors.append(error)
        # A handler may have had the rest delivered already.
        if self.deliveries and self.deliveries[0] is delivery:
            self.deliveries.popleft()


def deliver_stray_lines() -> None:
    while _stray:
        try:
            delivery = _stray.popleft()
        except IndexError:
            return
        delivery.run()


def is_main_thread() -> bool:
    """Whether this is the thread on which signal handlers run."""
    return threading.get_ident() == threading.main_thread().ident


def has_log() -> bool:
    return _state.log is not None


def needs_helper() -> bool:
    """Whether a call that does not wait takes place on a helper.

    A log line may come while it runs, and a signal handler that raises while the line is recorded.
    """
    return _state.log is not None and is_main_thread()


def is_recording() -> bool:
    """Whether this thread is inside a function that the library calls."""
    return _thread.get_ident() in _recording


def begin_exit() -> None:
    _state.is_exiting = True


def wait_until_left(seconds: float) -> None:
    """Waits until no thread has to come back from Python into the library."""
    deadline = time.monotonic() + seconds
    while (_running or any(map(is_running, library_threads))) and time.monotonic() < deadline:
        time.sleep(0.001)


def _forget_threads() -> None:
    """In a forked child, the other threads of the parent are gone."""
    _recording.clear()
    forget_threads()
    for call in list(_running):
        call.status = Status.CLOSED
        call.finish()
        call.wake()


register_at_fork(before=end_helpers)
in_child(_forget_threads)
