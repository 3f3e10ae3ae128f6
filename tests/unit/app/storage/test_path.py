"""Paths that know which work made what lies there."""

import copy
import json
import pathlib
import pickle
import warnings
from typing import Any

import pytest

from manyhands.app.plain import from_plain, to_plain
from manyhands.app.storage import Path
from manyhands.app.storage.path import save_artifacts
from manyhands.app.work import Work
from manyhands.machine.fingerprint import fingerprint
from tests.unit.app.doubles import EmptyFlow, within


class Files(Work):
    """Has a path, and runs nothing."""

    def __init__(self, path: Any = None) -> None:
        super().__init__()
        self.path = path
        self.other: Any = None

    def run(self) -> None:
        pass


class Pair(EmptyFlow):
    def __init__(self, path: Any) -> None:
        super().__init__()
        self.a = Files(path)
        self.b = Files()


@pytest.fixture(autouse=True)
def folder(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    monkeypatch.setenv("STORAGE_ROOT_DIR", str(tmp_path / "storage"))
    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path / "shared"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def far(work: Work) -> Any:
    """The work as it is in its own process."""
    twin = pickle.loads(pickle.dumps(work))
    twin._enter_(json.loads(json.dumps(work._vars_())))
    return twin


def test_it_is_a_path_like_any_other(folder: pathlib.Path) -> None:
    path = Path(folder, "a", "b.txt")
    assert isinstance(path, pathlib.Path)
    assert path == folder / "a" / "b.txt"
    assert hash(path) == hash(folder / "a" / "b.txt")
    path.parent.mkdir()
    path.write_text("hello")
    assert (path.read_text(), path.exists(), path.exists_local(), path.is_file()) == ("hello", True, True, True)
    assert (path.name, path.suffix, str(path.with_suffix(".md"))) == ("b.txt", ".txt", str(folder / "a" / "b.md"))


def test_addresses_lie_in_the_storage(folder: pathlib.Path) -> None:
    assert Path("lit://a/b") == folder / "storage" / "a" / "b"
    assert Path("lit://a", "b") == folder / "storage" / "a" / "b"


@pytest.mark.parametrize(
    "derive",
    [
        lambda path: path / "x", lambda path: path.parent, lambda path: path.parents[0],
        lambda path: path.with_name("n"),
        lambda path: path.with_stem("s"), lambda path: path.with_suffix(".x"), lambda path: path.relative_to("a"),
        lambda path: path.absolute(), copy.copy, copy.deepcopy, lambda path: pickle.loads(pickle.dumps(path)),
        lambda path: Path.from_dict(json.loads(json.dumps(path.to_dict()))), lambda path: from_plain(to_plain(path)),
        lambda path: "root" / path,
    ],
)  # fmt: skip
def test_what_is_made_of_a_path_comes_from_the_same_work(derive: Any) -> None:
    path = Path("a/b.txt")
    path._attach("root.first")
    path._attach("root.second")
    made = derive(path)
    assert type(made) is Path
    assert (made.origin_name, made.consumer_name) == ("root.first", "root.second")


def test_a_path_of_a_path_comes_from_the_same_work() -> None:
    path = Path("a")
    path._attach("root.x")
    for made in (Path(path), Path(path, "b"), Path(path, Path("b"))):
        assert (made.origin_name, made.consumer_name) == ("root.x", "root.x")
    other = Path("b")
    other._attach("root.y")
    with pytest.raises(TypeError, match=r"root\.x, root\.y"):
        Path(path, other)


def test_a_file_can_be_opened_at_an_address(folder: pathlib.Path) -> None:
    with open(Path("lit://new.txt"), "w", encoding="utf-8") as file:
        file.write("hello")
    assert (folder / "storage" / "new.txt").read_text() == "hello"


def test_the_first_work_is_the_origin() -> None:
    path = Path("a")
    flow = Pair(path)
    assert (path.origin_name, path.consumer_name) == ("root.a", "root.a")
    flow.b.path = path
    assert (path.origin_name, path.consumer_name) == ("root.a", "root.b")
    assert flow.state["works"]["a"]["vars"]["_paths"]["path"]["path"] == "a"


def test_hash_and_fingerprint_tell_origins_apart() -> None:
    one, other, third = Path("a"), Path("a"), Path("a")
    assert one.hash is None
    one._attach("root.a")
    other._attach("root.b")
    third._attach("root.a")
    assert one.hash == third.hash != other.hash
    assert fingerprint(one) == fingerprint(third) != fingerprint(other)


def test_a_path_of_nobody_is_nowhere_else() -> None:
    path = Path("a")
    assert not path.exists()
    for use in (path.exists_remote, path.get):
        with pytest.raises(RuntimeError, match="work"):
            use()


def test_flows_fetch_nothing(folder: pathlib.Path) -> None:
    (folder / "a").write_text("1")
    flow = Pair(Path("a"))
    flow.a._save_artifacts_()
    with pytest.raises(RuntimeError, match=r"Pass it to the `run\(\)` of a work"):
        flow.a.path.get(overwrite=True)


def test_what_a_work_leaves_another_gets(folder: pathlib.Path) -> None:
    target = folder / "out"
    flow = Pair(Path(target))
    within(flow)
    target.mkdir()
    (target / "deep").mkdir()
    (target / "deep" / "file").write_text("made by a")
    far(flow.a)._save_artifacts_()
    assert flow.a.path.exists_remote()
    for file in (target / "deep" / "file",):
        file.unlink()
    (target / "deep").rmdir()
    target.rmdir()

    b = far(flow.b)
    (given,), named = b._arrive_((flow.a.path,), {"k": [flow.a.path]})
    assert (given / "deep" / "file").read_text() == "made by a"
    assert (given.origin_name, given.consumer_name) == ("root.a", "root.b")
    assert named["k"][0].consumer_name == "root.b"
    with pytest.raises(FileExistsError, match="overwrite=True"):
        given.get()
    (target / "deep" / "file").write_text("changed")
    (target / "extra").write_text("new")
    given.get(overwrite=True)
    assert (target / "deep" / "file").read_text() == "made by a"
    assert not (target / "extra").exists()


def test_a_path_attribute_is_fetched_before_run(folder: pathlib.Path) -> None:
    target = folder / "data"
    flow = Pair(Path(target))
    within(flow)
    target.write_text("1")
    flow.a._save_artifacts_()
    target.unlink()
    flow.b.path = flow.a.path
    assert far(flow.b).path.read_text() == "1"


def test_what_lies_here_is_not_fetched_over(folder: pathlib.Path) -> None:
    target = folder / "data"
    flow = Pair(Path(target))
    within(flow)
    target.write_text("old")
    flow.a._save_artifacts_()
    target.write_text("new")
    (given,), _ = far(flow.b)._arrive_((flow.a.path,), {})
    assert given.read_text() == "new"


def test_fetching_what_is_not_there() -> None:
    flow = Pair(Path("missing"))
    within(flow)
    (given,), _ = far(flow.b)._arrive_((flow.a.path,), {})
    assert not given.exists()
    with pytest.raises(FileNotFoundError, match=r"root\.a has not left it there yet"):
        given.get()


def test_missing_artifacts_are_told_of(folder: pathlib.Path) -> None:
    (folder / "there").write_text("1")
    flow = Pair(Path("there"))
    flow.a.other = Path("gone")
    with pytest.warns(UserWarning, match="1 artifacts could not be saved because they don't exist: gone"):
        flow.a._save_artifacts_()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_artifacts("root.b", [flow.a.path, flow.a.other])


def test_paths_made_in_the_works_process_reach_the_flow(folder: pathlib.Path) -> None:
    flow = Pair(None)
    within(flow)
    a = far(flow.a)
    a.path = Path("lit://result")
    assert a.path.origin_name == "root.a"
    flow.a.apply([[["vars", "path"], "set", json.loads(json.dumps(a._vars_()["path"]))]])
    assert isinstance(flow.a.path, Path)
    assert flow.a.path.origin_name == "root.a"
