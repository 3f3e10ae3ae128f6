"""Files that are sent to an app."""

from pathlib import Path

import pytest
from starlette.testclient import TestClient

from manyhands.app import Drive
from manyhands.rest import uploads
from manyhands.rest.feed import Feed
from manyhands.rest.web import application, close
from tests.unit.rest.memory import MemoryApp, component

ROUTE = "/api/v1/upload_file"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path / "shared"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "shared"


@pytest.fixture
def client(folder: Path) -> TestClient:
    app = MemoryApp(component(works={}, flows={}))
    web = application(app, Feed(app))
    close(web, app)
    return TestClient(web)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_body_is_a_file_that_works_find_in_the_drive(client: TestClient, folder: Path) -> None:
    response = client.put(f"{ROUTE}/data.csv", content=b"a,b\n" * 100_000)
    assert response.json() == {"name": "data.csv", "drive": "lit://uploaded_files", "bytes": 400_000}
    drive = Drive("lit://uploaded_files", component_name="root.work")
    assert drive.list() == ["data.csv"]
    drive.get("data.csv")
    assert Path("data.csv").read_bytes() == b"a,b\n" * 100_000


def test_a_form_has_the_file_in_it(client: TestClient, folder: Path) -> None:
    sent = client.put(f"{ROUTE}/named.txt", files={"uploaded_file": ("../../other.txt", b"text")}, data={"more": "1"})
    assert sent.json()["bytes"] == 4
    assert files(folder) == ["named.txt"]
    assert client.put(f"{ROUTE}/x", files={"other": b"text"}).status_code == 422
    broken = client.put(f"{ROUTE}/x", content=b"text", headers={"content-type": "multipart/form-data; boundary=b"})
    assert broken.status_code == 400
    assert files(folder) == ["named.txt"]


def test_a_second_file_of_a_name_takes_the_place_of_the_first(client: TestClient, folder: Path) -> None:
    for content in (b"first, and longer", b"second"):
        assert client.put(f"{ROUTE}/it", content=content).status_code == 200
    (path,) = (path for path in folder.rglob("*") if path.is_file())
    assert path.read_bytes() == b"second"


def test_an_empty_file_is_a_file(client: TestClient, folder: Path) -> None:
    assert client.put(f"{ROUTE}/empty").json()["bytes"] == 0
    assert files(folder) == ["empty"]


@pytest.mark.parametrize(
    "name",
    [
        "", ".", ".hidden", "..%2f..%2fetc", "%2e%2e", "%2fetc%2fpasswd", "a%2fb", "a%5cb", "..%5cb", "a%00b", "a%0ab",
        "x" * 201, "%e2%80%a6" * 67,
    ],
)  # fmt: skip
def test_a_name_that_is_none(client: TestClient, folder: Path, name: str) -> None:
    response = client.put(f"{ROUTE}/{name}", content=b"x")
    assert response.status_code in (404, 422)  # some of them are no path to begin with
    assert response.json()["detail"]
    assert not folder.exists()


@pytest.mark.parametrize("how", ["told", "not told", "form"])
def test_a_file_that_is_too_long_leaves_nothing(
    client: TestClient, folder: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(uploads, "LARGEST", 1000)
    if how == "form":
        response = client.put(f"{ROUTE}/big", files={"uploaded_file": b"x" * 1001})
    else:
        content = b"x" * 1001 if how == "told" else iter([b"x" * 600, b"x" * 401])
        response = client.put(f"{ROUTE}/big", content=content)
    assert response.status_code == 413
    assert response.json()["detail"] == "The file is longer than 1000 bytes."
    assert files(folder) == []
    assert client.put(f"{ROUTE}/fits", content=b"x" * 1000).status_code == 200


def test_a_disk_that_does_not_take_it(client: TestClient, folder: Path) -> None:
    folder.write_text("in the way")
    response = client.put(f"{ROUTE}/x", content=b"x")
    assert response.status_code == 507
    assert "cannot be kept" in response.json()["detail"]
