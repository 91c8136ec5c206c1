"""Calls of the library during which no function of the program runs inside the library.

The library calls its handlers on the thread that called it. Python code there has three problems: an exception
cannot pass through the library, so ctypes prints and drops it, also the KeyboardInterrupt of a signal; a thread that
wants the interpreter while it ends is unwound through the library, which aborts the process; and a signal handler
does not run while its thread waits in the library.

So a call that may run handlers or wait takes place on a helper thread. There the handlers only record what they are
called with. The calling thread waits for the helper, which signals interrupt, and calls the functions of the program
itself.
"""

import _thread
import collections
import itertools
import os
import sys
import threading
import time

from ._capi import CANCELLED, CLOSED, HANDLER, RELEASE, take
from ._threads import end_helpers, forget_threads, is_running, library_threads, run_on_helper
from ._values import decoded

# A reference to the service of each number that the library knows as a handler's data. The library never calls a
# handler with a number that it has released.
_owners = {}
_numbers = itertools.count(1)

# Calls that have not left the library, and threads that are inside one of the functions that it calls.
_running = set()
_recording = set()

# Log lines that came from a thread without a call; the next call delivers them.
_stray = collections.deque()

_local = threading.local()

_state = {"log": None, "exiting": False}


class Delivery:
    """A call of a function of the program that the library has asked for."""

    __slots__ = ("_arguments", "_function", "_number", "_owner", "_returned", "begun")

    def __init__(self, owner, number, function, arguments):
        self.begun = False
        self._owner, self._number = owner, number
        self._function, self._arguments = function, arguments
        self._returned = None

    @property
    def is_log_line(self):
        return self._owner is None

    def run(self):
        """Calls the function, unless that was done or its subscription has ended."""
        if self.begun:
            return
        owner, function, arguments = self._owner, self._function, self._arguments
        if owner is None:
            arguments = [argument.decode(errors="replace") for argument in arguments]
        else:
            if function is None:
                function, _ = owner._handlers.get(self._number, (None, None))
            if function is None or owner._is_silent:
                self.begun = True
                return
            arguments = (arguments[0].decode(errors="replace"), decoded(arguments[1]))
        inside = _inside()
        depth = len(inside)
        try:
            inside.append(owner)
            # The last step before the function: an exception of a signal handler finds the delivery either not
            # begun or inside the function.
            self.begun = True
            function(*arguments)
        finally:
            del inside[depth:]

    def wait_until_returned(self):
        self._returned.acquire()

    def hand_over(self):
        self._returned = _thread.allocate_lock()
        self._returned.acquire()

    def has_returned(self):
        try:
            self._returned.release()
        except RuntimeError:
            pass  # Given up at exit.


def _inside():
    """The services whose handlers this thread runs, the innermost last."""
    try:
        return _local.inside
    except AttributeError:
        _local.inside = []
        return _local.inside


def is_inside(service):
    """Whether this thread runs a handler of the service."""
    return any(owner is service for owner in _inside())


@HANDLER
def record(event, data, number):
    """The handler that the library calls for every function of the program."""
    thread = _thread.get_ident()
    _recording.add(thread)
    try:
        # A function of its own: what it drops, and what is collected then, goes while the thread is marked.
        _record(event, data, number)
    finally:
        _recording.discard(thread)


def _record(event, data, number):
    reference = _owners.get(number)
    owner = reference and reference()
    handler = owner and owner._handlers.get(number)
    if not handler:
        return
    function, is_completion = handler
    if is_completion:
        owner._handlers.pop(number, None)
    _deliver(owner, Delivery(owner, number, function if is_completion else None, (event, data)))


@HANDLER
def record_line(level, line, _):
    """The handler that the library calls for every log line."""
    if _state["log"]:
        call = getattr(_local, "call", None)
        (call.deliveries if call else _stray).append(Delivery(None, None, _state["log"], (level, line)))
        if call:
            call.wake()


# A method written in C: no signal handler of Python can run, and raise, inside it.
release = RELEASE(_owners.pop)


def _deliver(owner, delivery):
    call = getattr(_local, "call", None)
    if call:
        call.deliveries.append(delivery)
        call.wake()
    else:
        # The handlers' thread of the service.
        owner._handlers_thread.run(delivery)


def keep(owner, reference, function, is_completion):
    """A number for a function, for which the owner keeps it."""
    number = next(_numbers)
    owner._handlers[number] = (function, is_completion)
    _owners[number] = reference
    return number


def set_log(function):
    _state["log"] = function


