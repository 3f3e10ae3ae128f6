"""Runs one step that waits for ever, and says what Ctrl-C made of it: `interrupted.py FLAG inline|process`."""

import os
import sys

from manyhands import workflow
from tests.acceptance.kit import note, wait_for_file


@workflow.step
def wait(flag: str) -> None:
    note(flag, str(os.getpid()))
    wait_for_file(f"{flag}.gate", 1000)


if __name__ == "__main__":
    flag, where = sys.argv[1:]
    wait.options(allow_inplace=where == "inline").step(flag).run("interrupted")
