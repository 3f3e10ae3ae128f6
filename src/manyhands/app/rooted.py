"""What an app is apart from running: its components, by name, and their state."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from manyhands.app.delta import with_changes
from manyhands.app.errors import MissingRootRun
from manyhands.app.flow import Flow, attach, get_component_by_name
from manyhands.app.status import WorkStatus
from manyhands.app.tree import Tree
from manyhands.app.work import Work


class AppStage:
    """Where an app stands. `blocking`: it waits until somebody lets it begin."""

    BLOCKING = "blocking"
    RUNNING = "running"
    RESTARTING = "restarting"
    STOPPING = "stopping"
    FAILED = "failed"


@dataclass
class AppStatus:
    """Whether the app's parts are ready to be looked at, and where each work's latest call stands."""

    is_ui_ready: bool
    work_statuses: dict[str, WorkStatus] = field(default_factory=dict)


class WorkRoot(Flow):
    """Around a work that is an app's root: calls it once, and ends the app when it has succeeded."""

    def __init__(self, work: Work) -> None:
        super().__init__()
        self.work = work

    @property
    def ready(self) -> bool:
        """As the work says, where it does; else once it runs."""
        told = getattr(type(self.work), "ready", None)
        return bool(self.work.ready) if told is not None else self.work.has_started

    def run(self) -> None:
        if self.work.has_succeeded:
            self.work.stop()
            self.stop("The work has finished. Stopping the app.")
        self.work.run()


class Rooted:
    """The components of an app, from its root down."""

    def __init__(self, root: Flow | Work) -> None:
        """Errors: `MissingRootRun` (a `TypeError`)."""
        if isinstance(root, Work):
            root = WorkRoot(root)
        elif not callable(getattr(type(root), "run", None)):
            raise MissingRootRun(type(root).__name__)
        self.stage = AppStage.RUNNING
        """One of `AppStage`. Set while the app runs, it takes effect with the next turn."""
        self._root = root
        self._tree: Tree = root._tree_
        attach(root, self._tree)
        self._last_state = self.state

    @property
    def root(self) -> Flow:
        """The flow at the top."""
        return self._root

    @property
    def flows(self) -> list[Flow]:
        """All flows, the root first."""
        return [self._root, *self._root.flows.values()]

    @property
    def works(self) -> list[Work]:
        """All works, of all flows."""
        return self._root.works(recurse=True)

    @property
    def named_works(self) -> list[tuple[str, Work]]:
        """All works, each with its name."""
        return self._root.named_works(recurse=True)

    def get_component_by_name(self, name: str) -> Any:
        """The flow, work or structure of this name, as in "root.child.0".

        Errors: `ComponentName` (a `ValueError`) for a name that does not begin with the root; `ComponentNotFound`
        (an `AttributeError`).
        """
        return get_component_by_name(self._root, name)

    # --- state ------------------------------------------------------------------------------------------------------

    @property
    def state(self) -> dict[str, Any]:
        """A copy of the state of all components, and the app's own under `app_state`."""
        return {**self._root.state, **self._own_state()}

    @property
    def state_vars(self) -> dict[str, Any]:
        """A copy of the attributes of all components, and the app's own state."""
        return {**self._root.state_vars, **self._own_state()}

    @property
    def state_with_changes(self) -> dict[str, Any]:
        """The state, with what has changed in each component since `last_state`."""
        return with_changes(self._last_state, self.state)

    @property
    def last_state(self) -> dict[str, Any]:
        """The state as it was when it was last taken: at the start, and by `set_last_state`."""
        return self._last_state

    def set_last_state(self, state: dict[str, Any]) -> None:
        """Compare with this state from now on."""
        self._last_state = state

    def set_state(self, state: dict[str, Any]) -> None:
        """Make the state of all components what `state` gave. Errors: `UnfitDelta`, `StructureMismatch`."""
        self._root.set_state({name: part for name, part in state.items() if name != "app_state"})

    def _own_state(self) -> dict[str, Any]:
        return {"app_state": {"stage": self.stage}}

    @property
    def status(self) -> AppStatus:
        """Whether the app is ready, and where its works stand."""
        return AppStatus(bool(self._root.ready), {name: work.status for name, work in self.named_works})
