"""What the driver waits on: reports of executors, other threads, other processes; never by polling."""

from __future__ import annotations

import select
from collections.abc import Iterable

from manyhands.engine.rope import Rope
from manyhands.ports.executor import Executor
from manyhands.ports.store import Wakeable


class Doorbell:
    """One wait over everything that can bring news."""

    def __init__(self, executors: Iterable[Executor]) -> None:
        self._executors = list(executors)
        self._rope = Rope()
        self._poll = select.poll()
        self._poll.register(self._rope.ear, select.POLLIN)
        self._known: set[int] = set()
        self._wake: Wakeable | None = None
        self.news = False
        """The driver is to look at the store: another process has said so, or it is time; the driver sets it back."""
        self.heard = False
        """Another process has told us to look at the store; the engine service, which looks too, sets it back."""

    def listen(self, wake: Wakeable) -> None:
        """Hear other processes too."""
        self._wake = wake
        self._poll.register(wake.fileno(), select.POLLIN)

    def ring(self) -> None:
        """Wake the waiting thread, from any other."""
        self._rope.pull()

    def announce(self) -> None:
        """Have the driver look at the store, from any thread."""
        self.news = True
        self.ring()

    def wait(self, seconds: float) -> None:
        """Until there is news, at most so many seconds."""
        for executor in self._executors:
            descriptor = executor.fileno()
            if descriptor is not None and descriptor not in self._known:
                self._known.add(descriptor)
                self._poll.register(descriptor, select.POLLIN)
        for descriptor, _ in self._poll.poll(seconds * 1000.0):
            if descriptor == self._rope.ear:
                self._rope.silence()
            elif self._wake is not None and descriptor == self._wake.fileno():
                self._wake.drain()
                self.news = self.heard = True

    def close(self) -> None:
        self._rope.close()
