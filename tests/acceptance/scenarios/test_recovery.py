"""Recovery: steps that take their process down, drivers that are gone, runs taken up again."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

import manyhands
from manyhands import workflow
from manyhands.engine.context import client
from manyhands.model.errors import StoreUnavailable, WorkerLost
from tests.acceptance.kit import Place, note, noted, run_program, running, tally, wait_for_file, wait_until


@workflow.step
def append(text: str, more: str) -> str:
    return f"{text}[{more}]"


def deadly(cured: Path) -> workflow.StepFunction:
    """A step that kills its own process until it is cured."""

    @workflow.step(name="deadly")
    def foo(text: str) -> str:
        if not cured.exists():
            os.kill(os.getpid(), signal.SIGKILL)
        return f"foo({text})"

    return foo


def test_a_step_that_kills_its_process(place: Place, tmp_path: Path) -> None:
    """Scenario 64: the run raises and is resumable, a resume gives the result; a second one reads it from the store
    though the step would die again."""
    cured = tmp_path / "cured"
    built = append.step(deadly(cured).step(append.step("x", "one")), "two")
    with pytest.raises(workflow.WorkflowExecutionError) as caught:
        built.run("deadly")
    assert isinstance(caught.value.__cause__, WorkerLost)
    assert "SIGKILL" in str(caught.value.__cause__)
    assert workflow.get_status("deadly") is workflow.RESUMABLE
    assert workflow.get_metadata("deadly")["status"] == "RESUMABLE"
    assert workflow.list_all("RESUMABLE") == [("deadly", workflow.RESUMABLE)]
    assert len(place.attempts("deadly", "deadly")) == 3
    cured.touch()
    assert manyhands.get(workflow.resume("deadly")) == "foo(x[one])[two]"
    cured.unlink()
    assert manyhands.get(workflow.resume("deadly")) == "foo(x[one])[two]"
    assert workflow.get_status("deadly") is workflow.SUCCESSFUL


def test_a_branch_that_kills_its_process(place: Place, tmp_path: Path) -> None:
    """Scenario 65: in a fork and join, what is done is kept."""
    cured, ledger = tmp_path / "cured", tmp_path / "ledger"

    @workflow.step
    def source(name: str) -> str:
        note(ledger, name)
        return name

    @workflow.step
    def join(left: str, right: str) -> str:
        return f"{left}+{right}"

    root = source.step("root")
    built = join.step(deadly(cured).step(root), append.step(root, "right"))
    with pytest.raises(workflow.WorkflowExecutionError):
        built.run("forked")
    assert workflow.get_status("forked") is workflow.RESUMABLE
    cured.touch()
    assert workflow.resume("forked").result() == "foo(root)+root[right]"
    assert tally(ledger) == {"root": 1}


def test_resume_of_an_unknown_id_leaves_no_trace(place: Place) -> None:
    """Scenario 66."""
    before = place.rows()
    with pytest.raises(ValueError, match="No such workflow_id ghost"):
        workflow.resume("ghost")
    assert workflow.list_all() == []
    assert place.rows() == before


def test_everything_killed_in_the_middle_of_a_recursion(place: Place, tmp_path: Path) -> None:
    """Scenario 67: another process takes the run up at the level where it was, to the same result."""
    ledger, held = tmp_path / "ledger", tmp_path / "held"
    with running("recursion.py", "run", ledger, held, place=place) as driver:
        wait_for_file(held)
        assert workflow.get_status("recursion") is workflow.RUNNING
        driver.kill()
        driver.wait()
    assert workflow.get_status("recursion") is workflow.RESUMABLE
    done = noted(ledger)
    assert workflow.resume("recursion").result() == 20
    assert sorted(map(int, set(noted(ledger)))) == list(range(21))
    assert {level for level, times in tally(ledger).items() if times > 1} <= {done[-1]}


def test_resume_all_finds_the_one_run_whose_driver_is_gone(place: Place, tmp_path: Path) -> None:
    """Scenario 68: exactly one pair, of id and reference."""
    ledger, held = tmp_path / "ledger", tmp_path / "held"
    append.step("done", "before").run("finished")
    with running("recursion.py", "run", ledger, held, place=place) as driver:
        wait_for_file(held)
        assert workflow.resume_all() == []
        driver.kill()
        driver.wait()
    ((run_id, reference),) = workflow.resume_all()
    assert run_id == "recursion"
    assert manyhands.get(reference) == 20
    assert workflow.resume_all() == []


def test_a_hundred_levels_are_one_hop(place: Place) -> None:
    """Scenario 69: the entry step points to the step that holds the value, however deep it is."""

    @workflow.step(allow_inplace=True)
    def down(level: int) -> Any:
        return level if level == 0 else down.step(level - 1)

    assert down.step(100).run("deep") == 0
    tasks = place.tasks("deep")
    assert len(tasks) == 101
    assert {task.source for task in tasks[:-1]} == {100}
    assert tasks[100].source is None
    assert [task.saved for task in tasks] == [False] * 100 + [True]


def test_a_resume_in_a_store_given_at_init(place: Place, tmp_path: Path) -> None:
    """Scenario 70: the run of one process is resumed by another, in a store that both were told."""
    ledger, held = tmp_path / "ledger", tmp_path / "held"
    with running("recursion.py", "run", ledger, held, place=place) as driver:
        wait_for_file(held)
        driver.kill()
    assert "20" in run_program("recursion.py", "resume", ledger, held, place=place)
    assert workflow.get_output("recursion").result() == 20


def test_a_resume_uses_the_code_that_was_stored(place: Place, tmp_path: Path) -> None:
    """The definition in today's file does not matter to a run that was begun with yesterday's."""
    module = tmp_path / "steps_of_yesterday.py"
    cured = tmp_path / "cured"
    text = (
        "from pathlib import Path\n"
        "from manyhands import workflow\n"
        "def fragile():\n"
        f"    if not Path({str(cured)!r}).exists():\n"
        "        raise ValueError('not yet')\n"
        "    return VERSION\n"
        "if __name__ == '__main__':\n"
        "    import sys, steps_of_yesterday\n"
        "    step = workflow.step(max_retries=1)(steps_of_yesterday.fragile)\n"
        "    try:\n"
        "        result = step.step().run('old') if sys.argv[1] == 'run' else workflow.resume('old').result()\n"
        "        sys.stdout.write(f'result: {result}')\n"
        "    except workflow.WorkflowExecutionError:\n"
        "        sys.stdout.write('failed')\n"
    )
    module.write_text(text.replace("VERSION", "'yesterday'"), encoding="utf-8")
    assert "failed" in run_program(module, "run", place=place)
    module.write_text(text.replace("VERSION", "'today' + str(1)"), encoding="utf-8")
    cured.touch()
    assert "result: yesterday" in run_program(module, "resume", place=place)


def test_a_driver_that_ends_in_good_order(place: Place, tmp_path: Path) -> None:
    """Scenario 72: a detached run goes on in the engine service when the script that started it has ended."""
    gate, ledger = tmp_path / "gate", tmp_path / "ledger"
    with running("serve.py", place=place):
        run_program("detached.py", "exit", gate, ledger, place=place)
        wait_for_file(ledger)
        assert workflow.get_status("detached") is workflow.RUNNING
        gate.touch()
        assert workflow.get_output("detached").result(30) == 20
    assert noted(ledger) == ["began"]


def test_a_driver_that_is_killed(place: Place, tmp_path: Path) -> None:
    """Scenario 73: the same when it is killed right after it has handed its run over."""
    gate, ledger = tmp_path / "gate", tmp_path / "ledger"
    with running("serve.py", place=place):
        run_program("detached.py", "kill", gate, ledger, place=place, expect=-signal.SIGKILL)
        wait_for_file(ledger)
        gate.touch()
        assert workflow.get_output("detached").result(30) == 20
    assert noted(ledger) == ["began"]


def test_a_detached_run_waits_for_an_engine(place: Place, tmp_path: Path) -> None:
    """It is pending, durable, and begins when an engine comes; it may also be resumed by hand."""
    gate, ledger = tmp_path / "gate", tmp_path / "ledger"
    gate.touch()
    run_program("detached.py", "exit", gate, ledger, place=place)
    assert workflow.get_status("detached") is workflow.PENDING
    assert noted(ledger) == []
    with running("serve.py", place=place):
        wait_until(lambda: workflow.get_status("detached") is workflow.SUCCESSFUL, "the end of the run")
    run_program("detached.py", "exit", gate, ledger, place=place)
    assert noted(ledger) == ["began"]


def test_a_run_that_cannot_be_loaded_now_can_be_taken_up_by_others(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lease is given back, whatever fails after it was taken."""
    cured = tmp_path / "cured"
    with pytest.raises(workflow.WorkflowExecutionError):
        deadly(cured).step("x").run("unlucky")
    cured.touch()
    store = client().engine.store

    def unavailable(*_: object, **__: object) -> Any:
        raise StoreUnavailable("here", "it is just being moved")

    with monkeypatch.context() as broken:
        broken.setattr(store, "calls", unavailable)
        with pytest.raises(StoreUnavailable):
            workflow.resume("unlucky")
    record = store.run("unlucky")
    assert record is not None
    assert record.engine is None
    assert workflow.get_status("unlucky") is workflow.RESUMABLE
    assert manyhands.get(workflow.resume("unlucky")) == "foo(x)"
