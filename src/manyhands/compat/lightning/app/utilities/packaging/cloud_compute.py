"""What kind of machine was to be rented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from manyhands.compat.lightning.app.utilities.packaging.unused import say_unused


@dataclass
class CloudCompute:
    """A kind of machine; it is kept, and every work runs on this machine."""

    name: str = "default"
    disk_size: int = 0
    idle_timeout: int | None = None
    shm_size: int | None = 0
    mounts: Any = None
    interruptible: bool = False
    clusters: Any = None
    preemptible: bool = False
    wait_timeout: int | None = None

    def __post_init__(self) -> None:
        self.name = self.name.lower()
        say_unused("CloudCompute")

    def is_default(self) -> bool:
        """Whether any machine would have done."""
        return self.name == "default"
