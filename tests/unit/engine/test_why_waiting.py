"""Explanations of steps that wait in the driver, and of actors, told from the journal alone."""

from collections.abc import Iterator

import pytest

from manyhands.model.errors import UsageError
from manyhands.model.kinds import ACTOR
from manyhands.model.specs import ACTOR_INIT, ACTOR_METHOD, SIGNAL, TIMER, WAIT
from manyhands.model.states import AttemptStatus, Cause, Reason, RunStatus, TaskStatus
from manyhands.model.values import Encoded
from tests.unit.engine.history import History, Past, plain
from tests.unit.engine.test_why import kinds, told

S, R = TaskStatus, RunStatus


@pytest.fixture
def history() -> Iterator[History]:
    made = History()
    yield made
    made.store.close()


# --- steps that wait in the driver ----------------------------------------------------------------------------------


def test_waits_for_a_time(history: History) -> None:
    run = history.run("r").task("a", kind=TIMER).task("z", "a").wait("a", Reason.TIME, due_at=history.now + 121)
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' waits until ")
    assert "(in 2 min); it occupies no worker." in text.splitlines()[0]
    assert kinds(history, "r", "a")[0] == "due"
    assert "Waiting now: 'a', until " in told(history, "r")
    assert "Running now" not in told(history, "r")
    assert "It needs 'a', which waits until " in told(history, "r", "z")
    run.succeed("a")
    assert told(history, "r", "a").startswith("Step 'a' waited 1.0 s, and its time came at ")


def test_waits_for_a_signal(history: History) -> None:
    run = history.run("a run").task("a", kind=SIGNAL, inputs=plain("go on")).wait("a", Reason.SIGNAL, "go on")
    text = told(history, "a run", "a")
    assert text.startswith("Step 'a' waits for the signal 'go on'; it occupies no worker.")
    assert "`manyhands runs send 'a run' 'go on'`" in text
    assert "signal" in kinds(history, "a run", "a")
    text = told(history, "a run")
    assert "Waiting now: 'a', for the signal 'go on'." in text
    assert "`manyhands runs send 'a run' 'go on'`" in text
    run.succeed("a")
    assert "and the signal 'go on' came at " in told(history, "a run", "a")
    assert "send" not in told(history, "a run")


def test_waits_for_a_signal_for_so_long(history: History) -> None:
    run = history.run("r").task("a", kind=SIGNAL, inputs=plain("k", timeout=30))
    run.wait("a", Reason.SIGNAL, "k", history.now + 31)
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' waits for the signal 'k', at most until ")
    assert "It gives up at " in text
    message = "waited in vain for the signal 'k'"
    run.move(
        "a",
        S.FAILED,
        Reason.TIMEOUT,
        message=message,
        attempt_end=run.end(AttemptStatus.FAILED, Cause.TIMEOUT, message),
    )
    text = told(history, "r", "a")
    assert text.startswith(f"Step 'a' failed, because it waited as long as it was told to: {message}")
    assert "tasks logs" not in text


def test_waits_for_some_of_several(history: History) -> None:
    run = history.run("r").task("x").task("y").task("z", kind=TIMER)
    run.task("w", "x", "y", "z", kind=WAIT, inputs=plain(2, timeout=9))
    run.start("y").wait("z", Reason.TIME, due_at=history.now + 500)
    run.wait("w", Reason.UPSTREAM, due_at=history.now + 60)
    text = told(history, "r", "w")
    assert text.startswith("Step 'w' waits for 2 of 3 steps: 'x', 'y' and 'z', at most until ")
    assert "It goes on with what is there at " in text
    assert "It waits for 'x', which is pending." in text
    assert "It waits for 'z', which waits until " in text
    run.done("x")
    assert "It waits for 'x'" not in told(history, "r", "w")
    assert "Running now: 'y'." in told(history, "r")
    run.fail("y", "no").fail("w", "no", source="y")
    assert "because step 'y', which it waited for, failed: no" in told(history, "r", "w")


def test_what_waits_is_not_what_keeps_the_workers_busy(history: History) -> None:
    history.run("r").task("a").task("b", kind=TIMER).task("c").start("a").wait("b", Reason.TIME, due_at=history.now + 9)
    assert "1 step of this run is running now: 'a'." in told(history, "r", "c")


