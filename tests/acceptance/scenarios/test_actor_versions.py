"""An actor over time: its former states, its class and its queue changed, its end."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from tests.acceptance.kit import Place, note, noted, tally, wait_for_file, wait_until


@workflow.virtual_actor
class Counter:
    """Counts up to a limit, when a file says one; waits where a file says so."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.n = 0

    def add(self, by: int = 1) -> int:
        folder = Path(self.folder)
        if (folder / "hold").exists():
            note(folder / "holding", str(by))
            wait_for_file(folder / "gate", 1000)
        if (folder / "limit").exists() and self.n + by > int((folder / "limit").read_text()):
            raise ValueError(f"{self.n} and {by} are too many")
        self.n += by
        return self.n

    def twice(self: Any, by: int) -> Any:
        self.n += by
        return self.add.step(by)

    @workflow.virtual_actor.readonly
    def get(self) -> int:
        return self.n


def counter(folder: Path) -> Any:
    return Counter.get_or_create("counter", str(folder))


# --- former states -------------------------------------------------------------------------------------------------


def test_history(place: Place, tmp_path: Path) -> None:
    """One entry for each state there was, in order, with the call that made it, and when."""
    actor = counter(tmp_path)
    for by in (1, 10):
        actor.add.options(name="add").run(by)
    actor.twice.options(name="twice").run(100)
    history = actor.history()
    versions = [entry.version for entry in history]
    assert versions == list(range(versions[0], versions[0] + 5))
    assert [entry.step for entry in history] == place.names("counter")
    assert [entry.step for entry in history][1:4] == ["add", "add_1", "twice"]
    times = [entry.at for entry in history]
    assert times == sorted(times)
    assert [actor.at(version).n for version in versions] == [0, 1, 11, 111, 211]


def test_history_holds_no_failed_call(place: Place, tmp_path: Path) -> None:
    """Only what was saved."""
    actor = counter(tmp_path)
    actor.add.run(1)
    (tmp_path / "limit").write_text("1")
    with pytest.raises(workflow.WorkflowExecutionError):
        actor.add.options(max_retries=1).run(5)
    actor.get.run()
    assert len(actor.history()) == 2
    (tmp_path / "limit").unlink()
    workflow.resume("counter").result(30)
    assert [actor.at(entry.version).n for entry in actor.history()] == [0, 1, 6]


def test_a_former_state_is_for_reading(place: Place, tmp_path: Path) -> None:
    """It is an object apart: what is done to it changes nothing; a version that there is not is an error."""
    actor = counter(tmp_path)
    actor.add.run(1)
    before = place.rows()
    last = actor.history()[-1].version
    former = actor.at(last)
    former.n = 100
    assert actor.at(last).n == 1
    assert actor.get.run() == 1
    with pytest.raises(ValueError, match=str(last + 1)):
        actor.at(last + 1)
    assert place.rows() == before


# --- another class -------------------------------------------------------------------------------------------------


def test_an_actor_that_is_there_already(place: Place, tmp_path: Path) -> None:
    """It keeps its state and its code, whatever arguments and class it is asked for with."""
    ledger = tmp_path / "ledger"

    def version(name: str) -> Any:
        @workflow.virtual_actor
        class Versioned:
            def __init__(self, n: int) -> None:
                note(ledger, "made")
                self.n = n

            def tell(self) -> tuple[str, int]:
                return name, self.n

            @workflow.virtual_actor.readonly
            def look(self) -> tuple[str, int]:
                return name, self.n

        return Versioned

    assert version("old").get_or_create("versioned", 1).tell.run() == ("old", 1)
    again = version("new").get_or_create("versioned", 2)
    assert again.tell.run() == ("old", 1)
    assert again.look.run() == ("old", 1)
    assert tally(ledger) == {"made": 1}


