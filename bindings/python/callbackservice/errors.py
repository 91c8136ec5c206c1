"""The exceptions of the package, by the class of their status.

    CallbackServiceError
        ArgumentError           1xx  the program or its data is wrong; nothing was sent
            ConfigurationError       CONFIG
            UnsupportedError         UNSUPPORTED: the configured API does not offer the command
        StateError              2xx  the service is in the wrong state
            ClosedError              CLOSED, BAD_HANDLE
            BusyError                BUSY
        CallTimeout             3xx  TIMEOUT
        CallCancelled           3xx  CANCELLED
        Expired                 3xx  EXPIRED: an entry of the outbox was not delivered in time
        NetworkError            4xx  the server was not reached, or its response is none
        Rejected                5xx  the server rejected the command
            SlotUnavailable          SLOT_UNAVAILABLE
            Unauthorized             UNAUTHORIZED
            RateLimited              RATE_LIMITED
            ServerError              SERVER_ERROR
            NotFound                 NOT_FOUND
        InternalError           9xx  the library or the process is in trouble
            StorageError             STORAGE: the file of the outbox cannot be used

A status that the package does not know raises the exception of its class. What Python itself rejects, such as a time
without a zone, is a ValueError or TypeError, and nothing is sent.
"""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple, Type

from . import _library
from ._results import integer_of, slots_of
from .types import Happened, JsonObject, Slot, Status

# The member of an error that says whether a command has had its effect, of the commands that have one.
EFFECTS = {
    "CallbackService.schedule": "booked",
    "CallbackService.cancel": "cancelled",
    "CallbackService.reschedule": "moved",
    "CallbackService.callIn": "created",
}


class CallbackServiceError(Exception):
    """A call that failed. All attributes survive copying and pickling.

    ``str()`` of it contains no personal data, and can be logged.
    """

    def __init__(self, status: int, message: Optional[str] = None, outcome: Optional[JsonObject] = None) -> None:
        # The arguments are what pickle and copy call the class with.
        super().__init__(status, message, outcome)

    @property
    def status(self) -> int:
        """Number of the status: a ``Status``, or an int if the package does not know it."""
        try:
            return Status(self.args[0])
        except ValueError:
            return int(self.args[0])

    @property
    def name(self) -> str:
        """Name of the status, such as ``SLOT_UNAVAILABLE``."""
        return _library.status_name(self.args[0])

    @property
    def outcome(self) -> Optional[JsonObject]:
        """The whole outcome of the command; None if there is none. It may contain personal data."""
        outcome: Optional[JsonObject] = self.args[2]
        return outcome

    @property
    def message(self) -> str:
        """What happened and what to do, in the library's words and without personal data."""
        own: Optional[str] = self.args[1]
        return own or self._text("message") or ""

    @property
    def server_message(self) -> Optional[str]:
        """What the server says, verbatim. It may contain personal data."""
        return self._text("serverMessage")

    @property
    def server_code(self) -> Any:
        """The error code of the server."""
        return self._error().get("serverCode")

    @property
    def http_status(self) -> Optional[int]:
        """The HTTP status of the response; None if there was none."""
        return integer_of((self.outcome or {}).get("httpStatus"))

    @property
    def field(self) -> Optional[str]:
        """The option or configuration key that is wrong, by its name in the API."""
        return self._text("field")

    @property
    def booked(self) -> Optional[Happened]:
        """Of ``schedule``: ``"no"`` if nothing was booked, ``"unknown"`` if it may have been. Otherwise None."""
        return self._happened("booked")

    @property
    def cancelled(self) -> Optional[Happened]:
        """Of ``cancel``: ``"no"`` if the callback was not cancelled, ``"unknown"`` if it may have been."""
        return self._happened("cancelled")

    @property
    def moved(self) -> Optional[Happened]:
        """Of ``reschedule``: ``"no"`` if the callback was not changed, ``"unknown"`` if it may have been."""
        return self._happened("moved")

    @property
    def created(self) -> Optional[Happened]:
        """Of ``call_in``: ``"no"`` if the request was not created, ``"unknown"`` if it may have been."""
        return self._happened("created")

    @property
    def retryable(self) -> bool:
        """Whether sending the same command again can succeed, and cannot have its effect twice."""
        return self._error().get("retryable") is True

    @property
    def retry_after(self) -> Optional[float]:
        """Seconds that the server asks to wait."""
        milliseconds = self._error().get("retryAfterMs")
        return milliseconds / 1000 if isinstance(milliseconds, (int, float)) else None

    @property
    def attempts(self) -> int:
        """Requests that were sent, or that the library tried to send."""
        return integer_of(self._error().get("attempts")) or 0

    @property
    def correlation_id(self) -> Optional[str]:
        """The server's identifier of the request."""
        return self._text("correlationId")

    @property
    def slots(self) -> Tuple[Slot, ...]:
        """The slots that the server proposes instead."""
        return slots_of(self.outcome or {})[0]

    def _happened(self, member: str) -> Optional[Happened]:
        happened: Optional[Happened] = self._error().get(member)
        outcome = self.outcome or {}
        if (
            happened is None
            and outcome.get("state") == "cancelled"
            and EFFECTS.get(outcome.get("command", "")) == member
        ):
            # It may have been on its way.
            return "unknown"
        return happened

    def _error(self) -> Dict[str, Any]:
        error = (self.outcome or {}).get("error")
        return error if isinstance(error, dict) else {}

    def _text(self, name: str) -> Optional[str]:
        value = self._error().get(name)
        return value if isinstance(value, str) else None

    def __str__(self) -> str:
        message = self.message
        return f"{self.name}: {message}" if message else self.name

    def __repr__(self) -> str:
        # Without the outcome, which may contain personal data.
        return f"{type(self).__name__}({int(self.status)}, {self.message!r})"


