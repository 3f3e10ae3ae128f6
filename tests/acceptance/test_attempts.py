"""Attempts: time-outs, delays, predicates, output, progress."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from manyhands import bootstrap, workflow
from manyhands.engine import context
from manyhands.model.errors import AttemptTimedOut
from manyhands.model.states import AttemptStatus, Cause
from tests.acceptance.kit import (
    PATIENCE,
    Place,
    count_up,
    move_clock,
    note,
    noted,
    run_program,
    wait_for_file,
    wait_gone,
    wait_until,
)


def test_a_step_that_takes_too_long(place: Place, tmp_path: Path) -> None:
    """It is stopped, process and all, and tried again; then it fails of its time-out."""
    ledger = tmp_path / "ledger"
    place.use(grace_seconds=1000.0)  # it is the time-out that ends it, not the grace after it

    @workflow.step(name="slow", timeout=0.3, max_retries=2)
    def slow() -> None:
        child = subprocess.Popen(["sleep", "1000"])
        note(ledger, f"{os.getpid()} {child.pid}")
        wait_for_file(tmp_path / "never", 1000)

    with pytest.raises(workflow.WorkflowExecutionError, match=r"longer than its time-out of 0.3 s") as caught:
        slow.step().run("slow")
    assert isinstance(caught.value.__cause__, AttemptTimedOut)
    attempts = place.attempts("slow", "slow")
    assert [(attempt.end.status, attempt.end.cause) for attempt in attempts] == [
        (AttemptStatus.FAILED, Cause.TIMEOUT),
        (AttemptStatus.FAILED, Cause.TIMEOUT),
    ]
    assert all(0.2 < attempt.end.ended_at - attempt.end.started_at < PATIENCE for attempt in attempts)
    wait_gone([int(pid) for line in noted(ledger) for pid in line.split()])
    assert workflow.get_status("slow") is workflow.FAILED


def test_a_time_out_has_a_budget_of_its_own(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not burn the tries meant for errors. The clock is moved, so that only the second try is too long."""
    tries = tmp_path / "tries"

    @workflow.step(name="mixed", timeout=3600.0, max_retries=2)
    def mixed() -> int:
        number = count_up(tries)
        if number == 1:
            raise ValueError("an error")
        if number == 2:
            wait_for_file(tmp_path / "never", 1000)
        return number

    reference = mixed.step().run_async("mixed")
    wait_until(lambda: len(noted(tries)) == 2, "the second try")
    move_clock(monkeypatch, 3601.0)
    assert reference.result(PATIENCE) == 3
    causes = [attempt.end.cause for attempt in place.attempts("mixed", "mixed")]
    assert causes == [Cause.ERROR, Cause.TIMEOUT, None]


def test_a_time_out_is_caught(place: Place, tmp_path: Path) -> None:
    @workflow.step(timeout=0.2, max_retries=1, catch_exceptions=True)
    def slow() -> None:
        wait_for_file(tmp_path / "never", 1000)

    value, error = slow.step().run()
    assert value is None
    assert isinstance(error, AttemptTimedOut)


