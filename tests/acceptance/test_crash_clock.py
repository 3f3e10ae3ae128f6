"""The crash clock: a driver killed at each of its writes in turn, and what its resume makes of it."""

import json
from typing import Any

import pytest

from tests.acceptance.kit import Place, run_program
from tests.acceptance.programs.crash_clock import EXPECTED

STEPS = {"source", "left", "right", "a", "b", "inner", "join", "tail", "last"}


def clock(place: Place, *arguments: object) -> list[dict[str, Any]]:
    output = run_program("crash_clock.py", place.folder, *arguments, place=place, seconds=280)
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def check(outcome: dict[str, Any]) -> None:
    """The one result; nothing that was done is done again, and nothing else more often than it was interrupted."""
    assert outcome["result"] == EXPECTED
    assert outcome["status"] == "SUCCESSFUL"
    assert outcome["findings"] == []
    assert set(outcome["times"]) == STEPS
    for name, (found_done, times) in outcome["times"].items():
        interruptions = min(outcome["kills"], outcome["resumes"] - found_done)
        assert 1 <= times <= 1 + interruptions, f"{name} ran too often: {outcome}"


@pytest.mark.timeout(300)
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("executor", ["inline", "process"])
def test_a_kill_at_every_write(place: Place, executor: str, when: str) -> None:
    """Item 9b and scenario 71: the driver is killed just before, or just after, its n-th write, for every n."""
    outcomes = clock(place, executor, when)
    assert len(outcomes) >= 6, "the clock has hardly ticked"
    assert [outcome["kills"] for outcome in outcomes] == [1] * (len(outcomes) - 1) + [0]
    for outcome in outcomes:
        check(outcome)
    most = max(times for outcome in outcomes for _, times in outcome["times"].values())
    if when == "before":
        assert most == 2, "no kill has cost a try"
    elif executor == "inline":
        assert most == 1, "a kill right after a write costs nothing where nothing runs beside"


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("executor", "when"), [("inline", "before"), ("inline", "after"), ("process", "before")])
def test_a_kill_at_every_write_of_the_resume(place: Place, executor: str, when: str) -> None:
    """The run is killed half way, and its resume again, at each of its own writes."""
    outcomes = clock(place, executor, when, 5)
    assert len(outcomes) >= 4, "the clock has hardly ticked"
    assert [outcome["kills"] for outcome in outcomes] == [2] * (len(outcomes) - 1) + [1]
    for outcome in outcomes:
        check(outcome)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(1, 10))
@pytest.mark.parametrize("executor", ["inline", "process"])
def test_a_kill_at_every_write_of_every_resume(place: Place, executor: str, first: int) -> None:
    """Every pair of kills."""
    for when in ("before", "after"):
        for outcome in clock(place, executor, when, first):
            check(outcome)
