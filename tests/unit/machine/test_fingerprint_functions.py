from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest

from manyhands.machine.fingerprint import fingerprint, fingerprint_function
from manyhands.model.errors import FingerprintError
from tests.unit.machine.fingerprint_samples import Point


class Bare:
    pass


class Owner:
    def method(self, a, b=2):
        return a, b


def two(a, b=2):
    return a, b


def module_of(source: str, name: str = "user.steps", filename: str = "steps.py") -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": name}
    exec(compile(source, filename, "exec"), names)
    return names


BASE = "def helper(x):\n    return x + 1\n\ndef main(x, k=3):\n    return [helper(y) * k for y in x]\n"


def digest_of(source: str, **where: str) -> bytes:
    return fingerprint_function(module_of(source, **where)["main"])


def test_place_does_not_count():
    assert digest_of(BASE) == digest_of("\n\n# moved\n" + BASE, filename="elsewhere.py")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("x + 1", "x + 2"),
        ("x + 1", "x - 1"),
        ("k=3", "k=4"),
        ("* k", "* k * k"),
        ("main(x", "main(*x"),
        ("[helper", "[len"),
    ],
)
def test_edits_count(old, new):
    assert digest_of(BASE.replace(old, new)) != digest_of(BASE)


def test_module_counts():
    assert digest_of(BASE) != digest_of(BASE, name="user.other")


def test_helpers_of_other_packages_count_by_name():
    def with_helper(source: str, package: str) -> bytes:
        names = module_of(BASE)
        names["helper"] = module_of(source, name=package)["helper"]
        return fingerprint_function(names["main"])

    changed = BASE.replace("x + 1", "x + 2")
    assert with_helper(BASE, "lib") == with_helper(changed, "lib")
    assert with_helper(BASE, "user.tools") != with_helper(changed, "user.tools")


def test_recursion_and_rings():
    ring = "def a(n):\n    return b(n)\ndef b(n):\n    return a(n) + {0}\ndef main(n):\n    return main(a(n))\n"
    assert digest_of(ring.format(1)) == digest_of(ring.format(1)) != digest_of(ring.format(2))


def test_wrapped_helpers_count():
    source = "import functools\n@functools.lru_cache\n" + BASE
    assert digest_of(source) == digest_of(source) != digest_of(source.replace("x + 1", "x + 2"))


def make(held):
    def inner():
        return held

    return inner


def test_closures_and_defaults_count():
    assert fingerprint_function(make(1)) == fingerprint_function(make(1))
    contents = [
        1,
        1.0,
        [1],
        Point(1),
        make(1),
        make(2),
        [make(1)],
        [make(2)],
        {"f": make(3)},
        len,
        Bare(),
        threading.Lock(),
    ]
    assert len({fingerprint_function(make(held)) for held in contents}) == len(contents)
    assert fingerprint_function(make(Bare())) == fingerprint_function(make(Bare()))


def test_closure_not_filled_yet_and_closure_over_itself():
    def outer():
        def inner(n):
            return inner(n - 1) if n else late

        digest = fingerprint_function(inner)
        late = 1
        return digest, fingerprint_function(inner)

    before, after = outer()
    assert before != after
    assert outer() == (before, after)


def registry(order: list[str], bonus: int = 0) -> set[Any]:
    members: dict[str, Any] = {}

    def member(name: str, extra: int) -> Any:
        def run():
            return members, name, extra

        return run

    for name in order:
        members[name] = member(name, bonus if name == "c" else 0)
    return set(members.values())


def test_functions_in_rings_of_data_do_not_depend_on_where_one_starts():
    assert fingerprint(registry(["a", "b", "c"])) == fingerprint(registry(["c", "b", "a"]))
    assert fingerprint(registry(["a", "b", "c"])) != fingerprint(registry(["a", "b", "c"], bonus=1))


def test_a_large_registry_is_no_explosion():
    names = [f"f{number}" for number in range(40)]
    assert fingerprint(registry(names)) == fingerprint(registry(names[::-1]))


def test_long_chains_of_helpers_are_bounded():
    chain = "".join(f"def f{n}(x):\n    return f{n + 1}(x)\n" for n in range(700))
    source = "def main(x):\n    return f0(x)\n" + chain + "def f700(x):\n    return {0}\n"
    assert digest_of(source.format(1)) == digest_of(source.format(1))
    assert digest_of(source.replace("return f400(x)", "return f400(x) + 1")) != digest_of(source)


def test_callables_of_other_kinds():
    kinds = [
        two,
        Owner.method,
        len,
        str.upper,
        "a".upper,
        "b".upper,
        functools.partial(two, 1),
        functools.partial(two, 2),
    ]
    kinds += [np.mean, np.add, lambda: 1, lambda: 2, int, make]
    assert len({fingerprint_function(kind) for kind in kinds}) == len(kinds)
    assert fingerprint_function(two) == fingerprint(two)
    with pytest.raises(FingerprintError, match="Owner"):
        fingerprint_function(Owner().method)


def test_functions_agree_between_processes(tmp_path):
    # Sets of text among the constants and names are what the hash seed would shuffle.
    (tmp_path / "probe.py").write_text(
        "import sys\n"
        "from manyhands.machine.fingerprint import fingerprint_function\n"
        "def helper(x):\n    return x in {'a', 'b', 'c', 'd'}\n"
        "def main(x, *, k={'u', 'v', 'w'}):\n    return helper(x) or tail(x)\n"
        "def tail(x):\n    return (lambda: {'p', 'q'} | x)()\n"
        "sys.stdout.write(fingerprint_function(main).hex())\n"
    )
    answers = set()
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, str(tmp_path / "probe.py")]
        answers.add(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert len(answers) == 1
    assert len(answers.pop()) == 32
