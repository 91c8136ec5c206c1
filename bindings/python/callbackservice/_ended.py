"""What has come of a command or an event, by its name: a result or an exception."""

from __future__ import annotations

from typing import Callable, Dict, TypeVar, Union

from . import _entries, _results
from .errors import CallbackServiceError, error_of
from .events import Event
from .types import JsonObject, Outcome

R = TypeVar("R")

PREFIX = "CallbackService."

# The results of the commands that have one of their own.
_RESULTS: Dict[str, Callable[[JsonObject], Outcome]] = {
    "schedule": _results.booking_of,
    "availability": _results.availability_of,
    "cancel": _results.callback_of,
    "reschedule": _results.callback_of,
    "retrieve": _results.callback_of,
    "query": _results.callbacks_of,
    "queuePosition": _results.callback_of,
    "estimatedWaitTime": _results.wait_times_of,
    "queueStatus": _results.queue_status_of,
    "openFor": _results.open_for_of,
    "callIn": _results.call_in_of,
    "submit": _entries.submission_of,
    "deliver": _entries.counts_of,
    "outbox": _entries.entries_of,
}


def full_name(name: str) -> str:
    """The name of a command or event on the bus; the prefix may be left out."""
    return name if name == "*" or name.startswith(PREFIX) else PREFIX + name


def event_of(name: str, data: JsonObject) -> Event:
    """An event as a handler of ``Service.on`` receives it."""
    short = name[len(PREFIX) :] if name.startswith(PREFIX) else name
    if "command" not in data:
        return Event(name=short, result=None, error=None, raw=data)
    ended = ended_of(data, result_of(str(data["command"])))
    if isinstance(ended, CallbackServiceError):
        return Event(name=short, result=None, error=ended, raw=data)
    return Event(name=short, result=ended, error=None, raw=data)


def result_of(command: str) -> Callable[[JsonObject], Outcome]:
    """What makes the result of a command, given by its name."""
    short = command[len(PREFIX) :] if command.startswith(PREFIX) else command
    return _RESULTS.get(short, _results.outcome_of)


def ended_of(outcome: JsonObject, result: Callable[[JsonObject], R]) -> Union[R, CallbackServiceError]:
    """The result of a command that has ended, or its exception."""
    state, error = outcome.get("state"), outcome.get("error")
    if state == "resolved":
        return result(outcome)
    if state == "cancelled":
        return error_of(302, "the call was cancelled", outcome)
    status = error.get("status") if isinstance(error, dict) else None
    return error_of(status if isinstance(status, int) else 902, None, outcome)
