"""Whether the recorded events of a run are a legal history, and where it leads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from manyhands.model.records import EventRecord
from manyhands.model.states import (
    RUN_MOVES,
    RUN_REOPENINGS,
    RUN_TERMINAL,
    TASK_MOVES,
    TASK_REOPENINGS,
    Reason,
    RunStatus,
    TaskStatus,
)

RUN_STATUSES = {status.value: status for status in RunStatus}
TASK_STATUSES = {status.value: status for status in TaskStatus}

REOPENED = frozenset({Reason.RESUMED, Reason.FORWARDED, Reason.UNSAVED})
"""Reasons with which a new session moves tasks back."""


@dataclass
class TaskHistory:
    """Where a task stands after its events so far. `attempt`: the number of its last start, 0 before the first."""

    name: str
    status: TaskStatus = TaskStatus.NOT_STARTED
    attempt: int = 0
    forwarded: bool = False
    session: int = 0


@dataclass
class History:
    """What the events of one run come to. `findings`: each breach of the table of moves, as one line."""

    run: RunStatus | None = None
    tasks: dict[int, TaskHistory] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)
    session: int = 0


def replay(events: Iterable[EventRecord]) -> History:
    """Follow the events of one run, in order of their ids."""
    history = History()
    last = 0
    for event in events:
        if event.id <= last:
            history.findings.append(f"event {event.id} comes after event {last}")
        last = event.id
        if event.task is None:
            finding = _run_event(history, event)
        else:
            finding = _task_event(history, event, event.task)
        if finding:
            who = f"run {event.run_id}" if event.task is None else f"task {event.name} of run {event.run_id}"
            history.findings.append(f"event {event.id}: {who} {finding}")
    history.findings.extend(_left_over(history))
    return history


def _run_event(history: History, event: EventRecord) -> str:
    before, now = history.run, RUN_STATUSES.get(event.state)
    if now is None:
        return f"is said to be {event.state}, which is no status of a run"
    history.run = now
    if before is None:
        return "" if now is RunStatus.PENDING or now is RunStatus.RUNNING else f"began as {now}"
    if now is RunStatus.RUNNING:
        history.session += 1
    if now in RUN_MOVES[before]:
        return ""
    if event.reason == Reason.RESUMED and now in RUN_REOPENINGS.get(before, ()):
        return ""
    return f"became {now} ({event.reason}) from {before}"


def _task_event(history: History, event: EventRecord, ordinal: int) -> str:
    now = TASK_STATUSES.get(event.state)
    if now is None:
        return f"is said to be {event.state}, which is no status of a task"
    task = history.tasks.get(ordinal)
    if task is None:
        task = history.tasks[ordinal] = TaskHistory(event.name or "", session=history.session)
        if event.reason == Reason.FORKED:
            task.status, task.attempt = now, event.attempt or 0
            task.forwarded = now is TaskStatus.RUNNING
            return ""
    finding = _move(task, now, event, history)
    if now is TaskStatus.RUNNING and event.reason != Reason.FORWARDED:
        task.attempt += 1
        task.forwarded = False
    elif now is not TaskStatus.RUNNING or event.reason == Reason.FORWARDED:
        task.forwarded = now is TaskStatus.RUNNING
    task.status = now
    task.session = history.session
    if not finding and event.attempt is not None and event.attempt != task.attempt:
        finding = f"became {now} in attempt {event.attempt}, but {task.attempt} is its last"
        task.attempt = event.attempt
    return finding


def _move(task: TaskHistory, now: TaskStatus, event: EventRecord, history: History) -> str:
    """What is wrong with this move, if anything."""
    before = task.status
    said = f"became {now} ({event.reason}) from {before}"
    new_session = task.session < history.session
    if event.reason in REOPENED and now in TASK_REOPENINGS.get(before, ()) and new_session:
        return ""
    if now not in TASK_MOVES[before]:
        return said
    if history.run in RUN_TERMINAL and not (now is TaskStatus.STOPPED and event.reason == Reason.CANCELED):
        return f"{said}, but the run was {history.run}"
    if before is TaskStatus.RUNNING and now is TaskStatus.RUNNING:
        good = event.reason == Reason.FORWARDED and (new_session or not task.forwarded)
        return "" if good else f"{said}, but not as a forward"
    if task.forwarded and now is TaskStatus.PENDING:
        return f"{said}, though its body was done and another task went on in its place"
    return ""


def _left_over(history: History) -> Iterable[str]:
    """Tasks that run in a run that has ended. In a failed run, what was forwarded may be left for a resume."""
    if history.run not in RUN_TERMINAL:
        return
    for task in history.tasks.values():
        if task.status is TaskStatus.RUNNING and not (task.forwarded and history.run is RunStatus.FAILED):
            yield f"task {task.name} is still running, but the run is {history.run}"
