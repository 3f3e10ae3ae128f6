"""Differences of plain states, and plain forms of values."""

import copy
import json
import math
from collections import Counter, OrderedDict
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.app.delta import apply, apply_in_place, difference, rerooted
from manyhands.app.errors import UnfitAttribute, UnfitDelta
from manyhands.app.plain import from_plain, readable, to_plain

leaves = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5]) | st.text("ab", max_size=2)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=12) | st.dictionaries(st.text("abc", max_size=1), inner),
    max_leaves=30,
)
states = st.dictionaries(st.text("xyz", max_size=1), values)


def exact(value: Any) -> str:
    """Tells 1, 1.0 and True apart, and not the order of keys."""
    return json.dumps(value, sort_keys=True)


@given(states, states)
def test_a_difference_leads_from_the_one_to_the_other(before: Any, after: Any) -> None:
    first = copy.deepcopy(before)
    found = json.loads(json.dumps(difference(before, after)))
    assert exact(apply(before, found)) == exact(after)
    assert exact(before) == exact(first), "what it is applied to stays"
    apply_in_place(before, found)
    assert exact(before) == exact(after)
    assert difference(before, copy.deepcopy(after)) == []
    assert (found == []) == (exact(first) == exact(after))


@given(st.lists(leaves, max_size=30), st.lists(leaves, min_size=1, max_size=5))
def test_appending_costs_what_is_appended(items: list[Any], more: list[Any]) -> None:
    assert difference({"x": items}, {"x": items + more}) == [[["x"], "extend", more]]
    assert difference({"x": items + more}, {"x": items}) == [[["x"], "cut", len(items)]]


def test_one_change_in_a_large_state_is_one_operation() -> None:
    before = {"a": [{"k": [number, str(number)]} for number in range(1000)], "b": {str(n): n for n in range(1000)}}
    after = copy.deepcopy(before)
    after["a"][500]["k"][1] = "new"
    after["b"]["7"] = 8  # type: ignore[call-overload]
    assert difference(before, after) == [[["a", 500, "k", 1], "set", "new"], [["b", "7"], "set", 8]]


def test_a_list_that_is_new_throughout_is_sent_whole() -> None:
    assert difference({"a": [1, 2, 3]}, {"a": [4, 5, 6, 7]}) == [[["a"], "set", [4, 5, 6, 7]]]


def test_what_stands_for_something_else_changes_as_a_whole() -> None:
    before, after = {"a": to_plain((1, 2, 3))}, {"a": to_plain((1, 2, 4))}
    assert difference(before, after) == [[["a"], "set", to_plain((1, 2, 4))]]


def test_kinds_and_nan() -> None:
    assert difference({"a": 1}, {"a": True}) == [[["a"], "set", True]]
    assert difference({"a": 1}, {"a": 1.0}) == [[["a"], "set", 1.0]]
    assert difference({"a": math.nan}, {"a": math.nan}) == []
    assert difference({"a": 1, "b": 2}, {"b": 2, "a": 1}) == []


def test_paths_are_given_new_roots() -> None:
    assert rerooted(("works", "w"), [[["vars", "x"], "set", 1]]) == [[["works", "w", "vars", "x"], "set", 1]]


@pytest.mark.parametrize(
    "operation",
    [
        [["a", 5], "set", 1], [["a", -1], "set", 1], [["a", "0"], "set", 1], [["b", "c"], "del", None],
        [["a", 0], "del", None], [["b"], "extend", [1]], [["a"], "extend", 1], [["a"], "cut", -1], [["a"], "cut", True],
        [["a", 0, "x"], "set", 1], [["a"], "sort", None], [[1.5], "set", 1], [["a", True], "set", 1], ["a", "set", 1],
        [["a"], "set"], None, {"a": 1}, [["missing", "x"], "set", 1], [[], "set", {}],
    ],
)  # fmt: skip
def test_unfit_operations(operation: Any) -> None:
    state = {"a": [1, 2], "b": {}}
    for act in (apply, apply_in_place):
        with pytest.raises(UnfitDelta, match=r"cannot be made"):
            act(state, [operation])
    assert state == {"a": [1, 2], "b": {}}


# --- plain values ----------------------------------------------------------------------------------------------------

any_values = st.recursive(
    leaves | st.floats() | st.integers() | st.just("__kind__"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.sampled_from(["a", "__kind__", "items", "text", 1, None, True, 2.5]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(any_values)
def test_values_come_back_through_strict_json(value: Any) -> None:
    plain = to_plain(value)
    assert repr(from_plain(json.loads(json.dumps(plain, allow_nan=False)))) == repr(value)
    json.dumps(readable(plain), allow_nan=False).encode()


def test_what_utf8_cannot_say_is_written_out_for_people() -> None:
    for odd, shown in ((2, "2"), ("b", "b")):  # with a key that is no text, and without one
        value = {"caf\udce9": ["\udcff", "café", ("\ud800x",)], odd: "\udcff"}
        assert readable(to_plain(value)) == {"caf\\udce9": ["\\udcff", "café", ["\\ud800x"]], shown: "\\udcff"}


def test_nothing_is_shared_with_the_plain_form() -> None:
    value = {"a": [[1]], "b": {"c": [2]}}
    plain = to_plain(value)
    plain["a"][0].append(2)
    plain["b"]["c"].append(3)
    assert value == {"a": [[1]], "b": {"c": [2]}}


class Colour(StrEnum):
    RED = "red"


def test_kinds_of_containers_become_plain_ones() -> None:
    value = [Counter("aab"), OrderedDict(x=1), Colour.RED]
    assert to_plain(value) == [{"a": 2, "b": 1}, {"x": 1}, "red"]
    assert [type(part) for part in to_plain(value)] == [dict, dict, str]


@pytest.mark.parametrize(
    ("value", "text"),
    [({1}, "`here` is a set"), ([0, {"a": object}], r"`here\[1\]\['a'\]` is a type"), (b"", "`here` is a bytes")],
)
def test_other_values_are_refused(value: Any, text: str) -> None:
    with pytest.raises(UnfitAttribute, match=text):
        to_plain(value, "here")


def test_unknown_kinds_are_refused() -> None:
    for value in ({"__kind__": "x"}, {"__kind__": "tuple"}, {"__kind__": []}, {"__kind__": "int", "text": "x"}):
        with pytest.raises(ValueError):
            from_plain([value])
