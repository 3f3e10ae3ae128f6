"""Scenarios of structures, payloads, paths and drives, in apps with real processes; each test names its numbers."""

from pathlib import Path as PlainPath

import pytest

from manyhands.app import App, Dict, Drive, List, Path, Payload, Work
from tests.acceptance.app.apps import Watched
from tests.acceptance.kit import Place


@pytest.fixture(autouse=True)
def here(tmp_path: PlainPath, monkeypatch: pytest.MonkeyPatch) -> PlainPath:
    """The folder that the works share, with what they leave."""
    monkeypatch.setenv("STORAGE_ROOT_DIR", str(tmp_path / "storage"))
    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path / "shared"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


class Echoes(Work):
    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.got: object = None

    def run(self, value: object) -> None:
        self.got = value


class Grows(Watched):
    """Makes its works in `run`."""

    def __init__(self) -> None:
        super().__init__()
        self.named = Dict()
        self.listed = List()

    def run(self) -> None:
        self.check_time()
        for name in ("one", "two"):
            if name not in self.named:
                self.named[name] = Echoes(parallel=True)
                self.listed.append(Echoes(parallel=True))
        for name, work in self.named.items():
            work.run(name)
        for place, work in enumerate(self.listed):
            work.run(place)
        if all(work.has_succeeded for work in self.works()):
            self.stop()


def test_74_works_that_are_added_in_run_have_processes(place: Place) -> None:
    app = App(Grows())
    app.run()
    assert {name: work.got for name, work in app.named_works} == {
        "root.named.one": "one",
        "root.named.two": "two",
        "root.listed.0": 0,
        "root.listed.1": 1,
    }


class Makes(Work):
    def __init__(self) -> None:
        super().__init__()
        self.made: Payload | None = None

    def run(self) -> None:
        self.made = Payload({"weights": (1.5, {2, 3}), "name": "made"})


class Reads(Work):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.read = ""

    def run(self, made: Payload) -> None:
        self.read = repr((made.value["weights"][1], made.origin_name, made.consumer_name))


class HandsOn(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.maker = Makes()
        self.readers = Dict(a=Reads(), b=Reads())

    def run(self) -> None:
        self.check_time()
        self.maker.run()
        for reader in self.readers.values():
            reader.run(self.maker.made)
        if all(reader.has_succeeded for reader in self.readers.values()):
            self.stop()


def test_77_an_object_goes_from_one_work_to_two(place: Place) -> None:
    flow = HandsOn()
    App(flow).run()
    assert [work.read for work in flow.readers.values()] == [
        "({2, 3}, 'root.maker', 'root.readers.a')",
        "({2, 3}, 'root.maker', 'root.readers.b')",
    ]


class Writes(Work):
    def __init__(self) -> None:
        super().__init__()
        self.path = Path("lit://made/file.txt")
        self.missing = Path("lit://never-made")

    def run(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text("from the writer")


class ReadsFile(Work):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.origin = ""

    def run(self, path: Path) -> None:
        self.text = path.read_text()
        self.origin = path.origin_name


class PassesFile(Watched):
    """Takes the file away between the one who wrote it and the one who reads it, as on another machine."""

    def __init__(self) -> None:
        super().__init__()
        self.writer = Writes()
        self.reader = ReadsFile()
        self._taken = False

    def run(self) -> None:
        self.check_time()
        self.writer.run()
        if not self._taken:
            PlainPath(self.writer.path).unlink()
            self._taken = True
        self.reader.run(self.writer.path)
        self.stop()


def test_79_80_a_file_follows_its_path_and_what_is_missing_is_warned_of(
    place: Place, here: PlainPath, capfd: pytest.CaptureFixture[str]
) -> None:
    flow = PassesFile()
    App(flow).run()
    assert (flow.reader.text, flow.reader.origin) == ("from the writer", "root.writer")
    left = sorted(path.name for path in (here / "shared" / "artifacts" / "root.writer").rglob("*") if path.is_file())
    assert left == ["file.txt"]
    said = capfd.readouterr().err
    assert "1 artifacts could not be saved because they don't exist" in said
    assert "never-made" in said


class Puts(Work):
    def __init__(self, drive: Drive, text: str) -> None:
        super().__init__()
        self.drive = drive
        self.text = text

    def run(self) -> None:
        PlainPath("note.txt").write_text(self.text)
        self.drive.put("note.txt")
        PlainPath("note.txt").unlink()


class Gets(Work):
    def __init__(self, drive: Drive) -> None:
        super().__init__()
        self.drive = drive
        self.found: list[str] = []

    def run(self) -> None:
        for component in ("root.one", "root.two"):
            self.drive.get("note.txt", component_name=component, overwrite=True)
            self.found.append(PlainPath("note.txt").read_text())
        self.found.append(str(self.drive.list(".", component_name="root.two")))


class Shares(Watched):
    def __init__(self) -> None:
        super().__init__()
        drive = Drive("lit://notes", allow_duplicates=True)
        self.one, self.two, self.reader = Puts(drive, "first"), Puts(drive, "second"), Gets(drive)

    def run(self) -> None:
        self.check_time()
        self.one.run()
        self.two.run()
        self.reader.run()
        self.stop()


def test_81_works_share_files_by_a_drive(place: Place) -> None:
    flow = Shares()
    App(flow).run()
    assert flow.reader.found == ["first", "second", "['note.txt']"]
    assert [work.drive.component_name for work in (flow.one, flow.two, flow.reader)] == [
        "root.one",
        "root.two",
        "root.reader",
    ]
