"""Identifiers, as distinct types so that a checker tells them apart."""

from __future__ import annotations

from typing import NewType

RunId = NewType("RunId", str)
"""What a user calls a run: any text, never used as a path."""

RunKey = NewType("RunKey", int)
"""The store's own number for a run."""

Ordinal = NewType("Ordinal", int)
"""A task's place within its run, from 0, in the order tasks were added."""

EngineId = NewType("EngineId", str)
"""One engine in one process; it heartbeats as a whole, and its sessions live and die with it."""

ContentHash = NewType("ContentHash", str)
"""Hex BLAKE2b-128 of some bytes: where a blob is found."""
