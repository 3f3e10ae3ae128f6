"""Runs as an engine would have written them, move by move, in a store in memory."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from manyhands.engine.inspect import Inspect
from manyhands.model.outcomes import LogRange
from manyhands.model.records import AttemptEnd, Changes, EngineRecord, NewRun, NewState, NewTask, RunMove, TaskMove
from manyhands.model.specs import WAITING_ROOM, TaskOptions, TaskSpec
from manyhands.model.states import AttemptStatus, Cause, Reason, RunStatus, TaskStatus
from manyhands.model.values import Encoded
from manyhands.stores.sqlite import SqliteStore

START = 1_700_000_000.0
NOTHING = Encoded("msgpack", msgspec.msgpack.encode([[], {}]))


def plain(*args: Any, **kwargs: Any) -> Encoded:
    data = msgspec.msgpack.encode([list(args), kwargs])
    return Encoded("msgpack", data, None, len(data))


class Graves:
    """Which engines are known to be dead: those that a test has put here."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def dead(self, engines: Sequence[EngineRecord], now: float) -> list[str]:
        return [engine.id for engine in engines if engine.id in self.ids]


class History:
    """A store, a clock that goes on a second with each move, and the read side of both."""

    def __init__(self) -> None:
        self.now = START
        self.graves = Graves()
        self.store = SqliteStore("sqlite://:memory:")
        self.store.open()
        self.engine = EngineRecord("e1", "embedded", "host/boot", 4711, "1", START, START + 1e6)
        self.store.enroll(self.engine)
        self.inspect = Inspect(self.store, self.graves, now=lambda: self.now, pause=self.nothing_more)
        self.when_paused: list[Callable[[], object]] = []

    def nothing_more(self, seconds: float) -> None:
        """Stands for waiting: the next thing that is to happen happens."""
        assert self.when_paused, "the reader waits for something that will not come"
        self.when_paused.pop(0)()

    def tick(self, seconds: float = 1.0) -> float:
        self.now += seconds
        return self.now

    def run(
        self, run_id: str, *, detached: bool = False, metadata: dict[str, Any] | None = None, kind: str = "workflow"
    ) -> "Past":
        new = NewRun(run_id, kind, b"d", 0, metadata or {}, self.now, detached)
        return Past(self, run_id, new)

    def go_on(self, run_id: str) -> "Past":
        """The same session, taken up from what is stored."""
        record = self.store.run(run_id)
        assert record is not None
        return Past(self, run_id, None, record.key, record.epoch)

    def call_again(self, run_id: str) -> "Past":
        """The same engine opens a session for a call."""
        record = self.store.open_session(
            run_id, "e1", self.tick(), dead=(), statuses=list(RunStatus), reason=Reason.CALLED
        )
        return Past(self, run_id, None, record.key, record.epoch)

    def take_over(self, run_id: str) -> "Past":
        """A new engine opens a session."""
        self.store.enroll(EngineRecord("e2", "service", "host/boot", 4712, "2", self.now, self.now + 1e6))
        record = self.store.open_session(
            run_id, "e2", self.tick(), dead=list(self.graves.ids), statuses=list(RunStatus)
        )
        return Past(self, run_id, None, record.key, record.epoch)


