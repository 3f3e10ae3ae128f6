"""Runs one small workflow under the id given."""

import sys

from manyhands import workflow


@workflow.step
def add(left: int, right: int) -> int:
    return left + right


if __name__ == "__main__":
    assert add.step(20, 22).run(sys.argv[1]) == 42
