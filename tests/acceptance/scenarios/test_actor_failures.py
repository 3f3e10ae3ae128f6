"""Calls of actors that fail in ways that are not an exception of theirs, and the calls that come behind them."""

import os
from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from manyhands.model.errors import OptionError, OutputNotReady, RunNotFound, WorkerLost
from tests.acceptance.kit import Place, note, noted, running, wait_for_file, wait_until

NO_TEXT = "\ud800"
"""What no store can hold."""


@workflow.step(max_retries=1)
def broken() -> None:
    raise LookupError("on purpose")


@workflow.virtual_actor
class Fragile:
    def __init__(self) -> None:
        self.n = 0

    @workflow.virtual_actor.readonly
    def get(self) -> int:
        return self.n

    def die(self, folder: str) -> int:
        self.n += 1
        if not Path(folder, "mended").exists():
            note(f"{folder}/died", "died")
            os._exit(7)
        return self.n

    def add(self) -> int:
        self.n += 1
        return self.n

    def put(self, n: int) -> None:
        self.n = n

    def fail(self) -> None:
        raise LookupError("on purpose")

    def buy(self: Any) -> Any:
        self.n += 1
        return self.bought.step(broken.step())

    def bought(self, _found: None) -> None:
        self.n += 1

    def listen(self, key: str) -> Any:
        return workflow.wait_for_event(workflow.SignalListener, key)


@pytest.fixture
def fragile(place: Place) -> Any:
    made = Fragile.get_or_create("fragile")
    made.ready().result(30)
    return made


# --- workers that are lost -----------------------------------------------------------------------------------------


def test_a_call_behind_one_whose_worker_dies(fragile: Any, tmp_path: Path) -> None:
    """It raises the same error once that one has been tried again; it keeps its place, and is done when it can be."""
    for call, deaths in ((lambda: fragile.die.run_async(str(tmp_path)), 3), (fragile.add.run_async, 6)):
        reference = call()
        with pytest.raises(workflow.WorkflowExecutionError, match="die") as raised:
            reference.result(30)
        assert isinstance(raised.value.__cause__, WorkerLost)
        assert reference.done()
        assert len(noted(tmp_path / "died")) == deaths
        assert workflow.get_status("fragile") is workflow.RESUMABLE
    (tmp_path / "mended").touch()
    assert fragile.add.run() == 3
    assert reference.result(0) == 2


def test_a_call_left_for_another_process_whose_workers_die(place: Place, fragile: Any, tmp_path: Path) -> None:
    """What was tried in vain over there is not tried on and on over here."""
    script = tmp_path / "caller.py"
    script.write_text(
        "import sys\n"
        "from manyhands import workflow\n"
        "actor = workflow.get_actor('fragile')\n"
        "listening = actor.listen.run_async('go')\n"
        "dying = actor.die.run_async(sys.argv[1])\n"
        "open(sys.argv[1] + '/queued', 'w').close()\n"
        "try:\n"
        "    dying.result(60)\n"
        "except workflow.WorkflowExecutionError:\n"
        "    print('it died')\n",
        encoding="utf-8",
    )
    with running(script, tmp_path, place=place) as driver:
        wait_for_file(tmp_path / "queued")
        behind = fragile.add.run_async()
        workflow.send("fragile", "go", None)
        with pytest.raises(workflow.WorkflowExecutionError, match="die"):
            behind.result(60)
        assert driver.wait(60) == 0
    assert len(noted(tmp_path / "died")) == 3


def test_a_call_whose_outcome_cannot_be_stored(fragile: Any) -> None:
    with pytest.raises(OptionError, match="cannot be stored"):
        fragile.listen.run_async(NO_TEXT).result(30)
    assert workflow.get_status("fragile") is workflow.RESUMABLE


# --- calls that are passed over ------------------------------------------------------------------------------------


def is_at_rest() -> bool:
    return workflow.get_status("fragile") is workflow.SUCCESSFUL


def test_passing_over_a_call_that_had_returned_a_step(place: Place, fragile: Any) -> None:
    """What it had saved by then does not count, and it has no result."""
    assert fragile.add.run() == 1
    bought, behind = fragile.buy.options(name="buy").run_async(), fragile.add.run_async()
    for reference, words in ((bought, "on purpose"), (behind, "runs skip fragile buy")):
        with pytest.raises(workflow.WorkflowExecutionError, match=words):
            reference.result(30)
    assert fragile.get.run() == 2
    workflow.skip("fragile", next(name for name in place.names("fragile") if name.endswith("broken")))
    assert behind.result(30) == 2
    wait_until(is_at_rest, "the end of the queue")
    assert [fragile.at(entry.version).n for entry in fragile.history()] == [0, 1, 2, 1, 2]
    assert fragile.history()[3].step == "buy"
    with pytest.raises(OutputNotReady, match="passed over"):
        bought.result(0)
    assert place.findings() == []


def test_passing_over_a_call_whose_argument_has_failed(place: Place, fragile: Any) -> None:
    """Whichever of the two is named; what has failed is not caught by the call, which was never made."""
    put = fragile.put.options(name="put", catch_exceptions=True)
    for named in ("put", "broken"):
        reference = put.run_async(broken.options(name="broken").step())
        with pytest.raises(workflow.WorkflowExecutionError, match=r"runs skip fragile put"):
            reference.result(30)
        workflow.skip("fragile", next(name for name in reversed(place.names("fragile")) if named in name))
        wait_until(is_at_rest, "the end of the queue")
        assert fragile.get.run() == 0


def test_a_call_behind_a_constructor_that_fails(place: Place) -> None:
    """The advice is none that would be refused."""

    @workflow.virtual_actor
    class Stillborn:
        def __init__(self) -> None:
            raise LookupError("stillborn")

        def add(self) -> None:
            pass

    with pytest.raises(workflow.WorkflowExecutionError, match="mend the cause and resume 'stillborn'") as raised:
        Stillborn.get_or_create("stillborn").add.run_async().result(30)
    assert "skip" not in str(raised.value)


# --- an actor that is another now ----------------------------------------------------------------------------------


def test_a_reference_to_a_call_of_an_actor_that_was_deleted(fragile: Any) -> None:
    """Another actor that has its id is not the one that was called."""
    reference = fragile.fail.options(max_retries=1).run_async()
    with pytest.raises(workflow.WorkflowExecutionError):
        reference.result(30)
    workflow.delete("fragile")
    assert Fragile.get_or_create("fragile").add.run() == 1
    with pytest.raises(RunNotFound):
        reference.result(0)
