"""The executor that runs attempts in a pool of worker processes on this machine."""

from __future__ import annotations

import os
import signal
import sys
import weakref
from collections import deque
from collections.abc import Sequence
from functools import partial
from time import monotonic, time
from typing import Any

from manyhands.executors import wire
from manyhands.executors.cores import cores
from manyhands.executors.echo import Echo
from manyhands.executors.forkserver import ForkServer
from manyhands.executors.link import Link
from manyhands.executors.pace import DEPTH, Paces
from manyhands.executors.watch import READ, WRITE, Watch
from manyhands.model.errors import BackendError
from manyhands.model.outcomes import AttemptKey, Failure, Launch, LogRange, Outcome, Report, Returned, key_of
from manyhands.model.states import Cause

LONG_SECONDS = 0.020
"""A worker that says nothing for so long gives back what it has not begun."""

ANSWER_SECONDS = 0.1
"""A worker that does not answer a recall in that time is busy in a way that lets no other thread run."""

LAST_WORDS_SECONDS = 1.0
"""At most so long a worker that was killed takes to be gone."""

ENTRY_MODULE = "manyhands.worker.entry"


class ProcessExecutor:
    """A pool of `processes` workers (by default one per core that this process may use), forked when they are needed
    from a fork server that is started when it is needed: a driver that uses none pays for none. Workers have the
    working directory and the environment of that moment.

    `settings`: plain values, handed to every entry in its context; the entry `store` becomes `MANYHANDS_STORE` in the
    workers' environment. `log_folder`: where the output of attempts is kept (None: it goes where the driver's goes).
    `grace`: seconds between SIGTERM and SIGKILL for what still runs when the executor is closed or its process ends.
    `echo`: copy the output of attempts to standard output. `preload`: modules that workers find already loaded.
    `slots` grows while attempts wait for other runs.
    """

    name = "process"

    def __init__(
        self,
        processes: int | None = None,
        settings: dict[str, Any] | None = None,
        log_folder: str | os.PathLike[str] | None = None,
        grace: float = 1.0,
        echo: bool = True,
        preload: Sequence[str] = (ENTRY_MODULE,),
    ) -> None:
        self.slots = processes or cores()
        folder = None if log_folder is None else os.path.abspath(os.fspath(log_folder))
        self._hello = wire.Hello([], dict(settings or {}), list(preload), folder, grace)
        self._echo = Echo(folder) if echo and folder is not None else None
        self._folder = folder
        self._pid = os.getpid()
        self._closed = False
        self._watch = Watch()
        self._server: ForkServer | None = None
        self._links: dict[int, Link] = {}
        self._idle: list[Link] = []
        self._serial = 0
        self._used = 0
        self._queue: deque[Launch] = deque()
        self._ready: list[Report] = []
        self._paces = Paces()
        os.register_at_fork(after_in_child=partial(_forget, weakref.ref(self)))

    def warm(self) -> None:
        """Start the fork server and a first worker now, so that the first launch does not wait for them."""
        if not self._links:
            self._idle.append(self._spawn())

    def start(self, launches: Sequence[Launch]) -> None:
        self._queue.extend(launches)
        self._dispatch()

    def backlog(self) -> int:
        return self.slots * self._paces.ahead()

    def poll(self) -> list[Report]:
        self._watch.act()
        self._tend()
        if self._queue:
            self._dispatch()
        reports, self._ready = self._ready, []
        return reports

    def fileno(self) -> int | None:
        return self._watch.fileno()

    def deadline(self) -> float | None:
        """The monotonic time at which `poll` wants to be called although nothing was readable; None when never."""
        due = [link.answer_due for link in self._links.values() if link.answer_due is not None]
        due += [link.heard + LONG_SECONDS for link in self._links.values() if self._hoards(link)]
        return min(due, default=None)

    def began(self, attempt: AttemptKey) -> float | None:
        for link in self._links.values():
            for number, launch in link.outstanding:
                if key_of(launch) == attempt:
                    return link.since if number == link.begun - 1 else None
        return None

    def cancel(self, attempts: Sequence[AttemptKey], grace: float) -> None:
        wanted = set(attempts)
        for launch in [launch for launch in self._queue if key_of(launch) in wanted]:
            self._queue.remove(launch)
            self._report(launch, canceled())
        for link in self._links.values():
            keys = link.holds(wanted)
            if keys:
                link.canceled.update(dict.fromkeys(keys, grace))
                self._press(link)

    def close(self) -> None:
        if self._closed or os.getpid() != self._pid:
            return
        self._closed = True
        self._watch.close()
        for link in self._links.values():
            link.close()
        if self._server is not None:
            self._server.close()
        self._drop_everything()

    def _drop_everything(self) -> None:
        self._server = None
        self._links.clear()
        self._idle.clear()
        self._queue.clear()
        self._ready.clear()

    # --- giving out ------------------------------------------------------------------------------------------------

    def _spawn(self) -> Link:
        if self._closed:
            raise BackendError("The process executor is closed, or belongs to the process this one was forked from.")
        server = self._server
        if server is None:
            self._hello.sys_path = list(sys.path)
            server = self._server = ForkServer(self._hello)
            self._watch.add(server.socket.fileno(), self._on_server)
        self._serial += 1
        link = self._links[self._serial] = server.spawn(self._serial)
        self._watch.add(link.tasks.fileno(), partial(self._on_tasks, link))
        self._watch.add(link.control.fileno(), partial(self._on_control, link))
        return link

    def _weight(self, launch: Launch) -> int:
        return min(max(launch.slots, 1), self.slots)

    def _dispatch(self) -> None:
        queue = self._queue
        while queue:
            weight = self._weight(queue[0])
            free = self.slots - self._used
            if weight <= free:
                link = self._idle.pop() if self._idle else self._spawn()
                link.weight = weight
                self._used += weight
                self._give(link, -(-len(queue) // free))
            elif weight > 1 or not self._top_up():
                break

    def _top_up(self) -> int:
        """Queue more behind what is running; how many could be placed."""
        now = monotonic()
        open_links = [
            link
            for link in self._links.values()
            if len(link.outstanding) < link.limit and link.weight == 1
            and not (link.stuck or link.asked or link.doomed) and now - link.heard < LONG_SECONDS
        ]  # fmt: skip
        if not open_links:
            return 0
        share = -(-len(self._queue) // len(open_links))
        return sum(self._give(link, share) for link in open_links)

    def _give(self, link: Link, share: int) -> int:
        queue, depth_of = self._queue, self._paces.depth
        batch: list[Launch] = []
        held, limit = len(link.outstanding), link.limit
        while queue and len(batch) < share:
            launch = queue[0]
            limit = min(limit, depth_of(launch.label) if launch.slots <= 1 else 1)
            if held and held >= limit:
                break
            batch.append(queue.popleft())
            link.limit = limit
            held += 1
        if batch and not link.send(batch):
            self._watch.writable(link.tasks.fileno(), True)
        return len(batch)

    def _lend(self, link: Link, rests: bool) -> None:
        """A worker whose attempt waits leaves its slot to others, among whom may be the one that it waits for."""
        if link.rests != rests:
            link.rests = rests
            self.slots += 1 if rests else -1

    def _settle(self, link: Link) -> None:
        if not (link.outstanding or link.asked or link.doomed) and link.weight:
            self._used -= link.weight
            link.weight = 0
            link.limit = DEPTH
            link.stuck = False
            self._idle.append(link)

    # --- what is heard ---------------------------------------------------------------------------------------------

    def _on_tasks(self, link: Link, events: int) -> None:
        if events & WRITE and link.flush():
            self._watch.writable(link.tasks.fileno(), False)
        if events & READ:
            try:
                self._take(link, link.receive())
            except BlockingIOError:
                pass
            except EOFError:
                self._watch.remove(link.tasks.fileno())
                self._retire(link)

    def _on_control(self, link: Link, events: int) -> None:
        try:
            for answer in link.receive_control():
                if isinstance(answer, wire.Rests):
                    self._lend(link, answer.begun)
                else:
                    self._answered(link, answer)
        except EOFError:
            self._watch.remove(link.control.fileno())
            self._retire(link)

    def _on_server(self, events: int) -> None:
        server = self._server
        assert server is not None  # noqa: S101 - it is watched while it is there
        try:
            for exited in server.receive():
                link = self._links[exited.serial]
                self._ended(link, exited.code, exited.error)
        except EOFError:
            self._server_lost(server)

    def _take(self, link: Link, reports: list[Report]) -> None:
        link.heard = monotonic()
        link.stuck = False
        name = link.name
        if not name:
            name = link.name = f"process:{link.pid}"
        take, saw = link.outstanding.popleft, self._paces.saw
        for report in reports:
            _, launch = take()
            if report.task != launch.task or report.attempt != launch.attempt or report.run != launch.run:
                raise BackendError(f"Worker {name} reported {key_of(report)} where {key_of(launch)} was due.")
            report.worker = name
            saw(launch.label, report.ended - report.started)
            if report.log is not None:
                self._logged(link, launch, report.log)
            if link.canceled:
                link.canceled.pop(key_of(launch), None)
        self._ready += reports
        self._settle(link)

    def _logged(self, link: Link, launch: Launch, log: LogRange) -> None:
        link.log_end = log.end
        if self._echo is not None:
            self._echo.show(log, launch.label, link.pid)

    def _report(
        self,
        launch: Launch,
        outcome: Outcome,
        worker: str = "",
        log: LogRange | None = None,
        began: float | None = None,
    ) -> None:
        now = time()
        self._ready.append(
            Report(launch.run, launch.task, launch.attempt, outcome, now if began is None else began, now, worker, log)
        )
        self._watch.wake()

    # --- taking back and stopping ----------------------------------------------------------------------------------

    def _hoards(self, link: Link) -> bool:
        return len(link.outstanding) > 1 and not (link.stuck or link.asked or link.doomed)

    def _tend(self) -> None:
        now = monotonic()
        for link in self._links.values():
            if len(link.outstanding) > 1 and now - link.heard >= LONG_SECONDS and self._hoards(link):
                link.recall(link.outstanding[0][0])
            if link.answer_due is not None and link.answer_due <= now:
                link.answer_due = None
                self._stop_running(link, link.begun - 1, link.begun)

    def _press(self, link: Link) -> None:
        """Stop what is canceled of a worker's launches, and nothing else: what is behind it is taken back first."""
        if link.doomed:
            return
        numbers = [number for number, launch in link.outstanding if key_of(launch) in link.canceled]
        if len(link.outstanding) == 1:
            self._stop_running(link, numbers[0], numbers[0] + 1)
        elif numbers:
            link.answer_due = monotonic() + ANSWER_SECONDS
            link.recall(numbers[0])

    def _answered(self, link: Link, answer: wire.Recalled) -> None:
        link.answer_due = None
        for launch in reversed(link.take_back(answer)):
            if link.canceled.pop(key_of(launch), None) is not None:
                self._report(launch, canceled())
            else:
                self._queue.appendleft(launch)
        link.stuck = True
        self._stop_running(link, answer.done, answer.begun)
        self._settle(link)

    def _stop_running(self, link: Link, first: int, end: int) -> None:
        """Stop the worker if it is one of these launches that is canceled."""
        for number, launch in link.outstanding:
            grace = link.canceled.get(key_of(launch))
            if grace is not None and first <= number < end and not link.doomed:
                self._retire(link)
                if self._server is not None:
                    self._server.stop(link.serial, grace)

    def _retire(self, link: Link) -> None:
        """It gets nothing any more; its slots are free when it has ended."""
        link.doomed = True
        if link in self._idle:
            self._idle.remove(link)

    def _server_lost(self, server: ForkServer) -> None:
        """Without it nobody would tell how its workers end, so they end now."""
        self._watch.remove(server.socket.fileno())
        for link in list(self._links.values()):
            link.kill()
        for link in list(self._links.values()):
            link.tasks.settimeout(LAST_WORDS_SECONDS)
            self._drain(link)
            # It may have come to itself only now.
            link.kill()
            self._ended(link, -signal.SIGKILL, "was stopped, as the fork server of its worker had ended")
        self._server = None
        server.bury()

    # --- the end of a worker ---------------------------------------------------------------------------------------

    def _ended(self, link: Link, code: int | None, error: str) -> None:
        self._retire(link)
        self._drain(link)
        failure = failure_of_exit(code, error)
        begun = link.begun
        # A worker that never began anything would be replaced by its like for ever if nobody were blamed.
        blamed = max(begun, link.outstanding[0][0] + 1) if link.outstanding and not begun else begun
        for number, launch in link.outstanding:
            outcome: Outcome = failure if number < blamed else Returned()
            if key_of(launch) in link.canceled:
                outcome = canceled(failure)
            log = None if isinstance(outcome, Returned) else self._rest_of_log(link, number == begun - 1)
            began = link.since if number == begun - 1 else None
            self._report(launch, outcome, link.name or f"process:{link.pid}", log, began)
            if log is not None:
                self._logged(link, launch, log)
        self._used -= link.weight
        self._lend(link, False)
        del self._links[link.serial]
        self._watch.remove(link.tasks.fileno())
        self._watch.remove(link.control.fileno())
        assert self._server is not None  # noqa: S101 - nobody else can have told the worker's end
        self._server.release(link)

    def _drain(self, link: Link) -> None:
        try:
            while True:
                self._take(link, link.receive())
        except (BlockingIOError, TimeoutError, EOFError):
            pass

    def _rest_of_log(self, link: Link, is_last: bool) -> LogRange | None:
        """What was written and never reported: up to where the last attempt began, or by that one to the end."""
        if self._folder is None:
            return None
        start, end = link.log_end, link.log_start
        if is_last:
            try:
                start, end = end, os.stat(os.path.join(self._folder, link.log)).st_size
            except FileNotFoundError:
                return None
        return LogRange(link.log, start, end) if end > start else None


def _forget(reference: weakref.ref[ProcessExecutor]) -> None:
    """In a child of this process: close what is the parent's, so that it does not seem to live on in the child."""
    executor = reference()
    if executor is None or executor._closed:
        return
    executor._closed = True
    executor._watch.close()
    for link in executor._links.values():
        link.close()
    if executor._server is not None:
        executor._server.forget()
    executor._drop_everything()


def canceled(by: Failure | None = None) -> Failure:
    code, number = (by.exit_code, by.signal) if by is not None else (None, None)
    return Failure(Cause.CANCELED, "was canceled", retryable=False, exit_code=code, signal=number)


def failure_of_exit(code: int | None, error: str) -> Failure:
    if code is None:
        return Failure(Cause.LOST, f"could not be begun, as no worker could be forked: {error}")
    if code >= 0:
        return Failure(Cause.LOST, error or f"exited with code {code}", exit_code=code)
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = "unknown"
    return Failure(Cause.LOST, error or f"was killed by signal {-code} ({name})", signal=-code)
