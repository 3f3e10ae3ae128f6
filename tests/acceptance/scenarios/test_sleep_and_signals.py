"""Waiting for time and for messages: neither takes a worker, and both outlive their driver."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from manyhands.model.errors import AttemptTimedOut
from tests.acceptance.kit import (
    PATIENCE,
    Place,
    move_clock,
    note,
    noted,
    run_program,
    running,
    wait_for_file,
    wait_until,
)


@workflow.step
def stamp(*_before: Any) -> float:
    return time.time()


@workflow.step
def pair(*values: Any) -> list[Any]:
    return list(values)


def signal_of(key: str) -> workflow.Workflow:
    return workflow.wait_for_event(workflow.SignalListener, key)


# --- time ----------------------------------------------------------------------------------------------------------


def test_sleep_in_a_graph(place: Place) -> None:
    """Scenario 102: what comes after it comes that much later than what came before; it gives None."""

    @workflow.step
    def rest(before: float) -> Any:
        slept = workflow.sleep(0.6)
        return pair.step(before, slept, stamp.step(slept))

    before, slept, after = rest.step(stamp.step()).run("slept")
    assert after - before >= 0.6
    assert slept is None


def test_sleep_begins_when_the_run_does(place: Place) -> None:
    """Scenario 103: the time between definition and run does not count, and each run sleeps for itself."""
    built = stamp.step(workflow.sleep(0.5))
    time.sleep(0.5)  # the time between, which must not count
    for run_id in ("one", "two"):
        began = time.time()
        assert built.run(run_id) - began >= 0.5


def test_no_sleep(place: Place) -> None:
    assert workflow.sleep(0).run("none") is None


def test_sleepers_take_no_worker(place: Place) -> None:
    """With one worker, twenty sleep at once while a step runs beside them."""
    place.use(processes=1)
    long = workflow.sleep(1000).run_async("long")
    began = time.monotonic()
    sleepers = [workflow.sleep(1.0) for _ in range(20)]
    reference = pair.step(*sleepers, stamp.step()).run_async("twenty")
    (stamped,) = [name for name in place.names("twenty") if name.endswith("stamp")]
    assert workflow.get_output("twenty", name=stamped).result(PATIENCE)
    assert len(reference.result(PATIENCE)) == 21
    assert time.monotonic() - began >= 1.0
    tasks = [task for task in place.tasks("twenty") if task.name.startswith("workflow.sleep")]
    starts = [task.started_at or 0.0 for task in tasks]
    ends = [task.ended_at or 0.0 for task in tasks]
    assert len(tasks) == 20
    assert max(starts) < min(ends), "all of them sleep at once"
    assert not long.done()
    workflow.cancel("long")
    with pytest.raises(workflow.WorkflowCancellationError):
        long.result(PATIENCE)


SLEEPER = """
import sys
from manyhands import workflow
from tests.acceptance.kit import note

@workflow.step
def after(_, ledger):
    note(ledger, "after")
    return "after"

if __name__ == "__main__":
    after.step(workflow.sleep(float(sys.argv[1])), sys.argv[2]).run("napping")
"""


def interrupted_nap(place: Place, folder: Path, seconds: float) -> float:
    """A run whose driver is killed in its sleep; returns when the sleep began, in epoch seconds."""
    script = folder / "sleeper.py"
    script.write_text(SLEEPER, encoding="utf-8")

    def sleeps() -> bool:
        there = place.store.run("napping") is not None
        return there and place.task("napping", "workflow.sleep").due_at is not None

    with running(script, seconds, folder / "ledger", place=place) as driver:
        wait_until(sleeps, "the sleep")
        driver.kill()
        driver.wait()
    return workflow.get_metadata("napping")["stats"]["start_time"]


def test_a_sleep_that_was_over_while_nobody_drove(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resume waits for what is left of it: here nothing. The clock is moved over the time of the sleep."""
    interrupted_nap(place, tmp_path, 3600.0)
    move_clock(monkeypatch, 3601.0)
    assert workflow.resume("napping").result(PATIENCE) == "after"
    assert noted(tmp_path / "ledger") == ["after"]


