"""A durable workflow engine: nothing that has been done is done again, nothing that was asked for is lost."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manyhands.engine.handle import Reference
    from manyhands.engine.waiting import get
    from manyhands.model.errors import BackendError, ManyhandsError, StateError, UsageError

__version__ = "0.1.0"

_HOMES = {
    "BackendError": "manyhands.model.errors",
    "ManyhandsError": "manyhands.model.errors",
    "Reference": "manyhands.engine.handle",
    "StateError": "manyhands.model.errors",
    "UsageError": "manyhands.model.errors",
    "get": "manyhands.engine.waiting",
}

__all__ = ["BackendError", "ManyhandsError", "Reference", "StateError", "UsageError", "__version__", "get"]


def __getattr__(name: str) -> Any:
    # Loaded on first use: a worker process imports this package too, and needs none of these.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'manyhands' has no attribute '{name}'")
    return getattr(importlib.import_module(home), name)
