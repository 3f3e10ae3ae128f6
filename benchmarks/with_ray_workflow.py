"""Ray Workflow, in the last release of Ray that had it, with its storage in a fresh folder."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray

PROCESSES = 2


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Any]:
    """Ray on this machine alone, without its dashboard; gives the module `ray.workflow`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that it is deprecated
        from ray import workflow

    ray.init(
        num_cpus=PROCESSES,
        storage=f"file://{folder}/storage",
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    try:
        yield workflow
    finally:
        ray.shutdown()
