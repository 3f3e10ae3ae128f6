"""One actor and many callers: processes and threads at once, killed and frozen ones among them."""

import os
import signal
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from tests.acceptance.kit import (
    PATIENCE,
    Place,
    family,
    freeze,
    note,
    noted,
    run_program,
    running,
    tally,
    wait_for_file,
    wait_until,
)


@workflow.virtual_actor
class Diary:
    """Keeps the words that it is told in their order, each call's place among them being its result."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def write(self, word: str) -> int:
        self.words.append(word)
        return len(self.words)

    def hold(self, word: str, folder: str) -> int:
        self.words.append(word)
        note(f"{folder}/held", word)
        wait_for_file(f"{folder}/gate", 1000)
        return len(self.words)

    def die_once(self, word: str, ledger: str) -> int:
        self.words.append(word)
        note(ledger, word)
        if len(noted(ledger)) == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return len(self.words)

    @workflow.virtual_actor.readonly
    def read(self) -> list[str]:
        return self.words


@pytest.fixture
def diary(place: Place) -> Any:
    """An actor that is there and at rest, so that the programs find it, and whoever calls first drives it."""
    made = Diary.get_or_create("diary")
    made.ready().result(30)
    wait_until(lambda: workflow.get_status("diary") is workflow.SUCCESSFUL, "the end of the constructor")
    return made


def words_of(name: str, words: Sequence[str]) -> list[str]:
    """The words of one caller, in the order in which they were applied."""
    return [word for word in words if word.split()[0] == name]


def durable(ledger: Path) -> list[str]:
    return [line.removeprefix("durable ") for line in noted(ledger) if line.startswith("durable ")]


def check_places(ledger: Path, words: Sequence[str]) -> None:
    """Each result says where its word stands."""
    for line in noted(ledger):
        if line.startswith("done "):
            word, place = line.removeprefix("done ").rsplit(" ", 1)
            assert words[int(place) - 1] == word


# --- at once -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["run", "async"])
def test_processes_and_threads_call_at_once(place: Place, diary: Any, tmp_path: Path, how: str) -> None:
    """Each call is applied once, all of them in one order, each caller's in the order of its calls."""
    names, count = ("one", "two"), 10
    ledgers = {name: tmp_path / name for name in names}

    def write(name: str) -> None:
        for number in range(count):
            word = f"{name} {number}"
            note(tmp_path / name, f"done {word} {diary.write.run(word)}")

    threads = [f"thread{number}" for number in range(4)]
    with ExitStack() as stack:
        callers = [
            stack.enter_context(running("actor_caller.py", how, "diary", name, count, ledgers[name], place=place))
            for name in names
        ]
        with ThreadPoolExecutor(len(threads)) as pool:
            list(pool.map(write, threads))
        assert [caller.wait(60) for caller in callers] == [0, 0], (tmp_path / "output.txt").read_text()
    words = diary.read.run()
    assert len(words) == (len(names) + len(threads)) * count
    for name in (*names, *threads):
        assert words_of(name, words) == [f"{name} {number}" for number in range(count)]
        check_places(tmp_path / name, words)
    assert workflow.get_status("diary") is workflow.SUCCESSFUL


def test_a_hundred_calls_from_threads(place: Place, diary: Any) -> None:
    """Twenty threads, started together, five calls each that are all under way at once."""
    barrier = threading.Barrier(20)

    def write(caller: int) -> list[int]:
        barrier.wait(30)
        references = [diary.write.run_async(f"{caller} {number}") for number in range(5)]
        return [reference.result(60) for reference in references]

    with ThreadPoolExecutor(20) as pool:
        places = list(pool.map(write, range(20)))
    words = diary.read.run()
    assert sorted(place for found in places for place in found) == list(range(1, 101))
    for caller, found in enumerate(places):
        assert found == sorted(found)
        assert [words[place - 1] for place in found] == [f"{caller} {number}" for number in range(5)]


