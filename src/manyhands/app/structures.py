"""Lists and dicts of components, which are part of the tree of the app."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter, methodcaller
from typing import Any, NoReturn

from manyhands.app.component import ROOT, Component
from manyhands.app.delta import Operation
from manyhands.app.errors import (
    FixedComponent,
    HiddenMethod,
    OwnMember,
    SecondPlace,
    StructureKey,
    StructureMismatch,
    UnfitDelta,
    UnfitMember,
    UnsupportedChange,
)
from manyhands.app.tree import Tree


class Structure:
    """What `List` and `Dict` have in common. Members, be they flows, works or structures, stay for good."""

    _tree_: Tree
    _name: str
    _way_: tuple[str, ...]
    _holder_: Any

    def _begin_(self) -> None:
        self._tree_ = Tree()
        self._name = ROOT
        self._way_ = ()
        self._holder_ = None
        self._added_: dict[str, None] = {}
        self._placed_ = False

    @property
    def name(self) -> str:
        """Where it stands in the app, such as "root.workers"; members are called after their place in it."""
        return self._name

    @property
    def works(self) -> list[Any]:
        """The works in it, those of its flows too."""
        return [work for member in self._members_().values() for work in _works_of(member)]

    @property
    def flows(self) -> dict[str, Any]:
        """The flows in it and those in them, by name."""
        found: dict[str, Any] = {}
        for member in self._members_().values():
            kind = _kind(member)
            if kind == "flows":
                found[member.name] = member
            if kind != "works":
                found.update(member.flows)
        return found

    @property
    def state(self) -> dict[str, Any]:
        """A copy of the states of its members, by kind and key."""
        return self._read_(attrgetter("state"))

    @property
    def state_vars(self) -> dict[str, Any]:
        """A copy of the attributes of its members, by kind and key."""
        return self._read_(attrgetter("state_vars"))

    @property
    def state_with_changes(self) -> dict[str, Any]:
        """Like `state`, with what the last turn has changed."""
        return self._read_(attrgetter("state_with_changes"))

    def set_state(self, state: Any) -> None:
        """Set the states of all members. Errors: `StructureMismatch` when it is the state of other members."""
        members = self._members_()
        if not isinstance(state, dict) or not all(isinstance(part, dict) for part in state.values()):
            raise StructureMismatch(type(self).__name__, sorted(members), f"none: {state!r:.80}")
        given = _by_key(state)
        if given.keys() != members.keys():
            raise StructureMismatch(type(self).__name__, sorted(members), sorted(given))
        for key, member in members.items():
            member.set_state(given[key])

    def _members_(self) -> dict[str, Any]:
        """The members by the last part of their names."""
        raise NotImplementedError

    def _read_(self, read: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {"works": {}, "flows": {}}
        for key, member in self._members_().items():
            found.setdefault(_kind(member), {})[key] = read(member)
        return found

    def _readable_(self) -> dict[str, Any]:
        return self._read_(methodcaller("_readable_"))

    def _saved_(self) -> dict[str, Any]:
        return self._read_(methodcaller("_saved_"))

    def _restore_(self, saved: dict[str, Any]) -> None:
        members = self._members_()
        for key, part in _by_key(saved).items():
            if key in members:
                members[key]._restore_(part)
            else:
                self._tree_.saved[f"{self._name}.{key}"] = part

    def _owner_(self, path: Sequence[str | int], operation: Operation) -> tuple[Component, Sequence[str | int]]:
        member = self._members_().get(str(path[1])) if len(path) > 1 else None
        if member is None or path[0] != _kind(member):
            raise UnfitDelta(operation, f"{self._name} has no such member")
        owner: tuple[Component, Sequence[str | int]] = member._owner_(path[2:], operation)
        return owner

    def _place_(self, name: str, way: tuple[str, ...], tree: Tree, holder: Any) -> None:
        if self._holder_ is not None and (self._holder_ is not holder or self._way_[-1:] != way[-1:]):
            raise SecondPlace(self.name, name)
        self._name, self._way_, self._tree_, self._holder_ = name, way, tree, holder
        for key, member in self._members_().items():
            self._place_member_(key, member)
        self._added_.clear()
        self._placed_ = True
        saved = tree.saved.pop(name, None)
        if saved is not None:
            self._restore_(saved)

    def _check_(self, key: str, member: Any) -> None:
        if not isinstance(member, Component | Structure) or member is self:
            raise UnfitMember(type(self).__name__, type(member).__qualname__)
        check_member(self, key, member)

    def _place_member_(self, key: str, member: Any) -> None:
        member._place_(f"{self._name}.{key}", (*self._way_, _kind(member), key), self._tree_, self)

    def _take_member_(self, key: str, member: Any) -> None:
        self._place_member_(key, member)
        if self._placed_:
            self._added_[key] = None
            self._tree_.mark(self)

    def _collect_(self) -> list[Operation]:
        members = self._members_()
        added, self._added_ = self._added_, {}
        return [[[_kind(members[key]), key], "set", members[key]._readable_()] for key in added]

    def _altered_(self) -> bool:
        return bool(self._added_)

    def _forget_changes_(self) -> None:
        """Its members have changes of their own."""

    def _refuse_(self, method: str) -> NoReturn:
        raise UnsupportedChange(type(self).__name__, method)


class List(Structure, list[Any]):
    """A list of flows and works, or of lists and dicts of them: `List(Work(), Work())`. Members are called by their
    index; `append` adds more."""

    def __init__(self, *items: Any) -> None:
        super().__init__()
        self._begin_()
        self.extend(items)

    def append(self, item: Any) -> None:
        """Add a component. Errors: `UnfitMember`, `OwnMember`."""
        item, key = as_structure(item), str(len(self))
        self._check_(key, item)
        self._take_member_(key, item)
        super().append(item)

    def extend(self, items: Iterable[Any]) -> None:
        """Add components."""
        for item in items:
            self.append(item)

    def __iadd__(self, items: Iterable[Any]) -> List:  # type: ignore[misc]
        self.extend(items)
        return self

    def __setitem__(self, index: Any, item: Any) -> None:
        if not isinstance(index, int) or self[index] is not item:
            raise FixedComponent("member of a List", index)

    def __delitem__(self, index: Any) -> None:
        self._refuse_("del")

    def __imul__(self, count: Any) -> List:  # type: ignore[misc]
        self._refuse_("*=")

    def insert(self, index: Any, item: Any) -> None:
        """Not supported, as members are called by their index."""
        self._refuse_("insert")

    def pop(self, index: Any = -1) -> Any:
        """Not supported."""
        self._refuse_("pop")

    def remove(self, item: Any) -> None:
        """Not supported."""
        self._refuse_("remove")

    def clear(self) -> None:
        """Not supported."""
        self._refuse_("clear")

    def sort(self, **options: Any) -> None:
        """Not supported, as members are called by their index."""
        self._refuse_("sort")

    def reverse(self) -> None:
        """Not supported, as members are called by their index."""
        self._refuse_("reverse")

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __reduce__(self) -> Any:
        return _new_list, (list(self),)

    def _members_(self) -> dict[str, Any]:
        return {str(index): member for index, member in enumerate(self)}


class Dict(Structure, dict[str, Any]):
    """A dict of flows and works, or of lists and dicts of them: `Dict(first=Work())`. Keys are texts without ".";
    further ones can be set."""

    def __init__(self, **items: Any) -> None:
        super().__init__()
        self._begin_()
        self.update(items)

    def __setitem__(self, key: Any, item: Any) -> None:
        if not isinstance(key, str) or not key or "." in key:
            raise StructureKey(key)
        if key in self:
            if self[key] is not item:
                raise FixedComponent("member of a Dict", key)
            return
        item = as_structure(item)
        self._check_(key, item)
        self._take_member_(key, item)
        super().__setitem__(key, item)

    def update(self, *others: Any, **items: Any) -> None:
        """Add components. Errors: `StructureKey`, `UnfitMember`; `FixedComponent` for a key that is taken."""
        for key, item in dict(*others, **items).items():
            self[key] = item

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The component of that name, which is `default` if there was none."""
        if key not in self:
            self[key] = default
        return self[key]

    def __ior__(self, other: Any) -> Dict:  # type: ignore[override,misc]
        self.update(other)
        return self

    def __delitem__(self, key: str) -> None:
        self._refuse_("del")

    def pop(self, key: str, *default: Any) -> Any:
        """Not supported."""
        self._refuse_("pop")

    def popitem(self) -> tuple[str, Any]:
        """Not supported."""
        self._refuse_("popitem")

    def clear(self) -> None:
        """Not supported."""
        self._refuse_("clear")

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __reduce__(self) -> Any:
        return _new_dict, (dict(self),)

    def _members_(self) -> dict[str, Any]:
        return self


