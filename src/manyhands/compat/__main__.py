"""`python -m manyhands.compat SYSTEM FILE|-m MODULE [ARGS]`: run a program that was written for another system."""

from __future__ import annotations

import os
import runpy
import sys
from types import ModuleType

from manyhands.compat.alias import SYSTEMS, install
from manyhands.model.errors import ManyhandsError

PLUGINS = "PYTEST_PLUGINS"
"""Names the modules that every pytest process imports first, those that pytest-xdist starts too."""

PLUGIN = "manyhands.compat.in_pytest"

USAGE = f"usage: python -m manyhands.compat {{{','.join(sorted(SYSTEMS))}}} (FILE | -m MODULE) [ARGS ...]"


def main(words: list[str]) -> None:
    """Install the aliases and run the program in this process, as `python` itself would."""
    system, rest = (words[0], words[1:]) if words else ("", [])
    if not rest or rest == ["-m"] or (rest[0].startswith("-") and rest[0] != "-m"):
        print(USAGE, file=sys.stderr)  # noqa: T201 - this is a program
        sys.exit(2)
    try:
        install(system)
    except ManyhandsError as error:
        print(f"{error}\n{USAGE}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    os.environ[PLUGINS] = ",".join([*filter(None, [os.environ.get(PLUGINS)]), PLUGIN])
    if rest[0] == "-m":
        sys.argv = rest[1:]
        runpy.run_module(rest[1], run_name="__main__", alter_sys=True)
    else:
        run_file(rest)


def run_file(words: list[str]) -> None:
    """Run a file as the main module, which stays in place: functions of it are used when it has ended, too."""
    path = words[0]
    try:
        with open(path, "rb") as file:
            source = file.read()
    except OSError as error:
        print(f"{path} cannot be read: {error.strerror}.", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    sys.argv = words
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    module = ModuleType("__main__")
    module.__file__ = path
    module.__builtins__ = __builtins__  # type: ignore[attr-defined]
    sys.modules["__main__"] = module
    exec(compile(source, path, "exec", dont_inherit=True), module.__dict__)  # noqa: S102 - the user's own program


if __name__ == "__main__":
    main(sys.argv[1:])
