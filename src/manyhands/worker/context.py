"""What an entry is given on the far side."""

from __future__ import annotations

from manyhands.executors.far import Entry, WorkerContext

__all__ = ["Entry", "WorkerContext"]
