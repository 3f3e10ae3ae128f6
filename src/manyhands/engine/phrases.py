"""Times, spans, numbers, lists and commands in words that people read."""

from __future__ import annotations

import time
from collections.abc import Sequence
from shlex import quote

from manyhands.model.kinds import APP

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR

NEVER = "never"


def span(seconds: float) -> str:
    """How long, in at most two units: `85 ms`, `1.2 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`."""
    seconds = max(seconds, 0.0)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < MINUTE - 0.5:
        return f"{seconds:.0f} s"
    whole = round(seconds)
    for unit, big, smaller, small in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "min"), (MINUTE, "min", 1.0, "s")):
        if whole >= unit:
            many, rest = divmod(whole, unit)
            few = int(rest // smaller)
            return f"{int(many)} {big} {few} {small}" if few else f"{int(many)} {big}"
    return f"{whole} s"


def clock(at: float) -> str:
    """A moment in local time, to the second; `never` for one that no calendar has."""
    try:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
    except (OverflowError, ValueError, OSError):
        return NEVER


def ago(at: float, now: float) -> str:
    """How far a moment lies from now: `3 min ago`, `in 5 s`, `just now`."""
    if abs(now - at) < 1.0:
        return "just now"
    return f"{coarse(now - at)} ago" if at < now else f"in {coarse(at - now)}"


def coarse(seconds: float) -> str:
    """How long, in one unit."""
    return " ".join(span(float(int(seconds))).split()[:2]).replace(".0 ", " ")


def when(at: float, now: float) -> str:
    """A moment in local time and from now."""
    shown = clock(at)
    return shown if shown == NEVER else f"{shown} ({ago(at, now)})"


def some(names: Sequence[str], most: int = 4) -> str:
    """The first few of a list, and how many more there are."""
    shown = [f"'{name}'" for name in names[:most]]
    if len(names) > most:
        return f"{', '.join(shown)} and {len(names) - most:,} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}" if shown else "none"


def times(number: int) -> str:
    """How often."""
    return {1: "once", 2: "twice"}.get(number, f"{number:,} times")


def count(number: int, noun: str) -> str:
    """A number with its noun: `1 step`, `1,200 steps`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def first_line(text: str, most: int = 500) -> str:
    line = text.strip().partition("\n")[0].rstrip()
    return line if len(line) <= most else f"{line[: most - 1]}…"


def take_up(kind: str, run_id: str) -> str:
    """The command that goes on with a run: an app needs the file that it was made by."""
    return f"manyhands run app FILE --id {quote(run_id)}" if kind == APP else f"manyhands runs resume {quote(run_id)}"
