"""A disk that is full or read-only is a clear error, costs nothing that was written, and can be mended."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from manyhands.model.errors import StoreUnavailable
from manyhands.stores.sqlite import SqliteStore
from manyhands.testing.store_kit import begin, done, everything, start, value, write

ROOT = Path(__file__).resolve().parents[2]
MOUNT = 'mount -t tmpfs -o size=3m tmpfs "$0" && exec "$@"'
NOBODY = 65534


def in_small_disk(folder: Path, *command: str) -> list[str]:
    return ["unshare", "--mount", *([] if os.getuid() == 0 else ["-r"]), "sh", "-c", MOUNT, str(folder), *command]


def can_mount() -> bool:
    """Whether this system lets us have a disk of our own; where it does not, the limit on file sizes stands for it."""
    if shutil.which("unshare") is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        return subprocess.run(in_small_disk(Path(folder), "true"), capture_output=True, check=False).returncode == 0


WAYS = ["limit", "full_of_rows", "full_of_blobs", "full_from_the_start", "readonly"] if can_mount() else ["limit"]


@pytest.mark.parametrize("way", WAYS)
def test_a_store_whose_disk_fails_it(tmp_path: Path, way: str) -> None:
    command = [sys.executable, "-m", "tests.chaos.cramped", way, str(tmp_path)]
    if way != "limit":
        command = in_small_disk(tmp_path, *command)
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert (ran.stdout, ran.stderr) == ("all is well\n", "")


def test_a_full_disk_in_the_middle_of_a_batch(tmp_path: Path) -> None:
    """SQLite says that there is no room for another page, at any page of a large commit."""
    store = SqliteStore(f"sqlite:///{tmp_path}/store.db")
    store.open()
    key = begin(store, 200, moves=[start(n) for n in range(200)])
    before = everything(store)
    connection = store._database._connection
    assert connection is not None
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    for more in range(0, 40, 3):
        connection.execute(f"PRAGMA max_page_count = {pages + more}")
        with pytest.raises(StoreUnavailable, match="the disk is full"):
            finish_all(store, key)
        assert everything(store) == before
    connection.execute("PRAGMA max_page_count = 1000000")
    finish_all(store, key)
    assert store.check() == []
    store.close()


def finish_all(store: SqliteStore, key: int) -> None:
    write(store, key, *(done(n, result=value(b"x" * 2000)) for n in range(200)))


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user can reach."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    subprocess.run(["chmod", "-R", "u+w", str(folder)], check=True)
    shutil.rmtree(folder)


def said_to_somebody_else(url: str) -> str:
    """What opening the store says to a user who may not write there. Root may write anywhere, so a child does it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        said = "nothing"
        try:
            if os.getuid() == 0:
                os.setuid(NOBODY)
            SqliteStore(url).open()
        except StoreUnavailable as error:
            said = str(error)
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


@pytest.mark.parametrize("there", [True, False], ids=["a store is there", "none is there"])
def test_a_folder_that_may_not_be_written(open_folder: Path, there: bool) -> None:
    url = f"sqlite:///{open_folder}/store.db"
    if there:
        store = SqliteStore(url)
        store.open()
        begin(store)
        store.close()
    open_folder.chmod(0o555)
    for file in open_folder.glob("store.db*"):
        file.chmod(0o444)
    said = said_to_somebody_else(url)
    assert url in said
    assert "Permission denied" in said
    assert "writable" in said


def test_a_file_that_turns_read_only_under_the_store(tmp_path: Path) -> None:
    store = SqliteStore(f"sqlite:///{tmp_path}/store.db")
    store.open()
    key = begin(store)
    before = everything(store)
    connection = store._database._connection
    assert isinstance(connection, sqlite3.Connection)
    connection.execute("PRAGMA query_only = 1")
    with pytest.raises(StoreUnavailable, match="it is read-only"):
        write(store, key, start(0))
    assert everything(store) == before
    connection.execute("PRAGMA query_only = 0")
    write(store, key, start(0))
    store.close()
