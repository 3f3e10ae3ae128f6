"""What an observer tells of a state: all of it, each change once, and nothing that is known."""

import threading
import time
from typing import Any

import pytest

from manyhands.app.observing import SOON_SECONDS, Observer
from tests.acceptance.kit import wait_until


class Subject:
    def __init__(self) -> None:
        self.state: dict[str, Any] = {"count": 0, "items": [1]}
        self.told: list[list[Any]] = []
        self.news = threading.Event()
        self.observer = Observer(self.read, self.tell, {"count": 0, "items": [1]})

    def read(self) -> dict[str, Any]:
        return self.state

    def tell(self, operations: list[Any]) -> None:
        self.told.append(operations)
        self.news.set()


@pytest.fixture
def subject() -> Any:
    made = Subject()
    yield made
    made.observer.stop()


def test_nothing_is_told_of_what_is_known(subject: Subject) -> None:
    subject.observer.start()
    subject.observer.flush()
    subject.observer.stop()
    assert subject.told == []


def test_an_assignment_is_told_at_once_and_once(subject: Subject) -> None:
    subject.observer.start()
    with subject.observer.lock:
        subject.observer._told_at = subject.observer._cost = 0.0  # however long the first look took
        subject.state["count"] = 1
        subject.observer.assigned()
    assert subject.told == [[[["count"], "set", 1]]]
    subject.observer.stop()
    assert len(subject.told) == 1


def test_a_change_in_place_is_found(subject: Subject) -> None:
    subject.observer.start()
    subject.state["items"].append(2)
    assert subject.news.wait(60.0)
    assert subject.told == [[[["items"], "extend", [2]]]]


def test_the_last_change_is_told_when_it_stops(subject: Subject) -> None:
    subject.observer.start()
    subject.observer.stop()
    subject.state["items"].append(2)
    subject.observer.start()
    assert subject.told == [[[["items"], "extend", [2]]]]
    subject.state["items"].append(3)
    subject.observer.stop()
    assert subject.told[1:] == [[[["items"], "extend", [3]]]]


def test_what_the_flow_has_changed_is_not_told_back(subject: Subject) -> None:
    subject.observer.start()
    with subject.observer.lock:
        subject.state["count"] = 9
        subject.observer.known([[["count"], "set", 9]])
    subject.observer.flush()
    assert subject.told == []


def test_assignments_in_quick_succession_travel_together(subject: Subject) -> None:
    began = time.monotonic()
    subject.observer.start()
    for number in range(1, 1001):
        subject.state["count"] = number
        subject.observer.assigned()
    subject.observer.stop()
    assert subject.told[-1] == [[["count"], "set", 1000]]
    # At most one by each of the two threads in each span of time.
    assert len(subject.told) <= 2 * (time.monotonic() - began) / SOON_SECONDS + 4


def test_a_state_that_cannot_travel_is_complained_of_once(subject: Subject, caplog: pytest.LogCaptureFixture) -> None:
    subject.observer.start()
    subject.state["count"] = object()

    def is_complained_of() -> bool:
        subject.observer.assigned()
        return bool(caplog.records)

    wait_until(is_complained_of, "the complaint")
    subject.observer.assigned()
    assert len(caplog.records) == 1
    assert "cannot be told" in caplog.records[0].message
    subject.state["count"] = 1


def test_everything_is_told_on_request(subject: Subject) -> None:
    subject.observer.start()
    subject.observer.tell_all()
    assert subject.told == [[[["count"], "set", 0], [["items"], "set", [1]]]]
