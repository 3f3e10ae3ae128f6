"""Single values: exact, readable where plain, large ones apart, errors that name the cure."""

import datetime
import enum
import math
import pickle
import threading
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as some

from manyhands.codecs import plain
from manyhands.codecs.kit import Kit
from manyhands.codecs.values import PICKLE, TypeCodec
from manyhands.model.errors import DecodingError, EncodingError, PickleForbidden, StoreCorrupt
from manyhands.model.values import ROW_LIMIT, Encoded
from manyhands.stores.blobs import MemoryBlobs

Pair = namedtuple("Pair", "left right")


@dataclass
class Point:
    x: int
    y: int


class Color(enum.Enum):
    RED = 1


class Text(str):
    """A subclass, which plain text would lose."""


class Level(enum.IntEnum):
    HIGH = 3


def again(kit: Kit, value: Any) -> tuple[str, Any]:
    encoded = kit.values.encode(value, "a value")
    return encoded.codec, kit.values.decode(encoded, "a value")


scalars = some.none() | some.booleans() | some.integers() | some.floats(allow_nan=False) | some.text() | some.binary()
values = some.recursive(
    scalars,
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(some.text(), inner, max_size=4)
        | some.tuples(inner, inner)
        | some.dictionaries(some.integers() | some.booleans(), inner, max_size=3)
        | some.frozensets(scalars, max_size=3)
    ),
    max_leaves=12,
)


def same(left: Any, right: Any) -> bool:
    """Equal, and of equal types all the way down."""
    if type(left) is not type(right):
        return False
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return list(map(repr, left)) == list(map(repr, right)) and all(map(same, left.values(), right.values()))
    return bool(left == right)


@given(values)
def test_every_value_comes_back_exactly(value: Any) -> None:
    assert same(again(Kit(MemoryBlobs()), value)[1], value)


@pytest.mark.parametrize(
    "value", [None, True, 0, -(2**63), 2**64 - 1, 1.5, math.inf, "é\0", b"\xff", [], [1, [2]], {"a": {"b": []}}, {}]
)
def test_plain_values_are_kept_readable(kit: Kit, value: Any) -> None:
    encoded = kit.values.encode(value, "a value")
    assert encoded.codec == plain.CODEC
    assert msgspec.msgpack.decode(encoded.data) == value


@pytest.mark.parametrize(
    "value",
    [
        2**64,
        (1, 2),
        {1: 2},
        {1, 2},
        Pair(1, 2),
        Point(1, 2),
        Color.RED,
        Level.HIGH,
        Text("t"),
        OrderedDict(a=1),
        bytearray(b"x"),
        datetime.datetime(2026, 1, 2, tzinfo=datetime.UTC),
        datetime.timedelta(1),
        1j,
        "\ud800",
        [1, (2,)],
        {"a": {3: 4}},
        numpy.float64(1.5),
    ],
)
def test_what_is_not_plain_is_pickled(kit: Kit, value: Any) -> None:
    codec, found = again(kit, value)
    assert codec == PICKLE
    assert type(found) is type(value)
    assert found == value


def test_nan_comes_back(kit: Kit) -> None:
    assert math.isnan(again(kit, math.nan)[1])


def test_a_container_that_occurs_twice_stays_one(kit: Kit) -> None:
    shared: list[int] = []
    codec, (left, right) = again(kit, [shared, shared])
    assert codec == PICKLE
    assert left is right


def test_a_container_that_holds_itself(kit: Kit) -> None:
    loop: list[Any] = []
    loop.append(loop)
    found = again(kit, loop)[1]
    assert found[0] is found


def test_deep_containers(kit: Kit) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    assert again(kit, deep)[1] == deep


def test_an_array(kit: Kit) -> None:
    array = numpy.arange(100_000.0).reshape(100, 1000)
    encoded = kit.values.encode(array, "an array")
    assert encoded.blob is not None
    assert encoded.data == b""
    assert encoded.size > array.nbytes
    assert numpy.array_equal(kit.values.decode(encoded, "an array"), array)


