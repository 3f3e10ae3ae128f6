"""The progress display of a terminal, drawn by rich."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from manyhands.telemetry.progress import Standing, clock

PER_SECOND = 8
SHOWN_NAMES = 3
BAR = 30


class Live:
    """A bar with the figures beside it and the running tasks below. It moves by itself, so that the clock goes on."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream)
        self._spinner = Spinner("dots")
        self._ask: Callable[[], Standing] | None = None
        self._last: Standing | None = None
        # What user code prints goes above the bar, but never from a file or pipe to the terminal.
        self._live = RichLive(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=PER_SECOND,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=stream is sys.stderr,
        )

    def start(self, ask: Callable[[], Standing]) -> None:
        self._ask = ask
        self._live.start()

    def show(self, standing: Standing) -> None:
        """The display asks by itself."""

    def stop(self, standing: Standing) -> None:
        self._last = standing
        self._live.stop()

    def _draw(self) -> RenderableType:
        if self._last is not None:
            return self._conclusion(self._last)
        if self._ask is None:
            return Text("")
        standing = self._ask()
        parts: list[RenderableType] = [self._row(standing)]
        if standing.names:
            more = standing.running - SHOWN_NAMES
            names = ", ".join(standing.names[:SHOWN_NAMES]) + (f" and {more:,} more" if more > 0 else "")
            parts.append(Text(f"  {names}", style="dim", no_wrap=True, overflow="ellipsis"))
        return Group(*parts)

    def _row(self, standing: Standing) -> Table:
        row = Table.grid(padding=(0, 1))
        cells: list[RenderableType] = [
            self._spinner,
            Text(standing.title, style="bold", overflow="ellipsis", no_wrap=True),
            ProgressBar(total=max(standing.total, 1), completed=standing.done, width=BAR),
            Text(f"{standing.done:,}/{standing.total:,}", style="green"),
            Text(f"{standing.running:,} running", style="cyan"),
            Text(f"{standing.failed:,} failed", style="red" if standing.failed else "dim"),
        ]
        if standing.rate:
            cells.append(Text(f"{standing.rate:.3g}/s"))
        if standing.left is not None:
            cells.append(Text(f"{clock(standing.left)} left", style="magenta"))
        cells.append(Text(clock(standing.elapsed), style="dim"))
        row.add_row(*cells)
        return row

    def _conclusion(self, standing: Standing) -> Text:
        mark, style = ("✗", "red") if standing.failed or standing.done < standing.total else ("✓", "green")
        return Text.assemble((mark, style), " ", standing.last_line())
