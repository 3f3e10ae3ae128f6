"""An app behind a proxy that puts something before its paths."""

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from manyhands.rest.feed import Feed
from manyhands.rest.guard import Guard
from manyhands.rest.prefix import Prefixed, path_of
from manyhands.rest.web import application, close
from tests.unit.rest.memory import MemoryApp, component

TOKEN = "open sesame"


def client(token: str | None = None) -> TestClient:
    app = MemoryApp(component(works={}, flows={}, counter=0))
    app.said = {"root_path": "/apps/digits"}
    app.tabs = [{"name": "Site", "folder": "/nowhere"}]
    app.served = [{"method": "GET", "route": "/own", "parameters": []}]
    app.answers = {("GET", "/own"): lambda: "mine"}
    web = application(app, Feed(app))

    async def seen(request: Request) -> list[str | None]:
        return [request.url.path, request.headers.get("x-forwarded-prefix")]

    web.add_api_route("/seen", seen, methods=["GET"])
    close(web, app, "/view")
    guarded = Guard(web, "127.0.0.1", 7501, token)
    return TestClient(Prefixed(guarded, "/apps/digits"), base_url="http://127.0.0.1:7501", follow_redirects=False)


@pytest.mark.parametrize("prefix", ["", "/apps/digits"])
def test_all_is_found_with_and_without_the_prefix(prefix: str) -> None:
    server = client()
    assert server.get(f"{prefix}/api/v1/state").json()["vars"] == {"counter": 0}
    assert server.get(f"{prefix}/own").json() == "mine"
    assert server.get(f"{prefix}/healthz").status_code == 200
    assert server.get(f"{prefix}/none").status_code == 404
    for home in ("", "/"):
        assert server.get(prefix + home).headers["location"] == "/apps/digits/view"
    assert server.get(f"{prefix}/api/v1/layout").json()[0]["content"] == "/apps/digits/frontend/0/"
    assert server.get(f"{prefix}/api/v1/openapi.json").json()["servers"] == [{"url": "/apps/digits"}]
    with server.websocket_connect(f"{prefix}/api/v1/ws", headers={"host": "127.0.0.1"}) as socket:
        assert int(socket.receive_text()) > 0


def test_a_prefix_told_twice_counts_once() -> None:
    server = client()
    told = server.get("/seen", headers={"x-forwarded-prefix": "/apps/digits"}).json()
    assert told == ["/apps/digits/seen", None]


@pytest.mark.parametrize("prefix", ["", "/apps/digits"])
def test_the_token_is_asked_for_behind_it_too(prefix: str) -> None:
    server = client(TOKEN)
    assert server.get(f"{prefix}/api/v1/state").status_code == 401
    assert server.get(f"{prefix}/healthz").status_code == 200
    assert '<form action="/apps/digits/view">' in server.get(f"{prefix}/view").text
    welcome = server.get(f"{prefix}/view", params={"token": TOKEN})
    assert (welcome.status_code, welcome.headers["location"]) == (303, "/apps/digits/view")
    assert server.get(f"{prefix}/api/v1/state").status_code == 200


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [("/a/b", "/a", "/b"), ("/a", "/a", "/"), ("/ab", "/a", "/ab"), ("/b", "/a", "/b"), ("/b", "", "/b")],
)
def test_the_path_without_the_prefix(path: str, prefix: str, expected: str) -> None:
    assert path_of({"path": path, "root_path": prefix}) == expected
