"""A flow: a component whose `run` is called again and again, and which decides what its works do."""

from __future__ import annotations

import datetime
import functools
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, ClassVar, NoReturn

from manyhands.app.component import ROOT, Component
from manyhands.app.delta import Delta, Operation
from manyhands.app.errors import (
    AppExit,
    AppFail,
    ComponentMissing,
    ComponentName,
    ComponentNotFound,
    FixedComponent,
    UndefinedAttribute,
    UnfitDelta,
)
from manyhands.app.layout import default_layout
from manyhands.app.schedule import is_on, new_entry
from manyhands.app.structures import Structure, as_structure, check_member, check_name
from manyhands.app.tree import Tree
from manyhands.app.work import Work
from manyhands.model.errors import CallError

KINDS = ("flows", "works", "structures")
SCHEDULING = "scheduling"
ITERATING = "experimental_iterate"


class Flow(Component):
    """The part of an app that decides: subclass it, make its children in `__init__`, and write into `run` what to do.

    `run` is called again and again for as long as the app lives, whenever something has changed, and must not wait for
    anything: it looks at what its works have done, calls them, and returns. Everything above a call of a work that has
    not finished is done again in the next turn.

    Errors: see `Component`.
    """

    _SHARED_: ClassVar[frozenset[str]] = frozenset({"_layout", "_paths"})
    _FLOW_: ClassVar[bool] = True

    _kinds_: dict[str, str]
    _added_: dict[str, None]
    _asked_: dict[str, int | None]
    """In which turn each schedule was asked last."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        run = getattr(cls, "run", None)
        if callable(run):
            cls.run = _entering(run, counted=True)  # type: ignore[attr-defined]
        cls.load_state_dict = _entering(cls.load_state_dict, counted=False)  # type: ignore[method-assign]

    def __init__(self) -> None:
        super().__init__()
        self._kinds_ = {}
        self._added_ = {}
        self._asked_ = {}
        self._name = ROOT
        self._layout: Any = {}

    # --- for users to override --------------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether the app's page may be opened: by default, when the flows below are ready."""
        return all(flow.ready for flow in self.flows.values())

    def configure_layout(self) -> Any:
        """What the page shows: a frontend, a dict, or a list of dicts `{"name": ..., "content": ...}`.

        The content is a child or a URL. By default one tab for each child flow.
        """
        return default_layout(self)

    def configure_commands(self) -> list[dict[str, Any]]:
        """What people can do to the running app: dicts of a command's name and the method that does it."""
        return []

    def configure_api(self) -> list[Any]:
        """What programs can ask of the running app: a list of `Post`, `Get`, `Put`, `Delete`."""
        return []

    # --- children ---------------------------------------------------------------------------------------------------

    @property
    def flows(self) -> dict[str, Flow]:
        """All flows below this one by name, each followed by those below it."""
        found: dict[str, Flow] = {}
        for child in self._children_("flows").values():
            found[child.name] = child
            found.update(child.flows)
        for structure in self._children_("structures").values():
            found.update(structure.flows)
        return found

    def works(self, recurse: bool = True) -> list[Work]:
        """The works of this flow and, with `recurse`, those of all flows and structures below it."""
        found: list[Work] = list(self._children_("works").values())
        if recurse:
            for child in self._children_("flows").values():
                found += child.works()
            for structure in self._children_("structures").values():
                found += structure.works
        return found

    def named_works(self, recurse: bool = True) -> list[tuple[str, Work]]:
        """The same works with their names."""
        return [(work.name, work) for work in self.works(recurse)]

    def _children_(self, kind: str) -> dict[str, Any]:
        return {name: self.__dict__[name] for name, its in self._kinds_.items() if its == kind}

    def __delattr__(self, name: str) -> None:
        if name in self.__dict__.get("_kinds_", ()):
            raise FixedComponent(_kind_word(self.__dict__[name]), name)
        super().__delattr__(name)

    def _set_public_(self, name: str, value: Any) -> None:
        check_name(self, Flow, name)
        value = as_structure(value)
        if isinstance(value, Component | Structure):
            self._take_child_(name, value)
        elif name in self._kinds_:
            raise FixedComponent(_kind_word(self.__dict__[name]), name)
        else:
            super()._set_public_(name, value)

    def _take_child_(self, name: str, child: Any) -> None:
        if name in self._kinds_:
            if self.__dict__[name] is not child:
                raise FixedComponent(_kind_word(self.__dict__[name]), name)
            return
        check_member(self, name, child)
        if not (self._depth_ or self._tree_.running or name in self._seen_):
            raise UndefinedAttribute(name)
        kind = "structures" if isinstance(child, Structure) else "flows" if child._FLOW_ else "works"
        child._place_(f"{self._name}.{name}", (*self._way_, kind, name), self._tree_, self)
        for known in (self._seen_, self._mutable_, self._assigned_):
            known.pop(name, None)
        self.__dict__[name] = child
        self._kinds_[name] = kind
        if not self._depth_:
            self._added_[name] = None
            self._tree_.mark(self)

    def _place_children_(self) -> None:
        for name, kind in self._kinds_.items():
            self.__dict__[name]._place_(f"{self._name}.{name}", (*self._way_, kind, name), self._tree_, self)

    def _collect_(self) -> Delta:
        if not self._added_:
            return super()._collect_()
        added, self._added_ = self._added_, {}
        found: Delta = [[[self._kinds_[name], name], "set", self.__dict__[name]._readable_()] for name in added]
        return found + super()._collect_()

    # --- state ------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """A copy of this flow's own state, without its children's."""
        return {**self._own_state_(), **{kind: {} for kind in KINDS}}

    def load_state_dict(
        self, flow_state: dict[str, Any], children_states: dict[str, dict[str, Any]], strict: bool = True
    ) -> None:
        """Take up states that were saved. Override it to make children first that `run` makes otherwise.

        `flow_state`: what `state_dict` gave. `children_states`: the states of all below, by name from here on, such as
        "child.work". Errors: `ComponentMissing` (a `ValueError`) for a state without a child, if `strict`.
        """
        self.set_state(flow_state, recurse=False)
        for name, state in children_states.items():
            first, *rest = name.split(".")
            child = self.__dict__.get(first) if first in self._kinds_ else None
            while rest and isinstance(child, Structure):
                child = child._members_().get(rest.pop(0))
            if rest and (child is not None or any(name.startswith(f"{known}.") for known in children_states)):
                continue  # it belongs to a flow below, which has its own entry
            if isinstance(child, Flow):
                prefix = f"{name}."
                below = {k.removeprefix(prefix): s for k, s in children_states.items() if k.startswith(prefix)}
                child.load_state_dict(state, below, strict=strict)
            elif isinstance(child, Work):
                child.set_state(state)
            elif strict:
                raise ComponentMissing(name, self.name)

    def _children_state_(self, read: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
        return {
            kind: {name: read(self.__dict__[name]) for name, its in self._kinds_.items() if its == kind}
            for kind in KINDS
        }

    def _set_children_state_(self, provided_state: dict[str, Any]) -> None:
        for kind in KINDS:
            for name, state in provided_state.get(kind, {}).items():
                if self._kinds_.get(name) != kind:
                    raise UnfitDelta(name, f"{self.name} has no such child")
                self.__dict__[name].set_state(state)

    def _restore_children_(self, saved: dict[str, Any]) -> None:
        for kind in KINDS:
            for name, part in saved[kind].items():
                if self._kinds_.get(name) == kind:
                    self.__dict__[name]._restore_(part)
                else:
                    self._tree_.saved[f"{self._name}.{name}"] = part

    def _owner_(self, path: Sequence[str | int], operation: Operation) -> tuple[Component, Sequence[str | int]]:
        if not path or path[0] not in KINDS:
            return self, path
        name = path[1] if len(path) > 1 else None
        if self._kinds_.get(str(name)) != path[0]:
            raise UnfitDelta(operation, f"{self.name} has no such child")
        owner: tuple[Component, Sequence[str | int]] = self.__dict__[str(name)]._owner_(path[2:], operation)
        return owner

    # --- what `run` can do ------------------------------------------------------------------------------------------

    def stop(self, end_msg: str = "") -> NoReturn:
        """End the app, which has then succeeded; `end_msg` is printed."""
        _say(end_msg)
        raise AppExit(end_msg)

    def fail(self, end_msg: str = "") -> NoReturn:
        """End the app, which has then failed; `end_msg` is printed."""
        _say(end_msg)
        raise AppFail(end_msg)

    def schedule(
        self, cron_pattern: str, start_time: datetime.datetime | None = None, user_key: str | None = None
    ) -> bool:
        """Whether a moment of the pattern has come: True in the first turn that asks, and then once for each moment.

        `cron_pattern`: "*/5 * * * *", with seconds as a sixth field if wanted, or hourly, daily, midnight, weekly,
        monthly, yearly, annually; local time. `start_time`: moments are counted from then. `user_key`: tells apart
        schedules of one line of code. It is True for one whole turn; moments that were missed are not made up for.
        Errors: `UnfitSchedule` (a `ValueError`).
        """
        key = _key_of_line(cron_pattern) if user_key is None else _short(f"{cron_pattern}\0{user_key}")
        entries = self._calls.get(SCHEDULING, {})
        entry = entries.get(key)
        now = self._tree_.clock()
        turn = self._tree_.turn if self._tree_.running else None
        if entry is None:
            entry = new_entry(cron_pattern, start_time, now, self.name)
            self._calls[SCHEDULING] = {**entries, key: entry}
            self._touch_call_(SCHEDULING)
        elif turn is None or self._asked_.get(key) != turn:
            before = entry["running"]
            if is_on(entry, now) or before:
                self._touch_call_(SCHEDULING)
        self._asked_[key] = turn
        return bool(entry["running"])

    def experimental_iterate(self, iterable: Iterable[Any], run_once: bool = True, user_key: str = "") -> Iterator[Any]:
        """Go through `iterable` once over many turns: a turn that was cut short goes on with the same item.

        `run_once`: whether there is nothing left when all items are done; if not, it begins anew. `user_key`: tells
        apart loops of one line of code. Errors: `CallError` (a `TypeError`) for what is not iterable.
        """
        if not isinstance(iterable, Iterable):
            raise CallError(f"An iterable should be provided to `self.experimental_iterate`. Found {iterable!r}")
        key = _short(f"{ITERATING}\0{user_key}") if user_key else _key_of_line(ITERATING)
        return self._iterate_(iterable, run_once, key)

    def _iterate_(self, iterable: Iterable[Any], run_once: bool, key: str) -> Iterator[Any]:
        entries = self._calls.setdefault(ITERATING, {})
        entry = entries.setdefault(key, {"counter": 0, "has_finished": False})
        if entry["has_finished"]:
            if run_once:
                return
            entry.update(counter=0, has_finished=False)
        done = entry["counter"]
        for counter, item in enumerate(iterable):
            if counter < done:
                continue
            entry["counter"] = counter
            self._touch_call_(ITERATING)
            yield item
        entry["has_finished"] = True
        self._touch_call_(ITERATING)

    # --- copies of it -----------------------------------------------------------------------------------------------

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self.__dict__.update(_added_={}, _asked_={})
        self._place_children_()


def get_component_by_name(root: Flow, name: str) -> Any:
    """The flow, work or structure of that name, such as "root.child.work".

    Errors: `ComponentName` (a `ValueError`) for a name that does not begin with "root"; `ComponentNotFound` (an
    `AttributeError`).
    """
    first, *rest = name.split(".")
    if first != ROOT:
        raise ComponentName(name)
    found: Any = root
    for part in rest:
        if isinstance(found, Structure):
            child = found._members_().get(part)
        else:
            child = found.__dict__.get(part) if part in getattr(found, "_kinds_", ()) else None
        if child is None:
            raise ComponentNotFound(found.name, part)
        found = child
    return found


def attach(root: Flow, tree: Tree) -> None:
    """Make `root` and all below it the components of `tree`, under their full names."""
    root._place_(ROOT, (), tree, None)


def _entering(function: Callable[..., Any], counted: bool) -> Callable[..., Any]:
    """`function`, during which children may be added; if `counted`, the outermost one is a turn."""
    if getattr(function, "_manyhands_entering", False):
        return function

    @functools.wraps(function)
    def enter(self: Flow, *args: Any, **kwargs: Any) -> Any:
        tree = self._tree_
        if counted and not tree.running:
            tree.turn += 1
        tree.running += 1
        try:
            return function(self, *args, **kwargs)
        finally:
            tree.running -= 1

    enter._manyhands_entering = True  # type: ignore[attr-defined]
    return enter


def _kind_word(child: Any) -> str:
    if isinstance(child, Structure):
        return "structure"
    return "flow" if child._FLOW_ else "work"


def _key_of_line(what: str) -> str:
    """The key of a call by where it stands: the user's line that calls our caller."""
    frame = sys._getframe(2)
    return _short(f"{what}\0{frame.f_code.co_filename}\0{frame.f_lineno}")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _say(text: str) -> None:
    if text:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
