"""What an import of the package costs in a process that has imported nothing else."""

from __future__ import annotations

from common import DOES_NOT_APPLY, Limit, Subject, System

SUBJECT = Subject(
    name="import_time",
    title="import in a fresh process, by its own clock (files already in the page cache)",
    unit="ms",
    size=1,
    quick_size=1,
    repeats=9,
    quick_repeats=3,
    warm_up=True,
    systems=(
        System(
            "manyhands",
            "import manyhands",
            "ours",
            DOES_NOT_APPLY,
            script="cold/import_manyhands.py",
            own_clock=True,
            limits=(Limit(60.0),),
        ),
        System(
            "manyhands_workflow",
            "from manyhands import workflow",
            "ours",
            DOES_NOT_APPLY,
            script="cold/import_workflow.py",
            own_clock=True,
        ),
    ),
)
