"""Keys of calls: the customary ones, and longer ones where two calls share one."""

from typing import Any

import pytest

from manyhands.app.call_key import choose_key, full_fingerprint, short_key


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
