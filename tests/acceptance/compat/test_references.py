"""References: of runs, of plain calls, of values; as arguments, as results, in containers, in other processes."""

import os
import threading
from pathlib import Path
from typing import Any

import numpy
import pytest

from manyhands import workflow
from manyhands.compat import ray
from tests.acceptance.kit import Place, count_up, wait_for_file, wait_until


@workflow.step
def add(left: int, right: int) -> int:
    return left + right


@workflow.step
def waits(gate: Path, number: int) -> int:
    wait_for_file(gate)
    return number


@ray.remote
def plain(*args: Any) -> Any:
    return args[0] if len(args) == 1 else args


def test_arguments_of_every_shape(place: Place) -> None:
    """Scenario 37: references at the top and steps anywhere are values in the body."""

    @workflow.step
    def check(one: int, two: int, three: list[int], four: list[dict[str, int]]) -> Any:
        return one, two, three, four

    called = check.step(ray.put(1), add.step(1, 1), [add.step(1, 2)], [{"k": add.step(2, 2)}])
    assert called.run() == (1, 2, [3], [{"k": 4}])


def test_returned_references(place: Place) -> None:
    """Scenarios 38 and 9: at the top they are replaced by their values to the last, in a list they stay."""

    @ray.remote
    def nested() -> Any:
        return ray.put(42)

    @workflow.step
    def deep() -> Any:
        return nested.remote()

    @workflow.step
    def listed() -> Any:
        return [nested.remote(), ray.put(7)]

    assert deep.step().run() == 42
    one, other = listed.step().run()
    assert ray.get(ray.get(one)) == 42
    assert ray.get(other) == 7


def test_a_returned_reference_to_an_array(place: Place) -> None:
    """Scenario 41."""

    @workflow.step
    def make() -> Any:
        return ray.put(numpy.arange(20_000))

    @workflow.step
    def total(array: Any) -> int:
        return int(array.sum())

    assert total.step(make.step()).run() == 199_990_000


def test_a_run_that_is_not_over_is_waited_for_by_no_worker(place: Place) -> None:
    """More runs wait for one than there are workers."""
    gate = place.folder / "gate"
    first = waits.step(gate, 1).run_async("first")
    others = [add.step(first, number).run_async() for number in range(10)]
    assert not any(one.done() for one in others)
    assert add.step(1, 1).run() == 2
    gate.touch()
    assert ray.get(others) == list(range(1, 11))


def test_a_reference_to_a_failed_run(place: Place) -> None:
    @workflow.step(max_retries=1)
    def fails() -> None:
        raise KeyError("no")

    reference = fails.step().run_async()
    with pytest.raises(workflow.WorkflowExecutionError, match="KeyError") as caught:
        add.step(reference, 1).run()
    assert isinstance(caught.value.__cause__, KeyError)
    assert any("comes from step" in note for note in caught.value.__cause__.__notes__)


def test_a_run_keeps_what_its_references_gave(place: Place) -> None:
    """A resume wants nothing of the run that was referred to, even when it is deleted."""
    flag = place.folder / "flag"

    @workflow.step(max_retries=1)
    def fragile(number: int) -> int:
        if not flag.exists():
            raise ValueError("not yet")
        return number

    add.step(1, 1).run("before")
    with pytest.raises(workflow.WorkflowExecutionError):
        fragile.step(workflow.get_output("before")).run("after")
    workflow.delete("before")
    flag.touch()
    assert workflow.resume("after").result() == 2


def test_one_reference_is_one_object(place: Place) -> None:
    """Scenario 39, with a reference."""

    @workflow.step
    def same(one: list[int], other: list[int]) -> list[int]:
        one.append(1)
        return other

    reference = plain.remote([0])
    assert same.step(reference, reference).run() == [0, 1]


def test_workflows_are_no_values(place: Place) -> None:
    """Scenario 40."""

    @ray.remote
    def returns() -> Any:
        return add.step(1, 1)

    with pytest.raises(ValueError, match="not serializable"):
        ray.put(add.step(1, 1))
    with pytest.raises(ValueError, match="not serializable"):
        plain.remote(add.step(1, 1))
    with pytest.raises(ValueError, match="not serializable"):
        plain.remote([{"k": add.step(1, 1)}])
    with pytest.raises(ValueError, match="not serializable"):
        ray.get(returns.remote())


def test_a_plain_call_returns_a_reference_as_it_is(place: Place) -> None:
    reference = ray.get(plain.remote([ray.put(1)]))[0]
    assert ray.get(reference) == 1

    @ray.remote
    def gives() -> Any:
        return ray.put(2)

    inner = ray.get(gives.remote())
    assert isinstance(inner, ray.ObjectRef)
    assert ray.get(inner) == 2
    assert ray.get(plain.remote(gives.remote())) == 2


def test_get(place: Place) -> None:
    gate = place.folder / "gate"
    assert ray.get([]) == []
    assert ray.get([plain.remote(1), ray.put(2), add.step(1, 2).run_async()]) == [1, 2, 3]
    reference = waits.step(gate, 1).run_async()
    with pytest.raises(ray.exceptions.GetTimeoutError):
        ray.get(reference, timeout=0.05)
    with pytest.raises(TimeoutError):
        ray.get([ray.put(1), reference], timeout=0.05)
    for wrong in (3, [ray.put(1), 3], add.step(1, 1)):
        with pytest.raises(TypeError, match=r"not an ray\.ObjectRef"):
            ray.get(wrong)
    with pytest.raises(TypeError, match="a reference already"):
        ray.put(ray.put(1))
    gate.touch()
    assert ray.get(reference) == 1


