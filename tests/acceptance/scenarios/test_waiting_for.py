"""`workflow.wait`: the first of several steps."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from manyhands.machine.run import RunMachine
from manyhands.model.states import TaskStatus
from tests.acceptance.kit import (
    PATIENCE,
    Place,
    move_clock,
    note,
    noted,
    running,
    tally,
    wait_for_file,
    wait_until,
)


@workflow.step
def gather(*values: Any) -> list[Any]:
    return [part for value in values for part in (value if isinstance(value, list) else [value])]


@workflow.step
def ready_of(waited: Any) -> Any:
    return waited[0]


@workflow.step
def remaining_of(waited: Any) -> Any:
    return gather.step(waited[0], waited[1])


class Numbers:
    """Steps that give their number once their gate is open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder_text = str(folder)

        @workflow.step(name="number", max_retries=1)
        def number(value: int) -> int:
            note(f"{folder_text}/ledger", str(value))
            wait_for_file(f"{folder_text}/gate {value}", 1000)
            return value

        self._step = number

    def steps(self, *values: int) -> list[workflow.Workflow]:
        return [self._step.step(value) for value in values]

    def open(self, *values: int) -> None:
        for value in values:
            (self.folder / f"gate {value}").touch()

    def done(self, run_id: str, place: Place) -> int:
        """How many of them have given their number."""
        tasks = [task for task in place.tasks(run_id) if task.name.startswith("number")]
        return [task.status for task in tasks].count(TaskStatus.SUCCEEDED)


@pytest.fixture
def numbers(tmp_path: Path) -> Numbers:
    return Numbers(tmp_path)


def over(run_id: str) -> None:
    wait_until(lambda: workflow.get_status(run_id) is workflow.SUCCESSFUL, f"the end of {run_id}")


# --- what is ready -------------------------------------------------------------------------------------------------


