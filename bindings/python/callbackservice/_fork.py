"""Forks: what a child has to forget of its parent."""

from __future__ import annotations

import os
from typing import Callable, List

from ._system import register_at_fork


class _State:
    process = os.getpid()


_state = _State()
_in_child: List[Callable[[], None]] = []


def in_child(function: Callable[[], None]) -> None:
    """Has a function called in each forked child before the package does anything there."""
    _in_child.append(function)


def notice() -> None:
    """Calls these functions if this process is new.

    Python does so after its own forks. A server written in C, such as uWSGI, may not tell Python of its forks, so every
    call looks as well.
    """
    process = os.getpid()
    if process != _state.process:
        _state.process = process
        for function in _in_child:
            function()


register_at_fork(after_in_child=notice)
