"""What every store must do, as tests: subclass `StoreSuite` and give it a fixture `store` that is open and empty."""

# ruff: noqa: S101 - a suite of tests is made of assertions

from __future__ import annotations

import pytest

from manyhands.model.errors import (
    IllegalMove,
    LeaseLost,
    RunActive,
    RunFinished,
    RunIdInUse,
    RunNotFound,
    RunNotResumable,
    StoreCorrupt,
)
from manyhands.model.records import Changes, ForkPlan, TaskMove
from manyhands.model.states import AttemptStatus, Cause, Reason, RunStatus
from manyhands.model.values import Encoded
from manyhands.ports.store import Store
from manyhands.testing.store_commits import CommitSuite, GuardSuite
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
from manyhands.testing.store_messages import MessageSuite, StateSuite

ANY = tuple(RunStatus)
LEFT = (RunStatus.RUNNING, RunStatus.RESUMABLE, RunStatus.FAILED, RunStatus.CANCELED)


class SessionSuite:
    """Who may drive a run, and how it passes from one to another."""

    def test_a_resume_reopens_what_was_left(self, store: Store) -> None:
        key = begin(store, tasks=6, moves=[start(n) for n in range(5)])
        forward = TaskMove(
            2, RUNNING, 1, 13.0, Reason.FORWARDED, ended_at=12.5, source=3, attempt_end=done(2).attempt_end
        )
        stop = TaskMove(
            4,
            STOPPED,
            1,
            13.0,
            Reason.CANCELED,
            attempt_end=end_of_attempt(AttemptStatus.STOPPED, cause=Cause.CANCELED),
        )
        write(store, key, done(0, result=value(b"kept")), failed(1), forward, stop)
        store.enroll(engine(OTHER))
        run = store.open_session("a run", OTHER, 30.0, dead=[ENGINE], statuses=LEFT)
        assert (run.status, run.reason, run.epoch, run.takeovers) == (RunStatus.RUNNING, "resumed", 2, 1)
        assert run.engine == engine(OTHER)
        assert run == the_run(store)
        found = [(t.status, t.reason) for t in store.tasks(key)]
        assert found == [
            (SUCCEEDED, "done"),
            (PENDING, "resumed"),
            (RUNNING, "forwarded"),
            (PENDING, "resumed"),
            (PENDING, "resumed"),
            (PENDING, "called"),
        ]
        assert store.result(key, 0) == value(b"kept")
        assert [(t.attempt, t.forward_to) for t in store.tasks(key)][:4] == [(1, None), (1, None), (1, 3), (1, None)]
        [lost] = store.attempts(key, 3)
        assert (lost.number, lost.end.status, lost.end.cause, lost.end.ended_at) == (
            1,
            AttemptStatus.LOST,
            Cause.LOST,
            30.0,
        )
        assert history(store, key, 0)[-1] == ("succeeded", "done")
        assert history(store, key, None)[-1] == ("running", "resumed")
        write(store, key, start(1, 2), start(3, 2), start(4, 2), epoch=2)
        assert store.check() == []

    @pytest.mark.parametrize("status", [RunStatus.FAILED, RunStatus.CANCELED, RunStatus.RESUMABLE])
    def test_what_has_no_driver_can_be_opened(self, store: Store, status: RunStatus) -> None:
        key = begin(store, 1, moves=[start(0), failed(0)])
        if status is RunStatus.CANCELED:
            store.cancel("a run", 14.0, "")
        elif status is RunStatus.RESUMABLE:
            store.forget_lease(key, 1, 14.0)
        else:
            store.commit([Changes(key, 1, move=end_run(status))])
        assert the_run(store).status is status
        before = the_run(store).epoch
        run = store.open_session("a run", ENGINE, 30.0, dead=(), statuses=LEFT)
        assert (run.status, run.epoch, run.ended_at) == (RunStatus.RUNNING, before + 1, None)
        assert run.takeovers == (status is RunStatus.RESUMABLE)
        assert the_task(store, key, 0).status is PENDING
        assert store.check() == []

    def test_a_detached_run_is_started_by_who_takes_it(self, store: Store) -> None:
        store.commit([Changes(None, 0, new_run(detached=True), tasks=[new_task(0)])])
        store.enroll(engine())
        run = store.open_session("a run", ENGINE, 30.0, dead=(), statuses=[RunStatus.PENDING])
        assert (run.status, run.reason, run.epoch, run.takeovers, run.started_at) == (
            RunStatus.RUNNING,
            "started",
            1,
            0,
            30.0,
        )
        assert history(store, run.key, None) == [("pending", "detached"), ("running", "started")]
        assert store.unclaimed(31.0, ()) == []

    def test_a_run_that_is_driven_is_not_taken(self, store: Store) -> None:
        begin(store)
        before = everything(store)
        with pytest.raises(RunActive):
            store.open_session("a run", OTHER, 30.0, dead=[OTHER], statuses=ANY)
        assert everything(store) == before

    @pytest.mark.parametrize("how", ["dead", "expired", "stopped"])
    def test_a_run_whose_driver_is_gone_is_taken(self, store: Store, how: str) -> None:
        begin(store)
        if how == "stopped":
            store.retire(ENGINE, 20.0)
        store.enroll(engine(OTHER, expires_at=10 * FAR))
        now = FAR + 1 if how == "expired" else 30.0
        run = store.open_session("a run", OTHER, now, dead=[ENGINE] if how == "dead" else (), statuses=LEFT)
        assert (run.epoch, run.takeovers) == (2, 1)
        assert store.check() == []

    def test_only_the_statuses_asked_for_are_taken(self, store: Store) -> None:
        key = begin(store, 1, moves=[start(0), done(0)])
        store.commit([Changes(key, 1, move=end_run())])
        before = everything(store)
        with pytest.raises(RunNotResumable, match="succeeded"):
            store.open_session("a run", ENGINE, 30.0, dead=(), statuses=LEFT)
        with pytest.raises(RunNotFound):
            store.open_session("no run", ENGINE, 30.0, dead=(), statuses=LEFT)
        assert everything(store) == before

    def test_of_two_who_take_a_run_one_has_it(self, store: Store) -> None:
        key = begin(store)
        for name in (OTHER, "engine-3"):
            store.enroll(engine(name))
        store.open_session("a run", OTHER, 30.0, dead=[ENGINE], statuses=LEFT)
        with pytest.raises(RunActive):
            store.open_session("a run", "engine-3", 30.0, dead=[ENGINE], statuses=LEFT)
        write(store, key, start(0), epoch=2)

    def test_unsaved_results_are_made_again(self, store: Store) -> None:
        key = begin(store, moves=[start(0), done(0), start(1), done(1, result=value(b"kept"))])
        store.reopen_tasks(key, 1, [0], 20.0)
        task = the_task(store, key, 0)
        assert (task.status, task.reason) == (PENDING, "unsaved")
        assert history(store, key, 0)[-1] == ("pending", "unsaved")
        before = everything(store)
        with pytest.raises(IllegalMove, match="step_1"):
            store.reopen_tasks(key, 1, [1], 20.0)
        with pytest.raises(IllegalMove):
            store.reopen_tasks(key, 1, [0], 20.0)
        assert everything(store) == before
        write(store, key, start(0, 2), done(0, 2, value(b"again")))
        assert store.check() == []

    def test_cancel(self, store: Store) -> None:
        key = begin(store, 4, moves=[start(0), done(0), start(1), start(2), failed(2)])
        before = store.cancel("a run", 14.0, "enough")
        assert (before.status, before.epoch, before.engine) == (RunStatus.RUNNING, 1, engine())
        run = the_run(store)
        assert (run.status, run.reason, run.message, run.epoch) == (RunStatus.CANCELED, "canceled", "enough", 2)
        assert (run.ended_at, run.engine) == (14.0, None)
        assert [t.status for t in store.tasks(key)] == [SUCCEEDED, STOPPED, FAILED, PENDING]
        assert history(store, key, 1)[-1] == ("stopped", "canceled")
        [stopped] = store.attempts(key, 1)
        assert (stopped.end.status, stopped.end.cause) == (AttemptStatus.STOPPED, Cause.CANCELED)
        with pytest.raises(RunFinished):
            store.cancel("a run", 15.0, "")
        with pytest.raises(RunNotFound):
            store.cancel("no run", 15.0, "")
        assert store.check() == []

    def test_runs_of_the_dead_become_resumable(self, store: Store) -> None:
        begin(store, run_id="one")
        begin(store, run_id="two")
        store.enroll(engine(OTHER, expires_at=50.0))
        store.commit([Changes(None, 0, new_run("three"), tasks=[new_task(0)])])
        assert store.mark_resumable((), 49.0) == []
        assert [r.run_id for r in store.unclaimed(50.0, ())] == ["three"]
        assert store.mark_resumable((), 50.0) == ["three"]
        assert store.mark_resumable([ENGINE], 51.0) == ["one", "two"]
        assert store.mark_resumable([ENGINE], 51.0) == []
        for name in ("one", "two", "three"):
            run = the_run(store, name)
            assert (run.status, run.reason, run.engine) == (RunStatus.RESUMABLE, "driver_lost", None)
            assert history(store, run.key, None)[-1] == ("resumable", "driver_lost")
        assert [r.run_id for r in store.unclaimed(51.0, ())] == ["one", "two", "three"]
        assert store.check() == []

    def test_an_engine_that_retires_gives_its_runs_back(self, store: Store) -> None:
        key = begin(store)
        store.retire(ENGINE, 20.0)
        assert the_run(store).status is RunStatus.RESUMABLE
        assert store.engines() == []
        with pytest.raises(LeaseLost):
            write(store, key, start(0))
        assert store.check() == []

    def test_an_engine_lives_as_long_as_it_says_so(self, store: Store) -> None:
        store.enroll(engine(expires_at=50.0))
        store.enroll(engine(OTHER, started_at=2.0))
        assert [e.id for e in store.engines()] == [OTHER, ENGINE]
        assert store.heartbeat(ENGINE, 70.0)
        assert [e.expires_at for e in store.engines()] == [FAR, 70.0]
        assert [e.id for e in store.engines()] == [OTHER, ENGINE]

    def test_an_engine_that_was_taken_for_dead_lives_again(self, store: Store) -> None:
        key = begin(store)
        store.retire(ENGINE, 20.0)
        assert store.heartbeat(ENGINE, 70.0)
        assert [e.id for e in store.engines()] == [ENGINE]
        with pytest.raises(LeaseLost):
            write(store, key, start(0))
        assert not store.heartbeat("nobody", 70.0)

    def test_a_fork_has_what_was_done_and_does_the_rest(self, store: Store) -> None:
        key = begin(store, 7, moves=[start(n) for n in range(5)])
        forward = TaskMove(3, RUNNING, 1, 13.0, Reason.FORWARDED, source=4, attempt_end=done(3).attempt_end)
        write(store, key, done(0, result=value(b"zero")), done(1, result=value(b"one")), failed(2), forward, failed(4))
        plan = ForkPlan(rerun=[1, 2], follow=[3], drop=[4, 5], inputs={1: value(b"other inputs")})
        with pytest.raises(RunActive):
            store.fork("a run", "copy", ENGINE, 30.0, plan)
        store.commit([Changes(key, 1, move=end_run(RunStatus.FAILED))])
        original = store.tasks(key)
        store.enroll(engine(OTHER))
        copy = store.fork("a run", "copy", OTHER, 30.0, plan)
        assert (copy.status, copy.reason, copy.epoch, copy.forked_from) == (RunStatus.RUNNING, "forked", 1, "a run")
        assert (copy.metadata, copy.engine) == ({"who": ["me", 1]}, engine(OTHER))
        tasks = store.tasks(copy.key)
        assert [(t.status, t.reason, t.attempt) for t in tasks] == [
            (SUCCEEDED, "done", 1),
            (PENDING, "forked", 0),
            (PENDING, "forked", 0),
            (RUNNING, "forwarded", 1),
            (SKIPPED, "forked", 0),
            (SKIPPED, "forked", 0),
            (PENDING, "called", 0),
        ]
        assert tasks[3].forward_to == 4
        assert [store.result(copy.key, n) for n in (0, 1)] == [value(b"zero"), None]
        assert [(a.task, a.number) for a in store.attempts(copy.key)] == [(0, 1), (3, 1)]
        assert [c.inputs.data for c in store.calls(copy.key)][:2] == [b"inputs of 0", b"other inputs"]
        assert [c.inputs.data for c in store.calls(key)][:2] == [b"inputs of 0", b"inputs of 1"]
        assert store.tasks(key) == original
        write(store, copy.key, start(1))
        with pytest.raises(RunIdInUse):
            store.fork("a run", "copy", OTHER, 30.0, plan)
        with pytest.raises(RunNotFound):
            store.fork("no run", "another", OTHER, 30.0, plan)
        assert store.check() == []

    def test_delete(self, store: Store) -> None:
        key = begin(store, moves=[start(0), done(0, result=value(b"x"), cache_key=b"key")])
        begin(store, run_id="other")
        with pytest.raises(RunActive):
            store.delete("a run", 20.0, dead=())
        newest = store.events()[-1].id
        store.delete("other", 20.0, dead=[ENGINE])
        store.delete("a run", 20.0, dead=[ENGINE])
        with pytest.raises(RunNotFound):
            store.delete("a run", 20.0, dead=())
        assert (store.runs(), store.tasks(key), store.events(), store.attempts(key)) == ([], [], [], [])
        assert store.cached(b"key", 20.0) is not None
        begin(store, run_id="new")
        assert store.events()[0].id > newest, "ids of events never come again"
        assert store.check() == []


