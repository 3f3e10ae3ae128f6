"""So many workflows at once: those beyond wait in line, in the store, and are refused when that is full."""

import queue
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import manyhands
from manyhands import bootstrap, workflow
from manyhands.engine.context import client
from manyhands.model.errors import WaitTimeout
from tests.acceptance.kit import Place, note, noted, run_program, running, wait_for_file, wait_until

RUNNING, PENDING, SUCCESSFUL = workflow.RUNNING, workflow.PENDING, workflow.SUCCESSFUL

PROGRAM = """
import sys
from pathlib import Path

from manyhands import workflow
from tests.acceptance.kit import note, wait_for_file

folder = Path(sys.argv[1])


@workflow.step
def waits(name):
    note(folder / "began", name)
    wait_for_file(folder / "gate", 100)
    return name


workflow.init(max_running_workflows=2)
if sys.argv[2] == "start":
    for number in range(5):
        waits.step(f"w{number}").run_async(f"w{number}")
    note(folder / "all", "there")
    wait_for_file(folder / "never", 100)
else:
    resumed = workflow.resume_all()
    note(folder / "order", " ".join(name for name, _ in resumed))
    note(folder / "statuses", " ".join(str(workflow.get_status(name)) for name, _ in resumed))
    (folder / "gate").touch()
    for name, reference in resumed:
        assert reference.result(60) == name
"""


@workflow.step
def waits(folder: Path, name: str) -> str:
    note(folder / "began", name)
    wait_for_file(folder / name)
    return name


def start(place: Place, name: str) -> Any:
    return waits.step(place.folder, name).run_async(name)


def open_gate(place: Place, name: str) -> None:
    (place.folder / name).touch()


@pytest.fixture
def narrow(place: Place) -> Place:
    place.use(max_running_workflows=2, max_pending_workflows=2, processes=4)
    return place


@pytest.mark.parametrize(
    ("name", "lowest", "below"), [("max_running_workflows", 1, [0, -2]), ("max_pending_workflows", 0, [-2])]
)
def test_limits_are_whole_numbers(place: Place, name: str, lowest: int, below: list[int]) -> None:
    """Scenario 136."""
    bootstrap.current.close()
    for wrong in (1.7, "2", True):
        with pytest.raises(TypeError, match=name):
            workflow.init(place.url, **{name: wrong})
    for wrong in below:
        with pytest.raises(ValueError, match=f"{name} must be at least {lowest}, or -1"):
            workflow.init(place.url, **{name: wrong})
    workflow.init(place.url, **{name: 3})
    workflow.init(place.url, **{name: 3})
    workflow.init(place.url)
    for other in (4, -1):
        with pytest.raises(ValueError, match="cannot be changed"):
            workflow.init(place.url, **{name: other})


def test_none_may_wait(place: Place) -> None:
    """With 0 as the bound, what cannot begin at once is refused."""
    place.use(max_running_workflows=1, max_pending_workflows=0)
    start(place, "a")
    with pytest.raises(queue.Full, match="1 run and 0 wait"):
        start(place, "b")
    open_gate(place, "a")
    assert workflow.get_output("a").result(60) == "a"
    assert [workflow_id for workflow_id, _ in workflow.list_all()] == ["a"]


def test_limits_that_come_late(place: Place) -> None:
    assert workflow.list_all() == []
    with pytest.raises(ValueError, match="cannot be changed to 2"):
        workflow.init(place.url, max_running_workflows=2)
    bootstrap.current.close()
    workflow.init(place.url, max_running_workflows=-1)
    assert bootstrap.current.client().engine.store.url == place.url


