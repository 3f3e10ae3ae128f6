"""An app as a run of the engine: its calls are tasks, and its state is the run's document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol, cast

import cloudpickle

from manyhands.app import far
from manyhands.app.channel import rendezvous
from manyhands.app.far import Order
from manyhands.app.runner import Ended, Wanted
from manyhands.codecs.code import Body, Named
from manyhands.engine.client import Client
from manyhands.engine.open_run import OpenRun
from manyhands.engine.tickets import Ticket
from manyhands.model.kinds import APP
from manyhands.model.records import TaskRecord
from manyhands.model.specs import WORK, TaskOptions, TaskSpec
from manyhands.model.states import Cause, TaskStatus

KIND = APP

EXECUTOR = "dedicated"

Document = dict[str, Any]


class Lanes(Protocol):
    """What the executor of works can do beside what every executor can."""

    def drop(self, lane: tuple[int, str], grace: float) -> None: ...

    def pid(self, lane: tuple[int, str]) -> int | None: ...


class Flight(NamedTuple):
    """A call that is not over, as its task."""

    work: str
    key: str | None
    ticket: Ticket


class Journal:
    """Runs calls as tasks of the app's run. `ring`: wakes the loop, from any thread.

    `durable`: the document is kept, and a call's end with what its work is then. `document`: gives what is to be kept,
    all but the calls under way.
    """

    def __init__(
        self, client: Client, run: OpenRun, session: str, grace: float, document: Callable[[], Document] | None
    ) -> None:
        self._engine = client.engine
        self._run = run
        self._session = session
        self._grace = grace
        self._document = document
        self._lanes = cast(Lanes, client.engine.executors[EXECUTOR])
        self._flights: list[Flight] = []
        self._late: list[Ended] = []
        self._code = client.engine.kit.code.save(Body(Named(far.perform)), "the code of works")
        self.address = rendezvous(client.engine.store.url, run.run_id)

    @property
    def run(self) -> OpenRun:
        return self._run

    # --- calls ------------------------------------------------------------------------------------------------------

    def submit(self, wanted: Wanted) -> None:
        ticket = self._run.call(self._spec(wanted), self._kept(wanted))
        self._flights.append(Flight(wanted.work, wanted.key, ticket))

    def _spec(self, wanted: Wanted) -> TaskSpec:
        call = cloudpickle.dumps((wanted.args, wanted.kwargs), protocol=5)
        keep = self._document is not None
        order = Order(wanted.work, self.address, self._session, wanted.seen, wanted.key, call, keep)
        what = f"the arguments of {wanted.work}"
        inputs = self._engine.kit.calls.encode((far.pack(order),), {}, lambda value: None, what)
        options = TaskOptions(
            attempts=wanted.attempts,
            lost_attempts=wanted.attempts,
            delay=wanted.delay,
            backoff=1.0,
            jitter=0.0,
            timeout=wanted.timeout,
            executor=EXECUTOR,
        )
        metadata = {"work": wanted.work, "key": wanted.key}
        return TaskSpec(
            wanted.work, wanted.work, self._code, inputs, options=options, metadata=metadata, kind=WORK
        )  # fmt: skip

    def heard_of(self, work: str, key: str) -> None:
        if any((flight.work, flight.key) == (work, key) for flight in self._flights):
            return
        self._adopt()
        if not any((flight.work, flight.key) == (work, key) for flight in self._flights):
            ordinal = self._ordinal_of(work, key)
            if ordinal is not None:
                self._late.append(self._end_of_task(work, key, ordinal))

    def _adopt(self) -> list[Ended]:
        """Wait for calls that were not submitted here."""
        found = []
        for ticket in self._run.left(WORK):
            told = ticket.specs[0].metadata
            self._flights.append(Flight(told["work"], told["key"], ticket))
            found.append(Ended(told["work"], told["key"]))
        return found

    def ended(self) -> list[Ended]:
        if self._late:
            late, self._late = self._late, []
            return late
        over = [flight for flight in self._flights if flight.ticket.done]
        if not over:
            return []
        self._flights = [flight for flight in self._flights if not flight.ticket.done]
        if self._run.over:
            return []  # the app ends; nobody is told how its calls do
        return [self._end_of(flight) for flight in over]

    def _end_of(self, flight: Flight) -> Ended:
        if flight.ticket.value is not None:
            return Ended(flight.work, flight.key)
        return self._end_of_task(flight.work, flight.key, flight.ticket.ordinal or 0)

    def stop(self, work: str) -> None:
        self._flights = [flight for flight in self._flights if flight.work != work]
        self._engine.driver.ask(lambda: self._lanes.drop((self._run.key, work), self._grace))

    def listen(self) -> None:
        """Have the driver hear how processes end: when the run was canceled it drives nothing, and would sleep."""
        self._engine.driver.ask(lambda: None)
        self._engine.in_background()

    def alive(self, work: str) -> bool:
        return self.pid(work) is not None

    def pid(self, work: str) -> int | None:
        """The work's process; None while it has none."""
        return self._lanes.pid((self._run.key, work))

    # --- what is kept -----------------------------------------------------------------------------------------------

    def keep(self) -> Document | None:
        """Write the document, which is returned; soon, not at once."""
        document = self._kept(None)
        if document is not None:
            self._run.keep(document)
        return document

    def _kept(self, entering: Wanted | None) -> Document | None:
        if self._document is None:
            return None
        under_way = [[flight.work, flight.key, flight.ticket.ordinal] for flight in self._flights]
        if entering is not None:
            under_way.append([entering.work, entering.key, None])
        return {**self._document(), "calls": under_way}

    def take_up(self, document: Document) -> tuple[list[tuple[Ended, dict[str, Any] | None]], list[Ended]]:
        """Go on with the calls that were not over when the run was left.

        Returns those that have come to their end without the document knowing, each with what its work is since; and
        those that are run again.
        """
        again = self._adopt()
        open_now = {flight.ticket.ordinal for flight in self._flights}
        over = []
        for work, key, ordinal in document["calls"]:
            found = ordinal if ordinal is not None else self._ordinal_of(work, key)
            if found is not None and found not in open_now:
                over.append((self._end_of_task(work, key, found), self._state_after(found)))
        return over, again

    def _ordinal_of(self, work: str, key: str | None) -> int | None:
        """The newest task of the call; the document was written together with it."""
        newest = None
        for task in self._engine.store.tasks(self._run.key):
            if task.kind == WORK and task.metadata.get("work") == work and task.metadata.get("key") == key:
                newest = task.ordinal
        return newest

    def _end_of_task(self, work: str, key: str | None, ordinal: int) -> Ended:
        task = self._run.stored(ordinal)
        if task.status is TaskStatus.SUCCEEDED:
            return Ended(work, key)
        cause = _cause_of(task)
        return Ended(work, key, cause, task.message, self._timeouts(ordinal) if cause is Cause.TIMEOUT else 0)

    def _timeouts(self, ordinal: int) -> int:
        ends = self._engine.store.attempts(self._run.key, ordinal)
        return sum(attempt.end.cause is Cause.TIMEOUT for attempt in ends)

    def _state_after(self, ordinal: int) -> dict[str, Any] | None:
        if self._run.stored(ordinal).status is not TaskStatus.SUCCEEDED:
            return None
        state: dict[str, Any] | None = self._run.result(ordinal)
        return state


def _cause_of(task: TaskRecord) -> Cause:
    try:
        return Cause(task.reason)
    except ValueError:
        return Cause.CANCELED
