"""The names of `ray.dag`."""

from manyhands.compat.ray.remote_function import RemoteNode
from manyhands.workflow import Bound, InputNode

DAGNode = Bound
FunctionNode = RemoteNode

__all__ = ["DAGNode", "FunctionNode", "InputNode"]
