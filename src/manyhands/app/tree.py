"""What the components of one app share: who carries out calls, what time it is, and which of them have changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol

from manyhands.app.delta import Delta


class Changing(Protocol):
    """A component, as its tree sees it."""

    _way_: tuple[str, ...]

    def _collect_(self) -> Delta:
        """What has changed in it since the last time, paths beginning with `vars`, `calls` or the kind of a child."""
        ...

    def _altered_(self) -> bool:
        """Whether something in it has changed in place since the last time."""
        ...

    def _forget_changes_(self) -> None:
        """Its `changes` are those of a turn that is over."""
        ...


class Tree:
    """One for a root and all components below it.

    `backend`: see `calls.Calls`; None outside an app. `clock`: seconds of the epoch. `turn`: the number of the flow's
    current turn, counted by whoever runs the loop; schedules fire for a whole turn. `running`: above 0 while code of a
    flow's `run` is under way, when components may be added; a loop raises it for commands and routes, too.
    """

    __slots__ = ("_changed", "_dirty", "_mutable", "backend", "clock", "running", "saved", "turn")

    def __init__(self) -> None:
        self.backend: Any = None
        self.clock: Callable[[], float] = time.time
        self.turn = 0
        self.running = 0
        self.saved: dict[str, Any] = {}
        """States of components, by name, that were there when the app was saved and have not been made yet."""
        self._dirty: dict[int, Changing] = {}
        self._mutable: dict[int, Changing] = {}
        self._changed: list[Changing] = []

    def mark(self, component: Changing) -> None:
        """Something was assigned in it."""
        self._dirty[id(component)] = component

    def watch(self, component: Changing) -> None:
        """It has attributes that may change in place."""
        self._mutable[id(component)] = component

    def adopt(self, other: Tree) -> None:
        """Take over what another tree knew, whose components now belong to this one."""
        if other is not self:
            self._dirty.update(other._dirty)
            self._mutable.update(other._mutable)

    def collect(self, mutable: bool = True) -> list[tuple[Changing, Delta]]:
        """Everything that the flow's side has changed since the last time, by component; empty when nothing has.

        Costs as much as there are changes, and one look at each attribute that can change in place; without `mutable`
        that look is left for the next time, unless nothing else has changed.
        """
        if self._changed:
            for component in self._changed:
                component._forget_changes_()
            self._changed = []
        if mutable:
            self._look()
        found = self._take()
        if not found and not mutable:
            self._look()
            found = self._take()
        if len(found) > 1:  # a new child is told of before what has changed in it
            found.sort(key=lambda entry: len(entry[0]._way_))
        return found

    def _look(self) -> None:
        for component in self._mutable.values():
            if component._altered_():
                self._dirty[id(component)] = component

    def _take(self) -> list[tuple[Changing, Delta]]:
        dirty = self._dirty
        found: list[tuple[Changing, Delta]] = []
        while dirty:
            _, component = dirty.popitem()
            delta = component._collect_()
            if delta:
                found.append((component, delta))
                self._changed.append(component)
        return found
