"""What waits must not be able to bring down, or hold up for ever, what does not."""

import asyncio
import os
import threading
import time
from typing import Any

import pytest

from manyhands import workflow
from tests.acceptance.kit import PATIENCE, Place, note, noted, wait_for_file, wait_until


@workflow.step
def tell(value: Any) -> Any:
    return value


@workflow.step(max_retries=1)
def fail(*_inputs: Any) -> None:
    raise ValueError("failed")


def here_only(pid: int) -> str:
    if os.getpid() != pid:
        raise RuntimeError("cannot be loaded in another process")
    return "here"


class HereOnly:
    """A value that can be loaded only in the process that made it."""

    def __reduce__(self) -> Any:
        return here_only, (os.getpid(),)


@workflow.step
def make_here_only() -> Any:
    return HereOnly()


def signal(key: Any, **kwargs: Any) -> workflow.Workflow:
    return workflow.wait_for_event(workflow.SignalListener, key, **kwargs)


BAD = {
    "a timer for None": lambda: workflow.wait_for_event(workflow.TimerListener, tell.step(None)),
    "a sleep too long for a float": lambda: workflow.sleep(tell.step(10**400)),
    "a time limit too long for a float": lambda: signal("go", timeout=tell.step(10**400)),
    "a key that is None": lambda: signal(tell.step(None)),
    "a wait for what cannot be loaded": lambda: workflow.wait([make_here_only.step()]),
}


@pytest.mark.parametrize("what", BAD)
def test_an_impossible_wait_harms_nobody_else(place: Place, what: str) -> None:
    """The run fails with a clear error; others of the same driver do not notice."""
    other = signal("go").run_async("other")
    with pytest.raises(workflow.WorkflowExecutionError):
        BAD[what]().run_async("bad").result(PATIENCE)
    workflow.send("other", "go", 7)
    assert other.result(PATIENCE) == 7


def test_many_are_awaited_at_once(place: Place) -> None:
    """More than the default thread pool of asyncio has threads; what is short does not wait for what is long."""

    async def main() -> list[Any]:
        waiting = [asyncio.ensure_future(wait(signal("go").run_async(f"r{number}"))) for number in range(50)]
        await asyncio.sleep(0.2)
        short = await tell.step("short").run_async()
        for number in range(50):
            workflow.send(f"r{number}", "go", number)
        return [short, *await asyncio.gather(*waiting)]

    async def wait(reference: Any) -> Any:
        return await reference

    assert asyncio.run(asyncio.wait_for(main(), PATIENCE)) == ["short", *range(50)]


def test_the_end_of_a_loop_does_not_wait_for_what_was_given_up(place: Place) -> None:
    """The time limit of `asyncio.wait_for` counts, also when the loop is closed behind it."""

    async def main() -> None:
        async def wait(reference: Any) -> Any:
            return await reference

        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(wait(signal("never").run_async("never")), 0.2)

    asyncio.run(main())
    workflow.cancel("never")


def test_no_thread_waits_for_what_was_given_up(place: Place) -> None:
    """Neither after an `await` that was canceled, nor after a run that waits for another."""

    def waiting() -> int:
        names = ("manyhands-await", "manyhands-reference")
        return sum(thread.name in names for thread in threading.enumerate())

    async def give_up() -> None:
        async def wait() -> Any:
            return await workflow.get_output("never")

        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(wait(), 0.2)

    signal("never").run_async("never")
    for number in range(3):
        tell.step(workflow.get_output("never")).run_async(f"r{number}")
    wait_until(lambda: waiting() == 3, "three who wait")
    asyncio.run(give_up())
    for number in range(3):
        workflow.cancel(f"r{number}")
    wait_until(lambda: waiting() == 0, "the end of their threads")
    workflow.cancel("never")


def test_a_failed_run_does_not_wait_for_a_signal(place: Place) -> None:
    """FAILED at once, though something is still waited for that will perhaps never come."""
    with pytest.raises(workflow.WorkflowExecutionError, match="failed"):
        fail.step(workflow.wait([tell.step(1), signal("never")])).run_async("failed").result(PATIENCE)
    wait_until(lambda: workflow.get_status("failed") is workflow.FAILED, "the end of the run")


class File(workflow.EventListener):
    """Waits for a file, and notes that it does."""

    def poll_for_event(self, folder: str) -> str:
        note(f"{folder}/polls", "poll")
        wait_for_file(f"{folder}/event")
        return "the event"


@workflow.step(max_retries=1)
def fail_without(folder: str, *_beside: Any) -> str:
    wait_until(lambda: noted(f"{folder}/polls"), "the listener")
    if not os.path.exists(f"{folder}/event"):
        raise ValueError("there is no event yet")
    return "done"


@workflow.step
def gather(*values: Any) -> list[Any]:
    return list(values)


def test_a_failed_run_does_not_wait_for_a_listener_or_a_timer(place: Place, tmp_path: Any) -> None:
    """Both wait again after a resume: the listener anew, the timer for the moment that it was for."""
    folder = str(tmp_path)
    until = time.time() + 1000
    event, timer = workflow.wait_for_event(File, folder), workflow.wait_for_event(workflow.TimerListener, until)
    with pytest.raises(workflow.WorkflowExecutionError, match="no event yet"):
        gather.step(fail_without.step(folder), event, timer).run_async("r").result(PATIENCE)
    assert workflow.get_status("r") is workflow.FAILED
    waiting = {task.kind: task for task in place.tasks("r") if task.kind in ("timer", "listener")}
    assert {task.status.value for task in waiting.values()} == {"pending"}
    assert waiting["timer"].due_at == until
    (tmp_path / "event").touch()
    workflow.resume("r")
    wait_until(lambda: place.task("r", waiting["listener"].name).status.value == "succeeded", "the event")
    wait_until(lambda: place.task("r", waiting["timer"].name).status.value == "running", "the timer")
    assert place.task("r", waiting["timer"].name).due_at == until
    assert noted(f"{folder}/polls") == ["poll", "poll"]
    workflow.cancel("r")


def test_a_failed_call_beside_a_signal_is_tried_again(place: Place, tmp_path: Any) -> None:
    """R6 for an actor: the next call hangs, and `skip` is refused, as long as the signal does not come."""

    @workflow.virtual_actor
    class Patient:
        def __init__(self) -> None:
            self.n = 0

        def add(self, by: int = 1) -> int:
            if by < 0:
                raise ValueError("negative")
            self.n += by
            return self.n

        def ask(self: Any) -> Any:
            return self.take.step(workflow.wait([self.add.step(), signal("never")]))

        def take(self, waited: Any) -> int:
            return self.n

    patient = Patient.get_or_create("patient")
    assert patient.ask.run() == 1
    with pytest.raises(workflow.WorkflowExecutionError, match="negative"):
        patient.add.options(max_retries=1, name="bad").run_async(-1).result(PATIENCE)
    with pytest.raises(workflow.WorkflowExecutionError, match="negative"):
        patient.add.run_async(5).result(PATIENCE)
    workflow.skip("patient", "bad")
    assert patient.add.run_async(5).result(PATIENCE) == 11
