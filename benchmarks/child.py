"""Runs one measurement of one system in a process of its own and writes it as JSON to the original stdout."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from common import Job, subjects_of


def main(module: str, subject_name: str, key: str, size: str, folder: str) -> None:
    # Some systems print to stdout while they work: only the measurement may arrive at the runner.
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    subject = next(subject for subject in subjects_of(module) if subject.name == subject_name)
    measure = subject.system(key).measure
    if measure is None:
        raise SystemExit(f"{key} of {subject_name} is a script; run it with run.py.")
    measured = measure(Job(int(size), Path(folder)))
    with answer:
        json.dump(measured.to_wire(), answer)


if __name__ == "__main__":
    main(*sys.argv[1:])
