"""The flow's side of works: takes their calls, and makes of what is heard of them changes of their state."""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from typing import Any, NamedTuple

import cloudpickle

from manyhands.app import delta
from manyhands.app.calls import Status
from manyhands.app.channel import Exchange, Message
from manyhands.app.component import Component
from manyhands.app.delta import Delta, rerooted
from manyhands.app.endings import LET_IT_FAIL, RAISE_NOTHING, RETURN_NOTHING, NothingToRetry, UnfitBlueprint
from manyhands.app.errors import ForbiddenUpdate, UnfitDelta, WorkHasStopped
from manyhands.app.history import LATEST
from manyhands.app.plain import from_plain
from manyhands.app.runner import Ended, Runner, Wanted
from manyhands.app.status import BEGUN, WorkFailureReasons, WorkStageStatus, make_status
from manyhands.app.tree import Tree
from manyhands.app.work import Work
from manyhands.model.states import Cause

log = logging.getLogger("manyhands")

STORE = "MANYHANDS_STORE"
"""A work's process has been told another way which store the app is in."""

RETRY = "retry"
RESUMED = "resumed"

REASON_OF = {
    Cause.TIMEOUT: WorkFailureReasons.TIMEOUT,
    Cause.LOST: WorkFailureReasons.LOST,
    Cause.ERROR: WorkFailureReasons.USER_EXCEPTION,
    Cause.MEMORY: WorkFailureReasons.USER_EXCEPTION,
}

OVER = "over"

BEGUN_BEFORE = frozenset({WorkStageStatus.RUNNING, WorkStageStatus.FAILED})
"""Where a call stands that begins once more without having been submitted here."""


class Fatal(NamedTuple):
    """A call that ends the app: the work's name, what it raised and where, and what to do about it."""

    work: str
    message: str
    trace: str
    cure: str


