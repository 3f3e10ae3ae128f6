"""Rows as they are read, and the records they stand for."""

from __future__ import annotations

from typing import Any

import msgspec

from manyhands.model.outcomes import LogRange
from manyhands.model.records import (
    AttemptEnd,
    AttemptRecord,
    EngineRecord,
    EventRecord,
    MessageRecord,
    RunRecord,
    StateRecord,
    TaskRecord,
)
from manyhands.model.states import AttemptStatus, Cause, RunStatus, TaskStatus
from manyhands.model.values import Encoded
from manyhands.stores.sql.database import Row

RUN_COLUMNS = 17

RUN_STATUS = {status.value: status for status in RunStatus}
TASK_STATUS = {status.value: status for status in TaskStatus}
ATTEMPT_STATUS = {status.value: status for status in AttemptStatus}
CAUSE: dict[str | None, Cause | None] = {None: None, **{cause.value: cause for cause in Cause}}

encode_json = msgspec.json.Encoder().encode
decode_json = msgspec.json.Decoder().decode


def to_json(value: Any) -> str:
    return encode_json(value).decode()


def from_json(text: str) -> Any:
    """The value again; fresh, so that the caller may change it."""
    if text == "{}":
        return {}
    return decode_json(text) if text != "[]" else []


def encoded(codec: str | None, data: bytes | None, blob: str | None, size: int | None) -> Encoded | None:
    if codec is None:
        return None
    return Encoded(codec, data or b"", blob, size or 0)


def columns(value: Encoded) -> dict[str, Any]:
    """A saved value as the columns that hold it."""
    return {"codec": value.codec, "data": value.data, "blob": value.blob, "size": value.size}


def message_record(row: Row) -> MessageRecord:
    number, kind, key, at, codec, data, blob, size, task = row
    return MessageRecord(number, kind, key, at, Encoded(codec, data, blob, size), task)


def state_record(row: Row) -> StateRecord:
    version, task, code, at, codec, data, blob, size = row
    return StateRecord(version, task, code, at, Encoded(codec, data, blob, size))


def run_record(row: Row) -> RunRecord:
    values = list(row[:RUN_COLUMNS])
    engine = row[RUN_COLUMNS:]
    values.append(None if engine[0] is None else EngineRecord(*engine))
    values[3] = RUN_STATUS[values[3]]
    values[8] = from_json(values[8])
    values[13] = bool(values[13])
    return RunRecord(*values)


def task_record(row: Row) -> TaskRecord:
    values = list(row)
    values[5] = TASK_STATUS[values[5]]
    values[12] = values[12] != 0
    values[18] = from_json(values[18])
    values[19] = from_json(values[19])
    values[20] = from_json(values[20])
    values[21] = values[21] != 0
    return TaskRecord(*values)


def attempt_record(row: Row) -> AttemptRecord:
    (task, number, status, started_at, ended_at, worker, cause, message, exit_code, signal) = row[:10]
    (codec, data, blob, size, traceback, log_file, log_start, log_end) = row[10:]
    end = AttemptEnd(
        ATTEMPT_STATUS[status],
        started_at,
        ended_at,
        worker,
        CAUSE[cause],
        message,
        exit_code,
        signal,
        encoded(codec, data, blob, size),
        traceback,
        LogRange(log_file, log_start, log_end) if log_file is not None else None,
    )
    return AttemptRecord(task, number, end)


def event_record(row: Row) -> EventRecord:
    return EventRecord(*row)
