"""What may be an attribute of a flow or work, where it may be set, and what is said when it may not."""

import copy
import pickle
from abc import ABC, abstractmethod
from collections import Counter, OrderedDict
from dataclasses import dataclass
from pathlib import Path as PlainPath
from typing import Any

import pytest

from manyhands.app.flow import Flow
from manyhands.app.storage import Path, Payload
from manyhands.app.structures import Dict, List
from manyhands.app.work import Work
from tests.unit.app.doubles import Counting, EmptyFlow, Holding, changes, within


class Plain(Work):
    def __init__(self, **values: Any) -> None:
        super().__init__()
        for name, value in values.items():
            setattr(self, name, value)

    def run(self) -> None:
        pass


class PlainFlow(EmptyFlow):
    def __init__(self, **values: Any) -> None:
        super().__init__()
        for name, value in values.items():
            setattr(self, name, value)


both = pytest.mark.parametrize("kind", [Plain, PlainFlow])


def test_a_work_without_run_cannot_be_made() -> None:
    class Lazy(Work):
        pass

    with pytest.raises(TypeError, match=r"The work `.*Lazy` is missing the `run\(\)` method"):
        Lazy()


def test_a_work_may_have_its_run_from_a_mixin() -> None:
    class Runs:
        def run(self) -> None:
            self.done = True

    class Mixed(Runs, Work):
        def __init__(self) -> None:
            super().__init__()
            self.done = False

    work = Mixed()
    work.run()
    assert work.done is True


@pytest.mark.parametrize("make", [Counting, EmptyFlow, lambda: List(Counting()), lambda: [Counting()]])
def test_a_work_takes_no_children(make: Any) -> None:
    with pytest.raises(TypeError, match="isn't allowed to take any children"):
        Plain(child=make())


@pytest.mark.parametrize("base", [Work, Flow])
def test_without_init_of_the_base_there_is_a_hint(base: Any) -> None:
    class First(base):  # type: ignore[misc]
        def __init__(self) -> None:
            self.x = 1

        def run(self) -> None:
            pass

    class Silent(base):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

        def run(self) -> None:
            pass

    for kind in (First, Silent):
        with pytest.raises(AttributeError, match=r"Did you forget to call super\(\).__init__\(\)"):
            kind()


@both
@pytest.mark.parametrize("name", ["x", "flow", "work", "run"])
def test_no_new_attributes_outside_init(kind: Any, name: str) -> None:
    values = {"x": 1, "flow": EmptyFlow(), "work": Counting(), "run": lambda: None}
    component = kind()
    with pytest.raises((AttributeError, TypeError), match=name) as caught:
        setattr(component, name, values[name])
    assert name not in component.state_vars["vars"]
    if kind is PlainFlow:
        assert "Cannot set attributes that were not defined in __init__" in str(caught.value)


def test_reserved_names_may_be_set_outside() -> None:
    work = Plain()
    work._name = "root.other"
    work._changes = {"x": 1}
    proxy = Counting().run
    work.run = proxy
    assert (work.name, work._changes, work.run) == ("root.other", {"x": 1}, proxy)


@pytest.mark.parametrize("base", [Work, Flow])
def test_helpers_that_init_calls_may_set_attributes(base: Any) -> None:
    class Helped(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.one = 1
            self.help()

        def help(self) -> None:
            self.two = 2

        def run(self) -> None:
            pass

    class More(Helped):
        def __init__(self) -> None:
            super().__init__()
            self.three = 3

    component = More()
    assert [component.state["vars"][name] for name in ("one", "two", "three")] == [1, 2, 3]
    with pytest.raises(AttributeError, match="not defined in __init__: four"):
        component.four = 4


def test_after_an_init_that_raises_attributes_are_closed_again() -> None:
    class Failing(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            raise ValueError

    flow = Failing.__new__(Failing)
    with pytest.raises(ValueError):
        flow.__init__()  # type: ignore[misc]
    with pytest.raises(AttributeError, match="not defined in __init__: x"):
        flow.x = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "value"), [("work", Counting()), ("flow", EmptyFlow()), ("work", 1), ("flow", None)])
def test_children_cannot_be_replaced(name: str, value: Any) -> None:
    class Parent(Flow):
        def __init__(self) -> None:
            super().__init__()
            self.work = Counting()
            self.flow = EmptyFlow()

        def run(self) -> None:
            self.work = self.work
            setattr(self, name, value)

    with pytest.raises(AttributeError, match=f"Cannot set attributes as the {name} can't be changed once defined"):
        Parent().run()


@dataclass
class Point:
    x: int = 0


@both
@pytest.mark.parametrize(
    "value", [{1}, lambda: 1, Point(), b"x", object(), [1, {"a": {2}}], {"a": [Point()]}, {(1,): 2}]
)
def test_only_plain_values_are_attributes(kind: Any, value: Any) -> None:
    with pytest.raises(AttributeError, match=r"Only JSON-serializable attributes are currently supported.*`.*x"):
        kind(x=value)


