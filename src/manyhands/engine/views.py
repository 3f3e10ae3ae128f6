"""What readers are shown: runs, tasks, attempts and events, with names in the place of numbers."""

from __future__ import annotations

from typing import Any

import msgspec

from manyhands.model.states import AttemptStatus, RunStatus, TaskStatus


class EngineView(msgspec.Struct, kw_only=True):
    """An engine. `alive` as far as can be known from here; `runs` are those it drives now."""

    id: str
    kind: str
    host: str
    pid: int
    alive: bool
    started_at: float
    expires_at: float
    runs: list[str] = []


class RunView(msgspec.Struct, kw_only=True):
    """A run. `status` is the effective one: a run whose driver is gone is `resumable`, whatever is `stored`.

    `source`: name of the step whose failure ended the run. `counts`: its tasks by effective status.
    `key`: the store's number of the run, by which a list is paged. Times are seconds since the epoch.
    `version`: number of an actor's latest state, given where `counts` are; None before its constructor is done.
    """

    id: str
    key: int
    kind: str
    status: RunStatus
    stored: RunStatus
    reason: str
    message: str
    metadata: dict[str, Any]
    created_at: float
    started_at: float | None
    ended_at: float | None
    duration: float | None
    detached: bool
    forked_from: str | None
    takeovers: int
    entry: str | None = None
    source: str | None = None
    driver: EngineView | None = None
    counts: dict[TaskStatus, int] | None = None
    version: int | None = None


class TaskView(msgspec.Struct, kw_only=True):
    """A task. `status` is the effective one: nothing runs in a run that nobody drives.

    `parent`: the step that returned it. `forward_to`: the step that goes on in its place. `source`: the step whose
    outcome is this one's. `duration`: seconds of its last body, or since it began.
    """

    name: str
    ordinal: int
    label: str
    kind: str
    status: TaskStatus
    stored: TaskStatus
    reason: str
    message: str
    attempt: int
    parent: str | None
    upstreams: list[str]
    source: str | None
    forward_to: str | None
    caught: bool
    saved: bool
    worker: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    due_at: float | None
    duration: float | None
    options: dict[str, Any]
    metadata: dict[str, Any]


class AttemptView(msgspec.Struct, kw_only=True):
    """An attempt that has ended. `error`: what went wrong, in one line. `logged`: how many bytes of output it left."""

    task: str
    number: int
    status: AttemptStatus
    cause: str | None
    message: str
    error: str
    traceback: str
    worker: str
    started_at: float
    ended_at: float
    duration: float
    exit_code: int | None
    signal: int | None
    logged: int


class StateView(msgspec.Struct, kw_only=True):
    """What an actor was after the call `step`. `codec` and `size`, in bytes: how it is saved. `value`: the state, where
    it can be read without the user's code, else None; a default state is the JSON text of the attributes."""

    version: int
    step: str
    at: float
    codec: str
    size: int
    value: Any


class EventView(msgspec.Struct, kw_only=True):
    """One change of state: of the run when `task` is None, else of that task."""

    id: int
    at: float
    run: str
    task: str | None
    attempt: int | None
    state: str
    reason: str
    message: str


class TreeNode(msgspec.Struct, kw_only=True):
    """A task with the tasks that it returned."""

    task: TaskView
    children: list[TreeNode] = []


class Log(msgspec.Struct, kw_only=True):
    """What an attempt wrote. `skipped`: how many bytes before `text` were left out. `note`: why there is no text."""

    task: str
    attempt: int
    text: str
    skipped: int = 0
    note: str = ""


class ProgressView(msgspec.Struct, kw_only=True):
    """How far a run is. `rate`: tasks done per second of late; `left`: seconds to go at that rate, None while nobody
    can tell."""

    run: str
    status: RunStatus
    total: int
    done: int
    running: int
    failed: int
    waiting: int
    elapsed: float | None
    rate: float | None
    left: float | None
    now_running: list[str]
