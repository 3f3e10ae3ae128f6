"""Routes and commands that flows offer to the outside, as plain descriptions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

from manyhands.app.errors import UnfitRoute

_COMMAND = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .-]*")
_ARGUMENT = re.compile(r"{([A-Za-z_]\w*)(?::([A-Za-z_]\w*))?}", re.ASCII)

KINDS = frozenset({"str", "path", "int", "float", "uuid"})
"""What an argument in a route may be: `{name:path}`."""

OF_EVERY_APP = re.compile(
    r"/healthz|/(view|frontend)(/.*)?"
    r"|/api/v1/(annotations|changes|delta|layout|openapi\.json|spec|state|status|ws|(upload_file|works)/.*)"
)
"""Paths at which every app answers itself; that an app has a `/` and a `/docs` of its own is all right."""


@dataclass
class Route:
    """`method` of a flow, served at `route`; it is run in the flow's process, between two turns.

    `timeout`: seconds that the asker waits for it. `options`: passed on to the server as they are.
    """

    route: str
    method: Callable[..., Any]
    timeout: float = 30.0
    options: dict[str, Any] = field(default_factory=dict)

    verb: ClassVar[str] = ""

    @property
    def path(self) -> str:
        """The route, beginning with a slash."""
        return "/" + self.route.strip("/")


class Get(Route):
    """Answers a GET."""

    verb = "GET"


class Post(Route):
    """Answers a POST."""

    verb = "POST"


class Put(Route):
    """Answers a PUT."""

    verb = "PUT"


class Delete(Route):
    """Answers a DELETE."""

    verb = "DELETE"


@dataclass(frozen=True)
class Command:
    """What a flow lets people do by name. `parameters`: as `describe` gives them."""

    name: str
    method: Callable[..., Any]
    component: str
    parameters: tuple[dict[str, Any], ...]


def routes_of(flow: Any) -> list[Route]:
    """What `configure_api` of a flow and of those below it gives, checked; a flow may give that of its children as
    well. Errors: `UnfitRoute`."""
    found: dict[tuple[str, str], Route] = {}
    for component in (flow, *flow.flows.values()):
        name = component.name
        offered = component.configure_api()
        if not isinstance(offered, list | tuple):
            raise UnfitRoute(name, f"a {type(offered).__name__} instead of a list of routes")
        for route in offered:
            if not isinstance(route, Route) or not route.verb or not isinstance(route.route, str):
                raise UnfitRoute(name, f"{route!r}, which is no route")
            _check_method(name, route.method)
            _check_path(name, route)
            at = (route.verb, route.path)
            if at in found and found[at].method != route.method:
                raise UnfitRoute(name, f"{route.verb} {route.path}, which is there already")
            found.setdefault(at, route)
    return list(found.values())


def commands_of(flow: Any) -> dict[str, Command]:
    """What `configure_commands` of a flow and of those below it gives, checked, by name; a flow may give that of its
    children as well. Errors: `UnfitRoute`."""
    found: dict[str, Command] = {}
    for component in (flow, *flow.flows.values()):
        for name, method in _offered_commands(component):
            if not isinstance(name, str) or not _COMMAND.fullmatch(name):
                raise UnfitRoute(component.name, f"the command {name!r}; a name is made of letters, digits, - and _")
            target = getattr(method, "method", method)  # an object that prepares the call on the user's side
            _check_method(component.name, target)
            if name in found and found[name].method != target:
                raise UnfitRoute(component.name, f"the command {name!r}, which is there already")
            owner = getattr(getattr(target, "__self__", None), "name", component.name)
            found.setdefault(name, Command(name, target, owner, describe(target)))
    return found


def _offered_commands(component: Any) -> Iterator[tuple[Any, Any]]:
    offered = component.configure_commands()
    if not isinstance(offered, list | tuple) or not all(isinstance(entry, dict) for entry in offered):
        raise UnfitRoute(component.name, f"{offered!r} instead of a list of dicts of commands")
    for entry in offered:
        yield from entry.items()


def _check_path(component: str, route: Route) -> None:
    named = f"{route.verb} {route.path}"
    if OF_EVERY_APP.fullmatch(route.path):
        raise UnfitRoute(component, f"{named}, which every app answers itself")
    names = []
    for argument, kind in _ARGUMENT.findall(route.path):
        names.append(argument)
        if kind and kind not in KINDS:
            raise UnfitRoute(component, f"{named} with {kind!r}, which is none of {', '.join(sorted(KINDS))}")
    if len(set(names)) < len(names):
        raise UnfitRoute(component, f"{named}, which has an argument twice")


def _check_method(component: str, method: Any) -> None:
    if not callable(method):
        raise UnfitRoute(component, f"{method!r}, which cannot be called")


def describe(method: Callable[..., Any]) -> tuple[dict[str, Any], ...]:
    """The parameters of a method as plain data: `name`, `type` as written, `required`, `default` where JSON has it."""
    described = []
    for parameter in inspect.signature(method).parameters.values():
        kind = parameter.annotation
        required = parameter.default is parameter.empty
        named = kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))
        entry: dict[str, Any] = {
            "name": parameter.name,
            "type": "Any" if kind is parameter.empty else named,
            "required": required,
        }
        if not required and isinstance(parameter.default, None | bool | int | float | str):
            entry["default"] = parameter.default
        described.append(entry)
    return tuple(described)
