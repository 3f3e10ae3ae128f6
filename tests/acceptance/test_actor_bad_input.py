"""Bad input to actors, waits and signals: the class of each error, the cure in its text, and the last good state."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import manyhands
from manyhands import workflow
from manyhands.model import errors
from tests.acceptance.kit import Place, noted, tally, wait_until


@workflow.step
def add(left: int, right: int = 1) -> int:
    return left + right


@workflow.virtual_actor
class Counter:
    """Counts, and does what it should not."""

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def add(self, by: int) -> int:
        self.n += by
        return self.n

    def put(self, value: Any) -> None:
        self.n += 1
        self.value = value

    def many(self: Any) -> Any:
        self.n += 1
        return [self.add.step(1), self.add.step(2)]

    def fail(self) -> None:
        self.n += 1
        raise LookupError("on purpose")

    def give_lock(self) -> Any:
        self.n += 1
        return threading.Lock()

    def call_itself(self) -> int:
        self.n += 1
        return workflow.get_actor("counter").add.run(1)

    def call_later(self, by: int) -> int:
        self.n += 1
        workflow.get_actor("counter").add.run_async(by)
        return self.n

    @workflow.virtual_actor.readonly
    def get(self) -> int:
        return self.n

    @workflow.virtual_actor.readonly
    def held(self) -> Any:
        return self.value

    @workflow.virtual_actor.readonly
    def read_step(self) -> Any:
        return add.step(self.n)

    @workflow.virtual_actor.readonly
    def read_own_step(self: Any) -> Any:
        return self.add.step(1)

    @workflow.virtual_actor.readonly
    def read_fail(self) -> None:
        raise LookupError("on purpose")


@pytest.fixture
def counter(place: Place) -> Any:
    """An actor with a good state: 5."""
    made = Counter.get_or_create("counter", 2)
    assert made.add.run(3) == 5
    wait_until(lambda: workflow.get_status("counter") is workflow.SUCCESSFUL, "the end of the call")
    return made


def refused(
    place: Place, call: Callable[[], Any], error: type[Exception] | tuple[type[Exception], ...], *words: str
) -> Exception:
    """The call raises this error, with these words in its text, and writes nothing."""
    before = place.rows()
    with pytest.raises(error) as caught:
        call()
    text = str(caught.value)
    assert [word for word in words if word not in text] == [], text
    assert place.rows() == before
    return caught.value


def fails(call: Callable[[], Any], cause: type[Exception] | tuple[type[Exception], ...], *words: str) -> None:
    """The writer fails, with the method's own error as the cause."""
    with pytest.raises(workflow.WorkflowExecutionError) as caught:
        call()
    assert isinstance(caught.value.__cause__, cause)
    text = str(caught.value)
    assert [word for word in words if word not in text] == [], text


def untouched(place: Place, actor: Any, n: int = 5) -> None:
    """The last good state is what readers see, here and from the store, and the store is whole."""
    assert actor.get.run() == n
    assert workflow.get_actor("counter").get.run() == n
    assert actor.at(actor.history()[-1].version).n == n
    assert place.findings() == []


# --- ids -----------------------------------------------------------------------------------------------------------


def test_an_unknown_actor(place: Place) -> None:
    """A KeyError, as it was, and a ValueError, as for runs."""
    found = refused(place, lambda: workflow.get_actor("nobody"), workflow.ActorNotFound, "nobody")
    assert isinstance(found, KeyError)
    assert isinstance(found, ValueError)
    assert isinstance(found, manyhands.UsageError)
    assert workflow.list_all() == []


def test_the_id_of_a_run_that_is_no_actor(place: Place) -> None:
    add.step(1).run("sum")
    for call in (lambda: workflow.get_actor("sum"), lambda: Counter.get_or_create("sum", 1)):
        assert isinstance(refused(place, call, workflow.NotAnActor, "sum"), manyhands.ManyhandsError)
    for verb in (lambda: workflow.skip("sum", "x"), lambda: Counter.migrate("sum", lambda state: state)):
        refused(place, verb, workflow.NotAnActor, "sum")
    assert workflow.get_output("sum").result() == 2


def test_a_run_with_the_id_of_an_actor(place: Place, counter: Any) -> None:
    refused(place, lambda: add.step(1).run("counter"), RuntimeError, "counter")
    untouched(place, counter)


@pytest.mark.parametrize("wrong", [7, None, b"id"])
def test_an_id_that_is_no_text(place: Place, wrong: Any) -> None:
    for call in (lambda: Counter.get_or_create(wrong), lambda: workflow.get_actor(wrong)):
        refused(place, call, TypeError, "text")