def test_two_run_two_wait_and_the_fifth_is_refused(narrow: Place) -> None:
    """Scenario 137."""
    references = {name: start(narrow, name) for name in ("a", "b", "c", "d")}
    assert workflow.list_all() == [("a", RUNNING), ("b", RUNNING), ("c", PENDING), ("d", PENDING)]
    assert workflow.list_all("PENDING") == [("c", PENDING), ("d", PENDING)]
    with pytest.raises(queue.Full, match="Workflow queue has been full"):
        start(narrow, "e")
    with pytest.raises(ValueError, match="doesn't exist"):
        workflow.get_status("e")
    open_gate(narrow, "b")
    assert references["b"].result() == "b"
    wait_until(lambda: workflow.get_status("c") == RUNNING, "the turn of c")
    references["e"] = start(narrow, "e")
    assert workflow.get_status("e") == PENDING
    for name in "cade":
        open_gate(narrow, name)
    assert manyhands.get([references[name] for name in "abcde"]) == list("abcde")
    assert sorted(noted(narrow.folder / "began")) == list("abcde")
    # Bodies that are begun one right after the other may run in any order; the runs are begun in that of the line.
    times = [narrow.run(name).started_at or 0.0 for name in "abcde"]
    assert max(times[:2]) < times[2] <= times[3] <= times[4]


def test_one_that_waits_has_not_begun(narrow: Place) -> None:
    """Scenario 138."""
    for name in ("a", "b"):
        start(narrow, name)
    third = start(narrow, "c")
    assert workflow.get_status("c") == PENDING
    with pytest.raises(WaitTimeout):
        third.result(0.2)
    assert "c" not in noted(narrow.folder / "began")
    assert workflow.get_metadata("c")["stats"] == {}
    for name in "abc":
        open_gate(narrow, name)
    assert third.result() == "c"


def test_one_that_waits_can_be_canceled_and_deleted(narrow: Place) -> None:
    references = [start(narrow, name) for name in "abc"]
    workflow.cancel("c")
    assert workflow.get_status("c") == workflow.CANCELED
    with pytest.raises(workflow.WorkflowCancellationError):
        references[2].result()
    workflow.delete("c")
    for name in "ab":
        open_gate(narrow, name)
    assert manyhands.get(references[:2]) == ["a", "b"]
    last = start(narrow, "d")
    open_gate(narrow, "d")
    assert last.result() == "d"
    assert "c" not in noted(narrow.folder / "began")


def test_only_workflows_are_counted(narrow: Place) -> None:
    """Actors and plain calls go on beside those that run."""
    references = [start(narrow, name) for name in "abcd"]

    @workflow.virtual_actor
    class Counter:
        def __init__(self) -> None:
            self.n = 0

        def up(self) -> int:
            self.n += 1
            return self.n

    @workflow.step
    def one() -> int:
        return 1

    assert Counter.get_or_create("counter").up.run() == 1
    assert one.bind().execute().result() == 1
    for name in "abcd":
        open_gate(narrow, name)
    assert manyhands.get(references) == list("abcd")


def test_a_failed_one_makes_room(place: Place) -> None:
    place.use(max_running_workflows=1)

    @workflow.step(max_retries=1)
    def fails() -> None:
        raise ValueError("no")

    @workflow.step
    def one() -> int:
        return 1

    references = [step.step().run_async() for step in (fails, one, fails, one)]
    assert references[1].result() == references[3].result() == 1
    for reference in references[::2]:
        with pytest.raises(workflow.WorkflowExecutionError):
            reference.result()


def test_many_pass_through_a_narrow_line_at_once(place: Place) -> None:
    place.use(max_running_workflows=3)

    @workflow.step
    def number(value: int) -> int:
        return value

    references = [number.step(value).run_async() for value in range(60)]
    assert manyhands.get(references) == list(range(60))


