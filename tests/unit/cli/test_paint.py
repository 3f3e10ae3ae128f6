"""How runs, steps and events look."""

import io
import re
from collections.abc import Iterator

import msgspec
import pytest
from rich.console import Console, RenderableType

from manyhands.cli import paint
from manyhands.model.kinds import ACTOR
from manyhands.model.specs import SIGNAL, TIMER, WAIT
from manyhands.model.states import AttemptStatus, Cause, Reason, RunStatus, TaskStatus
from manyhands.model.values import Encoded
from tests.unit.engine.history import History


@pytest.fixture
def history() -> Iterator[History]:
    made = History()
    yield made
    made.store.close()


def text(shown: RenderableType) -> str:
    file = io.StringIO()
    Console(file=file, width=160, highlight=False).print(shown)
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def tree(history: History, run: str, limit: int = 0) -> tuple[str, int]:
    view = history.inspect.run(run)
    shown, left_out = paint.tree(history.inspect.tree(run), view.counts or {}, history.now, limit)
    return text(shown), left_out


def causes(history: History, run: str) -> dict[str, str]:
    views = history.inspect.tasks(run)
    statuses = {view.name: view.status for view in views}
    return {view.name: paint.cause(view, history.now, statuses) for view in views}


def test_every_status_has_a_look() -> None:
    names = {*map(str, RunStatus), *map(str, TaskStatus), *map(str, AttemptStatus)}
    assert names == set(paint.LOOKS)


def test_the_cause_of_each_state(history: History) -> None:
    run = history.run("r").task("a").task("b", "a").task("c", "b").task("d", "a").task("e").task("f").task("g")
    run.task("h", "a", "e", "f", "g", "d").done("a").start("b").fail("b", "KeyError: 1")
    run.start("e").retry("e", "ValueError: x", 60)
    run.succeed("f", Reason.CACHED, message="computed by f of run q")
    end = run.end(AttemptStatus.FAILED, Cause.ERROR, "ValueError: y")
    run.start("g").succeed("g", Reason.CAUGHT, caught=True, message="ValueError: y", attempt_end=end)
    found = causes(history, "r")
    assert found["a"] == ""
    assert found["b"] == "error: KeyError: 1"
    assert found["c"] == "cannot run: b failed"
    assert found["d"] == ""
    assert found["e"].startswith("retry in ")
    assert found["e"].endswith("after: ValueError: x")
    assert found["f"] == "cached: computed by f of run q"
    assert found["g"] == "caught: ValueError: y"
    assert found["h"] == "after e and d"


def test_the_cause_of_what_forwards(history: History) -> None:
    run = history.run("r").task("a").start("a").task("b", parent="a").forward("a", "b").start("b")
    assert causes(history, "r")["a"] == "waits for b"
    run.fail("b", "no").fail("a", "no", source="b")
    assert causes(history, "r")["a"] == "b failed"


def test_what_was_begun_by_a_driver_that_is_gone(history: History) -> None:
    history.run("r").task("a").start("a")
    history.graves.ids.add("e1")
    assert causes(history, "r") == {"a": "begun, not finished"}


def test_the_tree_is_drawn(history: History) -> None:
    run = history.run("r").task("a").task("z").start("a").task("b", parent="a").task("c", parent="a").forward("a", "c")
    run.done("b").start("c").task("d", parent="c").forward("c", "d").start("d")
    shown, left_out = tree(history, "r")
    assert left_out == 0
    assert [line.split("  ")[0] for line in shown.splitlines()] == ["STEP", "a", "├─ b", "└─ c", "", "z"]
    assert "   └─ d" in shown


def test_many_siblings_are_cut_but_not_the_ones_that_need_a_look(history: History) -> None:
    run = history.run("r")
    for number in range(100):
        run.task(f"t{number}")
    run.start("t70").fail("t70", "no").start("t90").done("t0", "t1")
    shown, left_out = tree(history, "r", 10)
    assert left_out == 90
    names = [line.split()[0] for line in shown.splitlines()[1:11]]
    assert names == ["t0", "t1", "t2", "t3", "t4", "t5", "t6", "t7", "t70", "t90"]
    assert "not shown: 90 pending" in shown


def test_a_deep_tree_is_cut(history: History) -> None:
    run = history.run("r").task("t0").start("t0")
    for number in range(1, 60):
        run.task(f"t{number}", parent=f"t{number - 1}").forward(f"t{number - 1}", f"t{number}").start(f"t{number}")
    shown, left_out = tree(history, "r", 20)
    assert len(shown.splitlines()) == 22
    assert shown.splitlines()[-1] == "not shown: 40 running"
    assert left_out == 40


def test_a_very_deep_tree_can_be_drawn(history: History) -> None:
    run = history.run("r").task("t0").start("t0")
    for number in range(1, 1500):
        run.task(f"t{number}", parent=f"t{number - 1}")
    assert tree(history, "r")[1] == 0


