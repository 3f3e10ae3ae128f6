"""Pruning random stores: what anything left refers to is there, and what nothing refers to is gone."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import pytest
from hypothesis import strategies as st

from manyhands.model.errors import RunActive
from manyhands.model.outcomes import LogRange
from manyhands.model.records import Changes, ForkPlan, NewTask
from manyhands.model.specs import TaskSpec
from manyhands.model.states import RUN_TERMINAL, AttemptStatus, RunStatus
from manyhands.model.values import Encoded
from manyhands.stores.blobs import FolderBlobs
from manyhands.stores.sqlite import SqliteStore
from manyhands.testing.store_kit import ENGINE, FAR, begin, done, end_of_attempt, end_run, engine, new_run, start, value

CONTENTS = [b"blob %d" % n for n in range(5)]
LOGS = [f"{n}-1.log" for n in (0, "x", "y")]
NOW = 1e11
"""After everything, also after what the clock says now; so every blob is old."""

contents = st.sampled_from(CONTENTS)


class Plan:
    """One run of a random store: what its two tasks keep where, and what becomes of it."""

    def __init__(self, inputs: bytes, results: Sequence[bytes], log: str, ending: str, expires: float | None) -> None:
        self.inputs, self.results, self.log, self.ending, self.expires = inputs, results, log, ending, expires

    def __repr__(self) -> str:
        return f"Plan{(self.inputs, self.results, self.log, self.ending, self.expires)}"


plans = st.lists(
    st.builds(
        Plan,
        contents,
        st.lists(contents, min_size=2, max_size=2),
        st.sampled_from(LOGS),
        st.sampled_from(["succeeded", "late", "driven", "canceled", "resumable", "deleted", "forked"]),
        st.sampled_from([None, 50.0, 1e12]),
    ),
    max_size=5,
)


@contextmanager
def opened() -> Iterator[SqliteStore]:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore(f"sqlite:///{folder}/store.db")
        store.open()
        yield store
        store.close()


def kept(store: SqliteStore, data: bytes) -> Encoded:
    return Encoded("bytes", b"", store.blobs.put(data), len(data))


def make(store: SqliteStore, name: str, plan: Plan) -> None:
    store.enroll(engine(expires_at=1e12))
    code = store.blobs.put(b"code")
    tasks = [
        NewTask(n, f"step_{n}", TaskSpec("step", "step", code, kept(store, plan.inputs)), [], None, 1.0) for n in (0, 1)
    ]
    ends = [end_of_attempt(AttemptStatus.SUCCEEDED, log=LogRange(plan.log, 0, 1)) for _ in tasks]
    moves = [start(0), start(1)] + [
        done(
            n,
            result=kept(store, plan.results[n]),
            attempt_end=ends[n],
            cache_key=plan.results[n] if plan.expires else None,
            cache_expires=plan.expires,
        )
        for n in (0, 1)
    ]
    made = Changes(None, 0, new_run(name), tasks=tasks, moves=moves)
    store.commit([made])
    assert made.key is not None
    if plan.ending == "canceled":
        store.cancel(name, 20.0, "")
    elif plan.ending == "resumable":
        store.forget_lease(made.key, 1, 20.0)
    elif plan.ending != "driven":
        store.commit([Changes(made.key, 1, move=end_run(at=1e4 if plan.ending == "late" else 20.0))])
    if plan.ending == "deleted":
        store.delete(name, 20.0, dead=())
    elif plan.ending == "forked":
        store.fork(name, f"fork of {name}", ENGINE, 20.0, ForkPlan([1], [], [], {1: kept(store, b"new inputs")}))


def blobs_in_use(store: SqliteStore) -> set[str]:
    """As a reader sees it, not as the statement of `prune` does."""
    found: set[str | None] = set()
    for run in store.runs():
        for call in store.calls(run.key):
            found |= {call.code, call.inputs.blob}
        results = [store.result(run.key, task.ordinal) for task in store.tasks(run.key)]
        found |= {result.blob for result in results if result is not None}
    entries = [store.cached(key, 100.0) for key in CONTENTS]
    found |= {entry.value.blob for entry in entries if entry is not None}
    return {name for name in found if name is not None}


def blobs_there(store: SqliteStore) -> set[str]:
    assert isinstance(store.blobs, FolderBlobs)
    return {file.name for file in Path(store.blobs.folder).rglob("*") if file.is_file()}


@hypothesis.given(plans)
@hypothesis.settings(max_examples=60)
def test_all_that_is_needed_stays_and_all_else_goes(drawn: list[Plan]) -> None:
    with opened() as store:
        for log in LOGS:
            Path(store.log_folder, log).write_text("output")
        for number, plan in enumerate(drawn):
            make(store, f"run {number}", plan)
        before = {r.run_id for r in store.runs()}
        needed = {r.run_id for r in store.runs() if r.status not in RUN_TERMINAL or (r.ended_at or 0.0) >= 1000.0}
        store.prune(1000.0, 100.0)
        assert {r.run_id for r in store.runs()} == needed <= before
        assert blobs_in_use(store) <= blobs_there(store), "a young blob is nobody's to remove"
        store.prune(1000.0, NOW, keep_blobs_newer=0.0)
        assert blobs_there(store) == blobs_in_use(store)
        logs = {a.end.log.file for r in store.runs() for a in store.attempts(r.key) if a.end.log is not None}
        assert {file.name for file in Path(store.log_folder).iterdir()} == logs
        assert store.check() == []


def test_a_blob_that_is_put_again_while_it_is_pruned_stays(tmp_path: Path) -> None:
    """The same bytes are put between the look at a file's age and its removal."""

    class Racing(FolderBlobs):
        def _remove(self, entry, before):  # type: ignore[no-untyped-def]
            self.put(b"wanted again")
            return super()._remove(entry, before)

    blobs = Racing(str(tmp_path))
    name = blobs.put(b"wanted again")
    old = blobs.path(name)
    os.utime(old, (1.0, 1.0))
    assert blobs.remove_unused(set(), 1000.0) == 0
    assert blobs.get(name) == b"wanted again"


