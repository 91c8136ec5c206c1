"""What comes of a command: its outcome, its exception, or a call whose outcome did not reach the caller."""

import threading
import time

from ._calls import Call
from ._capi import CANCELLED, CLOSED, TIMEOUT
from ._values import decoded, milliseconds
from .errors import CallbackServiceError, Rejected

_WITHOUT_OUTCOME = {CLOSED: "the service is closed", CANCELLED: "the command was interrupted before it began"}


class InterruptedCall:
    """A command whose outcome did not reach the caller because an exception did.

    The exception has it as ``callbackservice_call``. The command goes on: ``result`` waits for its outcome.
    """

    def __init__(self, command, call):
        self.command = command
        self._call = call

    def __repr__(self):
        return f"<{type(self).__name__} {self.command}, {'ended' if self.done() else 'under way'}>"

    def done(self):
        """Whether the command has ended."""
        return self._call.is_finished

    def result(self, timeout=None):
        """The outcome, as the command itself would have returned or raised it.

        Waits for it up to ``timeout`` seconds (None: without limit), and raises a CallbackServiceError named
        TIMEOUT after that.
        """
        if not self._call.wait(deadline_after(timeout)):
            raise CallbackServiceError(TIMEOUT, f"{self.command} has not ended yet")
        return outcome_of(self._call.status, self._call.text)

    def __reduce__(self):
        # The exception may travel to another process, and the call cannot.
        call = self._call
        ended = (call.status, call.text) if call.is_finished else (CLOSED, None)
        return _restored, (self.command, *ended)


def _restored(command, status, outcome):
    call = Call(None)
    call.status, call.text, call.is_finished = status, outcome, True
    return InterruptedCall(command, call)


def attach(error, call):
    # Not by setattr, which an exception class may refuse.
    error.__dict__.setdefault("callbackservice_call", call)
    notes = error.__dict__.setdefault("__notes__", [])
    if isinstance(notes, list):
        ended = "had ended" if call.done() else "is under way and goes on"
        notes.append(f"{call.command} {ended}; callbackservice_call.result() of this exception gives its outcome")


def outcome_of(status, encoded, raises=True):
    """The outcome of a command, or the exception for it."""
    if encoded is None:
        error = CallbackServiceError(status, _WITHOUT_OUTCOME.get(status))
        error.booked = "no" if status == CANCELLED else None
    else:
        outcome = decoded(encoded)
        if not status:
            return outcome
        error = Rejected(status, outcome)
    if raises:
        raise error
    return error


def message_of(call):
    return call.text.decode(errors="replace") if call.text else None


def deadline_after(seconds):
    """The moment after some seconds; None if there is none."""
    limit = milliseconds(seconds)
    return None if limit < 0 else time.monotonic() + float(min(seconds, threading.TIMEOUT_MAX))
