from __future__ import annotations

import functools
import string
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.machine.naming import Names, StoredNames, default_name, first_free, slug

# Few bases, with endings that look like suffixes, so that collisions are the rule.
BASES = st.lists(st.sampled_from(["f", "f_1", "f_2", "f_1_1", "f_01", "f_0", "g", "", "_1", "f_10"]), max_size=60)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("test_x.<locals>.fact", "test_x.locals.fact"),
        ("Übung  für – alle", "Ubung-fur-alle"),
        ("  a \t b--c ", "a-b-c"),
        ("a / b", "a-b"),
        ("kept_.-9", "kept_.-9"),
        ("計算", ""),
        ("ﬁne", "fine"),
        ("", ""),
    ],
)
def test_slug(text, expected):
    assert slug(text) == expected


@given(st.text())
def test_slug_is_safe_and_stays(text):
    made = slug(text)
    assert set(made) <= set(string.ascii_letters + string.digits + "_.-")
    assert "--" not in made
    assert slug(made) == made


def test_default_name_keeps_locals_for_people():
    def fact():
        return None

    display, base = default_name(fact)
    assert display == f"{__name__}.test_default_name_keeps_locals_for_people.<locals>.fact"
    assert base == f"{__name__}.test_default_name_keeps_locals_for_people.locals.fact"


def test_default_name_of_what_has_none():
    anonymous = "__anonymous_module__.__anonymous_func__"
    assert default_name(functools.partial(len)) == (anonymous, anonymous)

    def odd():
        return None

    odd.__qualname__ = "計算"
    assert default_name(odd) == (f"{__name__}.計算", f"{__name__}.__anonymous_func__")
    odd.__module__ = None
    odd.__qualname__ = "odd"
    assert default_name(odd)[1] == "__anonymous_module__.odd"


def test_numbers_follow_the_order_of_asking():
    names = Names()
    assert [names.give("f") for _ in range(3)] == ["f", "f_1", "f_2"]
    assert [names.give("g"), names.give("f")] == ["g", "f_3"]


def test_explicit_name_before_the_automatic_one():
    names = Names()
    assert [names.give(base) for base in ("f", "f_1", "f", "f")] == ["f", "f_1", "f_2", "f_3"]


def test_explicit_name_after_the_automatic_one():
    names = Names()
    assert [names.give(base) for base in ("f", "f", "f_1", "f_1", "f")] == ["f", "f_1", "f_1_1", "f_1_2", "f_2"]


def test_leading_zero_is_no_number():
    names = Names()
    assert [names.give(base) for base in ("f", "f", "f_01", "f_0", "f")] == ["f", "f_1", "f_01", "f_0", "f_2"]


def test_endless_digits_are_text():
    long = "f_" + "9" * 5000
    names = Names.from_existing([long, "f"])
    assert names.give(long) == long + "_1"


@given(BASES)
def test_names_are_unique_and_first_free(bases):
    names = Names()
    given_so_far: set[str] = set()
    for base in bases:
        candidates = [base] + [f"{base}_{number}" for number in range(1, len(bases) + 1)]
        expected = next(name for name in candidates if name not in given_so_far)
        assert names.give(base) == expected
        given_so_far.add(expected)
        assert all(name in names for name in given_so_far)
        assert all((name in names) == (name in given_so_far) for name in candidates)


@given(BASES, st.data())
def test_rebuilt_names_go_on_as_if_uninterrupted(bases, data):
    cut = data.draw(st.integers(0, len(bases)))
    uninterrupted = Names()
    before = [uninterrupted.give(base) for base in bases[:cut]]
    rebuilt = Names.from_existing(data.draw(st.permutations(before)))
    assert [rebuilt.give(base) for base in bases[cut:]] == [uninterrupted.give(base) for base in bases[cut:]]


@given(st.sets(st.sampled_from(["f", "f_1", "f_2", "f_3", "f_5", "f_1_1", "f_1_2", "g_1", "g_2"])))
def test_rebuilt_from_any_set_never_gives_a_name_again(existing):
    names = Names.from_existing(existing)
    assert all(name in names for name in existing)
    fresh = [names.give(base) for base in ("f", "g", "f_1", "g_1", "f_5", "f", "g", "f_1") for _ in range(3)]
    assert len(set(fresh) | existing) == len(fresh) + len(existing)


def test_equal_names_take_no_memory_each():
    names = Names()
    for _ in range(100_000):
        names.give("f")
    assert names.give("f") == "f_100000"
    assert len(names._next) == 1
    rebuilt = Names.from_existing(["f"] + [f"f_{number}" for number in range(1, 100_001)])
    assert len(rebuilt._next) == 1
    assert rebuilt.give("f") == "f_100001"


def test_distinct_names_share_the_callers_text():
    names = Names()
    bases = [f"task-{number}" for number in range(1000)]
    assert all(names.give(base) is base for base in bases)
    assert sys.getsizeof(names._next) < 100 * len(bases)


# --- names of a run that has too many to be listed -------------------------------------------------------------------


class Asked:
    """The names that a store has, and how often it was asked for one."""

    def __init__(self, names):
        self.names = set(names)
        self.times = 0

    def __call__(self, name):
        self.times += 1
        return name in self.names


@given(BASES, st.data())
def test_stored_names_are_those_that_all_names_would_give(bases, data):
    """However often a run is taken up again, without the names of before or with them."""
    uninterrupted, expected, made = Names(), [], []
    stored = StoredNames(set(made).__contains__)
    for base in bases:
        if data.draw(st.booleans()):
            stored = StoredNames(set(made).__contains__)
        made.append(stored.give(base))
        expected.append(uninterrupted.give(base))
    assert made == expected


@given(
    BASES, st.sets(st.sampled_from([base + end for base in ("f", "g", "f_1") for end in ("", "_1", "_2", "_3", "_7")]))
)
def test_stored_names_never_come_again(bases, existing):
    """Also where the numbers that were given have gaps."""
    stored = StoredNames(existing.__contains__)
    fresh = [stored.give(base) for base in bases]
    assert len({*fresh, *existing}) == len(fresh) + len(existing)


@given(st.integers(0, 5000))
def test_the_first_free_number_is_found_by_few_questions(count):
    asked = Asked(["f"][:count] + [f"f_{number}" for number in range(1, count)])
    assert first_free("f", asked) == count
    assert asked.times <= 2 * max(count, 1).bit_length() + 2


def test_the_next_names_take_one_question_each():
    asked = Asked(["f"] + [f"f_{number}" for number in range(1, 100_001)])
    stored = StoredNames(asked)
    assert stored.give("f") == "f_100001"
    asked.times = 0
    assert [stored.give("f") for _ in range(100)] == [f"f_{number}" for number in range(100_002, 100_102)]
    assert asked.times == 100
