"""The read side, on runs written as an engine writes them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from manyhands.model.errors import RunNotFound, TaskNotFound
from manyhands.model.kinds import APP
from manyhands.model.outcomes import LogRange
from manyhands.model.records import EngineRecord
from manyhands.model.specs import PRESENCE
from manyhands.model.states import RUN_TERMINAL, Cause, Reason, RunStatus, TaskStatus
from tests.unit.engine.history import START, History

S = TaskStatus


@pytest.fixture
def history() -> Iterator[History]:
    made = History()
    yield made
    made.store.close()


def finished(history: History, run_id: str) -> None:
    run = history.run(run_id).task("a").done("a")
    run.over(RunStatus.SUCCEEDED, Reason.DONE)


def diamond(history: History, run_id: str = "r") -> None:
    run = history.run(run_id, metadata={"owner": "me"})
    run.task("a").task("b", "a").task("c", "a").task("d", "b", "c")
    run.done("a", "b").start("c")


# --- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_with_its_counts(history: History) -> None:
    diamond(history)
    view = history.inspect.run("r")
    assert (view.id, view.status, view.stored, view.kind) == ("r", "running", "running", "workflow")
    assert view.metadata == {"owner": "me"}
    assert view.counts == {S.PENDING: 1, S.RUNNING: 1, S.SUCCEEDED: 2}
    assert view.entry == "a"
    assert view.driver is not None
    assert (view.driver.id, view.driver.pid, view.driver.alive, view.driver.runs) == ("e1", 4711, True, ["r"])
    assert view.duration == pytest.approx(history.now - START)


def test_an_unknown_run_and_an_unknown_step(history: History) -> None:
    with pytest.raises(RunNotFound, match=r"No such workflow_id '?x"):
        history.inspect.run("x")
    diamond(history)
    with pytest.raises(TaskNotFound, match=r"No such step_id '?x'? in workflow '?r"):
        history.inspect.task("r", "x")


def bury(history: History) -> None:
    history.graves.ids.add("e1")


def expire(history: History) -> None:
    history.now = history.engine.expires_at


def retire(history: History) -> None:
    history.store.retire("e1", history.now)


@pytest.mark.parametrize("lose", [bury, expire, retire])
def test_a_run_whose_driver_is_gone_is_resumable_whatever_is_stored(history: History, lose: object) -> None:
    diamond(history)
    assert callable(lose)
    lose(history)
    view = history.inspect.run("r")
    assert view.status is RunStatus.RESUMABLE
    assert view.reason == Reason.DRIVER_LOST
    assert history.inspect.status("r") is RunStatus.RESUMABLE
    assert view.counts == {S.PENDING: 2, S.SUCCEEDED: 2}
    assert view.duration is None
    assert view.driver is None or not view.driver.alive


def test_a_finished_run_needs_no_driver(history: History) -> None:
    finished(history, "r")
    bury(history)
    view = history.inspect.run("r")
    assert view.status is RunStatus.SUCCEEDED
    assert view.driver is None


def test_a_detached_run_that_nobody_has_taken_is_pending(history: History) -> None:
    history.run("r", detached=True).task("a")
    assert history.inspect.status("r") is RunStatus.PENDING


@pytest.fixture
def many(history: History) -> History:
    for number in range(6):
        finished(history, f"done-{number}")
        diamond(history, f"lost-{number}")
    bury(history)
    history.store.enroll(EngineRecord("e3", "embedded", "host/boot", 5, "5", history.now, history.now + 1e6))
    diamond(history, "alive")
    return history


def test_runs_are_newest_first(many: History) -> None:
    assert [view.id for view in many.inspect.runs(limit=3)] == ["alive", "lost-5", "done-5"]
    oldest = many.inspect.runs(newest_first=False, limit=2)
    assert [view.id for view in oldest] == ["done-0", "lost-0"]


@pytest.mark.parametrize(
    ("status", "ids"),
    [
        (RunStatus.RUNNING, ["alive"]),
        (RunStatus.RESUMABLE, [f"lost-{n}" for n in range(5, -1, -1)]),
        (RunStatus.SUCCEEDED, [f"done-{n}" for n in range(5, -1, -1)]),
        (RunStatus.FAILED, []),
    ],
)
def test_runs_are_chosen_by_their_effective_status(many: History, status: RunStatus, ids: list[str]) -> None:
    assert [view.id for view in many.inspect.runs(statuses=[status])] == ids
    assert [view.id for view in many.inspect.runs(statuses=[status], newest_first=False)] == ids[::-1]


def test_pages_of_runs_fit_together(many: History) -> None:
    seen: list[str] = []
    before = None
    while page := many.inspect.runs(statuses=[RunStatus.RESUMABLE], limit=4, before=before):
        seen += [view.id for view in page]
        before = page[-1].key
    assert seen == [f"lost-{n}" for n in range(5, -1, -1)]


def test_runs_by_prefix_and_kind(many: History) -> None:
    assert len(many.inspect.runs(prefix="done-")) == 6
    assert many.inspect.runs(kind="actor") == []
    assert len(many.inspect.runs(kind="workflow")) == 13


def test_counts_come_on_request(many: History) -> None:
    assert many.inspect.runs(limit=1)[0].counts is None
    assert many.inspect.runs(limit=1, counts=True)[0].counts == {S.PENDING: 1, S.RUNNING: 1, S.SUCCEEDED: 2}


def test_engines_with_what_they_drive(many: History) -> None:
    views = {view.id: view for view in many.inspect.engines()}
    assert views["e3"].alive
    assert views["e3"].runs == ["alive"]
    assert not views["e1"].alive


# --- tasks ----------------------------------------------------------------------------------------------------------


def test_tasks_name_each_other(history: History) -> None:
    diamond(history)
    views = history.inspect.tasks("r")
    assert [view.name for view in views] == ["a", "b", "c", "d"]
    assert views[3].upstreams == ["b", "c"]
    assert views[3].metadata == {"step": "d"}
    assert history.inspect.task("r", "d") == views[3]


def test_a_running_task_lasts_until_now(history: History) -> None:
    diamond(history)
    history.tick(10)
    view = history.inspect.task("r", "c")
    assert view.status is S.RUNNING
    assert view.duration == pytest.approx(10)


def test_nothing_runs_in_a_run_without_a_driver(history: History) -> None:
    diamond(history)
    bury(history)
    view = history.inspect.task("r", "c")
    assert (view.status, view.stored, view.reason) == (S.PENDING, S.RUNNING, Reason.DRIVER_LOST)
    assert history.inspect.tasks("r", statuses=[S.RUNNING]) == []
    assert [v.name for v in history.inspect.tasks("r", statuses=[S.PENDING])] == ["c", "d"]


def test_an_app_that_was_ended_waits_to_be_gone_on_with(history: History) -> None:
    """What keeps it open has ended with its process, which is no failure of it."""
    run = history.run("daily", kind=APP).task("app", kind=PRESENCE).task("root.work").start("app").done("root.work")
    run.let_go("app")
    view = history.inspect.run("daily")
    assert (view.status, view.source, view.message) == (RunStatus.RESUMABLE, None, "its process has ended")
    assert view.counts == {S.PENDING: 1, S.SUCCEEDED: 1}
    assert history.inspect.task("daily", "app").status is S.PENDING
    assert [task.name for task in history.inspect.tasks("daily", statuses=[S.PENDING])] == ["app"]
    assert history.inspect.tasks("daily", statuses=[S.FAILED]) == []
    assert history.inspect.progress("daily").failed == 0
    (listed,) = history.inspect.runs(counts=True)
    assert listed.counts == view.counts


def test_pages_of_tasks_fit_together(history: History) -> None:
    run = history.run("r")
    for number in range(25):
        run.task(f"t{number}")
    run.done("t3", "t20")
    seen: list[str] = []
    after = -1
    while page := history.inspect.tasks("r", statuses=[S.PENDING], limit=7, after=after):
        seen += [view.name for view in page]
        after = page[-1].ordinal
    assert seen == [f"t{n}" for n in range(25) if n not in (3, 20)]


def test_the_tree_has_what_steps_returned_below_them(history: History) -> None:
    run = history.run("r").task("a").start("a").task("b", parent="a").task("c", "b", parent="a").forward("a", "c")
    run.done("b").start("c").task("d", parent="c").forward("c", "d")
    roots = history.inspect.tree("r")
    assert [node.task.name for node in roots] == ["a"]
    assert [node.task.name for node in roots[0].children] == ["b", "c"]
    assert [node.task.name for node in roots[0].children[1].children] == ["d"]
    view = roots[0].task
    assert (view.status, view.forward_to) == (S.RUNNING, "c")
    assert roots[0].children[1].task.parent == "a"


def test_of_a_large_run_the_first_are_shown_and_those_that_need_a_look(history: History) -> None:
    run = history.run("r")
    for number in range(30):
        run.task(f"t{number}")
    run.start("t20").fail("t20", "no").start("t25")
    names = [node.task.name for node in history.inspect.tree("r", most=3)]
    assert names == ["t0", "t1", "t2", "t20", "t25"]
    assert len(history.inspect.tree("r", most=100)) == 30


def test_a_failed_task_has_the_duration_of_its_last_attempt(history: History) -> None:
    history.run("r").task("a").start("a").retry("a", "no", 0).start("a").fail("a", "no")
    assert history.inspect.task("r", "a").duration == pytest.approx(1.0)


def test_attempts(history: History) -> None:
    run = history.run("r").task("a").task("b")
    run.start("a").retry("a", "gone", 0, Cause.LOST).start("a").fail("a", "broken").done("b")
    views = history.inspect.attempts("r", "a")
    assert [(v.task, v.number, v.status, v.cause, v.message) for v in views] == [
        ("a", 1, "lost", "lost", "gone"),
        ("a", 2, "failed", "error", "broken"),
    ]
    assert views[1].traceback == "Traceback\n  File\nbroken"
    assert [v.task for v in history.inspect.attempts("r")].count("b") == 1


# --- logs -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def logged(history: History, tmp_path: Path) -> History:
    history.store.log_folder = str(tmp_path)
    with open(os.path.join(history.store.log_folder, "7-1.log"), "wb") as file:
        file.write("before\nfirst line\nsecond, naïve\nafter".encode())
    run = history.run("r").task("a").task("b").task("c")
    run.start("a").fail("a", "no", LogRange("7-1.log", 7, 32)).start("b").fail("b", "no", LogRange("none.log", 0, 9))
    run.done("c")
    return history


def test_a_log_is_the_attempt_s_part_of_the_worker_s_file(logged: History) -> None:
    [log] = logged.inspect.log("r", "a")
    assert (log.text, log.attempt, log.skipped, log.note) == ("first line\nsecond, naïve", 1, 0, "")


def test_the_end_of_a_long_log(logged: History) -> None:
    [log] = logged.inspect.log("r", "a", tail=4)
    assert log.skipped == 21
    assert log.text.endswith("ve")


def test_a_log_that_is_gone_says_so(logged: History) -> None:
    [log] = logged.inspect.log("r", "b")
    assert "is gone" in log.note
    assert "none.log" in log.note


def test_a_task_that_wrote_nothing(logged: History) -> None:
    [log] = logged.inspect.log("r", "c", 1)
    assert (log.text, log.note) == ("", "it wrote nothing")


def test_an_attempt_that_there_is_not(logged: History) -> None:
    [log] = logged.inspect.log("r", "c", 9)
    assert "no attempt 9" in log.note


def test_a_running_attempt_has_no_log_yet(history: History) -> None:
    history.run("r").task("a").start("a")
    assert history.inspect.log("r", "a") == []
    [log] = history.inspect.log("r", "a", 1)
    assert "it runs now" in log.note


def test_a_log_s_name_leads_nowhere_else(history: History, tmp_path: Path) -> None:
    history.store.log_folder = str(tmp_path / "logs")
    (tmp_path / "secret").write_text("secret")
    history.run("r").task("a").start("a").fail("a", "no", LogRange("../secret", 0, 6))
    [log] = history.inspect.log("r", "a")
    assert log.text == ""


# --- events and progress --------------------------------------------------------------------------------------------


def test_events_of_a_run_and_of_a_task(history: History) -> None:
    diamond(history)
    finished(history, "other")
    events = history.inspect.events("r")
    assert {event.run for event in events} == {"r"}
    assert (events[0].task, events[0].state, events[0].reason) == (None, "running", "started")
    states = [(event.task, event.state) for event in history.inspect.events("r", "b")]
    assert states == [("b", "pending"), ("b", "running"), ("b", "succeeded")]
    assert len(history.inspect.events()) > len(events)


@pytest.mark.parametrize("count", [0, 1, 2, 5, 1000])
def test_the_last_events(history: History, count: int) -> None:
    diamond(history)
    for number in range(9):
        finished(history, f"other-{number}")
    everything, of_run = history.inspect.events(), history.inspect.events("r")
    assert history.inspect.last_events(count) == (everything[-count:] if count else [])
    assert history.inspect.last_events(count, "r") == (of_run[-count:] if count else [])
    assert history.inspect.last_event() == everything[-1].id
    assert history.inspect.last_event("r") == of_run[-1].id


def test_an_empty_store_has_no_last_event(history: History) -> None:
    assert history.inspect.last_event() == 0
    assert history.inspect.last_events(3) == []


def test_following_sees_what_comes_and_ends_with_the_run(history: History) -> None:
    diamond(history)
    run = history.go_on("r")
    history.when_paused = [
        lambda: run.succeed("c"),
        lambda: None,
        lambda: run.done("d"),
        lambda: run.over(RunStatus.SUCCEEDED, Reason.DONE),
    ]
    start = history.inspect.last_event("r")
    batches = [[(e.task, e.state) for e in batch] for batch in history.inspect.follow("r", after=start)]
    assert batches == [
        [("c", "succeeded")],
        [("d", "running"), ("d", "succeeded")],
        [(None, "succeeded")],
    ]
    assert history.inspect.status("r") in RUN_TERMINAL


def test_following_a_finished_run_ends_at_once(history: History) -> None:
    finished(history, "r")
    assert [len(batch) for batch in history.inspect.follow("r", after=0)] == [len(history.inspect.events("r"))]


def test_following_everything_sees_runs_that_begin_later(history: History) -> None:
    history.when_paused = [lambda: finished(history, "later")]
    batches = history.inspect.follow(after=0)
    assert {event.run for event in next(batches)} == {"later"}


def test_progress(history: History) -> None:
    run = history.run("r")
    for number in range(20):
        run.task(f"t{number}")
    for number in range(10):
        run.done(f"t{number}")
    run.start("t10").start("t11").fail("t11", "no").start("t12")
    view = history.inspect.progress("r")
    assert (view.total, view.done, view.running, view.failed, view.waiting) == (20, 10, 2, 1, 7)
    assert view.now_running == ["t10", "t12"]
    assert view.rate == pytest.approx(0.5, rel=0.15)
    assert view.rate is not None
    assert view.left == pytest.approx(9 / view.rate)


def test_the_rate_begins_anew_with_a_session(history: History) -> None:
    run = history.run("r").task("a").task("b").task("c").done("a")
    history.tick(10_000)
    history.graves.ids.add("e1")
    run = history.take_over("r")
    assert history.inspect.progress("r").rate is None
    run.done("b", "c")
    assert history.inspect.progress("r").rate == pytest.approx(0.5)


def test_progress_of_a_run_without_a_driver_has_no_rate(history: History) -> None:
    diamond(history)
    bury(history)
    view = history.inspect.progress("r")
    assert (view.status, view.rate, view.left, view.now_running, view.running) == ("resumable", None, None, [], 0)


def test_progress_of_a_finished_run(history: History) -> None:
    finished(history, "r")
    view = history.inspect.progress("r")
    assert (view.total, view.done, view.left) == (1, 1, None)
    taken = view.elapsed
    history.tick(1000)
    assert history.inspect.progress("r").elapsed == taken


def test_counts_of_the_store(history: History) -> None:
    finished(history, "r")
    counts = history.inspect.store_counts()
    assert (counts.runs, counts.tasks) == ({"succeeded": 1}, 1)
