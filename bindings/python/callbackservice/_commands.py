"""The commands: a function for each, which turns keywords into the options that the library takes.

``Service``, ``Service.start`` and ``AsyncService`` have a method for each function here, with its parameters and its
documentation. A new command needs its function here and one line in each of them.
"""

from __future__ import annotations

import dataclasses
import datetime
import uuid
import zoneinfo
from typing import Any, Callable, Dict, Generic, Mapping, Optional, Tuple, TypeVar, Union

from . import _results
from ._values import Json, joined, members_of
from .errors import CallbackServiceError, error_of
from .types import (
    Availability,
    Booking,
    Callback,
    Callbacks,
    CallIn,
    Event,
    JsonObject,
    Names,
    OpenFor,
    Outcome,
    QueueStatus,
    Time,
    WaitTimes,
)

R = TypeVar("R")

PREFIX = "CallbackService."

Id = Union[str, uuid.UUID]
UserData = Mapping[str, Any]
Zone = Union[str, datetime.tzinfo]


@dataclasses.dataclass(frozen=True)
class Command(Generic[R]):
    """A command with its options, and what makes its result of the outcome."""

    name: str
    data: Json
    result: Callable[[JsonObject], R]


# Names in the API of the options that have several; the first is the one that is sent.
_ALIASES: Dict[str, Tuple[str, ...]] = {
    "id": ("id", "_id"),
    "phonenumber": ("phonenumber", "phoneNumber", "_customer_number"),
    "desiredtime": ("desiredtime", "desiredTime", "_desired_time"),
    "calldirection": ("calldirection", "callDirection"),
    "waitforagent": ("waitforagent", "waitForAgent"),
    "waitforuserconfirm": ("waitforuserconfirm", "waitForUserConfirm"),
    "mediatype": ("mediatype", "mediaType"),
    "callbackstate": ("callbackstate", "callbackState"),
    "ursvirtualqueue": ("ursvirtualqueue", "ursVirtualQueue"),
    "startDate": ("startDate", "start", "startMS", "start-ms"),
    "endDate": ("endDate", "end", "endMS", "end-ms"),
    "numberOfDays": ("numberOfDays", "number-of-days"),
    "maxTimeSlots": ("maxTimeSlots", "max-time-slots"),
    "reportBusy": ("reportBusy", "report-busy"),
}


def _command(name: str, result: Callable[[JsonObject], R], options: Optional[Json], **keywords: Any) -> Command[R]:
    """A command with the keywords that are given, each by its name in the API, put to the options."""
    given = {key: value for key, value in keywords.items() if value is not None}
    if options is not None and given:
        members = members_of(options)
        for key in given:
            for alias in _ALIASES.get(key, (key,)):
                if members.get(alias) is not None:
                    raise TypeError(f"{alias} is given in the options and also as a keyword")
    return Command(PREFIX + name, joined(options, given), result)


def _zone(zone: Optional[Zone]) -> Optional[str]:
    if zone is None or isinstance(zone, str):
        return zone
    if zone is datetime.timezone.utc:
        return "UTC"
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return zone.key
    raise ValueError(f"the time zone {zone!r} has no name of the IANA database: give a zoneinfo.ZoneInfo or the name")


