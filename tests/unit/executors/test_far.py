"""Whatever an entry does, an attempt comes to an outcome."""

import sys
import types

import pytest

from manyhands.executors.far import Attempts, WorkerContext, find_entry
from manyhands.model.outcomes import Failure, Launch, Outcome, Returned
from manyhands.model.states import Cause


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


ERRORS: list[tuple[BaseException, Cause, str]] = [
    (ValueError("no"), Cause.ERROR, "ValueError: no"),
    (ValueError(), Cause.ERROR, "ValueError"),
    (MemoryError(), Cause.MEMORY, "MemoryError"),
    (SystemExit(3), Cause.ERROR, "SystemExit: 3"),
    (KeyboardInterrupt(), Cause.ERROR, "KeyboardInterrupt"),
    (Unspeakable(), Cause.ERROR, "Unspeakable"),
]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("entries_of_a_test")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


def outcome_of(attempts: Attempts) -> Outcome:
    return attempts.run(Launch(1, 2, 3, "entries_of_a_test:entry", b"")).outcome


@pytest.mark.parametrize(("error", "cause", "message"), ERRORS)
def test_what_is_raised_is_the_outcome(
    module: types.ModuleType, error: BaseException, cause: Cause, message: str
) -> None:
    def entry(payload: bytes, context: WorkerContext) -> Outcome:
        raise error

    module.entry = entry
    outcome = outcome_of(Attempts(WorkerContext({}, "me")))
    assert isinstance(outcome, Failure)
    assert (outcome.cause, outcome.message) == (cause, message)
    assert "in entry" in outcome.traceback


def test_an_interrupt_of_the_caller_is_not_the_attempts(module: types.ModuleType) -> None:
    def entry(payload: bytes, context: WorkerContext) -> Outcome:
        raise KeyboardInterrupt

    module.entry = entry
    with pytest.raises(KeyboardInterrupt):
        outcome_of(Attempts(WorkerContext({}, "me"), interruptible=True))


def test_an_entry_is_looked_up_once(module: types.ModuleType) -> None:
    attempts = Attempts(WorkerContext({}, "me"))
    module.entry = lambda payload, context: Returned()
    assert outcome_of(attempts) == Returned()
    del module.entry
    assert outcome_of(attempts) == Returned()


def test_an_entry_that_is_missing_may_come_later(module: types.ModuleType) -> None:
    attempts = Attempts(WorkerContext({}, "me"))
    assert isinstance(outcome_of(attempts), Failure)
    module.entry = lambda payload, context: Returned()
    assert outcome_of(attempts) == Returned()


def test_an_entry_has_a_dotted_name() -> None:
    assert find_entry("manyhands.executors.far:find_entry") is find_entry
    with pytest.raises(AttributeError):
        find_entry("manyhands.executors.far")
