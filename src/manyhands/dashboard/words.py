"""Times and stages in words that people read."""

from __future__ import annotations

import time

STAGES = {"not_started": "not started"}
REASONS = {
    "user_exception": "its code raised an exception",
    "timeout": "it ran longer than its time-out",
    "lost": "its process died",
    "invalid_return_value": "it returned a value",
    "sigterm_signal_handler": "it was told to end",
    "retry": "it failed and is tried again",
    "resumed": "it was not over when the app was left, and is made again",
    "pending": "it was told to end",
}
APP_STAGES = {"blocking": "waits to be run"}


def stage_text(stage: str) -> str:
    """A work's stage."""
    return STAGES.get(stage, stage)


def app_stage_text(stage: str) -> str:
    """An app's stage."""
    return APP_STAGES.get(stage, stage)


def span(seconds: float) -> str:
    """How long something lasts, in two units at most."""
    seconds = max(seconds, 0.0)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 86400} d {whole % 86400 // 3600:02} h"


def clock(timestamp: float) -> str:
    """The time of day, with the date when it is not today's."""
    then = time.localtime(timestamp)
    form = "%H:%M:%S" if then[:3] == time.localtime()[:3] else "%Y-%m-%d %H:%M:%S"
    return time.strftime(form, then)


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
