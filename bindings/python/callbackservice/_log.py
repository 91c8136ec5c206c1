"""The log of the library: to the logger ``callbackservice``, or to a function of the program."""

from __future__ import annotations

import logging
from typing import Optional, Union

from . import _calls
from ._calls import Call
from ._delivery import LogFunction
from ._library import NO_HANDLER, library
from .errors import error_of
from .types import LogLevel

logger = logging.getLogger("callbackservice")

# The library's number of each level, and that of logging.
_NUMBERS = {"off": 0, "error": 1, "warning": 2, "info": 3, "debug": 4}
_NAMES = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning", logging.ERROR: "error"}
_LEVELS = {name: level for level, name in _NAMES.items()}


class _State:
    follows_logger = True
    number = 0


_state = _State()


def set_log(level: Union[LogLevel, int, None], function: Optional[LogFunction] = None) -> None:
    """Sends the lines of the library's log to a function instead of the logger ``callbackservice``.

    ``level`` is a level of the library or of ``logging``: ``"error"`` or ``logging.ERROR``. The function is called with
    the name of the level and the line, on a thread that has called the library. ``"off"`` ends the log, and None gives
    it back to the logger. No line contains an API key, a telephone number or user data.

    Raises ValueError for another level, and TypeError if a level comes without a function.
    """
    if level is None:
        _state.follows_logger = True
        follow_logger()
        return
    name = _NAMES.get(level, level) if isinstance(level, int) else level
    if name not in _NUMBERS:
        raise ValueError(f"the level of the log must be one of {', '.join(_NUMBERS)} or of logging: {level!r}")
    if name != "off" and function is None:
        raise TypeError("set_log needs a function, except for the level off")
    _state.follows_logger = False
    _set(_NUMBERS[name], function)


def follow_logger() -> None:
    """Gives the library the level that the logger has now: the program may have changed it."""
    if not _state.follows_logger:
        return
    number = 0
    # Lines that no handler shows are not worth their cost.
    if logger.hasHandlers():
        number = next((_NUMBERS[name] for level, name in _NAMES.items() if logger.isEnabledFor(level)), 0)
    if number != _state.number:
        _set(number, _to_logger if number else None)


def end_log() -> None:
    """At the end of the interpreter."""
    _state.follows_logger = False
    library.cbsvc_set_log(0, NO_HANDLER, None)
    _calls.set_log(None)


def _set(number: int, function: Optional[LogFunction]) -> None:
    is_on = number > 0
    if is_on:
        _calls.set_log(function)
    status = Call(library.cbsvc_set_log, number, _calls.record_line if is_on else NO_HANDLER, None).perform(
        on_helper=_calls.needs_helper()
    )
    if status:
        raise error_of(status, "cannot set the log")
    _state.number = number
    if not is_on:
        _calls.set_log(None)


def _to_logger(level: str, line: str) -> None:
    logger.log(_LEVELS.get(level, logging.INFO), line)
