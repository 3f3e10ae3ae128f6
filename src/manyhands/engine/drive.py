"""One run as it is driven here: its machine, what its tasks need to run, and what waits to be committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from manyhands.engine.gatherings import Gatherings
from manyhands.engine.tickets import Ticket, Tickets
from manyhands.machine.naming import Names, StoredNames
from manyhands.machine.run import RunMachine
from manyhands.model.errors import UsageError
from manyhands.model.kinds import ACTOR, CALLED
from manyhands.model.outcomes import Forward
from manyhands.model.records import (
    Changes,
    NewRun,
    NewState,
    NewTask,
    Opening,
    RunMove,
    RunRecord,
    TaskMove,
    TaskRecord,
)
from manyhands.model.specs import ACTOR_CALLS, ACTOR_METHOD, PRESENCE, WAIT, TaskSpec, Waiting
from manyhands.model.states import TASK_TERMINAL, TaskStatus
from manyhands.model.values import Encoded

ONE_BY_ONE = {ACTOR_METHOD: 1}
"""Limits of groups: the calls of an actor run one at a time, also those that a call of it has returned."""


class Job(msgspec.Struct):
    """What it takes to run one task: its specification, its unique name, and the upstreams that it reads.

    `readers`: how many tasks have yet to read its result; it is kept in memory for them, up to the end of the run.
    `due_at`: for one that waits in the driver, the time that was fixed when it first began. `waiting`: what for.
    """

    name: str
    spec: TaskSpec
    upstreams: list[int]
    checkpoint: bool
    readers: int = 0
    due_at: float | None = None
    waiting: Waiting | None = None


class Kept(NamedTuple):
    """A signal that nobody has taken yet: the number of its message, and when it came."""

    id: int
    at: float


class Drive:
    """A run under this process' lease. Only the thread that drives touches it; any may see whether it is `done`.

    Tasks have numbers of their own here, which begin at 0 after the first `base` tasks of the run: those are over and
    were not loaded. `ordinal` gives the number that the store knows.
    """

    def __init__(
        self, run_id: str, kind: str, entry: int, *, key: int | None = None, epoch: int = 1, base: int = 0
    ) -> None:
        self.run_id = run_id
        self.kind = kind
        self.key = key
        self.epoch = epoch
        self.entry = entry
        self.base = base
        self.machine = RunMachine(entry=entry, group_limits=ONE_BY_ONE if kind == ACTOR else {})
        self.names = Names()
        self.jobs: list[Job] = []
        self.before: Mapping[TaskStatus, int] = {}
        """How its tasks stood when this session began."""
        self.results: dict[int, Encoded] = {}
        self.cache_keys: dict[int, tuple[bytes, float | None]] = {}
        """Of tasks that are being computed for the cache: the key, and when the result expires there."""
        self.tickets = Tickets()
        self.state: Encoded | None = None
        self.version = 0
        self.code = ""
        """The actor's latest state, its number, and the content hash of the class that it is of."""
        self.gatherings = Gatherings()
        """Tasks that wait for others to end; `stirred` when some other has."""
        self.stirred = False
        self.changes = Changes(key, epoch, called=kind in CALLED)
        self.last_message = 0
        """The number of the last message that was read; of those, signals that nobody has taken yet, by key."""
        self.signals: dict[str, deque[Kept]] = {}
        self.dirty = False
        self.closing = False
        """A failure has closed it, and what only waited has been stopped."""
        self.end: RunMove | None = None
        self.answered = False
        """The run's result is committed, though something in it may still go on."""
        self.error: BaseException | None = None
        self.done = False
        self._last_call = base + entry

    # --- made ------------------------------------------------------------------------------------------------------

    @classmethod
    def begin(cls, new_run: NewRun, specs: Sequence[TaskSpec], now: float) -> Drive:
        """A new run, not yet committed. Errors: `CycleError`."""
        drive = cls(new_run.run_id, new_run.kind, new_run.entry)
        drive.changes.new_run = new_run
        drive.extend(specs, None, now)
        return drive

    @classmethod
    def adopt(cls, record: RunRecord, tasks: Sequence[TaskRecord], jobs: list[Job]) -> Drive:
        """A run whose session was opened, with its tasks as the store has them."""
        drive = cls(record.run_id, record.kind, record.entry, key=record.key, epoch=record.epoch)
        drive.names = Names.from_existing(task.name for task in tasks)
        drive.jobs = jobs
        for task, job in zip(tasks, jobs, strict=True):
            if task.status not in TASK_TERMINAL:
                drive.read_by(job.upstreams)
        drive.machine.restore(tasks)
        drive.before = drive.machine.counts()
        return drive

    @classmethod
    def at_rest(cls, record: RunRecord, count: int, taken: Callable[[str], bool]) -> Drive:
        """A run whose tasks so far, `count` of them, are all over, and that was opened to be called again."""
        drive = cls(record.run_id, record.kind, 0, key=record.key, epoch=record.epoch, base=count)
        drive.names = StoredNames(taken)
        drive._last_call = record.entry
        return drive

    def again(self, record: RunRecord, engine: str, now: float) -> Drive:
        """The same run in its next session, which its first commit opens. `record`: as it is after this one's end."""
        epoch = record.epoch + 1
        drive = Drive(self.run_id, self.kind, 0, key=self.key, epoch=epoch, base=self.base + len(self.jobs))
        drive.changes.opening = Opening(self.run_id, engine, now)
        drive.names = self.names
        drive.state, drive.version, drive.code = self.state, self.version, self.code
        drive._last_call = record.entry
        return drive

    def extend(self, specs: Sequence[TaskSpec], parent: int | None, now: float) -> int:
        """Add tasks; returns the number of the first. Errors: `CycleError`, with nothing added."""
        first = len(self.jobs)
        inherited = True if parent is None else self.jobs[parent].checkpoint
        fresh = []
        reads = []
        for offset, spec in enumerate(specs):
            upstreams = self._placed(spec.upstreams, first) if spec.upstreams else []
            read = upstreams
            if spec.kind in ACTOR_CALLS and parent is None:
                read = upstreams[:-1]
                upstreams = [upstream for upstream in upstreams if upstream >= 0]
            reads.append(read)
            # What is waited for one by one is no upstream: the task begins before it is done.
            waited_for = spec.kind == WAIT
            fresh.append(NewTask(first + offset, "", spec, [] if waited_for else upstreams, parent, now))
        self.machine.add(fresh)
        give = self.names.give
        jobs = self.jobs
        for task, read in zip(fresh, reads, strict=True):
            spec = task.spec
            task.name = give(spec.base)
            checkpoint = spec.options.checkpoint
            jobs.append(Job(task.name, spec, read, inherited if checkpoint is None else checkpoint))
        for read in reads:
            self.read_by(read)
        self.changes.tasks.extend(self._stored(fresh, specs, first))
        self.dirty = True
        return first

    def _placed(self, upstreams: list[int], first: int) -> list[int]:
        """Indices among new tasks, and ordinals of old ones, as numbers of this drive; below 0 for those not loaded."""
        base = self.base
        if not first and min(upstreams) >= 0:
            return upstreams
        return [first + index if index >= 0 else ~index - base for index in upstreams]

    def _stored(self, fresh: list[NewTask], specs: Sequence[TaskSpec], first: int) -> list[NewTask]:
        """The tasks as the store is to know them."""
        base = self.base
        if not base and not any(spec.kind == WAIT for spec in specs):
            return fresh
        return [
            NewTask(
                base + task.ordinal,
                task.name,
                task.spec,
                [base + upstream for upstream in self._placed(task.spec.upstreams, first)]
                if task.spec.upstreams
                else [],
                None if task.parent is None else base + task.parent,
                task.created_at,
            )
            for task in fresh
        ]

    def forward(self, parent: int, outcome: Forward, now: float) -> int:
        """Add what a task returned; returns the task that goes on in its place."""
        for spec in outcome.specs:
            if any(index < 0 and not 0 <= ~index - self.base < len(self.jobs) for index in spec.upstreams):
                raise UsageError(f"{spec.label} refers to a step that run '{self.run_id}' does not have.")
        return self.extend(outcome.specs, parent, now) + outcome.output

    def call(self, specs: Sequence[TaskSpec], now: float, ticket: Ticket | None = None) -> int:
        """Add a call of the run; returns its ordinal. A call of an actor comes after all before it, and stands for the
        run from now on; so does what keeps a run open."""
        if self.kind == ACTOR:
            root = specs[0]
            root.upstreams = [*root.upstreams, ~self._last_call]
        task = self.extend(specs, None, now)
        ordinal = self.ordinal(task)
        if self.kind == ACTOR or specs[0].kind == PRESENCE:
            self.entry = self.machine.entry = task
            self.changes.entry = self._last_call = ordinal
        if ticket is not None:
            ticket.ordinal = ordinal
            self.tickets.add(task, ticket)
        return ordinal

    def ordinal(self, task: int) -> int:
        """The number of a task in the store."""
        return self.base + task

    # --- results ---------------------------------------------------------------------------------------------------

    def read_by(self, upstreams: Sequence[int]) -> None:
        """One more task is to read these results."""
        for upstream in upstreams:
            self.jobs[upstream].readers += 1

    def keep(self, task: int, value: Encoded) -> None:
        """A task succeeded with this value; keep it while somebody is to read it."""
        if task == self.entry or self.jobs[task].readers:
            self.results[task] = value

    def has_read(self, task: int) -> None:
        """The task will not read its upstreams any more; let go of results that nobody is left to read."""
        jobs = self.jobs
        for upstream in jobs[task].upstreams:
            job = jobs[upstream]
            job.readers -= 1
            if not job.readers and upstream != self.entry:
                self.results.pop(upstream, None)

    def now_is(self, task: int, state: Encoded, now: float) -> None:
        """The actor is this after the task."""
        self.state = state
        self.version += 1
        self.code = self.code_of(task)
        self.changes.states.append(NewState(self.version, self.ordinal(task), self.code, now, state))

    def code_of(self, task: int) -> str:
        """What the task runs. A class that an actor was given after it was called counts for that call too."""
        spec = self.jobs[task].spec
        return self.code if spec.kind == ACTOR_METHOD and self.code else spec.code

    # --- committed -------------------------------------------------------------------------------------------------

    def take_changes(self) -> Changes:
        """What is to be committed, in the store's numbers; the drive starts a new sheet."""
        changes = self.changes
        self.changes = Changes(self.key, self.epoch, called=changes.called)
        self.dirty = False
        if self.base:
            changes.moves = [self._shifted(move) for move in changes.moves]
            if changes.move is not None and changes.move.source is not None:
                changes.move = msgspec.structs.replace(changes.move, source=self.ordinal(changes.move.source))
        return changes

    def _shifted(self, move: TaskMove) -> TaskMove:
        source = None if move.source is None else self.ordinal(move.source)
        return msgspec.structs.replace(move, task=self.ordinal(move.task), source=source)

    def committed(self) -> None:
        """All changes so far are in the store."""
        self.tickets.committed()
        if not self.answered and self.entry in self.results and self.kind not in CALLED:
            self.answered = True

    def finish(self, error: BaseException | None = None) -> None:
        """Nothing more will come of this drive; whoever waits for a call of it is told."""
        self.error = error
        self.done = True
        self.tickets.leave(error)
