"""Retries and caught exceptions."""

import threading
from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from manyhands.model.states import AttemptStatus, Cause, TaskStatus
from tests.acceptance.kit import Place, count_up, note, noted, wait_for_file, wait_until


def flaky(tries: Path, good: int, **options: Any) -> workflow.StepFunction:
    """A step whose `good`-th try is its first to come through, and gives its number."""

    def attempt() -> int:
        number = count_up(tries)
        if number < good:
            raise ValueError(f"try {number}")
        return number

    return workflow.step(**options)(attempt) if options else workflow.step(attempt)


def test_attempts_are_counted_in_total(place: Place, tmp_path: Path) -> None:
    """Scenario 11: three are too few for the tenth to come; eight more are enough."""
    step = flaky(tmp_path / "tries", 10)
    with pytest.raises(ValueError, match="max_retries should be greater or equal to 1"):
        step.options(max_retries=-1)
    with pytest.raises(workflow.WorkflowExecutionError) as caught:
        step.options(max_retries=3).step().run()
    assert isinstance(caught.value.__cause__, ValueError)
    assert str(caught.value.__cause__) == "try 3"
    assert step.options(max_retries=8).step().run() == 10


def test_three_attempts_unless_told(place: Place, tmp_path: Path) -> None:
    """The default number of attempts, in total."""
    with pytest.raises(workflow.WorkflowExecutionError):
        flaky(tmp_path / "tries", 100).step().run()
    assert len(noted(tmp_path / "tries")) == 3


def test_attempts_with_catch(place: Place, tmp_path: Path) -> None:
    """Scenario 12: the exception is the result, until the attempts are enough."""
    step = flaky(tmp_path / "tries", 10, catch_exceptions=True)
    value, error = step.options(max_retries=3).step().run()
    assert value is None
    assert isinstance(error, ValueError)
    assert step.options(max_retries=8).step().run() == (10, None)


def test_attempts_in_the_decorator(place: Place, tmp_path: Path) -> None:
    """Scenario 13."""
    assert flaky(tmp_path / "tries", 11, max_retries=11).step().run() == 11


def test_catch_in_the_decorator(place: Place) -> None:
    """Scenario 14."""

    @workflow.step(catch_exceptions=True, max_retries=1)
    def fail() -> None:
        raise ValueError("caught")

    value, error = fail.step().run("caught")
    assert value is None
    assert isinstance(error, ValueError)
    assert str(error) == "caught"
    assert workflow.get_status("caught") is workflow.SUCCESSFUL
    assert workflow.get_output("caught").result()[0] is None


def test_catch_does_not_stop_the_retries(place: Place, tmp_path: Path) -> None:
    """Scenario 15: exactly as many attempts as were asked for."""
    step = flaky(tmp_path / "tries", 100, catch_exceptions=True, max_retries=4)
    _, error = step.step().run("four")
    assert str(error) == "try 4"
    assert len(noted(tmp_path / "tries")) == 4
    (name,) = place.names("four")
    ends = [(attempt.number, attempt.end.status, attempt.end.cause) for attempt in place.attempts("four", name)]
    assert ends == [(number, AttemptStatus.FAILED, Cause.ERROR) for number in range(1, 5)]


def test_catch_on_a_step_that_returns_a_step(place: Place) -> None:
    """Scenario 16: the pair is made once, at the end."""

    @workflow.step
    def inner() -> int:
        return 10

    @workflow.step(catch_exceptions=True)
    def outer() -> Any:
        return inner.step()

    assert outer.step().run() == (10, None)


@pytest.mark.parametrize("inplace", [False, True])
def test_catch_goes_down_a_recursion(place: Place, inplace: bool) -> None:
    """Scenario 17: five levels deep, the error comes to the one that catches, and is wrapped once."""

    @workflow.step(max_retries=1, allow_inplace=inplace)
    def down(level: int) -> Any:
        if level == 0:
            raise ValueError("the bottom")
        return down.step(level - 1)

    value, error = down.options(catch_exceptions=True).step(5).run()
    assert value is None
    assert isinstance(error, ValueError)
    assert str(error) == "the bottom"


