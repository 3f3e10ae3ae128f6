"""What if one input had been another: a new run that shares all that does not change."""

import tempfile
import uuid
from pathlib import Path

from manyhands import workflow


def note(folder: str, step: str) -> None:
    with Path(folder, "ledger").open("a") as file:
        file.write(f"{step}\n")


@workflow.step(name="survey")
def survey(folder: str) -> list[float]:
    note(folder, "survey")
    return [12.1, 11.9, 48.0, 12.4]


@workflow.step(name="clean")
def clean(folder: str, values: list[float], limit: float) -> list[float]:
    note(folder, "clean")
    return [value for value in values if value <= limit]


@workflow.step(name="mean")
def mean(folder: str, values: list[float]) -> float:
    note(folder, "mean")
    return round(sum(values) / len(values), 2)


def main() -> None:
    workflow.init()
    run_id = f"fork-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        first = mean.step(folder, clean.step(folder, survey.step(folder), limit=100.0)).run(run_id)
        fork = workflow.fork(run_id, from_step="clean", inputs={"limit": 20.0}, new_id=f"{run_id}-limit-20")
        second = fork.result(timeout=60)
        ran = Path(folder, "ledger").read_text().split()
    print(f"mean with limit 100: {first}")
    print(f"mean with limit  20: {second}")
    print(f"steps that ran: {', '.join(ran)}  (survey only once)")
    assert (first, second) == (21.1, 12.13)
    assert ran == ["survey", "clean", "mean", "clean", "mean"]
    assert workflow.get_output(run_id).result(timeout=60) == first  # the first run is as it was
    print(f"\nSee what changed: manyhands why {run_id}-limit-20 clean")


if __name__ == "__main__":
    main()