@pytest.mark.parametrize("extra", [-6, -5, 1000])
def test_the_limit_of_a_row(kit: Kit, extra: int) -> None:
    encoded = kit.values.encode(bytes(ROW_LIMIT + extra), "bytes")
    assert (encoded.blob is None) is (encoded.size <= ROW_LIMIT)
    assert len(kit.values.decode(encoded, "bytes")) == ROW_LIMIT + extra


def test_equal_large_values_are_kept_once(kit: Kit) -> None:
    one, two = (kit.values.encode("x" * 100_000, "text") for _ in range(2))
    assert one.blob == two.blob


def test_a_very_large_value_is_told_about(kit: Kit, caplog: pytest.LogCaptureFixture) -> None:
    kit.values.encode(bytes(65 * 1024 * 1024), "the result of big")
    assert "the result of big takes 68 MB" in caplog.text


def test_functions_and_classes_travel_by_value(kit: Kit) -> None:
    class Local:
        def answer(self) -> int:
            return 42

    found = again(kit, Local)[1]
    assert found().answer() == 42
    assert again(kit, lambda: Local().answer())[1]() == 42


@pytest.mark.parametrize("value", [threading.Lock(), [threading.Lock()], (1, iter("x"), open)])
def test_what_cannot_be_saved(kit: Kit, value: Any) -> None:
    try:
        pickle.dumps(value)
    except TypeError:
        with pytest.raises(EncodingError, match=r"the result of f is a .*cannot be saved.*__getstate__"):
            kit.values.encode(value, "the result of f")
    else:
        assert kit.values.encode(value, "the result of f").codec == PICKLE


def test_a_pickle_that_fails_in_its_own_way(kit: Kit) -> None:
    class Odd:
        def __reduce__(self) -> Any:
            raise KeyError("odd")

    with pytest.raises(EncodingError, match="KeyError: 'odd'"):
        kit.values.encode(Odd(), "a value")


def test_without_pickle(plain_kit: Kit) -> None:
    assert again(plain_kit, {"a": [1, 2.5, None]})[1] == {"a": [1, 2.5, None]}
    with pytest.raises(PickleForbidden, match=r"a value is a tuple.*allow_pickle"):
        plain_kit.values.encode((1, 2), "a value")
    pickled = Encoded(PICKLE, pickle.dumps((1, 2)), None, 10)
    with pytest.raises(DecodingError, match="`allow_pickle` is off"):
        plain_kit.values.decode(pickled, "a value")


def test_a_codec_for_a_type() -> None:
    codec = TypeCodec("point", Point, lambda point: f"{point.x},{point.y}".encode(), _point)
    blobs = MemoryBlobs()
    kit = Kit(blobs, allow_pickle=False, types=(codec,))
    encoded = kit.values.encode(Point(1, 2), "a point")
    assert (encoded.codec, encoded.data) == ("point", b"1,2")
    assert kit.values.decode(encoded, "a point") == Point(1, 2)
    with pytest.raises(DecodingError, match="no codec of this name is registered"):
        Kit(blobs).values.decode(encoded, "a point")


def _point(data: bytes) -> Point:
    x, y = data.decode().split(",")
    return Point(int(x), int(y))


def test_values_that_cannot_be_loaded(kit: Kit) -> None:
    broken = Encoded(PICKLE, b"\x80\x05cnowhere\nThing\n.", None, 10)
    with pytest.raises(
        DecodingError, match=r"the result of f \(saved as pickle\) cannot be loaded.*nowhere.*untouched"
    ):
        kit.values.decode(broken, "the result of f")
    with pytest.raises(DecodingError):
        kit.values.decode(Encoded(plain.CODEC, b"\xc1", None, 1), "a value")
    with pytest.raises(StoreCorrupt):
        kit.values.decode(Encoded(plain.CODEC, b"", "0" * 32, 1), "a value")
