"""Handlers of NumPy and pandas objects, which import neither: whoever holds such an object has imported them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

from manyhands.machine.fingerprint_walk import (
    DIGEST_SIZE,
    Handler,
    Steps,
    Token,
    class_name,
    encode,
    scalar_token,
    seal,
    tokens_of_attributes,
)

CHUNK = 1 << 16
"""Numbers looked at in one go; small enough for the mask of NaN to stay in the processor's cache."""

RAW_KINDS = "biufcmMSUV"
"""Kinds of dtype whose bytes are their value."""


def ndarray(array: Any) -> bytes | Steps:
    """By dtype, shape and content in C order; the byte order in memory does not count, NaN equals NaN."""
    dtype = array.dtype
    if dtype.names is not None:
        return _record(array)
    if dtype.kind not in RAW_KINDS:
        return _objects(array)
    return _raw(b"ndarray", array)


def scalar(value: Any) -> bytes | Steps:
    """A NumPy scalar: like an array of no dimensions, and yet different from it."""
    array = _numpy().asarray(value)
    return _raw(b"numpy scalar", array) if array.dtype.names is None else _record(array)


def masked(array: Any) -> Steps:
    """What lies under the mask does not count."""
    numpy = _numpy()
    mask = numpy.ma.getmaskarray(array)
    data = numpy.asarray(array.data).copy()
    data[mask] = numpy.zeros((), data.dtype)
    return _parts(b"masked array", [("", data), (".mask", numpy.asarray(mask))])


def classed(array: Any) -> Steps:
    """An array of a known subclass: its class counts."""
    return _parts(b"array of class", [("", type(array).__qualname__), ("", _numpy().asarray(array))])


def mapped(array: Any) -> bytes | Steps:
    """An array that lies in a file counts by what it holds."""
    return ndarray(_numpy().asarray(array))


def dtype(value: Any) -> bytes | Steps:
    """A NumPy dtype."""
    if value.names is not None:
        fields = [((name,), value.fields[name][0]) for name in value.names]
        return _parts(b"record dtype", [("", list(value.names)), *fields])
    if value.subdtype is not None:
        return _parts(b"array dtype", [("", value.subdtype[0]), ("", list(value.subdtype[1]))])
    return seal(b"dtype", encode(_description(value)))


def ufunc(value: Any) -> bytes:
    """A NumPy function, by name."""
    return seal(b"numpy function", encode([value.__name__]))


def frame(table: Any) -> Steps:
    """A DataFrame: columns, index, dtypes and values; the order of rows and columns counts."""
    tokens: list[Token] = [(yield ".columns", table.columns), (yield ".index", table.index)]
    for position, label in enumerate(table.columns):
        tokens.append((yield (label,), _Column(table.iloc[:, position])))
    extras = yield from _extras(table)
    return seal(b"DataFrame", encode([class_name(type(table)), tokens, extras]))


def series(column: Any) -> Steps:
    """A Series: name, index, dtype and values."""
    tokens = [(yield ".name", column.name), (yield ".index", column.index), (yield "", _Column(column))]
    extras = yield from _extras(column)
    return seal(b"Series", encode([class_name(type(column)), tokens, extras]))


def index(labels: Any) -> Steps:
    """An Index: class, names and labels."""
    levels = getattr(labels, "nlevels", 1)
    columns = [labels] if levels == 1 else [labels.get_level_values(level) for level in range(levels)]
    tokens = [(yield ".names", list(labels.names))]
    for column in columns:
        tokens.append((yield "", _Column(column)))
    return seal(b"Index", encode([type(labels).__qualname__, levels, tokens]))


class _Column:
    """The bare values of a Series or an Index."""

    __slots__ = ("values",)

    def __init__(self, values: Any) -> None:
        self.values = values


def _column(column: _Column) -> Steps:
    values = column.values
    dtype = values.dtype
    if hasattr(dtype, "categories") and hasattr(dtype, "ordered"):
        array = values.array
        tokens = [(yield ".codes", array.codes), (yield ".categories", dtype.categories)]
        return seal(b"categories", encode([bool(dtype.ordered), tokens]))
    if hasattr(dtype, "tz"):
        # Points in time as whole numbers: a Timestamp object for each would be a hundred times slower.
        array = values.to_numpy(dtype=f"datetime64[{dtype.unit}]")
    else:
        array = values.to_numpy()
    return seal(b"column", encode([str(dtype), (yield "", array)]))


def _extras(table: Any) -> Any:
    names = sorted(getattr(table, "_metadata", ()))
    tokens = yield from tokens_of_attributes(table, names)
    return [names, tokens, (yield ".attrs", dict(table.attrs))]


def timestamp(value: Any) -> bytes:
    """A pandas Timestamp or Timedelta: to the nanosecond, with its zone."""
    zone = getattr(value, "tz", None)
    return seal(
        b"pandas time", encode([type(value).__qualname__, value.isoformat(), getattr(value, "unit", "ns"), str(zone)])
    )


