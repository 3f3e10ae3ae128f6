"""An independent, naive model of one run's session, which holds every move of the machine against the rules."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from manyhands.model.outcomes import Failure, Forward, Outcome, Returned, Value
from manyhands.model.records import NewTask, RunMove, TaskMove, TaskRecord
from manyhands.model.specs import TaskOptions
from manyhands.model.states import TASK_MOVES, TASK_TERMINAL, Cause, Reason, RunStatus, TaskStatus

DONE = frozenset({TaskStatus.SUCCEEDED, TaskStatus.SKIPPED})
DOWN = frozenset({TaskStatus.FAILED, TaskStatus.STOPPED})
PENDING, RUNNING = TaskStatus.PENDING, TaskStatus.RUNNING
EPSILON = 1e-6


class Violation(AssertionError):
    """The machine broke a rule."""


def expect(holds: object, what: str, *details: object) -> None:
    if not holds:
        raise Violation(" ".join([what, *map(str, details)]))


@dataclass(slots=True, eq=False)
class Line:
    """What the ledger knows of one task."""

    ordinal: int
    options: TaskOptions
    upstreams: list[int]
    missing: set[int]
    status: TaskStatus = PENDING
    attempt: int = 0
    downstreams: list[int] = field(default_factory=list)
    forward_to: int | None = None
    forwarded_by: int | None = None
    inherited: bool = False
    counts: dict[Cause, int] = field(default_factory=dict)
    due: float | None = None
    tick: int = 0
    reason: Reason | None = None

    @property
    def catches(self) -> bool:
        return self.options.catch or self.inherited


class Ledger:
    """Fed with every event and with what the machine made of it; raises `Violation`."""

    def __init__(self, entry: int | None, fail_fast: bool, limit: int | None, group_limits: dict[str, int]) -> None:
        self.entry = entry
        self.fail_fast = fail_fast
        self.limits: dict[str | None, int | None] = {None: limit, **group_limits}
        self.lines: list[Line] = []
        self.in_line: dict[str, set[int]] = {}
        self.running: set[int] = set()
        self.forwarded: set[int] = set()
        self.down: set[int] = set()
        self.unable: dict[int, set[int]] = {}
        self.uncaught: set[int] = set()
        self.stopped = False
        self.tick = 0

    @property
    def closed(self) -> bool:
        return self.stopped or bool(self.fail_fast and self.uncaught)

    # --- what there is ---------------------------------------------------------------------------------------------

    def add(self, tasks: Sequence[NewTask]) -> None:
        self.tick += 1
        for task in tasks:
            self.lines.append(Line(task.ordinal, task.spec.options, task.upstreams, set()))
        for task in tasks:
            self._link(task.ordinal)

    def added(self) -> None:
        """The tasks just added stand on their own: nobody forwards to them."""
        if self.unable:
            expect(not self._consequences(0.0), "tasks that were only added have moved others")

    def restore(self, records: Iterable[TaskRecord], options: dict[int, TaskOptions]) -> None:
        for record in records:
            line = Line(record.ordinal, options[record.ordinal], record.upstreams, set(), record.status, record.attempt)
            line.due = record.due_at if record.status is PENDING else None
            line.tick = record.ordinal if line.due is not None else 0
            line.forward_to = record.forward_to if record.status is not PENDING else None
            self.lines.append(line)
        self.tick = len(self.lines) + 1
        for line in self.lines:
            self._link(line.ordinal)
            if line.forward_to is not None:
                target = self.lines[line.forward_to]
                target.inherited = target.inherited or line.catches
                if line.status is RUNNING:
                    self.forwarded.add(line.ordinal)
                    target.forwarded_by = line.ordinal
            elif line.status is RUNNING:
                raise Violation(f"the simulated store restored a running body: {line}")

    def _link(self, ordinal: int) -> None:
        line = self.lines[ordinal]
        line.missing = {up for up in line.upstreams if self.lines[up].status not in DONE}
        for up in line.upstreams:
            self.lines[up].downstreams.append(ordinal)
        if line.status is PENDING and not line.missing:
            self._join(line)

    def _join(self, line: Line, tick: int | None = None) -> None:
        if line.due is None:
            line.tick = self.tick if tick is None else tick
        self.in_line.setdefault(line.options.executor, set()).add(line.ordinal)

    def _running_of(self, group: str | None) -> int:
        if group is None:
            return len(self.running)
        return sum(self.lines[task].options.group == group for task in self.running)

    def _full(self, group: str | None) -> bool:
        bound = self.limits.get(group)
        return bound is not None and self._running_of(group) >= bound

    # --- events ----------------------------------------------------------------------------------------------------

    def offered(self, executor: str, room: int, now: float, moves: Sequence[TaskMove]) -> None:
        """First come, first served; nothing that could start is left, and nothing else starts."""
        self.tick += 1
        if self.closed:
            expect(not moves, "started though the run is closed", moves)
            return
        waiting = [self.lines[task] for task in self.in_line.get(executor, ())]
        late = [line for line in waiting if line.due is not None and line.due <= now]
        for line in sorted(late, key=lambda line: (line.due, line.tick)):
            self.tick += 1
            line.due, line.tick = None, self.tick
        order = sorted((line for line in waiting if line.due is None), key=lambda line: line.tick)
        for move in moves:
            first = self._first(order)
            expect(first is not None and room > 0, "started beyond what the limits or slots allow", move)
            line = self.lines[move.task]
            expect(line in order, "started what is not ready", move, line)
            expect(first is not None and line.tick == first.tick, "overtook", move, first)
            expect(not self._full(line.options.group), "group limit exceeded", move)
            expect(line.options.slots <= room, "more slots than there is room for", move)
            room -= line.options.slots
            order.remove(line)
            self._start(line, move, now)
        first = self._first(order)
        if first is not None and room > 0:
            peers = [line for line in order if line.tick == first.tick]
            expect(any(line.options.slots > room for line in peers), "left lying what could start", first, room)

    def _first(self, order: Sequence[Line]) -> Line | None:
        if self._full(None):
            return None
        return next((line for line in order if not self._full(line.options.group)), None)

    def _start(self, line: Line, move: TaskMove, now: float) -> None:
        expect(move.start and move.to is RUNNING and move.reason is Reason.STARTED, "odd start", move)
        expect(move.attempt == line.attempt + 1, "attempts must rise by one", move, line)
        expect(move.at == now, "wrong time", move)
        expect(all(self.lines[up].status in DONE for up in line.upstreams), "upstreams are not done", move)
        self._move(line, move)
        line.attempt += 1
        self.in_line[line.options.executor].remove(line.ordinal)
        self.running.add(line.ordinal)

    def unstarted(self, task: int, until: float | None) -> None:
        """A task just offered is not launched: it waits `until`, or (None) is about to be satisfied."""
        self.tick += 1
        line = self.lines[task]
        line.attempt -= 1
        line.status = PENDING
        self.running.remove(task)
        if until is not None:
            line.due, line.tick = until, self.tick
            self._join(line)

    def satisfied(self, task: int, now: float, moves: Sequence[TaskMove]) -> None:
        self.unstarted(task, None)
        self._succeeds(self.lines[task], Reason.CACHED, moves, now)

    def reported(
        self,
        task: int,
        attempt: int,
        outcome: Outcome,
        now: float,
        moves: Sequence[TaskMove],
        forward_to: int | None = None,
    ) -> None:
        self.tick += 1
        line = self.lines[task]
        if task not in self.running or line.attempt != attempt:
            expect(not moves, "a stale report had an effect", moves)
            return
        expect(moves and moves[0].task == task, "the task's own move must come first", moves)
        expect(moves[0].attempt == attempt, "a move names another attempt", moves)
        self.running.remove(task)
        if isinstance(outcome, Value):
            self._succeeds(line, Reason.DONE, moves, now)
        elif isinstance(outcome, Returned):
            self._own(line, moves, now, PENDING, Reason.WORKER)
            self._join(line, line.tick)
        elif isinstance(outcome, Forward):
            self._forwards(line, moves, now, forward_to)
        else:
            self._fails(line, outcome, moves, now)

    def stop(self, now: float, moves: Sequence[TaskMove]) -> None:
        self.stopped = True
        expect([move.task for move in moves] == sorted(self.running | self.forwarded), "stopped others", moves)
        for move in moves:
            expect(move.to is TaskStatus.STOPPED and move.reason is Reason.CANCELED, "odd stop", move)
            self._move(self.lines[move.task], move)
        self.running.clear()
        self.forwarded.clear()

    # --- rules -----------------------------------------------------------------------------------------------------

    def _own(self, line: Line, moves: Sequence[TaskMove], now: float, to: TaskStatus, reason: Reason) -> None:
        """The task's own move, when nothing follows from it."""
        expect(moves[0].to is to and moves[0].reason is reason and moves[0].at == now, "wrong move", moves, line)
        expect(len(moves) == 1, "nothing should follow", moves)
        self._move(line, moves[0])

    def _succeeds(self, line: Line, reason: Reason, moves: Sequence[TaskMove], now: float) -> None:
        first = moves[0]
        expect(first.task == line.ordinal and first.to is TaskStatus.SUCCEEDED, "should have succeeded", moves)
        expect(first.reason is reason and first.source is None and first.at == now, "wrong success", first)
        expect(first.caught == line.catches, "wrongly caught or not", first, line)
        self._move(line, first)
        self._follow(line, moves[1:], now)

    def _forwards(self, line: Line, moves: Sequence[TaskMove], now: float, child: int | None) -> None:
        first = moves[0]
        expect(first.to is RUNNING and first.reason is Reason.FORWARDED and not first.start, "odd forward", first)
        expect(first.source == child, "forwarded to another task", first)
        self._move(line, first)
        assert child is not None
        line.forward_to = child
        self.forwarded.add(line.ordinal)
        target = self.lines[child]
        target.forwarded_by = line.ordinal
        target.inherited = line.catches
        self._follow(line, moves[1:], now)

    def _fails(self, line: Line, failure: Failure, moves: Sequence[TaskMove], now: float) -> None:
        first = moves[0]
        line.counts[failure.cause] = count = line.counts.get(failure.cause, 0) + 1
        expect(first.message == failure.message, "message lost", first)
        if self._may_retry(line, failure, count):
            self._own(line, moves, now, PENDING, Reason.RETRY)
            options = line.options
            longest = min(options.delay * options.backoff ** (count - 1), options.max_delay)
            rest = (first.due_at or 0.0) - now
            expect(longest * (1 - options.jitter) - EPSILON <= rest <= longest + EPSILON, "wrong rest", first)
            line.due = first.due_at if rest > 0 else None
            line.tick = self.tick
            self._join(line)
            return
        if failure.cause is not Cause.CANCELED and line.catches:
            self._succeeds(line, Reason.CAUGHT, moves, now)
            return
        to = TaskStatus.STOPPED if failure.cause is Cause.CANCELED else TaskStatus.FAILED
        expect(first.to is to and first.reason == failure.cause.value and first.source is None, "wrong end", first)
        line.reason = first.reason
        self._move(line, first)
        self._follow(line, moves[1:], now)

    def _may_retry(self, line: Line, failure: Failure, count: int) -> bool:
        if failure.cause is Cause.CANCELED or not failure.retryable:
            return False
        budget = line.options.lost_attempts if failure.cause is Cause.LOST else line.options.attempts
        return budget == -1 or count < budget

    def _move(self, line: Line, move: TaskMove) -> None:
        expect(move.task == line.ordinal, "a move of another task", move, line)
        expect(move.to in TASK_MOVES[line.status], "illegal by the table of moves", move, line)
        line.status = move.to
        if move.to in TASK_TERMINAL:
            self.forwarded.discard(line.ordinal)
        if move.to in DOWN:
            self.down.add(line.ordinal)
        if move.to is TaskStatus.SUCCEEDED:
            for down in line.downstreams:
                lower = self.lines[down]
                lower.missing.discard(line.ordinal)
                if not lower.missing and lower.status is PENDING and not self._is_in_line(lower):
                    self._join(lower)

    def _is_in_line(self, line: Line) -> bool:
        return line.ordinal in self.in_line.get(line.options.executor, ())

    def _follow(self, line: Line, moves: Sequence[TaskMove], now: float) -> None:
        """The other moves of an event are exactly what must follow from its first."""
        quiet = line.status in DONE and line.forwarded_by is None
        if quiet and not moves:
            return
        for move in moves:
            expected = self._consequences(now)
            expect(move.task in expected, "does not follow", move, expected)
            to, reasons, sources, caught = expected[move.task]
            expect(move.to is to and move.source in sources and move.reason in reasons, "wrong", move, expected)
            expect(move.caught == caught and move.at == now, "wrongly caught or timed", move)
            other = self.lines[move.task]
            expect(move.attempt == other.attempt, "names another attempt", move, other)
            self._move(other, move)
        expect(not self._consequences(now), "has not followed", self._consequences(now))

    def _consequences(self, now: float) -> dict[int, tuple[TaskStatus, set[Reason], set[int], bool]]:
        """What must become of whom, by what stands in the ledger now."""
        self._find_unable()
        found: dict[int, tuple[TaskStatus, set[Reason], set[int], bool]] = {}
        for task in self.forwarded:
            child = self.lines[self.lines[task].forward_to or 0]
            if child.status in DONE:
                found[task] = (TaskStatus.SUCCEEDED, {Reason.DONE}, {self._end(task)}, False)
            elif child.ordinal in self.unable:
                origins = self.unable[child.ordinal]
                reasons = {reason for origin in origins if (reason := self.lines[origin].reason)}
                found[task] = (TaskStatus.FAILED, reasons, origins, False)
        for line in self.lines if self.unable else ():
            if line.inherited and line.status is PENDING:
                origins = {origin for up in line.upstreams for origin in self.unable.get(up, ())}
                if origins:
                    found[line.ordinal] = (TaskStatus.SUCCEEDED, {Reason.CAUGHT}, origins, True)
        self._find_uncaught()
        return found

    def _end(self, task: int) -> int:
        """Where the value of a task that forwarded is in the end."""
        while (onward := self.lines[task].forward_to) is not None:
            task = onward
        return task

    def _find_unable(self) -> None:
        """Who has failed, or can never run, and because of whom; worked out from nothing each time."""
        unable = {task: {task} for task in self.down if self.lines[task].forward_to is None}
        suspects = []
        for line in self.lines if unable else ():
            if line.status is PENDING and line.missing and not line.inherited:
                suspects.append((line.ordinal, line.upstreams))
            elif line.status in DOWN and line.forward_to is not None:
                suspects.append((line.ordinal, [line.forward_to]))
        changed = True
        while changed:
            changed = False
            for task, causes in suspects:
                for cause in causes:
                    if cause in unable and not unable[cause] <= unable.get(task, set()):
                        unable[task] = unable[cause] | unable.get(task, set())
                        changed = True
        self.unable = unable

    def _find_uncaught(self) -> None:
        """The failures that have reached the end that counts; remembered from the first time that there is one."""
        if self.uncaught:
            return
        for task, origins in self.unable.items():
            line = self.lines[task]
            alone = not line.downstreams and (line.forwarded_by is None)
            if task == self.entry or (self.entry is None and alone):
                self.uncaught |= origins

    # --- the end ---------------------------------------------------------------------------------------------------

    def can_move(self) -> bool:
        return bool(self.running) or (not self.closed and any(self.in_line.values()))

    def ended(self, end: RunMove | None) -> None:
        """The machine says that the run is over, or (None) that it is not."""
        if self.can_move():
            expect(end is None, "ended though something can move", end)
            return
        expect(end is not None, "has not ended though nothing can move")
        assert end is not None
        if self.stopped:
            expect(end.to is RunStatus.CANCELED, "should be canceled", end)
        elif self.uncaught:
            expect(end.to is RunStatus.FAILED and end.source in self.uncaught, "should have failed", end, self.uncaught)
            reasons = {self.lines[origin].reason for origin in self.uncaught}
            expect(end.reason in reasons, "failed for another reason", end)
        else:
            expect(end.to is RunStatus.SUCCEEDED and end.source is None, "should have succeeded", end)
            done = self.lines if self.entry is None else [self.lines[self.entry]]
            open_ones = [line for line in done if line.status not in DONE and line.ordinal not in self.unable]
            expect(not open_ones, "succeeded with work left", open_ones)