def test_callers_that_come_and_go(place: Place, diary: Any, tmp_path: Path) -> None:
    """Each process makes two calls and ends, so the driver changes all the time, and is mostly about to go."""

    def call(number: int) -> None:
        run_program(
            "actor_caller.py",
            ("run", "leave")[number % 2],
            "diary",
            f"caller{number}",
            2,
            tmp_path / "all",
            place=place,
        )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(call, range(12)))
    diary.write.run("last")
    words = diary.read.run()
    assert words[-1] == "last"
    assert len(words) == 25
    for number in range(12):
        assert words_of(f"caller{number}", words) == [f"caller{number} 0", f"caller{number} 1"]
    check_places(tmp_path / "all", words)


def test_processes_that_make_one_actor_at_once(place: Place, tmp_path: Path) -> None:
    """One of them does, the others have that one."""
    script = tmp_path / "maker.py"
    script.write_text(
        "import sys\n"
        "from manyhands import workflow\n"
        "from tests.acceptance.kit import note, wait_for_file\n"
        "@workflow.virtual_actor\n"
        "class Made:\n"
        "    def __init__(self, name, folder):\n"
        "        note(f'{folder}/made', name)\n"
        "        self.maker, self.guests = name, []\n"
        "    def visit(self, name):\n"
        "        self.guests.append(name)\n"
        "        return self.maker\n"
        "    @workflow.virtual_actor.readonly\n"
        "    def visitors(self):\n"
        "        return self.guests\n"
        "if __name__ == '__main__':\n"
        "    name, folder = sys.argv[1:]\n"
        "    workflow.list_all()\n"
        "    note(f'{folder}/there', name)\n"
        "    wait_for_file(f'{folder}/gate')\n"
        "    note(f'{folder}/makers', Made.get_or_create('made', name, folder).visit.run(name))\n",
        encoding="utf-8",
    )
    with ExitStack() as stack:
        names = ["a", "b", "c"]
        makers = [stack.enter_context(running(script, name, tmp_path, place=place)) for name in names]
        wait_until(lambda: len(noted(tmp_path / "there")) == 3, "the three processes")
        (tmp_path / "gate").touch()
        assert [maker.wait(60) for maker in makers] == [0] * 3, (tmp_path / "output.txt").read_text()
    (maker,) = noted(tmp_path / "made")
    assert tally(tmp_path / "makers") == {maker: 3}
    assert sorted(workflow.get_actor("made").visitors.run()) == names


# --- callers that are killed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["run", "async"])
def test_callers_killed_in_the_middle(place: Place, diary: Any, tmp_path: Path, how: str) -> None:
    """What was durable is applied once and in order, whoever drove it; of the call that was being made when the kill
    came, nobody knows, but it is not there twice."""
    names = ("one", "two")
    with ExitStack() as stack:
        callers = [
            stack.enter_context(running("actor_caller.py", how, "diary", name, 10_000, tmp_path / name, place=place))
            for name in names
        ]
        for name, caller in zip(names, callers, strict=True):
            wait_until(lambda name=name: len(durable(tmp_path / name)) >= 5, f"the calls of {name}")
            if name == "one":
                diary.write.run_async("mine 0")
            caller.kill()
            caller.wait()
    diary.write.run("mine 1")
    words = diary.read.run()
    assert words_of("mine", words) == ["mine 0", "mine 1"]
    assert words[-1] == "mine 1"
    for name in names:
        asked = durable(tmp_path / name)
        applied = words_of(name, words)
        assert applied == [f"{name} {number}" for number in range(len(applied))]
        assert len(asked) <= len(applied) <= len(asked) + 1
        check_places(tmp_path / name, words)
    assert len(words) == len(set(words))


