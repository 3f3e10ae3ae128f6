"""Looking into a run: whether it is still to be driven here."""

from collections.abc import Iterator
from typing import Any

import pytest

from manyhands.engine.dispatch import Dispatcher
from manyhands.engine.drive import Drive
from manyhands.engine.driver import Driver
from manyhands.model.errors import LeaseLost, RunCanceled, StoreUnavailable
from manyhands.model.kinds import ACTOR
from manyhands.model.records import RunRecord
from tests.unit.engine.history import History
from tests.unit.engine.test_loops import MovableClock


class Desk:
    """A driver of one run, whose clock stands."""

    def __init__(self) -> None:
        self.history = History()
        self.history.run("r", kind=ACTOR).task("init")
        self.store = self.history.store
        unused: Any = None
        dispatcher = Dispatcher({}, unused, unused, unused, unused)
        clock = MovableClock(self.history.now)
        self.driver = Driver(self.store, {}, unused, dispatcher, unused, unused, clock, 0.0)
        self.drive = self.at_rest()
        self.driver.add(self.drive)

    def record(self) -> RunRecord:
        found = self.store.run("r")
        assert found is not None
        return found

    def at_rest(self) -> Drive:
        return Drive.at_rest(self.record(), 1, lambda _: False)

    def look(self) -> BaseException | None:
        """Why the run is given up; None while it is driven."""
        self.driver.look_into(self.drive)
        assert self.drive.done == (self.drive.key not in self.driver.drives)
        return self.drive.error


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.driver.bell.close()
    made.store.close()


def test_a_run_that_is_driven_here(desk: Desk) -> None:
    assert desk.look() is None


def test_a_run_that_was_canceled(desk: Desk) -> None:
    desk.store.cancel("r", desk.history.now, "")
    assert isinstance(desk.look(), RunCanceled)


def test_a_run_that_somebody_else_has_taken_up(desk: Desk) -> None:
    desk.drive.epoch -= 1
    assert isinstance(desk.look(), LeaseLost)


def test_a_run_whose_session_is_yet_to_be_opened(desk: Desk) -> None:
    """Its first commit opens it; until then the store has the epoch of the session before."""
    desk.driver.drives.clear()
    desk.drive = desk.drive.again(desk.record(), "e1", desk.history.now)
    desk.driver.add(desk.drive)
    assert desk.look() is None


def test_a_run_that_cannot_be_read(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up, and given back, by itself."""

    def unavailable(_: str) -> RunRecord:
        raise StoreUnavailable("here", "it is just being moved")

    other = desk.at_rest()
    other.key = 2
    desk.driver.add(other)
    with monkeypatch.context() as broken:
        broken.setattr(desk.store, "run", unavailable)
        assert isinstance(desk.look(), StoreUnavailable)
    assert desk.record().engine is None
    assert not other.done
