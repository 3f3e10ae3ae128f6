from __future__ import annotations

import array
import copy
import datetime
import functools
import json
import math
import os
import pathlib
import pickle
import subprocess
import sys
import threading
import types
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyhands.machine.fingerprint import CallShape, fingerprint, fingerprint_call
from manyhands.model.errors import FingerprintError, UsageError
from tests.unit.machine import fingerprint_samples
from tests.unit.machine.fingerprint_samples import Color, Hooked, Level, Pair, Point, Spec, tagged

HERE = pathlib.Path(__file__).parent
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(2**63 - 2, 2**64 + 2),
    st.floats(),
    st.text(st.characters(exclude_categories=())),
    st.binary(),
)
KEYS = SCALARS | st.tuples(SCALARS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(KEYS, inner, max_size=4),
        st.dictionaries(st.text(max_size=3), inner, max_size=4),
        st.sets(KEYS, max_size=4),
        st.frozensets(KEYS, max_size=4),
    ),
    max_leaves=12,
)


def shape_of(value: Any) -> Any:
    """A second, slow and plain definition of what counts: equal shapes, equal fingerprints, and the reverse."""
    if isinstance(value, float):
        return ("float", "nan" if math.isnan(value) else value.hex())
    if isinstance(value, list | tuple):
        return (type(value).__name__, [shape_of(item) for item in value])
    if isinstance(value, set | frozenset):
        return (type(value).__name__, sorted((shape_of(item) for item in value), key=repr))
    if isinstance(value, dict):
        pairs = [(shape_of(key), shape_of(item)) for key, item in value.items()]
        return ("dict", sorted(pairs, key=repr))
    return (type(value).__name__, repr(value))


def rebuilt(value: Any) -> Any:
    """An equal value that shares no object with `value` and has its entries in the opposite order."""
    if isinstance(value, dict):
        return {rebuilt(key): rebuilt(item) for key, item in reversed(value.items())}
    if isinstance(value, set | frozenset):
        return type(value)(rebuilt(item) for item in reversed(list(value)))
    if isinstance(value, list | tuple):
        return type(value)(rebuilt(item) for item in value)
    if isinstance(value, str):
        return "".join(list(value))
    return pickle.loads(pickle.dumps(value))


# --- stability -------------------------------------------------------------------------------------------------


@given(VALUES)
def test_equal_values_have_equal_fingerprints(value):
    assert fingerprint(rebuilt(value)) == fingerprint(value)
    assert len(fingerprint(value)) == 16


@given(VALUES, VALUES)
def test_fingerprints_differ_exactly_when_values_do(one, other):
    assert (fingerprint(one) == fingerprint(other)) == (shape_of(one) == shape_of(other))
    assert (fingerprint_call((one, 1), {}) == fingerprint_call((other, 1), {})) == (shape_of(one) == shape_of(other))


@given(st.lists(VALUES, max_size=4), st.dictionaries(st.text(max_size=3), VALUES, max_size=3))
def test_calls(args, kwargs):
    digest = fingerprint_call(tuple(args), kwargs)
    assert fingerprint_call(tuple(rebuilt(args)), rebuilt(kwargs)) == digest
    assert fingerprint_call((*args, None), kwargs) != digest
    assert fingerprint_call(tuple(args), {**kwargs, "more": None}) != digest


def test_pinned_digests():
    """A change here makes every cache key of every store stale: change the pins only on purpose."""
    assert fingerprint_samples.digests() == json.loads((HERE / "fingerprint_pins.json").read_text())


@pytest.mark.parametrize("seed", ["0", "1", "4242"])
def test_other_processes_agree(seed):
    done = subprocess.run(
        [sys.executable, str(HERE / "fingerprint_samples.py")],
        env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=True,
        capture_output=True,
        text=True,
    )
    theirs = dict(line.rsplit("=", 1) for line in done.stdout.splitlines())
    assert theirs == fingerprint_samples.digests()


def test_samples_all_differ():
    made = fingerprint_samples.digests()
    assert len(set(made.values())) == len(made)


# --- what counts -----------------------------------------------------------------------------------------------


def test_order_of_arguments_and_names_of_keywords_count():
    assert fingerprint_call((1, 2), {}) != fingerprint_call((2, 1), {})
    assert fingerprint_call((), {"a": 1, "b": 2}) == fingerprint_call((), {"b": 2, "a": 1})
    assert fingerprint_call((), {"a": 1, "b": 2}) != fingerprint_call((), {"a": 2, "b": 1})
    assert fingerprint_call(({"a": 1},), {}) != fingerprint_call((), {"a": 1})
    assert fingerprint_call(([1],), {}) != fingerprint_call((1,), {})