def test_a_caller_that_is_killed_while_another_drives(place: Place, diary: Any, tmp_path: Path) -> None:
    """Its calls stay in the queue."""
    held = diary.hold.run_async("held", str(tmp_path))
    wait_for_file(tmp_path / "held")
    with running("actor_caller.py", "async", "diary", "guest", 5, tmp_path / "guest", place=place) as caller:
        wait_until(lambda: len(durable(tmp_path / "guest")) == 5, "the calls")
        caller.kill()
        caller.wait()
    (tmp_path / "gate").touch()
    assert held.result(30) == 1
    assert diary.write.run("last") == 7
    assert diary.read.run() == ["held", *(f"guest {number}" for number in range(5)), "last"]
    assert noted(tmp_path / "held") == ["held"]


def test_a_caller_that_ends_in_good_order(place: Place, diary: Any, tmp_path: Path) -> None:
    """Calls that nobody waited for are done when somebody comes."""
    run_program("actor_caller.py", "leave", "diary", "guest", 5, tmp_path / "guest", place=place)
    assert len(durable(tmp_path / "guest")) == 5
    expected = [f"guest {number}" for number in range(5)]
    if workflow.get_status("diary") is not workflow.SUCCESSFUL:
        assert dict(workflow.list_all())["diary"] is workflow.RESUMABLE
        workflow.resume("diary").result(30)
    assert diary.read.run() == expected
    assert diary.write.run("last") == 6


def test_an_engine_takes_up_what_a_killed_caller_left(place: Place, diary: Any, tmp_path: Path) -> None:
    """Nobody has to ask."""
    with running("actor_holder.py", "diary", "held", tmp_path, place=place) as holder:
        wait_for_file(tmp_path / "held")
        run_program("actor_caller.py", "leave", "diary", "guest", 3, tmp_path / "guest", place=place)
        holder.kill()
        holder.wait()
    (tmp_path / "gate").touch()
    assert diary.read.run() == []
    with running("serve.py", place=place):
        wait_until(lambda: workflow.get_status("diary") is workflow.SUCCESSFUL, "the end of the queue")
    assert diary.read.run() == ["held", "guest 0", "guest 1", "guest 2"]


# --- drivers that are killed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("victims", ["driver", "driver and workers"])
def test_the_driver_killed_while_others_wait(place: Place, diary: Any, tmp_path: Path, victims: str) -> None:
    """One of those that wait goes on; each of them has its result, and the call that was being done is done once."""
    with running("actor_holder.py", "diary", "held", tmp_path, place=place) as driver:
        wait_for_file(tmp_path / "held")
        with running("actor_caller.py", "async", "diary", "guest", 5, tmp_path / "guest", place=place) as guest:
            wait_until(lambda: len(durable(tmp_path / "guest")) == 5, "the guest's calls")
            mine = [diary.write.run_async(f"mine {number}") for number in range(5)]
            workers = family(driver.pid) if victims == "driver and workers" else []
            for pid in [*workers, driver.pid]:
                os.kill(pid, signal.SIGKILL)
            driver.wait()
            (tmp_path / "gate").touch()
            assert [reference.result(60) for reference in mine] == list(range(7, 12))
            assert guest.wait(60) == 0
    words = diary.read.run()
    assert words == ["held", *(f"{name} {number}" for name in ("guest", "mine") for number in range(5))]
    check_places(tmp_path / "guest", words)
    assert place.findings() == []


def test_one_driver_after_the_other_is_killed(place: Place, diary: Any, tmp_path: Path) -> None:
    """Whoever has just taken over is killed in its turn; the last one does what is left."""
    with ExitStack() as stack:
        callers = {
            name: stack.enter_context(running("actor_holder.py", "diary", name, tmp_path, place=place))
            for name in ("a", "b", "c")
        }
        for number in range(1, 4):
            wait_until(lambda number=number: len(noted(tmp_path / "held")) >= number, f"driver number {number}")
            if number == 1:
                queued = [name for name in callers if name != noted(tmp_path / "held")[0]]
                wait_until(lambda: len(place.tasks("diary")) == 4, f"the calls of {queued}")
            driving = driver_of(place, "diary")
            ((name, driver),) = [(name, caller) for name, caller in callers.items() if caller.pid == driving]
            driver.kill()
            driver.wait()
            del callers[name]
    (tmp_path / "gate").touch()
    assert diary.write.run("last") == 4
    assert sorted(diary.read.run()) == ["a", "b", "c", "last"]
    assert diary.read.run()[-1] == "last"


