"""Programs under the names of another system, in processes of their own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.acceptance.kit import Place

THEIRS = '''
"""Stands in for the real package, as if it were installed."""

raise RuntimeError("this is the real one")
'''


def environment(place: Place, *, installed: Path | None = None, **more: str) -> dict[str, str]:
    """`installed`: a folder for the real package to be put in."""
    env = {**os.environ, "MANYHANDS_STORE": place.url, "PYTHONPATH": "", **more}
    if installed is not None:
        (installed / "ray").mkdir(parents=True)
        (installed / "ray" / "__init__.py").write_text(THEIRS)
        env["PYTHONPATH"] = str(installed)
    return env


def call(place: Place, *words: object, expect: int = 0, installed: Path | None = None, **more: str) -> str:
    """Run `python` with these words in the test's folder; its output."""
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=place.folder,
        env=environment(place, installed=installed, **more),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=100,
        check=False,
    )
    assert done.returncode == expect, f"exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr
