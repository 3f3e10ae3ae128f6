"""What the engine may ask of a store, split by reader; the docstrings are obligations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from manyhands.model.records import (
    AttemptRecord,
    CacheEntry,
    Changes,
    EngineRecord,
    EventRecord,
    ForkPlan,
    MessageRecord,
    RunRecord,
    StateRecord,
    StoreCounts,
    TaskCall,
    TaskRecord,
)
from manyhands.model.states import Reason, RunStatus, TaskStatus
from manyhands.model.values import Encoded


class Journal(Protocol):
    """The write side of runs. Every method is one transaction: all of it is durable when it returns, or none."""

    def commit(self, batch: Sequence[Changes]) -> None:
        """Write all changes of all runs in `batch`, with one event for each new run, task and move, in that order.

        Must, for each `Changes`: when it makes a run, insert run and session and set `key` (an id that exists is
        `RunIdInUse`); when it is `opening` a session, do as `open_session` does for a run that has succeeded, with
        reason `called` (`LeaseLost` when its epoch is not the one before); otherwise check that `epoch` is the run's
        and that its session is open, else `LeaseLost`. Then add `tasks`, apply `moves` in order, keep `states` and
        `document`, mark messages `taken`, then `move`; a terminal `move` ends the session. A move whose guard matches
        no row, or a message that was taken before, is `IllegalMove`; the end of a run that is `called` while a call
        waits is `CallsWaiting`. On any error nothing of the batch is written.
        """
        ...

    def post(self, run_id: str, kind: str, key: str, value: Encoded, now: float) -> tuple[int, str] | None:
        """Leave a message for a run; needs no lease. Returns its id and the engine to wake (`""`: none drives it now).

        A `signal` is for a run that is not over, else `SignalTooLate`; a `call` is for one with an open session: None,
        with nothing written, when there is none. Unknown run: `RunNotFound`.
        """
        ...

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
        """Take the run's lease: raise its epoch by one, set its driver, write the session, the move to `running` and
        its event (with `reason`; `started` for a pending run), and reopen every task that was left running, failed
        or stopped: `running` with reason `forwarded` when it has a `forward_to`, else `pending` (reason `resumed`),
        each with its event; an attempt that was left running is recorded as lost. A task that waited in the driver
        keeps its `due_at`. Of a run that had succeeded nothing is reopened.

        Must refuse, in the same transaction: an unknown run (`RunNotFound`); a run whose stored status is not among
        `statuses` (`RunNotResumable`); a run with an open session whose engine has not expired by `now` and is not
        in `dead` (`RunActive`). A taken-over run (stored `running` or `resumable`) has `takeovers` raised by one.
        Returns the run as it is after the transaction.
        """
        ...

    def reopen_tasks(self, key: int, epoch: int, tasks: Sequence[int], now: float) -> None:
        """Make succeeded tasks whose results were not saved pending again (reason `unsaved`)."""
        ...

    def cancel(self, run_id: str, now: float, message: str) -> RunRecord:
        """Move the run to `canceled` and its running tasks to `stopped`, raise its epoch so that its driver loses the
        lease, and end its session. Unknown run: `RunNotFound`; a finished one: `RunFinished`. Returns the run before
        the move (its `engine` is whom to wake)."""
        ...

    def mark_resumable(self, dead: Sequence[str], now: float) -> list[str]:
        """Move every running run whose engine is in `dead`, or has expired by `now`, to `resumable` and end its
        session, with an event (reason `driver_lost`). Returns the run ids."""
        ...

    def fork(self, run_id: str, new_id: str, engine: str, now: float, plan: ForkPlan) -> RunRecord:
        """Copy a run that is not being driven under a new id with an open session: tasks in `plan.rerun` come pending
        (reason `forked`) with `plan.inputs` put in place of theirs where given, those in `plan.follow` running with
        reason `forwarded`, those in `plan.drop` skipped (reason `forked`), those never run pending, all others as
        they are, with results and last attempts. Errors: `RunNotFound`, `RunIdInUse`."""
        ...

    def delete(self, run_id: str, now: float, *, dead: Sequence[str]) -> None:
        """Remove the run and all that hangs on it. Unknown: `RunNotFound`; one that is driven now: `RunActive`.
        Blobs are left to `prune`, cached results stay."""
        ...

    def forget_lease(self, key: int, epoch: int, now: float) -> None:
        """End the session of a run that this driver gives up unfinished; its status becomes `resumable`."""
        ...


class Engines(Protocol):
    """Who is alive. A lease lives as long as the engine that holds it."""

    def enroll(self, engine: EngineRecord) -> None:
        """Write the engine down, before its first session."""
        ...

    def heartbeat(self, engine: str, expires_at: float) -> bool:
        """Put off the engine's expiry; all its leases with it. One that was taken for dead lives again, though the
        leases it lost stay lost. False when the engine is not known (any more): it has to enroll again."""
        ...

    def retire(self, engine: str, now: float) -> None:
        """The engine ends in good order; its open sessions end, their runs become `resumable`."""
        ...

    def engines(self) -> list[EngineRecord]:
        """Every engine that has not stopped, newest first; also expired ones."""
        ...


class Reading(Protocol):
    """The read side. Nothing here waits for a writer."""

    def run(self, run_id: str) -> RunRecord | None: ...

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
        """Runs in order of making. `statuses` are stored ones. `before`: only keys below (for paging)."""
        ...

    def unclaimed(self, now: float, dead: Sequence[str]) -> list[RunRecord]:
        """Detached pending runs, and resumable or driverless running ones, oldest first: what an engine may take."""
        ...

    def task(self, key: int, name: str) -> TaskRecord | None: ...

    def tasks(
        self, key: int, *, statuses: Sequence[TaskStatus] = (), limit: int | None = None, after: int = -1
    ) -> list[TaskRecord]:
        """A run's tasks by ordinal, those above `after`."""
        ...

    def calls(self, key: int) -> Iterator[TaskCall]:
        """What it takes to run each task, by ordinal."""
        ...

    def count_tasks(self, key: int) -> dict[TaskStatus, int]: ...

    def result(self, key: int, ordinal: int) -> Encoded | None:
        """The task's own saved result; None when there is none (not done, forwarded, or not saved)."""
        ...

    def attempts(self, key: int, ordinal: int | None = None) -> list[AttemptRecord]:
        """Ended attempts of one task, or of all, oldest first."""
        ...

    def events(
        self, *, key: int | None = None, ordinal: int | None = None, after: int = 0, limit: int | None = None
    ) -> list[EventRecord]: ...

    def messages(self, key: int, *, after: int = 0) -> list[MessageRecord]:
        """Messages to the run that nobody has taken yet, in the order they came, those numbered above `after`. Whatever
        is read later has a number above all that were read before."""
        ...

    def message(self, number: int) -> MessageRecord | None: ...

    def states(self, key: int, *, version: int | None = None, latest: bool = False) -> list[StateRecord]:
        """The states of an actor, oldest first; only that of one version, or only the latest."""
        ...

    def named(self, key: int, name: str) -> bool:
        """Whether the run has a task of this name."""
        ...

    def newest_task(self, key: int) -> int:
        """The highest ordinal of the run's tasks; -1 when it has none."""
        ...

    def changed(self) -> int:
        """A number that differs whenever anybody has written since it was last asked for."""
        ...

    def counts(self) -> StoreCounts: ...


