"""Puts the tables of moves into the page that asks for them with a line `[[moves-of-run]]`, so they cannot drift."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from manyhands.model import states

Moves = Mapping[Any, frozenset[Any]]


def on_page_markdown(markdown: str, **_: Any) -> str:
    tables = {
        "run": _moves(states.RunStatus, states.RUN_MOVES, states.RUN_REOPENINGS),
        "task": _moves(states.TaskStatus, states.TASK_MOVES, states.TASK_REOPENINGS),
        "attempt": _moves(states.AttemptStatus, states.ATTEMPT_MOVES, {}),
    }
    for name, table in tables.items():
        markdown = markdown.replace(f"[[moves-of-{name}]]", table)
    return markdown


def _moves(statuses: type[StrEnum], moves: Moves, reopenings: Moves) -> str:
    """One row per status. `reopenings` are what only a new session may do; a table without any has no such column."""
    head = ["from", "may become", *(["in a new session"] if reopenings else [])]
    rows = [
        [f"`{status}`", _listed(moves.get(status)), *([_listed(reopenings.get(status))] if reopenings else [])]
        for status in statuses
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *rows])


def _listed(targets: frozenset[StrEnum] | None) -> str:
    return ", ".join(f"`{target}`" for target in sorted(targets)) if targets else "–"
