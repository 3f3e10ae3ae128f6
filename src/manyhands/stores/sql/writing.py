"""The changes of one commit as statements: moves of one shape go together, guarded, each with its event."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from manyhands.model.errors import StateError
from manyhands.model.records import AttemptEnd, NewTask, RunMove, TaskMove
from manyhands.model.states import (
    RUN_MOVES,
    RUN_TERMINAL,
    TASK_MOVES,
    TASK_TERMINAL,
    AttemptStatus,
    Reason,
    RunStatus,
    TaskStatus,
    sources,
)
from manyhands.model.values import Encoded
from manyhands.stores.sql.database import Cursor, Row
from manyhands.stores.sql.rows import to_json
from manyhands.stores.sql.statements import Statements, quoted

RUNNING = TaskStatus.RUNNING
PENDING = TaskStatus.PENDING
SUCCEEDED = TaskStatus.SUCCEEDED
FORWARDED = Reason.FORWARDED
UNCACHED = frozenset({Reason.CACHED, Reason.CAUGHT})
"""Reasons of a success that is nothing to be kept for equal calls: it came from there, or it is a caught failure."""

_SUCCEEDED = AttemptStatus.SUCCEEDED

SMALL = 256
"""Bytes; a value up to this size is kept in its task's row, which is written anyway."""

FEW = 4
"""So many moves are written one by one; sorting more of them by their statements is worth its while."""

NO_ATTEMPT = 0
"""The number under which a value is kept that no attempt returned."""


class Refused(StateError):
    """A guarded statement matched fewer rows than it was given: `Refused(how_many)`. The commit finds out which."""

    text = "Of {0} moves at least one is illegal."


def run_many(cursor: Cursor, sql: str, rows: list[Row]) -> None:
    if len(rows) == 1:
        cursor.execute(sql, rows[0])
    elif rows:
        cursor.executemany(sql, rows)


def segments(moves: list[TaskMove]) -> Iterable[list[TaskMove]]:
    """Cut the moves where a task comes again: within a segment they are of different tasks, so their order is free."""
    if len(moves) == 1 or len({move.task for move in moves}) == len(moves):
        yield moves
        return
    segment: list[TaskMove] = []
    seen: set[int] = set()
    for move in moves:
        if move.task in seen:
            yield segment
            segment, seen = [], set()
        segment.append(move)
        seen.add(move.task)
    yield segment


