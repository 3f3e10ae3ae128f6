"""The start time of a process where there is no /proc."""

from __future__ import annotations

import psutil


def born(pid: int) -> str | None:
    """See `manyhands.engine.liveness.born`."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.3f}"
    except psutil.Error:
        return None
