"""Small tools for tests of executors: launches, waiting for reports, gates at which attempts wait."""

# ruff: noqa: S101

from __future__ import annotations

import os
import select
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from manyhands.model.outcomes import Failure, Launch, Report, Value
from manyhands.ports.executor import Executor
from manyhands.testing import executor_entries

PATIENCE = 60.0
"""Seconds after which a test gives up; nothing here takes a tenth of it."""

ENTRIES = executor_entries.__name__
HUGE = 64 * 1024 * 1024


def launch(entry: str, payload: bytes = b"", task: int = 0, **more: Any) -> Launch:
    more.setdefault("label", entry)
    return Launch(run=1, task=task, attempt=1, entry=f"{ENTRIES}:{entry}", payload=payload, **more)


def launches(entry: str, payloads: Sequence[bytes], first: int = 0) -> list[Launch]:
    return [launch(entry, payload, task) for task, payload in enumerate(payloads, first)]


def wait(executor: Executor, until: float) -> None:
    """Until `poll` has something to do."""
    descriptor = executor.fileno()
    if descriptor is None:
        return
    deadline = getattr(executor, "deadline", lambda: None)()
    due = until if deadline is None else min(until, deadline)
    poller = select.poll()  # which takes descriptors of any number
    poller.register(descriptor, select.POLLIN)
    poller.poll(max(0.0, due - monotonic()) * 1000.0)


def collect(executor: Executor, count: int) -> list[Report]:
    """So many reports, and no more than these."""
    until = monotonic() + PATIENCE
    reports = executor.poll()
    while len(reports) < count:
        assert monotonic() < until, f"{len(reports)} of {count} reports came in {PATIENCE} s"
        wait(executor, until)
        reports += executor.poll()
    assert len(reports) == count
    return reports


def run(executor: Executor, *started: Launch) -> list[Report]:
    """Start them all; the reports by task."""
    executor.start(started)
    return sorted(collect(executor, len(started)), key=lambda report: report.task)


def data(report: Report) -> bytes:
    assert isinstance(report.outcome, Value), report
    return report.outcome.value.data


def failure(report: Report) -> Failure:
    assert isinstance(report.outcome, Failure), report
    return report.outcome


class Gate:
    """Where an attempt waits until the test lets it go on, and where the test sees that it has begun or died."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.payload = str(folder).encode()
        os.mkfifo(folder / "begun")
        os.mkfifo(folder / "go")
        self._begun = os.open(folder / "begun", os.O_RDONLY | os.O_NONBLOCK)
        self._go = os.open(folder / "go", os.O_RDWR)

    def wait_begun(self, executor: Executor | None = None) -> int:
        """The process that waits at the gate. Reports that come meanwhile are an error."""
        told = self._read(executor, PATIENCE)
        assert told is not None, f"nothing began in {PATIENCE} s"
        assert told, "the attempt ended before it said that it had begun"
        return int(told)

    def wait_dead(self) -> None:
        """Until every process that was given the gate is gone."""
        while told := self._read(None, PATIENCE):
            pass
        assert told is not None, f"somebody still lives after {PATIENCE} s"

    def read_last_word(self) -> int:
        """What an attempt that ends in order says before it does."""
        return self.wait_begun()

    def begins(self, executor: Executor, within: float) -> bool:
        return bool(self._read(executor, within))

    def open(self) -> None:
        os.write(self._go, b"!")

    def close(self) -> None:
        os.close(self._begun)
        os.close(self._go)

    def _read(self, executor: Executor | None, seconds: float) -> bytes | None:
        """What is told there, nothing once everybody who could tell something is gone; None when time is up."""
        until = monotonic() + seconds
        poller = select.poll()
        poller.register(self._begun, select.POLLIN)
        while (left := until - monotonic()) > 0:
            if poller.poll(20 if executor is not None else left * 1000):
                try:
                    return os.read(self._begun, 4096)
                except BlockingIOError:
                    continue
            if executor is not None:
                assert executor.poll() == []
        return None


def teach(executor: Executor, label: str, holds_ahead: bool = True, backlog: int = 1) -> None:
    """Let the executor see that attempts of this label are short, so that it queues several in one worker, unless it
    never does. An attempt that the machine held up is made up for by more of them."""
    until = monotonic() + PATIENCE
    while True:
        for _ in range(20):
            run(executor, *[launch("give_back", b"", task, label=label) for task in range(20)])
        if (executor.backlog() >= backlog) == holds_ahead:
            return
        assert monotonic() < until, f"the backlog is {executor.backlog()} after {PATIENCE} s"
