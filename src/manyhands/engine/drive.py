"""One run as it is driven here: its machine, what its tasks need to run, and what waits to be committed."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import msgspec

from manyhands.machine.naming import Names
from manyhands.machine.run import RunMachine
from manyhands.model.outcomes import Forward
from manyhands.model.records import Changes, NewRun, NewTask, RunMove, RunRecord, TaskRecord
from manyhands.model.specs import TaskSpec
from manyhands.model.states import TASK_TERMINAL
from manyhands.model.values import Encoded


class Job(msgspec.Struct):
    """What it takes to run one task: its specification, its unique name, and its upstreams as ordinals.

    `readers`: how many tasks have yet to read its result; it is kept in memory for them, up to the end of the run.
    """

    name: str
    spec: TaskSpec
    upstreams: list[int]
    checkpoint: bool
    readers: int = 0


class Drive:
    """A run under this process' lease. Only the thread that drives touches it, but for `wait`."""

    def __init__(self, run_id: str, entry: int, *, key: int | None = None, epoch: int = 1) -> None:
        self.run_id = run_id
        self.key = key
        self.epoch = epoch
        self.entry = entry
        self.machine = RunMachine(entry=entry)
        self.names = Names()
        self.jobs: list[Job] = []
        self.results: dict[int, Encoded] = {}
        self.cache_keys: dict[int, tuple[bytes, float | None]] = {}
        """Of tasks that are being computed for the cache: the key, and when the result expires there."""
        self.changes = Changes(key, epoch)
        self.dirty = False
        self.end: RunMove | None = None
        self.error: BaseException | None = None
        self.done = False
        self._waiting: threading.Event | None = None
        self._lock = threading.Lock()

    # --- made ------------------------------------------------------------------------------------------------------

    @classmethod
    def begin(cls, new_run: NewRun, specs: Sequence[TaskSpec], now: float) -> Drive:
        """A new run, not yet committed. Errors: `CycleError`."""
        drive = cls(new_run.run_id, new_run.entry)
        drive.changes.new_run = new_run
        drive.extend(specs, None, now)
        return drive

    @classmethod
    def adopt(cls, record: RunRecord, tasks: Sequence[TaskRecord], jobs: list[Job]) -> Drive:
        """A run whose session was opened, with its tasks as the store has them."""
        drive = cls(record.run_id, record.entry, key=record.key, epoch=record.epoch)
        drive.names = Names.from_existing(task.name for task in tasks)
        drive.jobs = jobs
        for task in tasks:
            if task.status not in TASK_TERMINAL:
                drive.read_by(task.upstreams)
        drive.machine.restore(tasks)
        return drive

    def extend(self, specs: Sequence[TaskSpec], parent: int | None, now: float) -> int:
        """Add tasks; returns the ordinal of the first. Errors: `CycleError`, with nothing added."""
        first = len(self.jobs)
        inherited = True if parent is None else self.jobs[parent].checkpoint
        fresh = []
        for offset, spec in enumerate(specs):
            upstreams = [first + index for index in spec.upstreams] if first else spec.upstreams
            fresh.append(NewTask(first + offset, "", spec, upstreams, parent, now))
        self.machine.add(fresh)
        give = self.names.give
        jobs = self.jobs
        for task in fresh:
            spec = task.spec
            task.name = give(spec.base)
            checkpoint = spec.options.checkpoint
            jobs.append(Job(task.name, spec, task.upstreams, inherited if checkpoint is None else checkpoint))
        for task in fresh:
            self.read_by(task.upstreams)
        self.changes.tasks.extend(fresh)
        self.dirty = True
        return first

    def forward(self, parent: int, outcome: Forward, now: float) -> int:
        """Add what a task returned; returns the ordinal of the task that goes on in its place."""
        return self.extend(outcome.specs, parent, now) + outcome.output

    # --- results ---------------------------------------------------------------------------------------------------

    def read_by(self, upstreams: Sequence[int]) -> None:
        """One more task is to read these results."""
        for upstream in upstreams:
            self.jobs[upstream].readers += 1

    def keep(self, ordinal: int, value: Encoded) -> None:
        """A task succeeded with this value; keep it while somebody is to read it."""
        if ordinal == self.entry or self.jobs[ordinal].readers:
            self.results[ordinal] = value

    def has_read(self, ordinal: int) -> None:
        """The task will not read its upstreams any more; let go of results that nobody is left to read."""
        jobs = self.jobs
        for upstream in jobs[ordinal].upstreams:
            job = jobs[upstream]
            job.readers -= 1
            if not job.readers and upstream != self.entry:
                self.results.pop(upstream, None)

    def take_changes(self) -> Changes:
        """What is to be committed; the drive starts a new sheet."""
        changes = self.changes
        self.changes = Changes(self.key, self.epoch)
        self.dirty = False
        return changes

    # --- waited for ------------------------------------------------------------------------------------------------

    def finish(self, error: BaseException | None = None) -> None:
        """Nothing more will come of this drive; wakes all who wait for it."""
        with self._lock:
            self.error = error
            self.done = True
            waiting = self._waiting
        if waiting is not None:
            waiting.set()

    def wait(self, seconds: float | None) -> bool:
        """Wait, in a thread that does not drive, until the drive is over; False when it is not by then."""
        with self._lock:
            if self.done:
                return True
            if self._waiting is None:
                self._waiting = threading.Event()
        return self._waiting.wait(seconds)