def test_migrate(place: Place, tmp_path: Path) -> None:
    """From then on the new class with what the function makes of the old state; former states stay as they were."""

    @workflow.virtual_actor
    class Ledger:
        def __init__(self) -> None:
            raise AssertionError("it is not made anew")

        def enter(self, amount: int) -> int:
            self.entries.append(amount)
            return sum(self.entries)

        @workflow.virtual_actor.readonly
        def read(self) -> list[int]:
            return self.entries

        def __getstate__(self) -> Any:
            return {"entries": self.entries}

        def __setstate__(self, state: Any) -> None:
            self.entries = list(state["entries"])

    actor = counter(tmp_path)
    assert actor.add.run(5) == 5
    old = actor.history()
    Ledger.migrate("counter", lambda state: {"entries": [state["n"]]})
    moved = workflow.get_actor("counter")
    assert moved.read.run() == [5]
    assert moved.enter.run(3) == 8
    assert moved.read.run() == [5, 3]
    with pytest.raises(AttributeError, match="No method with name 'add'"):
        moved.add.run(1)
    history = moved.history()
    assert [entry.version for entry in history[: len(old)]] == [entry.version for entry in old]
    assert len(history) == len(old) + 2
    assert moved.at(history[-1].version).entries == [5, 3]
    assert moved.at(old[-1].version).n == 5
    assert workflow.get_status("counter") is workflow.SUCCESSFUL


def test_a_migration_that_fails(place: Place, tmp_path: Path) -> None:
    """Its own error is the cause, and the actor is what it was; a failed migration is not in the way of calls."""
    actor = counter(tmp_path)
    actor.add.run(5)
    with pytest.raises(workflow.WorkflowExecutionError) as caught:
        Counter.migrate("counter", lambda state: state["there is no such field"])
    assert isinstance(caught.value.__cause__, KeyError)
    assert actor.get.run() == 5
    assert [entry.version for entry in actor.history()] == [1, 2]
    assert actor.add.run(1) == 6


def test_a_migration_takes_its_turn(place: Place, tmp_path: Path) -> None:
    """Calls before it are of the old class, and those behind it of the new one, whenever they were made."""

    @workflow.virtual_actor
    class Doubler:
        def add(self, by: int = 1) -> int:
            self.n += 2 * by
            return self.n

        @workflow.virtual_actor.readonly
        def get(self) -> int:
            return self.n

    actor = counter(tmp_path)
    actor.ready().result(30)
    (tmp_path / "hold").touch()
    before = actor.add.run_async(1)
    wait_for_file(tmp_path / "holding")
    with ThreadPoolExecutor(1) as pool:
        migrated = pool.submit(Doubler.migrate, "counter", lambda state: {"n": state["n"]})
        wait_until(lambda: "migrate" in place.names("counter"), "the migration")
        behind = actor.add.run_async(10)
        (tmp_path / "gate").touch()
        assert before.result(30) == 1
        migrated.result(30)
        assert behind.result(30) == 21
    assert actor.add.run(100) == 221
    assert [actor.at(entry.version).n for entry in actor.history()] == [0, 1, 1, 21, 221]


def test_a_migration_behind_another(place: Place, tmp_path: Path) -> None:
    """It is given the state of the class that the actor is of when its turn has come, not when it was asked for."""

    @workflow.virtual_actor
    class Text:
        def __getstate__(self) -> str:
            return self.text

        def __setstate__(self, state: str) -> None:
            self.text = state

    @workflow.virtual_actor
    class Kept:
        @workflow.virtual_actor.readonly
        def get(self) -> Any:
            return self.found

    actor = counter(tmp_path)
    actor.ready().result(30)
    (tmp_path / "hold").touch()
    before = actor.add.run_async(1)
    wait_for_file(tmp_path / "holding")
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(Text.migrate, "counter", lambda state: str(state["n"]))
        wait_until(lambda: "migrate" in place.names("counter"), "the first migration")
        second = pool.submit(Kept.migrate, "counter", lambda state: {"found": state})
        wait_until(lambda: "migrate_1" in place.names("counter"), "the second migration")
        (tmp_path / "gate").touch()
        for done in (before, first, second):
            done.result(30)
    assert actor.get.run() == "1"


