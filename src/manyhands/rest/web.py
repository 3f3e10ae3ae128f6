"""The routes of a running app."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import aclosing
from typing import Any

import anyio
from anyio.abc import TaskGroup
from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Match
from starlette.types import Scope
from starlette.websockets import WebSocket

from manyhands.app.loop import NOT_BEGUN
from manyhands.model.errors import BackendError, ManyhandsError, StateError
from manyhands.rest import called, uploads
from manyhands.rest.bodies import Json, received
from manyhands.rest.changes import UnfitState, checked_delta, delta_of
from manyhands.rest.described import page_of_routes
from manyhands.rest.feed import Feed
from manyhands.rest.prefix import path_of
from manyhands.rest.tabs import FRONTENDS, page_of, tabs
from manyhands.rest.view import AppView, Plain

API = "/api/v1"
DOCS = "/docs"
EVERY_METHOD = ["GET", "POST", "PUT", "PATCH", "DELETE"]
STAGES = ("running", "stopping")
"""What an app's stage can be set to from outside."""

JSON = "application/json"
STATE_SHAPE: Plain = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {"state": {"type": "object"}, "stage": {"enum": list(STAGES)}},
}
DELTA_SHAPE: Plain = {
    "type": "object",
    "required": ["delta"],
    "properties": {"delta": {"type": "array", "items": {"type": "array", "minItems": 3, "maxItems": 3, "items": {}}}},
}


def application(view: AppView, feed: Feed) -> FastAPI:
    """The web application of one running app, with nobody at its door: see `guard`."""
    # No pages of FastAPI's own: they load their scripts from elsewhere.
    web = FastAPI(
        title="Manyhands app", docs_url=None, redoc_url=None, openapi_url=f"{API}/openapi.json",
        default_response_class=Json, redirect_slashes=False,
    )  # fmt: skip
    web.add_exception_handler(HTTPException, _http_error)
    web.add_exception_handler(ManyhandsError, _own_error)
    web.add_exception_handler(TimeoutError, _busy)
    web.add_exception_handler(ClientDisconnect, _left)
    web.add_exception_handler(Exception, _bug)
    _reading(web, view, feed)
    _telling(web, feed)
    _acting(web, view)
    return web


def close(web: FastAPI, view: AppView, home: str = "") -> None:
    """Add what comes last: the app's own routes, where it has none of that name `/docs` and the way from `/` to `home`,
    and the answer to every path that there is not."""

    async def rest(request: Request) -> Response:
        path = path_of(request.scope)
        found = await run_in_threadpool(called.find, view, request.method, path)
        if found is not None:
            return Json(await _called(view, found, await called.arguments(found, request)))
        if request.method == "GET" and path == DOCS:
            listed = await run_in_threadpool(lambda: page_of_routes(view.about(), web.openapi(), view.routes(), home))
            return HTMLResponse(listed)
        if request.method == "GET" and path == "/" and home:
            return RedirectResponse(request.scope.get("root_path", "") + home, 303)
        methods = _methods_at(ours, request.scope)
        if methods:
            raise HTTPException(405, "Method Not Allowed", {"Allow": ", ".join(sorted(methods))})
        raise HTTPException(404, "Not found")

    ours = list(web.router.routes)
    web.add_api_route("/{path:path}", rest, methods=EVERY_METHOD, include_in_schema=False)


def _methods_at(routes: Iterable[BaseRoute], scope: Scope) -> set[str]:
    """How else the path of a request could be asked for; empty for one that there is not."""
    partly = [route for route in routes if route.matches(scope)[0] is Match.PARTIAL]
    return {method for route in partly for method in getattr(route, "methods", None) or ()}


def _reading(web: FastAPI, view: AppView, feed: Feed) -> None:
    async def state() -> Response:
        """The state of all components, and the app's stage."""
        return Json(await run_in_threadpool(view.snapshot))

    async def status() -> Response:
        """Whether the app is ready, and where each work stands."""
        return Json(await run_in_threadpool(view.status))

    async def layout() -> Response:
        """The tabs of the app's page."""
        return Json(await run_in_threadpool(tabs, view))

    async def spec() -> Response:
        """The routes and commands that the app itself serves."""
        return Json(list(await run_in_threadpool(view.routes)))

    async def annotations() -> Response:
        """An empty list, for programs that ask for it."""
        return Json([])

    async def healthz() -> Response:
        """Whether the app has a state to show."""
        healthy = bool(await run_in_threadpool(view.snapshot))
        return Json({"status": "ok" if healthy else "starting"}, 200 if healthy else 503)

    async def frontend(request: Request, number: int, path: str) -> Response:
        return await page_of(view, number, path, request.scope)

    for path, endpoint in (
        ("state", state), ("status", status), ("layout", layout), ("spec", spec), ("annotations", annotations),
    ):  # fmt: skip
        web.add_api_route(f"{API}/{path}", endpoint, methods=["GET"])
    web.add_api_route("/healthz", healthz, methods=["GET"])
    web.add_api_route("/healthz", healthz, methods=["HEAD"], include_in_schema=False)
    web.add_api_route(
        FRONTENDS + "/{number:int}/{path:path}", frontend, methods=["GET", "HEAD"], include_in_schema=False
    )  # fmt: skip