def driver_of(place: Place, run_id: str) -> int:
    """The process that drives a run."""
    driver = place.run(run_id).engine
    assert driver is not None, f"nobody drives {run_id}"
    return driver.pid


def test_a_frozen_driver_that_thaws(place: Place, diary: Any, tmp_path: Path) -> None:
    """When its lease is over another goes on; what it says afterwards comes too late."""
    times = {"MANYHANDS_LEASE_SECONDS": "2", "MANYHANDS_HEARTBEAT_SECONDS": "0.5"}
    with running("actor_holder.py", "diary", "held", tmp_path, place=place, **times) as driver:
        wait_for_file(tmp_path / "held")
        freeze(driver.pid, place)
        with ThreadPoolExecutor(1) as pool:
            mine = pool.submit(diary.write.run, "mine")
            wait_until(lambda: len(noted(tmp_path / "held")) == 2, "the second try")
            (tmp_path / "gate").touch()
            assert mine.result(60) == 2
        os.kill(driver.pid, signal.SIGCONT)
        assert driver.wait(60) == 0, (tmp_path / "output.txt").read_text()
    assert "place 1" in (tmp_path / "output.txt").read_text()
    assert diary.read.run() == ["held", "mine"]


def test_a_worker_killed_in_the_middle_of_a_method(place: Place, diary: Any, tmp_path: Path) -> None:
    """The method is tried again, from the state that it began with."""
    assert diary.write.run("before") == 1
    assert diary.die_once.run("dies", str(tmp_path / "ledger")) == 2
    assert noted(tmp_path / "ledger") == ["dies"] * 2
    assert diary.read.run() == ["before", "dies"]


# --- readers -------------------------------------------------------------------------------------------------------


def test_readers_never_wait(place: Place, diary: Any, tmp_path: Path) -> None:
    """Not for a writer, nor for a driver that is frozen in the middle of one, nor for one that is dead."""
    assert diary.write.run("before") == 1
    script = tmp_path / "reader.py"
    script.write_text(
        "from manyhands import workflow\nprint(workflow.get_actor('diary').read.run())\n", encoding="utf-8"
    )

    def read() -> None:
        references = [diary.read.run_async() for _ in range(10)]
        assert [reference.result(PATIENCE) for reference in references] == [["before"]] * 10
        assert diary.read.run() == ["before"]
        assert "['before']" in run_program(script, place=place)

    # A lease so long that a reader that waits for its end would be noticed.
    with running("actor_holder.py", "diary", "held", tmp_path, place=place, MANYHANDS_LEASE_SECONDS="1000") as driver:
        wait_for_file(tmp_path / "held")
        read()
        freeze(driver.pid, place)
        read()
        driver.kill()
        driver.wait()
    read()
    assert workflow.get_status("diary") is workflow.RESUMABLE
    (tmp_path / "gate").touch()
    workflow.resume("diary").result(30)
    assert diary.read.run() == ["before", "held"]


def test_readers_beside_many_writers(place: Place, diary: Any, tmp_path: Path) -> None:
    """What they see is always a state that there was, and never an older one than before."""
    seen: list[list[str]] = [[]]

    def look() -> bool:
        seen.append(diary.read.run())
        return len({len(words) for words in seen}) > 5

    with running("actor_caller.py", "run", "diary", "guest", 10_000, tmp_path / "guest", place=place) as caller:
        wait_until(look, "five more states")
        caller.kill()
        caller.wait()
    diary.write.run("last")
    words = diary.read.run()
    assert words[:-1] == [f"guest {number}" for number in range(len(words) - 1)]
    assert all(found == words[: len(found)] for found in seen)
    lengths = [len(found) for found in seen]
    assert lengths == sorted(lengths)