def test_a_run_that_only_waits_has_no_rate(history: History) -> None:
    run = history.run("r").task("x").task("y").task("z").task("a", kind=SIGNAL, inputs=plain("k"))
    run.done("x", "y").start("z").wait("a", Reason.SIGNAL, "k")
    assert "steps are done per second" in told(history, "r")
    run.succeed("z")
    assert "steps are done per second" not in told(history, "r")


def test_many_that_wait_are_not_all_shown(history: History) -> None:
    run = history.run("r")
    for number in range(8):
        run.task(f"t{number}", kind=SIGNAL, inputs=plain("k")).wait(f"t{number}", Reason.SIGNAL, "k")
    text = told(history, "r")
    assert text.count("Waiting now: ") == 5
    assert "3 more steps wait as well." in text
    assert text.count("manyhands runs send r k") == 1


def test_what_waits_goes_on_without_a_driver(history: History) -> None:
    run = history.run("r").task("a", kind=SIGNAL, inputs=plain("k")).task("b", kind=TIMER).wait("a", Reason.SIGNAL, "k")
    run.wait("b", Reason.TIME, due_at=history.now + 100)
    history.graves.ids.add("e1")
    text = told(history, "r", "a")
    assert text.startswith("Step 'a' waits for the signal 'k'; but the run's driver is gone.")
    assert "manyhands runs send r k" in text
    assert "manyhands runs resume r" in text
    assert "Waiting now: 'b', until " in told(history, "r")
    due = history.inspect.task("r", "b").due_at
    resumed = history.take_over("r")
    assert history.inspect.task("r", "b").due_at == due, "what was fixed at first is fixed for good"
    resumed.wait("a", Reason.SIGNAL, "k").wait("b", Reason.TIME, due_at=due)
    text = told(history, "r", "b")
    assert "It went on waiting because the run was resumed" in text
    assert "ran again" not in text


# --- actors ---------------------------------------------------------------------------------------------------------


def actor(history: History, *calls: str) -> Past:
    """An actor whose constructor is done, called so often."""
    run = history.run("act", kind=ACTOR).task("init", kind=ACTOR_INIT).done("init").now_is(1, "init", plain("{}"))
    before = "init"
    for call in calls:
        run.task(call, before, kind=ACTOR_METHOD)
        before = call
    return run


def test_a_call_waits_for_the_call_before_it(history: History) -> None:
    run = actor(history, "add", "add_1").start("add")
    text = told(history, "act", "add_1")
    assert text.startswith("Step 'add_1' waits for the call before it, 'add'.")
    assert "The call before it is 'add', which is running." in text
    assert "inputs" not in text
    run.task("input").task("add_2", "input", "add_1", kind=ACTOR_METHOD)
    text = told(history, "act", "add_2")
    assert "waits for the call before it, 'add_1', and for its inputs: 'input'." in text.splitlines()[0]
    assert "Its result is an input of 'add_2'." in told(history, "act", "input")
    assert "input of" not in told(history, "act", "add"), "the next call does not read what this one returns"
    assert "Its call came after 'init', which succeeded." in told(history, "act", "add")


def test_a_call_behind_a_failed_one(history: History) -> None:
    run = actor(history, "add", "add_1", "add_2").start("add").fail("add", "ValueError: negative")
    text = told(history, "act", "add_2")
    assert text.startswith("Step 'add_2' cannot run: 'add', which comes before it, failed.")
    assert "`manyhands runs skip act add`" in text
    run.over(R.FAILED, Reason.ERROR, "ValueError: negative", source="add")
    text = told(history, "act", "add_2")
    assert text.startswith("Step 'add_2' has not run: 'add', which comes before it among the actor's calls, failed.")
    assert text.count("`manyhands runs skip act add`") == 1
    assert "`manyhands runs skip act add`" in told(history, "act", "add")
    assert "`manyhands runs skip act add`" in told(history, "act")


def test_what_a_call_returned_has_failed(history: History) -> None:
    """It is the call that can be passed over."""
    run = actor(history, "add").start("add").task("deep", parent="add").forward("add", "deep").start("deep")
    run.fail("deep", "no").fail("add", "no", source="deep").over(R.FAILED, Reason.ERROR, "no", source="deep")
    assert "`manyhands runs skip act add`" in told(history, "act", "deep")
    assert "`manyhands runs skip act add`" in told(history, "act")


