"""The routes of an app."""

from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from manyhands.app.api import OF_EVERY_APP
from manyhands.model.errors import BackendError
from manyhands.rest import bodies
from manyhands.rest.feed import Feed
from manyhands.rest.web import application, close
from tests.unit.rest.memory import MemoryApp, component


@pytest.fixture
def app() -> MemoryApp:
    return MemoryApp(component(works={"w": component(x=1, ratio=float("inf"))}, flows={}, counter=0))


@pytest.fixture
def client(app: MemoryApp) -> TestClient:
    web = application(app, Feed(app))
    close(web, app)
    return TestClient(web, follow_redirects=False)


def test_the_state(app: MemoryApp, client: TestClient) -> None:
    state = client.get("/api/v1/state").json()
    assert state["vars"] == {"counter": 0}
    assert state["works"]["w"]["vars"] == {"x": 1, "ratio": None}
    assert state["app_state"] == {"stage": "running"}


def test_status_layout_spec_and_health(app: MemoryApp, client: TestClient) -> None:
    app.tabs = [{"name": "Docs", "content": "https://example.com"}, {"name": "Site", "folder": "/nowhere"}]
    app.served = [{"method": "POST", "route": "/name", "component": "root", "parameters": {"name": "str"}}]
    assert client.get("/api/v1/status").json() == {
        "is_ui_ready": True,
        "work_statuses": {"w": {"stage": "not_started"}},
    }
    assert client.get("/api/v1/layout").json() == [
        {"name": "Docs", "kind": "url", "content": "https://example.com"},
        {"name": "Site", "kind": "url", "content": "/frontend/1/"},
    ]
    assert client.get("/api/v1/spec").json() == app.served
    assert client.get("/healthz").json() == {"status": "ok"}


def test_an_app_without_a_state_is_not_healthy() -> None:
    app = MemoryApp({})
    app._state = {}
    web = application(app, Feed(app))
    assert TestClient(web).get("/healthz").status_code == 503


def test_attributes_are_set(app: MemoryApp, client: TestClient) -> None:
    body = {"state": {"vars": {"counter": 3}, "works": {"w": {"vars": {"x": [1, 2]}}}}}
    assert client.post("/api/v1/state", json=body).status_code == 200
    assert app.snapshot()["vars"] == {"counter": 3}
    assert app.snapshot()["works"]["w"]["vars"]["x"] == [1, 2]


@pytest.mark.parametrize(("stage", "act"), [("running", "run"), ("stopping", "stop")])
def test_the_stage_is_set(app: MemoryApp, client: TestClient, stage: str, act: str) -> None:
    assert client.post("/api/v1/state", json={"stage": stage}).status_code == 200
    assert app.acts == [(act,)]


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        {"stage": "failed"},
        {"stage": ["running"]},
        {"state": {"vars": {"none": 1}}},
        {"state": 1},
        {"a": 1},
        5,
        "x",
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(app: MemoryApp, client: TestClient, body: Any) -> None:
    response = client.post("/api/v1/state", json=body)
    assert response.status_code == 422
    assert response.json()["detail"]
    assert app.acts == []


def test_a_stage_that_does_not_fit_keeps_the_state_from_being_set(app: MemoryApp, client: TestClient) -> None:
    body = {"state": {"vars": {"counter": 3}}, "stage": "nonsense"}
    assert client.post("/api/v1/state", json=body).status_code == 422
    assert app.acts == []


@pytest.mark.parametrize("wrap", [True, False])
def test_a_delta(app: MemoryApp, client: TestClient, wrap: bool) -> None:
    delta = [[["works", "w", "vars", "x"], "set", 5], [["vars", "counter"], "set", 1]]
    assert client.post("/api/v1/delta", json={"delta": delta} if wrap else delta).status_code == 200
    assert app.snapshot()["works"]["w"]["vars"]["x"] == 5
    assert app.acts == [("delta", delta)]


