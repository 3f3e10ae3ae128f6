"""What was to be mounted on a rented machine."""

from __future__ import annotations

from dataclasses import dataclass

from manyhands.compat.lightning.app.utilities.packaging.unused import say_unused


@dataclass
class Mount:
    """A bucket that was to be seen as a folder; here nothing is mounted."""

    source: str = ""
    mount_path: str = ""

    def __post_init__(self) -> None:
        say_unused("Mount")
