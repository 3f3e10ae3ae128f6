"""Files that are sent to an app, for its works to find in a drive."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

from manyhands.app.storage.drive import Drive
from manyhands.rest.view import Plain

DRIVE = "lit://uploaded_files"
OWNER = "file_server"
"""Whose part of the drive they are in: no work's."""

LARGEST = 1024**3
"""Bytes of a file at most."""

LONGEST_NAME = 200
"""Bytes of a file's name at most; the name that it has until it is whole is longer."""

PIECE = 256 * 1024
FORM = "multipart/form-data"
FIELD = "uploaded_file"


async def keep(name: str, request: Request) -> Plain:
    """Put the body of a request, or the file `uploaded_file` of a form, into the drive. It is there when it is whole,
    and takes the place of one that has the same name.

    Errors: `HTTPException` for a name that is none, for what is too long, and for a disk that is full.
    """
    _check_name(name)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > LARGEST:
        raise _too_long()
    folder = Drive(DRIVE).root / OWNER
    unfinished = folder / f".{name}.{uuid.uuid4().hex}"
    try:
        await run_in_threadpool(folder.mkdir, parents=True, exist_ok=True)
        size = await _written(unfinished, request)
        await run_in_threadpool(os.replace, unfinished, folder / name)
    except OSError as error:
        raise HTTPException(507, f"The file cannot be kept: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return {"name": name, "drive": DRIVE, "bytes": size}


def _check_name(name: str) -> None:
    if not name or name.startswith(".") or not name.isprintable() or "/" in name or "\\" in name:
        raise HTTPException(422, f"{name!r} is no name for a file: no `/`, no `\\`, no `.` at its beginning.")
    if len(name.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
        raise HTTPException(422, f"The file's name is longer than {LONGEST_NAME} bytes.")


async def _written(path: Path, request: Request) -> int:
    size = 0
    with await run_in_threadpool(open, path, "xb") as file:
        async for piece in _pieces(request):
            size += len(piece)
            if size > LARGEST:
                raise _too_long()
            await run_in_threadpool(file.write, piece)
    return size


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        async for piece in request.stream():
            yield piece
        return
    async with Request(request.scope, _Bounded(request)).form(max_files=1, max_fields=10) as form:
        file = form.get(FIELD)
        if not isinstance(file, UploadFile):
            raise HTTPException(422, f"The form has no file `{FIELD}`.")
        while piece := await file.read(PIECE):
            yield piece


class _Bounded:
    """What a request receives, as far as it is not too long; a form is read as a whole before its file can be."""

    def __init__(self, request: Request) -> None:
        self._receive = request.receive
        self._size = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > LARGEST:
            raise _too_long()
        return message


def _too_long() -> HTTPException:
    return HTTPException(413, f"The file is longer than {LARGEST} bytes.")
