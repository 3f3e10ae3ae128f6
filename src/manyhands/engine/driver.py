"""The driver: turns the runs whose leases this process holds, one commit at a time."""

from __future__ import annotations

import heapq
import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeVarTuple

from manyhands.engine.collect import Collector
from manyhands.engine.dispatch import Dispatcher
from manyhands.engine.doorbell import Doorbell
from manyhands.engine.drive import Drive
from manyhands.engine.mailbox import Mailbox
from manyhands.engine.tickets import Ticket
from manyhands.engine.waiting_room import WaitingRoom
from manyhands.model.errors import CallsWaiting, LeaseLost, ManyhandsError, RunCanceled
from manyhands.model.outcomes import AttemptKey, Failure, Report, Returned, key_of
from manyhands.model.records import Changes, RunMove
from manyhands.model.specs import ONLY_WAIT
from manyhands.model.states import Cause, Reason, RunStatus
from manyhands.ports.clock import Clock
from manyhands.ports.executor import Executor
from manyhands.ports.store import Store

log = logging.getLogger("manyhands")

IDLE = 5.0
"""Seconds that the driver sleeps at most when nothing is due; whatever happens wakes it before."""

Work = Callable[[], None]
Given = TypeVarTuple("Given")


class Driver:
    """Owns the drives. `turn` does one round of collect, decide, commit, launch, and waits only when all is done.

    Only the thread that holds `role` turns; any thread may `ask` for something to be done between rounds.
    """

    def __init__(
        self,
        store: Store,
        executors: Mapping[str, Executor],
        collector: Collector,
        dispatcher: Dispatcher,
        mailbox: Mailbox,
        room: WaitingRoom,
        clock: Clock,
        grace: float,
    ) -> None:
        self._store = store
        self._executors = executors
        self._collector = collector
        self._dispatcher = dispatcher
        self._mailbox = mailbox
        self._room = room
        self._clock = clock
        self.grace = grace
        self._inbox: deque[Work] = deque()
        self._late: list[tuple[float, int, int, int]] = []
        self._stopped: dict[AttemptKey, Failure | Returned] = {}
        """Attempts that are being stopped, with what is to be said of them."""
        self._called: set[Drive] = set()
        """Runs for which messages may have come."""
        self._gathering: set[Drive] = set()
        """Runs in which a task waits for some others."""
        self.drives: dict[int, Drive] = {}
        self.fresh: list[Drive] = []
        self.role = threading.Lock()
        self._slots = sum(executor.slots for executor in executors.values())
        self._waited = True
        self.settled = True
        """False while a round is under way: an exception out of it then leaves the drives half told."""
        self.bell = Doorbell(executors.values())

    # --- from any thread -------------------------------------------------------------------------------------------

    def ask(self, work: Work) -> None:
        """Have `work` done by the driving thread, between two rounds."""
        self._inbox.append(work)
        if self.role.locked():
            self.bell.ring()

    @property
    def idle(self) -> bool:
        return not (self.drives or self.fresh or self._inbox)

    # --- from the driving thread -----------------------------------------------------------------------------------

    def add(self, drive: Drive) -> None:
        """Drive this run from now on: a new one, or one whose session was opened."""
        if drive.key is None:
            self.fresh.append(drive)
        else:
            older = self.drives.get(drive.key)
            if older is not None:
                self.give_up(older, LeaseLost(older.key, older.epoch))
            self.drives[drive.key] = drive
            if not drive.base:  # what was at rest until now has no messages
                self._called.add(drive)
            drive.dirty = True

    def enter(self, key: int, ticket: Ticket) -> None:
        """Add a call to a run that is driven here. One that has failed and is coming to its end takes none: what failed
        is to be tried again before the call."""
        drive = self.drives.get(key)
        if drive is None or drive.end is not None or drive.machine.closed:
            ticket.leave()
        else:
            self._fenced(drive, self._take_call, ticket)
            if drive.done and not ticket.done:
                ticket.leave(drive.error)

    def _take_call(self, drive: Drive, ticket: Ticket) -> None:
        now = self._clock.now()
        self._mailbox.take_calls(drive, now)
        drive.call(ticket.specs, now, ticket)

    def begin_with(self, drive: Drive, ticket: Ticket, now: float) -> None:
        """Add a call to a run whose session was just opened, after the calls that its last driver left."""
        if not drive.base:
            self._mailbox.take_calls(drive, now)
        drive.call(ticket.specs, now, ticket)

    def turn(self, longest: float = IDLE) -> None:
        """One round. A run whose changes cannot be committed is given up; whoever waits for it gets the error."""
        self.settled = False
        while self._inbox:
            self._inbox.popleft()()
        if self.bell.news:
            self.bell.news = False
            for drive in list(self.drives.values()):
                self.look_into(drive)
        now = self._clock.now()
        news = self._collect(now)
        if self._called or self._gathering or self._room.listening:
            self._read_messages(now)
        if news or self._wake_due(now) or self.fresh or self._commit_pending():
            self._advance(now)
            self.settled = True
            return
        patience = self._patience(now, longest)
        self.settled = True
        if not self._inbox:
            self._waited = True
            self.bell.wait(patience)

    def _commit_pending(self) -> bool:
        return any(drive.dirty for drive in self.drives.values())

    def _read_messages(self, now: float) -> None:
        """Take what has come for tasks that wait, from other processes and from tasks that have ended."""
        listening, self._room.listening = self._room.listening, set()
        for key in listening:
            drive = self.drives.get(key)
            if drive is not None:
                self._called.add(drive)
                drive.stirred = True
                if drive.gatherings:
                    self._gathering.add(drive)
        called, self._called = self._called, set()
        for drive in called:
            if not drive.done:
                self._fenced(drive, self._mailbox.look, now)
        for drive in list(self._gathering):
            if drive.stirred and not drive.done:
                self._fenced(drive, self._mailbox.gather, now)
            if drive.done or not drive.gatherings:
                self._gathering.discard(drive)

    def _collect(self, now: float) -> bool:
        """Take every report that is there."""
        any_report = False
        waited, self._waited = self._waited, False
        dispatcher = self._dispatcher
        for name in self._executors:
            # An executor with nothing under way has news only where the bell has heard it.
            if not (waited or dispatcher.taken[name]):
                continue
            for report in dispatcher.poll(name, now):
                any_report = True
                dispatcher.landed(name, report)
                drive = self.drives.get(report.run)
                if drive is not None:
                    if self._stopped:
                        self._judge(drive, report)
                    self._fenced(drive, self._collector.collect, report, now)
        return self._has_more_room() or any_report

    def _has_more_room(self) -> bool:
        """Whether an executor has more slots than when this was last asked: attempts that wait have lent theirs."""
        slots = sum(executor.slots for executor in self._executors.values())
        before, self._slots = self._slots, slots
        return slots > before

    def _judge(self, drive: Drive, report: Report) -> None:
        """An attempt that was stopped from here ended of that, and of nothing else."""
        instead = self._stopped.pop(key_of(report), None)
        if instead is not None and type(report.outcome) is Failure:
            report.outcome = instead

    def _wake_due(self, now: float) -> bool:
        """Stop attempts past their time-out, and see whether some task's time has come."""
        while self._late and self._late[0][0] <= now:
            _, run, task, attempt = heapq.heappop(self._late)
            drive = self.drives.get(run)
            if drive is not None and drive.machine.is_running(task, attempt):
                self._time_out(drive, (run, task, attempt), now)
        due = False
        for drive in self.drives.values():
            at = drive.machine.next_due()
            if at is not None and at <= now:
                drive.dirty = due = True
        return due

    def _time_out(self, drive: Drive, attempt: AttemptKey, now: float) -> None:
        """Stop the attempt, unless its time is not up: it counts from where the body began, not from the launch."""
        options = drive.jobs[attempt[1]].spec.options
        executor = self._executors[options.executor]
        began = executor.began(attempt)
        until = (now if began is None else began) + (options.timeout or 0.0)
        if until > now:
            heapq.heappush(self._late, (until, *attempt))
            return
        self._stopped[attempt] = Failure(Cause.TIMEOUT, f"ran longer than its time-out of {options.timeout:g} s")
        executor.cancel([attempt], self.grace)

    def _advance(self, now: float) -> None:
        """Dispatch what can start, commit all changes at once, then launch and tell those who wait."""
        dirty = [drive for drive in self.drives.values() if drive.dirty]
        if len(dirty) < len(self.drives):
            dirty += self._others_in_need()
        dirty += self.fresh
        for drive in dirty:
            if drive.end is None:
                self._fenced(drive, self._go_on, now)
        self._commit([drive for drive in dirty if not drive.done])
        self.fresh.clear()
        for drive, move in self._dispatcher.launch(now):
            seconds = drive.jobs[move.task].spec.options.timeout
            if seconds is not None:
                heapq.heappush(self._late, (now + seconds, drive.key or 0, move.task, move.attempt))
        for drive in dirty:
            if drive.end is not None and not drive.done:
                self._finish(drive)

    def _go_on(self, drive: Drive, now: float) -> None:
        """Start what can start, and see whether it is over."""
        self._dispatcher.offer(drive, now)
        if drive.machine.closed and not drive.closing:
            drive.closing = True
            self._stop_waiting(drive)
        drive.end = drive.changes.move = _end_of(drive, now)

    def _stop_waiting(self, drive: Drive) -> None:
        """A run that has failed lets its bodies end, but not what only waits: that waits again after a resume."""
        for task, number in drive.machine.running():
            spec = drive.jobs[task].spec
            if spec.kind in ONLY_WAIT:
                attempt = (drive.key or 0, task, number)
                self._stopped[attempt] = Returned()
                self._executors[spec.options.executor].cancel([attempt], self.grace)

    def _others_in_need(self) -> list[Drive]:
        """Runs that are not changed themselves, but may take slots that others have left."""
        return [drive for drive in self.drives.values() if not drive.dirty and drive.machine.has_ready()]

    def _commit(self, drives: list[Drive]) -> None:
        """Write the changes of all drives in one transaction; where that fails, each by itself, so that a run whose
        lease is lost does not take the others with it."""
        sheets = [(drive, drive.take_changes()) for drive in drives if drive.dirty or drive.end is not None]
        sheets = [(drive, changes) for drive, changes in sheets if _holds_something(changes)]
        if not sheets:
            return
        try:
            self._store.commit([changes for _, changes in sheets])
        except ManyhandsError as error:
            if len(sheets) == 1 and not isinstance(error, CallsWaiting):
                self.give_up(sheets[0][0], error)
            else:
                for drive, changes in sheets:
                    self._commit_alone(drive, changes)
        else:
            for drive, changes in sheets:
                self._committed(drive, changes)

    def _committed(self, drive: Drive, changes: Changes) -> None:
        if drive.key is None and changes.key is not None:
            self._enter(drive, changes.key)
        drive.committed()

    def _enter(self, drive: Drive, key: int) -> None:
        """A new run has been committed and has its key."""
        drive.key = drive.changes.key = key
        if drive.end is None:
            self.drives[key] = drive

    def _commit_alone(self, drive: Drive, changes: Changes) -> None:
        try:
            try:
                self._store.commit([changes])
            except CallsWaiting:
                # Somebody has called the run just now, so this is not its end.
                drive.end = changes.move = None
                self._called.add(drive)
                self._store.commit([changes])
        except ManyhandsError as error:
            self.give_up(drive, error)
        else:
            self._committed(drive, changes)

    def _finish(self, drive: Drive) -> None:
        if drive.key is not None:
            self.drives.pop(drive.key, None)
        drive.finish()

    def _fenced(self, drive: Drive, work: Callable[[Drive, *Given], object], *given: *Given) -> None:
        """Do something for one run. If that fails, whatever the reason, the run is given up; the others go on."""
        try:
            work(drive, *given)
        except Exception as error:  # whoever waits for the run gets it
            log.error("Run %s cannot be driven on here, and was handed back.", drive.run_id, exc_info=error)
            self.hand_back(drive, error)

    def hand_back(self, drive: Drive, error: BaseException) -> None:
        """Something unforeseen came out of driving a run: in memory it may be half told, but the store is right. It is
        given up, and its lease with it."""
        self.give_up(drive, error)
        if drive.key is not None:
            try:
                self._store.forget_lease(drive.key, drive.epoch, self._clock.now())
            except ManyhandsError as failed:
                log.warning("Run %s could not be handed back: %s", drive.run_id, failed)

    def give_up(self, drive: Drive, error: BaseException) -> None:
        """Stop driving a run that is not finished: its attempts are stopped, those who wait get the error."""
        if drive.key is not None:
            self.drives.pop(drive.key, None)
        self._dispatcher.forget(drive)
        by_executor: dict[str, list[AttemptKey]] = {}
        for task, attempt in drive.machine.running():
            options = drive.jobs[task].spec.options
            by_executor.setdefault(options.executor, []).append((drive.key or 0, task, attempt))
        for name, attempts in by_executor.items():
            self._executors[name].cancel(attempts, self.grace)
        drive.finish(error)

    def look_into(self, drive: Drive) -> None:
        """Somebody may have written to this run: see whether its lease is lost, it was canceled, or has messages."""
        if drive.key is not None and drive.changes.opening is None and not drive.done:  # else it is not there yet
            self._fenced(drive, self._look_into)

    def _look_into(self, drive: Drive) -> None:
        record = self._store.run(drive.run_id)
        if record is None or record.status is RunStatus.CANCELED:
            self.give_up(drive, RunCanceled(drive.run_id))
        elif record.epoch != drive.epoch:
            self.give_up(drive, LeaseLost(drive.key, drive.epoch))
        else:
            self._called.add(drive)

    def _patience(self, now: float, longest: float) -> float:
        """Seconds until something is due by itself."""
        until = longest
        if self._late:
            until = min(until, self._late[0][0] - now)
        for drive in self.drives.values():
            due = drive.machine.next_due()
            if due is not None:
                until = min(until, due - now)
        monotonic = self._clock.monotonic()
        for executor in self._executors.values():
            deadline = executor.deadline()
            if deadline is not None:
                until = min(until, deadline - monotonic)
        return max(0.0, until)


def _holds_something(changes: Changes) -> bool:
    kept = changes.document is not None or changes.move is not None or changes.new_run is not None
    return kept or bool(changes.moves or changes.tasks)


def _end_of(drive: Drive, now: float) -> RunMove | None:
    """The run's end, if this is it. A run that failed only because its workers were lost is not the user's failure:
    it is left to be taken up again."""
    end = drive.machine.over(now)
    if end is not None and end.to is RunStatus.FAILED and end.reason is Reason.LOST:
        end.to = RunStatus.RESUMABLE
    return end
