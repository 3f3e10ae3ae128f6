"""What every store must do with messages to runs, states of actors and tasks that wait, for `StoreSuite` to gather."""

# ruff: noqa: S101 - a suite of tests is made of assertions

from __future__ import annotations

from typing import Any

import pytest

from manyhands.model.errors import (
    CallsWaiting,
    IllegalMove,
    LeaseLost,
    RunActive,
    RunFinished,
    RunNotFound,
    RunNotResumable,
    StoreCorrupt,
)
from manyhands.model.kinds import ACTOR
from manyhands.model.messages import CALL, SIGNAL
from manyhands.model.records import Changes, MessageRecord, NewState, Opening, StateRecord, TaskMove
from manyhands.model.specs import WAITING_ROOM
from manyhands.model.states import RUN_TERMINAL, AttemptStatus, Cause, Reason, RunStatus
from manyhands.model.values import Encoded
from manyhands.ports.store import Store
from manyhands.testing.store_kit import (
    ENGINE,
    FAILED,
    FAR,
    OTHER,
    PENDING,
    RUNNING,
    SKIPPED,
    STOPPED,
    SUCCEEDED,
    begin,
    done,
    end_run,
    engine,
    everything,
    failed,
    history,
    new_run,
    new_task,
    start,
    the_run,
    the_task,
    value,
    write,
)

ANY = tuple(RunStatus)
LATE = FAR * 1e3
"""After everything, also after what the clock says now."""


def begin_actor(store: Store, tasks: int = 1, run_id: str = "an actor") -> int:
    """An actor that `ENGINE` drives; returns its key."""
    store.enroll(engine())
    changes = Changes(None, 0, new_run(run_id, kind=ACTOR), tasks=[new_task(n) for n in range(tasks)])
    store.commit([changes])
    assert changes.key is not None
    return changes.key


def post(store: Store, run_id: str, kind: str = SIGNAL, key: str = "go", text: bytes = b"payload") -> int:
    """A message that has to be accepted; returns its id."""
    posted = store.post(run_id, kind, key, value(text), 15.0)
    assert posted is not None
    return posted[0]


def change(store: Store, key: int, epoch: int = 1, **changes: Any) -> None:
    store.commit([Changes(key, epoch, **changes)])


def finish(store: Store, key: int, status: RunStatus) -> None:
    """Bring a run to an end, or where nobody drives it."""
    run_id = next(run.run_id for run in store.runs() if run.key == key)
    if status is RunStatus.CANCELED:
        store.cancel(run_id, 20.0, "")
    elif status is RunStatus.RESUMABLE:
        store.forget_lease(key, 1, 20.0)
    else:
        write(store, key, start(0), done(0) if status is RunStatus.SUCCEEDED else failed(0))
        change(store, key, move=end_run(status))


def in_blob(store: Store, data: bytes) -> Encoded:
    return Encoded("bytes", b"", store.blobs.put(data), len(data))


