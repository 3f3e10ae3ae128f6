"""Addresses of stores."""

from pathlib import Path

import pytest

from manyhands.model.errors import StoreLocationError
from manyhands.stores.location import Location, default_url, parse_location


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////abs/store.db", "/abs/store.db"),
        ("SQLite:////abs/store.db", "/abs/store.db"),
        ("sqlite:////abs/../other/./x.db", "/other/x.db"),
        ("sqlite:////with space/ü%20?x=1.db", "/with space/ü%20?x=1.db"),
        ("sqlite://:memory:", None),
        ("sqlite:///:memory:", None),
    ],
)
def test_addresses(url: str, path: str | None) -> None:
    location = parse_location(url)
    assert location.path == path
    assert parse_location(location.url) == location


def test_three_slashes_are_relative(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_location("sqlite:///a/b.db").path == str(tmp_path / "a" / "b.db")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "no scheme"),
        ("store.db", "no scheme"),
        ("/abs/store.db", "no scheme"),
        ("s3://bucket/x", "scheme 's3' is not known"),
        ("postgresql://localhost/x", "SQLite only"),
        ("sqlite://store.db", "three slashes"),
        ("sqlite:///", "names no file"),
        ("sqlite:///folder/", "names no file"),
        ("sqlite:///a\0b", "NUL"),
    ],
)
def test_what_is_no_address(url: str, why: str) -> None:
    with pytest.raises(StoreLocationError, match=why) as caught:
        parse_location(url)
    assert "sqlite:///" in str(caught.value), "the text says what to give instead"


def test_what_is_beside_a_store() -> None:
    assert parse_location("sqlite:////a/store.db").beside("blobs") == "/a/blobs"
    assert parse_location("sqlite:////a/other.db").beside("blobs") == "/a/other.db-blobs"
    with pytest.raises(StoreLocationError):
        Location("sqlite://:memory:", None).beside("blobs")


def test_the_nearest_folder_upward_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert default_url() == f"sqlite:///{deep}/.manyhands/store.db"
    (tmp_path / ".manyhands").mkdir()
    assert default_url() == f"sqlite:///{tmp_path}/.manyhands/store.db"
    (tmp_path / "a" / ".manyhands").write_text("no folder")
    assert default_url() == f"sqlite:///{tmp_path}/.manyhands/store.db"
    (deep / ".manyhands").mkdir()
    assert default_url() == f"sqlite:///{deep}/.manyhands/store.db"
    assert list((deep / ".manyhands").iterdir()) == []


@pytest.mark.parametrize(
    ("given", "url"),
    [("sqlite:////x/y.db", "sqlite:////x/y.db"), ("/x/y.db", "sqlite:////x/y.db"), ("odd://x", "odd://x")],
)
def test_the_environment_says_otherwise(monkeypatch: pytest.MonkeyPatch, given: str, url: str) -> None:
    monkeypatch.setenv("MANYHANDS_STORE", given)
    assert default_url() == url