def test_one_unfit_operation_spoils_the_delta(app: MemoryApp, client: TestClient) -> None:
    delta = [[["vars", "counter"], "set", 1], [["calls", "x"], "set", 1]]
    response = client.post("/api/v1/delta", json={"delta": delta})
    assert response.status_code == 422
    assert "calls" in response.json()["detail"]
    assert app.acts == []


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"NaN", "application/json", 400),
        (b'{"state":{"vars":{"counter":1e999}}}', "application/json", 400),
        (b'{"state":{"vars":{"counter":' + b"[" * 101 + b"]" * 101 + b"}}}", "application/json", 400),
        (b"state=1", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
        (b"{}", "", 415),
        (b"\x80\x04N.", "application/octet-stream", 415),
    ],
)
def test_only_json_is_read(app: MemoryApp, client: TestClient, content: bytes, kind: str, status: int) -> None:
    for path in ("/api/v1/state", "/api/v1/delta"):
        response = client.post(path, content=content, headers={"content-type": kind})
        assert response.status_code == status
        assert response.json()["detail"]
    assert app.acts == []


def test_a_body_has_a_largest_size(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "LARGEST", 10)
    assert client.post("/api/v1/state", json={"state": {"vars": {"counter": 3}}}).status_code == 413


@pytest.mark.parametrize("number", [1 << 64, -(1 << 63) - 1])
@pytest.mark.parametrize("where", ["state", "delta"])
def test_numbers_that_no_message_can_carry_are_refused(
    app: MemoryApp, client: TestClient, number: int, where: str
) -> None:
    body = {"state": {"vars": {"counter": [number]}}} if where == "state" else [[["vars", "counter"], "set", number]]
    response = client.post(f"/api/v1/{where}", json=body)
    assert response.status_code == 422
    assert "as text" in response.json()["detail"]
    assert app.acts == []


def test_what_the_flow_is_too_busy_for(app: MemoryApp, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*words: str) -> None:
        raise TimeoutError("busy")

    monkeypatch.setattr(app, "stop_work", busy)
    response = client.post("/api/v1/works/root.w/stop")
    assert response.status_code == 504
    assert "busy" in response.json()["detail"]


