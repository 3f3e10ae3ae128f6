"""Says of things that do nothing here that they do nothing, once each."""

from __future__ import annotations

import functools
import logging

log = logging.getLogger("manyhands.app")


@functools.cache
def say_unused(name: str) -> None:
    """One line in the log for each name, however often it is used."""
    log.info("`%s` does nothing here: works run on this machine, in the Python that runs the app.", name)
