"""Where user code runs: which task of which run, and the engine of this process."""

from __future__ import annotations

import importlib
from typing import Any

from manyhands.engine.client import Client
from manyhands.engine.running import TaskContext, current_task

WIRING = "manyhands.bootstrap"
"""Where this process' engine is made; found by name, because what wires all layers stands above them."""


def client() -> Client:
    """The client of this process' engine, which is made on first use."""
    return importlib.import_module(WIRING).current.client()  # type: ignore[no-any-return]


def configure(**settings: Any) -> None:
    """What this process' engine is to be made with. Errors: `StateError` once it is made for another store."""
    importlib.import_module(WIRING).current.configure(**settings)


__all__ = ["TaskContext", "client", "configure", "current_task"]
