"""The main story on real data: a workflow is killed half way, taken up again, and repeats nothing that was done."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import psutil

from manyhands import workflow

HERE = Path(__file__).resolve().parent
RUN_ID = "digits"
BEFORE_AND_AFTER = {"load", "split", "choose", "retrain", "evaluate", "draw", "report"}
INDENT = "   "
PNG = b"\x89PNG\r\n\x1a\n"


class Claims:
    """What the demo says must hold; it prints each with the answer, and remembers whether one failed."""

    def __init__(self) -> None:
        self.failed = 0

    def check(self, text: str, holds: bool) -> None:
        self.failed += not holds
        print(f"   {'ok    ' if holds else 'FAILED'}  {text}", flush=True)


def say(text: str = "") -> None:
    print(text, flush=True)


def heading(number: int, text: str) -> None:
    say(f"\n{number}. {text}\n")


def manyhands(*arguments: str, live: bool = False) -> None:
    """Run the command line as a reader would, and show its output; `live`: its progress as it comes."""
    say(f"   $ manyhands {' '.join(arguments)}")
    width = shutil.get_terminal_size().columns - len(INDENT)
    done = subprocess.run(
        [sys.executable, "-m", "manyhands", *arguments],
        env={**os.environ, "COLUMNS": str(width)},
        stdout=subprocess.PIPE,
        stderr=None if live else subprocess.STDOUT,
        text=True,
        check=False,
    )
    say(textwrap.indent(done.stdout.rstrip(), INDENT))
    if done.returncode:
        raise SystemExit(f"manyhands {' '.join(arguments)} ended with exit code {done.returncode}")


def steps() -> dict[str, dict[str, Any]]:
    """Metadata of every step the journal knows; empty while the run is not there yet."""
    try:
        return workflow.get_metadata(RUN_ID, name="all")
    except ValueError:
        return {}


def finished(journal: dict[str, dict[str, Any]]) -> set[str]:
    return {name for name, step in journal.items() if "end_time" in step["stats"]}


def executions(ledger: Path) -> Counter[str]:
    """How often each step really ran: every execution begins with one line in the ledger."""
    return Counter(line.split("\t")[0] for line in ledger.read_text(encoding="utf-8").splitlines())


def kill_half_way(child: subprocess.Popen[bytes]) -> int:
    """Wait until half of the steps are done, then kill the child and all its workers; return how many processes."""
    while True:
        journal = steps()
        if journal and len(finished(journal)) * 2 >= len(journal):
            break
        try:
            code = child.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        raise SystemExit(f"the workflow ended (exit code {code}) before it could be killed")
    driver = psutil.Process(child.pid)
    victims = [driver, *driver.children(recursive=True)]
    for process in victims:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            pass
    child.wait()
    psutil.wait_procs(victims)
    if sys.stderr.isatty():
        sys.stderr.write("\x1b[?25h\n")  # the killed progress display could not give the cursor back
    return len(victims)


def start_and_kill(out: Path, quick: bool) -> None:
    heading(1, "Start the workflow in a process of its own")
    say("   1,797 images of handwritten digits → split → fit and score every candidate on every fold")
    say("   → choose the best → retrain → evaluate → confusion matrix and report\n")
    command = [sys.executable, str(HERE / "workflow.py"), "--out", str(out), *(["--quick"] if quick else [])]
    child = subprocess.Popen(command)
    try:
        killed = kill_half_way(child)
    finally:
        child.kill()
    heading(2, f"Half way: SIGKILL to the process that drives it and to its workers ({killed} processes)")


def after_the_kill(ledger: Path, claims: Claims) -> tuple[set[str], Counter[str]]:
    journal = steps()
    done, ran = finished(journal), executions(ledger)
    begun = [name for name in journal if name in ran and name not in done]
    say(f"   status       {workflow.get_status(RUN_ID).value}")
    say(f"   done         {len(done)} of {len(journal)} steps")
    say(f"   interrupted  {', '.join(begun) or 'none'}")
    say(f"   not begun    {len(journal) - len(done) - len(begun)} steps\n")
    claims.check("the status is RESUMABLE", workflow.get_status(RUN_ID).value == "RESUMABLE")
    claims.check("about half of the work is done and half is not", 0.4 <= len(done) / len(journal) <= 0.8)
    claims.check("every finished step had run once", all(ran[name] == 1 for name in done))
    say()
    manyhands("why", RUN_ID)
    return done, ran


def resume(done: set[str], before: Counter[str], ledger: Path, claims: Claims) -> None:
    heading(3, "Resume: from the journal alone, with the code and the inputs that were stored")
    manyhands("runs", "resume", RUN_ID, live=True)
    heading(4, "What ran again?")
    journal, ran = steps(), executions(ledger)
    interrupted = set(before) - done
    repeated = sorted(name for name in done if ran[name] != 1)
    say("   steps                          count   executions")
    for text, names in (
        ("finished before the kill", done),
        ("interrupted by the kill", interrupted),
        ("not begun before the kill", set(journal) - set(before)),
    ):
        say(f"   {text:<28}{len(names):>8}{sum(ran[name] for name in names):>13}")
    say()
    claims.check("no finished step ran again" + (f": {', '.join(repeated)}" if repeated else ""), not repeated)
    claims.check("each interrupted step ran once more", all(ran[name] == 2 for name in interrupted))
    others = set(journal) - set(before)
    claims.check("each other step ran once", all(ran[name] == 1 for name in others))
    claims.check("the ledger and the journal name the same steps", set(ran) == set(journal))


def look(interrupted: set[str], claims: Claims) -> None:
    heading(5, "Status and metadata")
    run, journal = workflow.get_metadata(RUN_ID), steps()
    say(f"   run   {RUN_ID}: {workflow.get_status(RUN_ID).value}, {json.dumps(run['user_metadata'])}")
    fit = next(name for name in journal if name.startswith("SVM"))
    stats = journal[fit]["stats"]
    say(f"   step  {fit}: {json.dumps(journal[fit]['user_metadata'])}")
    say(f"         took {stats['end_time'] - stats['start_time']:.2f} s\n")
    claims.check("the run is SUCCESSFUL", workflow.get_status(RUN_ID).value == "SUCCESSFUL")
    claims.check("the run's metadata is there", run["user_metadata"]["images"] == 1797)
    claims.check(
        "every fit carries its model, parameters and fold",
        all(
            {"model", "params", "fold"} <= set(step["user_metadata"])
            for name, step in journal.items()
            if name not in BEFORE_AND_AFTER
        ),
    )
    say()
    manyhands("runs", "show", RUN_ID, "--limit", "15")
    heading(6, "Why did a step run as it did?")
    manyhands("why", RUN_ID, min(interrupted, default="choose"))


def result(out: Path, claims: Claims) -> None:
    heading(7, "The result")
    report, picture = json.loads((out / "report.json").read_text(encoding="utf-8")), out / "confusion.png"
    say("   mean score   candidate")
    for row in report["candidates"][:5]:
        say(f"   {row['mean_score']:>10.2%}   {row['model']} {json.dumps(row['params'])}")
    say(f"\n   chosen       {report['chosen']['model']} {json.dumps(report['chosen']['params'])}")
    say(f"   accuracy     {report['accuracy']:.2%} on {report['images']['test']} images it had never seen")
    say(f"   report       {out / 'report.json'}")
    say(f"   picture      {picture}\n")
    claims.check("more than 95% of the test images were read right", report["accuracy"] > 0.95)
    claims.check("the confusion matrix is a PNG", picture.read_bytes().startswith(PNG))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=str(HERE / "out"), help="each demo makes a new folder in this one")
    parser.add_argument("--quick", action="store_true", help="a small sweep that takes seconds")
    options = parser.parse_args()
    Path(options.out).mkdir(parents=True, exist_ok=True)
    out = Path(tempfile.mkdtemp(prefix="demo-", dir=Path(options.out).resolve()))
    store = f"sqlite:///{out}/store.db"
    os.environ["MANYHANDS_STORE"] = store  # for the commands below
    workflow.init(storage=store)

    claims = Claims()
    start_and_kill(out, options.quick)
    done, ran = after_the_kill(out / "ledger.txt", claims)
    resume(done, ran, out / "ledger.txt", claims)
    look(set(ran) - done, claims)
    result(out, claims)
    say(f"\n   To look further: export MANYHANDS_STORE={store}\n")
    if claims.failed:
        raise SystemExit(f"{claims.failed} of the claims above did not hold")


if __name__ == "__main__":
    main()
