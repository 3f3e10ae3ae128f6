"""Attempts that last until somebody says that they are over."""

from manyhands.executors.presence import PresenceExecutor
from manyhands.model.outcomes import Failure, Launch, Value
from manyhands.model.states import Cause
from manyhands.model.values import Encoded

DONE = Value(Encoded("raw"))


def launch(run: int, task: int = 0) -> Launch:
    return Launch(run, task, 1, "", b"")


def test_an_attempt_lasts_until_its_run_is_ended() -> None:
    executor = PresenceExecutor()
    executor.start([launch(1), launch(1, 5), launch(2)])
    assert executor.poll() == []
    assert executor.began((1, 0, 1)) is not None
    executor.end(1, DONE)
    executor.end(3, DONE)
    assert [(report.run, report.task, report.outcome) for report in executor.poll()] == [(1, 0, DONE), (1, 5, DONE)]
    assert executor.poll() == []
    assert executor.began((1, 0, 1)) is None
    executor.end(1, DONE)
    assert executor.poll() == []


def test_it_can_be_canceled() -> None:
    executor = PresenceExecutor()
    executor.start([launch(1), launch(2)])
    executor.cancel([(1, 0, 1), (9, 9, 9)], 1.0)
    (report,) = executor.poll()
    assert isinstance(report.outcome, Failure)
    assert report.outcome.cause is Cause.CANCELED
    executor.close()
    executor.end(2, DONE)
    assert executor.poll() == []


def test_it_wants_nothing_of_its_driver() -> None:
    executor = PresenceExecutor()
    assert (executor.fileno(), executor.deadline(), executor.backlog()) == (None, None, 0)
