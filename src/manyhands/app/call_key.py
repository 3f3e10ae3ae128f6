"""The key of a call: seven hex digits that stand for its arguments, or more where seven fit two calls."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from typing import Any

from manyhands.machine.fingerprint import fingerprint, fingerprint_call
from manyhands.model.errors import FingerprintError

DIGITS = 7
FURTHER_DIGITS = 9

COPYING = ("__reduce_ex__", "__reduce__", "__getstate__")
"""Methods by which a class says how its objects are copied."""

OBJECT = "object"


def full_fingerprint(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """32 hex digits: calls have the same exactly if they are the same call.

    Arguments count as written: `run(1)` and `run(value=1)` are two calls, as are 1, 1.0, True and "1". The order of
    keywords does not count. An object of a plain class counts by its class and attributes. Errors: `FingerprintError`
    for an argument without a stable identity.
    """
    try:
        return fingerprint_call(args, kwargs).hex()
    except FingerprintError as refused:
        with _or(refused):
            return fingerprint_call(_stand_in(args), _stand_in(kwargs)).hex()


def short_key(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The customary seven hex digits. Different calls can share them: order and repetition within a list do not count.

    Arguments must have a fingerprint.
    """
    try:
        return _hash({"args": args, "kwargs": kwargs})[:DIGITS]
    except RecursionError:  # nested more deeply than Python calls
        return full_fingerprint(args, kwargs)[:DIGITS]


def choose_key(args: tuple[Any, ...], kwargs: dict[str, Any], full: str, taken: Mapping[str, str | None]) -> str:
    """The key of a call whose fingerprint is `full`.

    `taken`: the keys in use, with the fingerprints of their calls, None where it is not known. The customary key,
    unless it is that of another call.
    """
    key = short_key(args, kwargs)
    if taken.get(key) in (None, full):
        return key
    return key + full[:FURTHER_DIGITS]


def _hash(value: Any) -> str:
    return sha256(_text(value).encode("utf-8", "surrogatepass")).hexdigest()


def _text(value: Any) -> str:
    if value is None:
        return "str:NONE"
    if isinstance(value, bool):
        return f"str:bool:{str(value).lower()}"
    if isinstance(value, str):
        return f"str:{value}"
    if isinstance(value, int | float):
        return f"str:{type(value).__name__}:{value}"
    if isinstance(value, bytes):
        return f"bytes:{value.decode('utf-8', 'replace')}"
    if isinstance(value, list | tuple | set | frozenset):
        return f"str:{type(value).__name__}:{','.join(sorted({_hash(part) for part in value}))}"
    if hasattr(value, "to_dict") and not isinstance(value, type):
        return _odd(value)
    if isinstance(value, Mapping):
        parts = [f"{_hash(k)}:{_hash(v)}" for k, v in value.items() if not (isinstance(k, str) and k[:2] == "__")]
        return f"str:dict:{{{';'.join(sorted(parts))}}}"
    return _odd(value)


def _odd(value: Any) -> str:
    """Other values, of which only this is asked: the same for the same, and likely another for another."""
    if isinstance(value, os.PathLike | datetime.date | datetime.time):
        return f"str:{type(value).__name__}:{value}"
    return f"obj:{_identity(value)}"


# --- objects that have no fingerprint -------------------------------------------------------------------------------


def _identity(value: Any) -> str:
    try:
        return fingerprint(value).hex()
    except FingerprintError as refused:
        with _or(refused):
            return fingerprint(_stand_in(value)).hex()


@contextmanager
def _or(refused: FingerprintError) -> Iterator[None]:
    """What cannot be compared by attributes either is refused as it was, for that names its place."""
    try:
        yield
    except (FingerprintError, RecursionError):
        raise refused from None


def _stand_in(value: Any) -> Any:
    """`value` with text in the place of each object that counts by its attributes."""
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return kind(map(_stand_in, value))
    if kind is dict:
        return {key: _stand_in(part) for key, part in value.items()}
    if not _is_all_attributes(value):
        return value
    try:
        return fingerprint(value)
    except FingerprintError:
        return OBJECT, kind.__module__, kind.__qualname__, fingerprint(_stand_in(vars(value)))


def _is_all_attributes(value: Any) -> bool:
    """Whether there is nothing in the object but its `__dict__`: a class written in C may hide more, and one that says
    itself how it is copied has its reasons. The standard library tells these apart to copy objects."""
    kind = type(value)
    if not hasattr(value, "__dict__") or isinstance(value, type | list | dict):
        return False
    if any(getattr(kind, name, None) is not getattr(object, name, None) for name in COPYING):
        return False
    try:
        reduced: Any = object.__reduce_ex__(value, 2)
    except TypeError:
        return False
    return reduced[1] == (kind,) and not isinstance(reduced[2], tuple)
