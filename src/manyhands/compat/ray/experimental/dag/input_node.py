"""The names of `ray.experimental.dag.input_node`."""

from manyhands.workflow import InputNode

__all__ = ["InputNode"]
