"""Pages that a flow brings along, each served by a server of its own, and what the app's own page says of itself."""

from __future__ import annotations

import base64
import functools
import importlib
import mimetypes
import os
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from manyhands.model.errors import OptionError

_ADDRESS = re.compile(r"https?://|data:image/", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"[a-z][a-z0-9:-]*")
_STEER = "http-equiv"
_PREFIX = re.compile(r"(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*")
"""No part begins with a dot, so that none leads upward."""


class Frontend:
    """A page: subclass it, and start a server that shows it in `start_server`.

    `flow`: the component that shows it, set before the server is started. `url`: where the page is, "" until then.
    """

    def __init__(self) -> None:
        self.flow: Any = None
        self.url = ""

    def start_server(self, host: str, port: int, root_path: str = "") -> None:
        """Serve the page at this address, without waiting for it, and set `url`."""
        raise NotImplementedError(f"{type(self).__name__} has no start_server()")

    def stop_server(self) -> None:
        """End the server."""
        raise NotImplementedError(f"{type(self).__name__} has no stop_server()")


class StaticWebFrontend(Frontend):
    """The files of a folder as a page, `index.html` first. Errors: `OptionError` when there is no such folder."""

    def __init__(self, serve_dir: str | os.PathLike[str]) -> None:
        super().__init__()
        folder = Path(serve_dir).absolute()
        if not folder.is_dir():
            raise OptionError(f"The folder {folder} does not exist. Build the page first, or name another `serve_dir`.")
        self.serve_dir = str(folder)
        self._server: Any = None
        self._thread: threading.Thread | None = None

    def start_server(self, host: str, port: int, root_path: str = "") -> None:
        http: Any = importlib.import_module("http.server")
        serve = functools.partial(_quiet(http.SimpleHTTPRequestHandler), directory=self.serve_dir)
        self._server = http.ThreadingHTTPServer((host, port), serve)
        self._thread = threading.Thread(target=self._server.serve_forever, name="manyhands-frontend", daemon=True)
        self._thread.start()
        self.url = f"http://{host}:{self._server.server_address[1]}/{root_path.strip('/')}"

    def stop_server(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        if self._thread is not None:
            self._thread.join()
            self._thread = None


@dataclass(frozen=True)
class AppInfo:
    """What the page of an app says of itself: `App(root, info=AppInfo(title="Digits"))`.

    `favicon`: the path of an image, or its URL. `image`: the URL of a picture for those who link to the page.
    `meta_tags`: further tags, as in `'<meta name="author" content="Ann">'`; all values are escaped. `on_connect_end`
    does nothing here. Errors: `OptionError` for what cannot be shown.
    """

    title: str | None = None
    favicon: str | None = None
    description: str | None = None
    image: str | None = None
    meta_tags: Sequence[str] | None = None
    on_connect_end: str | None = None

    def __post_init__(self) -> None:
        for name in ("title", "favicon", "description", "image"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise OptionError(f"{name} of the app's info is {value!r}; it is a text.")
        if self.image and not _ADDRESS.match(self.image):
            raise OptionError(f"image of the app's info is {self.image!r}; it is a URL: `https://…`.")
        if self.favicon and not _ADDRESS.match(self.favicon) and not os.path.isfile(self.favicon):
            raise OptionError(
                f"favicon of the app's info is {self.favicon!r}, and there is no such file. "
                "Give the path of an image, or its URL."
            )
        self.metas()

    def favicon_url(self) -> str:
        """The favicon as a URL, "" without one; a file is in the URL itself."""
        if not self.favicon or _ADDRESS.match(self.favicon):
            return self.favicon or ""
        kind = mimetypes.guess_type(self.favicon)[0] or "image/x-icon"
        return f"data:{kind};base64,{base64.b64encode(Path(self.favicon).read_bytes()).decode()}"

    def metas(self) -> list[dict[str, str]]:
        """The attributes of each of `meta_tags`."""
        if isinstance(self.meta_tags, str):
            raise OptionError("meta_tags of the app's info is a text; it is a list of texts.")
        return [attributes for tag in self.meta_tags or () for attributes in _metas(tag)]


class _Metas(HTMLParser):
    """Reads `meta` tags; whatever else there is makes it `unfit`."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[dict[str, str]] = []
        self.unfit = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        # What `http-equiv` says would steer the browser, to another page for one.
        self.unfit = self.unfit or tag != "meta" or _STEER in names or not all(map(_ATTRIBUTE.fullmatch, names))
        self.found.append({name: value or "" for name, value in attrs})

    def handle_data(self, data: str) -> None:
        self.unfit = self.unfit or bool(data.strip())


def _metas(tag: Any) -> list[dict[str, str]]:
    reader = _Metas()
    if isinstance(tag, str):
        reader.feed(tag)
        reader.close()
    if reader.unfit or not reader.found:
        raise OptionError(
            f'meta_tags of the app\'s info has {tag!r}; each is a tag like \'<meta name="author" content="Ann">\', '
            f"and not with {_STEER}."
        )
    return reader.found


def prefix_of(root_path: Any) -> str:
    """The prefix below which an app is found behind a proxy: "" or like "/apps/digits". Errors: `OptionError`."""
    if isinstance(root_path, str):
        prefix = f"/{root_path.strip('/')}" if root_path.strip("/") else ""
        if _PREFIX.fullmatch(prefix):
            return prefix
    raise OptionError(f"root_path is {root_path!r}; it is a path like '/apps/digits', of letters, digits, . _ ~ and -.")


def _quiet(answerer: Any) -> Any:
    """The same, which does not write a line for each request."""
    return type("Answerer", (answerer,), {"log_message": lambda *args: None})
