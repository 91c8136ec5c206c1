"""Outcomes as results: a function for each result, which takes the outcome.

Nothing here raises: an answer whose members are unusual still reaches the caller, with None for what cannot be read.
"""

from __future__ import annotations

import datetime
from typing import Any, List, Optional, Tuple

from .types import (
    Availability,
    Booking,
    Callback,
    Callbacks,
    CallIn,
    JsonObject,
    OpenFor,
    Outcome,
    QueueStatus,
    Slot,
    WaitTime,
    WaitTimes,
)


def time_of(value: Any) -> Optional[datetime.datetime]:
    """An aware datetime in UTC from a time of an outcome; None if it is none, or beyond what datetime can hold."""
    if not isinstance(value, str):
        return None
    # Before 3.11 fromisoformat does not know the Z.
    text = value[:-1] + "+00:00" if value.endswith(("Z", "z")) else value
    try:
        time = datetime.datetime.fromisoformat(text)
        return time.astimezone(datetime.timezone.utc) if time.tzinfo else None
    except (ValueError, OverflowError):
        return None


def number_of(value: Any) -> Optional[float]:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def truth_of(value: Any) -> Optional[bool]:
    return value if isinstance(value, bool) else None


def integer_of(value: Any) -> Optional[int]:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def text_of(value: Any) -> Optional[str]:
    return value if isinstance(value, str) else None


def slots_of(outcome: JsonObject) -> Tuple[Tuple[Slot, ...], Tuple[str, ...]]:
    """The slots of an outcome, and what it lists that is not a slot."""
    slots: List[Slot] = []
    unread = [str(each) for each in list_of(outcome.get("unreadSlots"))]
    for element in list_of(outcome.get("slots")):
        member = element.get if isinstance(element, dict) else {}.get
        time = time_of(member("utcTime"))
        if time is None:
            unread.append(str(member("utcTime", element)))
            continue
        slots.append(
            Slot(
                raw=element,
                utc_time=time,
                local_time=text_of(member("localTime")),
                capacity=integer_of(member("capacity")),
                total=integer_of(member("total")),
            )
        )
    return tuple(slots), tuple(unread)


def outcome_of(outcome: JsonObject) -> Outcome:
    return Outcome(raw=outcome)


def booking_of(outcome: JsonObject) -> Booking:
    return Booking(raw=outcome, id=text_of(outcome.get("id")))


def availability_of(outcome: JsonObject) -> Availability:
    slots, unread = slots_of(outcome)
    return Availability(raw=outcome, slots=slots, unread_slots=unread)


def callback_of(outcome: JsonObject) -> Callback:
    return _callback(outcome, outcome.get("callback"))


def callbacks_of(outcome: JsonObject) -> Callbacks:
    records = list_of(outcome.get("callbacks"))
    unread = map(str, list_of(outcome.get("unreadCallbacks")))
    return Callbacks(
        raw=outcome,
        callbacks=tuple(_callback(object_of(record), record) for record in records),
        unread_callbacks=tuple(unread),
    )


def _callback(raw: JsonObject, record: Any) -> Callback:
    member = object_of(record).get
    return Callback(
        raw=raw,
        id=text_of(member("id")),
        state=text_of(member("state")),
        reason=text_of(member("reason")),
        desired_time=time_of(member("desiredTime")),
        phone_number=text_of(member("phoneNumber")),
        service_name=text_of(member("serviceName")),
        expiration_time=time_of(member("expirationTime")),
        position_in_queue=integer_of(member("positionInQueue")),
        estimated_wait_time=number_of(member("estimatedWaitTime")),
        url=text_of(member("url")),
    )


def wait_times_of(outcome: JsonObject) -> WaitTimes:
    elements = map(object_of, list_of(outcome.get("waitTimes")))
    return WaitTimes(raw=outcome, wait_times=tuple(map(_wait_time, elements)))


def _wait_time(element: JsonObject) -> WaitTime:
    return WaitTime(
        raw=element,
        virtual_queue=text_of(element.get("virtualQueue")),
        estimated_wait_time=number_of(element.get("estimatedWaitTime")),
        message=text_of(element.get("message")),
        result_code=integer_of(element.get("resultCode")),
    )


def queue_status_of(outcome: JsonObject) -> QueueStatus:
    queue = object_of(outcome.get("queue"))
    return QueueStatus(
        raw=outcome,
        estimated_wait_time=number_of(queue.get("estimatedWaitTime")),
        offer_immediate_callback=truth_of(queue.get("offerImmediateCallback")),
        offer_scheduled_callback=truth_of(queue.get("offerScheduledCallback")),
    )


def open_for_of(outcome: JsonObject) -> OpenFor:
    return OpenFor(raw=outcome, seconds=number_of(outcome.get("openForSeconds")))


def call_in_of(outcome: JsonObject) -> CallIn:
    return CallIn(raw=outcome, call_in=object_of(outcome.get("callIn")))


def object_of(value: Any) -> JsonObject:
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> List[Any]:
    return value if isinstance(value, list) else []
