"""An open service."""

import atexit
import ctypes
import os
import select
import threading
import time
import warnings
import weakref

from . import _calls
from ._calls import Call
from ._capi import BAD_HANDLE, CLOSED, INTERNAL, NO_HANDLER, NO_SUCH, REENTRANT, TIMEOUT, library
from ._outcomes import InterruptedCall, attach, deadline_after, message_of, outcome_of
from ._threads import HandlersThread, run_reported
from ._values import merged, milliseconds, text
from .errors import CallbackServiceError

# How often a wait looks at what has no descriptor, in seconds.
_SLICE = 0.1
_POLL = 0.005

# How long the end of the interpreter waits for the handlers of one service, in seconds.
_EXIT_TIMEOUT = 2.0

# How long collecting a service waits until it is closed, in seconds.
_COLLECT_TIMEOUT = 1.0

_services = weakref.WeakSet()


class Service:
    """An open service. Close it, or use it as a context manager.

    ``config`` is the configuration as a dictionary or JSON text. ``on_event``, if given, is called with the name and
    the data of every event. Handlers run on the thread whose call caused them, or on a thread of the service with
    ``"handlers":"thread"`` in the configuration.

    An exception in a handler is raised by the method that runs the handler, after the other handlers have run; with
    ``"handlers":"thread"`` it goes to ``threading.excepthook``. An exception that arises while a command is under way,
    such as KeyboardInterrupt, does not end the command: the exception has an InterruptedCall as
    ``callbackservice_call``, whose ``result`` gives the outcome.

    A service that is dropped without ``close`` is closed with a ResourceWarning, and all services are closed when the
    interpreter ends. Keep a reference to the service as long as asynchronous calls are under way.
    """

    def __init__(self, config, on_event=None):
        self._service = ctypes.c_void_p()
        # Closed in the library; no thread is left inside; no handler begins any more.
        self._is_closed = self._has_ended = self._is_silent = False
        # The functions of the program, here and nowhere else, so that the service can be collected with them.
        self._handlers, self._subscriptions = {}, {}
        self._reference = weakref.ref(self)
        # Calls that threads are in, and those that an exception has interrupted.
        self._active, self._interrupted = set(), []
        self._delivering = None
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
            raise CallbackServiceError(call.status, message_of(call))
        _services.add(self)
        if on_event:
            try:
                self.subscribe("*", on_event)
            except BaseException:
                self.close(0)
                raise

    def __repr__(self):
        return f"<{type(self).__name__} {'closed' if self._is_closed else 'open'} at {id(self):#x}>"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        if getattr(self, "_is_closed", True) or not self._service.value:
            return
        try:
            warnings.warn(f"unclosed {self!r}", ResourceWarning, source=self, stacklevel=2)
        finally:
            self._close_collected()

    def configure(self, config=None, **keys):
        """Puts the given keys over the present configuration."""
        error = ctypes.c_void_p()
        configuration = text(merged(config, keys), "the configuration")
        call = self._call(library.cbsvc_configure, self._service, configuration, ctypes.byref(error), out=error)
        if call.status:
            raise CallbackServiceError(call.status, message_of(call))

    def schedule(self, data=None, **options):
        """Books a callback and returns the outcome; raises Rejected when it was not booked."""
        return self._run("CallbackService.schedule", library.cbsvc_schedule, data, options)

    def availability(self, query=None, **options):
        """Lists the open slots and returns the outcome, also without slots; raises Rejected on failure."""
        return self._run("CallbackService.availability", library.cbsvc_availability, query, options)

    def command(self, name, data=None):
        """Runs a command by its name on the widgets' bus."""
        return self._run(name, library.cbsvc_command, data, None, text(name, "the name"))

    def subscribe(self, event, function):
        """Calls a function with the name and data of an event, or of all events (``*``); returns a number."""
        name = text(event, "the event")
        subscription = ctypes.c_uint64()
        number = _calls.keep(self, self._reference, function, False)
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
            raise CallbackServiceError(call.status, f"cannot subscribe to {event}")
        self._subscriptions[subscription.value] = number
        return subscription.value

    def unsubscribe(self, number):
        """Ends a subscription."""
        call = self._call(library.cbsvc_unsubscribe, self._service, number)
        if call.status:
            raise CallbackServiceError(call.status, "cannot end the subscription")
        self._handlers.pop(self._subscriptions.pop(number, None), None)

    def start(self, name, data, done):
        """Starts a command; ``dispatch`` calls ``done`` with the event's name and the outcome."""
        arguments = text(name, "the name"), text(data, "the data")
        started = ctypes.c_uint64()
        number = _calls.keep(self, self._reference, done, True)
        call = self._call(
            library.cbsvc_start, self._service, *arguments, _calls.record, number, _calls.release, ctypes.byref(started)
        )
        if call.status:
            self._handlers.pop(number, None)
            raise CallbackServiceError(call.status, f"cannot start {name}")
        return started.value

    def cancel(self, number):
        """Cancels a asynchronous call, whose ``done`` gets a cancelled outcome. Returns whether there was one."""
        call = self._call(library.cbsvc_cancel, self._service, number)
        if call.status and call.status != NO_SUCH:
            raise CallbackServiceError(call.status, "cannot cancel")
        return call.status == 0

    def dispatch(self, timeout=0.0):
        """Runs the handlers of asynchronous calls that have ended, after waiting for one up to ``timeout`` seconds.

        None and infinity wait without limit. Returns whether there was something to run.
        """
        deadline = deadline_after(timeout)
        has_waited = False
        while True:
            if self._deliver_interrupted():
                return True
            if self._wait_until_readable(0 if not has_waited else _left(deadline)) or _calls.needs_helper():
                call = self._active_call(library.cbsvc_dispatch, self._service, 0)
                if call.status == 0:
                    return True
                if call.status != TIMEOUT:
                    was_closed = has_waited and call.status == BAD_HANDLE
                    raise CallbackServiceError(CLOSED if was_closed else call.status, "cannot dispatch")
            if has_waited and _left(deadline) <= 0:
                return False
            has_waited = True

    def fileno(self):
        """A descriptor that is readable while ``dispatch`` has something to run, for selectors and asyncio."""
        status, descriptor = self._waitable()
        if status:
            raise CallbackServiceError(status, "no descriptor")
        return descriptor

    def close(self, timeout=5.0):
        """Closes the service; waits up to ``timeout`` seconds (None: without limit) for calls of other threads."""
        limit, deadline = milliseconds(timeout), deadline_after(timeout)
        if not self._service.value or self._has_ended:
            return
        if _calls.is_inside(self):
            raise CallbackServiceError(REENTRANT, "a handler cannot close its own service")
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
            raise CallbackServiceError(TIMEOUT, "other threads are still inside the service")

    def _close_handle(self, limit):
        """Closes the service in the library; whether all threads have left."""
        self._is_closed = True
        status = Call(self._close_in_library, limit, owner=self, is_closing=True).perform()
        # A close that was interrupted has done its work by now.
        if status not in (0, TIMEOUT, BAD_HANDLE):
            raise CallbackServiceError(status, "cannot close")
        return status != TIMEOUT

    def _close_in_library(self, limit):
        status = library.cbsvc_close(self._service, limit)
        if status != BAD_HANDLE:
            self._handlers_thread.end(has_left=status == 0)
        return status

    def _close_at_exit(self):
        try:
            if not self._is_closed and self._service.value:
                self._close_handle(milliseconds(_EXIT_TIMEOUT))
        finally:
            self._is_silent = True
            self._handlers_thread.give_up()

    def _close_collected(self):
        """Closes a service that nothing refers to, on a thread of its own.

        Where that is noticed, the thread may be inside the library or hold locks that the handlers want.
        """
        self._is_closed = True
        _calls.refer_to(self)
        call = Call(self._close_in_library, -1, owner=self, is_closing=True)

        def close():
            call.run()
            run_reported(call.wait)

        try:
            thread = threading.Thread(target=close, name="callbackservice-close", daemon=True)
            thread.start()
        except RuntimeError:
            # The interpreter is ending, or there are too many threads.
            self._close_in_library(0)
            return
        if not _calls.is_inside(self) and not _calls.is_recording():
            thread.join(_COLLECT_TIMEOUT)

    def _call(self, function, *arguments, out=None):
        """A call during which nothing of the program runs, except the log's function."""
        _calls.deliver_stray_lines()
        call = Call(function, *arguments, out=out, owner=self)
        call.perform(on_helper=_calls.needs_helper())
        return call

    def _active_call(self, function, *arguments):
        """A call that may run handlers, for which closing waits."""
        _calls.deliver_stray_lines()
        call = Call(function, *arguments, owner=self, is_brief=True)
        try:
            self._active.add(call)
            call.perform()
        finally:
            self._active.discard(call)
        return call

    def _run(self, name, function, data, options, *arguments):
        """A command that waits for the server."""
        encoded = text(merged(data, options), "the data")
        self._deliver_interrupted()
        _calls.deliver_stray_lines()
        outcome = ctypes.c_void_p()
        call = Call(function, self._service, *arguments, encoded, ctypes.byref(outcome), out=outcome, owner=self)
        result = None
        try:
            self._active.add(call)
            call.perform(on_helper=self._needs_helper())
            result = outcome_of(call.status, call.text, raises=False)
        except BaseException as error:
            call.withdraw()
            attach(error, InterruptedCall(name, call))
            raise
        finally:
            self._active.discard(call)
        if isinstance(result, CallbackServiceError):
            raise result
        return result

    def _needs_helper(self):
        """A thread that gets no signals and whose call runs no handler can wait in the library itself."""
        is_main = threading.get_ident() == threading.main_thread().ident
        return is_main or bool(self._handlers) or _calls.needs_helper()

    def _deliver_interrupted(self):
        """Runs what calls that were interrupted have left; whether there was something."""
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

    def _waitable(self):
        descriptor = ctypes.c_ssize_t()
        call = self._call(library.cbsvc_waitable, self._service, ctypes.byref(descriptor))
        return call.status, descriptor.value

    def _wait_until_readable(self, seconds):
        """Whether dispatching may find something. Signals interrupt the wait, which is short: closing does not."""
        status, descriptor = self._waitable()
        seconds = min(seconds, _SLICE)
        if status == INTERNAL:
            # The system gives no descriptor.
            time.sleep(min(seconds, _POLL))
            return True
        if status:
            return True
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def _is_active_elsewhere(self):
        thread = threading.get_ident()
        return any(call.thread != thread for call in list(self._active))

    def _forget_threads(self):
        """In a forked child, asynchronous calls and the other threads are the parent's."""
        thread = threading.get_ident()
        self._active = {call for call in self._active if call.thread == thread}
        self._interrupted = []
        self._delivering = None
        self._handlers_thread = HandlersThread()


def _left(deadline):
    return _SLICE if deadline is None else max(deadline - time.monotonic(), 0.0)


def _close_all():
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
    library.cbsvc_set_log(0, NO_HANDLER, None)
    _calls.set_log(None)
    _calls.wait_until_left(_EXIT_TIMEOUT)
    if errors:
        raise errors[0]


def _forget_threads():
    for service in list(_services):
        service._forget_threads()


atexit.register(_close_all)
os.register_at_fork(after_in_child=_forget_threads)
