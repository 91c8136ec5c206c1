"""A service for asyncio: the commands are coroutines, and no thread waits for the server on behalf of each."""

from __future__ import annotations

import asyncio
import functools
import inspect
import logging
import weakref
from typing import TYPE_CHECKING, Any, Callable, Coroutine, Optional, Set, TypeVar

from . import _commands as commands
from ._command import Command
from ._completion import Completion
from ._ended import ended_of, event_of, full_name
from ._log import logger
from ._outcomes import attach
from ._started import StartedCall
from ._system import Watch
from ._values import Json
from .errors import EFFECTS, CallbackServiceError, CallCancelled
from .events import Event
from .service import Handler, Service, like
from .types import EventName, JsonObject

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

R = TypeVar("R")
S = TypeVar("S", bound="AsyncService")

_SUBMIT = "CallbackService.submit"


def _coroutine(
    command: Callable[P, Command[R]],
) -> Callable[Concatenate[AsyncService, P], Coroutine[Any, Any, R]]:
    @like(command, "{}")
    async def method(self: AsyncService, /, *args: P.args, **kwargs: P.kwargs) -> R:
        return await self._run(command(*args, **kwargs))

    return method


class AsyncService:
    """A service whose commands are coroutines of one event loop.

    ``config`` is the configuration, a dictionary or JSON text, without ``"handlers":"thread"``. Open it inside the loop
    that is to use it, and close it there: ``async with AsyncService(config) as service``. Only that loop's thread may
    use it. Each command has the parameters, results and exceptions of the method of the same name of ``Service``.

    A task that is cancelled, or that ``asyncio.timeout`` ends, cancels its call. A booking may have reached the server
    by then: the CancelledError has the call as ``callbackservice_call``, a StartedCall whose ``exception().booked``
    says so when it has completed; the logger ``callbackservice`` warns of such a booking, and the events of a booking
    that was made all the same come as usual. To let a booking go on, await it through ``asyncio.shield``.

    Raises ConfigurationError, BusyError, and StateError with ``"handlers":"thread"``.
    """

    def __init__(self, config: Json) -> None:
        self._loop = asyncio.get_running_loop()
        self._service = Service(config)
        self._tasks: Set[asyncio.Future[Any]] = set()
        self._is_closed = False
        try:
            # The loop must not keep the service: it could not be noticed that it was dropped.
            dispatch = functools.partial(_dispatch, weakref.ref(self._service))
            self._watch = Watch(self._loop, self._service.fileno(), dispatch)
        except BaseException:
            self._service.close(0)
            raise

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._service!r}>"

    def __del__(self) -> None:
        # The service, which goes too, warns of having been dropped.
        if not getattr(self, "_is_closed", True):
            self._watch.end()

    async def __aenter__(self: S) -> S:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    schedule = _coroutine(commands.schedule)
    availability = _coroutine(commands.availability)
    cancel = _coroutine(commands.cancel)
    reschedule = _coroutine(commands.reschedule)
    retrieve = _coroutine(commands.retrieve)
    query = _coroutine(commands.query)
    queue_position = _coroutine(commands.queue_position)
    estimated_wait_time = _coroutine(commands.estimated_wait_time)
    queue_status = _coroutine(commands.queue_status)
    open_for = _coroutine(commands.open_for)
    call_in = _coroutine(commands.call_in)
    submit = _coroutine(commands.submit)
    deliver = _coroutine(commands.deliver)
    outbox = _coroutine(commands.outbox)
    resend = _coroutine(commands.resend)
    forget = _coroutine(commands.forget)

    async def command(self, name: str, data: Optional[Json] = None) -> JsonObject:
        """Runs a command by its name and returns the outcome as a dictionary. Raises CallbackServiceError."""
        return await self._run(Command(full_name(name), {} if data is None else data, dict))

    def configure(self, config: Optional[Json] = None, **keys: Any) -> None:
        """Puts keys over the present configuration, like ``Service.configure``. It waits for nothing."""
        self._service.configure(config, **keys)

    def on(self, *events: EventName) -> Callable[[Handler], Handler]:
        """Has a function or coroutine function called with each of these events, or with all if none is named.

        It receives an ``Event``. What it raises goes to the exception handler of the loop.
        """

        def decorate(function: Handler) -> Handler:
            for event in events or ("*",):
                self._service.subscribe(event, lambda name, data: self._handle(function, event_of(name, data)))
            return function

        return decorate

    async def close(self) -> None:
        """Closes the service: calls that are under way are cancelled. Closing a closed service does nothing."""
        self._is_closed = True
        self._watch.end()
        # Only this thread is inside the service, so there is nothing to wait for.
        self._service.close(0)
        # A handler that closes the service does not wait for itself.
        handlers = self._tasks - {asyncio.current_task()}
        if handlers:
            await asyncio.wait(handlers)

    def _handle(self, function: Handler, event: Event) -> None:
        value = function(event)
        if inspect.isawaitable(value):
            task = asyncio.ensure_future(value, loop=self._loop)
            # The loop keeps no reference to its tasks.
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _run(self, command: Command[R]) -> R:
        if asyncio.get_running_loop() is not self._loop:
            raise RuntimeError(f"{self!r} belongs to another event loop")
        future: asyncio.Future[JsonObject] = self._loop.create_future()

        def done(_: str, outcome: JsonObject) -> None:
            if future.cancelled():
                _report_abandoned(command.name, outcome)
            elif not future.done():
                future.set_result(outcome)

        completion = Completion(command.name, done)
        self._service._start(completion, command.data)
        call = StartedCall(self._service, completion, command.result)
        try:
            outcome = await future
        except asyncio.CancelledError as error:
            if future.done() and not future.cancelled():
                # The outcome came together with the cancellation.
                _report_abandoned(command.name, future.result())
                attach(error, call, f"{command.name} had completed")
            else:
                call.cancel()
                attach(error, call, f"{command.name} was cancelled")
            raise
        ended = ended_of(outcome, command.result)
        if isinstance(ended, CallbackServiceError):
            raise ended
        return ended


def _dispatch(reference: Callable[[], Optional[Service]]) -> None:
    service = reference()
    if service is not None:
        service.dispatch()


def _report_abandoned(name: str, outcome: JsonObject) -> None:
    """Logs what became of a command whose task was cancelled."""
    ended = ended_of(outcome, dict)
    changes = name in EFFECTS or name == _SUBMIT
    if not isinstance(ended, CallbackServiceError):
        level = logging.WARNING if changes else logging.INFO
        identifier = outcome.get("id", outcome.get("entry"))
        what = f"it has resolved: {identifier}" if identifier is not None else "it has resolved"
    elif name == _SUBMIT and isinstance(ended, CallCancelled):
        level, what = logging.WARNING, "the booking may have been stored"
    elif name in EFFECTS and getattr(ended, EFFECTS[name]) == "unknown":
        level, what = logging.WARNING, f"it may have reached the server ({EFFECTS[name]}: unknown)"
    else:
        level, what = logging.INFO, str(ended)
    logger.log(level, "the task of %s was cancelled, and %s", name, what)
