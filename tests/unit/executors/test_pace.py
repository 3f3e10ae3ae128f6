"""Short attempts are queued, long ones are not."""

import pytest

from manyhands.executors.pace import AHEAD_SECONDS, DEPTH, SHORT_SECONDS, Paces, depth_for


@pytest.mark.parametrize(
    ("seconds", "depth"), [(0.0, DEPTH), (0.00001, DEPTH), (0.0005, 14), (0.001, 7), (SHORT_SECONDS, 1), (10.0, 1)]
)
def test_depth(seconds: float, depth: int) -> None:
    assert depth_for(seconds) == depth


def test_no_more_is_queued_than_can_be_done_soon() -> None:
    for microseconds in range(1, 2000):
        seconds = microseconds / 1e6
        assert 1 <= depth_for(seconds) <= DEPTH
        assert depth_for(seconds) * seconds <= AHEAD_SECONDS


def test_nothing_is_known_at_first() -> None:
    paces = Paces()
    assert (paces.depth("any"), paces.ahead()) == (1, 0)


def test_labels_are_kept_apart() -> None:
    paces = Paces()
    paces.saw("short", 0.0)
    paces.saw("long", 5.0)
    assert (paces.depth("short"), paces.depth("long"), paces.depth("other")) == (DEPTH, 1, 1)


def test_one_long_attempt_ends_the_queueing_and_many_short_ones_bring_it_back() -> None:
    paces = Paces()
    paces.saw("step", 0.0)
    assert paces.ahead() == 2 * DEPTH - 1
    paces.saw("step", 0.05)
    assert (paces.depth("step"), paces.ahead()) == (1, 1)
    paces.saw("step", 1.0)
    assert paces.ahead() == 0
    for _ in range(60):
        paces.saw("step", 0.0)
    assert paces.depth("step") == DEPTH


def test_labels_without_number_are_not_kept_for_ever() -> None:
    paces = Paces()
    for number in range(30_000):
        paces.saw(str(number), 0.0)
    assert sum(paces.depth(str(number)) > 1 for number in range(30_000)) <= 10_000
