"""The walk behind every fingerprint: a value goes in, canonical bytes come out, whatever its depth or sharing."""

from __future__ import annotations

from collections.abc import Callable, Generator
from hashlib import blake2b
from operator import ne
from types import FunctionType
from typing import Any, TypeAlias

import msgspec

from manyhands.model.errors import FingerprintError, ManyhandsError

Ext = msgspec.msgpack.Ext
encode = msgspec.msgpack.Encoder().encode

Token: TypeAlias = Any
"""What stands for a value inside its container: a scalar as it is, an `Ext` for everything else."""

Part: TypeAlias = "str | int | tuple[object]"
"""The way from a container to a part of it: text as it is, an index, or a key in a tuple of one."""

Steps: TypeAlias = Generator[tuple[Part, Any], Token, bytes]
Handler: TypeAlias = Callable[[Any], "bytes | Steps"]
"""Makes a value's digest, or yields (way, part) for each of its parts, is sent their tokens, returns the digest."""

SCALARS = frozenset({type(None), bool, int, float, str, bytes})
DIGEST_SIZE = 16
NODE, BIG_INT, SURROGATES, ABSENT, TYPE_NAME, REFERENCE = range(1, 7)
NAN = float("nan")
LONGEST_INLINE = 0xFFFF_FFFF
SMALL = 32
FLOAT_MARK = 0xCB
"""The byte before every float in msgpack."""
UNSURE = b"\xcb\x7f"
"""Stands for what cannot be encoded at once; `may_hold_nan` is true of it."""
SHOWN_PARTS = 12
SHOWN_KEY = 60


class UnfitError(ManyhandsError):
    """A part has no stable identity: `UnfitError(what it is)`. The walk makes it a `FingerprintError` with the path."""

    text = "{0} has no stable identity."


def class_name(cls: Any) -> str:
    """The name under which a class counts."""
    return f"{cls.__module__}.{cls.__qualname__}"


def readable_name(cls: Any) -> str:
    """The name under which people know a class."""
    return class_name(cls).removeprefix("builtins.")


def seal(kind: bytes, *chunks: bytes) -> bytes:
    """The digest of one value. Chunks must tell their own length, as msgpack does, unless there is only one."""
    return blake2b(b"".join((kind, b"\0", *chunks)), digest_size=DIGEST_SIZE).digest()


def may_hold_nan(data: bytes) -> bool:
    """False when no float in these encoded scalars is NaN; true of some others too, such as infinities.

    A NaN starts with 7F or FF. To look for one byte takes a tenth of the time that looking for two takes.
    """
    return (0x7F in data or 0xFF in data) and (b"\xcb\x7f" in data or b"\xcb\xff" in data)


def plain(values: Any) -> bytes | None:
    """The bytes of a list or tuple of scalars that need no closer look, else None.

    Scalars that need one are whole numbers beyond 64 bits, text that is no Unicode, NaN. What comes out is exactly
    what the encoding of their tokens would be, so whichever way is taken, equal values get equal bytes.
    """
    if not SCALARS.issuperset(map(type, values)):
        return None
    try:
        data = encode(values)
    except (OverflowError, ValueError):
        return None
    if FLOAT_MARK in data and may_hold_nan(data) and True in map(ne, values, values):
        return None
    return data


def scalar_token(value: Any) -> Token:
    """The token of a value whose type is one of `SCALARS`."""
    kind = type(value)
    if kind is float:
        return value if value == value else NAN
    if kind is int:
        if -(2**63) <= value < 2**64:
            return value
        return Ext(BIG_INT, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))
    if kind is str:
        return _text_token(value)
    if kind is bytes and len(value) > LONGEST_INLINE:
        return Ext(NODE, seal(b"bytes", value))
    return value


def _text_token(text: str) -> Token:
    if text.isascii() and len(text) <= LONGEST_INLINE:
        return text
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return Ext(SURROGATES, text.encode(errors="surrogatepass"))
    return text if len(data) <= LONGEST_INLINE else Ext(NODE, seal(b"str", data))


def tokens_of(items: Any) -> Generator[tuple[Part, Any], Token, list[Token]]:
    """The tokens of the items of a sequence, in order."""
    tokens = []
    for index, item in enumerate(items):
        tokens.append(scalar_token(item) if type(item) in SCALARS else (yield index, item))
    return tokens


