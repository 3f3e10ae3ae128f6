"""Actors of classes that are out of the ordinary: slots, coroutines, inheritance, names that handles have too."""

import asyncio
import pickle
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import pytest

import manyhands
from manyhands import workflow
from tests.acceptance.kit import Place


@workflow.virtual_actor
class Counter:
    """Has methods by the names of those of a handle, and readers that are coroutines."""

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def add(self, by: int = 1) -> int:
        self.n += by
        return self.n

    async def add_later(self, by: int) -> int:
        await asyncio.sleep(0)
        return self.add(by)

    def get_by_step(self: Any) -> Any:
        return self.get.step()

    def history(self, least: int) -> list[int]:
        return list(range(least, self.n))

    @workflow.virtual_actor.readonly
    def at(self) -> str:
        return f"at {self.n}"

    @workflow.virtual_actor.readonly
    async def get(self) -> int:
        await asyncio.sleep(0)
        self.n += 1
        return self.n - 1

    @workflow.virtual_actor.readonly
    async def fail(self) -> None:
        await asyncio.sleep(0)
        raise LookupError("a reader's own")

    @workflow.virtual_actor.readonly
    async def return_step(self) -> Any:
        return twice.step(1)

    @workflow.virtual_actor.readonly
    def return_own_step(self: Any) -> Any:
        return self.add.step(1)

    @staticmethod
    def helper() -> str:
        return "no method of an object"


@workflow.step
def twice(number: int) -> int:
    return 2 * number


@pytest.fixture
def counter(place: Place) -> Any:
    made = Counter.get_or_create("counter", 7)
    made.ready().result(30)
    return made


# --- readers that are coroutines -----------------------------------------------------------------------------------


def test_a_coroutine_that_reads(counter: Any) -> None:
    """It is run to its end, as one that writes is, and changes nothing."""
    assert counter.add_later.run(1) == 8
    assert counter.get.run() == 8
    assert [reference.result(30) for reference in [counter.get.run_async() for _ in range(5)]] == [8] * 5
    assert counter.get.options(catch_exceptions=True).run() == (8, None)


def test_a_coroutine_that_reads_in_a_program_with_an_event_loop(counter: Any) -> None:
    """Also where it is waited for without `await`, in the thread of the loop."""

    async def main() -> list[int]:
        return [counter.get.run(), await counter.get.run_async(), await counter.add.run_async(1), counter.get.run()]

    assert asyncio.run(main()) == [7, 7, 8, 8]


def test_a_coroutine_that_reads_and_fails(counter: Any) -> None:
    with pytest.raises(LookupError, match="a reader's own"):
        counter.fail.run()
    with pytest.raises(LookupError, match="a reader's own"):
        counter.fail.run_async().result(30)
    value, error = counter.fail.options(catch_exceptions=True).run()
    assert value is None
    assert isinstance(error, LookupError)


def test_steps_where_nothing_may_change(counter: Any) -> None:
    """A reader returns none, of the actor or not; a former object makes none; a reader that is one changes nothing."""
    with pytest.raises(TypeError, match="may only look"):
        counter.return_step.run()
    former = workflow.VirtualActor.at(counter, 1)
    for attempt in (counter.return_own_step.run, counter.return_own_step.run_async().result, former.add.step):
        with pytest.raises(TypeError, match=r"self\.add\.step.*in no read-only method"):
            attempt()
    assert former.add(1) == 8
    assert counter.get_by_step.run() == 7
    assert counter.get.run() == 7


# --- references to what readers return -----------------------------------------------------------------------------


@workflow.step
def pass_on(found: Any) -> Any:
    return found


@workflow.step
def ask_all(references: list[Any]) -> list[Any]:
    return manyhands.get(references)


@workflow.step
def look_later(actor: Any, method: str) -> Any:
    return getattr(actor, method).run_async()


def test_a_readers_reference_goes_elsewhere_as_its_value(counter: Any) -> None:
    """As an argument, inside one, as an argument of the actor itself, returned by a step, and pickled."""
    reference = counter.get.run_async()
    assert repr(reference) == "<result of a read-only call of 'counter'>"
    assert pickle.loads(pickle.dumps(reference)).result(0) == 7
    assert pass_on.step(reference).run() == 7
    assert ask_all.step([reference, counter.at.run_async()]).run() == [7, "at 7"]
    assert counter.add_later.run(reference) == 14
    assert pass_on.step(look_later.step(counter, "get")).run() == 14


