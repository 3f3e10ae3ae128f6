"""Tasks of a run that wait for some of several others: which of these end is counted, so that none is looked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable


class Gatherings:
    """Counts down, as tasks end, what each task that gathers still lacks. It is worth a look when it lacks nothing."""

    def __init__(self) -> None:
        self._tasks: set[int] = set()
        self._lacks: dict[int, int] = {}
        self._awaited: dict[int, list[int]] = {}
        """Of a task that has not ended: who counts it."""
        self._complete: set[int] = set()
        self._failed = False

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def add(self, task: int) -> None:
        """The task gathers others from now on."""
        self._tasks.add(task)

    def discard(self, task: int) -> None:
        """The task has gathered what it will."""
        self._tasks.discard(task)
        self._lacks.pop(task, None)

    def lacks(self, task: int, number: int, open_tasks: Iterable[int]) -> None:
        """The task, when looked at, lacked so many of these, which have not ended."""
        if task not in self._lacks:
            for awaited in open_tasks:
                self._awaited.setdefault(awaited, []).append(task)
        self._lacks[task] = number

    def ended(self, task: int, *, failed: bool) -> None:
        """A task has ended. What cannot run after a failure is asked for later."""
        self._failed = self._failed or failed
        self.discard(task)
        self._count(task)

    def complete(self, cannot_run: Callable[[int], bool]) -> set[int]:
        """The tasks that may have enough by now, since this was last asked."""
        if self._failed:
            self._failed = False
            for task in [task for task in self._awaited if cannot_run(task)]:
                self._count(task)
        complete, self._complete = self._complete, set()
        return complete

    def _count(self, awaited: int) -> None:
        for task in self._awaited.pop(awaited, ()):
            if task in self._lacks:
                self._lacks[task] -= 1
                if self._lacks[task] <= 0:
                    self._complete.add(task)
