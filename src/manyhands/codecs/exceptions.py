"""How exceptions are pickled, whatever arguments their constructors want."""

from __future__ import annotations

from typing import Any

REDUCERS = ("__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__", "__getstate__")


def reduce_exception(error: BaseException) -> tuple[Any, ...] | None:
    """What pickle is to save of an exception; None: what it saves by itself, for classes that say how, or have slots,
    or no constructor of their own. By itself it would have the class called with `error.args`, and that suits only a
    constructor that hands on just what it was given."""
    kind = type(error)
    base = _built_in(kind)
    own = kind.__mro__[: kind.__mro__.index(base)]
    if not any("__init__" in vars(each) for each in own):
        return None
    if any(name in vars(each) for each in own for name in (*REDUCERS, "__slots__")):
        return None
    return remake, (kind, base.__reduce__(error)[1], error.args), vars(error)


def remake(kind: type[BaseException], made: tuple[Any, ...], args: tuple[Any, ...]) -> BaseException:
    """An exception of this class that its own constructor has not seen. `made`: what Python's class wants."""
    error = kind.__new__(kind, *made)
    _built_in(kind).__init__(error, *made)
    error.args = args
    return error


def same(error: BaseException) -> BaseException:
    return error


def in_words(error: BaseException) -> BaseException:
    return RuntimeError(f"{type(error).__qualname__}: {error}")


def without_attributes(error: BaseException) -> BaseException:
    """The same exception, without what was put on it."""
    return remake(type(error), _built_in(type(error)).__reduce__(error)[1], error.args)


def _built_in(kind: type[BaseException]) -> Any:
    return next(each for each in kind.__mro__ if each.__module__ == "builtins")
