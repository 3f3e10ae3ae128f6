"""Blobs, wherever they are kept."""

import itertools
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from manyhands.model.errors import StoreCorrupt, StoreUnavailable
from manyhands.stores.blobs import FolderBlobs, KeptBlobs, MemoryBlobs, content_hash
from manyhands.stores.remote_blobs import FsspecBlobs
from manyhands.stores.sqlite import SqliteStore

NUMBERS = itertools.count()
FAR = 1e11


@pytest.fixture(params=["folder", "folder, synced", "memory", "fsspec file", "fsspec memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeptBlobs]:
    match request.param:
        case "folder":
            yield FolderBlobs(str(tmp_path / "blobs"))
        case "folder, synced":
            yield FolderBlobs(str(tmp_path / "blobs"), sync=True)
        case "memory":
            yield MemoryBlobs()
        case "fsspec file":
            yield FsspecBlobs(f"file://{tmp_path}/blobs")
        case _:
            root = f"memory://blobs{next(NUMBERS)}"
            yield FsspecBlobs(root)
            fsspec.filesystem("memory").rm(root, recursive=True)


@pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 5000])
def test_what_is_put_can_be_got(blobs: KeptBlobs, data: bytes) -> None:
    name = blobs.put(data)
    assert name == content_hash(data)
    assert blobs.put(data) == name
    assert blobs.has(name)
    assert blobs.get(name) == data
    assert blobs.totals() == (1, len(data))
    assert list(blobs.flaws([name])) == []


def test_what_is_not_there(blobs: KeptBlobs) -> None:
    blobs.put(b"x")
    missing = "0" * 32
    assert not blobs.has(missing)
    with pytest.raises(StoreCorrupt, match=missing):
        blobs.get(missing)
    [flaw] = blobs.flaws([missing])
    assert missing in flaw


def test_what_nobody_uses_goes_when_it_is_old(blobs: KeptBlobs) -> None:
    used, unused = blobs.put(b"used"), blobs.put(b"unused")
    assert blobs.remove_unused({used}, 1000.0) == 0
    assert blobs.remove_unused({used}, FAR) == 1
    assert (blobs.has(used), blobs.has(unused)) == (True, False)
    blobs.touch([used, unused])
    assert blobs.get(used) == b"used"
    assert not blobs.has(unused)


def test_a_put_makes_young() -> None:
    now = [10.0]
    blobs = MemoryBlobs(lambda: now[0])
    blobs.put(b"x")
    now[0] = 50.0
    blobs.put(b"x")
    assert blobs.remove_unused((), 50.0) == 0
    now[0] = 60.0
    blobs.touch([content_hash(b"x")])
    assert blobs.remove_unused((), 60.0) == 0
    assert blobs.remove_unused((), 61.0) == 1


def aged(blobs: FolderBlobs, name: str) -> None:
    os.utime(blobs.path(name), (1.0, 1.0))


def test_in_a_folder_a_put_and_a_touch_make_young(tmp_path: Path) -> None:
    for makes_young in (lambda blobs: blobs.put(b"x"), lambda blobs: blobs.touch([content_hash(b"x")])):
        blobs = FolderBlobs(str(tmp_path))
        aged(blobs, blobs.put(b"x"))
        makes_young(blobs)
        assert blobs.remove_unused((), 1000.0) == 0
        aged(blobs, content_hash(b"x"))
        assert blobs.remove_unused((), 1000.0) == 1


def test_a_folder_spreads_its_files(tmp_path: Path) -> None:
    name = FolderBlobs(str(tmp_path)).put(b"x")
    assert (tmp_path / name[:2] / name[2:4] / name).read_bytes() == b"x"


def test_a_torn_file_is_written_again(tmp_path: Path) -> None:
    blobs = FolderBlobs(str(tmp_path))
    name = blobs.put(b"whole")
    Path(blobs.path(name)).write_bytes(b"who")
    with pytest.raises(StoreCorrupt, match="does not match its hash"):
        blobs.get(name)
    blobs.put(b"whole")
    assert blobs.get(name) == b"whole"


def test_what_a_killed_writer_left_goes_when_it_is_old(tmp_path: Path) -> None:
    blobs = FolderBlobs(str(tmp_path))
    name = blobs.put(b"x")
    left = Path(blobs.path(name) + ".123-4-5.new")
    left.write_bytes(b"half")
    assert blobs.totals() == (1, 1)
    assert blobs.remove_unused({name}, 1000.0) == 0
    assert left.exists()
    blobs.remove_unused({name}, FAR)
    assert not left.exists()


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_room)
    with pytest.raises(StoreUnavailable, match=r"No space left on device\. Make room"):
        FolderBlobs(str(tmp_path), sync=True).put(b"x")
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []


def test_a_synced_blob_is_on_the_disk_before_put_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    real = os.fsync

    def note(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    FolderBlobs(str(tmp_path / "blobs"), sync=True).put(b"x")
    assert synced[0] is False
    assert synced[1:] == [True] * 4, "both folders, their top, and the folder that holds it"
    synced.clear()
    FolderBlobs(str(tmp_path / "other")).put(b"x")
    assert synced == []


def test_many_writers_of_the_same_bytes(tmp_path: Path) -> None:
    blobs = FolderBlobs(str(tmp_path))
    large = b"x" * 300_000
    names: list[str] = []
    threads = [threading.Thread(target=lambda: names.append(blobs.put(large))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == [content_hash(large)] * 8
    assert blobs.get(names[0]) == large
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == names[:1]


def test_a_store_may_keep_its_blobs_elsewhere(tmp_path: Path) -> None:
    store = SqliteStore(f"sqlite:///{tmp_path}/store.db", blobs=FsspecBlobs(f"file://{tmp_path}/far"))
    store.open()
    name = store.blobs.put(b"x" * 100_000)
    assert store.counts().blob_bytes == 100_000
    assert (tmp_path / "far" / name[:2] / name[2:4] / name).is_file()
    assert store.prune(0.0, FAR)["blobs"] == 1
    store.close()


def test_an_unknown_place_is_a_clear_error() -> None:
    with pytest.raises(StoreUnavailable, match="nowhere"):
        FsspecBlobs("nowhere://x").put(b"x")
