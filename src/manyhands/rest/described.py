"""A page for people that lists the routes of an app."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from manyhands.rest.view import Plain

HEAD = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Routes of {title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
:root{{color-scheme:light dark}} body{{font:15px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;
padding:0 1rem}}
h1{{font-size:1.3rem}} h2{{font-size:1.05rem;margin-top:2rem}} table{{border-collapse:collapse;width:100%}}
th,td{{text-align:left;vertical-align:top;padding:.35rem .75rem .35rem 0;border-top:1px solid #8885}}
code{{font-size:.9em;overflow-wrap:anywhere}} th{{font-weight:600}}</style>
<h1>Routes of {title}</h1>
<p>Bodies and answers are JSON. <a href="{prefix}/api/v1/openapi.json">The description for programs</a> says the
same.{back}</p>
"""
SECTION = """<h2>{name}</h2><table><tr><th>Method<th>Path<th>What it does</tr>{rows}</table>
"""
ROW = "<tr><td><code>{0}</code><td><code>{1}</code><td>{2}</tr>"


class Line(NamedTuple):
    """One route, as it is listed."""

    method: str
    path: str
    text: str


def page_of_routes(about: Plain, described: Plain, served: Sequence[Plain], home: str) -> str:
    """`described`: the OpenAPI description of our routes. `served`: the app's own, as `AppView.routes` gives them.
    `home`: the path of the app's page, "" without one."""
    prefix = escape(about.get("root_path", ""))
    back = f' <a href="{prefix}{home}">Back to the page</a>' if home else ""
    own = _section("Its own", [_own(route) for route in served]) if served else ""
    head = HEAD.format(title=escape(about.get("title") or "an app"), prefix=prefix, back=back)
    return head + own + _section("Of every app", list(_ours(described)))


def _ours(described: Plain) -> Iterator[Line]:
    for path, methods in described["paths"].items():
        for method, what in methods.items():
            yield Line(method.upper(), path, what.get("description") or what.get("summary") or "")


def _own(route: Plain) -> Line:
    text = f"The command `{route['command']}`. " if route.get("command") else ""
    names = ", ".join(_parameter(parameter) for parameter in route.get("parameters", ()))
    return Line(route["method"], route["route"], f"{text}Takes {names or 'nothing'}.")


def _parameter(parameter: Plain) -> str:
    optional = "" if parameter.get("required", True) else ", may be left out"
    return f"{parameter['name']} ({parameter.get('type', 'Any')}{optional})"


def _section(name: str, lines: Sequence[Line]) -> str:
    return SECTION.format(name=name, rows="".join(ROW.format(*map(escape, line)) for line in lines))
