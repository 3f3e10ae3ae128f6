"""The class of an actor as it is stored: it makes the object of its state, calls a method, and gives the state back."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from types import FunctionType, MemberDescriptorType
from typing import Any

from manyhands.codecs import plain
from manyhands.codecs.kit import Kit
from manyhands.engine.running import current_task
from manyhands.machine.naming import slug
from manyhands.model.errors import CallError, EncodingError, UsageError
from manyhands.model.specs import ACTOR_METHOD, TaskOptions
from manyhands.workflow.graph import Node
from manyhands.workflow.options import StepOptions
from manyhands.workflow.signature import Signature

READONLY = "__manyhands_readonly__"
"""Attribute of a method that may not change the state."""

INIT = "__init__"
MIGRATE = "__manyhands_migrate__"
"""In place of a method's name: the argument makes the state of the new class from that of the old."""

GET, SET = "__getstate__", "__setstate__"


CONSTANT = (type(None), bool, int, float, str, bytes, tuple, frozenset)
"""Types of class attributes that are part of the code; others may change while it runs."""


class ActorBody:
    """What the engine runs for a call of an actor: `revive` the object, let it `act`, keep its `state_of` if the call
    `changes` it."""

    __manyhands_actor__ = True

    def __init__(self, cls: type) -> None:
        self.cls = cls
        self._shell: Any = None
        self._methods: dict[str, FunctionType] | None = None
        self._signatures: dict[str, Signature] = {}

    def __reduce__(self) -> Any:
        return ActorBody, (self.cls,)

    # --- the object ------------------------------------------------------------------------------------------------

    def revive(self, state: Any, method: str, *args: Any) -> Any:
        """The object that has this state, for a call of `method`; for the constructor's one that has none yet."""
        if method == INIT:
            return self.shell.__new__(self.shell)
        if method == MIGRATE:
            return self._migrated(state, *args)
        return self._made(state if self.has_own_state else attributes(state))

    def _migrated(self, before: Any, migrate: Callable[[Any], Any], own_before: Callable[[], bool]) -> Any:
        """The object whose state is made of that of another class; `own_before`: whether that one says itself what it
        is, which is asked now, as a migration may have come between."""
        after = migrate(before if own_before() else attributes(before))
        if not self.has_own_state:
            if not isinstance(after, dict):
                raise NoNewState(self.cls.__qualname__, type(after).__name__)
            for name in after:
                if not isinstance(name, str):
                    raise NoNewState(self.cls.__qualname__, f"one with {name!r} for a name")
        return self._made(after)

    def _made(self, state: Any) -> Any:
        made = self.shell.__new__(self.shell)
        if self.has_own_state:
            getattr(made, SET)(state)
        else:
            made.__dict__.update((name, value) for name, value in state.items() if name not in self.slots)
            for name in self.slots & state.keys():
                object.__setattr__(made, name, state[name])
        return made

    def act(self, subject: Any, method: str, *args: Any, **kwargs: Any) -> Any:
        """Call a method; what it returns."""
        if method == MIGRATE:
            return None
        if method == INIT:
            return constructor(self.cls)(subject, *args, **kwargs)
        return self.function(method)(subject, *args, **kwargs)

    def state_of(self, subject: Any) -> Any:
        """The state of the object, to be saved. Errors: `StateNotSaved`."""
        if self.has_own_state:
            return getattr(subject, GET)()
        slotted = {name: getattr(subject, name) for name in self.slots if hasattr(subject, name)}
        fields = {**subject.__dict__, **slotted}
        try:
            text = json.dumps(fields)
        except (TypeError, ValueError) as error:
            raise StateNotSaved(self.cls.__qualname__, str(error)) from error
        # JSON would make a list of a tuple, and texts of all keys; the attributes are then saved as they are.
        return text if plain.encode(fields) is not None else fields

    def changes(self, method: str, *_args: Any) -> bool:
        """Whether what a call of the method has done to the object is to be kept."""
        return method in (INIT, MIGRATE) or not self.is_readonly(method)

    @cached_property
    def slots(self) -> frozenset[str]:
        """The attributes that `__slots__` has put elsewhere than in the `__dict__` of an object."""
        members = (vars(base).items() for base in self.cls.__mro__ if "__slots__" in vars(base))
        return frozenset(name for found in members for name, value in found if isinstance(value, MemberDescriptorType))

    @property
    def has_own_state(self) -> bool:
        """Whether the class says itself what its state is; else it is the JSON of its attributes."""
        return defines(self.cls, SET)

    @property
    def shell(self) -> Any:
        """The class that objects are made of: the user's, with methods that can also be called as steps."""
        if self._shell is None:
            slots = {name: Slot(name, function, self) for name, function in self.methods.items()}
            self._shell = type(self.cls.__name__, (self.cls,), {**slots, "__qualname__": self.cls.__qualname__})
        return self._shell

    # --- its methods -----------------------------------------------------------------------------------------------

    @property
    def methods(self) -> dict[str, FunctionType]:
        if self._methods is None:
            self._methods = methods_of(self.cls)
        return self._methods

    def has(self, method: str) -> bool:
        return method in self.methods

    def function(self, method: str) -> Any:
        """Errors: `NoSuchMethod`."""
        found = self.methods.get(method)
        if found is None:
            raise NoSuchMethod(method, self.cls.__qualname__)
        return found

    def is_readonly(self, method: str) -> bool:
        """Errors: `NoSuchMethod`."""
        return bool(getattr(self.function(method), READONLY, False))

    def check(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Whether the arguments fit. Errors: `CallError`, `NoSuchMethod`."""
        signature = self._signatures.get(method)
        if signature is None:
            function = constructor(self.cls) if method == INIT else self.function(method)
            signature = self._signatures[method] = Signature(function)
        try:
            signature.check((None, *args), kwargs)
        except CallError as error:
            raise CallError(f"Invalid input arguments for virtual actor method '{method}': {error}") from None

    def called(self, method: str, kind: str, settings: StepOptions, code: str) -> MethodCall:
        return MethodCall(self.cls, method, kind, settings, code)


class MethodCall:
    """A method of an actor as something that is called like a step. `code`: content hash of the actor's class."""

    def __init__(self, cls: type, method: str, kind: str, settings: StepOptions, code: str) -> None:
        full = f"{cls.__module__}.{cls.__qualname__}.{method}"
        self.label = settings.name or full
        self.base = settings.name or slug(full)
        self.describe = f"an argument of {self.label}"
        self.settings = settings
        self.kind = kind
        self.task_options = grouped(settings.for_engine())
        self._code = code

    def save(self, _kit: Kit) -> str:
        return self._code

    def key(self) -> bytes:
        raise CallError("A call of an actor cannot be cached: it depends on the actor's state. Drop `cache=True`.")


def grouped(options: TaskOptions) -> TaskOptions:
    """The options of a step as those of an actor's call, of which one runs at a time."""
    return TaskOptions(
        **{**{name: getattr(options, name) for name in options.__struct_fields__}, "group": ACTOR_METHOD}
    )


class ActorStep(Node):
    """A call that a method makes of its own actor: to be returned, or to be an argument of what is returned."""

    __slots__ = ()

    def run(self, *_args: Any, **_kwargs: Any) -> Any:
        raise UsageError(
            "A method's own step cannot be run inside the method: it would wait for itself. Return the step instead."
        )

    run_async = run


class Slot:
    """A method of the object: called directly it is the plain method, `.step(…)` makes a step of it."""

    def __init__(self, name: str, function: FunctionType, body: ActorBody) -> None:
        self._name = name
        self._function = function
        self._body = body

    def __get__(self, subject: Any, owner: type) -> Any:
        if subject is None:
            return self._function
        return BoundMethod(self._name, self._function, self._body, subject, StepOptions())


class BoundMethod:
    """A method of one object, inside a call of its actor."""

    def __init__(self, name: str, function: FunctionType, body: ActorBody, subject: Any, settings: StepOptions) -> None:
        self._name = name
        self._function = function
        self._body = body
        self._subject = subject
        self._settings = settings
        self.__name__ = name
        self.__doc__ = function.__doc__

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._function(self._subject, *args, **kwargs)

    def options(self, **given: Any) -> BoundMethod:
        """This method with other options; those not named stay. Errors: `OptionError`, `MetadataError`."""
        return BoundMethod(self._name, self._function, self._body, self._subject, self._settings.merged(given))

    def step(self, *args: Any, **kwargs: Any) -> ActorStep:
        """A call of this method as a step of its own, on the state that is saved when this call returns it.

        Errors: `CallError` (a `TypeError`) when the arguments do not fit.
        """
        self._body.check(self._name, args, kwargs)
        task = current_task.get()
        if task is None or task.code is None:
            raise CallError(
                f"`self.{self._name}.step(…)` makes a step only inside a call of an actor that may change it: in no "
                "read-only method, and on no object that `at` gave."
            )
        called = self._body.called(self._name, ACTOR_METHOD, self._settings, task.code)
        return ActorStep(called, (self._name, *args), kwargs)


class NoSuchMethod(UsageError, AttributeError):
    """The actor's class has no such method: `NoSuchMethod(method, class_name)`."""

    text = (
        "No method with name '{0}' in the actor's class {1}: plain methods can be called, no static or class methods. "
        "Its stored class counts; `migrate` gives it another."
    )


class ClassNotSaved(EncodingError):
    """The class of an actor can be saved neither by its code nor by its name: `ClassNotSaved(class_name, why)`."""

    text = (
        "The actor class {0} cannot be saved: {1}. Something that it holds, or that its methods refer to, cannot be "
        "pickled (a lock, a connection, in Python 3.11 a `cached_property`). Put the class at the top of a module, "
        "which is then imported by name, or make such things inside the methods."
    )


class NoNewState(UsageError, TypeError):
    """A migration did not return what the new class has for a state: `NoNewState(class_name, kind)`."""

    text = (
        "The function given to `{0}.migrate` has to return the attributes of the new object as a dictionary, not {1}. "
        "Names of attributes are text."
    )


class StateNotSaved(EncodingError, ValueError):
    """An actor's state is no JSON: `StateNotSaved(class_name, why)`."""

    text = (
        "The virtual actor {0} contains fields that can't be converted to JSON. Please define `__getstate__` and "
        "`__setstate__` explicitly: {1}"
    )


def attributes(state: Any) -> Any:
    """The attributes of an object whose class does not say itself what its state is."""
    return json.loads(state) if isinstance(state, str) else state


def methods_of(cls: type) -> dict[str, FunctionType]:
    """The plain methods of a class, its own and inherited, but for those with double underscores."""
    found: dict[str, FunctionType] = {}
    for base in reversed(cls.__mro__[:-1]):
        for name, value in vars(base).items():
            if isinstance(value, FunctionType) and not (name.startswith("__") and name.endswith("__")):
                found[name] = value
            else:
                found.pop(name, None)
    return found


def parts_of(cls: type) -> dict[str, Any]:
    """What the behaviour of a class is made of: its functions, of whatever sort, and its constants, by name."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__[:-1]):
        for name, value in vars(base).items():
            if isinstance(value, property):
                found[name] = (value.fget, value.fset, value.fdel)
            elif isinstance(value, cached_property):
                found[name] = value.func
            elif isinstance(value, (FunctionType, staticmethod, classmethod)):
                found[name] = getattr(value, "__func__", value)
            elif isinstance(value, CONSTANT) and not name.startswith("__"):
                found[name] = value
    return found


def constructor(cls: Any) -> Any:
    """The constructor of a class as a plain function of the object."""
    return cls.__init__


def defines(cls: type, name: str) -> bool:
    """Whether the class or a base of it defines this; `object` does not count."""
    return any(name in vars(base) for base in cls.__mro__[:-1])
