"""Explanations: each reason there is, told from the journal alone."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from manyhands.engine.why import Explanation, explain
from manyhands.model.errors import RunNotFound, TaskNotFound
from manyhands.model.kinds import APP
from manyhands.model.outcomes import LogRange
from manyhands.model.records import ForkPlan
from manyhands.model.specs import PRESENCE, WORK
from manyhands.model.states import AttemptStatus, Cause, Reason, RunStatus, TaskStatus
from tests.unit.engine.history import START, History, plain

S, R = TaskStatus, RunStatus


@pytest.fixture
def history() -> Iterator[History]:
    made = History()
    yield made
    made.store.close()


def told(history: History, run: str, task: str | None = None) -> str:
    """The whole explanation as text; what JSON is made of it is tried by the way."""
    explanation = explain(history.inspect, run, task)
    decoded = msgspec.json.decode(msgspec.json.encode(explanation), type=Explanation)
    assert decoded.lines() == explanation.lines()
    return "\n".join(explanation.lines())


def kinds(history: History, run: str, task: str | None = None) -> list[str]:
    return [fact.kind for fact in explain(history.inspect, run, task).facts]


def test_unknown_things(history: History) -> None:
    with pytest.raises(RunNotFound):
        explain(history.inspect, "x")
    history.run("r").task("a")
    with pytest.raises(TaskNotFound):
        explain(history.inspect, "r", "x")


# --- a step that ran ------------------------------------------------------------------------------------------------


def test_why_it_ran_and_who_needs_it(history: History) -> None:
    history.run("r").task("a").task("b", "a").task("c", "a").done("a")
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' ran on process:7 and succeeded in 1.0 s at ")
    assert "Its result is the result of the run." in text
    assert "Its result is an input of 'b' and 'c'." in text


def test_who_called_it(history: History) -> None:
    run = history.run("r").task("a").start("a").task("b", parent="a").forward("a", "b")
    run.start("b")
    assert "It was called by step 'a', which returned it." in told(history, "r", "b")
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' has run; it waits for step 'b', which it returned.")
    assert "It led to 'b', which is running." in text
    run.succeed("b").succeed("a", source="b")
    text = told(history, "r", "a")
    assert "what it returned was step 'b', and that succeeded" in text


def test_a_chain_of_forwards_is_followed(history: History) -> None:
    run = history.run("r").task("a")
    for above, below in (("a", "b"), ("b", "c"), ("c", "d")):
        run.start(above).task(below, parent=above).forward(above, below)
    text = told(history, "r", "a")
    assert "It led to 'b', which waits for 'c', which it returned." in text
    assert "It led to 'd', which is pending." in text


def test_a_running_step(history: History) -> None:
    history.run("r").task("a").start("a").retry("a", "no", 0).start("a")
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' is running on process since ")
    assert "attempt 2" in text


# --- a step that did not run ----------------------------------------------------------------------------------------


def cache(history: History, run_id: str) -> None:
    key, name = b"k" * 16, "a"
    hit = history.store.cached(key, history.now)
    run = history.run(run_id).task(name, cache=True)
    if hit is None:
        run.start(name).succeed(name, cache_key=key)
    else:
        message = f"computed by {hit.name} of run {hit.run_id}"
        run.succeed(name, Reason.CACHED, message=message, cache_key=key)
    run.over(R.SUCCEEDED, Reason.DONE)


def test_cached_by_which_call_and_when(history: History) -> None:
    cache(history, "first")
    history.tick(3600)
    cache(history, "second")
    text = told(history, "second", "a")
    assert text.startswith("Step 'a' did not run: its result was taken from the cache at ")
    assert "computed by a of run first" in text or "step 'a' of run 'first', saved at" in text


def test_cached_is_still_known_when_the_earlier_run_is_deleted(history: History) -> None:
    cache(history, "first")
    cache(history, "second")
    history.store.delete("first", history.now, dead=["e1"])
    assert "run 'first'" in told(history, "second", "a") or "of run first" in told(history, "second", "a")


def test_upstream_failed(history: History) -> None:
    run = history.run("r").task("d").task("a").task("b", "a").task("c", "b").start("a").fail("a", "ValueError: broken")
    run.over(R.FAILED, Reason.ERROR, "ValueError: broken", source="a")
    text = told(history, "r", "c")
    assert text.startswith("Step 'c' never ran: it needs the result of 'a', which failed.")
    assert "'a' failed, because its code raised an error: ValueError: broken" in text
    assert "manyhands why r a" in text
    assert told(history, "r", "d").startswith("Step 'd' never ran: the run failed at step 'a' before it came to")


def test_upstream_failed_while_the_run_goes_on(history: History) -> None:
    history.run("r").task("a").task("b", "a").task("c").start("c").start("a").fail("a", "no")
    assert told(history, "r", "b").startswith("Step 'b' cannot run: it needs the result of 'a', which failed.")


def test_failure_below_a_forward_is_found(history: History) -> None:
    run = history.run("r").task("a").task("z", "a").start("a").task("b", parent="a").forward("a", "b")
    run.start("b").fail("b", "deep").fail("a", "deep", source="b")
    assert "'b', which failed" in told(history, "r", "z")
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' failed because step 'b', which it led to, failed: deep")


def test_the_run_was_canceled_before_it_came_to_it(history: History) -> None:
    history.run("r").task("a").task("b", "a").start("a")
    history.store.cancel("r", history.tick(), "")
    assert told(history, "r", "a").startswith("Step 'a' was stopped at ")
    assert "because its run was canceled" in told(history, "r", "a")
    assert "the run was over (canceled) before it came to this one" in told(history, "r", "b")


# --- a step that waits ----------------------------------------------------------------------------------------------


def test_waits_for_an_upstream(history: History) -> None:
    run = history.run("r").task("a").task("b", "a").task("c", "b").task("d", "c", "b").start("a")
    text = told(history, "r", "d")
    assert text.startswith("Step 'd' waits for its inputs: 'c' and 'b'.")
    assert "It needs 'c', which is pending." in text
    assert "In the end it waits for 'a'." in text
    run.succeed("a").start("b")
    assert "It needs 'b', which is running." in told(history, "r", "d")


def test_waits_for_a_worker(history: History) -> None:
    run = history.run("r").task("a").task("b").task("c", group="big", slots=2)
    run.start("a").start("b")
    text = told(history, "r", "c")
    assert text.startswith("Step 'c' has all its inputs and waits for a worker.")
    assert "2 steps of this run are running now: 'a' and 'b'." in text
    assert "group 'big'" in text
    assert "executor 'process'" in text
    assert "It takes 2 of them at once." in text


def test_waits_for_a_retry(history: History) -> None:
    history.run("r").task("a").start("a").retry("a", "ConnectionError: refused", 90)
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' waits to be tried again, because its code raised an error.")
    assert "(in 1 min)" in text
    assert "ConnectionError: refused" in text
    assert "retry_due" in kinds(history, "r", "a")


def test_waits_for_an_equal_call(history: History) -> None:
    history.run("r").task("a", cache=True)
    assert "flight" in kinds(history, "r", "a")


def test_waits_for_an_engine(history: History) -> None:
    history.run("r", detached=True).task("a")
    assert "its run waits for an engine" in told(history, "r", "a")
    text = told(history, "r")
    assert text.startswith("Run 'r' was handed over at ")
    assert "manyhands engine start --background" in text


def test_waits_for_a_driver(history: History) -> None:
    history.run("r").task("a").task("b", "a").start("a")
    history.graves.ids.add("e1")
    assert told(history, "r", "a").startswith("Step 'a' was begun, but not finished: the run's driver is gone.")
    text = told(history, "r", "b")
    assert text.startswith("Step 'b' has not run yet: the run's driver is gone.")
    assert "manyhands runs resume r" in text


# --- a step that failed ---------------------------------------------------------------------------------------------


def test_failed_with_attempts_and_log(history: History, tmp_path: Path) -> None:
    history.store.log_folder = str(tmp_path)
    lines = "".join(f"line {number}\n" for number in range(40))
    with open(os.path.join(history.store.log_folder, "w.log"), "w") as file:
        file.write(lines)
    run = history.run("r").task("a").start("a").retry("a", "ValueError: once", 0)
    run.start("a").retry("a", "killed by signal 9 (SIGKILL)", 0, Cause.LOST)
    run.start("a").fail("a", "ValueError: thrice\nmore", LogRange("w.log", 0, len(lines)))
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' failed after 3 attempts, because its code raised an error: ValueError: thrice")
    assert "its code raised an error: ValueError: once" in text
    assert "its worker was lost: killed by signal 9 (SIGKILL)" in text
    assert "The last it wrote:" in text
    assert "line 39" in text
    assert "line 29" not in text
    assert "manyhands tasks logs r a" in text
    assert kinds(history, "r", "a")[:4] == ["attempt", "attempt", "attempt", "log"]


def test_a_failed_work_has_no_log_to_look_at(history: History) -> None:
    """What a work writes goes to its app's own output."""
    history.run("r", kind="app").task("a", kind=WORK).start("a").fail("a", "ValueError: broken")
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' failed after 1 attempt")
    assert "tasks logs" not in text