def refer_to(owner):
    """Makes the handlers of an owner that is being collected reachable until the library releases them."""
    for number in list(owner._handlers):
        if number in _owners:
            _owners[number] = lambda: owner


class Call:
    """A call of one function of the library."""

    def __init__(self, function, *arguments, out=None, owner=None, is_closing=False, is_brief=False):
        self._is_closing, self.is_brief = is_closing, is_brief
        self._function, self._arguments, self._out = function, arguments, out
        # An owner that is collected is closed, which would end the call.
        self.owner = owner
        self.deliveries = collections.deque()
        self.status = self.text = self._failure = None
        self.is_finished = self.has_delivered = False
        self.thread = _thread.get_ident()
        # The thread that takes the only element decides whether the call begins.
        self._start = [True]
        self._wake = _thread.allocate_lock()
        self._wake.acquire()

    def run(self):
        """The call itself, on whichever thread."""
        if not self._takes_start():
            return
        _running.add(self)
        outer, _local.call = getattr(_local, "call", None), self
        try:
            self.status = self._function(*self._arguments)
            if self._out is not None:
                self.text = take(self._out)
        except BaseException as error:  # Handed to the calling thread.
            self._failure = error
        finally:
            _local.call = outer
            self.finish()

    def _takes_start(self):
        try:
            return self._start.pop()
        except IndexError:
            return False

    def withdraw(self):
        """Keeps a call that has not begun from ever beginning; whether it had not."""
        if not self._takes_start():
            return False
        self.status, self.is_finished = CANCELLED, True
        return True

    def finish(self):
        self.is_finished = True
        _running.discard(self)
        self.wake()

    def wake(self):
        try:
            self._wake.release()
        except RuntimeError:
            pass  # It has not been seen to be awake yet.

    def begin(self, on_helper):
        if _state["exiting"] and not self._is_closing:
            self.status, self.is_finished = CLOSED, True
            return
        if on_helper:
            try:
                run_on_helper(self)
                return
            except RuntimeError:
                pass  # The interpreter is ending, or there are too many threads.
        self.run()

    def perform(self, on_helper=True):
        """Runs the call, and the functions of the program that it asks for on this thread; returns the status."""
        try:
            self.begin(on_helper)
            self.wait()
            if self._failure is not None:
                raise self._failure
            return self.status
        except BaseException:
            is_over = self.withdraw() or self.is_finished and not self.deliveries
            if self.owner is not None and not is_over:
                self.owner._interrupted.append(self)
            raise

    def wait(self, deadline=None):
        """Delivers what the call asks for until it has ended; whether it has ended before the deadline."""
        errors = []
        try:
            while not self.is_finished or self.deliveries:
                # Log lines come while the call waits for the server. Handlers run when it has ended, so that one that
                # forks finds the outcome in the child as well.
                if self.deliveries and (self.is_finished or self.deliveries[0].is_log_line):
                    self.deliver(errors)
                elif not self._sleep(deadline):
                    break
        except BaseException:
            _report(errors)
            raise
        if errors:
            _report(errors[1:])
            raise errors[0]
        return self.is_finished

    def _sleep(self, deadline):
        """Waits for a delivery or the end; whether the deadline has not passed."""
        if deadline is None:
            self._wake.acquire()
            return True
        left = deadline - time.monotonic()
        return left > 0 and self._wake.acquire(True, min(left, threading.TIMEOUT_MAX)) or left > 0

    def deliver(self, errors):
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


def _report(errors):
    """Reports exceptions that cannot be raised because another one is."""
    for error in errors:
        sys.excepthook(type(error), error, error.__traceback__)


def deliver_stray_lines():
    while _stray:
        try:
            delivery = _stray.popleft()
        except IndexError:
            return
        delivery.run()


def needs_helper():
    """Whether every call takes place on a helper, because log lines may come."""
    return _state["log"] is not None


def is_recording():
    """Whether this thread is inside a function that the library calls."""
    return _thread.get_ident() in _recording


def begin_exit():
    _state["exiting"] = True


def wait_until_left(seconds):
    """Waits until no thread has to come back from Python into the library."""
    deadline = time.monotonic() + seconds
    while (_running or any(map(is_running, library_threads))) and time.monotonic() < deadline:
        time.sleep(0.001)


def _forget_threads():
    """In a forked child, the other threads of the parent are gone."""
    _recording.clear()
    forget_threads()
    for call in list(_running):
        call.status = CLOSED
        call.finish()


os.register_at_fork(before=end_helpers, after_in_child=_forget_threads)
