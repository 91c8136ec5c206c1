"""What the commands on the outbox return, like ``_results``."""

from __future__ import annotations

from typing import Any, Tuple

from ._results import integer_of, list_of, object_of, text_of, time_of
from .errors import error_of
from .events import OutboxEntries, OutboxEntry
from .types import Delivery, DeliveryCounts, JsonObject, Status, Submission


def submission_of(outcome: JsonObject) -> Submission:
    return Submission(
        raw=outcome,
        entry=text_of(outcome.get("entry")) or "",
        delivery=_delivery(outcome),
        key=text_of(outcome.get("key")),
    )


def counts_of(outcome: JsonObject) -> DeliveryCounts:
    def count(name: str) -> int:
        return integer_of(outcome.get(name)) or 0

    return DeliveryCounts(
        raw=outcome,
        delivered=count("delivered"),
        refused=count("refused"),
        unknown=count("unknown"),
        expired=count("expired"),
        waiting=count("waiting"),
    )


def entries_of(outcome: JsonObject) -> OutboxEntries:
    return OutboxEntries(raw=outcome, entries=tuple(_entry(element, element) for element in _elements(outcome)))


def entry_of(outcome: JsonObject) -> OutboxEntry:
    """The entry that was changed."""
    [element, *_] = _elements(outcome) or ({},)
    return _entry(outcome, element)


def _elements(outcome: JsonObject) -> Tuple[JsonObject, ...]:
    return tuple(map(object_of, list_of(outcome.get("entries"))))


def _entry(raw: JsonObject, element: JsonObject) -> OutboxEntry:
    error = object_of(element.get("error"))
    status = integer_of(error.get("status")) or int(Status.INTERNAL)
    return OutboxEntry(
        raw=raw,
        entry=text_of(element.get("entry")) or "",
        delivery=_delivery(element),
        key=text_of(element.get("key")),
        attempts=integer_of(element.get("attempts")) or 0,
        submitted_at=time_of(element.get("submittedAt")),
        next_attempt_at=time_of(element.get("nextAttemptAt")),
        desired_time=time_of(element.get("desiredTime")),
        id=text_of(element.get("id")),
        error=error_of(status, None, {"error": error}) if error else None,
    )


def _delivery(element: JsonObject) -> Delivery:
    delivery: Any = text_of(element.get("delivery")) or "unknown"
    named: Delivery = delivery
    return named
