"""Names, states and changes of flows, works and structures, and the way from one state to another."""

import copy
import json
from typing import Any

import pytest

from manyhands.app.app import App
from manyhands.app.delta import with_changes
from manyhands.app.errors import CallPending, ForbiddenUpdate, UnfitDelta
from manyhands.app.flow import Flow, attach, get_component_by_name
from manyhands.app.structures import Dict, List
from manyhands.app.tree import Tree
from tests.unit.app.doubles import (
    FLOW_VARS,
    WORK,
    Clock,
    Counting,
    EmptyFlow,
    Everything,
    Holding,
    Nested,
    changes,
    latest_key,
    tell,
    within,
)


class Two(EmptyFlow):
    def __init__(self) -> None:
        super().__init__()
        self.counter = 0
        self.a = Counting()
        self.b = Counting(cache_calls=False)


# --- states ----------------------------------------------------------------------------------------------------------


def test_the_first_state_of_a_flow_with_two_works() -> None:
    assert Two().state == {
        "vars": {**FLOW_VARS, "counter": 0},
        "calls": {},
        "flows": {},
        "works": {"a": WORK, "b": WORK},
        "structures": {},
        "changes": {},
    }


def test_state_vars_have_attributes_alone() -> None:
    assert Two().state_vars == {
        "vars": {**FLOW_VARS, "counter": 0},
        "flows": {},
        "works": {"a": {"vars": WORK["vars"]}, "b": {"vars": WORK["vars"]}},
        "structures": {},
    }


def test_a_state_is_a_copy() -> None:
    flow = Everything()
    state = flow.state
    state["vars"]["x"]["k"].append(2)
    state["works"]["work"]["calls"]["new"] = {}
    assert flow.x == {"k": [1]}
    assert "new" not in flow.work._calls


def test_a_state_comes_back() -> None:
    flow = Everything()
    first = flow.state
    flow.x["k"].append(2)
    flow.work.run()
    flow.child.work.counter = 3
    flow.list[1].work.counter = 4
    flow.dict["a"].run(1)
    second = flow.state
    assert second != first
    flow.set_state(copy.deepcopy(first))
    assert flow.state == first
    flow.set_state(second)
    assert flow.state == second
    assert flow.child.work.counter == 3
    flow.set_state(first, recurse=False)
    assert flow.x == {"k": [1]}
    assert flow.child.work.counter == 3


def test_set_state_is_a_change_of_the_flows_side() -> None:
    flow = Holding()
    within(flow)
    state = flow.state
    state["works"]["work"]["vars"]["counter"] = 9
    flow.set_state(state)
    assert [["vars", "counter"], "set", 9] in changes(flow)["root.work"]


@pytest.mark.parametrize("state", [{}, {"vars": {"unknown": 1}}, {"vars": {}, "works": {"unknown": {"vars": {}}}}])
def test_a_state_of_something_else_is_refused(state: dict[str, Any]) -> None:
    with pytest.raises(UnfitDelta):
        Two().set_state(state)


def test_changes_of_a_turn_are_told_with_what_was_before() -> None:
    flow = Two()
    within(flow)
    flow.counter = 5
    flow.a.counter = 2
    assert set(changes(flow)) == {"root", "root.a"}
    assert flow.changes == {"counter": {"from": 0, "to": 5}}
    shown = flow.state_with_changes
    assert shown["changes"] == {"counter": {"from": 0, "to": 5}}
    assert shown["works"]["a"]["changes"] == {"counter": {"from": 0, "to": 2}}
    assert shown["works"]["b"]["changes"] == {}
    assert flow.state["changes"] == {}
    flow.a.counter = 3
    changes(flow)
    assert flow.changes == {}
    assert flow.a.changes == {"counter": {"from": 2, "to": 3}}
    changes(flow)
    assert flow.a.changes == {}


def test_changes_between_two_states() -> None:
    flow = Everything()
    before = flow.state
    flow.x["k"].append(2)
    flow.child.work.counter = 1
    flow.list[0].counter = 1
    after = with_changes(before, flow.state)
    assert after["changes"] == {"x": {"from": {"k": [1]}, "to": {"k": [1, 2]}}}
    assert after["flows"]["child"]["works"]["work"]["changes"] == {"counter": {"from": 0, "to": 1}}
    assert after["structures"]["list"]["works"]["0"]["changes"] == {"counter": {"from": 0, "to": 1}}
    assert after["works"]["work"]["changes"] == {}


def test_statuses_that_are_gone_do_not_break_the_changes() -> None:
    flow = Holding()
    desk = within(flow)
    with pytest.raises(CallPending):
        flow.work.run()
    tell(flow.work, latest_key(desk), "running", "succeeded")
    long = flow.state
    flow.work._calls[latest_key(desk)]["statuses"] = flow.work._calls[latest_key(desk)]["statuses"][-1:]
    short = flow.state
    assert with_changes(long, short)["works"]["work"]["calls"] == short["works"]["work"]["calls"]
    flow.set_state(short)
    changes(flow)
    assert [status.stage for status in flow.work.statuses] == ["succeeded"]


