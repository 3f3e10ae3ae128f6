"""How many tasks may run at once: in the whole run, and in each of its groups."""

from __future__ import annotations

from collections.abc import Mapping

UNLIMITED = 1 << 62
"""The bound of what has none: more than there can ever be tasks."""


class Limit:
    """One bound, and how many running tasks count towards it."""

    __slots__ = ("bound", "taken")

    def __init__(self, bound: int | None = None) -> None:
        self.bound = UNLIMITED if bound is None else bound
        self.taken = 0

    @property
    def full(self) -> bool:
        """Also true of a bound that was lowered below what runs already: that goes on, but nothing joins it."""
        return self.taken >= self.bound


class Limits:
    """The limit of the run and those of its groups; a group without one is counted all the same, as one may come."""

    __slots__ = ("groups", "run")

    def __init__(self, run: int | None, groups: Mapping[str, int]) -> None:
        self.run = Limit(run)
        self.groups = {name: Limit(bound) for name, bound in groups.items()} if groups else {}

    def of(self, group: str | None) -> Limit | None:
        """The limit that tasks of this group share; None for tasks of no group."""
        if group is None:
            return None
        limit = self.groups.get(group)
        if limit is None:
            limit = self.groups[group] = Limit()
        return limit

    def change(self, group: str | None, bound: int | None) -> None:
        """Give the group (None: the whole run) another bound; None takes it away."""
        limit = self.run if group is None else self.of(group)
        if limit is not None:
            limit.bound = UNLIMITED if bound is None else bound