def test_many_attempts_are_not_all_shown(history: History) -> None:
    run = history.run("r").task("a")
    for number in range(14):
        run.start("a").retry("a", f"error {number}", 0)
    run.start("a").fail("a", "the last")
    explanation = explain(history.inspect, "r", "a")
    shown = [fact for fact in explanation.facts if fact.kind == "attempt"]
    assert [fact.data["number"] for fact in shown] == list(range(6, 16))
    assert "5 earlier attempts, not shown here." in [fact.text for fact in explanation.facts]


def test_caught(history: History) -> None:
    run = history.run("r").task("a", catch=True).start("a")
    end = run.end(AttemptStatus.FAILED, cause=Cause.ERROR, message="ValueError: no")
    run.succeed("a", Reason.CAUGHT, caught=True, message="ValueError: no", attempt_end=end)
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' failed at ")
    assert "its error was caught (`catch_exceptions`), so the run went on" in text
    assert "ValueError: no" in text


def test_odd_names_are_quoted_in_commands(history: History) -> None:
    run = history.run("a run; rm").task("fold 1").start("fold 1").fail("fold 1", "no")
    run.over(R.FAILED, Reason.ERROR, "no", source="fold 1")
    assert "manyhands why 'a run; rm' 'fold 1'" in told(history, "a run; rm")
    assert "manyhands tasks logs 'a run; rm' 'fold 1'" in told(history, "a run; rm", "fold 1")


