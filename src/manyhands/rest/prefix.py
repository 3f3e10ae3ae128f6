"""What a proxy puts before the paths of an app."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

FORWARDED = b"x-forwarded-prefix"


class Prefixed:
    """Answers below `prefix` what `inner` answers, and also without it, as a proxy may take it away or leave it.

    `inner` sees whole paths and `prefix` as the scope's `root_path`; use `get_route_path` of Starlette for the rest.
    """

    def __init__(self, inner: ASGIApp, prefix: str) -> None:
        self._inner = inner
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] in ("http", "websocket"):
            path = scope["path"]
            whole = path if f"{path}/".startswith(f"{self._prefix}/") else self._prefix + path
            if whole == self._prefix:
                whole += "/"
            # The same once more in a header would be counted twice.
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != FORWARDED]
            scope = {**scope, "path": whole, "root_path": self._prefix, "headers": headers}
        await self._inner(scope, receive, send)


def path_of(scope: Scope) -> str:
    """The path of a request without the prefix."""
    path: str = scope["path"]
    prefix: str = scope.get("root_path", "")
    return path[len(prefix) :] or "/" if path == prefix or path.startswith(f"{prefix}/") else path
