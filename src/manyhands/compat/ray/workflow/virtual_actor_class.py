"""The names of `ray.workflow.virtual_actor_class`."""

from manyhands.workflow import VirtualActor, VirtualActorClass, VirtualActorNotInitializedError

__all__ = ["VirtualActor", "VirtualActorClass", "VirtualActorNotInitializedError"]
