"""Who may come in: checks of every request's host, origin and token, before anything else sees it."""

from __future__ import annotations

import hashlib
import hmac
import html
import ipaddress
import socket
from collections.abc import Iterable
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from manyhands.rest.prefix import path_of

OPEN = "/healthz"
"""The one path that anybody may read."""

PAGE = "/view"
HOME = frozenset({PAGE, ""})
"""Where people come in, who are asked for the token; all else is for programs."""

VISITED = HOME | {"/docs"}
"""What a link on another site may lead to; to fetch it from there is another matter."""

OURS = frozenset({"same-origin", "none"})
"""What a browser says of requests that our own page makes, or that the user typed."""

PROTECTION = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"SAMEORIGIN"),
    (b"content-security-policy", b"frame-ancestors 'self'"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""No other site may show our pages in a frame, load what we serve, or learn our addresses."""

ASK = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Manyhands</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root{{color-scheme:light dark}} body{{font:16px/1.5 system-ui,sans-serif;display:grid;place-items:center;
min-height:90vh;margin:1rem}} form{{max-width:26rem}} input,button{{font:inherit;padding:.5rem .75rem;
width:100%;box-sizing:border-box;
margin-top:.5rem}}</style>
<form action="{page}"><h1>Manyhands</h1><p>{text}</p><label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="off" autofocus required>
<button>Show the app</button></form>
</html>"""

MISSING = "This page asks for a token. It was shown where the app was started, or is what MANYHANDS_TOKEN said there."
WRONG = "That is not the token. It was shown where the app was started, or is what MANYHANDS_TOKEN said there."


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach what listens there."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Lets a request through to `inner`, or answers it itself.

    * `Host` must name this machine, or be one of `names`, so that no foreign name that was made to point here is taken
      for us.
    * A page of another origin gets nothing: what is asked must come from our own page or from no browser. Its links to
      our pages are followed.
    * `token`, where there is one, must come along: as `Authorization: Bearer`, or as the cookie that the page sets.
    """

    def __init__(self, inner: ASGIApp, host: str, port: int, token: str | None, names: Iterable[str] = ()) -> None:
        self._inner = inner
        self._token = token
        self._local = is_loopback(host)
        self._names = {"localhost", host.lower(), *names}
        if not self._local:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._cookie = f"manyhands_{port}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._inner(scope, receive, send)
            return
        refusal = None if path_of(scope) == OPEN else self._refusal(scope)
        if refusal is None:
            await self._inner(scope, receive, _protected(send))
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await refusal(scope, receive, _protected(send))

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if not self._names_us(headers.get("host", "")):
            return _no(421, "The Host header names another machine. Use the address that the app has shown.")
        if _is_foreign(scope, headers):
            return _no(403, "Pages of other origins may not use this app.")
        return None if self._token is None else self._unknown(scope, headers, self._token)

    def _names_us(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
            if name in self._names:
                return "@" not in host
            address = ipaddress.ip_address(name)
        except ValueError:
            return False
        return address.is_loopback or not self._local

    def _unknown(self, scope: Scope, headers: Headers, token: str) -> Response | None:
        offered = headers.get("authorization", "")
        if offered[:7].lower() == "bearer " and _same(offered[7:].strip(), token):
            return None
        if _same(_cookie(headers, self._cookie), _seal(token)):
            return None
        at_page = scope["type"] == "http" and path_of(scope).rstrip("/") in HOME and scope["method"] == "GET"
        if not at_page:
            return _no(401, "A token is needed: send the header `Authorization: Bearer TOKEN`.", bearer=True)
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token")
        if given and _same(given[0], token):
            return self._welcome(scope, token)
        text = WRONG if given else MISSING
        page = html.escape(scope.get("root_path", "") + PAGE)
        return HTMLResponse(
            ASK.format(text=text, page=page), 401, {"Cache-Control": "no-store", "WWW-Authenticate": "Bearer"}
        )

    def _welcome(self, scope: Scope, token: str) -> Response:
        """To the page once more without the token, which so stays in no history and no log."""
        response = RedirectResponse(scope.get("root_path", "") + PAGE, 303, {"Cache-Control": "no-store"})
        secure = HTTPConnection(scope).url.scheme == "https"
        # Not `strict`: a link of another site that leads here would come without it, and ask for the token once more.
        response.set_cookie(self._cookie, _seal(token), httponly=True, samesite="lax", secure=secure)
        return response


def _no(status: int, text: str, bearer: bool = False) -> Response:
    return JSONResponse({"detail": text}, status, {"WWW-Authenticate": "Bearer"} if bearer else None)


def _same(offered: str, expected: str) -> bool:
    return hmac.compare_digest(offered.encode(), expected.encode())


def _seal(token: str) -> str:
    """What the cookie holds: it opens this door, but is not the token, which may open others."""
    return hmac.new(token.encode(), b"manyhands cookie", hashlib.sha256).hexdigest()


def _cookie(headers: Headers, name: str) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(name)
    except CookieError:
        return ""
    return "" if found is None else found.value


def _is_foreign(scope: Scope, headers: Headers) -> bool:
    origin = headers.get("origin")
    if origin is not None and _place(origin) != headers["host"].lower():
        return True
    if scope["type"] == "websocket" or headers.get("sec-fetch-site", "none") in OURS:
        return False
    return not _is_visit(scope, headers)


def _is_visit(scope: Scope, headers: Headers) -> bool:
    """Whether somebody comes to one of our pages by a link, and sees it as a page of its own."""
    how = headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")
    return scope["method"] == "GET" and how == ("navigate", "document") and path_of(scope).rstrip("/") in VISITED


def _place(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _protected(send: Send) -> Send:
    async def send_protected(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", [])}
            message["headers"] = [
                *message.get("headers", []),
                *((name, value) for name, value in PROTECTION if name not in present),
            ]
        await send(message)

    return send_protected
