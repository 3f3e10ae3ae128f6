"""Values whose digests are pinned; run as a script it prints them, for comparison between processes."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import functools
import pathlib
import re
import sys
import types
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np

from manyhands.machine.fingerprint import fingerprint, fingerprint_call

WORDS = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]


class Color(enum.Enum):
    RED = 1
    GREEN = 2


class Mode(enum.Flag):
    READ = 1
    WRITE = 2


class Level(enum.IntEnum):
    LOW = 1


@dataclass
class Point:
    x: Any
    y: Any = 0


class Pair(NamedTuple):
    left: Any
    right: Any


class Spec(msgspec.Struct):
    name: Any
    tags: Any = ()


class Hooked:
    def __init__(self, key: Any) -> None:
        self.key = key

    def __fingerprint__(self) -> Any:
        return self.key


class Tagged(str):
    __slots__ = ("tag",)


def tagged(text: str, tag: Any) -> Tagged:
    made = Tagged(text)
    made.tag = tag
    return made


for _class in (Color, Mode, Level, Point, Pair, Spec, Hooked, Tagged):
    _class.__module__ = "samples"


def samples() -> dict[str, Any]:
    noon = datetime.datetime(2024, 2, 29, 12, 0, 0, 5)
    return {
        "None": None,
        "True": True,
        "1": 1,
        "1.0": 1.0,
        "'1'": "1",
        "b'1'": b"1",
        "0.0": 0.0,
        "-0.0": -0.0,
        "nan": float("nan"),
        "inf": float("inf"),
        "2**64": 2**64,
        "-2**200": -(2**200),
        "surrogate": "\ud800",
        "umlaut": "ä€😀",
        "complex": complex(1, -0.0),
        "ellipsis": ...,
        "list": [1, "a", None],
        "tuple": (1, "a", None),
        "nested": [[1, [2.5, ("x", b"y")]], {"k": [None]}],
        "empty list": [],
        "empty tuple": (),
        "empty dict": {},
        "set": set(WORDS),
        "frozenset": frozenset(WORDS),
        "set of tuples": {(word, len(word)) for word in WORDS},
        "dict": {word: number for number, word in enumerate(WORDS)},
        "dict of any": {1: "a", "1": "b", (1,): "c", None: "d", 2.5: ["e"]},
        "ordered dict": OrderedDict(a=1, b=2),
        "default dict": defaultdict(list, a=[1]),
        "counter": Counter("abca"),
        "deque": deque([1, 2], maxlen=5),
        "range": range(1, 10, 2),
        "slice": slice(1, None, "x"),
        "bytearray": bytearray(b"ab"),
        "memoryview": memoryview(b"ab"),
        "enum": Color.RED,
        "flag": Mode.READ | Mode.WRITE,
        "int enum": Level.LOW,
        "dataclass": Point(1, [2.0]),
        "named tuple": Pair(1, 2),
        "struct": Spec("n", ["t"]),
        "hook": Hooked({"a": 1}),
        "derived": tagged("text", 7),
        "path": pathlib.PurePosixPath("a/b"),
        "datetime": noon,
        "utc": noon.replace(tzinfo=datetime.UTC),
        "zone": noon.replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
        "date": noon.date(),
        "time": noon.time(),
        "timedelta": datetime.timedelta(days=-1, microseconds=3),
        "timezone": datetime.timezone(datetime.timedelta(hours=2), "X"),
        "zone itself": zoneinfo.ZoneInfo("Europe/Berlin"),
        "decimal": decimal.Decimal("1.10"),
        "fraction": fractions.Fraction(1, 3),
        "uuid": uuid.UUID(int=5),
        "pattern": re.compile("a+", re.ASCII),
        "class": int,
        "own class": Point,
        "module": datetime,
        "built-in": len,
        "method of value": "a".join,
        "descriptor": str.upper,
        "partial": functools.partial(int, base=2),
        "alias": list[int],
        "union": int | None,
        "namespace": types.SimpleNamespace(b=1, a=[2]),
        "exception": ValueError("bad", 3),
        "array": np.arange(6, dtype="<i4").reshape(2, 3),
        "float array": np.array([0.5, -0.0, np.nan, np.inf]),
        "complex array": np.array([1 + 2j]),
        "text array": np.array(["a", "bcd"]),
        "object array": np.array([1, "a", None, [2]], dtype=object),
        "record array": np.array([(1, 2.0)], dtype=[("a", "<i4"), ("b", "<f8")]),
        "datetime array": np.array(["2024-01-01", "NaT"], dtype="M8[ns]"),
        "empty array": np.zeros((0, 3)),
        "masked array": np.ma.array([1, 2], mask=[True, False]),
        "numpy float": np.float64(1.0),
        "numpy bool": np.bool_(True),
        "numpy text": np.str_("a"),
        "dtype": np.dtype("f8"),
        "ufunc": np.add,
    }


def digests() -> dict[str, str]:
    made = {name: fingerprint(value).hex() for name, value in samples().items()}
    made["call()"] = fingerprint_call((), {}).hex()
    made["call(1, 'a')"] = fingerprint_call((1, "a"), {}).hex()
    made["call(1, k=[2])"] = fingerprint_call((1,), {"k": [2]}).hex()
    return made


if __name__ == "__main__":
    sys.stdout.write("".join(f"{name}={digest}\n" for name, digest in digests().items()))