# --- a step that ran again ------------------------------------------------------------------------------------------


def test_again_because_of_a_retry(history: History) -> None:
    history.run("r").task("a").start("a").retry("a", "ValueError: once", 0).done("a")
    text = told(history, "r", "a")
    assert "It was tried again after ValueError: once." in text


def test_again_because_the_driver_was_lost(history: History) -> None:
    history.run("r").task("a").start("a")
    history.graves.ids.add("e1")
    history.take_over("r").done("a")
    text = told(history, "r", "a")
    assert "It ran again because the run was resumed" in text
    assert "begun but not finished when the run's driver was lost" in text


def test_again_because_it_had_failed(history: History) -> None:
    run = history.run("r").task("a").start("a").fail("a", "no")
    run.over(R.FAILED, Reason.ERROR, "no", source="a")
    history.take_over("r").done("a")
    assert "because the run was resumed, and it had failed." in told(history, "r", "a")


def test_again_because_it_had_been_stopped(history: History) -> None:
    history.run("r").task("a").start("a")
    history.store.cancel("r", history.tick(), "")
    history.take_over("r").done("a")
    assert "because the run was resumed, and it had been stopped." in told(history, "r", "a")


def test_again_because_its_result_was_not_saved(history: History) -> None:
    run = history.run("r").task("a", checkpoint=False).task("b", "a")
    run.start("a").succeed("a", result=None).start("b")
    history.graves.ids.add("e1")
    resumed = history.take_over("r")
    assert resumed.key is not None
    history.store.reopen_tasks(resumed.key, 2, [0], history.tick())
    resumed.start("a").succeed("a", result=None).done("b")
    assert "its result had not been saved (`checkpoint=False`)" in told(history, "r", "a")


