"""The plain codec: values that MessagePack gives back exactly, readable without our code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from manyhands.model.errors import UsageError

CODEC = "msgpack"

SCALARS = frozenset({type(None), bool, int, float, str, bytes})
"""Types that MessagePack gives back exactly (an int beyond 64 bits fails to encode, and is then no plain value)."""

MAX_DEPTH = 64
"""Deeper containers are left to pickle, which says so clearly when they are too deep for it too."""

Replace = Callable[[Any], Any]


class NotPlain(UsageError):
    """The value holds something that MessagePack would not give back exactly: `NotPlain(kind)`; never seen by users."""

    text = "{0} is no plain data."


def _keep(value: Any) -> Any:
    raise NotPlain(type(value))


def _container(value: Any, replace: Replace, seen: set[int], depth: int) -> Any:
    """`value`, if MessagePack gives it back exactly; else `NotPlain`.

    `replace` is called for everything that is neither a scalar, a list nor a dict with text keys, and returns what is
    to be encoded in its place. A container that occurs twice is not plain: its identity would be lost.
    """
    kind = type(value)
    if kind is not list and kind is not dict:
        return replace(value)
    if id(value) in seen or depth > MAX_DEPTH:
        raise NotPlain(kind)
    seen.add(id(value))
    if kind is list:
        if SCALARS.issuperset(map(type, value)):
            return value
        return [item if type(item) in SCALARS else _container(item, replace, seen, depth + 1) for item in value]
    if not _TEXT.issuperset(map(type, value)):
        raise NotPlain(kind)
    if SCALARS.issuperset(map(type, value.values())):
        return value
    return {
        key: item if type(item) in SCALARS else _container(item, replace, seen, depth + 1)
        for key, item in value.items()
    }


_TEXT = frozenset({str})
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder()


def encode(value: Any) -> bytes | None:
    """The bytes of a plain value; None when it is not plain."""
    try:
        return _encoder.encode(value if type(value) in SCALARS else _container(value, _keep, set(), 0))
    except (NotPlain, OverflowError, UnicodeEncodeError, ValueError):
        return None


def encode_call(args: tuple[Any, ...], kwargs: dict[str, Any], replace: Replace) -> bytes | None:
    """The bytes of `[args, kwargs]`, with what `replace` gives for places; None when it is not plain."""
    seen: set[int] = set()
    try:
        values = [item if type(item) in SCALARS else _container(item, replace, seen, 1) for item in args]
        named = _container(kwargs, replace, seen, 0) if kwargs else kwargs
        return _encoder.encode([values, named])
    except (NotPlain, OverflowError, UnicodeEncodeError, ValueError):
        return None


def decode(data: bytes) -> Any:
    return _decoder.decode(data)
