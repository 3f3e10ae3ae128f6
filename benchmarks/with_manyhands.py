"""Manyhands on a fresh SQLite store."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from manyhands import workflow

PROCESSES = 2


def open_store(folder: Path, synchronous: Literal["FULL", "NORMAL"]) -> None:
    workflow.init(storage=f"sqlite:///{folder / 'store.db'}", synchronous=synchronous, processes=PROCESSES)