def fork(history: History, rerun: list[int], inputs: dict[int, object] | None = None) -> None:
    run = history.run("r").task("c", inputs=plain(1)).task("a", inputs=plain(1, x="old")).task("b", "a")
    run.done("c", "a", "b").over(R.SUCCEEDED, Reason.DONE)
    given = {ordinal: plain(*value) for ordinal, value in (inputs or {}).items()}  # type: ignore[misc]
    history.store.fork("r", "f", "e1", history.tick(), ForkPlan(rerun, [], [], given))


def test_again_in_a_fork_because_an_input_changed(history: History) -> None:
    fork(history, [1, 2], {1: (2,)})
    run = history.go_on("f").done("a")
    text = told(history, "f", "a")
    assert "The fork gave it other inputs than in run 'r':" in text
    assert "argument 1: 1 became 2" in text
    assert "x: 'old' became not given" in text
    run.done("b")
    assert "because it needs 'a', which ran again" in told(history, "f", "b")
    assert told(history, "f", "c").startswith("Step 'c' did not run here: its result was taken over from run 'r'.")


def test_a_fork_names_only_what_changed(history: History) -> None:
    """However the first call was written: the fork's gives all by name."""
    run = history.run("r").task("a", inputs=plain(3, b=1)).done("a").over(R.SUCCEEDED, Reason.DONE)
    history.store.fork("r", "f", "e1", history.tick(), ForkPlan([0], [], [], {0: plain(a=5, b=1)}))
    history.go_on("f").done("a")
    (changed,) = [fact.data["inputs"] for fact in explain(history.inspect, "f", "a").facts if "inputs" in fact.data]
    assert changed == ["a: 3 became 5"]
    assert run.key is not None


def test_an_input_that_was_a_result_is_told_as_one(history: History) -> None:
    place = msgspec.msgpack.Ext(1, (0).to_bytes(4, "big", signed=True))
    history.run("r").task("a").task("b", "a", inputs=plain(place)).done("a", "b").over(R.SUCCEEDED, Reason.DONE)
    history.store.fork("r", "f", "e1", history.tick(), ForkPlan([1], [], [], {1: plain(rows=[1])}))
    history.go_on("f").done("b")
    assert "rows: the result of 'a' became [1]" in told(history, "f", "b")


def test_again_in_a_fork_because_it_was_forked_there(history: History) -> None:
    fork(history, [1, 2])
    history.go_on("f").done("a")
    assert "because run 'r' was forked from this step" in told(history, "f", "a")
    assert "It is a fork of run 'r'" in told(history, "f")


def test_what_a_fork_calls_for_the_first_time_ran_for_no_reason_of_the_fork(history: History) -> None:
    fork(history, [1, 2])
    run = history.go_on("f").start("a").task("new", parent="a").forward("a", "new").done("new")
    text = told(history, "f", "new")
    assert "It was called by step 'a', which returned it." in text
    assert "fork" not in text
    assert run.key is not None


def test_a_fork_whose_origin_is_gone(history: History) -> None:
    fork(history, [1, 2], {1: (2,)})
    history.go_on("f").done("a")
    history.store.delete("r", history.tick(), dead=[])
    assert "run 'r' was forked from this step" in told(history, "f", "a")


# --- runs -----------------------------------------------------------------------------------------------------------


def test_a_run_that_succeeded(history: History) -> None:
    run = history.run("r").task("a").task("b", "a").done("a", "b")
    run.over(R.SUCCEEDED, Reason.DONE)
    text = told(history, "r")
    assert text.startswith(f"Run 'r' succeeded in {history.now - START:.1f} s, at ")
    assert "2 steps: 2 succeeded." in text