def schedule(
    options: Optional[Json] = None,
    *,
    phone_number: Union[str, int, None] = None,
    desired_time: Optional[Time] = None,
    first_name: Optional[str] = None,
    last_name: Optional[str] = None,
    email: Optional[str] = None,
    subject: Optional[str] = None,
    user_data: Optional[UserData] = None,
    service_name: Optional[str] = None,
    call_direction: Optional[str] = None,
    wait_for_agent: Optional[bool] = None,
    wait_for_user_confirm: Optional[bool] = None,
    media_type: Optional[str] = None,
    callback_state: Optional[str] = None,
    urs_virtual_queue: Optional[str] = None,
) -> Command[Booking]:
    """Books a callback.

    ``phone_number`` is the number to call. ``desired_time`` is an aware datetime or a text of ISO 8601 with a zone;
    None is as soon as possible. ``user_data`` is merged over the configured user data: its keys are any, its values
    what JSON has, and datetime, UUID and Decimal. The others are the options of the same name of the API.

    ``options`` takes options by their names in the API, as a mapping or a JSON text, for what has no keyword here. One
    that is given twice raises TypeError.

    Raises SlotUnavailable with other ``slots`` if the time is taken, and any other CallbackServiceError; its ``booked``
    says whether the booking may have been made all the same. A booking is never sent twice.
    """
    return _command(
        "schedule",
        _results.booking_of,
        options,
        phonenumber=phone_number,
        desiredtime=desired_time,
        firstname=first_name,
        lastname=last_name,
        email=email,
        subject=subject,
        userData=user_data,
        serviceName=service_name,
        calldirection=call_direction,
        waitforagent=wait_for_agent,
        waitforuserconfirm=wait_for_user_confirm,
        mediatype=media_type,
        callbackstate=callback_state,
        ursvirtualqueue=urs_virtual_queue,
    )


def availability(
    options: Optional[Json] = None,
    *,
    start_date: Optional[Time] = None,
    end_date: Optional[Time] = None,
    number_of_days: Optional[int] = None,
    max_time_slots: Optional[int] = None,
    service_name: Optional[str] = None,
    timezone: Optional[Zone] = None,
    report_busy: Optional[bool] = None,
) -> Command[Availability]:
    """Lists the slots that can be booked; without any, the list is empty.

    ``start_date`` and ``end_date`` are aware datetimes or texts of ISO 8601; ``number_of_days`` is an alternative to
    the end. ``timezone``, a name of the IANA database or a ZoneInfo, gives slots a ``local_time``, and ``report_busy``
    lists full slots too; both are for v3 only. ``options`` takes options by their names in the API.

    Raises CallbackServiceError. A failure that is safe to repeat is repeated within the configured ``ajaxTimeout``.
    """
    return _command(
        "availability",
        _results.availability_of,
        options,
        startDate=start_date,
        endDate=end_date,
        numberOfDays=number_of_days,
        maxTimeSlots=max_time_slots,
        serviceName=service_name,
        timezone=_zone(timezone),
        reportBusy=report_busy,
    )


def cancel(id: Id, *, discard_ors_failure: Optional[bool] = None, options: Optional[Json] = None) -> Command[Callback]:
    """Cancels a callback that was booked, by its ``id``.

    To cancel a call of this package that is under way, use ``cancel`` of the object that ``start`` has returned.
    ``discard_ors_failure`` is for v1: it removes the callback also if the orchestration server fails to.

    Raises NotFound, and any other CallbackServiceError. A cancellation is never sent twice; if its response is lost,
    the message says that the callback may have been cancelled.
    """
    if not isinstance(id, (str, uuid.UUID)):
        raise TypeError(
            f"the id of a callback is a str or UUID, not {type(id).__name__}; "
            "to cancel a started call, use its method cancel"
        )
    return _command("cancel", _results.callback_of, options, id=id, discardOrsFailure=discard_ors_failure)


def reschedule(
    id: Id,
    *,
    desired_time: Optional[Time] = None,
    user_data: Optional[UserData] = None,
    options: Optional[Json] = None,
) -> Command[Callback]:
    """Moves a callback to another time, changes its user data, or both (v1 only).

    Raises SlotUnavailable with other ``slots``, NotFound, UnsupportedError over v3, and any other CallbackServiceError.
    It is never sent twice; if its response is lost, the message says that the callback may have been moved.
    """
    return _command("reschedule", _results.callback_of, options, id=id, desiredtime=desired_time, userData=user_data)


def retrieve(id: Id, *, options: Optional[Json] = None) -> Command[Callback]:
    """Returns a callback by its ``id``. Raises NotFound, and any other CallbackServiceError."""
    return _command("retrieve", _results.callback_of, options, id=id)


