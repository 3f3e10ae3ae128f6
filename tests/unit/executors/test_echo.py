"""Output of attempts on the driver's own standard output."""

import io
import sys
from pathlib import Path

import pytest

from manyhands.executors.echo import CHUNK, Echo
from manyhands.model.outcomes import LogRange


def test_each_line_says_who_wrote_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(b"before\none\n\ntwo\r\nthr\xffee\nafter\n")
    Echo(str(tmp_path)).show(LogRange("log", 7, 24), "step", 12)
    assert (
        capsys.readouterr().out == "(step pid=12) one\n(step pid=12) \n(step pid=12) two\n(step pid=12) thr\ufffdee\n"
    )


def test_a_line_without_end_is_ended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(b"half a line and more")
    Echo(str(tmp_path)).show(LogRange("log", 0, 11), "", 12)
    assert capsys.readouterr().out == "(pid=12) half a line\n"


def test_a_huge_line_is_copied_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_bytes(b"x" * (2 * CHUNK + 5))
    Echo(str(tmp_path)).show(LogRange("log", 0, 2 * CHUNK + 5), "s", 1)
    assert capsys.readouterr().out.count("x") == 2 * CHUNK + 5


def test_a_standard_output_that_is_closed_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "log").write_bytes(b"line\n")
    echo = Echo(str(tmp_path))
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stdout", closed)
    echo.show(LogRange("log", 0, 5), "s", 1)
    again = io.StringIO()
    monkeypatch.setattr(sys, "stdout", again)
    echo.show(LogRange("log", 0, 5), "s", 1)
    assert again.getvalue() == ""
