"""The crash clock of actors: a driver killed at each of its writes in turn, and the process that goes on."""

import json
from typing import Any

import pytest

from tests.acceptance.kit import Place, run_program
from tests.acceptance.programs.actor_crash_clock import GUESTS, RESULTS

NUMBERS = [1, 2, 3, 30, 4, 5]
BODIES = {"made", "outside 4", *map(str, NUMBERS)}


def clock(place: Place, *arguments: object) -> list[dict[str, Any]]:
    output = run_program("actor_crash_clock.py", place.folder, *arguments, place=place, seconds=800)
    return [json.loads(line) for line in output.splitlines() if line.startswith("{")]


def check(outcome: dict[str, Any]) -> None:
    """Each call is applied once, in one order; what was durable was not lost; nothing is done more often than it was
    interrupted."""
    guests = GUESTS if outcome["visits"] else []
    applied = outcome["applied"]
    assert [number for number in applied if number not in guests] == NUMBERS, outcome
    assert [number for number in applied if number in guests] == guests, outcome
    assert sum(applied) == sum(NUMBERS) + sum(guests)
    assert outcome["visits"] == [str(number) for number in guests]
    assert outcome["lost"] == []
    assert outcome["status"] == "SUCCESSFUL"
    assert outcome["findings"] == []
    assert outcome["history"] == [applied[:length] for length in range(len(applied) + 1)]
    for number, result in outcome["results"]:
        if number == 4:
            assert result == 4
        else:
            last = RESULTS[number][-1]
            assert result == sum(applied[: applied.index(last) + 1]), outcome
    assert set(outcome["times"]) == BODIES | {str(number) for number in guests}
    for name, times in outcome["times"].items():
        assert 1 <= times <= 1 + outcome["kills"], f"{name} ran too often: {outcome}"


def check_all(outcomes: list[dict[str, Any]], kills: int) -> None:
    assert [outcome["kills"] for outcome in outcomes] == [kills] * (len(outcomes) - 1) + [kills - 1]
    for outcome in outcomes:
        check(outcome)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_some_writes(place: Place, when: str) -> None:
    """Every fourth write, for the everyday run."""
    outcomes = clock(place, when, "alone", 4)
    assert len(outcomes) >= 3, "the clock has hardly ticked"
    check_all(outcomes, 1)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("company", ["alone", "guest"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_every_write(place: Place, when: str, company: str) -> None:
    """The driver is killed just before, or just after, its n-th write, for every n; beside it another process calls."""
    outcomes = clock(place, when, company, 1)
    assert len(outcomes) >= 8, "the clock has hardly ticked"
    check_all(outcomes, 1)
    if when == "before" and company == "alone":
        assert max(times for outcome in outcomes for times in outcome["times"].values()) == 2, "no kill has cost a try"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", [3, 6, 9])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_at_every_write_of_the_one_that_goes_on(place: Place, when: str, first: int) -> None:
    """The driver is killed, and the process that took over too, at each of its own writes; a third goes on."""
    outcomes = clock(place, when, "alone", 1, first)
    assert len(outcomes) >= 4, "the clock has hardly ticked"
    check_all(outcomes, 2)
