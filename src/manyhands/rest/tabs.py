"""The tabs of an app's page with the addresses at which their content is, and the folders that are served for them."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from manyhands.app.layout import URL_STARTS
from manyhands.app.plain import readable
from manyhands.rest.view import AppView, Plain

FRONTENDS = "/frontend"


def tabs(view: AppView) -> list[Plain]:
    """The app's tabs in order: `name`, `kind` (`component` or `url`), and `content`, a name or a URL."""
    prefix = view.about().get("root_path", "")
    return [_tab(prefix, number, tab) for number, tab in enumerate(readable(view.layout()))]


def _tab(prefix: str, number: int, tab: Plain) -> Plain:
    name = tab["name"]
    if "folder" in tab:
        return {"name": name, "kind": "url", "content": f"{prefix}{FRONTENDS}/{number}/"}
    content = tab["content"]
    return {"name": name, "kind": "url" if content.startswith(URL_STARTS) else "component", "content": content}


async def page_of(view: AppView, number: int, path: str, scope: Scope) -> Response:
    """A file of a tab's folder. Errors: `HTTPException` (404) for what is not in it, whatever the path or a symbolic
    link says."""
    found = view.layout()
    folder = found[number].get("folder") if 0 <= number < len(found) else None
    if folder is None:
        raise HTTPException(404, "Not found")
    # The folder itself is not checked: it may come later, and there is nothing in it until then.
    files = StaticFiles(directory=folder, html=True, check_dir=False)
    response = await files.get_response(path or ".", scope)
    response.headers["cache-control"] = "no-cache"
    if "location" in response.headers:
        # Without the host: a proxy may have another name, and another scheme.
        response.headers["location"] = urlsplit(response.headers["location"])._replace(scheme="", netloc="").geturl()
    return response
