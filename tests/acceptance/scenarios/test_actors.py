"""Virtual actors: objects whose state is in the store, whose writers come one after the other, and whose readers never
wait."""

import time
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

import manyhands
from manyhands import workflow
from manyhands.model.errors import EncodingError
from tests.acceptance.kit import Place, count_up, note, noted, wait_for_file, wait_until


@workflow.virtual_actor
class Counter:
    """Counts; its state is what the default makes of it."""

    def __init__(self, n: int = 0) -> None:
        self.n = n

    def add(self, by: int = 1) -> int:
        self.n += by
        return self.n

    def add_slowly(self, by: int) -> int:
        time.sleep(0.2)  # what a span of time is measured by
        return self.add(by)

    def twice(self, by: int) -> int:
        self.add(by)
        return self.add(by)

    @workflow.virtual_actor.readonly
    def get(self) -> int:
        return self.n

    @workflow.virtual_actor.readonly
    def what_if(self, by: int = 1) -> int:
        self.n += by
        return self.n

    @workflow.virtual_actor.readonly
    def meet(self, ledger: str, count: int) -> int:
        note(ledger, "here")
        wait_until(lambda: len(noted(ledger)) >= count, f"all {count} callers")
        return self.n


@workflow.virtual_actor
class Touchy:
    """A counter that fails where a file says so, and whose writers wait for the file `gate`."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.n = 0
        if Path(folder, "broken").exists():
            raise ValueError("broken from the start")

    def incr(self) -> int:
        folder = Path(self.folder)
        (folder / "began").touch()
        wait_for_file(folder / "gate")
        limit = folder / "limit"
        if limit.exists() and self.n >= int(limit.read_text()):
            raise ValueError(f"more than {self.n}")
        self.n += 1
        return self.n

    @workflow.virtual_actor.readonly
    def val(self) -> int:
        return self.n

    @workflow.virtual_actor.readonly
    def complain(self) -> None:
        raise LookupError("a reader's own")


@workflow.virtual_actor
class Diary:
    """Keeps the order of what it is told; has a state of its own making."""

    def __init__(self) -> None:
        self.words: list[Any] = []

    def write(self, word: Any) -> int:
        self.words.append(word)
        return len(self.words)

    @workflow.virtual_actor.readonly
    def read(self) -> list[Any]:
        return self.words

    def __getstate__(self) -> Any:
        return tuple(self.words)

    def __setstate__(self, state: Any) -> None:
        self.words = list(state)


# --- readers -------------------------------------------------------------------------------------------------------


def test_readers_change_nothing(place: Place) -> None:
    """Scenario 111: what a reader does to its copy is gone, also by way of `get_actor`, and nothing is written."""
    counter = Counter.get_or_create("counter", 42)
    manyhands.get(counter.ready())
    wait_until(lambda: workflow.get_status("counter") is workflow.SUCCESSFUL, "the end of the constructor")
    before = place.rows()
    assert counter.get.run() == 42
    assert counter.what_if.run() == 43
    assert counter.get.run() == 42
    known = workflow.get_actor("counter")
    assert known.actor_id == counter.actor_id == "counter"
    assert manyhands.get([known.what_if.run_async(5) for _ in range(10)]) == [47] * 10
    assert place.rows() == before


def test_ten_readers_at_once(place: Place, tmp_path: Path) -> None:
    """Scenario 111: they run side by side, or none of them would ever end."""
    counter = Counter.get_or_create("counter", 42)
    counter.ready().result(30)
    references = [counter.meet.run_async(str(tmp_path / "ledger"), 10) for _ in range(10)]
    assert [reference.result(30) for reference in references] == [42] * 10


def test_a_reader_before_the_constructor_is_done(place: Place, tmp_path: Path) -> None:
    """Scenario 112: `get_or_create` returns at once, readers are refused until `ready()`."""
    gate = tmp_path / "gate"

    @workflow.virtual_actor
    class Slow:
        def __init__(self) -> None:
            wait_for_file(gate)
            self.n = 7

        @workflow.virtual_actor.readonly
        def get(self) -> int:
            return self.n

    slow = Slow.get_or_create("slow")
    with pytest.raises(workflow.VirtualActorNotInitializedError, match="slow"):
        slow.get.run()
    with pytest.raises(workflow.VirtualActorNotInitializedError, match="slow"):
        slow.get.run_async().result(30)
    assert not slow.ready().done()
    gate.touch()
    slow.ready().result(30)
    assert slow.get.run() == 7


# --- writers -------------------------------------------------------------------------------------------------------


def test_writers_one_after_the_other(place: Place) -> None:
    """Scenario 113: running sums, then ten that are asked for at once."""
    counter = Counter.get_or_create("counter")
    sums = list(accumulate(range(1, 10)))
    assert [counter.add.run(number) for number in range(1, 10)] == sums
    references = [counter.add.run_async(number) for number in range(10)]
    expected = [sums[-1] + more for more in accumulate(range(10))]
    assert [reference.result(30) for reference in reversed(references)] == expected[::-1]
    assert counter.get.run() == expected[-1]


def test_a_plain_call_inside_a_method(place: Place) -> None:
    """`self.add()` is Python's own call, part of the same step."""
    counter = Counter.get_or_create("counter")
    assert counter.twice.run(2) == 4
    assert len(place.tasks("counter")) == 2