def test_a_run_that_failed_names_the_step_that_failed_first(history: History) -> None:
    run = history.run("r").task("a").task("b").task("c", "a").start("a").start("b").fail("b", "ValueError: b")
    run.fail("a", "KeyError: a").over(R.FAILED, Reason.ERROR, "ValueError: b", source="b")
    text = told(history, "r")
    assert "because its step 'b' failed: ValueError: b" in text
    assert "its code raised an error: ValueError: b" in text
    assert "Also failed: 'a'." in text
    assert "3 steps: 1 pending, 2 failed." in text
    assert "manyhands runs resume r" in text


def test_a_running_run(history: History) -> None:
    run = history.run("r").task("a").task("b").task("c").task("d").done("a", "b").start("c").start("d")
    text = told(history, "r")
    assert text.startswith("Run 'r' is running by process 4711 on host (embedded), since ")
    assert "Running now: 'c' and 'd'." in text
    assert "steps are done per second; about" in text
    run.fail("c", "no")
    assert "Failed: 'c'." in told(history, "r")


def test_a_run_whose_driver_was_killed(history: History) -> None:
    history.run("r").task("a").start("a")
    history.graves.ids.add("e1")
    text = told(history, "r")
    assert text.startswith("Run 'r' can be resumed: its driver, process 4711 on host, is gone")
    assert "The last that is known of it was written at " in text
    assert "manyhands runs resume r" in text


def test_a_run_whose_driver_is_silent(history: History) -> None:
    history.run("r").task("a").start("a")
    history.now = history.engine.expires_at + 60
    assert "has sent no heartbeat in time; its lease ended at " in told(history, "r")
    assert "(1 min ago)" in told(history, "r")


def test_a_run_that_its_driver_let_go(history: History) -> None:
    history.run("r").task("a").start("a")
    history.store.mark_resumable(["e1"], history.tick())
    assert told(history, "r").startswith("Run 'r' can be resumed: nobody drives it since")


def test_an_app_that_was_ended(history: History) -> None:
    run = history.run("daily", kind=APP).task("app", kind=PRESENCE).start("app").now_is(1, "app", plain())
    run.let_go("app")
    for task in (None, "app"):
        text = told(history, "daily", task)
        assert "failed" not in text
        assert "`manyhands run app FILE --id daily`" in text
    assert "nobody drives it since its driver let go of it at " in told(history, "daily")
    assert told(history, "daily", "app").startswith("Step 'app' was begun, but not finished")


def test_of_an_app_without_a_name_nothing_is_kept(history: History) -> None:
    history.run("made-up", kind=APP).task("app", kind=PRESENCE).start("app")
    history.graves.ids.add("e1")
    for task in (None, "app"):
        text = told(history, "made-up", task)
        assert "Without a name nothing is kept of an app" in text
        assert "made-up`" not in text


def test_a_run_that_was_canceled(history: History) -> None:
    history.run("r").task("a").start("a")
    history.store.cancel("r", history.tick(), "no longer needed")
    text = told(history, "r")
    assert text.startswith("Run 'r' was canceled at ")
    assert text.splitlines()[0].endswith(": no longer needed.")


def test_a_run_that_was_taken_up(history: History) -> None:
    history.run("r").task("a").start("a")
    history.graves.ids.add("e1")
    history.take_over("r").done("a").over(R.SUCCEEDED, Reason.DONE)
    assert "It was taken up once, last at " in told(history, "r")


def test_a_great_run_is_explained_without_reading_all_of_it(history: History) -> None:
    run = history.run("r").task("a")
    for number in range(300):
        run.task(f"t{number}", "a")
    run.task("all", *(f"t{number}" for number in range(300))).start("a")
    text = told(history, "r", "all")
    assert "and 296 more" in text.splitlines()[0]
    assert len(text.splitlines()) < 30
