"""The kinds of value that plain data forgets, given back to what has travelled or was kept."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from enum import Enum
from typing import Any


def like(before: Any, value: Any) -> Any:
    """`value`, as plain data has brought it, as the kind that `before`, which it replaces, is of.

    Of dicts `Counter`, `OrderedDict` and `defaultdict`, of tuples those with names, and members of an `Enum`; whatever
    else there is may need more than its value, and stays plain.
    """
    kind = type(before)
    if kind is defaultdict and type(value) is dict:
        return _default_dict(before, value)
    if kind in (Counter, OrderedDict) and type(value) is dict:
        return kind(value)
    if type(value) is tuple and hasattr(kind, "_fields") and len(kind._fields) == len(value):
        return kind._make(value)
    if isinstance(before, Enum) and not isinstance(value, Enum):
        try:
            return kind(value)
        except ValueError:
            return value
    return value


def _default_dict(before: defaultdict[Any, Any], value: dict[Any, Any]) -> defaultdict[Any, Any]:
    """Members that are dicts become like those that it makes by itself."""
    make = before.default_factory
    if make is not None and any(type(part) is dict for part in value.values()):
        made = make()
        value = {key: like(made, part) for key, part in value.items()}
    return defaultdict(make, value)
