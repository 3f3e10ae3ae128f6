"""Methods of actors that return steps, and actors that call actors."""

import time
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

import manyhands
from manyhands import workflow
from tests.acceptance.kit import PATIENCE, Place, note, noted, tally, wait_for_file, wait_until


@workflow.virtual_actor
class Counter:
    """Counts, at once or in as many steps."""

    def __init__(self) -> None:
        self.n = 0

    def add(self, by: int = 1) -> int:
        self.n += by
        return self.n

    def incr(self: Any, times: int) -> Any:
        self.n += 1
        if times == 1:
            return self.n
        return self.incr.options(name="incr", metadata={"current_n": self.n}).step(times - 1)

    @workflow.virtual_actor.readonly
    def get(self) -> int:
        return self.n


@workflow.virtual_actor
class Proxy:
    """Has a counter elsewhere, and passes on what it is told."""

    def __init__(self, target: str) -> None:
        self.target = target

    def create(self) -> None:
        Counter.get_or_create(self.target).ready().result(60)

    def add(self, by: int) -> int:
        return workflow.get_actor(self.target).add.run(by)

    def add_after(self, by: int, folder: str) -> int:
        note(f"{folder}/began", "began")
        wait_for_file(f"{folder}/gate")
        return self.add(by)

    def add_later(self, by: int) -> list[int]:
        target = workflow.get_actor(self.target)
        return manyhands.get([target.add.run_async(by) for _ in range(3)])

    def read(self) -> int:
        return workflow.get_actor(self.target).get.run()

    @workflow.virtual_actor.readonly
    def look(self) -> int:
        return workflow.get_actor(self.target).get.run()


@workflow.step(max_retries=1)
def begin(folder: str) -> str:
    """Waits for the file `gate`, and fails while there is the file `broken`."""
    note(f"{folder}/ledger", "begin")
    wait_for_file(f"{folder}/gate")
    if Path(folder, "broken").exists():
        raise ValueError("broken")
    return "UP"


