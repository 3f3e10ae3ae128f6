"""An app that lives in memory and does what a test tells it."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from typing import Any

from manyhands.app.delta import apply
from manyhands.model.errors import StateError, UsageError

Plain = dict[str, Any]


def component(*, works: Plain | None = None, flows: Plain | None = None, **attributes: Any) -> Plain:
    """The state of a flow or, without children, of a work."""
    state: Plain = {"vars": attributes, "calls": {"latest_call_hash": None}, "changes": {}}
    if works is not None or flows is not None:
        state.update(works=works or {}, flows=flows or {}, structures={})
    return state


class MemoryApp:
    """An `AppView` over a state in memory. `acts` is what it was asked for, in order."""

    def __init__(self, state: Plain, stage: str = "running") -> None:
        self.acts: list[tuple[Any, ...]] = []
        self.tabs: list[Plain] = []
        self.said: Plain = {}
        self.served: list[Plain] = []
        self.answers: dict[tuple[str, str], Callable[..., Any]] = {}
        self.listeners: list[Callable[[], None]] = []
        self.acted = threading.Condition()
        self._lock = threading.Lock()
        self._state = {**state, "app_state": {"stage": stage}}

    # --- what the test does -----------------------------------------------------------------------------------------

    def change(self, act: Callable[[Plain], None]) -> None:
        """Change the state by `act`, and tell everybody."""
        with self._lock:
            state = copy.deepcopy(self._state)
            act(state)
            self._state = state
        for changed in list(self.listeners):
            changed()

    def stage(self, stage: str) -> None:
        self.change(lambda state: state["app_state"].update(stage=stage))

    def record(self, name: str, key: str, stage: str, at: float | None = None, **more: Any) -> None:
        """A call of a work went on to `stage`."""

        def act(state: Plain) -> None:
            calls = _find(state, name)["calls"]
            entry = calls.setdefault(key, {"statuses": []})
            entry["statuses"].append({"stage": stage, "timestamp": time.time() if at is None else at, **more})
            if stage == "succeeded":
                entry["ret"] = None
            if stage != "pending" or calls["latest_call_hash"] is None:
                calls["latest_call_hash"] = key

        self.change(act)

    def set(self, name: str, **attributes: Any) -> None:
        self.change(lambda state: _find(state, name)["vars"].update(attributes))

    def wait_for_act(self, *act: Any, seconds: float = 60.0) -> None:
        """Wait until somebody has asked for `act`."""
        with self.acted:
            assert self.acted.wait_for(lambda: act in self.acts, seconds), f"{act} is not in {self.acts}"

    def _act(self, *act: Any) -> None:
        with self.acted:
            self.acts.append(act)
            self.acted.notify_all()

    # --- AppView ----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Plain:
        return self._state

    def about(self) -> Plain:
        return self.said

    def status(self) -> Plain:
        return {"is_ui_ready": True, "work_statuses": {name: {"stage": "not_started"} for name in self._state["works"]}}

    def layout(self) -> list[Plain]:
        return self.tabs

    def routes(self) -> list[Plain]:
        return self.served

    def call(self, method: str, route: str, arguments: Plain) -> Any:
        return self.answers[method, route](**arguments)

    def apply_delta(self, delta: list[list[Any]]) -> None:
        self._act("delta", delta)
        self.change(lambda state: state.update(apply(state, delta)))

    def request_run(self) -> None:
        self._act("run")
        self.stage("running")

    def request_stop(self) -> None:
        self._act("stop")
        self.stage("stopping")

    def stop_work(self, name: str) -> None:
        _find(self._state, name)
        self._act("stop_work", name)

    def retry(self, name: str, key: str) -> None:
        entry = _find(self._state, name)["calls"].get(key)
        if entry is None:
            raise UsageError(f"{name} has no call {key}.")
        if entry["statuses"][-1]["stage"] != "failed":
            raise StateError(f"The call {key} of {name} has not failed.")
        self._act("retry", name, key)

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        self.listeners.append(changed)
        return lambda: self.listeners.remove(changed)


def _find(state: Plain, name: str) -> Plain:
    for part in name.split(".")[1:]:
        found = next(
            (state[kind][part] for kind in ("works", "flows", "structures") if part in state.get(kind, {})), None
        )
        if found is None:
            raise UsageError(f"There is no component {name}.")
        state = found
    return state
