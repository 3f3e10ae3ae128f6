"""Files of an app's state."""

import os
from pathlib import Path

import pytest

from manyhands.app import checkpoints
from manyhands.app.checkpoints import Checkpointed
from tests.unit.app.doubles import EmptyFlow


@pytest.fixture(autouse=True)
def _shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path))


def versions(app: Checkpointed) -> list[str]:
    return sorted(path.name.split("_")[1] for path in Path(app.checkpoint_dir).iterdir())


def test_the_folder_is_looked_through_when_somebody_else_has_written_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[Path] = []
    files = checkpoints._files
    monkeypatch.setattr(checkpoints, "_files", lambda folder: (looks.append(folder), files(folder))[1])
    app = Checkpointed(EmptyFlow())
    for _ in range(3):
        app.dump_checkpoint()
    assert (versions(app), looks) == (["0", "1", "2"], [])
    (Path(app.checkpoint_dir) / "v_7_1.5.json").touch()
    os.utime(app.checkpoint_dir, (1, 1))  # another time, however coarse the clock of the file system
    app.dump_checkpoint()
    app.dump_checkpoint()
    assert versions(app) == ["0", "1", "2", "7", "8", "9"]
    assert len(looks) == 1


def test_a_full_disk_leaves_no_part_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str, encoding: str) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    app = Checkpointed(EmptyFlow())
    with pytest.raises(OSError, match="No space"):
        app.dump_checkpoint()
    assert versions(app) == []