class Desk:
    """Carries out calls, see `calls.Calls`; and delivers what is heard. Only the loop's thread uses it.

    `session`: this life of the app. Of each work at most one status is delivered per turn, and none in the turn after
    it was called, so that every status of its latest call is seen by at least one turn of the flow.
    """

    def __init__(self, tree: Tree, exchange: Exchange, session: str) -> None:
        self._tree = tree
        self._exchange = exchange
        self._session = session
        self.runner: Runner
        self.works: dict[str, Work] = {}
        self.changed = False
        """Whether anything has changed since the loop looked last."""
        self.fatal: Fatal | None = None
        self.parting = False
        """The app ends: its works are told to stop."""
        self.to_keep = False
        """Whether something has come to an end that is to be kept."""
        self._sent: dict[str, int] = {}
        self._fresh: set[str] = set()
        self._inbox: dict[str, deque[Message]] = exchange.heard
        self._words: dict[tuple[str, str | None], Message] = {}
        self._starts: dict[str, str] = {}
        self._failures: dict[tuple[str, str | None], int] = {}
        self._wanted: dict[tuple[str, str], Wanted] = {}
        self._awaited: Counter[tuple[str, str | None]] = Counter()
        """Calls whose end is to be told."""

    # --- calls ------------------------------------------------------------------------------------------------------

    def submit(self, work: Work, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        wanted = Wanted(work.name, key, args, kwargs, 0, 1 + work._retries_, work._retry_delay_, work._timeout_)
        self._wanted[work.name, key] = wanted
        self._submit(work, wanted)

    def retry(self, work: Work, key: str) -> None:
        """Make a call once more that has failed. Errors: `NothingToRetry`, `WorkHasStopped`."""
        wanted = self._wanted.get((work.name, key))
        statuses = None if key == LATEST else work._calls.get(key, {}).get("statuses")
        if wanted is None or not statuses or statuses[-1]["stage"] != WorkStageStatus.FAILED:
            raise NothingToRetry(work.name, key)
        if work._stopped_:
            raise WorkHasStopped(work.name)
        self._record(work, key, make_status(WorkStageStatus.PENDING, reason=RETRY, timestamp=self._tree.clock()))
        self._submit(work, wanted)

    def start(self, work: Work, key: str) -> None:
        self._starts[work.name] = key
        self._submit(work, Wanted(work.name, None, (), {}, 0))

    def _submit(self, work: Work, wanted: Wanted) -> None:
        name = work.name
        self.works[name] = work
        self._fresh.add(name)
        self._awaited[name, wanted.key] += 1
        self.gather()
        self.runner.submit(wanted._replace(seen=self._sent.get(name, 0)))

    def stop(self, work: Work) -> None:
        self._fresh.add(work.name)
        self.works[work.name] = work
        self.end(work.name)
        self.to_keep = True

    def end(self, name: str) -> None:
        """Stop a work's process, whatever the flow thinks of the work."""
        self._exchange.send(name, {"is": "stop"})
        self.runner.stop(name)

    def delete(self, work: Work) -> None:
        self.end(work.name)
        self._exchange.forget(work.name)
        self.to_keep = True

    # --- what works are told ----------------------------------------------------------------------------------------

    def greet(self, name: str, pid: int) -> None:
        """A work's process has called: tell it what it is."""
        work = self.works.get(name)
        if work is None:
            self._exchange.forget(name)
            return
        self.gather()
        seen = self._sent.setdefault(name, 0)
        told = {"is": "state", "work": blueprint(work), "vars": work._vars_(), "session": self._session, "seen": seen}
        # It was begun by a process that knows nothing of what this one has set since.
        self._exchange.send(name, {**told, **_surroundings()})

    def gather(self, mutable: bool = True) -> None:
        """See what the flow has changed, and tell the works of it; `mutable`: see `Tree.collect`. Errors:
        `ForbiddenUpdate`."""
        for component, changes in self._tree.collect(mutable):
            self.changed = True
            if isinstance(component, Work):
                self._tell(component, changes)

    def _tell(self, work: Work, changes: Delta) -> None:
        name = work.name
        operations = [[path[1:], verb, value] for path, verb, value in changes if path[0] == "vars"]
        if work.is_running:
            for operation in operations:
                if operation[1] != "set":
                    raise ForbiddenUpdate(name, operation)
        if operations:
            seen = self._sent.get(name, 0) + 1
            if self._exchange.send(name, {"is": "delta", "ops": operations, "seen": seen}):
                self._sent[name] = seen

    def impose(self, root: Component, changes: Delta) -> None:
        """Make changes that come from outside, all or none. Errors: `UnfitDelta`."""
        self.gather()
        delta.apply(root._saved_(), changes)
        for change in changes:
            owner, rest = root._owner_(change[0], change)
            root.apply([change])
            self.changed = True
            if isinstance(owner, Work):
                self._tell(owner, [[list(rest), change[1], change[2]]])

    # --- what is heard of works -------------------------------------------------------------------------------------

    def deliver(self) -> bool:
        """Apply what has been heard, as much of it as one turn may see; whether some is left."""
        for ended in self.runner.ended():
            self._exchange.drain(ended.work)
            heard = self._inbox.setdefault(ended.work, deque())
            heard.insert(_place_of_end(heard, ended.key), {"is": OVER, "ended": ended})
        held, self._fresh = self._fresh, set()
        left = False
        for name, heard in list(self._inbox.items()):
            if heard and name in held:
                left = True
            elif heard:
                left = self._deliver(self.works.get(name), heard) or left
        return left

    def drain(self) -> None:
        """Apply all that has been heard, at the end of the app."""
        while self.deliver():
            self._fresh.clear()

    def _deliver(self, work: Work | None, heard: deque[Message]) -> bool:
        if work is None:
            heard.clear()
            return False
        self.gather()
        while heard and not self._too_early(work, heard):
            if self._take(work, heard.popleft()):
                return bool(heard)
        return False

    def _too_early(self, work: Work, heard: deque[Message]) -> bool:
        """Whether the next call has begun while the end of the one before it is still to be told to the flow."""
        if heard[0]["is"] not in BEGUN or work._stopped_ or self.parting:
            return False
        for (name, key), words in self._words.items():
            final = words["is"] != WorkStageStatus.STOPPED or not work._retries_
            if name == work.name and final and (name, key) in self._awaited:
                # One that is heard of once more has not ended after all.
                return all(message.get("key", OVER) != key for message in heard)
        return False

    def _take(self, work: Work, message: Message) -> bool:
        """Whether it was a status."""
        kind = message["is"]
        if kind == "delta":
            self._apply(work, message["ops"])
        elif kind == OVER:
            return self._over(work, message["ended"])
        elif kind == WorkStageStatus.RUNNING:
            self._running(work, message)
        elif kind == WorkStageStatus.STARTED:
            self._record(work, self._starts.get(work.name), make_status(kind, timestamp=message["at"]))
        elif kind == WorkStageStatus.STOPPED and (work._stopped_ or self.parting or message["key"] is None):
            self._record(work, message["key"], make_status(kind, None, message["reason"], message["at"]))
        else:
            return self._last_words(work, message)
        return bool(kind != "delta")

    def _apply(self, work: Work, operations: Delta) -> None:
        self.changed = True
        try:
            work.apply(rerooted(("vars",), operations))
        except UnfitDelta:
            # Both sides have changed the same list; what the work has is what counts.
            self._exchange.send(work.name, {"is": "again"})

    def _running(self, work: Work, message: Message) -> None:
        key = message["key"]
        if (work.name, key) not in self._awaited:
            self._awaited[work.name, key] = 1
            self.runner.heard_of(work.name, key)
        known = work._calls.get(key, {}).get("statuses") or [{}]
        if known[-1].get("stage") in BEGUN_BEFORE:
            # It is tried again: its process died, or somebody has asked for it from elsewhere.
            self._record(work, key, make_status(WorkStageStatus.PENDING, "", RETRY, message["at"]))
        self._record(work, key, make_status(WorkStageStatus.RUNNING, timestamp=message["at"]))

    def _last_words(self, work: Work, message: Message) -> bool:
        """What the work's process says of a call's end counts when the engine has written the end down."""
        name, key = work.name, message["key"]
        if message["is"] == WorkStageStatus.FAILED:
            failures = self._failures[name, key] = self._failures.get((name, key), 0) + 1
            if failures <= work._retries_:
                waits = make_status(WorkStageStatus.PENDING, message["message"], RETRY, message["at"])
                self._record(work, key, waits)
                return True
        self._words[name, key] = message
        return False

    def _over(self, work: Work, ended: Ended) -> bool:
        words = self._words.pop((ended.work, ended.key), None)
        self._failures.pop((ended.work, ended.key), None)
        self._awaited.subtract([(ended.work, ended.key)])
        if self._awaited[ended.work, ended.key] <= 0:
            del self._awaited[ended.work, ended.key]
        self.to_keep = True
        if ended.key is None:
            return False
        if ended.cause is None:
            at = words["at"] if words is not None else self._tree.clock()
            self._record(work, ended.key, make_status(WorkStageStatus.SUCCEEDED, timestamp=at))
            self._wanted.pop((ended.work, ended.key), None)
            return True
        if words is not None and ended.cause is not Cause.TIMEOUT:
            if words["is"] != WorkStageStatus.STOPPED:
                return self._failed(work, ended.key, words)
            self._record(work, ended.key, make_status(words["is"], None, words["reason"], words["at"]))
            return True
        if ended.cause is Cause.CANCELED:
            self._record(work, ended.key, make_status(WorkStageStatus.STOPPED, ended.message))
            return True
        message = {"reason": REASON_OF[ended.cause], "message": ended.message, "trace": "", "count": ended.timeouts,
                   "fatal": work._raise_exception, "at": self._tree.clock()}  # fmt: skip
        return self._failed(work, ended.key, message)

    def _failed(self, work: Work, key: str, words: Message) -> bool:
        failed = make_status(WorkStageStatus.FAILED, words.get("message"), words["reason"], words["at"])
        if words.get("count", 0) > 1:
            failed["count"] = words["count"]
        self._record(work, key, failed)
        if words.get("fatal") and self.fatal is None:
            cure = LET_IT_FAIL if work._raise_exception else RAISE_NOTHING
            if words["reason"] == WorkFailureReasons.INVALID_RETURN_VALUE:
                cure = RETURN_NOTHING
            self.fatal = Fatal(work.name, words["message"], words["trace"], cure)
        return True

    def _record(self, work: Work, key: str | None, status: Status) -> None:
        self.changed = True
        work._record_(key, status)

    # --- an app that goes on ----------------------------------------------------------------------------------------

    def resumed(self, ended: Ended) -> bool:
        """The call is run again, as it was not over when the app was left. False for a work that there is no more, or
        that was stopped."""
        work = self.works.get(ended.work)
        if work is None or work._stopped_:
            # A work that the flow makes later is called by the flow again, as if it had never been.
            _forget_call(self._tree.saved, ended)
            return False
        self._awaited[ended.work, ended.key] += 1
        if ended.key is not None:
            entry = work._calls.get(ended.key, {})
            entry.pop("ret", None)
            self._record(work, ended.key, make_status(WorkStageStatus.PENDING, reason=RESUMED))
        return True

    def ended_meanwhile(self, ended: Ended, state: dict[str, Any] | None) -> None:
        """The call came to its end when the app could not see it any more."""
        work = self.works.get(ended.work)
        if work is None:
            return
        for name, value in (state or {}).items():
            if name in work._seen_:
                work._put_(name, from_plain(value))
        self.changed = True
        self._over(work, ended)


def _place_of_end(heard: deque[Message], key: str | None) -> int:
    """Where the end of a call belongs: behind all that the call has said, and before the next one begins."""
    place = len(heard)
    for behind, message in enumerate(reversed(heard), 1):
        if message.get("key", OVER) == key:
            break
        if message["is"] in BEGUN:
            place = len(heard) - behind
    return place


def _surroundings() -> Message:
    environ = [[os.fsencode(key), os.fsencode(value)] for key, value in os.environ.items() if key != STORE]
    try:
        return {"environ": environ, "folder": os.getcwdb()}
    except FileNotFoundError:  # somebody has deleted it
        return {"environ": environ, "folder": b"."}


def _forget_call(saved: dict[str, Any], ended: Ended) -> None:
    """Take a call out of what is kept for components that are not made yet."""
    for name, kept in saved.items():
        if ended.work != name and not ended.work.startswith(f"{name}."):
            continue
        part = kept
        for step in ended.work.removeprefix(name).split(".")[1:]:
            children = [part.get(kind, {}) for kind in ("works", "flows", "structures")]
            part = next((known[step] for known in children if step in known), {})
        calls = part.get("calls", {})
        calls.pop(ended.key, None)
        if calls.get(LATEST) == ended.key:
            calls[LATEST] = None


def blueprint(work: Work) -> bytes:
    """The work as its process is to have it, pickled. Errors: `UnfitBlueprint` for what cannot be pickled."""
    copy = object.__new__(type(work))
    copy.__dict__.update(work.__dict__)
    copy.__dict__.update(_calls={LATEST: None}, _prints_={}, _keys_={})
    try:
        pickled: bytes = cloudpickle.dumps(copy, protocol=5)
        return pickled
    except Exception as error:
        raise UnfitBlueprint(work.name, f"{type(error).__name__}: {error}") from error
