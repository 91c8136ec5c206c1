"""What is known of a started call."""

from __future__ import annotations

import _thread
import ctypes
import os
import threading
from typing import Any, Callable, List, Optional

from .types import JsonObject

DoneFunction = Callable[[str, JsonObject], Any]


class Completion:
    """The outcome of a started call, once there is one, and the functions to call then.

    The service keeps it until the call has completed, so it keeps nothing of the service.
    """

    def __init__(self, command: str, done: Optional[DoneFunction] = None) -> None:
        self.command = command
        # The number of the call in the library, which is set before the call can end.
        self.started = ctypes.c_uint64()
        self.process = os.getpid()
        self.outcome: Optional[JsonObject] = None
        # Released at the end. Not a threading.Event, in which a signal handler that raises may leave a lock behind.
        self._end = _thread.allocate_lock()
        self._end.acquire()
        self._functions: List[DoneFunction] = [] if done is None else [done]
        self._begun = 0
        # A signal handler may add a function while its thread is here.
        self._lock = threading.RLock()

    @property
    def has_ended(self) -> bool:
        return self.outcome is not None

    def wait(self, seconds: float) -> None:
        """Waits for the end, or a while."""
        if self._end.acquire(timeout=max(seconds, 0)):
            self._release()

    def _release(self) -> None:
        try:
            self._end.release()
        except RuntimeError:
            pass  # It was released before.

    def add(self, function: DoneFunction) -> bool:
        """Has a function called at the end; false if the call has ended."""
        with self._lock:
            if self.outcome is None:
                self._functions.append(function)
                return True
        return False

    def deliver(self, event: str, outcome: JsonObject) -> List[BaseException]:
        """Ends the call and calls the functions; returns the exceptions of those that failed.

        An exception of a signal handler may leave this at any place: called again, it goes on where it was.
        """
        with self._lock:
            self.outcome = outcome
        self._release()
        errors: List[BaseException] = []
        while self._begun < len(self._functions):
            function = self._functions[self._begun]
            try:
                # The last step before the function: a signal handler that raises finds it not begun, or inside.
                self._begun += 1
                function(event, outcome)
            except Exception as error:
                errors.append(error)
        return errors
