"""What this process may use of the machine."""

from __future__ import annotations

import os

COROUTINES = 100_000
"""Attempts that may be coroutines at once."""

WORKS = 1024
"""Attempts that may have a process of their own at once; they wait for something more often than they compute."""


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