def test_catch_covers_a_failing_input_of_what_was_returned(place: Place) -> None:
    """A step that catches and returns a graph catches whatever fails in it; also as a promise kept later."""

    @workflow.step(max_retries=1)
    def fail() -> int:
        raise KeyError("input")

    @workflow.step
    def take(value: int) -> int:
        return value

    @workflow.step(catch_exceptions=True)
    def outer() -> Any:
        return take.step(fail.step())

    value, error = outer.step().run("covered")
    assert value is None
    assert isinstance(error, KeyError)
    assert workflow.get_status("covered") is workflow.SUCCESSFUL


def test_the_caught_pair_is_an_argument(place: Place) -> None:
    """Whoever takes the result of a step that catches gets the pair, the exception as an object."""

    @workflow.step(catch_exceptions=True, max_retries=1)
    def fail(good: bool) -> int:
        if not good:
            raise ValueError("bad", 7)
        return 1

    @workflow.step
    def tell(good: Any, bad: Any) -> Any:
        return good, bad[0], type(bad[1]).__name__, bad[1].args

    assert tell.step(fail.step(True), fail.step(False)).run() == ((1, None), None, "ValueError", ("bad", 7))


def test_a_recursion_that_fails_keeps_what_is_done(place: Place, tmp_path: Path) -> None:
    """Scenario 18: after the failure at 2 the steps before it have forwarded, and the resume goes on from there."""
    cured, ledger = tmp_path / "cured", tmp_path / "ledger"

    def make(number: int) -> Any:
        def body() -> Any:
            note(ledger, str(number))
            if number == 2 and not cured.exists():
                raise ValueError("two")
            return number if number == 0 else make(number - 1)

        return workflow.step(name=f"step_{number}", max_retries=1)(body).step()

    with pytest.raises(workflow.WorkflowExecutionError):
        make(5).run("recursion")
    names = place.names("recursion")
    assert names == ["step_5", "step_4", "step_3", "step_2"]
    tasks = place.tasks("recursion")
    assert [task.forward_to for task in tasks] == [1, 2, 3, None]
    cured.touch()
    assert workflow.resume("recursion").result() == 0
    assert noted(ledger) == ["5", "4", "3", "2", "2", "1", "0"]


def test_the_users_exception_is_the_cause(place: Place) -> None:
    """Its own type, arguments and the traceback of the worker."""

    class Odd(Exception):
        def __init__(self, code: int) -> None:
            super().__init__(code)
            self.code = code

    @workflow.step(max_retries=1)
    def fail() -> None:
        raise Odd(17)

    with pytest.raises(workflow.WorkflowExecutionError, match="'caused'") as caught:
        fail.options(name="caused").step().run("caused")
    cause = caught.value.__cause__
    assert type(cause).__name__ == "Odd"
    assert getattr(cause, "code", None) == 17
    assert any("raise Odd(17)" in text for text in getattr(cause, "__notes__", ()))


def test_an_exception_that_cannot_be_pickled_is_told_in_words(place: Place) -> None:
    """The text and the traceback remain."""

    @workflow.step(max_retries=1)
    def fail() -> None:
        error = ValueError("with a lock")
        error.lock = threading.Lock()  # type: ignore[attr-defined]
        raise error

    with pytest.raises(workflow.WorkflowExecutionError, match="with a lock") as caught:
        fail.step().run()
    assert "with a lock" in str(caught.value.__cause__)


def test_siblings_of_a_failed_step_are_let_finish(place: Place, tmp_path: Path) -> None:
    """What runs when a step fails runs to its end and is kept; nothing new is started."""
    started, failed, ledger = tmp_path / "started", tmp_path / "failed", tmp_path / "ledger"

    @workflow.step(name="sibling")
    def sibling() -> str:
        started.touch()
        wait_for_file(failed)
        note(ledger, "sibling")
        return "kept"

    @workflow.step(name="fail", max_retries=1)
    def fail() -> None:
        wait_for_file(started)
        raise ValueError("first")

    @workflow.step(name="later")
    def later(_value: str) -> str:
        note(ledger, "later")
        return "later"

    @workflow.step(name="join")
    def join(*_values: Any) -> None: ...

    running = join.step(fail.step(), later.step(sibling.step())).run_async("drained")
    wait_until(lambda: place.task("drained", "fail").status is TaskStatus.FAILED, "the failure is known")
    failed.touch()
    with pytest.raises(workflow.WorkflowExecutionError, match="first"):
        running.result(30)
    assert noted(ledger) == ["sibling"]
    assert workflow.get_output("drained", name="sibling").result() == "kept"
