"""A service: the commands as methods, started calls, and events."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, Callable, Optional, TypeVar

from . import _commands as commands
from ._command import Command
from ._completion import Completion
from ._ended import event_of, full_name, result_of
from ._open import OpenService
from ._started import StartedCall
from ._values import Json
from .events import Event
from .types import EventName, JsonObject, Outcome

if TYPE_CHECKING:
    from typing_extensions import Concatenate, ParamSpec

    P = ParamSpec("P")

R = TypeVar("R")
F = TypeVar("F", bound=Callable[..., Any])
Handler = Callable[[Event], Any]
RawHandler = Callable[[str, JsonObject], Any]


def like(command: Callable[..., Any], returns: str) -> Callable[[F], F]:
    """Gives a method the name, the documentation and the parameters of a function of ``_commands``.

    ``returns`` is what the method returns, with ``{}`` for the result of the command.
    """

    def decorate(method: F) -> F:
        functools.update_wrapper(method, command)
        del method.__dict__["__wrapped__"]
        signature = inspect.signature(command)
        own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
        result = str(signature.return_annotation)[len("Command[") : -1]
        method.__dict__["__signature__"] = signature.replace(
            parameters=[own, *signature.parameters.values()], return_annotation=returns.format(result)
        )
        return method

    return decorate


def _blocking(command: Callable[P, Command[R]]) -> Callable[Concatenate[Service, P], R]:
    @like(command, "{}")
    def method(self: Service, /, *args: P.args, **kwargs: P.kwargs) -> R:
        made = command(*args, **kwargs)
        return self._run(made.name, made.data, made.result)

    return method


def _starting(command: Callable[P, Command[R]]) -> Callable[Concatenate[Starter, P], StartedCall[R]]:
    @like(command, "StartedCall[{}]")
    def method(self: Starter, /, *args: P.args, **kwargs: P.kwargs) -> StartedCall[R]:
        return self._service._start_command(command(*args, **kwargs), None)

    return method


class Starter:
    """``Service.start``: the commands as started calls, which do not wait for the server.

    Each method takes the parameters of the method of the same name of ``Service`` and returns a ``StartedCall``. Raises
    BusyError if ``queueLimit`` calls wait for ``dispatch``.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def __call__(
        self, name: str, data: Optional[Json] = None, done: Optional[RawHandler] = None
    ) -> StartedCall[Outcome]:
        """Starts a command by its name. ``done``, if given, is called with the event's name and the outcome."""
        full = full_name(name)
        return self._service._start_command(Command(full, {} if data is None else data, result_of(full)), done)

    schedule = _starting(commands.schedule)
    availability = _starting(commands.availability)
    cancel = _starting(commands.cancel)
    reschedule = _starting(commands.reschedule)
    retrieve = _starting(commands.retrieve)
    query = _starting(commands.query)
    queue_position = _starting(commands.queue_position)
    estimated_wait_time = _starting(commands.estimated_wait_time)
    queue_status = _starting(commands.queue_status)
    open_for = _starting(commands.open_for)
    call_in = _starting(commands.call_in)
    submit = _starting(commands.submit)
    deliver = _starting(commands.deliver)
    outbox = _starting(commands.outbox)
    resend = _starting(commands.resend)
    forget = _starting(commands.forget)


class Service(OpenService):
    """An open service: a configuration with its connections, subscriptions and calls.

    ``config`` is the configuration, a dictionary or JSON text. ``on_event``, if given, is called with the name and the
    data of every event, first of ``CallbackService.ready``. Close the service, or use it as a context manager. Any
    thread and any forked child may use it.

    Handlers run on the thread whose call caused them, or on a thread of the service with ``"handlers":"thread"`` in the
    configuration. An exception in a handler is raised by the method that runs the handler, after the other handlers
    have run; with ``"handlers":"thread"`` it goes to ``threading.excepthook``.

    Signals interrupt every wait. An exception that arises while a command is under way, such as KeyboardInterrupt, does
    not end the command: the exception has an InterruptedCall as ``callbackservice_call``, whose ``result`` gives the
    answer.

    A service that is dropped without ``close`` is closed with a ResourceWarning, and all services are closed when the
    interpreter ends.

    Raises ConfigurationError, and BusyError if too many services are open.
    """

    def __init__(self, config: Json, on_event: Optional[RawHandler] = None) -> None:
        super().__init__(config)
        if on_event:
            try:
                self.subscribe("*", on_event)
            except BaseException:
                self.close(0)
                raise

    schedule = _blocking(commands.schedule)
    availability = _blocking(commands.availability)
    cancel = _blocking(commands.cancel)
    reschedule = _blocking(commands.reschedule)
    retrieve = _blocking(commands.retrieve)
    query = _blocking(commands.query)
    queue_position = _blocking(commands.queue_position)
    estimated_wait_time = _blocking(commands.estimated_wait_time)
    queue_status = _blocking(commands.queue_status)
    open_for = _blocking(commands.open_for)
    call_in = _blocking(commands.call_in)
    submit = _blocking(commands.submit)
    deliver = _blocking(commands.deliver)
    outbox = _blocking(commands.outbox)
    resend = _blocking(commands.resend)
    forget = _blocking(commands.forget)

    @property
    def start(self) -> Starter:
        """The commands as started calls: ``service.start.schedule(...)``."""
        return Starter(self)

    def command(self, name: str, data: Optional[Json] = None) -> JsonObject:
        """Runs a command by its name and returns the outcome as a dictionary.

        Also for commands that the package does not know. Raises CallbackServiceError.
        """
        return self._run(full_name(name), data, dict)

    def on(self, *events: EventName) -> Callable[[Handler], Handler]:
        """Has a function called with each of these events, or with all if none is named.

            @service.on("scheduled", "scheduleError")
            def log(event): ...

        The function receives an ``Event``, with the result of the command or its exception. ``ready`` comes at once.
        """

        def decorate(function: Handler) -> Handler:
            for event in events or ("*",):
                self.subscribe(event, lambda name, data: function(event_of(name, data)))
            return function

        return decorate

    def _start_command(self, command: Command[R], done: Optional[RawHandler]) -> StartedCall[R]:
        completion = Completion(command.name, done)
        self._start(completion, command.data)
        return StartedCall(self, completion, command.result)
