"""From the text and JSON of a request to what a method of an app takes."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any, get_type_hints

import msgspec

from manyhands.model.errors import CallError
from manyhands.rest.view import Plain

NAMED = frozenset({inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY})


def bound(method: Callable[..., Any], given: Plain, where: str) -> Plain:
    """`given` as the method's annotations want it: text becomes a number where a number is asked for, and a single
    parameter that is a data class or a model is made of all that is given.

    Errors: `CallError` for what is missing, unknown, or of another kind.
    """
    parameters = inspect.signature(method).parameters
    hints = _hints(method)
    named = [name for name, parameter in parameters.items() if parameter.kind in NAMED]
    if len(named) == 1 and named[0] not in given and _is_model(hints.get(named[0])):
        given = {named[0]: given}
    takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
    unknown = [name for name in given if name not in named]
    if unknown and not takes_any:
        raise CallError(f"{where} does not take {', '.join(unknown)}; it takes {', '.join(named) or 'nothing'}.")
    missing = [name for name in named if name not in given and parameters[name].default is inspect.Parameter.empty]
    if missing:
        raise CallError(f"{where} needs {', '.join(missing)}: in its path, its query, or a JSON object as its body.")
    return {name: _converted(value, hints.get(name, Any), f"{name} of {where}") for name, value in given.items()}


def settled(result: Any) -> Any:
    """What a method gave, waited for where it is a coroutine."""
    return asyncio.run(result) if inspect.iscoroutine(result) else result


def _hints(method: Callable[..., Any]) -> dict[str, Any]:
    try:
        return get_type_hints(method)
    except (NameError, TypeError):  # an annotation that cannot be read is none
        return {}


def _is_model(kind: Any) -> bool:
    if not isinstance(kind, type):
        return False
    return hasattr(kind, "model_validate") or hasattr(kind, "__dataclass_fields__") or issubclass(kind, msgspec.Struct)


def _converted(value: Any, kind: Any, where: str) -> Any:
    try:
        if isinstance(kind, type) and hasattr(kind, "model_validate"):
            return kind.model_validate(value)
        return msgspec.convert(value, kind, strict=not isinstance(value, str))
    except (msgspec.ValidationError, ValueError) as error:
        raise CallError(f"{where} does not fit: {error}") from error
    except TypeError:  # a kind that nobody knows here
        return value