class Past:
    """One run's history. Tasks are told by name."""

    def __init__(
        self, history: History, run_id: str, new: NewRun | None, key: int | None = None, epoch: int = 1
    ) -> None:
        self.history = history
        self.run_id = run_id
        self.key = key
        self._new = new
        self._epoch = epoch if new is None or not new.detached else 0
        self._attempts: dict[int, int] = {}
        self._ordinals: dict[str, int] = {}
        if key is not None:
            for task in history.store.tasks(key):
                self._ordinals[task.name] = task.ordinal
                self._attempts[task.ordinal] = task.attempt

    def write(self, **changes: Any) -> "Past":
        made = Changes(self.key, self._epoch, new_run=self._new, **changes)
        self.history.store.commit([made])
        self.key, self._new = made.key, None
        return self

    def task(
        self,
        name: str,
        *upstreams: str,
        parent: str | None = None,
        inputs: Encoded = NOTHING,
        kind: str = "function",
        **options: Any,
    ) -> "Past":
        ordinal = self._ordinals[name] = len(self._ordinals)
        spec = TaskSpec(
            name, name, "c" * 32, inputs, options=TaskOptions(**options), metadata={"step": name}, kind=kind
        )
        above = None if parent is None else self._ordinals[parent]
        new = NewTask(ordinal, name, spec, [self._ordinals[u] for u in upstreams], above, self.history.tick())
        return self.write(tasks=[new])

    def move(self, name: str, to: TaskStatus, reason: Reason, **more: Any) -> "Past":
        ordinal = self._ordinals[name]
        at = self.history.tick()
        return self.write(moves=[TaskMove(ordinal, to, self._attempts.get(ordinal, 0), at, reason, **more)])

    def start(self, name: str, worker: str = "process") -> "Past":
        ordinal = self._ordinals[name]
        self._attempts[ordinal] = self._attempts.get(ordinal, 0) + 1
        now = self.history.now + 1
        return self.move(name, TaskStatus.RUNNING, Reason.STARTED, start=True, worker=worker, started_at=now)

    def wait(self, name: str, reason: Reason, message: str = "", due_at: float | None = None) -> "Past":
        """The task begins to wait in the driver."""
        ordinal = self._ordinals[name]
        self._attempts[ordinal] = self._attempts.get(ordinal, 0) + 1
        more = {"start": True, "worker": WAITING_ROOM, "started_at": self.history.now + 1, "due_at": due_at}
        return self.move(name, TaskStatus.RUNNING, reason, message=message, **more)

    def now_is(self, version: int, name: str, value: Encoded) -> "Past":
        """The actor is this after the task."""
        state = NewState(version, self._ordinals[name], "c" * 32, self.history.tick(), value)
        return self.write(states=[state], entry=self._ordinals[name])

    def succeed(self, name: str, reason: Reason = Reason.DONE, **more: Any) -> "Past":
        ended = self.history.now + 1
        if "attempt_end" not in more and reason is Reason.DONE and more.get("source") is None:
            more["attempt_end"] = AttemptEnd(
                AttemptStatus.SUCCEEDED, ended - 1, ended, "process:7", log=more.pop("log", None)
            )
        if "source" in more:
            more["source"] = self._ordinals[more["source"]]
        else:
            more.setdefault("result", plain(1))
        return self.move(name, TaskStatus.SUCCEEDED, reason, ended_at=ended, **more)

    def done(self, *names: str) -> "Past":
        for name in names:
            self.start(name).succeed(name)
        return self

    def end(self, status: AttemptStatus, cause: Cause, message: str, log: LogRange | None = None) -> AttemptEnd:
        now = self.history.now
        return AttemptEnd(
            status, now, now + 1, "process:7", cause, message, traceback=f"Traceback\n  File\n{message}", log=log
        )

    def let_go(self, name: str) -> "Past":
        """The process of an app ends, whose task this is; the app can be gone on with."""
        told = "its process has ended"
        end = self.end(AttemptStatus.LOST, Cause.LOST, told)
        self.move(name, TaskStatus.FAILED, Reason.LOST, message=told, attempt_end=end)
        return self.over(RunStatus.RESUMABLE, Reason.LOST, told, source=name)

    def retry(self, name: str, message: str, due_in: float, cause: Cause = Cause.ERROR) -> "Past":
        end = self.end(AttemptStatus.LOST if cause is Cause.LOST else AttemptStatus.FAILED, cause, message)
        due = self.history.now + 1 + due_in
        return self.move(name, TaskStatus.PENDING, Reason.RETRY, message=message, due_at=due, attempt_end=end)

    def fail(self, name: str, message: str, log: LogRange | None = None, source: str | None = None) -> "Past":
        if source is not None:
            return self.move(name, TaskStatus.FAILED, Reason.ERROR, message=message, source=self._ordinals[source])
        end = self.end(AttemptStatus.FAILED, Cause.ERROR, message, log)
        return self.move(name, TaskStatus.FAILED, Reason.ERROR, message=message, attempt_end=end)

    def forward(self, name: str, to: str) -> "Past":
        ended = self.history.now + 1
        end = AttemptEnd(AttemptStatus.SUCCEEDED, ended - 1, ended, "process:7")
        source = self._ordinals[to]
        return self.move(name, TaskStatus.RUNNING, Reason.FORWARDED, source=source, ended_at=ended, attempt_end=end)

    def over(self, status: RunStatus, reason: Reason, message: str = "", source: str | None = None) -> "Past":
        ordinal = None if source is None else self._ordinals[source]
        return self.write(move=RunMove(status, self.history.tick(), reason, message, ordinal))
