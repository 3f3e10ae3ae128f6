"""Graphs of steps: chains, branches, nesting, recursion, arguments of every shape."""

import pickle
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy
import pytest

import manyhands
from manyhands import bootstrap, workflow
from tests.acceptance.kit import Place, note, tally, wait_for_file


@workflow.step
def append(text: str, more: str) -> str:
    return f"{text}{more}"


@workflow.step
def multiply(left: int, right: int) -> int:
    return left * right


@workflow.step
def factorial(number: int) -> Any:
    if number <= 1:
        return 1
    return multiply.step(number, factorial.step(number - 1))


def test_a_step_can_return_a_chain(place: Place) -> None:
    """Scenario 1: the chain is built inside a step."""

    @workflow.step
    def source() -> str:
        return "[source]"

    @workflow.step
    def build() -> Any:
        return append.step(append.step(source.step(), "[one]"), "[two]")

    assert build.step().run() == "[source][one][two]"


def test_a_step_can_return_steps_on_a_literal(place: Place) -> None:
    """Scenario 2."""

    @workflow.step
    def build(start: str) -> Any:
        return append.step(append.step(f"{start}:", "[one]"), "[two]")

    assert build.step("start").run() == "start:[one][two]"


def test_a_loop_can_build_a_chain(place: Place) -> None:
    """Scenario 3."""

    @workflow.step
    def build(times: int) -> Any:
        chain: Any = "start"
        for _ in range(times):
            chain = append.step(chain, "[more]")
        return chain

    assert build.step(3).run() == "start[more][more][more]"


def test_nesting_twice(place: Place) -> None:
    """Scenario 4: a step returns a step that returns a chain."""

    @workflow.step
    def inner(text: str) -> Any:
        return append.step(append.step(f"{text}~inner", "[one]"), "[two]")

    @workflow.step
    def outer(text: str) -> Any:
        return inner.step(f"{text}:outer")

    assert outer.step("nested").run() == "nested:outer~inner[one][two]"


def test_fork_and_join(place: Place, tmp_path: Path) -> None:
    """Scenario 5: both branches see the one value of their common source."""
    ledger = tmp_path / "ledger"

    @workflow.step
    def source() -> float:
        note(ledger, "source")
        return time.perf_counter()

    @workflow.step
    def branch(name: str, value: float) -> tuple[str, float]:
        return name, value

    @workflow.step
    def join(left: tuple[str, float], right: tuple[str, float]) -> tuple[Any, ...]:
        return left + right

    drawn = source.step()
    one, first, two, second = join.step(branch.step("one", drawn), branch.step("two", drawn)).run()
    assert (one, two) == ("one", "two")
    assert first == second
    assert tally(ledger) == {"source": 1}


def test_recursion(place: Place) -> None:
    """Scenario 6."""
    assert factorial.step(10).run() == 3_628_800


def test_run_async_returns_before_the_end(place: Place, tmp_path: Path) -> None:
    """Scenario 7: the reference is there while the step still waits for its gate."""
    gate = tmp_path / "gate"

    @workflow.step
    def slow() -> int:
        wait_for_file(gate)
        return 314

    reference = slow.step().run_async()
    assert not reference.done()
    gate.touch()
    assert manyhands.get(reference) == 314


def test_partial_objects_are_steps(place: Place) -> None:
    """Scenario 8: anonymous by name, and their keywords hold along a chain."""

    def add(left: int, right: int) -> int:
        return left + right

    first = workflow.step(partial(add, 10)).step(10)
    assert first.run("partial") == 20
    (name,) = place.names("partial")
    assert "__anonymous_func__" in name

    second = workflow.step(partial(add, right=3))
    assert second.step(second.step(1)).run() == 7


def test_a_step_deep_in_containers_is_resolved(place: Place) -> None:
    """Scenario 9: five containers deep, of several kinds."""

    @workflow.step
    def source() -> int:
        return 42

    @workflow.step
    def dig(nest: Any) -> Any:
        return nest[0]["key"][0][0]["deep"]

    assert dig.step([{"key": ([{"deep": source.step()}],)}]).run() == 42


def test_building_needs_no_store() -> None:
    """Scenario 33: steps are built without an engine, and the store is made by the first run only."""
    bootstrap.current.close()
    built = append.step(append.step("a", "b"), "c")
    assert not Path(".manyhands").exists()
    try:
        assert built.run() == "abc"
    finally:
        bootstrap.current.close()
    assert Path(".manyhands/store.db").is_file()


def test_a_shared_input_runs_once(place: Place, tmp_path: Path) -> None:
    """Scenario 34: once for two branches, once for four places in the same arguments."""
    ledger = tmp_path / "ledger"

    @workflow.step
    def source(name: str) -> str:
        note(ledger, name)
        return str(len(tally(ledger)))

    @workflow.step
    def echo(value: str) -> str:
        return value

    @workflow.step
    def gather(*values: str) -> list[str]:
        return list(values)

    shared = source.step("two branches")
    assert gather.step(echo.step(shared), echo.step(shared)).run() == ["1", "1"]
    again = source.step("four places")
    assert gather.step(again, again, again, again).run() == ["2"] * 4
    assert tally(ledger) == {"two branches": 1, "four places": 1}


def test_a_shared_node_is_walked_once(place: Place) -> None:
    """A ladder of 60 rungs has 2^60 ways through it; it is built, named and run in its 60 steps."""

    @workflow.step
    def rung(left: int, right: int) -> int:
        return (left + right) % 97

    ladder: Any = 1
    expected = 1
    for _ in range(60):
        ladder = rung.options(allow_inplace=True).step(ladder, ladder)
        expected = expected * 2 % 97
    assert ladder.run("ladder") == expected
    assert len(place.names("ladder")) == 60


