"""A first durable step on a fresh store, run in a worker process."""

import sys

from manyhands import workflow


@workflow.step
def noop(x: int) -> int:
    return x


if __name__ == "__main__":
    workflow.init(storage=f"sqlite:///{sys.argv[1]}/store.db", synchronous="NORMAL", processes=2)
    if noop.step(1).run() != 1:
        raise AssertionError("the step gave another value")
    print("done", flush=True)