def test_every_nan_is_one():
    other = -float("nan")
    assert fingerprint_call((float("nan"), 1), {}) == fingerprint_call((other, 1), {})
    assert fingerprint(np.array([np.nan, 1])) == fingerprint(np.array([other, 1]))
    assert fingerprint(np.array([complex(np.nan, 1)])) == fingerprint(np.array([complex(other, 1)]))
    assert fingerprint(1e308) != fingerprint(math.inf) != fingerprint(-math.inf)


def test_arrays_count_by_content_not_layout():
    base = np.arange(24.0).reshape(2, 3, 4)
    digest = fingerprint(base)
    assert fingerprint(np.asfortranarray(base)) == digest
    assert fingerprint(np.repeat(base, 2, axis=2)[:, :, ::2]) == digest
    assert fingerprint(base.astype(">f8")) == digest
    assert fingerprint(base[::-1][::-1]) == digest
    others = [base.T, base.reshape(6, 4), base.astype("f4"), base.tolist(), base + 1, base[:1]]
    assert digest not in [fingerprint(other) for other in others]


def test_array_kinds():
    padded = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    one, other = np.zeros(3, padded), np.frombuffer(b"\xff" * 48, padded).copy()
    other["a"], other["b"] = 0, 0.0
    assert fingerprint(one) == fingerprint(other)
    assert fingerprint(np.ma.array([1, 2], mask=[0, 1])) == fingerprint(np.ma.array([1, 9], mask=[0, 1]))
    assert fingerprint(np.array([1, "a"], dtype=object)) == fingerprint(np.array([1, "a"], dtype=object))
    assert fingerprint(np.array([1], dtype=object)) != fingerprint(np.array(["1"], dtype=object))
    assert fingerprint(np.array(5.0)) != fingerprint(np.float64(5.0)) != fingerprint(5.0)
    extended = np.array([1, np.nan, np.inf, -0.0], "g") / 3
    assert fingerprint(extended) == fingerprint(extended.copy()) != fingerprint(extended * (1 + np.finfo("g").eps))
    assert fingerprint(np.zeros(2, "i4,f4").view(np.recarray)) != fingerprint(np.zeros(2, "i4,f4"))
    assert fingerprint(np.zeros((0, 2))) != fingerprint(np.zeros((0, 3)))


def test_nan_in_a_later_chunk():
    big = np.zeros(200_000)
    big[150_000] = np.nan
    negative = big.copy()
    negative[150_000] = -np.nan
    assert np.signbit(negative[150_000]) != np.signbit(big[150_000])
    assert fingerprint(big) == fingerprint(negative) != fingerprint(np.zeros(200_000))


def test_mapped_array_counts_by_what_it_holds(tmp_path):
    np.save(tmp_path / "a.npy", np.arange(5))
    assert fingerprint(np.load(tmp_path / "a.npy", mmap_mode="r")) == fingerprint(np.arange(5))


def test_array_subclass_with_a_secret_is_refused():
    class Metres(np.ndarray):
        pass

    with pytest.raises(FingerprintError, match="Metres"):
        fingerprint(np.zeros(2).view(Metres))


def test_fields_and_classes_count():
    assert fingerprint(Point(1, 2)) == fingerprint(copy.deepcopy(Point(1, 2)))
    others = [Point(1, 3), Pair(1, 2), Spec(1, 2), (1, 2), {"x": 1, "y": 2}, Hooked((1, 2)), [1, 2]]
    assert len({fingerprint(value) for value in [Point(1, 2), *others]}) == len(others) + 1
    assert fingerprint(Color.RED) != fingerprint(Color.GREEN)
    assert fingerprint(Level.LOW) != fingerprint(1)
    assert fingerprint(tagged("a", 1)) != fingerprint(tagged("a", 2)) != fingerprint("a")


def test_attrs_like_and_pydantic_like_classes():
    class Attribute:
        def __init__(self, name):
            self.name = name

    class Attrs:
        __attrs_attrs__ = (Attribute("a"),)

        def __init__(self, a):
            self.a = a
            self._cache = object()

    assert fingerprint(Attrs(1)) == fingerprint(Attrs(1)) != fingerprint(Attrs(2))

    pydantic = pytest.importorskip("pydantic")

    class Model(pydantic.BaseModel):
        model_config = pydantic.ConfigDict(extra="allow")
        a: int

    assert fingerprint(Model(a=1)) == fingerprint(Model(a=1)) != fingerprint(Model(a=2))
    assert fingerprint(Model(a=1, b=1)) != fingerprint(Model(a=1))


def test_subclasses_are_read_past_what_they_override():
    class Odd(list):
        def __iter__(self):
            return iter(())

        def __len__(self):
            return 0

    class Number(int):
        def __int__(self):
            return 0

    assert fingerprint(Odd([1])) != fingerprint(Odd([2]))
    assert fingerprint(Number(1)) != fingerprint(Number(2))
    flagged = Odd([1])
    flagged.flag = True
    assert fingerprint(flagged) != fingerprint(Odd([1]))


