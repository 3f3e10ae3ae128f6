"""The line in which workflows wait when this process may run no more of them at once."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from manyhands.engine.drive import Drive
from manyhands.engine.service import Engine
from manyhands.model.errors import ManyhandsError, RunActive, RunNotFound, RunNotResumable, StateError
from manyhands.model.kinds import WORKFLOW

log = logging.getLogger("manyhands")

Open = Callable[[str], None]
"""Take up a run by its id."""


class LineFull(StateError, queue.Full):
    """As many workflows run and wait as may: `LineFull(running, waiting)`."""

    text = (
        "Workflow queue has been full: {0} run and {1} wait. Wait for some, or give `init` a larger "
        "`max_running_workflows` or `max_pending_workflows`."
    )


class Place:
    """Where a run that is about to begin, or to wait, is counted until it does. Leaving the block gives up what was not
    used. `waits`: whether it has to wait."""

    def __init__(self, line: Line, waits: bool, counted: bool = True) -> None:
        self._line = line
        self.waits = waits
        self._counted = counted

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *error: object) -> None:
        self.leave()

    def leave(self) -> None:
        """Whoever had the place has begun, or waits, or is not to be any more."""
        if self._counted:
            self._counted = False
            self._line.free(self)

    def began(self, drive: Drive) -> None:
        """The run goes on."""
        self._line.began(drive, self)

    def enter(self, run_id: str) -> None:
        """The run waits; it is in the store."""
        self._line.enter(run_id, self)


class Line:
    """Lets so many runs go on at once, and the others one by one in the order they came, as soon as there is room.

    `running`, `waiting`: at most so many; None is no bound. A run that waits is in the store, and can be taken up by
    others like any other.
    """

    def __init__(self, engine: Engine, open_run: Open, running: int | None, waiting: int | None) -> None:
        self._engine = engine
        self._open = open_run
        self._most_running = running
        self._most_waiting = waiting
        self._running: list[Drive] = []
        self._waiting: deque[str] = deque()
        self._places = {True: 0, False: 0}
        """How many are about to wait, and how many are about to begin."""
        self._next: str | None = None
        """Whose turn has come."""
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def place(self, kind: str, *, elsewhere: bool = False) -> Place:
        """A place for a run of this kind; one that is driven `elsewhere` needs none here. Errors: `LineFull`."""
        if elsewhere or self._most_running is None or kind != WORKFLOW:
            return Place(self, waits=False, counted=False)
        with self._lock:
            waits = bool(self._waiting) or self._next is not None or not self._room()
            if waits and self._most_waiting is not None and self._count_waiting() >= self._most_waiting:
                raise LineFull(self._count_running(), self._count_waiting())
            self._places[waits] += 1
            return Place(self, waits)

    def free(self, place: Place) -> None:
        with self._lock:
            self._places[place.waits] -= 1

    def began(self, drive: Drive, place: Place | None = None) -> None:
        """One more run goes on."""
        if self._most_running is not None and drive.kind == WORKFLOW:
            with self._lock:
                if place is not None:
                    place.leave()
                self._running = [each for each in self._running if not each.done]
                self._running.append(drive)

    def enter(self, run_id: str, place: Place) -> None:
        with self._lock:
            place.leave()
            self._waiting.append(run_id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="manyhands-line", daemon=True)
                self._thread.start()

    def leave(self, run_id: str) -> None:
        """Have a run wait no more, if it does."""
        with self._lock, suppress(ValueError):
            self._waiting.remove(run_id)

    def __contains__(self, run_id: str) -> bool:
        return run_id == self._next or run_id in self._waiting

    def _count_waiting(self) -> int:
        return len(self._waiting) + self._places[True]

    def _count_running(self) -> int:
        return sum(not drive.done for drive in self._running) + self._places[False]

    def _room(self) -> bool:
        return self._count_running() < (self._most_running or 0)

    def _serve(self) -> None:
        while True:
            self._engine.run_until(lambda: self._engine.closed or self._room())
            with self._lock:
                if self._engine.closed or not self._waiting:
                    self._thread = None
                    return
                if not self._room():
                    continue
                self._next = self._waiting.popleft()
            self._take_up(self._next)
            self._next = None

    def _take_up(self, run_id: str) -> None:
        try:
            self._open(run_id)
        except (RunActive, RunNotFound, RunNotResumable):
            pass  # somebody else has it, or it was canceled or deleted
        except ManyhandsError as error:
            log.error("Workflow %s, which waited for its turn, cannot begin: %s", run_id, error)
