"""One of several processes that use one store at once: `in_two.py NAME COUNT`."""

import sys
from typing import Any

from manyhands import workflow


@workflow.step
def part(number: int) -> int:
    return number


@workflow.step
def total(numbers: list[int]) -> Any:
    return part.step(sum(numbers))


if __name__ == "__main__":
    name, count = sys.argv[1], int(sys.argv[2])
    for number in range(count):
        assert total.step([part.step(n) for n in range(number)]).run(f"{name} {number}") == sum(range(number))
