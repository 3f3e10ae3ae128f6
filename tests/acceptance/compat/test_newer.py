"""The call forms of 2.x: run by name, outputs before they are there, retries in its words, its metadata."""

import asyncio
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from manyhands import workflow
from manyhands.compat import ray2 as ray
from manyhands.compat.ray2 import workflow as newer
from tests.acceptance.kit import Place, count_up, note, noted, wait_for_file, wait_gone, wait_until


def test_a_canceled_task_is_really_stopped(place: Place) -> None:
    """Scenario 133."""
    ledger, gate = place.folder / "ledger", place.folder / "gate"

    @ray.remote
    def blocked() -> None:
        note(ledger, str(os.getpid()))
        wait_for_file(gate)

    reference = newer.run_async(blocked.bind(), workflow_id="blocked")
    wait_until(lambda: noted(ledger), "the start of the task")
    newer.cancel("blocked")
    with pytest.raises(newer.WorkflowCancellationError):
        ray.get(reference)
    assert newer.get_status("blocked") == newer.CANCELED
    wait_gone([int(noted(ledger)[0])], 5.0)
    assert psutil.pid_exists(os.getpid())


@pytest.mark.parametrize("how", ["exceptions", "deaths"])
def test_ten_retries(place: Place, how: str) -> None:
    """Scenario 134: ten failures are made good by ten retries, and eleven are not."""

    @ray.remote
    def unsteady(ledger: Path, failures: int) -> int:
        tries = count_up(ledger)
        if tries <= failures:
            if how == "deaths":
                os._exit(1)
            raise ValueError("again")
        return 10

    steady = unsteady.options(max_retries=10, retry_exceptions=True)
    catching = steady.options(**newer.options(catch_exceptions=True))
    ledgers = [place.folder / str(number) for number in range(5)]
    assert newer.run(steady.bind(ledgers[0], 10)) == 10
    assert newer.run(catching.bind(ledgers[1], 10)) == (10, None)
    with pytest.raises(newer.WorkflowExecutionError) as caught:
        newer.run(steady.bind(ledgers[2], 11), workflow_id="failed")
    kind = ray.exceptions.WorkerCrashedError if how == "deaths" else ValueError
    assert isinstance(caught.value.__cause__, kind)
    value, error = newer.run(catching.bind(ledgers[3], 11))
    assert value is None
    assert isinstance(error, kind)
    if how == "exceptions":
        with pytest.raises(newer.WorkflowExecutionError):
            newer.run(steady.options(retry_exceptions=False).bind(ledgers[4], 1))
        assert len(noted(ledgers[4])) == 1
    # Scenario 150.
    assert newer.resume("failed") == 10


def test_a_catch_covers_inputs_of_what_is_returned(place: Place) -> None:
    """Scenario 135."""

    @ray.remote
    def fails() -> None:
        raise ValueError("no")

    @ray.remote
    def uses(value: Any) -> Any:
        return value

    @newer.options(catch_exceptions=True)
    @ray.remote
    def outer() -> Any:
        return newer.continuation(uses.bind(fails.bind()))

    value, error = newer.run(outer.bind())
    assert value is None
    assert isinstance(error, ValueError)


def test_outputs_of_tasks_that_are_not_there_yet(place: Place) -> None:
    """Scenario 140."""

    @ray.remote
    def recursive(number: int) -> Any:
        if number <= 0:
            return 42
        return newer.continuation(recursive.options(**newer.options(task_id=str(number - 1))).bind(number - 1))

    result = newer.run_async(recursive.options(**newer.options(task_id="10")).bind(10), workflow_id="recursion")
    outputs = [newer.get_output_async("recursion", task_id=str(number)) for number in range(11)]
    assert ray.get(outputs) == [42] * 11
    assert ray.get(result) == 42


def test_an_output_right_after_the_start(place: Place) -> None:
    """Scenario 141."""

    @ray.remote
    def number(value: int) -> int:
        return value

    for value in range(20):
        newer.run_async(number.bind(value), workflow_id=str(value))
        assert ray.get(newer.get_output_async(str(value))) == value


def test_names_are_given_to_inputs_first(place: Place) -> None:
    """Scenario 142."""

    @ray.remote
    def double(value: int) -> int:
        return 2 * value

    inner = double.options(**newer.options(task_id="double")).bind(1)
    outer = double.options(**newer.options(task_id="double")).bind(inner)
    assert newer.run(outer, workflow_id="doubled") == 4
    assert newer.get_output("doubled", task_id="double") == 2
    assert newer.get_output("doubled", task_id="double_1") == 4


