"""What programs with workflows use of `ray`: its names over our engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from manyhands.compat.errors import missing
from manyhands.compat.ray import dag, exceptions, workflow
from manyhands.compat.ray.remote_function import remote
from manyhands.compat.ray.session import session
from manyhands.engine import kept, waiting
from manyhands.engine.context import current_task
from manyhands.engine.handle import Reference
from manyhands.model.errors import CallError

__version__ = "1.13.0"

ObjectRef = Reference

__all__ = [
    "ObjectRef",
    "__version__",
    "dag",
    "exceptions",
    "get",
    "init",
    "is_initialized",
    "put",
    "remote",
    "shutdown",
    "wait",
    "workflow",
]


class RayContext(dict[str, Any]):
    """What `init` returns: `with ray.init():` shuts down at the end."""

    def __enter__(self) -> RayContext:
        return self

    def __exit__(self, *_: object) -> None:
        shutdown()

    disconnect = __exit__


def init(
    address: str | None = None,
    *,
    num_cpus: int | None = None,
    storage: str | None = None,
    ignore_reinit_error: bool = False,
    **_ignored: Any,
) -> RayContext:
    """Choose what the engine of this process is made with: `num_cpus` worker processes, and the store for `storage`.
    There is no cluster to join, so `address` and all other options mean nothing.

    Errors: `RuntimeError` when it was called before, without `ignore_reinit_error`.
    """
    if not (session.on and ignore_reinit_error):
        session.begin(storage=storage, processes=num_cpus)
    return RayContext({"address": "local", "node_ip_address": "127.0.0.1"})


def shutdown(_exiting_interpreter: bool = False) -> None:
    """Close the engine of this process; workflows that are not finished can be resumed."""
    session.end()


def is_initialized() -> bool:
    """Whether `init` was called, or something that needs it, and `shutdown` not since; always in a worker."""
    return session.begun or current_task.get() is not None


def get(references: Any, *, timeout: float | None = None) -> Any:
    """The value of a reference, or those of a list of them. Errors: `exceptions.GetTimeoutError`; what the workflow or
    the remote function raised, as `exceptions.RaySystemError` or `exceptions.RayTaskError`."""
    for one in references if isinstance(references, (list, tuple)) else [references]:
        if not isinstance(one, Reference):
            raise CallError(f"Attempting to call `get` on the value {one!r}, which is not an ray.ObjectRef.")
    return waiting.get(references, timeout=timeout)


def put(value: Any) -> Reference:
    """A reference to a value, which is kept in the store. Errors: `TypeError` for a reference, `EncodingError`."""
    if isinstance(value, Reference):
        raise CallError("Calling 'put' on an ray.ObjectRef is not allowed: it is a reference already.")
    return kept.put(value)


def wait(
    references: Sequence[Reference],
    *,
    num_returns: int = 1,
    timeout: float | None = None,
    fetch_local: bool = True,
) -> tuple[list[Reference], list[Reference]]:
    """Those of the references that are done, at most `num_returns`, and the others.

    Errors: `ValueError`, `TypeError`.
    """
    if not isinstance(references, (list, tuple)) or not all(isinstance(one, Reference) for one in references):
        raise CallError("wait() expected a list of ray.ObjectRef.")
    return waiting.wait(references, num_returns=num_returns, timeout=timeout)


def __getattr__(name: str) -> Any:
    missing("ray", name, "Only what programs with workflows use of it is.")
