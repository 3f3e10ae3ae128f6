"""The names of `ray.dag.input_node`."""

from manyhands.workflow import InputNode

__all__ = ["InputNode"]
