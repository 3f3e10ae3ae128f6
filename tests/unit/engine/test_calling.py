"""Calls that were left for other processes are seen to, each for itself."""

import logging
from typing import Any

from manyhands.engine.calling import Caller
from manyhands.model.errors import OptionError, RunNotFound, StoreUnavailable

FAILURES = {
    "gone": RunNotFound("gone"),
    "misplaced": OptionError("executor", "gpu", "one of those that there are"),
    "moving": StoreUnavailable("here", "it is being moved"),
    "blobless": OSError("no such blob"),
}


class Errand:
    def __init__(self, run_id: str, seen: list[str]) -> None:
        self.run_id = run_id
        self._seen = seen

    def see_to(self) -> bool:
        self._seen.append(self.run_id)
        if self.run_id in FAILURES:
            raise FAILURES[self.run_id]
        return self.run_id == "open"


class Obstructed(Caller):
    def __init__(self) -> None:
        super().__init__(None, None)  # type: ignore[arg-type]
        self.seen: list[str] = []
        self._errands = {Errand(name, self.seen) for name in [*FAILURES, "done", "open"]}  # type: ignore[misc]


def test_one_that_fails_is_no_hindrance_to_others(caplog: Any) -> None:
    caller = Obstructed()
    with caplog.at_level(logging.WARNING):
        caller.see_to()
    assert sorted(caller.seen) == sorted([*FAILURES, "done", "open"])
    assert sorted(record.args[0] for record in caplog.records) == ["blobless", "moving"]
    caller.seen.clear()
    caller.see_to()
    assert sorted(caller.seen) == ["blobless", "moving", "open"]
