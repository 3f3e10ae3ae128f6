"""Event listeners: they wait beside each other at no worker's cost, and no event is lost or taken twice."""

import asyncio
import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from manyhands import bootstrap, workflow
from manyhands.engine.running import TaskContext, current_task
from manyhands.model.errors import ExecutionError, OptionError
from manyhands.model.states import AttemptStatus
from manyhands.workflow.events import EventListener, ListenerIncomplete, NotAListener, listening
from tests.acceptance.kit import PATIENCE, Place, note, noted, run_program, running, wait_for_file, wait_until
from tests.acceptance.programs.listener import file_is_there

LISTENER = "listener.py"


class FileListener(EventListener):
    """The event is that a file is there; what is returned is what the caller wanted to have returned."""

    async def poll_for_event(self, path: str, event: Any = None) -> Any:
        note(f"{path}.waits", "waits")
        await file_is_there(path)
        return event


class NotedListener(FileListener):
    """Keeps a ledger of what is called."""

    async def poll_for_event(self, path: str, event: Any = None) -> Any:
        note(f"{path}.ledger", "poll")
        return [path, await super().poll_for_event(path, event)]

    async def event_checkpointed(self, event: Any) -> None:
        note(f"{event[0]}.ledger", f"checkpointed {event[1]}")


def here() -> TaskContext:
    context = current_task.get()
    assert context is not None
    return context


@workflow.step
def gather(*values: Any) -> Any:
    return values


@workflow.step
def make(path: str) -> None:
    Path(path).touch()


@workflow.step
def make_when_awaited(path: str) -> None:
    wait_for_file(f"{path}.waits")
    Path(path).touch()


@workflow.step
def hold(ledger: str, gate: str) -> None:
    note(ledger, "holds")
    wait_for_file(gate)


# --- the scenarios of the face ----------------------------------------------------------------------------------------


def test_two_listeners_poll_at_once(place: Place, tmp_path: Path) -> None:
    """104. Neither event comes before both are waited for."""

    @workflow.step
    def join(left: str, right: str) -> str:
        return f"{left} {right}"

    paths = [tmp_path / "one", tmp_path / "two"]
    reference = join.step(
        listening(FileListener, [str(paths[0]), "event1"]),
        listening(FileListener, [str(paths[1])], {"event": "event2"}),
    ).run_async("two")
    for path in paths:
        wait_for_file(f"{path}.waits")
    for path in reversed(paths):
        path.touch()
    assert reference.result(PATIENCE) == "event1 event2"
    assert place.names("two")[1:] == ["workflow.wait_for_event", "workflow.wait_for_event_1"]
    assert place.task("two", "workflow.wait_for_event").options["executor"] == "async"


def test_another_argument_triggers_the_event(place: Place, tmp_path: Path) -> None:
    """105. It runs while the event is waited for."""
    path = str(tmp_path / "event")
    assert gather.step(listening(FileListener, [path]), make_when_awaited.step(path)).run("trigger") == (None, None)


def test_the_event_comes_while_the_other_argument_runs(place: Place, tmp_path: Path) -> None:
    """106."""
    path, ledger, gate = (str(tmp_path / name) for name in ("event", "ledger", "gate"))
    reference = gather.step(hold.step(ledger, gate), listening(FileListener, [path])).run_async("early")
    wait_for_file(ledger)
    Path(path).touch()
    event = workflow.get_output("early", name="workflow.wait_for_event")
    assert event.result(PATIENCE) is None
    assert not reference.done()
    Path(gate).touch()
    assert reference.result(PATIENCE) == (None, None)


