"""Values that the package returns: statuses, names of events, and the results of commands.

Results are frozen dataclasses. Each has ``raw``, the JSON object that it was made from: of the result of a command that
is the whole outcome, of an element of a list the element. An attribute is None where the server sent nothing for it.
All can be compared, copied and pickled. ``repr`` shows neither telephone numbers nor ``raw``.
"""

from __future__ import annotations

import datetime
import enum
from dataclasses import dataclass, field
from typing import Any, Dict, Literal, Optional, Sequence, Tuple, Union

JsonObject = Dict[str, Any]

Happened = Literal["no", "unknown"]
"""Whether a command that failed has had its effect all the same: ``"no"``, or ``"unknown"`` if it may have had."""

LogLevel = Literal["off", "error", "warning", "info", "debug"]
"""A level of the library's log; each includes those before it."""

Delivery = Literal["waiting", "sending", "delivered", "refused", "unknown", "expired"]
"""What has become of an entry of the outbox."""

EventName = Literal[
    "ready",
    "scheduled",
    "scheduleError",
    "availableSlots",
    "availabilityError",
    "cancelled",
    "cancelError",
    "rescheduled",
    "rescheduleError",
    "retrieved",
    "retrieveError",
    "submitted",
    "submitError",
    "deliveryEnded",
    "deliverError",
    "outboxEntries",
    "outboxError",
    "found",
    "queryError",
    "queuePosition",
    "queuePositionError",
    "estimatedWaitTime",
    "estimatedWaitTimeError",
    "queueStatus",
    "queueStatusError",
    "openFor",
    "openForError",
    "callInCreated",
    "callInError",
]
"""The name of an event, without the prefix ``CallbackService.``."""


class Status(enum.IntEnum):
    """What came of a call of the library. The hundreds give the class; the numbers are not HTTP statuses."""

    OK = 0
    NULL_ARGUMENT = 101
    BAD_HANDLE = 102
    NOT_UTF8 = 103
    NOT_JSON = 104
    CONFIG = 105
    UNKNOWN_COMMAND = 106
    NO_DATA = 107
    BAD_OPTION = 108
    UNSUPPORTED = 109
    BUFFER_TOO_SMALL = 110
    CLOSED = 201
    REENTRANT = 202
    WRONG_MODE = 203
    BUSY = 204
    NO_SUCH = 205
    TIMEOUT = 301
    CANCELLED = 302
    EXPIRED = 303
    DNS = 401
    CONNECT = 402
    TLS = 403
    PROXY = 404
    PROTOCOL = 405
    TOO_LARGE = 406
    REJECTED = 501
    SLOT_UNAVAILABLE = 502
    UNAUTHORIZED = 503
    RATE_LIMITED = 504
    SERVER_ERROR = 505
    NOT_FOUND = 506
    PANIC = 901
    INTERNAL = 902
    STORAGE = 903

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command: what it returns is this, or a class of this module that is derived from it."""

    raw: JsonObject = field(repr=False, compare=False)

    @property
    def command(self) -> str:
        """The name of the command, such as ``CallbackService.schedule``."""
        return str(self.raw.get("command", ""))

    @property
    def http_status(self) -> Optional[int]:
        """The HTTP status of the response; None if nothing was sent."""
        status = self.raw.get("httpStatus")
        return status if isinstance(status, int) else None

    @property
    def response(self) -> Any:
        """The body of the response: a JSON value, or a string if it is not JSON. It may contain personal data."""
        return self.raw.get("response")


@dataclass(frozen=True)
class Booking(Outcome):
    """A callback that was booked."""

    id: Optional[str]
    """Identifies the callback in the other commands. None if the server confirmed the booking without one."""


@dataclass(frozen=True)
class Slot:
    """A time that can be booked."""

    raw: JsonObject = field(repr=False, compare=False)
    utc_time: datetime.datetime
    """Begin of the slot, aware, in UTC."""
    local_time: Optional[str]
    """The same in the zone of the option ``timezone``, as the server writes it: for display."""
    capacity: Optional[int]
    """How many callbacks can still be booked."""
    total: Optional[int]
    """How many can be booked in all."""


@dataclass(frozen=True)
class Availability(Outcome):
    """The slots that can be booked."""

    slots: Tuple[Slot, ...]
    """In ascending order; empty if there are none."""
    unread_slots: Tuple[str, ...]
    """What the server listed that is not a slot, such as a date that does not exist."""


@dataclass(frozen=True)
class Callback(Outcome):
    """A callback that the server has, or a change of it."""

    id: Optional[str]
    state: Optional[str]
    """``SCHEDULED``, ``QUEUED``, ``ROUTING``, ``PROCESSING``, ``PAUSED``, ``COMPLETED``, or what the server says."""
    reason: Optional[str]
    """Why a completed callback has ended."""
    desired_time: Optional[datetime.datetime]
    """Aware, in UTC."""
    phone_number: Optional[str] = field(repr=False)
    service_name: Optional[str]
    expiration_time: Optional[datetime.datetime]
    """Aware, in UTC."""
    position_in_queue: Optional[int]
    estimated_wait_time: Optional[float]
    """Seconds."""
    url: Optional[str]


@dataclass(frozen=True)
class Callbacks(Outcome):
    """The callbacks that a query has found."""

    callbacks: Tuple[Callback, ...]
    unread_callbacks: Tuple[str, ...]
    """What the server listed that is not a callback."""


@dataclass(frozen=True)
class WaitTime:
    """The estimated wait time of a virtual queue."""

    raw: JsonObject = field(repr=False, compare=False)
    virtual_queue: Optional[str]
    estimated_wait_time: Optional[float]
    """Seconds; None if the server cannot estimate it."""
    message: Optional[str]
    result_code: Optional[int]


@dataclass(frozen=True)
class WaitTimes(Outcome):
    """The estimated wait times of virtual queues."""

    wait_times: Tuple[WaitTime, ...]


@dataclass(frozen=True)
class QueueStatus(Outcome):
    """What a queue can offer at this moment."""

    estimated_wait_time: Optional[float]
    """Seconds."""
    offer_immediate_callback: Optional[bool]
    offer_scheduled_callback: Optional[bool]


@dataclass(frozen=True)
class OpenFor(Outcome):
    """How long an office is open."""

    seconds: Optional[float]
    """From the start of the question to the moment at which the office closes."""


@dataclass(frozen=True)
class CallIn(Outcome):
    """A request of a caller who will call in."""

    call_in: JsonObject = field(repr=False)
    """What the server sent."""


@dataclass(frozen=True)
class Submission(Outcome):
    """A booking that is stored in the outbox."""

    entry: str
    """Identifies the entry of the outbox. It is not the ``id`` of a callback."""
    delivery: Delivery
    """What has become of it; ``"waiting"``, unless a booking of the same key was submitted before."""
    key: Optional[str]
    """The key of the program."""


@dataclass(frozen=True)
class DeliveryCounts(Outcome):
    """What has become of the entries that one ``deliver`` has sent."""

    delivered: int
    refused: int
    unknown: int
    expired: int
    waiting: int
    """Entries for this server that are to be sent later."""


# What options accept.
Time = Union[datetime.datetime, str]
"""An aware datetime, or a text in one of the forms of ISO 8601 that the library accepts."""

Names = Union[str, Sequence[str]]
"""One name, or several."""
