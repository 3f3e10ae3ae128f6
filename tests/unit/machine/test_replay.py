"""Recorded events replay to where they lead, and a breach of the table of moves is named."""

from __future__ import annotations

import pytest

from manyhands.machine.replay import replay
from manyhands.model.records import EventRecord
from manyhands.model.states import RunStatus, TaskStatus


def events(*said: str) -> list[EventRecord]:
    """Each is `who state reason [attempt]`, with `run` or the ordinal of a task as who."""
    found = []
    for number, text in enumerate(said, 1):
        who, state, reason, *attempt = text.split()
        task = None if who == "run" else int(who)
        name = None if task is None else f"t{task}"
        last = int(attempt[0]) if attempt else None
        found.append(EventRecord(number, 0.0, 1, "r", task, name, last, state, reason, ""))
    return found


GOOD = (
    "run running started",
    "0 pending called 0",
    "1 pending called 0",
    "0 running started 1",
    "0 pending retry 1",
    "0 running started 2",
)


def test_a_whole_life() -> None:
    history = replay(events(*GOOD, "0 succeeded done 2", "1 running started 1", "1 failed error 1", "run failed error"))
    assert history.findings == []
    assert history.run is RunStatus.FAILED
    assert {task: (found.status, found.attempt) for task, found in history.tasks.items()} == {
        0: (TaskStatus.SUCCEEDED, 2),
        1: (TaskStatus.FAILED, 1),
    }


def test_a_forward_and_what_goes_on_in_its_place() -> None:
    said = [*GOOD, "2 pending called 0", "0 running forwarded 2", "2 running started 1", "2 succeeded done 1"]
    history = replay(events(*said, "0 succeeded done 2", "1 succeeded cached 0", "run succeeded done"))
    assert history.findings == []


def test_a_resume_takes_back_what_was_left() -> None:
    said = ["run running started", *(f"{task} pending called 0" for task in range(4))]
    said += [f"{task} running started 1" for task in range(4)]
    said += ["0 failed error 1", "1 running forwarded 1", "2 succeeded done 1", "run resumable driver_lost"]
    said += ["run running resumed", "0 pending resumed 1", "1 running forwarded 1", "3 pending resumed 1"]
    said += ["2 pending unsaved 1", "0 running started 2"]
    history = replay(events(*said))
    assert history.findings == []
    assert history.tasks[0].attempt == 2


def test_a_detached_run_waits_for_a_driver() -> None:
    history = replay(events("run pending detached", "0 pending called", "run running started", "run canceled canceled"))
    assert history.findings == []


def test_a_store_may_stop_tasks_after_it_canceled_the_run() -> None:
    assert replay(events(*GOOD, "run canceled canceled", "0 stopped canceled 2")).findings == []


def test_a_fork_begins_in_the_middle() -> None:
    history = replay(events("run running forked", "0 succeeded forked 3", "1 pending forked 0", "1 running started 1"))
    assert history.findings == []
    assert history.tasks[0].attempt == 3


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        ("1 succeeded-ish done 0", "succeeded-ish, which is no status of a task"),
        ("run odd done", "odd, which is no status of a run"),
        ("run pending called", "became pending (called) from running"),
        ("0 running started 3", "became running (started) from running"),
        ("1 running started 2", "in attempt 2, but 1 is its last"),
        ("0 succeeded done 1", "in attempt 1, but 2 is its last"),
        ("2 running started 1", "from not_started"),
        ("0 pending resumed 1", "in attempt 1, but 2 is its last"),
    ],
)
def test_a_breach_is_named(said: str, finding: str) -> None:
    findings = replay(events(*GOOD, said)).findings
    assert len(findings) == 1
    assert finding in findings[0]
    assert findings[0].startswith(f"event {len(GOOD) + 1}: ")


@pytest.mark.parametrize(
    ("said", "finding"),
    [
        (("0 succeeded done 2", "0 running started 3"), "from succeeded"),
        (("0 succeeded done 2", "0 pending unsaved 2"), "became pending (unsaved) from succeeded"),
        (("0 failed error 2", "0 pending resumed 2"), "became pending (resumed) from failed"),
        (("run failed error",), "still running, but the run is failed"),
        (("0 running forwarded 2", "run succeeded done"), "still running, but the run is succeeded"),
        (("0 running forwarded 2", "0 running forwarded 2"), "not as a forward"),
        (("0 running forwarded 2", "0 pending retry 2"), "though its body was done"),
        (("0 failed error 2", "run failed error", "1 running started 1"), "but the run was failed"),
    ],
)
def test_a_breach_by_what_was_before_is_named(said: tuple[str, ...], finding: str) -> None:
    findings = replay(events(*GOOD, *said)).findings
    assert any(finding in found for found in findings), findings


def test_a_forward_may_outlast_a_failed_run() -> None:
    assert replay(events(*GOOD, "0 running forwarded 2", "run failed error")).findings == []


def test_a_run_must_begin() -> None:
    assert "began as succeeded" in replay(events("run succeeded done")).findings[0]


def test_events_come_in_order() -> None:
    first, second = events("run running started", "0 pending called 0")
    assert replay([second, first]).findings == ["event 1 comes after event 2"]


def test_no_events() -> None:
    assert replay([]).run is None