def test_no_id_at_all(place: Place) -> None:
    refused(place, lambda: Counter.get_or_create(), TypeError, "actor_id")


# --- calls ---------------------------------------------------------------------------------------------------------


def test_an_unknown_method(place: Place, counter: Any) -> None:
    refused(place, lambda: counter.subtract.run(1), AttributeError, "No method with name 'subtract'")
    refused(place, lambda: counter.n, AttributeError, "No method with name 'n'")
    untouched(place, counter)


def test_arguments_that_do_not_fit(place: Place, counter: Any) -> None:
    words = ("Invalid input arguments for virtual actor method 'add'", "missing a required argument: 'by'")
    refused(place, lambda: counter.add.run(), TypeError, *words)
    refused(place, lambda: counter.add.run_async(), TypeError, *words)
    refused(place, lambda: counter.add.run(1, 2), TypeError, "method 'add'", "too many")
    refused(place, lambda: counter.add.options(name="x").run(by=1, to=2), TypeError, "method 'add'", "'to'")
    refused(place, lambda: counter.get.run(1), TypeError, "method 'get'", "too many")
    refused(place, lambda: Counter.get_or_create("other", 1, 2), TypeError, "too many")
    untouched(place, counter)


def test_direct_calls(place: Place, counter: Any) -> None:
    refused(place, lambda: Counter(), TypeError, "cannot be instantiated directly", "get_or_create")
    refused(place, lambda: counter.add(1), TypeError, "add", ".run(")
    refused(place, lambda: counter.get(), TypeError, "get", ".run(")
    untouched(place, counter)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_retries": 0}, ["max_retries should be greater or equal to 1"]),
        ({"metadata": "x"}, ["must be a dict"]),
        ({"metadata": {"bad": object()}}, ["'bad'", "JSON serializable"]),
        ({"catch_exceptions": "yes"}, ["catch_exceptions should be"]),
        ({"max_retry": 3}, ["Unknown option 'max_retry'", "max_retries"]),
    ],
)
def test_options(place: Place, counter: Any, options: dict[str, Any], words: list[str]) -> None:
    for method in (counter.add, counter.get):
        refused(place, lambda method=method: method.options(**options), ValueError, *words)
    untouched(place, counter)


def test_arguments_that_cannot_be_saved(place: Place, counter: Any) -> None:
    refused(place, lambda: counter.put.run(threading.Lock()), errors.EncodingError, "put", "lock")
    refused(place, lambda: Counter.get_or_create("other", threading.Lock()), errors.EncodingError, "lock")
    untouched(place, counter)


def test_a_method_that_waits_for_its_own_actor(place: Place, counter: Any) -> None:
    """It would wait for ever, so it is told; what it asks for without waiting comes after it."""
    fails(counter.call_itself.options(max_retries=1, name="itself").run, RuntimeError, "`self.add(...)`", "run_async")
    untouched(place, counter)
    workflow.skip("counter", "itself")
    assert counter.call_later.run(10) == 6
    assert counter.add.run(1) == 17


# --- decorating ----------------------------------------------------------------------------------------------------


def test_what_is_decorated(place: Place) -> None:
    for wrong in (7, add, len, "Counter"):
        with pytest.raises(TypeError):
            workflow.virtual_actor(wrong)
    for wrong in (7, "get", None):
        with pytest.raises(TypeError, match="can only wrap a method"):
            workflow.virtual_actor.readonly(wrong)


def test_half_a_state(place: Place) -> None:
    """Only one of the two is refused where it is written; one that is inherited counts too."""

    class Base:
        def __setstate__(self, state: Any) -> None:
            self.n = state

    def get_state(_self: Any) -> int:
        return 1

    with pytest.raises(ValueError, match="__setstate__"):
        workflow.virtual_actor(type("OnlyGet", (), {"__getstate__": get_state}))
    with pytest.raises(ValueError, match="__getstate__"):
        workflow.virtual_actor(type("OnlySet", (Base,), {}))
    both = workflow.virtual_actor(type("Both", (Base,), {"__getstate__": get_state, "get": lambda self: self.n}))
    assert both.get_or_create("both").get.run() == 1


# --- what methods give back ----------------------------------------------------------------------------------------


def test_a_reader_that_returns_a_step(place: Place, counter: Any) -> None:
    text = "Returning a Workflow from a readonly virtual actor is not allowed"
    refused(place, counter.read_step.run, TypeError, text)
    refused(place, lambda: counter.read_step.run_async().result(30), TypeError, text)
    refused(place, counter.read_own_step.run, manyhands.UsageError, "step", "inside a call of an actor")
    untouched(place, counter)


