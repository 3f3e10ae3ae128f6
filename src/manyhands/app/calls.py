"""What a flow's `work.run(...)` does about a call, and what it asks of whoever carries calls out."""

from __future__ import annotations

from enum import Enum
from typing import Any, Protocol, TypeVar

Status = dict[str, Any]
"""One record of a history: `stage`, `timestamp` (seconds of the epoch), and `reason`, `message` where there are any."""

Entry = dict[str, Any]
"""One call in `Work._calls`: `statuses` (oldest first) and, once the call has succeeded, `ret`. Plain JSON."""

WorkT_contra = TypeVar("WorkT_contra", contravariant=True)


class Decision(Enum):
    """What becomes of one `work.run(...)` in a flow."""

    SEND = "send"
    """Nobody has made this call: record `pending` and submit it."""
    WAIT = "wait"
    """The call was made and has not succeeded: it waits, runs, or failed. Nothing is sent."""
    RETURN = "return"
    """The call succeeded and counts for ever: the flow goes on."""
    AGAIN = "again"
    """The call succeeded and is not cached: drop `ret`, record `pending`, submit it once more."""

    @property
    def sends(self) -> bool:
        """Whether the call goes to the work."""
        return self in (Decision.SEND, Decision.AGAIN)


def decide(entry: Entry | None, cache_calls: bool, restarting: bool = False) -> Decision:
    """What to do about a call whose entry is `entry`, None where nobody has made it.

    `restarting` is for a work whose process was ended and begun anew: what it had not finished is sent again.
    Unless the decision is RETURN, a work that is not parallel then unwinds the flow's `run` by `CallPending`.
    """
    if entry is None:
        return Decision.SEND
    if "ret" not in entry:
        return Decision.SEND if restarting else Decision.WAIT
    return Decision.RETURN if cache_calls else Decision.AGAIN


class Calls(Protocol[WorkT_contra]):
    """Carries out the calls of works; the flow's thread alone calls it, and no method waits for the work.

    `Tree.backend` holds it for all components of one tree, so a work that is added later has it too. Before `submit`
    and `start`, the work has recorded `pending` itself. Everything after that is reported back by the backend, in the
    flow's thread and in the order in which it happened:

    * `work._record_(key, status)` for each further status of a call. `running` and `started` make the call the latest
      one (`latest_call_hash`); `succeeded` gives the entry its `ret`.
    * `work.apply(delta)` for changes of the work's state (see `delta`), before the status that follows them.
    """

    def submit(self, work: WorkT_contra, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Queue a call: a work runs its calls one at a time, in the order of submission.

        `key` names it in `work._calls`; `work._prints_[key]` is the hex of its full fingerprint. The first call of a
        work starts its process.
        """

    def start(self, work: WorkT_contra, key: str) -> None:
        """Start the work's process without a call; `started` is recorded under `key` when it is ready."""

    def stop(self, work: WorkT_contra) -> None:
        """End the work's process after `on_exit`, and give up its queued calls. `stopped` has been recorded."""

    def delete(self, work: WorkT_contra) -> None:
        """End the work's process and forget what it holds; records no status."""
