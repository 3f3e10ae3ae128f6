"""Cached steps: across runs and processes, with an end, and computed once by whoever comes first."""

from pathlib import Path
from typing import Any

import pytest

from manyhands import bootstrap, workflow
from manyhands.engine.context import client
from manyhands.engine.why import explain
from tests.acceptance.kit import Place, note, run_program, running, tally, wait_for_file, wait_until


def counted(ledger: Path, **options: Any) -> workflow.StepFunction:
    """A cached step that notes each of its computations."""

    def double(value: Any, times: int = 2) -> Any:
        note(ledger, "computed")
        return value * times

    return workflow.step(cache=True, name="double", **options)(double)


def computed(ledger: Path) -> int:
    return tally(ledger)["computed"]


@pytest.mark.parametrize("inplace", [False, True])
def test_a_call_is_computed_once(place: Place, tmp_path: Path, inplace: bool) -> None:
    """In the next run it is taken from the cache, and the journal says from which run; other inputs are computed."""
    ledger = tmp_path / "ledger"
    double = counted(ledger, allow_inplace=inplace)
    assert double.step(21).run("first") == 42
    assert double.step(21).run("second") == 42
    assert computed(ledger) == 1
    states = [(event.state, event.reason) for event in place.events("second", "double")]
    assert states == [("pending", "called"), ("succeeded", "cached")]
    assert "double of run first" in place.events("second", "double")[-1].message
    assert place.attempts("second", "double") == []
    assert double.step(22).run("third") == 44
    assert computed(ledger) == 2
    assert workflow.get_output("second").result() == 42
    assert workflow.resume("second").result() == 42


def test_why_says_when_the_cached_result_was_saved(place: Place, tmp_path: Path) -> None:
    double = counted(tmp_path / "ledger")
    double.step(21).run("first")
    double.step(21).run("second")
    inspect = bootstrap.inspect(bootstrap.settings(store=place.url))
    (fact,) = [fact for fact in explain(inspect, "second", "double").facts if fact.kind == "cached"]
    assert fact.text.startswith("An equal call had been made before: step 'double' of run 'first', saved at ")
    assert fact.at == place.events("first", "double")[-1].at


def test_one_call_has_many_spellings(place: Place, tmp_path: Path) -> None:
    """By position, by name, with the default left out: the same call. 1 and 1.0 and True are not."""
    ledger = tmp_path / "ledger"
    double = counted(ledger)
    calls = [
        double.step(1),
        double.step(1, 2),
        double.step(value=1),
        double.step(times=2, value=1),
        double.step(1, times=2),
    ]
    assert [call.run() for call in calls] == [2] * 5
    assert computed(ledger) == 1
    assert double.step(1.0).run() == 2.0
    assert double.step(True).run() == 2
    assert computed(ledger) == 3


def test_inputs_that_are_results_count_by_value(place: Place, tmp_path: Path) -> None:
    """It is the value that counts, not where it came from."""
    ledger = tmp_path / "ledger"
    double = counted(ledger)

    @workflow.step
    def source(number: int) -> int:
        return number % 10

    assert double.step(source.step(15)).run() == 10
    assert double.step(source.step(25)).run() == 10
    assert double.step(5).run() == 10
    assert computed(ledger) == 1


def test_another_body_is_another_call(place: Place, tmp_path: Path) -> None:
    """A changed function does not find the results of what it was."""
    ledger = tmp_path / "ledger"

    @workflow.step(cache=True, name="f")
    def old(value: int) -> int:
        note(ledger, "old")
        return value + 1

    @workflow.step(cache=True, name="f")
    def new(value: int) -> int:
        note(ledger, "new")
        return value + 2

    assert (old.step(1).run(), new.step(1).run(), old.step(1).run()) == (2, 3, 2)
    assert tally(ledger) == {"old": 1, "new": 1}


def test_equal_calls_of_one_run(place: Place, tmp_path: Path) -> None:
    """Many at once compute once."""
    ledger = tmp_path / "ledger"
    double = counted(ledger)

    @workflow.step
    def gather(values: list[int]) -> list[int]:
        return values

    assert gather.step([double.step(number % 2) for number in range(10)]).run("many") == [0, 2] * 5
    assert computed(ledger) == 2


