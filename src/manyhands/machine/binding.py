"""Arguments to parameters: what a call means, apart from how it was written."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any


def rebind(
    function: Callable[..., Any], args: Sequence[Any], kwargs: dict[str, Any], changed: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The call with some arguments changed by name. Errors: `TypeError` for a name that is no parameter."""
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
    return bound.args, bound.kwargs
