"""What is said when a program asks for something of another system that has no counterpart here."""

from __future__ import annotations

from typing import NoReturn

from manyhands.model.errors import UsageError


class NotCovered(UsageError, NotImplementedError):
    """A name of another system that we do not have: `NotCovered(name, instead)`."""

    text = "{0} is not covered here. {1}`manyhands compat list` says what is, and what differs."


class NoSuchName(NotCovered, AttributeError):
    """The same, as an attribute of a module: `NoSuchName(name, instead)`."""


class NoSuchModule(NotCovered, ModuleNotFoundError):
    """The same, as a module that is imported: `NoSuchModule(name, instead)`."""


def missing(module: str, name: str, instead: str = "") -> NoReturn:
    """What a module's `__getattr__` does. Errors: `NoSuchName`; a plain `AttributeError` for a private name."""
    if name.startswith("_"):
        raise AttributeError(f"module '{module}' has no attribute '{name}'")
    raise NoSuchName(f"{module}.{name}", f"{instead} " if instead else "")
