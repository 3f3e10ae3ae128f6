"""Actors, signals and waiting on the command line."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.cli import Cli, end

WAITS = """
from manyhands import workflow


@workflow.step(name="tell")
def tell(payload, day=None):
    return f"told {payload}"


def approval():
    return tell.step(workflow.wait_for_event(workflow.SignalListener, "go on"))


def tomorrow():
    return tell.step("later", workflow.sleep(86_400))


def first():
    slow = [workflow.sleep(86_400), workflow.wait_for_event(workflow.SignalListener, "other")]
    return tell.step(workflow.wait(slow, num_returns=1))
"""

ACCOUNT = """
import sys

from manyhands import workflow


@workflow.virtual_actor
class Account:
    def __init__(self, balance=0):
        self.balance = balance

    def pay_in(self, amount):
        if amount < 0:
            raise ValueError(f"no such amount: {amount}")
        self.balance += amount
        return self.balance


@workflow.virtual_actor
class Sack:
    def __init__(self):
        self.things = {1, 2}

    def __getstate__(self):
        return self.things

    def __setstate__(self, things):
        self.things = things


if __name__ == "__main__":
    account = Account.get_or_create("account", 10)
    calls = [account.pay_in.options(name="pay_in", max_retries=1).run_async(int(amount)) for amount in sys.argv[1:]]
    for call in calls:
        try:
            call.result(60)
        except workflow.WorkflowExecutionError as error:
            print(error.__cause__)
    Sack.get_or_create("sack").ready().result(60)
