"""Settings: layers, types, and what is said about a wrong one."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from manyhands.model.errors import UsageError
from manyhands.settings import ALLOWED, PREFIX, Settings, load
from tests.shape.tree import ROOT

NAMES = [field.name for field in msgspec.structs.fields(Settings)]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults(tmp_path: Path) -> None:
    assert load(environ={}, folder=str(tmp_path)) == Settings()


def test_retention_is_on_by_default() -> None:
    assert Settings().retention_days == 30


def test_a_file_is_below_the_environment_and_that_below_arguments(tmp_path: Path) -> None:
    write(tmp_path / "manyhands.toml", "processes = 1\nmax_takeovers = 1\nretention_days = 1\n")
    environ = {"MANYHANDS_MAX_TAKEOVERS": "2", "MANYHANDS_RETENTION_DAYS": "2"}
    settings = load({"retention_days": 3}, environ=environ, folder=str(tmp_path))
    assert (settings.processes, settings.max_takeovers, settings.retention_days) == (1, 2, 3)


def test_unset_is_not_the_default(tmp_path: Path) -> None:
    environ = {"MANYHANDS_SYNCHRONOUS": "FULL"}
    assert load({"synchronous": UNSET}, environ=environ, folder=str(tmp_path)).synchronous == "FULL"
    assert load({"synchronous": "NORMAL"}, environ=environ, folder=str(tmp_path)).synchronous == "NORMAL"


def test_none_is_a_value_where_it_may_be_one(tmp_path: Path) -> None:
    assert load({"store": None}, environ={"MANYHANDS_STORE": "sqlite:////x"}, folder=str(tmp_path)).store is None


@pytest.mark.parametrize("empty", ["", None])
def test_an_empty_variable_is_unset(tmp_path: Path, empty: str | None) -> None:
    environ = {} if empty is None else {"MANYHANDS_PROCESSES": empty}
    assert load(environ=environ, folder=str(tmp_path)).processes is None


def test_the_nearest_file_upward_counts(tmp_path: Path) -> None:
    write(tmp_path / "manyhands.toml", "processes = 1\n")
    write(tmp_path / "a/manyhands.toml", "processes = 2\n")
    inner = tmp_path / "a/b/c"
    inner.mkdir(parents=True)
    assert load(environ={}, folder=str(inner)).processes == 2
    assert load(environ={}, folder=str(tmp_path)).processes == 1


def test_a_pyproject_counts_when_it_has_our_table(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.manyhands]\nprocesses = 5\n")
    write(tmp_path / "a/pyproject.toml", "[project]\nname = 'x'\ndependencies = ['manyhands']\n")
    assert load(environ={}, folder=str(tmp_path / "a")).processes == 5


def test_our_own_file_goes_before_the_pyproject_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.manyhands]\nprocesses = 5\nmax_takeovers = 9\n")
    write(tmp_path / "manyhands.toml", "processes = 6\n")
    settings = load(environ={}, folder=str(tmp_path))
    assert (settings.processes, settings.max_takeovers) == (6, 3)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("sqlite:///data/store.db", "sqlite:///{folder}/data/store.db"),
        ("sqlite:////srv/store.db", "sqlite:////srv/store.db"),
        ("sqlite://:memory:", "sqlite://:memory:"),
    ],
)
def test_a_relative_store_in_a_file_is_meant_from_the_file(tmp_path: Path, given: str, meant: str) -> None:
    write(tmp_path / "manyhands.toml", f'store = "{given}"\n')
    (tmp_path / "below").mkdir()
    assert load(environ={}, folder=str(tmp_path / "below")).store == meant.format(folder=tmp_path)


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("MANYHANDS_ALLOW_PICKLE", "false", False),
        ("MANYHANDS_ALLOW_PICKLE", "0", False),
        ("MANYHANDS_TAKE_OVER", "TRUE", True),
        ("MANYHANDS_PROCESSES", "7", 7),
        ("MANYHANDS_LEASE_SECONDS", "60.5", 60.5),
        ("MANYHANDS_SYNCHRONOUS", "full", "FULL"),
        ("MANYHANDS_STORE", "sqlite:///x.db", "sqlite:///x.db"),
        ("MANYHANDS_MAX_PENDING_WORKFLOWS", "0", 0),
    ],
)
def test_variables_are_read_as_what_they_are(tmp_path: Path, variable: str, text: str, expected: object) -> None:
    settings = load(environ={variable: text}, folder=str(tmp_path))
    assert getattr(settings, variable.removeprefix(PREFIX).lower()) == expected


WRONG: list[tuple[str, Any]] = [
    ("store", 3),
    ("blobs", 3),
    ("synchronous", "OFF"),
    ("processes", 0),
    ("processes", "two"),
    ("allow_pickle", "perhaps"),
    ("echo_output", 3.5),
    ("lease_seconds", 0),
    ("heartbeat_seconds", -1),
    ("poll_seconds", "soon"),
    ("grace_seconds", -1),
    ("take_over", []),
    ("max_takeovers", -1),
    ("retention_days", -1),
    ("max_running_workflows", 0),
    ("max_pending_workflows", 1.5),
    ("max_pending_workflows", -1),
]


def test_every_setting_is_tried_with_a_wrong_value() -> None:
    assert {name for name, _ in WRONG} == set(NAMES)


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_wrong_argument_says_what_is_allowed(tmp_path: Path, name: str, value: object) -> None:
    with pytest.raises(UsageError) as caught:
        load({name: value}, environ={}, folder=str(tmp_path))
    assert name in str(caught.value)
    assert ALLOWED[name] in str(caught.value)


def test_a_wrong_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"MANYHANDS_PROCESSES is 'many'; allowed is a whole number from 1"):
        load(environ={"MANYHANDS_PROCESSES": "many"}, folder=str(tmp_path))


def test_a_wrong_value_in_a_file_names_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "manyhands.toml", 'processes = "2"\n')
    with pytest.raises(UsageError, match=rf"processes in {re.escape(str(path))} is '2'"):
        load(environ={}, folder=str(tmp_path))


def test_a_wrong_value_in_a_pyproject_names_the_table(tmp_path: Path) -> None:
    write(tmp_path / "pyproject.toml", "[tool.manyhands]\nprocesses = 0\n")
    with pytest.raises(UsageError, match=r"pyproject\.toml \[tool\.manyhands\]"):
        load(environ={}, folder=str(tmp_path))


@pytest.mark.parametrize("text", ["manyhands = 3", "manyhands = []"])
def test_a_table_that_is_none(tmp_path: Path, text: str) -> None:
    write(tmp_path / "pyproject.toml", f"[tool]\n{text}\n")
    with pytest.raises(UsageError, match="is no table"):
        load(environ={}, folder=str(tmp_path))


def test_an_unknown_variable_is_named_with_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"MANYHANDS_PROCESES: there is no such setting. Did you mean processes\?"):
        load(environ={"MANYHANDS_PROCESES": "3"}, folder=str(tmp_path))


def test_the_token_of_pages_is_no_setting(tmp_path: Path) -> None:
    assert load(environ={"MANYHANDS_TOKEN": "open sesame", "TOKEN": "x"}, folder=str(tmp_path)) == Settings()
    with pytest.raises(UsageError, match="no such setting"):
        load({"token": "open sesame"}, environ={}, folder=str(tmp_path))


@pytest.mark.parametrize("name", ["colour", "store "])
def test_an_unknown_argument_lists_the_settings(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError) as caught:
        load({name: 1}, environ={}, folder=str(tmp_path))
    assert all(known in str(caught.value) for known in NAMES)


def test_an_unknown_key_names_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "manyhands.toml", "colour = 1\n")
    with pytest.raises(UsageError, match=re.escape(f"colour in {path}")):
        load(environ={}, folder=str(tmp_path))


@pytest.mark.parametrize("text", ["processes = ", "processes = 1\nprocesses = 2\n"])
def test_a_file_that_is_no_toml(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "manyhands.toml", text)
    with pytest.raises(UsageError, match=rf"{re.escape(str(path))} is not valid TOML: .*line"):
        load(environ={}, folder=str(tmp_path))


def test_a_file_of_other_bytes(tmp_path: Path) -> None:
    (tmp_path / "manyhands.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is not valid TOML"):
        load(environ={}, folder=str(tmp_path))


def test_other_variables_are_left_alone(tmp_path: Path) -> None:
    assert load(environ={"PROCESSES": "x", "_MANYHANDS_COMPLETE": "y"}, folder=str(tmp_path)) == Settings()


def test_a_lease_outlives_its_heartbeat(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"heartbeat_seconds is 30 and lease_seconds 30"):
        load({"heartbeat_seconds": 30}, environ={}, folder=str(tmp_path))


def test_the_reference_has_every_setting() -> None:
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    for field in msgspec.structs.fields(Settings):
        assert f"`{field.name}`" in text
        assert f"`{PREFIX}{field.name.upper()}`" in text
    assert set(ALLOWED) == set(NAMES)


PROGRAM = """
import sys
from manyhands.settings import load
load(environ={}, folder=sys.argv[1])
print("tomllib" in sys.modules)
"""


def test_the_parser_is_loaded_only_for_a_file(tmp_path: Path) -> None:
    def loaded(folder: Path) -> str:
        done = subprocess.run([sys.executable, "-c", PROGRAM, folder], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    write(tmp_path / "pyproject.toml", "[project]\nname = 'other'\n")
    assert loaded(tmp_path) == "False"
    write(tmp_path / "manyhands.toml", "")
    assert loaded(tmp_path) == "True"