class ReadingSuite:
    """The read side."""

    def test_runs_are_found_by_what_they_are(self, store: Store) -> None:
        keys = [begin(store, run_id=name) for name in ("a1", "a2", "b1", "B_%")]
        store.commit([Changes(keys[1], 1, move=end_run())])

        def ids(**filters: object) -> list[str]:
            return [r.run_id for r in store.runs(**filters)]  # type: ignore[arg-type]

        assert ids() == ["a1", "a2", "b1", "B_%"]
        assert ids(newest_first=True, limit=2) == ["B_%", "b1"]
        assert ids(newest_first=True, before=keys[2]) == ["a2", "a1"]
        assert ids(prefix="a") == ["a1", "a2"]
        assert ids(prefix="B_%") == ["B_%"]
        assert ids(prefix="%") == []
        assert ids(statuses=[RunStatus.SUCCEEDED]) == ["a2"]
        assert ids(statuses=[RunStatus.RUNNING, RunStatus.FAILED], limit=2) == ["a1", "b1"]
        assert ids(kind="actor") == []
        assert store.run("no run") is None

    def test_tasks_are_found_by_what_they_are(self, store: Store) -> None:
        key = begin(store, 6, moves=[start(1), start(4)])
        assert [t.ordinal for t in store.tasks(key, statuses=[RUNNING])] == [1, 4]
        assert [t.ordinal for t in store.tasks(key, after=2, limit=2)] == [3, 4]
        assert [t.ordinal for t in store.tasks(key, statuses=[RUNNING, PENDING], after=3)] == [4, 5]
        assert store.task(key, "step_9") is None
        assert [c.ordinal for c in store.calls(key)] == list(range(6))
        assert list(store.calls(key + 1)) == []

    def test_events_are_found_by_what_they_are_of(self, store: Store) -> None:
        key = begin(store, moves=[start(0)])
        other = begin(store, run_id="other")
        first = store.events(key=key)
        assert [(e.run_key, e.run_id, e.task, e.name) for e in first] == [
            (key, "a run", None, None),
            (key, "a run", 0, "step_0"),
            (key, "a run", 1, "step_1"),
            (key, "a run", 0, "step_0"),
        ]
        assert store.events(key=key, ordinal=0) == [first[1], first[3]]
        assert store.events(after=first[1].id, limit=2) == first[2:4]
        assert store.events(key=other, after=first[-1].id) == store.events(key=other)
        assert len(store.events()) == 7

    def test_attempts_of_one_or_of_all(self, store: Store) -> None:
        key = begin(store, moves=[start(1), failed(1, to=PENDING), start(0), done(0), start(1, 2), done(1, 2)])
        assert [(a.task, a.number) for a in store.attempts(key)] == [(0, 1), (1, 1), (1, 2)]
        assert [(a.task, a.number) for a in store.attempts(key, 1)] == [(1, 1), (1, 2)]

    def test_a_change_is_noticed(self, store: Store) -> None:
        key = begin(store)
        before = store.changed()
        assert store.changed() == before
        write(store, key, start(0))
        after = store.changed()
        assert after != before
        assert store.changed() == after

    def test_counts(self, store: Store) -> None:
        assert (store.counts().runs, store.counts().tasks, store.counts().events) == ({}, 0, 0)
        store.blobs.put(b"x" * 70000)
        key = begin(store, moves=[start(0), done(0, result=value(b"x"), cache_key=b"key")])
        begin(store, run_id="other")
        store.commit([Changes(key, 1, move=end_run())])
        counts = store.counts()
        assert (counts.runs, counts.tasks, counts.attempts) == ({"running": 1, "succeeded": 1}, 4, 1)
        assert (counts.cached, counts.blobs, counts.blob_bytes, counts.events) == (1, 1, 70000, 9)
        assert counts.schema > 0
        assert counts.file_bytes > 0