class MessageSuite:
    """Messages: left by anybody, taken once, by who holds the lease."""

    def test_a_message_waits_until_it_is_taken(self, store: Store) -> None:
        key = begin(store)
        assert store.messages(key) == []
        posted = store.post("a run", SIGNAL, "go", value(b"payload"), 15.0)
        assert posted is not None
        number, driver = posted
        assert driver == ENGINE
        assert store.messages(key) == [MessageRecord(number, SIGNAL, "go", 15.0, value(b"payload"))]
        assert store.message(number) == store.messages(key)[0]
        assert store.message(number + 1) is None
        change(store, key, taken=[(number, 1)])
        assert store.messages(key) == []
        assert store.message(number) == MessageRecord(number, SIGNAL, "go", 15.0, value(b"payload"), 1)
        assert store.check() == []

    def test_messages_keep_their_order_and_their_run(self, store: Store) -> None:
        key, other = begin(store), begin(store, run_id="other")
        numbers = [post(store, run, SIGNAL, "k", b"%d" % n) for n, run in enumerate(["a run", "other"] * 3)]
        assert numbers == sorted(set(numbers))
        assert [message.value.data for message in store.messages(key)] == [b"0", b"2", b"4"]
        assert [message.id for message in store.messages(other)] == numbers[1::2]
        assert [message.id for message in store.messages(key, after=numbers[0])] == [numbers[2], numbers[4]]
        assert store.messages(key, after=numbers[4]) == []
        change(store, key, taken=[(numbers[2], 0)])
        assert [message.id for message in store.messages(key)] == [numbers[0], numbers[4]]

    def test_a_large_payload_comes_back(self, store: Store) -> None:
        begin(store)
        large = in_blob(store, b"x" * 100_000)
        posted = store.post("a run", SIGNAL, "", large, 15.0)
        assert posted is not None
        message = store.message(posted[0])
        assert message is not None
        assert message.value == large
        assert store.check() == []

    def test_a_message_is_noticed_and_is_no_event(self, store: Store) -> None:
        begin(store)
        before, events = store.changed(), store.events()
        post(store, "a run")
        assert store.changed() != before
        assert store.events() == events

    def test_a_signal_needs_no_driver(self, store: Store) -> None:
        store.commit([Changes(None, 0, new_run("detached", detached=True), tasks=[new_task(0)])])
        left = begin(store)
        store.forget_lease(left, 1, 14.0)
        for run in ("detached", "a run"):
            posted = store.post(run, SIGNAL, "go", value(b"x"), 15.0)
            assert posted is not None
            assert posted[1] == ""
            assert [message.key for message in store.messages(the_run(store, run).key)] == ["go"]

    @pytest.mark.parametrize("status", sorted(RUN_TERMINAL))
    def test_a_finished_run_gets_no_signal(self, store: Store, status: RunStatus) -> None:
        finish(store, begin(store, 1), status)
        before = everything(store)
        with pytest.raises(RunFinished, match=status.value):
            store.post("a run", SIGNAL, "go", value(b"x"), 25.0)
        assert everything(store) == before

    @pytest.mark.parametrize("kind", [SIGNAL, CALL])
    def test_an_unknown_run_gets_nothing(self, store: Store, kind: str) -> None:
        with pytest.raises(RunNotFound, match="no run"):
            store.post("no run", kind, "go", value(b"x"), 25.0)

    @pytest.mark.parametrize("status", [*sorted(RUN_TERMINAL), RunStatus.RESUMABLE])
    def test_a_call_is_for_a_run_that_is_driven(self, store: Store, status: RunStatus) -> None:
        key = begin_actor(store)
        posted = store.post("an actor", CALL, "", value(b"call"), 15.0)
        assert posted is not None
        assert posted[1] == ENGINE
        change(store, key, taken=[(posted[0], 0)])
        finish(store, key, status)
        before = everything(store)
        assert store.post("an actor", CALL, "", value(b"call"), 25.0) is None
        assert everything(store) == before

    def test_a_call_of_a_pending_run_is_not_left(self, store: Store) -> None:
        store.commit([Changes(None, 0, new_run(detached=True, kind=ACTOR), tasks=[new_task(0)])])
        assert store.post("a run", CALL, "", value(b"call"), 15.0) is None

    def test_a_message_is_taken_once(self, store: Store) -> None:
        key = begin(store)
        number = post(store, "a run")
        change(store, key, taken=[(number, 0)])
        before = everything(store)
        with pytest.raises(IllegalMove, match=str(number)):
            change(store, key, tasks=[new_task(2)], moves=[start(0)], taken=[(number, 1)])
        assert everything(store) == before
        message = store.message(number)
        assert message is not None
        assert message.task == 0

    def test_only_its_own_run_takes_a_message(self, store: Store) -> None:
        key = begin(store)
        begin(store, run_id="other")
        number = post(store, "other")
        for wrong in (number, number + 1):
            with pytest.raises(IllegalMove):
                change(store, key, moves=[start(0)], taken=[(wrong, 0)])
        assert the_task(store, key, 0).status is PENDING
        assert len(store.messages(the_run(store, "other").key)) == 1

    def test_who_lost_the_lease_takes_nothing(self, store: Store) -> None:
        key = begin(store)
        number = post(store, "a run")
        store.enroll(engine(OTHER))
        store.open_session("a run", OTHER, 30.0, dead=[ENGINE], statuses=ANY)
        with pytest.raises(LeaseLost):
            change(store, key, taken=[(number, 0)])
        assert [message.id for message in store.messages(key)] == [number]
        change(store, key, 2, taken=[(number, 0)])

    @pytest.mark.parametrize("status", [RunStatus.SUCCEEDED, RunStatus.FAILED])
    def test_a_run_does_not_end_while_a_call_waits(self, store: Store, status: RunStatus) -> None:
        key, other = begin_actor(store), begin(store, run_id="other")
        number = post(store, "an actor", CALL)
        ended = done(0) if status is RunStatus.SUCCEEDED else failed(0)
        before = everything(store)
        last = Changes(key, 1, moves=[start(0), ended], move=end_run(status), called=True)
        with pytest.raises(CallsWaiting):
            store.commit([Changes(other, 1, moves=[start(0)]), last])
        assert everything(store) == before
        last.tasks, last.taken = [new_task(1)], [(number, 1)]
        store.commit([last])
        assert the_run(store, "an actor").status is status
        assert store.check() == []

    def test_a_signal_that_nobody_took_keeps_no_run_going(self, store: Store) -> None:
        key = begin(store, 1, moves=[start(0), done(0)])
        post(store, "a run")
        change(store, key, move=end_run(), called=True)
        assert the_run(store).status is RunStatus.SUCCEEDED
        assert store.check() == []

    def test_ids_of_messages_never_come_again(self, store: Store) -> None:
        """Who left one asks by its id what became of it."""
        begin(store)
        number = post(store, "a run")
        store.delete("a run", 30.0, dead=[ENGINE])
        assert store.message(number) is None
        begin(store, run_id="new")
        assert post(store, "new") > number

    def test_deleting_a_run_deletes_its_messages_and_states(self, store: Store) -> None:
        key, other = begin_actor(store), begin_actor(store, run_id="other")
        for run in ("an actor", "other"):
            post(store, run)
            post(store, run, CALL)
        for number in (key, other):
            change(store, number, states=[NewState(1, 0, "", 16.0, value(b"state"))])
        store.delete("an actor", 30.0, dead=[ENGINE])
        assert (store.messages(key), store.states(key), store.newest_task(key)) == ([], [], -1)
        assert (len(store.messages(other)), len(store.states(other))) == (2, 1)
        assert store.check() == []


