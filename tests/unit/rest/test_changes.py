"""What may change the state from outside, and what may not."""

from typing import Any

import pytest

from manyhands.app.delta import apply
from manyhands.app.errors import UnfitDelta
from manyhands.rest.changes import UnfitState, checked_delta, delta_of
from tests.unit.rest.memory import component

STATE: dict[str, Any] = {
    **component(
        works={"w": component(x=1, items=[1, 2], _url="", options={"a": {"b": 1}})},
        flows={"f": component(works={"v": component(y=0)}, flows={}, title="t")},
        counter=0,
    ),
    "app_state": {"stage": "running"},
}


def test_a_whole_state_sent_back_changes_nothing() -> None:
    assert delta_of(STATE, STATE) == []


def test_a_part_is_enough() -> None:
    posted = {"vars": {"counter": 7}, "flows": {"f": {"works": {"v": {"vars": {"y": 2}}}}}}
    found = delta_of(STATE, posted)
    assert found == [[["vars", "counter"], "set", 7], [["flows", "f", "works", "v", "vars", "y"], "set", 2]]
    after = apply(STATE, found)
    assert after["vars"] == {"counter": 7}
    assert after["flows"]["f"]["works"]["v"]["vars"] == {"y": 2}


def test_calls_that_are_sent_back_are_left_out() -> None:
    assert delta_of(STATE, {"calls": {"latest_call_hash": "x"}, "changes": {"a": 1}}) == []


@pytest.mark.parametrize(
    "posted",
    [
        [], "x", None, {"vars": []}, {"vars": {"new": 1}}, {"works": {"none": {"vars": {}}}}, {"works": {"w": []}},
        {"works": {"w": {"vars": {"_url": "http://evil.example"}}}}, {"other": {}}, {"works": {"w": {"app_state": {}}}},
        {"structures": {"s": {}}}, {"__class__": {}},
    ],
)  # fmt: skip
def test_what_there_is_not_is_refused(posted: Any) -> None:
    with pytest.raises(UnfitState, match="GET /api/v1/state"):
        delta_of(STATE, posted)


@pytest.mark.parametrize(
    "operation",
    [
        [["vars", "counter"], "set", 5],
        [["works", "w", "vars", "items"], "extend", [3]],
        [["works", "w", "vars", "items", 0], "set", 9],
        [["works", "w", "vars", "options", "a", "b"], "del", None],
        [["flows", "f", "works", "v", "vars", "y"], "set", {"__kind__": "tuple", "items": [1]}],
    ],
)
def test_public_attributes_change(operation: list[Any]) -> None:
    assert checked_delta(STATE, [operation]) == [operation]


@pytest.mark.parametrize(
    "operation",
    [
        None, "x", [], [[], "set", 1], [["vars"], "set", {}], [["vars", "counter"], "eval", "1"],
        [["vars", "new"], "set", 1], [["vars", "counter"], "del", None], [["vars", 0], "set", 1],
        [["calls", "latest_call_hash"], "set", "x"], [["app_state", "stage"], "set", "failed"],
        [["works", "w", "vars", "_url"], "set", "x"], [["works", "w", "calls", "x"], "set", {}],
        [["works", "none", "vars", "x"], "set", 1], [["works"], "del", None], [["works", "w"], "del", None],
        [["vars", "__class__"], "set", 1], ["root['vars']['counter']", "set", 1],
        [["works", "w", "vars", "items", 7], "set", 1], [["works", "w", "vars", "x"], "cut", 0],
        [["vars", "counter"], "set", {"__kind__": "payload", "path": "/etc/passwd"}],
        [["vars", "counter"], "set", [{"a": {"__kind__": "path", "path": "/etc"}}]],
        [["vars", "counter"], "set", {"__kind__": ["tuple"]}],
    ],
)  # fmt: skip
def test_everything_else_is_refused(operation: Any) -> None:
    with pytest.raises(UnfitDelta):
        checked_delta(STATE, [[["works", "w", "vars", "x"], "set", 2], operation])


@pytest.mark.parametrize("delta", [None, {}, "x", {"values_changed": {"root['vars']": {"new_value": 1}}}])
def test_a_delta_is_a_list(delta: Any) -> None:
    with pytest.raises(UnfitDelta, match="a list of operations"):
        checked_delta(STATE, delta)


def test_a_path_that_a_state_names_is_none() -> None:
    with pytest.raises(UnfitDelta, match="cannot come from outside"):
        delta_of(STATE, {"vars": {"counter": {"__kind__": "drive", "id": "x"}}})
