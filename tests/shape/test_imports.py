"""What an import may load, judged by the names of modules and never by time."""

import subprocess
import sys

import pytest

HEAVY = frozenset(
    {
        "asyncio", "click", "concurrent", "cronsim", "email", "fsspec", "http", "matplotlib", "msgspec._yaml",
        "multiprocessing", "numpy", "pandas", "psutil", "pydantic", "rich", "sklearn", "ssl", "typer", "unittest",
        "xml", "yaml",
    }
)  # fmt: skip
# The root gives names on demand only, so it may not even load what every durable call needs.
HEAVY_FOR_THE_ROOT = HEAVY | {"cloudpickle", "inspect", "msgspec", "sqlite3", "subprocess", "uuid"}

PROGRAM = """
import sys
before = set(sys.modules)
{statement}
print(*sorted(set(sys.modules) - before), sep="\\n")
"""


def loaded_by(statement: str) -> set[str]:
    program = PROGRAM.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [("import manyhands", HEAVY_FOR_THE_ROOT), ("from manyhands import workflow", HEAVY)],
)
def test_an_import_is_light(statement: str, heavy: frozenset[str]) -> None:
    loaded = loaded_by(statement)
    assert "manyhands" in loaded
    assert loaded & heavy == set()


def test_a_command_loads_no_app() -> None:
    assert not {name for name in loaded_by("import manyhands.cli.main") if name.startswith("manyhands.app")}


def test_the_measure_sees_what_is_loaded() -> None:
    assert {"yaml", "cronsim"} <= loaded_by("import yaml, cronsim") & HEAVY
