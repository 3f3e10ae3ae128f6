"""What an app offers to the outside: the tabs of its page, and the routes and commands that its flows answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from manyhands.app.api import commands_of, describe, routes_of
from manyhands.app.flow import Flow
from manyhands.app.frontend import Frontend, StaticWebFrontend
from manyhands.app.layout import frontend_of, layout_of
from manyhands.app.work import Work

Plain = dict[str, Any]

COMMAND_SECONDS = 30.0
"""How long who gives a command waits for it."""


class Offer(NamedTuple):
    """Something that a flow does when it is asked: `description` is plain data about it."""

    description: Plain
    method: Callable[..., Any]
    timeout: float


def offers_of(root: Flow) -> list[Offer]:
    """The routes and commands of all flows. Errors: `UnfitRoute`."""
    found = []
    for route in routes_of(root):
        found.append(Offer(_described(route.verb, route.path, route.method), route.method, route.timeout))
    for name, command in commands_of(root).items():
        described = {**_described("POST", f"/command/{name}", command.method), "command": name}
        found.append(Offer(described, command.method, COMMAND_SECONDS))
    return found


def _described(verb: str, path: str, method: Callable[..., Any]) -> Plain:
    parameters = {parameter["name"]: parameter["type"] for parameter in describe(method)}
    owner = getattr(getattr(method, "__self__", None), "name", "")
    return {"method": verb, "route": path, "component": owner, "parameters": parameters}


def tabs_of(root: Flow) -> list[Plain]:
    """The tabs of the app's page: `name`, and `content`, a component's name or a URL; or `folder`, one of web pages.

    Errors: `UnfitLayout`, `UnfitContent`.
    """
    whole = frontend_of(root)
    if whole is not None:
        return [{"name": root.name, **_shown_by(whole, root.name)}]
    layout = layout_of(root)
    known: dict[str, Flow | Work] = {**root.flows, **dict(root.named_works())}
    return [_tab(entry, known) for entry in ([layout] if isinstance(layout, dict) else layout)]


def _tab(entry: Plain, known: dict[str, Flow | Work]) -> Plain:
    content = entry["content"]
    component = known.get(content)
    frontend = frontend_of(component) if component is not None else None
    if frontend is not None:
        return {"name": entry["name"], **_shown_by(frontend, content)}
    return {"name": entry["name"], "content": entry.get("target") or content}


def _shown_by(frontend: Frontend, name: str) -> Plain:
    if isinstance(frontend, StaticWebFrontend):
        return {"folder": frontend.serve_dir}
    return {"content": frontend.url or name}


def frontends_of(root: Flow) -> list[tuple[Flow | Work, Frontend]]:
    """The frontends that need a server of their own, each with the component that shows it."""
    found: list[tuple[Flow | Work, Frontend]] = []
    everything: list[Flow | Work] = [root, *root.flows.values(), *root.works()]
    for component in everything:
        frontend = frontend_of(component)
        if frontend is not None and not isinstance(frontend, StaticWebFrontend):
            found.append((component, frontend))
    return found
