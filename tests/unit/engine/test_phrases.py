"""Times, spans and lists in words."""

import time

import pytest

from manyhands.engine import phrases


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"),
        (0, "0 ms"),
        (0.0853, "85 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1.0 s"),
        (1.24, "1.2 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (61, "1 min 1 s"),
        (3599.7, "1 h"),
        (7800, "2 h 10 min"),
        (86400, "1 d"),
        (3 * 86400 + 4 * 3600 + 59, "3 d 4 h"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    assert phrases.span(seconds) == text


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (1000.0, "just now"),
        (999.5, "just now"),
        (998.0, "2 s ago"),
        (1005.4, "in 5 s"),
        (1000.0 - 185, "3 min ago"),
        (1000.0 - 7300, "2 h ago"),
        (1000.0 + 90000, "in 1 d"),
    ],
)
def test_ago(at: float, text: str) -> None:
    assert phrases.ago(at, 1000.0) == text


def test_clock_is_local_time() -> None:
    at = time.mktime((2026, 3, 1, 14, 5, 9, 0, 0, -1))
    assert phrases.clock(at) == "2026-03-01 14:05:09"
    assert phrases.when(at, at + 60) == "2026-03-01 14:05:09 (1 min ago)"


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], "none"),
        (["a"], "'a'"),
        (["a", "b"], "'a' and 'b'"),
        (["a", "b", "c"], "'a', 'b' and 'c'"),
        (["a", "b", "c", "d", "e", "f"], "'a', 'b', 'c', 'd' and 2 more"),
    ],
)
def test_some(names: list[str], text: str) -> None:
    assert phrases.some(names) == text


@pytest.mark.parametrize(("number", "text"), [(0, "0 steps"), (1, "1 step"), (1200, "1,200 steps")])
def test_count(number: int, text: str) -> None:
    assert phrases.count(number, "step") == text


@pytest.mark.parametrize(("number", "text"), [(1, "once"), (2, "twice"), (3, "3 times")])
def test_times(number: int, text: str) -> None:
    assert phrases.times(number) == text


def test_first_line() -> None:
    assert phrases.first_line("  one \n two") == "one"
    assert phrases.first_line("x" * 300, 10) == "xxxxxxxxx…"
    assert phrases.first_line("") == ""


@pytest.mark.parametrize("at", [1e300, float("inf"), -1e300])
def test_a_time_that_no_calendar_has(at: float) -> None:
    assert phrases.clock(at) == phrases.when(at, 1.0) == "never"
