"""Measures Manyhands and its peers in the same minutes and prints one line per system; never asserts a time."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import surroundings
from common import CHILD_TIMEOUT, Job, Limit, Measured, Subject, System, subjects_of

HERE = Path(__file__).resolve().parent
NAMES = (
    "sequential",
    "one_step",
    "fan_out",
    "cached_call",
    "queued",
    "real_work",
    "cold_start",
    "import_time",
    "machine_alone",
    "actors",
    "app_turns",
)
# No system may call home, and nothing here may leave the machine.
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "DO_NOT_TRACK": "1",
    "NO_PROXY": "127.0.0.1,localhost",
}


class NotMeasuredError(Exception):
    """A system gave no figure; the text says why."""


@dataclass
class Line:
    """The figures of one system over all rounds."""

    system: System
    measured: list[Measured] = field(default_factory=list)
    failure: str | None = None

    def values(self, subject: Subject) -> list[float]:
        if self.system.quoted is not None:
            return [self.system.quoted]
        return [subject.value(measured) for measured in self.measured]

    def extras(self) -> dict[str, float]:
        names = self.measured[0].extra if self.measured else {}
        return {name: median(measured.extra[name] for measured in self.measured) for name in names}


@dataclass(frozen=True)
class Runner:
    """Where the interpreters and the fresh folders are."""

    pythons: dict[str, Path]
    folder: Path
    quick: bool
    repeats: int | None

    def measure(self, subject: Subject, system: System) -> Measured:
        """One measurement in a process and a folder of its own, both gone afterwards."""
        python = self.pythons[system.python]
        if not python.exists():
            raise NotMeasuredError(f"no interpreter at {python}; `make bench` makes it")
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            if system.script is not None:
                return _time_script([str(python), str(HERE / system.script), str(folder)], own_clock=system.own_clock)
            size = subject.quick_size if self.quick else subject.size
            job = Job(max(1, round(size * system.scale)), folder)
            what = [subject.module or subject.name, subject.name, system.key, str(job.size), str(job.folder)]
            return Measured(**json.loads(_answer_of([str(python), str(HERE / "child.py"), *what])))
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def rounds(self, subject: Subject) -> int:
        return self.repeats or (subject.quick_repeats if self.quick else subject.repeats)


def _environment() -> dict[str, str]:
    """This process' environment, but that all may keep compiled modules: peers come with theirs, and ours would be
    compiled anew at each start."""
    environment = {**os.environ, **QUIET}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    return environment


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator[tuple[subprocess.Popen[bytes], Any]]:
    """The process in a group of its own, which is ended whole, whatever it has started itself."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            stdin=subprocess.DEVNULL,
            env=_environment(),
            start_new_session=True,
        )
        try:
            yield process, errors
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def _why(process: subprocess.Popen[bytes], errors: Any) -> str:
    errors.seek(0)
    lines = [line for line in errors.read().decode(errors="replace").splitlines() if line.strip()]
    return lines[-1].strip() if lines else f"exit status {process.returncode} without a word"


def _answer_of(command: list[str]) -> bytes:
    with _started(command) as (process, errors):
        try:
            answer, _ = process.communicate(timeout=CHILD_TIMEOUT)
        except subprocess.TimeoutExpired as error:
            raise NotMeasuredError(f"not finished after {CHILD_TIMEOUT:.0f} s") from error
        # Some systems die while they tidy up after the answer: the measurement stands.
        if not answer:
            raise NotMeasuredError(_why(process, errors))
        return answer


def _time_script(command: list[str], *, own_clock: bool) -> Measured:
    begun = perf_counter()
    with _started(command) as (process, errors), selectors.DefaultSelector() as selector:
        assert process.stdout is not None
        selector.register(process.stdout, selectors.EVENT_READ)
        arrived = selector.select(CHILD_TIMEOUT)
        first_line = process.stdout.readline() if arrived else b""
        seconds = perf_counter() - begun
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=CHILD_TIMEOUT)
        until_exit = perf_counter() - begun
        if not arrived:
            raise NotMeasuredError(f"not finished after {CHILD_TIMEOUT:.0f} s")
        if not first_line:
            raise NotMeasuredError(_why(process, errors))
        if own_clock:
            return Measured(1, float(first_line))
        return Measured(1, seconds, {"ms until exit": until_exit * 1000})


def _measure_subject(runner: Runner, subject: Subject) -> dict[str, Line]:
    """Round by round through all systems, each second round backwards, so that a busy minute hits all alike."""
    lines = {system.key: Line(system) for system in subject.systems}
    first = -1 if subject.warm_up else 0
    for number in range(first, runner.rounds(subject)):
        for system in subject.systems if number % 2 == 0 else reversed(subject.systems):
            line = lines[system.key]
            if line.failure is not None or system.quoted is not None:
                continue
            _show_progress(f"{subject.name}: {system.title}, round {number + 1} of {runner.rounds(subject)}")
            try:
                measured = runner.measure(subject, system)
            except NotMeasuredError as error:
                line.failure = str(error)
            else:
                if number >= 0:
                    line.measured.append(measured)
    _show_progress("")
    return lines