def tokens_of_attributes(value: Any, names: list[str]) -> Generator[tuple[Part, Any], Token, list[Token]]:
    """The tokens of the named attributes, in order; one that was never set has a token of its own."""
    tokens = []
    for name in names:
        try:
            item = getattr(value, name)
        except AttributeError:
            tokens.append(Ext(ABSENT, b""))
        else:
            tokens.append((yield f".{name}", item))
    return tokens


class _Frame:
    __slots__ = ("part", "steps", "value")

    def __init__(self, steps: Steps, value: object) -> None:
        self.steps = steps
        self.value = value
        self.part: Part = ""


class Walk:
    """One walk over a value; its stack is a list, so depth is bounded by memory alone.

    Parts met again are not walked again. `resolve` finds the handler of a type (None: there is none); `functions`
    is the handler of plain functions.
    """

    __slots__ = ("_handlers", "_resolve", "_seen", "_stack")

    def __init__(self, resolve: Callable[[type], Handler | None], functions: Handler) -> None:
        self._resolve = resolve
        self._handlers: dict[type, Handler | None] = {FunctionType: functions}
        # The value is kept beside its token, for an id is a name only as long as its object lives. A token of None
        # marks a value whose walk is not over.
        self._seen: dict[int, tuple[Token | None, object]] = {}
        self._stack: list[_Frame] = []

    def digest(self, value: Any, label: str) -> bytes:
        """The digest of `value`, which errors call `label`."""
        token = self._guarded(lambda: self._open(value), label)
        if type(token) is Ext and token.code == NODE:
            return bytes(token.data)
        return seal(b"value", encode([token]))

    def digest_steps(self, steps: Steps) -> bytes:
        """The digest that `steps` returns once all the parts it yields are walked."""

        def start() -> Token:
            self._stack.append(_Frame(steps, steps))

        token: Any = self._guarded(start, "")
        return bytes(token.data)

    def _guarded(self, start: Callable[[], Token], label: str) -> Token:
        try:
            return self._drive(start())
        except UnfitError as problem:
            raise FingerprintError(self._path(label), str(problem.args[0])) from problem.__cause__
        except (FingerprintError, MemoryError):
            raise
        except Exception as problem:
            kind = readable_name(type(self._stack[-1].value)) if self._stack else label
            raise FingerprintError(self._path(label), f"{kind} that raised {problem!r}") from problem
        finally:
            for frame in self._stack:
                self._seen.pop(id(frame.value), None)
            self._stack.clear()

    def _drive(self, token: Token) -> Token:
        stack = self._stack
        while stack:
            frame = stack[-1]
            try:
                frame.part, child = frame.steps.send(token)
            except StopIteration as end:
                stack.pop()
                token = Ext(NODE, end.value)
                self._seen[id(frame.value)] = (token, frame.value)
            except Exception:
                frame.part = ""
                raise
            else:
                token = self._open(child)
        return token

    def _open(self, value: Any) -> Token:
        """The token of `value`, or None with a frame on the stack that will make it."""
        kind = type(value)
        if kind in SCALARS:
            return scalar_token(value)
        seen = self._seen.get(id(value))
        if seen is not None:
            if seen[0] is None:
                raise UnfitError(f"{readable_name(kind)} that contains itself")
            return seen[0]
        outcome = self._handler(kind)(value)
        if not isinstance(outcome, bytes):
            self._seen[id(value)] = (None, value)
            self._stack.append(_Frame(outcome, value))
            return None
        token = Ext(NODE, outcome)
        # Remembering a small flat container costs more than walking it again.
        if kind not in (tuple, list, dict) or len(value) > SMALL:
            self._seen[id(value)] = (token, value)
        return token

    def _handler(self, kind: type) -> Handler:
        try:
            handler = self._handlers[kind]
        except KeyError:
            handler = self._handlers[kind] = self._resolve(kind)
        if handler is None:
            raise UnfitError(readable_name(kind))
        return handler

    def _path(self, label: str) -> str:
        parts = [_shown(frame.part) for frame in self._stack]
        if len(parts) > SHOWN_PARTS:
            half = SHOWN_PARTS // 2
            parts[half:-half] = [f"…({len(parts) - 2 * half} levels)…"]
        return label + "".join(parts)


def _shown(part: Part) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, int):
        return f"[{part}]"
    (key,) = part
    text = repr(key) if type(key) in SCALARS else f"<{readable_name(type(key))}>"
    return f"[{text if len(text) <= SHOWN_KEY else text[: SHOWN_KEY - 1] + '…'}]"