@pytest.mark.parametrize("times", [1, 4])
def test_the_driver_is_killed_while_it_polls(place: Place, tmp_path: Path, times: int) -> None:
    """107. The event is polled for again, however often that happens; once it is saved, never."""
    ledger, event, commit = tmp_path / "ledger", tmp_path / "event", tmp_path / "commit"
    for number in range(times):
        what = "resume" if number else "run"
        with running(LISTENER, what, ledger, event, commit, place=place) as driver:
            wait_until(lambda number=number: len(noted(ledger)) == number + 1, "the poll")
            driver.send_signal(signal.SIGKILL)
            driver.wait()
    assert workflow.get_status("listening") is workflow.RESUMABLE
    event.touch()
    commit.touch()
    assert run_program(LISTENER, "resume", ledger, event, commit, place=place) == "2\n"
    assert noted(ledger) == ["poll begins"] * (times + 1) + ["poll ends", "commit begins", "commit ends"]
    assert run_program(LISTENER, "resume", ledger, event, commit, place=place) == "2\n"
    assert noted(ledger).count("poll begins") == times + 1
    *lost, last = [attempt.end.status for attempt in place.attempts("listening", "workflow.wait_for_event")]
    assert (lost, last) == ([AttemptStatus.LOST] * times, AttemptStatus.SUCCEEDED)


def test_the_driver_is_killed_while_the_checkpoint_is_heard(place: Place, tmp_path: Path) -> None:
    """108. It is told again; the event is not polled for again, though it is gone meanwhile."""
    ledger, event, commit = tmp_path / "ledger", tmp_path / "event", tmp_path / "commit"
    event.touch()
    with running(LISTENER, "run", ledger, event, commit, place=place) as driver:
        wait_until(lambda: "commit begins" in noted(ledger), "the checkpoint")
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    event.unlink()
    commit.touch()
    assert run_program(LISTENER, "resume", ledger, event, commit, place=place) == "2\n"
    assert noted(ledger) == ["poll begins", "poll ends", "commit begins", "commit begins", "commit ends"]


def test_an_event_is_the_whole_workflow(place: Place, tmp_path: Path) -> None:
    """109."""
    path = tmp_path / "event"
    reference = listening(FileListener, [str(path)]).run_async("entry")
    wait_for_file(f"{path}.waits")
    assert workflow.get_status("entry") is workflow.RUNNING
    path.touch()
    assert reference.result(PATIENCE) is None
    assert workflow.get_status("entry") is workflow.SUCCESSFUL


@pytest.mark.parametrize("given", [int, "FileListener", FileListener(), None, lambda: None])
def test_only_a_listener_can_be_waited_for(given: Any) -> None:
    """110."""
    with pytest.raises(TypeError, match="is not a subclass of EventListener") as caught:
        listening(given)
    assert isinstance(caught.value, NotAListener)


# --- listeners --------------------------------------------------------------------------------------------------------


