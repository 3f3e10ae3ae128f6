"""One run of an app, from its start to its end."""

from __future__ import annotations

import logging
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Any, NamedTuple

from manyhands.app.address import LOOPBACK
from manyhands.app.channel import Exchange
from manyhands.app.desk import Desk
from manyhands.app.endings import AppFailed, NotRunning, WorkFailed
from manyhands.app.errors import AppExit, AppFail
from manyhands.app.flow import KINDS
from manyhands.app.frontend import Frontend
from manyhands.app.journal import KIND, Journal
from manyhands.app.layout import frontends_of
from manyhands.app.loop import FlowLoop
from manyhands.app.rooted import AppStage, Rooted
from manyhands.app.status import WorkStageStatus, make_status
from manyhands.app.work import Work
from manyhands.engine.client import Client
from manyhands.engine.open_run import OpenRun

log = logging.getLogger("manyhands.app")

KEEP_SECONDS = 0.25
"""A durable app's state is written at most so often, but with every call and after the end of each."""

EXTRA_SECONDS = 2.0
"""What works have to be gone in, beyond the grace after which they are killed."""

LOOK_SECONDS = 0.01

SWITCH_SECONDS = 0.0005
"""How long the flow's thread runs before another one has its turn, while an app lives: with Python's own 5 ms, a flow
that never rests would hold up the engine's threads at each of their many steps."""


@contextmanager
def _quick_switches() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_SECONDS))
    try:
        yield
    finally:
        sys.setswitchinterval(before)


class Terms(NamedTuple):
    """How an app is to be run. `run_id`: None for one that is made up. `blocking`: it waits to be let begin.
    `after_turn`: called by the loop's thread after each turn, with whether anything has changed."""

    run_id: str | None
    durable: bool
    blocking: bool
    after_turn: Callable[[bool], None]


