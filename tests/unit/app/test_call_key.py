"""Keys of calls: the customary ones, and longer ones where two calls share one."""

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from manyhands.app.call_key import choose_key, full_fingerprint, short_key
from manyhands.model.errors import FingerprintError


@pytest.mark.parametrize(
    ("args", "kwargs", "key"),
    [
        ((), {}, "fe3fa0f"),
        ((0,), {}, "f42884d"),
        ((1,), {}, "2f42888"),
        ((1, [2], (3, 4), {"1": "3"}), {}, "0d824f7"),
    ],
)
def test_customary_keys(args: Any, kwargs: Any, key: str) -> None:
    assert short_key(args, kwargs) == key


@pytest.mark.parametrize(
    ("one", "other"),
    [((1, 2), (2, 1)), (([1, 2],), ([2, 1],)), ((1, 1), (1,)), (([1, 1],), ([1],)), (((1, 2),), ((2, 1),))],
)
def test_calls_that_share_the_customary_key_have_keys_of_their_own(one: Any, other: Any) -> None:
    first, second = full_fingerprint(one, {}), full_fingerprint(other, {})
    assert short_key(one, {}) == short_key(other, {})
    key = choose_key(one, {}, first, {})
    longer = choose_key(other, {}, second, {key: first})
    assert longer.startswith(key)
    assert longer != key
    assert choose_key(one, {}, first, {key: first}) == key
    assert choose_key(other, {}, second, {key: first, longer: second}) == longer


def test_what_makes_calls_different() -> None:
    calls: list[tuple[Any, dict[str, Any]]] = [
        ((), {}), ((1,), {}), ((1.0,), {}), ((True,), {}), (("1",), {}), ((None,), {}), ((), {"value": 1}),
        (([1],), {}), (((1,),), {}), (({"a": 1},), {}), ((1, 1.0), {}), ((b"1",), {}),
    ]  # fmt: skip
    assert len({full_fingerprint(*call) for call in calls}) == len(calls)
    assert len({short_key(*call) for call in calls}) == len(calls)


def test_the_order_of_keywords_does_not_count() -> None:
    assert short_key((), {"a": 1, "b": 2}) == short_key((), {"b": 2, "a": 1})
    assert full_fingerprint((), {"a": 1, "b": 2}) == full_fingerprint((), {"b": 2, "a": 1})


def test_deep_arguments_have_a_key() -> None:
    deep: list[Any] = []
    for _ in range(50_000):
        deep = [deep]
    assert len(short_key((deep,), {})) == 7


class Plain:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


class Other(Plain):
    pass


@dataclass
class Holder:
    inner: Any


def test_plain_objects_count_by_class_and_attributes() -> None:
    def make(shape: Callable[[Any], Any], kind: type = Plain, rate: float = 0.1) -> tuple[str, str]:
        args = (shape(kind(rate=rate, inner=kind(names=["a"]))), 1)
        return full_fingerprint(args, {"x": args}), short_key(args, {"x": args})

    shapes: list[Callable[[Any], Any]] = [
        lambda value: value, lambda value: [value], lambda value: {"a": (value,)}, lambda value: {value}, Holder,
    ]  # fmt: skip
    for shape in shapes:
        assert make(shape) == make(shape)
        assert not set(make(shape)) & {*make(shape, Other), *make(shape, rate=0.2)}
    assert len({make(shape) for shape in shapes}) == len(shapes)


class Slotted:
    __slots__ = ("x",)


class Hides(io.StringIO):
    pass


class Copies(Plain):
    def __getstate__(self) -> dict[str, Any]:
        return {}


class Lists(list[Any]):
    pass


def ring() -> Plain:
    made = Plain()
    made.made = made  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize(
    "value",
    [object(), Slotted(), Hides("text"), Copies(), Plain(lock=threading.Lock()), Lists([object()]), ring()],
    ids=lambda value: type(value).__name__,
)
def test_what_may_hide_more_than_its_attributes_is_refused(value: Any) -> None:
    with pytest.raises(FingerprintError, match=r"^args\[0\]\[1\]"):
        full_fingerprint(([1, value],), {})
