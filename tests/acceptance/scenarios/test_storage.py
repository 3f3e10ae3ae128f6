"""What is kept of a workflow: deletion, and what can be read of every step."""

from pathlib import Path

import pytest

from manyhands import workflow
from manyhands.model.states import TaskStatus
from tests.acceptance.kit import Place, running, wait_for_file


@workflow.step
def add(left: int, right: int) -> int:
    return left + right


def test_delete_of_an_unknown_workflow(place: Place) -> None:
    """Scenario 81."""
    with pytest.raises(workflow.WorkflowNotFoundError):
        workflow.delete("nobody")


def test_delete_of_an_interrupted_workflow(place: Place, tmp_path: Path) -> None:
    """Scenario 81: its output cannot be had before, is not known after, and it is deleted once."""
    held = tmp_path / "held"
    with running("recursion.py", "run", tmp_path / "ledger", held, place=place) as driver:
        wait_for_file(held)
        with pytest.raises(workflow.WorkflowRunningError, match="still running"):
            workflow.delete("recursion")
        driver.kill()
        driver.wait()
    with pytest.raises(ValueError, match="Cannot load output"):
        workflow.get_output("recursion").result(30)
    workflow.delete("recursion")
    with pytest.raises(ValueError, match="No such workflow_id recursion"):
        workflow.get_output("recursion")
    with pytest.raises(workflow.WorkflowNotFoundError):
        workflow.delete("recursion")
    assert workflow.list_all() == []


def test_delete_of_a_finished_workflow(place: Place) -> None:
    """Scenario 82: nothing is left of it, and its id can be used again for something else."""
    empty = place.rows()
    assert add.step(1, 2).run("again", metadata={"k": "v"}) == 3
    workflow.delete("again")
    assert workflow.list_all() == []
    assert place.rows() == empty
    assert add.step(add.step(1, 2), 3).run("again") == 6
    assert workflow.get_metadata("again")["user_metadata"] == {}


def test_what_is_known_of_each_step(place: Place, tmp_path: Path) -> None:
    """Scenario 83: one with a value, one that points to another, one that has only its call, one that failed; each is
    what a resume goes by."""

    @workflow.step(name="value")
    def value() -> int:
        return 1

    @workflow.step(name="pointer")
    def pointer(number: int) -> workflow.Workflow:
        return add.options(name="pointed").step(number, 1)

    @workflow.step(name="broken", max_retries=1)
    def broken(_number: int) -> int:
        raise ValueError("broken")

    @workflow.step(name="never")
    def never(number: int) -> int:
        return number

    with pytest.raises(workflow.WorkflowExecutionError):
        never.step(broken.step(pointer.step(value.step()))).run("states")
    done = place.task("states", "value")
    assert (done.status, done.saved) == (TaskStatus.SUCCEEDED, True)
    pointing, pointed = place.task("states", "pointer"), place.task("states", "pointed")
    assert (pointing.status, pointing.saved, pointing.source) == (TaskStatus.SUCCEEDED, False, pointed.ordinal)
    assert (pointed.status, pointed.saved, pointed.parent) == (TaskStatus.SUCCEEDED, True, pointing.ordinal)
    failed = place.task("states", "broken")
    assert (failed.status, failed.attempt, failed.saved) == (TaskStatus.FAILED, 1, False)
    waiting = place.task("states", "never")
    assert (waiting.status, waiting.attempt, waiting.started_at) == (TaskStatus.PENDING, 0, None)
    calls = {call.ordinal: call for call in place.store.calls(place.run("states").key)}
    assert all(calls[task.ordinal].code for task in place.tasks("states"))
    with pytest.raises(ValueError, match="it was not run, because a step before it failed"):
        workflow.get_output("states", name="never").result()


def test_every_change_of_state_is_in_the_journal(place: Place) -> None:
    """In order, with its reason."""
    add.options(name="sum").step(1, 2).run("told")
    seen = [(event.name, event.state, event.reason) for event in place.events("told")]
    assert seen == [
        (None, "running", "started"),
        ("sum", "pending", "called"),
        ("sum", "running", "started"),
        ("sum", "succeeded", "done"),
        (None, "succeeded", "done"),
    ]
