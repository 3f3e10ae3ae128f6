"""`manyhands run app` with a page: its options and what it says of those that do not fit."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.acceptance.app.apps import environment, get, write
from tests.acceptance.app.test_page_live import living
from tests.acceptance.kit import Place, family, wait_gone

STOPS = """
import os, sys
from manyhands.app import App, Flow

class Root(Flow):
    def run(self):
        self.stop(f"{sys.argv[1:]} {os.environ.get('COLOUR')}")

app = App(Root())
"""

WAITS = """
from manyhands.app import App, Flow

class Root(Flow):
    def run(self): ...

app = App(Root())
"""

QUIET = ("--open-ui", "false")


def run(place: Place, *words: object) -> "subprocess.CompletedProcess[str]":
    order = [sys.executable, "-m", "manyhands", "run", "app", *map(str, words)]
    return subprocess.run(
        order, cwd=place.folder, env=environment(place), capture_output=True, text=True, timeout=100, check=False
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--port", "-1"], 2, "--port"),
        (["--port", "65536"], 2, "--port"),
        (["--port", "abc"], 2, "--port"),
        (["--host", "192.0.2.1"], 1, "Choose another `--host` or `--port`"),
        (["--id", ""], 2, "--id is empty"),
        (["--allow-host", "https://x"], 2, "no name of a host"),
        (["--env", "=x"], 2, "NAME=VALUE"),
        (["--app_args", "it's"], 2, "Quote what belongs together"),
        (["--blocking", "perhaps"], 2, "true or false"),
        (["--open-ui", ""], 2, "true or false"),
        (["--as", "nonsense"], 2, "lightning"),
    ],
)
def test_options_that_do_not_fit(place: Place, words: list[str], code: int, said: str) -> None:
    done = run(place, write(place, STOPS), *QUIET, *words)
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert said in done.stderr


def test_options_that_fit(place: Place) -> None:
    words = ["--env", "COLOUR=", "--env", "COLOUR=a=b", "--app_args", "-x 'a b'", "--app-args", "c", "--port", "0"]
    done = run(place, write(place, STOPS), *QUIET, *words)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)
    assert "['-x', 'a b', 'c'] a=b" in done.stdout


def test_a_syntax_error_is_shown_where_it_is(place: Place) -> None:
    done = run(place, write(place, "x = 1\ndef f(:"), *QUIET)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].strip().startswith('File "')
    assert "program.py" in done.stderr
    assert "manyhands/cli" not in done.stderr


def test_a_port_that_is_taken_gives_the_next_one(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with living(place, write(place, WAITS), "--port", str(port)) as app:
            assert port < int(str(httpx.URL(app.base).port)) < port + 100
            assert get(f"{app.base}/healthz").status_code == 200


def test_a_name_that_runs_already(place: Place) -> None:
    program = write(place, WAITS)
    with living(place, program, "--id", "daily") as app:
        done = run(place, program, *QUIET, "--port", "0", "--id", "daily")
        assert done.returncode == 1
        assert "The app daily runs already." in done.stderr
        assert "Traceback" not in done.stderr
        assert get(f"{app.base}/healthz").status_code == 200


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 1), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
@pytest.mark.parametrize("blocking", ["true", "false"])
def test_a_signal_ends_it_with_all_its_processes(
    place: Place, number: signal.Signals, code: int, blocking: str, tmp_path: Path
) -> None:
    with living(place, write(place, WAITS), "--blocking", blocking) as app:
        assert get(f"{app.base}/healthz").status_code == 200
        mine = family(app.process.pid)
        os.kill(app.process.pid, number)
        assert app.wait_end() == code
        wait_gone(mine)
        with pytest.raises(httpx.ConnectError):
            get(f"{app.base}/healthz")
