"""The names of `ray.workflow.api`, which are those of `ray.workflow`."""

from manyhands.compat.ray2.workflow import *  # noqa: F403
