"""The commands: a function for each, which turns keywords into the options that the library takes.

``Service``, ``Service.start`` and ``AsyncService`` have a method for each function here, with its parameters and its
documentation. A new command needs its function here and one line in each of them.
"""

from __future__ import annotations

import datetime
import uuid
import zoneinfo
from typing import Any, Mapping, Optional, Union

from . import _entries, _results
from ._command import Command
from ._command import command_of as _command
from ._values import Json, milliseconds
from .events import OutboxEntries, OutboxEntry
from .types import (
    Availability,
    Booking,
    Callback,
    Callbacks,
    CallIn,
    Delivery,
    DeliveryCounts,
    Names,
    OpenFor,
    QueueStatus,
    Submission,
    Time,
    WaitTimes,
)

Id = Union[str, uuid.UUID]
UserData = Mapping[str, Any]
Zone = Union[str, datetime.tzinfo]


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


def submit(
    options: Optional[Json] = None,
    *,
    key: Optional[str] = None,
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
) -> Command[Submission]:
    """Stores a booking in the configured outbox, from which it is delivered later.

    It returns when the booking is on disk, and waits for no server. ``key``, a text of the program of at most 200
    characters and without personal data, identifies the booking: a second one with the same key is not stored, and the
    first entry is returned. The others are those of ``schedule``.

    Raises StorageError if the file of the outbox cannot be used, BusyError if it is full, StateError if no ``outbox``
    is configured, and any other CallbackServiceError. Nothing was stored then. Only a call that was cancelled,
    interrupted, or under way when the service was closed may have stored the booking: submit it again with the same
    ``key``.
    """
    return _command(
        "submit",
        _entries.submission_of,
        options,
        key=key,
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


def deliver(timeout: Optional[float] = None, *, options: Optional[Json] = None) -> Command[DeliveryCounts]:
    """Sends the entries of the outbox that are due, and counts what has become of them.

    ``timeout`` is in seconds, at most a day; None is the configured ``ajaxTimeout``. A server that is away is no error:
    its entries are ``waiting``. What becomes of each entry is also an event, ``scheduled`` or ``scheduleError``.

    Raises StorageError, StateError if no ``outbox`` is configured, and any other CallbackServiceError.
    """
    limit = None if timeout is None else milliseconds(timeout)
    if limit is not None and limit <= 0:
        raise ValueError(f"the time limit of a delivery must be above 0 and finite: {timeout!r}")
    return _command("deliver", _entries.counts_of, options, timeoutMs=limit)


def outbox(
    options: Optional[Json] = None,
    *,
    entry: Optional[Id] = None,
    key: Optional[str] = None,
    delivery: Optional[Delivery] = None,
    limit: Optional[int] = None,
) -> Command[OutboxEntries]:
    """Lists entries of the outbox: all, or those with this ``entry``, this ``key`` and in this state.

    ``limit`` is the most entries, 100 if it is None. ``resend`` and ``forget`` change an entry.

    Raises StorageError, StateError if no ``outbox`` is configured, and any other CallbackServiceError.
    """
    if limit is not None and limit < 1:
        raise ValueError(f"the limit must be above 0: {limit!r}")
    return _command("outbox", _entries.entries_of, options, entry=entry, key=key, delivery=delivery, limit=limit)


def resend(entry: Id) -> Command[OutboxEntry]:
    """Has an entry of the outbox sent again, although it may have been booked, and returns it.

    Raises StateError with the status NO_SUCH for an unknown entry, BusyError while it is being sent, ArgumentError if
    what would be sent is erased because the entry is finished, and any other CallbackServiceError.
    """
    return _change("resend", entry)


def forget(entry: Id) -> Command[OutboxEntry]:
    """Removes an entry of the outbox with its key, and returns it as it was.

    A callback that was booked stays booked. Raises StateError with the status NO_SUCH for an unknown entry, BusyError
    while it is being sent, and any other CallbackServiceError.
    """
    return _change("forget", entry)


def _change(action: str, entry: Id) -> Command[OutboxEntry]:
    if not isinstance(entry, (str, uuid.UUID)):
        raise TypeError(f"an entry is given by its attribute entry, a str or UUID, not {type(entry).__name__}")
    return _command("outbox", _entries.entry_of, None, entry=entry, action=action)
