"""Serving a running app with its page; the parts that this takes are an extra, loaded when it is asked for."""

from __future__ import annotations

import importlib
import threading
import webbrowser
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from manyhands.model.errors import MissingExtra

SERVER = "manyhands.rest.server"
VIEWS = "manyhands.rest.running"
PAGE = "manyhands.dashboard.page"
"""All three are loaded by name: they need what the extra installs."""

EXTRA = "dashboard"
ITS_PARTS = frozenset({"fastapi", "nicegui", "starlette", "uvicorn"})


@contextmanager
def serve(
    app: Any, host: str = "127.0.0.1", port: int = 7501, open_ui: bool = False, names: Iterable[str] = ()
) -> Iterator[str]:
    """Serve `app`, an `App` or an `AppView` (see `manyhands.rest.view`), with its page as long as the block lasts.

    Gives the page's address, which opens it: with the token in it where one is needed that nobody has set.

    `open_ui` opens the page in a browser. `names`: see `start` of `manyhands.rest.server`. Errors: `MissingExtra`;
    `OptionError`; `BackendError` when nothing can listen there.
    """
    running = _load(VIEWS)
    view = running.view_of(app)
    server = _load(SERVER).start(view, host=host, port=port, pages=_load(PAGE).attach, names=names)
    try:
        if open_ui:
            # Some browsers keep whoever opens them until they are closed.
            threading.Thread(target=webbrowser.open, args=(server.link,), name="manyhands-browser", daemon=True).start()
        yield server.address
    finally:
        server.stop()
        running.leave(view)


def _load(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in ITS_PARTS:
            raise
        raise MissingExtra(missing, EXTRA) from error
