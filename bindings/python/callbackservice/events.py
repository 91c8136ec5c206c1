"""Events, and entries of the outbox: results that hold the exception of a command which has failed."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Optional, Tuple

from .errors import CallbackServiceError
from .types import Delivery, JsonObject, Outcome


@dataclass(frozen=True)
class OutboxEntry(Outcome):
    """A booking in the outbox, without the number and the user data."""

    entry: str
    """Identifies the entry. It is not the ``id`` of the callback."""
    delivery: Delivery
    key: Optional[str]
    """The key of the program."""
    attempts: int
    submitted_at: Optional[datetime.datetime]
    """Aware, in UTC."""
    next_attempt_at: Optional[datetime.datetime]
    """Aware, in UTC. None if the library does nothing more with the entry."""
    desired_time: Optional[datetime.datetime]
    """Aware, in UTC."""
    id: Optional[str]
    """Identifies the callback that was booked."""
    error: Optional[CallbackServiceError] = field(compare=False)
    """Why the entry is not delivered. It is a value here, and was not raised."""


@dataclass(frozen=True)
class OutboxEntries(Outcome):
    """Entries of the outbox."""

    entries: Tuple[OutboxEntry, ...]


@dataclass(frozen=True)
class Event:
    """An event, as a handler of ``Service.on`` receives it."""

    name: str
    """Such as ``scheduled``."""
    result: Optional[Outcome]
    """What the command has returned; None if it was rejected, and for ``ready``."""
    error: Optional[CallbackServiceError]
    """Why the command was rejected."""
    raw: JsonObject = field(repr=False, compare=False)

    @property
    def entry(self) -> Optional[str]:
        """The entry of the outbox whose booking this is about; None if it is about none."""
        return self._text("entry")

    @property
    def key(self) -> Optional[str]:
        """The key with which the entry was submitted."""
        return self._text("key")

    def _text(self, name: str) -> Optional[str]:
        value = self.raw.get(name)
        return value if isinstance(value, str) else None
