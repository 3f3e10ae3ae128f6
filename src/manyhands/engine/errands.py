"""Errands: sees that calls which were left for other processes are done."""

from __future__ import annotations

from manyhands.engine.client import Client
from manyhands.engine.loop import Loop


class Errands(Loop):
    """Takes up runs that were called from here and whose driver has died since."""

    def __init__(self, client: Client, *, interval: float) -> None:
        super().__init__(interval)
        self._client = client

    def tick(self) -> None:
        self._client.see_to_calls()
