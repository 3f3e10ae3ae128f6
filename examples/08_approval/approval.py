"""An expense waits for somebody's word, for days if need be; in the end the manager is asked."""

import shlex
import subprocess
import sys
import uuid
from typing import Any

from manyhands import workflow


@workflow.step(name="ask")
def ask(who: str, expense: str) -> str:
    return f"Dear {who}, may we pay for the {expense}?"  # here a mail would be sent


@workflow.step(name="decide")
def decide(expense: str, waited: tuple[list[Any], list[Any]], _asked: str) -> workflow.Workflow:
    """The clerk had so much time. What has not come by then is waited for still, and the manager is asked."""
    came, remaining = waited
    if came:
        return settle.step(expense, came[0])
    return settle.step(expense, remaining[0], ask.options(name="escalate").step("manager", expense))


@workflow.step(name="settle")
def settle(expense: str, answer: dict[str, Any], *_asked: str) -> str:
    return f"{expense}: {'paid' if answer['approved'] else 'not paid'}, says the {answer['by']}"


def manyhands(*arguments: str) -> None:
    print(f"$ manyhands {shlex.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "manyhands", *arguments], check=True)


def main() -> None:
    workflow.init()
    taxi, hotel, yacht = (f"{expense}-{uuid.uuid4().hex[:8]}" for expense in ("taxi", "hotel", "yacht"))
    manyhands("engine", "start", "--background")
    try:
        for expense, run_id, days in (("taxi", taxi, 3.0), ("hotel", hotel, 3.0), ("yacht", yacht, 0.00001)):
            answer = workflow.wait_for_event(workflow.SignalListener, "answer")
            waited = workflow.wait([answer], timeout=days * 86_400)
            decide.step(expense, waited, ask.step("clerk", expense)).run_async(run_id, detach=True)
        workflow.send(taxi, "answer", {"approved": True, "by": "clerk"})
        print(workflow.get_output(taxi).result(timeout=60))
        print(workflow.get_output(yacht, name="escalate").result(timeout=60))
        manyhands("engine", "stop")  # the machine may be off while they wait; signals are kept
        workflow.send(hotel, "answer", {"approved": True, "by": "clerk"})
        manyhands("runs", "send", yacht, "answer", '{"approved": false, "by": "manager"}')
        manyhands("engine", "start", "--background")
        answers = [workflow.get_output(run_id).result(timeout=60) for run_id in (hotel, yacht)]
    finally:
        manyhands("engine", "stop")
    print("\n".join(answers))
    assert answers == ["hotel: paid, says the clerk", "yacht: not paid, says the manager"]


if __name__ == "__main__":
    main()
