"""Attributes whose kind plain data forgets are of that kind again when they come back."""

from collections import Counter, OrderedDict, defaultdict, namedtuple
from enum import StrEnum
from typing import Any, NamedTuple

import cloudpickle
import pytest

from tests.unit.app.doubles import EmptyFlow, Work, changes, within


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Point(NamedTuple):
    x: int
    y: int


Pair = namedtuple("Pair", "one other")


def grown() -> dict[str, Any]:
    nested: Any = defaultdict(lambda: defaultdict(int))
    nested["a"]["b"] += 1
    return {
        "counter": Counter(a=2),
        "default": defaultdict(list, a=[1]),
        "counters": defaultdict(Counter, a=Counter(b=1)),
        "nested": nested,
        "ordered": OrderedDict(b=1, a=2),
        "colour": Colour.BLUE,
        "point": Point(3, 4),
        "pair": Pair(1, 2),
    }


def young() -> dict[str, Any]:
    return {
        "counter": Counter(),
        "default": defaultdict(list),
        "counters": defaultdict(Counter),
        "nested": defaultdict(lambda: defaultdict(int)),
        "ordered": OrderedDict(),
        "colour": Colour.RED,
        "point": Point(0, 0),
        "pair": Pair(0, 0),
    }


class Keeps(EmptyFlow):
    def __init__(self, **values: Any) -> None:
        super().__init__()
        for name, value in values.items():
            setattr(self, name, value)


class Works(Work):
    def __init__(self, **values: Any) -> None:
        super().__init__()
        for name, value in values.items():
            setattr(self, name, value)

    def run(self) -> None:
        """Never run here."""


def kinds(component: Any) -> list[type]:
    return [
        *[type(getattr(component, name)) for name in young()],
        *[type(part["a"]) for part in (component.default, component.counters, component.nested)],
    ]


def test_what_was_kept_is_of_its_kind_again() -> None:
    kept = Keeps(**grown())._saved_()
    flow = Keeps(**young())
    within(flow)
    flow._restore_(kept)
    assert kinds(flow) == kinds(Keeps(**grown()))
    assert flow.state_vars == Keeps(**grown()).state_vars
    assert changes(flow) == {}


def test_what_is_changed_in_place_after_that_is_told() -> None:
    flow = Keeps(**young())
    within(flow)
    flow._restore_(Keeps(**grown())._saved_())
    flow.counter["new"] += 1
    flow.default["new"].append(5)
    flow.counters["new"]["x"] += 1
    assert sorted(changes(flow)["root"], key=repr) == [
        [["vars", "counter", "new"], "set", 1],
        [["vars", "counters", "new"], "set", {"x": 1}],
        [["vars", "default", "new"], "set", [5]],
    ]


def test_a_work_has_in_its_process_what_it_was_made_with() -> None:
    told = Works(**grown())._vars_()
    inside = cloudpickle.loads(cloudpickle.dumps(Works(**young())))
    inside._enter_(told)
    inside.counter["new"] += 1
    inside._take_([[["counter"], "set", {"z": 1}]])
    inside.counter["new"] += 1
    assert inside.counter == Counter(z=1, new=1)
    assert kinds(inside) == kinds(Works(**grown()))


def test_what_does_not_fit_the_kind_stays_plain() -> None:
    flow = Keeps(**young())
    within(flow)
    flow.apply([[["vars", name], "set", [1]] for name in young()])
    assert all(type(getattr(flow, name)) is list for name in young())
    flow.apply([[["vars", "point"], "set", {"__kind__": "tuple", "items": [1, 2, 3]}]])
    assert flow.point == (1, 2, 3)


@pytest.mark.parametrize("value", ["green", 5, None])
def test_what_is_no_member_stays_plain(value: Any) -> None:
    flow = Keeps(**young())
    within(flow)
    flow.apply([[["vars", "colour"], "set", value]])
    assert flow.colour == value
