"""The names of `lightning.app`, which is also `lightning_app`."""

from __future__ import annotations

from typing import Any

from manyhands.compat.errors import missing
from manyhands.compat.lightning.app import api, core, frontend, runners, storage, structures, utilities
from manyhands.compat.lightning.app.core import LightningApp, LightningFlow, LightningWork
from manyhands.compat.lightning.app.plugin import LightningPlugin
from manyhands.compat.lightning.app.utilities.packaging import BuildConfig, CloudCompute

__version__ = "2.0.9"

__all__ = [
    "BuildConfig",
    "CloudCompute",
    "LightningApp",
    "LightningFlow",
    "LightningPlugin",
    "LightningWork",
    "__version__",
    "api",
    "core",
    "frontend",
    "runners",
    "storage",
    "structures",
    "utilities",
]


def __getattr__(name: str) -> Any:
    missing("lightning.app", name)