def test_a_reader_that_fails(place: Place, counter: Any) -> None:
    """Its own error, and the actor is as it was."""
    refused(place, counter.read_fail.run, LookupError, "on purpose")
    untouched(place, counter)
    assert workflow.get_status("counter") is workflow.SUCCESSFUL
    assert counter.add.run(1) == 6


def test_a_list_of_steps_returned(place: Place, counter: Any) -> None:
    """Scenario 121: it is not supported, and is told."""
    fails(counter.many.options(max_retries=1).run, ValueError, "not serializable")
    untouched(place, counter)


def test_a_result_that_cannot_be_saved(place: Place, counter: Any) -> None:
    """What is not had by the caller has not been done."""
    fails(counter.give_lock.run, errors.EncodingError, "lock")
    untouched(place, counter)


# --- states --------------------------------------------------------------------------------------------------------


class Odd:
    """Nothing that JSON knows."""


@pytest.mark.parametrize("value", [Odd(), {1, 2}, b"bytes", [Odd()], {"deep": {"deeper": Odd()}}, 1j])
def test_a_state_that_is_no_json(place: Place, counter: Any, value: Any) -> None:
    """The text says what to define; the actor goes on when the call is passed over."""
    bad = counter.put.options(max_retries=1, name="bad")
    fails(lambda: bad.run(value), (errors.EncodingError, ValueError), "__getstate__", "__setstate__")
    untouched(place, counter)
    assert workflow.get_status("counter") is workflow.FAILED
    workflow.skip("counter", "bad")
    assert counter.add.run(1) == 6


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        {1: "a"},
        [(1,)],
        {"a": {2: 3}},
        float("inf"),
        "\ud800",
        {"k": None, "l": [True, 1, 1.0, -0.0]},
        10**30,
    ],
)
def test_a_state_that_json_would_change(place: Place, counter: Any, value: Any) -> None:
    """What the next call finds is what the last one left, or the call that would lose it fails."""
    try:
        counter.put.options(max_retries=1).run(value)
    except workflow.WorkflowExecutionError as error:
        assert "__getstate__" in str(error)
        untouched(place, counter)
    else:
        found = counter.held.run()
        assert (type(found), repr(found)) == (type(value), repr(value))
        untouched(place, counter, 6)


def test_a_state_that_holds_itself(place: Place, counter: Any) -> None:
    @workflow.virtual_actor
    class Loop:
        def __init__(self) -> None:
            self.me: Any = None

        def tie(self) -> None:
            self.me = [self.me]
            self.me.append(self.me)

        @workflow.virtual_actor.readonly
        def get(self) -> Any:
            return self.me

    loop = Loop.get_or_create("loop")
    fails(loop.tie.options(max_retries=1).run, Exception, "__getstate__")
    assert loop.get.run() is None


@pytest.mark.parametrize("when", ["getting", "setting", "pickling"])
def test_a_state_of_its_own_that_fails(place: Place, tmp_path: Path, when: str) -> None:
    """An error in `__getstate__` or `__setstate__`, or a state that cannot be pickled, fails the call; when it is
    gone the queue goes on from the last good state."""
    broken = tmp_path / "broken"

    @workflow.virtual_actor
    class Fragile:
        def __init__(self) -> None:
            self.n = 1

        def add(self, by: int) -> int:
            self.n += by
            return self.n

        @workflow.virtual_actor.readonly
        def get(self) -> int:
            return self.n

        def __getstate__(self) -> Any:
            if broken.exists() and when == "getting":
                raise LookupError("no state")
            return threading.Lock() if broken.exists() and when == "pickling" else (self.n,)

        def __setstate__(self, state: Any) -> None:
            if broken.exists() and when == "setting":
                raise LookupError("no state")
            (self.n,) = state

    fragile = Fragile.get_or_create("fragile")
    assert fragile.add.run(1) == 2
    broken.touch()
    cause = errors.EncodingError if when == "pickling" else LookupError
    fails(lambda: fragile.add.options(max_retries=1).run(10), cause)
    assert place.findings() == []
    broken.unlink()
    assert fragile.get.run() == 2
    assert fragile.add.run(100) == 112


def test_a_writer_that_fails(place: Place, counter: Any) -> None:
    fails(counter.fail.options(max_retries=1).run, LookupError, "on purpose")
    untouched(place, counter)
    assert workflow.get_status("counter") is workflow.FAILED