def test_a_run_that_was_resumed_is_not_pruned(tmp_path: Path) -> None:
    store = SqliteStore(f"sqlite:///{tmp_path}/store.db")
    store.open()
    key = begin(store, 1)
    store.commit([Changes(key, 1, move=end_run(RunStatus.FAILED))])
    store.open_session("a run", ENGINE, 30.0, dead=(), statuses=[RunStatus.FAILED])
    assert store.prune(1e9, 1e9)["runs"] == 0
    with pytest.raises(RunActive):
        store.delete("a run", 40.0, dead=())
    store.close()


def test_many_runs_are_pruned_piece_by_piece(tmp_path: Path) -> None:
    store = SqliteStore(f"sqlite:///{tmp_path}/store.db")
    store.open()
    for n in range(120):
        key = begin(store, 1, run_id=f"run {n}", moves=[start(0), done(0, result=value(b"x"))])
        store.commit([Changes(key, 1, move=end_run())])
    newest = store.events()[-1].id
    assert store.prune(1000.0, 1000.0)["runs"] == 120
    assert store.counts().events == 0
    begin(store)
    assert store.events()[0].id > newest
    assert store.check() == []
    store.close()


def test_expired_claims_and_entries_go(tmp_path: Path) -> None:
    store = SqliteStore(f"sqlite:///{tmp_path}/store.db")
    store.open()
    key = begin(store, moves=[start(0), done(0, result=value(b"x"), cache_key=b"1", cache_expires=50.0), start(1)])
    store.claim(b"2", key, 1, ENGINE, 20.0, ())
    assert store.prune(0.0, 49.0)["cache"] == 0
    assert store.prune(0.0, 50.0)["cache"] == 1
    assert store.counts().cached == 0
    store.prune(0.0, FAR + 1)
    assert store._database.rows("SELECT COUNT(*) FROM flights", ()) == [(0,)]
    store.close()


def test_the_log_of_a_living_process_stays(tmp_path: Path) -> None:
    store = SqliteStore(f"sqlite:///{tmp_path}/store.db")
    store.open()
    for name in (f"{os.getpid()}-1.log", "0-1.log", "odd name"):
        Path(store.log_folder, name).write_text("output")
    assert store.prune(0.0, 1000.0)["logs"] == 0
    assert store.prune(0.0, NOW)["logs"] == 2
    assert [file.name for file in Path(store.log_folder).iterdir()] == [f"{os.getpid()}-1.log"]
    store.close()
