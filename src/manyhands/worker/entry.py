"""The far side of a task: load what it needs, run its body, say what came of it."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Callable, Coroutine
from types import CoroutineType
from typing import Any, Protocol

import msgspec

from manyhands.codecs.kit import Kit
from manyhands.engine.running import TaskContext, current_task, resting, wait_for
from manyhands.model.errors import ManyhandsError
from manyhands.model.outcomes import Failure, Forward, Outcome, Value
from manyhands.model.specs import Call
from manyhands.model.states import Cause
from manyhands.model.values import Encoded
from manyhands.stores.opening import open_blobs

FORWARDS = "__manyhands_forward__"
"""A returned object whose class has a method of this name stands for tasks: `method(kit) -> Forward`."""

VALUE = "__manyhands_value__"
"""An object whose class has a method of this name is a reference to a value at hand: `method(kit)` gives the value."""

REFERENCES = "manyhands.engine.kept"
"""Makes references to results; loaded by name, as few calls are given one."""

ACTOR = "__manyhands_actor__"
"""A body whose class has this attribute is an actor's: it is called on an object that is made of the saved state."""

COMPLETING = "manyhands.worker.completing"
"""Runs a coroutine to its end; loaded by name, as it loads an event loop, which few bodies need."""

LEADING = ("manyhands.worker.", "manyhands.workflow.", "asyncio.")
"""Modules whose frames a traceback may begin with before the user's own; they tell nobody anything."""

_call_decoder = msgspec.msgpack.Decoder(Call)


class Context(Protocol):
    """What the executor hands to an entry, the same as long as the worker lives; the store's kit is kept there."""

    settings: dict[str, Any]
    worker: str
    kit: Any
    rest: Callable[[bool], None] | None


class Actor(Protocol):
    """The body of an actor's calls: `revive` the object of a state for a call, let it `act`, keep its `state_of` if the
    call `changes` it."""

    def revive(self, state: Any, *args: Any) -> Any: ...

    def act(self, subject: Any, *args: Any, **kwargs: Any) -> Any: ...

    def changes(self, *args: Any) -> bool: ...

    def state_of(self, subject: Any) -> Any: ...


def run(payload: bytes, context: Context) -> Outcome:
    """Run one attempt of a task: the entry that every executor calls."""
    kit: Kit = context.kit or _make_kit(context)
    call = _call_decoder.decode(payload)
    token = current_task.set(_context(call))
    resting.set(context.rest)
    try:
        return _at_once(_run(call, kit, awaited=False))
    except KeyboardInterrupt as error:
        if context.worker.startswith("inline"):
            raise  # Ctrl-C: it means the whole process, not this task
        return _failure(error, Cause.ERROR, kit, None)
    finally:
        current_task.reset(token)


async def run_async(payload: bytes, context: Context) -> Outcome:
    """`run` where attempts are coroutines of one event loop: a body that is a coroutine is awaited there."""
    kit: Kit = context.kit or _make_kit(context)
    call = _call_decoder.decode(payload)
    # Each attempt is an asyncio task, which has a context of its own: nothing is to be set back.
    current_task.set(_context(call))
    try:
        return await _run(call, kit, awaited=True)
    except KeyboardInterrupt as error:
        return _failure(error, Cause.ERROR, kit, None)


def _context(call: Call) -> TaskContext:
    return TaskContext(call.run_id, call.name, call.attempt, call.checkpoint, call.code, call.callers)


def _at_once(attempt: Coroutine[Any, Any, Outcome]) -> Outcome:
    """What a coroutine returns that never waits."""
    try:
        attempt.send(None)
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome
    raise RuntimeError("The attempt waited where nobody awaits it.")


def _make_kit(context: Context) -> Kit:
    settings = context.settings
    kit = Kit(open_blobs(settings["blobs"]), allow_pickle=settings.get("allow_pickle", True))
    context.kit = kit
    return kit


async def _run(call: Call, kit: Kit, awaited: bool) -> Outcome:
    """Waits only where `awaited`: the one way of an attempt, with an event loop around it or without."""
    retry_on = None
    try:
        function, retry_on = kit.code.load(call.code, call.label)
        results = Results(call.results, kit) if call.results else ()
        args, kwargs = kit.calls.decode(call.inputs, results, "the inputs")
        if any(hasattr(type(value), VALUE) for value in (*args, *kwargs.values())):
            args, kwargs = [_value(value, kit) for value in args], {key: _value(kwargs[key], kit) for key in kwargs}
        actor: Actor | None = function if hasattr(type(function), ACTOR) else None  # type: ignore[assignment]
        subject = None
        if actor is None:
            result = function(*args, **kwargs)
        else:
            subject = actor.revive(call.state and kit.values.decode(call.state, "the state"), *args)
            result = actor.act(subject, *args, **kwargs)
        if type(result) is CoroutineType:
            result = await result if awaited else importlib.import_module(COMPLETING).complete(result)
        result = _value(result, kit)
        state = None
        if actor is not None and actor.changes(*args):
            state = kit.values.encode(actor.state_of(subject), f"the state after {call.label}")
        forward = getattr(type(result), FORWARDS, None)
        if forward is not None:
            returned: Forward = forward(result, kit)
            wait_for(returned.specs, call.callers)
            return Forward(returned.specs, returned.output, state)
        return Value(kit.values.encode(result, "the result"), state)
    except MemoryError as error:
        return _failure(error, Cause.MEMORY, kit, None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit in a body is its failure too
        return _failure(error, Cause.ERROR, kit, retry_on)


class Results(list[Any]):
    """The results that the places of a call are filled with; at the complement of a position, a reference to one."""

    def __init__(self, results: list[Encoded], kit: Kit) -> None:
        super().__init__(kit.values.decode(result, "an input") for result in results)
        self._encoded = results

    def __getitem__(self, position: Any) -> Any:
        if position < 0:
            return importlib.import_module(REFERENCES).Kept(self._encoded[~position])
        return super().__getitem__(position)


def _value(value: Any, kit: Kit) -> Any:
    """The value that a reference at hand refers to; anything else as it is."""
    while hasattr(type(value), VALUE):
        value = value.__manyhands_value__(kit)
    return value


def _failure(error: BaseException, cause: Cause, kit: Kit, retry_on: Any) -> Failure:
    retryable = not isinstance(error, ManyhandsError)
    if retry_on is not None:
        try:
            retryable = bool(retry_on(error))
        except Exception:  # noqa: BLE001 - a broken predicate must not hide the error it was asked about
            retryable = True
    return Failure(cause, str(error), kit.values.encode_exception(error), _trace(error), retryable)


def _trace(error: BaseException) -> str:
    """The traceback from the user's own frame on."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__", "").startswith(LEADING):
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))
