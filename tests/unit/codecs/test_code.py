"""Callables: by value, once per content, loaded once."""

import threading
import types
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from manyhands import workflow
from manyhands.codecs.code import LOADED_MOST, Body, capture
from manyhands.codecs.kit import Kit
from manyhands.model.errors import DecodingError, EncodingError, PickleForbidden
from manyhands.stores.blobs import MemoryBlobs

FACTOR = 3
HELD = threading.Lock()
GROWING: list[int] = []


def triple(value: int) -> int:
    return FACTOR * value


def locked() -> bool:
    return HELD.locked()


def grown() -> int:
    return len(GROWING)


def afresh(kit: Kit, function: Callable[..., Any]) -> Any:
    """The callable as another process would load it."""
    content_hash = kit.code.save(Body(function), "the step f")
    return Kit(kit.blobs).code.load(content_hash, "f").function


@pytest.mark.parametrize(
    "function", [triple, lambda value: 3 * value, partial(lambda by, value: by * value, 3), FACTOR.__mul__]
)
def test_callables_come_back(kit: Kit, function: Callable[..., Any]) -> None:
    assert afresh(kit, function)(14) == 42


def test_a_function_is_saved_by_value(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though its module could be imported: what that holds later does not matter."""
    content_hash = kit.code.save(Body(triple), "triple")
    monkeypatch.setattr(f"{__name__}.triple", None)
    monkeypatch.setattr(f"{__name__}.FACTOR", 5)
    assert Kit(kit.blobs).code.load(content_hash, "triple").function(14) == 42


def test_a_function_that_refers_to_what_cannot_be_saved(kit: Kit) -> None:
    """It goes by its name where that can be found, and is refused elsewhere."""
    assert afresh(kit, locked)() is False
    lock = threading.Lock()
    with pytest.raises(EncodingError, match=r"the step f is a function.*lock"):
        kit.code.save(Body(lambda: lock.locked()), "the step f")


def test_the_same_content_is_saved_once() -> None:
    blobs = MemoryBlobs()
    one = Kit(blobs).code.save(Body(triple), "f")
    two = Kit(blobs).code.save(Body(triple), "f")
    assert one == two


def test_a_callable_is_loaded_once(kit: Kit) -> None:
    content_hash = kit.code.save(Body(triple), "f")
    assert kit.code.load(content_hash, "f").function is triple
    other = Kit(kit.blobs)
    assert other.code.load(content_hash, "f") is other.code.load(content_hash, "f")


def test_only_so_many_are_kept_loaded(kit: Kit) -> None:
    first = kit.code.save(Body(partial(triple, 0)), "f")
    for number in range(1, LOADED_MOST + 1):
        kit.code.save(Body(partial(triple, number)), "f")
    found = kit.code.load(first, "f")
    assert found.function() == 0
    assert len(kit.code._loaded) == LOADED_MOST


def test_the_predicate_travels_along(kit: Kit) -> None:
    content_hash = kit.code.save(Body(triple, lambda error: isinstance(error, KeyError)), "f")
    retry_on = Kit(kit.blobs).code.load(content_hash, "f").retry_on
    assert retry_on is not None
    assert [retry_on(KeyError()), retry_on(ValueError())] == [True, False]


def test_a_step_travels_inside_a_function(kit: Kit) -> None:
    """A function that refers to steps, itself among them."""

    @workflow.step
    def down(level: int) -> Any:
        return down.step(level - 1)

    found = afresh(kit, down.__wrapped_step__)
    assert type(found(3)).__name__ == "Workflow"


def test_without_pickle(plain_kit: Kit) -> None:
    with pytest.raises(PickleForbidden, match="the step f is a function"):
        plain_kit.code.save(Body(triple), "the step f")


def test_code_that_cannot_be_loaded(kit: Kit) -> None:
    with pytest.raises(DecodingError, match="f"):
        kit.code.load(kit.blobs.put(b"junk"), "f")


# --- captures ------------------------------------------------------------------------------------------------------


def made(text: str, **names: Any) -> Any:
    module = types.ModuleType("made")
    vars(module).update(names)
    exec(text, vars(module))  # the same text gives two functions that differ in nothing but what they refer to
    return module.f  # type: ignore[attr-defined]


BODY = "def f(x=1):\n    return g(x) + C"


def g(value: int) -> int:
    return value


def test_equal_captures_mean_equal_functions() -> None:
    assert capture(made(BODY, g=g, C=1)) == capture(made(BODY, g=g, C=1))


@pytest.mark.parametrize(
    "other",
    [
        made(BODY, g=g, C=2),
        made(BODY, g=g, C=True),
        made(BODY, g=g, C=1.0),
        made(BODY.replace("x=1", "x=2"), g=g, C=1),
        made(BODY.replace("+", "-"), g=g, C=1),
        made(BODY, g=triple, C=1),
        made(BODY, g=len, C=1),
    ],
)
def test_other_functions_have_other_captures(other: Any) -> None:
    assert capture(other) is not None
    assert capture(other) != capture(made(BODY, g=g, C=1))


@pytest.mark.parametrize("function", [grown, locked, partial(triple, 1), made(BODY, g=g, C=[])])
def test_what_may_change_unseen_has_none(function: Any) -> None:
    assert capture(function) is None


def test_a_capture_follows_closures_and_nested_functions() -> None:
    def outer(number: int) -> Callable[[], int]:
        def inner() -> int:
            return (lambda: triple(number))()

        return inner

    assert capture(outer(1)) == capture(outer(1)) != capture(outer(2))
    assert capture(outer([])) is None  # type: ignore[arg-type]


def test_a_capture_sees_the_options_of_steps() -> None:
    step = workflow.step(triple)
    renamed = step.options(name="renamed")
    assert capture(made(BODY, g=step, C=1)) == capture(made(BODY, g=workflow.step(triple), C=1))
    assert capture(made(BODY, g=step, C=1)) != capture(made(BODY, g=renamed, C=1))


def test_a_capture_sees_the_attributes_of_functions() -> None:
    one, two = made(BODY, g=g, C=1), made(BODY, g=g, C=1)
    two.version = 2
    assert None is not capture(one) != capture(two) is not None
    two.version = []
    assert capture(two) is None


def test_a_recursive_function_has_a_capture() -> None:
    def loop(number: int) -> int:
        return loop(number - 1) if number else 0

    assert capture(loop) is not None
