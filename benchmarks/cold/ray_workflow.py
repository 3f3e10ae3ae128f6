"""A first Ray workflow of one step, on this machine alone, with its storage in a fresh folder."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import ray

from with_ray_workflow import started


@ray.remote
def noop(x: int) -> int:
    return x


if __name__ == "__main__":
    with started(Path(sys.argv[1])) as workflow:
        if workflow.run(noop.bind(1)) != 1:
            raise AssertionError("the step gave another value")
        print("done", flush=True)
