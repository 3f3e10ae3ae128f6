"""Graphs of calls as the engine's specifications."""

import copy
import pickle
from typing import Any

import pytest

from manyhands import workflow
from manyhands.codecs.kit import Kit
from manyhands.model.errors import FingerprintError
from manyhands.stores.blobs import MemoryBlobs
from manyhands.workflow.graph import Node, NotSerializable, plan


@workflow.step
def join(*values: Any, **named: Any) -> Any:
    return values, named


def leaf(name: str) -> Node:
    return join.options(name=name).step()


@pytest.fixture
def kit() -> Kit:
    return Kit(MemoryBlobs())


def shape(root: Node, kit: Kit) -> list[tuple[str, list[int]]]:
    return [(spec.base, spec.upstreams) for spec in plan(root, kit)]


def test_root_first_then_breadth_first(kit: Kit) -> None:
    a, b = leaf("a"), leaf("b")
    c = join.options(name="c").step(leaf("d"), leaf("e"))
    root = join.options(name="root").step(a, [c, {"k": b}])
    assert shape(root, kit) == [("root", [1, 2, 3]), ("a", []), ("c", [4, 5]), ("b", []), ("d", []), ("e", [])]


def test_a_shared_node_is_planned_once(kit: Kit) -> None:
    shared = leaf("shared")
    root = join.options(name="root").step(shared, join.options(name="other").step(shared), shared)
    assert shape(root, kit) == [("root", [1, 2]), ("shared", []), ("other", [1])]


def test_a_deep_chain_needs_no_stack(kit: Kit) -> None:
    chain = leaf("0")
    for _ in range(5000):
        chain = join.step(chain)
    specs = plan(chain, kit)
    assert len(specs) == 5001
    assert all(spec.upstreams == [index + 1] for index, spec in enumerate(specs[:-1]))


def test_one_function_is_saved_once(kit: Kit) -> None:
    specs = plan(join.step(join.step(), join.step()), kit)
    assert len({spec.code for spec in specs}) == 1


def test_what_a_specification_holds(kit: Kit) -> None:
    step = join.options(name="Näme of it", metadata={"k": 1}, max_retries=4)
    (spec,) = plan(step.step(1), kit)
    assert (spec.label, spec.base) == ("Näme of it", "Näme of it")
    assert spec.metadata == {"k": 1}
    assert spec.options.attempts == 4
    assert spec.function_key is None


def test_an_empty_name_is_the_default(kit: Kit) -> None:
    (spec,) = plan(join.options(name="").step(), kit)
    assert spec.label == spec.base == f"{__name__}.join"


def test_cached_steps_carry_their_functions_key(kit: Kit) -> None:
    cached = join.options(cache=True)
    one, two = (plan(cached.step(value), kit)[0].function_key for value in (1, 2))
    assert one == two is not None
    with pytest.raises(FingerprintError):
        plan(cached.step(object()), kit)
    assert plan(cached.step(join.step()), kit)[0].function_key == one


@pytest.mark.parametrize("use", [pickle.dumps, copy.deepcopy, copy.copy])
def test_a_node_is_no_value(use: Any) -> None:
    with pytest.raises(NotSerializable, match="not serializable"):
        use(leaf("a"))
