"""Steps that have no body and occupy no worker: time, signals, and the first of several."""

from __future__ import annotations

import importlib
import sys
import time
from typing import Any

from manyhands.codecs.kit import Kit
from manyhands.engine.context import client
from manyhands.engine.handle import Reference
from manyhands.engine.task_output import TaskOutput
from manyhands.model.errors import CallError, OptionError
from manyhands.model.specs import SIGNAL, TIMER, WAIT, WAITING_ROOM, TaskOptions
from manyhands.workflow.events import CHECKPOINTED, EventListener, listening
from manyhands.workflow.graph import Node
from manyhands.workflow.options import StepOptions, check_id
from manyhands.workflow.run import Workflow
from manyhands.workflow.signature import Signature


class Bodiless:
    """Something to wait for, as something that is called like a step."""

    def __init__(self, kind: str, label: str) -> None:
        self.kind = kind
        self.label = self.base = label
        self.describe = f"an argument of {label}"
        self.settings = StepOptions()
        self.task_options = TaskOptions(executor=WAITING_ROOM, attempts=1)

    def save(self, _kit: Kit) -> str:
        return ""

    def key(self) -> bytes:
        raise CallError(f"{self.label} cannot be cached.")


class Wait(Workflow):
    """A wait for some of several steps."""

    __slots__ = ("awaited",)


class TimerListener(EventListener):
    """An event that comes at a time: `wait_for_event(TimerListener, timestamp)`, in epoch seconds. It gives None."""

    async def poll_for_event(self, timestamp: float) -> None:
        """For listeners that are made of this one; the step itself waits without it."""
        await importlib.import_module("asyncio").sleep(max(0.0, timestamp - time.time()))

    @classmethod
    def __manyhands_wait__(cls, timestamp: float) -> Workflow:
        if _is_known(timestamp):
            _check_time(timestamp)
        return Workflow(Bodiless(TIMER, "workflow.timer"), (), {"until": timestamp})


class SignalListener(EventListener):
    """A signal to this run: `wait_for_event(SignalListener, key)` gives the payload of `workflow.send(run_id, key,
    payload)`. Each signal is given to one waiting step, the one that has waited longest; one that comes before anybody
    waits is kept. `timeout`: seconds after which the step fails with `AttemptTimedOut`."""

    @classmethod
    def __manyhands_wait__(cls, key: str, *, timeout: float | None = None) -> Workflow:
        if _is_known(key) and not isinstance(key, str):
            raise CallError(f"The key of a signal is text, not a {type(key).__name__}.")
        if timeout is not None and _is_known(timeout):
            _check_seconds("timeout", timeout)
        kwargs = {} if timeout is None else {"timeout": timeout}
        return Workflow(Bodiless(SIGNAL, "workflow.signal"), (key,), kwargs)


def sleep(seconds: Any) -> Workflow:
    """A step that takes so many seconds from when the run comes to it, and gives None. It occupies no worker, and a
    resume waits only for what is left of the time. Errors: `OptionError` for something that is no such number."""
    if _is_known(seconds):
        _check_seconds("seconds", seconds)
    return Workflow(Bodiless(TIMER, "workflow.sleep"), (seconds,), {})


def wait_for_event(listener: type[EventListener], *args: Any, **kwargs: Any) -> Workflow:
    """A step that gives the event which a listener waits for: `listener().poll_for_event(*args, **kwargs)`.

    The event is saved once; then `event_checkpointed(event)` of the listener is told, at least once. Errors:
    `CallError` (a `TypeError`) for something that is no subclass of `EventListener`.

    Example: `approve.step(workflow.wait_for_event(workflow.SignalListener, "approved")).run("order-7")`
    """
    waits = getattr(listener, "__manyhands_wait__", None)
    if waits is None or not any(
        listener.poll_for_event is known.poll_for_event for known in (TimerListener, SignalListener)
    ):
        return listening(listener, args, kwargs)
    try:
        Signature(waits).check(args, kwargs)
    except CallError as error:
        raise CallError(f"{listener.__qualname__}: {error}") from None
    event: Workflow = waits(*args, **kwargs)
    if listener.event_checkpointed is EventListener.event_checkpointed:
        return event
    return CHECKPOINTED.step(listener, event)


def wait(workflows: Any, num_returns: Any = 1, timeout: float | None = None) -> Workflow:
    """A step that gives `(ready, remaining)` when `num_returns` of these steps are done, or `timeout` seconds have
    passed since it began: the results of those that are, and references to the others, both in the order given.

    A reference may be an argument of a step that is returned, or of another wait; elsewhere it has no value. A step
    that failed makes the wait fail when it can get no other. Errors: `TypeError` for something that is no step,
    `OptionError` for an impossible number.
    """
    if not isinstance(workflows, (list, tuple)) or not all(isinstance(one, (Node, TaskOutput)) for one in workflows):
        raise CallError("The input of workflow.wait should be a list of workflows.")
    if not workflows:
        raise OptionError(
            f"workflow.wait was given an empty list, of which no num_returns={num_returns!r} become ready."
        )
    if len(set(workflows)) < len(workflows):
        raise OptionError("A step is in the list of workflow.wait more than once. It becomes ready once: name it once.")
    if isinstance(num_returns, bool) or not isinstance(num_returns, int) or not 1 <= num_returns <= len(workflows):
        raise OptionError(f"num_returns must be a number from 1 to {len(workflows)}, not {num_returns!r}.")
    if timeout is not None:
        _check_seconds("timeout", timeout)
    made = Wait(Bodiless(WAIT, "workflow.wait"), (num_returns,), {} if timeout is None else {"timeout": timeout})
    made.awaited = tuple(workflows)
    return made


def send(workflow_id: str, key: str, payload: Any = None) -> None:
    """Send a signal to a run. It is durable when this returns, and is given to one step that waits for this key, now
    or later (see `SignalListener`).

    Errors: `RunNotFound`; `SignalTooLate` when the run is over; `EncodingError` for a payload that cannot be saved.
    """
    check_id(workflow_id)
    if not isinstance(key, str):
        raise TypeError(f"The key of a signal is text, not a {type(key).__name__}.")
    client().send(workflow_id, key, payload)


def _is_known(value: Any) -> bool:
    """Whether the value is there already, and is not what a step or a run will give."""
    return not isinstance(value, (Node, TaskOutput, Reference))


def _check_time(value: Any) -> None:
    if not _is_number(value):
        raise OptionError(f"timestamp must be in seconds since the epoch, as `time.time()` gives them, not {value!r}.")


def _check_seconds(name: str, value: Any) -> None:
    if not _is_number(value) or value < 0:
        raise OptionError(f"{name} must be a number of seconds from 0, not {value!r}.")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
