"""The inputs of a call, with the results of other calls anywhere inside them, to bytes and back."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Sequence
from typing import Any

import cloudpickle
import msgspec

from manyhands.codecs import plain
from manyhands.codecs.values import PICKLE, ValueCodec
from manyhands.model.errors import DecodingError, EncodingError, ManyhandsError, PickleForbidden, UsageError
from manyhands.model.values import Encoded

_Decoder = msgspec.msgpack.Decoder

PLACE = 1
"""MessagePack extension code of a place where an upstream's result goes; its data is the upstream's position."""

IndexOf = Callable[[Any], "int | None"]
"""The position of the upstream whose result takes an object's place, its complement (`~position`) where a reference to
that result takes it, or None when the object stands for itself."""

NO_INPUTS = Encoded(plain.CODEC, b"\x92\x90\x80", None, 3)
"""The inputs of `f()`."""


class CallCodec:
    """Saves `(args, kwargs)` with places for upstream results.

    The same upstream at two places is the same object after decoding; places may be at any depth of any container.
    """

    def __init__(self, values: ValueCodec) -> None:
        self._values = values

    def encode(self, args: tuple[Any, ...], kwargs: dict[str, Any], index_of: IndexOf, what: str) -> Encoded:
        """Errors: `EncodingError`, `PickleForbidden`."""
        if not args and not kwargs:
            return NO_INPUTS

        def replace(value: Any) -> Any:
            index = index_of(value)
            if index is None:
                raise plain.NotPlain(type(value))
            return msgspec.msgpack.Ext(PLACE, index.to_bytes(4, "big", signed=True))

        data = plain.encode_call(args, kwargs, replace)
        if data is not None:
            return self._values.stored(plain.CODEC, data, what)
        return self._values.stored(PICKLE, self._pickled((args, kwargs), index_of, what), what)

    def _pickled(self, call: Any, index_of: IndexOf, what: str) -> bytes:
        if not self._values.allow_pickle:
            raise PickleForbidden(what, "value that is not plain data")
        buffer = io.BytesIO()
        try:
            _Pickler(buffer, index_of).dump(call)
        except UsageError:
            raise
        except Exception as error:
            raise EncodingError(what, _culprit(call), f"{type(error).__name__}: {error}") from error
        return buffer.getvalue()

    def decode(self, encoded: Encoded, results: Sequence[Any], what: str) -> tuple[Sequence[Any], dict[str, Any]]:
        """`results`: what takes each place, by position; asked for a complement it gives a reference.

        Errors: `DecodingError`.
        """
        try:
            data = self._values.data(encoded)
            if encoded.codec == plain.CODEC:
                return _load_plain(data, results)
            self._values.check_pickle(what, encoded.codec)
            return _Unpickler(io.BytesIO(data), results).load()  # type: ignore[no-any-return]
        except ManyhandsError:
            raise
        except Exception as error:
            raise DecodingError(what, encoded.codec, f"{type(error).__name__}: {error}") from error


def _load_plain(data: bytes, results: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    if not results:
        return plain.decode(data)  # type: ignore[no-any-return]

    def place(_code: int, index: memoryview) -> Any:
        return results[int.from_bytes(index, "big", signed=True)]

    return _Decoder(ext_hook=place).decode(data)  # type: ignore[no-any-return]


def _culprit(call: tuple[tuple[Any, ...], dict[str, Any]]) -> str:
    """The type of the first argument that cannot be pickled by itself, to name it in an error."""
    args, kwargs = call
    for value in (*args, *kwargs.values()):
        try:
            cloudpickle.dumps(value, protocol=5)
        except Exception:  # noqa: BLE001 - looking for the one that raises
            return type(value).__name__
    return "value"


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, index_of: IndexOf) -> None:
        super().__init__(file, protocol=5)
        self._index_of = index_of

    def persistent_id(self, value: Any) -> int | None:
        return self._index_of(value)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, results: Sequence[Any]) -> None:
        super().__init__(file)
        self._results = results

    def persistent_load(self, index: int) -> Any:
        return self._results[index]
