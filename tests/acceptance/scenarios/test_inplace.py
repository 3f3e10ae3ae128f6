"""Steps that run in the process that drives the run."""

import inspect
import os
from typing import Any

import pytest

from manyhands import workflow
from tests.acceptance.kit import Place


def test_inplace_runs_where_the_run_is_driven(place: Place) -> None:
    """Scenario 46: an inplace step sees the driver's process, another step does not."""

    @workflow.step
    def where() -> int:
        return os.getpid()

    @workflow.step(allow_inplace=True)
    def gather(*pids: int) -> tuple[int, ...]:
        return (*pids, os.getpid())

    worker, inplace, root = gather.step(where.step(), where.options(allow_inplace=True).step()).run()
    assert worker != os.getpid()
    assert inplace == root == os.getpid()


@pytest.mark.parametrize("inplace", [True, False])
def test_recursion_in_place_and_in_workers(place: Place, inplace: bool) -> None:
    """Scenario 47: ten levels, all in the driver's process or none of them; the result is the same."""

    @workflow.step(allow_inplace=inplace)
    def down(value: int, level: int, pids: list[int]) -> Any:
        pids = [*pids, os.getpid()]
        if level == 0:
            return value, pids
        return down.step(2 * value, level - 1, pids)

    value, pids = down.step(7, 10, []).run()
    assert value == 7 * 2**10
    assert len(pids) == 11
    assert all((pid == os.getpid()) is inplace for pid in pids)


def test_tail_calls_do_not_grow_the_stack(place: Place) -> None:
    """Scenario 48: the thirtieth inplace step stands as deep as the first."""

    @workflow.step(allow_inplace=True)
    def down(level: int, depths: list[int]) -> Any:
        depths = [*depths, len(inspect.stack(0))]
        return depths if level == 0 else down.step(level - 1, depths)

    depths = down.step(30, []).run()
    assert len(depths) == 31
    assert set(depths) == {depths[0]}


def test_an_inplace_step_is_as_durable_as_another(place: Place) -> None:
    """Its result is saved, its arguments are its own, its exception is the cause."""
    given = [1]

    @workflow.step(allow_inplace=True, name="change")
    def change(values: list[int]) -> list[int]:
        values.append(2)
        return values

    @workflow.step(allow_inplace=True, max_retries=2)
    def fail(_values: list[int]) -> None:
        raise ValueError("inplace")

    with pytest.raises(workflow.WorkflowExecutionError, match="inplace") as caught:
        fail.step(change.step(given)).run("inplace")
    assert isinstance(caught.value.__cause__, ValueError)
    assert given == [1]
    assert workflow.get_output("inplace", name="change").result() == [1, 2]
    assert [attempt.number for attempt in place.attempts("inplace", place.names("inplace")[0])] == [1, 2]


def test_a_step_in_place_cancels_another_run(place: Place) -> None:
    """It cannot wait for the end of the attempts, as it is in the driver's way; the run is canceled all the same."""
    workflow.sleep(3600).run_async("other")

    @workflow.step(allow_inplace=True)
    def stop() -> str:
        workflow.cancel("other")
        return "stopped"

    assert stop.step().run() == "stopped"
    assert workflow.get_status("other") is workflow.CANCELED
