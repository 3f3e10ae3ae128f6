"""From the parts of a request to the arguments of a method."""

from dataclasses import dataclass
from typing import Any

import pydantic
import pytest

from manyhands.model.errors import CallError
from manyhands.rest.arguments import bound, settled


@dataclass
class Order:
    name: str
    count: int = 1


class Wish(pydantic.BaseModel):
    name: str
    count: int = 1


def plain(name: str, count: int = 1, *, ratio: float = 0.5) -> None: ...
def bare(name, count=1): ...  # type: ignore[no-untyped-def]
def anything(**given: Any) -> None: ...
def nothing() -> None: ...
def one_order(order: Order) -> None: ...
def one_wish(wish: Wish) -> None: ...
def unreadable(name: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("method", "given", "expected"),
    [
        (plain, {"name": "a"}, {"name": "a"}),
        (plain, {"name": "a", "count": "3", "ratio": "0.25"}, {"name": "a", "count": 3, "ratio": 0.25}),
        (plain, {"name": "a", "count": 3}, {"name": "a", "count": 3}),
        (bare, {"name": "a", "count": "3"}, {"name": "a", "count": "3"}),
        (anything, {"x": 1, "y": "2"}, {"x": 1, "y": "2"}),
        (nothing, {}, {}),
        (one_order, {"name": "a", "count": 2}, {"order": Order("a", 2)}),
        (one_order, {"order": {"name": "a"}}, {"order": Order("a", 1)}),
        (one_wish, {"name": "a", "count": 2}, {"wish": Wish(name="a", count=2)}),
        (unreadable, {"name": "a"}, {"name": "a"}),
    ],
)
def test_what_fits(method: Any, given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert bound(method, given, "/r") == expected


@pytest.mark.parametrize(
    ("method", "given", "text"),
    [
        (plain, {}, "/r needs name"),
        (plain, {"name": "a", "other": 1}, "does not take other; it takes name, count, ratio"),
        (plain, {"name": 5}, "name of /r does not fit"),
        (plain, {"name": "a", "count": "many"}, "count of /r does not fit"),
        (plain, {"name": "a", "count": 1.5}, "count of /r does not fit"),
        (nothing, {"x": 1}, "it takes nothing"),
        (one_order, {"count": 1}, "does not fit"),
        (one_wish, {"name": "a", "count": "many"}, "does not fit"),
    ],
)
def test_what_does_not_fit(method: Any, given: dict[str, Any], text: str) -> None:
    with pytest.raises(CallError, match=text):
        bound(method, given, "/r")


def test_a_coroutine_is_waited_for() -> None:
    async def later() -> int:
        return 5

    assert settled(later()) == 5
    assert settled(6) == 6
