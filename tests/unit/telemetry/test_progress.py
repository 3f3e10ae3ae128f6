"""Progress: what it shows, how often, and where."""

import io

import pytest

from manyhands.model.states import TaskStatus
from manyhands.telemetry.progress import Progress, clock

DONE, RUNNING, FAILED, PENDING = TaskStatus.SUCCEEDED, TaskStatus.RUNNING, TaskStatus.FAILED, TaskStatus.PENDING


class Watch:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_the_rate_is_of_what_was_done_while_watching(watch: Watch) -> None:
    with Progress("r", {DONE: 40, PENDING: 60}, file=io.StringIO(), monotonic=watch) as progress:
        progress.update({DONE: 40, PENDING: 60})
        watch.now += 10
        progress.update({DONE: 60, RUNNING: 2, FAILED: 0, PENDING: 38}, ["a", "b"])
        standing = progress.standing()
    assert (standing.total, standing.done, standing.running, standing.before) == (100, 60, 2, 40)
    assert standing.rate == pytest.approx(2.0)
    assert standing.left == pytest.approx(20.0)
    assert standing.names == ("a", "b")


def test_the_rate_forgets_what_is_long_ago(watch: Watch) -> None:
    with Progress("r", file=io.StringIO(), monotonic=watch) as progress:
        progress.update({DONE: 0, PENDING: 1000})
        for done in range(10, 110, 10):
            watch.now += 20
            progress.update({DONE: done * 2 if done > 60 else done, PENDING: 1000})
        assert progress.standing().rate == pytest.approx(1.0)


def test_failed_ones_count_as_ended(watch: Watch) -> None:
    with Progress("r", file=io.StringIO(), monotonic=watch) as progress:
        progress.update({PENDING: 4})
        watch.now += 2
        progress.update({DONE: 1, FAILED: 1, PENDING: 2})
        standing = progress.standing()
    assert (standing.done, standing.failed) == (1, 1)
    assert standing.left == pytest.approx(2.0)


def test_nothing_done_has_no_rate(watch: Watch) -> None:
    with Progress("r", file=io.StringIO(), monotonic=watch) as progress:
        assert progress.standing().rate is None
        progress.update({PENDING: 4})
        watch.now += 5
        assert (progress.standing().rate, progress.standing().left) == (None, None)


def test_updates_are_throttled_but_the_last_one_counts(watch: Watch) -> None:
    file = io.StringIO()
    with Progress("r", file=file, monotonic=watch) as progress:
        assert progress.due
        progress.update({PENDING: 3})
        assert not progress.due
        watch.now += 0.05
        progress.update({DONE: 3})
        watch.now += 0.06
        assert progress.due
    assert file.getvalue() == "r: 3 of 3 done in 0:00\n"


def test_lines_come_ever_more_seldom(watch: Watch) -> None:
    file = io.StringIO()
    with Progress("r", file=file, monotonic=watch) as progress:
        at = []
        for second in range(400):
            before = len(file.getvalue())
            progress.update({DONE: second, PENDING: 400 - second})
            if len(file.getvalue()) > before:
                at.append(second)
            watch.now += 1
    assert at == [2, 6, 14, 30, 62, 122, 182, 242, 302, 362]


def test_a_line_has_the_figures(watch: Watch) -> None:
    file = io.StringIO()
    with Progress("digits", {DONE: 1000, PENDING: 2000}, file=file, monotonic=watch) as progress:
        progress.update({DONE: 1000, PENDING: 2000})
        watch.now += 100
        progress.update({DONE: 2000, RUNNING: 2, FAILED: 3, PENDING: 995})
    first, last = file.getvalue().splitlines()
    assert first == "digits: 2,000 of 3,000 done, 2 running, 3 failed, 10/s, about 1:39 left (1:40)"
    assert last == "digits: 2,000 of 3,000 done, 1,000 of them before, 3 failed in 1:40"


def test_without_a_title_the_figures_stand_alone(watch: Watch) -> None:
    file = io.StringIO()
    with Progress(file=file, monotonic=watch) as progress:
        progress.update({DONE: 1})
    assert file.getvalue() == "1 of 1 done in 0:00\n"


def test_an_error_ends_the_display_and_goes_on(watch: Watch) -> None:
    file = io.StringIO()
    with pytest.raises(ZeroDivisionError), Progress("r", file=file, monotonic=watch) as progress:
        progress.update({PENDING: 1})
        raise ZeroDivisionError
    assert file.getvalue().endswith("\n")


def test_a_terminal_gets_a_display_that_moves(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    file = Terminal()
    with Progress("digits", file=file, monotonic=watch) as progress:
        progress.update({DONE: 0, PENDING: 10})
        watch.now += 5
        progress.update({DONE: 5, RUNNING: 2, FAILED: 1, PENDING: 2}, ["fold 1", "fold 2"])
        progress._display._live.refresh()  # type: ignore[attr-defined]
    text = file.getvalue()
    for part in ("digits", "5/10", "2 running", "1 failed", "1.2/s", "fold 1, fold 2", "✗"):
        assert part in text


def test_a_dumb_terminal_gets_lines(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    file = Terminal()
    with Progress("r", file=file, monotonic=watch) as progress:
        progress.update({DONE: 1})
    assert "\x1b" not in file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (750, "12:30"), (3723, "1:02:03")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text
