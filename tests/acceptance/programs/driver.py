"""A driver with work in hand, for others to kill: `driver.py LEDGER GATE [detach]`.

Two steps run beside each other and wait for GATE; before them one step is done, after them one is to come. Each notes
its name and its process in LEDGER.
"""

import os
import sys

from manyhands import workflow
from tests.acceptance.kit import note, wait_for_file


@workflow.step(name="first")
def first(ledger: str) -> int:
    note(ledger, f"first {os.getpid()}")
    return 1


@workflow.step
def branch(value: int, ledger: str, gate: str) -> int:
    note(ledger, f"branch {os.getpid()}")
    wait_for_file(gate, 1000)
    return value + 1


@workflow.step(name="join")
def join(left: int, right: int, ledger: str) -> int:
    note(ledger, f"join {os.getpid()}")
    return left * right


if __name__ == "__main__":
    ledger, gate = sys.argv[1:3]
    source = first.step(ledger)
    branches = [branch.options(name=name).step(source, ledger, gate) for name in ("left", "right")]
    reference = join.step(*branches, ledger).run_async("driven", detach="detach" in sys.argv)
    if "detach" not in sys.argv:
        sys.stdout.write(f"{reference.result()}\n")
