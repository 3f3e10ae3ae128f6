"""The schema, as numbered steps from nothing to what this version knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from manyhands.stores.sql.statements import read_text

NAMES = ("0001_start", "0002_messages")


class Migration(NamedTuple):
    """One step; `number` is the schema version that it leads to."""

    number: int
    sql: str


def all_migrations() -> list[Migration]:
    return [Migration(int(name[:4]), read_text("schema", f"{name}.sql")) for name in NAMES]


def latest(migrations: Sequence[Migration] | None = None) -> int:
    """The newest version these lead to; without any, the one this package knows."""
    return int(NAMES[-1][:4]) if migrations is None else migrations[-1].number