def test_times():
    zone = datetime.timezone(datetime.timedelta(hours=1))
    noon = datetime.datetime(2024, 1, 1, 12, tzinfo=datetime.UTC)
    assert noon.astimezone(zone) == noon
    assert fingerprint(noon.astimezone(zone)) != fingerprint(noon)
    assert fingerprint(noon.replace(fold=1)) != fingerprint(noon)
    assert fingerprint(datetime.timedelta(hours=24)) == fingerprint(datetime.timedelta(days=1))


def test_views_and_buffers():
    assert fingerprint(memoryview(b"abcd")[::2]) == fingerprint(memoryview(b"ac"))
    assert fingerprint(memoryview(b"")) != fingerprint(bytearray())
    assert fingerprint(array.array("i", [1])) != fingerprint(array.array("l", [1]))
    assert fingerprint(types.MappingProxyType({"a": 1})) != fingerprint({"a": 1})


# --- what cannot be --------------------------------------------------------------------------------------------


class Bare:
    pass


class Raising:
    def __fingerprint__(self):
        raise ValueError("no key yet")


class Model:
    def __init__(self, *weights):
        self.weights = list(weights)

    def __fingerprint__(self):
        return {"weights": self.weights}


@pytest.mark.parametrize(
    ("args", "kwargs", "path"),
    [
        ((Bare(),), {}, "args[0]"),
        ((1, {"model": Point(x=[1, 2, 3, Bare()])}), {}, "args[1]['model'].x[3]"),
        ((1,), {"k": (Bare(),)}, "kwargs['k'][0]"),
        ((Model(1, Bare()),), {}, "args[0].__fingerprint__()['weights'][1]"),
        (({1, Bare()},), {}, "args[0]{…}"),
        (({(1, 2): Bare()},), {}, "args[0][<tuple>]"),
        (({"k" * 500: Bare()},), {}, "args[0]['" + "k" * 58 + "…]"),
        ((np.array([None, Bare()], dtype=object),), {}, "args[0][1]"),
        ((functools.partial(len, Bare()),), {}, "args[0].args[0]"),
    ],
)
def test_errors_name_the_path_and_the_cure(args, kwargs, path):
    with pytest.raises(FingerprintError) as caught:
        fingerprint_call(args, kwargs)
    assert caught.value.args == (path, f"{__name__}.Bare")
    assert "__fingerprint__" in str(caught.value)
    assert isinstance(caught.value, UsageError)


@pytest.mark.parametrize("value", [object(), threading.Lock(), iter([]), (n for n in ()), sys.stdout, sys._getframe()])
def test_what_lives_in_the_process_is_refused(value):
    with pytest.raises(FingerprintError, match=r"value\[0\]"):
        fingerprint([value])


def test_a_failing_hook_is_the_cause():
    with pytest.raises(FingerprintError, match="no key yet") as caught:
        fingerprint([Raising()])
    assert caught.value.args[0] == "value[0]"
    assert isinstance(caught.value.__cause__, ValueError)


def test_cycles_are_named():
    knot: list[Any] = [1]
    knot.append({"again": knot})
    with pytest.raises(FingerprintError, match="list that contains itself") as caught:
        fingerprint(knot)
    assert caught.value.args[0] == "value[1]['again']"
    own = Hooked(None)
    own.key = own
    with pytest.raises(FingerprintError, match="contains itself"):
        fingerprint(own)


def test_shared_parts_are_walked_once():
    tower: Any = [Point(1)]
    for _ in range(200):
        tower = [tower, tower]
    other: Any = [Point(1)]
    for _ in range(200):
        other = [other, other]
    assert fingerprint(tower) == fingerprint(other)
    leaf = [Point(1)]
    assert fingerprint([leaf, leaf]) == fingerprint([[Point(1)], [Point(1)]])


def test_depth_is_no_problem():
    def nested(depth: int, core: Any) -> Any:
        for _ in range(depth):
            core = [core]
        return core

    assert fingerprint(nested(100_000, 1)) == fingerprint(nested(100_000, 1)) != fingerprint(nested(99_999, 1))
    with pytest.raises(FingerprintError) as caught:
        fingerprint(nested(100_000, Bare()))
    assert caught.value.args[0] == "value" + "[0]" * 6 + "…(99988 levels)…" + "[0]" * 6


# --- spellings of a call ---------------------------------------------------------------------------------------


def two(a, b=2):
    return a, b


def rich(a, /, b=2, *rest, c, d=4, **more):
    return a, b, rest, c, d, more


