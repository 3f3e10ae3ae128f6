"""Values that were put aside: references to what is there already."""

from __future__ import annotations

from typing import Any

from manyhands.codecs.kit import Kit
from manyhands.engine.context import client
from manyhands.engine.handle import Reference
from manyhands.engine.service import OnTurn
from manyhands.model.kinds import KEPT_VALUE
from manyhands.model.specs import TIMER, WAITING_ROOM, TaskOptions, TaskSpec
from manyhands.model.values import Encoded

WHAT = "the value that was put"


class Kept(Reference):
    """A reference to a value that is at hand. A large one is in the store, once per content; a small one travels with
    the reference."""

    def __init__(self, encoded: Encoded) -> None:
        super().__init__(None, f"{KEPT_VALUE}:{encoded.blob or 'small'}")
        self._encoded = encoded

    def __repr__(self) -> str:
        return f"<kept value of {self._encoded.size} bytes>"

    def __reduce__(self) -> tuple[Any, ...]:
        encoded = self._encoded
        return restore, (encoded.codec, encoded.data, encoded.blob, encoded.size)

    def __manyhands_value__(self, kit: Kit) -> Any:
        return kit.values.decode(self._encoded, WHAT)

    def _wait(self, deadline: float | None, on_turn: OnTurn | None) -> bool:
        return True

    def _value(self) -> Any:
        return self.engine.kit.values.decode(self._encoded, WHAT)


def restore(codec: str, data: bytes, blob: str | None, size: int) -> Kept:
    return Kept(Encoded(codec, data, blob, size))


def put(value: Any) -> Kept:
    """Put a value aside, and have a reference to it. A large one is kept as long as finished runs are.

    Errors: `EncodingError`, `PickleForbidden`.
    """
    ours = client()
    kit = ours.engine.kit
    encoded = kit.values.encode(value, WHAT)
    if encoded.blob is not None:
        # A timer that has rung: a task of which nothing but the blob that it names remains.
        inputs = kit.calls.encode((), {"until": 0.0}, lambda _: None, KEPT_VALUE)
        options = TaskOptions(executor=WAITING_ROOM, attempts=1)
        spec = TaskSpec(KEPT_VALUE, KEPT_VALUE, encoded.blob, inputs, options=options, kind=TIMER)
        ours.secure(ours.start(None, [spec], kind=KEPT_VALUE, metadata={}))
    return Kept(encoded)
