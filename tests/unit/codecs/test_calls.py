"""The inputs of calls: places of results anywhere in them, one object where one was meant."""

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from manyhands.codecs import plain
from manyhands.codecs.calls import NO_INPUTS
from manyhands.codecs.kit import Kit
from manyhands.codecs.values import PICKLE
from manyhands.model.errors import DecodingError, EncodingError, PickleForbidden
from manyhands.model.values import Encoded
from manyhands.stores.blobs import MemoryBlobs


class Node:
    """Stands for the result of another call."""

    def __init__(self, index: int) -> None:
        self.index = index


def index_of(value: Any) -> int | None:
    return value.index if isinstance(value, Node) else None


def again(kit: Kit, args: tuple[Any, ...], kwargs: dict[str, Any], results: list[Any]) -> tuple[str, Any, Any]:
    encoded = kit.calls.encode(args, kwargs, index_of, "an argument of f")
    found_args, found_kwargs = kit.calls.decode(encoded, results, "the inputs of f")
    return encoded.codec, tuple(found_args), found_kwargs


leaves = some.none() | some.integers() | some.text(max_size=5) | some.builds(Node, some.integers(0, 3))
trees = some.recursive(
    leaves,
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.text(max_size=3), inner, max_size=3)
        | some.tuples(inner, inner)
        | some.dictionaries(some.integers(), inner, max_size=2)
    ),
    max_leaves=15,
)


def filled(tree: Any, results: list[Any]) -> Any:
    if isinstance(tree, Node):
        return results[tree.index]
    if isinstance(tree, (list, tuple)):
        return type(tree)(filled(item, results) for item in tree)
    if isinstance(tree, dict):
        return {key: filled(item, results) for key, item in tree.items()}
    return tree


@given(some.lists(trees, max_size=3), some.dictionaries(some.text(max_size=3), trees, max_size=2))
def test_results_come_in_their_places(args: list[Any], kwargs: dict[str, Any]) -> None:
    results = ["zero", {"one": 1}, (2,), None]
    _, found_args, found_kwargs = again(Kit(MemoryBlobs()), tuple(args), kwargs, results)
    assert found_args == filled(tuple(args), results)
    assert found_kwargs == filled(kwargs, results)


def test_no_inputs(kit: Kit) -> None:
    assert kit.calls.encode((), {}, index_of, "x") is NO_INPUTS
    assert again(kit, (), {}, []) == (plain.CODEC, (), {})


def test_plain_calls_are_kept_readable(kit: Kit) -> None:
    node = Node(0)
    codec, args, kwargs = again(kit, (1, [node, {"deep": node}]), {"k": node}, [{"r": 1}])
    assert codec == plain.CODEC
    assert args[1][0] is args[1][1]["deep"] is kwargs["k"]


def test_places_in_what_is_pickled(kit: Kit) -> None:
    node = Node(1)

    @dataclass
    class Box:
        inside: Any

    codec, args, _ = again(kit, (Box(node), {node}, (node,)), {}, ["zero", "one"])
    assert codec == PICKLE
    assert args[0].inside == "one"
    assert args[1:] == ({"one"}, ("one",))


def test_shared_arguments_stay_shared(kit: Kit) -> None:
    shared = [Node(0)]
    _, args, _ = again(kit, (shared, shared), {}, [1])
    assert args[0] is args[1]
    assert args[0] == [1]


def test_large_inputs_go_to_the_blobs(kit: Kit) -> None:
    encoded = kit.calls.encode(("x" * 100_000,), {}, index_of, "x")
    assert encoded.blob is not None
    assert kit.calls.decode(encoded, [], "x")[0][0] == "x" * 100_000


def test_the_argument_that_cannot_be_saved_is_named(kit: Kit) -> None:
    with pytest.raises(EncodingError, match="an argument of f is a generator"):
        kit.calls.encode((1, (item for item in "x")), {"k": {1}}, index_of, "an argument of f")


def test_without_pickle(plain_kit: Kit) -> None:
    assert again(plain_kit, ([Node(0)],), {}, [7])[1] == ([7],)
    with pytest.raises(PickleForbidden):
        plain_kit.calls.encode(({1},), {}, index_of, "an argument of f")


def test_inputs_that_cannot_be_loaded(kit: Kit) -> None:
    with pytest.raises(DecodingError, match="the inputs of f"):
        kit.calls.decode(Encoded(PICKLE, b"junk", None, 4), [], "the inputs of f")
    missing = kit.calls.encode((Node(5),), {}, index_of, "x")
    with pytest.raises(DecodingError):
        kit.calls.decode(missing, ["only one"], "the inputs of f")