class Owner:
    def method(self, a, b=2):
        return a, b


def test_one_call_in_three_spellings():
    shape = CallShape(two)
    spellings = [((1,), {}), ((1, 2), {}), ((1,), {"b": 2}), ((), {"b": 2, "a": 1})]
    assert {shape.fingerprint(*spelling) for spelling in spellings} == {fingerprint_call((1, 2), {})}
    assert shape.fingerprint((1, 3), {}) != shape.fingerprint((1,), {})
    method = CallShape(Owner().method)
    assert method.fingerprint((1,), {}) == method.fingerprint((), {"a": 1, "b": 2}) == fingerprint_call((1, 2), {})


def test_rich_signature():
    shape = CallShape(rich)
    assert shape.bind((1,), {"c": 3}) == ((1, 2), {"c": 3, "d": 4})
    assert shape.bind((1, 2, 3), {"d": 5, "c": 3, "a": 9}) == ((1, 2, 3), {"c": 3, "d": 5, "a": 9})


@pytest.mark.parametrize(
    ("function", "args", "kwargs"),
    [
        (two, (), {}),
        (two, (1, 2, 3), {}),
        (two, (1,), {"a": 1}),
        (two, (1,), {"z": 1}),
        (rich, (1,), {}),
        (rich, (), {"c": 1}),
    ],
)
def test_calls_that_do_not_fit_stay_as_written(function, args, kwargs):
    shape = CallShape(function)
    assert shape.bind(args, kwargs) == (args, kwargs)
    assert shape.fingerprint(args, kwargs) == fingerprint_call(args, kwargs)


@given(st.lists(st.integers(0, 3), max_size=4), st.dictionaries(st.sampled_from("abcdz"), st.integers(0, 3)))
def test_equal_spellings_are_equal_calls(args, kwargs):
    shape = CallShape(rich)
    bound_args, bound_kwargs = shape.bind(tuple(args), kwargs)
    try:
        result = rich(*args, **kwargs)
    except TypeError:
        assert (bound_args, bound_kwargs) == (tuple(args), kwargs)
    else:
        assert rich(*bound_args, **bound_kwargs) == result
        assert shape.bind(bound_args, bound_kwargs) == (bound_args, bound_kwargs)


def test_shapeless_callables_take_arguments_as_written():
    assert CallShape(functools.partial(two, 1)).bind((1,), {"b": 2}) == ((1,), {"b": 2})
    assert CallShape(len).fingerprint(([1],), {}) == fingerprint_call(([1],), {})


def test_errors_of_a_shape_name_the_parameter():
    with pytest.raises(FingerprintError) as caught:
        CallShape(two).fingerprint((1,), {"b": [Bare()]})
    assert caught.value.args[0] == "b[0]"


def test_loads_no_heavy_module():
    code = (
        "import sys, msgspec, manyhands.model.errors; before = set(sys.modules)\n"
        "import manyhands.machine.fingerprint, manyhands.machine.naming, manyhands.machine.retry\n"
        "heavy = {'numpy', 'pandas', 'dataclasses', 'decimal', 'pathlib', 'asyncio', 'threading', 'random'}\n"
        "sys.stdout.write(','.join(sorted(heavy & (set(sys.modules) - before))))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == ""


def test_msgspec_unset_and_ext():
    assert fingerprint(msgspec.UNSET) == fingerprint(msgspec.UNSET) != fingerprint(None)
    assert fingerprint(msgspec.msgpack.Ext(1, b"a")) != fingerprint(msgspec.msgpack.Ext(2, b"a"))


def test_pandas():
    pandas = pytest.importorskip("pandas")

    def table() -> Any:
        return pandas.DataFrame(
            {
                "n": [1, 2, 3],
                "t": ["a", None, "c"],
                "c": pandas.Categorical(["x", "y", "x"]),
                "z": pandas.date_range("2024-01-01", periods=3, tz="Europe/Berlin"),
                "i": pandas.array([1, None, 3], dtype="Int64"),
            },
            index=pandas.Index([10, 20, 30], name="id"),
        )

    digest = fingerprint(table())
    assert fingerprint(table()) == digest
    changed = [table().rename(columns={"n": "m"}), table()[::-1], table().astype({"n": "f8"}), table().reset_index()]
    other = table()
    other.loc[20, "n"] = 7
    assert len({digest, fingerprint(other), *map(fingerprint, changed)}) == 6
    assert fingerprint(table()["n"]) != fingerprint(table().index) != fingerprint([10, 20, 30])
    assert fingerprint(pandas.NaT) != fingerprint(pandas.NA)
    assert fingerprint(pandas.Timestamp("2024-01-01", tz="UTC")) != fingerprint(pandas.Timestamp("2024-01-01"))
