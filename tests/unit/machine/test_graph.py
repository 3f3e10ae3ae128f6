"""The columns of the graph, and the line of ready tasks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.machine.graph import Graph, ReadySet
from manyhands.machine.limits import Limits
from manyhands.model.errors import CycleError, UsageError
from manyhands.model.records import NewTask
from manyhands.model.specs import TaskSpec
from manyhands.model.values import Encoded

DONE = 1


def tasks(upstreams: Sequence[Sequence[int]], first: int = 0) -> list[NewTask]:
    spec = TaskSpec("step", "step", "", Encoded("json"))
    return [
        NewTask(ordinal, f"t{ordinal}", spec, list(above), None, 0.0) for ordinal, above in enumerate(upstreams, first)
    ]


def graph_of(upstreams: Sequence[Sequence[int]]) -> Graph:
    graph = Graph()
    graph.check(tasks(upstreams))
    graph.extend(tasks(upstreams), bytearray(len(upstreams)), DONE)
    return graph


def test_the_last_upstream_releases() -> None:
    graph = graph_of([[], [0], [0], [1, 2]])
    assert list(graph.waiting) == [0, 1, 1, 2]
    assert graph.release(0) == [1, 2]
    assert graph.release(1) == []
    assert graph.release(2) == [3]
    assert list(graph.release(3)) == []


def test_downstreams_come_in_the_order_of_their_edges() -> None:
    graph = graph_of([[], [0], [], [0, 2], [0]])
    assert graph.downstreams(0) == [1, 3, 4]
    assert graph.downstreams(2) == [3]
    assert graph.downstreams(4) == []


def test_what_is_done_is_not_waited_for() -> None:
    graph = graph_of([[], []])
    later = tasks([[0, 1], [2]], first=2)
    graph.check(later)
    graph.extend(later, bytearray([DONE, 0, 0, 0]), DONE)
    assert list(graph.waiting) == [0, 0, 1, 1]
    assert graph.release(1) == [2]


def test_an_upstream_may_come_later_in_the_same_batch() -> None:
    graph = graph_of([[1], [2], []])
    assert graph.release(2) == [1]
    assert graph.release(1) == [0]


@pytest.mark.parametrize(
    ("upstreams", "names"),
    [
        ([[0]], {"t0"}),
        ([[1], [0]], {"t0", "t1"}),
        ([[], [0, 3], [1], [2], [3]], {"t1", "t2", "t3"}),
        ([[4], [0], [1], [2], [3], [0]], {"t0", "t1", "t2", "t3", "t4"}),
    ],
)
def test_a_cycle_is_refused_with_its_names(upstreams: list[list[int]], names: set[str]) -> None:
    graph = Graph()
    with pytest.raises(CycleError) as caught:
        graph.check(tasks(upstreams))
    assert set(caught.value.args[0].split(", ")) == names
    assert len(graph) == 0


def test_a_cycle_is_named_in_the_order_of_its_arrows() -> None:
    with pytest.raises(CycleError, match="The steps t1, t2, t0 form a cycle"):
        Graph().check(tasks([[2], [0], [1]]))


def test_a_cycle_of_tasks_without_names_yet_is_told_by_their_bases() -> None:
    batch = tasks([[2], [0], [1]])
    for task in batch:
        task.name = ""
    with pytest.raises(CycleError, match="step, step, step"):
        Graph().check(batch)


@pytest.mark.parametrize("upstream", [-1, 2, 99])
def test_an_unknown_upstream_is_refused(upstream: int) -> None:
    with pytest.raises(UsageError, match=f"upstream {upstream}, which is unknown"):
        Graph().check(tasks([[], [upstream]]))


def test_ordinals_must_follow_on() -> None:
    with pytest.raises(UsageError, match="number 3 was added where 0 is next"):
        Graph().check(tasks([[]], first=3))


@given(st.data())
def test_releasing_in_any_possible_order_frees_each_task_once(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 25))
    order = data.draw(st.permutations(range(size)))
    above = [data.draw(st.sets(st.sampled_from(order[:rank]) if rank else st.nothing())) for rank in range(size)]
    upstreams: list[list[int]] = [[] for _ in range(size)]
    for rank, task in enumerate(order):
        upstreams[task] = sorted(above[rank])
    graph = graph_of(upstreams)
    free = [task for task in range(size) if not graph.waiting[task]]
    done: set[int] = set()
    while free:
        task = free.pop(data.draw(st.integers(0, len(free) - 1)))
        assert done.issuperset(upstreams[task])
        assert task not in done
        done.add(task)
        free.extend(graph.release(task))
    assert len(done) == size


# --- the line ------------------------------------------------------------------------------------------------------


def ready_set(count: int, *, run: int | None = None, **groups: int) -> ReadySet:
    ready = ReadySet(Limits(run, groups))
    ready.extend(count)
    return ready


def test_first_come_first_served_over_all_lanes_of_an_executor() -> None:
    ready = ready_set(4)
    plain, grouped = ready.lane("x", None, 1), ready.lane("x", "g", 1)
    for task, lane in ((3, plain), (1, grouped), (2, plain), (0, grouped)):
        ready.push(task, lane)
    assert ready.take("x", 3) == [3, 1, 2]
    assert ready.take("x", 3) == [0]
    assert ready.size == 0


def test_executors_have_lines_of_their_own() -> None:
    ready = ready_set(2)
    ready.push(0, ready.lane("x", None, 1))
    ready.push(1, ready.lane("y", None, 1))
    assert ready.take("y", 9) == [1]
    assert not ready.wake("z", 0.0)
    assert ready.take("x", 9) == [0]


def test_a_big_task_is_not_overtaken() -> None:
    ready = ready_set(3)
    big, small = ready.lane("x", None, 3), ready.lane("x", None, 1)
    ready.push(0, small)
    ready.push(1, big)
    ready.push(2, small)
    assert ready.take("x", 3) == [0]
    assert ready.take("x", 2) == []
    assert ready.take("x", 4) == [1, 2]


def test_a_full_group_is_passed_over_and_comes_back_in_its_turn() -> None:
    ready = ready_set(4, g=1)
    grouped, plain = ready.lane("x", "g", 1), ready.lane("x", None, 1)
    ready.push(0, grouped)
    ready.push(1, grouped)
    ready.push(2, plain)
    assert ready.take("x", 2) == [0, 2]
    ready.push(3, plain)
    ready.leave(grouped)
    assert ready.take("x", 2) == [1, 3]


def test_the_limit_of_the_run_holds_over_all_executors() -> None:
    ready = ready_set(3, run=2)
    for task, executor in enumerate("xyx"):
        ready.push(task, ready.lane(executor, None, 1))
    assert ready.take("x", 9) == [0, 2]
    assert not ready.wake("y", 0.0)
    ready.leave(ready.lane("x", None, 1))
    assert ready.wake("y", 0.0)
    assert ready.take("y", 9) == [1]


def test_what_is_put_back_keeps_its_turn() -> None:
    ready = ready_set(4)
    lane = ready.lane("x", None, 1)
    for task in range(4):
        ready.push(task, lane)
    assert ready.take("x", 3) == [0, 1, 2]
    for task in (2, 0, 1):
        ready.leave(lane)
        ready.put_back(task, lane)
    assert sorted(ready.in_line()) == [0, 1, 2, 3]
    assert ready.take("x", 9) == [0, 1, 2, 3]


def test_what_is_postponed_is_ready_when_due() -> None:
    ready = ready_set(3)
    lane = ready.lane("x", None, 1)
    ready.postpone(0, lane, 20.0)
    ready.postpone(1, lane, 10.0)
    ready.postpone(2, ready.lane("y", None, 1), 5.0)
    assert (ready.next_due(), ready.postponed, ready.size) == (5.0, 3, 0)
    assert not ready.wake("x", 9.9)
    assert ready.wake("x", 20.0)
    assert ready.next_due() == 5.0
    assert ready.take("x", 9) == [1, 0]
    assert ready.wake("y", 20.0)
    assert ready.next_due() is None
