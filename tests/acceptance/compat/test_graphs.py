"""Graphs of bound functions, by steps and by remote functions, as workflows and as plain calls."""

from pathlib import Path
from typing import Any

import numpy
import pytest

import manyhands
from manyhands import workflow
from manyhands.compat import ray
from manyhands.workflow import InputNode
from tests.acceptance.kit import Place, note, noted, tally


def both(function: Any) -> tuple[Any, Any]:
    """A function as a step, and as a remote function."""
    return workflow.step(function), ray.remote(function)


def begin(x: float, pos: float, a: float) -> float:
    return x * a + pos


def left(x: float, c: str, a: float) -> str:
    return f"left({x}, {c}, {a})"


def right(x: float, b: str, pos: float) -> str:
    return f"right({x}, {b}, {pos})"


def end(one: str, other: str, b: str) -> str:
    return f"{one},{other};{b}"


def diamond(make: Any) -> Any:
    first, a, b, last = (make(function) for function in (begin, left, right, end))
    with InputNode() as given:
        root = first.bind(2, given[1], a=given.a)
        return last.bind(a.bind(root, "hello", given.a), b.bind(root, b=given.b, pos=given[0]), b=given.b)


EXPECTED = "left(23.14, hello, 10),right(23.14, ok, 2);ok"


@pytest.mark.parametrize("make", [workflow.step, ray.remote])
def test_a_diamond_with_inputs(place: Place, make: Any) -> None:
    """Scenario 126."""
    dag = diamond(make)
    assert workflow.run(dag, 2, 3.14, a=10, b="ok") == EXPECTED
    assert workflow.create(dag, 2, 3.14, a=10, b="ok").run("made") == EXPECTED
    assert ray.get(workflow.run_async(dag, 2, 3.14, a=10, b="ok", workflow_id="async")) == EXPECTED
    assert ray.get(dag.execute(2, 3.14, a=10, b="ok")) == EXPECTED
    assert len(workflow.list_all()) == 3
    with pytest.raises(ValueError, match="which was not given"):
        workflow.run(dag)
    with pytest.raises(TypeError, match="no graph of steps"):
        workflow.run(ray.remote(begin).remote(1, 2, 3))


def test_options_of_a_graph_are_kept(place: Place) -> None:
    """Scenario 127."""
    function = ray.remote(num_gpus=0, num_cpus=1, resources={"here": 1})(lambda: 5)
    assert workflow.run(function.options(name="f").bind(), workflow_id="options") == 5
    kept = workflow.get_metadata("options", "f")["step_options"]["ray_options"]
    assert kept == {"num_gpus": 0, "num_cpus": 1, "resources": {"here": 1}}


def test_a_large_value_is_kept_once(place: Place) -> None:
    """Scenarios 128 and 85: twenty references to one object."""
    reference = ray.put(numpy.ones(50_000))

    def total(*parts: Any) -> float:
        return float(sum(ray.get(part).sum() if isinstance(part, ray.ObjectRef) else part.sum() for part in parts))

    step, remote = both(total)
    blobs = Path(place.folder, "blobs")
    before = sum(path.stat().st_size for path in blobs.rglob("*") if path.is_file())
    assert workflow.run(remote.bind(*[reference] * 20)) == 1_000_000
    assert step.step(*[reference] * 20).run() == 1_000_000
    after = sum(path.stat().st_size for path in blobs.rglob("*") if path.is_file())
    assert after - before < 400_000


def test_one_dictionary_of_references_in_several_runs(place: Place) -> None:
    """Scenarios 129 and 86."""

    @ray.remote
    def f(a: dict[int, Any]) -> list[Any]:
        return [a[0]]

    x = {0: ray.put(10)}
    assert ray.get(*workflow.run(f.bind(x))) == 10
    assert ray.get(*workflow.run(f.bind(x))) == 10
    with InputNode() as given:
        dag = f.bind(given.x)
    assert ray.get(*workflow.run(dag, x=x)) == 10


