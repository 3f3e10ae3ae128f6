"""The mailbox: what other processes, and tasks that end, mean for tasks that wait in the driver."""

from __future__ import annotations

from collections import deque

import msgspec

from manyhands.codecs.kit import Kit
from manyhands.engine.collect import Collector
from manyhands.engine.dispatch import Dispatcher
from manyhands.engine.drive import Drive, Kept
from manyhands.engine.outputs import Outputs
from manyhands.engine.task_output import TaskOutput
from manyhands.engine.waiting_room import WaitingRoom
from manyhands.model.errors import ManyhandsError, StoreCorrupt
from manyhands.model.messages import CALL
from manyhands.model.outcomes import AttemptKey, Failure, Outcome, Report, Value
from manyhands.model.records import MessageRecord
from manyhands.model.specs import TaskSpec, Waiting
from manyhands.model.states import Cause, TaskStatus
from manyhands.model.values import Encoded
from manyhands.ports.store import Reading

SPECS = "calls"
"""Codec of a call that is left as a message: its specifications in MessagePack."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[TaskSpec])


def pack(kit: Kit, specs: list[TaskSpec]) -> Encoded:
    """A call as a message."""
    return kit.values.stored(SPECS, _encoder.encode(specs), f"the call of {specs[0].label}")


class Mailbox:
    """Takes messages in the order they came, and gathers tasks that others wait for. What it takes is committed with
    what follows from it, so that it is taken once."""

    def __init__(
        self,
        store: Reading,
        kit: Kit,
        outputs: Outputs,
        room: WaitingRoom,
        collector: Collector,
        dispatcher: Dispatcher,
    ) -> None:
        self._store = store
        self._kit = kit
        self._outputs = outputs
        self._room = room
        self._collector = collector
        self._dispatcher = dispatcher

    def look(self, drive: Drive, now: float) -> None:
        """Take what has come for this run. A signal that nobody waits for yet is left where it is."""
        self.take_calls(drive, now)
        run = drive.key or 0
        given = []
        for key, signals in list(drive.signals.items()):
            while signals and (taken := self._room.take(run, key, signals[0].at)) is not None:
                given.append((signals.popleft().id, *taken))
            if not signals:
                del drive.signals[key]
        for number, attempt, began in sorted(given):
            self._signal(drive, number, attempt, now, began)
        for attempt, outcome, began in self._room.late(run):
            self._report(drive, attempt, outcome, now, began)

    def take_calls(self, drive: Drive, now: float) -> None:
        """Take the calls that have come for this run, so that one which is made now comes after them, and note the
        signals that have come."""
        for message in self._store.messages(drive.key or 0, after=drive.last_message):
            drive.last_message = message.id
            if message.kind == CALL:
                self._call(drive, message, now)
            else:
                drive.signals.setdefault(message.key, deque()).append(Kept(message.id, message.at))

    def _call(self, drive: Drive, message: MessageRecord, now: float) -> None:
        specs = _decoder.decode(self._kit.values.data(message.value))
        drive.changes.taken.append((message.id, drive.call(specs, now)))

    def _signal(self, drive: Drive, number: int, attempt: AttemptKey, now: float, began: float) -> None:
        message = self._store.message(number)
        if message is None:
            raise StoreCorrupt(f"Signal {number} to run '{drive.run_id}'", "it was there, and is not any more")
        drive.changes.taken.append((number, drive.ordinal(attempt[1])))
        self._report(drive, attempt, Value(message.value), now, began)

    def gather(self, drive: Drive, now: float) -> None:
        """See which tasks that wait for others have enough of them."""
        drive.stirred = False
        machine = drive.machine
        run = drive.key or 0
        begun = self._room.gatherers(run)
        complete = drive.gatherings.complete(lambda task: machine.failure_behind(task) is not None)
        for task in sorted(complete.union(task for _, task, _ in begun)):
            attempt = (run, task, machine.attempt(task))
            waiting = self._room.gathering(attempt)
            if waiting is None:
                continue
            try:
                outcome = self._gathered(drive, task, waiting, time_is_up=begun.get(attempt, False))
            except ManyhandsError as error:
                outcome = self._collector.refusal(error)
            if outcome is None:
                continue
            drive.gatherings.discard(task)
            origin = None
            if isinstance(outcome, int):
                origin = outcome
                outcome = Failure(Cause.ERROR, f"{drive.jobs[origin].name} failed", retryable=False)
            self._report(drive, attempt, outcome, now, self._room.leave(attempt), origin)

    def _gathered(self, drive: Drive, gatherer: int, waiting: Waiting, *, time_is_up: bool) -> Outcome | int | None:
        """The result once it is there; the task whose failure makes it impossible; None while neither."""
        ready: list[int] = []
        remaining: list[int] = []
        broken: list[int] = []
        for task in waiting.tasks:
            origin = drive.machine.failure_behind(task)
            if origin is not None:
                broken.append(origin)
            done = len(ready) < waiting.count and drive.machine.status(task) is TaskStatus.SUCCEEDED
            (ready if done else remaining).append(task)
        if len(ready) < waiting.count:
            if broken and len(ready) + len(broken) >= waiting.count:
                return broken[0]
            if not time_is_up:
                lacks = waiting.count - len(ready) - len(broken)
                still = [task for task in remaining if drive.machine.failure_behind(task) is None]
                drive.gatherings.lacks(gatherer, lacks, still)
                return None
        what = "the result of a wait"
        values = [self._kit.values.decode(self._outputs.input(drive, task), what) for task in ready]
        left = [TaskOutput(drive.run_id, drive.ordinal(task)) for task in remaining]
        return Value(self._kit.values.encode((values, left), what))

    def _report(
        self,
        drive: Drive,
        attempt: AttemptKey,
        outcome: Outcome,
        now: float,
        began: float,
        origin: int | None = None,
    ) -> None:
        report = Report(*attempt, outcome, began, now, self._room.name)
        self._dispatcher.landed(self._room.name, report)
        self._collector.collect(drive, report, now, origin=origin)