class Writing:
    """The statements of the hot path, made ready once; everything is written through a cursor in a transaction."""

    def __init__(self, statements: Statements) -> None:
        take = statements.in_order
        end = "reason message started_at ended_at source caught saved cache_key run task attempt"
        starts = tuple(status for status in sources(TASK_MOVES, RUNNING) if status is not RUNNING)
        start = "reason message attempt worker started_at"
        self.holds = take("lease_holds", "run epoch")
        self._start = take("move_start", f"{start} run task before", sources=quoted(starts))
        self._wait = take("move_wait", f"{start} due_at run task before", sources=quoted(starts))
        self._start_keyed = take("move_start_keyed", f"{start} cache_key run task before", sources=quoted(starts))
        self._done = take(
            "move_done",
            "reason worker started_at ended_at saved codec data run task attempt",
            sources=allowed(SUCCEEDED),
        )
        self._pending = take("move_pending", "reason message due_at run task attempt", sources=allowed(PENDING))
        self._forward = take(
            "move_forward",
            "reason message started_at ended_at forward_to cache_key run task attempt",
            sources=allowed(RUNNING),
        )
        self._end = {
            status: take("move_end", end, to=status.value, sources=allowed(status)) for status in TASK_TERMINAL
        }
        call = "run ordinal base label kind code inputs_codec inputs_data inputs_size upstreams options metadata"
        self._add_task = take("add_task", "run ordinal name created_at")
        self._add_call = take("add_call", call)
        self._add_whole_call = take("add_call_with_all", call + " inputs_blob parent function_key")
        self._add_value = take("add_value", "run task number worker started_at ended_at codec data size")
        self._add_attempt = take(
            "add_attempt",
            "run task number status worker started_at ended_at codec data blob size cause message exit_code signal "
            "traceback log_file log_start log_end",
        )
        self._move_run = {
            status: statements.with_words("move_run", to=status.value, sources=quoted(sources(RUN_MOVES, status)))
            for status in RunStatus
        }
        self._add_event = take("add_task_event", "at run task attempt state reason message")
        self._add_run_event = take("add_run_event", "at run state reason message")
        self._statements = statements
        self.flights: dict[tuple[int, int], bytes] = {}
        """The keys that tasks of this process have claimed, by run and task: a move out of `running` ends the claim."""

    # --- tasks -------------------------------------------------------------------------------------------------

    def add_tasks(self, cursor: Cursor, run: int, tasks: list[NewTask]) -> None:
        lean: list[Row] = []
        whole: list[Row] = []
        known: dict[int, str] = {}  # many tasks share their options
        for task in tasks:
            spec = task.spec
            inputs = spec.inputs
            options = known.get(id(spec.options))
            if options is None:
                options = known[id(spec.options)] = to_json(spec.options)
            row = (
                run,
                task.ordinal,
                spec.base,
                spec.label,
                spec.kind,
                spec.code,
                inputs.codec,
                inputs.data,
                inputs.size,
                to_json(task.upstreams) if task.upstreams else "[]",
                options,
                to_json(spec.metadata) if spec.metadata else "{}",
            )
            if inputs.blob is None and task.parent is None and spec.function_key is None:
                lean.append(row)
            else:
                whole.append((*row, inputs.blob, task.parent, spec.function_key))
        rows: list[Row] = [(run, task.ordinal, task.name, task.created_at) for task in tasks]
        run_many(cursor, self._add_task, rows)
        run_many(cursor, self._add_call, lean)
        run_many(cursor, self._add_whole_call, whole)
        run_many(
            cursor,
            self._add_event,
            [(task.created_at, run, task.ordinal, 0, "pending", "called", "") for task in tasks],
        )

    # --- moves -------------------------------------------------------------------------------------------------

    def move_tasks(self, cursor: Cursor, run: int, moves: list[TaskMove]) -> None:
        if len(moves) <= FEW:
            for move in moves:
                self._move(cursor, run, move)
        else:
            for segment in segments(moves):
                self._move_distinct(cursor, run, segment)
        run_many(
            cursor,
            self._add_event,
            [(m.at, run, m.task, m.attempt, m.to._value_, m.reason._value_, m.message) for m in moves],
        )

    def _move(self, cursor: Cursor, run: int, move: TaskMove) -> None:
        statement = self._statement(run, move)
        cursor.execute(*statement)
        if cursor.rowcount != 1:
            raise Refused(1)
        if statement[0] is self._done and not self.flights:
            return  # all there is to say of it is in its row
        if move.attempt_end is not None or move.result is not None:
            values: list[Row] = []
            attempts: list[Row] = []
            add_outcome(run, move, values, attempts)
            run_many(cursor, self._add_value, values)
            run_many(cursor, self._add_attempt, attempts)
        if move.to is not RUNNING and (
            move.cache_key is not None or (self.flights and (run, move.task) in self.flights)
        ):
            self._cache(cursor, run, move)

    def _move_distinct(self, cursor: Cursor, run: int, moves: list[TaskMove]) -> None:
        buckets: dict[str, list[Row]] = {}
        values: list[Row] = []
        attempts: list[Row] = []
        for move in moves:
            sql, row = self._statement(run, move)
            bucket = buckets.get(sql)
            if bucket is None:
                buckets[sql] = [row]
            else:
                bucket.append(row)
            if move.attempt_end is not None or move.result is not None:
                add_outcome(run, move, values, attempts)
        for sql, rows in buckets.items():
            run_many(cursor, sql, rows)
            if cursor.rowcount != len(rows):
                raise Refused(len(rows))
        run_many(cursor, self._add_value, values)
        run_many(cursor, self._add_attempt, attempts)
        for move in moves:
            if move.to is not RUNNING and (move.cache_key is not None or (run, move.task) in self.flights):
                self._cache(cursor, run, move)

    def _statement(self, run: int, move: TaskMove) -> tuple[str, Row]:
        """The guarded update of this move, and its values."""
        to = move.to
        reason = move.reason._value_
        guard = (run, move.task, move.attempt)
        if move.start:
            started_at = move.at if move.started_at is None else move.started_at
            values = (reason, move.message, move.attempt, move.worker, started_at)
            before = (run, move.task, move.attempt - 1)
            if move.due_at is not None:
                return self._wait, (*values, move.due_at, *before)
            if move.cache_key is None:
                return self._start, values + before
            return self._start_keyed, (*values, move.cache_key, *before)
        if to is PENDING:
            return self._pending, (reason, move.message, move.due_at, *guard)
        if to is RUNNING:
            forward_to = move.source if move.reason is FORWARDED else None
            times = (move.started_at, move.ended_at)
            return self._forward, (reason, move.message, *times, forward_to, move.cache_key, *guard)
        end, value = move.attempt_end, move.result
        if end is not None and value is not None and fits_in_row(move, end, value):
            return self._done, (reason, end.worker, end.started_at, end.ended_at, 1, value.codec, value.data, *guard)
        times = (move.started_at, move.ended_at)
        flags = (int(move.caught), int(move.result is not None))
        return self._end[to], (reason, move.message, *times, move.source, *flags, move.cache_key, *guard)

    def _cache(self, cursor: Cursor, run: int, move: TaskMove) -> None:
        """Keep a succeeded task's value under its key, and let others compute it again."""
        where = {"key": move.cache_key or self.flights[run, move.task], "run": run}
        cursor.execute(self._statements["drop_flight"], {**where, "task": move.task})
        if move.cache_key is None or move.to is not SUCCEEDED or move.reason in UNCACHED:
            return
        where |= {"task": move.task, "at": move.at, "expires_at": move.cache_expires}
        value = move.result
        if value is not None:
            cursor.execute(
                self._statements["put_cached"],
                {**where, "codec": value.codec, "data": value.data, "blob": value.blob, "size": value.size},
            )
        elif move.source is not None:
            cursor.execute(self._statements["put_cached_of_other"], {**where, "source": move.source})

    # --- runs --------------------------------------------------------------------------------------------------

    def run_event(self, cursor: Cursor, run: int, at: float, state: RunStatus, reason: Reason, message: str) -> None:
        cursor.execute(self._add_run_event, (at, run, state._value_, reason._value_, message))

    def move_run(self, cursor: Cursor, run: int, epoch: int, move: RunMove) -> bool:
        """Move the run; one that is not running any more has no session. False when its guard does not match."""
        to = move.to
        keeps_driver = to is RunStatus.RUNNING
        ends = to in RUN_TERMINAL
        cursor.execute(
            self._move_run[to],
            {
                "reason": move.reason._value_,
                "message": move.message,
                "source": move.source,
                "ended_at": move.at if ends else None,
                "keeps_driver": keeps_driver,
                "key": run,
                "epoch": epoch,
            },
        )
        if cursor.rowcount != 1:
            return False
        if not keeps_driver:
            cursor.execute(self._statements["end_session"], {"run": run, "at": move.at})
        self.run_event(cursor, run, move.at, to, move.reason, move.message)
        return True


