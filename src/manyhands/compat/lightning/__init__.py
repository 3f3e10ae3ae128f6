"""What programs with apps use of `lightning`: its names over `manyhands.app`."""

from __future__ import annotations

from typing import Any

from manyhands.compat.errors import missing
from manyhands.compat.lightning import app
from manyhands.compat.lightning.app import (
    BuildConfig,
    CloudCompute,
    LightningApp,
    LightningFlow,
    LightningPlugin,
    LightningWork,
)

__version__ = "2.0.9"

__all__ = [
    "BuildConfig",
    "CloudCompute",
    "LightningApp",
    "LightningFlow",
    "LightningPlugin",
    "LightningWork",
    "__version__",
    "app",
]


def __getattr__(name: str) -> Any:
    missing("lightning", name, "Only apps are; import what trains models from `pytorch_lightning`, which is untouched.")
