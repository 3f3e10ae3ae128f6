"""The structure of a run's graph in columns, and the set of its tasks that are ready to start."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Collection, Iterable, Sequence
from heapq import heappop, heappush, heapreplace

from manyhands.machine.limits import Limit, Limits
from manyhands.model.errors import CycleError, UsageError
from manyhands.model.records import NewTask, TaskRecord


class Graph:
    """Who waits for whom. Per task: how many upstreams it still waits for. Per edge: the downstream, and the next edge
    of the same upstream; each upstream's edges form a ring, of which the task knows the last."""

    __slots__ = ("_last", "_next", "_targets", "waiting")

    def __init__(self) -> None:
        self.waiting: list[int] = []
        self._last: list[int] = []
        self._next = array("i")
        self._targets = array("i")

    def __len__(self) -> int:
        return len(self.waiting)

    def check(self, tasks: Sequence[NewTask]) -> None:
        """Refuse tasks that do not follow on those there are, or whose edges lead nowhere or in a circle."""
        base = len(self.waiting)
        end = base + len(tasks)
        in_order = True
        for ordinal, task in enumerate(tasks, base):
            if task.ordinal != ordinal:
                raise UsageError(f"Task number {task.ordinal} was added where {ordinal} is next. Add tasks in order.")
            for upstream in task.upstreams:
                if not 0 <= upstream < ordinal:
                    if not 0 <= upstream < end:
                        raise UsageError(f"Task {ordinal} has the upstream {upstream}, which is unknown. Add it first.")
                    in_order = False
        if not in_order:
            refuse_cycle(base, tasks)

    def extend(self, tasks: Sequence[NewTask] | Sequence[TaskRecord], status: bytearray, done: int) -> None:
        """Add tasks and the edges to them. An upstream whose `status` is at least `done` is not waited for."""
        count = len(tasks)
        self.waiting += [0] * count
        self._last += [-1] * count
        waiting, last, following, targets = self.waiting, self._last, self._next, self._targets
        for task in tasks:
            upstreams = task.upstreams
            if not upstreams:
                continue
            ordinal = task.ordinal
            left = 0
            for upstream in upstreams:
                if status[upstream] >= done:
                    continue
                left += 1
                edge = len(targets)
                targets.append(ordinal)
                before = last[upstream]
                if before < 0:
                    following.append(edge)
                else:
                    following.append(following[before])
                    following[before] = edge
                last[upstream] = edge
            waiting[ordinal] = left

    def release(self, task: int) -> Sequence[int]:
        """The task is done: those that now wait for nothing more, in the order their edges were added."""
        last = self._last[task]
        if last < 0:
            return ()
        waiting, following, targets = self.waiting, self._next, self._targets
        freed = []
        edge = following[last]
        while True:
            target = targets[edge]
            left = waiting[target] = waiting[target] - 1
            if not left:
                freed.append(target)
            if edge == last:
                return freed
            edge = following[edge]

    def downstreams(self, task: int) -> list[int]:
        """All tasks that have an edge from this one, in the order these were added."""
        found: list[int] = []
        last = self._last[task]
        if last >= 0:
            edge = self._next[last]
            while True:
                found.append(self._targets[edge])
                if edge == last:
                    break
                edge = self._next[edge]
        return found


def refuse_cycle(base: int, tasks: Sequence[NewTask]) -> None:
    """Raise when these tasks, whose ordinals begin at `base`, depend on each other in a circle."""
    inside = [[upstream for upstream in task.upstreams if upstream >= base] for task in tasks]
    waiting = [len(upstreams) for upstreams in inside]
    downstreams: list[list[int]] = [[] for _ in tasks]
    for index, upstreams in enumerate(inside):
        for upstream in upstreams:
            downstreams[upstream - base].append(index)
    free = [index for index, count in enumerate(waiting) if not count]
    for index in free:  # grows while it is read
        for downstream in downstreams[index]:
            waiting[downstream] -= 1
            if not waiting[downstream]:
                free.append(downstream)
    if len(free) == len(tasks):
        return
    # Each task that is left over waits for another such; going from one to the next must come back to some task.
    index = next(index for index, count in enumerate(waiting) if count)
    path: dict[int, int] = {}
    while index not in path:
        path[index] = len(path)
        index = next(upstream - base for upstream in inside[index] if waiting[upstream - base])
    circle = [other for other, place in path.items() if place >= path[index]]
    raise CycleError(", ".join(tasks[other].name or tasks[other].spec.base for other in reversed(circle)))


class Queue:
    """What waits for one executor: the lanes whose first task may start, by its turn, and what is not yet due."""

    __slots__ = ("due", "heads")

    def __init__(self) -> None:
        self.heads: list[tuple[int, Lane]] = []
        self.due: list[tuple[float, int, int, Lane]] = []


class Lane:
    """Ready tasks that differ in nothing that decides whether they may start; first come, first served."""

    __slots__ = ("limit", "queue", "slots", "tasks")

    def __init__(self, queue: Queue, limit: Limit | None, slots: int) -> None:
        self.queue = queue
        self.limit = limit
        self.slots = slots
        self.tasks: deque[int] = deque()


