"""The executor that gives every lane a process of its own, which lives on between the attempts of that lane."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from manyhands.executors import wire
from manyhands.executors.cores import WORKS
from manyhands.executors.link import Link
from manyhands.executors.process import ENTRY_MODULE, ProcessExecutor, canceled
from manyhands.model.outcomes import AttemptKey, Failure, Launch, key_of
from manyhands.model.states import Cause

Lane = tuple[int, str]
"""A run and a label: what shares a process. Labels are names within a run; two runs may have the same."""


def lane_of(launch: Launch) -> Lane:
    return launch.run, launch.label


class DedicatedExecutor(ProcessExecutor):
    """One long-lived process per lane: what an attempt leaves in its memory, the next attempt of the lane finds there.

    Attempts of a lane run one at a time, in the order in which they were started; lanes do not wait for each other, but
    for `slots`. A lane's process is forked for its first attempt and goes on until the lane is ended, one of its
    attempts is canceled, or it dies; the next attempt then gets a new one, once the old one is gone.

    `lane`: which lane a launch belongs to; by default that of its run and label. Other arguments are those of
    `ProcessExecutor`; unless a `log_folder` is given, processes write to where this process does, as they go.
    """

    name = "dedicated"

    def __init__(
        self,
        slots: int = WORKS,
        settings: dict[str, Any] | None = None,
        log_folder: str | os.PathLike[str] | None = None,
        grace: float = 1.0,
        echo: bool = True,
        preload: Sequence[str] = (ENTRY_MODULE,),
        lane: Callable[[Launch], Lane] = lane_of,
    ) -> None:
        self._lane_of = lane
        self._lanes: dict[Lane, Link] = {}
        self._lane_names: dict[int, Lane] = {}
        self._busy: set[Lane] = set()
        """Lanes that have an attempt under way, or at the head of the line."""
        self._parked: dict[Lane, deque[Launch]] = {}
        super().__init__(slots, settings, log_folder, grace, echo, preload)

    def start(self, launches: Sequence[Launch]) -> None:
        for launch in launches:
            lane = self._lane_of(launch)
            if lane in self._busy:
                self._parked.setdefault(lane, deque()).append(launch)
            else:
                self._busy.add(lane)
                self._queue.append(launch)
        self._dispatch()

    def backlog(self) -> int:
        return 0

    def cancel(self, attempts: Sequence[AttemptKey], grace: float) -> None:
        wanted = set(attempts)
        for lane, parked in list(self._parked.items()):
            for launch in [launch for launch in parked if key_of(launch) in wanted]:
                parked.remove(launch)
                self._report(launch, canceled())
            if not parked:
                del self._parked[lane]
        for launch in [launch for launch in self._queue if key_of(launch) in wanted]:
            self._queue.remove(launch)
            self._report(launch, canceled())
            self._free(self._lane_of(launch))
        super().cancel(attempts, grace)

    def end(self, lane: Lane, grace: float) -> bool:
        """Stop the lane's process: SIGTERM, and SIGKILL after `grace` seconds. An attempt that it runs is reported as
        canceled. Does not wait. False when the lane has no process."""
        link = self._lanes.get(lane)
        if link is None:
            return False
        link.canceled.update((key_of(launch), grace) for _, launch in link.outstanding)
        if not link.doomed:
            self._retire(link)
            if self._server is not None:
                self._server.stop(link.serial, grace)
        return True

    def drop(self, lane: Lane, grace: float) -> None:
        """End the lane with all that waits in it; each attempt is reported as canceled."""
        waiting = [*self._parked.get(lane, ()), *(launch for launch in self._queue if self._lane_of(launch) == lane)]
        self.cancel([key_of(launch) for launch in waiting], grace)
        self.end(lane, grace)

    def pid(self, lane: Lane) -> int | None:
        """The lane's process; None while it has none."""
        link = self._lanes.get(lane)
        return (link.pid or None) if link is not None else None

    # --- giving out ------------------------------------------------------------------------------------------------

    def _dispatch(self) -> None:
        queue = self._queue
        while queue:
            weight = self._weight(queue[0])
            if weight > self.slots - self._used:
                return
            lane = self._lane_of(queue[0])
            link = self._lanes.get(lane) or self._open(lane)
            if link is None:
                self._report(queue.popleft(), _no_place())
                self._free(lane)
                continue
            if link.doomed:
                # It is about to be gone; until then it may hold what its successor will want, such as a port.
                self._parked.setdefault(lane, deque()).appendleft(queue.popleft())
                continue
            link.weight = weight
            self._used += weight
            self._give(link, 1)

    def _open(self, lane: Lane) -> Link | None:
        """A process for the lane; None when there can be no more."""
        if not self._idle and len(self._links) >= wire.Board.PLACES:
            return None
        link = self._idle.pop() if self._idle else self._spawn()
        self._lanes[lane] = link
        self._lane_names[link.serial] = lane
        return link

    def _settle(self, link: Link) -> None:
        if link.outstanding or link.doomed or not link.weight:
            return
        self._used -= link.weight
        link.weight = 0
        self._free(self._lane_names[link.serial])

    def _free(self, lane: Lane) -> None:
        """The lane's turn is over: what waits next in it gets in line."""
        parked = self._parked.get(lane)
        if parked:
            self._queue.append(parked.popleft())
            if not parked:
                del self._parked[lane]
        else:
            self._busy.discard(lane)

    def _ended(self, link: Link, code: int | None, error: str) -> None:
        super()._ended(link, code, error)
        lane = self._lane_names.pop(link.serial, None)
        if lane is not None:
            del self._lanes[lane]
            if not any(self._lane_of(launch) == lane for launch in self._queue):
                self._free(lane)

    def _drop_everything(self) -> None:
        super()._drop_everything()
        self._lanes.clear()
        self._lane_names.clear()
        self._busy.clear()
        self._parked.clear()


def _no_place() -> Failure:
    return Failure(
        Cause.LOST,
        f"could not be begun, as there are {wire.Board.PLACES} processes already. End some of them first.",
    )
