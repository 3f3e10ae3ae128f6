"""JSON that comes in and goes out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from manyhands.app.plain import readable

LARGEST = 32 * 1024 * 1024
"""Bytes of a request's body at most."""

DEEPEST = 100
"""Lists and objects within each other at most: what walks through a state may do so by recursion."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Json(Response):
    """Plain data as JSON; numbers that JSON cannot say become null, and characters that it cannot are written out."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        try:
            return _encode(content)
        except UnicodeEncodeError:
            return _encode(readable(content))


async def received(request: Request) -> Any:
    """The body of a request, None when it is empty. Errors: `HTTPException` for what is too long, or no JSON."""
    data = bytearray()
    async for piece in request.stream():
        data += piece
        if len(data) > LARGEST:
            raise HTTPException(413, f"The body is longer than {LARGEST} bytes.")
    if not data:
        return None
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise HTTPException(415, "The body must be JSON: send the header `Content-Type: application/json`.")
    try:
        value = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise HTTPException(400, f"The body is not valid JSON: {error}") from error
    if _is_deep(value):
        raise HTTPException(400, f"The body has more than {DEEPEST} lists and objects within each other.")
    return value


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST + 1):
        level = [inner for part in level if isinstance(part, dict | list) for inner in _inside(part)]
        if not level:
            return False
    return True


def _inside(part: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return part.values() if isinstance(part, dict) else part
