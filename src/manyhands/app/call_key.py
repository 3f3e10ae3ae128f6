"""The key of a call: seven hex digits that stand for its arguments, or more where seven fit two calls."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from manyhands.machine.fingerprint import fingerprint, fingerprint_call

DIGITS = 7
FURTHER_DIGITS = 9


def full_fingerprint(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """32 hex digits: calls have the same exactly if they are the same call.

    Arguments count as written: `run(1)` and `run(value=1)` are two calls, as are 1, 1.0, True and "1". The order of
    keywords does not count. Errors: `FingerprintError` for an argument without a stable identity.
    """
    return fingerprint_call(args, kwargs).hex()


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
    return f"obj:{fingerprint(value).hex()}"
