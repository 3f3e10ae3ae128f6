"""An `App` as the HTTP side sees it."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from typing import Any, TypeVar

from manyhands.app.api import Command, Route, commands_of, describe, routes_of
from manyhands.app.app import App
from manyhands.app.endings import AppFailed, NotRunning, WorkFailed
from manyhands.app.frontend import Frontend, StaticWebFrontend
from manyhands.app.layout import frontend_of, layout_of
from manyhands.app.plain import readable, to_plain
from manyhands.app.rooted import WorkRoot
from manyhands.model.errors import UsageError
from manyhands.rest.arguments import bound, settled
from manyhands.rest.view import AppView, Plain

COMMANDS = "/command/"
LAYOUT_SECONDS = 1.0
"""How long a busy flow is waited for before its last layout is shown once more."""

ROUTES_SECONDS = 1.0
"""For how long it is believed that an app offers what it offered, and how long a busy flow is waited for before it is
believed once more."""

COMMAND_SECONDS = 30.0
HERE = "127.0.0.1"

T = TypeVar("T")


class Running:
    """An `AppView` of an app, whether it runs now or not. What only its flow knows, its loop is asked for."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._control = app.control
        self._tabs: list[Plain] = []
        self._frontends: dict[str, Frontend] = {}
        # Known from the first on, as the flow may be busy when it is first asked.
        self._served: list[tuple[Plain, Route | Command]] = self._offered()
        self._asked_at = -math.inf
        self._lock = threading.Lock()

        self.subscribe = app.control.subscribe
        self.apply_delta = app.control.apply_delta
        self.request_run = app.control.request_run
        self.request_stop = app.control.request_stop
        self.stop_work = app.control.stop_work
        self.retry = app.control.retry

    def snapshot(self) -> Plain:
        if self._is_at_rest:
            app_state = {"stage": self._app.stage}
            if self._app.exception is not None:
                app_state["message"] = _reason(self._app.exception)
            return {**self._app.root._readable_(), "app_state": app_state}
        return self._control.snapshot()

    def about(self) -> Plain:
        app = self._app
        root = app.root.work if isinstance(app.root, WorkRoot) else app.root
        plain: Plain = {"title": type(root).__name__, "root_path": app.root_path}
        if app.info is not None:
            plain.update(
                title=app.info.title or plain["title"],
                description=app.info.description,
                image=app.info.image,
                favicon=app.info.favicon_url(),
                metas=app.info.metas(),
            )
        return plain

    def status(self) -> Plain:
        return asdict(self._app.status) if self._is_at_rest else self._control.status()

    @property
    def _is_at_rest(self) -> bool:
        """Whether no loop changes anything, as the app has not begun or has ended."""
        try:
            return self._app.life is None
        except NotRunning:
            return True

    def _ask(self, what: Callable[[], T], seconds: float) -> T:
        return what() if self._is_at_rest else self._app.request(what).result(seconds)

    # --- tabs -------------------------------------------------------------------------------------------------------

    def layout(self) -> list[Plain]:
        try:
            entries = self._ask(self._entries, LAYOUT_SECONDS)
        except (TimeoutError, NotRunning):
            return self._tabs
        with self._lock:
            self._tabs = [self._tab(name, content, frontend) for name, content, frontend in entries]
        return self._tabs

    def _entries(self) -> list[tuple[str, str, Frontend | None]]:
        """Of each tab its name, its content, and what shows it, where that is a frontend."""
        root = self._app.root
        own = frontend_of(root)
        if own is not None:
            return [(type(root).__name__, root.name, own)]
        layout = layout_of(root)
        parts: dict[str, Any] = {**{flow.name: flow for flow in self._app.flows}, **dict(self._app.named_works)}
        found = []
        for tab in layout if isinstance(layout, list) else []:
            content = tab["content"]
            shown = frontend_of(parts[content]) if content in parts else None
            found.append((tab["name"], tab.get("target") or content, shown))
        return found

    def _tab(self, name: str, content: str, frontend: Frontend | None) -> Plain:
        if frontend is None:
            return {"name": name, "content": content}
        if isinstance(frontend, StaticWebFrontend):
            return {"name": name, "folder": frontend.serve_dir}
        return {"name": name, "content": self._server(content, frontend).url or content}

    def _server(self, component: str, frontend: Frontend) -> Frontend:
        """Who serves what the component shows: the app, or else a server that is started here, once."""
        kept = self._started.get(component) or self._frontends.get(component)
        if kept is None:
            kept = self._frontends[component] = frontend
            kept.start_server(HERE, 0)
        return kept

    @property
    def _started(self) -> dict[str, Frontend]:
        try:
            return self._app.life.frontends
        except NotRunning:
            return {}

    def close(self) -> None:
        """End the servers that tabs have needed."""
        with self._lock:
            for frontend in self._frontends.values():
                frontend.stop_server()
            self._frontends.clear()

    # --- routes -----------------------------------------------------------------------------------------------------

    def routes(self) -> list[Plain]:
        if time.monotonic() - self._asked_at > ROUTES_SECONDS:
            with suppress(TimeoutError, NotRunning):
                self._served = self._ask(self._offered, ROUTES_SECONDS)
            self._asked_at = time.monotonic()
        return [description for description, _ in self._served]

    def _offered(self) -> list[tuple[Plain, Route | Command]]:
        root = self._app.root
        served: list[tuple[Plain, Route | Command]] = []
        for route in routes_of(root):
            parameters = list(describe(route.method))
            served.append(({"method": route.verb, "route": route.path, "parameters": parameters}, route))
        for command in commands_of(root).values():
            path = COMMANDS + command.name.replace(" ", "_")
            described = {"method": "POST", "route": path, "parameters": list(command.parameters)}
            served.append(({**described, "command": command.name, "component": command.component}, command))
        return served

    def call(self, method: str, route: str, arguments: Plain) -> Any:
        at = (method, route)
        found = [served for known, served in self._served if (known["method"], known["route"]) == at]
        if not found:
            raise UsageError(f"The app serves no {method} {route}.")
        act = found[0].method
        given = bound(act, arguments, route)
        seconds = found[0].timeout if isinstance(found[0], Route) else COMMAND_SECONDS
        return self._ask(lambda: readable(to_plain(settled(act(**given)), route)), seconds)


def _reason(error: BaseException) -> str:
    """Why an app has failed, for those who look at its page; the traceback is where the app was started."""
    if isinstance(error, WorkFailed):
        return f"The work {error.args[0]} has failed: {error.args[1]}"
    if isinstance(error, AppFailed):
        return str(error.args[0])
    if isinstance(error, KeyboardInterrupt):
        return "It was interrupted."
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def view_of(app: Any) -> AppView:
    """The view of an app; what is a view already stays as it is."""
    return Running(app) if isinstance(app, App) else app


def leave(view: AppView) -> None:
    """Give up what a view of `view_of` holds."""
    if isinstance(view, Running):
        view.close()