def period(value: Any) -> bytes:
    """A pandas Period."""
    return seal(b"pandas period", encode([str(value), value.freqstr]))


def interval(value: Any) -> Steps:
    """A pandas Interval."""
    return _parts(b"pandas interval", [(".left", value.left), (".right", value.right), ("", value.closed)])


def _parts(kind: bytes, parts: list[tuple[Any, Any]]) -> Steps:
    tokens = []
    for part, value in parts:
        tokens.append((yield part, value))
    return seal(kind, encode(tokens))


def _numpy() -> Any:
    return sys.modules["numpy"]


def _record(array: Any) -> Steps:
    # Field by field, for the bytes between fields hold anything.
    tokens = []
    for name in array.dtype.names:
        tokens.append((yield (name,), _numpy().asarray(array[name])))
    return seal(b"records", encode([list(array.dtype.names), list(array.shape), tokens]))


def _objects(array: Any) -> Steps:
    token = yield "", array.ravel().tolist()
    return seal(b"objects", encode([array.dtype.kind, list(array.shape), token]))


def _description(dtype: Any) -> list[str]:
    if dtype.kind == "V":
        return [dtype.str, class_name(dtype.type)]
    return [dtype.newbyteorder("<").str]


def _raw(kind: bytes, array: Any) -> bytes:
    digest = blake2b(seal(kind, encode([_description(array.dtype), list(array.shape)])), digest_size=DIGEST_SIZE)
    if array.nbytes:
        for chunk in _chunks(array):
            digest.update(chunk)
    return digest.digest()


def _chunks(array: Any) -> Iterator[Any]:
    flat = _numpy().ascontiguousarray(array).reshape(-1)
    if flat.dtype.char in "gG":
        yield from _extended(flat)
        return
    if flat.dtype.kind != "V" and flat.dtype != flat.dtype.newbyteorder("<"):
        flat = flat.astype(flat.dtype.newbyteorder("<"))
    if flat.dtype.kind not in "fc":
        yield flat.view("u1")
        return
    size = flat.dtype.itemsize // (2 if flat.dtype.kind == "c" else 1)
    numbers = flat.view(f"<f{size}")
    for start in range(0, len(numbers), CHUNK):
        chunk = numbers[start : start + CHUNK]
        holes = chunk != chunk
        if holes.any():
            chunk = chunk.copy()
            chunk[holes] = _numpy().nan
        yield chunk.view("u1")


def _extended(flat: Any) -> Iterator[Any]:
    """Long doubles, part by part: in memory they hold stray bytes and differ between machines."""
    numpy = _numpy()
    if flat.dtype.kind == "c":
        yield from _extended(flat.real.copy())
        yield from _extended(flat.imag.copy())
        return
    rest, exponents = numpy.frexp(flat)
    yield exponents.astype("<i4").view("u1")
    for _ in range(3):
        part = rest.astype("<f8")
        finite = numpy.isfinite(part)
        rest = numpy.where(finite, rest, 0) - numpy.where(finite, part, 0)
        yield numpy.where(numpy.isnan(part), numpy.nan, part).view("u1")


def _singleton(value: Any) -> bytes:
    return seal(b"single", encode([scalar_token(type(value).__qualname__)]))


OPEN: dict[str, Handler] = {
    "numpy.generic": scalar,
    "numpy.dtype": dtype,
    "numpy.ufunc": ufunc,
    "pandas.core.frame.DataFrame": frame,
    "pandas.core.series.Series": series,
    "pandas.core.indexes.base.Index": index,
    "pandas.DataFrame": frame,
    "pandas.Series": series,
    "pandas.Index": index,
    "pandas._libs.tslibs.timestamps.Timestamp": timestamp,
    "pandas._libs.tslibs.timedeltas.Timedelta": timestamp,
    "pandas._libs.tslibs.period.Period": period,
    "pandas._libs.interval.Interval": interval,
    "pandas._libs.tslibs.nattype.NaTType": _singleton,
    "pandas._libs.missing.NAType": _singleton,
    "pandas.api.typing.NaTType": _singleton,
    "pandas.api.typing.NAType": _singleton,
    "pandas.Timestamp": timestamp,
    "pandas.Timedelta": timestamp,
    "pandas.Period": period,
    "pandas.Interval": interval,
    f"{_Column.__module__}.{_Column.__qualname__}": _column,
}
"""Handlers, by the name of a class, that also serve its subclasses."""

CLOSED: dict[str, Handler] = {
    "numpy.ndarray": ndarray,
    "numpy.memmap": mapped,
    "numpy.matrix": classed,
    "numpy.matrixlib.defmatrix.matrix": classed,
    "numpy.recarray": classed,
    "numpy.rec.recarray": classed,
    "numpy.ma.core.MaskedArray": masked,
    "numpy.ma.MaskedArray": masked,
}
"""Handlers of one class alone: a subclass, such as an array with units, may hold more than they would see."""