def test_wait(place: Place) -> None:
    """Runs are ready when they are done, and not before."""
    gates = [place.folder / name for name in ("a", "b", "c")]
    references = [waits.step(gate, 0).run_async() for gate in gates[:1]] + [ray.put(1), plain.remote(2)]
    ready, rest = ray.wait(references, num_returns=2)
    assert (ready, rest) == (references[1:], references[:1])
    assert ray.wait(references[:1], timeout=0.05) == ([], references[:1])
    assert ray.wait([ray.put(1), *references[1:]], num_returns=1)[1] == references[1:]
    threading.Timer(0.05, gates[0].touch).start()
    assert ray.wait(references, num_returns=3) == (references, [])
    with pytest.raises(ValueError, match="from 1 to 1"):
        ray.wait([ray.put(1)], num_returns=2)
    with pytest.raises(TypeError, match="expected a list"):
        ray.wait(ray.put(1))  # type: ignore[arg-type]


def test_errors_of_plain_calls(place: Place) -> None:
    class Own(Exception):
        pass

    @ray.remote
    def fails(kind: type[Exception]) -> None:
        raise kind("told")

    for kind in (ValueError, KeyError, OSError, Own):
        reference = fails.remote(kind)
        with pytest.raises(ray.exceptions.RayTaskError, match="told") as caught:
            ray.get(reference)
        assert isinstance(caught.value.__cause__, kind)
    with pytest.raises(ValueError, match="told"):
        ray.get(fails.remote(ValueError))
    with pytest.raises(ray.exceptions.RayError):
        ray.get(fails.remote(ValueError))
    with pytest.raises(ray.exceptions.RaySystemError):
        add.step(fails.remote(ValueError), 1).run()
    assert [status for _, status in workflow.list_all()] == [workflow.FAILED]


def test_retries_of_plain_calls(place: Place) -> None:
    """Exceptions are retried where that is said, lost workers always."""
    ledgers = [place.folder / name for name in ("never", "always", "some", "lost")]

    @ray.remote
    def fragile(ledger: Path, kind: type[Exception], needed: int) -> int:
        tries = count_up(ledger)
        if tries < needed:
            raise kind("again")
        return tries

    @ray.remote
    def dies(ledger: Path, needed: int) -> int:
        tries = count_up(ledger)
        if tries < needed:
            os._exit(1)
        return tries

    with pytest.raises(ValueError, match="again"):
        ray.get(fragile.remote(ledgers[0], ValueError, 2))
    assert ray.get(fragile.options(retry_exceptions=True, max_retries=5).remote(ledgers[1], ValueError, 6)) == 6
    with pytest.raises(OSError, match="again"):
        ray.get(fragile.options(retry_exceptions=[ValueError]).remote(ledgers[2], OSError, 2))
    assert ray.get(dies.options(max_retries=2).remote(ledgers[3], 3)) == 3
    with pytest.raises(ray.exceptions.WorkerCrashedError):
        ray.get(dies.options(max_retries=0).remote(place.folder / "once", 2))


def test_references_in_other_processes(place: Place) -> None:
    """A body may get, wait for and make references; one that waits does not keep others from running."""

    @ray.remote
    def inside(found: list[Any]) -> Any:
        ready, rest = ray.wait(found, num_returns=len(found))
        assert not rest
        return ray.get(ready) + [ray.get(plain.remote(9))], ray.put(numpy.ones(20_000))

    found = [plain.remote(1), add.step(1, 1).run_async(), ray.put(3)]
    values, large = ray.get(inside.remote(found))
    assert values == [1, 2, 3, 9]
    assert ray.get(large).sum() == 20_000


def test_a_large_value_is_not_pruned(place: Place) -> None:
    reference = ray.put(numpy.ones(20_000))
    removed = place.store.prune(0.0, 1e12, keep_blobs_newer=0.0)
    assert removed["runs"] == 0
    assert ray.get(plain.remote([reference]))[0].result().sum() == 20_000


def test_a_reference_can_be_awaited_for_by_id_elsewhere(place: Place) -> None:
    """A call of an actor as an argument."""

    @workflow.virtual_actor
    class Counter:
        def __init__(self) -> None:
            self.n = 0

        def up(self, by: int) -> int:
            self.n += by
            return self.n

    counter = Counter.get_or_create("counter")
    references = [counter.up.run_async(1) for _ in range(3)]
    assert add.step(references[0], references[2]).run() == 4
    assert ray.get(ray.get(plain.remote(references))) == [1, 2, 3]
    wait_until(lambda: workflow.get_status("counter") == workflow.SUCCESSFUL, "the end of the calls")


LOCK = threading.Lock()


@ray.remote
def guarded(path: Path) -> Any:
    with LOCK:
        return ray.put(path.name)


@pytest.mark.parametrize("options", [{}, {"allow_inplace": True}, {"checkpoint": False}])
def test_a_reference_that_a_remote_function_returns_is_its_result(place: Place, options: dict[str, Any]) -> None:
    """In a workflow as in a plain call: what it refers to is not waited for, and a reference is what others are
    given. So it is with a function that no pickle can hold, which is found by its name."""
    gate = place.folder / "gate"

    @ray.remote
    def starts(gate: Path) -> Any:
        return waits.step(gate, 42).run_async()

    @ray.remote
    def sees(early: Any, name: Any) -> tuple[bool, Any]:
        return isinstance(early, ray.ObjectRef), ray.get(name)

    early = starts.bind(gate)
    name = guarded.options(**workflow.options(**options)).bind(gate)
    for run in (workflow.run, lambda dag: ray.get(dag.execute())):
        assert run(sees.bind(early, name)) == (True, "gate")
    assert not gate.exists()
    gate.touch()
    assert ray.get(workflow.run(early)) == 42
    assert ray.get(workflow.run(name)) == "gate"