def test_what_pages_see_is_strict_json() -> None:
    flow = Everything()
    flow.x = {"t": (1, float("nan")), "big": 1 << 80, 5: [True]}
    shown = flow._readable_()
    assert shown["vars"]["x"] == {"t": [1, "nan"], "big": str(1 << 80), "5": [True]}
    assert json.loads(json.dumps(shown, allow_nan=False)) == shown


# --- changes that travel ---------------------------------------------------------------------------------------------


def test_changes_made_in_one_process_are_made_in_the_other() -> None:
    here, there = Everything(), Everything()
    within(here)
    within(there)
    here.x["k"] += [2, (3,)]
    here.work.counter = 1
    here.child.work.counter = 2
    here.list[1].work.counter = 3
    here.dict["a"].counter = 4
    travelling = []
    for component, delta in here._tree_.collect():
        travelling += [[[*component._way_, *path], verb, value] for path, verb, value in delta]
    there.apply(json.loads(json.dumps(travelling)))
    assert there.state == here.state
    assert there.x["k"][-1] == (3,)
    assert changes(there) == {}, "what came from elsewhere is no change of this side"


def test_places_in_the_state_of_the_root() -> None:
    flow = Everything()
    assert flow.work._way_ == ("works", "work")
    assert flow.child.work._way_ == ("flows", "child", "works", "work")
    assert flow.list[0]._way_ == ("structures", "list", "works", "0")
    assert flow.dict["b"].work._way_ == ("structures", "dict", "flows", "b", "works", "work")


@pytest.mark.parametrize(
    "operation",
    [
        [["vars", "unknown"], "set", 1],
        [["works", "unknown", "vars", "counter"], "set", 1],
        [["flows", "work", "vars", "counter"], "set", 1],
        [["structures", "list", "works", "7", "vars", "counter"], "set", 1],
        [["calls", "fe3fa0f"], "set", {"ret": None}],
        [["works", "work", "calls", "latest_call_hash"], "set", "x"],
        [["vars"], "set", {}],
        [["__class__"], "set", 1],
        [["vars", "__dict__", "x"], "set", 1],
        [[], "set", 1],
        [["vars", "x", "k", 0, "deep"], "set", 1],
        [["vars", "x", "k"], "run", 1],
        ["vars", "set", 1],
        [["vars", "x"], "set", {"__kind__": "code", "text": "1"}],
        [["vars", "x"], "set", {"__kind__": "payload", "name": "x", "origin_name": "", "hash": "../secret"}],
        "x",
    ],
)
def test_unfit_changes_are_refused(operation: Any) -> None:
    flow = Everything()
    before = flow.state
    with pytest.raises(UnfitDelta):
        flow.apply([operation])
    assert flow.state == before


def test_attributes_are_not_taken_away_from_elsewhere() -> None:
    with pytest.raises(ForbiddenUpdate, match="A forbidden operation to update the work from the flow"):
        Counting()._take_([[["counter"], "del", None]])


def test_containers_of_a_running_work_are_replaced_not_changed() -> None:
    class Listing(Counting):
        def __init__(self) -> None:
            super().__init__()
            self.items = [[1], [2]]

    work = Listing()
    held, inner = work.items, work.items[0]
    work._take_([[["items"], "extend", [[3]]], [["items", 0], "extend", [9]]])
    assert work.items == [[1, 9], [2], [3]]
    assert held == [[1], [2]]
    assert inner == [1]


def test_assignments_are_told_at_once() -> None:
    told = []
    work = Counting()
    work._on_assign_ = lambda: told.append(work.counter)
    work.run()
    work.counter = 7
    work._private = 1
    assert told == [1, 7]


