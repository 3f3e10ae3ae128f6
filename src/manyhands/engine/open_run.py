"""A run that stays open until whoever made it ends it: calls are added as they come, and a document is kept with it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol, cast

from manyhands.codecs.calls import NO_INPUTS
from manyhands.engine.client import Client
from manyhands.engine.drive import Drive
from manyhands.engine.handle import RunReference
from manyhands.engine.tickets import Ticket
from manyhands.model.errors import RunIdInUse
from manyhands.model.outcomes import Failure, Outcome, Value
from manyhands.model.records import TaskRecord
from manyhands.model.specs import PRESENCE, TaskOptions, TaskSpec
from manyhands.model.states import TASK_TERMINAL, Cause, RunStatus
from manyhands.model.values import Encoded

PARTING = 10.0
"""Seconds that the end of the run may take."""

LOOK_SECONDS = 0.01


class Presence(Protocol):
    """The executor of the task that keeps a run open."""

    def holds(self, run: int) -> bool: ...

    def end(self, run: int, outcome: Outcome) -> None: ...


class OpenRun:
    """One thread uses it. `told`: called by the thread that drives when a call is over, or the run is.

    `taken_up`: the run was there before, and so may calls of it be that are not over; they run again.
    """

    def __init__(self, client: Client, drive: Drive, told: Callable[[], None], *, taken_up: bool) -> None:
        self._client = client
        self._engine = client.engine
        self._drive = drive
        self._told = told
        self.run_id = drive.run_id
        self.taken_up = taken_up

    @classmethod
    def begin(
        cls, client: Client, run_id: str | None, *, kind: str, metadata: dict[str, Any], told: Callable[[], None]
    ) -> OpenRun:
        """Start a run of this kind, or take up the one of this id that nobody drives, whatever came of it.

        Errors: `RunActive` while somebody drives it, `RunIdInUse` for a run of another kind.
        """
        record = None if run_id is None else client.engine.store.run(run_id)
        keeper = _keeper(kind)
        if record is None:
            reference = client.start(run_id, [keeper], kind=kind, metadata=metadata, definition=kind.encode())
        else:
            if record.kind != kind:
                raise RunIdInUse(record.run_id, record.status.value)
            over = record.status is RunStatus.SUCCEEDED
            reference = client.open(record, tuple(RunStatus), ticket=Ticket([keeper]) if over else None)
        client.secure(reference)
        drive = cast(RunReference, reference).drive
        assert drive is not None  # noqa: S101 - it was started or opened here
        return cls(client, drive, told, taken_up=record is not None)

    @property
    def key(self) -> int:
        """The run's number in the store."""
        return self._drive.key or 0

    @property
    def lost(self) -> BaseException | None:
        """Why the run is driven here no more: it was canceled, or somebody else has taken it up."""
        return self._drive.error if self._drive.done else None

    @property
    def over(self) -> bool:
        return self._drive.done

    def call(self, spec: TaskSpec, document: Any = None) -> Ticket:
        """Add a call; it is durable when this returns, together with the document, unless that is None."""
        ticket = Ticket([spec], self._told)
        kept = self._encoded(document)
        driver, key = self._engine.driver, self.key

        def enter() -> None:
            driver.enter(key, ticket)
            self._put(kept)

        driver.ask(enter)
        self._engine.run_until(lambda: ticket.entered or ticket.done)
        self._engine.in_background()
        return ticket

    def keep(self, document: Any) -> None:
        """Keep this document in place of the one before; it is written soon."""
        kept = self._encoded(document)
        self._engine.driver.ask(lambda: self._put(kept))

    def _encoded(self, document: Any) -> Encoded | None:
        if document is None:
            return None
        return self._engine.kit.values.encode(document, f"the state of {self.run_id}")

    def _put(self, kept: Encoded | None) -> None:
        """By the thread that drives."""
        if kept is not None and not self._drive.done:
            self._drive.changes.document = kept
            self._drive.dirty = True

    def document(self) -> Any:
        """The document as it was kept last; None when there is none."""
        found = self._engine.store.states(self.key, latest=True)
        return self._engine.kit.values.decode(found[0].value, f"the state of {self.run_id}") if found else None

    # --- calls that are over, or were not when the run was left -----------------------------------------------------

    def task(self, ticket: Ticket) -> TaskRecord:
        """What the store says of a call that has entered."""
        return self.stored(ticket.ordinal or 0)

    def stored(self, ordinal: int) -> TaskRecord:
        return self._engine.store.tasks(self.key, after=ordinal - 1, limit=1)[0]

    def result(self, ordinal: int) -> Any:
        """What a call that has succeeded returned."""
        value = self._engine.outputs.encoded(self.key, self.run_id, ordinal)
        return self._engine.kit.values.decode(value, f"the result of a call of {self.run_id}")

    def left(self, kind: str) -> list[Ticket]:
        """Tickets of all tasks of this kind that are not over and have none: those of a run that was taken up, and
        those that others have asked for."""
        drive, found, done = self._drive, [], []

        def adopt() -> None:
            for task, job in enumerate(drive.jobs):
                if job.spec.kind != kind or task in drive.tickets:
                    continue
                if drive.machine.status(task) not in TASK_TERMINAL:
                    ticket = Ticket([job.spec], self._told)
                    ticket.ordinal = drive.ordinal(task)
                    ticket.entered = True
                    drive.tickets.add(task, ticket)
                    found.append(ticket)
            done.append(True)

        self._engine.driver.ask(adopt)
        self._engine.run_until(lambda: bool(done) or drive.done)
        self._engine.in_background()
        return found

    # --- the end ----------------------------------------------------------------------------------------------------

    def end(self, failure: str | None = None) -> None:
        """The run is over: it has succeeded, or failed for this reason. Calls of it must be over before."""
        if failure is None:
            self._leave(Value(self._engine.kit.values.encode(None, "nothing")))
        else:
            self._leave(Failure(Cause.ERROR, failure, retryable=False))

    def cancel(self) -> None:
        """The run is over, as somebody wanted it so."""
        self._client.cancel(self.run_id)

    def leave(self) -> None:
        """Let the run be taken up by somebody else, later."""
        self._leave(Failure(Cause.LOST, "its process has ended", retryable=False))

    def _leave(self, outcome: Outcome) -> None:
        engine, drive = self._engine, self._drive
        presence = cast(Presence, engine.executors[PRESENCE])
        due = time.monotonic() + PARTING
        # A run may end as soon as it was taken up, when what keeps it open has yet to be started.
        engine.run_until(lambda: drive.done or presence.holds(self.key), deadline=due, nudge=LOOK_SECONDS)
        engine.driver.ask(lambda: presence.end(self.key, outcome))
        engine.run_until(lambda: drive.done, deadline=due)


def _keeper(kind: str) -> TaskSpec:
    options = TaskOptions(attempts=1, lost_attempts=1, executor=PRESENCE)
    return TaskSpec(kind, kind, "", NO_INPUTS, options=options, kind=PRESENCE)
