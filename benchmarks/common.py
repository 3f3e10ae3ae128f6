"""What every benchmark subject declares, and how a child process reports what it measured."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Interpreter = Literal["ours", "peers", "ray_workflow"]
Unit = Literal["/s", "ms", "s"]

CHILD_TIMEOUT = 180.0
"""Seconds after which a measurement is given up and its line says so."""


@dataclass(frozen=True)
class Durability:
    """What is still there of the work that was reported as done."""

    kill: str
    power_cut: str


EVERY_COMMIT = Durability(kill="all", power_cut="all")
NORMAL_COMMITS = Durability(kill="all", power_cut="all but the last commits")
FILES_UNSYNCED = Durability(kill="all", power_cut="not promised (no fsync)")
NOTHING_KEPT = Durability(kill="nothing", power_cut="nothing")
DOES_NOT_APPLY = Durability(kill="-", power_cut="-")


@dataclass(frozen=True)
class Job:
    """What one measurement is given: how much to do, and an empty folder to do it in."""

    size: int
    folder: Path


@dataclass(frozen=True)
class Measured:
    """What one measurement found; `extra` holds further figures by a name that carries their unit."""

    count: int
    seconds: float
    extra: dict[str, float] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Against:
    """The system a line is compared with, and how many times as fast it is to be (None: shown only)."""

    key: str
    at_least: float | None = None


@dataclass(frozen=True)
class Limit:
    """A figure that is to stay below `below`: the line's own value, or the one called `extra`."""

    below: float
    extra: str | None = None


@dataclass(frozen=True)
class System:
    """One line of the table: a function run in a child process, or a script run from nothing, or a quotation.

    A script prints one line as soon as it has done its work. With `own_clock` that line is the seconds it
    measured itself; otherwise the runner takes the time from before the process start to the arrival of the line.
    `quoted`: a figure found elsewhere, in the subject's unit; nothing is run, and the title says where it is from.
    """

    key: str
    title: str
    python: Interpreter
    durability: Durability
    measure: Callable[[Job], Measured] | None = None
    script: str | None = None
    own_clock: bool = False
    quoted: float | None = None
    scale: float = 1.0
    against: tuple[Against, ...] = ()
    limits: tuple[Limit, ...] = ()

    @property
    def is_ours(self) -> bool:
        return self.key.startswith("manyhands")


@dataclass(frozen=True)
class Subject:
    """One question, asked of several systems in the same minutes. `module`: where it is declared, if not in one of
    its own name.

    `size` is the amount of work and `scale` of a system multiplies it, so that fast and slow systems run for
    about as long; a figure is always per item.
    """

    name: str
    title: str
    unit: Unit
    systems: tuple[System, ...]
    size: int
    quick_size: int
    repeats: int = 5
    quick_repeats: int = 2
    warm_up: bool = False
    module: str = ""

    def system(self, key: str) -> System:
        return next(system for system in self.systems if system.key == key)

    def value(self, measured: Measured) -> float:
        """The measurement in the unit of this subject."""
        if self.unit == "/s":
            return measured.count / measured.seconds
        return measured.seconds / measured.count * (1000.0 if self.unit == "ms" else 1.0)

    def ratio(self, ours: float, theirs: float) -> float:
        """How many times as fast `ours` is, whichever way round the unit counts."""
        return ours / theirs if self.unit == "/s" else theirs / ours


def subjects_of(module_name: str) -> tuple[Subject, ...]:
    """What a module declares: several `SUBJECTS`, or one `SUBJECT`. Errors: `ImportError`."""
    module = importlib.import_module(module_name)
    found: tuple[Subject, ...] = getattr(module, "SUBJECTS", ()) or (module.SUBJECT,)
    return found