def query(
    options: Optional[Json] = None,
    *,
    phone_number: Union[str, int, None] = None,
    state: Optional[str] = None,
    id: Optional[Id] = None,
    keys: Optional[Mapping[str, Any]] = None,
    operand: Optional[str] = None,
    all_services: Optional[bool] = None,
) -> Command[Callbacks]:
    """Finds callbacks (v1 only); without any, the list is empty.

    At least one key has to be given: ``phone_number``, ``state`` (also ``"!COMPLETED"``), ``id``, or others in
    ``keys``. ``operand`` is ``"AND"`` (the default) or ``"OR"``. ``all_services`` looks beyond the configured service.

    Raises UnsupportedError over v3, and any other CallbackServiceError.
    """
    return _command(
        "query",
        _results.callbacks_of,
        options,
        phonenumber=phone_number,
        state=state,
        id=id,
        keys=keys,
        operand=operand,
        allServices=all_services,
    )


def queue_position(id: Id, *, options: Optional[Json] = None) -> Command[Callback]:
    """Returns the ``position_in_queue`` of a callback, its ``estimated_wait_time`` in seconds, or both.

    Raises NotFound, and any other CallbackServiceError.
    """
    return _command("queuePosition", _results.callback_of, options, id=id)


def estimated_wait_time(
    virtual_queues: Names,
    *,
    mode: Optional[str] = None,
    include_calls_on_hold: Optional[bool] = None,
    options: Optional[Json] = None,
) -> Command[WaitTimes]:
    """Returns the estimated wait times of virtual queues, in seconds (v3 only).

    ``mode`` is ``"mode1"``, ``"mode2"`` (the default) or ``"mode3"``. Raises UnsupportedError over v1, and any other
    CallbackServiceError.
    """
    queues = virtual_queues if isinstance(virtual_queues, str) else list(virtual_queues)
    return _command(
        "estimatedWaitTime",
        _results.wait_times_of,
        options,
        virtualQueues=queues,
        mode=mode,
        includeCallsOnHold=include_calls_on_hold,
    )


def queue_status(
    queue_name: Optional[str] = None, *, service_name: Optional[str] = None, options: Optional[Json] = None
) -> Command[QueueStatus]:
    """Returns what a queue, or else the configured service, can offer now (v3 only).

    Raises UnsupportedError over v1, and any other CallbackServiceError.
    """
    # An empty object would be missing data.
    options = {"queueName": None} if options is None else options
    return _command("queueStatus", _results.queue_status_of, options, queueName=queue_name, serviceName=service_name)


def open_for(
    service_name: Optional[str] = None,
    *,
    start_date: Optional[Time] = None,
    timezone: Optional[Zone] = None,
    options: Optional[Json] = None,
) -> Command[OpenFor]:
    """Returns how long the office of a service, or else of the configured one, is open (v3 only).

    Raises UnsupportedError over v1, and any other CallbackServiceError.
    """
    return _command(
        "openFor",
        _results.open_for_of,
        # An empty object would be missing data.
        {"serviceName": None} if options is None else options,
        serviceName=service_name,
        startDate=start_date,
        timezone=_zone(timezone),
    )


def call_in(
    group_name: str,
    *,
    from_phone_number: Union[str, int, None] = None,
    user_data: Optional[UserData] = None,
    callback_service_id: Optional[str] = None,
    options: Optional[Json] = None,
) -> Command[CallIn]:
    """Announces a caller who will call in (v3 only).

    Raises UnsupportedError over v1, and any other CallbackServiceError. It is never sent twice; if its response is
    lost, the message says that the request may have been created.
    """
    return _command(
        "callIn",
        _results.call_in_of,
        options,
        groupName=group_name,
        fromPhoneNumber=from_phone_number,
        userData=user_data,
        callbackServiceId=callback_service_id,
    )


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
