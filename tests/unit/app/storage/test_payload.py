"""Objects that one work makes and others read."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from manyhands.app.plain import from_plain, to_plain
from manyhands.app.storage import Payload
from manyhands.app.structures import Dict
from manyhands.app.work import Work
from manyhands.model.errors import FingerprintError
from tests.unit.app.doubles import EmptyFlow, changes, latest_key, within


class Thing:
    """No JSON could say it."""

    def __init__(self, value: int) -> None:
        self.value = value


class Maker(Work):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.made: Any = None

    def run(self) -> None:
        self.made = Payload(Thing(5))


class Reader(Work):
    def __init__(self) -> None:
        super().__init__(parallel=True)
        self.sum = 0

    def run(self, payload: Payload, more: int) -> None:
        self.sum = payload.value.value + more


class Sending(EmptyFlow):
    def __init__(self) -> None:
        super().__init__()
        self.maker = Maker()
        self.readers = Dict(a=Reader(), b=Reader())


@pytest.fixture(autouse=True)
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path))
    return tmp_path


def far(work: Work) -> Any:
    """The work as it is in its own process."""
    twin = pickle.loads(pickle.dumps(work))
    twin._enter_(json.loads(json.dumps(work._vars_())))
    return twin


def made(flow: Sending) -> Payload:
    """Have the maker run, and its flow hear of it."""
    maker = far(flow.maker)
    maker._body_()
    flow.maker.apply([[["vars", "made"], "set", json.loads(json.dumps(maker._vars_()["made"]))]])
    payload = flow.maker.made
    assert isinstance(payload, Payload)
    return payload


def test_a_payload_goes_from_one_work_to_two() -> None:
    flow = Sending()
    desk = within(flow)
    payload = made(flow)
    assert (payload.name, payload.origin_name) == ("made", "root.maker")
    assert changes(flow) == {}
    for number, reader in enumerate(flow.readers.values()):
        reader.run(payload, number)
        *_, args, kwargs = desk.asked[-1]
        twin = far(reader)
        args, kwargs = twin._arrive_(*pickle.loads(pickle.dumps((args, kwargs))))
        twin._body_(*args, **kwargs)
        assert twin.sum == 5 + number
        assert args[0].consumer_name == reader.name
    assert latest_key(desk) in flow.readers["b"]._calls


def test_flows_do_not_read_payloads() -> None:
    payload = made(Sending())
    for read in (payload.get, lambda: payload.value):
        with pytest.raises(RuntimeError, match="can be read only by a work"):
            read()


def test_equal_payloads_make_the_same_call() -> None:
    flow = Sending()
    desk = within(flow)
    flow.readers["a"].run(made(flow), 1)
    flow.readers["a"].run(made(flow), 1)
    assert len(desk.asked) == 1


def test_a_payload_that_nobody_has_made_is_no_argument() -> None:
    flow = Sending()
    within(flow)
    with pytest.raises(FingerprintError, match="has not been assigned to an attribute of a work"):
        flow.readers["a"].run(Payload(1), 1)


def test_the_object_is_kept_once(shared: Path) -> None:
    flow = Sending()
    within(flow)
    payload = made(flow)
    made(flow)
    (file,) = (shared / "payloads").iterdir()
    assert file.name == payload.hash
    assert payload.exists_remote()


def test_files_of_others_are_not_read(shared: Path) -> None:
    flow = Sending()
    within(flow)
    payload = made(flow)
    payload._given_to("root.readers.a")
    file = shared / "payloads" / str(payload.hash)
    file.write_bytes(pickle.dumps("other"))
    with pytest.raises(FileNotFoundError, match=r"is not what root\.maker has written"):
        payload.get()
    file.unlink()
    with pytest.raises(FileNotFoundError, match="is gone"):
        payload.get()
    with pytest.raises(ValueError, match="no digest"):
        Payload.from_dict({"name": "x", "origin_name": "y", "hash": "../../secret"})


@pytest.mark.parametrize(
    "again", [copy.deepcopy, lambda p: pickle.loads(pickle.dumps(p)), lambda p: from_plain(to_plain(p))]
)
def test_a_payload_travels_without_its_object(again: Any) -> None:
    payload = made(Sending())
    twin = again(payload)
    assert twin.to_dict() == payload.to_dict()
    assert "Thing" not in json.dumps(to_plain(payload))


def test_before_it_is_assigned_it_is_just_its_object() -> None:
    payload = Payload([1])
    assert payload.value == [1]
    assert (payload.hash, payload.name, payload.origin_name, payload.exists_remote()) == (None, "", "", False)
    assert pickle.loads(pickle.dumps(payload)).value == [1]


def test_a_full_disk_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        path.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path))
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        Payload(1)._save("root.work", "data")
    assert list((tmp_path / "payloads").iterdir()) == []
