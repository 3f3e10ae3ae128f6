"""In a process that drives many runs, what fails concerns one of them, and what is said to one costs no other."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from manyhands import bootstrap, workflow
from manyhands.engine.context import client
from manyhands.engine.handle import Reference
from manyhands.executors.process import ProcessExecutor
from manyhands.model.errors import StoreUnavailable
from manyhands.model.states import Cause
from tests.acceptance.kit import PATIENCE, Place, wait_for_file, wait_until

MANY = 10
"""Runs that wait, in one process."""


@pytest.fixture
def quiet(place: Place) -> Reference:
    """A run that waits, driven in the background."""
    return workflow.sleep(1000).run_async("quiet")


class Counting:
    def __init__(self) -> None:
        self.number = 0

    def add(self) -> int:
        self.number += 1
        return self.number

    def hold(self, gate: str) -> None:
        wait_for_file(gate)


@workflow.step(name="double")
def double(number: int) -> int:
    return 2 * number


def failing_once(broken: Callable[..., Any], error: Exception, *only: object) -> Callable[..., Any]:
    """As `broken`, but it fails the first time that it is called, with these arguments."""
    failed = threading.Event()

    def call(*args: Any, **kwargs: Any) -> Any:
        if args[: len(only)] == only and not failed.is_set():
            failed.set()
            raise error
        return broken(*args, **kwargs)

    return call


def test_a_call_that_cannot_enter(
    place: Place, quiet: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its caller, in another thread than the one that drives, is told why; the other runs go on."""
    gate, store = tmp_path / "gate", place.store
    actor = workflow.virtual_actor(Counting).get_or_create("counting")
    actor.ready().result(PATIENCE)
    actor.hold.run_async(str(gate))
    monkeypatch.setattr(store, "messages", failing_once(store.messages, StoreUnavailable("here", "once")))
    with ThreadPoolExecutor(1) as another:
        called = another.submit(actor.add.run)
        with pytest.raises(StoreUnavailable, match="once"):
            called.result(PATIENCE)
    assert workflow.get_status("quiet") is workflow.RUNNING
    gate.touch()
    assert actor.add.run() == 1


def test_a_run_that_cannot_be_looked_into(place: Place, quiet: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """As each heartbeat has it done with all: the other runs go on."""
    unlucky = workflow.sleep(1000).run_async("unlucky")
    store = place.store
    monkeypatch.setattr(store, "run", failing_once(store.run, StoreUnavailable("here", "once"), "unlucky"))
    client().engine.driver.bell.announce()
    with pytest.raises(StoreUnavailable, match="once"):
        unlucky.result(PATIENCE)
    assert workflow.get_status("unlucky") is workflow.RESUMABLE
    assert workflow.get_status("quiet") is workflow.RUNNING
    assert not quiet.done()


def test_a_worker_that_cannot_be_started(place: Place, quiet: Reference, monkeypatch: pytest.MonkeyPatch) -> None:
    """The attempt is lost, and the next one succeeds; the other runs go on."""
    spawn = failing_once(ProcessExecutor._spawn, OSError(24, "Too many open files"))
    monkeypatch.setattr(ProcessExecutor, "_spawn", lambda self: spawn(self))
    assert double.step(2).run("doubled") == 4
    first, second = place.attempts("doubled", "double")
    assert (first.end.cause, second.end.cause) == (Cause.LOST, None)
    assert "Too many open files" in first.end.message
    assert not quiet.done()


@pytest.fixture
def references(place: Place) -> list[Reference]:
    """Of `MANY` runs that wait for a signal."""
    made = [workflow.wait_for_event(workflow.SignalListener, "go").run_async(f"r{number}") for number in range(MANY)]
    wait_until(lambda: all(place.run(f"r{number}").started_at for number in range(MANY)), "the start of all runs")
    return made


@pytest.fixture
def looks(place: Place, references: list[Reference], monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each of them is read."""
    counted: Counter[str] = Counter()
    run = place.store.run

    def count(run_id: str) -> Any:
        counted[run_id] += 1
        return run(run_id)

    monkeypatch.setattr(place.store, "run", count)
    return counted


def test_signals_to_many_runs(references: list[Reference], looks: Counter[str]) -> None:
    """Each has the one run looked into that it is for."""
    for number, reference in enumerate(references):
        workflow.send(f"r{number}", "go", number)
        assert reference.result(PATIENCE) == number
    assert looks.total() <= 3 * MANY


def test_canceling_many_runs(looks: Counter[str]) -> None:
    for number in range(MANY):
        workflow.cancel(f"r{number}")
    assert looks.total() <= 3 * MANY


def is_done(run_id: str) -> bool:
    return workflow.get_status(run_id) is workflow.SUCCESSFUL


def test_an_engine_service_hears_while_it_drives(place: Place) -> None:
    """What is detached begins at once, though the thread that drives hears of it first."""
    service = bootstrap.service(bootstrap.settings(store=place.url, poll_seconds=1000.0))
    serving = threading.Thread(target=service.serve)
    serving.start()
    try:
        workflow.sleep(1000).run_async("long", detach=True)
        wait_until(lambda: workflow.get_status("long") is workflow.RUNNING, "the begin of the long run")
        for number in range(3):
            run_id = f"short-{number}"
            workflow.sleep(0).run_async(run_id, detach=True)
            wait_until(partial(is_done, run_id), f"the end of {run_id}", 10.0)
    finally:
        service.stop()
        serving.join(PATIENCE)
    assert not serving.is_alive()
    assert workflow.get_status("long") is workflow.RESUMABLE