def test_a_task_that_never_comes(place: Place) -> None:
    """Scenario 143: it is waited for while the run goes on."""
    gate = place.folder / "gate"

    @ray.remote
    def waits() -> int:
        wait_for_file(gate)
        return 1

    newer.run_async(waits.bind(), workflow_id="waits")
    output = newer.get_output_async("waits", task_id="xyz")
    assert ray.wait([output], timeout=0.1) == ([], [output])
    gate.touch()
    with pytest.raises(ValueError, match="xyz"):
        ray.get(output)


def test_equal_names(place: Place) -> None:
    """Scenario 144."""

    @ray.remote
    def simple(value: int) -> int:
        return value

    @ray.remote
    def gather(*values: int) -> tuple[int, ...]:
        return values

    named = simple.options(**newer.options(task_id="simple"))
    dag = gather.bind(*[named.bind(number) for number in range(20)])
    assert newer.run(dag, workflow_id="equal") == tuple(range(20))
    names = ["simple", *(f"simple_{number}" for number in range(1, 20))]
    assert [newer.get_output("equal", task_id=name) for name in names] == list(range(20))


def test_an_unknown_workflow(place: Place) -> None:
    """Scenarios 145 and 146: errors that leave no trace."""

    @ray.remote
    def simple() -> int:
        return 0

    with pytest.raises(ValueError, match="nowhere"):
        newer.resume("nowhere")
    assert newer.list_all() == []
    newer.run(simple.options(**newer.options(task_id="simple_task")).bind(), workflow_id="simple")
    with pytest.raises(ValueError, match="No such workflow_id 'simple1'"):
        newer.get_metadata("simple1")
    with pytest.raises(ValueError, match="No such workflow_id 'simple1'"):
        newer.get_metadata("simple1", "simple_task")
    with pytest.raises(ValueError, match="No such task_id 'simple_task1' in workflow 'simple'"):
        newer.get_metadata("simple", "simple_task1")


def test_metadata_of_a_task(place: Place) -> None:
    @ray.remote(num_cpus=1, max_retries=7, retry_exceptions=True)
    def simple() -> int:
        return 0

    options = newer.options(task_id="task", metadata={"k": "v"}, catch_exceptions=True)
    newer.run(simple.options(**options).bind(), workflow_id="run", metadata={"r": 1})
    found = newer.get_metadata("run", "task")
    assert found.pop("stats")["end_time"] > 0
    assert found == {
        "task_id": "task",
        "task_options": {
            "task_type": "FUNCTION",
            "max_retries": 7,
            "catch_exceptions": True,
            "retry_exceptions": True,
            "checkpoint": True,
            "ray_options": {"num_cpus": 1},
        },
        "user_metadata": {"k": "v"},
        "workflow_refs": [],
    }
    whole = newer.get_metadata("run")
    assert (whole["status"], whole["user_metadata"]) == ("SUCCESSFUL", {"r": 1})


@pytest.mark.parametrize("shape", ["chain", "continuation", "random", "layers"])
def test_complex_graphs_give_what_plain_execution_gives(place: Place, shape: str) -> None:
    """Scenario 149."""
    chance = random.Random(7)

    @ray.remote
    def add(*values: int) -> int:
        return sum(values) % 1_000_003 + 1

    @ray.remote
    def on(number: int) -> Any:
        return number if number > 20 else newer.continuation(on.bind(number + 1))

    def graph() -> Any:
        if shape == "continuation":
            return on.bind(0)
        if shape == "layers":
            layer = [add.bind(number) for number in range(5)]
            for _ in range(5):
                layer = [add.bind(*layer) for _ in range(5)]
            return add.bind(*layer)
        nodes = [add.bind(1)]
        for number in range(40):
            some = nodes[-1:] if shape == "chain" else chance.sample(nodes, min(len(nodes), 3))
            nodes.append(add.bind(number, *some))
        return add.bind(*nodes)

    dags = [graph() for _ in range(4)]
    references = [newer.run_async(dag, workflow_id=f"{shape}-{number}") for number, dag in enumerate(dags)]
    plain = [dag.execute() for dag in dags]
    assert ray.get(references) == ray.get(plain)


