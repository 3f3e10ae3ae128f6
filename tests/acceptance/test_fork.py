"""Forks: a run again from a step on, with other inputs, and with what was done before taken over."""

import threading
from pathlib import Path
from typing import Any

import pytest

import manyhands
from manyhands import bootstrap, workflow
from manyhands.engine.why import explain
from tests.acceptance.kit import Place, note, tally


def pipeline(ledger: Path) -> workflow.Workflow:
    """load → clean → (train, describe) → report."""

    def named(name: str, **options: Any) -> Any:
        def decorate(body: Any) -> workflow.StepFunction:
            def noted(*values: Any, **named_values: Any) -> Any:
                note(ledger, name)
                return body(*values, **named_values)

            noted.__wrapped__ = body  # type: ignore[attr-defined]
            return workflow.step(name=name, **options)(noted)

        return decorate

    @named("load")
    def load() -> list[int]:
        return [1, 2, 3, 4]

    @named("clean")
    def clean(rows: list[int], lowest: int = 2) -> list[int]:
        return [row for row in rows if row >= lowest]

    @named("train", metadata={"kind": "model"})
    def train(rows: list[int], *, depth: int) -> int:
        return sum(rows) * depth

    @named("describe")
    def describe(rows: list[int]) -> str:
        return f"{len(rows)} rows"

    @named("report")
    def report(model: int, text: str) -> str:
        return f"{text}, model {model}"

    cleaned = clean.step(load.step(), lowest=2)
    return report.step(train.step(cleaned, depth=2), describe.step(cleaned))


ALL = {"load": 1, "clean": 1, "train": 1, "describe": 1, "report": 1}


def test_why_names_the_input_that_changed(place: Place) -> None:
    """By its parameter, and no other, however the first call was written."""

    @workflow.step(name="add")
    def add(a: int, b: int) -> int:
        return a + b

    add.step(3, b=1).run("base")
    assert workflow.fork("base", from_step="add", inputs={"a": 5}, new_id="other").result() == 6
    inspect = bootstrap.inspect(bootstrap.settings(store=place.url))
    (fact,) = [fact for fact in explain(inspect, "other", "add").facts if fact.kind == "inputs_changed"]
    assert fact.data == {"inputs": ["a: 3 became 5"]}


def test_a_fork_does_what_depends_on_the_step(place: Place, tmp_path: Path) -> None:
    """With other inputs, and nothing else; the run it comes from stays as it is."""
    ledger = tmp_path / "ledger"
    assert pipeline(ledger).run("base", metadata={"k": "v"}) == "3 rows, model 18"
    before = workflow.get_metadata("base", name="all")
    fork = workflow.fork("base", from_step="train", inputs={"depth": 10}, new_id="deeper")
    assert fork.result(30) == "3 rows, model 90"
    assert tally(ledger) == {**ALL, "train": 2, "report": 2}
    assert workflow.get_output("base").result() == "3 rows, model 18"
    assert workflow.get_metadata("base", name="all") == before
    assert workflow.get_output("deeper", name="clean").result() == [2, 3, 4]
    assert workflow.get_metadata("deeper", name="train")["user_metadata"] == {"kind": "model"}
    assert place.run("deeper").forked_from == "base"
    assert workflow.get_status("deeper") is workflow.SUCCESSFUL


def test_a_fork_of_an_argument_that_is_a_result(place: Place, tmp_path: Path) -> None:
    """The step then takes the value given instead of what another step has made."""
    ledger = tmp_path / "ledger"
    pipeline(ledger).run("base")
    assert workflow.fork("base", from_step="clean", inputs={"rows": [5, 6]}).result(30) == "2 rows, model 22"
    assert tally(ledger) == {**ALL, "clean": 2, "train": 2, "describe": 2, "report": 2}


def test_a_fork_without_new_inputs(place: Place, tmp_path: Path) -> None:
    """It does the step again, and gets an id of its own when none is given."""
    ledger = tmp_path / "ledger"
    pipeline(ledger).run("base")
    fork = workflow.fork("base", from_step="report")
    assert fork.result(30) == "3 rows, model 18"
    assert fork.run_id != "base"
    assert tally(ledger) == {**ALL, "report": 2}


