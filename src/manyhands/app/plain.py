"""Values of attributes as plain data that any channel, store or page can carry, and back."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from manyhands.app.delta import KIND
from manyhands.app.errors import UnfitAttribute
from manyhands.app.storage.drive import Drive
from manyhands.app.storage.path import Path
from manyhands.app.storage.payload import Payload

SCALARS = frozenset({type(None), bool, int, float, str})
LEAST, MOST = -(1 << 63), (1 << 64) - 1
"""Whole numbers that every format can carry."""

_EASY = frozenset({type(None), bool, str})


def to_plain(value: Any, where: str = "value") -> Any:
    """`value` made of None, bool, int, float, str, list and dicts with text keys only, sharing no container with it.

    What these cannot say (tuples, other keys, whole numbers beyond 64 bits, NaN and infinities, paths, drives,
    payloads) becomes a dict `{"__kind__": ..., ...}`. Other kinds of list and dict become plain ones; an object with
    `__json__()` becomes what that returns.

    Errors: `UnfitAttribute` for everything else; `where` is how the message names it.
    """
    kind = type(value)
    if kind in _EASY:
        return value
    convert = _CONVERT.get(kind)
    try:
        return _other(value, where) if convert is None else convert(value, where)
    except RecursionError:
        what = f"{kind.__name__} that contains itself, or too much within one another"
        raise UnfitAttribute(where.partition("[")[0], what) from None


def from_plain(value: Any) -> Any:
    """What `to_plain` was given, or its equal. Errors: `ValueError` for a `__kind__` that does not exist."""
    kind = type(value)
    if kind is list:
        if SCALARS.issuperset(map(type, value)):
            return list(value)
        return [from_plain(part) for part in value]
    if kind is dict:
        if KIND in value:
            return _revive(value)
        return {key: from_plain(part) for key, part in value.items()}
    return value


def readable(value: Any) -> Any:
    """Plain data for people and pages: nothing tagged, and nothing that strict JSON cannot write."""
    if isinstance(value, dict):
        tag = value.get(KIND)
        if tag in ("tuple", "dict"):
            return _readable_container(value)
        if tag in ("int", "float"):
            return value["text"]
        return {_printable(str(key)): readable(part) for key, part in value.items() if key != KIND}
    if isinstance(value, list | tuple):
        return [readable(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return _printable(value) if isinstance(value, str) else value


def _printable(text: str) -> str:
    """`text` with what UTF-8 cannot say written out, as in a file name of another encoding: `\\udcff`."""
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")


def _readable_container(value: dict[str, Any]) -> Any:
    if value[KIND] == "tuple":
        return [readable(part) for part in value["items"]]
    return {str(readable(key)): readable(part) for key, part in value["items"]}


def _int(value: int, where: str) -> Any:
    return value if LEAST <= value <= MOST else {KIND: "int", "text": str(value)}


def _float(value: float, where: str) -> Any:
    return value if math.isfinite(value) else {KIND: "float", "text": str(value)}


def _list(value: list[Any], where: str) -> list[Any]:
    if _EASY.issuperset(map(type, value)):
        return list(value)
    return [to_plain(part, f"{where}[{place}]") for place, part in enumerate(value)]


def _tuple(value: tuple[Any, ...], where: str) -> dict[str, Any]:
    return {KIND: "tuple", "items": _list(list(value), where)}


def _dict(value: dict[Any, Any], where: str) -> dict[str, Any]:
    for key in value:
        if type(key) is not str or key == KIND:
            return _odd_dict(value, where)
    return {key: to_plain(part, f"{where}[{key!r}]") for key, part in list(value.items())}


def _odd_dict(value: dict[Any, Any], where: str) -> dict[str, Any]:
    items = []
    for key, part in list(value.items()):
        if type(key) not in SCALARS:
            raise UnfitAttribute(f"a key of {where}", type(key).__name__)
        items.append([to_plain(key), to_plain(part, f"{where}[{key!r}]")])
    return {KIND: "dict", "items": items}


def _other(value: Any, where: str) -> Any:
    if isinstance(value, Path):
        return {KIND: "path", **value.to_dict()}
    if isinstance(value, Drive):
        return {KIND: "drive", **value.to_dict()}
    if isinstance(value, Payload):
        return {KIND: "payload", **value.to_dict()}
    described = getattr(type(value), "__json__", None)
    if callable(described):
        return to_plain(described(value), where)
    for base, convert in _BASES:
        if isinstance(value, base):
            return convert(value, where)
    component = ", and components stand in a list or dict of components only" if hasattr(value, "_FLOW_") else ""
    raise UnfitAttribute(where, f"{type(value).__qualname__}{component}")


_CONVERT: dict[type, Callable[[Any, str], Any]] = {
    int: _int,
    float: _float,
    list: _list,
    tuple: _tuple,
    dict: _dict,
}

# Subclasses lose what they add: an enum member of text is its text, a Counter a dict.
_BASES: tuple[tuple[type, Callable[[Any, str], Any]], ...] = (
    (str, lambda value, where: str.__str__(value)),
    (int, lambda value, where: _int(int(value), where)),
    (float, lambda value, where: _float(float(value), where)),
    (list, lambda value, where: _list(list(value), where)),
    (tuple, lambda value, where: _tuple(tuple(value), where)),
    (dict, lambda value, where: _dict(dict(value), where)),
)


def _revive(value: dict[str, Any]) -> Any:
    kind = value[KIND]
    try:
        if kind == "tuple":
            return tuple(from_plain(part) for part in value["items"])
        if kind == "dict":
            return {from_plain(key): from_plain(part) for key, part in value["items"]}
        if kind in _NUMBERS:
            return _NUMBERS[kind](value["text"])
        rest = {key: part for key, part in value.items() if key != KIND}
        return _STORED[kind](rest)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{value!r} stands for nothing known") from error


_NUMBERS: dict[str, Callable[[str], Any]] = {"int": int, "float": float}
_STORED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "path": Path.from_dict,
    "drive": Drive.from_dict,
    "payload": Payload.from_dict,
}