def test_a_run_in_the_list(history: History) -> None:
    run = history.run("r", metadata={"owner": "me", "n": [1, 2]}).task("a").task("b")
    run.start("a").fail("a", "no").over(RunStatus.FAILED, Reason.ERROR, "no", source="a")
    line = text(paint.runs(history.inspect.runs(counts=True), history.now)).splitlines()[1]
    assert "✗ failed" in line
    assert "1/2 1 failed" in line
    assert 'owner="me", n=[1,2]' in line
    shown = text(paint.run(history.inspect.run("r"), history.now))
    assert "Because   step 'a' failed" in shown
    assert "1 pending, 1 failed" in shown


def test_the_driver_of_a_run(history: History) -> None:
    history.run("r").task("a")
    assert "process 4711 on host (embedded)" in text(paint.run(history.inspect.run("r"), history.now))
    history.graves.ids.add("e1")
    assert "(embedded, gone)" in text(paint.run(history.inspect.run("r"), history.now))


def test_an_event_is_one_line(history: History) -> None:
    history.run("r").task("a").start("a").retry("a", "ValueError: x\nmore", 0).start("a")
    shown = [text(paint.event(event)) for event in history.inspect.events("r")]
    assert all("\n" not in line for line in shown)
    assert shown[0].split()[2:] == ["r", "▶", "running", "started"]
    assert shown[-2].endswith("· pending retry  ValueError: x")
    assert shown[-1].endswith("▶ running started (attempt 2)")


def test_markup_in_names_is_shown_as_it_is(history: History) -> None:
    history.run("[red]r[/red]").task("[bold]a[/bold]")
    assert "[red]r[/red]" in text(paint.runs(history.inspect.runs(), history.now))
    assert "[bold]a[/bold]" in tree(history, "[red]r[/red]")[0]


def test_a_name_is_one_line_and_colours_nothing(history: History) -> None:
    history.run("a\nrun").task("a\nstep\x1b[31m").start("a\nstep\x1b[31m")
    assert r"a\nrun" in text(paint.runs(history.inspect.runs(), history.now))
    assert r"a\nrun" in text(paint.run(history.inspect.run("a\nrun"), history.now))
    assert r"a\nstep\x1b[31m" in tree(history, "a\nrun")[0]
    assert all("\n" not in text(paint.event(event)) for event in history.inspect.events("a\nrun"))
    assert paint.one_line("計算 für a/b") == "計算 für a/b"


def test_what_waits_without_a_worker(history: History) -> None:
    run = history.run("r").task("a", kind=TIMER).task("b", kind=SIGNAL).task("c", "a", "b", kind=WAIT).task("d", "c")
    run.wait("a", Reason.TIME, due_at=history.now + 130).wait("b", Reason.SIGNAL, "go")
    run.wait("c", Reason.UPSTREAM, due_at=history.now + 130)
    for driver_lives in (True, False):
        found = causes(history, "r")
        assert re.fullmatch(r"until \S+ \S+ \(in 2 min\)", found["a"])
        assert found["b"] == "for signal 'go'"
        assert found["c"].startswith("for some of a and b, until ")
        assert found["d"] == "after c"
        if driver_lives:
            history.graves.ids.add("e1")
    resumed = history.take_over("r")
    assert causes(history, "r")["b"] == ""
    resumed.wait("b", Reason.SIGNAL, "go").succeed("b").wait("a", Reason.TIME, due_at=history.now).succeed("a")
    assert causes(history, "r")["a"] == causes(history, "r")["b"] == "attempt 2"


def test_a_call_that_was_passed_over(history: History) -> None:
    history.run("act", kind=ACTOR).task("a").start("a").move("a", TaskStatus.SKIPPED, Reason.SKIPPED)
    assert causes(history, "act")["a"] == "passed over"


def test_an_actor_and_its_states(history: History) -> None:
    run = history.run("act", kind=ACTOR).task("init")
    assert "none yet" in text(paint.run(history.inspect.run("act"), history.now))
    assert re.search(r"^act +actor ", text(paint.runs(history.inspect.runs(counts=True), history.now)), re.MULTILINE)
    run.done("init").now_is(1, "init", Encoded("msgpack", b'\xa8{"n": 1}', None, 9))
    run.task("add").now_is(2, "add", Encoded("pickle", b"...", None, 1234))
    run.task("more").now_is(3, "more", Encoded("msgpack", msgspec.msgpack.encode(["x" * 300]), None, 305))
    run.task("none").now_is(4, "none", Encoded("msgpack", b"\xc0", None, 1))
    shown = text(paint.run(history.inspect.run("act"), history.now))
    assert re.search(r"^Version +4$", shown, re.MULTILINE)
    assert re.search(r"^Latest call +none$", shown, re.MULTILINE)
    lines = text(paint.states(history.inspect.states("act"))).splitlines()
    assert re.fullmatch(r'1 +init +\S+ \S+ +\{"n": 1\}', lines[1])
    assert lines[2].endswith("(pickle, 1,234 bytes)")
    assert re.fullmatch(r"3 +more .* \['x{60,}…", lines[3])
    assert lines[4].endswith(" None")


def test_a_run_that_is_no_actor_shows_nothing_of_one(history: History) -> None:
    history.run("r").task("a")
    shown = text(paint.run(history.inspect.run("r"), history.now))
    assert "Version" not in shown
    assert "Latest call" not in shown