def _show_progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def _number(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _reached(reached: bool, quick: bool) -> str:
    if quick:
        return "quick run, not judged"
    return "reached" if reached else "MISSED"


def _limit(limit: Limit, value: float, unit: str, quick: bool) -> str:
    name = limit.extra or unit
    return f"under {limit.below:g} {name}: {_reached(value < limit.below, quick)}"


def _comparisons(subject: Subject, lines: dict[str, Line], line: Line, quick: bool) -> list[dict[str, Any]]:
    ours = median(line.values(subject))
    found = []
    for against in line.system.against:
        other = lines[against.key]
        if not other.values(subject):
            continue
        ratio = subject.ratio(ours, median(other.values(subject)))
        text = f"{_number(ratio)} x {against.key}"
        if against.at_least is not None:
            text += f" (target {against.at_least:g}: {_reached(ratio >= against.at_least, quick)})"
        found.append({"against": against.key, "ratio": ratio, "target": against.at_least, "text": text})
    return found


def _report_line(subject: Subject, lines: dict[str, Line], line: Line, quick: bool) -> dict[str, Any]:
    system = line.system
    report: dict[str, Any] = {
        "system": system.key,
        "title": system.title,
        "survives_kill": system.durability.kill,
        "survives_power_cut": system.durability.power_cut,
        "failure": line.failure,
        "quoted": system.quoted is not None,
    }
    if line.values(subject):
        values, extras = line.values(subject), line.extras()
        report |= {"unit": subject.unit, "median": median(values), "values": values, "extra": extras}
        report["comparisons"] = _comparisons(subject, lines, line, quick)
        report["limits"] = [
            _limit(limit, extras[limit.extra] if limit.extra else median(values), subject.unit, quick)
            for limit in system.limits
        ]
    return report


def _print_line(report: dict[str, Any]) -> None:
    durability = f"kill keeps: {report['survives_kill']}; power cut keeps: {report['survives_power_cut']}"
    if "median" not in report:
        print(f"  {report['title']:<52} {'not measured':>14}  {report['failure']}")
        return
    values = report["values"]
    rate = f"{_number(report['median'])} {report['unit']}"
    spread = f"({_number(min(values))} .. {_number(max(values))}, n={len(values)})"
    if report["quoted"]:
        spread = "(quoted, not measured)"
    notes = [comparison["text"] for comparison in report["comparisons"]]
    notes += [f"{_number(value)} {name}" for name, value in report["extra"].items()]
    notes += report["limits"]
    if report["failure"] is not None:
        notes.append(f"stopped early: {report['failure']}")
    print(f"  {report['title']:<52} {rate:>14} {spread:<28} {durability:<58} {' | '.join(notes)}".rstrip())


def _run_module(runner: Runner, name: str) -> list[dict[str, Any]]:
    try:
        subjects = subjects_of(name)
    except ImportError as error:
        print(f"\n{name}: not measured, as {error}")
        return [{"subject": name, "failure": str(error)}]
    return [_run_subject(runner, subject) for subject in subjects]


def _run_subject(runner: Runner, subject: Subject) -> dict[str, Any]:
    before = surroundings.moment()
    size = subject.quick_size if runner.quick else subject.size
    print(f"\n{subject.name}: {subject.title}" + (f"; {size:,} of them" if size > 1 else ""))
    print(f"  (just before: others use {before['others_cpu']}, load {before['load']}, processes {before['processes']})")
    started = perf_counter()
    lines = _measure_subject(runner, subject)
    reports = [_report_line(subject, lines, line, runner.quick) for line in lines.values()]
    for report in reports:
        _print_line(report)
    sys.stdout.flush()
    return {
        "subject": subject.name,
        "title": subject.title,
        "size": size,
        "just_before": before,
        "load_after": surroundings.load(),
        "seconds": perf_counter() - started,
        "systems": reports,
    }


def _own_python() -> Path:
    beside = HERE.parent / ".venv" / "bin" / "python"
    return beside if beside.exists() else Path(sys.executable)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"subjects to measure (all): {', '.join(NAMES)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds; targets are not judged")
    parser.add_argument("--repeats", type=int, help="rounds per subject")
    parser.add_argument("--ours", type=Path, default=_own_python(), help="interpreter that has manyhands")
    parser.add_argument(
        "--peers",
        type=Path,
        default=HERE.parent / ".venv-bench" / "bin" / "python",
        help="interpreter that has the peers",
    )
    parser.add_argument(
        "--ray-workflow",
        type=Path,
        default=HERE.parent / ".venv-bench-ray" / "bin" / "python",
        help="interpreter that has the last Ray with workflows",
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()), help="where the stores are made")
    arguments = parser.parse_args()
    unknown = sorted(set(arguments.names) - set(NAMES))
    if unknown:
        parser.error(f"no subject called {', '.join(unknown)}; there are {', '.join(NAMES)}")
    if arguments.repeats is not None and arguments.repeats < 1:
        parser.error("--repeats must be 1 or more")
    return arguments


def main() -> None:
    arguments = _arguments()
    # The name of a virtual environment's interpreter decides which packages it sees: never follow the link.
    pythons = {
        "ours": arguments.ours.absolute(),
        "peers": arguments.peers.absolute(),
        "ray_workflow": arguments.ray_workflow.absolute(),
    }
    begun = datetime.now().astimezone()
    with tempfile.TemporaryDirectory(prefix="mh-bench-", dir=arguments.folder) as folder:
        runner = Runner(pythons, Path(folder), arguments.quick, arguments.repeats)
        head = surroundings.head(pythons, Path(folder))
        print(
            f"benchmarks, {begun:%Y-%m-%d %H:%M:%S %z}"
            + (" (quick run: too small to judge by)" if runner.quick else "")
        )
        for name, value in head.items():
            print(f"  {name + ':':<18} {value}")
        print("  medians over rounds that take the systems in turn; each in a process and a fresh folder of its own")
        subjects = [line for name in arguments.names or NAMES for line in _run_module(runner, name)]
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    path = results / f"{begun:%Y-%m-%dT%H-%M-%S}.json"
    report = {"begun": begun.isoformat(), "quick": arguments.quick, "head": head, "subjects": subjects}
    path.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"\nwritten to {path}")


if __name__ == "__main__":
    main()
