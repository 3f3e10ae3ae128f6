"""An executor that is made when it is first used keeps the contract, and is nothing before."""

from collections.abc import Iterator

import pytest

from manyhands.executors.inline import InlineExecutor
from manyhands.executors.later import LaterExecutor
from manyhands.testing.executor_suite import ExecutorSuite, data, launch


class TestLater(ExecutorSuite):
    @pytest.fixture
    def executor(self) -> Iterator[LaterExecutor]:
        executor = LaterExecutor("inline", 1, lambda: InlineExecutor(settings={"a": 1}))
        yield executor
        executor.close()


class Made:
    """Counts how often an executor was made."""

    def __init__(self) -> None:
        self.count = 0
        self.closed = 0

    def __call__(self) -> InlineExecutor:
        self.count += 1
        made = InlineExecutor(settings={})
        close = made.close

        def count_and_close() -> None:
            self.closed += 1
            close()

        made.close = count_and_close  # type: ignore[method-assign]
        return made


def test_it_is_idle_until_something_is_started() -> None:
    make = Made()
    executor = LaterExecutor("inline", 7, make)
    assert (executor.name, executor.slots, executor.backlog()) == ("inline", 7, 0)
    assert (executor.poll(), executor.fileno(), executor.deadline(), executor.began((1, 1, 1))) == (
        [],
        None,
        None,
        None,
    )
    executor.cancel([(1, 1, 1)], 0.0)
    assert make.count == 0
    executor.start([launch("give_back", b"x")])
    executor.start([launch("give_back", b"y", task=1)])
    assert make.count == 1
    assert executor.slots == 1
    assert [data(report) for _ in range(2) for report in executor.poll()] == [b"x", b"y"]
    executor.close()
    assert make.closed == 1


def test_what_only_its_kind_has_makes_it() -> None:
    make = Made()
    executor = LaterExecutor("inline", 1, make)
    assert executor.context.worker.startswith("inline")
    assert make.count == 1
    with pytest.raises(AttributeError):
        _ = executor.nonsense


def test_one_that_was_closed_before_it_was_made_is_made_closed() -> None:
    make = Made()
    executor = LaterExecutor("inline", 1, make)
    executor.close()
    executor.close()
    assert make.count == 0
    executor.start([])
    assert (make.count, make.closed) == (1, 1)
