"""Who gets in, and who does not."""

import re

import pytest
from fastapi import FastAPI, WebSocket
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from manyhands.rest.guard import Guard, is_loopback

TOKEN = "a-token-of-some-length"
HERE = "http://127.0.0.1:7501"


def client(
    host: str = "127.0.0.1", token: str | None = None, base: str = HERE, names: tuple[str, ...] = ()
) -> TestClient:
    web = FastAPI()

    @web.websocket("/socket")
    async def socket(connection: WebSocket) -> None:
        await connection.accept()
        await connection.send_text("in")
        await connection.close()

    @web.api_route("/{path:path}", methods=["GET", "POST", "PUT", "DELETE"])
    def anything(path: str) -> str:
        return path

    return TestClient(Guard(web, host, 7501, token, names), base_url=base, follow_redirects=False)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True)]
    + [("0.0.0.0", False), ("::", False), ("192.168.0.7", False), ("example.com", False), ("", False)],
)
def test_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize("host", ["127.0.0.1:7501", "localhost:7501", "localhost:9999", "LOCALHOST", "[::1]:7501"])
def test_our_names(host: str) -> None:
    assert client().get("/x", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:7501",
        "127.0.0.1.evil.example",
        "192.168.0.7:7501",
        "localhost.evil.example",
        "",
        "[::1",
        "x@localhost",
    ],
)
def test_a_foreign_name_that_points_here_is_refused(host: str) -> None:
    response = client().get("/x", headers={"host": host})
    assert response.status_code == 421
    assert "Host" in response.json()["detail"]


def test_an_open_server_is_called_by_its_addresses() -> None:
    server = client("0.0.0.0", TOKEN)
    bearer = {"authorization": f"Bearer {TOKEN}"}
    assert server.get("/x", headers={**bearer, "host": "192.168.0.7:7501"}).status_code == 200
    assert server.get("/x", headers={**bearer, "host": "evil.example"}).status_code == 421


def test_a_proxy_may_call_it_by_the_names_it_was_told() -> None:
    server = client(token=TOKEN, names=("app.example.org",))
    bearer = {"authorization": f"Bearer {TOKEN}", "host": "app.example.org"}
    assert server.get("/x", headers=bearer).status_code == 200
    assert server.post("/x", headers={**bearer, "origin": "https://app.example.org"}).status_code == 200
    assert server.post("/x", headers={**bearer, "origin": "https://example.org"}).status_code == 403
    assert server.get("/x", headers={**bearer, "host": "other.example.org"}).status_code == 421


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://127.0.0.1:9000", "null", "http://127.0.0.1", "http://["]
)
def test_other_origins_get_nothing(method: str, origin: str) -> None:
    response = client().request(method, "/x", headers={"origin": origin})
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_our_own_pages_and_programs_may(method: str) -> None:
    assert client().request(method, "/x", headers={"origin": HERE, "sec-fetch-site": "same-origin"}).status_code == 200
    assert client().request(method, "/x").status_code == 200


VISIT = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("path", ["/x", "/view"])
def test_another_page_asks_for_nothing_by_a_form_or_an_image(site: str, method: str, path: str) -> None:
    for kind in ({}, {"sec-fetch-mode": "no-cors", "sec-fetch-dest": "image"}):
        assert client().request(method, path, headers={"sec-fetch-site": site, **kind}).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_link_of_another_page_leads_to_our_pages_and_nowhere_else(site: str) -> None:
    visit = {"sec-fetch-site": site, **VISIT}
    for path in ("/", "/view", "/view?token=x", "/docs"):
        assert client().get(path, headers=visit).status_code == 200
        assert client().post(path, headers=visit).status_code == 403
        assert client().get(path, headers={**visit, "sec-fetch-dest": "iframe"}).status_code == 403
    assert client().get("/x", headers=visit).status_code == 403
    assert client().get("/x", headers={**visit, "sec-fetch-site": "none"}).status_code == 200


def test_no_preflight_is_answered() -> None:
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    assert client().options("/x", headers=headers).status_code == 403


def test_a_socket_of_another_origin_is_closed() -> None:
    with client().websocket_connect("/socket", headers={"origin": HERE, "host": "127.0.0.1:7501"}) as socket:
        assert socket.receive_text() == "in"
    for headers in ({"origin": "http://evil.example"}, {"host": "evil.example"}):
        with pytest.raises(WebSocketDisconnect), client().websocket_connect("/socket", headers=headers):
            pass


def test_a_token_is_asked_for_everywhere_but_at_healthz() -> None:
    server = client(token=TOKEN)
    for path in ("/x", "/api/v1/state", "/view/deeper", "/healthz/", "/"):
        response = server.get(path)
        assert response.status_code == 401, path
        assert response.headers["www-authenticate"] == "Bearer"
    assert server.get("/healthz").status_code == 200
    with pytest.raises(WebSocketDisconnect), server.websocket_connect("/socket"):
        pass


@pytest.mark.parametrize(
    ("offered", "status"),
    [(f"Bearer {TOKEN}", 200), (f"bearer {TOKEN}", 200), ("Bearer other", 401), (f"Basic {TOKEN}", 401)]
    + [(f"Bearer {TOKEN}x", 401), ("Bearer ", 401), ("Bearer é".encode(), 401)],
)
def test_the_header(offered: str | bytes, status: int) -> None:
    assert client(token=TOKEN).get("/x", headers={"authorization": offered}).status_code == status


def test_the_page_takes_the_token_once_and_sets_a_cookie() -> None:
    server = client(token=TOKEN)
    response = server.get("/view", params={"token": TOKEN})
    assert response.status_code == 303
    assert response.headers["location"] == "/view"
    cookie = response.headers["set-cookie"]
    assert TOKEN not in cookie
    assert re.search(r"httponly", cookie, re.IGNORECASE)
    assert re.search(r"samesite=lax", cookie, re.IGNORECASE)
    assert server.get("/view").status_code == 200
    assert server.post("/api/v1/state").status_code == 200
    assert client(token=TOKEN + "2").get("/view", headers={"cookie": cookie.partition(";")[0]}).status_code == 401


def test_the_page_asks_for_the_token() -> None:
    server = client(token=TOKEN)
    assert '<form action="/view">' in server.get("/view").text
    wrong = server.get("/view", params={"token": "<b>"})
    assert wrong.status_code == 401
    assert "not the token" in wrong.text
    assert "<b>" not in wrong.text
    assert server.get("/x", params={"token": TOKEN}).status_code == 401


def test_no_other_site_can_frame_or_embed_us() -> None:
    headers = client().get("/x").headers
    assert headers["content-security-policy"] == "frame-ancestors 'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
