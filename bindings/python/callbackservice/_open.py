"""An open service of the library: its handle, its calls, and its end. ``service.py`` gives it typed commands."""

from __future__ import annotations

import atexit
import ctypes
import threading
import time
import warnings
import weakref
from typing import Any, Callable, Dict, List, Optional, Set, Tuple, TypeVar, Union

from . import _calls
from ._calls import Call
from ._completion import Completion
from ._delivery import EventFunction, is_inside
from ._ended import full_name
from ._fork import in_child, notice
from ._library import NO_HANDLER, library
from ._log import end_log, follow_logger
from ._outcomes import InterruptedCall, attach, deadline_after, message_of, outcome_of
from ._system import wait_for
from ._threads import HandlersThread, run_reported
from ._values import Json, milliseconds, text
from .errors import CallbackServiceError, error_of
from .types import JsonObject, Status

R = TypeVar("R")
S = TypeVar("S", bound="OpenService")

# How often a wait looks at what has no descriptor, in seconds.
SLICE = 0.1
_POLL = 0.005

# How long the end of the interpreter waits for the handlers of one service, in seconds.
_EXIT_TIMEOUT = 2.0

# How long collecting a service waits until it is closed, in seconds.
_COLLECT_TIMEOUT = 1.0

_services: weakref.WeakSet[OpenService] = weakref.WeakSet()


