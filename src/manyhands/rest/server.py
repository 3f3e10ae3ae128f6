"""The server of a running app, in a thread of the app's process."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import secrets
import socket
import threading
import urllib.parse
from collections.abc import Iterable
from importlib.util import find_spec
from typing import Any, Literal, Protocol

import uvicorn
from fastapi import FastAPI

from manyhands.app.address import LOOPBACK
from manyhands.model.errors import BackendError, OptionError
from manyhands.rest.feed import Feed
from manyhands.rest.guard import PAGE, Guard, is_loopback
from manyhands.rest.prefix import Prefixed
from manyhands.rest.tabs import tabs
from manyhands.rest.view import AppView
from manyhands.rest.web import application, close

PORT = 7501
TRIES = 100
"""How many ports are tried, one after the other, before the system chooses one."""

TOKEN = "MANYHANDS_TOKEN"  # noqa: S105 - the name of a variable
FAREWELL = 3.0
"""Seconds in which listeners take the last news."""

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")

SHORTEST = 8
"""Characters of a token that somebody chose."""


class NoAddress(BackendError):
    """The server cannot listen: `NoAddress(host, port, why)`."""

    text = "The app's page cannot be served at {0}, port {1}: {2}. Choose another `--host` or `--port`."


class NoServer(BackendError, RuntimeError):
    """The server ended while it began: `NoServer()`."""

    text = "The server of the app's page ended while it began; the log says why. `--without-server` does without it."


class Pages(Protocol):
    """Adds pages to a web application."""

    def __call__(self, web: FastAPI, view: AppView, feed: Feed, tabs: Any) -> None: ...


class _Listening(uvicorn.Server):
    """Says when it has begun, or will not."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.loop: asyncio.AbstractEventLoop | None = None
        self.settled = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self.loop = asyncio.get_running_loop()
        await super().startup(sockets)
        self.settled.set()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets)
        except SystemExit:
            pass  # it has said why, and whoever waits learns it from `started`
        finally:
            self.settled.set()


class Server:
    """A server that runs. `token`: what it asks for, None when it asks for nothing; `is_new`: made for it."""

    def __init__(self, inner: _Listening, feed: Feed, sock: socket.socket, host: str, token: str | None) -> None:
        self.host = host
        self.port: int = sock.getsockname()[1]
        self.token = token
        self.is_new = False
        self._inner = inner
        self._feed = feed
        self._socket = sock
        self._thread = threading.Thread(target=inner.run, args=([sock],), name="manyhands-server", daemon=True)

    @property
    def base(self) -> str:
        """Where it listens, as a URL without a path."""
        host = _reachable(self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def url(self) -> str:
        """The page's address."""
        return self.base + PAGE

    @property
    def link(self) -> str:
        """The page's address with the token in it, for whoever may see the page."""
        return self.url if self.token is None else f"{self.url}?token={urllib.parse.quote(self.token, safe='')}"

    @property
    def address(self) -> str:
        """What to show where the app was started: the link, when nobody else knows the token."""
        return self.link if self.is_new else self.url

    def begin(self) -> None:
        """Errors: `NoServer`."""
        self._thread.start()
        self._inner.settled.wait()
        if not self._inner.started:
            self._socket.close()
            raise NoServer

    def stop(self) -> None:
        """Tell every listener how the app stands now, and end. Once is enough."""
        loop = self._inner.loop
        if self._thread.is_alive() and loop is not None and not self._inner.should_exit:
            told = asyncio.run_coroutine_threadsafe(self._feed.finish(), loop)
            try:
                told.result(FAREWELL)
            except TimeoutError:
                told.cancel()
        self._inner.should_exit = True
        self._thread.join()
        self._socket.close()


def start(
    view: AppView,
    host: str = LOOPBACK,
    port: int = PORT,
    token: str | None = None,
    pages: Pages | None = None,
    names: Iterable[str] = (),
) -> Server:
    """Serve an app at `port` or the next free one (0: any); `pages` are added to what it answers.

    `token` is what requests must bring; else that of `MANYHANDS_TOKEN`; else, when others than this machine can reach
    `host`, a new one. So it is where there are `names`: those by which requests come through a proxy. Errors:
    `NoAddress`; `OptionError` for a token that is too short or that no header can carry, and a name that is none.
    """
    chosen, names = _chosen(token), frozenset(map(_name, names))
    token = chosen or (None if is_loopback(host) and not names else secrets.token_urlsafe(24))
    sock = _listen(host, port)
    feed = Feed(view)
    web = application(view, feed)
    if pages is not None:
        pages(web, view, feed, tabs)
    close(web, view, PAGE if pages is not None else "")
    guarded: Any = Guard(web, host, sock.getsockname()[1], token, names)
    prefix = view.about().get("root_path", "")
    if prefix:
        guarded = Prefixed(guarded, prefix)
    config = uvicorn.Config(
        guarded, loop="asyncio", ws=_web_sockets(), lifespan="on", log_config=None, log_level="warning",
        access_log=False, server_header=False, timeout_graceful_shutdown=1, proxy_headers=False,
    )  # fmt: skip
    server = Server(_Listening(config), feed, sock, host, token)
    server.is_new = token is not None and chosen is None
    server.begin()
    return server


def _web_sockets() -> Literal["websockets-sansio", "none"]:
    """The routes do without; what the page needs is installed with it."""
    return "websockets-sansio" if find_spec("websockets") else "none"


def _chosen(token: str | None) -> str | None:
    chosen = token or os.environ.get(TOKEN) or None
    if chosen is not None and len(chosen) < SHORTEST:
        raise OptionError(
            f"The token has {len(chosen)} characters, and {SHORTEST} are the least. Choose a longer one, or unset "
            f"{TOKEN} to have one made."
        )
    if chosen is not None and not (chosen.isascii() and chosen.isprintable() and chosen == chosen.strip()):
        raise OptionError(
            "The token has characters that a request cannot bring along. Choose one of ASCII letters, digits and "
            f"signs, without a space at its ends, or unset {TOKEN} to have one made."
        )
    return chosen


def _name(text: str) -> str:
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise OptionError(f"{text!r} is no name of a host; write one like app.example.org, without port and path.")
    return name


def _listen(host: str, port: int) -> socket.socket:
    for number in [*range(port, min(port + TRIES, 65536)), 0] if port else [0]:
        try:
            return _listen_at(host, number)
        except PermissionError:
            continue
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise NoAddress(host, port, error.strerror or str(error)) from error
    raise NoAddress(host, port, "no port is free")


def _listen_at(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(128)
    except BaseException:
        made.close()
        raise
    return made


def _reachable(host: str) -> str:
    """What to write into a browser here for a server that listens at `host`."""
    return {"": LOOPBACK, "0.0.0.0": socket.gethostname(), "::": socket.gethostname()}.get(host, host)  # noqa: S104
