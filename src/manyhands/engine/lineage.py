"""Who needs whom among the tasks of a run, read from the store as far as a question goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from manyhands.engine.inspect import Readable
from manyhands.engine.render import FAILURES, SUCCESSES
from manyhands.model.records import RunRecord, TaskRecord
from manyhands.model.states import TaskStatus
from manyhands.model.values import Encoded

FAR = 5_000
"""Tasks: a search goes no further, so that a question about a very large run is still answered at once."""

FEW = 500
"""Tasks: more than so many are not looked up one by one."""

MOST = 20
PLAIN = "msgpack"
"""The codec that can be read without running anybody's code."""

WIDTH = 60


class Lineage:
    """The neighbourhood of tasks of one run."""

    def __init__(self, store: Readable, run: RunRecord) -> None:
        self._store = store
        self._run = run
        self._known: dict[int, TaskRecord | None] = {}

    def at(self, ordinal: int | None) -> TaskRecord | None:
        if ordinal is None:
            return None
        if ordinal not in self._known:
            found = self._store.tasks(self._run.key, limit=1, after=ordinal - 1)
            self._known[ordinal] = found[0] if found and found[0].ordinal == ordinal else None
        return self._known[ordinal]

    def name(self, ordinal: int) -> str:
        task = self.at(ordinal)
        return task.name if task else f"#{ordinal}"

    def upstreams(self, task: TaskRecord) -> list[TaskRecord]:
        if len(task.upstreams) > FEW:
            self._known.update((one.ordinal, one) for one in self._store.tasks(self._run.key))
        return [found for ordinal in task.upstreams if (found := self.at(ordinal)) is not None]

    def unmet(self, task: TaskRecord) -> list[TaskRecord]:
        """The inputs that are not there yet."""
        return [upstream for upstream in self.upstreams(task) if upstream.status not in SUCCESSES]

    def origins(self, task: TaskRecord) -> Iterator[TaskRecord]:
        """The failures because of which the task cannot run, where they began."""
        found: dict[int, TaskRecord] = {}
        for one in self._search(task, lambda t: t.status not in FAILURES):
            if one.status in FAILURES:
                origin = self.at(one.source) or one
                found[origin.ordinal] = origin
        yield from list(found.values())[:MOST]

    def moving(self, task: TaskRecord) -> list[TaskRecord]:
        """What runs now, or could, of all that the task waits for."""
        reached = self._search(task, lambda t: t.status not in FAILURES)
        return [t for t in reached if t.status is TaskStatus.RUNNING and t.forward_to is None][:MOST]

    def forwards(self, task: TaskRecord) -> list[TaskRecord]:
        """The tasks that went on in its place, one after the other."""
        found: list[TaskRecord] = []
        after = self.at(task.forward_to)
        while after is not None and len(found) < MOST:
            found.append(after)
            after = self.at(after.forward_to)
        return found

    def needing(self, task: TaskRecord) -> list[TaskRecord]:
        """Tasks whose input its result is."""
        tasks = self._store.tasks(self._run.key, limit=FAR)
        return [other for other in tasks if task.ordinal in other.upstreams][:MOST]

    def changed_inputs(self, origin: str, task: TaskRecord) -> list[str]:
        """How its inputs differ from those of the same task of another run, a line for each; empty when they are the
        same, or when the other run is gone."""
        before_run = self._store.run(origin)
        if before_run is None:
            return []
        before, now = self._inputs(before_run.key, task.ordinal), self._inputs(self._run.key, task.ordinal)
        if before is None or now is None or before == now:
            return []
        old, new = _arguments(before, self._store), _arguments(now, self._store)
        if old is None or new is None:
            return ["its saved inputs differ"]
        return [
            f"{name}: {_shown(old, name)} became {_shown(new, name)}"
            for name in {**old, **new}
            if old.get(name, _Missing) != new.get(name, _Missing)
        ]

    def _inputs(self, key: int, ordinal: int) -> Encoded | None:
        for call in self._store.calls(key):
            if call.ordinal >= ordinal:
                return call.inputs if call.ordinal == ordinal else None
        return None

    def _search(self, task: TaskRecord, further: Callable[[TaskRecord], bool]) -> Iterator[TaskRecord]:
        """What the task waits for, near before far; past a task only when `further` says so."""
        seen = {task.ordinal}
        waiting = list(task.upstreams)
        position = 0
        while position < len(waiting) and len(seen) < FAR:
            ordinal = waiting[position]
            position += 1
            if ordinal in seen:
                continue
            seen.add(ordinal)
            found = self.at(ordinal)
            if found is None or found.status in SUCCESSES:
                continue
            yield found
            if further(found):
                waiting.extend(found.upstreams)
                if found.forward_to is not None:
                    waiting.append(found.forward_to)


class _Missing:
    """Stands for an argument that is not given."""


def _arguments(inputs: Encoded, store: Readable) -> dict[str, Any] | None:
    """The inputs by name or position; None when only the user's own classes could tell."""
    if inputs.codec != PLAIN:
        return None
    data = store.blobs.get(inputs.blob) if inputs.blob is not None else inputs.data
    try:
        args, kwargs = msgspec.msgpack.decode(data)
    except (msgspec.DecodeError, ValueError, TypeError):
        return None
    return {**{f"argument {number}": value for number, value in enumerate(args, 1)}, **kwargs}


def _shown(arguments: dict[str, Any], name: str) -> str:
    if name not in arguments:
        return "not given"
    text = repr(arguments[name])
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
