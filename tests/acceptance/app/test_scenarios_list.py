"""The list of scenarios names tests that there are, and every scenario has one."""

import tomllib
from pathlib import Path

TESTS = Path(__file__).parents[2]
NUMBERS = [*map(str, range(1, 72)), "71b", *map(str, range(72, 84))]


def test_every_scenario_has_tests_that_exist() -> None:
    listed = tomllib.loads(Path(__file__).with_name("scenarios.toml").read_text(encoding="utf-8"))["tests"]
    assert list(listed) == NUMBERS
    gone = []
    for number, tests in listed.items():
        assert tests, number
        for file, name in (test.split("::") for test in tests):
            path = TESTS / file
            if not path.is_file() or f"def {name}(" not in path.read_text(encoding="utf-8"):
                gone.append(f"{number}: {file}::{name}")
    assert gone == [], "a test was renamed or removed: name the one that covers the scenario now"
