"""The background loops, ticked by hand."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from manyhands.engine.doorbell import Doorbell
from manyhands.engine.driver import Driver
from manyhands.engine.heartbeat import Heartbeat
from manyhands.engine.liveness import Liveness, born, host
from manyhands.engine.loop import Loop, Loops
from manyhands.engine.reaper import Reaper
from manyhands.model.records import Changes, EngineRecord, NewRun
from manyhands.model.states import RunStatus
from manyhands.stores.sqlite import SqliteStore


class MovableClock:
    """Time that moves only when told."""

    def __init__(self, now: float) -> None:
        self.time = now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time


class FewRuns:
    """A driver of these runs, as the heartbeat sees it."""

    def __init__(self, *keys: int) -> None:
        self.drives = dict.fromkeys(keys)
        self.bell = Doorbell([])


def engine(name: str, expires_at: float, *, of_host: str = "elsewhere", pid: int = 1) -> EngineRecord:
    return EngineRecord(name, "embedded", of_host, pid, "1", 0.0, expires_at)


@pytest.fixture
def store() -> Iterator[SqliteStore]:
    opened = SqliteStore("sqlite://:memory:")
    opened.open()
    yield opened
    opened.close()


def beat(store: SqliteStore, clock: MovableClock, record: EngineRecord, runs: FewRuns | None = None) -> Heartbeat:
    driver: Driver = runs or FewRuns()  # type: ignore[assignment]
    return Heartbeat(store, driver, clock, record, interval=10.0, lease=30.0)


def test_a_heartbeat_puts_the_expiry_off(store: SqliteStore) -> None:
    clock = MovableClock(100.0)
    record = engine("one", 130.0)
    store.enroll(record)
    clock.time = 110.0
    beat(store, clock, record).tick()
    assert [e.expires_at for e in store.engines()] == [140.0]


def test_a_heartbeat_enrolls_an_engine_that_was_forgotten(store: SqliteStore) -> None:
    clock = MovableClock(100.0)
    record = engine("one", 130.0)
    beat(store, clock, record).tick()
    assert [(e.id, e.expires_at) for e in store.engines()] == [("one", 130.0)]


@pytest.mark.parametrize(("keys", "expected"), [((), False), ((1, 2), True)])
def test_a_heartbeat_has_the_driver_look_after_its_runs(
    store: SqliteStore, keys: tuple[int, ...], expected: bool
) -> None:
    """However many there are, and however often it is said, that is one look."""
    runs = FewRuns(*keys)
    heartbeat = beat(store, MovableClock(100.0), engine("one", 130.0), runs)
    heartbeat.tick()
    heartbeat.tick()
    assert runs.bell.news is expected


def test_the_reaper_gives_the_runs_of_dead_engines_back(store: SqliteStore) -> None:
    clock = MovableClock(100.0)
    store.enroll(engine("gone", 130.0))
    store.commit([Changes(None, 1, NewRun("r", "workflow", b"", 0, {}, 100.0))])
    reaper = Reaper(store, Liveness(), clock, interval=1.0)
    reaper.tick()
    assert [run.status for run in store.runs()] == [RunStatus.RUNNING]
    clock.time = 131.0
    reaper.tick()
    assert [run.status for run in store.runs()] == [RunStatus.RESUMABLE]
    assert store.engines() == []


def test_a_process_that_has_the_number_of_another_is_not_it() -> None:
    liveness = Liveness()
    me = threading.get_native_id()  # the main thread of a process has its number
    here = engine("me", 200.0, of_host=host(), pid=me)
    here.born = born(me) or ""
    assert liveness.alive(here, 100.0)
    assert not liveness.alive(here, 200.0)
    here.born = "1"
    assert liveness.dead([here], 100.0) == ["me"]


class Failing(Loop):
    def __init__(self) -> None:
        super().__init__(3600.0, first=0.0)
        self.ticked = threading.Event()

    def tick(self) -> None:
        self.ticked.set()
        raise OSError("the disk is on fire")


class Counting(Loop):
    def __init__(self) -> None:
        super().__init__(3600.0, first=0.0)
        self.ticked = threading.Event()

    def tick(self) -> None:
        self.ticked.set()


def test_a_loop_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    failing, counting = Failing(), Counting()
    loops = Loops(failing, counting)
    loops.start()
    assert failing.ticked.wait(60.0)
    assert counting.ticked.wait(60.0)
    loops.stop()
    assert failing.due > time.monotonic() + 3000.0
    assert "the disk is on fire" in caplog.text
