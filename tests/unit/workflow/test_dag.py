"""Graphs made by `.bind()`: where inputs go, what is refused, and the order of names. Nothing runs here."""

from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from manyhands import workflow
from manyhands.codecs.kit import Kit
from manyhands.stores.blobs import MemoryBlobs
from manyhands.workflow import InputNode
from manyhands.workflow.dag import nodes_in
from manyhands.workflow.graph import output_of, plan


@workflow.step
def first(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


@workflow.step(name="second")
def second(*args: Any) -> Any:
    return args


def arguments(place: Any, *args: Any, **kwargs: Any) -> Any:
    """What a place for input becomes."""
    return workflow.create(first.bind(place), *args, **kwargs).args[0]


def test_one_argument_is_the_input() -> None:
    with InputNode() as given:
        assert arguments(given, 5) == 5
        assert arguments(given[0], 5) == 5
        assert arguments(given[1], ["a", "b"]) == "b"
        assert arguments(given["k"], {"k": 7}) == 7
        assert arguments(given.k, {"k": 7}) == 7
        assert arguments(given.real, 3 + 4j) == 3


def test_several_arguments_are_parts_of_the_input() -> None:
    with InputNode() as given:
        assert arguments(given[1], "a", "b") == "b"
        assert arguments(given.k, "a", k="b") == "b"
        assert arguments(given["k"], k="b") == "b"
        assert arguments(given.k[0].imag, k=[2j]) == 2
        assert (arguments(given, "a", k="b")[0], arguments(given, "a", k="b").k) == ("a", "b")


def test_places_inside_containers_are_filled_and_the_graph_is_left_alone() -> None:
    with InputNode() as given:
        dag = first.bind([given[0], {"k": (given[1], {given[0]})}], second.bind(given[1]))
    bound = workflow.create(dag, 1, 2)
    assert bound.args[0] == [1, {"k": (2, {1})}]
    assert bound.args[1].args == (2,)
    assert workflow.create(dag, 3, 4).args[1].args == (4,)
    assert type(dag.args[0][0]) is type(given[0])


class Tagged(dict[str, Any]):
    """A dictionary of a user's own, made with an argument."""

    def __init__(self, tag: str) -> None:
        super().__init__()
        self.tag = tag


class Pair(NamedTuple):
    left: Any
    right: Any


@dataclass
class Flight:
    number: Any


def test_places_inside_containers_of_other_types_are_filled() -> None:
    with InputNode() as given:
        tagged = Tagged("t")
        tagged["k"] = second.bind(given)
        ordered = OrderedDict(z=given, a=1)
        counting = defaultdict(list, k=[given])
        dag = first.bind(ordered, counting, Pair(1, second.bind(given)), tagged)
    bound = workflow.create(dag, 5).args
    assert bound[0] == OrderedDict(z=5, a=1)
    assert bound[1] == {"k": [5]}
    assert bound[1]["new"] == []
    assert (bound[2].left, bound[2].right.args) == (1, (5,))
    assert (type(bound[3]), bound[3].tag, bound[3]["k"].args) == (Tagged, "t", (5,))
    assert [type(one) for one in bound[:3]] == [OrderedDict, defaultdict, Pair]
    assert ordered["z"] is given
    assert tagged["k"].args == (given,)


def test_a_place_inside_another_object_is_refused() -> None:
    with InputNode() as given:
        with pytest.raises(TypeError, match="input stands inside a Flight, where places are not looked for"):
            workflow.create(first.bind(given, [Flight(given)]), 5)
        hidden = workflow.create(first.bind(given, Flight([given.k])), 5)
    with pytest.raises(ValueError, match=r"place for input\.k, .* not inside other objects"):
        plan(hidden, Kit(MemoryBlobs()))


def test_a_shared_node_stays_shared() -> None:
    with InputNode() as given:
        shared = second.bind(given)
        dag = first.bind(shared, [shared])
    bound = workflow.create(dag, 1)
    assert bound.args[0] is bound.args[1][0]
    assert bound.args[0] is not shared


def test_a_graph_without_inputs_is_used_as_it_is() -> None:
    dag = first.bind(second.bind([1, 2]))
    assert workflow.create(dag) is dag


def test_a_deep_graph_needs_no_stack_and_shared_nodes_no_time() -> None:
    with InputNode() as given:
        node = second.bind(given)
    for _ in range(3000):
        node = second.bind(node, node)
    assert len(plan(workflow.create(node, 1), Kit(MemoryBlobs()))) == 3001


def test_what_is_no_graph_is_refused() -> None:
    for wrong in (3, None, first, [first.bind()]):
        with pytest.raises(TypeError, match="no graph of steps"):
            workflow.create(wrong)
        with pytest.raises(TypeError, match="no graph of steps"):
            workflow.continuation(wrong)


def test_inputs_that_do_not_fit_are_refused() -> None:
    with InputNode() as given:
        dag = first.bind(given.k)
    with pytest.raises(TypeError, match="no places for inputs"):
        workflow.create(first.bind(), 1)
    with pytest.raises(ValueError, match=r"place for input\.k, which was not given"):
        workflow.create(dag)
    with pytest.raises(TypeError, match=r"input\.k, which is not among what it was given"):
        workflow.create(dag, j=1)
    with pytest.raises(TypeError, match="cannot be iterated over"):
        list(given)


def test_arguments_are_checked_when_they_are_bound() -> None:
    @workflow.step
    def one(a: int) -> int:
        return a

    with pytest.raises(TypeError, match="missing a required argument: 'a'"):
        one.bind()


def named(root: Any) -> list[str]:
    specs = plan(root, Kit(MemoryBlobs()))
    assert specs[output_of(root, specs)].base == root.function.base
    return [spec.base for spec in specs]


def test_names_are_given_to_inputs_first_where_nodes_are_bound() -> None:
    def step(name: str) -> Any:
        return second.options(name=name)

    def graph(how: str) -> Any:
        a, b, c = (getattr(step(name), how) for name in "abc")
        shared = a()
        return getattr(step("root"), how)(b(shared), [c(), shared])

    assert named(graph("bind")) == ["a", "b", "c", "root"]
    assert named(graph("step")) == ["root", "b", "a", "c"] or named(graph("step")) == ["root", "b", "c", "a"]


def test_a_place_inside_a_container_of_a_bound_node_is_a_reference() -> None:
    kit = Kit(MemoryBlobs())
    specs = plan(first.bind(second.bind(), [second.bind()]), kit)
    root = specs[-1]
    assert kit.calls.decode(root.inputs, Places(), "") == [["value 0", ["reference 1"]], {}]
    specs = plan(first.step(second.step(), [second.step()]), kit)
    assert kit.calls.decode(specs[0].inputs, Places(), "") == [["value 0", ["value 1"]], {}]


class Places(list[Any]):
    def __init__(self) -> None:
        super().__init__([0])  # not empty

    def __getitem__(self, position: Any) -> str:
        return f"value {position}" if position >= 0 else f"reference {~position}"


def test_nodes_are_found_in_plain_containers_once() -> None:
    one, two = first.bind(), second.bind()
    loop: list[Any] = [one, {"k": (two,)}]
    loop.append(loop)
    assert list(nodes_in(loop)) == [one, two]
    assert list(nodes_in([OrderedDict(k=one), Pair(1, two), Flight(one)])) == [one, two]


def test_options_replace_what_was_before() -> None:
    changed = workflow.options(task_id="a", metadata={"k": 1}, catch_exceptions=True)(second)
    assert (changed.label, changed.settings.metadata, changed.settings.catch_exceptions) == ("a", {"k": 1}, True)
    again = changed.options(**workflow.options(metadata={"j": 2}), num_cpus=2)
    assert (again.label, again.settings.metadata) == ("a", {"j": 2})
    assert again.settings.ray_options == {"num_cpus": 2}
    assert again.options(metadata={"k": 3}).settings.metadata == {"j": 2, "k": 3}


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"nonsense": 1}, "Unknown option 'nonsense'"),
        ({"task_id": "a", "name": "b"}, "one option under two names"),
        ({"max_retries": 0}, "greater or equal to 1"),
        ({"metadata": "x"}, "metadata must be a dict"),
        ({"checkpoint": 1}, "checkpoint"),
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        workflow.options(**wrong)


def test_options_decorate_steps_only() -> None:
    with pytest.raises(TypeError, match="stands above"):
        workflow.options(task_id="a")(print)
