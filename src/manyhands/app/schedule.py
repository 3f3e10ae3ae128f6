"""Moments that come back: cron patterns, and whether one of their moments has come."""

from __future__ import annotations

import datetime
import importlib
from typing import Any

from manyhands.app.errors import UnfitSchedule

ALIASES = {
    "hourly": "0 * * * *",
    "daily": "0 0 * * *",
    "midnight": "0 0 * * *",
    "weekly": "0 0 * * 0",
    "monthly": "0 0 1 * *",
    "yearly": "0 0 1 1 *",
    "annually": "0 0 1 1 *",
}

FIELDS_WITH_SECONDS = 6

Entry = dict[str, Any]
"""A schedule in `Flow._calls["scheduling"]`: `running` (whether it is on in this turn), `cron_pattern`, `start_time`
(ISO), `name` of the flow, `next` (seconds of the epoch). Plain JSON."""


def new_entry(pattern: str, start_time: datetime.datetime | None, now: float, name: str) -> Entry:
    """A schedule that is asked for the first time; it is on at once.

    `pattern`: five fields in the customary order, and seconds as a sixth if wanted; or an alias, with or without `@`.
    `start_time`: moments are counted from then, by default from `now` (seconds of the epoch). Errors: `UnfitSchedule`.
    """
    start = start_time or datetime.datetime.fromtimestamp(now)
    return {
        "running": True,
        "cron_pattern": pattern,
        "start_time": start.isoformat(),
        "name": name,
        "next": next_moment(pattern, start.timestamp()),
    }


def is_on(entry: Entry, now: float) -> bool:
    """Whether the schedule is on in a turn of the flow that begins to ask, which the entry then remembers.

    It is for the one turn in which its moment is first seen to have come. What was missed meanwhile is not made up
    for: the next moment is the first one after `now`.
    """
    entry["running"] = now >= entry["next"]
    if entry["running"]:
        entry["next"] = next_moment(entry["cron_pattern"], now)
    return bool(entry["running"])


def next_moment(pattern: str, after: float) -> float:
    """The first moment of the pattern after `after`, both in seconds of the epoch; days and hours are local ones.

    Errors: `UnfitSchedule`.
    """
    cron = importlib.import_module("cronsim")
    if not isinstance(pattern, str):
        raise UnfitSchedule(pattern, "it is no text")
    fields = ALIASES.get(pattern.removeprefix("@"), pattern).split()
    if len(fields) == FIELDS_WITH_SECONDS:
        fields = [fields[-1], *fields[:-1]]  # cronsim has the seconds first
    try:
        moments = cron.CronSim(" ".join(fields), datetime.datetime.fromtimestamp(after))
        moment: datetime.datetime = next(moments)
        while moment.timestamp() <= after:  # an hour that comes twice, when clocks are put back
            moment = next(moments)
    except cron.CronSimError as error:
        raise UnfitSchedule(pattern, str(error)) from error
    except StopIteration:
        raise UnfitSchedule(pattern, "it has no moment to come") from None
    return moment.timestamp()