@workflow.virtual_actor
class Session:
    """Is brought up by steps that are not its own."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.status = "PENDING"

    def update(self, begun: tuple[Any, Any]) -> Any:
        value, error = begun
        self.status = "DOWN" if error is not None else value
        return value if error is None else error

    def start(self) -> Any:
        return begin.step(self.folder)

    def start_with_status(self: Any) -> Any:
        self.status = "STARTING"
        return self.update.step(begin.options(catch_exceptions=True).step(self.folder))

    @workflow.virtual_actor.readonly
    def get_status(self) -> str:
        return self.status


def session(folder: Path) -> Any:
    made = Session.get_or_create("session", str(folder))
    made.ready().result(30)
    return made


# --- actors that call actors ---------------------------------------------------------------------------------------


def test_an_actor_that_calls_another(place: Place) -> None:
    """Scenario 118: it makes the other, writes to it and reads it, and the sums are the same."""
    proxy = Proxy.get_or_create("proxy", "counter")
    proxy.create.run()
    sums = list(accumulate(range(1, 6)))
    assert [proxy.add.run(number) for number in range(1, 6)] == sums
    references = [proxy.add.run_async(number) for number in range(5)]
    expected = [sums[-1] + more for more in accumulate(range(5))]
    assert [reference.result(60) for reference in reversed(references)] == expected[::-1]
    assert proxy.read.run() == proxy.look.run() == workflow.get_actor("counter").get.run() == expected[-1]
    assert dict(workflow.list_all()) == {"proxy": workflow.SUCCESSFUL, "counter": workflow.SUCCESSFUL}


def test_an_actor_that_has_several_calls_of_another_under_way(place: Place) -> None:
    proxy = Proxy.get_or_create("proxy", "counter")
    proxy.create.run()
    assert proxy.add_later.run(2) == [2, 4, 6]
    assert workflow.get_actor("counter").add.run(1) == 7


def test_two_actors_that_use_one(place: Place) -> None:
    """Both, and the test itself, write to the same third; each call is applied once."""
    place.use(processes=3)
    proxies = [Proxy.get_or_create(name, "counter") for name in ("one", "two")]
    counter = Counter.get_or_create("counter")
    counter.ready().result(30)
    references = [proxy.add.run_async(1) for _ in range(3) for proxy in proxies]
    references += [counter.add.run_async(1) for _ in range(6)]
    assert sorted(reference.result(60) for reference in references) == list(range(1, 13))
    assert counter.get.run() == 12


def test_callers_that_take_all_the_workers(place: Place, tmp_path: Path) -> None:
    """Methods that wait for another actor do not keep that one from a worker, though its driver is theirs too."""
    place.use(processes=2)
    counter = Counter.get_or_create("counter")
    counter.ready().result(30)
    proxies = [Proxy.get_or_create(name, "counter") for name in ("one", "two")]
    references = [proxy.add_after.run_async(1, str(tmp_path)) for proxy in proxies]
    wait_until(lambda: len(noted(tmp_path / "began")) == 2, "both methods")
    references.append(counter.add.run_async(1))
    (tmp_path / "gate").touch()
    assert sorted(reference.result(PATIENCE) for reference in references) == [1, 2, 3]


# --- steps that are not its own ------------------------------------------------------------------------------------


def test_a_method_that_returns_a_step(place: Place, tmp_path: Path) -> None:
    """Scenario 119: it fails and raises; a resume does the step again, and only that; then it is UP."""
    gate, broken, ledger = (tmp_path / name for name in ("gate", "broken", "ledger"))
    gate.touch()
    broken.touch()
    actor = session(tmp_path)
    with pytest.raises(workflow.WorkflowExecutionError, match="broken") as caught:
        actor.start.options(max_retries=1).run()
    assert isinstance(caught.value.__cause__, ValueError)
    assert tally(ledger) == {"begin": 1}
    assert workflow.get_status("session") is workflow.FAILED
    assert actor.get_status.run() == "PENDING"
    broken.unlink()
    workflow.resume("session").result(30)
    assert tally(ledger) == {"begin": 2}
    assert actor.start.run() == "UP"
    assert actor.get_status.run() == "PENDING"
    assert actor.start_with_status.run() == "UP"
    assert actor.get_status.run() == "UP"
    assert tally(ledger) == {"begin": 4}


def test_a_step_whose_error_goes_into_a_method(place: Place, tmp_path: Path) -> None:
    """Scenario 120: the error is the value; while the step is held, readers see the state of the first method."""
    gate, broken, ledger = (tmp_path / name for name in ("gate", "broken", "ledger"))
    broken.touch()
    actor = session(tmp_path)
    for result, status in ((ValueError, "DOWN"), (str, "UP")):
        reference = actor.start_with_status.run_async()
        wait_until(lambda: actor.get_status.run() == "STARTING", "the first method")
        wait_for_file(ledger)
        assert not reference.done()
        assert workflow.get_status("session") is workflow.RUNNING
        gate.touch()
        assert isinstance(reference.result(30), result)
        assert actor.get_status.run() == status
        for path in (gate, broken, ledger):
            path.unlink(missing_ok=True)


def test_the_next_call_waits_for_the_steps_of_the_one_before(place: Place, tmp_path: Path) -> None:
    """A call is over when all that it returned is."""
    actor = session(tmp_path)
    first, second = actor.start_with_status.run_async(), actor.update.run_async(("LAST", None))
    wait_for_file(tmp_path / "ledger")
    assert actor.get_status.run() == "STARTING"
    assert not second.done()
    (tmp_path / "gate").touch()
    assert (first.result(30), second.result(30)) == ("UP", "LAST")
    assert actor.get_status.run() == "LAST"


def test_a_method_that_returns_a_join(place: Place, tmp_path: Path) -> None:
    """Scenario 122: five steps that are not the actor's, side by side, and a sixth that joins them."""

    @workflow.step
    def write(number: int) -> int:
        note(tmp_path / "written", str(number))
        return number

    @workflow.step
    def join(*numbers: int) -> int:
        return sum(numbers)

    @workflow.virtual_actor
    class Writer:
        def __init__(self) -> None:
            self.calls = 0

        def write_all(self) -> Any:
            self.calls += 1
            return join.step(*(write.step(number) for number in range(5)))

        @workflow.virtual_actor.readonly
        def get(self) -> int:
            return self.calls

    writer = Writer.get_or_create("writer")
    assert writer.write_all.run() == 10
    assert sorted(noted(tmp_path / "written")) == ["0", "1", "2", "3", "4"]
    assert writer.get.run() == 1


