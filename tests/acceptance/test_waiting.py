"""Waiting for results: references, threads, asyncio, and workflows inside of steps."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import manyhands
from manyhands import workflow
from manyhands.model.errors import WaitTimeout
from tests.acceptance.kit import PATIENCE, Place, note, noted, run_program, tally, wait_for_file, wait_until


@workflow.step
def add(left: int, right: int) -> int:
    return left + right


@workflow.step
def fail(text: str) -> None:
    raise ValueError(text)


def gated(gate: Path) -> workflow.StepFunction:
    @workflow.step
    def wait(value: Any) -> Any:
        wait_for_file(gate)
        return value

    return wait


# --- references ----------------------------------------------------------------------------------------------------


def test_get_of_one_and_of_several(place: Place) -> None:
    """In the order given, whatever order they end in."""
    references = [add.step(number, 1).run_async() for number in range(10)]
    assert manyhands.get(references[3]) == 4
    assert manyhands.get(references) == list(range(1, 11))
    assert manyhands.get(references, timeout=0) == list(range(1, 11))


def test_a_result_that_takes_too_long(place: Place, tmp_path: Path) -> None:
    """The wait ends, the run goes on."""
    gate = tmp_path / "gate"
    reference = gated(gate).step(5).run_async("slow")
    began = time.monotonic()
    with pytest.raises(WaitTimeout, match=r"'slow' is not finished after 0.2 s") as caught:
        reference.result(0.2)
    assert isinstance(caught.value, TimeoutError)
    with pytest.raises(TimeoutError):
        manyhands.get([reference], timeout=0.1)
    assert time.monotonic() - began >= 0.3
    assert not reference.done()
    gate.touch()
    assert reference.result(PATIENCE) == 5
    assert reference.done()


def test_run_async_then_run(place: Place, tmp_path: Path) -> None:
    """As in a notebook: something runs behind, and something else is run in front."""
    gate = tmp_path / "gate"
    behind = gated(gate).step(1).run_async("behind")
    assert add.step(1, 2).run("in front") == 3
    assert workflow.get_status("behind") is workflow.RUNNING
    gate.touch()
    assert behind.result(30) == 1
    assert behind.result() == 1


def test_it_goes_on_though_nobody_waits(place: Place, tmp_path: Path) -> None:
    """A chain of steps started by `run_async` comes to its end by itself."""
    ledger = tmp_path / "ledger"

    @workflow.step
    def link(value: int) -> int:
        note(ledger, str(value))
        return value + 1

    link.step(link.step(link.step(0))).run_async("alone")
    wait_until(lambda: len(noted(ledger)) == 3, "the third step")
    assert noted(ledger) == ["0", "1", "2"]
    assert workflow.get_output("alone").result(30) == 3


def test_a_run_that_another_process_drives(place: Place, tmp_path: Path) -> None:
    """Its output is waited for from here, and comes."""
    script = tmp_path / "other.py"
    script.write_text(
        "import sys\n"
        "from manyhands import workflow\n"
        "if __name__ == '__main__':\n"
        "    sys.stdout.write(f\"got {workflow.get_output('ours').result(30)}\")\n",
        encoding="utf-8",
    )
    gate = tmp_path / "gate"
    reference = gated(gate).step(11).run_async("ours")
    outputs: list[str] = []
    thread = threading.Thread(target=lambda: outputs.append(run_program(script, place=place)))
    thread.start()
    gate.touch()
    assert reference.result(30) == 11
    thread.join()
    assert outputs == ["got 11"]


# --- threads -------------------------------------------------------------------------------------------------------


def test_eight_threads(place: Place) -> None:
    """Each runs its own workflows in the one engine of the process; all get what is theirs."""

    @workflow.step
    def square(value: int) -> int:
        return value * value

    def work(thread: int) -> list[Any]:
        results: list[Any] = []
        for number in range(6):
            value = 100 * thread + number
            step = square.options(allow_inplace=bool(number % 2))
            results.append(add.step(step.step(value), 1).run(f"{thread} {number}"))
        return results

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    assert found == [[(100 * thread + number) ** 2 + 1 for number in range(6)] for thread in range(8)]
    assert len(workflow.list_all("SUCCESSFUL")) == 48


def test_one_id_from_eight_threads(place: Place, tmp_path: Path) -> None:
    """One of them runs it; the others get its result, or are told that it is running."""
    ledger = tmp_path / "ledger"

    @workflow.step
    def once() -> int:
        note(ledger, "once")
        return 7

    barrier = threading.Barrier(8)

    def work(_thread: int) -> Any:
        barrier.wait(30)
        try:
            return once.step().run("contended")
        except (manyhands.StateError, manyhands.BackendError) as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    assert 7 in found
    assert [str(one) for one in found if one != 7 and not isinstance(one, RuntimeError)] == []
    assert tally(ledger) == {"once": 1}


def test_several_threads_wait_for_one_run(place: Place, tmp_path: Path) -> None:
    """All are told."""
    gate = tmp_path / "gate"
    reference = gated(gate).step(3).run_async("awaited")
    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(reference.result, 30) for _ in range(3)]
        waiting.append(pool.submit(workflow.get_output("awaited").result, 30))
        gate.touch()
        assert [one.result() for one in waiting] == [3] * 4


# --- asyncio -------------------------------------------------------------------------------------------------------


def test_await(place: Place) -> None:
    """A reference can be awaited; its error comes out of the await."""

    async def main() -> Any:
        first = await add.step(1, 2).run_async("awaited")
        second = await workflow.get_output("awaited")
        with pytest.raises(workflow.WorkflowExecutionError, match="in vain"):
            await fail.options(max_retries=1).step("in vain").run_async()
        return first, second

    assert asyncio.run(main()) == (3, 3)


def test_several_awaited_at_once(place: Place, tmp_path: Path) -> None:
    """The event loop goes on meanwhile: it is the loop that opens the gate."""
    gate = tmp_path / "gate"

    async def main() -> list[int]:
        waiting = asyncio.gather(
            *(gated(gate).step(number).run_async() for number in range(4)), add.step(1, 2).run_async()
        )
        await asyncio.sleep(0)
        assert not waiting.done()
        gate.touch()
        return await waiting

    assert asyncio.run(main()) == [0, 1, 2, 3, 3]


def test_awaiting_with_a_time_limit(place: Place, tmp_path: Path) -> None:
    """asyncio's own time limit ends the wait; the run goes on."""
    gate = tmp_path / "gate"

    async def main() -> int:
        reference = gated(gate).step(4).run_async("limited")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reference
        gate.touch()
        return await reference

    assert asyncio.run(main()) == 4


