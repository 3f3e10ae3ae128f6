"""Lists and dicts of components: names, states, and what can be added."""

from collections.abc import Callable
from typing import Any

import pytest

from manyhands.app.errors import OwnMember, StructureMismatch, UnfitDelta
from manyhands.app.flow import get_component_by_name
from manyhands.app.structures import Dict, List
from tests.unit.app.doubles import WORK, Counting, EmptyFlow, Everything, Holding, Nested, changes, within


def test_the_shape_of_structures() -> None:
    flow = Everything()
    holding = Holding().state
    assert flow.list.state == {"works": {"0": WORK}, "flows": {"1": holding}}
    assert flow.dict.state == {"works": {"a": WORK}, "flows": {"b": holding}}
    assert flow.state["structures"] == {"list": flow.list.state, "dict": flow.dict.state}
    assert flow.list.state_vars == {"works": {"0": {"vars": WORK["vars"]}}, "flows": {"1": Holding().state_vars}}
    assert flow.dict.state_with_changes == flow.dict.state
    assert list(flow.dict) == ["a", "b"]
    assert flow.list[0] is flow.list.works[0]
    assert len(flow.list) == 2


def test_a_structure_takes_the_state_of_its_members_alone() -> None:
    structure = Dict(a=Counting())
    state = structure.state
    state["works"]["a"]["vars"]["counter"] = 3
    structure.set_state(state)
    assert structure["a"].counter == 3
    with pytest.raises(ValueError, match="The provided state doesn't match the `Dict`"):
        structure.set_state({"works": {"b": state["works"]["a"]}, "flows": {}})
    for none in (5, None, {"works": 5}):
        with pytest.raises(StructureMismatch, match="the state has none"):
            structure.set_state(none)
    with pytest.raises(UnfitDelta, match="has `vars`"):
        structure.set_state({"works": {"a": 5}})


