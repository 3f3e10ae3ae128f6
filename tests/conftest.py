"""What holds for every test: CI skips nothing, and no test writes to the work tree or to the user's store."""

import os
import signal
from collections.abc import Generator, Iterator

import hypothesis
import pytest

IN_CI = bool(os.environ.get("CI"))

# A shell without job control has what it starts in the background ignore Ctrl-C, and programs hand that on to theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline per example: a busy machine is not a bug. CI draws the same examples each time, so that a red build is
# about the change under test.
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if IN_CI else "local")


def _fail_if_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Where a laptop may lack a service, CI may not: a skip there hides that nothing was tested."""
    if IN_CI and report.outcome == "skipped" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason}\nCI is set, so nothing may be skipped: have the Makefile install what is missing."


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _fail_if_skipped(report)
    return report


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A folder of its own for each test, and no setting from outside: both decide where the default store is."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("MANYHANDS_")]:
            patch.delenv(name)
        patch.chdir(tmp_path_factory.mktemp("cwd"))
        yield