def test_options_of_a_task(place: Place) -> None:
    """Scenario 152: those of a workflow replace what was, those of a remote function are kept."""

    @newer.options(task_id="old", metadata={"k": "v"}, catch_exceptions=True)
    @ray.remote(num_cpus=2, max_retries=10)
    def task() -> int:
        return 1

    changed = task.options(num_cpus=1, **newer.options(task_id="new", metadata={"more": "m"}))
    assert newer.run(changed.bind(), workflow_id="run") == (1, None)
    found = newer.get_metadata("run", "new")
    assert found["user_metadata"] == {"more": "m"}
    assert found["task_options"]["ray_options"] == {"num_cpus": 1}
    assert found["task_options"]["max_retries"] == 10
    with pytest.raises(ValueError, match="Unknown option"):
        newer.options(nonsense=1)


def test_the_older_face_takes_the_newer_words(place: Place) -> None:
    """`manyhands.workflow` has references where 2.x has values."""

    @workflow.step(name="one")
    def one() -> int:
        return 1

    workflow.run(one.bind(), workflow_id="run")
    assert ray.get(workflow.get_output("run", task_id="one")) == 1
    assert ray.get(workflow.get_output_async("run", name="one")) == 1
    assert ray.get(workflow.resume_async("run")) == 1
    assert workflow.get_metadata("run", task_id="one") == workflow.get_metadata("run", "one")
    with pytest.raises(TypeError, match="under two names"):
        workflow.get_output("run", name="one", task_id="one")


async def awaited(ask: Callable[[], Any]) -> Any:
    return await ask()


def test_a_reference_to_a_workflow_is_an_argument_like_any_other(place: Place) -> None:
    """Its value comes in its place, and what the workflow raised is raised as the task's own."""

    @ray.remote
    def double(value: int) -> int:
        return 2 * value

    @ray.remote
    def fails() -> None:
        raise KeyError("no")

    assert newer.run(double.bind(newer.run_async(double.bind(1)))) == 4
    assert ray.get(double.remote(newer.run_async(double.bind(2)))) == 8
    with pytest.raises(newer.WorkflowExecutionError) as caught:
        newer.run(double.bind(newer.run_async(fails.bind())))
    assert isinstance(caught.value.__cause__, KeyError)


def test_a_workflow_that_failed_raises_a_task_error(place: Place) -> None:
    """Either name catches it, whoever asks for the result; what the function raised is the cause."""

    @ray.remote
    def fails() -> None:
        raise KeyError("no")

    asked = (
        lambda: newer.run(fails.bind(), workflow_id="failed"),
        lambda: newer.resume("failed"),
        lambda: newer.get_output("failed"),
        lambda: ray.get(newer.resume_async("failed")),
        lambda: ray.get([newer.get_output_async("failed")]),
        lambda: newer.run_async(fails.bind(), workflow_id="failed").result(),
        lambda: asyncio.run(awaited(lambda: newer.run_async(fails.bind(), workflow_id="failed"))),
        lambda: asyncio.run(awaited(lambda: newer.resume_async("failed"))),
        lambda: asyncio.run(awaited(lambda: newer.get_output_async("failed"))),
        lambda: asyncio.run(awaited(lambda: pickle.loads(pickle.dumps(newer.get_output_async("failed"))))),
        lambda: dict(newer.resume_all(include_failed=True))["failed"].result(),
    )
    for ask in asked:
        with pytest.raises(ray.exceptions.RayTaskError) as caught:
            ask()
        assert isinstance(caught.value, newer.WorkflowExecutionError)
        assert isinstance(caught.value.__cause__, KeyError)
        assert "Workflow[id=failed] failed during execution" in str(caught.value)
        copy = pickle.loads(pickle.dumps(caught.value))
        assert isinstance(copy, type(caught.value))
        assert isinstance(copy.__cause__, KeyError)


def test_unknown_and_finished_workflows(place: Place) -> None:
    @ray.remote
    def three() -> int:
        return 3

    assert newer.run(three.bind(), workflow_id="done") == 3
    newer.cancel("done")
    assert newer.get_status("done") == newer.SUCCESSFUL
    for resume in (newer.resume, newer.resume_async):
        with pytest.raises(newer.exceptions.WorkflowNotResumableError) as caught:
            resume("unknown")
        assert isinstance(caught.value, ValueError)
    with pytest.raises(ValueError, match="unknown"):
        newer.cancel("unknown")
    assert [workflow_id for workflow_id, _ in newer.list_all()] == ["done"]


def test_tasks_by_the_word_of_2_0(place: Place) -> None:
    @ray.remote
    def three() -> int:
        return 3

    newer.run(three.options(**newer.options(name="t")).bind(), workflow_id="w")
    assert newer.get_output("w", name="t") == newer.get_output("w", task_id="t") == 3
    assert newer.get_metadata("w", name="t") == newer.get_metadata("w", "t")
