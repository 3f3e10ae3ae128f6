"""How long `from manyhands import workflow` takes in a process that has imported nothing else."""

from time import perf_counter

started = perf_counter()
from manyhands import workflow  # noqa: E402, F401

print(perf_counter() - started, flush=True)
