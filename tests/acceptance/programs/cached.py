"""Runs a cached step that waits for a gate: `cached.py ID LEDGER GATE`."""

import sys

from manyhands import workflow
from tests.acceptance.kit import note, wait_for_file


@workflow.step(cache=True, name="costly")
def costly(value: int, ledger: str, gate: str) -> int:
    note(ledger, "computed")
    wait_for_file(gate, 1000)
    return value * 2


if __name__ == "__main__":
    run_id, ledger, gate = sys.argv[1:]
    assert costly.step(21, ledger, gate).run(run_id) == 42
