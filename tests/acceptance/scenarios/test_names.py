"""Names of steps and the outputs found by them."""

from pathlib import Path
from typing import Any

import pytest

from manyhands import workflow
from tests.acceptance.kit import Place, count_up, wait_for_file


@workflow.step
def double(value: int) -> int:
    return 2 * value


def test_get_output_after_the_run(place: Place) -> None:
    """Scenario 23."""
    result = double.step(21).run("answer")
    assert workflow.get_output("answer").result() == result == 42


def test_get_output_while_it_runs(place: Place, tmp_path: Path) -> None:
    """Scenario 24: both references give the value once the gate is open."""
    gate = tmp_path / "gate"

    @workflow.step
    def wait(value: int) -> int:
        wait_for_file(gate)
        return value

    first = wait.step(7).run_async("gated")
    second = workflow.get_output("gated")
    assert not first.done()
    assert not second.done()
    gate.touch()
    assert (first.result(30), second.result(30)) == (7, 7)


def test_get_output_of_a_failed_run_runs_nothing(place: Place, tmp_path: Path) -> None:
    """Scenario 25: it raises, and goes on raising when the cause is gone, until somebody resumes."""
    cured, tries = tmp_path / "cured", tmp_path / "tries"

    @workflow.step(max_retries=1)
    def fragile() -> int:
        count_up(tries)
        if not cured.exists():
            raise ValueError("not cured")
        return 10

    with pytest.raises(workflow.WorkflowExecutionError):
        fragile.step().run("fragile")
    for _ in range(2):
        with pytest.raises(workflow.WorkflowExecutionError, match="not cured") as caught:
            workflow.get_output("fragile").result()
        assert isinstance(caught.value.__cause__, ValueError)
        cured.touch()
    assert len(tries.read_text().split()) == 1
    assert workflow.resume("fragile").result() == 10
    assert workflow.get_output("fragile").result() == 10


def nested(gate: Path | None = None) -> Any:
    @workflow.step(name="inner")
    def inner() -> int:
        if gate is not None:
            wait_for_file(gate)
        return 2

    @workflow.step(name="outer")
    def outer() -> Any:
        return double.options(name="last").step(inner.step())

    return outer.step()


def test_outputs_by_name(place: Place) -> None:
    """Scenario 26."""
    assert nested().run("named") == 4
    assert workflow.get_output("named", name="inner").result() == 2
    assert workflow.get_output("named", name="outer").result() == 4
    assert workflow.get_output("named", name="last").result() == 4


def test_outputs_by_name_while_it_runs(place: Place, tmp_path: Path) -> None:
    """Scenario 27: nothing is ready before the gate is open, all is afterwards."""
    gate = tmp_path / "gate"
    whole = nested(gate).run_async("named")
    by_name = {name: workflow.get_output("named", name=name) for name in ("inner", "outer")}
    assert not any(reference.done() for reference in by_name.values())
    gate.touch()
    assert {name: reference.result(30) for name, reference in by_name.items()} == {"inner": 2, "outer": 4}
    assert whole.result(30) == 4


def test_output_of_the_inner_step_when_the_outer_fails(place: Place) -> None:
    """Scenario 28."""

    @workflow.step(name="inner")
    def inner() -> int:
        return 2

    @workflow.step(name="outer", max_retries=1)
    def outer(_value: int) -> int:
        raise ValueError("outer")

    with pytest.raises(workflow.WorkflowExecutionError):
        outer.step(inner.step()).run("half")
    assert workflow.get_output("half", name="inner").result() == 2
    with pytest.raises(workflow.WorkflowExecutionError, match="outer"):
        workflow.get_output("half", name="outer").result()


def test_default_names_of_recursive_steps(place: Place) -> None:
    """Scenario 29: module and qualified name, then `_1`, `_2`, …; each gives the whole result of its tail."""

    @workflow.step
    def factorial(number: int, result: int = 1) -> Any:
        return result if number == 1 else factorial.step(number - 1, result * number)

    assert factorial.step(5).run("names") == 120
    base = f"{__name__}.test_default_names_of_recursive_steps.locals.factorial"
    names = [base, *[f"{base}_{count}" for count in range(1, 5)]]
    assert place.names("names") == names
    assert [workflow.get_output("names", name=name).result() for name in names] == [120] * 5


