"""What cannot be waited for is refused where it is written, before there is a run that could never end."""

from typing import Any

import pytest

from manyhands import workflow
from tests.acceptance.kit import Place, wait_until

TOO_LARGE = 10**400
"""A number of seconds that no clock knows."""


@workflow.step
def tell(value: Any) -> Any:
    return value


def signal(*args: Any, **kwargs: Any) -> workflow.Workflow:
    return workflow.wait_for_event(workflow.SignalListener, *args, **kwargs)


@pytest.mark.parametrize("key", [7, None, ["go"], b"go"])
def test_a_key_that_is_no_text(key: Any) -> None:
    """`send` takes text only, so nobody could ever send it."""
    with pytest.raises(TypeError, match="The key of a signal is text"):
        signal(key)


@pytest.mark.parametrize("timeout", ["soon", -1, True, float("nan"), float("inf"), TOO_LARGE])
def test_a_time_limit_that_is_none(timeout: Any) -> None:
    with pytest.raises(ValueError, match="timeout must be a number of seconds from 0"):
        signal("go", timeout=timeout)
    with pytest.raises(ValueError, match="timeout must be a number of seconds from 0"):
        workflow.wait([tell.step(1)], timeout=timeout)


@pytest.mark.parametrize("when", [None, "noon", True, float("nan"), float("inf"), TOO_LARGE])
def test_a_time_that_is_none(when: Any) -> None:
    with pytest.raises(ValueError, match="timestamp must be in seconds since the epoch"):
        workflow.wait_for_event(workflow.TimerListener, when)


@pytest.mark.parametrize(
    ("listener", "args", "kwargs", "words"),
    [
        (workflow.SignalListener, (), {}, "SignalListener: missing a required argument: 'key'"),
        (workflow.SignalListener, ("go", 1), {}, "SignalListener: too many positional arguments"),
        (workflow.SignalListener, ("go",), {"until": 1}, "SignalListener: got an unexpected keyword argument 'until'"),
        (workflow.TimerListener, (), {}, "TimerListener: missing a required argument: 'timestamp'"),
    ],
)
def test_arguments_that_do_not_fit(listener: Any, args: tuple[Any, ...], kwargs: dict[str, Any], words: str) -> None:
    with pytest.raises(TypeError, match=words):
        workflow.wait_for_event(listener, *args, **kwargs)


def test_waiting_for_nothing() -> None:
    with pytest.raises(ValueError, match="an empty list"):
        workflow.wait([])


def test_waiting_for_a_step_twice() -> None:
    """It becomes ready once, so two could never be."""
    step = tell.step(1)
    with pytest.raises(ValueError, match="more than once"):
        workflow.wait([step, tell.step(2), step], num_returns=2)


def test_waiting_for_a_reference_twice(place: Place) -> None:
    """As for a step; those that remain are told apart by what they refer to."""

    @workflow.step
    def again(waited: Any) -> Any:
        _, (remaining,) = waited
        return workflow.wait([remaining, remaining])

    with pytest.raises(workflow.WorkflowExecutionError, match="more than once"):
        again.options(max_retries=1).step(workflow.wait([tell.step(1), workflow.sleep(0.5)])).run("again")


def test_arguments_that_steps_give(place: Place) -> None:
    """What is not known yet is taken as it comes: a key, a time limit, a time, from a step or from another run."""
    reference = tell.step("go").run_async("giver")
    keyed = signal(reference, timeout=tell.step(30)).run_async("keyed")
    wait_until(lambda: "workflow.signal" in place.names("keyed"), "the receiver")
    workflow.send("keyed", "go", 7)
    assert keyed.result(30) == 7
    assert workflow.wait_for_event(workflow.TimerListener, tell.step(0)).run("timed") is None
    assert workflow.sleep(tell.options(name="zero").step(0).run_async("zero")).run("slept") is None
