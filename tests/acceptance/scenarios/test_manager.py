"""Many workflows: listing, filters, resuming and canceling them."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from manyhands.model.errors import RunFinished
from tests.acceptance.kit import Place, note, noted, wait_for_file


def test_an_empty_store(place: Place) -> None:
    """Scenario 74."""
    assert workflow.list_all() == []
    assert workflow.list_all("RUNNING") == []
    assert workflow.resume_all() == []
    with pytest.raises(workflow.WorkflowNotFoundError, match=r"Workflow\[id=nobody\] was referenced but doesn't exist"):
        workflow.get_status("nobody")


def test_a_hundred_workflows(place: Place, tmp_path: Path) -> None:
    """Scenarios 75–78: a hundred at once, half of which fail; then they are resumed, one is canceled, and the rest is
    resumed together."""
    gate, broken, held = tmp_path / "gate", tmp_path / "broken", tmp_path / "held"
    broken.touch()
    held.touch()

    @workflow.step(max_retries=1)
    def work(number: int) -> int:
        wait_for_file(gate)
        if number % 2 and broken.exists():
            raise ValueError(number)
        if number == 1 and held.exists():
            note(tmp_path / "holding", "1")
            wait_for_file(tmp_path / "never", 1000)
        return 100

    ids = [f"run {number}" for number in range(100)]
    references = [work.step(number).run_async(run_id) for number, run_id in enumerate(ids)]
    everything = workflow.list_all()
    assert everything == [(run_id, workflow.RUNNING) for run_id in ids]
    assert everything == workflow.list_all(workflow.RUNNING)

    gate.touch()
    for number, reference in enumerate(references):
        if number % 2:
            with pytest.raises(workflow.WorkflowExecutionError):
                reference.result(60)
        else:
            assert reference.result(60) == 100
    everything = workflow.list_all()
    failed = [(run_id, workflow.FAILED) for run_id in ids[1::2]]
    good = [(run_id, workflow.SUCCESSFUL) for run_id in ids[::2]]
    for status_filter in ("FAILED", workflow.FAILED, {"FAILED"}, {workflow.FAILED}, {workflow.FAILED, "RUNNING"}):
        assert workflow.list_all(status_filter) == failed
    assert workflow.list_all("SUCCESSFUL") == good
    assert workflow.list_all({"SUCCESSFUL", workflow.FAILED}) == everything
    assert workflow.list_all({"RUNNING"}) == []

    broken.unlink()
    reference = workflow.resume("run 3")
    assert reference.result(30) == 100
    assert workflow.get_status("run 3") is workflow.SUCCESSFUL

    reference = workflow.resume("run 1")
    assert workflow.get_status("run 1") is workflow.RUNNING
    wait_for_file(tmp_path / "holding")
    workflow.cancel("run 1")
    assert workflow.get_status("run 1") is workflow.CANCELED
    with pytest.raises(workflow.WorkflowCancellationError):
        reference.result(30)

    resumed = workflow.resume_all(include_failed=True)
    assert [run_id for run_id, _ in resumed] == [f"run {number}" for number in range(5, 100, 2)]
    assert len(resumed) == 48
    assert [reference.result(60) for _, reference in resumed] == [100] * 48
    assert workflow.list_all("FAILED") == []
    assert workflow.list_all("CANCELED") == [("run 1", workflow.CANCELED)]


def test_filters_that_are_none(place: Place) -> None:
    """An unknown word is a `ValueError`, something that is no filter a `TypeError`."""
    with pytest.raises(ValueError, match="'DONE' is no status"):
        workflow.list_all("DONE")
    for wrong in (["RUNNING"], 7, {7}):
        with pytest.raises(TypeError, match="status_filter must be WorkflowStatus or a set of WorkflowStatus"):
            workflow.list_all(wrong)


@pytest.mark.parametrize("wrong", [7, b"x", Path("x"), ("x",)])
def test_ids_that_are_no_text(place: Place, wrong: Any) -> None:
    """Every verb says so, and writes nothing."""

    @workflow.step(allow_inplace=True)
    def step() -> int:
        return 1

    step.step().run("known")
    before = place.rows()
    verbs: list[Callable[[Any], Any]] = [
        workflow.get_status,
        workflow.cancel,
        workflow.get_metadata,
        workflow.get_output,
        workflow.delete,
        workflow.resume,
        workflow.resume_async,
        step.step().run,
        step.step().run_async,
        lambda given: workflow.run(step.bind(), workflow_id=given),
        lambda given: workflow.run_async(step.bind(), workflow_id=given),
        lambda given: workflow.fork(given, from_step=place.names("known")[0]),
        lambda given: workflow.fork("known", from_step=place.names("known")[0], new_id=given),
        lambda given: workflow.send(given, "key"),
    ]
    for verb in verbs:
        with pytest.raises(TypeError, match=f"A workflow id is text, not a {type(wrong).__name__}"):
            verb(wrong)
    with pytest.raises(TypeError, match="not a NoneType"):
        workflow.resume(None)  # type: ignore[arg-type]
    assert place.rows() == before


def test_cancel_of_what_is_over(place: Place) -> None:
    """It stays as it is, and the text says why."""

    @workflow.step(max_retries=1)
    def work(good: bool) -> int:
        if not good:
            raise ValueError("bad")
        return 1

    work.step(True).run("good")
    with pytest.raises(workflow.WorkflowExecutionError):
        work.step(False).run("bad")
    for run_id, status in (("good", workflow.SUCCESSFUL), ("bad", workflow.FAILED)):
        with pytest.raises(RunFinished, match="nothing to cancel"):
            workflow.cancel(run_id)
        assert workflow.get_status(run_id) is status
    assert workflow.get_output("good").result() == 1


def test_a_canceled_workflow_can_be_resumed(place: Place, tmp_path: Path) -> None:
    """By its id, not by `resume_all`; and what was done before stays done."""
    began, gate, ledger = tmp_path / "began", tmp_path / "gate", tmp_path / "ledger"

    @workflow.step
    def first() -> int:
        note(ledger, "first")
        return 1

    @workflow.step
    def second(value: int) -> int:
        began.touch()
        wait_for_file(gate)
        return value + 1

    reference = second.step(first.step()).run_async("canceled")
    wait_for_file(began)
    workflow.cancel("canceled")
    with pytest.raises(workflow.WorkflowCancellationError, match=r"resume\('canceled'\)"):
        reference.result(30)
    with pytest.raises(workflow.WorkflowCancellationError):
        workflow.get_output("canceled").result(30)
    assert workflow.resume_all(include_failed=True) == []
    gate.touch()
    assert workflow.resume("canceled").result(30) == 2
    assert workflow.get_status("canceled") is workflow.SUCCESSFUL
    assert noted(ledger) == ["first"]


def test_a_canceled_workflow_stays_canceled(place: Place, tmp_path: Path) -> None:
    """Whatever its steps do afterwards: a late success does not overwrite it."""
    place.use(grace_seconds=1000.0)
    began = tmp_path / "began"

    @workflow.step(name="stubborn")
    def stubborn() -> int:
        signal.signal(signal.SIGTERM, lambda *_: (tmp_path / "told").touch())
        began.touch()
        wait_for_file(tmp_path / "told")
        signal.setitimer(signal.ITIMER_REAL, 0.3)  # the end of its process, a little after the late success
        return 1

    stubborn.step().run_async("late")
    wait_for_file(began)
    workflow.cancel("late")
    wait_for_file(tmp_path / "told")
    follow_up = workflow.step(lambda: 2).options(num_cpus=2).step().run_async("after")
    assert follow_up.result(30) == 2  # it takes both slots, so the stubborn step is over by now
    assert workflow.get_status("late") is workflow.CANCELED
    assert set(workflow.get_metadata("late")["stats"]) == {"start_time"}
    with pytest.raises(workflow.WorkflowCancellationError):
        workflow.get_output("late").result()
