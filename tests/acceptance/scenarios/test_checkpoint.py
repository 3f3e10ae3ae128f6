"""Steps whose results are not saved, and what a resume computes again."""

import os
import signal
from pathlib import Path
from typing import Any

import numpy
import pytest

from manyhands import workflow
from manyhands.model.errors import WorkerLost
from tests.acceptance.kit import Place, note, tally

SIZE = 40_000
"""Numbers; their array is larger than what is kept in a row."""


def graph(outer: bool | None, inner: bool | None, ledger: Path, cured: Path | None = None) -> workflow.Workflow:
    """make → [halve → mean], the brackets returned by one step; `halve` kills its process until it is cured."""

    @workflow.step(name="make", checkpoint=inner)
    def make() -> Any:
        note(ledger, "make")
        return numpy.arange(SIZE, dtype=float)

    @workflow.step(name="halve", checkpoint=inner)
    def halve(array: Any) -> Any:
        note(ledger, "halve")
        if cured is not None and not cured.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return array / 2

    @workflow.step(name="mean")
    def mean(array: Any) -> float:
        note(ledger, "mean")
        return float(array.mean())

    @workflow.step(name="outer", checkpoint=outer)
    def compute(array: Any) -> workflow.Workflow:
        note(ledger, "outer")
        return mean.step(halve.step(array))

    return compute.step(make.step())


MEAN = (SIZE - 1) / 4


@pytest.mark.parametrize(
    ("outer", "inner", "saved"),
    [
        (False, None, {"make": True, "halve": False, "mean": False}),
        (False, False, {"make": False, "halve": False, "mean": False}),
        (True, False, {"make": False, "halve": False, "mean": True}),
        (None, None, {"make": True, "halve": True, "mean": True}),
        (True, True, {"make": True, "halve": True, "mean": True}),
    ],
)
def test_what_is_saved(
    place: Place, tmp_path: Path, outer: bool | None, inner: bool | None, saved: dict[str, bool]
) -> None:
    """Scenarios 89–91: only what is to be; what a step returns inherits from it. The result is right in any case, and
    so is that of a resume."""
    ledger = tmp_path / "ledger"
    assert graph(outer, inner, ledger).run("saved") == MEAN
    assert {name: place.task("saved", name).saved for name in saved} == saved
    assert workflow.get_status("saved") is workflow.SUCCESSFUL
    shown = workflow.get_metadata("saved", name="halve")["step_options"]["checkpoint"]
    assert shown is (inner is not False)
    assert workflow.resume("saved").result() == MEAN
    assert workflow.get_status("saved") is workflow.SUCCESSFUL
    if saved["mean"]:
        assert tally(ledger)["mean"] == 1


@pytest.mark.parametrize(("outer", "inner"), [(False, False), (True, False), (True, True)], ids=["skip", "part", "all"])
def test_a_middle_step_that_dies(place: Place, tmp_path: Path, outer: bool, inner: bool) -> None:
    """Scenario 92: whatever was saved, a resume computes the right mean, and only what is still to be read."""
    ledger, cured = tmp_path / "ledger", tmp_path / "cured"
    with pytest.raises(workflow.WorkflowExecutionError) as caught:
        graph(outer, inner, ledger, cured).run("dies")
    assert isinstance(caught.value.__cause__, WorkerLost)
    assert workflow.get_status("dies") is workflow.RESUMABLE
    cured.touch()
    assert workflow.resume("dies").result() == MEAN
    assert tally(ledger)["make"] == 1


def test_an_output_that_was_not_saved(place: Place, tmp_path: Path) -> None:
    """It cannot be had, and the text says how it is computed again."""
    assert graph(True, False, tmp_path / "ledger").run("gone") == MEAN
    with pytest.raises(ValueError, match=r"checkpoint=False.*resume computes it"):
        workflow.get_output("gone", name="halve").result()


def test_exceptions_are_saved_in_any_case(place: Place) -> None:
    """The failure of a step without a checkpoint is told to later readers too."""

    @workflow.step(checkpoint=False, max_retries=1)
    def fail() -> None:
        raise ValueError("kept all the same")

    with pytest.raises(workflow.WorkflowExecutionError):
        fail.step().run("failed")
    with pytest.raises(workflow.WorkflowExecutionError, match="kept all the same") as caught:
        workflow.get_output("failed").result()
    assert isinstance(caught.value.__cause__, ValueError)


def test_no_checkpoint_but_caught(place: Place) -> None:
    """The pair is computed again by a resume when its value was not saved."""

    @workflow.step(checkpoint=False, catch_exceptions=True)
    def fine() -> int:
        return 7

    assert fine.step().run("pair") == (7, None)
    assert workflow.resume("pair").result() == (7, None)