def test_a_time_limit(place: Place, numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenario 94: fewer than asked for when the time is over, in the order of the list, the same for both who ask. It
    is over when the clock is moved, which is when three of them are done."""
    place.use(processes=5)
    waited = workflow.wait(numbers.steps(1, 3, 10, 2, 12), num_returns=4, timeout=3600)
    reference = gather.step(ready_of.step(waited), ready_of.step(waited)).run_async("limited")
    numbers.open(1, 3, 2)
    wait_until(lambda: numbers.done("limited", place) == 3, "three of the numbers")
    assert not reference.done()
    move_clock(monkeypatch, 3601.0)
    assert reference.result(PATIENCE) == [1, 3, 2] * 2
    numbers.open(10, 12)
    over("limited")


def test_what_remains_goes_to_another_step(place: Place, numbers: Numbers) -> None:
    """Scenario 95: the references are resolved there, in their order."""
    place.use(processes=4)
    ledger = numbers.folder / "consumer"

    @workflow.step
    def consume(waited: Any) -> Any:
        ready, remaining = waited
        note(ledger, f"{ready} {len(remaining)}")
        numbers.open(10, 12)
        return gather.step(ready, *remaining)

    numbers.open(1)
    waited = workflow.wait(numbers.steps(10, 1, 12))
    assert consume.step(waited).run("remaining") == [1, 10, 12]
    assert noted(ledger) == ["[1] 2"]
    assert tally(numbers.folder / "ledger") == {"1": 1, "10": 1, "12": 1}


def test_remaining_in_containers(place: Place, numbers: Numbers) -> None:
    """References in lists and dictionaries are resolved as steps are."""

    @workflow.step
    def look(value: Any) -> Any:
        return value

    @workflow.step
    def consume(waited: Any) -> Any:
        numbers.open(10)
        return look.step({"ready": waited[0], "rest": [waited[1]]})

    numbers.open(1)
    assert consume.step(workflow.wait(numbers.steps(1, 10))).run("held") == {"ready": [1], "rest": [[10]]}


def test_the_order_of_the_list(place: Place, numbers: Numbers) -> None:
    """Scenario 97: inside a graph and as the entry, whatever ends first."""
    numbers.open(1, 2)
    for order in ((1, 2), (2, 1)):
        waited = workflow.wait(numbers.steps(*order), num_returns=2)
        assert ready_of.step(waited).run() == list(order)
        assert workflow.wait(numbers.steps(*order), num_returns=2).run() == (list(order), [])


def test_the_first_one(place: Place, numbers: Numbers) -> None:
    """One is asked for by default, and it is the one that is ready; the run goes on until the others are too."""
    place.use(processes=3)
    reference = workflow.wait(numbers.steps(1, 2, 3)).run_async("first")
    numbers.open(2)
    ready, remaining = reference.result(30)
    assert ready == [2]
    assert len(remaining) == 2
    assert workflow.get_status("first") is workflow.RUNNING
    numbers.open(1, 3)
    over("first")
    assert workflow.get_output("first").result(30)[0] == [2]


def test_none_in_time(place: Place, numbers: Numbers) -> None:
    """Nothing is ready: an empty list, and all that was asked for."""
    reference = workflow.wait(numbers.steps(1, 2), timeout=0.2).run_async("none")
    ready, remaining = reference.result(30)
    assert ready == []
    assert len(remaining) == 2
    numbers.open(1, 2)
    over("none")


def test_recursive_wait(place: Place, numbers: Numbers) -> None:
    """Scenario 98: over what remains until nothing does; each time the one whose gate was opened."""
    place.use(processes=6)

    @workflow.step
    def drain(waited: Any, done: list[int], gates: list[int]) -> Any:
        ready, remaining = waited
        done = [*done, *ready]
        if not remaining:
            return done
        numbers.open(gates[0])
        return drain.step(workflow.wait(remaining), done, gates[1:])

    numbers.open(1)
    order = [1, 3, 2, 10, 12]
    waited = workflow.wait(numbers.steps(*sorted(order)))
    assert drain.step(waited, [], order[1:]).run("drained") == order
    assert tally(numbers.folder / "ledger") == {str(number): 1 for number in order}
    names = [name for name in place.names("drained") if name.startswith("workflow.wait")]
    assert names == ["workflow.wait", *(f"workflow.wait_{number}" for number in range(1, 5))]


def test_waits_take_no_worker(place: Place, numbers: Numbers) -> None:
    """With one worker, ten waits with a time limit do not keep what they wait for from running."""
    place.use(processes=1)
    (step,) = numbers.steps(1)
    numbers.open(1)
    waits = [workflow.wait([step], timeout=100) for _ in range(10)]
    assert gather.step(*(ready_of.step(waited) for waited in waits)).run("many") == [1] * 10


@pytest.mark.parametrize("count", [1, 100, 199, 200])
def test_what_a_wait_needs_is_counted_down(place: Place, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Each step that ends does not have it look at all of them again."""
    looks = Counter[int]()
    failure_behind = RunMachine.failure_behind

    def counted(self: RunMachine, task: int) -> int | None:
        looks[task] += 1
        return failure_behind(self, task)

    monkeypatch.setattr(RunMachine, "failure_behind", counted)
    one = workflow.step(int).options(allow_inplace=True)
    ready, _ = workflow.wait([one.step(number) for number in range(200)], num_returns=count).run()
    assert len(ready) == count
    assert max(looks.values()) <= 3


def test_a_wait_fails_with_what_hangs_on_a_failure(place: Place) -> None:
    """Two of the three that are asked for can never run: that counts as if they had failed themselves."""

    @workflow.step(max_retries=1)
    def fail() -> None:
        raise ValueError("failed")

    stuck = [gather.step(gather.step(fail.step())) for _ in range(2)]
    waited = workflow.wait([stuck[0], workflow.sleep(1000), gather.step(), stuck[1]], num_returns=3)
    with pytest.raises(workflow.WorkflowExecutionError, match="fail"):
        waited.run_async("stuck").result(PATIENCE)


def test_metadata_of_a_wait(place: Place, numbers: Numbers) -> None:
    numbers.open(1, 2)
    workflow.wait(numbers.steps(1, 2), num_returns=2).run("waited")
    shown = workflow.get_metadata("waited", "workflow.wait")
    assert shown["step_options"]["step_type"] == "WAIT"
    assert shown["workflows"] == ["number", "number_1"]


# --- what goes wrong -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [[1, 2], 7, None, ["run"], [gather.step(), 1], gather.step()])
def test_what_is_no_list_of_workflows(place: Place, wrong: Any) -> None:
    """Scenario 96."""
    with pytest.raises(TypeError, match=r"The input of workflow\.wait should be a list of workflows"):
        workflow.wait(wrong)


def test_a_consumer_that_fails(place: Place, numbers: Numbers, tmp_path: Path) -> None:
    """Scenario 99: after the resume it sees the same list as before, though more is ready by now."""
    place.use(processes=3)
    broken, seen = tmp_path / "broken", tmp_path / "seen"
    broken.touch()

    @workflow.step(max_retries=1)
    def consume(waited: Any) -> Any:
        note(seen, f"{waited[0]} {len(waited[1])}")
        if broken.exists():
            raise ValueError("broken")
        return gather.step(waited[0], waited[1])

    numbers.open(1)
    reference = consume.step(workflow.wait(numbers.steps(10, 1, 12))).run_async("failed")
    wait_until(lambda: place.attempts("failed", place.names("failed")[0]), "the consumer")
    numbers.open(10, 12)
    with pytest.raises(workflow.WorkflowExecutionError, match="broken"):
        reference.result(30)
    broken.unlink()
    assert workflow.resume("failed").result(30) == [1, 10, 12]
    assert noted(seen) == ["[1] 2"] * 2
    assert tally(tmp_path / "ledger")["1"] == 1


def test_cancel_during_a_wait(place: Place, numbers: Numbers) -> None:
    """Scenario 100: a resume waits again."""
    reference = ready_of.step(workflow.wait(numbers.steps(2, 1), num_returns=2)).run_async("canceled")
    wait_until(lambda: len(noted(numbers.folder / "ledger")) == 2, "both steps")
    workflow.cancel("canceled")
    with pytest.raises(workflow.WorkflowCancellationError):
        reference.result(30)
    assert workflow.get_status("canceled") is workflow.CANCELED
    numbers.open(1, 2)
    assert workflow.resume("canceled").result(30) == [2, 1]
    assert workflow.get_status("canceled") is workflow.SUCCESSFUL


def test_an_input_that_fails(place: Place, tmp_path: Path) -> None:
    """Scenario 101: the run fails; the resume gives its value, and there is one wait in it."""
    broken = tmp_path / "broken"
    broken.touch()

    @workflow.step(max_retries=1)
    def fragile() -> int:
        if broken.exists():
            raise ValueError("broken")
        return 42

    with pytest.raises(workflow.WorkflowExecutionError, match="broken") as caught:
        ready_of.step(workflow.wait([fragile.step()])).run("fragile")
    assert isinstance(caught.value.__cause__, ValueError)
    broken.unlink()
    assert workflow.resume("fragile").result(30) == [42]
    assert [name for name in place.names("fragile") if name.startswith("workflow.wait")] == ["workflow.wait"]


def test_an_input_whose_error_is_caught(place: Place, numbers: Numbers) -> None:
    """Then it is ready like any other, with the pair that it gives."""

    @workflow.step(catch_exceptions=True, max_retries=1)
    def fail() -> None:
        raise ValueError("caught")

    waited = workflow.wait([*numbers.steps(1), fail.step()])
    reference = ready_of.step(waited).run_async("caught")
    ((value, error),) = reference.result(30)
    assert value is None
    assert isinstance(error, ValueError)
    numbers.open(1)
    over("caught")


@pytest.mark.parametrize("when", ["waiting", "waited"])
def test_a_driver_killed_around_a_wait(place: Place, numbers: Numbers, tmp_path: Path, when: str) -> None:
    """What was ready before the kill is what is ready after the resume; what was not is waited for again."""
    script = tmp_path / "waiter.py"
    script.write_text(
        "import sys\n"
        "from manyhands import workflow\n"
        "from tests.acceptance.kit import note, wait_for_file\n"
        "@workflow.step(name='number')\n"
        "def number(folder, value):\n"
        "    note(f'{folder}/ledger', str(value))\n"
        "    wait_for_file(f'{folder}/gate {value}', 1000)\n"
        "    return value\n"
        "@workflow.step(name='consume')\n"
        "def consume(folder, waited):\n"
        "    note(f'{folder}/seen', f'{waited[0]} {len(waited[1])}')\n"
        "    wait_for_file(f'{folder}/gate', 1000)\n"
        "    return waited[0]\n"
        "if __name__ == '__main__':\n"
        "    waited = workflow.wait([number.step(sys.argv[1], value) for value in (1, 2)])\n"
        "    consume.step(sys.argv[1], waited).run('killed')\n",
        encoding="utf-8",
    )
    ledger, seen = tmp_path / "ledger", tmp_path / "seen"
    with running(script, tmp_path, place=place, MANYHANDS_PROCESSES="3") as driver:
        wait_until(lambda: len(noted(ledger)) == 2, "both steps")
        if when == "waited":
            numbers.open(2)
            wait_for_file(seen)
        driver.kill()
        driver.wait()
    numbers.open(1, 2)
    (tmp_path / "gate").touch()
    result = workflow.resume("killed").result(30)
    over("killed")
    if when == "waited":
        assert result == [2]
        assert set(noted(seen)) == {"[2] 1"}
        assert tally(ledger)["2"] == 1
    else:
        assert result in ([1], [2])
        assert tally(ledger) == {"1": 2, "2": 2}
