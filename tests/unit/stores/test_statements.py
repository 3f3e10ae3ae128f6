"""The SQL files, and that they say what the code says."""

import ast
import re
from pathlib import Path

import pytest

import manyhands.stores.sql
from manyhands.model.states import AttemptStatus, Cause, RunStatus, TaskStatus
from manyhands.stores.sql.migrations import NAMES, all_migrations, latest
from manyhands.stores.sql.statements import Statements, quoted
from manyhands.stores.sql.writing import Writing

FOLDER = Path(manyhands.stores.sql.__file__).parent
FILES = sorted((FOLDER / "statements").rglob("*.sql"))
SCHEMA = "\n".join(migration.sql for migration in all_migrations())


def values_of(table: str, column: str) -> set[str]:
    """The values that the schema's CHECK allows."""
    body = re.search(rf"CREATE TABLE {table} \((.*?)\n\)", SCHEMA, re.DOTALL)
    assert body is not None
    check = re.search(rf"CHECK \(({column} = .*?)\)", body[1], re.DOTALL)
    assert check is not None
    return set(re.findall(rf"{column} = '(\w+)'", check[1]))


@pytest.mark.parametrize(
    ("table", "column", "expected"),
    [
        ("runs", "status", set(RunStatus)),
        ("tasks", "status", set(TaskStatus) - {TaskStatus.NOT_STARTED}),
        ("attempts", "status", set(AttemptStatus) - {AttemptStatus.RUNNING}),
        ("attempts", "cause", set(Cause)),
    ],
)
def test_the_schema_allows_what_the_model_knows(table: str, column: str, expected: set[str]) -> None:
    assert values_of(table, column) == {str(value) for value in expected}


def test_migrations_are_the_files_in_order() -> None:
    assert [f"{name}.sql" for name in NAMES] == sorted(file.name for file in (FOLDER / "schema").iterdir())
    assert [migration.number for migration in all_migrations()] == list(range(1, len(NAMES) + 1))
    assert latest() == len(NAMES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_holds_one_statement(file: Path) -> None:
    text = re.sub(r"^--.*\n", "", file.read_text(), flags=re.MULTILINE)
    assert text.strip()
    assert ";" not in text
    assert "?" not in re.sub(r"'[^']*'", "", text), "parameters have names"


def test_every_file_is_used() -> None:
    words: set[str] = set()
    for source in FOLDER.glob("*.py"):
        tree = ast.parse(source.read_text())
        words |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
    assert {file.stem for file in FILES} <= words


def test_values_by_place_are_compared_with_the_file() -> None:
    statements = Statements("sqlite")
    sql = statements.in_order("add_session", "run epoch engine at")
    assert sql.endswith("VALUES (?, ?, ?, ?)")
    with pytest.raises(ValueError, match="takes 'run epoch engine at' in this order"):
        statements.in_order("add_session", "run engine epoch at")


def test_words_are_put_in() -> None:
    statements = Statements("sqlite")
    assert "status IN ('pending', 'running')" in statements.with_words(
        "move_pending", sources=quoted(["pending", "running"])
    )
    with pytest.raises(KeyError):
        statements["move_pending"]
    assert statements["run_of_id"] is statements["run_of_id"], "read once"


def test_what_a_dialect_overrides_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    class Overriding(Statements):
        def _load(self, name: str) -> str:
            return "SELECT 'mine'" if name == "run_status" else super()._load(name)

    statements = Overriding("other")
    assert statements["run_status"] == "SELECT 'mine'"
    assert statements["run_of_id"].startswith("SELECT key")
    with pytest.raises(OSError, match="no_such"):
        statements["no_such"]


def test_the_hot_statements_are_all_ready() -> None:
    assert Writing(Statements("sqlite")).holds.count("?") == 2
