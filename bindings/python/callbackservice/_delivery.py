"""Calls of functions of the program that the library has asked for."""

from __future__ import annotations

import _thread
import sys
import threading
from typing import Any, Callable, Dict, List, Optional, Protocol, Tuple, Union

from ._completion import Completion
from ._values import decoded
from .types import JsonObject

EventFunction = Callable[[str, JsonObject], Any]
LogFunction = Callable[[str, str], Any]
Target = Union[EventFunction, LogFunction, Completion]


class Owner(Protocol):
    """What the functions of a service need of it."""

    # Handlers of events and completions of calls by their numbers.
    _handlers: Dict[int, Union[EventFunction, Completion]]
    _is_silent: bool


_local = threading.local()


class Delivery:
    """A call of a function of the program that the library has asked for."""

    __slots__ = ("_arguments", "_number", "_owner", "_returned", "_target", "begun")

    def __init__(
        self, owner: Optional[Owner], number: int, target: Optional[Target], arguments: Tuple[bytes, bytes]
    ) -> None:
        """The target is None for an event, whose handler is looked up when it is due: it may have gone."""
        self.begun = False
        self._owner, self._number, self._target = owner, number, target
        self._arguments = arguments
        self._returned: Optional[_thread.LockType] = None

    @property
    def is_log_line(self) -> bool:
        return self._owner is None

    def run(self) -> None:
        """Calls the function, unless that was done or its subscription has ended."""
        if self.begun:
            return
        owner = self._owner
        target = self._target
        if owner is not None and target is None:
            target = owner._handlers.get(self._number)
        if target is None or owner is not None and owner._is_silent:
            self.begun = True
            return
        name = self._arguments[0].decode(errors="replace")
        # A log line is text, the data of a handler is JSON.
        data: Any = self._arguments[1].decode(errors="replace") if owner is None else decoded(self._arguments[1])
        inside = _inside()
        depth = len(inside)
        try:
            inside.append(owner)
            if isinstance(target, Completion):
                errors = target.deliver(name, data)
                self.begun = True
                raise_first(errors)
            else:
                # The last step before the function: an exception of a signal handler finds the delivery either not
                # begun or inside the function.
                self.begun = True
                target(name, data)
        finally:
            del inside[depth:]

    def hand_over(self) -> _thread.LockType:
        """Before another thread runs it: a lock that can be acquired once the function has returned."""
        returned = self._returned = _thread.allocate_lock()
        returned.acquire()
        return returned

    def has_returned(self) -> None:
        try:
            if self._returned is not None:
                self._returned.release()
        except RuntimeError:
            pass  # Given up at exit.


def _inside() -> List[Optional[Owner]]:
    """The services whose handlers this thread runs, the innermost last."""
    inside: Optional[List[Optional[Owner]]] = getattr(_local, "inside", None)
    if inside is None:
        inside = _local.inside = []
    return inside


def is_inside(service: Owner) -> bool:
    """Whether this thread runs a handler of the service."""
    return any(owner is service for owner in _inside())


def raise_first(errors: List[BaseException]) -> None:
    """Raises the first exception, if any, and reports the others."""
    if errors:
        report(errors[1:])
        raise errors[0]


def report(errors: List[BaseException]) -> None:
    """Reports exceptions that cannot be raised because another one is."""
    for error in errors:
        sys.excepthook(type(error), error, error.__traceback__)
