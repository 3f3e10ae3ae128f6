"""A workflow that waits for an event, to be killed in the middle: `listener.py run|resume LEDGER EVENT COMMIT`.

The event is there when the file EVENT is; the checkpoint of it is heard when the file COMMIT is there, too. Each call
of the listener is noted in LEDGER when it begins and when it ends.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from manyhands import workflow
from manyhands.workflow.events import EventListener, listening
from tests.acceptance.kit import TICK, note


class FileListener(EventListener):
    async def poll_for_event(self, ledger: str, event: str, commit: str) -> Any:
        note(ledger, "poll begins")
        await file_is_there(event)
        note(ledger, "poll ends")
        return {"ledger": ledger, "commit": commit}

    async def event_checkpointed(self, event: Any) -> None:
        note(event["ledger"], "commit begins")
        await file_is_there(event["commit"])
        note(event["ledger"], "commit ends")


async def file_is_there(path: str | Path) -> None:
    exists = Path(path).exists
    while not exists():  # noqa: ASYNC110 - it comes from another process
        await asyncio.sleep(TICK)


@workflow.step
def count(event: dict[str, str]) -> int:
    return len(event)


if __name__ == "__main__":
    what, *files = sys.argv[1:]
    if what == "run":
        result = count.step(listening(FileListener, files)).run("listening")
    else:
        result = workflow.resume("listening").result()
    sys.stdout.write(f"{result}\n")