# --- the queue -----------------------------------------------------------------------------------------------------


def test_skip(place: Place, tmp_path: Path) -> None:
    """A writer that will never succeed is passed over, and those behind it are done."""
    actor = counter(tmp_path)
    (tmp_path / "limit").write_text("10")
    once = actor.add.options(max_retries=1)
    assert once.options(name="first").run(1) == 1
    bad = once.options(name="bad").run_async(100)
    behind = once.options(name="behind").run_async(2)
    for reference in (bad, behind):
        with pytest.raises(workflow.WorkflowExecutionError, match="1 and 100 are too many"):
            reference.result(30)
    workflow.skip("counter", "bad")
    wait_until(lambda: actor.get.run() == 3, "the call behind")
    wait_until(lambda: workflow.get_status("counter") is workflow.SUCCESSFUL, "the end of the queue")
    assert once.run(4) == 7
    assert [actor.at(entry.version).n for entry in actor.history()] == [0, 1, 3, 7]


def test_skip_of_what_cannot_be_skipped(place: Place, tmp_path: Path) -> None:
    """Only a writer that has failed; nothing is written otherwise."""
    actor = counter(tmp_path)
    actor.add.options(name="good").run(1)
    before = place.rows()
    with pytest.raises(ValueError, match="No such step_id nobody"):
        workflow.skip("counter", "nobody")
    with pytest.raises(ValueError, match="nowhere"):
        workflow.skip("nowhere", "good")
    with pytest.raises(RuntimeError, match="good"):
        workflow.skip("counter", "good")
    assert place.rows() == before
    assert actor.add.run(1) == 2


def test_cancel_of_a_writer(place: Place, tmp_path: Path) -> None:
    """The last good state is what readers see; a resume does what was canceled and what was behind it."""
    actor = counter(tmp_path)
    actor.add.run(1)
    (tmp_path / "hold").touch()
    held, behind = actor.add.run_async(2), actor.add.run_async(3)
    wait_for_file(tmp_path / "holding")
    workflow.cancel("counter")
    for reference in (held, behind):
        with pytest.raises(workflow.WorkflowCancellationError):
            reference.result(30)
    assert workflow.get_status("counter") is workflow.CANCELED
    assert actor.get.run() == 1
    (tmp_path / "gate").touch()
    workflow.resume("counter").result(30)
    assert actor.get.run() == 6
    assert noted(tmp_path / "holding") == ["2", "2", "3"]
    assert workflow.get_status("counter") is workflow.SUCCESSFUL


# --- the end -------------------------------------------------------------------------------------------------------


def test_delete(place: Place, tmp_path: Path) -> None:
    """The handle says that its actor is gone; the id can be used again, with another class."""
    actor = counter(tmp_path)
    actor.add.run(1)
    add, get = actor.add, actor.get
    workflow.delete("counter")
    for call in (add.run, add.run_async, get.run, get.run_async, lambda: actor.add.run(1)):
        with pytest.raises(RuntimeError, match="Lost reference to actor"):
            call()
    with pytest.raises(workflow.WorkflowNotFoundError):
        workflow.get_status("counter")

    @workflow.virtual_actor
    class Other:
        def tell(self) -> str:
            return "other"

    assert Other.get_or_create("counter").tell.run() == "other"


def test_delete_of_an_actor_at_work(place: Place, tmp_path: Path) -> None:
    """It is refused."""
    actor = counter(tmp_path)
    actor.ready().result(30)
    (tmp_path / "hold").touch()
    reference = actor.add.run_async(1)
    wait_for_file(tmp_path / "holding")
    with pytest.raises(workflow.WorkflowRunningError, match="counter"):
        workflow.delete("counter")
    (tmp_path / "gate").touch()
    assert reference.result(30) == 1
