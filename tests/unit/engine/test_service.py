"""Who waits while another thread turns the driver: what changes meanwhile is seen at once."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from manyhands.engine.doorbell import Doorbell
from manyhands.engine.service import Engine, Parts
from manyhands.model.records import EngineRecord
from manyhands.stores.wake import PipeWake

LONG = 1000.0


class Turning:
    """A driver of no runs. `between`: done by whoever finds that another thread turns it, before he waits."""

    def __init__(self) -> None:
        self.drives: dict[int, Any] = {}
        self.fresh: list[Any] = []
        self.settled = True
        self.role = self
        self.turns = 0
        self.between: Callable[[], None] | None = None

    def acquire(self, blocking: bool = True) -> bool:
        between, self.between = self.between, None
        if between is None:
            return True
        between()
        return False

    def release(self) -> None:
        pass

    def turn(self, longest: float) -> None:
        self.turns += 1


@pytest.fixture
def driver() -> Turning:
    return Turning()


@pytest.fixture
def engine(driver: Turning) -> Engine:
    made: Any = driver
    nothing: Any = None
    record = EngineRecord("e", "embedded", "host", 1, "1", 0.0, LONG)
    parts = Parts(nothing, nothing, nothing, {}, made, nothing, nothing, nothing, record, 3)
    return Engine(parts, PipeWake)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_a_change_just_before_the_wait_is_not_missed(driver: Turning, engine: Engine) -> None:
    """Another thread's last round, and its leaving, fall between the look and the wait; nobody wakes him later."""

    def another_turns() -> None:
        in_thread(lambda: engine.run_until(lambda: driver.turns > 0)).join()

    driver.between = another_turns
    waits = in_thread(lambda: engine.run_until(lambda: driver.turns > 0, nudge=LONG))
    waits.join(20.0)
    assert not waits.is_alive()


def test_what_another_process_says_is_news_for_the_driver_and_for_the_service() -> None:
    bell, wake = Doorbell([]), PipeWake()
    bell.listen(wake)
    wake.wake()
    bell.wait(LONG)
    assert (bell.news, bell.heard) == (True, True)
    bell.news = bell.heard = False
    bell.announce()
    bell.wait(LONG)
    assert (bell.news, bell.heard) == (True, False), "this process has said so itself"
    bell.close()
    wake.close()
