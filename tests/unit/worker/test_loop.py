"""The worker's measuring of output, and reports that cannot be sent."""

import os
import sys
from pathlib import Path

import pytest

from manyhands.executors import wire
from manyhands.model.outcomes import Failure, LogRange, Report, Returned
from manyhands.model.states import Cause
from manyhands.worker.loop import Output, sendable


def test_output_is_measured_from_one_call_to_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    descriptor = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    output = Output("log", descriptor)
    assert output.measure() is None
    with open(tmp_path / "log", "a") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        stdout.write("12345")
        assert output.measure() == LogRange("log", 0, 5)
        assert output.measure() is None
        os.write(descriptor, b"678")
        assert output.measure() == LogRange("log", 5, 8)
    assert output.measure() is None, "a standard output that an attempt closed is no error"
    monkeypatch.undo()
    os.close(descriptor)


def test_output_that_stays_the_drivers_has_no_range() -> None:
    assert Output("", None).measure() is None


def test_a_report_that_cannot_be_sent_says_why() -> None:
    report = Report(1, 2, 3, Failure(Cause.ERROR, "\udc80"), 0.0, 1.0)
    with pytest.raises(UnicodeEncodeError):
        wire.encode(report)
    outcome = sendable(report).outcome
    assert isinstance(outcome, Failure)
    assert "cannot be sent: UnicodeEncodeError" in outcome.message
    assert wire.encode(report)


def test_a_report_that_can_be_sent_stays_as_it_is() -> None:
    report = Report(1, 2, 3, Returned(), 0.0, 1.0)
    assert sendable(report).outcome == Returned()