def test_a_constructor_that_fails(place: Place, tmp_path: Path) -> None:
    """`get_or_create` says nothing, the first call and `ready()` do; readers have nothing to read."""
    tries = tmp_path / "tries"

    @workflow.virtual_actor
    class Stillborn:
        def __init__(self) -> None:
            tries.open("a").write("try\n")
            raise LookupError("stillborn")

        def write(self) -> None:
            tries.open("a").write("write\n")

        @workflow.virtual_actor.readonly
        def read(self) -> None:
            tries.open("a").write("read\n")

    actor = Stillborn.get_or_create("stillborn")
    with pytest.raises((workflow.WorkflowExecutionError, ValueError), match="stillborn"):
        actor.ready().result(30)
    fails(actor.write.run, LookupError, "stillborn")
    with pytest.raises(workflow.VirtualActorNotInitializedError):
        actor.read.run()
    assert workflow.get_status("stillborn") is workflow.FAILED
    assert set(tally(tries)) == {"try"}
    assert len(noted(tries)) >= 2


# --- an actor that is gone -----------------------------------------------------------------------------------------


def test_a_deleted_actor(place: Place, counter: Any) -> None:
    """Handles and methods that are left over say that it is gone; nothing makes it again by mistake."""
    add, get = counter.add, counter.get
    workflow.delete("counter")
    for call in (
        lambda: counter.add.run(1),
        lambda: add.run(1),
        lambda: add.run_async(1),
        lambda: add.options(name="x").run(1),
        lambda: get.run(),
        lambda: get.run_async().result(30),
    ):
        refused(place, call, RuntimeError, "Lost reference to actor", "counter")
    for call in (
        lambda: counter.ready(),
        lambda: counter.history(),
        lambda: counter.at(1),
        lambda: workflow.get_actor("counter"),
        lambda: workflow.skip("counter", "x"),
        lambda: Counter.migrate("counter", lambda state: state),
    ):
        refused(place, call, workflow.ActorNotFound, "counter")
    assert workflow.list_all() == []


def test_versions_that_there_are_not(place: Place, counter: Any) -> None:
    for wrong in (-1, 0, 99, "last"):
        refused(place, lambda wrong=wrong: counter.at(wrong), ValueError, str(wrong), "history()")
    untouched(place, counter)


# --- waits and signals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_returns": 0}, ["num_returns"]),
        ({"num_returns": 3}, ["num_returns", "2"]),
        ({"num_returns": "all"}, ["num_returns"]),
        ({"timeout": -1}, ["timeout"]),
        ({"timeout": "soon"}, ["timeout"]),
    ],
)
def test_waits_that_could_not_end(place: Place, options: dict[str, Any], words: list[str]) -> None:
    refused(place, lambda: workflow.wait([add.step(1), add.step(2)], **options), (ValueError, TypeError), *words)  # type: ignore[arg-type]


def test_waiting_for_what_is_no_workflow(place: Place, counter: Any) -> None:
    text = "The input of workflow.wait should be a list of workflows"
    reference = add.step(1).run_async("sum")
    assert reference.result(30) == 2
    for wrong in ([1], [add], [reference], [counter], [counter.add], [[add.step(1)]], {"a": add.step(1)}, []):
        refused(
            place, lambda wrong=wrong: workflow.wait(wrong), (TypeError, ValueError), text if wrong else "num_returns"
        )
    assert reference.result(30) == 2
    untouched(place, counter)


def test_a_signal_whose_payload_cannot_be_saved(place: Place) -> None:
    """It is not sent, and the run goes on waiting."""
    waiting = workflow.wait_for_event(workflow.SignalListener, "go").run_async("waits")
    refused(place, lambda: workflow.send("waits", "go", threading.Lock()), errors.EncodingError, "lock")
    workflow.send("waits", "go", "good")
    assert waiting.result(30) == "good"


@pytest.mark.parametrize("how", ["failed", "canceled", "successful"])
def test_a_signal_to_a_run_that_is_over(place: Place, how: str) -> None:
    """Nobody would take it: it is refused while the run is over, and the text says how it ended."""

    @workflow.step(max_retries=1)
    def work() -> Any:
        if how == "failed":
            raise LookupError("failed")
        return workflow.sleep(1000) if how == "canceled" else 1

    reference = work.step().run_async("over")
    if how == "canceled":
        workflow.cancel("over")
    try:
        reference.result(30)
    except (workflow.WorkflowExecutionError, workflow.WorkflowCancellationError):
        pass
    refused(place, lambda: workflow.send("over", "go", 1), RuntimeError, "over")
