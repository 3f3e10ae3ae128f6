"""An app that does not run now, as the HTTP side sees it."""

import http.client
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from manyhands.app.api import Get, Post
from manyhands.app.app import App
from manyhands.app.endings import AppFailed, WorkFailed
from manyhands.app.flow import Flow
from manyhands.app.frontend import Frontend, StaticWebFrontend
from manyhands.app.work import Work
from manyhands.rest.feed import Feed
from manyhands.rest.running import Running, leave, view_of
from manyhands.rest.web import application, close
from tests.unit.rest.memory import MemoryApp, component


class Custom(Frontend):
    """A frontend with a server of its own."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self._inner = StaticWebFrontend(folder)

    def start_server(self, host: str, port: int, root_path: str = "") -> None:
        self._inner.start_server(host, port, root_path)
        self.url = self._inner.url

    def stop_server(self) -> None:
        self._inner.stop_server()


class Step(Work):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.progress = 0

    def run(self) -> None: ...


class Child(Flow):
    def __init__(self, folder: Path | None = None) -> None:
        super().__init__()
        self._folder = folder
        self.step = Step()

    def run(self) -> None: ...

    def configure_layout(self) -> Any:
        return [] if self._folder is None else StaticWebFrontend(self._folder)


class Root(Flow):
    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.names = ["ann"]
        self.shown = Child(folder)
        self.other = Child()

    def run(self) -> None: ...

    def add(self, name: str, times: int = 1) -> list[str]:
        self.names = [*self.names, *[name] * times]
        return self.names

    def pair(self) -> tuple[int, int]:
        return 1, 2

    def configure_api(self) -> list[Any]:
        return [Post("/names/{name}", self.add), Get("/pair", self.pair)]

    def configure_commands(self) -> list[Any]:
        return [{"add a name": self.add}]

    def configure_layout(self) -> list[dict[str, Any]]:
        return [
            {"name": "Shown", "content": self.shown},
            {"name": "Other", "content": self.other},
            {"name": "Far", "content": "https://example.com/x"},
        ]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<h1>Hello</h1>")
    return tmp_path


@pytest.fixture
def view(folder: Path) -> Running:
    return Running(App(Root(folder)))


@pytest.fixture
def client(view: Running) -> TestClient:
    web = application(view, Feed(view))
    close(web, view)
    return TestClient(web)


def test_its_state_and_status(client: TestClient) -> None:
    state = client.get("/api/v1/state").json()
    assert state["vars"]["names"] == ["ann"]
    assert state["flows"]["shown"]["works"]["step"]["vars"]["progress"] == 0
    status = client.get("/api/v1/status").json()
    assert status["work_statuses"]["root.shown.step"]["stage"] == "not_started"


def test_its_tabs(client: TestClient) -> None:
    assert client.get("/api/v1/layout").json() == [
        {"name": "Shown", "kind": "url", "content": "/frontend/0/"},
        {"name": "Other", "kind": "component", "content": "root.other"},
        {"name": "Far", "kind": "url", "content": "https://example.com/x"},
    ]
    assert client.get("/frontend/0/").text == "<h1>Hello</h1>"


def test_a_frontend_that_has_the_whole_page(folder: Path) -> None:
    class Whole(Child):
        def run(self) -> None: ...

    assert Running(App(Whole(folder))).layout() == [{"name": "Whole", "folder": str(folder)}]


def test_a_frontend_with_a_server_of_its_own_is_started_once_and_ended(folder: Path) -> None:
    class Serving(Child):
        def run(self) -> None: ...

        def configure_layout(self) -> Any:
            return Custom(str(folder))

    view = Running(App(Serving()))
    first, second = view.layout(), view.layout()
    assert first == second
    address = first[0]["content"]
    host, _, port = address.removeprefix("http://").rstrip("/").partition(":")
    connection = http.client.HTTPConnection(host, int(port))
    connection.request("GET", "/")
    assert connection.getresponse().read() == b"<h1>Hello</h1>"
    connection.close()
    leave(view)
    with pytest.raises(ConnectionRefusedError):
        http.client.HTTPConnection(host, int(port)).connect()


def test_its_routes_and_commands(client: TestClient) -> None:
    assert client.post("/names/bob", json={"times": 2}).json() == ["ann", "bob", "bob"]
    assert client.get("/pair").json() == [1, 2]
    assert client.post("/command/add_a_name", json={"name": "eve"}).json() == ["ann", "bob", "bob", "eve"]
    assert client.post("/command/add_a_name", json={"names": "eve"}).status_code == 422
    assert client.get("/names/bob").status_code == 405
    assert client.post("/names").status_code == 404
    spec = client.get("/api/v1/spec").json()
    assert [(entry["method"], entry["route"]) for entry in spec] == [
        ("POST", "/names/{name}"), ("GET", "/pair"), ("POST", "/command/add_a_name"),
    ]  # fmt: skip
    assert spec[2]["command"] == "add a name"
    assert [parameter["name"] for parameter in spec[0]["parameters"]] == ["name", "times"]


def test_what_needs_a_running_app_says_so(client: TestClient) -> None:
    response = client.post("/api/v1/works/root.shown.step/stop")
    assert response.status_code == 409
    assert "run" in response.json()["detail"]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (WorkFailed("root.w", "no disk", "Traceback"), "The work root.w has failed: no disk"),
        (AppFailed("no data"), "no data"),
        (KeyboardInterrupt(), "It was interrupted."),
        (ValueError("a bug"), "ValueError: a bug"),
        (ValueError(), "ValueError"),
    ],
)
def test_why_it_has_failed(view: Running, error: BaseException, said: str) -> None:
    assert "message" not in view.snapshot()["app_state"]
    view._app.exception = error
    assert view.snapshot()["app_state"]["message"] == said


def test_what_a_busy_flow_offered_is_believed(view: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*words: Any) -> None:
        raise TimeoutError

    monkeypatch.setattr(view, "_ask", busy)
    assert [entry["route"] for entry in view.routes()] == ["/names/{name}", "/pair", "/command/add_a_name"]


def test_a_work_at_the_top_gives_the_app_its_name() -> None:
    assert Running(App(Step())).about()["title"] == "Step"


def test_a_view_stays_as_it_is(view: Running) -> None:
    memory = MemoryApp(component(works={}, flows={}))
    assert view_of(memory) is memory
    leave(memory)