def allowed(target: TaskStatus) -> str:
    return quoted(sources(TASK_MOVES, target))


def fits_in_row(move: TaskMove, end: AttemptEnd, value: Encoded) -> bool:
    """Whether the task's own row says all there is to say of its attempt: the first, with a small value and nothing
    else to remember."""
    return (
        move.attempt == 1
        and value.blob is None
        and len(value.data) <= SMALL
        and end.status is _SUCCEEDED
        and end.log is None
        and move.to is SUCCEEDED
        and move.source is None
        and move.cache_key is None
        and not (move.caught or move.message or end.message)
    )


def add_outcome(run: int, move: TaskMove, values: list[Row], attempts: list[Row]) -> None:
    """The row of an attempt that has ended, with the value it returned; a value that is not the attempt's own gets a
    row of its own."""
    end = move.attempt_end
    result = move.result
    if end is not None and result is not None and fits_in_row(move, end, result):
        return
    if end is None:
        own = None
    else:
        own = result if end.status is AttemptStatus.SUCCEEDED else end.exception
        if own is not None and own.blob is None and own is result and end.log is None and not end.message:
            values.append(
                (run, move.task, move.attempt, end.worker, end.started_at, end.ended_at, own.codec, own.data, own.size)
            )
        else:
            attempts.append(attempt_row(run, move.task, move.attempt, end, own))
    if result is not None and own is not result:
        attempts.append(
            attempt_row(run, move.task, NO_ATTEMPT, AttemptEnd(AttemptStatus.SUCCEEDED, move.at, move.at), result)
        )


def attempt_row(run: int, task: int, number: int, end: AttemptEnd, value: Encoded | None) -> tuple[Any, ...]:
    log = end.log
    return (
        run,
        task,
        number,
        end.status.value,
        end.worker,
        end.started_at,
        end.ended_at,
        *((None, None, None, None) if value is None else (value.codec, value.data, value.blob, value.size)),
        None if end.cause is None else end.cause.value,
        end.message,
        end.exit_code,
        end.signal,
        end.traceback,
        *((None, None, None) if log is None else (log.file, log.start, log.end)),
    )
