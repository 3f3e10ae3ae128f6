"""Starting: ids, storages, signatures, resources."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import manyhands
from manyhands import bootstrap, workflow
from tests.acceptance.kit import Place, note, noted, run_program, wait_for_file


@workflow.step
def add(left: int, right: int = 1) -> int:
    return left + right


def test_an_id_that_runs_is_refused(place: Place, tmp_path: Path) -> None:
    """Scenario 10: run and resume raise, and the result of the first still arrives."""
    gate = tmp_path / "gate"

    @workflow.step
    def wait() -> int:
        wait_for_file(gate)
        return 314

    reference = wait.step().run_async("busy")
    with pytest.raises(RuntimeError, match="busy"):
        wait.step().run("busy")
    with pytest.raises(RuntimeError, match="busy"):
        workflow.resume("busy")
    gate.touch()
    assert reference.result(30) == 314


@pytest.mark.parametrize("url", [r"c:\ray", "gopher://host/store", "sqlite://", "postgresql://host/db", "s3://bucket"])
def test_an_address_that_is_no_store(url: str) -> None:
    """Scenario 19: the text names the address and what to give instead."""
    bootstrap.current.close()
    with pytest.raises(ValueError, match="Invalid url") as caught:
        workflow.init(url)
    assert url in str(caught.value)
    assert isinstance(caught.value, manyhands.UsageError)
    assert "Give " in str(caught.value)


def test_init_again_with_another_storage(place: Place, tmp_path: Path) -> None:
    """Scenario 20; the same storage again is allowed."""
    assert add.step(1).run() == 2
    workflow.init(place.url)
    with pytest.raises(RuntimeError, match="again with a different storage"):
        workflow.init(f"sqlite:///{tmp_path}/other.db")


def test_another_process_may_use_another_storage(place: Place, tmp_path: Path) -> None:
    """Scenario 21: there is no manager to be shared, so two processes with two stores do not meet."""
    other = Place(tmp_path, "other.db")
    run_program("one_run.py", "theirs", place=other)
    add.step(1).run("ours")
    assert [run_id for run_id, _ in workflow.list_all()] == ["ours"]
    other.use()
    assert workflow.list_all() == [("theirs", workflow.SUCCESSFUL)]
    bootstrap.current.close()
    assert other.findings() == []


def test_a_step_of_two_cpus_has_the_pool_for_itself(place: Place, tmp_path: Path) -> None:
    """Scenario 22: while it runs nothing runs beside it."""
    ledger = tmp_path / "ledger"

    @workflow.step
    def work(name: str) -> str:
        note(ledger, f"+{name}")
        note(ledger, f"-{name}")
        return name

    @workflow.step
    def gather(*names: str) -> list[str]:
        return list(names)

    wide = work.options(num_cpus=2)
    calls = [(wide if number % 2 else work).step(("w" if number % 2 else "n") + str(number)) for number in range(20)]
    assert len(gather.step(*calls).run("wide")) == 20
    within: set[str] = set()
    for line in noted(ledger):
        if line[0] == "+":
            assert not any(name.startswith("w") for name in within), f"{line[1:]} ran beside {within}"
            assert not (line[1] == "w" and within), f"{line[1:]} ran beside {within}"
            within.add(line[1:])
        else:
            within.remove(line[1:])
    assert workflow.get_metadata("wide", name="all")
    assert place.task("wide", place.tasks("wide")[2].name).options["resources"] == {"num_cpus": 2}


def test_more_cpus_than_there_are(place: Place) -> None:
    """It could never run, so it is told before anything is written."""
    before = place.rows()
    with pytest.raises(manyhands.UsageError, match="processes=64"):
        add.options(num_cpus=64).step(1).run("too wide")
    assert place.rows() == before


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: add.step(1).run(), 2),
        (lambda: workflow.list_all(), []),
        (lambda: workflow.resume_all(), []),
    ],
)
def test_no_init_is_needed(call: Callable[[], Any], expected: Any) -> None:
    """Scenario 31: each works by itself, on the store of the working directory."""
    bootstrap.current.close()
    try:
        assert call() == expected
        assert Path(".manyhands/store.db").is_file()
    finally:
        bootstrap.current.close()


def test_cancel_without_init() -> None:
    """Scenario 31: it knows nobody of that id, and says so."""
    bootstrap.current.close()
    try:
        with pytest.raises(ValueError, match="No such workflow_id nobody"):
            workflow.cancel("nobody")
    finally:
        bootstrap.current.close()


def test_the_same_id_runs_its_body_once(place: Place, tmp_path: Path) -> None:
    """Scenario 32: and the run stays as it was."""
    ledger = tmp_path / "ledger"

    @workflow.step
    def once(value: int) -> int:
        note(ledger, "once")
        return value

    assert once.step(7).run("once") == 7
    before = workflow.get_metadata("once"), place.rows()
    assert once.step(7).run("once") == 7
    assert once.step(7).run_async("once").result() == 7
    assert workflow.resume("once").result() == 7
    assert (workflow.get_metadata("once"), place.rows()) == before
    assert noted(ledger) == ["once"]


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((), {}, "missing a required argument: 'left'"),
        ((1, 2, 3), {}, "too many positional arguments"),
        ((1,), {"middle": 2}, "unexpected keyword argument 'middle'"),
        ((1,), {"left": 2}, "multiple values for argument 'left'"),
    ],
)
def test_arguments_that_do_not_fit(args: tuple[int, ...], kwargs: dict[str, int], message: str) -> None:
    """Scenario 36: told when the step is called, not when it runs."""
    with pytest.raises(TypeError, match=message):
        add.step(*args, **kwargs)


def test_arguments_that_fit(place: Place) -> None:
    """Scenario 36: the four legal forms."""
    calls = [add.step(1), add.step(1, 1), add.step(1, right=1), add.step(left=1, right=1)]
    assert [call.run() for call in calls] == [2, 2, 2, 2]


def test_a_step_is_not_called_directly() -> None:
    """Scenario 36: the text says what to write instead."""
    with pytest.raises(TypeError, match=r"Instead of running 'add\(\)', try 'add.step\(\)'"):
        add(1, 2)


@pytest.mark.parametrize(
    "run_id", ["", "a/b c", "../../etc/passwd", "Ünïcode ☂", "line\nbreak", "x" * 2000, "'; drop table runs; --", "\0"]
)
def test_an_id_is_any_text(place: Place, run_id: str) -> None:
    """It is never used as a path, and every verb takes it."""
    files = {path.name for path in place.folder.rglob("*")}
    assert add.step(1, 2).run(run_id) == 3
    assert workflow.get_status(run_id) is workflow.SUCCESSFUL
    assert workflow.get_output(run_id).result() == 3
    assert workflow.get_metadata(run_id)["status"] == "SUCCESSFUL"
    assert workflow.list_all() == [(run_id, workflow.SUCCESSFUL)]
    workflow.delete(run_id)
    assert workflow.list_all() == []
    assert not [name for name in {path.name for path in place.folder.rglob("*")} - files if "passwd" in name]


def test_an_id_is_made_when_none_is_given(place: Place) -> None:
    """Each run its own."""
    for _ in range(3):
        add.step(1).run()
    assert len({run_id for run_id, _ in workflow.list_all()}) == 3


def test_options_are_merged(place: Place) -> None:
    """What `.options()` does not name stays as the decorator has it."""

    @workflow.step(name="base", metadata={"a": 1, "b": 1}, max_retries=5, num_cpus=1, checkpoint=True)
    def work() -> int:
        return 1

    changed = work.options(metadata={"b": 2, "c": 2}, catch_exceptions=True).options(num_gpus=0)
    assert changed.step().run("merged") == (1, None)
    shown = workflow.get_metadata("merged", name="base")
    assert shown["user_metadata"] == {"a": 1, "b": 2, "c": 2}
    assert shown["step_options"] == {
        "step_type": "FUNCTION",
        "max_retries": 5,
        "catch_exceptions": True,
        "allow_inplace": False,
        "checkpoint": True,
        "ray_options": {"num_cpus": 1, "num_gpus": 0},
    }
    assert work.step().run("unmerged") == 1
    assert workflow.get_metadata("unmerged", name="base")["user_metadata"] == {"a": 1, "b": 1}
