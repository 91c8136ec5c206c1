"""Calls that were started: they go on by themselves, and complete in ``dispatch`` or on the handlers' thread."""

from __future__ import annotations

import os
import time
import weakref
from typing import Any, Callable, Generic, Optional, TypeVar

from ._completion import Completion
from ._ended import ended_of
from ._open import SLICE, OpenService
from ._outcomes import deadline_after
from .errors import CallbackServiceError, error_of
from .types import JsonObject, Status

R = TypeVar("R")


class StartedCall(Generic[R]):
    """A call that was started.

    It completes inside ``dispatch`` of its service, or with ``"handlers":"thread"`` on the handlers' thread. The object
    may be dropped; the call goes on. Any thread may use it.
    """

    def __init__(self, service: OpenService, completion: Completion, result: Callable[[JsonObject], R]) -> None:
        self._service, self._completion, self._result = service, completion, result

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id} {self.command}, {'ended' if self.done() else 'under way'}>"

    @property
    def command(self) -> str:
        """The name of the command, such as ``CallbackService.schedule``."""
        return self._completion.command

    @property
    def id(self) -> int:
        """The number of the call in the library. It is not the ``id`` of a callback."""
        return self._completion.started.value

    def done(self) -> bool:
        """Whether the call has completed."""
        return self._completion.has_ended

    def cancel(self) -> bool:
        """Cancels the call; whether it was under way.

        It completes in the next ``dispatch`` with CallCancelled. A booking may have reached the server: ``booked`` of
        the exception says so.
        """
        return self._service._cancel_started(self.id)

    def result(self, timeout: Optional[float] = None) -> R:
        """Waits for the call and returns the result of the command, or raises its exception.

        Dispatches the service while it waits, up to ``timeout`` seconds (None: without limit), so that handlers of
        other calls run too. Raises CallTimeout if the call has not completed by then; it goes on.
        """
        ended = ended_of(self._wait(timeout), self._result)
        if isinstance(ended, CallbackServiceError):
            raise ended
        return ended

    def exception(self, timeout: Optional[float] = None) -> Optional[CallbackServiceError]:
        """Waits like ``result``; the exception of the command, or None if it has a result."""
        ended = ended_of(self._wait(timeout), self._result)
        return ended if isinstance(ended, CallbackServiceError) else None

    def on_done(self, function: Callable[[StartedCall[R]], Any]) -> Callable[[StartedCall[R]], Any]:
        """Calls a function with this call when it completes, where its completion is delivered; at once if it has.

        Can be used as a decorator.
        """
        completion, result, reference = self._completion, self._result, weakref.ref(self._service)

        # The service keeps the handler, which must not keep the service.
        def handler(_: str, __: JsonObject) -> None:
            service = reference()
            if service is not None:
                function(StartedCall(service, completion, result))

        if not completion.add(handler):
            function(self)
        return function

    def _wait(self, timeout: Optional[float]) -> JsonObject:
        deadline = deadline_after(timeout)
        completion = self._completion
        while not completion.has_ended:
            if completion.process != os.getpid():
                raise error_of(
                    Status.NO_SUCH, f"{self.command} was started by the parent process, which gets its outcome"
                )
            left = SLICE if deadline is None else min(deadline - time.monotonic(), SLICE)
            if left < 0:
                raise error_of(Status.TIMEOUT, f"{self.command} has not completed yet")
            if self._service._has_dispatch:
                # In slices: another thread may deliver the completion.
                self._service.dispatch(left)
            else:
                completion.wait(left)
        assert completion.outcome is not None
        return completion.outcome
