"""Cached calls: results found by the fingerprint of function and inputs, equal calls computed once."""

from __future__ import annotations

from hashlib import blake2b

from manyhands.codecs.kit import Kit
from manyhands.engine.drive import Drive
from manyhands.engine.liveness import Liveness
from manyhands.engine.outputs import Outputs
from manyhands.machine.fingerprint import fingerprint_call
from manyhands.model.records import CacheEntry, TaskMove
from manyhands.model.states import Reason
from manyhands.ports.store import Store

RECHECK = 0.05
"""Seconds until a task that waits for an equal call looks again."""

NEXT_ROUND = 1e-5
"""Seconds; later than this round, and before the next."""


class Caching:
    """The cache as the dispatcher asks it."""

    def __init__(self, store: Store, kit: Kit, outputs: Outputs, liveness: Liveness, engine: str) -> None:
        self._store = store
        self._kit = kit
        self._outputs = outputs
        self._liveness = liveness
        self._engine = engine

    def look(self, drive: Drive, move: TaskMove, now: float) -> CacheEntry | None:
        """The cached result of a task that is about to start; its cache key is put on the move."""
        job = drive.jobs[move.task]
        move.cache_key = self.key(drive, move.task)
        ttl = job.spec.options.cache_ttl
        move.cache_expires = None if ttl is None else now + ttl
        return self._store.cached(move.cache_key, now)

    def key(self, drive: Drive, task: int) -> bytes:
        """The fingerprint of function and inputs, these with the upstreams' results in their places."""
        job = drive.jobs[task]
        what = f"the inputs of {job.name}"
        results = [self._kit.values.decode(self._outputs.input(drive, place), what) for place in job.upstreams]
        args, kwargs = self._kit.calls.decode(job.spec.inputs, results, what)
        return call_key(job.spec.function_key or b"", tuple(args), kwargs)

    def claim(self, drive: Drive, move: TaskMove, now: float) -> bool:
        """Single flight: False when an equal call is being computed; the task then looks again when that is done."""
        if drive.key is None:  # a claim names a run, which is there next round
            drive.machine.defer(move.task, now, now + NEXT_ROUND, Reason.FLIGHT)
            return False
        dead = self._liveness.dead(self._store.engines(), now)
        if self._store.claim(move.cache_key or b"", drive.key, drive.ordinal(move.task), self._engine, now, dead):
            drive.cache_keys[move.task] = (move.cache_key or b"", move.cache_expires)
            return True
        drive.machine.defer(move.task, now, now + RECHECK, Reason.FLIGHT)
        return False

    def satisfy(self, drive: Drive, move: TaskMove, entry: CacheEntry, now: float) -> list[TaskMove]:
        moves = drive.machine.satisfy(move.task, now, Reason.CACHED)
        moves[0].message = f"computed by {entry.name} of run {entry.run_id}"
        moves[0].cache_key = move.cache_key  # `why` finds by it when that was
        return moves


def call_key(function_key: bytes, args: tuple[object, ...], kwargs: dict[str, object]) -> bytes:
    """The cache key of a call, its arguments normalised. Errors: `FingerprintError`."""
    return blake2b(function_key + fingerprint_call(args, kwargs), digest_size=16).digest()