def test_references_are_resolved_at_the_top_only(place: Place) -> None:
    """Scenario 130."""

    @ray.remote
    def f(found: list[Any]) -> bool:
        assert isinstance(found[0], ray.ObjectRef)
        return bool(ray.get(found) == [42])

    @ray.remote
    def g(x: int, y: list[Any]) -> list[Any]:
        assert x == 314
        assert isinstance(y[0], ray.ObjectRef)
        assert ray.get(y) == [2022]
        return [ray.put(42)]

    dag = f.bind(g.bind(x=ray.put(314), y=[ray.put(2022)]))
    assert workflow.run(dag) is True
    assert ray.get(dag.execute()) is True
    assert ray.get(f.remote(g.remote(x=ray.put(314), y=[ray.put(2022)]))) is True


def test_nodes_behave_like_references(place: Place) -> None:
    """Scenario 131."""

    @ray.remote
    def identity(x: Any) -> Any:
        return x

    @ray.remote
    def check(top: int, inside: list[Any], deep: dict[str, Any], both_ways: tuple[int, list[Any]]) -> str:
        assert top == 1
        assert all(isinstance(one, ray.ObjectRef) for one in (*inside, *deep["k"]))
        assert ray.get(inside) == [2]
        assert ray.get(deep["k"][0]) == 3
        assert isinstance(both_ways[1][0], ray.ObjectRef)
        return "ok"

    shared = identity.bind(5)
    dag = check.bind(
        identity.bind(1), [identity.bind(2)], deep={"k": [identity.bind(3)]}, both_ways=(4, [shared, shared])
    )
    assert workflow.run(dag) == "ok"
    assert ray.get(dag.execute()) == "ok"


def test_a_node_is_a_value_and_a_reference_at_once(place: Place) -> None:
    """The same node at the top and inside a container runs once."""
    ledger = place.folder / "ledger"

    @workflow.step
    def one(path: Path) -> int:
        note(path, "ran")
        return 7

    @workflow.step
    def see(value: int, inside: list[Any]) -> tuple[int, Any]:
        return value, manyhands.get(inside)

    shared = one.bind(ledger)
    assert workflow.run(see.bind(shared, [shared])) == (7, [7])
    assert noted(ledger) == ["ran"]


@pytest.mark.parametrize("make", [workflow.step, ray.remote])
def test_a_continuation_inside_and_outside(place: Place, make: Any) -> None:
    """Scenario 132."""

    @make
    def h(a: int, b: int) -> int:
        return a + b

    @make
    def g(x: int) -> Any:
        return workflow.continuation(h.bind(42, x))

    @make
    def f() -> Any:
        return workflow.continuation(g.bind(1))

    dag = f.bind()
    assert manyhands.get(dag.execute()) == 43
    assert workflow.run(dag) == 43
    assert workflow.continuation(dag) == 43
    with pytest.raises(TypeError, match="no graph of steps"):
        workflow.continuation(dag.execute())


def test_a_shared_node_runs_once(place: Place) -> None:
    """A graph of thirty levels in which each node is used twice is no larger than thirty nodes."""
    ledger = place.folder / "ledger"

    @workflow.step
    def add(path: Path, one: int, other: int) -> int:
        note(path, "ran")
        return one + other

    node: Any = 1
    for _ in range(30):
        node = add.bind(ledger, node, node)
    assert workflow.run(node) == 2**30
    assert tally(ledger) == {"ran": 30}


def test_a_bound_graph_is_resumed_with_its_inputs(place: Place) -> None:
    flag = place.folder / "flag"

    @workflow.step(max_retries=1)
    def fragile(path: Path, number: int) -> int:
        if not path.exists():
            raise ValueError("not yet")
        return number

    @workflow.step
    def total(parts: list[Any], number: int) -> int:
        return int(sum(manyhands.get(parts)) + number)

    with InputNode() as given:
        dag = total.bind([fragile.options(name="fragile").bind(flag, given[0])], given[1])
    with pytest.raises(workflow.WorkflowExecutionError, match="not yet"):
        workflow.run(dag, 1, 2, workflow_id="again")
    flag.touch()
    assert workflow.resume("again").result() == 3
    assert workflow.run(dag, 1, 2, workflow_id="again") == 3