def test_a_constructor_that_failed_cannot_be_passed_over(history: History) -> None:
    run = history.run("act", kind=ACTOR).task("init", kind=ACTOR_INIT).start("init").fail("init", "no")
    run.over(R.FAILED, Reason.ERROR, "no", source="init")
    assert "skip" not in told(history, "act", "init")
    assert "skip" not in told(history, "act")


def test_a_skipped_call(history: History) -> None:
    run = actor(history, "add").start("add").task("deep", parent="add").forward("add", "deep").start("deep")
    run.fail("deep", "no").fail("add", "no", source="deep").over(R.FAILED, Reason.ERROR, "no", source="deep")
    run = history.take_over("act").move("add", S.SKIPPED, Reason.SKIPPED).move("deep", S.SKIPPED, Reason.SKIPPED)
    text = told(history, "act", "add")
    assert text.startswith("Step 'add' was passed over at ")
    assert "the actor's state stayed as it was before" in text
    assert "ran again" not in text
    assert "together with the call 'add' that it is part of" in told(history, "act", "deep")


def test_an_actor_at_rest_and_called(history: History) -> None:
    actor(history).over(R.SUCCEEDED, Reason.DONE)
    assert told(history, "act").startswith("Actor 'act' is at rest, in version 1; its last call ended at ")
    assert "It was called" not in told(history, "act")
    for number in (2, 3):
        run = history.call_again("act").task(f"add_{number}", "init", kind=ACTOR_METHOD).done(f"add_{number}")
        run.now_is(number, f"add_{number}", plain(f"{number}")).over(R.SUCCEEDED, Reason.DONE)
    text = told(history, "act")
    assert text.startswith("Actor 'act' is at rest, in version 3; ")
    assert "It was called twice while nobody drove it, last at " in text
    assert "manyhands runs states act" in text
    assert "It is the actor's latest call." in told(history, "act", "add_3")
    assert "result of the run" not in told(history, "act", "add_3")
    assert "The run was made with it" not in told(history, "act", "add_2")


def test_a_call_that_was_tried_again_with_the_next(history: History) -> None:
    actor(history, "add").start("add").fail("add", "no").over(R.FAILED, Reason.ERROR, "no", source="add")
    history.call_again("act").done("add")
    assert "because the actor was called again, or resumed, and it had failed." in told(history, "act", "add")


# --- states, as readers are shown them ------------------------------------------------------------------------------


def test_states(history: History) -> None:
    run = actor(history, "a", "b", "c", "d")
    run.now_is(2, "a", plain(1, 2)).now_is(3, "b", Encoded("pickle", b"\x80\x05N.", None, 4))
    run.now_is(4, "c", Encoded("msgpack", b"", history.store.blobs.put(b"\xa3abc"), 4))
    run.now_is(5, "d", Encoded("msgpack", b"\xc1", None, 1))
    views = history.inspect.states("act")
    assert [(view.version, view.step) for view in views] == [(1, "init"), (2, "a"), (3, "b"), (4, "c"), (5, "d")]
    assert [view.value for view in views] == [[["{}"], {}], [[1, 2], {}], None, "abc", None]
    assert [(view.codec, view.size) for view in views][2:] == [("pickle", 4), ("msgpack", 4), ("msgpack", 1)]
    assert history.inspect.states("act", limit=2) == views[-2:]
    assert history.inspect.states("act", limit=50) == views
    assert (history.inspect.run("act").version, history.inspect.runs()[0].version) == (5, None)
    assert history.inspect.runs(counts=True)[0].version == 5


def test_states_of_what_has_none(history: History) -> None:
    history.run("r").task("a")
    with pytest.raises(UsageError, match="kind workflow: only actors"):
        history.inspect.states("r")
    history.run("act", kind=ACTOR).task("init", kind=ACTOR_INIT)
    assert history.inspect.states("act") == history.inspect.states("act", limit=3) == []
    assert history.inspect.run("act").version is None
    assert history.inspect.run("r").version is None
