"""Three answers to an error: try again, catch it, or mend the cause and resume."""

import tempfile
import uuid
from pathlib import Path

from manyhands import workflow


def count(counter: Path) -> int:
    """Add a letter to a file and return how many there are: how often a step was tried."""
    with counter.open("a") as file:
        file.write("|")
    return counter.stat().st_size


@workflow.step(name="fetch", max_retries=5, retry_delay=0.05, retry_backoff=2)
def fetch(folder: str) -> str:
    tries = count(Path(folder, "fetch"))
    if tries < 3:
        raise ConnectionError(f"no answer to call {tries}")
    return f"the answer to call {tries}"


@workflow.step(name="parse", max_retries=1, catch_exceptions=True)
def parse(text: str) -> int:
    return int(text)


@workflow.step(name="publish", max_retries=1)
def publish(folder: str, answer: str, parsed: tuple[int | None, Exception | None]) -> str:
    count(Path(folder, "publish"))
    number, error = parsed
    if not Path(folder, "shop").is_dir():
        raise FileNotFoundError("the shop is closed")
    return f"published {answer}; number: {number}; caught: {type(error).__name__}"


def main() -> None:
    workflow.init()
    run_id = f"retries-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        answer = fetch.step(folder)
        try:
            publish.step(folder, answer, parse.step(answer)).run(run_id)
        except workflow.WorkflowExecutionError as failure:
            print(f"failed, because: {failure.__cause__!r}")
            assert isinstance(failure.__cause__, FileNotFoundError)
        assert workflow.get_status(run_id) == workflow.FAILED
        Path(folder, "shop").mkdir()  # mend the cause
        print(f"resumed: {workflow.resume(run_id).result(timeout=60)}")
        tries = {name: Path(folder, name).stat().st_size for name in ("fetch", "publish")}
    print(f"tries: {tries}  (fetch failed twice and was not repeated by the resume)")
    assert tries == {"fetch": 3, "publish": 2}
    assert workflow.get_status(run_id) == workflow.SUCCESSFUL
    print(f"\nSee why: manyhands why {run_id} fetch")


if __name__ == "__main__":
    main()
