"""Gatherings: when a task that waits for others is worth a look."""

import pytest

from manyhands.engine.gatherings import Gatherings


def nothing(_task: int) -> bool:
    return False


@pytest.fixture
def gatherings() -> Gatherings:
    made = Gatherings()
    for task in (1, 2):
        made.add(task)
    return made


def test_a_task_is_complete_when_it_lacks_no_more(gatherings: Gatherings) -> None:
    gatherings.lacks(1, 2, [10, 11, 12])
    gatherings.lacks(2, 1, [12])
    gatherings.ended(10, failed=False)
    assert gatherings.complete(nothing) == set()
    gatherings.ended(12, failed=False)
    assert gatherings.complete(nothing) == {1, 2}
    assert gatherings.complete(nothing) == set(), "it was said"


def test_each_ends_once(gatherings: Gatherings) -> None:
    gatherings.lacks(1, 2, [10, 11])
    for _ in range(3):
        gatherings.ended(10, failed=False)
    assert gatherings.complete(nothing) == set()


def test_one_that_still_lacks_some_goes_on_counting(gatherings: Gatherings) -> None:
    gatherings.lacks(1, 1, [10, 11, 12])
    gatherings.ended(10, failed=False)
    assert gatherings.complete(nothing) == {1}
    gatherings.lacks(1, 2, [11, 12])
    gatherings.ended(11, failed=False)
    assert gatherings.complete(nothing) == set()
    gatherings.ended(12, failed=False)
    assert gatherings.complete(nothing) == {1}


def test_what_cannot_run_after_a_failure_counts_too(gatherings: Gatherings) -> None:
    gatherings.lacks(1, 2, [10, 11, 12])
    assert gatherings.complete({11, 12}.__contains__) == set(), "nothing has failed"
    gatherings.ended(99, failed=True)
    assert gatherings.complete({11}.__contains__) == set()
    gatherings.ended(98, failed=True)
    assert gatherings.complete({11, 12}.__contains__) == {1}


def test_one_that_has_ended_itself_counts_nothing(gatherings: Gatherings) -> None:
    gatherings.lacks(1, 1, [10])
    gatherings.lacks(2, 1, [10])
    gatherings.ended(1, failed=False)
    gatherings.ended(10, failed=False)
    assert gatherings.complete(nothing) == {2}
    assert gatherings
    gatherings.discard(2)
    assert not gatherings
