"""Waiting for events of the world outside: listeners that users write, and the steps that run them."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from types import FunctionType
from typing import Any

from manyhands.codecs.code import Named
from manyhands.engine.beside import in_thread
from manyhands.model.errors import CallError, UsageError
from manyhands.model.specs import LISTENER
from manyhands.workflow.options import StepOptions
from manyhands.workflow.run import Workflow
from manyhands.workflow.signature import Signature
from manyhands.workflow.step import StepFunction

EXECUTOR = "async"
"""Where listeners run: one event loop of the process that drives the run."""


class EventListener:
    """What waits for an event, for users to subclass. It is made without arguments, anew for each method called.

    `poll_for_event(*args, **kwargs)` waits for the event and returns it. It may be called again after a crash or an
    error, but never once its event is saved. `event_checkpointed(event)` is called when the event is saved, at least
    once: there the source can be told to forget it. Both are `async def` and run in one event loop with all others
    that wait, so they must not block it; written as plain functions they run in a thread each.
    """

    async def poll_for_event(self, *args: Any, **kwargs: Any) -> Any:
        """Wait for the event, and return it; the arguments are those of `wait_for_event`."""
        raise ListenerIncomplete(type(self).__qualname__)

    async def event_checkpointed(self, event: Any) -> None:
        """The event is saved and will not be lost."""


class NotAListener(UsageError, TypeError):
    """Something else was given where a listener class must be: `NotAListener(given)`."""

    text = (
        "{0} is not a subclass of EventListener, so it cannot be waited for. "
        "Give a class that derives from `workflow.EventListener`, not an instance of it."
    )


class ListenerIncomplete(UsageError, NotImplementedError):
    """A listener cannot poll: `ListenerIncomplete(class_name)`."""

    text = (
        "{0} does not say how to wait. Give it a method `async def poll_for_event(self, ...)` that returns the event."
    )


def listening(listener_class: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None) -> Workflow:
    """The steps that wait for an event: its poll, and, where the listener wants to know, that the event is saved.

    Errors: `NotAListener`; `CallError` when the arguments do not fit. Both are `TypeError`s.
    """
    if not (isinstance(listener_class, type) and issubclass(listener_class, EventListener)):
        raise NotAListener(repr(listener_class))
    args, kwargs = tuple(args), dict(kwargs or {})
    _check_call(listener_class, args, kwargs)
    event = POLL.step(listener_class, args, kwargs)
    if listener_class.event_checkpointed is EventListener.event_checkpointed:
        return event
    return CHECKPOINTED.step(listener_class, event)


def _check_call(listener_class: type[EventListener], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    try:
        Signature(listener_class).check((), {})
    except CallError as error:
        raise CallError(f"{listener_class.__qualname__} is made without arguments, but {error}") from None
    method = inspect.getattr_static(listener_class, "poll_for_event")
    if isinstance(method, FunctionType):
        Signature(method).check((listener_class, *args), kwargs)


# --- what runs in the event loop ------------------------------------------------------------------------------------


async def poll(listener_class: type[EventListener], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The body of the first step: what it returns is the event."""
    return await _call(listener_class().poll_for_event, args, kwargs)


async def checkpointed(listener_class: type[EventListener], event: Any) -> Any:
    """The body of the second step, which begins when the event is saved."""
    await _call(listener_class().event_checkpointed, (event,), {})
    return event


async def _call(method: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a listener's method: there where it is a coroutine, else in a thread."""
    task = importlib.import_module("asyncio").current_task()
    task.set_name(getattr(method, "__qualname__", repr(method)))
    if inspect.iscoroutinefunction(method):
        return await method(*args, **kwargs)
    returned = await in_thread(lambda _: method(*args, **kwargs), "listener")
    return await returned if inspect.isawaitable(returned) else returned


# The event is saved whatever the steps around it do, as it cannot be had again.
POLL = StepFunction(Named(poll), StepOptions(name="workflow.wait_for_event", executor=EXECUTOR, checkpoint=True))
POLL.kind = LISTENER
CHECKPOINTED = StepFunction(Named(checkpointed), StepOptions(name="workflow.event_checkpointed", executor=EXECUTOR))
