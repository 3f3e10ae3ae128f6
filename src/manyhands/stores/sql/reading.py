"""The read side; nothing here waits for a writer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from manyhands.model.records import (
    AttemptRecord,
    EventRecord,
    MessageRecord,
    RunRecord,
    StateRecord,
    StoreCounts,
    TaskCall,
    TaskRecord,
)
from manyhands.model.states import RunStatus, TaskStatus
from manyhands.model.values import Encoded
from manyhands.stores.blobs import KeptBlobs
from manyhands.stores.sql.database import OverDatabase
from manyhands.stores.sql.rows import (
    TASK_STATUS,
    attempt_record,
    encoded,
    event_record,
    message_record,
    run_record,
    state_record,
    task_record,
    to_json,
)

NO_LIMIT = -1
"""What SQLite takes for no limit at all."""

NEWEST = 2**62
"""Above every key."""

CALLS_AT_ONCE = 5000
"""Rows; a run's calls are read in pages, so that no read stays open while the reader works on them."""


class SqlReading(OverDatabase):
    """Everything that is only read."""

    _blobs: KeptBlobs

    def run(self, run_id: str) -> RunRecord | None:
        row = self._row("run", {"run_id": run_id})
        return None if row is None else run_record(row)

    def runs(
        self,
        *,
        statuses: Sequence[RunStatus] = (),
        kind: str | None = None,
        prefix: str = "",
        limit: int | None = None,
        before: int | None = None,
        newest_first: bool = False,
    ) -> list[RunRecord]:
        parameters = {
            "any_status": not statuses,
            "statuses": to_json(list(statuses)),
            "kind": kind,
            "prefix": prefix,
            "limit": NO_LIMIT if limit is None else limit,
            "before": NEWEST if before is None else before,
        }
        return [run_record(row) for row in self._rows("runs_newest_first" if newest_first else "runs", parameters)]

    def unclaimed(self, now: float, dead: Sequence[str]) -> list[RunRecord]:
        return [run_record(row) for row in self._rows("unclaimed", {"now": now, "dead": to_json(list(dead))})]

    def task(self, key: int, name: str) -> TaskRecord | None:
        row = self._row("task", {"run": key, "name": name})
        return None if row is None else task_record(row)

    def tasks(
        self, key: int, *, statuses: Sequence[TaskStatus] = (), limit: int | None = None, after: int = -1
    ) -> list[TaskRecord]:
        parameters = {
            "run": key,
            "any_status": not statuses,
            "statuses": to_json(list(statuses)),
            "limit": NO_LIMIT if limit is None else limit,
            "after": after,
        }
        return [task_record(row) for row in self._rows("tasks", parameters)]

    def calls(self, key: int) -> Iterator[TaskCall]:
        after = -1
        while True:
            rows = self._rows("calls", {"run": key, "after": after, "limit": CALLS_AT_ONCE})
            for ordinal, code, codec, data, blob, size, function_key in rows:
                yield TaskCall(ordinal, code, Encoded(codec, data, blob, size), function_key)
            if len(rows) < CALLS_AT_ONCE:
                return
            after = rows[-1][0]

    def count_tasks(self, key: int) -> dict[TaskStatus, int]:
        return {TASK_STATUS[status]: count for status, count in self._rows("count_tasks", {"run": key})}

    def result(self, key: int, ordinal: int) -> Encoded | None:
        row = self._row("result", {"run": key, "task": ordinal})
        return None if row is None else encoded(*row)

    def attempts(self, key: int, ordinal: int | None = None) -> list[AttemptRecord]:
        if ordinal is None:
            rows = self._rows("attempts_of_run", {"run": key})
        else:
            rows = self._rows("attempts_of_task", {"run": key, "task": ordinal})
        return [attempt_record(row) for row in rows]

    def events(
        self, *, key: int | None = None, ordinal: int | None = None, after: int = 0, limit: int | None = None
    ) -> list[EventRecord]:
        parameters = {"run": key, "task": ordinal, "after": after, "limit": NO_LIMIT if limit is None else limit}
        return [event_record(row) for row in self._rows("events" if key is None else "events_of_run", parameters)]

    def messages(self, key: int, *, after: int = 0) -> list[MessageRecord]:
        return [message_record(row) for row in self._rows("messages", {"run": key, "after": after})]

    def message(self, number: int) -> MessageRecord | None:
        row = self._row("message", {"id": number})
        return None if row is None else message_record(row)

    def states(self, key: int, *, version: int | None = None, latest: bool = False) -> list[StateRecord]:
        if latest:
            rows = self._rows("latest_state", {"run": key})
        else:
            rows = self._rows("states", {"run": key, "version": version})
        return [state_record(row) for row in rows]

    def named(self, key: int, name: str) -> bool:
        return self._row("named", {"run": key, "name": name}) is not None

    def newest_task(self, key: int) -> int:
        found = self._value("newest_task", {"run": key})
        return -1 if found is None else int(found)

    def changed(self) -> int:
        return self._database.version()

    def counts(self) -> StoreCounts:
        tasks, attempts, events, cached = self._rows("count_rows")[0]
        blobs, blob_bytes = self._blobs.totals()
        return StoreCounts(
            schema=self._database.schema_version(),
            runs=dict(self._rows("count_runs")),
            tasks=tasks,
            attempts=attempts,
            events=events,
            cached=cached,
            blobs=blobs,
            blob_bytes=blob_bytes,
            file_bytes=self._database.sizes(),
        )
