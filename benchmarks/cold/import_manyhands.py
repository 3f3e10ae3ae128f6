"""How long `import manyhands` takes in a process that has imported nothing else."""

from time import perf_counter

started = perf_counter()
import manyhands  # noqa: E402, F401

print(perf_counter() - started, flush=True)
