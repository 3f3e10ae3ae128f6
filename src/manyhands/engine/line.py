"""The line in which workflows wait when this process may run no more of them at once."""

from __future__ import annotations

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable

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
        self._lock = threading.RLock()
        self._thread: threading.Thread | None = None

    def began(self, drive: Drive) -> None:
        """One more run goes on."""
        if self._most_running is not None and drive.kind == WORKFLOW:
            with self._lock:
                self._running.append(drive)

    def is_to_wait(self, kind: str) -> bool:
        """Whether a run of this kind has to wait now. Errors: `LineFull`."""
        if self._most_running is None or kind != WORKFLOW:
            return False
        with self._lock:
            if not self._waiting and self._room():
                return False
            if self._most_waiting is not None and len(self._waiting) >= self._most_waiting:
                raise LineFull(len(self._running), len(self._waiting))
            return True

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._waiting

    def enter(self, run_id: str) -> None:
        """Have a run wait that is in the store."""
        with self._lock:
            self._waiting.append(run_id)
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="manyhands-line", daemon=True)
                self._thread.start()

    def _room(self) -> bool:
        self._running = [drive for drive in self._running if not drive.done]
        return len(self._running) < (self._most_running or 0)

    def _serve(self) -> None:
        while True:
            self._engine.run_until(lambda: self._engine.closed or self._room())
            with self._lock:
                if self._engine.closed or not self._waiting:
                    self._thread = None
                    return
                if self._room():
                    self._take_up(self._waiting.popleft())

    def _take_up(self, run_id: str) -> None:
        try:
            self._open(run_id)
        except (RunActive, RunNotFound, RunNotResumable):
            pass  # somebody else has it, or it was canceled or deleted
        except ManyhandsError as error:
            log.error("Workflow %s, which waited for its turn, cannot begin: %s", run_id, error)
