"""Every example runs from beginning to end, says what it should, and is listed."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FOLDERS = sorted(folder for folder in EXAMPLES.iterdir() if re.match(r"\d\d_", folder.name))
SMALL = [folder for folder in FOLDERS if folder.name != "01_digits"]
DIGITS = EXAMPLES / "01_digits"


def script(folder: Path) -> Path:
    found = sorted(folder.glob("*.py"))
    if folder / "demo.py" in found:
        return folder / "demo.py"
    assert len(found) == 1, f"{folder.name} must hold one script, or a demo.py, as its reader is to find it"
    return found[0]


def run(path: Path, *arguments: str, store: Path, timeout: float = 280) -> str:
    """Run an example as a reader would, and return what it printed."""
    done = subprocess.run(
        [sys.executable, str(path), *arguments],
        env={**os.environ, "MANYHANDS_STORE": f"sqlite:///{store}", "NO_COLOR": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"{path.name} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


EXPECTED = {
    "02_nested_steps": ["11110 bytes in all", "ended with 6:", "measure_3"],
    "03_retries_and_catch": ["the shop is closed", "published the answer to call 3", "caught: ValueError"],
    "04_fork": ["mean with limit 100: 21.1", "mean with limit  20: 12.13", "survey, clean, mean, clean, mean"],
    "05_cache": ["run 1: {'width': 1.0, 'height': 2.0} → 2.0   computed so far: 1", "computed so far: 2"],
    "06_detached": ["has exited", "Hello, world."],
    "07_bank": [" transfers, 8 kills; ", "the books balance: 300"],
    "08_approval": ["Dear manager, may we pay for the yacht?", "hotel: paid, says the clerk", "yacht: not paid"],
    "09_nightly_sleep": ["killed in its sleep; the run is RESUMABLE", "night 1: due at", "night 4: due at"],
    "10_daily_training": [
        "2026-03-01: the model of 1 day(s)",
        "2026-03-03: the model of 3 day(s)",
        "each was fetched once",
    ],
    "11_killed_work": [
        "root.alone has failed: lost, was killed by signal 9 (SIGKILL)",
        "root.alone: 10 steps in 2 processes",
        "pending running pending running succeeded",
    ],
}

NEEDS = {"10_daily_training": "sklearn"}

LINES = {"07_bank": 95, "10_daily_training": 75}
"""What is short enough where 60 lines are too few: in the bank, the half that kills and counts up is longer than the
rest; the daily training is a small program that somebody could use."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("folder", SMALL, ids=lambda folder: folder.name)
def test_a_small_example_says_what_it_should(folder: Path, tmp_path: Path) -> None:
    if folder.name in NEEDS:
        pytest.importorskip(NEEDS[folder.name], reason="it needs more: pip install 'manyhands[examples]'")
    for _ in range(2):  # and says so again in the same store, for a reader who tries it twice
        output = run(script(folder), store=tmp_path / "store.db")
        assert [text for text in EXPECTED[folder.name] if text not in output] == [], output


@pytest.mark.parametrize("folder", SMALL, ids=lambda folder: folder.name)
def test_a_small_example_is_short_enough_to_read(folder: Path) -> None:
    lines = {path.name: len(path.read_text(encoding="utf-8").splitlines()) for path in folder.glob("*.py")}
    assert {name for name, count in lines.items() if count > LINES.get(folder.name, 60)} == set(), lines


def test_the_index_lists_every_example() -> None:
    index = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\((\d\d_\w+)/README\.md\)", index) == [folder.name for folder in FOLDERS]
    assert [folder.name for folder in FOLDERS if not (folder / "README.md").is_file()] == []


def demo(out: Path, *arguments: str, timeout: float = 280) -> tuple[str, Path]:
    """Run the digits demo; return what it printed and the folder it worked in."""
    pytest.importorskip("sklearn", reason="the digits need scikit-learn: pip install 'manyhands[examples]'")
    pytest.importorskip("matplotlib", reason="the digits need matplotlib: pip install 'manyhands[examples]'")
    out.mkdir(exist_ok=True)
    output = run(DIGITS / "demo.py", "--out", str(out), *arguments, store=out / "not-used.db", timeout=timeout)
    (folder,) = out.iterdir()
    return output, folder


def check_story(output: str, folder: Path, steps: int) -> None:
    """The parts of the story that can be told from outside, apart from the demo's own claims."""
    assert "FAILED" not in output
    assert re.search(r"status +RESUMABLE", output), output
    assert re.search(rf"done +\d+ of {steps} steps", output), output
    assert "run   digits: SUCCESSFUL" in output
    assert (folder / "confusion.png").read_bytes().startswith(b"\x89PNG")
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    assert report["accuracy"] > 0.95
    assert sorted(report["per_class"]) == [str(digit) for digit in range(10)]
    assert sum(map(sum, report["confusion"])) == report["images"]["test"] == 450
    ran = [line.split("\t")[0] for line in (folder / "ledger.txt").read_text(encoding="utf-8").splitlines()]
    assert len(set(ran)) == steps
    assert max(ran.count(name) for name in set(ran)) <= 2


@pytest.mark.timeout(300)
def test_the_digits_are_killed_and_resumed(tmp_path: Path) -> None:
    output, folder = demo(tmp_path, "--quick")
    check_story(output, folder, steps=25)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_kill_does_not_change_the_report_on_the_digits(tmp_path: Path) -> None:
    output, folder = demo(tmp_path / "killed", timeout=300)
    check_story(output, folder, steps=87)
    run(DIGITS / "workflow.py", "--out", str(tmp_path / "whole"), store=tmp_path / "not-used.db", timeout=300)
    assert (tmp_path / "whole/report.json").read_bytes() == (folder / "report.json").read_bytes()
