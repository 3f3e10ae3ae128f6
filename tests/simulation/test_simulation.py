"""A million events in seeded random worlds: no rule of the machine is broken after any of them."""

from __future__ import annotations

import sys
from collections import Counter
from time import perf_counter

import pytest

from tests.simulation.world import simulate

EVENTS = 1_000_000
MANY_EVENTS = 5_000_000

HAPPENINGS = {
    "running started": 100_000,
    "running forwarded": 10_000,
    "succeeded done": 50_000,
    "succeeded cached": 1000,
    "succeeded caught": 1000,
    "failed error": 1000,
    "failed lost": 1000,
    "failed memory": 1000,
    "failed timeout": 1000,
    "stopped canceled": 1000,
    "pending retry": 10_000,
    "pending worker": 1000,
    "run succeeded": 1000,
    "run failed": 1000,
    "run canceled": 100,
    "stale reports": 1000,
    "crashes": 1000,
    "crashes with moves that were not committed": 100,
    "compared with the reference": 1000,
    "histories replayed": 1000,
}
"""How often each must at least have happened among a million events, or the worlds have become too quiet."""


def simulate_many(events: int, first_seed: int) -> Counter[str]:
    seen: Counter[str] = Counter()
    seed = first_seed
    started = perf_counter()
    while seen["events"] < events:
        world = simulate(seed)
        seen.update(world.seen)
        seen["events"] += world.events
        seed += 1
    seconds = perf_counter() - started
    lines = [f"\n{seen['events']:,} events in {seed - first_seed:,} worlds, {seconds:.0f} s: no rule broken"]
    lines += [f"  {count:>9,} {what}" for what, count in sorted(seen.items())]
    sys.stdout.write("\n".join(lines) + "\n")
    return seen


@pytest.mark.timeout(400)
def test_a_million_events(capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        seen = simulate_many(EVENTS, first_seed=0)
    assert seen["events"] >= EVENTS
    assert {what: seen[what] for what, least in HAPPENINGS.items() if seen[what] < least} == {}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_millions_of_events_more() -> None:
    assert simulate_many(MANY_EVENTS, first_seed=1_000_000)["events"] >= MANY_EVENTS


def test_a_world_is_the_same_each_time() -> None:
    """Or the line that a failing seed prints would be of no use."""
    for seed in range(40):
        one, other = simulate(seed), simulate(seed)
        assert one.journal.tasks == other.journal.tasks
        assert (one.events, one.seen) == (other.events, other.seen)


def test_a_failing_seed_says_how_to_see_it_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.simulation.world.World._step", lambda world: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        simulate(7)
    assert caught.value.__notes__ == ["To see it again: python -m tests.simulation.world 7"]
