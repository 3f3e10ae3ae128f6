"""What the loop asks of whoever runs the calls of works."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

from manyhands.model.states import Cause


class Wanted(NamedTuple):
    """A call to be run. `key`: its key in the work; None only starts the work's process. `seen`: see `far.Order`.

    `attempts`: tries in all; `delay`: seconds between them; `timeout`: seconds that one may take.
    """

    work: str
    key: str | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    seen: int
    attempts: int = 1
    delay: float = 0.0
    timeout: float | None = None


class Ended(NamedTuple):
    """A call is over for good. `cause`: why it failed; None when it has succeeded. `timeouts`: how many of its tries
    have taken too long."""

    work: str
    key: str | None
    cause: Cause | None = None
    message: str = ""
    timeouts: int = 0


class Runner(Protocol):
    """Runs calls in the processes of their works, those of one work one after the other. Nothing here waits for them.

    Only the loop's thread uses it.
    """

    def submit(self, wanted: Wanted) -> None:
        """Run the call; its end is told by `ended`, once. When this returns the call is not forgotten any more."""

    def ended(self) -> list[Ended]:
        """What has ended since the last time. The loop is rung when there is something."""

    def heard_of(self, work: str, key: str) -> None:
        """The work's process runs this call; it may be one that was not submitted here, whose end is to be told too."""

    def stop(self, work: str) -> None:
        """Give up the work's calls, and end its process: SIGTERM, and SIGKILL after the grace. What is given up is
        not told by `ended` any more."""

    def alive(self, work: str) -> bool:
        """Whether the work has a process."""