def test_after_a_crash_running_ones_come_first(place: Place) -> None:
    """Scenario 139."""
    program = place.folder / "program.py"
    program.write_text(PROGRAM)
    with running(program, place.folder, "start", place=place) as process:
        wait_for_file(place.folder / "all")
        wait_until(lambda: len(noted(place.folder / "began")) == 2, "the start of two")
        process.kill()
        process.wait()
    statuses = dict(workflow.list_all())
    assert [statuses[f"w{number}"] for number in range(5)] == [workflow.RESUMABLE] * 2 + [PENDING] * 3
    run_program(program, place.folder, "resume", place=place)
    assert noted(place.folder / "order") == ["w0 w1 w2 w3 w4"]
    assert noted(place.folder / "statuses") == ["RUNNING RUNNING PENDING PENDING PENDING"]
    assert set(dict(workflow.list_all()).values()) == {SUCCESSFUL}
    times = [place.run(f"w{number}").started_at or 0.0 for number in range(5)]
    assert max(times[:2]) <= times[2] <= times[3] <= times[4]


def test_threads_that_start_at_once_keep_the_bounds(place: Place) -> None:
    place.use(max_running_workflows=1, max_pending_workflows=2)
    together = threading.Barrier(8)

    def begin(name: str) -> str:
        together.wait(60)
        try:
            start(place, name)
        except queue.Full:
            return "full"
        return name

    names = [f"w{number}" for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        begun = [name for name in threads.map(begin, names) if name != "full"]
    assert len(begun) == 3
    wait_until(lambda: Counter(status for _, status in workflow.list_all()) == {RUNNING: 1, PENDING: 2}, "the bounds")
    for name in begun:
        open_gate(place, name)
    assert [workflow.get_output(name).result(60) for name in begun] == begun


def test_a_start_that_fails_leaves_its_place_to_others(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.use(max_running_workflows=1, max_pending_workflows=1)

    def refuse(drive: object) -> None:
        raise OSError("no threads left")

    with monkeypatch.context() as broken:
        broken.setattr(client().engine, "submit", refuse)
        for name in "abc":
            with pytest.raises(OSError, match="no threads left"):
                start(place, name)
    open_gate(place, "later")
    assert start(place, "later").result(60) == "later"


def test_what_has_failed_or_was_canceled_waits_for_its_turn_again(place: Place) -> None:
    """Their resumes are counted like new runs; what waits again is to be gone on with, not over."""
    place.use(max_running_workflows=1)
    folder = place.folder

    @workflow.step(max_retries=1)
    def second_time(name: str) -> str:
        note(folder / "began", name)
        if noted(folder / "began").count(name) == 1:
            raise ValueError("the first time")
        wait_for_file(folder / name)
        return name

    failed = [f"f{number}" for number in range(3)]
    for name in failed:
        with pytest.raises(workflow.WorkflowExecutionError):
            second_time.step(name).run(name)
    canceled = start(place, "c")
    workflow.cancel("c")
    with pytest.raises(workflow.WorkflowCancellationError):
        canceled.result()
    resumed = {name: workflow.resume(name) for name in [*failed, "c"]}
    wait_until(lambda: noted(folder / "began").count("f0") == 2, "the first one's turn")
    statuses = Counter(workflow.get_status(name) for name in resumed)
    assert statuses[RUNNING] == 1
    assert statuses.keys() <= {RUNNING, PENDING, workflow.RESUMABLE}
    for name in resumed:
        open_gate(place, name)
    assert {name: reference.result(60) for name, reference in resumed.items()} == {name: name for name in resumed}


def test_one_that_is_canceled_leaves_the_line(narrow: Place) -> None:
    references = {name: start(narrow, name) for name in "abcd"}
    with pytest.raises(RuntimeError, match="cancel it first"):
        workflow.delete("c")
    workflow.cancel("c")
    workflow.cancel("d")
    references["e"] = start(narrow, "e")
    references["c"] = workflow.resume("c")
    with pytest.raises(queue.Full):
        start(narrow, "f")
    for name in "abce":
        open_gate(narrow, name)
    assert [references[name].result(60) for name in "abec"] == list("abec")
    assert workflow.get_status("d") == workflow.CANCELED
