"""Saved values: bytes beside the name of the codec that made them."""

from __future__ import annotations

import msgspec

ROW_LIMIT = 64 * 1024
"""Bytes; a saved value up to this size lives in its row, a larger one in the blob store."""


class Encoded(msgspec.Struct, frozen=True, array_like=True):
    """A saved value. Either `data` holds the bytes, or `blob` names the content hash under which they are kept."""

    codec: str
    data: bytes = b""
    blob: str | None = None
    size: int = 0