class CacheSuite:
    """Results across runs."""

    def test_a_result_is_found_by_its_key_until_it_expires(self, store: Store) -> None:
        begin(store, moves=[start(0), done(0, result=value(b"x"), cache_key=b"key", cache_expires=50.0)])
        entry = store.cached(b"key", 49.0)
        assert entry is not None
        assert (entry.value, entry.run_id, entry.name) == (value(b"x"), "a run", "step_0")
        assert (entry.at, entry.expires_at) == (13.0, 50.0)
        assert store.cached(b"key", 50.0) is None
        assert store.cached(b"other", 49.0) is None
        task = store.task(the_run(store).key, "step_0")
        assert task is not None
        assert task.cache_key == b"key"

    def test_a_newer_result_takes_the_place_of_an_older(self, store: Store) -> None:
        begin(store, moves=[start(0), done(0, result=value(b"old"), cache_key=b"key", cache_expires=50.0)])
        begin(store, run_id="b", moves=[start(0), done(0, result=value(b"new"), cache_key=b"key")])
        entry = store.cached(b"key", FAR)
        assert entry is not None
        assert (entry.value, entry.run_id, entry.expires_at) == (value(b"new"), "b", None)

    def test_a_cached_result_of_a_task_that_forwarded_is_the_other_ones(self, store: Store) -> None:
        key = begin(store, moves=[start(0, key=b"key"), start(1), done(1, result=value(b"x"))])
        write(store, key, TaskMove(0, RUNNING, 1, 13.0, Reason.FORWARDED, source=1, attempt_end=done(0).attempt_end))
        write(store, key, TaskMove(0, SUCCEEDED, 1, 14.0, Reason.DONE, source=1, cache_key=b"key"))
        entry = store.cached(b"key", 20.0)
        assert entry is not None
        assert (entry.value, entry.name) == (value(b"x"), "step_0")

    @pytest.mark.parametrize("how", ["failed", "unsaved", "cached"])
    def test_what_is_no_new_result_is_not_cached(self, store: Store, how: str) -> None:
        moves = {
            "failed": failed(0, cache_key=b"key"),
            "unsaved": done(0, cache_key=b"key"),
            "cached": TaskMove(0, SUCCEEDED, 1, 13.0, Reason.CACHED, result=value(b"x"), cache_key=b"key"),
        }
        begin(store, moves=[start(0), moves[how]])
        assert store.cached(b"key", 20.0) is None

    def test_equal_calls_are_computed_once(self, store: Store) -> None:
        key = begin(store, moves=[start(0)])
        assert store.claim(b"key", key, 0, ENGINE, 20.0, ())
        assert store.claim(b"key", key, 0, ENGINE, 20.0, ()), "who has it keeps it"
        assert not store.claim(b"key", key, 1, ENGINE, 20.0, ())
        assert not store.claim(b"key", key, 1, OTHER, 20.0, [OTHER])
        assert store.claim(b"another", key, 1, ENGINE, 20.0, ())
        write(store, key, done(0, result=value(b"x"), cache_key=b"key"))
        assert store.claim(b"key", key, 1, ENGINE, 20.0, ())

    @pytest.mark.parametrize("keyed", [True, False])
    def test_a_claim_falls_when_its_task_stops_running(self, store: Store, keyed: bool) -> None:
        key = begin(store, moves=[start(0)])
        assert store.claim(b"key", key, 0, ENGINE, 20.0, ())
        write(store, key, failed(0, to=PENDING, cache_key=b"key" if keyed else None))
        assert store.claim(b"key", key, 1, ENGINE, 20.0, ())

    @pytest.mark.parametrize("how", ["dead", "expired", "stopped", "canceled", "deleted", "taken"])
    def test_a_claim_falls_with_who_holds_it(self, store: Store, how: str) -> None:
        key = begin(store, moves=[start(0)])
        store.enroll(engine(OTHER, expires_at=10 * FAR))
        assert store.claim(b"key", key, 0, ENGINE, 20.0, ())
        if how == "stopped":
            store.retire(ENGINE, 20.0)
        elif how == "canceled":
            store.cancel("a run", 20.0, "")
        elif how == "deleted":
            store.delete("a run", 20.0, dead=[ENGINE])
        elif how == "taken":
            store.open_session("a run", OTHER, 20.0, dead=[ENGINE], statuses=LEFT)
        now = FAR + 1 if how == "expired" else 20.0
        assert store.claim(b"key", key + 1, 1, OTHER, now, [ENGINE] if how == "dead" else ())


