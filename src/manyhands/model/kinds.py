"""The kinds of runs, and of engines."""

WORKFLOW = "workflow"

ACTOR = "actor"
"""A virtual actor: its calls are tasks, one after the other."""

APP = "app"
"""A reactive app: only its own program can go on with it."""

PLAIN_CALL = "call"
"""A function that was called, and is no workflow."""

KEPT_VALUE = "put"
"""Holds a large value: it does nothing, and lasts as long as finished runs are kept."""

CALLED = frozenset({ACTOR, APP})
"""Kinds of runs that take calls."""

SERVICE = "service"
"""An engine that also looks for runs which others have left."""

BESIDE = frozenset({PLAIN_CALL, KEPT_VALUE})
"""Kinds that come about beside what people started, in numbers that would hide it."""
