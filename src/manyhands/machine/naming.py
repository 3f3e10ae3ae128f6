"""Names of tasks: how a base is made of a function, and how equal bases of one run are told apart."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Any

ANONYMOUS_MODULE = "__anonymous_module__"
ANONYMOUS_FUNCTION = "__anonymous_func__"

_DASHES = re.compile(r"[\s-]+")
_REFUSED = re.compile(r"[^A-Za-z0-9_.-]")
# Eighteen digits: more than any counter reaches, and few enough to be read as a number.
_NUMBERED = re.compile(r"(.*)_([1-9][0-9]{0,17})", re.DOTALL)


def slug(text: str) -> str:
    """`text` in A–Z, a–z, 0–9, `_`, `.` and `-`: accents go, runs of white space and dashes become one dash,
    everything else is left out. May come out empty."""
    plain = text if text.isascii() else unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return _DASHES.sub("-", _REFUSED.sub("", _DASHES.sub("-", plain.strip())))


def default_name(function: Callable[..., Any]) -> tuple[str, str]:
    """The name that people see (`module.qualname`, with `<locals>`) and the base that names are made from.

    A callable without a qualified name of its own, such as a `partial`, is anonymous, module and all: the module such
    an object shows is that of its class.
    """
    qualname = getattr(function, "__qualname__", None)
    module = getattr(function, "__module__", None)
    if not isinstance(qualname, str) or not qualname:
        return (f"{ANONYMOUS_MODULE}.{ANONYMOUS_FUNCTION}",) * 2
    if not isinstance(module, str) or not module:
        module = ANONYMOUS_MODULE
    return f"{module}.{qualname}", f"{module}.{slug(qualname) or ANONYMOUS_FUNCTION}"


class Names:
    """The names given in one run: each base as it is first, then with `_1`, `_2`, …; no name twice.

    A base always gets the first of `base`, `base_1`, `base_2`, … that nobody has, so numbering depends on nothing but
    the names given so far. The tasks of a run are therefore its counters: `from_existing` of their names goes on as
    if there had been no interruption. Names are never given back.
    """

    __slots__ = ("_next",)

    def __init__(self) -> None:
        # For each base the first number that may be free: every smaller one is taken (0 stands for the base itself).
        # The names themselves are not kept: `f_3` is taken if `f` has got beyond 3, or if it is a base itself.
        self._next: dict[str, int] = {}

    @classmethod
    def from_existing(cls, names: Iterable[str]) -> Names:
        """The state after all of `names` were given, in whatever order they come."""
        given = set(names)
        numbers: dict[str, list[int]] = {}
        for name in given:
            base, number = _split(name)
            if number and base in given:
                numbers.setdefault(base, []).append(number)
        rebuilt = cls()
        counters = rebuilt._next
        for base, taken in numbers.items():
            taken.sort()
            # The numbers differ and start at 1 or above, so one that equals its rank ends a row without a gap.
            counters[base] = 1 + sum(1 for rank, number in enumerate(taken, 1) if rank == number)
        for name in given:
            base, number = _split(name)
            if not number or counters.get(base, 0) <= number:
                counters.setdefault(name, 1)
        return rebuilt

    def __contains__(self, name: str) -> bool:
        if name in self._next:
            return True
        base, number = _split(name)
        return number > 0 and self._next.get(base, 0) > number

    def give(self, base: str) -> str:
        """The next free name made from `base`, taken from now on."""
        counters = self._next
        number = counters.get(base)
        if number is None:
            taken = base in self
            counters[base] = 1
            if not taken:
                return base
            number = 1
        name = f"{base}_{number}"
        while name in counters:
            number += 1
            name = f"{base}_{number}"
        counters[base] = number + 1
        return name


class StoredNames(Names):
    """The names of a run that has too many to be listed: `taken` tells whether one was given before."""

    __slots__ = ("_taken",)

    def __init__(self, taken: Callable[[str], bool]) -> None:
        super().__init__()
        self._taken = taken

    def give(self, base: str) -> str:
        if base not in self._next:
            number = first_free(base, self._taken)
            if number:
                self._next[base] = number
        name = super().give(base)
        while self._taken(name):
            name = super().give(base)
        return name


def first_free(base: str, taken: Callable[[str], bool]) -> int:
    """A number that makes a free name of the base, 0 for the base itself; found by asking for a few names. Where the
    numbers given so far have no gap, it is the lowest."""
    if not taken(base):
        return 0
    low, high = 0, 1
    while taken(f"{base}_{high}"):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        if taken(f"{base}_{middle}"):
            low = middle
        else:
            high = middle
    return high


def _split(name: str) -> tuple[str, int]:
    """The base and the number of a name that may have been numbered, else the name and 0."""
    match = _NUMBERED.fullmatch(name)
    return (match[1], int(match[2])) if match else (name, 0)
