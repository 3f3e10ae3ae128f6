"""How many launches a worker should hold, judged by how long their like took of late."""

from __future__ import annotations

SHORT_SECONDS = 0.002
"""Attempts that take less are worth queueing behind each other."""

BRIEF_SECONDS = 0.020
"""Attempts that take less are worth having at hand for the moment a worker is free."""

AHEAD_SECONDS = 0.007
DEPTH = 64
"""At most so many launches are held by one worker."""

WEIGHT = 0.2
LABELS = 10_000


class Pace:
    """Moving average of attempts of one label."""

    __slots__ = ("average", "depth")

    def __init__(self, seconds: float) -> None:
        self.average = seconds
        self.depth = depth_for(seconds)

    def saw(self, seconds: float) -> None:
        average = self.average = self.average + (seconds - self.average) * WEIGHT
        self.depth = depth_for(average)


def depth_for(seconds: float) -> int:
    if seconds >= SHORT_SECONDS:
        return 1
    return min(DEPTH, int(AHEAD_SECONDS / seconds)) if seconds > AHEAD_SECONDS / DEPTH else DEPTH


class Paces:
    """The pace of every label, and of the one that was last heard of."""

    def __init__(self) -> None:
        self._known: dict[str, Pace] = {}
        self._last: Pace | None = None

    def saw(self, label: str, seconds: float) -> None:
        pace = self._known.get(label)
        if pace is None:
            if len(self._known) >= LABELS:
                self._known.clear()
            pace = self._known[label] = Pace(seconds)
        else:
            pace.saw(seconds)
        self._last = pace

    def depth(self, label: str) -> int:
        """1 for what nobody has seen yet."""
        pace = self._known.get(label)
        return 1 if pace is None else pace.depth

    def ahead(self) -> int:
        """Launches per slot that are welcome beyond the one that runs: twice the depth, so that workers can be given
        more while the engine is busy with what they have done."""
        last = self._last
        if last is None:
            return 0
        if last.depth > 1:
            return 2 * last.depth - 1
        return 1 if last.average < BRIEF_SECONDS else 0
