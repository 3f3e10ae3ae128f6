"""Arguments to parameters: what a call means, apart from how it was written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

UNNAMED = frozenset({inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.VAR_POSITIONAL})
"""Kinds of parameters that cannot be given by name."""


def rebind(
    function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], changed: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The call with some arguments changed by name; where the function allows it all of them are given by name then, in
    the order of its parameters. Errors: `TypeError` for a name that is no parameter."""
    signature = inspect.signature(function)
    bound = signature.bind(*args, **kwargs)
    rest = next((p.name for p in signature.parameters.values() if p.kind is inspect.Parameter.VAR_KEYWORD), None)
    for name, value in changed.items():
        if name in signature.parameters:
            bound.arguments[name] = value
        elif rest is not None:
            bound.arguments.setdefault(rest, {})[name] = value
        else:
            raise TypeError(f"it has no parameter '{name}', only {', '.join(signature.parameters)}")
    kinds = {signature.parameters[name].kind for name in bound.arguments}
    # A wrapper shows the signature of what it wraps, but may itself take the arguments only as they were written.
    if not isinstance(function, FunctionType) or hasattr(function, "__wrapped__") or not kinds.isdisjoint(UNNAMED):
        return bound.args, bound.kwargs
    given = {name: bound.arguments[name] for name in signature.parameters if name in bound.arguments}
    more = given.pop(rest, {}) if rest is not None else {}
    return (), {**given, **more}
