"""Commands of a flow that have a part on the side of who gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from manyhands.compat.errors import NotCovered

INSTEAD = "A command is a POST to `/command/NAME` of the app's page, whose body has what its method takes. "


class ClientCommand:
    """`method`: what the flow does when the command comes, as without this class. The other side, `run`, is not
    covered: no code of an app is sent to who gives its commands."""

    description: str = ""
    requirements: ClassVar[list[str]] = []

    def __init__(self, method: Callable[..., Any]) -> None:
        self.method = method
        self.description = self.description or method.__doc__ or ""

    def run(self, **arguments: Any) -> None:
        """For programs to override; nobody calls it here."""

    def invoke_handler(self, config: Any = None) -> Any:
        """Errors: `NotCovered`."""
        raise NotCovered("ClientCommand.invoke_handler", INSTEAD)

    def __call__(self, **arguments: Any) -> Any:
        """What the flow does."""
        return self.method(**arguments)


__all__ = ["ClientCommand"]
