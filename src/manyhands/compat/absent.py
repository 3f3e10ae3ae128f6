"""Classes of other systems that can be imported here and not used."""

from __future__ import annotations

from typing import Any, ClassVar

from manyhands.compat.errors import NotCovered


class Absent:
    """A class of another system that has no counterpart: whoever makes an object of it, or of a class below it, is told
    so. It is there because `from module import name` could not say why it fails."""

    NAME: ClassVar[str] = "This class"
    INSTEAD: ClassVar[str] = ""

    def __new__(cls, *args: Any, **kwargs: Any) -> Absent:
        """Errors: `NotCovered`."""
        raise NotCovered(cls.NAME, f"{cls.INSTEAD} " if cls.INSTEAD else "")
