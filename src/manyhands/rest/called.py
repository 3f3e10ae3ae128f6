"""The routes that an app brings along: finding the one that a request means, and the arguments of its call."""

from __future__ import annotations

from typing import Any, NamedTuple

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import compile_path

from manyhands.rest.bodies import received
from manyhands.rest.view import AppView, Plain

BODY = "body"
"""The argument that a body becomes which is no JSON object."""


class Found(NamedTuple):
    """A route of the app and what the URL says of its arguments."""

    method: str
    route: str
    arguments: Plain


def find(view: AppView, method: str, path: str) -> Found | None:
    """The app's route for a request, None when there is none. Errors: `HTTPException` (405) when only the method is
    wrong."""
    methods: list[str] = []
    for description in view.routes():
        pattern, _, _ = compile_path(description["route"])
        match = pattern.match(path) or pattern.match(path.rstrip("/"))
        if match is None:
            continue
        if description["method"] == method:
            return Found(method, description["route"], match.groupdict())
        methods.append(description["method"])
    if methods:
        raise HTTPException(405, "Method Not Allowed", {"Allow": ", ".join(sorted(methods))})
    return None


async def arguments(found: Found, request: Request) -> Plain:
    """What the app's code is called with: the query's parts, over them the body's, over them those of the path."""
    body: Any = await received(request)
    given: Plain = dict(request.query_params)
    if isinstance(body, dict):
        given.update(body)
    elif body is not None:
        given[BODY] = body
    return {**given, **found.arguments}
