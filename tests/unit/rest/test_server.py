"""The server: its address, its token, its beginning and its end."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from manyhands.model.errors import OptionError
from manyhands.rest.server import NoAddress, Server, start
from tests.acceptance.app.apps import get, put
from tests.acceptance.kit import wait_until
from tests.unit.rest.memory import MemoryApp, component

TOKEN = "a-token-of-some-length"


def app() -> MemoryApp:
    return MemoryApp(component(works={"w": component(x=1)}, flows={}, counter=0))


@contextmanager
def serving(view: MemoryApp | None = None, **options: object) -> Iterator[Server]:
    server = start(view or app(), **{"port": 0, **options})  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def taken() -> Iterator[int]:
    """A port at which somebody listens, with a free one after it."""
    with socket.socket() as first:
        first.bind(("127.0.0.1", 0))
        first.listen()
        yield first.getsockname()[1]


def test_it_answers_at_its_address() -> None:
    with serving() as server:
        assert server.url == server.link == server.address == f"http://127.0.0.1:{server.port}/view"
        assert server.token is None
        assert get(f"{server.base}/api/v1/state").json()["vars"] == {"counter": 0}
        assert get(f"{server.base}/healthz").status_code == 200


def test_the_next_free_port_is_taken(taken: int) -> None:
    with serving(port=taken) as server:
        assert taken < server.port < taken + 100
        assert get(f"{server.base}/healthz").status_code == 200


def test_two_servers_side_by_side(taken: int) -> None:
    with serving(port=taken) as first, serving(port=taken) as second:
        assert first.port != second.port
        for server in (first, second):
            assert get(f"{server.base}/healthz").status_code == 200


def test_the_port_is_free_again_at_the_end() -> None:
    """More than once, because another program may be given the port meanwhile."""

    def is_had_again() -> bool:
        with serving() as server:
            assert get(f"{server.base}/healthz").status_code == 200
        with socket.socket() as caller:
            if caller.connect_ex(("127.0.0.1", server.port)) == 0:
                return False
        with serving(port=server.port) as again:
            return again.port == server.port

    assert any(is_had_again() for _ in range(5))


def test_stopping_twice_is_once() -> None:
    with serving() as server:
        server.stop()
    assert not [thread for thread in threading.enumerate() if thread.name == "manyhands-server"]


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(NoAddress, match=r"192\.0\.2\.1.*--host"):
        start(app(), host="192.0.2.1", port=0)


def test_an_open_address_has_a_token() -> None:
    with serving(host="0.0.0.0") as server:
        assert server.token is not None
        assert len(server.token) >= 32
        assert server.address == server.link == f"{server.url}?token={server.token}"
        base = f"http://127.0.0.1:{server.port}"
        assert get(f"{base}/healthz").status_code == 200
        assert get(f"{base}/api/v1/state").status_code == 401
        bearer = {"authorization": f"Bearer {server.token}"}
        assert get(f"{base}/api/v1/state", headers=bearer).status_code == 200
    with serving(host="0.0.0.0") as other:
        assert other.token != server.token


def test_a_token_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(token="my very own token") as server:
        assert get(f"{server.base}/api/v1/state").status_code == 401
        assert server.address == server.url
    monkeypatch.setenv("MANYHANDS_TOKEN", "that of the environment")
    with serving() as server:
        assert server.token == "that of the environment"
        assert "token" not in server.address
    monkeypatch.setenv("MANYHANDS_TOKEN", "short")
    with pytest.raises(OptionError, match="5 characters"):
        start(app(), port=0)


@pytest.mark.parametrize("token", ["schlüsselwort", "a secret\n", " a secret", "a\tsecret"])
def test_a_token_that_no_request_could_bring(token: str) -> None:
    with pytest.raises(OptionError, match="ASCII"):
        start(app(), port=0, token=token)


def test_any_token_is_whole_in_the_link() -> None:
    with serving(token="a+b&c#d=e/f %41") as server:
        answer = get(server.link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/view")


def test_names_of_a_proxy_bring_a_token() -> None:
    with serving(names=["App.Example.org", "other.example"]) as server:
        assert server.token is not None
        named = {"host": "app.example.org"}
        assert get(f"{server.base}/api/v1/state", headers=named).status_code == 401
        named["authorization"] = f"Bearer {server.token}"
        assert get(f"{server.base}/api/v1/state", headers=named).status_code == 200
        assert get(f"{server.base}/api/v1/state", headers={**named, "host": "evil.example"}).status_code == 421
    for name in ("https://app.example.org", "app.example.org:80", "", "a..b"):
        with pytest.raises(OptionError, match="no name of a host"):
            start(app(), port=0, names=[name])


def test_it_answers_below_its_prefix() -> None:
    view = app()
    view.said = {"root_path": "/apps/digits"}
    with serving(view) as server:
        for prefix in ("", "/apps/digits"):
            assert get(f"{server.base}{prefix}/api/v1/state").json()["vars"] == {"counter": 0}


def test_changes_come_by_a_web_socket_until_the_end() -> None:
    view = app()
    with serving(view) as server:
        address = f"ws://127.0.0.1:{server.port}/api/v1/ws"
        with connect(address, open_timeout=60) as socket:
            first = int(socket.recv(60))
            view.set("root", counter=1)
            assert int(socket.recv(60)) > first
        wait_until(lambda: view.listeners == [], "the end of the subscription")
        with connect(address, open_timeout=60) as socket:
            socket.recv(60)
            server.stop()
            with pytest.raises(ConnectionClosed):
                for _ in range(3):
                    socket.recv(60)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Origin": "http://evil.example"}])
def test_a_web_socket_is_guarded(headers: dict[str, str]) -> None:
    with serving(token=TOKEN) as server:
        address = f"ws://127.0.0.1:{server.port}/api/v1/ws"
        with pytest.raises(InvalidStatus, match="403"):
            connect(address, open_timeout=60, additional_headers=headers)
        with connect(address, open_timeout=60, additional_headers={"Authorization": f"Bearer {TOKEN}"}) as socket:
            assert int(socket.recv(60)) > 0


def test_an_upload_is_guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path / "shared"))
    with serving(token=TOKEN) as server:
        address = f"{server.base}/api/v1/upload_file/data.txt"
        bearer = {"authorization": f"Bearer {TOKEN}"}
        assert put(address, content=b"x").status_code == 401
        assert put(address, content=b"x", headers={**bearer, "origin": "http://evil.example"}).status_code == 403
        assert put(address, content=b"x", headers={**bearer, "host": "evil.example"}).status_code == 421
        assert not (tmp_path / "shared").exists()
        assert put(address, content=b"x", headers=bearer).status_code == 200


def test_changes_are_streamed_until_the_end() -> None:
    view = app()
    with serving(view) as server, httpx.stream("GET", f"{server.base}/api/v1/changes", timeout=60) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = (line for line in response.iter_lines() if line)
        first = next(lines)
        view.set("root", counter=1)
        second = next(lines)
        assert first.startswith("data: ")
        assert int(second.removeprefix("data: ")) > int(first.removeprefix("data: "))
        server.stop()
        assert len(list(lines)) <= 2
    assert view.listeners == []


def test_a_listener_that_has_left_is_forgotten() -> None:
    view = app()
    with serving(view) as server:
        with httpx.stream("GET", f"{server.base}/api/v1/changes", timeout=60) as response:
            lines = response.iter_lines()
            next(lines)
            assert len(view.listeners) == 1
        wait_until(lambda: view.listeners == [], "the end of the subscription")
