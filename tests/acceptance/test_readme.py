"""The first things that a newcomer reads are true: the programs of README and quickstart run as written."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

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
        *sorted(f"docs/explanation/{name}.md" for name in ("caching", "durability", "identity", "retries")),
    ],
)
def test_every_program_is_python(page: str) -> None:
    for block in BLOCK.findall((ROOT / page).read_text(encoding="utf-8")):
        compile(block, page, "exec")
