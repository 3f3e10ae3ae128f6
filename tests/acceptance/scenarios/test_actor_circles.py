"""Calls that come round to an actor which waits for them: they fail, as waiting would never end."""

from collections.abc import Callable
from typing import Any

import pytest

import manyhands
from manyhands import workflow
from manyhands.model.errors import ExecutionError, WaitForItself
from tests.acceptance.kit import Place


@workflow.virtual_actor
class Post:
    """Passes a list of addresses on, each to the next, in the way that it is told."""

    def __init__(self) -> None:
        self.seen = 0

    def bring(self, route: list[str], how: str = "run") -> int:
        self.seen += 1
        if not route:
            return self.seen
        to, *rest = route
        return WAYS[how](to, rest, how)

    def see(self) -> int:
        self.seen += 1
        return self.seen

    @workflow.virtual_actor.readonly
    def look(self) -> int:
        return self.seen

    def ask_about(self, other: str, back: str) -> int:
        return workflow.get_actor(other).look_at.run(back)

    def look_at(self, other: str) -> int:
        return workflow.get_actor(other).look.run()

    def remind(self, other: str, me: str) -> None:
        workflow.get_actor(other).call_back.run(me)

    def call_back(self, other: str) -> None:
        workflow.get_actor(other).see.run_async()


@workflow.step
def carry(to: str, route: list[str], how: str) -> int:
    return workflow.get_actor(to).bring.run(route, how)


WAYS: dict[str, Callable[[str, list[str], str], Any]] = {
    "run": lambda to, route, how: workflow.get_actor(to).bring.run(route, how),
    "workflow": lambda to, route, how: carry.step(to, route, how).run(),
    "step": lambda to, route, how: carry.step(to, route, how),
}


@pytest.fixture
def posts(place: Place) -> dict[str, Any]:
    return {name: Post.get_or_create(name) for name in "abc"}


@pytest.mark.parametrize("how", ["run", "workflow", "step"])
@pytest.mark.parametrize("route", [["a"], ["b", "a"], ["b", "c", "a"], ["b", "c", "b"]], ids="-".join)
def test_a_call_that_comes_round_fails(posts: dict[str, Any], route: list[str], how: str) -> None:
    """At whoever closes the circle; those before it fail because of it, and none of them waits for ever."""
    with pytest.raises(ExecutionError) as raised:
        posts["a"].bring.run_async(route, how).result(100)
    assert f"WaitForItself: '{route[-1]}' waits for this very call" in str(raised.value)


def test_the_error_names_the_way(posts: dict[str, Any]) -> None:
    with pytest.raises(ExecutionError) as raised:
        posts["a"].bring.run(["b", "c", "a"])
    assert "(a -> b -> c -> a)" in str(raised.value)


def test_nothing_is_left_in_the_line(posts: dict[str, Any], place: Place) -> None:
    """The call that would have waited was not made: skip those that failed, and all go on from where they were."""
    with pytest.raises(ExecutionError):
        posts["a"].bring.run(["b", "a"])
    for name in "ab":
        failed = [task.name for task in place.tasks(name) if task.status.value == "failed"]
        assert len(failed) == 1
        workflow.skip(name, failed[0])
        assert posts[name].see.run() == 1


def test_waiting_for_a_later_call_by_its_reference(place: Place) -> None:
    @workflow.virtual_actor
    class Asker:
        def __init__(self) -> None:
            self.n = 0

        def ask(self, name: str) -> Any:
            return manyhands.get(workflow.get_actor(name).count.run_async())

        def count(self) -> int:
            self.n += 1
            return self.n

    asker = Asker.get_or_create("asker")
    with pytest.raises(ExecutionError) as raised:
        asker.ask.run_async("asker").result(60)
    assert isinstance(raised.value.__cause__, WaitForItself)


def test_reading_and_calling_back_without_waiting_are_no_circle(posts: dict[str, Any]) -> None:
    assert posts["a"].ask_about.run("b", "a") == 0
    posts["a"].remind.run("b", "a")
    assert posts["a"].see.run() == 2


def test_a_way_back_that_nobody_waits_for(posts: dict[str, Any]) -> None:
    """Whoever was called without being waited for may call its caller."""
    assert posts["b"].bring.run([]) == 1
    posts["a"].call_back.run("b")
    assert posts["b"].see.run() == 3


def test_a_call_that_came_round_is_tried_again(posts: dict[str, Any]) -> None:
    """Those who waited for it have been told: what counts is who waits for the call that comes behind it."""
    for call in (posts["a"].bring, (["b", "a"],)), (posts["a"].remind, ("b", "a")):
        _, error = call[0].options(catch_exceptions=True).run_async(*call[1]).result(60)
        assert "WaitForItself" in str(error)
    assert posts["b"].see.run_async().result(60) == 2
    assert posts["a"].see.run_async().result(60) == 3
