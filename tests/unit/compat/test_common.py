"""`ray.workflow.common`: what a workflow is, for `isinstance` and annotations."""

from manyhands import workflow
from manyhands.compat import ray
from manyhands.compat.ray.workflow.common import Workflow
from manyhands.engine.task_output import TaskOutput


def test_what_is_a_workflow() -> None:
    """What `wait` gives as not done is one, too."""
    assert Workflow is ray.workflow.Workflow
    assert isinstance(workflow.step(len).step([]), Workflow)
    assert isinstance(ray.remote(lambda: None).bind(), Workflow)
    assert isinstance(workflow.wait([workflow.step(len).step([])]), Workflow)
    assert isinstance(TaskOutput("run", 1), Workflow)
    assert not any(isinstance(one, Workflow) for one in (None, "run", [], workflow.step(len)))


def test_it_may_be_subscripted() -> None:
    def annotated(one: Workflow[int]) -> "Workflow[list[int]]":  # type: ignore[type-arg]
        return one

    assert annotated.__annotations__["one"] is Workflow
