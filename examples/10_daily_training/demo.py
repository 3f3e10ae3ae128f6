"""Three days of the app beside it, with a clock that is moved by hand: two processes, one of them killed."""

import signal
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

APP = Path(__file__).with_name("daily_training.py")
DAYS = ["2026-03-01", "2026-03-02", "2026-03-03"]


def live(run_id: str, folder: Path, days: list[str], end: signal.Signals) -> None:
    """Run the app, move on to the next day as soon as it has shown what one has brought, and end it."""
    move_clock(folder, days[0])
    order = [sys.executable, "-m", "manyhands", "run", "app", str(APP), "--without-server", "--id", run_id]
    with subprocess.Popen([*order, "--app_args", str(folder)], stdout=subprocess.PIPE, text=True) as app:
        for day in days:
            move_clock(folder, day)
            shown = next(line for line in app.stdout if line.startswith(day))
            print(f"process {app.pid}, {shown}", end="")
        app.send_signal(end)


def move_clock(folder: Path, day: str) -> None:
    (folder / "next").write_text(day)
    (folder / "next").replace(folder / "today")  # at one stroke: the app looks all the time


def main() -> None:
    run_id = f"daily-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        live(run_id, Path(folder), DAYS[:2], signal.SIGKILL)
        live(run_id, Path(folder), DAYS[1:], signal.SIGTERM)  # the second day again, where nothing is left to do
        done = Path(folder, "ledger").read_text().splitlines()
    print("", *done, sep="\n")
    assert [line.split(":")[0] for line in done] == [f"{what} {day}" for day in DAYS for what in ("fetch", "train")]
    print("Three days in two processes: each was fetched once and trained once.")


if __name__ == "__main__":
    main()