class StateSuite:
    """Actors and their states, and tasks that wait in the driver."""

    def test_states_are_kept_in_order(self, store: Store) -> None:
        key = begin_actor(store, 3)
        assert store.states(key) == store.states(key, latest=True) == store.states(key, version=1) == []
        kept = [value(b"one"), in_blob(store, b"two" * 50_000), value(b"")]
        code = store.blobs.put(b"the class")
        for number, state in enumerate(kept):
            at = 15.0 + number
            change(store, key, moves=[start(number)], states=[NewState(number + 1, number, code, at, state)])
        expected = [StateRecord(n + 1, n, code, 15.0 + n, state) for n, state in enumerate(kept)]
        assert store.states(key) == expected
        assert store.states(key, latest=True) == expected[-1:]
        assert [store.states(key, version=n) for n in (1, 2, 3, 4)] == [expected[:1], expected[1:2], expected[2:], []]
        assert store.states(key + 1) == []
        assert store.check() == []

    def test_several_states_in_one_commit(self, store: Store) -> None:
        key = begin_actor(store, 2)
        change(store, key, states=[NewState(n, n - 1, "", 15.0, value(b"%d" % n)) for n in (1, 2)])
        assert [state.value.data for state in store.states(key)] == [b"1", b"2"]

    def test_a_document_takes_the_place_of_the_one_before(self, store: Store) -> None:
        key = begin_actor(store, 2)
        for document in (value(b"one"), in_blob(store, b"two" * 50_000), value(b"three")):
            change(store, key, document=document)
            assert [state.value for state in store.states(key, latest=True)] == [document]
        assert len(store.states(key)) == 1
        with pytest.raises(LeaseLost):
            change(store, key, 2, document=value(b"four"))
        assert store.states(key)[0].value == value(b"three")
        assert store.check() == []

    def test_the_entry_is_the_call_that_counts(self, store: Store) -> None:
        key = begin_actor(store)
        change(store, key, tasks=[new_task(1, upstreams=[0])], entry=1)
        assert the_run(store, "an actor").entry == 1
        change(store, key, moves=[start(0), done(0)])
        assert the_run(store, "an actor").entry == 1
        assert store.check() == []

    def test_on_an_error_no_state_message_or_entry_is_written(self, store: Store) -> None:
        key = begin_actor(store, 2)
        number = post(store, "an actor", CALL)
        before = everything(store)
        more: dict[str, Any] = {"states": [NewState(1, 0, "", 15.0, value(b"x"))], "taken": [(number, 1)], "entry": 1}
        with pytest.raises(LeaseLost):
            change(store, key, 2, **more)
        with pytest.raises(IllegalMove):
            change(store, key, moves=[done(0)], **more)
        assert everything(store) == before

    def test_the_newest_task(self, store: Store) -> None:
        key = begin_actor(store, 3)
        assert store.newest_task(key) == 2
        change(store, key, tasks=[new_task(3)])
        assert store.newest_task(key) == 3
        assert store.newest_task(key + 1) == -1

    def test_an_actor_at_rest_is_opened_by_a_call(self, store: Store) -> None:
        key = begin_actor(store, 3)
        write(store, key, start(0), done(0), start(1), failed(1))
        write(store, key, TaskMove(2, SKIPPED, 0, 14.0, Reason.SKIPPED))
        change(store, key, states=[NewState(1, 0, "", 15.0, value(b"x"))], move=end_run())
        tasks = store.tasks(key)
        run = store.open_session("an actor", ENGINE, 30.0, dead=(), statuses=ANY, reason=Reason.CALLED)
        assert (run.status, run.reason, run.epoch, run.takeovers, run.ended_at) == (
            RunStatus.RUNNING,
            "called",
            2,
            0,
            None,
        )
        assert history(store, key, None)[-1] == ("running", "called")
        assert store.tasks(key) == tasks, "of a run that had succeeded nothing is done again"
        change(store, key, 2, tasks=[new_task(3)], moves=[start(3), done(3)], entry=3, move=end_run())
        assert store.check() == []

    def test_the_first_commit_of_a_session_may_open_it(self, store: Store) -> None:
        key = begin_actor(store)
        finish(store, key, RunStatus.SUCCEEDED)
        store.commit(
            [
                Changes(
                    key,
                    2,
                    tasks=[new_task(1)],
                    moves=[start(1)],
                    entry=1,
                    opening=Opening("an actor", ENGINE, 30.0),
                )
            ]
        )
        run = the_run(store, "an actor")
        assert (run.status, run.reason, run.epoch, run.entry) == (RunStatus.RUNNING, "called", 2, 1)
        change(store, key, 2, moves=[done(1)], move=end_run(at=31.0))
        assert store.check() == []

    @pytest.mark.parametrize("how", ["later epoch", "driven", "failed"])
    def test_a_session_is_opened_by_one_commit_only(self, store: Store, how: str) -> None:
        key = begin_actor(store)
        finish(store, key, RunStatus.FAILED if how == "failed" else RunStatus.SUCCEEDED)
        if how == "driven":
            store.open_session("an actor", ENGINE, 29.0, dead=(), statuses=ANY, reason=Reason.CALLED)
        before = everything(store)
        error = {"later epoch": LeaseLost, "driven": RunActive, "failed": RunNotResumable}[how]
        epoch = 3 if how == "later epoch" else 2
        opening = Opening("an actor", ENGINE, 30.0)
        with pytest.raises(error):
            store.commit([Changes(key, epoch, tasks=[new_task(1)], opening=opening)])
        assert everything(store) == before

    def test_a_call_opens_a_failed_actor_and_what_failed_in_it(self, store: Store) -> None:
        key = begin_actor(store)
        finish(store, key, RunStatus.FAILED)
        run = store.open_session("an actor", ENGINE, 30.0, dead=(), statuses=ANY, reason=Reason.CALLED)
        assert (run.reason, run.takeovers) == ("called", 0)
        task = the_task(store, key, 0)
        assert (task.status, task.reason) == (PENDING, "resumed")
        assert store.check() == []

    def test_a_call_of_a_run_that_was_left_takes_it_over(self, store: Store) -> None:
        begin_actor(store)
        store.retire(ENGINE, 20.0)
        store.enroll(engine(OTHER))
        run = store.open_session("an actor", OTHER, 30.0, dead=(), statuses=ANY, reason=Reason.CALLED)
        assert (run.reason, run.takeovers, run.engine) == ("called", 1, engine(OTHER))

    def test_a_pending_run_is_started_whatever_the_reason(self, store: Store) -> None:
        store.commit([Changes(None, 0, new_run(detached=True), tasks=[new_task(0)])])
        store.enroll(engine())
        run = store.open_session("a run", ENGINE, 30.0, dead=(), statuses=ANY, reason=Reason.CALLED)
        assert run.reason == "started"

    @pytest.mark.parametrize("how", ["taken over", "canceled"])
    def test_what_waited_keeps_its_time(self, store: Store, how: str) -> None:
        key = begin(store, 3)
        more: dict[str, Any] = {"start": True, "started_at": 11.5}
        waits = [
            TaskMove(0, RUNNING, 1, 11.0, Reason.TIME, worker=WAITING_ROOM, due_at=99.0, **more),
            TaskMove(1, RUNNING, 1, 11.0, Reason.SIGNAL, "go", worker=WAITING_ROOM, **more),
        ]
        write(store, key, *waits, start(2))
        found = [(t.status, t.reason, t.message, t.worker, t.due_at) for t in store.tasks(key)]
        assert found == [
            (RUNNING, "time", "", "wait", 99.0),
            (RUNNING, "signal", "go", "wait", None),
            (RUNNING, "started", "", "worker-1", None),
        ]
        write(store, key, failed(2, to=PENDING, due_at=50.0))
        if how == "canceled":
            store.cancel("a run", 20.0, "")
            assert [t.status for t in store.tasks(key)][:2] == [STOPPED, STOPPED]
        store.enroll(engine(OTHER))
        store.open_session("a run", OTHER, 30.0, dead=[ENGINE], statuses=ANY)
        assert [(t.status, t.due_at) for t in store.tasks(key)][:2] == [(PENDING, 99.0), (PENDING, None)]
        again = TaskMove(0, RUNNING, 2, 31.0, Reason.TIME, worker=WAITING_ROOM, due_at=99.0, **more)
        write(store, key, again, epoch=2 if how == "taken over" else 3)
        assert the_task(store, key, 0).due_at == 99.0
        assert store.check() == []

    def test_a_wait_that_failed_for_its_time_out(self, store: Store) -> None:
        """Its time is over: a resume gives it the rest of it, which is none."""
        key = begin(store, 1)
        wait = TaskMove(0, RUNNING, 1, 11.0, Reason.SIGNAL, "go", start=True, worker=WAITING_ROOM, due_at=12.0)
        in_vain = failed(0)
        assert in_vain.attempt_end is not None
        in_vain.attempt_end.cause, in_vain.attempt_end.status = Cause.TIMEOUT, AttemptStatus.FAILED
        write(store, key, wait, in_vain)
        assert the_task(store, key, 0).status is FAILED
        change(store, key, move=end_run(RunStatus.FAILED))
        assert store.check() == []

    def test_prune_never_removes_actors(self, store: Store) -> None:
        """An actor is at rest, not over: it may be called after any time."""
        blobs = {name: in_blob(store, name.encode()) for name in ("old", "new", "sent", "gone")}
        code = store.blobs.put(b"the class")
        key = begin_actor(store, 2)
        states = [NewState(1, 0, code, 15.0, blobs["old"]), NewState(2, 1, code, 16.0, blobs["new"])]
        store.post("an actor", SIGNAL, "k", blobs["sent"], 15.0)
        moves = [start(0), done(0), start(1), done(1)]
        change(store, key, moves=moves, states=states, move=end_run())
        plain = begin(store, 1, moves=[start(0), done(0)])
        store.post("a run", SIGNAL, "k", blobs["gone"], 15.0)
        change(store, plain, move=end_run())
        assert store.prune(LATE, LATE, keep_blobs_newer=0.0)["runs"] == 1
        assert [run.run_id for run in store.runs()] == ["an actor"]
        assert store.messages(plain) == []
        assert [state.value for state in store.states(key)] == [blobs["old"], blobs["new"]]
        for name in ("old", "new", "sent"):
            assert store.blobs.get(blobs[name].blob or "") == name.encode()
        assert store.blobs.get(code) == b"the class"
        with pytest.raises(StoreCorrupt):
            store.blobs.get(blobs["gone"].blob or "")
        assert [task.status for task in store.tasks(key)] == [SUCCEEDED, SUCCEEDED]
        assert store.check() == []
