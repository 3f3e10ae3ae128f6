"""Times and stages as people read them."""

import time

import pytest

from manyhands.dashboard.words import app_stage_text, clock, plural, span, stage_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 ms"), (0, "0 ms"), (0.0154, "15 ms"), (1, "1.0 s"), (9.94, "9.9 s"), (10, "10 s"), (59.9, "59 s"),
        (60, "1 min 00 s"), (3599, "59 min 59 s"), (3600, "1 h 00 min"), (86399, "23 h 59 min"), (90000, "1 d 01 h"),
    ],
)  # fmt: skip
def test_spans(seconds: float, text: str) -> None:
    assert span(seconds) == text


def test_a_time_of_another_day_has_its_date() -> None:
    assert any(len(clock(time.time())) == len("00:00:00") for _ in range(2)), "midnight may come in between once"
    assert len(clock(time.time() - 10 * 86400)) == len("2024-01-01 00:00:00")


def test_words() -> None:
    assert stage_text("not_started") == "not started"
    assert stage_text("running") == "running"
    assert app_stage_text("blocking") == "waits to be run"
    assert [plural(count, "call") for count in (0, 1, 2)] == ["0 calls", "1 call", "2 calls"]