def test_a_bug_is_told_without_what_is_inside(app: MemoryApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug() -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(app, "snapshot", bug)
    response = TestClient(application(app, Feed(app)), raise_server_exceptions=False).get("/api/v1/state")
    assert response.status_code == 500
    assert "secret" not in response.json()["detail"]


def test_a_work_is_stopped_and_a_call_retried(app: MemoryApp, client: TestClient) -> None:
    app.record("root.w", "abc", "failed", reason="user_exception", message="no")
    assert client.post("/api/v1/works/root.w/stop").status_code == 200
    assert client.post("/api/v1/works/root.w/calls/abc/retry").status_code == 200
    assert app.acts == [("stop_work", "root.w"), ("retry", "root.w", "abc")]


def test_a_work_may_have_a_slash_in_its_name(app: MemoryApp, client: TestClient) -> None:
    app.change(lambda state: state["works"].update({"a/b": component()}))
    app.record("root.a/b", "abc", "failed")
    for name in ("root.a/b", "root.a%2Fb"):
        assert client.post(f"/api/v1/works/{name}/stop").status_code == 200
        assert client.post(f"/api/v1/works/{name}/calls/abc/retry").status_code == 200
    assert app.acts == 2 * [("stop_work", "root.a/b"), ("retry", "root.a/b", "abc")]


def test_what_cannot_be_done_says_so(app: MemoryApp, client: TestClient) -> None:
    app.record("root.w", "abc", "running")
    assert client.post("/api/v1/works/root.none/stop").status_code == 422
    assert client.post("/api/v1/works/root.w/calls/none/retry").json() == {"detail": "root.w has no call none."}
    assert client.post("/api/v1/works/root.w/calls/abc/retry").status_code == 409


@pytest.mark.parametrize("path", ["/api/v1/none", "/api", "/", "/none/at/all", "/redoc", "/view"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_everything_else_is_not_found(client: TestClient, path: str, method: str) -> None:
    response = client.request(method, path)
    assert response.status_code == 404
    assert response.json() == {"detail": "Not found"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/v1/delta", "POST"),
        ("DELETE", "/api/v1/state", "GET, POST"),
        ("POST", "/healthz", "GET, HEAD"),
        ("GET", "/api/v1/works/root.w/stop", "POST"),
    ],
)
def test_another_method_is_not_allowed(client: TestClient, method: str, path: str, allowed: str) -> None:
    response = client.request(method, path)
    assert response.status_code == 405
    assert response.json() == {"detail": "Method Not Allowed"}
    assert response.headers["allow"] == allowed


def test_health_is_asked_for_without_a_body(client: TestClient) -> None:
    assert client.head("/healthz").status_code == 200


def test_what_no_json_can_say_is_written_out(app: MemoryApp, client: TestClient) -> None:
    app.set("root", file="caf\udce9.txt")
    assert client.get("/api/v1/state").json()["vars"]["file"] == "caf\\udce9.txt"


def test_no_app_takes_a_path_of_ours(client: TestClient) -> None:
    paths = [route.path for route in client.app.routes]  # type: ignore[attr-defined]
    ours = [path for path in paths if path != "/{path:path}"]
    assert len(ours) > 10
    assert [path for path in ours if not OF_EVERY_APP.fullmatch(path)] == []


def test_the_routes_are_described(client: TestClient) -> None:
    paths = client.get("/api/v1/openapi.json").json()["paths"]
    assert {"/api/v1/state", "/api/v1/delta", "/api/v1/status", "/healthz"} <= set(paths)


def test_the_routes_are_listed_for_people(app: MemoryApp, client: TestClient) -> None:
    app.said = {"title": "Digits <&>", "root_path": "/apps"}
    parameters = [
        {"name": "name", "type": "str", "required": True},
        {"name": "times", "type": "int", "required": False},
    ]
    app.served = [{"method": "POST", "route": "/greet", "parameters": parameters, "command": "<greet>"}]
    page = client.get("/docs").text
    assert "Routes of Digits &lt;&amp;&gt;" in page
    assert "The command `&lt;greet&gt;`. Takes name (str), times (int, may be left out)." in page
    assert "/api/v1/upload_file/{name}" in page
    assert 'href="/apps/api/v1/openapi.json"' in page
    assert "<script" not in page


def test_an_app_may_have_a_page_of_its_own_where_the_list_is(app: MemoryApp, client: TestClient) -> None:
    app.served = [{"method": "GET", "route": f"/{name}", "parameters": []} for name in ("docs", "")]
    app.answers = {("GET", "/docs"): lambda: "mine", ("GET", "/"): lambda: "top"}
    assert client.get("/docs").json() == "mine"
    assert client.get("/").json() == "top"


def test_the_top_leads_to_the_page(app: MemoryApp) -> None:
    web = application(app, Feed(app))
    close(web, app, "/view")
    response = TestClient(web, follow_redirects=False).get("/")
    assert (response.status_code, response.headers["location"]) == (303, "/view")


def test_annotations_are_none(client: TestClient) -> None:
    assert client.get("/api/v1/annotations").json() == []


def test_changes_come_by_a_web_socket(app: MemoryApp, client: TestClient) -> None:
    with client.websocket_connect("/api/v1/ws") as socket:
        first = int(socket.receive_text())
        socket.send_text("nobody listens")
        app.set("root", counter=1)
        assert int(socket.receive_text()) > first
        assert len(app.listeners) == 1
    assert app.listeners == []


def test_the_apps_own_routes(app: MemoryApp, client: TestClient) -> None:
    app.served = [
        {"method": "POST", "route": "/users/{name}", "component": "root", "parameters": {}},
        {"method": "GET", "route": "/users", "component": "root", "parameters": {}},
    ]
    app.answers = {
        ("POST", "/users/{name}"): lambda **given: given,
        ("GET", "/users"): lambda limit="all": {"limit": limit, "names": ["a"]},
    }
    assert client.get("/users").json() == {"limit": "all", "names": ["a"]}
    assert client.get("/users?limit=3").json() == {"limit": "3", "names": ["a"]}
    sent = client.post("/users/ann?age=7&name=x", json={"age": 8, "tags": [1]})
    assert sent.json() == {"age": 8, "tags": [1], "name": "ann"}
    assert client.post("/users/ann", json=[1]).json() == {"body": [1], "name": "ann"}
    assert client.post("/users/ann").json() == {"name": "ann"}
    assert client.get("/users/").json() == {"limit": "all", "names": ["a"]}
    wrong = client.get("/users/ann")
    assert wrong.status_code == 405
    assert wrong.headers["allow"] == "POST"
    assert client.get("/users/ann/more").status_code == 404


def test_a_route_that_raises(app: MemoryApp, client: TestClient) -> None:
    app.served = [{"method": "GET", "route": f"/{name}", "component": "root", "parameters": {}} for name in ("a", "b")]

    def bad() -> None:
        raise ZeroDivisionError("by nothing")

    def gone() -> None:
        raise BackendError("The app has ended.")

    app.answers = {("GET", "/a"): bad, ("GET", "/b"): gone}
    response = client.get("/a")
    assert response.status_code == 500
    assert response.json() == {"detail": "ZeroDivisionError: by nothing"}
    assert client.get("/b").status_code == 503


@pytest.fixture
def folder(app: MemoryApp, tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "deep").mkdir(parents=True)
    (folder / "index.html").write_text("<h1>Hello</h1>")
    (folder / "deep" / "data.json").write_text("[1]")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "out").symlink_to(tmp_path / "secret.txt")
    (tmp_path / "site-beside").mkdir()
    (tmp_path / "site-beside" / "x.txt").write_text("secret")
    app.tabs = [{"name": "Docs", "content": "root.w"}, {"name": "Site", "folder": str(folder)}]
    return folder


def test_a_folder_is_served(folder: Path, client: TestClient) -> None:
    assert client.get("/frontend/1/").text == "<h1>Hello</h1>"
    assert client.get("/frontend/1/index.html").headers["content-type"].startswith("text/html")
    assert client.get("/frontend/1/deep/data.json").json() == [1]
    assert client.head("/frontend/1/index.html").status_code == 200
    (folder / "deep" / "index.html").write_text("deep")
    assert client.get("/frontend/1/deep").headers["location"] == "/frontend/1/deep/"


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt", "..%2fsecret.txt", "%2e%2e/secret.txt", "deep/../../secret.txt", "deep/..%2f..%2fsecret.txt",
        "out", "/etc/passwd", "%2fetc/passwd", "..\\secret.txt", "../site-beside/x.txt", "..%2fsite-beside%2fx.txt",
        "none.txt", "%00", "deep/none",
    ],
)  # fmt: skip
def test_nothing_outside_the_folder_is_served(folder: Path, client: TestClient, path: str) -> None:
    response = client.get(f"/frontend/1/{path}")
    assert response.status_code == 404
    assert "secret" not in response.text


@pytest.mark.parametrize("path", ["/frontend/0/", "/frontend/2/", "/frontend/-1/", "/frontend/x/"])
def test_tabs_without_a_folder_serve_nothing(folder: Path, client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_folder_that_comes_later(app: MemoryApp, client: TestClient, tmp_path: Path) -> None:
    app.tabs = [{"name": "Site", "folder": str(tmp_path / "later")}]
    assert client.get("/frontend/0/").status_code == 404
    (tmp_path / "later").mkdir()
    (tmp_path / "later" / "index.html").write_text("there")
    assert client.get("/frontend/0/").text == "there"