def test_a_constructor_and_writers_that_fail(place: Place, tmp_path: Path) -> None:
    """Scenario 114: what failed stays in the queue and is done before the next, once its cause is gone."""
    broken, gate, limit = tmp_path / "broken", tmp_path / "gate", tmp_path / "limit"
    broken.touch()
    gate.touch()
    touchy = Touchy.get_or_create("touchy", str(tmp_path))
    with pytest.raises(workflow.WorkflowExecutionError, match="broken from the start") as caught:
        touchy.incr.run()
    assert isinstance(caught.value.__cause__, ValueError)
    broken.unlink()
    assert [touchy.incr.run() for _ in range(9)] == list(range(2, 11))

    gate.unlink()
    (tmp_path / "began").unlink()
    queued = [touchy.incr.run_async() for _ in range(10)]
    wait_for_file(tmp_path / "began")
    assert touchy.val.run() == 10
    with pytest.raises(LookupError, match="a reader's own"):
        touchy.complain.run()
    with pytest.raises(LookupError, match="a reader's own"):
        touchy.complain.run_async().result(30)
    gate.touch()
    assert [reference.result(30) for reference in queued] == list(range(11, 21))

    limit.write_text("23")
    queued = [touchy.incr.options(max_retries=1).run_async() for _ in range(5)]
    with pytest.raises(workflow.WorkflowExecutionError, match="more than 23"):
        queued[-1].result(30)
    assert [reference.result(30) for reference in queued[:3]] == [21, 22, 23]
    assert touchy.val.run() == 23
    assert workflow.get_status("touchy") is workflow.FAILED
    limit.unlink()
    workflow.resume("touchy").result(30)
    assert touchy.val.run() == 25
    assert workflow.get_status("touchy") is workflow.SUCCESSFUL
    assert touchy.incr.run() == 26


def test_a_failed_writer_is_tried_before_the_next(place: Place, tmp_path: Path) -> None:
    """As long as it fails, the later one fails too; and each of them is applied once when the cause is gone."""
    (tmp_path / "gate").touch()
    (tmp_path / "limit").write_text("1")
    touchy = Touchy.get_or_create("touchy", str(tmp_path))
    once = touchy.incr.options(max_retries=1)
    assert once.run() == 1
    for _ in range(2):
        with pytest.raises(workflow.WorkflowExecutionError, match="more than 1"):
            once.run()
    assert touchy.val.run() == 1
    (tmp_path / "limit").unlink()
    assert once.run() == 4


def test_forty_nine_calls_keep_their_order(place: Place) -> None:
    """Scenario 115."""
    diary = Diary.get_or_create("diary")
    references = [diary.write.run_async(number) for number in range(49)]
    assert [reference.result(60) for reference in references] == list(range(1, 50))
    assert diary.read.run() == list(range(49))


def test_a_retried_writer_begins_from_the_last_good_state(place: Place, tmp_path: Path) -> None:
    """What its failed tries did to the object is forgotten."""

    @workflow.virtual_actor
    class Persistent:
        def __init__(self) -> None:
            self.tries = 0

        def attempt(self, ledger: str) -> int:
            self.tries += 1
            if count_up(ledger) < 3:
                raise ValueError("not yet")
            return self.tries

    actor = Persistent.get_or_create("persistent")
    assert actor.attempt.options(max_retries=3).run(str(tmp_path / "tries")) == 1
    assert len(noted(tmp_path / "tries")) == 3


