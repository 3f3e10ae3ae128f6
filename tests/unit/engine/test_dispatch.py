"""Dispatch to an executor that fails, or of what cannot be handed over: the attempts are lost, and so is no slot."""

import random
from collections.abc import Callable, Iterator, Sequence

import pytest

from manyhands.codecs.kit import Kit
from manyhands.engine.caching import Caching
from manyhands.engine.collect import Collector
from manyhands.engine.dispatch import Dispatcher
from manyhands.engine.drive import Drive
from manyhands.engine.liveness import Liveness
from manyhands.engine.outputs import Outputs
from manyhands.engine.placement import Placement
from manyhands.engine.waiting_room import WaitingRoom
from manyhands.executors.presence import PresenceExecutor
from manyhands.model.outcomes import Failure, Launch, Report
from manyhands.model.records import CacheEntry, NewRun, TaskMove
from manyhands.model.specs import PRESENCE, TaskOptions, TaskSpec
from manyhands.model.states import Cause
from manyhands.stores.blobs import MemoryBlobs
from tests.unit.engine.history import NOTHING, History
from tests.unit.engine.test_loops import MovableClock

NOW = 1000.0
FULL = OSError(24, "Too many open files")


class Unsteady(PresenceExecutor):
    """Takes what it is given and then fails, as often as it is told to."""

    slots = 10

    def __init__(self) -> None:
        super().__init__()
        self.failing = 0

    def start(self, launches: Sequence[Launch]) -> None:
        super().start(launches)
        self._fail()

    def poll(self) -> list[Report]:
        self._fail()
        return super().poll()

    def _fail(self) -> None:
        if self.failing:
            self.failing -= 1
            raise FULL


class Stumbling(Caching):
    """Knows the result of no task, and stumbles over the second."""

    looks = 0

    def look(self, drive: Drive, move: TaskMove, now: float) -> CacheEntry | None:
        self.looks += 1
        if self.looks == 2:
            raise FULL
        return None

    def claim(self, drive: Drive, move: TaskMove, now: float) -> bool:
        return True


class Desk:
    def __init__(self) -> None:
        self.store = History().store
        self.executor = Unsteady()
        kit, pool = Kit(MemoryBlobs()), {PRESENCE: self.executor}
        outputs = Outputs(self.store, kit)
        collector = Collector(kit, outputs, Placement(pool), random.Random(0))
        caching = Stumbling(self.store, kit, outputs, Liveness(), "e1")
        self.dispatcher = Dispatcher(pool, outputs, caching, collector, WaitingRoom(kit, MovableClock(NOW)))

    def drive(self, *upstreams: list[int], cached: bool = False) -> Drive:
        """A run of tasks with these upstreams, which has been committed."""
        options = TaskOptions(executor=PRESENCE)
        key = b"key" if cached else None
        specs = [TaskSpec("t", "t", "c", NOTHING, each, options=options, function_key=key) for each in upstreams]
        made = Drive.begin(NewRun("r", "workflow", b"", 0, {}, NOW), specs, NOW)
        made.key = 1
        return made

    @property
    def taken(self) -> int:
        return self.dispatcher.taken[PRESENCE]

    def landed(self) -> list[tuple[int, Cause]]:
        """Tasks that are reported as failed, and of what."""
        found = []
        for report in self.dispatcher.poll(PRESENCE, NOW):
            assert isinstance(report.outcome, Failure)
            found.append((report.task, report.outcome.cause))
            self.dispatcher.landed(PRESENCE, report)
        return found


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.store.close()


def test_what_an_executor_does_not_start_is_lost(desk: Desk) -> None:
    """It says so once, and what the executor has taken of it all the same is stopped."""
    desk.dispatcher.offer(desk.drive([], []), NOW)
    desk.executor.failing = 1
    assert [move.task for _, move in desk.dispatcher.launch(NOW)] == [0, 1]
    assert desk.taken == 2
    assert desk.landed() == [(0, Cause.LOST), (1, Cause.LOST), (0, Cause.CANCELED), (1, Cause.CANCELED)]
    assert desk.taken == 0
    assert desk.landed() == []


def test_what_an_executor_had_that_fails_is_lost(desk: Desk) -> None:
    desk.dispatcher.offer(desk.drive([], []), NOW)
    desk.dispatcher.launch(NOW)
    desk.executor.failing = 1
    assert desk.landed() == [(0, Cause.LOST), (1, Cause.LOST)]
    assert desk.taken == 0
    assert desk.landed() == [(0, Cause.CANCELED), (1, Cause.CANCELED)], "which comes too late to mean anything"
    assert desk.taken == 0


def test_a_launch_that_cannot_be_made_is_lost_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    drive = desk.drive([], [])
    desk.dispatcher.offer(drive, NOW)
    code_of: Callable[[int], str] = drive.code_of

    def failing(task: int) -> str:
        if task == 0:
            raise FULL
        return code_of(task)

    monkeypatch.setattr(drive, "code_of", failing)
    desk.dispatcher.launch(NOW)
    assert desk.executor.began((1, 1, 1)) is not None
    assert desk.landed() == [(0, Cause.LOST)]
    assert desk.taken == 1


def test_a_run_that_is_given_up_while_it_starts_leaves_its_slots(desk: Desk) -> None:
    """Of two tasks the first has started when the second fails the round."""
    drive = desk.drive([], [], cached=True)
    with pytest.raises(OSError, match="Too many open files"):
        desk.dispatcher.offer(drive, NOW)
    assert desk.taken == 1
    desk.dispatcher.forget(drive)
    assert desk.taken == 0
    assert desk.dispatcher.launch(NOW) == []
