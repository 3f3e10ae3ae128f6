"""The pure machine without store or executor: a large graph is added, released and finished."""

from __future__ import annotations

import random
import resource
import sys
from array import array
from collections.abc import Callable
from time import perf_counter

from common import DOES_NOT_APPLY, Against, Job, Limit, Measured, Subject, System
from manyhands.machine.run import RunMachine
from manyhands.model.outcomes import Value
from manyhands.model.records import NewTask
from manyhands.model.specs import TaskSpec
from manyhands.model.states import RunStatus
from manyhands.model.values import Encoded

EDGES_PER_TASK = 2
REACH = 1000
"""An upstream lies at most so many tasks back: wide enough for a long ready set, deep enough for many waves."""

BATCH = 1000
"""Tasks that are added at once, and the slots that are offered."""

SPEC = TaskSpec("step", "step", "", Encoded("msgpack"))
DONE = Value(Encoded("msgpack"))


def _edges(tasks: int) -> tuple[array[int], array[int]]:
    """Upstream and downstream of every edge, two for every task but the first ones; no edge twice."""
    chance = random.Random(20)
    upstream, downstream = array("q"), array("q")
    for task in range(EDGES_PER_TASK, tasks):
        for above in chance.sample(range(max(0, task - REACH), task), EDGES_PER_TASK):
            upstream.append(above)
            downstream.append(task)
    return upstream, downstream


def _peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1_000_000 if sys.platform == "darwin" else 1000)


def _drive_machine(tasks: int, upstream: array[int], downstream: array[int]) -> int:
    """Adds the graph to the machine in batches, then has what is ready started and succeed until nothing is left.

    What the machine is given is made while the clock runs, as no caller comes by it for nothing. Returns how many
    tasks were finished.
    """
    machine = RunMachine(entry=None)
    edge = 0
    for base in range(0, tasks, BATCH):
        batch = []
        for task in range(base, min(base + BATCH, tasks)):
            above = []
            while edge < len(downstream) and downstream[edge] == task:
                above.append(upstream[edge])
                edge += 1
            batch.append(NewTask(task, f"step_{task}", SPEC, above, None, 0.0))
        machine.add(batch)
    finished = 0
    while starts := machine.offer("process", BATCH, 1.0):
        for start in starts:
            finished += len(machine.ended(start.task, start.attempt, DONE, 2.0, 0.5))
    end = machine.over(3.0)
    if end is None or end.to is not RunStatus.SUCCEEDED:
        raise AssertionError(f"the run ended with {end!r}")
    return finished


def _drive_arrays(tasks: int, upstream: array[int], downstream: array[int]) -> int:
    """The least that any graph must do: count the upstreams of each task and walk the downstreams of each finished."""
    waits = array("q", bytes(8 * tasks))
    start = array("q", bytes(8 * (tasks + 1)))
    for above, below in zip(upstream, downstream, strict=True):
        waits[below] += 1
        start[above + 1] += 1
    for task in range(tasks):
        start[task + 1] += start[task]
    place = array("q", start)
    below_of = array("q", bytes(8 * len(upstream)))
    for above, below in zip(upstream, downstream, strict=True):
        below_of[place[above]] = below
        place[above] += 1
    ready = [task for task in range(tasks) if waits[task] == 0]
    finished = 0
    while ready:
        task = ready.pop()
        finished += 1
        for at in range(start[task], start[task + 1]):
            below = below_of[at]
            waits[below] -= 1
            if waits[below] == 0:
                ready.append(below)
    return finished


def _measured(job: Job, drive: Callable[[int, array[int], array[int]], int]) -> Measured:
    upstream, downstream = _edges(job.size)
    started = perf_counter()
    finished = drive(job.size, upstream, downstream)
    seconds = perf_counter() - started
    if finished != job.size:
        raise AssertionError(f"{finished} of {job.size} tasks were finished")
    return Measured(1, seconds, {"MB peak": _peak_mb()})


def manyhands_machine(job: Job) -> Measured:
    return _measured(job, _drive_machine)


def bare_arrays(job: Job) -> Measured:
    return _measured(job, _drive_arrays)


SUBJECT = Subject(
    name="machine_alone",
    title=f"graph of tasks with {EDGES_PER_TASK} edges each: add, release, finish",
    unit="s",
    size=1_000_000,
    quick_size=100_000,
    repeats=3,
    quick_repeats=1,
    systems=(
        System(
            "manyhands_machine",
            "manyhands machine, no store, no executor",
            "ours",
            DOES_NOT_APPLY,
            manyhands_machine,
            against=(Against("bare_arrays"),),
            limits=(Limit(20.0), Limit(600.0, "MB peak")),
        ),
        System("bare_arrays", "bare counting over arrays, same graph", "ours", DOES_NOT_APPLY, bare_arrays),
    ),
)
