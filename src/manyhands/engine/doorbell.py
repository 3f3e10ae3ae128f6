"""What the driver waits on: reports of executors, other threads, other processes; never by polling."""

from __future__ import annotations

import os
import select
from collections.abc import Iterable

from manyhands.ports.executor import Executor
from manyhands.ports.store import Wakeable


class Doorbell:
    """One wait over everything that can bring news."""

    def __init__(self, executors: Iterable[Executor]) -> None:
        self._executors = list(executors)
        self._ear, self._rope = os.pipe()
        os.set_blocking(self._ear, False)
        os.set_blocking(self._rope, False)
        self._poll = select.poll()
        self._poll.register(self._ear, select.POLLIN)
        self._known: set[int] = set()
        self._wake: Wakeable | None = None
        self.news = False
        """Another process has told us to look at the store; who looks sets it back."""

    def listen(self, wake: Wakeable) -> None:
        """Hear other processes too."""
        self._wake = wake
        self._poll.register(wake.fileno(), select.POLLIN)

    def ring(self) -> None:
        """Wake the waiting thread, from any other."""
        try:
            os.write(self._rope, b"!")
        except BlockingIOError:
            pass  # it has been rung often enough

    def heard(self) -> bool:
        """Whether another process has told us something that nobody has looked into yet."""
        return self.news

    def wait(self, seconds: float) -> None:
        """Until there is news, at most so many seconds."""
        for executor in self._executors:
            descriptor = executor.fileno()
            if descriptor is not None and descriptor not in self._known:
                self._known.add(descriptor)
                self._poll.register(descriptor, select.POLLIN)
        for descriptor, _ in self._poll.poll(seconds * 1000.0):
            if descriptor == self._ear:
                self._silence()
            elif self._wake is not None and descriptor == self._wake.fileno():
                self._wake.drain()
                self.news = True

    def _silence(self) -> None:
        try:
            while len(os.read(self._ear, 4096)) == 4096:
                pass
        except BlockingIOError:
            pass

    def close(self) -> None:
        os.close(self._ear)
        os.close(self._rope)