class Life:
    """The parts of a running app, and their end. A context: leaving it stops all works and ends the run."""

    def __init__(self, app: Rooted, ours: Client, terms: Terms) -> None:
        self._app = app
        self._tree = app.root._tree_
        self._terms = terms
        self._stop_asked = False
        self._done = False
        self._kept_at = 0.0
        self._unkept = False
        self._whole = False
        """Whether the components are what was kept of them, and so may take its place."""
        self.frontends: dict[str, Frontend] = {}
        """Those that have a server of their own, which runs, by the name of the component that shows it."""
        self._stage = app.stage
        self._original: dict[str, Any] = {}
        self._grace = ours.engine.driver.grace
        session = secrets.token_hex(8)
        metadata = {"app": type(app.root).__name__}
        self._run = OpenRun.begin(ours, terms.run_id, kind=KIND, metadata=metadata, told=self._ring)
        try:
            self._journal = Journal(ours, self._run, session, self._grace, self._document if terms.durable else None)
            self.exchange = Exchange(self._journal.address, self._greet)
        except BaseException:
            self._run.leave()
            raise
        self.desk = Desk(self._tree, self.exchange, session)
        self.desk.runner = self._journal
        self.loop = FlowLoop(app.root, self._tree, self.desk, self.exchange, self._after_turn)

    def _ring(self) -> None:
        exchange = getattr(self, "exchange", None)  # the run may have news before the exchange is there
        if exchange is not None:
            exchange.ring()

    def _greet(self, work: str, pid: int) -> None:
        self.desk.greet(work, pid)

    @property
    def run_id(self) -> str:
        return self._run.run_id

    def __enter__(self) -> Life:
        try:
            self._begin()
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def _begin(self) -> None:
        self._tree.backend = self.desk
        self._tree.collect()
        self._stage = self._app.stage = AppStage.BLOCKING if self._terms.blocking else AppStage.RUNNING
        self._original = self._app.root._saved_()
        self.loop.blocked = self._terms.blocking
        self._take_up()
        self._whole = True
        for component, frontend in frontends_of(self._app.root):
            frontend.flow = component
            frontend.start_server(LOOPBACK, 0)
            self.frontends[component.name] = frontend

    # --- living -----------------------------------------------------------------------------------------------------

    def live(self) -> None:
        """Turn until the end. Errors: `AppFailed`, `WorkFailed`, whatever the flow raises, why the run is lost."""
        with _quick_switches():
            while not self._stop_asked:
                self._turn()

    def _turn(self) -> None:
        self.loop.wait()
        try:
            self.loop.turn()
        except AppFail as failed:
            raise AppFailed(str(failed) or "its flow has called `fail`") from None
        except AppExit:
            self._stop_asked = self._done = True
        except SystemExit as left:
            if left.code:
                raise AppFailed(f"its flow has called `sys.exit({left.code!r})`") from left
            raise
        if self._app.stage != self._stage:
            self._follow(self._app.stage)
        fatal = self.desk.fatal
        if fatal is not None:
            raise WorkFailed(*fatal)
        if self._run.over:
            raise self._run.lost or NotRunning("The run of this app has ended")

    def _follow(self, stage: str) -> None:
        """Somebody has set the app's stage. Errors: `AppFailed`."""
        if stage == AppStage.FAILED:
            raise AppFailed("somebody has set its stage to `failed`")
        if stage == AppStage.STOPPING:
            self._stop_asked = True
        if stage == AppStage.RESTARTING:
            self._app.root._restore_(self._original)
            stage = self._app.stage = AppStage.BLOCKING
        self.loop.blocked = stage == AppStage.BLOCKING
        self.desk.changed = True
        self._stage = stage

    def stop(self) -> None:
        """Have `live` return soon; from any thread or signal handler."""
        self._stop_asked = True
        self.exchange.ring()

    def pid(self, work: str) -> int | None:
        """A work's process; None while it has none. From any thread."""
        return self._journal.pid(work)

    def let_begin(self) -> None:
        """An app that waits begins; by the loop's thread."""
        if self._app.stage == AppStage.BLOCKING:
            self._app.stage = AppStage.RUNNING
            self._follow(AppStage.RUNNING)

    def _after_turn(self, changed: bool) -> None:
        self._unkept = self._unkept or changed
        if self._terms.durable and self._unkept:
            now = time.monotonic()
            if self.desk.to_keep or now - self._kept_at >= KEEP_SECONDS:
                self._kept_at = now
                self._unkept = self.desk.to_keep = False
                self._journal.keep()
        self._terms.after_turn(changed)

    # --- what is kept -----------------------------------------------------------------------------------------------

    def _document(self) -> dict[str, Any]:
        self._unkept = False
        return {"root": self._app.root._saved_()}

    def _take_up(self) -> None:
        """Go on where the app was when its last life ended."""
        document = self._run.document() if self._run.taken_up else None
        if document is None or not self._terms.durable:
            return
        self._app.root._restore_(document["root"])
        self.desk.works.update(self._app.named_works)
        over, again = self._journal.take_up(document)
        for ended, state in over:
            self.desk.ended_meanwhile(ended, state)
        for ended in again:
            if not self.desk.resumed(ended):
                self.desk.end(ended.work)
        log.info("The app %s goes on where it was; %d call(s) are made again.", self.run_id, len(again))

    # --- the end ----------------------------------------------------------------------------------------------------

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._app.stage = AppStage.STOPPING if error is None else AppStage.FAILED
        try:
            kept = self._journal.keep() if self._whole else None
            self._part()
            if kept is not None:
                # The works' last words count; that their calls were stopped does not, for these are made again.
                self._run.keep({**kept, "root": _with_vars(kept["root"], self._app.root._saved_())})
            self._end_run(error)
        finally:
            self._tree.backend = None
            with ExitStack() as last:
                last.callback(self._terms.after_turn, True)
                last.callback(self.exchange.close)
                last.callback(self.loop.close, NotRunning("That cannot be done any more"))
                for frontend in self.frontends.values():
                    last.callback(frontend.stop_server)

    def _part(self) -> None:
        """Stop every work that has begun, and hear what each has to say last."""
        self.desk.parting = True
        works = [work for _, work in self._app.named_works]
        for work in works:
            if work.has_started and not work.has_stopped:
                work._record_(None, make_status(WorkStageStatus.STOPPED, timestamp=self._tree.clock()))
            self.desk.end(work.name)
        due = time.monotonic() + self._grace + EXTRA_SECONDS
        while any(self._journal.alive(work.name) for work in works) and time.monotonic() < due:
            self._journal.listen()
            self.exchange.wait(LOOK_SECONDS)
        self._hear_last(works)

    def _hear_last(self, works: list[Work]) -> None:
        for work in works:
            self.exchange.drain(work.name)
        self.desk.drain()

    def _end_run(self, error: BaseException | None) -> None:
        if self._run.over:
            return
        if isinstance(error, Exception):
            self._run.end(f"{type(error).__name__}: {error}")
        elif self._terms.durable and not self._done:
            self._run.leave()
        elif error is not None:
            self._run.cancel()
        else:
            self._run.end()


def _with_vars(kept: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What was kept of a component or a structure, with the attributes that it has now, at every depth."""
    both = {**kept, "vars": now["vars"]} if "vars" in kept else dict(kept)
    for kind in KINDS:
        if kind in kept:
            both[kind] = {name: _with_vars(part, now[kind][name]) for name, part in kept[kind].items()}
    return both
