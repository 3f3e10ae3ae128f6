"""A Python object that one work makes and others read."""

from __future__ import annotations

import hashlib
import pickle
import re
from pathlib import Path
from typing import Any, ClassVar

from manyhands.app.errors import FileMissing, StorageUse
from manyhands.app.storage.shared import beside, shared_folder

_DIGEST = re.compile(r"[0-9a-f]{64}")


class Payload:
    """Any object that can be pickled, handed from work to work through a file named by its content.

    A work assigns it to an attribute in `run`, for example `self.data = Payload(frame)`. The flow passes it on as it
    is; the work that gets it reads `.value`.

    Errors: `StorageUse` when it is read where it cannot be; `FileMissing` when its file is gone.
    """

    _absent: ClassVar[object] = object()

    def __init__(self, value: Any) -> None:
        self._value = value
        self._digest: str | None = None
        self._name = ""
        self._origin = ""
        self._consumer = ""

    @property
    def name(self) -> str:
        """The attribute that it was assigned to."""
        return self._name

    @property
    def origin_name(self) -> str:
        """The work that made it, "" before it was assigned."""
        return self._origin

    @property
    def consumer_name(self) -> str:
        """The work that was given it last."""
        return self._consumer

    @property
    def hash(self) -> str | None:
        """The SHA-256 of its bytes; None before it was assigned."""
        return self._digest

    @property
    def value(self) -> Any:
        """The object."""
        return self.get() if self._value is Payload._absent else self._value

    def get(self) -> Any:
        """Read the object; only a work can, which was given the payload."""
        if self._value is not Payload._absent:
            return self._value
        if not self._consumer or self._digest is None:
            raise StorageUse(
                f"The payload {self._name!r} of {self._origin or 'no work'} can be read only by a work. "
                "Pass it to the `run()` of one, and read it there."
            )
        try:
            data = self._file.read_bytes()
        except FileNotFoundError:
            raise FileMissing(f"The payload {self._name!r} of {self._origin} is gone from {self._file}.") from None
        if hashlib.sha256(data).hexdigest() != self._digest:
            raise FileMissing(f"{self._file} is not what {self._origin} has written.")
        self._value = pickle.loads(data)  # noqa: S301 - of our own writing, as its digest proves
        return self._value

    def exists_remote(self) -> bool:
        """Whether other works can read it."""
        return self._digest is not None and self._file.exists()

    @property
    def _file(self) -> Path:
        return shared_folder() / "payloads" / (self._digest or "")

    def _save(self, work: str, name: str) -> None:
        """The work has assigned it: write it where others find it. Errors: what pickling raises; `OSError`."""
        self._name = name
        if self._digest is not None:
            self._consumer = work
            return
        self._origin = self._consumer = work
        data = pickle.dumps(self._value, protocol=5)
        self._digest = hashlib.sha256(data).hexdigest()
        file = self._file
        if file.exists():
            return
        with beside(file) as unfinished:
            unfinished.write_bytes(data)

    def _given_to(self, work: str) -> None:
        self._consumer = work

    def to_dict(self) -> dict[str, Any]:
        """As plain data, without the object."""
        return {"name": self._name, "origin_name": self._origin, "hash": self._digest}

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Payload:
        """The payload again; its object is read when it is asked for. Errors: `ValueError` for what is none."""
        payload = cls(cls._absent)
        payload._name = content["name"]
        payload._origin = content["origin_name"]
        digest = content["hash"]
        if digest is not None and not _DIGEST.fullmatch(digest):
            raise ValueError(f"{digest!r} is no digest of a payload")
        payload._digest = digest
        return payload

    def __reduce__(self) -> Any:
        if self._digest is None:
            return Payload, (self._value,)
        return Payload.from_dict, (self.to_dict(),)

    def __fingerprint__(self) -> Any:
        if self._digest is None:
            raise StorageUse(
                "The payload has not been assigned to an attribute of a work, so it cannot be an argument."
            )
        return self._digest

    def __repr__(self) -> str:
        return f"Payload(name={self._name!r}, origin_name={self._origin!r})"
