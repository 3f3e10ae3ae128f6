"""Attempts as coroutines of one event loop: many at once, canceled, stubborn, in each other's way."""

import asyncio
import os
import re
import select
import subprocess
import sys
import threading
import time
import types
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from manyhands.executors import eventloop
from manyhands.executors.coroutines import CoroutineExecutor
from manyhands.model.errors import BackendError
from manyhands.model.outcomes import Launch, Outcome
from manyhands.model.states import Cause
from manyhands.testing.executor_entries import value
from manyhands.testing.executor_kit import PATIENCE, collect, data, failure, run, wait

MODULE = "coroutines_of_a_test"
outside: ContextVar[str] = ContextVar("outside", default="nothing")

Define = Callable[[Callable[..., Any]], None]


@pytest.fixture
def define(monkeypatch: pytest.MonkeyPatch) -> Define:
    """Makes a function an entry, by its name."""
    module = types.ModuleType(MODULE)
    monkeypatch.setitem(sys.modules, MODULE, module)

    def add(function: Callable[..., Any]) -> None:
        setattr(module, function.__name__, function)
        # What the executor asks for is `work`; a name that ends so is its coroutine form.
        if function.__name__.endswith("_async"):
            setattr(module, function.__name__.removesuffix("_async"), plain)

    return add


def plain(payload: bytes, context: object) -> Outcome:
    raise AssertionError("the coroutine form is there, and was not called")


@pytest.fixture
def executor() -> Iterator[CoroutineExecutor]:
    executor = CoroutineExecutor(grace=0.2)
    yield executor
    executor.close()


def launch(task: int = 0, payload: bytes = b"", entry: str = "work") -> Launch:
    return Launch(1, task, 1, f"{MODULE}:{entry}", payload, 1, f"label of {task}")


def is_readable(executor: CoroutineExecutor, seconds: float = 0.0) -> bool:
    return bool(select.select([executor.fileno()], [], [], seconds)[0])


def loop_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "manyhands-async"]


