"""What must hold inside a machine after every event; tests check it, running engines do not pay for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from manyhands.machine.limits import Limit
from manyhands.machine.run import FAILED, FORWARDED, PENDING, RUNNING, STOPPED, SUCCEEDED, RunMachine


def broken_invariants(machine: RunMachine) -> Iterator[str]:
    """Each rule that does not hold, in words."""
    yield from _columns(machine)
    yield from _waiting(machine)
    yield from _line(machine)
    yield from _limits(machine)
    yield from _failures(machine)


def validate(machine: RunMachine) -> None:
    """Raise `AssertionError` naming every invariant that is broken."""
    broken = list(broken_invariants(machine))
    if broken:
        raise AssertionError("; ".join(broken))


def _columns(machine: RunMachine) -> Iterator[str]:
    columns = (machine._status, machine._attempts, machine._profiles, machine._graph, machine._ready._turns)
    if len({len(column) for column in columns}) != 1:
        yield f"columns differ in length: {[len(column) for column in columns]}"


def _waiting(machine: RunMachine) -> Iterator[str]:
    """Each task that may still run waits for as many upstreams as are not done."""
    waits: Counter[int] = Counter()
    status = machine._status
    for task in range(len(status)):
        if status[task] < SUCCEEDED:
            waits.update(machine._graph.downstreams(task))
    for task, code in enumerate(status):
        if code == PENDING and machine._graph.waiting[task] != waits[task]:
            yield f"task {task} waits for {machine._graph.waiting[task]} upstreams, {waits[task]} are not done"
        if code in (RUNNING, FORWARDED) and waits[task]:
            yield f"task {task} runs before its upstreams are done"


def _line(machine: RunMachine) -> Iterator[str]:
    """Exactly the pending tasks that wait for no upstream are in line, once each."""
    if machine._stopped:
        return
    ready, waiting = machine._ready, machine._graph.waiting
    in_line = Counter(ready.in_line())
    due = {task for task, code in enumerate(machine._status) if code == PENDING and not waiting[task]}
    if set(in_line) != due:
        yield f"in line are {sorted(in_line)}, but ready are {sorted(due)}"
    twice = [task for task, count in in_line.items() if count > 1]
    if twice:
        yield f"in line twice: {twice}"
    if len(in_line) != ready.size + ready.postponed:
        yield f"{len(in_line)} in line, counted as {ready.size} + {ready.postponed}"
    lanes = [lane for queue in ready._queues.values() for _, lane in queue.heads]
    lanes += [lane for parked in ready._parked.values() for lane in parked]
    if len({id(lane) for lane in lanes}) != len(lanes) or not all(lane.tasks for lane in lanes):
        yield "a lane is listed twice, or listed and empty"
    if any(lane.tasks and lane not in lanes for lane in ready._lanes.values()):
        yield "a lane with tasks is listed nowhere"
    if any(not limit.full for limit in ready._parked):
        yield "a lane is parked although its group has room"


def _limits(machine: RunMachine) -> Iterator[str]:
    running = machine.running()
    if machine._limits.run.taken != len(running):
        yield f"{len(running)} run, the limit counts {machine._limits.run.taken}"
    by_limit: Counter[Limit | None] = Counter(machine._profiles[task].lane.limit for task, _ in running)
    for name, limit in machine._limits.groups.items():
        if limit.taken != by_limit[limit]:
            yield f"{by_limit[limit]} of group {name} run, the limit counts {limit.taken}"


def _failures(machine: RunMachine) -> Iterator[str]:
    for task, code in enumerate(machine._status):
        if code in (FAILED, STOPPED) and task not in machine._unable and not machine._stopped:
            yield f"task {task} failed, but blocks nothing"
    for task, origin in machine._unable.items():
        if machine._status[task] not in (PENDING, FAILED, STOPPED):
            yield f"task {task} counts as unable to run because of {origin.task}, but is {machine.status(task)}"
    for child, parent in machine._parents.items():
        if machine._status[parent] not in (FORWARDED, STOPPED):
            yield f"task {child} goes on in place of {parent}, which is {machine.status(parent)}"
