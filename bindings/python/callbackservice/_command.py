"""A command with its options, as the functions of ``_commands`` make it."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, Generic, Optional, Tuple, TypeVar

from ._ended import PREFIX
from ._values import Json, joined, members_of
from .types import JsonObject

R = TypeVar("R")


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


def command_of(name: str, result: Callable[[JsonObject], R], options: Optional[Json], **keywords: Any) -> Command[R]:
    """A command with the keywords that are given, each by its name in the API, put to the options."""
    given = {key: value for key, value in keywords.items() if value is not None}
    if options is not None and given:
        members = members_of(options)
        for key in given:
            for alias in _ALIASES.get(key, (key,)):
                if members.get(alias) is not None:
                    raise TypeError(f"{alias} is given in the options and also as a keyword")
    return Command(PREFIX + name, joined(options, given), result)