class ArgumentError(CallbackServiceError):
    """An argument, an option or its value is wrong; nothing was sent."""


class ConfigurationError(ArgumentError):
    """The configuration is wrong; the message names the key."""


class UnsupportedError(ArgumentError):
    """The configured API does not offer the command."""


class StateError(CallbackServiceError):
    """The service cannot do this in its present state."""


class ClosedError(StateError):
    """The service is closed, or was closed during the call."""


class BusyError(StateError):
    """There are too many services, calls or entries, or the entry is being sent; nothing was lost."""


class CallTimeout(CallbackServiceError):
    """A time limit has passed."""


class CallCancelled(CallbackServiceError):
    """The call was cancelled. A booking may have reached the server: see ``booked``."""


class Expired(CallbackServiceError):
    """An entry of the outbox could not be delivered in time, and is not sent any more."""


class NetworkError(CallbackServiceError):
    """The server was not reached, or did not send a response of the API."""


class Rejected(CallbackServiceError):
    """The server rejected the command."""


class SlotUnavailable(Rejected):
    """The desired time is taken or the office is closed; ``slots`` has what the server proposes instead."""


class Unauthorized(Rejected):
    """The server requires an API key or credentials."""


class RateLimited(Rejected):
    """Too many requests; ``retry_after`` says how long to wait."""


class ServerError(Rejected):
    """The server failed."""


class NotFound(Rejected):
    """The server does not know the callback, service or path."""


class InternalError(CallbackServiceError):
    """The library has a bug, or the process is out of memory, descriptors or threads."""


class StorageError(InternalError):
    """The file of the outbox cannot be opened, read or written; the message says why, and nothing was stored."""


_BY_STATUS: Dict[int, Type[CallbackServiceError]] = {
    Status.CONFIG: ConfigurationError,
    Status.UNSUPPORTED: UnsupportedError,
    Status.BAD_HANDLE: ClosedError,
    Status.CLOSED: ClosedError,
    Status.BUSY: BusyError,
    Status.CANCELLED: CallCancelled,
    Status.EXPIRED: Expired,
    Status.SLOT_UNAVAILABLE: SlotUnavailable,
    Status.UNAUTHORIZED: Unauthorized,
    Status.RATE_LIMITED: RateLimited,
    Status.SERVER_ERROR: ServerError,
    Status.NOT_FOUND: NotFound,
    Status.STORAGE: StorageError,
}

_BY_CLASS: Dict[int, Type[CallbackServiceError]] = {
    1: ArgumentError,
    2: StateError,
    3: CallTimeout,
    4: NetworkError,
    5: Rejected,
    9: InternalError,
}


def error_of(status: int, message: Optional[str] = None, outcome: Optional[JsonObject] = None) -> CallbackServiceError:
    """The exception for a status."""
    kind = _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, CallbackServiceError)
    return kind(status, message, outcome)
