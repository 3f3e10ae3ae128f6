"""The programs of the seeds: what they print, and how often."""

import re
import signal
import subprocess
import sys

import pytest

from tests.acceptance.app.apps import SEEDS, collapsed, masked, running
from tests.acceptance.kit import Place, wait_until

WORDS = ["NOT STARTED", "PENDING", "RUNNING", "SUCCESS", "RUNNING", "FAILED"]
PENDING = "WorkStatus(stage='pending', timestamp=…, reason=None, message=None, count=1)"
RUNNING = "WorkStatus(stage='running', timestamp=…, reason=None, message=None, count=1)"
SUCCEEDED = "WorkStatus(stage='succeeded', timestamp=…, reason=None, message=None, count=1)"
FAILED = "WorkStatus(stage='failed', timestamp=…, reason='user_exception', message='The provided value was 1', count=1)"


def test_the_stages_of_a_work_are_seen_in_their_order(place: Place) -> None:
    with running(place, SEEDS / "app_status.py") as app:
        app.wait_for("FAILED")
        app.process.send_signal(signal.SIGINT)
        assert app.wait_end() == 1
        lines = app.lines
    assert collapsed([line for line in lines if line in WORDS]) == WORDS
    statuses = collapsed([masked(line) for line in lines if line.startswith("WorkStatus(")])
    not_started = "WorkStatus(stage='not_started', timestamp=…, reason=None, message=None, count=1)"
    assert statuses == [not_started, PENDING, RUNNING, SUCCEEDED, RUNNING, FAILED]
    assert lines[-1] == "Aborted!"


def test_one_record_keeps_its_time_and_times_rise(place: Place) -> None:
    with running(place, SEEDS / "app_status.py") as app:
        app.wait_for("FAILED")
        app.process.kill()
        app.process.wait()
        times = [float(found) for found in re.findall(r"timestamp=([0-9.]+)", "\n".join(app.lines))]
    assert times == sorted(times)
    assert len(set(times)) == 6


def test_the_history_of_the_latest_call_grows_as_it_is_printed(place: Place) -> None:
    with running(place, SEEDS / "app_statuses.py") as app:
        app.wait_for("stage='failed'")
        app.process.kill()
        app.process.wait()
        lists = collapsed([masked(line) for line in app.lines if line.startswith("[")])
    assert lists == [
        "[]",
        f"[{PENDING}]",
        f"[{PENDING}, {RUNNING}]",
        f"[{PENDING}, {RUNNING}, {SUCCEEDED}]",
        f"[{PENDING}, {RUNNING}]",
        f"[{PENDING}, {RUNNING}, {FAILED}]",
    ]


@pytest.mark.parametrize(("program", "values"), [("app_cached.py", [1, 10]), ("app_uncached.py", [1] * 5 + [10])])
def test_a_cached_call_runs_once(program: str, values: list[int]) -> None:
    done = subprocess.run([sys.executable, str(SEEDS / program)], capture_output=True, text=True, check=True)
    expected = [f"I received the following props: args: () kwargs: {{'value': {value}}}" for value in values]
    assert done.stdout.splitlines() == expected


def test_nothing_after_a_blocking_call_that_is_not_cached_is_reached(place: Place) -> None:
    with running(place, SEEDS / "app_blocked.py") as app:
        app.wait_for("HERE BEFORE")
        place_of_calls = "HERE BEFORE"
        from_now = app.lines.count(place_of_calls)
        app.wait_for("INFO: Your app has started.")
        wait_until(lambda: app.lines.count(place_of_calls) >= from_now + 20, "the turns")
        assert app.process.poll() is None
        lines = [line for line in app.lines if line.startswith("HERE")]
    assert set(lines) == {"HERE BEFORE"}
    assert len(place.tasks(place.store.runs(limit=1)[0].run_id)) > 3
