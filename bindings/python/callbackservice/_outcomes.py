"""What comes of a command: its outcome, its exception, or a call whose outcome did not reach the caller."""

from __future__ import annotations

import threading
import time
from typing import Any, Callable, Generic, Optional, Tuple, TypeVar, Union

from ._calls import Call
from ._values import decoded, milliseconds
from .errors import EFFECTS, CallbackServiceError, error_of
from .types import JsonObject, Status

R = TypeVar("R")

_WITHOUT_OUTCOME = {
    Status.CLOSED: "the service is closed",
    Status.BAD_HANDLE: "the service is closed",
    Status.CANCELLED: "the command was interrupted before it began",
}


class InterruptedCall(Generic[R]):
    """A command whose outcome did not reach the caller because an exception did.

    The exception has it as ``callbackservice_call``. The command goes on: ``result`` waits for its outcome.
    """

    def __init__(self, command: str, call: Call, result: Callable[[JsonObject], R]) -> None:
        self.command = command
        self._call = call
        self._result = result

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.command}, {'ended' if self.done() else 'under way'}>"

    def done(self) -> bool:
        """Whether the command has ended."""
        return self._call.is_finished

    def result(self, timeout: Optional[float] = None) -> R:
        """The result, as the command itself would have returned or raised it.

        Waits for it up to ``timeout`` seconds (None: without limit), and raises CallTimeout after that.
        """
        if not self._call.wait(deadline_after(timeout)):
            raise error_of(Status.TIMEOUT, f"{self.command} has not ended yet")
        ended = outcome_of(self.command, self._call.status, self._call.text)
        if isinstance(ended, CallbackServiceError):
            raise ended
        return self._result(ended)

    def __reduce__(self) -> Tuple[Any, ...]:
        # The exception may travel to another process, and the call cannot.
        call = self._call
        ended = (call.status, call.text) if call.is_finished else (int(Status.CLOSED), None)
        return _restored, (self.command, self._result, *ended)


def _restored(
    command: str, result: Callable[[JsonObject], R], status: int, outcome: Optional[bytes]
) -> InterruptedCall[R]:
    call = Call(None)
    call.status, call.text, call.is_finished = status, outcome, True
    return InterruptedCall(command, call, result)


def attach(error: BaseException, call: Any, note: str) -> None:
    """Lets an exception lead to the call that it has left behind."""
    # Not by setattr, which an exception class may refuse.
    error.__dict__.setdefault("callbackservice_call", call)
    notes = error.__dict__.setdefault("__notes__", [])
    if isinstance(notes, list):
        notes.append(f"{note}; callbackservice_call of this exception has its outcome")


def outcome_of(command: str, status: int, encoded: Optional[bytes]) -> Union[JsonObject, CallbackServiceError]:
    """The outcome of a command, or the exception for it."""
    if encoded is None:
        message = _WITHOUT_OUTCOME.get(Status(status)) if status in _WITHOUT_OUTCOME else None
        never_begun = status == Status.CANCELLED and command in EFFECTS
        return error_of(status, message, {"error": {EFFECTS[command]: "no"}} if never_begun else None)
    outcome = decoded(encoded)
    return error_of(status, None, outcome) if status else outcome


def message_of(call: Call) -> Optional[str]:
    return call.text.decode(errors="replace") if call.text else None


def deadline_after(seconds: Optional[float]) -> Optional[float]:
    """The moment after some seconds; None if there is none."""
    if milliseconds(seconds) < 0 or seconds is None:
        return None
    return time.monotonic() + float(min(seconds, threading.TIMEOUT_MAX))
