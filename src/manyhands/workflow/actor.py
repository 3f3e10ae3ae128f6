"""An actor as its users have it: its methods, its state, and the states it had."""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from types import CoroutineType, MethodType
from typing import Any, NamedTuple

from manyhands.codecs.kit import Kit
from manyhands.engine.client import Client
from manyhands.engine.context import client
from manyhands.engine.handle import Reference
from manyhands.engine.kept import put
from manyhands.model.errors import CallError, RunNotFound
from manyhands.model.kinds import ACTOR
from manyhands.model.records import RunRecord, StateRecord
from manyhands.model.specs import ACTOR_METHOD
from manyhands.workflow.actor_body import ActorBody, NoSuchMethod
from manyhands.workflow.errors import (
    ActorLost,
    ActorNotFound,
    NoSuchVersion,
    NotAnActor,
    ReadonlyReturnsStep,
    VirtualActorNotInitializedError,
)
from manyhands.workflow.graph import Node, plan
from manyhands.workflow.options import StepOptions


class ActorState(NamedTuple):
    """What an actor was after one of its calls: `version` counts from 1, `at` is in epoch seconds."""

    version: int
    step: str
    at: float
    state: Any


class Yielding:
    """A name of the handle that the actor's class may have for a method of its own, which then goes before."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._name = function.__name__
        self.__doc__ = function.__doc__

    def __get__(self, actor: VirtualActor | None, owner: type) -> Any:
        if actor is None:
            return self._function
        try:
            return actor.__getattr__(self._name)
        except (NoSuchMethod, ActorLost):
            return MethodType(self._function, actor)


class VirtualActor:
    """A handle of one actor. It holds no state, so it can be passed to steps and to other processes."""

    __slots__ = ("__weakref__", "_body", "actor_id")

    def __init__(self, actor_id: str) -> None:
        self.actor_id = actor_id
        self._body: ActorBody | None = None

    def __repr__(self) -> str:
        return f"<actor {self.actor_id!r}>"

    def __reduce__(self) -> Any:
        return VirtualActor, (self.actor_id,)

    def __getattr__(self, name: str) -> ActorMethod:
        if name.startswith("__"):
            raise AttributeError(name)
        if self._body is None or not self._body.has(name):
            self._body = look(client(), self.actor_id).body
        self._body.function(name)
        return ActorMethod(self.actor_id, name, StepOptions())

    def ready(self) -> Reference:
        """A reference that is done when the constructor is, and raises what it raised.

        Errors: `ActorNotFound` (a `ValueError`) when there is no such actor.
        """
        ours = client()
        record = find(ours, self.actor_id)
        first = ours.engine.store.tasks(record.key, limit=1)[0]
        return ours.output(self.actor_id, first.name)

    @Yielding
    def history(self) -> list[ActorState]:
        """Every state that the actor has had, oldest first, each with the step that made it so.

        A default state is the JSON text of the attributes; with tuples, keys that are no text, or numbers of more than
        64 bits among them it is a dictionary. Errors: `ActorNotFound`.
        """
        ours = client()
        record = find(ours, self.actor_id)
        store = ours.engine.store
        states = store.states(record.key)
        steps = {task.ordinal: task.name for task in store.tasks(record.key)}
        return [
            ActorState(state.version, steps[state.task], state.at, _value(ours.engine.kit, self.actor_id, state))
            for state in states
        ]

    @Yielding
    def at(self, version: int) -> Any:
        """The object as it was in a version, for reading; what is done to it changes nothing.

        Errors: `ActorNotFound`; `ValueError` for a version that there is not.
        """
        if isinstance(version, bool) or not isinstance(version, int):
            raise NoSuchVersion(self.actor_id, repr(version))
        ours = client()
        record = find(ours, self.actor_id)
        for state in ours.engine.store.states(record.key, version=version):
            body: ActorBody = ours.engine.kit.code.load(state.code, self.actor_id).function  # type: ignore[assignment]
            return body.revive(_value(ours.engine.kit, self.actor_id, state), "")
        raise NoSuchVersion(self.actor_id, version)


class Seen(NamedTuple):
    """An actor as it is now. `code`: content hash of its class; `state`: None before the constructor is done."""

    code: str
    body: ActorBody
    state: StateRecord | None


def find(ours: Client, actor_id: str) -> RunRecord:
    """The actor's run. Errors: `ActorNotFound`, `NotAnActor`; `TypeError` when the id is no text."""
    if not isinstance(actor_id, str):
        raise TypeError(f"An actor id is text, not a {type(actor_id).__name__}.")
    record = ours.engine.store.run(actor_id)
    if record is None:
        raise ActorNotFound(actor_id)
    if record.kind != ACTOR:
        raise NotAnActor(actor_id, record.kind)
    return record


def look(ours: Client, actor_id: str) -> Seen:
    """Errors: `ActorLost` for an actor that was deleted, `NotAnActor`, `DecodingError`."""
    try:
        record = find(ours, actor_id)
    except ActorNotFound:
        raise ActorLost(actor_id) from None
    engine = ours.engine
    latest = engine.store.states(record.key, latest=True)
    code = latest[0].code if latest else next(iter(engine.store.calls(record.key))).code
    body: ActorBody = engine.kit.code.load(code, actor_id).function  # type: ignore[assignment]
    return Seen(code, body, latest[0] if latest else None)


