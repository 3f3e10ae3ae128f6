"""How quick an app is: turns of its flow, what flow and work see of each other, and what an idle app costs."""

from __future__ import annotations

import os
import time
from statistics import median
from time import perf_counter

from common import NORMAL_COMMITS, Job, Limit, Measured, Subject, System
from manyhands.app import App, Flow, Work

LOOKS = 100
IDLE_SECONDS = 4.0
BREATH_SECONDS = 0.03


class Counting(Flow):
    """Does nothing but count."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.count = 0
        self._size = size
        self._began = 0.0
        self._seconds = 0.0

    def run(self) -> None:
        if not self.count:
            self._began = perf_counter()
        self.count += 1
        if self.count > self._size:
            self._seconds = perf_counter() - self._began
            self.stop()


class Telling(Work):
    """Changes itself again and again, and says when."""

    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.assigned = 0
        self.assigned_at = 0.0
        self.items: list[float] = []

    def run(self) -> None:
        for number in range(LOOKS):
            self.assigned_at = time.time()
            self.assigned = number + 1
            time.sleep(BREATH_SECONDS)
        for _ in range(LOOKS // 4):
            self.items.append(time.time())
            time.sleep(3 * BREATH_SECONDS)


class Seeing(Flow):
    """Notes how late it sees what its work changes."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Telling()
        self._last = (0, 0)
        self._assigned: list[float] = []
        self._in_place: list[float] = []

    def run(self) -> None:
        self.work.run()
        now = time.time()
        assigned, items = self.work.assigned, len(self.work.items)
        if assigned > self._last[0]:
            self._assigned.append(now - self.work.assigned_at)
        if items > self._last[1]:
            self._in_place.append(now - self.work.items[-1])
        self._last = (assigned, items)
        if self.work.has_succeeded:
            self.stop()


class Idling(Flow):
    """Has nothing to do for a while."""

    def __init__(self) -> None:
        super().__init__()
        self._began: tuple[float, float] | None = None
        self._share = 0.0

    def run(self) -> None:
        used, now = sum(os.times()[:2]), perf_counter()
        if self._began is None:
            self._began = (used, now)
        elif now - self._began[1] > IDLE_SECONDS:
            self._share = (used - self._began[0]) / (now - self._began[1])
            self.stop()


def manyhands_app(job: Job) -> Measured:
    from with_manyhands import open_store

    open_store(job.folder, "NORMAL")
    counting, seeing, idling = Counting(job.size), Seeing(), Idling()
    for flow in (counting, seeing, idling):
        App(flow).run()
    extra = {
        "µs_per_turn": counting._seconds / job.size * 1e6,
        "assigned_ms": median(seeing._assigned) * 1e3,
        "assigned_worst_ms": max(seeing._assigned) * 1e3,
        "in_place_worst_ms": max(seeing._in_place) * 1e3,
        "idle_percent": idling._share * 100,
    }
    return Measured(job.size, counting._seconds, extra)


SUBJECT = Subject(
    name="app_turns",
    title="turns of an app's flow that counts",
    unit="/s",
    size=200_000,
    quick_size=40_000,
    repeats=3,
    systems=(
        System(
            "manyhands_app",
            "manyhands.app, one flow",
            "ours",
            NORMAL_COMMITS,
            manyhands_app,
            limits=(
                Limit(50.0, "µs_per_turn"),
                Limit(20.0, "assigned_ms"),
                Limit(100.0, "in_place_worst_ms"),
                Limit(1.0, "idle_percent"),
            ),
        ),
    ),
)
