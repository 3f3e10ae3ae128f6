"""Bounds on how much runs at once."""

import pytest

from manyhands.machine.limits import UNLIMITED, Limit, Limits


def test_a_limit_is_full_when_it_is_taken_up() -> None:
    limit = Limit(2)
    assert not limit.full
    limit.taken = 2
    assert limit.full
    limit.bound = 1
    assert limit.full
    limit.bound = 3
    assert not limit.full


def test_no_bound_is_never_reached() -> None:
    limit = Limit()
    limit.taken = 10**9
    assert not limit.full


def test_a_group_has_one_limit_that_all_its_tasks_share() -> None:
    limits = Limits(5, {"g": 2})
    assert limits.run.bound == 5
    assert limits.of("g") is limits.groups["g"]
    assert limits.of("g") is limits.of("g")
    assert limits.of(None) is None


def test_a_group_without_a_limit_is_counted_as_one_may_come() -> None:
    limits = Limits(None, {})
    found = limits.of("late")
    assert found is not None
    assert found.bound == UNLIMITED
    limits.change("late", 1)
    assert found.bound == 1


@pytest.mark.parametrize(("bound", "expected"), [(3, 3), (0, 0), (None, UNLIMITED)])
def test_limits_change(bound: int | None, expected: int) -> None:
    limits = Limits(1, {"g": 1})
    limits.change(None, bound)
    limits.change("g", bound)
    assert (limits.run.bound, limits.groups["g"].bound) == (expected, expected)
