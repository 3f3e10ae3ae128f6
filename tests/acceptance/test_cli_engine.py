"""`manyhands engine` and detached runs: who drives when the one who started has gone."""

import json
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from manyhands.engine.liveness import born
from tests.acceptance.cli import Cli, end


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    """A folder whose engines are gone in the end."""
    made = Cli(tmp_path)
    yield made
    shown = made("engine", "status", "--json", code=None)
    for engine in shown.json if shown.out else []:
        if engine["alive"] and engine["kind"] == "service":
            os.kill(engine["pid"], signal.SIGKILL)


def detached(cli: Cli, run: str) -> tuple[Path, Path]:
    pipe, ledger = cli.pipe(f"pipe-{run}"), cli.folder / f"ledger-{run}"
    args = ("--arg", json.dumps(str(pipe)), "--arg", json.dumps(str(ledger)))
    done = cli("run", "workflow", "flows.py:greeting", "--id", run, "--detach", *args)
    assert done.out == f"{run}\n"
    return pipe, ledger


def test_there_is_no_engine_at_first(cli: Cli) -> None:
    done = cli("engine", "status", code=1)
    assert "manyhands engine start --background" in done.err
    assert cli("engine", "status", "--json", code=1).json == []
    assert "No engine runs" in cli("engine", "stop").err
    assert cli("engine", "stop", "--json").json == []


def test_an_engine_in_the_background(cli: Cli) -> None:
    started = cli("engine", "start", "--background", "--json").json
    assert started["engine"]["alive"]
    assert started["engine"]["kind"] == "service"
    [shown] = cli("engine", "status", "--json").json
    assert (shown["id"], shown["pid"]) == (started["engine"]["id"], started["engine"]["pid"])
    assert born(shown["pid"]) is not None
    text = cli("engine", "status").out
    assert shown["id"] in text
    assert "alive" in text
    assert "has stopped" in cli("engine", "stop").out
    assert born(shown["pid"]) is None
    assert cli("engine", "status", "--json", code=1).json == []
    assert Path(started["log"]).is_file()


def test_a_detached_run_waits_for_an_engine_and_outlives_who_started_it(cli: Cli) -> None:
    pipe, ledger = detached(cli, "d")
    assert cli("runs", "show", "d", "--json").json["run"]["status"] == "pending"
    assert "waits for an engine" in cli("why", "d").out
    cli("engine", "start", "--background")
    cli.until("d", "wait", "running")
    [engine] = cli("engine", "status", "--json").json
    assert engine["runs"] == ["d"]
    pipe.write_text("by the engine")
    cli.until("d", None, "succeeded")
    assert ledger.read_text().split() == ["done", "wait"]
    cli("engine", "stop")


def test_detaching_without_an_engine_says_how_to_start_one(cli: Cli) -> None:
    done = cli("run", "workflow", "flows.py:squares", "--id", "d", "--detach", "--json")
    assert done.json == {"run": "d", "status": "pending", "result": None, "error": None}
    assert "manyhands engine start --background" in done.err
    cli("engine", "start", "--background")
    cli.until("d", None, "succeeded")
    assert "manyhands engine start" not in cli("run", "workflow", "flows.py:squares", "--detach").err


def test_an_engine_takes_over_what_a_killed_driver_left(cli: Cli) -> None:
    with cli.waiting("w", "greeting") as (process, pipe, ledger):
        end(process, signal.SIGKILL)
    cli("engine", "start", "--background")
    cli.until("w", "wait", "running")
    pipe.write_text("hello")
    cli.until("w", None, "succeeded")
    assert ledger.read_text().split() == ["done", "wait", "wait"]
    assert cli("runs", "show", "w", "--json").json["run"]["takeovers"] == 1


def test_an_engine_leaves_alone_what_it_is_not_to_take(cli: Cli) -> None:
    with cli.waiting("w", "greeting") as (process, _, _):
        end(process, signal.SIGKILL)
    cli("engine", "start", "--background", "--no-take-over")
    # A detached run is taken in any case, and when it is over the engine has looked at all there is.
    cli("run", "workflow", "flows.py:squares", "--id", "d", "--detach")
    cli.until("d", None, "succeeded")
    run = cli("runs", "show", "w", "--json").json["run"]
    assert (run["status"], run["takeovers"]) == ("resumable", 0)


def test_an_engine_in_the_foreground_ends_in_good_order(cli: Cli) -> None:
    with cli.started("engine", "start") as engine:
        assert engine.stderr is not None
        assert "Driving the runs of" in engine.stderr.readline()
        pipe, _ = detached(cli, "d")
        cli.until("d", "wait", "running")
        engine.send_signal(signal.SIGTERM)
        _, err = engine.communicate(timeout=60)
        assert engine.returncode == 0
        assert "Traceback" not in err
    assert cli("runs", "show", "d", "--json").json["run"]["status"] == "resumable"
    assert cli("engine", "status", "--json", code=1).json == []
    with cli.started("runs", "resume", "d", "--json") as resumed:
        pipe.write_text("after all")
        out, _ = resumed.communicate(timeout=60)
    assert json.loads(out)["result"] == "after all"


def test_an_engine_that_cannot_start_says_why(cli: Cli) -> None:
    cli("runs", "list")
    with sqlite3.connect(cli.folder / ".manyhands/store.db") as connection:
        connection.execute("PRAGMA user_version = 999")
    connection.close()
    done = cli("engine", "start", "--background", code=5)
    assert "pip install -U manyhands" in done.err


def test_stopping_an_unknown_engine(cli: Cli) -> None:
    assert "manyhands engine status" in cli("engine", "stop", "nobody", code=4).err
