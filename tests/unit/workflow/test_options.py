"""Options of steps: merging, and what the engine is told."""

import re
from pathlib import Path
from typing import Any

import pytest

from manyhands.model.errors import MetadataError, OptionError
from manyhands.model.specs import TaskOptions
from manyhands.workflow.options import OPTION_NAMES, RAY_OPTIONS, RetryTypes, StepOptions, check_metadata


def test_options_named_later_win() -> None:
    made = StepOptions().merged({"max_retries": 5, "name": "a"}).merged({"name": "b"})
    assert (made.max_retries, made.name) == (5, "b")


def test_none_keeps_what_was() -> None:
    options = StepOptions().merged({"max_retries": 5, "checkpoint": False, "catch_exceptions": True})
    assert options.merged(dict.fromkeys(OPTION_NAMES)) == options


def test_metadata_and_resources_are_merged() -> None:
    first = StepOptions().merged({"metadata": {"a": 1, "b": 1}, "num_cpus": 1, "resources": {"x": 1}})
    second = first.merged({"metadata": {"b": 2}, "num_gpus": 1, "resources": {"y": 1}})
    assert second.metadata == {"a": 1, "b": 2}
    assert second.ray_options == {"num_cpus": 1, "resources": {"y": 1}, "num_gpus": 1}
    assert first.metadata == {"a": 1, "b": 1}


def test_metadata_is_a_copy() -> None:
    given = {"a": 1}
    made = StepOptions().merged({"metadata": given})
    given["a"] = 2
    assert made.metadata == {"a": 1}


def test_what_the_engine_is_told() -> None:
    assert StepOptions().for_engine() == TaskOptions()
    made = StepOptions().merged(
        {"max_retries": 7, "catch_exceptions": True, "retry_delay": 2, "timeout": 3, "num_cpus": 2.5, "cache": True}
    )
    told = made.for_engine()
    assert (told.attempts, told.catch, told.delay, told.timeout, told.slots, told.cache) == (7, True, 2, 3, 2, True)
    assert told.executor == "process"
    assert told.resources == {"num_cpus": 2.5}


@pytest.mark.parametrize(("cpus", "slots"), [(0, 1), (0.5, 1), (1, 1), (1.9, 1), (4, 4)])
def test_slots(cpus: float, slots: int) -> None:
    assert StepOptions().merged({"num_cpus": cpus}).for_engine().slots == slots


def test_inplace_takes_one_slot_of_the_driver() -> None:
    told = StepOptions().merged({"allow_inplace": True, "num_cpus": 4}).for_engine()
    assert (told.executor, told.slots) == ("inline", 1)


@pytest.mark.parametrize("name", sorted(OPTION_NAMES - {"metadata", "retry_on"}))
def test_every_option_refuses_nonsense(name: str) -> None:
    with pytest.raises(OptionError, match=name):
        StepOptions().merged({name: object()})


@pytest.mark.parametrize("name", sorted(RAY_OPTIONS - {"num_cpus"}))
def test_resources_are_kept_as_they_are(name: str) -> None:
    assert StepOptions().merged({name: 1}).ray_options == {name: 1}


def test_a_time_out_in_place_is_refused_in_either_order() -> None:
    for first, second in (({"timeout": 1}, {"allow_inplace": True}), ({"allow_inplace": True}, {"timeout": 1})):
        with pytest.raises(OptionError, match="Drop one"):
            StepOptions().merged(first).merged(second)


@pytest.mark.parametrize(
    ("retry_on", "error", "again"),
    [
        (ValueError, UnicodeError(), True),
        (ValueError, KeyError(), False),
        ((KeyError, ValueError), KeyError(), True),
        ((), KeyError(), False),
        (lambda error: error.args == (1,), KeyError(1), True),
    ],
)
def test_retry_on_as_a_predicate(retry_on: Any, error: BaseException, again: bool) -> None:
    predicate = StepOptions().merged({"retry_on": retry_on}).predicate()
    assert predicate is not None
    assert predicate(error) is again


def test_without_retry_on_there_is_no_predicate() -> None:
    assert StepOptions().predicate() is None
    assert RetryTypes(KeyError)(KeyError())


@pytest.mark.parametrize(
    "metadata", [{}, {"a": None}, {"a": [1, 2.5, True, {"b": "c"}]}, {"": ""}, {"é": "☂"}, {"large": 2**70}]
)
def test_metadata_that_is_json(metadata: dict[str, Any]) -> None:
    found = check_metadata(metadata)
    assert found == metadata
    assert found is not metadata


def test_metadata_becomes_plain_json() -> None:
    class Text(str):
        pass

    found = check_metadata({Text("k"): (1, Text("v")), "n": {None: 1, 2: True}})
    assert found == {"k": [1, "v"], "n": {"null": 1, "2": True}}
    assert [type(key) for key in found] == [str, str]
    assert type(found["k"][1]) is str


@pytest.mark.parametrize("metadata", [None, [], "x", {"a": {1}}, {"a": b"x"}, {1: "a"}, {"a": {(1,): 2}}])
def test_metadata_that_is_not(metadata: Any) -> None:
    with pytest.raises(MetadataError):
        check_metadata(metadata)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", ["\udfff"]])
def test_what_json_and_unicode_do_not_have(value: Any) -> None:
    with pytest.raises(MetadataError, match="'a'"):
        check_metadata({"a": value})
    with pytest.raises(MetadataError):
        check_metadata({"\ud800": 1})


def test_the_page_of_options_has_them_all_with_their_defaults() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/step-options.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| `(\w+)` \|.*\| `(.*?)` \|$", page, re.MULTILINE))
    assert shown == {name: repr(getattr(StepOptions(), name)) for name in OPTION_NAMES}
