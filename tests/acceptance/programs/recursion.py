"""A recursion of twenty levels that stops in the middle: `recursion.py run|resume LEDGER HELD`.

At the tenth level it makes the file HELD and waits; once that file is there it goes through.
"""

import os
import sys
from typing import Any

from manyhands import workflow
from tests.acceptance.kit import note, wait_for_file


@workflow.step
def down(level: int, total: int, ledger: str, held: str) -> Any:
    note(ledger, str(level))
    if level == 10 and not os.path.exists(held):
        open(held, "w").close()
        wait_for_file(f"{held}.never", 1000)
    return total if level == 0 else down.step(level - 1, total + 1, ledger, held)


if __name__ == "__main__":
    what, *files = sys.argv[1:]
    result = down.step(20, 0, *files).run("recursion") if what == "run" else workflow.resume("recursion").result()
    sys.stdout.write(f"{result}\n")