# --- workflows in steps --------------------------------------------------------------------------------------------


def test_a_step_runs_another_workflow(place: Place) -> None:
    """The inner run is a run of its own in the same store, driven by the worker."""

    @workflow.step
    def outer() -> int:
        return add.step(20, 1).run("inner") * 2

    assert outer.step().run("outer") == 42
    assert dict(workflow.list_all()) == {"inner": workflow.SUCCESSFUL, "outer": workflow.SUCCESSFUL}
    assert workflow.get_output("inner").result() == 21


@pytest.mark.parametrize("wait", [lambda built: built.run("inner"), lambda built: built.run_async("inner")])
def test_a_step_in_place_cannot_wait_for_another(place: Place, wait: Any) -> None:
    """It is in the thread that would have to drive the other, so it fails, and says what to do instead."""
    add.step(1, 1).run("before")

    @workflow.step(allow_inplace=True)
    def outer() -> Any:
        assert workflow.get_output("before").result() == 2
        return wait(add.step(20, 1))

    with pytest.raises(workflow.WorkflowExecutionError, match="Drop `allow_inplace`") as caught:
        outer.step().run("outer")
    assert isinstance(caught.value.__cause__, manyhands.StateError)
    assert add.step(1, 2).run("after") == 3
    assert {run_id for run_id, _ in workflow.list_all()} == {"before", "outer", "after"}


def test_a_step_that_runs_another_is_resumed(place: Place, tmp_path: Path) -> None:
    """The inner run has its id, so it is not done again when the outer step is."""
    ledger, cured = tmp_path / "ledger", tmp_path / "cured"

    @workflow.step
    def inner() -> int:
        note(ledger, "inner")
        return 21

    @workflow.step(max_retries=1)
    def outer() -> int:
        value: int = inner.step().run("inner")
        if not cured.exists():
            raise ValueError("between")
        return value * 2

    with pytest.raises(workflow.WorkflowExecutionError, match="between"):
        outer.step().run("outer")
    cured.touch()
    assert workflow.resume("outer").result(30) == 42
    assert noted(ledger) == ["inner"]
