"""Whether arguments fit a function, told when the step is called and not when it runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from manyhands.model.errors import CallError

SIMPLE = 0x0C
"""Code flags of a function with `*args` or `**kwargs`."""


class Signature:
    """The parameters of one function; the common case, all by position, is told by counting."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._most = -1
        self._least = 0
        if isinstance(function, FunctionType):
            code = function.__code__
            if not code.co_flags & SIMPLE and not code.co_kwonlyargcount:
                self._most = code.co_argcount
                self._least = code.co_argcount - len(function.__defaults__ or ())

    def check(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Errors: `CallError`, in the words of `inspect`."""
        if not kwargs and self._least <= len(args) <= self._most:
            return
        try:
            inspect.signature(self._function).bind(*args, **kwargs)
        except ValueError:
            return  # a built-in function that tells nobody its parameters; the call itself will
        except TypeError as error:
            raise CallError(str(error)) from None