def _telling(web: FastAPI, feed: Feed) -> None:
    async def changes() -> Response:
        """A stream of server-sent events, one after each change: the number of changes so far."""
        return StreamingResponse(
            _events(feed), media_type="text/event-stream",
            headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
        )  # fmt: skip

    async def socket(socket: WebSocket) -> None:
        await socket.accept()
        async with anyio.create_task_group() as both:
            for part in (_send_changes(socket, feed), _wait_gone(socket)):
                both.start_soon(_then_end, part, both)

    web.add_api_route(f"{API}/changes", changes, methods=["GET"])
    web.add_api_websocket_route(f"{API}/ws", socket)


def _acting(web: FastAPI, view: AppView) -> None:
    async def set_state(request: Request) -> Response:
        """`{"state": {...}}` sets public attributes, `{"stage": "running"}` begins, `{"stage": "stopping"}` ends."""
        body = await received(request)
        if not isinstance(body, dict) or not body or not body.keys() <= {"state", "stage"}:
            raise HTTPException(422, 'Send {"state": {...}}, {"stage": "running"} or {"stage": "stopping"}.')
        if "stage" in body and body["stage"] not in STAGES:
            raise UnfitState("The stage", f"{body['stage']!r} is none of {', '.join(STAGES)}")
        if "state" in body:
            await run_in_threadpool(lambda: _apply(view, delta_of(view.snapshot(), body["state"])))
        if "stage" in body:
            view.request_run() if body["stage"] == STAGES[0] else view.request_stop()
        return Json({})

    async def change(request: Request) -> Response:
        """`{"delta": [[path, verb, value], ...]}` changes public attributes, all or none."""
        body = await received(request)
        delta = body.get("delta") if isinstance(body, dict) else body
        await run_in_threadpool(lambda: _apply(view, checked_delta(view.snapshot(), delta)))
        return Json({})

    async def stop_work(name: str) -> Response:
        """End a work's process."""
        await run_in_threadpool(view.stop_work, name)
        return Json({})

    async def retry(name: str, key: str) -> Response:
        """Make a failed call once more."""
        await run_in_threadpool(view.retry, name, key)
        return Json({})

    async def upload(request: Request, name: str) -> Response:
        """Put a file into the drive `lit://uploaded_files`: the body, or `uploaded_file` of a form."""
        return Json(await uploads.keep(name, request))

    web.add_api_route(f"{API}/state", set_state, methods=["POST"], openapi_extra=_takes(JSON, STATE_SHAPE))
    web.add_api_route(f"{API}/delta", change, methods=["POST"], openapi_extra=_takes(JSON, DELTA_SHAPE))
    web.add_api_route(
        f"{API}/upload_file/{{name:path}}", upload, methods=["PUT"],
        openapi_extra=_takes("application/octet-stream", {"type": "string", "format": "binary"}),
    )  # fmt: skip
    web.add_api_route(f"{API}/works/{{name:path}}/stop", stop_work, methods=["POST"])
    web.add_api_route(f"{API}/works/{{name:path}}/calls/{{key}}/retry", retry, methods=["POST"])


def _takes(kind: str, shape: Plain) -> Plain:
    """The body of a request, for the description of the routes."""
    return {"requestBody": {"required": True, "content": {kind: {"schema": shape}}}}


def _apply(view: AppView, delta: list[list[Any]]) -> None:
    if delta:
        view.apply_delta(delta)


async def _called(view: AppView, found: called.Found, arguments: Plain) -> Any:
    try:
        return await run_in_threadpool(view.call, found.method, found.route, arguments)
    except ManyhandsError:
        raise
    except TimeoutError as error:
        raise HTTPException(504, _late(error)) from error
    except Exception as error:  # whatever the app's code raises, the caller is told
        raise HTTPException(500, f"{type(error).__name__}: {error}") from error


async def _events(feed: Feed) -> AsyncIterator[str]:
    async with aclosing(feed.changes()) as changes:
        async for version in changes:
            yield f"data: {version}\n\n"


async def _send_changes(socket: WebSocket, feed: Feed) -> None:
    async with aclosing(feed.changes()) as changes:
        async for version in changes:
            await socket.send_text(str(version))
    await socket.close()


async def _then_end(part: Coroutine[Any, Any, None], group: TaskGroup) -> None:
    await part
    group.cancel_scope.cancel()


async def _wait_gone(socket: WebSocket) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass  # nobody listens to what is said here


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    return Json({"detail": error.detail}, error.status_code, error.headers)


async def _busy(request: Request, error: Exception) -> Response:
    return Json({"detail": _late(error)}, 504)


def _late(error: Exception) -> str:
    """What becomes of what was asked for depends on whether the flow has begun with it."""
    return str(error) or NOT_BEGUN


async def _left(request: Request, error: Exception) -> Response:
    return Json({"detail": "The body has not come as a whole."}, 400)


async def _bug(request: Request, error: Exception) -> Response:
    return Json({"detail": "That went wrong here; where the app was started it is said how."}, 500)


async def _own_error(request: Request, error: Exception) -> Response:
    status = 409 if isinstance(error, StateError) else 503 if isinstance(error, BackendError) else 422
    return Json({"detail": str(error)}, status)
