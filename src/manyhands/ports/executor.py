"""What the engine may ask of an executor; the docstrings are obligations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from manyhands.model.outcomes import AttemptKey, Launch, Report


class Executor(Protocol):
    """Starts attempts somewhere and reports how they ended.

    It carries each launch's payload unread to the far side, where the launch's entry is called with it. Every launch
    that was started is reported exactly once, whatever happens to its worker: a worker that dies in the middle of an
    attempt is noticed by its exit and reported as `Failure(cause=lost, exit_code, signal)`; launches that were handed
    to that worker but not begun are reported as `Returned`, at no cost. Not thread-safe: the engine's driving thread
    alone calls it.
    """

    name: str

    @property
    def slots(self) -> int:
        """How many slots the executor has in all; a launch takes `launch.slots` of them."""
        ...

    def start(self, launches: Sequence[Launch]) -> None:
        """Take the launches, in order. Must not wait for any of them. The engine never has more slots launched than
        `slots × depth`, where `depth` is `backlog()`."""
        ...

    def backlog(self) -> int:
        """How many launches beyond its free slots the executor wants to hold, so that short tasks keep its workers
        busy; 0 where tasks are long."""
        ...

    def poll(self) -> list[Report]:
        """All reports that are there now, without waiting. An executor that runs in the caller runs one attempt."""
        ...

    def fileno(self) -> int | None:
        """A descriptor that is readable while `poll` would return something; None when `poll` is to be called at
        once while anything is started (inline)."""
        ...

    def deadline(self) -> float | None:
        """When, in monotonic seconds, `poll` wants to be called though its descriptor says nothing; None: never."""
        ...

    def began(self, attempt: AttemptKey) -> float | None:
        """When the body of an attempt that is under way began, in seconds since the epoch; None while it waits for
        its worker, and where that cannot be told. Its time-out counts from then."""
        ...

    def cancel(self, attempts: Sequence[AttemptKey], grace: float) -> None:
        """Really stop these attempts, given as (run, task, attempt): SIGTERM to the attempt's whole process group,
        SIGKILL after `grace` seconds. Each is still reported, as `Failure(cause=canceled)`. Unknown ones are passed
        over. Does not wait."""
        ...

    def close(self) -> None:
        """Stop every worker; no report follows. Safe to call twice."""
        ...