def test_a_fork_of_a_failed_run(place: Place, tmp_path: Path) -> None:
    """From the step that failed, with the input that makes it go."""
    ledger = tmp_path / "ledger"

    @workflow.step(name="source")
    def source() -> int:
        note(ledger, "source")
        return 12

    @workflow.step(name="divide", max_retries=1)
    def divide(value: int, by: int) -> float:
        note(ledger, "divide")
        return value / by

    with pytest.raises(workflow.WorkflowExecutionError, match="ZeroDivisionError"):
        divide.step(source.step(), 0).run("failed")
    assert workflow.fork("failed", from_step="divide", inputs={"by": 4}, new_id="mended").result(30) == 3
    assert tally(ledger) == {"source": 1, "divide": 2}
    assert workflow.get_status("failed") is workflow.FAILED


def test_a_fork_from_a_nested_step(place: Place, tmp_path: Path) -> None:
    """What the step had returned is followed: those above it wait for the new result."""
    ledger = tmp_path / "ledger"

    @workflow.step(name="leaf")
    def leaf(value: int) -> int:
        note(ledger, "leaf")
        return value + 1

    @workflow.step(name="middle")
    def middle(value: int) -> Any:
        note(ledger, "middle")
        return leaf.step(value * 10)

    @workflow.step(name="outer")
    def outer(value: int) -> Any:
        note(ledger, "outer")
        return middle.step(value)

    @workflow.step(name="last")
    def last(value: int) -> int:
        note(ledger, "last")
        return -value

    assert last.step(outer.step(1)).run("base") == -11
    assert workflow.fork("base", from_step="leaf", inputs={"value": 7}).result(30) == -8
    assert tally(ledger) == {"leaf": 2, "middle": 1, "outer": 1, "last": 2}
    assert workflow.fork("base", from_step="middle", inputs={"value": 2}, new_id="second").result(30) == -21
    assert tally(ledger) == {"leaf": 3, "middle": 2, "outer": 1, "last": 3}
    shown = workflow.get_metadata("second", name="all")
    assert len([name for name in shown if name.startswith("leaf")]) == 2
    assert workflow.fork("second", from_step="last").result(30) == -21


def test_a_fork_can_be_forked_and_resumed(place: Place, tmp_path: Path) -> None:
    """It is a run like any other."""
    ledger, cured = tmp_path / "ledger", tmp_path / "cured"

    @workflow.step(name="source")
    def source() -> int:
        note(ledger, "source")
        return 1

    @workflow.step(name="fragile", max_retries=1)
    def fragile(value: int, more: int) -> int:
        if more > 5 and not cured.exists():
            raise ValueError("too much")
        return value + more

    assert fragile.step(source.step(), 1).run("base") == 2
    with pytest.raises(workflow.WorkflowExecutionError):
        workflow.fork("base", from_step="fragile", inputs={"more": 9}, new_id="one").result(30)
    assert workflow.get_status("one") is workflow.FAILED
    cured.touch()
    assert workflow.resume("one").result(30) == 10
    assert workflow.fork("one", from_step="fragile", inputs={"more": 2}, new_id="two").result(30) == 3
    assert tally(ledger) == {"source": 1}
    workflow.delete("base")
    workflow.delete("one")
    assert workflow.get_output("two").result() == 3


def test_forks_that_cannot_be(place: Place, tmp_path: Path) -> None:
    """Each refusal says why, and writes nothing."""
    pipeline(tmp_path / "ledger").run("base")
    before = place.rows()
    with pytest.raises(manyhands.UsageError, match="no parameter 'wide'"):
        workflow.fork("base", from_step="load", inputs={"wide": 1})
    with pytest.raises(RuntimeError, match="'base' exists"):
        workflow.fork("base", from_step="train", new_id="base")
    with pytest.raises(TypeError, match="lock"):
        workflow.fork("base", from_step="train", inputs={"depth": threading.Lock()})
    assert place.rows() == before
