"""What the command line does: run, cancel, resume, delete, fork, follow, prune."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.cli import Cli, Done, end


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    return Cli(tmp_path)


# --- run workflow ---------------------------------------------------------------------------------------------------


def test_run_a_workflow(cli: Cli) -> None:
    done = cli("run", "workflow", "flows.py:squares", "--id", "s", "--metadata", '{"a": 1}', "--metadata", "b=x")
    assert done.out.splitlines()[-1] == "5"
    assert "✓ succeeded s" in done.err
    assert "4 of 4 done" in done.err
    run = cli("runs", "show", "s", "--json").json["run"]
    assert run["metadata"] == {"a": 1, "b": "x"}
    assert run["status"] == "succeeded"


def test_run_tells_programs_in_json_alone(cli: Cli) -> None:
    done = cli("run", "workflow", "flows.py:squares", "--id", "s", "--json", "--no-progress")
    assert done.json == {"run": "s", "status": "succeeded", "result": 5, "error": None}
    failed = cli("run", "workflow", "flows.py:failing", "--id", "f", "--json", code=1)
    assert failed.json["status"] == "failed"
    assert "no such luck" in failed.json["error"]


def test_run_without_progress_is_silent_about_it(cli: Cli) -> None:
    assert "of 4 done" not in cli("run", "workflow", "flows.py:squares", "--no-progress").err


def test_run_names_the_run_when_it_has_no_id(cli: Cli) -> None:
    run = cli("run", "workflow", "flows.py:ready", "--json").json["run"]
    assert [found["id"] for found in cli("runs", "list", "--json").json] == [run]


@pytest.mark.parametrize("target", ["flows.py:square", "flows:square", "./flows.py:square"])
def test_run_a_step_with_arguments(cli: Cli, target: str) -> None:
    assert cli("run", "workflow", target, "--arg", "7", "--no-progress").out.splitlines()[-1] == "49"
    assert cli("run", "workflow", target, "--arg", "n=8", "--no-progress").out.splitlines()[-1] == "64"


def test_running_a_finished_id_again_gives_its_result(cli: Cli) -> None:
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    again = cli("run", "workflow", "flows.py:squares", "--id", "s")
    assert again.out == "5\n"


def test_a_failed_run_is_exit_code_1(cli: Cli) -> None:
    done = cli("run", "workflow", "flows.py:failing", "--id", "f", code=1)
    assert "✗ failed f" in done.err
    assert "ValueError: no such luck" in done.err
    assert "manyhands why f" in done.err


def test_an_id_with_odd_characters_is_never_a_path(cli: Cli) -> None:
    odd = "../../a b/ü; rm *"
    before = {path.name for path in cli.folder.parent.iterdir()}
    cli("run", "workflow", "flows.py:squares", "--id", odd)
    assert cli("runs", "show", odd, "--json").json["run"]["id"] == odd
    assert {path.name for path in cli.folder.parent.iterdir()} == before
    cli("runs", "delete", odd)


# --- runs -----------------------------------------------------------------------------------------------------------


def test_runs_show_of_many_steps_is_cut(cli: Cli) -> None:
    cli("run", "workflow", "flows.py:squares", "--id", "s", "--arg", "300")
    done = cli("runs", "show", "s", "--limit", "20")
    assert len(done.out.splitlines()) < 40
    assert "281 steps are not shown" in done.err
    assert "not shown: 281 succeeded" in done.out
    assert len(cli("runs", "show", "s", "--limit", "0").out.splitlines()) > 301


def test_cancel(cli: Cli) -> None:
    with cli.waiting("w") as (process, _, _):
        running = cli("runs", "show", "w", "--json").json["run"]
        assert running["status"] == "running"
        assert running["driver"]["pid"] == process.pid
        assert "Run 'w' is canceled." in cli("runs", "cancel", "w").out
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "■ canceled w" in err
    assert cli("runs", "show", "w", "--json").json["run"]["status"] == "canceled"
    again = cli("runs", "cancel", "w", code=4)
    assert "already finished (canceled)" in again.err
    assert "was stopped" in cli("why", "w", "wait").out


def test_a_killed_driver_leaves_a_run_that_is_resumed_without_doing_again_what_is_done(cli: Cli) -> None:
    with cli.waiting("w", "greeting") as (process, pipe, ledger):
        end(process, signal.SIGKILL)
    [run] = cli("runs", "list", "--json", "--status", "resumable").json
    assert (run["id"], run["stored"], run["driver"]["alive"]) == ("w", "running", False)
    assert "can be resumed: its driver, process" in cli("why", "w").out
    assert "was begun, but not finished" in cli("why", "w", "wait").out
    assert re.search(r"^done +✓ succeeded", cli("runs", "show", "w").out, re.MULTILINE)
    with cli.started("runs", "resume", "w", "--json") as resumed:
        pipe.write_text("hello")
        out, err = resumed.communicate(timeout=60)
        assert resumed.returncode == 0, err
    assert json.loads(out) == {"run": "w", "status": "succeeded", "result": "hello", "error": None}
    assert ledger.read_text().split() == ["done", "wait", "wait"]
    assert "It ran again because the run was resumed" in cli("why", "w", "wait").out


def test_interrupting_a_run_leaves_it_resumable(cli: Cli) -> None:
    with cli.waiting("w") as (process, _, _):
        _, err = end(process, signal.SIGINT)
        assert process.returncode == 130
        assert "Interrupted" in err
        assert "Traceback" not in err
    assert cli("runs", "show", "w", "--json").json["run"]["status"] == "resumable"


def test_resume_of_what_failed_fails_again_or_not(cli: Cli) -> None:
    cli("run", "workflow", "flows.py:failing", "--id", "f", code=1)
    assert "no such luck" in cli("runs", "resume", "f", code=1).err
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    assert cli("runs", "resume", "s", "--no-progress").out == "5\n"


def test_delete(cli: Cli) -> None:
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    cli("run", "workflow", "flows.py:squares", "--id", "t")
    done = cli("runs", "delete", "s", "unknown", "t", "--json", code=3)
    assert [(each["run"], each["done"]) for each in done.json] == [("s", True), ("unknown", False), ("t", True)]
    assert "unknown" in done.err
    assert cli("runs", "list", "--json").json == []
    assert "No run in" in cli("runs", "list").err


def test_fork_with_another_input(cli: Cli) -> None:
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    done = cli("runs", "fork", "s", "--from", "square_2", "--input", "n=10", "--id", "f", "--json")
    assert done.json == {"run": "f", "status": "succeeded", "result": 101, "error": None}
    text = cli("why", "f", "square_2").out
    assert "The fork gave it other inputs than in run 's'" in text
    assert "2 became" in text or "n: not given became 10" in text
    assert "taken over from run 's'" in cli("why", "f", "square").out
    assert cli("runs", "show", "f", "--json").json["run"]["forked_from"] == "s"


# --- events ---------------------------------------------------------------------------------------------------------


def test_events_are_followed_live(cli: Cli) -> None:
    cli("run", "workflow", "flows.py:squares", "--id", "before")
    with cli.started("events", "--follow", "--json", "--limit", "1") as follower:
        assert follower.stdout is not None
        first = json.loads(follower.stdout.readline())
        assert (first["run"], first["task"], first["state"]) == ("before", None, "succeeded")
        with cli.waiting("w") as (process, _pipe, _):
            seen = []
            for line in follower.stdout:
                seen.append(json.loads(line))
                if (seen[-1]["task"], seen[-1]["state"]) == ("wait", "running"):
                    break
            assert process.poll() is None, "the follower is to see it while it happens"
            assert [(e["task"], e["state"]) for e in seen if e["task"] == "done"][-1] == ("done", "succeeded")
        assert follower.poll() is None
        end(follower, signal.SIGINT)
        assert follower.returncode == 130


def test_following_a_run_ends_with_it(cli: Cli) -> None:
    with cli.waiting("w", "greeting") as (process, pipe, _), cli.started("events", "-f", "-r", "w") as follower:
        assert follower.stdout is not None
        follower.stdout.readline()
        pipe.write_text("go on")
        out, _ = follower.communicate(timeout=60)
        assert follower.returncode == 0
        assert out.splitlines()[-1].split()[2:] == ["w", "✓", "succeeded", "done"]
        assert process.wait(60) == 0


# --- why ------------------------------------------------------------------------------------------------------------


def test_why_a_call_was_cached(cli: Cli) -> None:
    cli("run", "workflow", "flows.py:cached", "--id", "first")
    cli("run", "workflow", "flows.py:cached", "--id", "second")
    text = cli("why", "second", "answer").out
    assert text.startswith("Step 'answer' did not run: its result was taken from the cache")
    assert "step 'answer' of run 'first'" in text or "answer of run first" in text
    assert "cached" in cli("runs", "show", "second").out


# --- store ----------------------------------------------------------------------------------------------------------


def test_store_check_finds_what_is_wrong(cli: Cli) -> None:
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    assert cli("store", "check").out == "All is well.\n"
    assert cli("store", "check", "--json").json["findings"] == []
    damage(cli, "UPDATE tasks SET status = 'running' WHERE name = 'total'")
    assert "total" in cli("store", "check", code=1).out
    assert cli("store", "check", "--json", code=1).json["findings"]


def damage(cli: Cli, statement: str) -> None:
    program = f"import sqlite3; c = sqlite3.connect({str(cli.folder / '.manyhands/store.db')!r}); "
    program += f"c.execute({statement!r}); c.commit(); c.close()"
    subprocess.run([sys.executable, "-c", program], check=True)


def test_store_prune(cli: Cli) -> None:
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    assert "s" in cli("runs", "list").out
    assert cli("store", "prune", "--json").json.get("runs", 0) == 0
    removed = cli("store", "prune", "--older-than", "0", "--keep-newer-than", "0", "--json").json
    assert removed["runs"] == 1
    assert cli("runs", "list", "--json").json == []
    assert cli("store", "check").out == "All is well.\n"


def test_prune_where_everything_is_kept_wants_a_number(cli: Cli) -> None:
    done = cli("store", "prune", code=2, MANYHANDS_RETENTION_DAYS="0")
    assert "--older-than" in done.err


def test_results_of_any_sort_are_told(cli: Cli) -> None:
    (cli.folder / "odd.py").write_text(
        "from manyhands import workflow\n"
        "@workflow.step\ndef odd():\n    return {1: {2, 3}, 'z': complex(1, 2)}\n"
        "@workflow.step\ndef nothing():\n    return None\n"
    )
    done: Done = cli("run", "workflow", "odd.py:odd", "--json", "--no-progress")
    assert done.json["status"] == "succeeded"
    assert "(1+2j)" in json.dumps(done.json["result"])
    assert cli("run", "workflow", "odd.py:nothing", "--no-progress").out == ""


def test_progress_counts_as_done_before_what_was(cli: Cli) -> None:
    """Not what a quick run has done until somebody looks; and of a run that is over there is no progress."""
    first = cli("run", "workflow", "flows.py:squares", "--id", "quick")
    assert "quick: 4 of 4 done in " in first.err
    again = cli("run", "workflow", "flows.py:squares", "--id", "quick")
    assert (again.out, " done" in again.err) == ("5\n", False)
