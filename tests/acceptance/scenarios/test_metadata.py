"""Metadata of workflows and steps."""

import time
from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from tests.acceptance.kit import Place, wait_for_file


@workflow.step
def simple() -> int:
    return 0


def spell(seconds: float) -> workflow.StepFunction:
    """A step whose body takes this long."""

    @workflow.step
    def work(*_values: Any) -> int:
        time.sleep(seconds)
        return 0

    return work


def test_users_metadata(place: Place) -> None:
    """Scenario 49: of the step and of the run, each at its level."""
    simple.options(name="step", metadata={"k1": "v1"}).step().run("meta", metadata={"k2": "v2"})
    assert workflow.get_metadata("meta")["user_metadata"] == {"k2": "v2"}
    assert workflow.get_metadata("meta", "step")["user_metadata"] == {"k1": "v1"}


def test_no_metadata(place: Place) -> None:
    """Scenario 50."""
    simple.options(name="step").step().run("bare")
    assert workflow.get_metadata("bare")["user_metadata"] == {}
    assert workflow.get_metadata("bare", name="step")["user_metadata"] == {}


def test_metadata_that_is_no_dictionary(place: Place) -> None:
    """Scenario 51."""
    before = place.rows()
    with pytest.raises(ValueError, match=r"metadata must be a dict\."):
        simple.options(metadata="x")
    with pytest.raises(ValueError, match=r"metadata must be a dict\."):
        simple.step().run("wrong", metadata="x")  # type: ignore[arg-type]
    assert place.rows() == before


def test_metadata_that_is_not_json(place: Place) -> None:
    """Scenario 52: the text names the key."""
    before = place.rows()
    odd = {"good": 1, "odd": object()}
    with pytest.raises(ValueError, match="JSON serializable, however 'odd' has a value whose Object of type object"):
        simple.options(metadata=odd)
    with pytest.raises(ValueError, match="JSON serializable, however 'odd'"):
        simple.step().run("wrong", metadata=odd)
    assert place.rows() == before


def test_times(place: Place) -> None:
    """Scenarios 53, 54: of the run and of the step, around the time that the body took; with status and metadata."""
    before = time.time()
    spell(0.3).options(name="work", metadata={"k1": "v1"}).step().run("timed", metadata={"k2": "v2"})
    after = time.time()
    run, step = workflow.get_metadata("timed"), workflow.get_metadata("timed", name="work")
    for shown in (run, step):
        stats = shown["stats"]
        assert before <= stats["start_time"] <= stats["end_time"] <= after
        assert stats["end_time"] >= stats["start_time"] + 0.3
    assert run["status"] == "SUCCESSFUL"
    assert run["user_metadata"] == {"k2": "v2"}
    assert step["user_metadata"] == {"k1": "v1"}
    assert set(run) == {"status", "user_metadata", "stats"}
    assert set(step) == {"name", "workflows", "workflow_refs", "step_options", "user_metadata", "stats"}


def test_a_running_and_a_canceled_workflow_have_no_end(place: Place, tmp_path: Path) -> None:
    """Scenario 55."""
    flag = tmp_path / "flag"

    @workflow.step(name="wait")
    def wait() -> None:
        flag.touch()
        wait_for_file(tmp_path / "never", 1000)

    wait.step().run_async("waits")
    wait_for_file(flag)
    shown = workflow.get_metadata("waits")
    assert shown["status"] == "RUNNING"
    assert set(shown["stats"]) == {"start_time"}
    assert set(workflow.get_metadata("waits", "wait")["stats"]) == {"start_time"}
    workflow.cancel("waits")
    shown = workflow.get_metadata("waits")
    assert shown["status"] == "CANCELED"
    assert set(shown["stats"]) == {"start_time"}
    assert set(workflow.get_metadata("waits", "wait")["stats"]) == {"start_time"}


def test_a_resume_renews_the_times(place: Place, tmp_path: Path) -> None:
    """Scenario 56."""
    broken = tmp_path / "broken"
    broken.touch()

    @workflow.step(max_retries=1)
    def fragile() -> int:
        if broken.exists():
            raise ValueError("broken")
        return 0

    with pytest.raises(workflow.WorkflowExecutionError):
        fragile.step().run("mended")
    failed = workflow.get_metadata("mended")
    assert failed["status"] == "FAILED"
    assert failed["stats"]["end_time"] >= failed["stats"]["start_time"]
    name = place.names("mended")[0]
    assert set(workflow.get_metadata("mended", name)["stats"]) == {"start_time"}, "its body did not return"
    broken.unlink()
    assert workflow.resume("mended").result() == 0
    mended = workflow.get_metadata("mended")
    assert mended["status"] == "SUCCESSFUL"
    assert mended["stats"]["start_time"] > failed["stats"]["start_time"]
    assert mended["stats"]["end_time"] > failed["stats"]["end_time"]
    assert set(workflow.get_metadata("mended", name)["stats"]) == {"start_time", "end_time"}