class BlobSuite:
    """Large values."""

    @pytest.mark.parametrize("data", [b"", b"x", bytes(range(256)) * 1000])
    def test_bytes_come_back(self, store: Store, data: bytes) -> None:
        name = store.blobs.put(data)
        assert store.blobs.put(data) == name
        assert store.blobs.get(name) == data
        assert len(name) == 32

    def test_missing_bytes_are_an_error(self, store: Store) -> None:
        with pytest.raises(StoreCorrupt):
            store.blobs.get("0" * 32)

    def test_prune_removes_what_nobody_needs(self, store: Store) -> None:
        def kept(data: bytes) -> Encoded:
            return Encoded("bytes", b"", store.blobs.put(data), len(data))

        values = {name: kept(name.encode()) for name in ("old", "shared", "cached", "expired", "live", "nobody")}
        for name, own in (("a", "old"), ("b", "live")):
            moves = [start(0), done(0, result=values[own]), start(1), done(1, result=values["shared"])]
            begin(store, run_id=name, moves=moves)
        caching = [
            done(0, result=values["cached"], cache_key=b"1"),
            done(1, result=values["expired"], cache_key=b"2", cache_expires=30.0),
        ]
        begin(store, run_id="c", moves=[start(0), start(1), *caching])
        for name in ("a", "c"):
            store.commit([Changes(the_run(store, name).key, 1, move=end_run())])
        assert store.prune(20.0, FAR * 1e3)["runs"] == 0, "it ended at that very moment, not before"
        removed = store.prune(21.0, FAR * 1e3, keep_blobs_newer=0.0)
        assert removed["runs"] == 2
        assert [r.run_id for r in store.runs()] == ["b"]
        assert {n for n in values if blob_is_there(store, values[n])} == {"shared", "cached", "live"}
        assert store.cached(b"1", 40.0) is not None
        assert store.check() == []

    def test_prune_keeps_young_blobs_and_living_engines(self, store: Store) -> None:
        young = Encoded("bytes", b"", store.blobs.put(b"young"), 5)
        store.enroll(engine("stopped"))
        store.retire("stopped", 20.0)
        begin(store)
        removed = store.prune(1000.0, 1000.0)
        assert (removed["blobs"], removed["engines"], removed["runs"]) == (0, 1, 0)
        assert blob_is_there(store, young)
        assert [e.id for e in store.engines()] == [ENGINE]


def blob_is_there(store: Store, kept: Encoded) -> bool:
    try:
        return store.blobs.get(kept.blob or "") is not None
    except StoreCorrupt:
        return False


class StoreSuite(CommitSuite, GuardSuite, SessionSuite, MessageSuite, StateSuite, ReadingSuite, CacheSuite, BlobSuite):
    """The whole contract of `manyhands.ports.store.Store`."""
