"""What flows and works have in common: rules for attributes, names, state, and finding what has changed."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterable, Sequence
from marshal import dumps, loads
from operator import attrgetter, methodcaller
from typing import Any, ClassVar

from manyhands.app import delta
from manyhands.app.delta import MARSHAL_VERSION, Delta, Operation
from manyhands.app.errors import (
    ForbiddenUpdate,
    MissingInit,
    PayloadInInit,
    SecondPlace,
    UndefinedAttribute,
    UnfitAttribute,
    UnfitDelta,
)
from manyhands.app.likeness import like
from manyhands.app.plain import SCALARS, from_plain, readable, to_plain
from manyhands.app.storage.drive import Drive
from manyhands.app.storage.path import Path, is_address
from manyhands.app.storage.payload import Payload
from manyhands.app.tree import Tree

ROOT = "root"


class Image:
    """What a value that can change in place was when it was last looked at."""

    __slots__ = ("data", "plain")

    def __init__(self, value: Any, where: str) -> None:
        try:
            self.data = dumps(value, MARSHAL_VERSION)
            self.plain = False
        except ValueError:
            self.data = dumps(to_plain(value, where), MARSHAL_VERSION)
            self.plain = True

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Image) and self.data == other.data and self.plain == other.plain

    __hash__ = None  # type: ignore[assignment]

    def value(self) -> Any:
        """The value as plain data."""
        value = loads(self.data)  # noqa: S302 - of our own writing, in this process
        return value if self.plain else to_plain(value)


class Component:
    """Base of `Flow` and `Work`.

    Public attributes that `__init__` sets are the component's state. They hold JSON-like values, and everybody who sees
    the state sees them: the app's page, the work's process and the flow's. Names that begin with `_` are private to the
    process they are set in.

    Errors, all with the attribute's name: `MissingInit`, `UndefinedAttribute`, `UnfitAttribute`, `FixedComponent`
    (`AttributeError` all four).
    """

    _SHARED_: ClassVar[frozenset[str]] = frozenset()
    """Private attributes that belong to the state all the same."""
    _FLOW_: ClassVar[bool] = False

    _tree_: Tree
    _name: str
    _way_: tuple[str, ...]
    _calls: dict[str, Any]
    _changes: dict[str, Any]
    _paths: dict[str, Any]
    _seen_: dict[str, Any]
    _assigned_: dict[str, None]
    _mutable_: dict[str, None]
    _called_: dict[str, None]
    _holder_: Any
    _depth_: int = 0
    _on_assign_: Callable[[], None] | None = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        cls.__init__ = _building(cls.__init__)  # type: ignore[method-assign]

    def __init__(self) -> None:
        self._tree_ = Tree()
        self._name = ""
        self._way_ = ()
        self._changes = {}
        self._assigned_ = {}
        self._mutable_ = {}
        self._called_ = {}
        self._holder_ = None
        self._seen_ = {}
        self._calls = {}
        self._paths = {}

    # --- attributes -------------------------------------------------------------------------------------------------

    def __setattr__(self, name: str, value: Any) -> None:
        seen = self.__dict__.get("_seen_")
        if seen is not None and name in seen and type(value) in _QUICK:
            if name in self._mutable_:
                del self._mutable_[name]
                self._leave_path_(name)
            self.__dict__[name] = value
            self._touch_(name)
        elif name.startswith("_"):
            self._set_private_(name, value)
        elif hasattr(type(getattr(type(self), name, None)), "__set__"):
            object.__setattr__(self, name, value)
        elif seen is None:
            raise MissingInit(type(self).__name__)
        else:
            self._set_public_(name, value)

    def _set_private_(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
        if name in self._SHARED_ and "_seen_" in self.__dict__:
            self._admit_(name, value)

    def _set_public_(self, name: str, value: Any) -> None:
        if name not in self._seen_ and not self._depth_:
            raise UndefinedAttribute(name)
        value = self._prepared_(name, value)
        object.__setattr__(self, name, value)
        self._admit_(name, value)

    def _prepared_(self, name: str, value: Any) -> Any:
        """The value as it is kept. Errors: `UnfitAttribute`, `PayloadInInit`."""
        if isinstance(value, str) and is_address(value):
            value = Path(value)
        if isinstance(value, Path):
            self._take_path_(name, value)
        elif isinstance(value, Drive):
            value = value._given_to(self.name, self._FLOW_)
        elif isinstance(value, Payload):
            if self._depth_:
                raise PayloadInInit(name)
            self._take_payload_(name, value)
        else:
            to_plain(value, name)
        if not isinstance(value, Path):
            self._leave_path_(name)
        return value

    def _take_path_(self, name: str, path: Path) -> None:
        """A path became an attribute."""
        described = path.to_dict()
        if self._paths.get(name) != described:
            self._paths = {**self._paths, name: described}

    def _leave_path_(self, name: str) -> None:
        """An attribute is no path any more, if it was one."""
        if name in self._paths:
            self._paths = {known: path for known, path in self._paths.items() if known != name}

    def _take_payload_(self, name: str, payload: Payload) -> None:
        """A payload became an attribute."""

    def _admit_(self, name: str, value: Any) -> None:
        """`name` belongs to the state from now on, and has changed."""
        self._seen_.setdefault(name, _UNSEEN)
        self._watch_(name, value)
        self._touch_(name)

    def _watch_(self, name: str, value: Any) -> None:
        """Look at the value from time to time if it can change in place. Shared private ones are only ever assigned."""
        if type(value) in SCALARS or name in self._SHARED_:
            self._mutable_.pop(name, None)
        else:
            self._mutable_[name] = None
            self._tree_.watch(self)

    def _touch_(self, name: str) -> None:
        # Marked after the value is there: whoever collects takes the mark first, so no change is ever missed.
        self._assigned_[name] = None
        self._tree_.mark(self)
        if self._on_assign_ is not None:
            self._on_assign_()

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__.get("_seen_", ()):
            raise UnfitAttribute(name, "attribute to delete; set it to None")
        object.__delattr__(self, name)

    def __getattr__(self, name: str) -> Any:
        if name in _MADE_BY_INIT and not self.__dict__.get("_tree_"):
            raise MissingInit(type(self).__name__)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    # --- names ------------------------------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        """Where it stands in the app: "root", "root.child", ...; empty for a work that belongs to no flow."""
        return self._name

    def _place_(self, name: str, way: tuple[str, ...], tree: Tree, holder: Any) -> None:
        """It has its place in a tree now, with `holder`; `way` leads to its state from that of the root."""
        if self._holder_ is not None and (self._holder_ is not holder or self._way_[-1:] != way[-1:]):
            raise SecondPlace(self.name, name)
        self._holder_ = holder
        tree.adopt(self._tree_)
        self._name = name
        self._way_ = way
        self._tree_ = tree
        for attribute in self._mutable_:
            value = self.__dict__[attribute]
            if isinstance(value, Drive):
                self.__dict__[attribute] = value._given_to(name, self._FLOW_)
            elif isinstance(value, Path):
                self._take_path_(attribute, value)
        self._place_children_()
        self._collect_()  # what it is now is known to all; what follows are changes
        saved = tree.saved.pop(name, None)
        if saved is not None:
            self._restore_(saved)

    def _place_children_(self) -> None:
        """Its children have new places, too."""

    # --- state ------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> dict[str, Any]:
        """A copy of all that is known of it: `vars`, `calls`, `changes`, and its children's states by kind."""
        return {**self._own_state_(), **self._children_state_(attrgetter("state"))}

    @property
    def state_vars(self) -> dict[str, Any]:
        """A copy of its attributes (`vars`), and its children's by kind."""
        return {"vars": self._copied_vars_(), **self._children_state_(attrgetter("state_vars"))}

    @property
    def state_with_changes(self) -> dict[str, Any]:
        """Like `state`, with `changes` filled in: attribute to `{"from": ..., "to": ...}` of the last turn."""
        children = self._children_state_(attrgetter("state_with_changes"))
        return {**self._own_state_(), "changes": self.changes, **children}

    @property
    def changes(self) -> dict[str, Any]:
        """What the last turn changed in its attributes: name to `{"from": ..., "to": ...}`."""
        return copy.deepcopy(self._changes)

    def set_state(self, provided_state: Any, recurse: bool = True) -> None:
        """Make the state what `state` gave; with `recurse`, that of the children, too.

        Errors: `UnfitDelta` for a state that is none of this component's.
        """
        values = provided_state.get("vars") if isinstance(provided_state, dict) else None
        if not isinstance(values, dict):
            raise UnfitDelta(provided_state, "a component's state has `vars`")
        for name, value in values.items():
            if name not in self._seen_:
                raise UnfitDelta(name, f"{self.name or type(self).__name__} has no such attribute")
            Component._set_public_(self, name, copy.deepcopy(value))
        if "calls" in provided_state:
            self._set_calls_(copy.deepcopy(provided_state["calls"]))
        if recurse:
            self._set_children_state_(provided_state)

    def _own_state_(self) -> dict[str, Any]:
        return {"vars": self._copied_vars_(), "calls": copy.deepcopy(self._calls), "changes": {}}

    def _copied_vars_(self) -> dict[str, Any]:
        values = {name: self.__dict__[name] for name in list(self._seen_)}
        return {name: value if type(value) in SCALARS else copy.deepcopy(value) for name, value in values.items()}

    def _children_state_(self, read: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        """What `read` gives of each child, by kind."""
        return {}

    def _set_children_state_(self, provided_state: dict[str, Any]) -> None:
        """Give the children their part of it."""

    def _set_calls_(self, calls: dict[str, Any]) -> None:
        self._calls = calls
        for key in calls:
            self._touch_call_(key)

    def _touch_call_(self, key: str) -> None:
        """What is known under `key` in `_calls` has changed."""
        self._called_[key] = None
        self._tree_.mark(self)

    def _vars_(self) -> dict[str, Any]:
        """Its attributes as plain data, as they travel."""
        return {name: to_plain(self.__dict__[name], name) for name in list(self._seen_)}

    def _readable_(self) -> dict[str, Any]:
        """Its state for pages: strict JSON, nothing tagged."""
        plain: dict[str, Any] = readable(
            {
                "vars": self._vars_(),
                "calls": self._calls,
                "changes": {},
                **self._children_state_(methodcaller("_readable_")),
            }
        )
        return plain

    # --- what is kept between two lives of an app -------------------------------------------------------------------

    def _saved_(self) -> dict[str, Any]:
        """All that a new process needs to go on, as plain data that shares nothing with the component."""
        return {
            "vars": self._vars_(),
            "calls": copy.deepcopy(self._calls),
            **self._children_state_(methodcaller("_saved_")),
        }

    def _restore_(self, saved: dict[str, Any]) -> None:
        """Take up what `_saved_` gave. Attributes and children that the code no longer has are left out; a child that
        is made later gets its part then."""
        for name, value in saved["vars"].items():
            if name in self._seen_:
                self._put_(name, from_plain(value))
        self._set_calls_(copy.deepcopy(saved["calls"]))
        self._restore_children_(saved)

    def _restore_children_(self, saved: dict[str, Any]) -> None:
        """Give the children their part of it."""

    # --- changes ----------------------------------------------------------------------------------------------------

    def _put_(self, name: str, value: Any) -> None:
        """Set an attribute of the state from outside, which is nothing that this side has changed."""
        value = like(self.__dict__[name], value)
        if isinstance(value, Drive):
            value = value._given_to(self.name, self._FLOW_)
        elif isinstance(value, Path):
            self._take_path_(name, value)
        elif isinstance(value, Payload):
            self._take_payload_(name, value)
        self.__dict__[name] = value
        self._watch_(name, value)
        self._seen_[name] = value if type(value) in SCALARS else Image(value, name)

    def _collect_(self) -> Delta:
        names = self._assigned_
        if (
            len(names) == 1 and not self._mutable_ and not self._called_
        ):  # the commonest case by far, and the one that has to be quick
            name, _ = names.popitem()
            return self._changed_(name, self.__dict__[name])
        found: Delta = []
        for name in {**dict.fromkeys(list(names)), **self._mutable_}:
            names.pop(name, None)
            found += self._changed_(name, self.__dict__[name])
        while self._called_:
            key, _ = self._called_.popitem()
            if key in self._calls:
                found.append([["calls", key], "set", copy.deepcopy(self._calls[key])])
        return found

    def _altered_(self) -> bool:
        attributes, seen = self.__dict__, self._seen_
        try:
            for name in self._mutable_:
                before = seen[name]
                if type(before) is not Image or dumps(attributes[name], MARSHAL_VERSION) != before.data:
                    return True
        except ValueError:  # a kind of container that takes a closer look
            return True
        return False

    def _changed_(self, name: str, value: Any) -> Delta:
        before = self._seen_[name]
        if type(value) in SCALARS:
            if type(before) is type(value) and (before == value or (before != before and value != value)):
                return []
            self._seen_[name] = value
            if before is _UNSEEN:
                return []
            self._changes[name] = {"from": from_plain(before.value()) if type(before) is Image else before, "to": value}
            return [[["vars", name], "set", to_plain(value)]]
        image = Image(value, name)
        if image == before:
            return []
        self._seen_[name] = image
        return self._changed_inside_(name, before, to_plain(value, name))

    def _changed_inside_(self, name: str, before: Any, after: Any) -> Delta:
        if before is _UNSEEN:
            return []
        old = before.value() if isinstance(before, Image) else to_plain(before)
        # Private ones are told as a whole: a running work takes no part of them away by itself.
        whole = name in self._SHARED_
        found: Delta = [[[name], "set", after]] if whole else delta.difference({name: old}, {name: after})
        if found:
            self._changes[name] = {"from": from_plain(old), "to": from_plain(after)}
        return delta.rerooted(("vars",), found)

    def _forget_changes_(self) -> None:
        self._changes = {}

    # --- changes from elsewhere -------------------------------------------------------------------------------------

    def apply(self, changes: Iterable[Operation]) -> None:
        """Make changes that were found elsewhere; paths begin with `vars`, `works`, `flows` or `structures`.

        They do not count as changes of this side, so `collect` first what this side has changed. Errors: `UnfitDelta`
        for what does not fit; the operations before it have been done.
        """
        for operation in changes:
            path, verb, value = delta.checked(operation)
            owner, rest = self._owner_(path, operation)
            if len(rest) < 2 or rest[0] != "vars":
                raise UnfitDelta(operation, "only attributes can be changed from elsewhere")
            owner._take_one_(rest[1:], verb, value, operation, copied=False)

    def _owner_(self, path: Sequence[str | int], operation: Operation) -> tuple[Component, Sequence[str | int]]:
        """The component that the path leads to, and what is left of the path there."""
        return self, path

    def _take_(self, changes: Iterable[Operation]) -> None:
        """Make changes of its attributes that another process has made; paths begin with the attribute's name.

        Containers are replaced, not changed, for code of this process may be walking through them just now.
        """
        for operation in changes:
            path, verb, value = delta.checked(operation)
            if not path:
                raise UnfitDelta(operation, "it names no attribute")
            self._take_one_(path, verb, value, operation, copied=True)

    def _take_one_(self, path: Sequence[str | int], verb: str, value: Any, operation: Operation, copied: bool) -> None:
        name = path[0]
        if name not in self._seen_ or type(name) is not str:
            raise UnfitDelta(operation, f"{self.name or type(self).__name__} has no attribute {name!r}")
        if len(path) == 1 and verb == "del":
            raise ForbiddenUpdate(self.name, operation)
        try:
            value = from_plain(value)
        except ValueError as error:
            raise UnfitDelta(operation, str(error)) from error
        if len(path) == 1 and verb == "set":
            self._put_(name, value)
            return
        holder = {name: self.__dict__[name]}
        if copied:
            holder = delta.apply(holder, [[list(path), verb, value]])
        else:
            delta.apply_in_place(holder, [[list(path), verb, value]])
        self._put_(name, holder[name])

    # --- copies of it in other processes ----------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("_tree_", "_assigned_", "_called_", "_holder_", "_on_assign_", "_depth_", "_changes", "_seen_")
        return {**{k: v for k, v in self.__dict__.items() if k not in left_out}, "_seen_": list(self._seen_)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        names = state["_seen_"]
        self.__dict__.update(state)
        self.__dict__.update(
            _tree_=Tree(), _assigned_={}, _called_={}, _holder_=None, _changes={}, _seen_=dict.fromkeys(names, _UNSEEN)
        )
        for name in names:
            self._put_(name, self.__dict__[name])


def _building(init: Callable[..., None]) -> Callable[..., None]:
    """`init`, during which new attributes may be set, by it or by whatever it calls."""
    if getattr(init, "_manyhands_building", False):
        return init

    @functools.wraps(init)
    def build(self: Component, *args: Any, **kwargs: Any) -> None:
        attributes = self.__dict__
        attributes["_depth_"] = depth = attributes.get("_depth_", 0) + 1
        try:
            init(self, *args, **kwargs)
        finally:
            attributes["_depth_"] = depth - 1
        if depth == 1 and "_seen_" not in attributes:
            raise MissingInit(type(self).__name__)

    build._manyhands_building = True  # type: ignore[attr-defined]
    return build


class _Unseen:
    """Stands for what an attribute was before it was there."""

    __slots__ = ()


_UNSEEN = _Unseen()
_QUICK = frozenset({type(None), bool, int, float})
"""Kinds of values that nothing more is to be asked about; a text may be the address of a path."""
_MADE_BY_INIT = frozenset(Component.__annotations__) - {"_depth_", "_on_assign_", "_SHARED_", "_FLOW_"}