class OpenService:
    """A service with commands by their names and outcomes as dictionaries."""

    def __init__(self, config: Json) -> None:
        self._service = ctypes.c_void_p()
        # Closed in the library; no thread is left inside; no handler begins any more.
        self._is_closed = self._has_ended = self._is_silent = False
        # The functions of the program, here and nowhere else, so that the service can be collected with them.
        self._handlers: Dict[int, Union[EventFunction, Completion]] = {}
        self._subscriptions: Dict[int, int] = {}
        # Calls that threads are in, and those that an exception has interrupted.
        self._active: Set[Call] = set()
        self._interrupted: List[Call] = []
        self._delivering: Optional[int] = None
        self._handlers_thread = HandlersThread()
        error = ctypes.c_void_p()
        call = self._call(
            library.cbsvc_init,
            text(config, "the configuration"),
            NO_HANDLER,
            None,
            ctypes.byref(self._service),
            ctypes.byref(error),
            out=error,
        )
        if call.status:
            raise error_of(call.status, message_of(call))
        _services.add(self)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {'closed' if self._is_closed else 'open'} at {id(self):#x}>"

    def __reduce__(self) -> Any:
        raise TypeError("a service cannot be copied or pickled: open one in each process, or inherit it with fork")

    def __enter__(self: S) -> S:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_is_closed", True) or not self._service.value:
            return
        try:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
        finally:
            self._close_collected()

    def configure(self, config: Optional[Json] = None, **keys: Any) -> None:
        """Puts keys over the present configuration, for commands that begin afterwards.

        ``config`` is a dictionary or JSON text; keys may also be given by their names: ``configure(ajaxTimeout=5000)``.
        Raises ConfigurationError, and then nothing changes.
        """
        if config is not None and keys:
            raise TypeError("configure takes a configuration or keys, not both")
        error = ctypes.c_void_p()
        encoded = text(keys if config is None else config, "the configuration")
        call = self._call(library.cbsvc_configure, self._service, encoded, ctypes.byref(error), out=error)
        if call.status:
            raise error_of(call.status, message_of(call))

    def subscribe(self, event: str, function: Callable[[str, JsonObject], Any]) -> int:
        """Calls a function with the name and the data of an event, or of all events (``*``).

        The name may lack the prefix ``CallbackService.``. Returns a number for ``unsubscribe``. Raises ArgumentError
        for an event that the library does not have.
        """
        name = text(full_name(event), "the event")
        subscription = ctypes.c_uint64()
        number = _calls.keep(self, function)
        call = self._active_call(
            library.cbsvc_subscribe,
            self._service,
            name,
            _calls.record,
            number,
            _calls.release,
            ctypes.byref(subscription),
        )
        if call.status:
            self._handlers.pop(number, None)
            raise error_of(call.status, f"cannot subscribe to {event}")
        self._subscriptions[subscription.value] = number
        return subscription.value

    def unsubscribe(self, number: int) -> None:
        """Ends a subscription. Raises StateError if there is no such one."""
        call = self._call(library.cbsvc_unsubscribe, self._service, number)
        if call.status:
            raise error_of(call.status, "cannot end the subscription")
        handler = self._subscriptions.pop(number, None)
        if handler is not None:
            self._handlers.pop(handler, None)

    def _start(self, completion: Completion, data: Optional[Json]) -> None:
        """Starts the command of a completion."""
        arguments = text(completion.command, "the name"), text(data, "the data")
        number = _calls.keep(self, completion)
        started = ctypes.byref(completion.started)
        call = self._call(
            library.cbsvc_start, self._service, *arguments, _calls.record, number, _calls.release, started
        )
        if call.status:
            self._handlers.pop(number, None)
            raise error_of(call.status, f"cannot start {completion.command}")

    def _cancel_started(self, number: int) -> bool:
        """Cancels a call that was started; whether it was under way."""
        call = self._call(library.cbsvc_cancel, self._service, number)
        if call.status and call.status != Status.NO_SUCH:
            raise error_of(call.status, "cannot cancel the call")
        return call.status == 0

    def dispatch(self, timeout: Optional[float] = 0.0) -> bool:
        """Runs the handlers of started calls that have completed, after waiting for one up to ``timeout`` seconds.

        None and infinity wait without limit. Signals interrupt the wait. Returns whether there was something to run.
        Raises what a handler raises, ClosedError, and StateError with ``"handlers":"thread"``.
        """
        deadline = deadline_after(timeout)
        has_waited = False
        while True:
            if self._deliver_interrupted():
                return True
            if self._wait_until_readable(0 if not has_waited else _left(deadline)) or _calls.has_log():
                call = self._active_call(library.cbsvc_dispatch, self._service, 0)
                if call.status == 0:
                    return True
                if call.status != Status.TIMEOUT:
                    was_closed = has_waited and call.status == Status.BAD_HANDLE
                    raise error_of(Status.CLOSED if was_closed else call.status, "cannot dispatch")
            if has_waited and _left(deadline) <= 0:
                return False
            has_waited = True

    def fileno(self) -> int:
        """A descriptor that is readable while ``dispatch`` has something to run, for selectors and event loops.

        The service owns it: remove it from the loop before ``close``. A forked child has to ask for its own. On Windows
        it is the handle of an event, for functions such as WaitForMultipleObjects; selectors do not take it.
        """
        status, descriptor = self._waitable()
        if status:
            raise error_of(status, "no descriptor")
        return descriptor

    def close(self, timeout: Optional[float] = 5.0) -> None:
        """Closes the service. Closing a closed service does nothing.

        Blocking commands on other threads end with ClosedError, started calls are cancelled, and their handlers run.
        Waits up to ``timeout`` seconds (None: without limit) for other threads to leave the service, and raises
        CallTimeout if one does not: the service is closed then, and no further handler is called. Raises StateError
        inside a handler of the service.
        """
        limit, deadline = milliseconds(timeout), deadline_after(timeout)
        if not self._service.value or self._has_ended:
            return
        if is_inside(self):
            raise error_of(Status.REENTRANT, "a handler cannot close its own service")
        has_left = self._close_handle(limit)
        self._deliver_interrupted()
        while has_left and self._is_active_elsewhere():
            if deadline is not None and time.monotonic() >= deadline:
                has_left = False
            else:
                time.sleep(_POLL)
        self._has_ended = True
        if not has_left:
            self._is_silent = True
            raise error_of(Status.TIMEOUT, "other threads are still inside the service")

    def _close_handle(self, limit: int) -> bool:
        """Closes the service in the library; whether all threads have left."""
        self._is_closed = True
        status = Call(self._close_in_library, limit, owner=self, is_closing=True).perform()
        # A close that was interrupted has done its work by now.
        if status not in (Status.OK, Status.TIMEOUT, Status.BAD_HANDLE):
            raise error_of(status, "cannot close")
        return status != Status.TIMEOUT

    def _close_in_library(self, limit: int) -> int:
        status: int = library.cbsvc_close(self._service, limit)
        if status != Status.BAD_HANDLE:
            self._handlers_thread.end(has_left=status == 0)
        return status

    def _close_at_exit(self) -> None:
        try:
            if not self._is_closed and self._service.value:
                self._close_handle(milliseconds(_EXIT_TIMEOUT))
        finally:
            self._is_silent = True
            self._handlers_thread.give_up()

    def _close_collected(self) -> None:
        """Closes a service that nothing refers to, on a thread of its own.

        Where that is noticed, the thread may be inside the library or hold locks that the handlers want.
        """
        self._is_closed = True
        _calls.refer_to(self)
        call = Call(self._close_in_library, -1, owner=self, is_closing=True)

        def close() -> None:
            call.run()
            run_reported(call.wait)

        try:
            thread = threading.Thread(target=close, name="callbackservice-close", daemon=True)
            thread.start()
        except RuntimeError:
            # The interpreter is ending, or there are too many threads.
            self._close_in_library(0)
            return
        if not is_inside(self) and not _calls.is_recording():
            thread.join(_COLLECT_TIMEOUT)

    def _call(self, function: Callable[..., int], *arguments: Any, out: Optional[ctypes.c_void_p] = None) -> Call:
        """A call during which nothing of the program runs, except the log's function."""
        follow_logger()
        _calls.deliver_stray_lines()
        call = Call(function, *arguments, out=out, owner=self)
        call.perform(on_helper=_calls.needs_helper())
        return call

    def _active_call(self, function: Callable[..., int], *arguments: Any) -> Call:
        """A call that may run handlers, for which closing waits."""
        follow_logger()
        _calls.deliver_stray_lines()
        call = Call(function, *arguments, owner=self, is_brief=True)
        try:
            self._active.add(call)
            call.perform()
        finally:
            self._active.discard(call)
        return call

    def _run(self, name: str, data: Optional[Json], result: Callable[[JsonObject], R]) -> R:
        """A command that waits for the server."""
        arguments = text(name, "the name"), text(data, "the data")
        self._deliver_interrupted()
        follow_logger()
        _calls.deliver_stray_lines()
        outcome = ctypes.c_void_p()
        call = Call(library.cbsvc_command, self._service, *arguments, ctypes.byref(outcome), out=outcome, owner=self)
        try:
            self._active.add(call)
            call.perform(on_helper=self._needs_helper())
            ended = outcome_of(name, call.status, call.text)
            value = None if isinstance(ended, CallbackServiceError) else result(ended)
        except BaseException as error:
            call.withdraw()
            note = f"{name} {'had ended' if call.is_finished else 'is under way and goes on'}"
            attach(error, InterruptedCall(name, call, result), note)
            raise
        finally:
            self._active.discard(call)
        if isinstance(ended, CallbackServiceError):
            raise ended
        return value  # type: ignore[return-value]

    def _needs_helper(self) -> bool:
        """A thread that gets no signals and whose call runs no handler can wait in the library itself."""
        return bool(self._handlers) or _calls.is_main_thread()

    def _deliver_interrupted(self) -> bool:
        """Runs what calls that were interrupted have left; whether there was something."""
        notice()
        has_run, thread = False, threading.get_ident()
        if not self._interrupted or self._delivering not in (None, thread):
            return False
        # Not a lock: a signal handler that raises after taking it would leave it taken for good.
        outer, self._delivering = self._delivering, thread
        try:
            for call in list(self._interrupted):
                call.has_delivered = False
                try:
                    # Commands may take long; other calls end at once.
                    call.wait(None if call.is_brief else 0)
                finally:
                    has_run |= call.has_delivered
                    if call.is_finished and not call.deliveries and call in self._interrupted:
                        self._interrupted.remove(call)
        finally:
            self._delivering = outer
        return has_run

    @property
    def _has_dispatch(self) -> bool:
        """Whether completions wait for ``dispatch``."""
        status, _ = self._waitable()
        return status not in (Status.WRONG_MODE, Status.CLOSED, Status.BAD_HANDLE)

    def _waitable(self) -> Tuple[int, int]:
        descriptor = ctypes.c_ssize_t()
        call = self._call(library.cbsvc_waitable, self._service, ctypes.byref(descriptor))
        return call.status, descriptor.value

    def _wait_until_readable(self, seconds: float) -> bool:
        """Whether dispatching may find something. Signals interrupt the wait, which is short: closing does not."""
        status, descriptor = self._waitable()
        seconds = min(seconds, SLICE)
        if status == Status.INTERNAL:
            # The system gives no descriptor.
            time.sleep(min(seconds, _POLL))
            return True
        if status:
            return True
        return wait_for(descriptor, seconds)

    def _is_active_elsewhere(self) -> bool:
        thread = threading.get_ident()
        # An exception of a signal handler may have kept a call that is over from being taken out.
        return any(call.thread != thread and not call.is_over for call in list(self._active))

    def _forget_threads(self) -> None:
        """In a forked child, asynchronous calls and the other threads are the parent's."""
        thread = threading.get_ident()
        self._active = {call for call in self._active if call.thread == thread}
        self._interrupted = []
        self._delivering = None
        self._handlers_thread = HandlersThread()


def _left(deadline: Optional[float]) -> float:
    return SLICE if deadline is None else max(deadline - time.monotonic(), 0.0)


def _close_all() -> None:
    """Closes every service and the log, so that no thread is inside the library when the interpreter ends.

    A thread that comes back from a call then is ended by the interpreter; one that comes back through the library
    into Python would abort the process. atexit is the right moment: threads that the interpreter waits for have
    ended, so their calls are not disturbed, and other threads still run and can leave.
    """
    errors = []
    _calls.begin_exit()
    for service in list(_services):
        try:
            service._close_at_exit()
        except BaseException as error:
            errors.append(error)
    end_log()
    _calls.wait_until_left(_EXIT_TIMEOUT)
    if errors:
        raise errors[0]


def _forget_threads() -> None:
    for service in list(_services):
        service._forget_threads()


atexit.register(_close_all)
in_child(_forget_threads)
