"""What was to be installed on a rented machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyhands.compat.lightning.app.utilities.packaging.unused import say_unused


@dataclass
class BuildConfig:
    """Requirements, a Dockerfile and an image; they are kept, and nothing is installed or built here."""

    requirements: list[str] = field(default_factory=list)
    dockerfile: str | Path | Any | None = None
    image: str | None = None

    def __post_init__(self) -> None:
        say_unused("BuildConfig")

    def build_commands(self) -> list[str]:
        """For programs to override; nobody calls it here."""
        return []
