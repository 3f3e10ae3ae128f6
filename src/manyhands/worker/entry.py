"""The far side of a task: load what it needs, run its body, say what came of it."""

from __future__ import annotations

import traceback
from typing import Any, Protocol

import msgspec

from manyhands.codecs.kit import Kit
from manyhands.engine.running import TaskContext, current_task
from manyhands.model.errors import ManyhandsError
from manyhands.model.outcomes import Failure, Forward, Outcome, Value
from manyhands.model.specs import Call
from manyhands.model.states import Cause
from manyhands.model.values import Encoded
from manyhands.stores.opening import open_blobs

FORWARDS = "__manyhands_forward__"
"""A returned object whose class has a method of this name stands for tasks: `method(kit) -> Forward`."""

_call_decoder = msgspec.msgpack.Decoder(Call)


class Context(Protocol):
    """What the executor hands to an entry, the same as long as the worker lives; the store's kit is kept there."""

    settings: dict[str, Any]
    worker: str
    kit: Any


def run(payload: bytes, context: Context) -> Outcome:
    """Run one attempt of a task: the entry that every executor calls."""
    kit: Kit = context.kit or _make_kit(context)
    call = _call_decoder.decode(payload)
    token = current_task.set(TaskContext(call.run_id, call.name, call.attempt, call.checkpoint))
    try:
        return _run(call, kit)
    except KeyboardInterrupt as error:
        if context.worker.startswith("inline"):
            raise  # Ctrl-C: it means the whole process, not this task
        return _failure(error, Cause.ERROR, kit, None)
    finally:
        current_task.reset(token)


def _make_kit(context: Context) -> Kit:
    settings = context.settings
    kit = Kit(open_blobs(settings["blobs"]), allow_pickle=settings.get("allow_pickle", True))
    context.kit = kit
    return kit


def _run(call: Call, kit: Kit) -> Outcome:
    retry_on = None
    try:
        function, retry_on = kit.code.load(call.code, call.label)
        results = [kit.values.decode(result, "an input") for result in call.results] if call.results else []
        args, kwargs = kit.calls.decode(call.inputs, results, "the inputs")
        result = function(*args, **kwargs)
        forward = getattr(type(result), FORWARDS, None)
        if forward is not None:
            specs: Forward = forward(result, kit)
            return specs
        return Value(kit.values.encode(result, "the result"))
    except MemoryError as error:
        return _failure(error, Cause.MEMORY, kit, None)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001 - SystemExit in a body is its failure too
        return _failure(error, Cause.ERROR, kit, retry_on)


def _failure(error: BaseException, cause: Cause, kit: Kit, retry_on: Any) -> Failure:
    retryable = not isinstance(error, ManyhandsError)
    if retry_on is not None:
        try:
            retryable = bool(retry_on(error))
        except Exception:  # noqa: BLE001 - a broken predicate must not hide the error it was asked about
            retryable = True
    return Failure(cause, str(error), _saved(error, kit), _trace(error), retryable)


def _trace(error: BaseException) -> str:
    """The traceback from the user's own frame on: ours above it tell nobody anything."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__") == __name__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames or error.__traceback__))


def _saved(error: BaseException, kit: Kit) -> Encoded | None:
    if not kit.values.allow_pickle:
        return None
    try:
        encoded = kit.values.encode(error, "the exception")
        restored = kit.values.decode(encoded, "the exception")
    except Exception:  # noqa: BLE001 - an exception that does not survive is kept as text
        return None
    return encoded if isinstance(restored, BaseException) else None
