"""Routes as programs for `lightning.app` write them: what they have for the server stands among the arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from manyhands.app import api


class Routed(api.Route):
    """A route; `timeout` is in seconds, `options` are handed to the server."""

    def __init__(self, route: str, method: Callable[..., Any], timeout: float = 30.0, **options: Any) -> None:
        super().__init__(route, method, timeout, options)


class Get(Routed, api.Get):
    """Answers a GET."""


class Post(Routed, api.Post):
    """Answers a POST."""


class Put(Routed, api.Put):
    """Answers a PUT."""


class Delete(Routed, api.Delete):
    """Answers a DELETE."""
