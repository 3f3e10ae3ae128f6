"""The name of `lightning.app.utilities.network` that programs use."""

from __future__ import annotations

from manyhands.app.address import free_port


def find_free_network_port() -> int:
    """A port of this machine that nobody listens at just now."""
    return free_port()