def test_nested_metadata(place: Place) -> None:
    """Scenario 57: three levels kept apart; the inner step begins when the outer's body is over."""
    inner = spell(0.2).options(name="inner", metadata={"inner": 1})

    @workflow.step(name="outer", metadata={"outer": 1})
    def outer() -> Any:
        time.sleep(0.2)
        return inner.step()

    outer.step().run("nested", metadata={"run": 1})
    run, above, below = (workflow.get_metadata("nested", name) for name in (None, "outer", "inner"))
    assert [shown["user_metadata"] for shown in (run, above, below)] == [{"run": 1}, {"outer": 1}, {"inner": 1}]
    assert below["stats"]["start_time"] >= above["stats"]["end_time"]
    assert run["stats"]["end_time"] - run["stats"]["start_time"] >= 0.4


def test_unknown_workflow_and_step(place: Place) -> None:
    """Scenario 60."""
    simple.step().run("known")
    with pytest.raises(ValueError, match="No such workflow_id unknown"):
        workflow.get_metadata("unknown")
    with pytest.raises(ValueError, match="No such workflow_id unknown"):
        workflow.get_metadata("unknown", name="step")
    with pytest.raises(ValueError, match="No such step_id step in workflow known"):
        workflow.get_metadata("known", name="step")


def test_names_in_metadata_have_no_number(place: Place) -> None:
    """The key is the step's id, `name` what it was called; `workflows` are the steps whose results it takes."""

    @workflow.step
    def join(*values: int) -> int:
        return len(values)

    one = simple.options(name="part")
    shared = one.step()
    join.options(name="whole").step(shared, [one.step(), shared]).run("parts")
    assert workflow.get_metadata("parts", "whole")["workflows"] == ["part", "part_1"]
    assert workflow.get_metadata("parts", "part_1")["name"] == "part"
    (local,) = [name for name in _ran(place) if "locals" in name]
    assert workflow.get_metadata("local", local)["name"].endswith("<locals>.deep")


def _ran(place: Place) -> list[str]:
    @workflow.step
    def deep() -> int:
        return 1

    deep.step().run("local")
    return place.names("local")


def test_metadata_of_all_steps(place: Place) -> None:
    """`name="all"` gives every step's by its id, in the order they were called."""

    @workflow.step(metadata={"k": "v"}, name="first")
    def first() -> Any:
        return simple.options(name="second").step()

    first.step().run("all of them")
    shown = workflow.get_metadata("all of them", name="all")
    assert list(shown) == ["first", "second"]
    assert shown == {name: workflow.get_metadata("all of them", name) for name in shown}


def test_steps_that_have_not_begun_have_no_times(place: Place, tmp_path: Path) -> None:
    """All other keys are there."""
    flag, gate = tmp_path / "flag", tmp_path / "gate"

    @workflow.step(name="early")
    def early() -> int:
        flag.touch()
        wait_for_file(gate)
        return 1

    reference = spell(0).options(name="late", metadata={"k": "v"}).step(early.step()).run_async("waiting")
    wait_for_file(flag)
    late = workflow.get_metadata("waiting", "late")
    assert late["stats"] == {}
    assert late["user_metadata"] == {"k": "v"}
    assert late["workflows"] == ["early"]
    gate.touch()
    reference.result(30)
    assert set(workflow.get_metadata("waiting", "late")["stats"]) == {"start_time", "end_time"}


def test_status_and_metadata_agree(place: Place) -> None:
    """Also about a run that has failed, and after it was asked for again."""

    @workflow.step(max_retries=1)
    def fail() -> None:
        raise ValueError("failed")

    simple.step().run("good")
    with pytest.raises(workflow.WorkflowExecutionError):
        fail.step().run("bad")
    simple.step().run("good")
    for run_id, status in workflow.list_all():
        assert workflow.get_metadata(run_id)["status"] == status.value == workflow.get_status(run_id).value
    assert dict(workflow.list_all()) == {"good": workflow.SUCCESSFUL, "bad": workflow.FAILED}


def test_metadata_is_not_wiped_by_a_second_run(place: Place) -> None:
    """A run that is asked for again without metadata keeps what it has."""
    simple.step().run("kept", metadata={"k": "v"})
    simple.step().run("kept")
    assert workflow.get_metadata("kept")["user_metadata"] == {"k": "v"}