def as_structure(value: Any) -> Any:
    """A plain list or dict of nothing but components, or of such lists and dicts, as a `List` or `Dict`; everything
    else as it is."""
    if type(value) is list and _holds_components(value):
        return List(*value)
    if type(value) is dict and _holds_components(value):
        return _new_dict(value)
    return value


def check_member(holder: Any, key: str, member: Any) -> None:
    """Errors: `OwnMember` when `holder`, which is to have it as `key`, is the member itself or stands in it."""
    above = holder
    while above is not None:
        if above is member:
            raise OwnMember(member.name, f"{holder.name}.{key}")
        above = above._holder_


def check_name(component: Component, base: type[Component], name: str) -> None:
    """Errors: `HiddenMethod` when an attribute of that name would hide a method of `base`."""
    if callable(getattr(base, name, None)):
        raise HiddenMethod(type(component).__name__, name, base.__name__)


def _holds_components(value: Any) -> bool:
    if isinstance(value, Component | Structure):
        return True
    members = value.values() if type(value) is dict else value if type(value) is list else ()
    try:
        return bool(members) and all(map(_holds_components, members))
    except RecursionError:  # it contains itself
        return False


def _works_of(member: Any) -> Iterator[Any]:
    kind = _kind(member)
    if kind == "structures":
        yield from member.works
    elif kind == "flows":
        yield from member.works()
    else:
        yield member


def _kind(member: Any) -> str:
    return "structures" if isinstance(member, Structure) else "flows" if member._FLOW_ else "works"


def _by_key(state: dict[str, Any]) -> dict[str, Any]:
    """The states of members of all kinds."""
    return {key: part for kind in ("works", "flows", "structures") for key, part in state.get(kind, {}).items()}


def _new_list(items: list[Any]) -> List:
    return List(*items)


def _new_dict(items: dict[str, Any]) -> Dict:
    structure = Dict()
    structure.update(items)
    return structure
