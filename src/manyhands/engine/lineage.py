"""Who needs whom among the tasks of a run, read from the store as far as a question goes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from manyhands.engine.inspect import Readable
from manyhands.engine.render import FAILURES, SUCCESSES
from manyhands.model.kinds import ACTOR, APP
from manyhands.model.records import RunRecord, TaskRecord
from manyhands.model.specs import ACTOR_CALLS, PRESENCE, WAIT, WAITING
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

_Call = tuple[Sequence[Any], dict[str, Any]]
"""Arguments by position, and by name."""

WORKLESS = WAITING | {PRESENCE}
"""Kinds of tasks that occupy no worker while they run."""


class Lineage:
    """The neighbourhood of tasks of one run."""

    def __init__(self, store: Readable, run: RunRecord) -> None:
        self._store = store
        self._run = run
        self._known: dict[int, TaskRecord | None] = {}

    def is_kept(self) -> bool:
        """Whether the run goes on from where it was when it is taken up: of an app without a name nothing is kept."""
        return self._run.kind != APP or bool(self._store.states(self._run.key, latest=True))

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
        """What it needs before it can begin and that is not there yet: inputs, and of an actor the call before."""
        if task.kind == WAIT:
            return []
        return [upstream for upstream in self.upstreams(task) if upstream.status not in SUCCESSES]

    def call_before(self, task: TaskRecord) -> TaskRecord | None:
        """The call of an actor that came before this one, which has to be over first."""
        number = _call_before(task)
        return None if number is None else self.at(number)

    def asked_for(self, task: TaskRecord) -> TaskRecord:
        """The task that the run was made with, or called with, and that led to this one."""
        above = task
        while above.parent is not None:
            found = self.at(above.parent)
            if found is None:
                break
            above = found
        return above

    def working(self) -> list[TaskRecord]:
        """The tasks of the run that occupy a worker now."""
        running = self._store.tasks(self._run.key, statuses=(TaskStatus.RUNNING,), limit=FAR)
        return [task for task in running if task.forward_to is None and task.kind not in WORKLESS]

    def waiting(self) -> list[TaskRecord]:
        """The tasks of the run that have begun to wait in the driver."""
        running = self._store.tasks(self._run.key, statuses=(TaskStatus.RUNNING,), limit=FAR)
        return [task for task in running if task.kind in WAITING]

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
        # What a call of an actor leads to is near it, however many calls there were before.
        after = max(-1, task.ordinal - FEW) if self._run.kind == ACTOR else -1
        tasks = self._store.tasks(self._run.key, limit=FAR, after=after)
        needing = [other for other in tasks if task.ordinal in other.upstreams]
        return [other for other in needing if _call_before(other) != task.ordinal][:MOST]

    def arguments(self, task: TaskRecord) -> dict[str, Any] | None:
        """Its inputs by name or position; None when only the user's own classes could tell."""
        inputs = self._inputs(self._run.key, task.ordinal)
        call = None if inputs is None else self._call(inputs, task)
        return None if call is None else _numbered(*call)

    def changed_inputs(self, origin: str, task: TaskRecord) -> list[str]:
        """How its inputs differ from those of the same task of another run, a line for each; empty when they are the
        same, or when the other run is gone."""
        before_run = self._store.run(origin)
        if before_run is None:
            return []
        before, now = self._inputs(before_run.key, task.ordinal), self._inputs(self._run.key, task.ordinal)
        if before is None or now is None or before == now:
            return []
        called, calls = self._call(before, task), self._call(now, task)
        if called is None or calls is None:
            return ["its saved inputs differ"]
        old, new = _as_in(called, calls), _numbered(*calls)
        return [
            f"{name}: {_shown(old, name)} became {_shown(new, name)}"
            for name in {**old, **new}
            if old.get(name, _Missing) != new.get(name, _Missing)
        ]

    def _call(self, inputs: Encoded, task: TaskRecord) -> _Call | None:
        """What it is called with; None when only the user's own classes could tell."""
        if inputs.codec != PLAIN:
            return None

        def result(_code: int, index: memoryview) -> _Result:
            position = int.from_bytes(index, "big", signed=True)
            return _Result(self.name(task.upstreams[position if position >= 0 else ~position]))

        data = self._store.blobs.get(inputs.blob) if inputs.blob is not None else inputs.data
        try:
            args, kwargs = msgspec.msgpack.Decoder(ext_hook=result).decode(data)
        except (msgspec.DecodeError, ValueError, TypeError):
            return None
        return args, kwargs

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


def _call_before(task: TaskRecord) -> int | None:
    return task.upstreams[-1] if task.kind in ACTOR_CALLS and task.parent is None and task.upstreams else None


class _Missing:
    """Stands for an argument that is not given."""


class _Result(NamedTuple):
    """Stands for an argument that is the result of another task."""

    task: str

    def __repr__(self) -> str:
        return f"the result of '{self.task}'"


def _numbered(args: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**{f"argument {number}": value for number, value in enumerate(args, 1)}, **kwargs}


def _as_in(called: _Call, other: _Call) -> dict[str, Any]:
    """The arguments of a call under the names that another call of the same function gives them. One that gives all by
    name gives them in the order of the parameters."""
    (args, kwargs), (positional, named) = called, other
    names = list(named)[: len(args)]
    if positional or len(names) < len(args) or not kwargs.keys().isdisjoint(names):
        return _numbered(args, kwargs)
    return {**dict(zip(names, args, strict=True)), **kwargs}


def _shown(arguments: dict[str, Any], name: str) -> str:
    if name not in arguments:
        return "not given"
    text = repr(arguments[name])
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
