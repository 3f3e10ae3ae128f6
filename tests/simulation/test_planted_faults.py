"""The simulation is worth something: each rule of the machine that is broken on purpose is noticed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest

from manyhands.machine import graph, limits, profiles
from manyhands.machine.run import FAILED, FORWARDED, PENDING, RUNNING, RunMachine
from manyhands.model.outcomes import Failure
from manyhands.model.records import RunMove, TaskMove
from manyhands.model.states import Cause, Reason, TaskStatus
from tests.simulation.world import simulate

WORLDS = 1500
"""How many worlds a fault may hide in; most are found within the first ten."""

Patch = Callable[[pytest.MonkeyPatch], None]


def wrap(owner: type, name: str, around: Callable[..., Any]) -> Patch:
    """Replace a method by `around(original, self, *arguments)`."""
    original = getattr(owner, name)

    def replaced(self: Any, *args: Any, **kwargs: Any) -> Any:
        return around(original, self, *args, **kwargs)

    return lambda patch: patch.setattr(owner, name, replaced)


# --- reports -------------------------------------------------------------------------------------------------------


def any_attempt(ended: Any, machine: RunMachine, task: int, attempt: int, *rest: Any, **kwargs: Any) -> Any:
    return ended(machine, task, machine.attempt(task), *rest, **kwargs)


def any_status(ended: Any, machine: RunMachine, task: int, attempt: int, *rest: Any, **kwargs: Any) -> Any:
    before = machine._status[task]
    if machine._attempts[task] == attempt and before != RUNNING:
        machine._status[task] = RUNNING
        machine._ready.leave(machine._profiles[task].lane)
    return ended(machine, task, attempt, *rest, **kwargs)


def returned_costs_a_try(take_back: Any, machine: RunMachine, task: int, *rest: Any) -> Any:
    machine._kinds.delay(task, Failure(Cause.ERROR, ""), 0.0)
    return take_back(machine, task, *rest)


def attempt_not_raised(offer: Any, machine: RunMachine, *args: Any) -> list[TaskMove]:
    moves: list[TaskMove] = offer(machine, *args)
    for move in moves:
        if move.attempt > 1:
            move.attempt -= 1
            machine._attempts[move.task] -= 1
    return moves


# --- retries -------------------------------------------------------------------------------------------------------


def budget_forgotten(delay: Any, kinds: Any, task: int, *rest: Any) -> Any:
    kinds.forget(task)
    return delay(kinds, task, *rest)


def one_budget_for_all(delay: Any, kinds: Any, task: int, failure: Failure, chance: float) -> Any:
    return delay(kinds, task, Failure(Cause.ERROR, "", retryable=failure.retryable), chance)


def hopeless_retried(delay: Any, kinds: Any, task: int, failure: Failure, chance: float) -> Any:
    return delay(kinds, task, Failure(failure.cause, failure.message), chance)


def never_retried(delay: Any, kinds: Any, *rest: Any) -> None:
    delay(kinds, *rest)


def rest_skipped(postpone: Any, ready: Any, task: int, lane: Any, due: float) -> None:
    ready.push(task, lane)


# --- graph and line ------------------------------------------------------------------------------------------------


def released_one_early(extend: Any, self: graph.Graph, tasks: Sequence[Any], *rest: Any) -> None:
    extend(self, tasks, *rest)
    for task in tasks:
        if self.waiting[task.ordinal] > 2:
            self.waiting[task.ordinal] -= 1


def edge_lost(release: Any, self: graph.Graph, task: int) -> Any:
    freed = release(self, task)
    return freed[:-1] if len(freed) > 3 else freed


def last_come_first(push: Any, ready: graph.ReadySet, task: int, lane: graph.Lane) -> None:
    push(ready, task, lane)
    if len(lane.tasks) > 2:
        lane.tasks[1], lane.tasks[-1] = lane.tasks[-1], lane.tasks[1]


def returned_to_the_back(put_back: Any, ready: graph.ReadySet, task: int, lane: graph.Lane) -> None:
    ready.push(task, lane)


def big_ones_overtaken(take: Any, ready: graph.ReadySet, executor: str, room: int) -> Any:
    heads = ready._queues[executor].heads
    aside = [head for head in heads if head[1].slots > room]
    if aside and len(aside) < len(heads):
        heads[:] = sorted(head for head in heads if head not in aside)
        taken = take(ready, executor, room)
        heads.extend(aside)
        heads.sort()
        return taken
    return take(ready, executor, room)


def half_the_room_used(take: Any, ready: graph.ReadySet, executor: str, room: int) -> Any:
    return take(ready, executor, max(1, room // 2))


def room_overdrawn(take: Any, ready: graph.ReadySet, executor: str, room: int) -> Any:
    return take(ready, executor, room + 1)


# --- limits --------------------------------------------------------------------------------------------------------


def group_limit_forgotten(patch: pytest.MonkeyPatch) -> None:
    original = graph.ReadySet.lane
    patch.setattr(graph.ReadySet, "lane", lambda self, executor, group, slots: original(self, executor, None, slots))


def run_limit_forgotten(patch: pytest.MonkeyPatch) -> None:
    original = limits.Limits.__init__
    patch.setattr(limits.Limits, "__init__", lambda self, run, groups: original(self, None, groups))


def forward_keeps_its_place(forward: Any, machine: RunMachine, task: int, *rest: Any) -> Any:
    moves = forward(machine, task, *rest)
    limit = machine._profiles[task].lane.limit
    if limit is not None:
        limit.taken += 1
    return moves


def parked_for_ever(unpark: Any, ready: graph.ReadySet, limit: limits.Limit) -> None:
    return None


# --- forwards and catches ------------------------------------------------------------------------------------------


def catch_not_passed_on(forward: Any, machine: RunMachine, task: int, attempt: int, child: int, now: float) -> Any:
    moves = forward(machine, task, attempt, child, now)
    machine._inherited.discard(child)
    return moves


def catch_not_seen(catches: Any, machine: RunMachine, task: int) -> bool:
    return machine._profiles[task].catch


def caught_not_said(succeed: Any, machine: RunMachine, *args: Any, **kwargs: Any) -> Any:
    moves = succeed(machine, *args, **kwargs)
    moves[0].caught = False
    return moves


def parent_does_not_fail(block: Any, machine: RunMachine, moves: list[TaskMove], task: int, now: float) -> None:
    machine._parents.pop(task, None)
    block(machine, moves, task, now)


def source_is_the_next_hop(go_on: Any, machine: RunMachine, moves: list[TaskMove], task: int, now: float) -> None:
    child_of = {parent: child for child, parent in machine._parents.items()}
    go_on(machine, moves, task, now)
    for move in moves:
        if move.reason is Reason.DONE and move.source is not None:
            move.source = child_of[move.task]


def parent_wrapped_twice(go_on: Any, machine: RunMachine, moves: list[TaskMove], *rest: Any) -> None:
    go_on(machine, moves, *rest)
    for move in moves:
        if move.source is not None and machine._profiles[move.task].catch:
            move.caught = True


def blocked_stays_silent(block: Any, machine: RunMachine, moves: list[TaskMove], task: int, now: float) -> None:
    origin = machine._unable[task]
    for downstream in machine._graph.downstreams(task):
        machine._unable.setdefault(downstream, origin)


# --- the end -------------------------------------------------------------------------------------------------------


def ends_early(over: Any, machine: RunMachine, now: float) -> RunMove | None:
    waiting, machine._ready.postponed = machine._ready.postponed, 0
    try:
        return over(machine, now)  # type: ignore[no-any-return]
    finally:
        machine._ready.postponed = waiting


def never_ends_when_blocked(over: Any, machine: RunMachine, now: float) -> RunMove | None:
    return None if any(machine._status[task] == PENDING for task in machine._unable) else over(machine, now)


def failure_not_seen(over: Any, machine: RunMachine, now: float) -> RunMove | None:
    machine._uncaught = None
    return over(machine, now)  # type: ignore[no-any-return]


def fail_fast_ignored(note: Any, machine: RunMachine, origin: Any) -> None:
    machine._fail_fast = False
    note(machine, origin)


def last_failure_named(note: Any, machine: RunMachine, origin: Any) -> None:
    note(machine, origin)
    machine._uncaught = origin


def stops_bodies_only(stop: Any, machine: RunMachine, now: float) -> list[TaskMove]:
    forwarded = [task for task, code in enumerate(machine._status) if code == FORWARDED]
    moves = stop(machine, now)
    return [move for move in moves if move.task not in forwarded]


# --- restored ------------------------------------------------------------------------------------------------------


def attempts_from_nought(restore: Any, machine: RunMachine, tasks: Sequence[Any]) -> None:
    restore(machine, tasks)
    machine._attempts[:] = [0] * len(machine)


def forwards_forgotten(restore: Any, machine: RunMachine, record: Any) -> None:
    if machine._status[record.ordinal] == FORWARDED:
        machine._status[record.ordinal] = FAILED
        machine._parents.pop(record.forward_to, None)


def catches_forgotten(restore: Any, machine: RunMachine, tasks: Sequence[Any]) -> None:
    restore(machine, tasks)
    machine._inherited.clear()


def due_times_forgotten(restore: Any, machine: RunMachine, tasks: Sequence[Any]) -> None:
    pending = [task for task in tasks if task.status is TaskStatus.PENDING]
    dues = [task.due_at for task in pending]
    for task in pending:
        task.due_at = None
    restore(machine, tasks)
    for task, due in zip(pending, dues, strict=True):
        task.due_at = due


# --- satisfied and deferred ----------------------------------------------------------------------------------------


def place_kept_when_spared(unstart: Any, machine: RunMachine, task: int) -> None:
    unstart(machine, task)
    machine._limits.run.taken += 1


def spared_start_counts(unstart: Any, machine: RunMachine, task: int) -> None:
    unstart(machine, task)
    machine._attempts[task] += 1


FAULTS: dict[str, Patch] = {
    around.__name__: wrap(owner, name, around)
    for owner, name, around in (
        (RunMachine, "ended", any_attempt),
        (RunMachine, "ended", any_status),
        (RunMachine, "offer", attempt_not_raised),
        (profiles.Profiles, "delay", budget_forgotten),
        (profiles.Profiles, "delay", one_budget_for_all),
        (profiles.Profiles, "delay", hopeless_retried),
        (profiles.Profiles, "delay", never_retried),
        (graph.ReadySet, "postpone", rest_skipped),
        (graph.Graph, "extend", released_one_early),
        (graph.Graph, "release", edge_lost),
        (graph.ReadySet, "push", last_come_first),
        (graph.ReadySet, "put_back", returned_to_the_back),
        (graph.ReadySet, "take", big_ones_overtaken),
        (graph.ReadySet, "take", half_the_room_used),
        (graph.ReadySet, "take", room_overdrawn),
        (graph.ReadySet, "unpark", parked_for_ever),
        (RunMachine, "_take_back", returned_costs_a_try),
        (RunMachine, "_forward", forward_keeps_its_place),
        (RunMachine, "_forward", catch_not_passed_on),
        (RunMachine, "_catches", catch_not_seen),
        (RunMachine, "_succeed", caught_not_said),
        (RunMachine, "_block", parent_does_not_fail),
        (RunMachine, "_block", blocked_stays_silent),
        (RunMachine, "_go_on", source_is_the_next_hop),
        (RunMachine, "_go_on", parent_wrapped_twice),
        (RunMachine, "over", ends_early),
        (RunMachine, "over", never_ends_when_blocked),
        (RunMachine, "over", failure_not_seen),
        (RunMachine, "_note_uncaught", fail_fast_ignored),
        (RunMachine, "_note_uncaught", last_failure_named),
        (RunMachine, "stop", stops_bodies_only),
        (RunMachine, "restore", attempts_from_nought),
        (RunMachine, "restore", catches_forgotten),
        (RunMachine, "restore", due_times_forgotten),
        (RunMachine, "_restore_forward", forwards_forgotten),
        (RunMachine, "_unstart", place_kept_when_spared),
        (RunMachine, "_unstart", spared_start_counts),
    )
}
FAULTS["group_limit_forgotten"] = group_limit_forgotten
FAULTS["run_limit_forgotten"] = run_limit_forgotten


@contextmanager
def planted(fault: Patch) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        fault(patch)
        yield


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_caught(name: str) -> None:
    """From outside alone: nothing here looks into the machine, as the machine may be wrong about itself."""
    with planted(FAULTS[name]):
        for seed in range(WORLDS):
            try:
                simulate(seed, checked=False)
            except AssertionError as error:
                sys.stdout.write(f"{name}: found in world {seed} by {error}\n")
                return
    pytest.fail(f"{WORLDS} worlds did not notice: {name}")


def test_the_worlds_themselves_are_sound() -> None:
    """The same worlds without a fault, so that what is caught above is the fault."""
    for seed in range(100):
        simulate(seed, checked=False)
