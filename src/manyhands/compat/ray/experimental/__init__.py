"""What programs with workflows use of `ray.experimental`, where graphs were in 1.12 and 1.13."""

from __future__ import annotations

from typing import Any

from manyhands.compat.errors import missing


def __getattr__(name: str) -> Any:
    missing("ray.experimental", name)
