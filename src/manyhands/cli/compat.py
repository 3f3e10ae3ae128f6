"""`manyhands compat`, what is covered of other systems, and `manyhands run script`, which runs their programs."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Annotated, Any

import typer
from rich.table import Table

from manyhands.cli.door import Door, Exit, command

TABLE, ALIASES = "manyhands.compat.table", "manyhands.compat.alias"
"""Found by name, as doors do not import each other."""

app = typer.Typer(no_args_is_help=True, help="Programs that were written for other systems.")

AS_IT_COMES = {"allow_interspersed_args": False, "ignore_unknown_options": True}
"""What stands behind the file belongs to it."""

COLOURS = {"covered": "green", "differs": "yellow", "not covered": "red"}

System = Annotated[str | None, typer.Argument(metavar="[SYSTEM]", help="One system, such as ray; else all.")]


@command(app, "list")
def listed(
    door: Door,
    system: System = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Write all of it as a page of documentation.")] = False,
) -> Exit | None:
    """Say what is covered of other systems, what is not, and what differs on purpose."""
    table = importlib.import_module(TABLE)
    if markdown:
        sys.stdout.write(table.page())
        return None
    rows = list(table.entries(system))
    if door.as_json:
        keys = ("system", "subject", "original", "ours", "state", "why")
        door.emit([dict(zip(keys, (name, subject, *entry), strict=True)) for name, subject, entry in rows])
        return None
    shown = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("SYSTEM", "THERE", "HERE", "", "WHY"):
        shown.add_column(column, overflow="fold")
    for name, _, entry in rows:
        shown.add_row(name, entry.original, entry.ours, _state(entry.state), entry.why)
    door.out.print(shown)
    return None


def _state(state: Any) -> str:
    return f"[{COLOURS[str(state)]}]{state}[/]"


def advice(error: BaseException, command: str) -> str:
    """What to try when a file asks for the package of another system, as a line of its own; "" for any other error."""
    if type(error) is not ModuleNotFoundError:
        return ""
    package = (error.name or "").partition(".")[0]
    systems = [system for system, packages in importlib.import_module(ALIASES).SYSTEMS.items() if package in packages]
    return f"Was it written for {package}? Try `{command.format(systems[0])}`.\n" if systems else ""


def script(
    door: Door,
    system: Annotated[str, typer.Option("--as", metavar="SYSTEM", help="Whose names it uses: lightning, ray, ray2.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="A Python file.")],
    args: Annotated[list[str] | None, typer.Argument(metavar="[ARGS]...", help="Arguments of the file.")] = None,
) -> Exit | None:
    """Run a program that was written for another system, as it is: its imports get our names.

    The same, for modules such as pytest: `python -m manyhands.compat ray -m pytest tests`.
    """
    importlib.import_module(ALIASES).packages_of(system)
    if door.store is not None:
        os.environ["MANYHANDS_STORE"] = door.store
    sys.stdout.flush()
    words = [sys.executable, "-m", "manyhands.compat", system, file, *(args or [])]
    os.execv(sys.executable, words)  # noqa: S606 - the program takes this one's place