def test_two_steps_of_one_name(place: Place) -> None:
    """Scenario 30: the root is numbered before its input."""
    same = double.options(name="same")
    assert same.step(same.step(5)).run("same") == 20
    assert workflow.get_output("same", name="same").result() == 20
    assert workflow.get_output("same", name="same_1").result() == 10


def test_numbers_go_breadth_first(place: Place) -> None:
    """The root, then its arguments in their order, then theirs."""

    @workflow.step(name="f")
    def join(left: Any, right: Any) -> list[Any]:
        return [left, right]

    tree = join.step(join.step("a", "b"), join.step("c", "d"))
    tree.run("tree")
    assert workflow.get_output("tree", name="f_1").result() == ["a", "b"]
    assert workflow.get_output("tree", name="f_2").result() == ["c", "d"]


def test_an_explicit_name_does_not_collide_with_a_number(place: Place) -> None:
    """A step called `f_1` and the second `f` are two steps with two results."""

    @workflow.step
    def join(*values: str) -> list[str]:
        return list(values)

    @workflow.step
    def say(word: str) -> str:
        return word

    named = join.step(
        say.options(name="f").step("first"), say.options(name="f_1").step("explicit"), say.options(name="f").step("2nd")
    )
    assert named.run("clash") == ["first", "explicit", "2nd"]
    names = place.names("clash")
    assert len(set(names)) == 4
    assert workflow.get_output("clash", name="f_1").result() == "explicit"


def test_names_are_kept_by_a_resume(place: Place, tmp_path: Path) -> None:
    """Numbers are given once: what a resumed run adds gets the next ones."""
    cured = tmp_path / "cured"

    @workflow.step(name="f", max_retries=1)
    def count(number: int) -> Any:
        if number == 2 and not cured.exists():
            raise ValueError("not yet")
        return number if number == 0 else count.step(number - 1)

    with pytest.raises(workflow.WorkflowExecutionError):
        count.step(4).run("kept")
    assert place.names("kept") == ["f", "f_1", "f_2"]
    cured.touch()
    assert workflow.resume("kept").result() == 0
    assert place.names("kept") == ["f", "f_1", "f_2", "f_3", "f_4"]


def test_twenty_steps_of_one_name(place: Place) -> None:
    """Every number is given once, and finds its own result."""

    @workflow.step(name="simple", allow_inplace=True)
    def simple(value: int) -> int:
        return value

    @workflow.step
    def gather(values: list[int]) -> list[int]:
        return values

    assert gather.step([simple.step(number) for number in range(20)]).run("twenty") == list(range(20))
    names = ["simple", *[f"simple_{number}" for number in range(1, 20)]]
    assert [workflow.get_output("twenty", name=name).result() for name in names] == list(range(20))


def test_get_output_of_a_name_that_nobody_has(place: Place) -> None:
    """It is told apart from an unknown run, once the run is over."""
    double.step(1).run("named")
    with pytest.raises(ValueError, match="No such step_id nobody in workflow named"):
        workflow.get_output("named", name="nobody").result()
    with pytest.raises(ValueError, match="No such workflow_id nowhere"):
        workflow.get_output("nowhere")


@pytest.mark.parametrize("names", [("a b", "a-b", "a--b"), ("日本", "<x>", "ü", "\n"), ("load a/b.csv", " ", "a b_1")])
def test_a_name_that_is_given_is_kept_as_it_is(place: Place, names: tuple[str, ...]) -> None:
    """It can be asked for by the text that was given, and no other step is found by it."""

    @workflow.step(allow_inplace=True)
    def gather(*values: str) -> list[str]:
        return [*values]

    @workflow.step(allow_inplace=True)
    def say(word: str) -> str:
        return word

    assert gather.step(*[say.options(name=name).step(name) for name in names]).run("given") == list(names)
    assert place.names("given")[1:] == list(names)
    for name in names:
        assert workflow.get_output("given", name=name).result() == name
        assert workflow.get_metadata("given", name)["name"] == name


def test_equal_names_that_are_given_are_numbered_as_they_are(place: Place) -> None:
    twice = double.options(name="my step", allow_inplace=True)
    assert twice.step(twice.step(1)).run("twice") == 4
    assert place.names("twice") == ["my step", "my step_1"]


def test_an_empty_name_is_none(place: Place) -> None:
    double.options(name="", allow_inplace=True).step(1).run("unnamed")
    assert place.names("unnamed") == [f"{__name__}.double"]