def test_retries_wait_and_back_off(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hours long; the journal says until when, and the clock is moved there."""
    tries = tmp_path / "tries"

    @workflow.step(
        name="late", max_retries=4, retry_delay=3600.0, retry_backoff=3.0, retry_jitter=0.0, retry_max_delay=1e6
    )
    def late() -> int:
        number = count_up(tries)
        if number < 4:
            raise ValueError(number)
        return number

    reference = late.step().run_async("late")
    for number, rest in enumerate((3600.0, 3.0 * 3600, 9.0 * 3600), 1):
        wait_until(lambda: len(place.attempts("late", "late")) == number, "a rest")  # noqa: B023 - used at once
        task = place.task("late", "late")
        assert (task.status.value, task.reason) == ("pending", "retry")
        assert task.due_at == pytest.approx(place.events("late", "late")[-1].at + rest, abs=1e-3)
        assert not reference.done()
        assert len(noted(tries)) == number
        move_clock(monkeypatch, rest + 1)
    assert reference.result(30) == 4


def test_a_rest_survives_a_new_driver(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A retry that is due in an hour is so for the next driver too."""
    tries = tmp_path / "tries"

    @workflow.step(name="late", max_retries=2, retry_delay=3600.0)
    def late() -> int:
        number = count_up(tries)
        if number == 1:
            raise ValueError(number)
        return number

    late.step().run_async("late")
    wait_until(lambda: place.task("late", "late").due_at is not None, "the rest")
    due = place.task("late", "late").due_at
    place.use()
    assert workflow.get_status("late") is workflow.RESUMABLE
    reference = workflow.resume("late")
    assert not reference.done()
    assert place.task("late", "late").due_at == due
    move_clock(monkeypatch, 3601.0)
    assert reference.result(PATIENCE) == 2


@pytest.mark.parametrize(
    ("retry_on", "expected"),
    [
        (ValueError, ["ValueError", "KeyError"]),
        ((ValueError, KeyError), ["ValueError", "KeyError", "OSError"]),
        (lambda error: "more" in str(error), ["ValueError", "KeyError"]),
        (lambda error: 1 / 0, ["ValueError", "KeyError", "OSError", "done"]),
    ],
)
def test_which_errors_are_tried_again(place: Place, tmp_path: Path, retry_on: Any, expected: list[str]) -> None:
    """By type, by several, by a predicate; a predicate that itself fails does not hide the error."""
    tries = tmp_path / "tries"

    @workflow.step(name="picky", max_retries=9, retry_on=retry_on)
    def picky() -> str:
        number = count_up(tries)
        if number <= 3:
            raise [ValueError("one more"), KeyError("the last"), OSError("what")][number - 1]
        return "done"

    try:
        seen = [picky.step().run("picky")]
    except workflow.WorkflowExecutionError as error:
        seen = [type(error.__cause__).__name__]
    ends = [attempt.end for attempt in place.attempts("picky", "picky")]
    kinds = [end.traceback.strip().splitlines()[-1].partition(":")[0] for end in ends if end.cause]
    assert kinds + seen[: "done" in seen] == expected


def test_output_is_kept_per_attempt(place: Place, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Standard output and error, also of what the step starts, and of an attempt that was lost; it is shown as well."""
    tries = tmp_path / "tries"

    @workflow.step(name="talks", max_retries=3)
    def talks() -> int:
        number = count_up(tries)
        print(f"out {number}")  # noqa: T201
        print(f"err {number}", file=sys.stderr)  # noqa: T201
        sys.stdout.flush()
        subprocess.run(["echo", f"child {number}"], check=True)
        if number == 1:
            raise ValueError("again")
        if number == 2:
            os._exit(1)
        return number

    assert talks.step().run("talks") == 3
    inspect = bootstrap.inspect(bootstrap.settings(store=place.url))
    try:
        logs = inspect.log("talks", "talks")
        assert [log.attempt for log in logs] == [1, 2, 3]
        for log in logs:
            assert sorted(log.text.split("\n")) == [
                "",
                f"child {log.attempt}",
                f"err {log.attempt}",
                f"out {log.attempt}",
            ]
        assert inspect.log("talks", "talks", 2)[0].text == logs[1].text
    finally:
        inspect.store.close()
    shown = capsys.readouterr().out
    assert "(talks pid=" in shown
    assert [
        f"{word} {number}"
        for number in (1, 2, 3)
        for word in ("out", "err", "child")
        if f") {word} {number}" not in shown
    ] == []


def test_a_body_that_exits(place: Place) -> None:
    """`sys.exit` in a body is its failure, not the worker's end."""

    @workflow.step(name="exits", max_retries=1)
    def exits() -> None:
        sys.exit("enough")

    with pytest.raises(workflow.WorkflowExecutionError, match="SystemExit: enough"):
        exits.step().run("exits")
    (attempt,) = place.attempts("exits", "exits")
    assert attempt.end.cause is Cause.ERROR


def test_memory_has_a_cause_of_its_own(place: Place) -> None:
    """A `MemoryError` is told apart from other errors."""

    @workflow.step(name="hungry", max_retries=1)
    def hungry() -> None:
        raise MemoryError("too much")

    with pytest.raises(workflow.WorkflowExecutionError, match="too much") as caught:
        hungry.step().run("hungry")
    assert isinstance(caught.value.__cause__, MemoryError)
    (attempt,) = place.attempts("hungry", "hungry")
    assert attempt.end.cause is Cause.MEMORY


def test_which_task_is_running_is_known_to_its_body(place: Place) -> None:
    """Run, step and attempt, for idempotency keys; outside of steps there is none."""

    @workflow.step(name="aware", max_retries=2)
    def aware() -> Any:
        task = context.current_task.get()
        assert task is not None
        if task.attempt == 1:
            raise ValueError("again")
        return list(task)[:4]

    assert aware.step().run("aware") == ["aware", "aware", 2, True]
    assert context.current_task.get() is None


@pytest.mark.parametrize("failing", [False, True])
def test_progress_is_shown(place: Place, tmp_path: Path, failing: bool) -> None:
    """`.run(progress=True)` says on standard error how much was done, also when the run fails."""
    script = tmp_path / "progress.py"
    script.write_text(
        "import sys\n"
        "from manyhands import workflow\n"
        "@workflow.step(max_retries=1)\n"
        "def part(number):\n"
        "    if number < 0:\n"
        "        raise ValueError('negative')\n"
        "    return number\n"
        "@workflow.step\n"
        "def total(numbers):\n"
        "    return sum(numbers)\n"
        "if __name__ == '__main__':\n"
        "    numbers = [0, 1, 2, int(sys.argv[1])]\n"
        "    try:\n"
        "        sys.stdout.write(f'{total.step([part.step(n) for n in numbers]).run(progress=True)}\\n')\n"
        "    except workflow.WorkflowExecutionError:\n"
        "        sys.stdout.write('failed\\n')\n",
        encoding="utf-8",
    )
    output = run_program(script, -1 if failing else 3, place=place)
    if failing:
        assert "1 failed" in output
        assert "failed\n" in output
    else:
        assert "5 of 5 done" in output
        assert "6\n" in output


def test_progress_of_what_is_done(place: Place) -> None:
    """A run that is asked for again has nothing to show, and gives its result."""
    step = workflow.step(lambda: 1)
    assert step.step().run("shown") == 1
    assert step.step().run("shown", progress=True) == 1


def test_a_hundred_steps_keep_their_order_of_times(place: Place) -> None:
    """No step starts before the steps whose results it takes have ended, by the journal's own times."""

    @workflow.step(name="part")
    def part(*values: int) -> int:
        return sum(values) % 7 + 1

    layer = [part.step() for _ in range(20)]
    for _ in range(4):
        layer = [part.step(layer[index], layer[index - 1]) for index in range(20)]
    part.step(*layer).run("layers")
    tasks = place.tasks("layers")
    assert len(tasks) == 101
    for task in tasks:
        assert task.started_at is not None
        for upstream in task.upstreams:
            ended = tasks[upstream].ended_at
            assert ended is not None
            assert ended <= task.started_at
    assert time.time() > max(task.ended_at or 0 for task in tasks)
