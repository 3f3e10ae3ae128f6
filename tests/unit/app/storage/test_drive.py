"""Folders that works share by name."""

import copy
import json
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from manyhands.app.plain import from_plain, to_plain
from manyhands.app.storage import Drive
from manyhands.app.work import Work
from manyhands.machine.fingerprint import fingerprint
from tests.unit.app.doubles import EmptyFlow, Holding, within


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path / "shared"))
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def drive_of(component: str, **options: Any) -> Drive:
    """A drive whose files lie in a folder named like the work."""
    return Drive("lit://x", component_name=component, root_folder=component, **options)


def test_what_is_put_can_be_listed_and_got(folder: Path) -> None:
    a, b = drive_of("a"), drive_of("b")
    assert a.list() == b.list() == []
    (folder / "a" / "deep").mkdir()
    (folder / "a" / "deep" / "file").write_text("1")
    (folder / "a" / "top").write_text("2")
    a.put("deep/file")
    a.put("top")
    assert a.list() == b.list() == ["deep", "top"]
    assert b.list("deep") == ["deep/file"]
    assert b.list("top") == ["top"]
    assert (b.list(component_name="a"), b.list(component_name="b")) == (["deep", "top"], [])
    b.get("deep/file")
    b.get("top")
    assert (folder / "b" / "deep" / "file").read_text() == "1"
    assert (folder / "b" / "top").read_text() == "2"


def test_a_folder_goes_as_a_whole(folder: Path) -> None:
    a, b = drive_of("a"), drive_of("b")
    (folder / "a" / "deep").mkdir()
    (folder / "a" / "deep" / "file").write_text("1")
    a.put("deep")
    b.get("deep")
    assert (folder / "b" / "deep" / "file").read_text() == "1"
    a.delete("deep")
    assert b.list() == []


def test_the_newest_is_got(folder: Path) -> None:
    a, b = drive_of("a"), drive_of("b")
    (folder / "a" / "f").write_text("1")
    a.put("f")
    b.get("f")
    (folder / "a" / "f").write_text("2")
    a.put("f")
    b.get("f")
    assert (folder / "b" / "f").read_text() == "2"


def test_a_folder_is_replaced_only_when_told(folder: Path) -> None:
    a, b = drive_of("a"), drive_of("b")
    (folder / "a" / "d").mkdir()
    (folder / "a" / "d" / "f").write_text("1")
    a.put("d")
    b.get("d")
    (folder / "b" / "d" / "old").write_text("old")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        b.get("d")
    b.get("d", overwrite=True)
    assert [file.name for file in (folder / "b" / "d").iterdir()] == ["f"]


def test_one_name_belongs_to_one_work_unless_told_otherwise(folder: Path) -> None:
    for name in "ab":
        (folder / name / "f").write_text(name)
    drive_of("a").put("f")
    with pytest.raises(OSError, match="exists already"):
        drive_of("b").put("f")
    drive_of("b", allow_duplicates=True).put("f")
    (folder / "c").mkdir()
    c = drive_of("c")
    assert c.list() == ["f"]
    with pytest.raises(RuntimeError, match="several matching files created by multiples components"):
        c.get("f")
    c.get("f", component_name="b")
    assert (folder / "c" / "f").read_text() == "b"


def test_a_work_deletes_its_own_alone(folder: Path) -> None:
    a, b = drive_of("a"), drive_of("b")
    (folder / "a" / "f").write_text("1")
    a.put("f")
    with pytest.raises(RuntimeError, match="belongs to a"):
        b.delete("f")
    a.delete("f")
    for drive in (a, b):
        with pytest.raises(FileNotFoundError, match="so it cannot be deleted"):
            drive.delete("f")


def test_what_is_missing() -> None:
    a = drive_of("a")
    with pytest.raises(FileNotFoundError, match="does not exist, so it cannot be put"):
        a.put("f")
    with pytest.raises(FileNotFoundError, match="is not in lit://x"):
        a.get("f")
    with pytest.raises(TimeoutError, match=r"has not come into lit://x within 0.01 seconds"):
        a.get("f", timeout=0.01)


def test_a_file_is_waited_for(folder: Path) -> None:
    a, b = drive_of("a"), drive_of("b")
    (folder / "a" / "f").write_text("1")
    waiting = threading.Thread(target=b.get, args=("f",), kwargs={"timeout": 60})
    waiting.start()
    a.put("f")
    waiting.join(60)
    assert (folder / "b" / "f").read_text() == "1"


@pytest.mark.parametrize("path", ["/etc/passwd", "../f", "x/../../f"])
def test_paths_stay_within_the_drive(path: str) -> None:
    a = drive_of("a")
    for use in (a.put, a.get, a.list, a.delete):
        with pytest.raises(ValueError, match="leads out of the drive"):
            use(path)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("x", "Unknown protocol"), ("s3://x", "Unknown protocol"), ("lit://", "has no name"),
        ("lit://a/b", "should be unique"), ("lit://..", "should be unique"), (None, "Unknown protocol"),
    ],
)  # fmt: skip
def test_addresses_that_are_none(address: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Drive(address)


def test_the_folder_of_files_must_be_there() -> None:
    with pytest.raises(ValueError, match="isn't a directory"):
        Drive("lit://x", root_folder="missing")


def test_nobody_puts_files_into_a_drive_of_nobody(folder: Path) -> None:
    drive = Drive("lit://x")
    (folder / "f").write_text("1")
    for use in (drive.put, drive.delete):
        with pytest.raises(RuntimeError, match="component name needs to be known"):
            use("f")
    assert drive.list() == []


class Driving(Work):
    def __init__(self) -> None:
        super().__init__()
        self.drive = Drive("lit://x")

    def run(self) -> None:
        pass


class Parent(EmptyFlow):
    def __init__(self) -> None:
        super().__init__()
        self.drive = Drive("lit://x")
        self.work = Driving()


def test_each_component_has_a_drive_of_its_own() -> None:
    flow = Parent()
    assert flow.work.drive.component_name == "root.work"
    assert flow.drive.component_name == "root"
    shared = Drive("lit://y")
    flow.work.drive = shared
    assert flow.work.drive is not shared
    assert shared.component_name is None
    flow.drive = flow.work.drive
    assert (flow.drive.component_name, flow.work.drive.component_name) == ("root", "root.work")


def test_flows_have_drives_but_do_not_use_them() -> None:
    flow = Parent()
    for use in (flow.drive.put, flow.drive.get, flow.drive.list, flow.drive.delete):
        with pytest.raises(RuntimeError, match="The flow isn't allowed to"):
            use("f")


def test_an_argument_belongs_to_the_work_that_gets_it(folder: Path) -> None:
    flow = Holding()
    within(flow)
    drive = Parent().drive
    work = pickle.loads(pickle.dumps(flow.work))
    work._enter_(flow.work._vars_())
    (given,), _ = work._arrive_((drive,), {})
    (folder / "f").write_text("1")
    given.put("f")
    assert given.component_name == "root.work"
    assert given.list() == ["f"]


@pytest.mark.parametrize(
    "again",
    [
        copy.copy,
        copy.deepcopy,
        lambda drive: pickle.loads(pickle.dumps(drive)),
        lambda drive: from_plain(json.loads(json.dumps(to_plain(drive)))),
    ],
)
def test_a_drive_comes_back(again: Any) -> None:
    drive = drive_of("a", allow_duplicates=True)
    twin = again(drive)
    assert twin == drive
    assert hash(twin) == hash(drive)
    assert fingerprint(twin) == fingerprint(drive)
    assert str(twin) == "lit://x"
    assert twin != Drive("lit://x")
