"""What the HTTP side asks of a running app."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

Plain = dict[str, Any]
"""JSON data: text keys; lists, dicts, text, numbers, true, false and None in it."""


class AppView(Protocol):
    """A running app, seen from other threads than its own: every method may be called from any of them.

    Components are named from the top: `root`, `root.trainer`, `root.runs.0`. What does not fit raises a `UsageError`
    (no such component, no such call, an operation that cannot be made), what cannot be done now a `StateError`.
    """

    def snapshot(self) -> Plain:
        """The state of all components as it was last published: `vars`, `calls`, `changes`, `flows`, `works`,
        `structures` of the root, and `app_state` with the app's `stage`, and `message` once it is known why the app has
        failed."""

    def about(self) -> Plain:
        """What the page says of the app: `title`, `description`, `image` and `favicon` (URLs), `metas` (the attributes
        of further tags), and `root_path`, below which it is found behind a proxy. Whatever it has not may be missing.
        It stays as it is."""

    def status(self) -> Plain:
        """`is_ui_ready`, and `work_statuses`: name of a work to `stage`, `timestamp`, `reason`, `message`, `count`."""

    def layout(self) -> list[Plain]:
        """The tabs, in order: `name`, and `content`: the name of a component, or a URL. `folder` in its place: the
        path of a folder of web pages."""

    def routes(self) -> Sequence[Plain]:
        """What the app serves itself: `method` (GET, POST, PUT, DELETE), `route` (a path; `{name}` in it is an
        argument), `parameters` (for people), and for a command its name, `command`, and its `component`."""

    def call(self, method: str, route: str, arguments: Plain) -> Any:
        """Have the flow's loop call what serves the route (both as in `routes()`), and wait for its answer, plain
        JSON. `arguments` are text where they come from a URL. Errors: whatever the app's code raises."""

    def apply_delta(self, delta: list[list[Any]]) -> None:
        """Have the flow's loop make these changes of the state, all or none: `[path, verb, value]`, see
        `manyhands.app.delta`."""

    def request_run(self) -> None:
        """Let an app begin that waits for it."""

    def request_stop(self) -> None:
        """End the app in good order; returns at once."""

    def stop_work(self, name: str) -> None:
        """End a work's process, as the flow's `work.stop()` does."""

    def retry(self, name: str, key: str) -> None:
        """Make a work's failed call once more; `key` is the call's in the work's `calls`."""

    def subscribe(self, changed: Callable[[], None]) -> Callable[[], None]:
        """Call `changed` after each change of anything above, from any thread, until the function that this returns is
        called. `changed` is quick and never raises."""
