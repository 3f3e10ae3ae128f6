"""What the command line shows of a store that holds runs of each sort."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.cli import Cli

RUN_KEYS = {
    "id", "key", "kind", "status", "stored", "reason", "message", "metadata", "created_at", "started_at", "ended_at",
    "duration", "detached", "forked_from", "takeovers", "entry", "source", "driver", "counts", "version",
}  # fmt: skip
TASK_KEYS = {
    "name", "ordinal", "label", "kind", "status", "stored", "reason", "message", "attempt", "parent", "upstreams",
    "source", "forward_to", "caught", "saved", "worker", "created_at", "started_at", "ended_at", "due_at", "duration",
    "options", "metadata",
}  # fmt: skip
EVENT_KEYS = {"id", "at", "run", "task", "attempt", "state", "reason", "message"}
ATTEMPT_KEYS = {
    "task", "number", "status", "cause", "message", "error", "traceback", "worker", "started_at", "ended_at",
    "duration", "exit_code", "signal", "logged",
}  # fmt: skip
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """A store with a run of each sort, for commands that only read."""
    cli = Cli(tmp_path_factory.mktemp("stored"))
    cli("run", "workflow", "flows.py:squares", "--id", "squares", "--arg", "4", "--metadata", "owner=me")
    cli("run", "workflow", "flows.py:fact", "--id", "fact", "--arg", "n=3")
    cli("run", "workflow", "flows.py:failing", "--id", "failing", code=1)
    return cli


# --- the program itself ---------------------------------------------------------------------------------------------


def test_version_and_help(stored: Cli) -> None:
    assert re.fullmatch(r"manyhands \d+\.\d+\.\d+\n", stored("--version").out)
    text = stored("--help").out
    assert "Exit codes" in text
    assert all(noun in text for noun in ("runs", "tasks", "events", "why", "run", "engine", "store"))
    assert "Exit codes" in stored("runs", "show", "-h").out


@pytest.mark.parametrize(
    "args",
    [("nonsense",), ("runs", "nonsense"), ("runs", "show"), ("runs", "list", "--limit", "-1"), ("--nonsense",),
     ("runs", "list", "--status", "odd"), ("tasks", "logs", "squares", "total", "--attempt", "0")],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(stored: Cli, args: tuple[str, ...]) -> None:
    done = stored(*args, code=2)
    assert done.out == ""
    assert done.err


def test_options_stand_before_or_behind_the_command(stored: Cli, tmp_path: Path) -> None:
    before = stored("--store", stored.url, "--json", "runs", "list")
    behind = stored("runs", "list", "--store", stored.url, "--json")
    by_variable = stored("runs", "list", "--json", MANYHANDS_STORE=stored.url)
    assert len(before.json) == len(behind.json) == len(by_variable.json) == 3
    other = f"sqlite:///{tmp_path}/other.db"
    stored("store", "migrate", "--store", other)
    assert stored("--store", stored.url, "runs", "list", "--json", "--store", other).json == []


def test_the_nearest_store_upward_is_taken(stored: Cli) -> None:
    below = stored.folder / "a" / "b"
    below.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "manyhands", "runs", "list", "--json"],
        cwd=below, env=stored.env, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert len(json.loads(done.stdout)) == 3


def in_terminal(cli: Cli, *args: str, **env: str) -> str:
    """What the command writes to a terminal."""
    ours, theirs = pty.openpty()
    env = {**cli.env, "TERM": "xterm-256color", **env}
    process = subprocess.Popen(
        [sys.executable, "-m", "manyhands", *args], cwd=cli.folder, env=env, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    chunks = []
    try:
        while chunk := os.read(ours, 65536):
            chunks.append(chunk)
    except OSError:
        pass  # that is how a terminal ends on Linux
    finally:
        os.close(ours)
        process.wait()
    return b"".join(chunks).decode()


def test_colours_are_for_terminals_that_want_them(stored: Cli) -> None:
    assert ANSI.search(in_terminal(stored, "runs", "list"))
    plain = re.compile(r"\x1b\[3[0-9]m")
    assert not plain.search(in_terminal(stored, "runs", "list", "--no-color"))
    assert not plain.search(in_terminal(stored, "runs", "list", NO_COLOR="1"))
    assert not ANSI.search(stored("runs", "list").out)


def test_run_ids_and_steps_are_completed(stored: Cli) -> None:
    def complete(words: str) -> set[str]:
        env = {"_MANYHANDS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()))}
        return set(stored(code=None, **env).out.split())

    assert complete("manyhands runs show ") == {"squares", "fact", "failing"}
    env = {"_MANYHANDS_COMPLETE": "complete_bash", "COMP_WORDS": "manyhands why fa", "COMP_CWORD": "2"}
    assert set(stored(code=None, **env).out.split()) == {"fact", "failing"}
    assert complete("manyhands tasks show squares ") == {"total", "square", "square_1", "square_2", "square_3"}


# --- runs -----------------------------------------------------------------------------------------------------------


def test_runs_list(stored: Cli) -> None:
    runs = stored("runs", "list", "--json").json
    assert [run["id"] for run in runs] == ["failing", "fact", "squares"]
    assert all(set(run) == RUN_KEYS for run in runs)
    assert runs[2]["counts"] == {"succeeded": 5}
    text = stored("runs", "list").out
    assert re.search(r"squares +workflow +✓ succeeded +5/5 .* owner=\"me\"", text)
    assert re.search(r"failing +workflow +✗ failed +\d/4 1 failed", text)
    assert "ago)" in text or "just now" in text


def test_runs_list_is_filtered_and_paged(stored: Cli) -> None:
    def ids(*args: str) -> list[str]:
        return [run["id"] for run in stored("runs", "list", "--json", *args).json]

    assert ids("--status", "failed") == ["failing"]
    assert ids("-s", "failed", "-s", "succeeded") == ["failing", "fact", "squares"]
    assert ids("--prefix", "fa") == ["failing", "fact"]
    assert ids("--kind", "actor") == []
    first = stored("runs", "list", "--json", "--limit", "2").json
    assert ids("--limit", "2", "--before", str(first[-1]["key"])) == ["squares"]
    assert f"--before {first[-1]['key']}" in stored("runs", "list", "--limit", "2").err
    assert "No such run" in stored("runs", "list", "--prefix", "zzz").err


def test_runs_list_leaves_out_what_came_about_beside(tmp_path: Path) -> None:
    """A script that makes plain calls and keeps large values would hide the runs that people started."""
    cli = Cli(tmp_path)
    script = (
        "import ray\n"
        "from ray import workflow\n"
        "large = ray.put(b'x' * 100_000)\n"
        "size = ray.remote(len)\n"
        "assert ray.get(size.remote(large)) == workflow.step(len).step('four').run('mine') + 99_996\n"
    )
    (tmp_path / "beside.py").write_text(script, encoding="utf-8")
    cli("run", "script", "--as", "ray", "beside.py")

    def kinds(*args: str) -> list[str]:
        return [run["kind"] for run in cli("runs", "list", "--json", *args).json]

    assert kinds() == kinds("--limit", "1") == ["workflow"]
    assert kinds("--all") == ["workflow", "call", "put"]
    assert kinds("--kind", "put") == ["put"]


def test_runs_show_draws_the_tree(stored: Cli) -> None:
    text = stored("runs", "show", "fact").out
    assert re.search(r"^Status +✓ succeeded", text, re.MULTILINE)
    assert re.search(r"^fact +✓ succeeded .* as fact_2", text, re.MULTILINE)
    assert re.search(r"^└─ fact_1 +✓ succeeded", text, re.MULTILINE)
    assert re.search(r"^   └─ fact_2 +✓ succeeded", text, re.MULTILINE)


def test_runs_show_says_what_failed_and_what_could_not_run(stored: Cli) -> None:
    text = stored("runs", "show", "failing").out
    assert re.search(r"^Because +step 'bad' failed", text, re.MULTILINE)
    assert re.search(r"^bad +✗ failed .* 2 +error: ValueError: no such luck", text, re.MULTILINE)
    assert re.search(r"^total +· pending +cannot run: bad failed", text, re.MULTILINE)


def test_runs_show_in_json(stored: Cli) -> None:
    shown = stored("runs", "show", "fact", "--json").json
    assert set(shown["run"]) == RUN_KEYS
    assert all(set(task) == TASK_KEYS for task in shown["tasks"])
    assert [(task["name"], task["parent"]) for task in shown["tasks"]] == [
        ("fact", None),
        ("fact_1", "fact"),
        ("fact_2", "fact_1"),
    ]


# --- tasks ----------------------------------------------------------------------------------------------------------


def test_tasks_list(stored: Cli) -> None:
    tasks = stored("tasks", "list", "squares", "--json").json
    assert {task["name"] for task in tasks} == {"total", "square", "square_1", "square_2", "square_3"}
    assert all(set(task) == TASK_KEYS for task in tasks)
    assert tasks[0]["metadata"] == {"unit": "pieces"}
    assert [t["name"] for t in stored("tasks", "list", "failing", "--json", "--status", "failed").json] == ["bad"]
    first = stored("tasks", "list", "squares", "--json", "--limit", "2").json
    rest = stored("tasks", "list", "squares", "--json", "--after", str(first[-1]["ordinal"])).json
    assert [task["name"] for task in first + rest] == [task["name"] for task in tasks]
    assert re.search(r"^total +✓ succeeded", stored("tasks", "list", "squares").out, re.MULTILINE)


def test_tasks_show(stored: Cli) -> None:
    shown = stored("tasks", "show", "failing", "bad", "--json").json
    assert set(shown["task"]) == TASK_KEYS
    assert [set(attempt) for attempt in shown["attempts"]] == [ATTEMPT_KEYS, ATTEMPT_KEYS]
    assert shown["attempts"][1]["error"] == "ValueError: no such luck"
    text = stored("tasks", "show", "failing", "bad").out
    assert "Attempt 2  ✗ failed" in text
    assert "raise ValueError(text)\nValueError: no such luck" in text
    assert "Inputs from" in stored("tasks", "show", "squares", "total").out


def test_tasks_logs(stored: Cli) -> None:
    done = stored("tasks", "logs", "failing", "bad", "--attempt", "2")
    assert done.out == "about to fail\nsaid aloud\n"
    both = stored("tasks", "logs", "failing", "bad")
    assert both.out == "about to fail\nsaid aloud\n" * 2
    assert "attempt 1" in both.err
    [log] = stored("tasks", "logs", "squares", "square_3", "--json").json
    assert (log["text"], log["attempt"], log["skipped"], log["note"]) == ("squaring 3\n", 1, 0, "")
    assert "no attempt 9" in stored("tasks", "logs", "failing", "bad", "--attempt", "9").err
    assert "wrote nothing" in stored("tasks", "logs", "squares", "total").err


# --- events ---------------------------------------------------------------------------------------------------------


def test_events(stored: Cli) -> None:
    events = stored("events", "--run", "squares", "--json", "--limit", "0").lines
    assert all(set(event) == EVENT_KEYS for event in events)
    assert {event["run"] for event in events} == {"squares"}
    assert (events[0]["task"], events[0]["state"]) == (None, "running")
    assert (events[-1]["task"], events[-1]["state"]) == (None, "succeeded")
    assert stored("events", "--run", "squares", "--json", "--limit", "3").lines == events[-3:]
    assert stored("events", "--run", "squares", "--json", "--after", str(events[-3]["id"])).lines == events[-2:]
    of_one = stored("events", "--run", "squares", "--task", "total", "--json").lines
    assert [event["state"] for event in of_one] == ["pending", "running", "succeeded"]
    assert "total" in stored("events", "--limit", "0").out
    assert len(stored("events").out.splitlines()) <= 50


def test_a_task_s_events_want_its_run(stored: Cli) -> None:
    assert "--run RUN" in stored("events", "--task", "total", code=2).err


# --- why ------------------------------------------------------------------------------------------------------------


def test_why(stored: Cli) -> None:
    assert "because its step 'bad' failed: ValueError: no such luck" in stored("why", "failing").out
    text = stored("why", "failing", "bad").out
    assert text.startswith("Step 'bad' failed after 2 attempts, because its code raised an error")
    assert "about to fail" in text
    assert "never ran: it needs the result of 'bad', which failed" in stored("why", "failing", "total").out
    assert "It was called by step 'fact'" in stored("why", "fact", "fact_1").out


def test_why_in_json(stored: Cli) -> None:
    shown = stored("why", "failing", "bad", "--json").json
    assert {"run", "task", "status", "summary", "facts", "advice"} == set(shown)
    assert (shown["run"], shown["task"], shown["status"]) == ("failing", "bad", "failed")
    assert {"attempt", "log", "again"} <= {fact["kind"] for fact in shown["facts"]}
    assert stored("why", "squares", "--json").json["task"] is None


# --- store ----------------------------------------------------------------------------------------------------------


def test_store_info(stored: Cli) -> None:
    shown = stored("store", "info", "--json").json
    assert shown["url"] == stored.url
    assert shown["counts"]["runs"] == {"failed": 1, "succeeded": 2}
    assert shown["counts"]["tasks"] == 12
    assert re.search(r"^Runs +3 \(", stored("store", "info").out, re.MULTILINE)


def test_store_migrate_of_a_store_of_today(stored: Cli) -> None:
    shown = stored("store", "migrate", "--json").json
    assert shown["before"] == shown["after"]
    assert "up to date" in stored("store", "migrate").out


def test_output_into_a_pipe_that_closes(stored: Cli) -> None:
    command = f"{sys.executable} -m manyhands events --limit 0 --json | head -1"
    done = subprocess.run(
        command, shell=True, cwd=stored.folder, env=stored.env, capture_output=True, text=True, check=True
    )
    assert len(done.stdout.splitlines()) == 1
    assert "Traceback" not in done.stderr
