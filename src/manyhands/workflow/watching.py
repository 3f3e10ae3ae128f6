"""Live progress of a run that somebody waits for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from manyhands.engine.handle import Reference, RunReference

DISPLAY = "manyhands.telemetry.progress"
"""Draws progress; loaded by name when asked for, because it is slow to load and most runs need none."""


@contextmanager
def watched(reference: Reference) -> Iterator[Callable[[], None]]:
    """What to call after each turn of the driver to keep a display of the run up to date. Of a run that this process
    does not drive, as one that is over, nothing is shown."""
    drive = reference.drive if isinstance(reference, RunReference) else None
    if drive is None:
        yield lambda: None
        return
    display = importlib.import_module(DISPLAY).Progress(reference.run_id, drive.before)
    with display:

        def on_turn() -> None:
            if display.due:
                machine = drive.machine
                running = [drive.jobs[task].name for task, _ in machine.running()]
                display.update(machine.counts(), running)

        try:
            yield on_turn
        finally:
            display.update(drive.machine.counts())  # how it ended, whenever it was last shown
