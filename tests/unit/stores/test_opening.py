"""From what is given to an address."""

from pathlib import Path

import pytest

from manyhands.model.errors import StoreLocationError
from manyhands.stores.blobs import FolderBlobs
from manyhands.stores.opening import address, open_blobs
from manyhands.stores.remote_blobs import FsspecBlobs


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("sqlite:////x/y.db", "sqlite:////x/y.db"),
        ("sqlite://:memory:", "sqlite://:memory:"),
        ("/x/y", "sqlite:////x/y/store.db"),
        ("/x/y.db", "sqlite:////x/y.db"),
        ("file:///x/y", "sqlite:////x/y/store.db"),
        ("file:///x/y.db", "sqlite:////x/y.db"),
    ],
)
def test_addresses(given: str, url: str) -> None:
    assert address(given) == url


def test_nothing_is_the_default_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert address(None) == f"sqlite:///{tmp_path}/.manyhands/store.db"
    assert address("here") == f"sqlite:///{tmp_path}/here/store.db"


@pytest.mark.parametrize("given", ["", "s3://x", "C:\\x", "file://"])
def test_what_is_no_place(given: str) -> None:
    with pytest.raises(StoreLocationError):
        address(given)


def test_blobs_are_in_a_folder_or_at_a_url(tmp_path: Path) -> None:
    assert isinstance(open_blobs(str(tmp_path)), FolderBlobs)
    remote = open_blobs(f"file://{tmp_path}")
    assert isinstance(remote, FsspecBlobs)
    assert remote.get(remote.put(b"x")) == b"x"
