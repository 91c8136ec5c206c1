"""Books telephone callbacks with a contact center, and lists the slots that can be booked.

    from callbackservice import Service, SlotUnavailable

    with Service({"dataURL": "http://127.0.0.1:8080/genesys/1/service/callback/samples"}) as service:
        for slot in service.availability(number_of_days=1).slots:
            print(slot.utc_time, slot.capacity)
        booking = service.schedule(phone_number="+14151110000")
        print(booking.id)

The package calls the shared library libcallbackservice through ctypes. While a call waits for the server, other Python
threads run, and signals interrupt the wait. Times without a unit in their name are in seconds; None and infinity are
without limit.
"""

from ._library import version
from ._log import set_log
from ._outcomes import InterruptedCall
from ._process import diagnostics
from ._started import StartedCall
from ._values import milliseconds as _milliseconds  # noqa: F401
from ._version import __version__
from .aio import AsyncService
from .errors import (
    ArgumentError,
    BusyError,
    CallbackServiceError,
    CallCancelled,
    CallTimeout,
    ClosedError,
    ConfigurationError,
    Expired,
    InternalError,
    NetworkError,
    NotFound,
    RateLimited,
    Rejected,
    ServerError,
    SlotUnavailable,
    StateError,
    StorageError,
    Unauthorized,
    UnsupportedError,
)
from .events import Event, OutboxEntries, OutboxEntry
from .service import Service
from .types import (
    Availability,
    Booking,
    Callback,
    Callbacks,
    CallIn,
    DeliveryCounts,
    EventName,
    OpenFor,
    Outcome,
    QueueStatus,
    Slot,
    Status,
    Submission,
    WaitTime,
    WaitTimes,
)

__all__ = [
    "ArgumentError",
    "AsyncService",
    "Availability",
    "Booking",
    "BusyError",
    "CallCancelled",
    "CallIn",
    "CallTimeout",
    "Callback",
    "CallbackServiceError",
    "Callbacks",
    "ClosedError",
    "ConfigurationError",
    "DeliveryCounts",
    "Event",
    "EventName",
    "Expired",
    "InternalError",
    "InterruptedCall",
    "NetworkError",
    "NotFound",
    "OpenFor",
    "OutboxEntries",
    "OutboxEntry",
    "Outcome",
    "QueueStatus",
    "RateLimited",
    "Rejected",
    "ServerError",
    "Service",
    "Slot",
    "SlotUnavailable",
    "StartedCall",
    "StateError",
    "Status",
    "StorageError",
    "Submission",
    "Unauthorized",
    "UnsupportedError",
    "WaitTime",
    "WaitTimes",
    "__version__",
    "diagnostics",
    "set_log",
    "version",
]
