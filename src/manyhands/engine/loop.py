"""The base of every background loop, and the one thread that turns them all."""

from __future__ import annotations

import logging
import random
import threading
import time

log = logging.getLogger("manyhands")

JITTER = 0.1
"""Share of the interval by which a tick may come early, so that many processes do not tick as one."""


class Loop:
    """Something to be done again and again. A subclass writes `tick`; tests call it directly.

    An exception in `tick` is logged and the loop goes on: one bad round must not end the heartbeat of a process.
    """

    def __init__(self, interval: float, *, first: float | None = None) -> None:
        self.interval = interval
        self.due = time.monotonic() + (interval if first is None else first)

    def tick(self) -> None:
        raise NotImplementedError

    def run_if_due(self, now: float, chance: float) -> None:
        if now < self.due:
            return
        try:
            self.tick()
        except Exception:
            log.exception("%s failed; it is tried again in %.0f s", type(self).__name__, self.interval)
        self.due = now + self.interval * (1.0 - JITTER * chance)


class Loops:
    """Turns loops in one thread of its own, asleep until the next is due."""

    def __init__(self, *loops: Loop) -> None:
        self._loops = loops
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._chance = random.Random()  # noqa: S311 - jitter, not a secret

    def add(self, loop: Loop) -> None:
        """One loop more; before the start."""
        self._loops = (*self._loops, loop)

    def start(self) -> None:
        """Start the thread, once."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="manyhands-loops", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            now = time.monotonic()
            for loop in self._loops:
                loop.run_if_due(now, self._chance.random())
            soonest = min(loop.due for loop in self._loops)
            self._stop.wait(max(0.01, soonest - time.monotonic()))

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=5.0)
