"""Live progress of a run on standard error: a display on a terminal, a line now and then anywhere else."""

from __future__ import annotations

import importlib
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Protocol, TextIO

import msgspec

from manyhands.model.states import TASK_TERMINAL, TaskStatus

LIVE = "manyhands.telemetry.live"
"""The display on a terminal; found by name, as it loads rich."""

SHORTEST = 0.1
"""Seconds between two updates that are shown."""

WINDOW = 30.0
"""Seconds over which the rate is measured."""

FIRST_LINE = 2.0
LONGEST_GAP = 60.0

SUCCESSES = frozenset({TaskStatus.SUCCEEDED, TaskStatus.SKIPPED})

NOTHING: Mapping[TaskStatus, int] = MappingProxyType({})


class Standing(msgspec.Struct, frozen=True):
    """How a run stands at one moment. `before`: tasks that were done when the run was begun or taken up. `rate`: tasks
    per second; `left`: seconds. Both are None while nobody can tell."""

    title: str
    total: int
    done: int
    running: int
    failed: int
    before: int
    elapsed: float
    rate: float | None
    left: float | None
    names: tuple[str, ...]

    def line(self) -> str:
        parts = [f"{self.done:,} of {self.total:,} done", f"{self.running:,} running", f"{self.failed:,} failed"]
        if self.rate:
            parts.append(f"{self.rate:.3g}/s")
        if self.left is not None:
            parts.append(f"about {clock(self.left)} left")
        return f"{self._head()}{', '.join(parts)} ({clock(self.elapsed)})"

    def _head(self) -> str:
        return f"{self.title}: " if self.title else ""

    def last_line(self) -> str:
        kept = f", {self.before:,} of them before" if self.before else ""
        failed = f", {self.failed:,} failed" if self.failed else ""
        return f"{self._head()}{self.done:,} of {self.total:,} done{kept}{failed} in {clock(self.elapsed)}"


class Display(Protocol):
    """Shows standings. `ask` gives the newest, for a display that moves by itself."""

    def start(self, ask: Callable[[], Standing]) -> None: ...

    def show(self, standing: Standing) -> None: ...

    def stop(self, standing: Standing) -> None: ...


def clock(seconds: float) -> str:
    """Seconds as on a watch: `0:07`, `12:30`, `1:02:03`."""
    whole = int(seconds + 0.5)
    hours, minutes = whole // 3600, whole // 60 % 60
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class Lines:
    """Lines for a log file: the first soon, further ones ever more seldom, one at the end."""

    def __init__(self, file: TextIO, monotonic: Callable[[], float]) -> None:
        self._file = file
        self._monotonic = monotonic
        self._gap = FIRST_LINE
        self._next = 0.0

    def start(self, ask: Callable[[], Standing]) -> None:
        self._next = self._monotonic() + self._gap

    def show(self, standing: Standing) -> None:
        now = self._monotonic()
        if now >= self._next:
            self._gap = min(self._gap * 2, LONGEST_GAP)
            self._next = now + self._gap
            self._write(standing.line())

    def stop(self, standing: Standing) -> None:
        self._write(standing.last_line())

    def _write(self, line: str) -> None:
        self._file.write(f"{line}\n")
        self._file.flush()


class Progress:
    """Shows how a run gets on, while it is entered.

    Somebody calls `update` as often as they like; what comes faster than ten times a second is kept, but not shown.
    `title`: what stands before the figures, usually the run's id. `before`: the counts when the run was begun or taken
    up, which may be a while before it is watched.
    """

    def __init__(
        self,
        title: str = "",
        before: Mapping[TaskStatus, int] = NOTHING,
        *,
        file: TextIO | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._title = title
        self._monotonic = monotonic
        stream = sys.stderr if file is None else file
        self._display: Display = _display(stream, monotonic)
        self._counts: Mapping[TaskStatus, int] = {}
        self._names: tuple[str, ...] = ()
        self._began = 0.0
        self._before = sum(before.get(status, 0) for status in SUCCESSES)
        self._samples: deque[tuple[float, int]] = deque()
        self._next = 0.0

    @property
    def due(self) -> bool:
        """Whether an update would be shown now; who gathers counts at a cost asks first."""
        return self._monotonic() >= self._next

    def update(self, counts: Mapping[TaskStatus, int], running: Sequence[str] = ()) -> None:
        """The counts of all tasks so far, and names of some that run now."""
        now = self._monotonic()
        if now < self._next and self._samples:
            self._counts = counts
            return
        self._next = now + SHORTEST
        self._counts, self._names = counts, tuple(running)
        ended = sum(counts.get(status, 0) for status in TASK_TERMINAL)
        self._samples.append((now, ended))
        while len(self._samples) > 2 and now - self._samples[0][0] > WINDOW:
            self._samples.popleft()
        self._display.show(self.standing())

    def standing(self) -> Standing:
        """How it stands now."""
        counts = self._counts
        total = sum(counts.values())
        done = sum(counts.get(status, 0) for status in SUCCESSES)
        ended = sum(counts.get(status, 0) for status in TASK_TERMINAL)
        rate = self._rate()
        return Standing(
            title=self._title,
            total=total,
            done=done,
            running=counts.get(TaskStatus.RUNNING, 0),
            failed=ended - done,
            before=self._before,
            elapsed=self._monotonic() - self._began,
            rate=rate,
            left=(total - ended) / rate if rate else None,
            names=self._names,
        )

    def _rate(self) -> float | None:
        if not self._samples:
            return None
        began, ended_then = self._samples[0]
        seconds, ended = self._monotonic() - began, self._samples[-1][1] - ended_then
        return ended / seconds if ended and seconds > 0 else None

    def __enter__(self) -> Progress:
        self._began = self._monotonic()
        self._display.start(self.standing)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display.stop(self.standing())


def _display(stream: TextIO, monotonic: Callable[[], float]) -> Display:
    if stream.isatty() and os.environ.get("TERM", "") != "dumb":
        live: Display = importlib.import_module(LIVE).Live(stream)
        return live
    return Lines(stream, monotonic)
