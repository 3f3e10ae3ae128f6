"""Single values to bytes and back: plain where exact, by a registered codec for its types, else pickled."""

from __future__ import annotations

import logging
import pickle
from collections.abc import Callable
from io import BytesIO
from typing import Any

import cloudpickle
import msgspec

from manyhands.codecs import plain
from manyhands.codecs.exceptions import in_words, reduce_exception, same, without_attributes
from manyhands.model.errors import DecodingError, EncodingError, ManyhandsError, PickleForbidden, UsageError
from manyhands.model.values import ROW_LIMIT, Encoded
from manyhands.ports.store import Blobs

PICKLE = "pickle"
LARGE = 64 * 1024 * 1024
"""Bytes; saving a value beyond this is worth a warning, never a refusal."""

log = logging.getLogger("manyhands")


class TypeCodec(msgspec.Struct, frozen=True):
    """How the values of one type are saved. `name` is stored beside them; `encode` gives bytes, `decode` the value."""

    name: str
    type: type
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def reducer_override(self, obj: Any) -> Any:
        reduced = reduce_exception(obj) if isinstance(obj, BaseException) else None
        return reduced or super().reducer_override(obj)


class ValueCodec:
    """Saves values, large ones in the blob store.

    `allow_pickle=False` turns everything that is neither plain nor of a registered type into `PickleForbidden`.
    """

    def __init__(self, blobs: Blobs, *, allow_pickle: bool = True, types: tuple[TypeCodec, ...] = ()) -> None:
        self.blobs = blobs
        self.allow_pickle = allow_pickle
        self._by_type = {codec.type: codec for codec in types}
        self._by_name = {codec.name: codec for codec in types}

    def encode(self, value: Any, what: str) -> Encoded:
        """Errors: `EncodingError`, `PickleForbidden`; `what` names the value in their text."""
        if self._by_type:
            registered = self._by_type.get(type(value))
            if registered is not None:
                return self.stored(registered.name, registered.encode(value), what)
        data = plain.encode(value)
        if data is not None:
            size = len(data)
            return Encoded(plain.CODEC, data, None, size) if size <= ROW_LIMIT else self.stored(plain.CODEC, data, what)
        return self.stored(PICKLE, self.pickled(value, what), what)

    def pickled(self, value: Any, what: str) -> bytes:
        if not self.allow_pickle:
            raise PickleForbidden(what, type(value).__name__)
        try:
            saved = BytesIO()
            Pickler(saved, protocol=5).dump(value)
        except UsageError:
            raise
        except Exception as error:
            raise EncodingError(what, type(value).__name__, f"{type(error).__name__}: {error}") from error
        return saved.getvalue()

    def encode_exception(self, error: BaseException) -> Encoded | None:
        """An exception as it can be raised again: without its attributes where they cannot be saved, and at the worst
        as a `RuntimeError` that says what it was. None where nothing may be pickled."""
        if not self.allow_pickle:
            return None
        forms: tuple[Callable[[BaseException], BaseException], ...] = (same, without_attributes, in_words)
        for form in forms:
            try:
                encoded = self.encode(form(error), "the exception")
                if isinstance(self.decode(encoded, "the exception"), BaseException):
                    return encoded
            except Exception:  # noqa: BLE001, S112 - the next form asks less of its class
                continue
        return None

    def stored(self, codec: str, data: bytes, what: str) -> Encoded:
        """The bytes as a saved value, in the blob store when they are too large for a row."""
        size = len(data)
        if size <= ROW_LIMIT:
            return Encoded(codec, data, None, size)
        if size > LARGE:
            log.warning("%s takes %.0f MB; it is saved whole.", what, size / 1e6)
        return Encoded(codec, b"", self.blobs.put(data), size)

    def data(self, encoded: Encoded) -> bytes:
        return encoded.data if encoded.blob is None else self.blobs.get(encoded.blob)

    def decode(self, encoded: Encoded, what: str) -> Any:
        """Errors: `DecodingError` when the value cannot be made again here, `StoreCorrupt` when its bytes are bad."""
        codec = encoded.codec
        try:
            if codec == plain.CODEC:
                return plain.decode(encoded.data if encoded.blob is None else self.data(encoded))
            if codec == PICKLE:
                self.check_pickle(what, codec)
                return pickle.loads(self.data(encoded))  # noqa: S301 - from our own store, never from the network
            registered = self._by_name.get(codec)
            if registered is None:
                raise DecodingError(what, codec, "no codec of this name is registered")
            return registered.decode(self.data(encoded))
        except ManyhandsError:
            raise
        except Exception as error:
            raise DecodingError(what, codec, f"{type(error).__name__}: {error}") from error

    def check_pickle(self, what: str, codec: str) -> None:
        if not self.allow_pickle:
            raise DecodingError(what, codec, "`allow_pickle` is off")
