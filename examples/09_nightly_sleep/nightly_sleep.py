"""A job for every night: the run sleeps until the clock says so, whatever becomes of its process meanwhile."""

import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from manyhands import workflow


@workflow.step(name="begin")
def begin(nights: int, every: float, ledger: str) -> workflow.Workflow:
    return asleep(1, nights, (time.time() // every + 1) * every, every, ledger)  # the next full second, or midnight


@workflow.step(name="night")
def night(number: int, nights: int, due: float, every: float, ledger: str, _slept: None) -> workflow.Workflow | int:
    """The work of one night; its value is the night after it."""
    with Path(ledger).open("a") as file:
        file.write(f"{number} {due} {time.time()}\n")
    return number if number == nights else asleep(number + 1, nights, due + every, every, ledger)


def asleep(number: int, nights: int, due: float, every: float, ledger: str) -> workflow.Workflow:
    """A sleep until a time of the clock, and then the work. A time that has passed is not waited for."""
    slept = workflow.wait_for_event(workflow.TimerListener, due)
    return night.step(number, nights, due, every, ledger, slept)


def main(nights: int = 4) -> None:
    every = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    workflow.init()
    run_id = f"nightly-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        ledger = Path(folder, "ledger")
        begin.step(nights, every, str(ledger)).run_async(run_id, detach=True)
        order = [sys.executable, "-m", "manyhands", "runs", "resume", run_id]
        driver = subprocess.Popen(order, stderr=subprocess.DEVNULL)
        while "night_1" not in workflow.get_metadata(run_id, name="all"):  # until the first night is over
            time.sleep(0.02)
        driver.kill()
        driver.wait()
        first = float(ledger.read_text().split()[1])
        time.sleep(max(0.0, first + 1.5 * every - time.time()))  # nobody is there in the second night
        print(f"The driver was killed in its sleep; the run is {workflow.get_status(run_id).value}.")
        workflow.resume(run_id).result()
        ledger_lines = ledger.read_text().splitlines()
    for number, line in enumerate(ledger_lines, start=1):
        due, began = map(float, line.split()[1:])
        print(f"night {number}: due at {time.strftime('%H:%M:%S', time.gmtime(due))} UTC, {began - due:.2f} s late")
        assert line.startswith(f"{number} ")
        assert began >= due > first + (number - 1) * every - 0.001
    assert len(ledger_lines) == nights


if __name__ == "__main__":
    main()