def test_a_listener_hears_of_its_checkpoint(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "event"
    path.touch()
    assert listening(NotedListener, [str(path), 7]).run("noted") == [str(path), 7]
    assert place.names("noted") == ["workflow.event_checkpointed", "workflow.wait_for_event"]
    assert noted(f"{path}.ledger") == ["poll", "checkpointed 7"]


def test_many_listeners_take_no_worker(place: Place, tmp_path: Path) -> None:
    """A thousand wait, in one process, and steps run as ever."""
    go = tmp_path / "go"

    class Crowd(EventListener):
        async def poll_for_event(self, number: int) -> int:
            note(tmp_path / "waiting", str(number))
            await file_is_there(go)
            return number

    reference = gather.step(*[listening(Crowd, [number]) for number in range(1000)]).run_async("crowd")
    wait_until(lambda: len(noted(tmp_path / "waiting")) == 1000, "the last listener")
    assert gather.step(make.step(str(go))).run("beside") == (None,)
    assert list(reference.result(PATIENCE)) == list(range(1000))


def test_a_plain_function_polls_in_a_thread(place: Place, tmp_path: Path) -> None:
    """Many more than a pool of threads would hold."""
    go = tmp_path / "go"

    class Plain(EventListener):
        def poll_for_event(self, number: int) -> tuple[int, str]:
            note(tmp_path / "waiting", str(number))
            wait_for_file(go)
            return number, here().task.partition("_for_event")[0]

        def event_checkpointed(self, event: Any) -> None:
            note(tmp_path / "checkpointed", str(event))

    reference = gather.step(*[listening(Plain, [number]) for number in range(50)]).run_async("plain")
    wait_until(lambda: len(noted(tmp_path / "waiting")) == 50, "the last listener")
    go.touch()
    assert [tuple(each) for each in reference.result(PATIENCE)] == [(n, "workflow.wait") for n in range(50)]
    assert len(noted(tmp_path / "checkpointed")) == 50


def test_a_plain_function_that_raises(place: Place, tmp_path: Path) -> None:
    class Broken(EventListener):
        def poll_for_event(self) -> None:
            note(tmp_path / "tries", "try")
            raise StopIteration("no more events")

    with pytest.raises(ExecutionError):
        listening(Broken).run("broken")
    assert noted(tmp_path / "tries") == ["try"] * 3


def test_a_listener_that_raises_is_tried_again(place: Place, tmp_path: Path) -> None:
    class Shaky(EventListener):
        async def poll_for_event(self) -> int:
            await asyncio.sleep(0)
            note(tmp_path / "tries", "try")
            if len(noted(tmp_path / "tries")) < 3:
                raise ConnectionError("not yet")
            return 3

    assert listening(Shaky).run("shaky") == 3
    first = place.attempts("shaky", "workflow.wait_for_event")[0].end
    assert first is not None and first.message == "not yet"
    assert "in poll_for_event" in first.traceback
    assert "manyhands/worker" not in first.traceback


def test_a_listener_that_cannot_poll_is_not_tried_again(place: Place) -> None:
    class Empty(EventListener):
        pass

    with pytest.raises(ExecutionError) as caught:
        listening(Empty).run("empty")
    assert isinstance(caught.value.__cause__, NotImplementedError)
    assert isinstance(caught.value.__cause__, ListenerIncomplete)
    assert "async def poll_for_event" in str(caught.value.__cause__)
    assert len(place.attempts("empty", "workflow.wait_for_event")) == 1


def test_arguments_are_checked_when_the_listener_is_named() -> None:
    class Needy(EventListener):
        def __init__(self, key: str) -> None:
            self.key = key

    with pytest.raises(TypeError, match="missing a required argument: 'path'"):
        listening(FileListener)
    with pytest.raises(TypeError, match=r"Needy is made without arguments, but .* 'key'"):
        listening(Needy)


def test_steps_are_arguments_of_listeners(place: Place, tmp_path: Path) -> None:
    @workflow.step
    def where() -> str:
        return str(tmp_path / "event")

    (tmp_path / "event").touch()
    assert listening(FileListener, [where.step()], {"event": where.step()}).run() == str(tmp_path / "event")


def test_the_event_is_saved_though_the_steps_around_it_are_not(place: Place, tmp_path: Path) -> None:
    path = tmp_path / "event"
    path.touch()

    @workflow.step(checkpoint=False)
    def wait() -> Any:
        return gather.step(listening(FileListener, [str(path), 5]))

    assert wait.step().run("unsaved") == (5,)
    assert workflow.get_output("unsaved", name="workflow.wait_for_event").result() == 5


def test_a_run_that_is_canceled_stops_its_listener(place: Place, tmp_path: Path) -> None:
    class Canceled(EventListener):
        async def poll_for_event(self) -> None:
            note(tmp_path / "ledger", "begins")
            try:
                await asyncio.sleep(1000)
            finally:
                note(tmp_path / "ledger", "ends")

    reference = listening(Canceled).run_async("canceled")
    wait_for_file(tmp_path / "ledger")
    workflow.cancel("canceled")
    with pytest.raises(workflow.WorkflowCancellationError):
        reference.result(PATIENCE)
    wait_until(lambda: noted(tmp_path / "ledger") == ["begins", "ends"], "the end of the listener")
    assert workflow.get_status("canceled") is workflow.CANCELED


def test_a_process_that_ends_in_order_ends_its_listeners(place: Place, tmp_path: Path) -> None:
    """And who resumes the run polls again."""
    place.use(grace_seconds=60.0)
    path, ledger = tmp_path / "event", tmp_path / "ledger"

    class Orderly(EventListener):
        async def poll_for_event(self) -> int:
            note(ledger, "begins")
            try:
                await file_is_there(path)
            finally:
                note(ledger, "ends")
            return 1

    listening(Orderly).run_async("orderly")
    wait_for_file(ledger)
    bootstrap.current.close()
    assert noted(ledger) == ["begins", "ends"]
    place.use()
    assert workflow.get_status("orderly") is workflow.RESUMABLE
    path.touch()
    assert workflow.resume("orderly").result(PATIENCE) == 1
    assert noted(ledger) == ["begins", "ends"] * 2


def test_a_listener_that_blocks_is_named(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    class Blocking(EventListener):
        async def poll_for_event(self) -> int:
            time.sleep(1.1)  # noqa: ASYNC251 - to block is the point
            return 1

    assert listening(Blocking).run("blocking") == 1
    (warning,) = [r.getMessage() for r in caplog.records if "blocks the event loop" in r.getMessage()]
    assert re.search(r"Blocking\.poll_for_event blocks the event loop for \d", warning)


def test_each_listener_knows_its_own_task(place: Place) -> None:
    class Curious(EventListener):
        async def poll_for_event(self) -> tuple[str, str, int]:
            before = here()
            await asyncio.sleep(0.01)
            after = here()
            assert before == after
            return after.run_id, after.task, after.attempt

    found = gather.step(*[listening(Curious) for _ in range(3)]).run("curious")
    names = ["workflow.wait_for_event", "workflow.wait_for_event_1", "workflow.wait_for_event_2"]
    assert [tuple(each) for each in found] == [("curious", name, 1) for name in names]
    assert current_task.get() is None


def test_users_have_no_option_for_where_listeners_run() -> None:
    with pytest.raises(OptionError, match="Unknown option 'executor'"):
        workflow.step(executor="async")


# --- coroutines as steps ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inplace", [False, True])
class TestAsyncSteps:
    def test_a_coroutine_is_run_to_its_end(self, place: Place, inplace: bool) -> None:
        @workflow.step(allow_inplace=inplace)
        async def add(left: int, right: int) -> tuple[int, str]:
            await asyncio.sleep(0)
            return left + right, here().run_id

        assert tuple(add.step(1, 2).run("sum")) == (3, "sum")

    def test_it_is_tried_again(self, place: Place, tmp_path: Path, inplace: bool) -> None:
        @workflow.step(allow_inplace=inplace, max_retries=2, name="shaky")
        async def shaky() -> int:
            note(tmp_path / "tries", "try")
            await asyncio.sleep(0)
            if len(noted(tmp_path / "tries")) < 2:
                raise ValueError("not yet")
            return 2

        assert shaky.step().run("shaky") == 2
        first = place.attempts("shaky", "shaky")[0].end
        assert first is not None and first.message == "not yet"
        assert "in shaky" in first.traceback
        assert "asyncio" not in first.traceback

    def test_its_exception_is_the_cause(self, place: Place, inplace: bool) -> None:
        @workflow.step(allow_inplace=inplace, max_retries=1)
        async def fail() -> None:
            raise LookupError("nothing there")

        with pytest.raises(ExecutionError) as caught:
            fail.step().run()
        assert isinstance(caught.value.__cause__, LookupError)
        assert fail.options(catch_exceptions=True).step().run()[0] is None

    def test_it_may_return_a_step(self, place: Place, inplace: bool) -> None:
        @workflow.step(allow_inplace=inplace)
        async def down(level: int) -> Any:
            return gather.step("bottom") if level == 0 else down.step(level - 1)

        assert down.step(3).run() == ("bottom",)


def test_an_async_step_in_place_of_a_running_event_loop(place: Place) -> None:
    """As in a notebook, whose cells run in a loop."""

    @workflow.step(allow_inplace=True)
    async def where() -> tuple[str, str]:
        await asyncio.sleep(0)
        return here().run_id, threading.current_thread().name

    @workflow.step(allow_inplace=True, max_retries=1)
    async def leave() -> None:
        sys.exit("enough")

    async def cell() -> Any:
        with pytest.raises(ExecutionError, match="enough"):
            leave.step().run()
        return where.step().run("cell")

    assert tuple(asyncio.run(cell())) == ("cell", "manyhands-coroutine")