def test_a_sleep_that_is_not_over(place: Place, tmp_path: Path) -> None:
    """The remainder, not less."""
    began = interrupted_nap(place, tmp_path, 3.0)
    assert workflow.resume("napping").result(30) == "after"
    assert time.time() - began >= 2.9
    assert noted(tmp_path / "ledger") == ["after"]


def test_a_timer_as_the_entry(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scenario 109: RUNNING while it waits, and then None."""
    reference = workflow.wait_for_event(workflow.TimerListener, time.time() + 3600).run_async("timer")
    assert workflow.get_status("timer") is workflow.RUNNING
    assert not reference.done()
    move_clock(monkeypatch, 3601.0)
    assert reference.result(PATIENCE) is None
    assert workflow.get_status("timer") is workflow.SUCCESSFUL


def test_a_timer_of_the_past(place: Place) -> None:
    began = time.monotonic()
    assert workflow.wait_for_event(workflow.TimerListener, time.time() - 100).run("past") is None
    assert time.monotonic() - began < PATIENCE


@pytest.mark.parametrize("wrong", [-1, "soon", None, float("nan")])
def test_a_sleep_that_is_none(place: Place, wrong: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        workflow.sleep(wrong)


def test_what_is_no_listener(place: Place) -> None:
    """Scenario 110."""
    for wrong in (stamp, dict, workflow.SignalListener(), "key"):
        with pytest.raises(TypeError, match="EventListener"):
            workflow.wait_for_event(wrong)


# --- signals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [None, 7, "text", {"k": [1, 2]}, b"\x00" * 100_000, (1, {2})])
def test_a_signal_while_somebody_waits(place: Place, payload: Any) -> None:
    """Its payload is the event; the run is RUNNING until then."""
    reference = pair.step(signal_of("go"), 1).run_async("waits")
    wait_until(lambda: len(place.tasks("waits")) >= 2, "the steps")
    assert workflow.get_status("waits") is workflow.RUNNING
    assert not reference.done()
    workflow.send("waits", "go", payload)
    assert reference.result(30) == [payload, 1]


def test_a_signal_before_anybody_waits(place: Place, tmp_path: Path) -> None:
    """It is kept for who will wait."""
    gate = tmp_path / "gate"

    @workflow.step
    def late() -> Any:
        wait_for_file(gate)
        return signal_of("go")

    reference = late.step().run_async("late")
    workflow.send("late", "go", "early")
    gate.touch()
    assert reference.result(30) == "early"


def test_two_signals_of_one_key(place: Place, tmp_path: Path) -> None:
    """Each is taken once, in the order they were sent."""

    @workflow.step
    def second(first: Any) -> Any:
        return pair.step(first, signal_of("go"))

    reference = second.step(signal_of("go")).run_async("twice")
    workflow.send("twice", "go", 1)
    workflow.send("twice", "go", 2)
    assert reference.result(30) == [1, 2]


def test_two_receivers_of_one_key(place: Place) -> None:
    """One signal is for one of them; the other goes on waiting, until there is another."""
    reference = pair.step(signal_of("go"), signal_of("go")).run_async("two")
    workflow.send("two", "go", "a")
    time.sleep(0.5)  # nothing tells that the second receiver got nothing
    assert not reference.done()
    workflow.send("two", "go", "b")
    assert sorted(reference.result(30)) == ["a", "b"]


def test_signals_that_are_for_others(place: Place) -> None:
    """Another key and another run are not meant."""
    one, two = (pair.step(signal_of("go")).run_async(name) for name in ("one", "two"))
    workflow.send("one", "stop", "wrong key")
    workflow.send("two", "go", "for two")
    assert two.result(30) == ["for two"]
    assert not one.done()
    workflow.send("one", "go", "for one")
    assert one.result(30) == ["for one"]


def test_a_hundred_signals(place: Place) -> None:
    """As many receivers: each has one, none is lost, none is had twice."""
    receivers = [signal_of("go") for _ in range(100)]
    reference = pair.step(*receivers).run_async("hundred")
    for number in range(100):
        workflow.send("hundred", "go", number)
    assert sorted(reference.result(60)) == list(range(100))


def test_receivers_take_no_worker(place: Place) -> None:
    """With one worker, many runs wait for their signals while another does its work."""
    place.use(processes=1)
    waiting = [pair.step(signal_of("go"), number).run_async(f"run {number}") for number in range(20)]
    assert pair.step(1).run("beside") == [1]
    for number in range(20):
        workflow.send(f"run {number}", "go", -number)
    assert [reference.result(30) for reference in waiting] == [[-number, number] for number in range(20)]


def test_a_signal_from_a_step(place: Place) -> None:
    """Steps of other runs may send, and so may methods of actors."""

    @workflow.step
    def tell(payload: str) -> None:
        workflow.send("told", "go", payload)

    @workflow.virtual_actor
    class Teller:
        def tell(self, payload: str) -> None:
            workflow.send("told", "go", payload)

    reference = pair.step(signal_of("go"), signal_of("go")).run_async("told")
    tell.step("by a step").run("teller")
    Teller.get_or_create("actor").tell.run("by an actor")
    assert sorted(reference.result(30)) == ["by a step", "by an actor"]


def test_a_method_that_waits_for_a_signal(place: Place) -> None:
    """While an actor is called it takes signals as any run does; at rest it is reached by its methods."""

    @workflow.virtual_actor
    class Waiter:
        def __init__(self) -> None:
            self.got: list[str] = []

        def wait(self: Any) -> Any:
            return self.take.step(signal_of("go"))

        def take(self, payload: str) -> list[str]:
            self.got.append(payload)
            return self.got

    waiter = Waiter.get_or_create("waiter")
    waiter.ready().result(30)
    for word, got in (("one", ["one"]), ("two", ["one", "two"])):
        reference = waiter.wait.run_async()
        workflow.send("waiter", "go", word)
        assert reference.result(30) == got
    with pytest.raises(RuntimeError, match="An actor is reached by its methods"):
        workflow.send("waiter", "go", "three")


# --- signals and kills ---------------------------------------------------------------------------------------------

RECEIVER = """
import sys
from manyhands import workflow
from tests.acceptance.kit import note, wait_for_file

@workflow.step(name="take")
def take(payload, folder):
    note(f"{folder}/taken", payload)
    wait_for_file(f"{folder}/gate", 1000)
    return both.step(payload, workflow.wait_for_event(workflow.SignalListener, "go"))

@workflow.step(name="both")
def both(first, second):
    return [first, second]

if __name__ == "__main__":
    take.step(workflow.wait_for_event(workflow.SignalListener, "go"), sys.argv[1]).run("received")
"""


def receiver(folder: Path) -> Path:
    script = folder / "receiver.py"
    script.write_text(RECEIVER, encoding="utf-8")
    return script


def begun(place: Place, run_id: str) -> bool:
    return place.store.run(run_id) is not None and len(place.tasks(run_id)) >= 2


def test_a_signal_from_another_process(place: Place, tmp_path: Path) -> None:
    """It wakes the driver, whoever sent it."""
    reference = pair.step(signal_of("go")).run_async("waits")
    script = tmp_path / "sender.py"
    script.write_text("from manyhands import workflow\nworkflow.send('waits', 'go', 'from afar')\n", encoding="utf-8")
    run_program(script, place=place)
    assert reference.result(30) == ["from afar"]


def test_a_signal_that_comes_while_nobody_drives(place: Place, tmp_path: Path) -> None:
    """The driver is killed in its wait; the signal is there when the run is taken up."""
    (tmp_path / "gate").touch()
    with running(receiver(tmp_path), tmp_path, place=place) as driver:
        wait_until(lambda: begun(place, "received"), "the receiver")
        driver.kill()
        driver.wait()
    workflow.send("received", "go", "one")
    workflow.send("received", "go", "two")
    assert workflow.get_status("received") is workflow.RESUMABLE
    assert workflow.resume("received").result(30) == ["one", "two"]
    assert noted(tmp_path / "taken") == ["one"]


def test_a_driver_killed_after_it_took_a_signal(place: Place, tmp_path: Path) -> None:
    """What was taken is taken: the step behind has the same payload again, and the next signal is the next's."""
    with running(receiver(tmp_path), tmp_path, place=place) as driver:
        wait_until(lambda: begun(place, "received"), "the receiver")
        workflow.send("received", "go", "one")
        workflow.send("received", "go", "two")
        wait_for_file(tmp_path / "taken")
        driver.kill()
        driver.wait()
    (tmp_path / "gate").touch()
    assert workflow.resume("received").result(30) == ["one", "two"]
    assert noted(tmp_path / "taken") == ["one", "one"]


def test_a_sender_killed_right_after_it_sent(place: Place, tmp_path: Path) -> None:
    """When `send` has returned the signal is durable."""
    reference = pair.step(signal_of("go")).run_async("waits")
    script = tmp_path / "sender.py"
    script.write_text(
        "import os, signal\n"
        "from manyhands import workflow\n"
        "workflow.send('waits', 'go', 'last words')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n",
        encoding="utf-8",
    )
    run_program(script, place=place, expect=-9)
    assert reference.result(30) == ["last words"]


def test_a_signal_taken_by_a_step_that_is_tried_again(place: Place, tmp_path: Path) -> None:
    """A step that takes the signal as its argument and dies has it again; it is taken from the store once."""

    @workflow.step(retry_lost=2)
    def fragile(payload: Any) -> Any:
        note(tmp_path / "ledger", str(payload))
        if len(noted(tmp_path / "ledger")) == 1:
            os.kill(os.getpid(), 9)
        return pair.step(payload, signal_of("go"))

    reference = fragile.step(signal_of("go")).run_async("dies")
    workflow.send("dies", "go", 1)
    workflow.send("dies", "go", 2)
    assert reference.result(30) == [1, 2]
    assert noted(tmp_path / "ledger") == ["1", "1"]


@pytest.mark.parametrize("in_time", [True, False])
def test_a_signal_that_is_seen_after_the_limit(place: Place, monkeypatch: pytest.MonkeyPatch, in_time: bool) -> None:
    """What counts is when it came, not when somebody drove the run again."""
    pair.step(workflow.wait_for_event(workflow.SignalListener, "go", timeout=100)).run_async("limited")
    wait_until(lambda: place.task("limited", "workflow.signal").due_at is not None, "the wait")
    place.use()
    if not in_time:
        move_clock(monkeypatch, 200)
    workflow.send("limited", "go", "in time")
    if in_time:
        move_clock(monkeypatch, 200)
    reference = workflow.resume("limited")
    if in_time:
        assert reference.result(30) == ["in time"]
    else:
        with pytest.raises(workflow.WorkflowExecutionError) as caught:
            reference.result(30)
        assert isinstance(caught.value.__cause__, AttemptTimedOut)


def test_the_times_of_a_signal_are_those_of_the_wait(place: Place) -> None:
    reference = pair.step(workflow.wait_for_event(workflow.SignalListener, "go", timeout=100)).run_async("timed")
    wait_until(lambda: place.task("timed", "workflow.signal").due_at is not None, "the wait")
    sent = time.time()
    workflow.send("timed", "go", 1)
    assert reference.result(30) == [1]
    stats = workflow.get_metadata("timed", "workflow.signal")["stats"]
    assert stats["start_time"] < sent < stats["end_time"]


# --- signals to nobody ---------------------------------------------------------------------------------------------


def test_a_signal_to_a_run_that_there_is_not(place: Place) -> None:
    before = place.rows()
    with pytest.raises(ValueError, match="nobody"):
        workflow.send("nobody", "go")
    assert place.rows() == before


def test_a_signal_to_a_finished_run(place: Place) -> None:
    """Nobody could ever take it."""
    pair.step(1).run("over")
    before = place.rows()
    with pytest.raises(RuntimeError, match="finished"):
        workflow.send("over", "go", 1)
    assert place.rows() == before
    assert workflow.get_status("over") is workflow.SUCCESSFUL


@pytest.mark.parametrize(("run_id", "key"), [("run", 7), (7, "go"), ("run", None)])
def test_a_signal_without_an_address(place: Place, run_id: Any, key: Any) -> None:
    reference = pair.step(signal_of("go")).run_async("run")
    with pytest.raises(TypeError, match="text"):
        workflow.send(run_id, key)
    workflow.send("run", "go", 1)
    assert reference.result(30) == [1]