def test_a_readers_error_goes_elsewhere_too(counter: Any) -> None:
    once = pass_on.options(max_retries=1)
    for step in (once.step(counter.fail.run_async()), once.step(look_later.step(counter, "fail"))):
        with pytest.raises(workflow.WorkflowExecutionError) as raised:
            step.run()
        assert isinstance(raised.value.__cause__, LookupError)


# --- names ---------------------------------------------------------------------------------------------------------


def test_methods_that_handles_have_too(place: Place, counter: Any) -> None:
    """The class comes first; what the handle has is there by its class, and for other actors."""
    assert counter.history.run(5) == [5, 6]
    assert counter.history.options(name="told").run(6) == [6]
    assert counter.at.run() == "at 7"
    assert [entry.step for entry in workflow.VirtualActor.history(counter)] == place.names("counter")
    assert workflow.VirtualActor.at(counter, 1).n == 7

    @workflow.virtual_actor
    class Plain:
        pass

    plain = Plain.get_or_create("plain")
    plain.ready().result(30)
    assert [entry.version for entry in plain.history()] == [1]
    workflow.delete("plain")
    with pytest.raises(ValueError, match="plain"):
        plain.history()


def test_what_is_no_plain_method(counter: Any) -> None:
    with pytest.raises(AttributeError, match=r"No method with name 'helper'.*static"):
        counter.helper.run()


def test_a_handle_holds_no_attributes(counter: Any) -> None:
    """An assignment would look as if the actor had changed."""
    with pytest.raises(AttributeError, match="no attribute 'n'"):
        counter.n = 5
    assert counter.get.run() == 7


# --- classes -------------------------------------------------------------------------------------------------------


class Base:
    """Its only attribute is in a slot, in every process."""

    __slots__ = ("__hidden", "unset")

    def __init__(self) -> None:
        self.__hidden = 0

    def add(self, by: Any) -> Any:
        self.__hidden += by
        return self.__hidden

    @workflow.virtual_actor.readonly
    def get(self) -> Any:
        return self.__hidden, hasattr(self, "unset")


Slotted = workflow.virtual_actor(Base)


@workflow.virtual_actor
class Half(Base):
    """Has attributes of both sorts."""

    def __init__(self) -> None:
        super().__init__()
        self.free: Any = "free"

    @workflow.virtual_actor.readonly
    def both(self) -> Any:
        return self.get()[0], self.free


@workflow.virtual_actor
@dataclass(slots=True)
class Point:
    x: int
    y: tuple[int, ...] = (1, 2)

    def move(self, by: int) -> int:
        self.x += by
        return self.x

    @workflow.virtual_actor.readonly
    def look(self) -> Any:
        return self.x, self.y


def test_attributes_in_slots(place: Place) -> None:
    """They are part of the state as all others are."""
    slotted = Slotted.get_or_create("slotted")
    assert [slotted.add.run(1), slotted.add.run(2)] == [1, 3]
    assert slotted.get.run() == (3, False)
    assert workflow.get_output("slotted").result(30) == '{"_Base__hidden": 3}'
    assert slotted.at(2).get() == (1, False)

    half = Half.get_or_create("half")
    assert half.add.run(5) == 5
    assert half.both.run() == (5, "free")

    point = Point.get_or_create("point", 1)
    assert point.move.run(2) == 3
    assert point.look.run() == (3, (1, 2))


def test_a_migration_into_slots(place: Place) -> None:
    counter = Counter.get_or_create("counter", 7)
    counter.add.run(1)
    Slotted.migrate("counter", lambda old: {"_Base__hidden": old["n"]})
    assert counter.add.run(1) == 9
    assert counter.get.run() == (9, False)


def test_a_migration_that_returns_no_attributes(counter: Any) -> None:
    """As a lambda that calls `update` does; it says so, and nothing has changed."""
    for migrate, words in ((lambda old: old.update(m=1), "NoneType"), (lambda _: {5: 6}, "one with 5 for a name")):
        with pytest.raises(workflow.WorkflowExecutionError, match=f"as a dictionary, not {words}") as caught:
            Slotted.migrate("counter", migrate)
        assert isinstance(caught.value.__cause__, TypeError)
    assert counter.add.run(1) == 8


def test_a_class_that_inherits_from_an_actors(place: Place) -> None:
    """It inherits from the class as it was written."""

    @workflow.virtual_actor
    class Loud(Counter):
        def add(self, by: int = 1) -> int:
            return super().add(by) * 100

    class Plain(Counter):
        pass

    assert Plain(3).add(1) == 4
    loud = Loud.get_or_create("loud", 1)
    assert loud.add.run(1) == 200
    assert loud.get.run() == 2


LOCK = threading.Lock()


