"""Engines are woken across processes, and nothing is left behind."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from manyhands.model.errors import StoreLocationError
from manyhands.ports.store import Wakeable
from manyhands.stores.location import short_folder
from manyhands.stores.wake import PipeWake, SocketWake, open_wake

URL = "sqlite:////a/store.db"


@pytest.fixture(autouse=True)
def runtime_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def wakes() -> Iterator[dict[str, SocketWake | PipeWake]]:
    made = {name: open_wake(URL, name) for name in ("one", "two")}
    for wake in made.values():
        wake.fileno()
    yield made
    for wake in made.values():
        wake.close()


def is_woken(wake: Wakeable) -> bool:
    return bool(select.select([wake], [], [], 0)[0])


def test_whoever_is_named_is_woken(wakes: dict[str, SocketWake]) -> None:
    sender = open_wake(URL)
    sender.wake(["one", "nobody"])
    assert (is_woken(wakes["one"]), is_woken(wakes["two"])) == (True, False)
    wakes["one"].drain()
    assert not is_woken(wakes["one"])
    sender.wake()
    assert (is_woken(wakes["one"]), is_woken(wakes["two"])) == (True, True)
    sender.close()


def test_another_store_is_not_woken(wakes: dict[str, SocketWake]) -> None:
    sender = open_wake("sqlite:////another/store.db")
    sender.wake()
    assert not is_woken(wakes["one"])
    sender.close()


def test_one_that_does_not_look_is_no_hindrance(wakes: dict[str, SocketWake]) -> None:
    sender = open_wake(URL)
    for _ in range(5000):
        sender.wake(["one"])
    assert is_woken(wakes["one"])
    wakes["one"].drain()
    assert not is_woken(wakes["one"])
    sender.close()


def test_it_goes_from_process_to_process(wakes: dict[str, SocketWake]) -> None:
    script = f"from manyhands.stores.wake import open_wake; open_wake({URL!r}).wake()"
    subprocess.run([sys.executable, "-c", script], check=True)
    assert is_woken(wakes["one"])


def test_what_a_killed_engine_left_is_removed() -> None:
    script = f"from manyhands.stores.wake import open_wake; import os; open_wake({URL!r}, 'dead').fileno(); os._exit(9)"
    subprocess.run([sys.executable, "-c", script], check=False)
    sender = SocketWake("/a/store.db")
    left = Path(sender.address("dead"))
    assert left.exists()
    sender.wake()
    assert not left.exists()
    sender.close()


def test_an_engine_listens_again_under_its_name(wakes: dict[str, SocketWake]) -> None:
    address = Path(wakes["one"].address("one"))
    wakes["one"].close()
    assert not address.exists()
    again = open_wake(URL, "one")
    again.fileno()
    wakes["two"].wake(["one"])
    assert is_woken(again)
    again.close()


def test_engines_that_come_and_go_leave_nothing(runtime_folder: Path) -> None:
    """The last one takes the folder away, though another may be about to use it."""

    def come_and_go(name: str) -> int:
        heard = 0
        for _ in range(300):
            wake = open_wake(URL, name)
            wake.fileno()
            wake.wake([name])
            heard += is_woken(wake)
            wake.close()
        return heard

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(come_and_go, ["one", "two", "three", "four"])) == [300] * 4
    assert os.listdir(short_folder()) == []


def test_nothing_is_made_by_who_only_wakes(runtime_folder: Path) -> None:
    sender = open_wake("sqlite:////quiet/store.db")
    sender.wake()
    sender.drain()
    sender.close()
    sender.close()
    assert list(runtime_folder.rglob("*.sock")) == []


def test_addresses_are_short_and_of_this_user_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 90)))
    monkeypatch.setenv("TMPDIR", str(tmp_path / ("y" * 90)))
    address = SocketWake("/" + "long/" * 100 + "store.db").address("engine " * 50)
    assert len(address) < 100
    assert os.stat(short_folder()).st_mode & 0o077 == 0


def test_a_folder_of_somebody_else_is_not_used(monkeypatch: pytest.MonkeyPatch, runtime_folder: Path) -> None:
    elsewhere = runtime_folder / "elsewhere"
    elsewhere.mkdir()
    (runtime_folder / f"manyhands-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(StoreLocationError, match="XDG_RUNTIME_DIR"):
        short_folder()


def test_a_store_in_memory_wakes_itself() -> None:
    wake = open_wake("sqlite://:memory:", "one")
    assert not is_woken(wake)
    for _ in range(100_000):
        wake.wake(["anybody"])
    assert is_woken(wake)
    wake.drain()
    assert not is_woken(wake)
    wake.close()
    wake.close()
    wake.wake()
