"""The real clock."""

from __future__ import annotations

import time


class SystemClock:
    """Time as the operating system tells it."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