def test_what_is_wrong_inside_a_value_is_named() -> None:
    with pytest.raises(AttributeError, match=r"`x\[1\]\['a'\]` is a Point"):
        PlainFlow(x=[0, {"a": Point()}])


@both
def test_addresses_become_paths(kind: Any, tmp_path: PlainPath, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_ROOT_DIR", str(tmp_path))
    component = kind(path="lit://a/b", text="lit:/a", later="")
    assert isinstance(component.path, Path)
    assert str(component.path) == str(tmp_path / "a/b")
    assert component.text == "lit:/a"
    component.later = "lit://c"
    assert isinstance(component.later, Path)
    component.later = "plain"
    assert component.later == "plain"


@pytest.mark.parametrize("value", [None, "text", [1]])
def test_what_is_no_path_any_more_is_no_path(value: Any) -> None:
    class Has(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.path: Any = Path("a")
            self.other = Path("b")

    flow = Has()
    within(flow)
    assert sorted(flow._paths) == ["other", "path"]
    flow.path = value
    assert sorted(flow._paths) == ["other"]
    changed = {tuple(path): verb for path, verb, _ in changes(flow)["root"]}
    assert changed == {("vars", "path"): "set", ("vars", "_paths"): "set"}


def test_what_contains_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    flow = Counting()
    with pytest.raises(AttributeError, match="`counter` is a list that contains itself"):
        flow.counter = endless  # type: ignore[assignment]


def test_a_component_among_plain_values_is_named() -> None:
    class Mixed(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.mixed = [Counting(), 1]

    with pytest.raises(AttributeError, match=r"`mixed\[0\]` is a Counting, and components stand in a list or dict of"):
        Mixed()


def test_settings_of_other_places_are_kept() -> None:
    work = Plain()
    work.local_build_config = {"image": "a"}
    work.cloud_build_config = "b"
    work.cloud_compute = "gpu"
    assert (work.local_build_config, work.cloud_build_config, work.cloud_compute) == ({"image": "a"}, "b", "gpu")


def test_the_url_is_empty_before_the_work_runs() -> None:
    work = Counting(host="127.0.0.1", port=8000)
    assert work._url == work.url == ""
    assert work.state["vars"]["_port"] == 8000
    assert work.internal_ip == work.public_ip == ""


def test_a_port_is_chosen_when_it_is_asked_for() -> None:
    work = Counting()
    assert work._port is None
    assert 0 < work.port < 65536
    assert work.port == work._port


def test_the_display_name_is_fixed_by_the_start() -> None:
    flow = Holding(parallel=True)
    within(flow)
    flow.work.display_name = "A"
    flow.work.display_name = "B"
    flow.work.run()
    flow.work.display_name = "B"
    with pytest.raises(RuntimeError, match="can be set only before the work has started"):
        flow.work.display_name = "C"
    assert flow.work.display_name == "B"


@both
@pytest.mark.parametrize(
    "name", ["_seen", "_tree", "_way", "_vars", "_record", "_key", "_stopped", "_timeout", "_state"]
)
def test_private_names_are_the_users(kind: Any, name: str) -> None:
    component = kind(x=1, **{name: [1]})
    component.x = 2
    assert component.state["vars"]["x"] == 2
    assert getattr(component, name) == [1]
    assert name not in component.state["vars"]


@both
def test_private_attributes_are_no_state(kind: Any) -> None:
    component = kind(_secret=object(), __more=1, x=1)
    component._late = {1, 2}
    shown = component.state_vars["vars"]
    assert not {"_secret", "__more", "_late"} & set(shown)
    assert component._late == {1, 2}
    assert shown["x"] == 1


@pytest.mark.parametrize("base", [Work, Flow])
def test_setters_of_users_are_honoured(base: Any) -> None:
    class Guarded(base):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self._level = 0

        @property
        def level(self) -> int:
            return self._level

        @level.setter
        def level(self, level: int) -> None:
            self._level = max(0, level)

        def run(self) -> None:
            pass

    component = Guarded()
    component.level = -3
    assert component.level == 0
    component.level = 4
    assert component.level == 4
    assert "level" not in component.state["vars"]


def test_all_supported_kinds_change_by_assignment() -> None:
    flow = PlainFlow(a=None, b=0, c=0.0, d="", e=(), f=[], g={}, h=False)
    within(flow)
    new: dict[str, Any] = {
        "a": 1, "b": 1 << 70, "c": float("inf"), "d": "d", "e": (1, (2,)), "f": [1], "g": {"x": 1, 2: "y"}, "h": True,
    }  # fmt: skip
    for name, value in new.items():
        setattr(flow, name, value)
        assert len(changes(flow)["root"]) == 1
        setattr(flow, name, copy.deepcopy(value))
        assert changes(flow) == {}
    assert {name: flow.state["vars"][name] for name in new} == new


@pytest.mark.parametrize(("before", "after"), [(1, 1.0), (1, True), (0.0, False), ((1,), [1]), ([1], [True]), ("1", 1)])
def test_a_change_of_kind_is_a_change(before: Any, after: Any) -> None:
    flow = PlainFlow(x=before)
    within(flow)
    flow.x = after
    assert len(changes(flow)["root"]) == 1


def test_changes_in_place_are_seen() -> None:
    flow = PlainFlow(a=[[1], {"k": [2]}], b={"x": {"y": 1}}, c=Counter("a"), d=OrderedDict(z=1))
    within(flow)
    assert changes(flow) == {}
    flow.a[1]["k"].append(3)
    assert changes(flow) == {"root": [[["vars", "a", 1, "k"], "extend", [3]]]}
    flow.b["x"]["y"] = 2
    assert changes(flow) == {"root": [[["vars", "b", "x", "y"], "set", 2]]}
    flow.c["a"] += 1
    assert changes(flow) == {"root": [[["vars", "c", "a"], "set", 2]]}
    del flow.d["z"]
    assert changes(flow) == {"root": [[["vars", "d", "z"], "del", None]]}
    assert changes(flow) == {}


def test_what_is_put_in_place_and_unfit_is_named() -> None:
    flow = PlainFlow(a=[1])
    within(flow)
    flow.a.append({1})
    with pytest.raises(AttributeError, match=r"`a\[1\]` is a set"):
        changes(flow)


def test_an_object_that_describes_itself_is_plain() -> None:
    class Described:
        def __json__(self) -> Any:
            return {"a": [1]}

    work = Plain(x=Described())
    assert work._vars_()["x"] == {"a": [1]}


def test_an_attribute_that_becomes_a_child_leaves_the_state() -> None:
    class Later(EmptyFlow):
        def __init__(self) -> None:
            super().__init__()
            self.work: Any = None
            self.flow: Any = [1]

        def run(self) -> None:
            if self.work is None:
                self.work = Counting()
                self.flow = EmptyFlow()

    flow = Later()
    within(flow)
    flow.run()
    assert not {"work", "flow"} & set(flow.state["vars"])
    assert set(flow.state["works"]) == {"work"}
    assert set(flow.state["flows"]) == {"flow"}
    found = changes(flow)["root"]
    assert [operation[0] for operation in found] == [["works", "work"], ["flows", "flow"]]
    assert changes(flow) == {}


def test_a_component_has_one_place() -> None:
    work = Counting()
    with pytest.raises(ValueError, match="has one place in the app"):
        PlainFlow(a=work, b=work)


def test_payloads_are_for_run_alone() -> None:
    with pytest.raises(AttributeError, match="`x` is a Payload, which only `run` may assign"):
        Plain(x=Payload(1))


def test_state_attributes_are_not_deleted() -> None:
    flow = PlainFlow(x=1, _y=2)
    with pytest.raises(AttributeError, match="set it to None"):
        del flow.x
    del flow._y
    assert not hasattr(flow, "_y")


def test_children_are_not_deleted() -> None:
    flow = Holding()
    with pytest.raises(AttributeError, match="the work can't be changed once defined: work"):
        del flow.work
    assert flow.works() == [flow.work]


@pytest.mark.parametrize("name", ["works", "stop", "set_state"])
def test_what_would_hide_a_method_of_a_flow_is_refused(name: str) -> None:
    for value in (1, Dict(), Counting()):
        with pytest.raises(AttributeError, match=rf"`PlainFlow\.{name}` would hide the method `{name}` of `Flow`"):
            PlainFlow(**{name: value})


@pytest.mark.parametrize("name", ["start", "on_exit", "apply"])
def test_what_would_hide_a_method_of_a_work_is_refused(name: str) -> None:
    with pytest.raises(AttributeError, match=rf"`Plain\.{name}` would hide the method `{name}` of `Work`"):
        Plain(**{name: 1})


def test_abstract_classes_and_other_bases_go_together() -> None:
    class Task(Work, ABC):
        @abstractmethod
        def run(self) -> None: ...

    class Done(Task):
        def run(self) -> None:
            pass

    assert Done().parallel is False


@both
def test_a_component_is_copied_and_pickled_whole(kind: Any) -> None:
    component = kind(x=[1], y=2, _z=3)
    for twin in (copy.deepcopy(component), pickle.loads(pickle.dumps(component))):
        assert twin.state == component.state
        assert twin._z == 3
        twin.x.append(2)
        twin.y = 5
        assert component.x == [1]
        with pytest.raises(AttributeError):
            twin.w = 1


def test_a_flow_is_copied_with_its_children() -> None:
    twin = pickle.loads(pickle.dumps(copy.deepcopy(Family())))
    names = ["root.work", "root.more.0", "root.more.1", "root.named.a.work"]
    assert [work.name for work in twin.works()] == names
    twin.work.run()
    assert twin.work.counter == 1
    twin.more[1].counter = 7
    assert twin.state["structures"]["more"]["works"]["1"]["vars"]["counter"] == 7


class Family(EmptyFlow):
    def __init__(self) -> None:
        super().__init__()
        self.work = Counting()
        self.more = List(Counting(), Counting())
        self.named = Dict(a=Holding())
