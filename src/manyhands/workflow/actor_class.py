"""The decorator `virtual_actor`, and what it makes of a class."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from hashlib import blake2b
from types import FunctionType
from typing import Any, TypeVar

import cloudpickle

from manyhands.codecs.code import Body
from manyhands.codecs.code import find as find_callable
from manyhands.codecs.kit import Kit
from manyhands.engine.client import Client
from manyhands.engine.context import client
from manyhands.machine.fingerprint import fingerprint
from manyhands.model.errors import (
    CallError,
    EncodingError,
    ExecutionError,
    FingerprintError,
    OptionError,
    RunActive,
    RunIdInUse,
    RunNotResumable,
)
from manyhands.model.kinds import ACTOR
from manyhands.model.specs import ACTOR_INIT, ACTOR_MIGRATE
from manyhands.workflow.actor import VirtualActor, find, has_own_state
from manyhands.workflow.actor_body import GET, INIT, MIGRATE, READONLY, SET, ActorBody, ClassNotSaved, defines, parts_of
from manyhands.workflow.graph import Node, plan
from manyhands.workflow.options import StepOptions
from manyhands.workflow.step import lookup

log = logging.getLogger("manyhands")

F = TypeVar("F", bound=Callable[..., Any])

MIGRATED = "migrate"
"""The name of the steps that make an actor one of another class."""


class VirtualActorClass:
    """A class whose objects live in the store: `Cls.get_or_create(actor_id, …)`."""

    def __init__(self, cls: type) -> None:
        if not isinstance(cls, type):
            raise CallError(f"virtual_actor decorates a class, not a {type(cls).__name__}.")
        if defines(cls, GET) != defines(cls, SET):
            raise OptionError(
                f"{cls.__qualname__} defines only one of `__getstate__` and `__setstate__`: define both, or neither."
            )
        self._take(cls)

    def _take(self, cls: type) -> None:
        self._body = ActorBody(cls)
        self._saved: tuple[Any, str] | None = None
        self.__module__ = cls.__module__
        self.__name__ = cls.__name__
        self.__qualname__ = cls.__qualname__
        self.__doc__ = cls.__doc__

    @property
    def __wrapped__(self) -> type:
        return self._body.cls

    def __repr__(self) -> str:
        return f"<actor class {self.__qualname__}>"

    def __call__(self, *_args: Any, **_kwargs: Any) -> Any:
        raise CallError(
            "Actors cannot be instantiated directly. "
            f"Instead of '{self.__name__}()', use '{self.__name__}.get_or_create(actor_id)'."
        )

    def __mro_entries__(self, _bases: tuple[Any, ...]) -> tuple[type]:
        """What a class inherits from that names this one as its base: the class as it was written."""
        return (self._body.cls,)

    def __reduce__(self) -> Any:
        # As with steps: a class of a module that can be imported travels by name.
        by_value = self.__module__ == "__main__" or self.__module__ in cloudpickle.list_registry_pickle_by_value()
        if not by_value and lookup(self.__module__, self.__qualname__) is self:
            return _named, (self.__module__, self.__qualname__)
        return _restore, (self._body.cls,)

    def options(self) -> VirtualActorClass:
        """This class; there are no options yet."""
        return self

    def get_or_create(self, actor_id: str, *args: Any, **kwargs: Any) -> VirtualActor:
        """The actor of this id; one that does not exist is made with these arguments, which takes its time: see
        `ready`. What the constructor raises is raised by the first call.

        An actor that exists keeps the class it was made with; a warning says so when this one is different.
        Errors: `NotAnActor`, `CallError`; `TypeError` when the id is no text.
        """
        if not isinstance(actor_id, str):
            raise TypeError(f"An actor id is text, not a {type(actor_id).__name__}.")
        ours = client()
        if ours.engine.store.run(actor_id) is None:
            self._create(ours, actor_id, args, kwargs)
        record = find(ours, actor_id)
        if ours.engine.is_left(record):
            self._take_up(ours, actor_id)
        if record.definition != self._fingerprint():
            log.warning(
                "Actor %s was made with another version of class %s; the stored one is used. "
                "`%s.migrate(%r, fn)` gives it this one.",
                actor_id,
                self.__qualname__,
                self.__name__,
                actor_id,
            )
        return VirtualActor(actor_id)

    def _create(self, ours: Client, actor_id: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self._body.check(INIT, args, kwargs)
        kit = ours.engine.kit
        called = self._body.called(INIT, ACTOR_INIT, StepOptions(), self._save(kit))
        specs = plan(Node(called, (INIT, *args), kwargs), kit)
        try:
            reference = ours.start(actor_id, specs, kind=ACTOR, metadata={}, definition=self._fingerprint())
            ours.secure(reference)
        except (RunActive, RunIdInUse):
            pass  # somebody else was faster, and it is theirs

    def _take_up(self, ours: Client, actor_id: str) -> None:
        """Go on with what a process that is gone has left of the actor."""
        try:
            ours.secure(ours.resume(actor_id))
        except (RunActive, RunNotResumable):
            pass  # somebody else was faster

    def migrate(self, actor_id: str, migrate: Callable[[Any], Any]) -> None:
        """From now on the actor is of this class; `migrate` makes its state from the old one, and is run in its turn
        among the actor's calls. Of a class without `__setstate__` a state is a dictionary of its attributes.

        Errors: `ActorNotFound`, `NotAnActor`; `ExecutionError` when `migrate` fails, and nothing has changed.

        Example: `Counter.migrate("visits", lambda old: {"n": old["count"]})`
        """
        ours = client()
        find(ours, actor_id)
        # Caught, so that one that fails is not in the way of the calls behind it.
        settings = StepOptions(name=MIGRATED, max_retries=1, catch_exceptions=True)
        called = self._body.called(MIGRATE, ACTOR_MIGRATE, settings, self._save(ours.engine.kit))
        specs = plan(Node(called, (MIGRATE, migrate, partial(has_own_state, actor_id)), {}), ours.engine.kit)
        _, error = ours.call(actor_id, specs).result()
        if error is not None:
            raise ExecutionError(actor_id, MIGRATED, f"{type(error).__name__}: {error}") from error

    # --- for the engine --------------------------------------------------------------------------------------------

    def _save(self, kit: Kit) -> str:
        """The content hash of the class, saved in this store."""
        saved = self._saved
        if saved is None or saved[0] is not kit.blobs:
            what = f"the actor class {self.__qualname__}"
            body: Any = self._body  # the engine calls it in a way of its own
            try:
                content_hash = kit.code.save(Body(body), what)
            except EncodingError as error:
                if self.__module__ == "__main__" or lookup(self.__module__, self.__qualname__) not in (self, body.cls):
                    raise ClassNotSaved(self.__qualname__, error.args[-1]) from error
                body = NamedBody(body.cls)
                content_hash = kit.code.save(Body(body), what)
            saved = self._saved = (kit.blobs, content_hash)
        return saved[1]

    def _fingerprint(self) -> bytes:
        """Tells versions of the class apart by their methods and constants; what has no identity does not count."""
        digest = blake2b(digest_size=16)
        for name, part in sorted(parts_of(self._body.cls).items()):
            try:
                digest.update(fingerprint(part) + name.encode())
            except FingerprintError:
                continue
        return digest.digest()


class NamedBody(ActorBody):
    """A class that refers to what no pickle can hold (a lock, a connection): it is saved by name, not by its code."""

    def __reduce__(self) -> Any:
        return _body_named, (self.cls.__module__, self.cls.__qualname__)


def _body_named(module: str, name: str) -> ActorBody:
    return NamedBody(_named(module, name).__wrapped__)


def _named(module: str, name: str) -> VirtualActorClass:
    found = find_callable(module, name)
    return found if isinstance(found, VirtualActorClass) else VirtualActorClass(found)


def _restore(cls: type) -> VirtualActorClass:
    # The class may be half made yet when it refers to itself, so nothing is asked of it here.
    made = VirtualActorClass.__new__(VirtualActorClass)
    made._take(cls)
    return made


class VirtualActorDecorator:
    """`@virtual_actor` on a class, `@virtual_actor.readonly` on those of its methods that change nothing."""

    def __call__(self, cls: type) -> VirtualActorClass:
        """Make actors of a class: each object is known by an id, and its state survives any crash.

        The state after each call is saved: what `__getstate__` returns, or else the attributes as JSON. Errors:
        `OptionError` when only one of `__getstate__` and `__setstate__` is defined; `TypeError` for no class.
        """
        return VirtualActorClass(cls)

    def readonly(self, method: F) -> F:
        """A method that does not change the object; it runs at once, beside any other call, on the last saved state.

        Errors: `TypeError` for something that is no method.
        """
        if not isinstance(method, FunctionType):
            raise CallError(f"virtual_actor.readonly can only wrap a method, not a {type(method).__name__}.")
        setattr(method, READONLY, True)
        return method


virtual_actor = VirtualActorDecorator()


def get_actor(actor_id: str) -> VirtualActor:
    """The actor of this id. Errors: `ActorNotFound` (a `KeyError` and a `ValueError`), `NotAnActor`."""
    find(client(), actor_id)
    return VirtualActor(actor_id)


def skip(actor_id: str, step: str) -> None:
    """Pass over a call of an actor that has failed, with all it returned, and go on with the calls after it.

    The actor's state is again what it was before that call. Returns when the calls that waited are done.
    Errors: `ActorNotFound`, `NotAnActor`, `TaskNotFound`, `RunActive`, `RunNotResumable`, `ExecutionError`.
    """
    ours = client()
    find(ours, actor_id)
    reference = ours.skip(actor_id, step)
    if ours.until_called_out(reference):
        reference.result()
