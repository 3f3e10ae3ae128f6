"""Every rule that stored rows keep, as queries for those that break it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import TypeVar

from manyhands.model.errors import StoreCorrupt
from manyhands.model.states import (
    RUN_MOVES,
    RUN_REOPENINGS,
    RUN_TERMINAL,
    TASK_MOVES,
    TASK_REOPENINGS,
    TASK_TERMINAL,
)
from manyhands.stores.sql.database import Database
from manyhands.stores.sql.rows import to_json
from manyhands.stores.sql.statements import quoted

S = TypeVar("S", bound=StrEnum)

MOST = 100
"""Lines for one rule; a store with more of the same is described by a number."""

RULES = (
    "check_history_of_runs",
    "check_history_of_tasks",
    "check_moves_of_runs",
    "check_moves_of_tasks",
    "check_events",
    "check_sessions",
    "check_runs",
    "check_tasks",
    "check_names",
    "check_references",
    "check_upstreams",
    "check_values",
    "check_attempts",
    "check_missing_attempts",
    "check_cache",
    "check_flights",
    "check_messages",
    "check_states",
    "check_texts",
)
"""A file each; its rows are lines of text. What CHECK and UNIQUE hold is the database's own check to find."""


def legal(*tables: dict[S, frozenset[S]]) -> str:
    """All moves of these tables, as JSON of texts `from>to`."""
    return to_json(sorted({f"{a}>{b}" for table in tables for a, targets in table.items() for b in targets}))


def findings(database: Database) -> Iterator[str]:
    """All lines; what cannot be read is a finding too."""
    words = {"ended": quoted(sorted(RUN_TERMINAL)), "over": quoted(sorted(TASK_TERMINAL))}
    parameters = {
        "run_moves": legal(RUN_MOVES, RUN_REOPENINGS),
        "task_moves": legal(TASK_MOVES, TASK_REOPENINGS),
    }
    unreadable: set[str] = set()
    for rule in (None, *RULES):
        try:
            if rule is None:
                lines = [f"database: {line}" for line in database.integrity()]
            else:
                lines = [row[0] for row in database.rows(database.statements.with_words(rule, **words), parameters)]
        except StoreCorrupt as error:
            unreadable.add(f"database: {error.args[1]}")
            continue
        yield from lines[:MOST]
        if len(lines) > MOST:
            yield f"… and {len(lines) - MOST} more of this kind"
    yield from sorted(unreadable)
