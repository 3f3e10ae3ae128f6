"""What machine this is and what else it is doing, for the head of a benchmark report."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

PROC = Path("/proc")
SAMPLE_SECONDS = 0.5
PACKAGES = {
    "ours": ("manyhands",),
    "peers": ("dbos", "distributed", "ray", "joblib", "luigi"),
    "ray_workflow": ("ray",),
}
"""What each interpreter is there for."""

_VERSIONS = """
import importlib.metadata, platform, sqlite3, sys
print(f"Python {platform.python_version()}", f"SQLite {sqlite3.sqlite_version}", sep=", ", end="")
for name in sys.argv[1:]:
    try:
        print(f", {name} {importlib.metadata.version(name)}", end="")
    except importlib.metadata.PackageNotFoundError:
        print(f", {name} missing", end="")
"""


def load() -> str:
    """Load averages of the last 1, 5 and 15 minutes."""
    return " ".join(f"{value:.2f}" for value in os.getloadavg())


def processes() -> str:
    """How many processes there are and how many of them want a CPU right now (this one not counted)."""
    states = []
    for stat in PROC.glob("[0-9]*/stat"):
        try:
            # The name in brackets may hold spaces and brackets itself; the state follows the last one.
            states.append((stat.parent.name, stat.read_text().rpartition(")")[2].split()[0]))
        except OSError:
            continue
    if not states:
        return "unknown"
    running = sum(state == "R" for pid, state in states if pid != str(os.getpid()))
    return f"{len(states)}, {running} running"


def _jiffies() -> tuple[int, int] | None:
    try:
        fields = [int(field) for field in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return None
    idle = fields[3] + fields[4]
    return sum(fields) - idle, sum(fields)


def others_cpu() -> float | None:
    """Share of all CPUs that others use while this process waits; None where the platform does not say."""
    before = _jiffies()
    time.sleep(SAMPLE_SECONDS)
    after = _jiffies()
    if before is None or after is None or after[1] == before[1]:
        return None
    return (after[0] - before[0]) / (after[1] - before[1])


def moment() -> dict[str, str]:
    """What others do just now; called while no measurement runs."""
    share = others_cpu()
    return {
        "others_cpu": "unknown" if share is None else f"{share:.0%} of all CPUs",
        "load": load(),
        "processes": processes(),
    }


def _cpu_name() -> str:
    try:
        lines = (PROC / "cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _file_system(folder: Path) -> str:
    """Kind of file system, since a commit to memory proves nothing about power cuts."""
    best, kind = "", "unknown"
    try:
        mounts = (PROC / "mounts").read_text().splitlines()
    except OSError:
        return kind
    for line in mounts:
        _, point, name, *_ = line.split()
        inside = point == "/" or folder == Path(point) or Path(point) in folder.parents
        if inside and len(point) >= len(best):
            best, kind = point, name
    return kind


def _versions(python: Path, names: tuple[str, ...]) -> str:
    if not python.exists():
        return f"no interpreter at {python}; `make bench` makes it"
    asked = subprocess.run([python, "-c", _VERSIONS, *names], capture_output=True, text=True, check=False, timeout=60)
    return asked.stdout or asked.stderr.strip().splitlines()[-1]


def head(pythons: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """The lines that stand above every report."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    free = shutil.disk_usage(folder).free // 10**9
    return {
        "machine": f"{_cpu_name()}, {os.cpu_count()} CPUs ({usable} usable), {platform.system()} {platform.release()}",
        "stores in": f"{folder} ({_file_system(folder)}, {free} GB free)",
        "runner": f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {sys.platform}",
        **{name: _versions(python, PACKAGES[name]) for name, python in pythons.items()},
        "now": "others use {others_cpu}, load {load}, processes {processes}".format(**moment()),
    }