class ReadySet:
    """Tasks that wait for a place only, in lanes. `size`: how many they are; `postponed`: how many wait for a time.

    Each task that gets ready draws a turn, a rising number. Among the tasks of one executor whose group has room, the
    one with the lowest turn starts first; when it needs more slots than there are, all others wait behind it, or else
    it might wait for ever. A lane with tasks is in its queue's heads once, or parked once for its group to have room.
    """

    __slots__ = ("_lanes", "_limits", "_parked", "_queues", "_turn", "_turns", "postponed", "size")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._queues: dict[str, Queue] = {}
        self._lanes: dict[tuple[str, str | None, int], Lane] = {}
        self._parked: dict[Limit, list[Lane]] = {}
        self._turns: list[int] = []
        self._turn = 0
        self.size = 0
        self.postponed = 0

    def lane(self, executor: str, group: str | None, slots: int) -> Lane:
        """The lane for tasks of this kind."""
        key = (executor, group, slots)
        lane = self._lanes.get(key)
        if lane is None:
            queue = self._queues.get(executor)
            if queue is None:
                queue = self._queues[executor] = Queue()
            lane = self._lanes[key] = Lane(queue, self._limits.of(group), slots)
        return lane

    def extend(self, count: int) -> None:
        """So many tasks more are known."""
        self._turns += [0] * count

    def push(self, task: int, lane: Lane) -> None:
        """The task is ready; it goes behind all that are."""
        turn = self._turn
        self._turn = turn + 1
        self._turns[task] = turn
        tasks = lane.tasks
        tasks.append(task)
        self.size += 1
        if len(tasks) == 1:
            heappush(lane.queue.heads, (turn, lane))

    def put_back(self, task: int, lane: Lane) -> None:
        """The task was taken for nothing; it keeps its turn, and so comes before all that got ready after it."""
        own = Lane(lane.queue, lane.limit, lane.slots)
        own.tasks.append(task)
        self.size += 1
        heappush(lane.queue.heads, (self._turns[task], own))

    def postpone(self, task: int, lane: Lane, due: float) -> None:
        """The task will be ready at this time."""
        turn = self._turn
        self._turn = turn + 1
        self.postponed += 1
        heappush(lane.queue.due, (due, turn, task, lane))

    @property
    def executors(self) -> Collection[str]:
        """The executors that tasks have asked for so far."""
        return self._queues.keys()

    def next_due(self) -> float | None:
        """When the first postponed task is due."""
        if not self.postponed:
            return None
        return min(queue.due[0][0] for queue in self._queues.values() if queue.due)

    def wake(self, executor: str, now: float) -> bool:
        """Make ready what is due; False when the executor has nothing to start then, whatever its room."""
        queue = self._queues.get(executor)
        if queue is None:
            return False
        due = queue.due
        while due and due[0][0] <= now:
            _, _, task, lane = heappop(due)
            self.postponed -= 1
            self.push(task, lane)
        return bool(queue.heads) and not self._limits.run.full

    def take(self, executor: str, room: int) -> list[int]:
        """Tasks that start now: as many as fit into `room` slots and the limits, which count them from now on."""
        taken: list[int] = []
        whole = self._limits.run
        places = whole.bound - whole.taken
        heads = self._queues[executor].heads
        turns = self._turns
        while heads and places > 0 and room > 0:
            lane = heads[0][1]
            limit = lane.limit
            if limit is not None:
                if limit.full:
                    heappop(heads)
                    self._parked.setdefault(limit, []).append(lane)
                    continue
                if lane.slots <= room:
                    limit.taken += 1
            if lane.slots > room:
                break
            tasks = lane.tasks
            taken.append(tasks.popleft())
            places -= 1
            room -= lane.slots
            if tasks:
                heapreplace(heads, (turns[tasks[0]], lane))
            else:
                heappop(heads)
        self.size -= len(taken)
        whole.taken += len(taken)
        return taken

    def leave(self, lane: Lane) -> None:
        """A task that was taken from this lane runs no more: its place is free."""
        self._limits.run.taken -= 1
        limit = lane.limit
        if limit is not None:
            limit.taken -= 1
            if self._parked:
                self.unpark(limit)

    def unpark(self, limit: Limit) -> None:
        """The group of this limit may have room again."""
        if not limit.full:
            for lane in self._parked.pop(limit, ()):
                heappush(lane.queue.heads, (self._turns[lane.tasks[0]], lane))

    def in_line(self) -> Iterable[int]:
        """Every task that is ready or postponed, in no order."""
        lanes = {id(lane): lane for lane in self._lanes.values()}
        for queue in self._queues.values():
            lanes.update((id(lane), lane) for _, lane in queue.heads)
            yield from (task for _, _, task, _ in queue.due)
        for parked in self._parked.values():
            lanes.update((id(lane), lane) for lane in parked)
        for lane in lanes.values():
            yield from lane.tasks
