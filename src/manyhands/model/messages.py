"""The kinds of messages that any process may leave for a run."""

SIGNAL = "signal"
"""Taken by the first task of the run that waits for its key."""

CALL = "call"
"""A call of an actor, as tasks to be added by whoever drives the run."""
