"""What `step` makes of functions."""

import pickle
from functools import partial
from typing import Any

import pytest

from manyhands import workflow
from manyhands.model.errors import CallError, OptionError
from manyhands.workflow.signature import Signature
from manyhands.workflow.status import SHOWN, WorkflowStatus, wanted


@workflow.step
def add(left: int, right: int = 1) -> int:
    """Add two numbers."""
    return left + right


class Holder:
    @workflow.step
    def method(self, value: int) -> int:
        return value


def test_a_step_looks_like_its_function() -> None:
    assert (add.__name__, add.__module__, add.__doc__) == ("add", __name__, "Add two numbers.")
    assert repr(add) == f"<step {__name__}.add>"
    assert add.label == f"{__name__}.add"


def test_a_step_of_a_module_travels_by_name() -> None:
    assert pickle.loads(pickle.dumps(add)) is add


def test_a_variant_travels_with_its_options() -> None:
    import cloudpickle  # noqa: PLC0415

    found = pickle.loads(cloudpickle.dumps(add.options(name="sum", max_retries=7)))
    assert (found.label, found.settings.max_retries) == ("sum", 7)


def test_options_leave_the_step_as_it_was() -> None:
    changed = add.options(name="other")
    assert changed is not add
    assert add.settings.name is None
    assert changed.label == "other"


def test_a_step_of_a_step_is_refused() -> None:
    """Options go by `.options()`; a step is not a function to be decorated again."""
    with pytest.raises(CallError):
        workflow.step(add)(1)


@pytest.mark.parametrize("wrong", [7, "f", None])
def test_what_is_no_function(wrong: Any) -> None:
    with pytest.raises(OptionError):
        workflow.step(wrong)


def by_keyword(*, key: int) -> int:
    return key


def spread(first: int, *rest: int, **named: int) -> int:
    return first


def positional(first: int, /, second: int = 2) -> int:
    return first


@pytest.mark.parametrize(
    ("function", "good", "bad"),
    [
        (by_keyword, [((), {"key": 1})], [((1,), {}), ((), {}), ((), {"key": 1, "other": 2})]),
        (spread, [((1,), {}), ((1, 2, 3), {"x": 1})], [((), {"x": 1})]),
        (positional, [((1,), {}), ((1, 2), {}), ((1,), {"second": 2})], [((), {"first": 1}), ((1, 2, 3), {})]),
        (partial(positional, 1), [((), {}), ((2,), {})], [((2, 3), {})]),
        (len, [(([],), {})], []),
        (int, [((1,), {}), ((), {})], []),
        (lambda: 1, [((), {})], [((1,), {})]),
    ],
)
def test_signatures(function: Any, good: list[Any], bad: list[Any]) -> None:
    signature = Signature(function)
    for args, kwargs in good:
        signature.check(args, kwargs)
    for args, kwargs in bad:
        with pytest.raises(CallError):
            signature.check(args, kwargs)


def test_every_status_has_its_word() -> None:
    assert set(SHOWN.values()) == set(WorkflowStatus)
    assert [getattr(workflow, status.name) for status in WorkflowStatus] == list(WorkflowStatus)


def test_filters() -> None:
    assert wanted(None) == frozenset(WorkflowStatus)
    assert wanted("FAILED") == wanted({WorkflowStatus.FAILED}) == wanted(frozenset({"FAILED"})) == {"FAILED"}
    assert wanted(set()) == frozenset()
    with pytest.raises(ValueError, match="there are PENDING, RUNNING"):
        wanted({"FAILED", "LOST"})
    with pytest.raises(TypeError):
        wanted(("FAILED",))
