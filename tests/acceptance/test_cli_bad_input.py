"""Bad input at the command line: an exit code, a text that names the cure, and nothing written."""

import os
import sqlite3
from pathlib import Path

import pytest

from tests.acceptance.cli import Cli


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A store with one run, which no command here may change."""
    cli = Cli(tmp_path_factory.mktemp("stored"))
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    return cli


def content(cli: Cli) -> dict[str, int]:
    """How many rows each table of the store has."""
    connection = sqlite3.connect(cli.folder / ".manyhands/store.db")
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        # Engines come and go with every command that acts.
        kept = [name for name in tables if name != "engines" and not name.startswith("sqlite_")]
        return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in kept}
    finally:
        connection.close()


@pytest.mark.parametrize(
    "args",
    [
        ("runs", "show", "x"), ("runs", "cancel", "x"), ("runs", "resume", "x"), ("runs", "delete", "x"),
        ("runs", "fork", "x", "--from", "y"), ("tasks", "list", "x"), ("tasks", "show", "x", "y"),
        ("tasks", "logs", "x", "y"), ("events", "--run", "x"), ("events", "--run", "x", "--follow"), ("why", "x"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_unknown_run(stored: Cli, args: tuple[str, ...]) -> None:
    before = content(stored)
    done = stored(*args, code=3)
    assert "No such workflow_id" in done.err
    assert "manyhands runs list" in done.err
    assert done.out == ""
    assert content(stored) == before


@pytest.mark.parametrize(
    "args",
    [
        ("tasks", "show", "s", "x"), ("tasks", "logs", "s", "x"), ("why", "s", "x"),
        ("events", "--run", "s", "--task", "x"), ("runs", "fork", "s", "--from", "x"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_an_unknown_step(stored: Cli, args: tuple[str, ...]) -> None:
    before = content(stored)
    done = stored(*args, code=3)
    assert "No such step_id" in done.err
    assert "manyhands tasks list s" in done.err
    assert content(stored) == before


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("flows.py",), "write FILE:NAME"),
        (("flows.py:",), "write FILE:NAME"),
        ((":squares",), "write FILE:NAME"),
        (("missing.py:squares",), "there is no such file"),
        (("missing.module:squares",), "there is no such file and no such module"),
        (("flows.py:missing",), "has no 'missing'. It has "),
        (("flows.py:number",), "is of type int: name a workflow, a step, or a function"),
        (("flows.py:nothing",), "returned a value of type int, not a workflow"),
        (("flows.py:called",), "cannot be called directly"),
        (("flows.py:ready", "--arg", "3"), "is a workflow that has its arguments"),
        (("flows.py:square",), "missing a required argument"),
        (("flows.py:square", "--arg", "1", "--arg", "2"), "too many positional arguments"),
        (("flows.py:square", "--arg", "m=1"), "m"),
        (("flows.py:square", "--arg", "hello"), "is not JSON. Text wants quotes"),
        (("flows.py:squares", "--arg", '"x"'), "cannot be called: TypeError"),
        (("flows.py:squares", "--metadata", "owner"), "neither KEY=VALUE nor a JSON object"),
        (("flows.py:squares", "--metadata", "{1}"), "is not JSON"),
        (("broken.py:squares",), "broken.py cannot be loaded: ZeroDivisionError"),
        (("syntax.py:squares",), "syntax.py cannot be loaded: SyntaxError"),
        (("importing.py:squares",), "importing.py cannot be loaded: ModuleNotFoundError: No module named 'nowhere'"),
        (("odd/json.py:squares",), "another module is called 'json' too. Rename the file"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_workflow_that_cannot_be_run(stored: Cli, args: tuple[str, ...], told: str) -> None:
    (stored.folder / "broken.py").write_text("x = 1\ny = x / 0\n")
    (stored.folder / "syntax.py").write_text("def f(:\n")
    (stored.folder / "importing.py").write_text("import nowhere\n")
    (stored.folder / "odd").mkdir(exist_ok=True)
    (stored.folder / "odd/json.py").write_text("")
    before = content(stored)
    done = stored("run", "workflow", *args, code=2)
    assert told in done.err
    assert done.out == ""
    assert content(stored) == before


def test_the_place_of_a_mistake_in_the_user_s_file(stored: Cli) -> None:
    (stored.folder / "broken.py").write_text("x = 1\ny = x / 0\n")
    assert "broken.py:2: y = x / 0" in stored("run", "workflow", "broken.py:squares", code=2).err


@pytest.mark.parametrize(
    "args", [("runs", "list"), ("runs", "show", "s"), ("why", "s"), ("store", "info")], ids=" ".join
)
def test_looking_makes_no_store(stored: Cli, args: tuple[str, ...]) -> None:
    done = stored(*args, "--store", "sqlite:///typo.db", code=5)
    assert "typo.db cannot be used: there is no such file" in done.err
    assert list(stored.folder.glob("typo*")) == []


def test_an_id_of_another_definition(stored: Cli) -> None:
    before = content(stored)
    done = stored("run", "workflow", "flows.py:squares", "--id", "s", "--arg", "7", code=4)
    assert "made from other steps or inputs" in done.err
    assert "resume(" in done.err
    assert content(stored) == before


def test_an_id_that_is_running(cli: Cli) -> None:
    with cli.waiting("w") as (_, pipe, ledger):
        args = ("--arg", f'"{pipe}"', "--arg", f'"{ledger}"')
        again = cli("run", "workflow", "flows.py:waiting", "--id", "w", *args, code=4)
        assert "is running now" in again.err
        assert "is running now" in cli("runs", "resume", "w", code=4).err
        assert "is running now" in cli("runs", "delete", "w", code=4).err
        assert "is running now" in cli("runs", "fork", "w", "--from", "done", code=4).err


def test_a_fork_with_an_input_that_the_step_does_not_have(stored: Cli) -> None:
    before = content(stored)
    done = stored("runs", "fork", "s", "--from", "square", "--input", "m=3", code=2)
    assert "m" in done.err
    assert "NAME=JSON" in stored("runs", "fork", "s", "--from", "square", "--input", "3", code=2).err
    assert content(stored) == before


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("mysql://x/y", "The scheme 'mysql' is not known"),
        ("postgresql://x/y", "SQLite only"),
        ("sqlite://x.db", "three slashes"),
        ("sqlite:///", "names no file"),
    ],
)
def test_a_store_that_is_no_address(cli: Cli, url: str, told: str) -> None:
    assert told in cli("runs", "list", "--store", url, code=2).err
    assert told in cli("runs", "list", code=2, MANYHANDS_STORE=url).err


def test_a_store_that_is_a_folder(cli: Cli) -> None:
    (cli.folder / "folder.db").mkdir()
    done = cli("runs", "list", "--store", f"sqlite:///{cli.folder}/folder.db", code=None)
    assert done.code in (2, 5)
    assert "folder" in done.err
    assert "Traceback" not in done.err


def test_a_store_that_is_something_else(cli: Cli) -> None:
    path = cli.folder / "text.db"
    path.write_text("no database at all, but long enough to be looked at as one" * 20)
    done = cli("runs", "list", "--store", f"sqlite:///{path}", code=5)
    assert "text.db" in done.err
    assert path.read_text().startswith("no database")


def test_a_store_of_a_newer_version(cli: Cli) -> None:
    cli("runs", "list")
    with sqlite3.connect(cli.folder / ".manyhands/store.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    for args in (("runs", "list"), ("store", "check"), ("run", "workflow", "flows.py:squares")):
        assert "pip install -U manyhands" in cli(*args, code=5).err


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MANYHANDS_PROCESSES", "many", "MANYHANDS_PROCESSES is 'many'; allowed is a whole number from 1"),
        ("MANYHANDS_SYNCHRONOUS", "OFF", "allowed is NORMAL or FULL"),
        ("MANYHANDS_COLOUR", "red", "there is no such setting"),
    ],
)
def test_a_wrong_setting(cli: Cli, variable: str, value: str, told: str) -> None:
    assert told in cli("runs", "list", code=2, **{variable: value}).err


def test_a_wrong_settings_file(cli: Cli) -> None:
    (cli.folder / "manyhands.toml").write_text("processes = 0\n")
    assert "manyhands.toml" in cli("runs", "list", code=2).err
    (cli.folder / "manyhands.toml").write_text("processes = \n")
    assert "not valid TOML" in cli("runs", "list", code=2).err


def test_a_store_in_the_settings_file(cli: Cli) -> None:
    (cli.folder / "manyhands.toml").write_text('store = "sqlite:///data/mine.db"\n')
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    assert os.path.exists(cli.folder / "data" / "mine.db")
    assert not os.path.exists(cli.folder / ".manyhands" / "store.db")