"""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    made = Cli(tmp_path)
    (tmp_path / "waits.py").write_text(WAITS)
    (tmp_path / "account.py").write_text(ACCOUNT)
    return made


def call(cli: Cli, *amounts: int) -> str:
    """Pay these amounts into the account, all of them asked for at once."""
    order = [sys.executable, "account.py", *map(str, amounts)]
    done = subprocess.run(order, cwd=cli.folder, env=cli.env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# --- actors ---------------------------------------------------------------------------------------------------------


def test_the_states_of_an_actor(cli: Cli) -> None:
    call(cli, 5, 7)
    done = cli("runs", "states", "account")
    found = [re.split(r"  +", line.rstrip()) for line in done.out.splitlines()]
    assert found[0] == ["VERSION", "STEP", "WHEN", "STATE"]
    assert [(line[0], line[1], line[-1]) for line in found[1:]] == [
        ("1", "__main__.Account.__init__", '{"balance": 10}'),
        ("2", "pay_in", '{"balance": 15}'),
        ("3", "pay_in_1", '{"balance": 22}'),
    ]
    states = cli("runs", "states", "account", "--json", "--limit", "2").json
    assert [set(state) for state in states] == [{"version", "step", "at", "codec", "size", "value"}] * 2
    assert [(state["version"], state["value"]) for state in states] == [(2, '{"balance": 15}'), (3, '{"balance": 22}')]
    assert "There are 2 older ones" in cli("runs", "states", "account", "-n", "1").err
    assert re.search(r"\(pickle, \d+ bytes\)", cli("runs", "states", "sack").out)
    [sack] = cli("runs", "states", "sack", "--json").json
    assert (sack["codec"], sack["value"]) == ("pickle", None)


def test_states_of_what_is_no_actor(cli: Cli) -> None:
    assert "No such" in cli("runs", "states", "nobody", code=3).err
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    assert "only actors have states" in cli("runs", "states", "s", code=2).err


def test_an_actor_is_listed_and_shown(cli: Cli) -> None:
    call(cli, 5)
    cli("run", "workflow", "flows.py:squares", "--id", "s")
    actors = cli("runs", "list", "--kind", "actor", "--json").json
    assert {(run["id"], run["kind"], run["version"]) for run in actors} == {
        ("account", "actor", 2),
        ("sack", "actor", 1),
    }
    assert re.search(r"^account +actor +✓ succeeded +2/2 ", cli("runs", "list").out, re.MULTILINE)
    text = cli("runs", "show", "account").out
    assert re.search(r"^Kind +actor *$", text, re.MULTILINE)
    assert re.search(r"^Version +2 *$", text, re.MULTILINE)
    assert re.search(r"^Latest call +pay_in *$", text, re.MULTILINE)
    assert cli("runs", "show", "account", "--json").json["run"]["entry"] == "pay_in"
    assert cli("why", "account").out.startswith("Actor 'account' is at rest, in version 2;")


def test_a_failed_call_is_passed_over(cli: Cli) -> None:
    assert "no such amount: -1" in call(cli, 5, -1, 7)
    assert [run["status"] for run in cli("runs", "list", "--prefix", "account", "--json").json] == ["failed"]
    why = cli("why", "account", "pay_in_2").out
    assert "'pay_in_1', which comes before it" in why.splitlines()[0]
    assert "`manyhands runs skip account pay_in_1`" in why
    assert "`manyhands runs skip account pay_in_1`" in cli("why", "account").out
    assert "no such amount" in cli("runs", "resume", "account", code=1).err

    done = cli("runs", "skip", "account", "pay_in_1")
    assert done.out == '{"balance": 22}\n'
    assert "✓ succeeded account" in done.err
    assert "done" in done.err.splitlines()[0], "progress"
    text = cli("runs", "show", "account").out
    assert re.search(r"^pay_in_1 +– skipped .*passed over *$", text, re.MULTILINE)
    assert cli("why", "account", "pay_in_1").out.startswith("Step 'pay_in_1' was passed over at ")
    states = cli("runs", "states", "account", "--json").json
    assert [state["step"] for state in states] == ["__main__.Account.__init__", "pay_in", "pay_in_2"]
    assert cli("store", "check").out == "All is well.\n"


def test_what_cannot_be_skipped(cli: Cli) -> None:
    call(cli, 5)
    cli("run", "workflow", "flows.py:failing", "--id", "f", code=1)
    for args, code, text in (
        (("nobody", "x"), 3, "nobody"),
        (("account", "nothing"), 3, "nothing"),
        (("account", "pay_in"), 4, "nothing to skip"),
        (("account", "__main__.Account.__init__"), 2, "constructor"),
        (("f", "bad"), 2, "no actor"),
    ):
        assert text in cli("runs", "skip", *args, code=code).err
    assert cli("runs", "states", "account", "--json").json[-1]["value"] == '{"balance": 15}'


def test_the_calls_of_an_actor_are_completed(cli: Cli) -> None:
    call(cli, 5)
    env = {"_MANYHANDS_COMPLETE": "complete_bash", "COMP_WORDS": "manyhands runs skip account ", "COMP_CWORD": "4"}
    assert set(cli(code=None, **env).out.split()) == {"__main__.Account.__init__", "pay_in"}


# --- signals and waiting --------------------------------------------------------------------------------------------


def test_a_signal_to_a_run_that_waits(cli: Cli) -> None:
    with cli.started("run", "workflow", "waits.py:approval", "--id", "a", "--json") as process:
        cli.until("a", "workflow.signal", "running")
        why = cli("why", "a", "workflow.signal").out
        assert why.startswith("Step 'workflow.signal' waits for the signal 'go on'; it occupies no worker.")
        assert "manyhands runs send a 'go on'" in why
        assert "Waiting now: 'workflow.signal', for the signal 'go on'." in cli("why", "a").out
        assert "for signal 'go on'" in cli("runs", "show", "a").out
        assert cli("runs", "send", "a", "another").out == "Signal 'another' was sent to run 'a'.\n"
        sent = cli("runs", "send", "a", "go on", '{"by": ["me", 1]}', "--json").json
        assert sent == {"run": "a", "key": "go on", "payload": {"by": ["me", 1]}}
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["result"] == "told {'by': ['me', 1]}"
    assert "waited" in cli("why", "a", "workflow.signal").out
    assert "no signal reaches it any more" in cli("runs", "send", "a", "go on", code=4).err


def test_a_signal_to_a_run_that_nobody_drives(cli: Cli) -> None:
    with cli.started("run", "workflow", "waits.py:approval", "--id", "a") as process:
        cli.until("a", "workflow.signal", "running")
        end(process)
    assert "but the run's driver is gone" in cli("why", "a", "workflow.signal").out
    done = cli("runs", "send", "a", "go on")
    assert "manyhands runs resume a" in done.err
    assert cli("runs", "resume", "a").out == "told None\n"


def test_wrong_signals(cli: Cli) -> None:
    assert "nobody" in cli("runs", "send", "nobody", "k", code=3).err
    done = cli("runs", "send", "nobody", "k", "no json", code=2)
    assert "is not JSON" in done.err


def test_why_of_what_waits_for_time_and_for_others(cli: Cli) -> None:
    for what, step in (("tomorrow", "workflow.sleep"), ("first", "workflow.wait")):
        with cli.started("run", "workflow", f"waits.py:{what}", "--id", what) as process:
            cli.until(what, step, "running")
            if what == "tomorrow":
                text = cli("why", what, step).out
                assert re.match(r"Step 'workflow.sleep' waits until \S+ \S+ \(in (23|24) h\)", text)
                assert re.search(r"^workflow.sleep +▶ running .*until ", cli("runs", "show", what).out, re.MULTILINE)
                assert re.search(r"^Due ", cli("tasks", "show", what, step).out, re.MULTILINE)
            else:
                summary, *more = cli("why", what, step).out.splitlines()
                assert "waits for 1 of 2 steps: 'workflow.sleep' and 'workflow.signal'" in summary
                assert any("'workflow.signal', which waits for the signal 'other'" in line for line in more)
            end(process)