class Waiting:
    """A coroutine that says that it has begun, and waits for ever unless it is let go."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.ended: list[bytes] = []
        self._events: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def work_async(self, payload: bytes, context: object) -> Outcome:
        event = asyncio.Event()
        self._events.append((asyncio.get_running_loop(), event))
        self.begun.release()
        try:
            await event.wait()
        finally:
            self.ended.append(payload)
        return value(payload)

    def wait_begun(self, count: int = 1) -> None:
        for _ in range(count):
            assert self.begun.acquire(timeout=PATIENCE)

    def let_go(self) -> None:
        for loop, event in self._events:
            loop.call_soon_threadsafe(event.set)


@pytest.fixture
def waiting(define: Define) -> Waiting:
    waiting = Waiting()

    async def work_async(payload: bytes, context: object) -> Outcome:
        return await waiting.work_async(payload, context)

    define(work_async)
    return waiting


# --- many -------------------------------------------------------------------------------------------------------------


def test_ten_thousand_wait_at_once_in_one_thread(executor: CoroutineExecutor, waiting: Waiting) -> None:
    count = 10_000
    before = set(threading.enumerate())
    executor.start([launch(task) for task in range(count)])
    waiting.wait_begun(count)
    assert len(set(threading.enumerate()) - before) == 1
    assert executor.poll() == []
    assert not is_readable(executor)
    waiting.let_go()
    assert sorted(report.task for report in collect(executor, count)) == list(range(count))
    assert executor.poll() == []
    assert not is_readable(executor)


def test_the_thread_is_there_from_the_first_launch_until_the_close(waiting: Waiting) -> None:
    executor = CoroutineExecutor(grace=0.2)
    assert loop_threads() == []
    executor.start([])
    assert loop_threads() == []
    executor.start([launch()])
    waiting.wait_begun()
    assert len(loop_threads()) == 1
    executor.close()
    assert loop_threads() == []
    assert waiting.ended == [b""]
    with pytest.raises(BackendError):
        executor.start([launch()])


def test_asyncio_is_not_loaded_before_a_launch() -> None:
    program = (
        "import sys; from manyhands.executors.coroutines import CoroutineExecutor; CoroutineExecutor();"
        "sys.exit('asyncio' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_report_wakes_who_waits(executor: CoroutineExecutor, waiting: Waiting) -> None:
    executor.start([launch(1), launch(2)])
    waiting.wait_begun(2)
    assert executor.deadline() is None
    assert not is_readable(executor)
    waiting.let_go()
    assert is_readable(executor, PATIENCE)
    assert {report.worker for report in collect(executor, 2)} == {f"async:{os.getpid()}"}
    assert not is_readable(executor)


def test_when_a_body_began(executor: CoroutineExecutor, waiting: Waiting) -> None:
    assert executor.began((1, 0, 1)) is None
    before = time.time()
    executor.start([launch()])
    waiting.wait_begun()
    began = executor.began((1, 0, 1))
    assert began is not None and before <= began <= time.time()
    waiting.let_go()
    collect(executor, 1)
    assert executor.began((1, 0, 1)) is None


# --- entries ----------------------------------------------------------------------------------------------------------


def test_an_entry_without_a_coroutine_form_is_called(executor: CoroutineExecutor, define: Define) -> None:
    def simple(payload: bytes, context: object) -> Outcome:
        return value(payload)

    define(simple)
    assert data(run(executor, launch(payload=b"x", entry="simple"))[0]) == b"x"


def test_a_plain_entry_may_return_something_to_await(executor: CoroutineExecutor, define: Define) -> None:
    async def later(payload: bytes) -> Outcome:
        await asyncio.sleep(0)
        return value(payload)

    def simple(payload: bytes, context: object) -> Any:
        return later(payload)

    define(simple)
    assert data(run(executor, launch(payload=b"x", entry="simple"))[0]) == b"x"


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
def test_what_a_coroutine_raises_is_its_failure(
    executor: CoroutineExecutor, define: Define, error: BaseException
) -> None:
    async def work_async(payload: bytes, context: object) -> Outcome:
        await asyncio.sleep(0)
        if payload:
            return value(payload)
        raise error

    define(work_async)
    assert failure(run(executor, launch())[0]).cause is Cause.ERROR
    assert data(run(executor, launch(payload=b"on"))[0]) == b"on"


def test_an_exit_in_a_task_of_a_body_does_not_end_the_loop(
    executor: CoroutineExecutor, define: Define, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave() -> None:
        raise SystemExit(3)

    async def work_async(payload: bytes, context: object) -> Outcome:
        task = asyncio.create_task(leave())
        try:
            await task
        except SystemExit:
            return value(b"seen")
        return value(b"unseen")

    define(work_async)
    assert data(run(executor, launch())[0]) == b"seen"
    assert "tried to end it" in caplog.text


def test_each_coroutine_has_a_context_of_its_own(executor: CoroutineExecutor, define: Define) -> None:
    async def work_async(payload: bytes, context: object) -> Outcome:
        seen = outside.get()
        outside.set(payload.decode())
        await asyncio.sleep(0.001)
        return value(f"{seen} {outside.get()}".encode())

    define(work_async)
    token = outside.set("the driver's")
    try:
        reports = run(executor, *[launch(task, str(task).encode()) for task in range(100)])
    finally:
        outside.reset(token)
    assert [data(report).decode() for report in reports] == [f"nothing {task}" for task in range(100)]


# --- canceled ---------------------------------------------------------------------------------------------------------


def test_what_is_canceled_ends_in_order_and_the_others_stay(executor: CoroutineExecutor, waiting: Waiting) -> None:
    executor.start([launch(task, str(task).encode()) for task in range(3)])
    waiting.wait_begun(3)
    executor.cancel([(1, 1, 1)], PATIENCE)
    (report,) = collect(executor, 1)
    assert (report.task, failure(report).cause, failure(report).retryable) == (1, Cause.CANCELED, False)
    assert waiting.ended == [b"1"]
    waiting.let_go()
    assert sorted(report.task for report in collect(executor, 2)) == [0, 2]


def test_what_is_canceled_at_once_is_reported_once(executor: CoroutineExecutor, waiting: Waiting) -> None:
    """It never began, and nothing is left over of it."""
    executor.start([launch(task) for task in range(500)])
    executor.cancel([(1, task, 1) for task in range(500)], PATIENCE)
    reports = collect(executor, 500)
    assert {failure(report).cause for report in reports} == {Cause.CANCELED}
    assert executor.deadline() is None


def test_a_value_that_is_there_in_spite_of_the_cancel_stands(executor: CoroutineExecutor, define: Define) -> None:
    begun = threading.Event()

    async def work_async(payload: bytes, context: object) -> Outcome:
        begun.set()
        try:
            await asyncio.sleep(PATIENCE)
        except asyncio.CancelledError:
            pass
        return value(b"finished")

    define(work_async)
    executor.start([launch()])
    assert begun.wait(PATIENCE)
    executor.cancel([(1, 0, 1)], PATIENCE)
    assert data(collect(executor, 1)[0]) == b"finished"


def test_an_error_on_the_way_out_is_a_cancel(executor: CoroutineExecutor, define: Define) -> None:
    begun = threading.Event()

    async def work_async(payload: bytes, context: object) -> Outcome:
        begun.set()
        try:
            await asyncio.sleep(PATIENCE)
        finally:
            raise ValueError("while tidying up")

    define(work_async)
    executor.start([launch()])
    assert begun.wait(PATIENCE)
    executor.cancel([(1, 0, 1)], PATIENCE)
    assert failure(collect(executor, 1)[0]).cause is Cause.CANCELED


@pytest.mark.parametrize("grace", [0.0, 0.2])
def test_a_stubborn_coroutine_is_left_behind(
    executor: CoroutineExecutor, define: Define, caplog: pytest.LogCaptureFixture, grace: float
) -> None:
    begun, let_go, ended = threading.Event(), threading.Event(), threading.Event()

    async def work_async(payload: bytes, context: object) -> Outcome:
        if payload:
            return value(payload)
        begun.set()
        while not let_go.is_set():
            try:
                await asyncio.sleep(0.01)
            except asyncio.CancelledError:
                continue
        ended.set()
        return value(b"too late")

    define(work_async)
    executor.start([launch()])
    assert begun.wait(PATIENCE)
    before = time.monotonic()
    executor.cancel([(1, 0, 1)], grace)
    due = executor.deadline()
    assert due is not None and due >= before + grace
    (report,) = collect(executor, 1)
    assert failure(report).cause is Cause.CANCELED
    assert time.monotonic() - before >= grace
    assert "label of 0 was canceled but does not end" in caplog.text
    assert executor.deadline() is None
    let_go.set()
    assert ended.wait(PATIENCE)
    # The same attempt again is another one: what the first came to is not taken for it.
    assert data(run(executor, launch(payload=b"anew"))[0]) == b"anew"
    assert executor.poll() == []


# --- closed, forked ---------------------------------------------------------------------------------------------------


def test_a_blocked_loop_is_left_behind_when_the_executor_is_closed(
    define: Define, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eventloop, "PARTING_SECONDS", 0.05)
    begun, let_go = threading.Event(), threading.Event()

    async def work_async(payload: bytes, context: object) -> Outcome:
        begun.set()
        let_go.wait(PATIENCE)
        return value(b"too late")

    define(work_async)
    executor = CoroutineExecutor(grace=0.05)
    executor.start([launch()])
    assert begun.wait(PATIENCE)
    (thread,) = loop_threads()
    executor.close()
    assert "label of 0" in caplog.text
    let_go.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_leaves_the_loop_to_its_parent(executor: CoroutineExecutor, waiting: Waiting) -> None:
    executor.start([launch(payload=b"x")])
    waiting.wait_begun()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            executor.start([launch(1)])
        except BackendError:
            executor.close()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert executor.poll() == []
    waiting.let_go()
    assert data(collect(executor, 1)[0]) == b"x"


# --- who blocks the loop ----------------------------------------------------------------------------------------------


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eventloop, "BLOCKED_SECONDS", 0.02)


def warnings_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if "blocks the event loop" in record.getMessage()]


@pytest.mark.usefixtures("impatient")
def test_who_blocks_the_loop_is_named_once(
    executor: CoroutineExecutor, define: Define, caplog: pytest.LogCaptureFixture
) -> None:
    async def work_async(payload: bytes, context: object) -> Outcome:
        for _ in range(3):
            await asyncio.sleep(0)
            time.sleep(0.03)  # noqa: ASYNC251 - to block is the point
        return value(payload)

    define(work_async)
    run(executor, launch(7))
    (warning,) = warnings_of(caplog)
    assert re.match(r"label of 7 blocks the event loop for \d+\.\d s", warning)
    assert "use `await asyncio.sleep`" in warning


@pytest.mark.usefixtures("impatient")
def test_who_blocks_the_loop_in_a_task_of_its_own_is_named(
    executor: CoroutineExecutor, define: Define, caplog: pytest.LogCaptureFixture
) -> None:
    async def fetch() -> None:
        time.sleep(0.03)  # noqa: ASYNC251 - to block is the point

    async def work_async(payload: bytes, context: object) -> Outcome:
        await asyncio.gather(asyncio.wait_for(fetch(), PATIENCE), asyncio.sleep(0))
        return value(payload)

    define(work_async)
    run(executor, launch(7))
    (warning,) = warnings_of(caplog)
    assert warning.startswith("label of 7 blocks")


@pytest.mark.usefixtures("impatient")
def test_who_blocks_the_loop_is_named_while_it_does(
    executor: CoroutineExecutor, define: Define, caplog: pytest.LogCaptureFixture
) -> None:
    let_go = threading.Event()

    async def work_async(payload: bytes, context: object) -> Outcome:
        let_go.wait(PATIENCE)
        return value(payload)

    define(work_async)
    executor.start([launch(7)])
    until = time.monotonic() + PATIENCE
    while not warnings_of(caplog):
        assert time.monotonic() < until
        assert executor.poll() == []
    let_go.set()
    collect(executor, 1)
    (warning,) = warnings_of(caplog)
    assert f"(now in {__file__}:" in warning


def test_many_short_steps_are_nobodys_fault(
    executor: CoroutineExecutor, define: Define, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Together they take longer than one may."""
    monkeypatch.setattr(eventloop, "BLOCKED_SECONDS", 0.5)

    async def work_async(payload: bytes, context: object) -> Outcome:
        time.sleep(0.03)  # noqa: ASYNC251 - to take time is the point
        return value(payload)

    define(work_async)
    executor.start([launch(task) for task in range(30)])
    reports = executor.poll()
    until = time.monotonic() + PATIENCE
    while len(reports) < 30:
        wait(executor, until)
        reports += executor.poll()
    assert warnings_of(caplog) == []
