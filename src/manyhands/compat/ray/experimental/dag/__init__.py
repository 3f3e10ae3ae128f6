"""The names of `ray.experimental.dag`, which are those of `ray.dag`."""

from manyhands.compat.ray.dag import *  # noqa: F403
