"""The socket at which works find the loop of their app."""

import os
from pathlib import Path

import pytest

from manyhands.app.channel import ChannelBlocked, Exchange, Line


def greet(work: str, pid: int) -> None:
    """Nobody is told anything here."""


def test_only_its_owner_may_enter_the_folder_of_the_socket(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    os.chmod(tmp_path / "open", 0o755)
    with pytest.raises(Exception, match="open to others"):
        Exchange(str(tmp_path / "open" / "flow"), greet)


def test_who_was_succeeded_leaves_the_socket_of_its_successor(tmp_path: Path) -> None:
    address = str(tmp_path / "own" / "flow")
    older, newer = Exchange(address, greet), Exchange(address, greet)
    older.close()
    line = Line(address, "root.work")
    line.close()
    newer.close()
    assert not os.path.lexists(address)
    newer.ring()  # a run may have news to the last


def test_who_cannot_listen_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir(mode=0o755)
    os.chmod(tmp_path / "own", 0o755)
    before = os.listdir("/dev/fd")
    for _ in range(3):
        with pytest.raises(ChannelBlocked):
            Exchange(str(tmp_path / "own" / "flow"), greet)
    assert len(os.listdir("/dev/fd")) <= len(before)