def test_running_from_another_thread(place: Place) -> None:
    """Scenario 35."""
    results: list[str] = []
    thread = threading.Thread(target=lambda: results.append(append.step("a", "b").run("threaded")))
    thread.start()
    thread.join()
    assert results == ["ab"]
    assert workflow.get_status("threaded") is workflow.SUCCESSFUL


def test_arguments_of_every_shape_are_resolved(place: Place) -> None:
    """Scenario 37: a value, a step, a list of steps, a dictionary in a list with a step."""

    @workflow.step
    def number(value: int) -> int:
        return value

    @workflow.step
    def gather(plain: int, step: int, steps: list[int], deep: list[dict[str, int]], *, named: int) -> list[int]:
        return [plain, step, *steps, deep[0]["here"], named]

    built = gather.step(
        1, number.step(2), [number.step(3), number.step(4)], [{"here": number.step(5)}], named=number.step(6)
    )
    assert built.run() == [1, 2, 3, 4, 5, 6]


def test_containers_come_back_as_they_were_returned(place: Place) -> None:
    """Scenario 38: a list of values stays a list, a tuple a tuple, whatever the way through the store."""

    @workflow.step
    def give() -> Any:
        return [1, (2, 3), {"four": {5}}]

    @workflow.step
    def take(value: Any) -> Any:
        return value

    assert take.step(give.step()).run() == [1, (2, 3), {"four": {5}}]


def test_the_same_step_twice_is_the_same_object(place: Place) -> None:
    """Scenario 39: appending by one name is seen by the other."""

    @workflow.step
    def source() -> list[int]:
        return [1]

    @workflow.step
    def change(left: list[int], right: list[int]) -> list[int]:
        left.append(2)
        return right

    shared = source.step()
    assert change.step(shared, shared).run() == [1, 2]


def test_a_step_is_not_a_value() -> None:
    """Scenario 40: a step that was not run cannot be saved as a value."""
    with pytest.raises(ValueError, match="not serializable"):
        pickle.dumps(append.step("a", "b"))


def test_a_list_of_steps_is_not_a_result(place: Place) -> None:
    """Scenario 40: returning a list of steps fails, and says what to return instead."""

    @workflow.step
    def many() -> Any:
        return [append.step("a", "b"), append.step("c", "d")]

    with pytest.raises(workflow.WorkflowExecutionError, match="takes the list as its argument"):
        many.step().run("listed")
    assert workflow.get_status("listed") is workflow.FAILED


@pytest.mark.parametrize("megabytes", [16, pytest.param(128, marks=pytest.mark.slow)])
def test_a_large_array_through_three_steps(place: Place, megabytes: int) -> None:
    """Scenarios 41, 44: an array passes from step to step whole."""
    count = megabytes * 1024 * 1024 // 8

    @workflow.step
    def make() -> Any:
        return numpy.arange(count)

    @workflow.step
    def keep(array: Any) -> Any:
        return array

    @workflow.step
    def mean(array: Any) -> float:
        return float(array.mean())

    assert mean.step(keep.step(make.step())).run() == (count - 1) / 2


def test_another_graph_does_not_replace_a_run(place: Place) -> None:
    """Scenario 42: whatever is asked for under an id that is used, the first result stays."""

    @workflow.step
    def one() -> int:
        return 1

    @workflow.step
    def plus(value: int) -> int:
        return value + 1

    assert one.step().run("used") == 1
    with pytest.raises(RuntimeError, match="other steps or inputs"):
        plus.step(one.step()).run("used")
    assert workflow.get_output("used").result() == 1


def test_what_a_step_does_to_its_arguments_stays_with_it(place: Place) -> None:
    """Scenario 43: neither the caller nor a sibling sees it; what was changed before the run began is seen."""

    @workflow.step
    def change(values: list[int]) -> list[int]:
        values.append(len(values))
        return values

    @workflow.step
    def gather(*lists: list[int]) -> list[list[int]]:
        return list(lists)

    given = [7]
    built = gather.step(change.step(given), change.options(allow_inplace=True).step(given))
    given.append(8)
    assert built.run() == [[7, 8, 2], [7, 8, 2]]
    assert given == [7, 8]


def test_a_table_through_three_steps(place: Place) -> None:
    """Scenario 45: rows of a data set are passed on from step to step."""

    @workflow.step
    def read(count: int) -> list[dict[str, int]]:
        return [{"row": row, "value": row * row} for row in range(count)]

    @workflow.step
    def keep_even(rows: list[dict[str, int]]) -> list[dict[str, int]]:
        return [row for row in rows if row["row"] % 2 == 0]

    @workflow.step
    def total(rows: list[dict[str, int]]) -> int:
        return sum(row["value"] for row in rows)

    assert total.step(keep_even.step(read.step(1000))).run() == sum(n * n for n in range(0, 1000, 2))


def test_one_graph_run_under_two_ids_runs_twice(place: Place, tmp_path: Path) -> None:
    """The same object may be run again; each run is independent."""
    ledger = tmp_path / "ledger"

    @workflow.step
    def work() -> str:
        note(ledger, "work")
        return "done"

    built = append.step(work.step(), "!")
    assert (built.run("first"), built.run("second")) == ("done!", "done!")
    assert tally(ledger) == {"work": 2}
