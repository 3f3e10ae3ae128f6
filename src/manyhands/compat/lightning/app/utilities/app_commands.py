"""Commands that stand in the first comments of an app's file."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator

from manyhands.model.errors import BackendError

log = logging.getLogger("manyhands.app")


class SetupFailed(BackendError, RuntimeError):
    """A command of the file has failed: `SetupFailed(command, file, line, code)`."""

    text = "The command `{0}` of {1}, line {2}, has ended with the exit code {3}. Mend it, or take the line out."


def run_app_commands(file: str) -> None:
    """Run the commands of a file in the shell, in their order: what stands behind `# !` above its first line of code.

    Errors: `SetupFailed`, after which no further one is run; `OSError` for a file that cannot be read.
    """
    with open(file, encoding="utf-8") as source:
        commands = list(_commands(source))
    for number, command in commands:
        log.info("Running the setup command: %s", command)
        done = subprocess.run(command, shell=True, check=False)  # noqa: S602 - it is what the user's file says
        if done.returncode:
            raise SetupFailed(command, file, number, done.returncode)


def _commands(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines, 1):
        if not line.startswith("#"):
            return
        comment = line.lstrip("#").strip()
        if comment.startswith("!") and comment[1:].strip():
            yield number, comment[1:].strip()
