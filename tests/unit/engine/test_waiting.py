"""Waiting for several references at once: how often the store is asked."""

from collections.abc import Callable
from typing import Any, cast

import pytest

from manyhands.engine import handle
from manyhands.engine.handle import RunReference, StepReference
from manyhands.engine.running import resting
from manyhands.engine.service import Engine
from manyhands.engine.waiting import wait
from manyhands.model.records import RunRecord
from manyhands.model.states import RunStatus
from tests.unit.engine.history import History


class AnyStore:
    """Runs that somebody else drives, with a count of how often each is read."""

    def __init__(self, count: int) -> None:
        history = History()
        history.run("r").task("entry")
        record = history.store.run("r")
        assert record is not None
        history.store.close()
        self._record = record
        self.over: set[str] = set()
        self.writes = 0
        self.asked = 0
        self.reads = dict.fromkeys((f"r{number}" for number in range(count)), 0)

    def changed(self) -> int:
        self.asked += 1
        return self.writes

    def run(self, run_id: str) -> RunRecord:
        self.reads[run_id] += 1
        self._record.status = RunStatus.SUCCEEDED if run_id in self.over else RunStatus.RUNNING
        return self._record

    def tasks(self, *_args: Any, **_kwargs: Any) -> list[None]:
        return [None]


class TenTurns:
    """An engine that turns ten times, and then lets the time be over."""

    def __init__(self, store: AnyStore, on_turn: Callable[[int], None] = lambda turn: None) -> None:
        self.store = store
        self._on_turn = on_turn

    def run_until(self, done: Callable[[], bool], **_: Any) -> bool:
        for turn in range(10):
            if done():
                return True
            self._on_turn(turn)
        return done()

    def is_left(self, _record: RunRecord) -> bool:
        return False

    is_given_up = is_left


@pytest.fixture(autouse=True)
def no_second_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handle, "LOOK_AGAIN", 1e9)


def references(store: AnyStore, engine: object) -> list[handle.Reference]:
    made = cast("Engine", engine)
    return [
        StepReference(made, run_id, None) if place % 2 else RunReference(made, run_id)
        for place, run_id in enumerate(store.reads)
    ]


def test_while_nothing_is_written_nothing_is_read() -> None:
    store = AnyStore(20)
    ready, others = wait(references(store, TenTurns(store)), num_returns=20)
    assert (len(ready), len(others)) == (0, 20)
    assert set(store.reads.values()) == {1}
    assert store.asked < 40, "once for each, and then once a turn"


def test_each_is_read_again_when_something_was_written() -> None:
    """Those that are done are not."""
    store = AnyStore(20)

    def write(turn: int) -> None:
        if turn in (2, 5):
            store.over.add(f"r{turn}")
            store.writes += 1

    asked_for = references(store, TenTurns(store, write))
    ready, others = wait(asked_for, num_returns=3)
    assert ready == [asked_for[2], asked_for[5]]
    assert len(others) == 18
    assert (store.reads["r2"], store.reads["r5"], store.reads["r7"]) == (2, 3, 3)


def test_a_body_that_waits_for_several_lends_its_slot_once() -> None:
    store = AnyStore(20)
    told: list[bool] = []
    reset = resting.set(told.append)
    try:
        wait(references(store, TenTurns(store)))
        assert told == [True, False]
        store.over.add("r0")
        store.writes += 1
        wait(references(store, TenTurns(store)))
        assert told == [True, False], "one that is done is not waited for"
    finally:
        resting.reset(reset)
