"""The first things that a newcomer reads are true: the programs of README and quickstart run as written."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.acceptance.app.apps import running
from tests.acceptance.kit import Place

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"^```python[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run(*command: str, folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_first_workflow_of_the_readme(tmp_path: Path) -> None:
    program = BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))[0]
    (tmp_path / "squares.py").write_text(program, encoding="utf-8")
    assert run(sys.executable, "squares.py", folder=tmp_path).split() == ["285", "285", "SUCCESSFUL"]
    assert "succeeded" in run(sys.executable, "-m", "manyhands", "runs", "show", "squares", folder=tmp_path)
    assert "succeeded" in run(sys.executable, "-m", "manyhands", "why", "squares", folder=tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        "README.md",
        "docs/quickstart.md",
        "docs/how-to/apps.md",
        "docs/how-to/storage.md",
        "docs/reference/manyhands.md",
        *sorted(f"docs/explanation/{name}.md" for name in ("caching", "durability", "identity", "retries")),
    ],
)
def test_every_program_is_python(page: str) -> None:
    for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        compile(textwrap.dedent(block), page, "exec")


def test_several_results_are_waited_for(tmp_path: Path) -> None:
    (program,) = BLOCK.findall((ROOT / "docs/reference/manyhands.md").read_text(encoding="utf-8"))
    (tmp_path / "several.py").write_text(program, encoding="utf-8")
    assert run(sys.executable, "several.py", folder=tmp_path) == "[2, 4]\n"


def test_files_and_objects_go_from_work_to_work(tmp_path: Path) -> None:
    (program,) = BLOCK.findall((ROOT / "docs/how-to/storage.md").read_text(encoding="utf-8"))
    (tmp_path / "train.py").write_text(program, encoding="utf-8")
    said = run(sys.executable, "-m", "manyhands", "run", "app", "train.py", "--without-server", folder=tmp_path)
    assert said.splitlines()[1:] == ["published [-1.0, 0.0, 1.0]"]


@pytest.mark.parametrize(
    ("page", "number", "line"),
    [("README.md", 1, "the report of "), ("docs/how-to/apps.md", 0, ": trained on 1000 rows")],
)
def test_the_first_apps(place: Place, page: str, number: int, line: str) -> None:
    program = place.folder / "daily.py"
    program.write_text(BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))[number], encoding="utf-8")
    with running(place, program, "--id", "daily") as app:
        app.wait_for(line)
    with running(place, program, "--id", "daily") as app:
        app.wait_for("The app daily goes on where it was")
        app.process.send_signal(signal.SIGTERM)
        assert app.wait_end() == 128 + signal.SIGTERM
