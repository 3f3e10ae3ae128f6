"""The identity of functions: what they do, not where they stand in a file."""

from __future__ import annotations

from types import CellType, CodeType, FunctionType
from typing import Any

from manyhands.machine.fingerprint_values import resolve
from manyhands.machine.fingerprint_walk import (
    ABSENT,
    NODE,
    REFERENCE,
    SCALARS,
    TYPE_NAME,
    Ext,
    Token,
    Walk,
    class_name,
    encode,
    scalar_token,
    seal,
)
from manyhands.model.errors import FingerprintError

MOST_FUNCTIONS = 500
"""Functions followed from one; those beyond count by name."""

DEEPEST = 8
"""How often data held by a function may lead to further functions; those beyond count by name."""


def new_walk(depth: int = 0) -> Walk:
    """A walk that knows every kind of value."""
    return Walk(resolve, _FunctionReader(depth) if depth <= DEEPEST else _name_only)


def _name_only(function: Any) -> bytes:
    return seal(b"function name", encode(_full_name(function)))


def _full_name(function: Any) -> list[str]:
    return [str(function.__module__), function.__qualname__]


def _package(function: FunctionType) -> str:
    return str(function.__module__).partition(".")[0]


class _FunctionReader:
    """Makes the digest of functions. `depth` counts how often data led from a function to a function.

    Going down a level with a fresh walk keeps a digest independent of where the walk came from: a function in a set
    that is reached from another member of the set counts as much as one that is reached first.
    """

    __slots__ = ("_depth", "_inner")

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._inner: Walk | None = None

    def __call__(self, function: Any) -> bytes:
        if self._inner is None:
            self._inner = new_walk(self._depth + 1)
        return _Group(function, self._inner).digest()


class _Group:
    """A function and those it refers to, numbered in the order in which they are met."""

    def __init__(self, root: FunctionType, walk: Walk) -> None:
        self._walk = walk
        self._functions = [root]
        self._numbers = {id(root): 0}

    def digest(self) -> bytes:
        # The list grows while it is walked.
        return seal(b"function", encode([self._content(function) for function in self._functions]))

    def _content(self, function: FunctionType) -> list[Token]:
        keywords = function.__kwdefaults__ or {}
        return [
            *_full_name(function),
            Ext(NODE, self._code(function.__code__)),
            [self._held(value) for value in function.__defaults__ or ()],
            [[name, self._held(keywords[name])] for name in sorted(keywords)],
            [self._cell(cell) for cell in function.__closure__ or ()],
            self._globals(function),
        ]

    def _code(self, code: CodeType) -> bytes:
        constants = [
            Ext(NODE, self._code(item)) if isinstance(item, CodeType) else self._held(item) for item in code.co_consts
        ]
        counts = [code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags]
        names = [code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars]
        jumps = getattr(code, "co_exceptiontable", b"")
        return seal(b"code", encode([code.co_name, code.co_code, jumps, counts, names, constants]))

    def _cell(self, cell: CellType) -> Token:
        try:
            return self._held(cell.cell_contents)
        except ValueError:  # not filled yet
            return Ext(ABSENT, b"")

    def _held(self, value: Any) -> Token:
        """The token of something the function holds; one without a stable identity counts by its type."""
        if type(value) in SCALARS:
            return scalar_token(value)
        target = _unwrapped(value)
        if target is not None:
            return self._reference(value, target)
        try:
            return Ext(NODE, self._walk.digest(value, ""))
        except FingerprintError:
            return Ext(TYPE_NAME, class_name(type(value)).encode())

    def _globals(self, function: FunctionType) -> list[Token]:
        """References by global name to functions of the same top-level package; others count by that name alone."""
        package = _package(function)
        found = []
        for name in sorted(_names(function.__code__)):
            value = function.__globals__.get(name)
            target = _unwrapped(value)
            if target is not None and _package(target) == package:
                found.append([name, self._reference(value, target)])
        return found

    def _reference(self, value: Any, target: FunctionType) -> Token:
        number = self._numbers.get(id(target))
        if number is None:
            number = len(self._functions)
            if number >= MOST_FUNCTIONS:
                return Ext(NODE, _name_only(target))
            self._numbers[id(target)] = number
            self._functions.append(target)
        return [class_name(type(value)), Ext(REFERENCE, number.to_bytes(2, "big"))]


def _names(code: CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _unwrapped(value: Any) -> FunctionType | None:
    """The function that `value` is or, by `functools.update_wrapper`, stands for."""
    if isinstance(value, FunctionType):
        return value
    try:
        # Not through the object's own attribute access, which may do anything: a global can be a lazy proxy.
        wrapped = object.__getattribute__(value, "__dict__").get("__wrapped__")
    except AttributeError:
        return None
    return wrapped if isinstance(wrapped, FunctionType) else None