def test_catching_what_a_writer_raises(place: Place, tmp_path: Path) -> None:
    """A pair of result and error; the state is the last good one, and the actor is not stuck."""
    (tmp_path / "gate").touch()
    (tmp_path / "limit").write_text("1")
    touchy = Touchy.get_or_create("touchy", str(tmp_path))
    caught = touchy.incr.options(catch_exceptions=True, max_retries=1)
    assert caught.run() == (1, None)
    value, error = caught.run()
    assert value is None
    assert isinstance(error, ValueError)
    assert touchy.val.run() == 1
    assert workflow.get_status("touchy") is workflow.SUCCESSFUL
    (tmp_path / "limit").unlink()
    assert touchy.incr.run() == 2


def test_catching_what_a_reader_raises(place: Place, tmp_path: Path) -> None:
    """The same pair."""
    touchy = Touchy.get_or_create("touchy", str(tmp_path))
    touchy.ready().result(30)
    value, error = touchy.complain.options(catch_exceptions=True).run()
    assert value is None
    assert isinstance(error, LookupError)
    assert touchy.val.options(catch_exceptions=True).run() == (0, None)


# --- state ---------------------------------------------------------------------------------------------------------


def test_the_output_of_an_actor_is_its_state(place: Place) -> None:
    """By default the JSON text of its fields, otherwise what `__getstate__` gives."""
    counter = Counter.get_or_create("counter", 13)
    counter.add.run()
    assert workflow.get_output("counter").result(30) == '{"n": 14}'
    diary = Diary.get_or_create("diary")
    diary.write.run("word")
    assert workflow.get_output("diary").result(30) == ("word",)


def test_half_a_state(place: Place) -> None:
    """Scenario 116: both or none of `__getstate__` and `__setstate__`."""
    with pytest.raises(ValueError, match="__setstate__"):

        @workflow.virtual_actor
        class OnlyGet:
            def __getstate__(self) -> Any:
                return 1

    with pytest.raises(ValueError, match="__getstate__"):

        @workflow.virtual_actor
        class OnlySet:
            def __setstate__(self, state: Any) -> None:
                pass


def test_a_field_that_is_no_json(place: Place) -> None:
    """Scenario 116: an array needs `__getstate__` and `__setstate__`; the error says so, and the state is the old."""
    numpy = pytest.importorskip("numpy")

    @workflow.virtual_actor
    class Scientist:
        def __init__(self) -> None:
            self.data: Any = [1, 2]

        def measure(self) -> int:
            self.data = numpy.arange(3)
            return 3

        @workflow.virtual_actor.readonly
        def get(self) -> Any:
            return self.data

    actor = Scientist.get_or_create("scientist")
    with pytest.raises(workflow.WorkflowExecutionError, match="__getstate__") as caught:
        actor.measure.run()
    assert isinstance(caught.value.__cause__, EncodingError | ValueError)
    assert actor.get.run() == [1, 2]


# --- options and metadata ------------------------------------------------------------------------------------------


def test_options_upon_options(place: Place) -> None:
    """Scenario 117: a later name and number of tries win, metadata and resources are merged."""
    counter = Counter.get_or_create("counter")
    assert counter.add.options(name="läd a/b").run(0) == 0
    assert workflow.get_metadata("counter", name="läd a/b")["name"] == "läd a/b"
    first = counter.add.options(name="one", metadata={"a": 1, "b": 1}, num_cpus=1, max_retries=5)
    second = first.options(name="two", metadata={"b": 2}, resources={"r": 0}, max_retries=2)
    assert second.run(4) == 4
    shown = workflow.get_metadata("counter", name="two")
    assert shown["name"] == "two"
    assert shown["user_metadata"] == {"a": 1, "b": 2}
    assert shown["step_options"]["max_retries"] == 2
    assert shown["step_options"]["ray_options"]["num_cpus"] == 1
    assert first.run(1) == 5
    assert workflow.get_metadata("counter", name="one")["user_metadata"] == {"a": 1, "b": 1}