@workflow.virtual_actor
class Locked:
    """Refers to what cannot be pickled, and holds such a thing (until Python 3.12)."""

    def __init__(self) -> None:
        self.n = 0

    def add(self) -> int:
        with LOCK:
            self.n += 1
        return self.n

    def add_in_a_step(self: Any) -> Any:
        return self.add.step()

    @cached_property
    def double(self) -> int:
        return 2 * self.n

    @workflow.virtual_actor.readonly
    def get(self) -> int:
        return self.double


def test_a_class_that_cannot_be_pickled(place: Place) -> None:
    """It is saved by its name, as a step is; a class that has none which can be imported is refused."""
    locked = Locked.get_or_create("locked")
    assert [locked.add.run(), locked.add_in_a_step.run()] == [1, 2]
    assert locked.get.run() == 4
    assert [locked.at(version).n for version in (1, 2, 3, 4)] == [0, 1, 1, 2]
    lock = threading.Lock()

    @workflow.virtual_actor
    class Local:
        def add(self) -> None:
            lock.acquire()

    with pytest.raises(TypeError, match=r"actor class .*Local cannot be saved.*lock"):
        Local.get_or_create("local")
    assert [run_id for run_id, _ in workflow.list_all()] == ["locked"]


def version(fee: int = 1, told: int = 1, shown: int = 1, saved: int = 1) -> Any:
    """A class that is another one with other numbers, of which none is in a plain method."""

    @workflow.virtual_actor
    class Versioned:
        """A docstring is no code, and a list may change while the code does not."""

        FEE = fee
        seen: ClassVar[list[int]] = []

        @classmethod
        def tell(cls) -> int:
            cls.seen.append(told)
            return told

        @property
        def shown(self) -> int:
            return shown

        def __getstate__(self) -> Any:
            return saved

        def __setstate__(self, state: Any) -> None:
            pass

    return Versioned


@pytest.mark.parametrize("changed", ["fee", "told", "shown", "saved", None])
def test_what_makes_another_version(place: Place, caplog: pytest.LogCaptureFixture, changed: str | None) -> None:
    """A warning tells of whatever the stored class does otherwise, and of nothing else."""
    version().get_or_create("versioned").ready().result(30)
    again = version() if changed is None else version(**{changed: 2})
    again.__wrapped__.tell()
    again.get_or_create("versioned")
    assert ("another version of class" in caplog.text) == (changed is not None)


@workflow.virtual_actor
class Forgetful:
    """Its state is None whenever there is nothing to say."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def write(self, *words: str) -> int:
        self.words = list(words)
        return len(words)

    @workflow.virtual_actor.readonly
    def read(self) -> list[str]:
        return self.words

    def __getstate__(self) -> Any:
        return self.words or None

    def __setstate__(self, state: Any) -> None:
        self.words = [] if state is None else state


def test_a_state_that_is_none(place: Place) -> None:
    """None is a state like any other."""
    forgetful = Forgetful.get_or_create("forgetful")
    forgetful.ready().result(30)
    assert forgetful.read.run() == []
    assert [forgetful.write.run("a"), forgetful.write.run(), forgetful.write.run("b", "c")] == [1, 0, 2]
    assert [forgetful.at(version).read() for version in (1, 2, 3, 4)] == [[], ["a"], [], ["b", "c"]]


# --- waiting inside a method ---------------------------------------------------------------------------------------


@workflow.virtual_actor
class Patient:
    """Waits for some of its own steps, beside what is not its own."""

    def __init__(self) -> None:
        self.n = 0

    def add(self, by: int = 1) -> int:
        self.n += by
        return self.n

    def first_two(self: Any, key: str) -> Any:
        signal = workflow.wait_for_event(workflow.SignalListener, key)
        return self.take.step(workflow.wait([self.add.step(), signal, self.add.step()], num_returns=2))

    def take(self, waited: Any) -> Any:
        ready, remaining = waited
        return ready, len(remaining), self.n


@pytest.fixture
def patient(place: Place) -> Iterator[Any]:
    yield Patient.get_or_create("patient")
    workflow.cancel("patient")


def test_waiting_for_some_of_its_own_steps(place: Place, patient: Any) -> None:
    """The call is over when its result is there; the signal that is still waited for holds up no other call."""
    assert patient.first_two.run("never") == ([1, 2], 1, 2)
    assert patient.add.run(10) == 12
    assert workflow.get_status("patient") is workflow.RUNNING
    assert [entry.step.rpartition(".")[2] for entry in patient.history()] == [
        "__init__", "first_two", "add", "add_1", "take", "add_2",
    ]  # fmt: skip
