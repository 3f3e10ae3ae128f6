"""What the store holds, as it is written and as it is read back."""

from __future__ import annotations

from typing import Any

import msgspec

from manyhands.model.outcomes import LogRange
from manyhands.model.specs import TaskSpec
from manyhands.model.states import AttemptStatus, Cause, Reason, RunStatus, TaskStatus
from manyhands.model.values import Encoded

# --- written ---------------------------------------------------------------------------------------------------


class NewRun(msgspec.Struct):
    """A run to be made. `definition`: digest of the tasks it was made from. `entry`: ordinal of the task whose
    outcome is the run's. `detached`: some engine is to drive it, not the one that writes it."""

    run_id: str
    kind: str
    definition: bytes
    entry: int
    metadata: dict[str, Any]
    created_at: float
    detached: bool = False
    forked_from: str | None = None


class NewTask(msgspec.Struct):
    """A task to be added: its place, its unique name, and its specification with upstreams as ordinals of the run."""

    ordinal: int
    name: str
    spec: TaskSpec
    upstreams: list[int]
    parent: int | None
    created_at: float


class AttemptEnd(msgspec.Struct):
    """How an attempt ended; written once, with the move of its task."""

    status: AttemptStatus
    started_at: float
    ended_at: float
    worker: str = ""
    cause: Cause | None = None
    message: str = ""
    exit_code: int | None = None
    signal: int | None = None
    exception: Encoded | None = None
    traceback: str = ""
    log: LogRange | None = None


class TaskMove(msgspec.Struct):
    """One task's change of state. The write is guarded: the row must be in a state that may become `to`, and its
    `attempt` must be the one named here (for `to=running` as a start: one less, since the move raises it).

    `start`: this running is the start of attempt `attempt`. `source`: the task whose outcome is this one's; in a move
    with reason `forwarded`, the task that goes on in its place (kept as `forward_to`).
    `caught`: the outcome is given as `(value, None)` or `(None, exception)`. `ended_at` is set when the body ended.
    `due_at`: when a pending task may be tried again. `result`: None for a value that is not to be saved.
    """

    task: int
    to: TaskStatus
    attempt: int
    at: float
    reason: Reason
    message: str = ""
    start: bool = False
    worker: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    source: int | None = None
    caught: bool = False
    due_at: float | None = None
    result: Encoded | None = None
    attempt_end: AttemptEnd | None = None
    cache_key: bytes | None = None
    cache_expires: float | None = None


class RunMove(msgspec.Struct):
    """The run's own change of state; a terminal one ends its session. `source`: the task whose failure it is."""

    to: RunStatus
    at: float
    reason: Reason
    message: str = ""
    source: int | None = None


class NewState(msgspec.Struct):
    """What an actor is after a call. `code`: content hash of the class that made it; versions count from 1."""

    version: int
    task: int
    code: str
    at: float
    value: Encoded


class Opening(msgspec.Struct):
    """A session that the commit itself opens, of a run that has succeeded and is called again."""

    run_id: str
    engine: str
    at: float


class Changes(msgspec.Struct):
    """All that one commit changes in one run. `key` is None for a run that the commit makes, and set by it.

    `tasks` are added before `moves` are made, and `move` comes last. `taken`: messages that tasks have taken, as pairs
    of message id and ordinal. `entry`: the task whose outcome is the run's from now on. `called`: the run takes calls,
    so it may not end while one waits. `opening`: the session of `epoch` is opened first. `document`: what the run's
    face keeps of it, in place of what it kept before.
    """

    key: int | None
    epoch: int
    new_run: NewRun | None = None
    tasks: list[NewTask] = []
    moves: list[TaskMove] = []
    move: RunMove | None = None
    states: list[NewState] = []
    document: Encoded | None = None
    taken: list[tuple[int, int]] = []
    entry: int | None = None
    called: bool = False
    opening: Opening | None = None


class ForkPlan(msgspec.Struct):
    """What a fork does anew. `rerun`: tasks whose bodies run again; `follow`: tasks that had forwarded and go on
    waiting for what they forwarded to; `drop`: tasks that a body in `rerun` had returned, skipped in the fork (the
    body returns new ones); `inputs`: new inputs by ordinal. All other tasks are taken over with their results."""

    rerun: list[int]
    follow: list[int]
    drop: list[int]
    inputs: dict[int, Encoded]


# --- read back -------------------------------------------------------------------------------------------------


class EngineRecord(msgspec.Struct):
    """One engine process. `kind`: `embedded` in a user's process, or `service`. `born`: the process' start time in
    the host's own clock, which tells a live process from another one that was given the same number."""

    id: str
    kind: str
    host: str
    pid: int
    born: str
    started_at: float
    expires_at: float
    stopped_at: float | None = None


class RunRecord(msgspec.Struct):
    """A run as stored. `status` is what is stored; whether its driver lives is `engine`'s to say (None: no driver)."""

    key: int
    run_id: str
    kind: str
    status: RunStatus
    reason: str
    message: str
    definition: bytes
    entry: int
    metadata: dict[str, Any]
    epoch: int
    created_at: float
    started_at: float | None
    ended_at: float | None
    detached: bool
    forked_from: str | None
    source: int | None
    takeovers: int
    engine: EngineRecord | None = None


class TaskRecord(msgspec.Struct):
    """A task as stored, without its inputs and result."""

    ordinal: int
    name: str
    base: str
    label: str
    kind: str
    status: TaskStatus
    reason: str
    message: str
    attempt: int
    parent: int | None
    source: int | None
    forward_to: int | None
    caught: bool
    worker: str
    created_at: float
    started_at: float | None
    ended_at: float | None
    due_at: float | None
    upstreams: list[int]
    options: dict[str, Any]
    metadata: dict[str, Any]
    saved: bool
    cache_key: bytes | None = None


class TaskCall(msgspec.Struct):
    """The part of a task that never changes and is needed to run it."""

    ordinal: int
    code: str
    inputs: Encoded
    function_key: bytes | None = None


class AttemptRecord(msgspec.Struct):
    """An attempt that has ended."""

    task: int
    number: int
    end: AttemptEnd


class EventRecord(msgspec.Struct):
    """One recorded change of state. `id` rises over the whole store; `task` is None for an event of the run."""

    id: int
    at: float
    run_key: int
    run_id: str
    task: int | None
    name: str | None
    attempt: int | None
    state: str
    reason: str
    message: str


class MessageRecord(msgspec.Struct):
    """A message to a run. `kind`: `signal`, or `call` of an actor. `task`: who has taken it, None while it waits."""

    id: int
    kind: str
    key: str
    at: float
    value: Encoded
    task: int | None = None


class StateRecord(msgspec.Struct):
    """What an actor was after the call `task`. `code`: content hash of its class."""

    version: int
    task: int
    code: str
    at: float
    value: Encoded


class CacheEntry(msgspec.Struct):
    """A cached result and the call that made it. `run_id` and `name` may be of a run that was deleted since."""

    value: Encoded
    run_id: str
    name: str
    at: float
    expires_at: float | None


class StoreCounts(msgspec.Struct):
    """Sizes for `manyhands store info`. Bytes are bytes; counts are rows."""

    schema: int
    runs: dict[str, int]
    tasks: int
    attempts: int
    events: int
    cached: int
    blobs: int
    blob_bytes: int
    file_bytes: int
