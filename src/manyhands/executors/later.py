"""An executor that is made when it is first used: who uses none of its kind does not even load its code."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from manyhands.model.outcomes import AttemptKey, Launch, Report
from manyhands.ports.executor import Executor

VERBS = ("start", "backlog", "poll", "fileno", "deadline", "began", "cancel", "close")


class LaterExecutor:
    """Stands for the executor that `make` gives, and is idle until something is started. `slots`: how many that one
    will have."""

    def __init__(self, name: str, slots: int, make: Callable[[], Executor]) -> None:
        self.name = name
        self._slots = slots
        self._make = make
        self._made: Executor | None = None
        self._making = threading.Lock()
        self._closed = False

    @property
    def slots(self) -> int:
        return self._slots if self._made is None else self._made.slots

    def _executor(self) -> Executor:
        with self._making:
            if self._made is None:
                made = self._made = self._make()
                for verb in VERBS:  # from now on it costs nothing to ask this one instead of that
                    setattr(self, verb, getattr(made, verb))
                if self._closed:
                    made.close()
            return self._made

    def __getattr__(self, name: str) -> Any:
        """What only executors of its kind have."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._executor(), name)

    def start(self, launches: Sequence[Launch]) -> None:
        self._executor().start(launches)

    def backlog(self) -> int:
        return 0

    def poll(self) -> list[Report]:
        return []

    def fileno(self) -> int | None:
        return None

    def deadline(self) -> float | None:
        return None

    def began(self, attempt: AttemptKey) -> float | None:
        return None

    def cancel(self, attempts: Sequence[AttemptKey], grace: float) -> None:
        return None

    def close(self) -> None:
        self._closed = True