def test_a_failure_is_not_cached(place: Place, tmp_path: Path) -> None:
    """The next run tries again."""
    ledger, cured = tmp_path / "ledger", tmp_path / "cured"

    @workflow.step(cache=True, max_retries=1)
    def fragile() -> int:
        note(ledger, "tried")
        if not cured.exists():
            raise ValueError("broken")
        return 1

    for _ in range(2):
        with pytest.raises(workflow.WorkflowExecutionError):
            fragile.step().run()
    cured.touch()
    assert [fragile.step().run(), fragile.step().run()] == [1, 1]
    assert tally(ledger) == {"tried": 3}


def test_a_cached_step_that_returns_a_step(place: Place, tmp_path: Path) -> None:
    """Right in any case; what it forwards to is computed once if that is cached itself."""
    ledger = tmp_path / "ledger"
    double = counted(ledger)

    @workflow.step(cache=True)
    def outer(value: int) -> Any:
        return double.step(value)

    assert [outer.step(3).run(), outer.step(3).run()] == [6, 6]
    assert computed(ledger) == 1


def test_a_cached_step_that_catches(place: Place, tmp_path: Path) -> None:
    """The pair is made of a cached value too, and not wrapped twice."""
    ledger = tmp_path / "ledger"
    double = counted(ledger, catch_exceptions=True)
    assert [double.step(1).run(), double.step(1).run()] == [(2, None), (2, None)]
    assert computed(ledger) == 1


def test_results_expire(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After their time they are computed again; the clock is moved."""
    ledger = tmp_path / "ledger"
    double = counted(ledger, cache_ttl=3600.0)
    clock = client().engine.clock
    real = clock.now
    assert double.step(1).run() == 2
    monkeypatch.setattr(clock, "now", lambda: real() + 3500)
    assert double.step(1).run() == 2
    assert computed(ledger) == 1
    monkeypatch.setattr(clock, "now", lambda: real() + 3700)
    assert double.step(1).run() == 2
    assert computed(ledger) == 2
    monkeypatch.setattr(clock, "now", lambda: real() + 7100)
    assert double.step(1).run() == 2
    assert computed(ledger) == 2


def test_a_deleted_run_leaves_its_cached_results(place: Place, tmp_path: Path) -> None:
    """They belong to the store, not to the run; large ones too."""
    ledger = tmp_path / "ledger"
    double = counted(ledger)
    text = "x" * 100_000
    assert double.step(text).run("gone") == text * 2
    workflow.delete("gone")
    assert double.step(text).run("next") == text * 2
    assert computed(ledger) == 1


def test_cached_calls_without_a_run(place: Place, tmp_path: Path) -> None:
    """`.cached()` finds without writing, and runs what is not there."""
    ledger = tmp_path / "ledger"
    double = counted(ledger)
    assert double.cached(4) == 8
    before = place.rows()
    assert [double.cached(4), double.cached(value=4)] == [8, 8]
    assert place.rows() == before
    assert len(workflow.list_all()) == 1
    assert computed(ledger) == 1


def test_across_processes(place: Place, tmp_path: Path) -> None:
    """What one process has computed another finds."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    gate.touch()
    for run_id in ("one", "two"):
        run_program("cached.py", run_id, ledger, gate, place=place)
    assert computed(ledger) == 1
    assert place.events("two", "costly")[-1].reason == "cached"


def test_two_processes_at_once_compute_once(place: Place, tmp_path: Path) -> None:
    """Single flight: the second waits for the first, and takes its result."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    with running("cached.py", "one", ledger, gate, place=place) as one:
        wait_for_file(ledger)
        with running("cached.py", "two", ledger, gate, place=place) as two:
            wait_until(lambda: dict(workflow.list_all()).get("two") is workflow.RUNNING, "the second run")
            gate.touch()
            assert (one.wait(30), two.wait(30)) == (0, 0)
    assert computed(ledger) == 1
    assert place.events("two", "costly")[-1].reason == "cached"


def test_a_flight_whose_process_dies(place: Place, tmp_path: Path) -> None:
    """The second does not wait for the dead: it computes the result itself."""
    ledger, gate = tmp_path / "ledger", tmp_path / "gate"
    with running("cached.py", "one", ledger, gate, place=place) as one:
        wait_for_file(ledger)
        with running("cached.py", "two", ledger, gate, place=place) as two:
            wait_until(lambda: dict(workflow.list_all()).get("two") is workflow.RUNNING, "the second run")
            one.kill()
            one.wait()
            wait_until(lambda: computed(ledger) == 2, "the second computation")
            gate.touch()
            assert two.wait(30) == 0
    assert workflow.get_status("one") is workflow.RESUMABLE
    assert workflow.resume("one").result(30) == 42
    assert computed(ledger) == 2
