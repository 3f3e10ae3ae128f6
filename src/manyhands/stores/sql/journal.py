"""The write side of runs: commits, and the sessions that entitle to them."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.model.errors import (
    CallsWaiting,
    IllegalMove,
    LeaseLost,
    NotInitialized,
    RunActive,
    RunFinished,
    RunIdInUse,
    RunNotFound,
    RunNotResumable,
    SignalTooLate,
)
from manyhands.model.messages import CALL
from manyhands.model.records import Changes, ForkPlan, NewRun, Opening, RunMove, RunRecord, TaskMove
from manyhands.model.states import (
    RUN_MOVES,
    RUN_REOPENINGS,
    RUN_TERMINAL,
    TASK_MOVES,
    TASK_REOPENINGS,
    AttemptStatus,
    Cause,
    Reason,
    RunStatus,
    TaskStatus,
    sources,
)
from manyhands.model.values import Encoded
from manyhands.stores.sql.database import Cursor, OverDatabase, transaction
from manyhands.stores.sql.forking import copy_run
from manyhands.stores.sql.rows import columns, run_record, to_json
from manyhands.stores.sql.statements import quoted
from manyhands.stores.sql.writing import Refused, Writing

TABLES_OF_RUNS = ("events", "attempts", "calls", "tasks", "sessions", "flights", "messages", "states")


def reopened_from(status: TaskStatus) -> str:
    """What a task may be left as, for a new session to make it `status` again. Succeeded ones stay as they are."""
    return quoted([source for source in sources(TASK_REOPENINGS, status) if source is not TaskStatus.SUCCEEDED])


def taken_from() -> str:
    """What a run may be left as, for a new session to take it up."""
    running = RunStatus.RUNNING
    return quoted(sorted({*sources(RUN_MOVES, running), *sources(RUN_REOPENINGS, running)}))


class SqlJournal(OverDatabase):
    """The write side of runs; every method is one transaction."""

    _writing: Writing
    _engine: str | None
    """The engine that was last enrolled through this store: the one that drives the runs made through it."""

    def commit(self, batch: Sequence[Changes]) -> None:
        try:
            self._commit(batch, one_by_one=False)
        except Refused:
            # Once more, slowly, to say which move it was.
            self._commit(batch, one_by_one=True)

    def _commit(self, batch: Sequence[Changes], *, one_by_one: bool) -> None:
        database = self._database
        made: list[tuple[Changes, int]] = []
        cursor = database.begin()
        try:
            for changes in batch:
                self._write(cursor, changes, made, one_by_one)
            database.commit()
        except database.errors as error:
            database.rollback()
            raise database.failure(error) from error
        except BaseException:
            database.rollback()
            raise
        for changes, key in made:
            changes.key = key
        if self._writing.flights:
            self._forget_flights(batch)

    def _forget_flights(self, batch: Sequence[Changes]) -> None:
        for changes in batch:
            for move in changes.moves:
                if move.to is not TaskStatus.RUNNING:
                    self._writing.flights.pop((changes.key or 0, move.task), None)

    def _write(self, cursor: Cursor, changes: Changes, made: list[tuple[Changes, int]], one_by_one: bool) -> None:
        writing = self._writing
        key = changes.key
        epoch = changes.epoch
        if key is None:
            if changes.new_run is None:
                raise ValueError("changes name neither a run nor one to be made")
            key, epoch = self._add_run(cursor, changes.new_run)
            made.append((changes, key))
        elif changes.opening is not None:
            self._open(cursor, key, epoch, changes.opening)
        elif cursor.execute(writing.holds, (key, epoch)).fetchone() is None:
            raise LeaseLost(key, epoch)
        self._write_tasks(cursor, key, changes, one_by_one)
        if changes.states or changes.taken or changes.entry is not None or changes.document is not None:
            self._write_calls(cursor, key, changes)
        if changes.move is not None:
            self._move_run(cursor, key, epoch, changes.move, called=changes.called)

    def _open(self, cursor: Cursor, key: int, epoch: int, opening: Opening) -> None:
        """Open the session that the commit is the first of."""
        statuses = (RunStatus.SUCCEEDED,)
        self._take(cursor, opening.run_id, opening.engine, opening.at, (), statuses, Reason.CALLED)
        if cursor.execute(self._writing.holds, (key, epoch)).fetchone() is None:
            raise LeaseLost(key, epoch)

    def _write_tasks(self, cursor: Cursor, key: int, changes: Changes, one_by_one: bool) -> None:
        writing = self._writing
        if changes.tasks:
            writing.add_tasks(cursor, key, changes.tasks)
        if changes.moves:
            if one_by_one:
                self._move_one_by_one(cursor, key, changes.moves)
            else:
                writing.move_tasks(cursor, key, changes.moves)

    def _move_run(self, cursor: Cursor, key: int, epoch: int, move: RunMove, *, called: bool) -> None:
        if called and cursor.execute(self._database.statements["call_waits"], {"run": key}).fetchone():
            raise CallsWaiting(key)
        if not self._writing.move_run(cursor, key, epoch, move):
            run_id, status = cursor.execute(self._database.statements["run_status"], {"key": key}).fetchone()
            raise IllegalMove(f"Run '{run_id}'", move.to.value, f"it is {status}.")

    def _write_calls(self, cursor: Cursor, key: int, changes: Changes) -> None:
        """What calls have come to: new states, messages that were taken, the task that now stands for the run."""
        sql = self._database.statements
        for state in changes.states:
            cursor.execute(
                sql["add_state"],
                {
                    "run": key,
                    "version": state.version,
                    "task": state.task,
                    "code": state.code,
                    "at": state.at,
                    **columns(state.value),
                },
            )
        for message, task in changes.taken:
            cursor.execute(sql["take_message"], {"run": key, "id": message, "task": task})
            if cursor.rowcount != 1:
                raise IllegalMove(f"Message {message} to run number {key}", "taken", "it was taken before.")
        if changes.entry is not None:
            cursor.execute(sql["set_entry"], {"run": key, "entry": changes.entry})
        if changes.document is not None:
            cursor.execute(sql["keep_document"], {"run": key, **columns(changes.document)})

    def post(self, run_id: str, kind: str, key: str, value: Encoded, now: float) -> tuple[int, str] | None:
        sql = self._database.statements
        with transaction(self._database) as cursor:
            run, status = self._expect(cursor, run_id)
            opened = cursor.execute(sql["session_open"], {"run": run}).fetchone()
            if kind == CALL and opened is None:
                return None
            if kind != CALL and status in RUN_TERMINAL:
                raise SignalTooLate(run_id, status.value)
            row = {"run": run, "kind": kind, "key": key, "at": now, **columns(value)}
            message: int = cursor.execute(sql["add_message"], row).fetchone()[0]
        return message, "" if opened is None else opened[0]

    def _move_one_by_one(self, cursor: Cursor, key: int, moves: Sequence[TaskMove]) -> None:
        for move in moves:
            try:
                self._writing.move_tasks(cursor, key, [move])
            except Refused:
                where = {"run": key, "task": move.task}
                found = cursor.execute(self._database.statements["task_state"], where).fetchone()
                raise illegal(key, move.task, move.attempt, move.to, found) from None

    def _add_run(self, cursor: Cursor, new: NewRun) -> tuple[int, int]:
        """Insert a run, with its session unless it is detached; returns its key and its epoch."""
        driven = not new.detached
        if driven and self._engine is None:
            raise NotInitialized("A run needs an engine to drive it: enroll one first, or make the run detached.")
        epoch = int(driven)
        status = RunStatus.RUNNING if driven else RunStatus.PENDING
        reason = Reason.STARTED if driven else Reason.DETACHED
        found = cursor.execute(
            self._database.statements["add_run"],
            {
                "run_id": new.run_id,
                "kind": new.kind,
                "status": status.value,
                "reason": reason.value,
                "definition": new.definition,
                "entry": new.entry,
                "metadata": to_json(new.metadata) if new.metadata else "{}",
                "epoch": epoch,
                "engine": self._engine if driven else None,
                "created_at": new.created_at,
                "started_at": new.created_at if driven else None,
                "detached": int(new.detached),
                "forked_from": new.forked_from,
            },
        ).fetchone()
        if found is None:
            there = self._find(cursor, new.run_id)
            raise RunIdInUse(new.run_id, there[1].value if there else "unknown")
        key: int = found[0]
        if driven:
            self._add_session(cursor, key, epoch, str(self._engine), new.created_at)
        self._writing.run_event(cursor, key, new.created_at, status, reason, "")
        return key, epoch

    def _add_session(self, cursor: Cursor, key: int, epoch: int, engine: str, at: float) -> None:
        cursor.execute(
            self._database.statements["add_session"], {"run": key, "epoch": epoch, "engine": engine, "at": at}
        )

    def _find(self, cursor: Cursor, run_id: str) -> tuple[int, RunStatus] | None:
        found = cursor.execute(self._database.statements["run_of_id"], {"run_id": run_id}).fetchone()
        return None if found is None else (found[0], RunStatus(found[1]))

    def _expect(self, cursor: Cursor, run_id: str) -> tuple[int, RunStatus]:
        found = self._find(cursor, run_id)
        if found is None:
            raise RunNotFound(run_id)
        return found

    def _is_driven(self, cursor: Cursor, key: int, now: float, dead: Sequence[str]) -> bool:
        parameters = {"run": key, "now": now, "dead": to_json(list(dead))}
        return cursor.execute(self._database.statements["driven"], parameters).fetchone() is not None

    def _record(self, cursor: Cursor, run_id: str) -> RunRecord:
        return run_record(cursor.execute(self._database.statements["run"], {"run_id": run_id}).fetchone())

    # --- sessions ----------------------------------------------------------------------------------------------

    def open_session(
        self,
        run_id: str,
        engine: str,
        now: float,
        *,
        dead: Sequence[str],
        statuses: Sequence[RunStatus],
        reason: Reason = Reason.RESUMED,
    ) -> RunRecord:
        with transaction(self._database) as cursor:
            self._take(cursor, run_id, engine, now, dead, statuses, reason)
            return self._record(cursor, run_id)

    def _take(
        self,
        cursor: Cursor,
        run_id: str,
        engine: str,
        now: float,
        dead: Sequence[str],
        statuses: Sequence[RunStatus],
        reason: Reason,
    ) -> None:
        """Take the run's lease, if it is to be had."""
        sql = self._database.statements
        key, status = self._expect(cursor, run_id)
        if self._is_driven(cursor, key, now, dead):
            raise RunActive(run_id)
        if status not in statuses:
            raise RunNotResumable(run_id, f"it is {status.value}.")
        first = status is RunStatus.PENDING
        why = Reason.STARTED if first else reason
        cursor.execute(sql["end_session"], {"run": key, "at": now})
        cursor.execute(
            sql.with_words("take_run", sources=taken_from()),
            {
                "key": key,
                "engine": engine,
                "now": now,
                "reason": why.value,
                "takeover": int(not first and status not in RUN_TERMINAL),
            },
        )
        cursor.execute(sql["add_session_of_run"], {"run": key, "now": now})
        self._writing.run_event(cursor, key, now, RunStatus.RUNNING, why, "")
        if status is not RunStatus.SUCCEEDED:
            self._reopen(cursor, key, now)

    def _reopen(self, cursor: Cursor, key: int, now: float) -> None:
        """Make ready again what a session left behind unfinished."""
        sql = self._database.statements
        self._end_running_attempts(cursor, key, now, AttemptStatus.LOST, Cause.LOST, "Its driver was lost.")
        pending = reopened_from(TaskStatus.PENDING)
        parameters = {"run": key, "now": now}
        cursor.execute(sql.with_words("add_events_of_reopened", sources=pending), parameters)
        cursor.execute(sql.with_words("reopen_forwarded", sources=pending), parameters)
        # In this order: what the other statement made running has a `forward_to`, which this one passes over.
        cursor.execute(sql.with_words("reopen_others", sources=pending), parameters)
        cursor.execute(sql["drop_flights_of_run"], parameters)

    def _end_running_attempts(
        self, cursor: Cursor, key: int, now: float, status: AttemptStatus, cause: Cause, message: str
    ) -> None:
        cursor.execute(
            self._database.statements["add_ends_of_running"],
            {"run": key, "now": now, "status": status.value, "cause": cause.value, "message": message},
        )

    def reopen_tasks(self, key: int, epoch: int, tasks: Sequence[int], now: float) -> None:
        sql = self._database.statements
        allowed = quoted([s for s in sources(TASK_REOPENINGS, TaskStatus.PENDING) if s is TaskStatus.SUCCEEDED])
        with transaction(self._database) as cursor:
            self._check_lease(cursor, key, epoch)
            for task in tasks:
                where = {"run": key, "task": task}
                cursor.execute(sql.with_words("reopen_unsaved", sources=allowed), where)
                if cursor.rowcount != 1:
                    found = cursor.execute(sql["task_state"], where).fetchone()
                    raise illegal(key, task, None, TaskStatus.PENDING, found)
                cursor.execute(sql["add_event_of_task"], {**where, "now": now})

    def _check_lease(self, cursor: Cursor, key: int, epoch: int) -> None:
        if cursor.execute(self._writing.holds, (key, epoch)).fetchone() is None:
            raise LeaseLost(key, epoch)

    def forget_lease(self, key: int, epoch: int, now: float) -> None:
        with transaction(self._database) as cursor:
            self._check_lease(cursor, key, epoch)
            self._release(cursor, key, now, "Its driver gave it up.")

    def mark_resumable(self, dead: Sequence[str], now: float) -> list[str]:
        parameters = {"now": now, "dead": to_json(list(dead))}
        if not self._rows("orphans", parameters):
            return []
        with transaction(self._database) as cursor:
            found = cursor.execute(self._database.statements["orphans"], parameters).fetchall()
            for key, _ in found:
                self._release(cursor, key, now, "Its driver was lost.")
        return [run_id for _, run_id in found]

    def _release(self, cursor: Cursor, key: int, now: float, message: str) -> None:
        """End a run's session and leave it to be taken up."""
        sql = self._database.statements
        allowed = quoted(sources(RUN_MOVES, RunStatus.RESUMABLE))
        parameters = {"key": key, "reason": Reason.DRIVER_LOST.value, "message": message}
        cursor.execute(sql.with_words("release_run", sources=allowed), parameters)
        if cursor.rowcount != 1:
            run_id, status = cursor.execute(sql["run_status"], {"key": key}).fetchone()
            raise IllegalMove(f"Run '{run_id}'", RunStatus.RESUMABLE.value, f"it is {status}.")
        cursor.execute(sql["end_session"], {"run": key, "at": now})
        self._writing.run_event(cursor, key, now, RunStatus.RESUMABLE, Reason.DRIVER_LOST, message)

    # --- the end of runs ---------------------------------------------------------------------------------------

    def cancel(self, run_id: str, now: float, message: str) -> RunRecord:
        sql = self._database.statements
        allowed = quoted(sources(RUN_MOVES, RunStatus.CANCELED))
        with transaction(self._database) as cursor:
            key, status = self._expect(cursor, run_id)
            if status in RUN_TERMINAL:
                raise RunFinished(run_id, status.value)
            before = self._record(cursor, run_id)
            where = {"run": key, "now": now}
            self._end_running_attempts(cursor, key, now, AttemptStatus.STOPPED, Cause.CANCELED, message)
            cursor.execute(sql["add_events_of_canceled"], where)
            cursor.execute(sql["stop_running"], where)
            cursor.execute(sql["drop_flights_of_run"], where)
            cursor.execute(sql.with_words("cancel_run", sources=allowed), {"key": key, "now": now, "message": message})
            cursor.execute(sql["end_session"], {"run": key, "at": now})
            self._writing.run_event(cursor, key, now, RunStatus.CANCELED, Reason.CANCELED, message)
        return before

    def delete(self, run_id: str, now: float, *, dead: Sequence[str]) -> None:
        with transaction(self._database) as cursor:
            key, _ = self._expect(cursor, run_id)
            if self._is_driven(cursor, key, now, dead):
                raise RunActive(run_id)
            self._delete_runs(cursor, [key])

    def _delete_runs(self, cursor: Cursor, keys: Sequence[int]) -> None:
        """Remove runs with all that hangs on them; ids of events that go do not come again."""
        sql = self._database.statements
        newest = cursor.execute(sql["newest_event"]).fetchone()[0]
        parameters = {"keys": to_json(list(keys))}
        for table in TABLES_OF_RUNS:
            cursor.execute(sql.with_words("delete_of_runs", table=table), parameters)
        cursor.execute(sql["delete_runs"], parameters)
        if newest is not None and cursor.execute(sql["newest_event"]).fetchone()[0] != newest:
            cursor.execute(sql["drop_event_anchors"])
            cursor.execute(sql["add_event_anchor"], {"id": newest})

    def fork(self, run_id: str, new_id: str, engine: str, now: float, plan: ForkPlan) -> RunRecord:
        with transaction(self._database) as cursor:
            key, _ = self._expect(cursor, run_id)
            if self._is_driven(cursor, key, now, ()):
                raise RunActive(run_id)
            there = self._find(cursor, new_id)
            if there is not None:
                raise RunIdInUse(new_id, there[1].value)
            names = {"new_id": new_id, "engine": engine, "now": now}
            new = copy_run(cursor, self._database.statements, key, names, plan)
            self._add_session(cursor, new, 1, engine, now)
            return self._record(cursor, new_id)


def illegal(
    key: int, task: int, attempt: int | None, to: TaskStatus, found: tuple[str, str, str, int] | None
) -> IllegalMove:
    """What a refused move met, in words."""
    if found is None:
        return IllegalMove(f"Task number {task} of run number {key}", to.value, "there is no such task.")
    run_id, name, status, stored = found
    why = f"it is {status} in attempt {stored}"
    if attempt is not None and TaskStatus(status) in sources(TASK_MOVES, to):
        why += f", and this is of attempt {attempt}"
    return IllegalMove(f"Step '{name}' of run '{run_id}'", to.value, why + ".")
