"""A process whose disk fills up, or turns read-only, under its store: `cramped WAY FOLDER`.

All but `limit` want a file system of their own at FOLDER, that may be filled and mounted again.
"""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable

from manyhands.model.errors import StoreUnavailable
from manyhands.stores.sqlite import SqliteStore
from manyhands.testing.store_kit import begin, done, everything, start, value

Write = Callable[[SqliteStore, int], None]
LARGE = 30000
LIMIT = 300_000


def write_row(store: SqliteStore, number: int) -> None:
    begin(store, 1, f"run {number}", moves=[start(0), done(0, result=value(b"x" * LARGE))])


def write_blob(store: SqliteStore, number: int) -> None:
    store.blobs.put(b"%d" % number + b"x" * LARGE)


def write_until_refused(store: SqliteStore, write: Write, first: int) -> str:
    """Returns what the refusal said; nothing of the refused write may be left."""
    for number in range(first, first + 10000):
        before = everything(store), store.blobs.totals()
        try:
            write(store, number)
        except StoreUnavailable as error:
            assert (everything(store), store.blobs.totals()) == before
            return str(error)
    raise AssertionError("there was always room")


def leave_no_room(folder: str) -> None:
    with open(os.path.join(folder, "filler"), "wb", buffering=0) as filler:
        try:
            while filler.write(b"x" * 512):
                pass
        except OSError:
            return


def full(folder: str, write: Write) -> None:
    store = SqliteStore(f"sqlite:///{folder}/store.db")
    store.open()
    with open(os.path.join(folder, "ballast"), "wb") as ballast:
        ballast.write(b"x" * 400_000)
    said = write_until_refused(store, write, 0)
    assert "room" in said, said
    assert store.check() == []
    os.unlink(os.path.join(folder, "ballast"))
    write(store, 15000)
    assert store.check() == []
    store.close()


def full_of_rows(folder: str) -> None:
    full(folder, write_row)


def full_of_blobs(folder: str) -> None:
    full(folder, write_blob)


def full_from_the_start(folder: str) -> None:
    leave_no_room(folder)
    store = SqliteStore(f"sqlite:///{folder}/new/store.db")
    try:
        store.open()
    except StoreUnavailable as error:
        assert "room" in str(error).lower(), error
    else:
        raise AssertionError("a store was made out of nothing")
    os.unlink(os.path.join(folder, "filler"))
    store.open()
    write_row(store, 1)
    assert store.check() == []
    store.close()


def limit(folder: str) -> None:
    """No file may grow beyond a limit: what a quota does."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    store = SqliteStore(f"sqlite:///{folder}/store.db")
    store.open()
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, hard))
    said = write_until_refused(store, write_row, 0)
    assert "room" in said or "space" in said, said
    try:
        store.blobs.put(b"x" * LIMIT * 2)
    except StoreUnavailable:
        assert store.blobs.totals() == (0, 0)
    else:
        raise AssertionError("a blob larger than any file")
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    write_row(store, 15000)
    store.blobs.put(b"x" * LIMIT * 2)
    assert store.check() == []
    store.close()


def remount(folder: str, how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def readonly(folder: str) -> None:
    url = f"sqlite:///{folder}/store.db"
    store = SqliteStore(url)
    store.open()
    write_row(store, 0)
    store.close()
    remount(folder, "ro")
    try:
        SqliteStore(url).open()
    except StoreUnavailable as error:
        assert "read-only" in str(error), error
    else:
        raise AssertionError("a store that cannot be written was opened")
    remount(folder, "rw")
    store.open()
    assert len(store.runs()) == 1
    write_row(store, 1)
    assert store.check() == []
    store.close()


if __name__ == "__main__":
    ways = {way.__name__: way for way in (full_of_rows, full_of_blobs, full_from_the_start, limit, readonly)}
    ways[sys.argv[1]](sys.argv[2])
    sys.stdout.write("all is well\n")