class Cache(Protocol):
    """Results by the fingerprint of function and inputs, across runs."""

    def cached(self, key: bytes, now: float) -> CacheEntry | None: ...

    def claim(self, key: bytes, run_key: int, ordinal: int, engine: str, now: float, dead: Sequence[str]) -> bool:
        """Single flight: True when nobody alive computes this key, and from now on this task does. The claim falls
        when the task's move out of `running` is committed, or its engine dies."""
        ...


class Blobs(Protocol):
    """Bytes by content. Safe for many writers; a blob that `put` has returned survives what a commit survives."""

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their content hash; the same bytes are kept once."""
        ...

    def get(self, content_hash: str) -> bytes:
        """The bytes again; `StoreCorrupt` when they are missing or do not match their hash."""
        ...


class Keeping(Protocol):
    """The care of a store."""

    def check(self) -> list[str]:
        """Verify every invariant; each finding is one line naming the rows and what is wrong; none when all is well."""
        ...

    def prune(self, before: float, now: float, *, keep_blobs_newer: float = 3600.0) -> dict[str, int]:
        """Remove finished runs that ended before `before`, expired cache entries, stopped engines, and blobs and log
        files that nothing refers to and that are older than `keep_blobs_newer` seconds. Must never remove what a live
        run, a fork of it or a live cache entry needs. Returns how many of each were removed."""
        ...

    def migrate(self) -> tuple[int, int]:
        """Bring the schema up to date; returns the version before and after."""
        ...


class Store(Journal, Engines, Reading, Cache, Keeping, Protocol):
    """A store. Opening it creates what is missing; the constructor does no I/O."""

    url: str
    log_folder: str

    @property
    def blobs(self) -> Blobs: ...

    def open(self, *, migrate: bool = True) -> None: ...

    def close(self) -> None: ...


class Wakeable(Protocol):
    """Something that can be told across processes that a store has news for it."""

    def wake(self, engines: Iterable[str] | None = None) -> None:
        """Tell these engines (None: everybody who listens) to look at the store."""
        ...

    def fileno(self) -> int:
        """A descriptor that becomes readable when somebody told us."""
        ...

    def drain(self) -> None:
        """Forget what has been told so far."""
        ...

    def close(self) -> None: ...
