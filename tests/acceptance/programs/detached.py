"""Hands a run over and ends, in good order or not: `detached.py exit|kill GATE LEDGER`."""

import os
import signal
import sys

from manyhands import workflow
from tests.acceptance.kit import note, wait_for_file


@workflow.step
def wait(gate: str, ledger: str) -> int:
    note(ledger, "began")
    wait_for_file(gate)
    return 20


if __name__ == "__main__":
    how, *files = sys.argv[1:]
    wait.step(*files).run_async("detached", detach=True)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
