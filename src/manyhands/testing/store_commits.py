"""What every store must do with a commit, as tests that `StoreSuite` gathers."""

# ruff: noqa: S101 - a suite of tests is made of assertions

from __future__ import annotations

from collections.abc import Callable

import pytest

from manyhands.model.errors import (
    IllegalMove,
    LeaseLost,
    NotInitialized,
    RunIdInUse,
)
from manyhands.model.records import (
    Changes,
    RunMove,
    TaskMove,
)
from manyhands.model.states import AttemptStatus, Reason, RunStatus
from manyhands.model.values import Encoded
from manyhands.ports.store import Store
from manyhands.testing.store_kit import (
    ENGINE,
    OTHER,
    PENDING,
    RUNNING,
    SUCCEEDED,
    begin,
    done,
    end_of_attempt,
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

Attack = Callable[[Store, int], None]


class CommitSuite:
    """Runs and tasks, their moves, and what guards them."""

    def test_a_new_run_is_running_in_its_first_epoch(self, store: Store) -> None:
        key = begin(store)
        run = the_run(store)
        assert (run.key, run.run_id, run.kind, run.status) == (key, "a run", "workflow", RunStatus.RUNNING)
        assert (run.epoch, run.entry, run.definition, run.metadata) == (1, 0, b"definition", {"who": ["me", 1]})
        assert (run.created_at, run.started_at, run.ended_at, run.detached) == (10.0, 10.0, None, False)
        assert run.engine == engine()
        assert history(store, key, None) == [("running", "started")]

    def test_new_tasks_are_pending_and_keep_what_was_asked_for(self, store: Store) -> None:
        store.enroll(engine())
        tasks = [new_task(0), new_task(1, upstreams=[0], parent=0)]
        changes = Changes(None, 0, new_run(), tasks=tasks)
        store.commit([changes])
        key = changes.key or 0
        task = store.task(key, "step_1")
        assert task is not None
        assert (task.ordinal, task.name, task.base, task.label, task.kind) == (
            1,
            "step_1",
            "step",
            "mod.step",
            "function",
        )
        assert (task.status, task.reason, task.attempt, task.upstreams, task.parent) == (PENDING, "called", 0, [0], 0)
        assert (task.options, task.metadata) == ({"executor": "inline", "attempts": 5}, {"number": 1})
        assert [(c.ordinal, c.inputs) for c in store.calls(key)] == [(n, value(b"inputs of %d" % n)) for n in (0, 1)]
        assert history(store, key, 1) == [("pending", "called")]

    def test_a_detached_run_waits_for_an_engine(self, store: Store) -> None:
        changes = Changes(None, 0, new_run(detached=True), tasks=[new_task(0)])
        store.commit([changes])
        run = the_run(store)
        assert (run.status, run.reason, run.epoch, run.engine) == (RunStatus.PENDING, "detached", 0, None)
        assert [r.run_id for r in store.unclaimed(10.0, ())] == ["a run"]
        with pytest.raises(LeaseLost):
            write(store, run.key, start(0), epoch=0)

    def test_a_run_needs_an_engine(self, store: Store) -> None:
        with pytest.raises(NotInitialized):
            store.commit([Changes(None, 0, new_run())])
        assert store.runs() == []

    def test_an_id_in_use_is_refused_and_nothing_of_the_batch_written(self, store: Store) -> None:
        begin(store)
        before = everything(store)
        batch = [Changes(None, 0, new_run("another")), Changes(None, 0, new_run())]
        with pytest.raises(RunIdInUse, match="running"):
            store.commit(batch)
        assert everything(store) == before
        assert [changes.key for changes in batch] == [None, None]

    def test_from_start_to_result(self, store: Store) -> None:
        key = begin(store, moves=[start(0)])
        running = the_task(store, key, 0)
        assert (running.status, running.attempt, running.worker, running.started_at) == (RUNNING, 1, "worker-1", 11.0)
        write(store, key, done(0, result=value(b"result")), start(1))
        task = the_task(store, key, 0)
        assert (task.status, task.reason, task.saved) == (SUCCEEDED, "done", True)
        assert (task.started_at, task.ended_at) == (11.5, 12.5)
        assert store.result(key, 0) == value(b"result")
        assert store.result(key, 1) is None
        [attempt] = store.attempts(key, 0)
        assert (attempt.task, attempt.number, attempt.end) == (0, 1, end_of_attempt(AttemptStatus.SUCCEEDED))
        assert history(store, key, 0) == [("pending", "called"), ("running", "started"), ("succeeded", "done")]
        assert store.count_tasks(key) == {SUCCEEDED: 1, RUNNING: 1}

    @pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 5000, 65536])
    @pytest.mark.parametrize("many", [False, True])
    def test_values_of_any_size_come_back(self, store: Store, size: int, many: bool) -> None:
        count = 20 if many else 1
        key = begin(store, count, moves=[start(n) for n in range(count)])
        write(store, key, *(done(n, result=value(b"x" * size)) for n in range(count)))
        for n in range(count):
            assert store.result(key, n) == value(b"x" * size)
            assert [(a.number, a.end) for a in store.attempts(key, n)] == [(1, end_of_attempt(AttemptStatus.SUCCEEDED))]
        assert [a.task for a in store.attempts(key)] == list(range(count))
        assert store.counts().attempts == count
        assert store.check() == []

    def test_an_unsaved_value_is_not_kept(self, store: Store) -> None:
        key = begin(store, moves=[start(0), done(0)])
        assert not the_task(store, key, 0).saved
        assert store.result(key, 0) is None
        assert len(store.attempts(key, 0)) == 1

    def test_a_value_in_a_blob_is_referred_to(self, store: Store) -> None:
        kept = Encoded("bytes", b"", store.blobs.put(b"large"), 5)
        key = begin(store, moves=[start(0), done(0, result=kept)])
        assert store.result(key, 0) == kept
        assert store.check() == []

    def test_a_failed_attempt_is_recorded_and_its_task_tried_again(self, store: Store) -> None:
        key = begin(store, moves=[start(0)])
        write(store, key, failed(0, to=PENDING, due_at=99.0))
        task = the_task(store, key, 0)
        assert (task.status, task.reason, task.message, task.attempt, task.due_at) == (
            PENDING,
            "error",
            "it broke",
            1,
            99.0,
        )
        write(store, key, start(0, 2), done(0, 2, value(b"at last")))
        first, second = store.attempts(key, 0)
        assert first.end == failed(0).attempt_end
        assert (first.number, second.number, second.end.status) == (1, 2, AttemptStatus.SUCCEEDED)
        assert store.result(key, 0) == value(b"at last")
        assert the_task(store, key, 0).due_at is None
        assert store.check() == []

    def test_a_caught_failure_keeps_both_the_exception_and_the_value(self, store: Store) -> None:
        key = begin(store, moves=[start(0)])
        write(store, key, failed(0, to=SUCCEEDED, result=value(b"(None, error)"), caught=True))
        task = the_task(store, key, 0)
        assert (task.status, task.caught, task.saved) == (SUCCEEDED, True, True)
        assert store.result(key, 0) == value(b"(None, error)")
        [attempt] = store.attempts(key, 0)
        assert attempt.end == failed(0).attempt_end
        assert store.check() == []

    def test_a_value_without_an_attempt_is_kept(self, store: Store) -> None:
        move = TaskMove(0, SUCCEEDED, 0, 13.0, Reason.CACHED, message="of another run", result=value(b"cached"))
        key = begin(store, moves=[move])
        assert store.result(key, 0) == value(b"cached")
        assert store.attempts(key, 0) == []
        assert store.check() == []

    def test_a_forward_goes_on_and_takes_the_outcome_of_another(self, store: Store) -> None:
        key = begin(store, moves=[start(0)])
        forward = TaskMove(
            0,
            RUNNING,
            1,
            13.0,
            Reason.FORWARDED,
            ended_at=12.5,
            source=1,
            attempt_end=end_of_attempt(AttemptStatus.SUCCEEDED),
        )
        write(store, key, forward, start(1))
        task = the_task(store, key, 0)
        assert (task.status, task.reason, task.forward_to, task.source, task.ended_at) == (
            RUNNING,
            "forwarded",
            1,
            None,
            12.5,
        )
        write(store, key, done(1, result=value(b"x")), TaskMove(0, SUCCEEDED, 1, 14.0, Reason.DONE, source=1))
        task = the_task(store, key, 0)
        assert (task.status, task.source, task.forward_to, task.saved, task.ended_at) == (SUCCEEDED, 1, 1, False, 12.5)
        assert store.result(key, 0) is None
        assert store.check() == []

    def test_a_task_may_move_more_than_once_in_a_commit(self, store: Store) -> None:
        key = begin(store, tasks=0)
        tasks = [new_task(n) for n in range(3)]
        moves = [start(0), start(1), failed(0, to=PENDING), done(1), start(0, 2), start(2), done(0, 2), done(2)]
        store.commit([Changes(key, 1, tasks=tasks, moves=moves)])
        assert store.count_tasks(key) == {SUCCEEDED: 3}
        states = [(e.task, e.state, e.attempt) for e in store.events(key=key) if e.task is not None]
        assert states == [(n, "pending", 0) for n in range(3)] + [(m.task, m.to, m.attempt) for m in moves]

    def test_events_stand_in_the_order_of_the_changes(self, store: Store) -> None:
        key = begin(store, tasks=4, moves=[start(n) for n in range(4)])
        order = [done(3), failed(1), done(0, result=value(b"x")), failed(2, to=PENDING), start(2, 2)]
        last = store.events()[-1].id
        store.commit([Changes(key, 1, moves=order, move=end_run())])
        found = store.events(after=last)
        assert [(e.task, e.state) for e in found] == [(m.task, m.to) for m in order] + [(None, "succeeded")]
        assert [e.id for e in found] == sorted({e.id for e in found})

    def test_a_large_batch_is_as_good_as_single_moves(self, store: Store) -> None:
        key = begin(store, tasks=400, moves=[start(n) for n in range(200)])
        write(store, key, *(m for n in range(200) for m in (done(n, result=value(b"%d" % n)), start(n + 200))))
        assert store.count_tasks(key) == {SUCCEEDED: 200, RUNNING: 200}
        assert all(store.result(key, n) == value(b"%d" % n) for n in range(200))
        assert store.check() == []

    def test_the_end_of_a_run_ends_its_session(self, store: Store) -> None:
        key = begin(store, 1, moves=[start(0), done(0)])
        store.commit([Changes(key, 1, move=end_run())])
        run = the_run(store)
        assert (run.status, run.reason, run.ended_at, run.engine) == (RunStatus.SUCCEEDED, "done", 20.0, None)
        with pytest.raises(LeaseLost):
            write(store, key, start(0, 2))
        assert store.check() == []

    def test_odd_texts_come_back(self, store: Store) -> None:
        odd = "a'b\"c\\d/../%s:x\n\t漢字 \U0001f600 -- ;"
        store.enroll(engine())
        store.commit([Changes(None, 0, new_run(odd), tasks=[new_task(0, name=odd)])])
        key = the_run(store, odd).key
        assert [t.name for t in store.tasks(key)] == [odd]
        assert [r.run_id for r in store.runs(prefix=odd[:5])] == [odd]


