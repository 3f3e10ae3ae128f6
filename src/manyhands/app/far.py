"""The far side of a work: a process in which its calls are run one after the other, and which tells what it sees."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
from contextlib import suppress
from functools import cache, partial
from typing import Any, NoReturn

import cloudpickle
import msgspec

from manyhands.app.calls import Status
from manyhands.app.channel import Line, Message
from manyhands.app.errors import ReturnedValue
from manyhands.app.observing import Observer
from manyhands.app.status import WorkFailureReasons, WorkStageStatus, WorkStopReasons, make_status
from manyhands.app.stopping import Uninterrupted, WorkStopped
from manyhands.app.work import Work

log = logging.getLogger("manyhands")

BANNER = "########## CAPTURED EXCEPTION ###########"

UNTELLABLE = (TypeError, OverflowError, ValueError, RuntimeError)
"""What a state raises that cannot be told."""


class Order(msgspec.Struct, array_like=True):
    """One call on its way to the work's process.

    `address`: where the flow listens. `session`, `seen`: this life of the app, and how many changes the flow had sent
    to the work then: they come before the call. `call`: `(args, kwargs)`, pickled. `keep`: return the work's attributes
    when it has succeeded. A `key` of None only starts the process.
    """

    work: str
    address: str
    session: str
    seen: int
    key: str | None
    call: bytes
    keep: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Order).decode


def pack(order: Order) -> bytes:
    """The order as an argument of `perform`."""
    return _encode(order)


def perform(order: bytes) -> dict[str, Any] | None:
    """The body of every call's task: one call, run to its end. Errors: whatever the work's code raises."""
    return here().serve(_decode(order))


@cache
def here() -> Seat:
    """What lives in this process between the calls of its work."""
    return Seat()


class Seat:
    """The work of this process, its line to the flow, and the call that it runs."""

    def __init__(self) -> None:
        self._work: Work | None = None
        self._line: Line | None = None
        self._observer: Observer | None = None
        self._key: str | None = None
        self._uninterrupted = Uninterrupted(self._leave)
        self._news = threading.Condition()
        self._session = ""
        self._seen = -1

    def serve(self, order: Order) -> dict[str, Any] | None:
        """Run one call. Errors: whatever its code raises, which is told to the flow before."""
        if self._line is None:
            self._call_in(order)
        work = self._await_news(order)
        if order.key is None:
            self._tell({"is": WorkStageStatus.STARTED, "at": time.time()})
            return None
        try:
            self._run(work, order.key, order.call)
        except WorkStopped:
            self._exit()
        return work._vars_() if order.keep else None

    def _call_in(self, order: Order) -> None:
        """The first order: reach the flow, which answers with the work."""
        for stream in (sys.stdout, sys.stderr):
            # A flow's prints and its works' go to the same place: each line when it is written.
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(line_buffering=True)
        line = self._line = Line(order.address, order.work)
        threading.Thread(target=self._listen, args=(line,), name="manyhands-line", daemon=True).start()
        self._uninterrupted.watch()

    def _await_news(self, order: Order) -> Work:
        """Until the flow has said what the work is, and all that it had to say before this call."""
        with self._news:
            self._news.wait_for(lambda: self._seen >= (order.seen if order.session == self._session else 0))
        work = self._work
        assert work is not None  # noqa: S101 - it comes with the first news
        return work

    def _run(self, work: Work, key: str, call: bytes) -> None:
        with self._uninterrupted:
            self._key = key
            self._observe(work)
            work._record_(key, make_status(WorkStageStatus.PENDING))
            self._say(work, key, make_status(WorkStageStatus.RUNNING))
        try:
            args, kwargs = work._arrive_(*cloudpickle.loads(call))
            result = work._body_(*args, **kwargs)
        except WorkStopped:
            raise
        except BaseException as error:
            self._fail(work, key, error)
            raise
        with self._uninterrupted:
            self._settle(work)
            if result is not None:
                refused = ReturnedValue(work.name, f"{result!r:.200}")
                failed = make_status(WorkStageStatus.FAILED, str(refused), WorkFailureReasons.INVALID_RETURN_VALUE)
                self._end_badly(work, key, failed, "", True)
                raise refused
            work._save_artifacts_()
            self._say(work, key, make_status(WorkStageStatus.SUCCEEDED))
            del work._calls[key]["ret"]  # whatever `run` calls of itself, it runs
            self._key = None

    def _fail(self, work: Work, key: str, error: BaseException) -> None:
        text, trace = _text(error), _trace(error)
        fatal = False
        try:
            work.on_exception(error)
        except WorkStopped:
            raise
        except BaseException as raised:  # noqa: BLE001 - that it raises is its way to end the app
            fatal = True
            if raised is not error:
                trace = _trace(raised)
        if not fatal:
            sys.stderr.write(f"{BANNER}\n{trace}{BANNER}\n")
        with self._uninterrupted:
            self._settle(work)
            failed = make_status(WorkStageStatus.FAILED, text, WorkFailureReasons.USER_EXCEPTION)
            self._end_badly(work, key, failed, trace, fatal)

    def _end_badly(self, work: Work, key: str, failed: Status, trace: str, fatal: bool) -> None:
        self._say(work, key, failed, trace=trace, fatal=fatal)
        self._key = None

    # --- what is told and heard -------------------------------------------------------------------------------------

    def _observe(self, work: Work) -> None:
        try:
            self._watcher.start()
        except UNTELLABLE as error:
            log.warning("The state of %s cannot be told to its flow: %s", work.name, error)
        work._on_assign_ = self._assigned

    def _settle(self, work: Work) -> None:
        """The call is over: nothing that it has changed may be lost, and nothing is told of it any more."""
        work._on_assign_ = None
        try:
            self._watcher.stop()
        except UNTELLABLE as error:
            log.warning("The last changes of %s cannot be told to its flow: %s", work.name, error)

    @property
    def _watcher(self) -> Observer:
        assert self._observer is not None  # noqa: S101 - it comes with the work
        return self._observer

    def _say(self, work: Work, key: str, status: Status, **more: Any) -> None:
        """Tell a call's status. What the work itself knows of its calls, nobody is told: the flow knows better."""
        work._record_(key, status)
        said = {"is": status["stage"], "key": key, "at": status["timestamp"]}
        self._tell({**said, "reason": status.get("reason"), "message": status.get("message", ""), **more})

    def _tell(self, message: Message) -> None:
        assert self._line is not None  # noqa: S101 - it is there from the first order on
        with self._uninterrupted:
            self._line.send(message)

    def _tell_delta(self, operations: list[Any]) -> None:
        self._tell({"is": "delta", "ops": operations})

    def _assigned(self) -> None:
        with self._uninterrupted:
            self._watcher.assigned()

    def _listen(self, line: Line) -> None:
        """What the flow has to say: what the work is, and what it changes in it."""
        while messages := line.receive():
            for message in messages:
                try:
                    self._hear(message)
                except Exception:
                    log.exception("What the flow says cannot be understood.")
                    os._exit(1)
        if self._work is None:
            os._exit(1)  # the flow does not know this work any more

    def _hear(self, message: Message) -> None:
        if message["is"] == "stop":
            self._uninterrupted.insist()
            return
        with self._news:
            if message["is"] == "state":
                os.environ.update({os.fsdecode(key): os.fsdecode(value) for key, value in message["environ"]})
                os.chdir(message["folder"])
                work = self._work = cloudpickle.loads(message["work"])
                work._enter_(message["vars"])
                self._observer = Observer(work._vars_, self._tell_delta, message["vars"])
                self._session = message["session"]
            elif message["is"] == "delta":
                self._take(message["ops"])
            elif message["is"] == "again":
                self._watcher.tell_all()
                return
            self._seen = message["seen"]
            self._news.notify_all()

    def _take(self, operations: list[Any]) -> None:
        work, observer = self._work, self._watcher
        assert work is not None  # noqa: S101 - it comes first
        with observer.lock:
            work._take_(operations)
            observer.known(operations)

    # --- the end ----------------------------------------------------------------------------------------------------

    def _leave(self) -> None:
        """SIGTERM: tell all that is to be told, let the work end in its own way, and be gone."""
        work, key = self._work, self._key
        if work is None or self._observer is None:
            self._exit()
        if key is None:
            self._observe(work)
        greet = partial(log.info, "Received SIGTERM signal. Gracefully terminating %s...", work.name)
        for last in (greet, work._save_artifacts_, work.on_exit):
            try:
                last()
            except BaseException:
                with suppress(RuntimeError):  # a print that was interrupted lets nobody else print
                    log.exception("%s did not end in order.", work.name)
        self._settle(work)
        reason = WorkStopReasons.SIGTERM_SIGNAL_HANDLER
        self._tell({"is": WorkStageStatus.STOPPED, "key": key, "at": time.time(), "reason": reason})
        if key is None:
            self._exit()
        raise WorkStopped

    def _exit(self) -> NoReturn:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(0)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the user's own __str__ may be what is broken
        return type(error).__name__


def _trace(error: BaseException) -> str:
    """The traceback from the user's own frame on: ours above it tell nobody anything."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_globals.get("__name__") == __name__:
        frames = frames.tb_next
    return "".join(traceback.format_exception(type(error), error, frames))
