"""A call with some arguments changed by name."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from manyhands.machine.binding import rebind


def plain(a: int, b: int = 2, *, c: int = 3) -> None: ...


def rest(a: int, **more: int) -> None: ...


def many(a: int, *more: int, c: int = 3) -> None: ...


def positional(a: int, b: int = 2, /) -> None: ...


@functools.wraps(plain)
def wrapper(*given: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "call", "changed", "expected"),
    [
        (plain, ((1,), {"c": 5}), {"b": 7}, ((), {"a": 1, "b": 7, "c": 5})),
        (plain, ((), {"c": 5, "a": 1}), {"a": 2}, ((), {"a": 2, "c": 5})),
        (rest, ((1,), {"x": 1}), {"y": 2}, ((), {"a": 1, "x": 1, "y": 2})),
        (rest, ((1,), {}), {"a": 2}, ((), {"a": 2})),
        (many, ((1, 2, 3), {}), {"a": 5}, ((5, 2, 3), {})),
        (positional, ((1,), {}), {"b": 5}, ((1, 5), {})),
        (wrapper, ((1, 2), {}), {"b": 5}, ((1, 5), {})),
    ],
)
def test_it_is_by_name_where_the_function_allows_it(
    function: Callable[..., Any], call: tuple[Any, Any], changed: dict[str, int], expected: tuple[Any, Any]
) -> None:
    args, kwargs = rebind(function, *call, changed)
    assert (args, kwargs) == expected
    assert list(kwargs) == list(expected[1])


def test_a_name_that_is_no_parameter() -> None:
    with pytest.raises(TypeError, match="no parameter 'x', only a, b, c"):
        rebind(plain, (1,), {}, {"x": 1})
