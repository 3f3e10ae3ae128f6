"""The names of `ray.workflow.event_listener`."""

from manyhands.workflow import EventListener, TimerListener

EventListenerType = type[EventListener]

__all__ = ["EventListener", "EventListenerType", "TimerListener"]