def test_metadata_of_calls(place: Place) -> None:
    """Scenario 58: names are numbered; each call has its own metadata, its time, and the call before it."""
    counter = Counter.get_or_create("counter")
    began = time.time()
    for number in range(3):
        counter.add_slowly.options(name="add", metadata={"number": number}).run(number)
    names = place.names("counter")
    assert names[1:] == ["add", "add_1", "add_2"]
    assert names[0].endswith("test_actors.Counter.__init__")
    for number, name in enumerate(names[1:]):
        shown = workflow.get_metadata("counter", name)
        assert shown["name"] == "add"
        assert shown["user_metadata"] == {"number": number}
        assert shown["workflow_refs"] == [names[number]]
        assert shown["step_options"]["step_type"] == "ACTOR_METHOD"
        start, end = shown["stats"]["start_time"], shown["stats"]["end_time"]
        assert began <= start <= end - 0.2
        began = end
    assert began <= time.time()
    counter.add.run()
    assert place.names("counter")[-1].endswith("test_actors.Counter.add")


def test_status_of_an_actor(place: Place, tmp_path: Path) -> None:
    """Scenario 79: readers do not change it, a writer makes it RUNNING; it is listed as workflows are."""
    touchy = Touchy.get_or_create("touchy", str(tmp_path))
    touchy.ready().result(30)
    assert workflow.list_all() == [("touchy", workflow.SUCCESSFUL)]
    shown = workflow.get_metadata("touchy")
    touchy.val.run()
    assert workflow.get_metadata("touchy") == shown
    reference = touchy.incr.run_async()
    wait_for_file(tmp_path / "began")
    assert workflow.get_status("touchy") is workflow.RUNNING
    assert touchy.val.run() == 0
    assert workflow.list_all("RUNNING") == [("touchy", workflow.RUNNING)]
    (tmp_path / "gate").touch()
    assert reference.result(30) == 1
    wait_until(lambda: workflow.get_status("touchy") is workflow.SUCCESSFUL, "the end of the call")


# --- who calls ------------------------------------------------------------------------------------------------------


def test_one_expression(place: Place) -> None:
    """Nothing needs to be held by a name."""
    Counter.get_or_create("counter", 1).add.run(1)
    assert workflow.get_actor("counter").add.run(1) == 3
    assert Counter.get_or_create(actor_id="counter").get.run() == 3


def test_an_actor_as_an_argument(place: Place) -> None:
    """Actors and their methods travel to steps; the state stays where it is."""

    @workflow.step
    def use(actor: Any, method: Any) -> int:
        actor.add.run(10)
        return method.run(100) + actor.get.run()

    counter = Counter.get_or_create("counter")
    counter.ready().result(30)
    assert use.step(counter, counter.add).run("user") == 110 + 110
    assert counter.get.run() == 110


def test_a_class_without_a_constructor(place: Place) -> None:
    @workflow.virtual_actor
    class Bare:
        def put(self, value: int) -> None:
            self.value = value

        @workflow.virtual_actor.readonly
        def get(self) -> int:
            return self.value

    bare = Bare.get_or_create("bare")
    assert bare.put.run(3) is None
    assert bare.get.run() == 3


def test_buyer_and_seller(place: Place) -> None:
    """Scenario 124: two actors, one of which uses the other; results fetched in another order than asked for."""

    @workflow.virtual_actor
    class Account:
        def __init__(self) -> None:
            self.balance = 0

        def move(self, amount: int) -> int:
            self.balance += amount
            return self.balance

        @workflow.virtual_actor.readonly
        def get(self) -> int:
            return self.balance

    @workflow.virtual_actor
    class Trader:
        def __init__(self, account: str) -> None:
            self.account = account
            self.stock: list[str] = []
            self.price = 0

        def buy(self, name: str, price: int) -> int:
            self.stock.append(name)
            self.price = price
            return workflow.get_actor(self.account).move.run(-price)

        def sell(self, name: str, price: int) -> int:
            self.stock.remove(name)
            self.price = price
            return workflow.get_actor(self.account).move.run(price)

        @workflow.virtual_actor.readonly
        def value(self) -> tuple[int, list[str]]:
            return self.price, self.stock

    account = Account.get_or_create("account")
    trader = Trader.get_or_create("trader", "account")
    deposited = account.move.run_async(100)
    assert deposited.result(30) == 100
    asked = [
        trader.buy.run_async("tea", 15),
        trader.sell.run_async("tea", 5),
        trader.buy.run_async("salt", 10),
        trader.sell.run_async("salt", 5),
    ]
    order = (2, 0, 3, 1)
    assert {number: asked[number].result(60) for number in order} == {0: 85, 1: 90, 2: 80, 3: 85}
    assert account.get.run() == 85
    assert trader.value.run() == (5, [])