def twice(store: Store, key: int) -> None:
    write(store, key, done(0))
    write(store, key, done(0))


def forward_of_nothing(store: Store, key: int) -> None:
    write(store, key, TaskMove(5, RUNNING, 1, 12.0, Reason.FORWARDED, source=1))


REFUSED: dict[str, Attack] = {
    "a report of an attempt that never was": lambda store, key: write(store, key, done(0, 2)),
    "a late report of an earlier attempt": lambda store, key: write(
        store, key, failed(0, to=PENDING), start(0, 2), done(0, 1)
    ),
    "the same report twice": twice,
    "a failure after success": lambda store, key: write(store, key, done(0), failed(0)),
    "a start of what runs": lambda store, key: write(store, key, start(0, 2)),
    "a start that leaves an attempt out": lambda store, key: write(store, key, start(1, 2)),
    "a start of what is done": lambda store, key: write(store, key, done(0), start(0, 2)),
    "a task that is not there": forward_of_nothing,
    "one among many": lambda store, key: write(
        store, key, *(start(n) for n in range(2, 30)), *(done(n) for n in range(0, 40, 2))
    ),
}


class GuardSuite:
    """What must be refused, and leave no trace."""

    @pytest.mark.parametrize("name", REFUSED)
    def test_an_illegal_move_writes_nothing(self, store: Store, name: str) -> None:
        key = begin(store, tasks=40, moves=[start(0)])
        if name == "the same report twice":
            write(store, key, done(0))
            before = everything(store)
            with pytest.raises(IllegalMove, match="step_0"):
                write(store, key, start(1), done(0))
        else:
            before = everything(store)
            with pytest.raises(IllegalMove):
                REFUSED[name](store, key)
        assert everything(store) == before

    def test_the_offender_is_named(self, store: Store) -> None:
        key = begin(store, tasks=10, moves=[start(n) for n in range(10)])
        write(store, key, done(7))
        with pytest.raises(IllegalMove, match=r"'step_7' of run 'a run' cannot become succeeded: it is succeeded"):
            write(store, key, *(done(n) for n in range(10)))
        with pytest.raises(IllegalMove, match=r"step_3.*attempt 1, and this is of attempt 4"):
            write(store, key, done(2), done(3, 4), done(5))

    def test_a_wrong_epoch_writes_nothing_of_the_batch(self, store: Store) -> None:
        key = begin(store, moves=[start(0)])
        other = begin(store, run_id="another")
        before = everything(store)
        with pytest.raises(LeaseLost, match="epoch 2"):
            store.commit([Changes(other, 1, moves=[start(0)]), Changes(key, 2, moves=[done(0)])])
        assert everything(store) == before

    def test_an_illegal_move_of_a_run_writes_nothing(self, store: Store) -> None:
        key = begin(store)
        before = everything(store)
        with pytest.raises(IllegalMove, match="Run 'a run'"):
            store.commit([Changes(key, 1, moves=[start(0)], move=RunMove(RunStatus.RUNNING, 1.0, Reason.STARTED))])
        assert everything(store) == before

    def test_a_task_is_added_once(self, store: Store) -> None:
        key = begin(store)
        before = everything(store)
        for again in (new_task(1, name="new"), new_task(2, name="step_1")):
            with pytest.raises(IllegalMove):
                store.commit([Changes(key, 1, tasks=[again])])
        assert everything(store) == before

    def test_a_late_report_after_a_cancel_is_refused(self, store: Store) -> None:
        key = begin(store, moves=[start(0)])
        store.cancel("a run", 14.0, "enough")
        before = everything(store)
        with pytest.raises(LeaseLost):
            write(store, key, done(0))
        assert everything(store) == before

    def test_the_driver_that_was_taken_for_dead_writes_no_more(self, store: Store) -> None:
        key = begin(store, moves=[start(0)])
        store.enroll(engine(OTHER))
        store.open_session("a run", OTHER, 15.0, dead=[ENGINE], statuses=[RunStatus.RUNNING])
        before = everything(store)
        with pytest.raises(LeaseLost):
            write(store, key, done(0))
        with pytest.raises(LeaseLost):
            store.reopen_tasks(key, 1, [0], 15.0)
        with pytest.raises(LeaseLost):
            store.forget_lease(key, 1, 15.0)
        assert everything(store) == before
        write(store, key, start(0, 2), done(0, 2), epoch=2)
        assert store.check() == []