def test_names_of_members_before_and_after() -> None:
    first, second = List(Counting(), Counting()), Dict(a=Counting())
    assert [work.name for work in first] == ["root.0", "root.1"]
    assert second["a"].name == "root.a"

    class Parent(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.list = first
            self.dict = second

    flow = Parent()
    assert [work.name for work in flow.works()] == ["root.list.0", "root.list.1", "root.dict.a"]
    assert (flow.list.name, flow.dict.name) == ("root.list", "root.dict")


def test_members_that_are_added_in_run_belong_to_the_app() -> None:
    class Adding(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.list = List()
            self.dict = Dict()

        def run(self) -> None:
            if not self.list:
                self.list.append(Counting(parallel=True))
                self.dict["new"] = Counting(parallel=True)
            self.list[0].run()
            self.dict["new"].run()

    flow = Adding()
    desk = within(flow)
    flow.run()
    assert [asked[:2] for asked in desk.asked] == [("submit", "root.list.0"), ("submit", "root.dict.new")]
    assert [operation[0] for operation in changes(flow)["root.list"]] == [["works", "0"]]
    assert changes(flow) == {}


def test_plain_lists_and_dicts_of_components_become_structures() -> None:
    class Parent(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.list = [Counting(), Holding()]
            self.dict = {"a": Counting()}
            self.empty: list[Any] = []
            self.values = [1, 2]

    flow = Parent()
    assert (type(flow.list), type(flow.dict), type(flow.empty), type(flow.values)) == (List, Dict, list, list)
    names = ["root.list.0", "root.list.1.work", "root.dict.a"]
    assert [work.name for work in flow.works()] == names
    assert list(flow.flows) == ["root.list.1"]


def test_order_of_flows_and_works() -> None:
    class Parent(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.structure = List(Holding(), Counting())
            self.flow = Nested(1)
            self.work = Counting()

    flow = Parent()
    names = ["root.work", "root.flow.work", "root.flow.child.work", "root.structure.0.work", "root.structure.1"]
    assert [work.name for work in flow.works()] == names
    assert list(flow.flows) == ["root.flow", "root.flow.child", "root.structure.0"]


@pytest.mark.parametrize("key", ["a.b", 1, ""])
def test_keys_are_plain_words(key: Any) -> None:
    with pytest.raises(ValueError, match=r"isn't a text without `\.`"):
        Dict()[key] = Counting()


class Nesting(EmptyFlow):
    def __init__(self) -> None:
        super().__init__()
        self.rows = [[Counting(), Counting()], {"x": Holding()}]
        self.deep = Dict(a=List(Counting()))


def test_structures_of_structures() -> None:
    flow = Nesting()
    assert [work.name for work in flow.works()] == [
        "root.rows.0.0", "root.rows.0.1", "root.rows.1.x.work", "root.deep.a.0",
    ]  # fmt: skip
    assert list(flow.flows) == ["root.rows.1.x"]
    assert flow.state["structures"]["deep"]["structures"]["a"]["works"]["0"] == flow.deep["a"][0].state
    assert get_component_by_name(flow, "root.rows.0.1") is flow.rows[0][1]  # type: ignore[index]
    state = flow.state
    flow.deep["a"][0].counter = 3
    saved = flow._saved_()
    flow.set_state(state)
    assert flow.deep["a"][0].counter == 0
    flow._restore_(saved)
    assert flow.deep["a"][0].counter == 3
    flow.apply([[["structures", "rows", "structures", "0", "works", "1", "vars", "counter"], "set", 5]])
    assert flow.rows[0][1].counter == 5  # type: ignore[index]


def test_a_structure_that_is_refused_is_not_in_it() -> None:
    flow = Nesting()
    for attempt in (
        lambda: flow.rows.append(flow.rows[0]),
        lambda: flow.rows.append(flow.rows),
        lambda: flow.deep["a"].append(flow.rows[0][0]),  # type: ignore[index]
        lambda: flow.deep.update(b=flow.deep["a"]),
    ):
        with pytest.raises((ValueError, TypeError)):
            attempt()
    assert (len(flow.rows), len(flow.deep), len(flow.deep["a"])) == (2, 1, 1)


class Loops(EmptyFlow):
    def __init__(self) -> None:
        super().__init__()
        self.inner = Nesting()
        self.more = List()


@pytest.mark.parametrize(
    "attempt",
    [
        lambda flow: setattr(flow, "me", flow),
        lambda flow: setattr(flow, "me", List(flow)),
        lambda flow: setattr(flow, "me", {"a": flow}),
        lambda flow: setattr(flow.inner, "outer", flow),
        lambda flow: flow.more.append(flow),
        lambda flow: flow.inner.rows.append(flow),
        lambda flow: flow.inner.deep.update(b=flow),
    ],
)
def test_a_component_is_no_part_of_itself(attempt: Callable[[Loops], None]) -> None:
    flow = Loops()
    flow._tree_.running += 1  # as in `run`
    before = list(flow.flows.values())
    with pytest.raises(OwnMember, match=r"cannot be root.* as well: it would be a part of itself"):
        attempt(flow)
    assert list(flow.flows.values()) == before


def test_only_adding_is_supported() -> None:
    listed, named = List(Counting()), Dict(a=Counting())
    attempts = [
        lambda: listed.pop(), lambda: listed.clear(), lambda: listed.insert(0, Counting()), lambda: listed.reverse(),
        lambda: listed.remove(listed[0]), lambda: listed.sort(), lambda: listed.__delitem__(0),
        lambda: listed.__setitem__(0, Counting()), lambda: named.pop("a"), lambda: named.clear(),
        lambda: named.popitem(), lambda: named.__delitem__("a"), lambda: named.__setitem__("a", Counting()),
        lambda: listed.append(1), lambda: named.update(b=2), lambda: listed.extend([None]),
    ]  # fmt: skip
    for attempt in attempts:
        with pytest.raises((TypeError, AttributeError)):
            attempt()
    assert (len(listed), len(named)) == (1, 1)
    listed += [Counting()]
    named |= {"b": Counting()}
    assert named.setdefault("b") is named["b"]
    assert (listed[1].name, named["b"].name) == ("root.1", "root.b")
