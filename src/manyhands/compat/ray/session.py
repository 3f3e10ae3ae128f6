"""What `ray.init` and `workflow.init` of a process have said, until `ray.shutdown`."""

from __future__ import annotations

import logging
import os
from typing import Any

from manyhands import bootstrap, workflow
from manyhands.model.errors import StateError
from manyhands.stores.opening import address

log = logging.getLogger("manyhands")

VARIABLE = "RAY_WORKFLOW_STORAGE"


class StartedTwice(StateError, RuntimeError):
    """`ray.init` was called again: `StartedTwice()`."""

    text = "ray.init was called before. Call `ray.shutdown()` first, or pass `ignore_reinit_error=True`."


class Session:
    """The start-up of one process, said in two places and in any order."""

    def __init__(self) -> None:
        self.on = False
        self._storage: str | None = None
        self._settings: dict[str, Any] = {}

    @property
    def begun(self) -> bool:
        """Whether there is something that `end` would close."""
        return self.on or bootstrap.current.made

    def begin(self, **settings: Any) -> None:
        """`ray.init`. Errors: `StartedTwice`."""
        if self.on:
            raise StartedTwice()
        self.configure(settings.pop("storage", None), **settings)
        self.on = True

    def configure(self, storage: str | None = None, **settings: Any) -> None:
        """Choose store and settings, beside those chosen before. Errors: `OtherStorage` (a `RuntimeError`), `TypeError`
        when the storage is no text, `StoreLocationError`."""
        if storage is not None and not isinstance(storage, str):
            raise TypeError("'storage' should be None, or a str such as '/path/to/folder'.")
        storage = storage or self._storage or os.environ.get(VARIABLE)
        if self._storage is not None and storage is not None and address(storage) != address(self._storage):
            raise bootstrap.OtherStorage(address(self._storage))
        given = {name: value for name, value in settings.items() if value is not None}
        workflow.init(storage, **{**self._settings, **given})
        self._settings.update(given)
        self._storage = storage

    def end(self) -> None:
        """`ray.shutdown`: runs that are not finished can be resumed."""
        bootstrap.current.close()
        self.on = False
        self._storage = None
        self._settings = {}


session = Session()
"""That of this process, as its engine is."""
