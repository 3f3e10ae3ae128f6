"""The codecs of one store, together."""

from __future__ import annotations

from manyhands.codecs.calls import CallCodec
from manyhands.codecs.code import CodeStore
from manyhands.codecs.values import TypeCodec, ValueCodec
from manyhands.ports.store import Blobs


class Kit:
    """Values, calls and callables of one store; driver and workers of a run hold one each over the same blobs."""

    def __init__(self, blobs: Blobs, *, allow_pickle: bool = True, types: tuple[TypeCodec, ...] = ()) -> None:
        self.blobs = blobs
        self.values = ValueCodec(blobs, allow_pickle=allow_pickle, types=types)
        self.calls = CallCodec(self.values)
        self.code = CodeStore(self.values)
