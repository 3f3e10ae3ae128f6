"""The stable identity of a call's inputs: equal inputs give equal bytes in every process, on every machine."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from hashlib import blake2b
from types import CodeType, FunctionType, MethodType
from typing import Any

from manyhands.machine.fingerprint_walk import (
    DIGEST_SIZE,
    FLOAT_MARK,
    SCALARS,
    UNSURE,
    Steps,
    Token,
    Walk,
    encode,
    may_hold_nan,
    plain,
    scalar_token,
    seal,
)

CO_VARARGS = 0x04
CO_VARKEYWORDS = 0x08
_MISSING = object()


def fingerprint(value: Any) -> bytes:
    """The 16 bytes that stand for `value`. `FingerprintError` names the part that has no stable identity.

    What counts, kind by kind:

    * None, bool, int, float, str, bytes: type and value. 1, 1.0, True, "1" and b"1" differ; so do 0.0 and -0.0, for a
      function can tell them apart. Every NaN equals every other.
    * list, tuple, set, frozenset differ. The order of a dict's entries does not count, save in an `OrderedDict`.
    * NumPy arrays: dtype, shape, content in C order; byte order and layout in memory do not count, nor do values under
      a mask. Arrays of objects: element by element. pandas objects: class, names, dtypes, index, values.
    * Dataclasses, msgspec Structs, attrs classes, pydantic models: class and declared fields. Enum members: class and
      name.
    * Paths: their text. Dates and times: fields, fold and zone, so the same moment told in two zones differs.
    * Instances of subclasses of built-in types: class, content and attributes. Exceptions: class, arguments,
      attributes.
    * Classes, modules, built-in functions: their name. Functions: see `fingerprint_function`.
    * Any object whose class has `__fingerprint__(self)`: class and what that returns.

    Everything else raises `FingerprintError`: identity by address or by pickle would differ from process to process,
    and identity by attributes would take caches, locks and counters for inputs.
    """
    return new_walk().digest(value, "value")


def fingerprint_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """The 16 bytes that stand for the arguments of a call as written: order counts, that of keywords does not."""
    return _digest_call(args, kwargs, ())


def fingerprint_function(function: Callable[..., Any]) -> bytes:
    """The 16 bytes that stand for what a function does.

    Count: module, qualified name, bytecode, constants, names, defaults, the contents of its closure, and likewise of
    the functions it holds or refers to by global name in the same top-level package, at most 500. File and line do
    not count. What a function holds and has no stable identity counts by its type. Other globals count by name:
    the value of a global constant, the body of a class and the code of other packages do not. Bytecode differs
    between minor versions of Python, and so does this.
    """
    return new_walk().digest(function, getattr(function, "__qualname__", "function"))


class CallShape:
    """The parameters of one function, which make `f(1, b=2)`, `f(1, 2)` and, given a default of 2, `f(1)` one call.

    Anything without code of its own (a class, a built-in function, a `partial`) takes the arguments as written. So
    does a wrapper that only declares `*args, **kwargs`: what it does with them is its own affair.
    """

    __slots__ = ("_defaults", "_full", "_keyword_only", "_keywords", "_names", "_positions", "_varargs")

    def __init__(self, function: Callable[..., Any]) -> None:
        bound = isinstance(function, MethodType)
        target = function.__func__ if isinstance(function, MethodType) else function
        if isinstance(target, FunctionType):
            self._read(target, target.__code__, 1 if bound else 0)
        else:
            self._names: tuple[str, ...] = ()
            self._positions: dict[str, int] = {}
            self._defaults: dict[str, Any] = {}
            self._keyword_only: frozenset[str] = frozenset()
            self._varargs = self._keywords = True
        self._full = len(self._names) if not self._keyword_only and not self._varargs else -1

    def _read(self, function: FunctionType, code: CodeType, skipped: int) -> None:
        count = code.co_argcount
        names = code.co_varnames
        self._names = names[skipped:count]
        self._positions = {
            name: place - skipped for place, name in enumerate(names[:count]) if place >= code.co_posonlyargcount
        }
        self._keyword_only = frozenset(names[count : count + code.co_kwonlyargcount])
        defaults = function.__defaults__ or ()
        self._defaults = dict(zip(names[count - len(defaults) : count], defaults, strict=True))
        self._defaults.update(function.__kwdefaults__ or {})
        self._varargs = bool(code.co_flags & CO_VARARGS)
        self._keywords = bool(code.co_flags & CO_VARKEYWORDS)

    def fingerprint(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
        """The 16 bytes that stand for the arguments, however the caller spelled them."""
        if not kwargs and len(args) == self._full:
            return _digest_call(args, kwargs, self._names)
        args, kwargs = self.bind(args, kwargs)
        return _digest_call(args, kwargs, self._names)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments in one spelling: by position where possible, defaults filled in.

        Arguments that do not fit come back as they are; the call itself will tell what is wrong with them.
        """
        if len(args) > len(self._names) and not self._varargs:
            return args, kwargs
        places: list[Any] = [*args, *[_MISSING] * (len(self._names) - len(args))]
        named: dict[str, Any] = {}
        for name, value in kwargs.items():
            place = self._positions.get(name, -1)
            if place < 0:
                named[name] = value
            elif places[place] is _MISSING:
                places[place] = value
            else:
                return args, kwargs
        return (tuple(places), named) if self._complete(places, named, len(args)) else (args, kwargs)

    def _complete(self, places: list[Any], named: dict[str, Any], given: int) -> bool:
        """Fill in the defaults; False when something is missing or unknown."""
        for place in range(given, len(self._names)):
            if places[place] is _MISSING:
                places[place] = self._defaults.get(self._names[place], _MISSING)
                if places[place] is _MISSING:
                    return False
        if not self._keywords and not self._keyword_only.issuperset(named):
            return False
        for name in self._keyword_only:
            if name not in named:
                if name not in self._defaults:
                    return False
                named[name] = self._defaults[name]
        return True


def new_walk() -> Walk:
    """Goes through what is no plain value; loaded by name, as few calls hold such things."""
    walk: Walk = _walks().new_walk()
    return walk


@cache
def _walks() -> Any:
    return importlib.import_module("manyhands.machine.fingerprint_code")


def _digest_call(args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> bytes:
    # A few scalars by position are the common case: `plain` and `seal`, written out, for each further call of a Python
    # function costs a tenth of all this takes.
    if not kwargs:
        if SCALARS.issuperset(map(type, args)):
            try:
                data = encode(args)
            except (OverflowError, ValueError):
                data = UNSURE
            if FLOAT_MARK not in data or not may_hold_nan(data):
                return blake2b(b"call\0" + data, digest_size=DIGEST_SIZE).digest()
        return new_walk().digest_steps(_call_steps(args, kwargs, names))
    keys = sorted(kwargs)
    chunks = plain(args), plain(keys), plain([kwargs[key] for key in keys])
    if None in chunks:
        return new_walk().digest_steps(_call_steps(args, kwargs, names))
    return seal(b"call", *[chunk for chunk in chunks if chunk is not None])


def _call_steps(args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> Steps:
    tokens: list[Token] = []
    for index, value in enumerate(args):
        way = names[index] if index < len(names) else f"args[{index}]"
        tokens.append((yield way, value))
    if not kwargs:
        return seal(b"call", encode(tokens))
    keys = sorted(kwargs)
    named: list[Token] = []
    for key in keys:
        named.append((yield key if key in names else f"kwargs[{key!r}]", kwargs[key]))
    return seal(b"call", encode(tokens), encode([scalar_token(str.__str__(key)) for key in keys]), encode(named))