def has_own_state(actor_id: str) -> bool:
    """Whether the class that the actor is of now says itself what its state is."""
    return look(client(), actor_id).body.has_own_state


def _value(kit: Kit, actor_id: str, state: StateRecord) -> Any:
    return kit.values.decode(state.value, f"the state of {actor_id}")


class ActorMethod:
    """One method of one actor, to be run: `actor.method.run(…)`."""

    def __init__(self, actor_id: str, name: str, settings: StepOptions) -> None:
        self._actor_id = actor_id
        self._name = name
        self._settings = settings

    def __repr__(self) -> str:
        return f"<method {self._name} of actor {self._actor_id!r}>"

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        raise CallError(
            f"Actor methods cannot be called directly. Instead of '{self._name}()', try '{self._name}.run()'."
        )

    def options(self, **given: Any) -> ActorMethod:
        """This method with other options (`name`, `metadata`, `max_retries`, `catch_exceptions`, …); those not named
        stay. Errors: `OptionError`, `MetadataError`."""
        return ActorMethod(self._actor_id, self._name, self._settings.merged(given))

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method and return its result; the actor's state is saved with it.

        Calls of one actor, from wherever, are applied one after the other, each exactly once. A read-only method runs
        here at once, on the last saved state. Errors: `ExecutionError` with the method's exception as `__cause__`; of a
        read-only method its own exception; `CallError`; `ActorLost`; `VirtualActorNotInitializedError`;
        `WaitForItself` inside a call that the actor itself waits for.
        """
        ours = client()
        seen = look(ours, self._actor_id)
        if seen.body.is_readonly(self._name):
            return self._read(ours, seen, args, kwargs)
        return self._write(ours, seen, args, kwargs, attended=True).result()

    def run_async(self, *args: Any, **kwargs: Any) -> Reference:
        """Call the method and return at once, with a reference to the result. The call is durable when this returns."""
        ours = client()
        seen = look(ours, self._actor_id)
        if seen.body.is_readonly(self._name):
            seen.body.check(self._name, args, kwargs)
            return ThreadReference(self._actor_id, lambda: self._read(ours, seen, args, kwargs))
        return self._write(ours, seen, args, kwargs)

    def _write(
        self, ours: Client, seen: Seen, args: tuple[Any, ...], kwargs: dict[str, Any], *, attended: bool = False
    ) -> Reference:
        seen.body.check(self._name, args, kwargs)
        called = seen.body.called(self._name, ACTOR_METHOD, self._settings, seen.code)
        specs = plan(Node(called, (self._name, *args), kwargs), ours.engine.kit)
        try:
            return ours.call(self._actor_id, specs, attended=attended)
        except RunNotFound:
            raise ActorLost(self._actor_id) from None

    def _read(self, ours: Client, seen: Seen, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Run a read-only method; what it does to the object is thrown away with it."""
        body = seen.body
        body.check(self._name, args, kwargs)
        if seen.state is None:
            raise VirtualActorNotInitializedError(self._actor_id)
        try:
            subject = body.revive(_value(ours.engine.kit, self._actor_id, seen.state), self._name)
            result = body.act(subject, self._name, *args, **kwargs)
            if isinstance(result, CoroutineType):
                result = self._awaited(result)
            if isinstance(result, Node):
                raise ReadonlyReturnsStep(self._name)
        except Exception as error:
            if self._settings.catch_exceptions:
                return None, error
            raise
        return (result, None) if self._settings.catch_exceptions else result

    def _awaited(self, coroutine: CoroutineType[Any, Any, Any]) -> Any:
        """What a coroutine returns; in a thread, as this one may have an event loop that cannot be entered again."""
        run = importlib.import_module("asyncio").run
        return ThreadReference(self._actor_id, lambda: run(coroutine)).result()


class ThreadReference(Reference):
    """The result of something that runs in a thread of this process. It goes elsewhere as the value, once that is
    there."""

    def __init__(self, run_id: str, work: Callable[[], Any]) -> None:
        super().__init__(None, run_id)
        self._over = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None
        context = copy_context()
        threading.Thread(target=context.run, args=(self._do, work), name="manyhands-read", daemon=True).start()

    def __repr__(self) -> str:
        return f"<result of a read-only call of {self.run_id!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        self._over.wait()
        return put(self._result).__reduce__() if self._error is None else (_failed, (self.run_id, self._error))

    def __manyhands_value__(self, _kit: Kit) -> Any:
        return self.result()

    def _do(self, work: Callable[[], Any]) -> None:
        try:
            self._result = work()
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            self._error = error
        finally:
            self._over.set()

    def _wait(self, deadline: float | None, on_turn: Callable[[], None] | None) -> bool:
        return self._over.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def _value(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._result


def _failed(run_id: str, error: BaseException) -> ThreadReference:
    def fail() -> None:
        raise error

    return ThreadReference(run_id, fail)
