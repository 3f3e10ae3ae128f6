"""`manyhands store`: the care of a store."""

from __future__ import annotations

from typing import Annotated

import typer

from manyhands import bootstrap
from manyhands.cli import paint
from manyhands.cli.door import Door, Exit, command
from manyhands.engine import phrases
from manyhands.model.errors import UsageError

app = typer.Typer(no_args_is_help=True, help="Look after the store: what is in it, is it sound, what can go.")

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def size(number: float) -> str:
    """Bytes, in the unit that suits."""
    unit = 0
    while number >= 1024 and unit < len(UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:,.0f} {UNITS[unit]}" if unit == 0 else f"{number:,.1f} {UNITS[unit]}"


@command(app, "info")
def info(door: Door) -> None:
    """Show where the store is and how much is in it."""
    counts = door.inspect.store_counts()
    if door.as_json:
        door.emit({"url": door.inspect.url, "log_folder": door.inspect.log_folder, "counts": counts})
        return
    runs = ", ".join(f"{number:,} {status}" for status, number in counts.runs.items() if number)
    door.out.print(
        paint.fields(
            [
                ("Store", door.inspect.url),
                ("Schema", str(counts.schema)),
                ("File", size(counts.file_bytes)),
                ("Runs", f"{sum(counts.runs.values()):,}" + (f" ({runs})" if runs else "")),
                ("Steps", f"{counts.tasks:,}"),
                ("Attempts", f"{counts.attempts:,}"),
                ("Events", f"{counts.events:,}"),
                ("Cached results", f"{counts.cached:,}"),
                ("Large values and code", f"{counts.blobs:,} ({size(counts.blob_bytes)})"),
            ]
        )
    )


@command(app, "migrate")
def migrate(door: Door) -> None:
    """Bring the store's schema up to date with this version of Manyhands."""
    before, after = bootstrap.keeping(door.settings).migrate()
    if door.as_json:
        door.emit({"before": before, "after": after})
    elif before == after:
        door.out.print(f"The schema is up to date ({after}).")
    else:
        door.out.print(f"The schema went from {before} to {after}.")


@command(app, "prune")
def prune(
    door: Door,
    older: Annotated[
        float | None,
        typer.Option(
            "--older-than", metavar="DAYS", min=0, help="Runs that ended so long ago; else as the settings say."
        ),
    ] = None,
    young: Annotated[
        float, typer.Option("--keep-newer-than", metavar="SECONDS", min=0, help="Files younger than this stay.")
    ] = 3600.0,
) -> None:
    """Remove finished runs that are old, and what nothing refers to any more. Nothing a live run needs is touched."""
    days = door.settings.retention_days if older is None else older
    if older is None and not days:
        raise UsageError("`retention_days` is 0: everything is kept. Say what may go with `--older-than DAYS`.")
    now = door.inspect.now()
    removed = bootstrap.keeping(door.settings).prune(now - days * phrases.DAY, now, keep_blobs_newer=young)
    if door.as_json:
        door.emit(removed)
        return
    parts = [f"{number:,} {what.replace('_', ' ')}" for what, number in removed.items() if number]
    door.out.print(f"Removed: {', '.join(parts)}." if parts else "There was nothing to remove.", markup=False)


@command(app, "check")
def check(door: Door) -> Exit | None:
    """Verify every rule that the store's content has to obey. Exit code 1 when something is wrong."""
    findings = bootstrap.keeping(door.settings).check()
    if door.as_json:
        door.emit({"url": door.inspect.url, "findings": findings})
    elif findings:
        for finding in findings:
            door.out.print(finding, markup=False, soft_wrap=True)
    else:
        door.out.print("All is well.")
    return Exit.FAILED if findings else None