def test_a_change_right_after_a_child_is_made_is_not_missed() -> None:
    class Making(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.made: Any = None

        def run(self) -> None:
            if self.made is None:
                self.made = Counting(parallel=True)
                self.made.counter = 4

    flow = Making()
    within(flow)
    flow.run()
    (_, made), (second, changed) = flow._tree_.collect()
    assert [operation[0] for operation in made] == [["works", "made"]]
    assert (getattr(second, "name", ""), changed) == ("root.made", [[["vars", "counter"], "set", 4]])


# --- two lives of an app ---------------------------------------------------------------------------------------------


class Growing(Everything):
    """Makes more children in `run`."""

    def __init__(self) -> None:
        super().__init__()
        self.late: Any = None

    def run(self) -> None:
        if self.late is None:
            self.late = Holding(parallel=True)
            self.list.append(Counting(parallel=True))


def test_what_is_saved_is_plain_and_comes_back() -> None:
    first = Growing()
    desk = within(first)
    first.run()
    first.x = {"t": (1, 2)}
    first.late.work.counter = 5
    first.list[2].counter = 6
    first.late.work.run(1, 2)
    first.late.work.run(2, 1)
    keys = [asked[2] for asked in desk.asked]
    tell(first.late.work, keys[0], "running", "succeeded")
    first.list[2].stop()
    saved = json.loads(json.dumps(first._saved_()))

    second = Growing()
    attach(second, Tree())
    second._restore_(saved)
    second._tree_.backend = again = type(desk)()
    second.run()
    assert second.state == first.state
    assert second.x == {"t": (1, 2)}
    second.late.work.run(1, 2)
    second.late.work.run(2, 1)
    assert again.asked == []
    with pytest.raises(RuntimeError, match="has been stopped"):
        second.list[2].run(8)


def test_what_the_code_no_longer_has_is_left_out() -> None:
    saved = Everything()._saved_()
    saved["vars"]["gone"] = 1
    saved["works"]["gone"] = saved["works"]["work"]
    saved["vars"]["x"] = 5
    flow = Everything()
    flow._restore_(saved)
    assert flow.x == 5


def test_state_dicts_with_children_made_later() -> None:
    class Reloading(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.counter = 0
            self.child = Nested()
            self.w: Any = None

        def run(self) -> None:
            if self.w is None:
                self.w = Counting()

        def load_state_dict(self, flow_state: Any, children_states: Any, strict: bool = True) -> None:
            self.w = Counting()
            super().load_state_dict(flow_state, children_states, strict)

    class Forgetful(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.counter = 0
            self.child = Nested()

    flow = Reloading()
    flow.run()
    flow.counter, flow.w.counter, flow.child.counter, flow.child.work.counter = 1, 2, 3, 4
    own = flow.state_dict()
    assert (own["works"], own["flows"], own["structures"]) == ({}, {}, {})
    below = {"w": flow.w.state, "child": flow.child.state_dict(), "child.work": flow.child.work.state}

    twin = Reloading()
    own["vars"].pop("w", None)
    twin.load_state_dict(own, below)
    assert (twin.counter, twin.w.counter, twin.child.counter, twin.child.work.counter) == (1, 2, 3, 4)
    with pytest.raises(ValueError, match="The component w wasn't instantiated for the component root"):
        Forgetful().load_state_dict(own, below)
    lenient = Forgetful()
    lenient.load_state_dict(own, below, strict=False)
    assert lenient.child.work.counter == 4


# --- names -----------------------------------------------------------------------------------------------------------


def test_state_dicts_with_structures() -> None:
    class Structured(EmptyFlow):
        def __init__(self, more: bool = False) -> None:
            super().__init__()
            self.listed = List(Counting(), Holding())
            self.nested = Dict(a=List(Counting()))
            if more:
                self.extra = List(Counting())

    app, other = App(Structured()), App(Structured())
    for work in app.works:
        work.counter = 4  # type: ignore[attr-defined]
    other.load_state_dict(app.state_dict())
    assert [work.counter for work in other.works] == [4, 4, 4]  # type: ignore[attr-defined]
    state = App(Structured(more=True)).state_dict()
    other.load_state_dict(state, strict=False)
    assert [work.counter for work in other.works] == [0, 0, 0]  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match=r"extra\.0 wasn't instantiated for the component root"):
        other.load_state_dict(state)


def test_names_five_deep() -> None:
    flow = Nested(5)
    names = ["root.work"] + [f"root{'.child' * depth}.work" for depth in range(1, 6)]
    assert [name for name, _ in flow.named_works()] == names
    assert [work.name for work in flow.works()] == names
    assert [work.name for work in flow.works(recurse=False)] == ["root.work"]
    assert list(flow.flows) == [f"root{'.child' * depth}" for depth in range(1, 6)]
    assert get_component_by_name(flow, "root") is flow
    assert get_component_by_name(flow, "root.child.child.work") is flow.child.child.work


def test_children_have_their_names_while_init_runs() -> None:
    class Parent(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.list = List(Counting())
            self.work = Counting()
            assert self.work.name == "root.work"
            assert self.list[0].name == "root.list.0"
            self.list.append(Counting())
            assert self.list[1].name == "root.list.1"

    Parent()


@pytest.mark.parametrize(
    ("name", "error", "text"),
    [
        ("flow.work", ValueError, "Invalid component name flow.work. Name should start with 'root'"),
        ("root.x", AttributeError, "Component 'root' has no child component with name 'x'"),
        ("root.child.x", AttributeError, "Component 'root.child' has no child component with name 'x'"),
        ("root.work.x", AttributeError, "Component 'root.work' has no child component with name 'x'"),
        ("root.list.9", AttributeError, "Component 'root.list' has no child component with name '9'"),
        ("root.x.run", AttributeError, "Component 'root' has no child component with name 'x'"),
    ],
)
def test_unknown_names(name: str, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        get_component_by_name(Everything(), name)


def test_a_clock_of_the_app_stamps_what_works_record() -> None:
    flow, clock = Holding(parallel=True), Clock(1_600_000_000.5)
    within(flow, clock)
    flow.work.run()
    assert flow.work.status.timestamp == 1_600_000_000.5


def test_a_flow_outside_run_takes_no_children() -> None:
    flow: Flow = EmptyFlow()
    with pytest.raises(AttributeError, match="not defined in __init__: new"):
        flow.new = Counting()  # type: ignore[attr-defined]
    assert flow.works() == []
