"""The rules of one run: what each event means for its tasks, given as changes of state that are to be committed."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from manyhands.machine.graph import Graph, ReadySet
from manyhands.machine.limits import Limits
from manyhands.machine.profiles import Profiles
from manyhands.model.errors import IllegalMove, StoreCorrupt, UsageError
from manyhands.model.outcomes import Failure, Forward, Outcome, Value
from manyhands.model.records import NewTask, RunMove, TaskMove, TaskRecord
from manyhands.model.specs import TaskOptions
from manyhands.model.states import Cause, Reason, RunStatus, TaskStatus

# The status column. All from SUCCEEDED on let downstreams go.
PENDING, RUNNING, FORWARDED, FAILED, STOPPED, SUCCEEDED, SKIPPED = range(7)

STATUS_OF = (
    TaskStatus.PENDING,
    TaskStatus.RUNNING,
    TaskStatus.RUNNING,
    TaskStatus.FAILED,
    TaskStatus.STOPPED,
    TaskStatus.SUCCEEDED,
    TaskStatus.SKIPPED,
)
"""What each code of the column is called outside."""

REASON_OF = {cause: Reason(cause.value) for cause in Cause}

# Reading a member of an enum costs more than making a whole move does.
(_TO_PENDING, _TO_RUNNING, _, _TO_FAILED, _TO_STOPPED, _TO_SUCCEEDED, _) = STATUS_OF
_STARTED, _DONE, _CAUGHT = Reason.STARTED, Reason.DONE, Reason.CAUGHT
_RUN_SUCCEEDED = RunStatus.SUCCEEDED


class Origin(NamedTuple):
    """The failed or stopped task because of which others cannot run, and why it failed."""

    task: int
    reason: Reason
    message: str


class RunMachine:
    """One run. Each method is one kind of event and returns the moves that follow from it, the task's own first.

    It does not read a clock or draw a number: `now` is in seconds, `chance` in [0, 1). It expects what it returns to
    be committed, or else to be thrown away itself and built anew by `restore`. `entry`: the task whose outcome is the
    run's; None: all tasks are. `fail_fast`: after an uncaught failure nothing new starts. `limit`, `group_limits`: how
    many tasks may run at once.
    """

    def __init__(
        self,
        *,
        entry: int | None,
        fail_fast: bool = True,
        limit: int | None = None,
        group_limits: Mapping[str, int] = {},
    ) -> None:
        self.entry = entry
        self._fail_fast = fail_fast
        self._limits = Limits(limit, group_limits)
        self._graph = Graph()
        self._ready = ReadySet(self._limits)
        self._status = bytearray()
        self._attempts: list[int] = []
        self._kinds = Profiles(self._ready)
        self._profiles = self._kinds.of
        self._parents: dict[int, int] = {}
        """Of a task that goes on in another's place: that other."""
        self._inherited: set[int] = set()
        """Tasks that catch because one that forwarded to them does; they catch the failure of their upstreams too."""
        self._unable: dict[int, Origin] = {}
        """Why a task has failed or can never run: failed, stopped and blocked ones."""
        self._unjudged: list[int] = []
        """Tasks that were added with upstreams that cannot be done; a forward that catches that may follow."""
        self._uncaught: Origin | None = None
        self._closed = False
        self._stopped = False

    def __len__(self) -> int:
        return len(self._status)

    # --- events ----------------------------------------------------------------------------------------------------

    def add(self, tasks: Sequence[NewTask]) -> None:
        """Take in tasks that were asked for; an upstream that is done already is not waited for.

        Errors, with nothing added: `CycleError`; `UsageError` for ordinals that do not follow on, or unknown
        upstreams.
        """
        self._graph.check(tasks)
        base = len(self._status)
        self._grow(tasks, bytes(len(tasks)))
        self._kinds.extend([task.spec.options for task in tasks])
        self._attempts += [0] * len(tasks)
        if self._unable:
            self._note_blocked(tasks)
        waiting, profiles, push = self._graph.waiting, self._profiles, self._ready.push
        for task in range(base, len(self._status)):
            if not waiting[task]:
                push(task, profiles[task].lane)

    def restore(self, tasks: Iterable[TaskRecord]) -> None:
        """Rebuild the run from its store, after a session was opened; budgets of retries start anew.

        Errors: `StoreCorrupt` for what an opened session cannot hold.
        """
        records = list(tasks)
        if self._status or any(record.ordinal != place for place, record in enumerate(records)):
            raise UsageError("Restore all tasks of the run at once, by ordinal, into a machine that is new.")
        self._grow(records, bytes(map(_restored_status, records)))
        default = TaskOptions()
        options = [msgspec.convert(record.options, TaskOptions) if record.options else default for record in records]
        self._kinds.extend(options)
        self._attempts.extend([record.attempt for record in records])
        for record in records:
            if record.forward_to is not None and record.status is not _TO_PENDING:
                self._restore_forward(record)
        for record in records:
            task = record.ordinal
            if self._status[task] == PENDING and not self._graph.waiting[task]:
                lane = self._profiles[task].lane
                if record.due_at is None:
                    self._ready.push(task, lane)
                else:
                    self._ready.postpone(task, lane, record.due_at)

    def offer(self, executor: str, room: int, now: float) -> list[TaskMove]:
        """Start as many ready tasks of this executor as fit into `room` slots and the limits; returns their starts."""
        if not self.ready_for(executor, now):
            return []
        status, attempts = self._status, self._attempts
        moves = []
        for task in self._ready.take(executor, room):
            status[task] = RUNNING
            attempt = attempts[task] = attempts[task] + 1
            moves.append(TaskMove(task, _TO_RUNNING, attempt, now, _STARTED, "", True))
        return moves

    def ended(
        self,
        task: int,
        attempt: int,
        outcome: Outcome,
        now: float,
        chance: float,
        *,
        forward_to: int | None = None,
    ) -> list[TaskMove]:
        """An attempt was reported; one that is not the running one is stale, and nothing follows from it.

        `forward_to`: for a forward, the task that goes on in place of this one; it was added just before.
        """
        if self._status[task] != RUNNING or self._attempts[task] != attempt:
            return []
        if type(outcome) is Value:
            self._ready.leave(self._profiles[task].lane)
            return self._succeed(task, attempt, now, _DONE)
        if type(outcome) is Failure:
            return self._fail(task, attempt, outcome, now, chance)
        if type(outcome) is Forward:
            return self._forward(task, attempt, forward_to, now)
        return self._take_back(task, attempt, now)

    def satisfy(self, task: int, now: float, reason: Reason) -> list[TaskMove]:
        """The task was offered, but its result was there: it was never started, and its start is not committed."""
        self._unstart(task)
        return self._succeed(task, self._attempts[task], now, reason)

    def defer(self, task: int, now: float, until: float, reason: Reason) -> None:
        """The task was offered, but is to wait `until` then: it was never started, and its start is not committed."""
        self._unstart(task)
        self._status[task] = PENDING
        self._ready.postpone(task, self._profiles[task].lane, until)

    def stop(self, now: float) -> list[TaskMove]:
        """Cancel the run: what runs is stopped, and nothing starts any more."""
        self._closed = self._stopped = True
        moves = []
        for task, status in enumerate(self._status):
            if status == RUNNING:
                self._ready.leave(self._profiles[task].lane)
            elif status != FORWARDED:
                continue
            self._status[task] = STOPPED
            moves.append(TaskMove(task, _TO_STOPPED, self._attempts[task], now, Reason.CANCELED))
        return moves

    def over(self, now: float) -> RunMove | None:
        """The end of the run, once nothing in it can move any more."""
        if self._limits.run.taken:
            return None
        if self._stopped:
            return RunMove(RunStatus.CANCELED, now, Reason.CANCELED)
        if self._unjudged:
            self._judge([], now)
        if not self._closed and (self._ready.size or self._ready.postponed):
            return None
        if self._uncaught is not None:
            origin = self._uncaught
            return RunMove(RunStatus.FAILED, now, origin.reason, origin.message, origin.task)
        if self.entry is not None and self.entry >= len(self._status):
            return None
        if self._has_come_through():
            return RunMove(_RUN_SUCCEEDED, now, _DONE)
        message = "Steps wait for one another: one that was returned refers to the step that returned it."
        return RunMove(RunStatus.FAILED, now, Reason.ERROR, message)

    def set_limit(self, group: str | None, bound: int | None) -> None:
        """Let so many tasks of a group (None: of the run) run at once, from now on; None takes the limit away."""
        self._limits.change(group, bound)
        if group is not None:
            self._ready.unpark(self._limits.groups[group])

    # --- reading ---------------------------------------------------------------------------------------------------

    @property
    def executors(self) -> Collection[str]:
        """The executors that tasks of this run ask for."""
        return self._ready.executors

    def next_due(self) -> float | None:
        """When the first task that waits for its time may start."""
        return None if self._closed else self._ready.next_due()

    def ready_for(self, executor: str, now: float) -> bool:
        """Whether `offer` would start something, given room enough."""
        if self._unjudged:
            self._judge([], now)
        return not self._closed and self._ready.wake(executor, now)

    def has_ready(self) -> bool:
        """Whether some task waits for a place only."""
        return not self._closed and self._ready.size > 0

    def status(self, task: int) -> TaskStatus:
        return STATUS_OF[self._status[task]]

    def attempt(self, task: int) -> int:
        """The number of the task's last attempt; 0 before its first."""
        return self._attempts[task]

    def is_running(self, task: int, attempt: int) -> bool:
        """Whether this attempt is the one that runs now."""
        return self._status[task] == RUNNING and self._attempts[task] == attempt

    @property
    def closed(self) -> bool:
        """Whether nothing more starts, since something has failed or the run was canceled."""
        return self._closed

    def failure_behind(self, task: int) -> int | None:
        """The failed task because of which this one has failed or can never run; None while it still may succeed."""
        origin = self._unable.get(task)
        return None if origin is None else origin.task

    def running(self) -> list[tuple[int, int]]:
        """Task and attempt of every body that runs."""
        found = []
        task = self._status.find(RUNNING)
        while task >= 0:
            found.append((task, self._attempts[task]))
            task = self._status.find(RUNNING, task + 1)
        return found

    def counts(self) -> dict[TaskStatus, int]:
        """How many tasks stand where; statuses that no task has are left out."""
        found: dict[TaskStatus, int] = {}
        for code, status in enumerate(STATUS_OF):
            count = self._status.count(code)
            if count:
                found[status] = found.get(status, 0) + count
        return found

    # --- what follows from an outcome ------------------------------------------------------------------------------

    def _succeed(
        self, task: int, attempt: int, now: float, reason: Reason, *, message: str = "", caught: bool = False
    ) -> list[TaskMove]:
        self._status[task] = SUCCEEDED
        self._kinds.forget(task)
        caught = caught or self._catches(task)
        moves = [TaskMove(task, _TO_SUCCEEDED, attempt, now, reason, message, caught=caught)]
        self._go_on(moves, task, now)
        return moves

    def _go_on(self, moves: list[TaskMove], task: int, now: float) -> None:
        """The task is done: so are those whose place it took, and the downstreams of all of these may run."""
        end = task
        status, profiles = self._status, self._profiles
        while True:
            for freed in self._graph.release(task):
                if status[freed] == PENDING:
                    self._ready.push(freed, profiles[freed].lane)
            if not self._parents:
                return
            parent = self._parents.pop(task, None)
            if parent is None or status[parent] != FORWARDED:
                return
            status[parent] = SUCCEEDED
            moves.append(TaskMove(parent, _TO_SUCCEEDED, self._attempts[parent], now, _DONE, source=end))
            task = parent

    def _fail(self, task: int, attempt: int, failure: Failure, now: float, chance: float) -> list[TaskMove]:
        self._ready.leave(self._profiles[task].lane)
        cause = failure.cause
        if cause is not Cause.CANCELED:
            delay = self._kinds.delay(task, failure, chance)
            if delay is not None:
                return self._retry(task, attempt, now, now + delay, failure.message)
            if self._catches(task):
                return self._succeed(task, attempt, now, _CAUGHT, message=failure.message, caught=True)
        stopped = cause is Cause.CANCELED
        self._status[task] = STOPPED if stopped else FAILED
        self._kinds.forget(task)
        to, reason = _TO_STOPPED if stopped else _TO_FAILED, REASON_OF[cause]
        moves = [TaskMove(task, to, attempt, now, reason, failure.message)]
        # Only the first uncaught failure's message is ever asked for; those after it need not be kept.
        message = failure.message if self._uncaught is None else ""
        self._unable[task] = Origin(task, reason, message)
        self._block(moves, task, now)
        return moves

    def _retry(self, task: int, attempt: int, now: float, due: float, message: str) -> list[TaskMove]:
        self._status[task] = PENDING
        lane = self._profiles[task].lane
        if due > now:
            self._ready.postpone(task, lane, due)
        else:
            self._ready.push(task, lane)
        return [TaskMove(task, _TO_PENDING, attempt, now, Reason.RETRY, message, due_at=due)]

    def _take_back(self, task: int, attempt: int, now: float) -> list[TaskMove]:
        """The attempt never began: the task has its old place in the line again, and its budgets are untouched."""
        lane = self._profiles[task].lane
        self._ready.leave(lane)
        self._status[task] = PENDING
        self._ready.put_back(task, lane)
        return [TaskMove(task, _TO_PENDING, attempt, now, Reason.WORKER)]

    def _forward(self, task: int, attempt: int, child: int | None, now: float) -> list[TaskMove]:
        if child is None or self._status[child] != PENDING or self._attempts[child] or child in self._parents:
            why = f"task {child} is not one that was just added for it"
            raise IllegalMove(f"Task {task}", "forwarded", why)
        self._ready.leave(self._profiles[task].lane)
        self._kinds.forget(task)
        self._status[task] = FORWARDED
        self._parents[child] = task
        moves = [TaskMove(task, _TO_RUNNING, attempt, now, Reason.FORWARDED, source=child)]
        if self._catches(task):
            self._inherited.add(child)
        if self._unjudged:
            self._judge(moves, now)
        return moves

    def _block(self, moves: list[TaskMove], task: int, now: float) -> None:
        """The task is unable to run: so is all that needs it, up to where that is caught."""
        origin = self._unable[task]
        todo = deque([task])
        while todo:
            task = todo.popleft()
            downstreams = self._graph.downstreams(task)
            for downstream in downstreams:
                if self._status[downstream] != PENDING or downstream in self._unable:
                    continue
                if downstream in self._inherited:
                    self._catch_blocked(moves, downstream, origin, now)
                else:
                    self._unable[downstream] = origin
                    todo.append(downstream)
            parent = self._parents.pop(task, None)
            if parent is not None and self._status[parent] == FORWARDED:
                self._status[parent] = FAILED
                self._unable[parent] = origin
                attempt = self._attempts[parent]
                moves.append(TaskMove(parent, _TO_FAILED, attempt, now, origin.reason, source=origin.task))
                todo.append(parent)
            elif task == self.entry or (self.entry is None and not downstreams):
                self._note_uncaught(origin)

    def _catch_blocked(self, moves: list[TaskMove], task: int, origin: Origin, now: float) -> None:
        """The task cannot run, but catches even that."""
        self._unable.pop(task, None)
        self._status[task] = SUCCEEDED
        attempt = self._attempts[task]
        moves.append(TaskMove(task, _TO_SUCCEEDED, attempt, now, _CAUGHT, source=origin.task, caught=True))
        self._go_on(moves, task, now)

    def _note_uncaught(self, origin: Origin) -> None:
        if self._uncaught is None:
            self._uncaught = origin
        if self._fail_fast:
            self._closed = True

    def _judge(self, moves: list[TaskMove], now: float) -> None:
        """What was added behind a failure is blocked, unless it has been forwarded to by a task that catches."""
        unjudged, self._unjudged = self._unjudged, []
        for task in unjudged:
            if task not in self._unable:
                continue
            if task in self._inherited:
                self._catch_blocked(moves, task, self._unable[task], now)
            else:
                self._block(moves, task, now)

    def _note_blocked(self, tasks: Sequence[NewTask]) -> None:
        for task in tasks:
            for upstream in task.upstreams:
                origin = self._unable.get(upstream)
                if origin is not None:
                    self._unable[task.ordinal] = origin
                    self._unjudged.append(task.ordinal)
                    break

    # --- parts -----------------------------------------------------------------------------------------------------

    def _grow(self, tasks: Sequence[NewTask] | Sequence[TaskRecord], status: bytes) -> None:
        self._status.extend(status)
        self._graph.extend(tasks, self._status, SUCCEEDED)
        self._ready.extend(len(tasks))

    def _catches(self, task: int) -> bool:
        return self._profiles[task].catch or (bool(self._inherited) and task in self._inherited)

    def _unstart(self, task: int) -> None:
        if self._status[task] != RUNNING:
            why = "only one that was just offered can be spared its start"
            raise IllegalMove(f"Task {task}", "not started", why)
        self._ready.leave(self._profiles[task].lane)
        self._attempts[task] -= 1

    def _has_come_through(self) -> bool:
        """Whether all that the run is for is done, now that nothing can move."""
        if self.entry is not None:
            return self._status[self.entry] >= SUCCEEDED
        blocked = sum(self._status[task] == PENDING for task in self._unable)
        return self._status.count(PENDING) == blocked and not self._status.count(FORWARDED)

    def _restore_forward(self, record: TaskRecord) -> None:
        task, child = record.ordinal, record.forward_to
        if child is None or not task < child < len(self._status):
            raise StoreCorrupt(f"Task {record.name}", f"it was forwarded to task {child}, which is not there")
        if self._catches(task):
            self._inherited.add(child)
        if self._status[task] != FORWARDED:
            return
        if self._status[child] >= SUCCEEDED:
            raise StoreCorrupt(f"Task {record.name}", f"it goes on in task {child}, which is done")
        self._parents[child] = task


def _restored_status(record: TaskRecord) -> int:
    if record.status is _TO_RUNNING and record.forward_to is not None:
        return FORWARDED
    code = STATUS_OF.index(record.status)
    if code == PENDING or code >= SUCCEEDED:
        return code
    raise StoreCorrupt(f"Task {record.name}", f"it is {record.status} in a session that was just opened")
