"""The name of what loads the file of an app."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from manyhands.compat.lightning.app.core.app import LightningApp
from manyhands.model.errors import ManyhandsError

LOADER = "manyhands.cli.app"
"""Loads the file as the command does; by name, as doors do not import each other."""


def load_app_from_file(
    filepath: str | os.PathLike[str],
    raise_exception: bool = False,
    mock_imports: bool = False,
    env_vars: dict[str, str] | None = None,
) -> LightningApp:
    """The one app of a file, which becomes this process' main module. `mock_imports` does nothing here.

    Errors: whatever the file raises, if `raise_exception`; else that is printed, and `SystemExit`. A `UsageError` for a
    file without exactly one app.
    """
    os.environ.update(env_vars or {})
    try:
        app: Any = importlib.import_module(LOADER).load_app(str(Path(filepath)), [])
    except Exception as error:
        cause = error.__cause__
        if cause is None:
            raise
        if raise_exception or isinstance(cause, ManyhandsError):
            raise cause from None
        traceback.print_exception(cause, file=sys.stderr)
        raise SystemExit(1) from error
    return app  # type: ignore[no-any-return]
