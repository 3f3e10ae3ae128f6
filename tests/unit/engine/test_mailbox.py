"""The mailbox: what a task that waits in the driver is given, and when."""

import random
from typing import Any

import pytest

from manyhands.codecs.kit import Kit
from manyhands.engine.caching import Caching
from manyhands.engine.collect import Collector
from manyhands.engine.dispatch import Dispatcher
from manyhands.engine.drive import Drive
from manyhands.engine.liveness import Liveness
from manyhands.engine.mailbox import Mailbox, pack
from manyhands.engine.outputs import Outputs
from manyhands.engine.placement import Placement
from manyhands.engine.waiting_room import WaitingRoom
from manyhands.model.messages import CALL
from manyhands.model.records import MessageRecord, NewRun
from manyhands.model.specs import SIGNAL, TIMER, WAIT, WAITING_ROOM, TaskOptions, TaskSpec
from manyhands.model.states import TaskStatus
from manyhands.stores.blobs import MemoryBlobs
from tests.unit.engine.history import History
from tests.unit.engine.test_loops import MovableClock

NOW = 1000.0


class Desk:
    """The parts of an engine that tasks without a body pass through."""

    def __init__(self) -> None:
        self.clock = MovableClock(NOW)
        self.kit = Kit(MemoryBlobs())
        history = History()
        history.run("r").task("entry")
        self.store = history.store
        self.room = WaitingRoom(self.kit, self.clock)
        executors = {WAITING_ROOM: self.room}
        outputs = Outputs(self.store, self.kit)
        self.collector = Collector(self.kit, outputs, Placement(executors), random.Random(0))
        caching = Caching(self.store, self.kit, outputs, Liveness(), "e1")
        self.dispatcher = Dispatcher(executors, outputs, caching, self.collector, self.room)
        self.mailbox = Mailbox(self.store, self.kit, outputs, self.room, self.collector, self.dispatcher)

    def spec(self, kind: str, *args: Any, upstreams: list[int] | None = None, **kwargs: Any) -> TaskSpec:
        inputs = self.kit.calls.encode(args, kwargs, lambda _: None, "it")
        options = TaskOptions(executor=WAITING_ROOM, attempts=1)
        return TaskSpec(kind, kind, "", inputs, upstreams or [], options=options, kind=kind)

    def begin(self, *specs: TaskSpec) -> Drive:
        drive = Drive.begin(NewRun("r", "workflow", b"", 0, {}, NOW), specs, NOW)
        drive.key = 1
        self.start(drive)
        return drive

    def post(self, key: str, value: object) -> int:
        """A signal to the run; returns its number."""
        posted = self.store.post("r", SIGNAL, key, self.kit.values.encode(value, "a signal"), NOW)
        assert posted is not None
        return posted[0]

    def start(self, drive: Drive) -> None:
        now = self.clock.now()
        self.dispatcher.offer(drive, now)
        self.dispatcher.launch(now)


@pytest.fixture
def desk() -> Any:
    made = Desk()
    yield made
    made.store.close()


def test_a_wait_whose_time_is_up_is_not_asked_the_time_again(desk: Desk) -> None:
    """A round has one time, and the room looks a little later: when the time limit lies between, that is the end."""
    drive = desk.begin(desk.spec(WAIT, 1, timeout=5, upstreams=[1]), desk.spec(TIMER, 3600))
    desk.mailbox.gather(drive, NOW)
    desk.clock.time = NOW + 5
    assert desk.room.poll() == []
    desk.mailbox.gather(drive, NOW + 4.999)
    assert drive.machine.status(0) is TaskStatus.SUCCEEDED


def in_a_row(desk: Desk, *keys: str) -> list[TaskSpec]:
    """Waits for signals, each of which begins when the one before is over."""
    return [desk.spec(SIGNAL, key, upstreams=[place - 1] if place else []) for place, key in enumerate(keys)]


def test_signals_that_are_kept_are_read_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come before anybody waits; then each is given to the next wait for it."""
    numbers = [desk.post("go", value) for value in range(20)]
    read: list[int] = []
    messages = desk.store.messages

    def counted(key: int, **more: int) -> list[MessageRecord]:
        found = messages(key, **more)
        read.extend(message.id for message in found)
        return found

    monkeypatch.setattr(desk.store, "messages", counted)
    drive = desk.begin(*in_a_row(desk, *["go"] * 21))
    for _ in range(21):
        desk.mailbox.look(drive, NOW)
        desk.start(drive)
    assert read == numbers
    assert drive.changes.taken == [(number, task) for task, number in enumerate(numbers)]
    values = {move.task: move.result for move in drive.changes.moves if move.result is not None}
    assert [desk.kit.values.decode(values[task], "it") for task in range(20)] == list(range(20))
    assert drive.machine.status(20) is TaskStatus.RUNNING
    last = desk.post("go", 20)
    desk.mailbox.look(drive, NOW)
    assert drive.changes.taken[20:] == [(last, 20)]


def test_signals_are_given_in_the_order_they_came(desk: Desk) -> None:
    """Whatever their keys; what is read with a call is not forgotten."""
    keys = ["b", "a", "b", "nobody's", "a"]
    numbers = [desk.post(key, None) for key in keys]
    drive = desk.begin(*(desk.spec(SIGNAL, key) for key in ("a", "a", "b", "b")))
    desk.mailbox.take_calls(drive, NOW)
    assert drive.changes.taken == []
    desk.mailbox.look(drive, NOW)
    assert drive.changes.taken == [(numbers[0], 2), (numbers[1], 0), (numbers[2], 3), (numbers[4], 1)]


def test_a_call_is_taken_once(desk: Desk) -> None:
    """Though it is still in the store until the changes are committed."""
    drive = desk.begin(desk.spec(TIMER, 3600))
    posted = desk.store.post("r", CALL, "", pack(desk.kit, [desk.spec(TIMER, 3600)]), NOW)
    assert posted is not None
    for _ in range(2):
        desk.mailbox.take_calls(drive, NOW)
        desk.mailbox.look(drive, NOW)
    assert drive.changes.taken == [(posted[0], 1)]
    assert len(drive.jobs) == 2
