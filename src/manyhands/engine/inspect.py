"""The read side: everything that doors and faces show of a store, without an engine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from manyhands.engine import render
from manyhands.engine.views import (
    AttemptView,
    EngineView,
    EventView,
    Log,
    ProgressView,
    RunView,
    StateView,
    TaskView,
    TreeNode,
)
from manyhands.model.errors import RunNotFound, TaskNotFound, UsageError
from manyhands.model.kinds import ACTOR, BESIDE
from manyhands.model.records import AttemptRecord, EngineRecord, RunRecord, StoreCounts, TaskRecord
from manyhands.model.states import RUN_MOVES, RUN_TERMINAL, TASK_TERMINAL, Reason, RunStatus, TaskStatus, sources
from manyhands.ports.store import Blobs, Cache, Engines, Reading

PAGE = 200
RECENT = 200
"""Events: the rate of a run is measured over its last so many."""

LOG_TAIL = 1 << 20
NOW_RUNNING = 8

ACTIVE = tuple(status for status in sources(RUN_MOVES, RunStatus.CANCELED) if status is not RunStatus.RESUMABLE)
"""Stored states in which a run may turn out to have lost its driver."""


WITH_ERROR = frozenset({Reason.CAUGHT, Reason.RETRY})
"""Reasons of tasks that have not failed, but whose last attempt has."""


NOTABLE = (TaskStatus.FAILED, TaskStatus.STOPPED, TaskStatus.RUNNING)
"""Statuses of tasks that are shown even where not all can be."""


class Liveness(Protocol):
    def dead(self, engines: Sequence[EngineRecord], now: float) -> list[str]:
        """Ids of those that are known to be dead."""
        ...


class Readable(Reading, Engines, Cache, Protocol):
    """What of a store the read side uses; of `Engines` and `Cache` only what reads."""

    url: str
    log_folder: str

    @property
    def blobs(self) -> Blobs: ...


class Inspect:
    """Answers questions about runs. Writes nothing and waits for nobody, but for `follow`, which waits for events.

    `store` is for the engine's own readers; doors and faces ask the methods. `now`: the time that all is told from.
    `pause`: waits the given seconds, or less when it knows that something was written.
    """

    def __init__(
        self,
        store: Readable,
        liveness: Liveness,
        *,
        now: Callable[[], float] = time.time,
        pause: Callable[[float], object] = time.sleep,
    ) -> None:
        self.store = store
        self.now = now
        self._liveness = liveness
        self._pause = pause

    @property
    def url(self) -> str:
        return self.store.url

    @property
    def log_folder(self) -> str:
        return self.store.log_folder

    def store_counts(self) -> StoreCounts:
        return self.store.counts()

    # --- runs and engines ----------------------------------------------------------------------------------------

    def runs(
        self,
        *,
        statuses: Sequence[RunStatus] = (),
        kind: str | None = None,
        prefix: str = "",
        limit: int | None = None,
        before: int | None = None,
        newest_first: bool = True,
        counts: bool = False,
        beside: bool = True,
    ) -> list[RunView]:
        """Runs of these effective statuses whose id begins with `prefix`. `before`: only those whose `key` is lower,
        which with `newest_first` is the next page. `beside`: also what came about beside these (`kinds.BESIDE`)."""
        wanted = frozenset(statuses)
        # A stored `running` may be `resumable` in effect; the store cannot tell, so it is asked for both.
        stored = tuple({*statuses, *ACTIVE}) if RunStatus.RESUMABLE in wanted else tuple(statuses)
        found: list[RunView] = []
        page = None if limit is None or not newest_first else max(limit, PAGE)
        while True:
            records = self.store.runs(
                statuses=stored, kind=kind, prefix=prefix, limit=page, before=before, newest_first=newest_first
            )
            dead = self._dead([record.engine for record in records if record.engine])
            for record in records:
                if limit is not None and len(found) >= limit:
                    return found
                status = self._effective(record, dead)
                if (not wanted or status in wanted) and (beside or record.kind not in BESIDE):
                    found.append(self._run_view(record, status, dead, counts=counts))
            if page is None or len(records) < page:
                return found
            before = records[-1].key

    def run(self, run_id: str) -> RunView:
        """The run with its counts and the names of its entry and of what it failed by; `RunNotFound`."""
        record = self.run_record(run_id)
        dead = self._dead([record.engine] if record.engine else [])
        view = self._run_view(record, self._effective(record, dead), dead, counts=True)
        view.entry = self._name(record.key, record.entry)
        failed = None if record.source is None else self._at(record.key, record.source)
        if failed is not None and not render.is_let_go(failed):
            view.source = failed.name
            attempts = self.store.attempts(record.key, record.source)
            if attempts:
                view.message = render.message(record.message, attempts[-1].end)
        return view

    def run_record(self, run_id: str) -> RunRecord:
        record = self.store.run(run_id)
        if record is None:
            raise RunNotFound(run_id)
        return record

    def status(self, run_id: str) -> RunStatus:
        """The effective status alone: cheaper than `run`."""
        return self._status(self.run_record(run_id))

    def engines(self) -> list[EngineView]:
        """Every engine that has not stopped in good order, newest first, with the runs it drives."""
        records = self.store.engines()
        dead = self._dead(records)
        driven: dict[str, list[str]] = {}
        for run in self.store.runs(statuses=(RunStatus.RUNNING,)):
            if run.engine is not None:
                driven.setdefault(run.engine.id, []).append(run.run_id)
        return [render.engine(record, record.id not in dead, driven.get(record.id, [])) for record in records]

    # --- tasks ---------------------------------------------------------------------------------------------------

    def tasks(
        self,
        run_id: str,
        *,
        statuses: Sequence[TaskStatus] = (),
        limit: int | None = None,
        after: int = -1,
    ) -> list[TaskView]:
        """Tasks in the order they were added, those above the ordinal `after`, of these effective statuses."""
        record = self.run_record(run_id)
        run = self._status(record)
        wanted = frozenset(statuses)
        # In a run that nobody drives a stored `running` is `pending` in effect.
        stored = tuple(statuses) if run is RunStatus.RUNNING else ()
        found: list[TaskView] = []
        names = render.Names(lambda ordinal: self._name(record.key, ordinal))
        page = None if limit is None else max(limit, PAGE)
        while True:
            tasks = self.store.tasks(record.key, statuses=stored, limit=page, after=after)
            names.learn(tasks)
            for task in tasks:
                if limit is not None and len(found) >= limit:
                    return found
                view = self._task_view(record.key, task, names, run)
                if not wanted or view.status in wanted:
                    found.append(view)
            if page is None or len(tasks) < page:
                return found
            after = tasks[-1].ordinal

    def task(self, run_id: str, name: str) -> TaskView:
        """One task by its name; `RunNotFound`, `TaskNotFound`."""
        record = self.run_record(run_id)
        task = self.task_record(record, name)
        names = render.Names(lambda ordinal: self._name(record.key, ordinal))
        if len(task.upstreams) > PAGE:
            names.learn(self.store.tasks(record.key))
        return self._task_view(record.key, task, names, self._status(record))

    def task_record(self, run: RunRecord, name: str) -> TaskRecord:
        task = self.store.task(run.key, name)
        if task is None:
            raise TaskNotFound(run.run_id, name)
        return task

    def tree(self, run_id: str, *, most: int | None = None) -> list[TreeNode]:
        """The tasks that the run was made from, each with those it returned, and so on; siblings in order.

        `most`: of a larger run only the first so many, and as many of those that failed or are running.
        """
        found = self.tasks(run_id, limit=most)
        if most is not None and len(found) == most:
            found += self.tasks(run_id, statuses=NOTABLE, limit=most, after=found[-1].ordinal)
        nodes: dict[str, TreeNode] = {}
        roots: list[TreeNode] = []
        for task in found:
            node = nodes[task.name] = TreeNode(task=task, children=[])
            above = nodes.get(task.parent) if task.parent is not None else None
            (roots if above is None else above.children).append(node)
        return roots

    def attempts(self, run_id: str, name: str | None = None) -> list[AttemptView]:
        """Ended attempts of one task, or of all, oldest first."""
        record = self.run_record(run_id)
        ordinal = None if name is None else self.task_record(record, name).ordinal
        names = render.Names(lambda number: self._name(record.key, number))
        return [render.attempt(found, names) for found in self.store.attempts(record.key, ordinal)]

    def states(self, run_id: str, *, limit: int | None = None) -> list[StateView]:
        """What an actor was after each of its calls, newest last; the last `limit` of them.

        Errors: `RunNotFound`; `UsageError` for a run that is no actor.
        """
        record = self.run_record(run_id)
        if record.kind != ACTOR:
            raise UsageError(f"Run '{run_id}' is of kind {record.kind}: only actors have states.")
        newest = self._version(record.key) or 0
        if limit is None or limit >= newest:
            found = self.store.states(record.key)
        else:
            wanted = range(newest - limit + 1, newest + 1)
            found = [state for version in wanted for state in self.store.states(record.key, version=version)]
        names = render.Names(lambda ordinal: self._name(record.key, ordinal))
        return [render.state(state, names, self.store.blobs.get) for state in found]

    def log(self, run_id: str, name: str, attempt: int | None = None, *, tail: int = LOG_TAIL) -> list[Log]:
        """What the task's attempts wrote, or one of them: the last `tail` bytes of each."""
        record = self.run_record(run_id)
        task = self.task_record(record, name)
        found = [a for a in self.store.attempts(record.key, task.ordinal) if attempt in (None, a.number)]
        if attempt is not None and not found:
            return [Log(task=name, attempt=attempt, text="", note=render.no_attempt(task, attempt))]
        return [self._log(name, one, tail) for one in found]

    # --- what is going on ----------------------------------------------------------------------------------------

    def events(
        self, run_id: str | None = None, name: str | None = None, *, after: int = 0, limit: int | None = None
    ) -> list[EventView]:
        """Events in order, of a run, of one of its tasks, or of all runs; those whose id is above `after`."""
        key, ordinal = self._scope(run_id, name)
        return [render.event(e) for e in self.store.events(key=key, ordinal=ordinal, after=after, limit=limit)]

    def last_events(self, count: int, run_id: str | None = None, name: str | None = None) -> list[EventView]:
        """The newest `count` events, in order."""
        if name is not None:
            return self.events(run_id, name)[-count:] if count else []
        last = self.last_event(run_id)
        back = max(count, 1)
        while True:
            found = self.events(run_id, after=max(last - back, 0))
            if len(found) >= count or back >= last:
                return found[-count:] if count else []
            back *= 4

    def last_event(self, run_id: str | None = None) -> int:
        """The id of the newest event, 0 when there is none. Found by halving, as ids only rise."""
        key, _ = self._scope(run_id, None)

        def some_after(number: int) -> bool:
            return bool(self.store.events(key=key, after=number, limit=1))

        low, high = 0, 1
        while some_after(high):
            low, high = high, high * 2
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if some_after(middle) else (low, middle)
        return low

    def follow(self, run_id: str | None = None, *, after: int, interval: float = 0.1) -> Iterator[list[EventView]]:
        """Events above `after` as they come, in batches. Ends with the run when one is named, else never.

        `interval`: seconds between two looks at the store's change counter, which costs next to nothing.
        """
        seen = None
        while True:
            changed = self.store.changed()
            if changed != seen:
                seen = changed
                over = run_id is not None and self.status(run_id) in RUN_TERMINAL
                while batch := self.events(run_id, after=after, limit=PAGE):
                    after = batch[-1].id
                    yield batch
                if over:
                    return
            self._pause(interval)

    def progress(self, run_id: str) -> ProgressView:
        """How far the run is, and how fast of late."""
        record = self.run_record(run_id)
        status = self._status(record)
        counts = self._counts(record, status)
        now = self.now()
        names = []
        if counts.get(TaskStatus.RUNNING):
            found = self.store.tasks(record.key, statuses=(TaskStatus.RUNNING,), limit=PAGE)
            names = [task.name for task in found if task.forward_to is None][:NOW_RUNNING]
        rate = self._rate(record.run_id, now) if status is RunStatus.RUNNING else None
        return render.progress(record, status, counts, rate, names, now)

    # --- within --------------------------------------------------------------------------------------------------

    def _dead(self, engines: Sequence[EngineRecord]) -> frozenset[str]:
        """Ids of engines that drive nothing any more: known dead, expired, or stopped."""
        now = self.now()
        distinct = list({engine.id: engine for engine in engines}.values())
        gone = {engine.id for engine in distinct if engine.stopped_at is not None or engine.expires_at <= now}
        rest = [engine for engine in distinct if engine.id not in gone]
        return frozenset(gone.union(self._liveness.dead(rest, now) if rest else ()))

    def _effective(self, record: RunRecord, dead: frozenset[str]) -> RunStatus:
        """A running run without a living driver can be taken up, and so can a pending one that had a driver."""
        lost = record.engine.id in dead if record.engine else record.status is RunStatus.RUNNING
        return RunStatus.RESUMABLE if lost and record.status in ACTIVE else record.status

    def _status(self, record: RunRecord) -> RunStatus:
        return self._effective(record, self._dead([record.engine] if record.engine else []))

    def _run_view(self, record: RunRecord, status: RunStatus, dead: frozenset[str], *, counts: bool) -> RunView:
        view = render.run(record, status, self.now())
        if record.engine is not None and record.status not in RUN_TERMINAL:
            view.driver = render.engine(record.engine, record.engine.id not in dead, [record.run_id])
        if counts:
            view.counts = self._counts(record, status)
            view.version = self._version(record.key) if record.kind == ACTOR else None
        return view

    def _counts(self, record: RunRecord, status: RunStatus) -> dict[TaskStatus, int]:
        left = record.source is not None and status is RunStatus.RESUMABLE
        source = self._at(record.key, record.source) if left else None
        let_go = int(source is not None and render.is_let_go(source))
        return render.counts(self.store.count_tasks(record.key), status, let_go)

    def _version(self, key: int) -> int | None:
        latest = self.store.states(key, latest=True)
        return latest[0].version if latest else None

    def _task_view(self, key: int, task: TaskRecord, names: render.Names, run: RunStatus) -> TaskView:
        view = render.task(task, names, run, self.now())
        if view.attempt and (view.status in render.FAILURES or view.reason in WITH_ERROR):
            attempts = self.store.attempts(key, task.ordinal)
            if attempts:
                render.add_end(view, attempts[-1].end)
        return view

    def _name(self, key: int, ordinal: int | None) -> str | None:
        found = self._at(key, ordinal)
        return None if found is None else found.name

    def _at(self, key: int, ordinal: int | None) -> TaskRecord | None:
        found = [] if ordinal is None else self.store.tasks(key, limit=1, after=ordinal - 1)
        return found[0] if found and found[0].ordinal == ordinal else None

    def _scope(self, run_id: str | None, name: str | None) -> tuple[int | None, int | None]:
        if run_id is None:
            return None, None
        record = self.run_record(run_id)
        return record.key, None if name is None else self.task_record(record, name).ordinal

    def _log(self, name: str, attempt: AttemptRecord, tail: int) -> Log:
        log = Log(task=name, attempt=attempt.number, text="")
        where = attempt.end.log
        if where is None or where.end <= where.start:
            log.note = "it wrote nothing"
            return log
        # The name comes from the store; a path in it would lead out of the log folder.
        path = os.path.join(self.store.log_folder, os.path.basename(where.file))
        start = max(where.start, where.end - tail)
        try:
            with open(path, "rb") as file:
                file.seek(start)
                data = file.read(where.end - start)
        except OSError as error:
            log.note = f"its output is gone: {path}: {error.strerror}"
            return log
        log.skipped = start - where.start
        log.text = data.decode("utf-8", errors="replace")
        return log

    def _rate(self, run_id: str, now: float) -> float | None:
        """Tasks that ended per second of late; a session's beginning is not looked beyond."""
        ends = []
        for event in reversed(self.last_events(RECENT, run_id)):
            if event.task is None:
                break
            if event.state in TASK_TERMINAL:
                ends.append(event.at)
        return (len(ends) - 1) / (now - ends[-1]) if len(ends) > 1 and now > ends[-1] else None