def test_a_writer_that_returns_a_step_and_is_caught(place: Place, tmp_path: Path) -> None:
    """The error of the step is the caller's value, and what the method itself did is kept."""
    for name in ("gate", "broken"):
        (tmp_path / name).touch()
    actor = session(tmp_path)
    value, error = actor.start.options(catch_exceptions=True).run()
    assert value is None
    assert isinstance(error, ValueError)
    assert workflow.get_status("session") is workflow.SUCCESSFUL
    assert actor.update.run(("NEXT", None)) == "NEXT"


# --- steps of its own ----------------------------------------------------------------------------------------------


def test_metadata_of_nested_calls(place: Place) -> None:
    """Scenario 59."""
    counter = Counter.get_or_create("counter")
    assert counter.incr.options(name="incr", metadata={"outer_k": "outer_v"}).run(5) == 5
    names = ["incr", "incr_1", "incr_2", "incr_3", "incr_4"]
    assert place.names("counter")[1:] == names
    shown = [workflow.get_metadata("counter", name)["user_metadata"] for name in names]
    assert shown == [{"outer_k": "outer_v"}, *({"current_n": number} for number in range(1, 5))]


def test_several_steps_of_its_own_beside_each_other(place: Place, tmp_path: Path) -> None:
    """Though nothing says which comes first, they come one after the other, each on what the one before has left."""
    ledger = tmp_path / "ledger"

    @workflow.step
    def join(*values: int) -> list[int]:
        return list(values)

    @workflow.virtual_actor
    class Fan:
        def __init__(self) -> None:
            self.n = 0

        def fan(self: Any, count: int) -> Any:
            return join.step(*(self.add.step(1) for _ in range(count)))

        def add(self, by: int) -> int:
            note(ledger, "+")
            self.n += by
            time.sleep(0.02)  # long enough for another to begin, if it could
            note(ledger, "-")
            return self.n

        @workflow.virtual_actor.readonly
        def get(self) -> int:
            return self.n

    place.use(processes=4)
    fan = Fan.get_or_create("fan")
    first, second = fan.fan.run_async(8), fan.add.run_async(100)
    assert sorted(first.result(30)) == list(range(1, 9))
    assert second.result(30) == 108
    assert fan.get.run() == 108
    assert noted(ledger) == ["+", "-"] * 9


def test_ten_levels(place: Place) -> None:
    """Scenario 123: once waited for, once not."""
    counter = Counter.get_or_create("counter")
    assert counter.incr.run(10) == 10
    assert counter.incr.run_async(10).result(60) == 20
    assert counter.get.run() == 20
    assert len(place.tasks("counter")) == 21
    assert len(counter.history()) == 21


def test_a_chain_that_is_seen_as_it_goes(place: Place, tmp_path: Path) -> None:
    """Scenario 125: readers see each state of the chain; where it failed, it goes on after a resume."""

    @workflow.virtual_actor
    class Climber:
        def __init__(self) -> None:
            self.level = 0

        def climb(self: Any, number: int) -> Any:
            note(tmp_path / "ledger", str(number))
            wait_for_file(tmp_path / f"gate {number}")
            if number == 4 and (tmp_path / "broken").exists():
                raise ValueError("too steep")
            self.level += 1
            return self.level if number == 5 else self.climb.options(max_retries=1).step(number + 1)

        @workflow.virtual_actor.readonly
        def get(self) -> int:
            return self.level

    (tmp_path / "broken").touch()
    climber = Climber.get_or_create("climber")
    climber.ready().result(30)
    reference = climber.climb.run_async(1)
    for number in (1, 2, 3):
        assert climber.get.run() == number - 1
        (tmp_path / f"gate {number}").touch()
        wait_until(lambda number=number: climber.get.run() == number, f"level {number}")
    (tmp_path / "gate 4").touch()
    with pytest.raises(workflow.WorkflowExecutionError, match="too steep"):
        reference.result(30)
    assert climber.get.run() == 3
    assert workflow.get_status("climber") is workflow.FAILED
    for name in ("broken", "gate 5"):
        (tmp_path / name).unlink(missing_ok=True)
    (tmp_path / "gate 5").touch()
    workflow.resume("climber").result(30)
    assert climber.get.run() == 5
    assert noted(tmp_path / "ledger") == ["1", "2", "3", "4", "4", "5"]
