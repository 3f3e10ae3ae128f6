"""`FILE:NAME`: what it may name, and what is said where it names nothing."""

from pathlib import Path

import pytest

from manyhands.cli import target
from manyhands.model.errors import UsageError

FILE = """
import os
from os.path import join
from manyhands import workflow

NUMBER = 3


class Other:
    pass


@workflow.step
def add(a, b):
    return a + b


def build():
    return add.step(1, 2)


ready = build()
"""


def written(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str = FILE) -> str:
    monkeypatch.syspath_prepend(str(folder))
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_name_that_is_missing_lists_what_can_be_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, monkeypatch, "flows_of_test_target")
    with pytest.raises(UsageError, match=r"has no 'nosuch'. It has add, build, ready\.$"):
        target.load(f"{file}:nosuch")


def test_what_cannot_be_run_is_named_by_its_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = target.load(written(tmp_path, monkeypatch, "number_of_test_target") + ":NUMBER")
    with pytest.raises(UsageError, match="f:NUMBER is of type int: name a workflow"):
        target.call(found, "f:NUMBER", (), {})


def test_a_file_for_another_system_is_told_how_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = written(tmp_path, monkeypatch, "ray_of_test_target", "import lightning_app\n")
    with pytest.raises(UsageError, match="Try `manyhands run script --as lightning FILE`"):
        target.load(f"{file}:main")
