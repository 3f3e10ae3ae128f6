"""Hand a run to a background engine: it goes on although the script that started it is gone."""

import os
import shlex
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

from manyhands import workflow


@workflow.step(name="wait_for")
def wait_for(pipe: str) -> str:
    """Read from a named pipe: the step lasts until somebody writes to the other end."""
    return Path(pipe).read_text()


@workflow.step(name="greet")
def greet(name: str) -> str:
    return f"Hello, {name}."


def start(run_id: str, pipe: str) -> None:
    workflow.init()
    greet.step(wait_for.step(pipe)).run_async(run_id, detach=True)


def manyhands(*arguments: str) -> None:
    print(f"$ manyhands {shlex.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", "manyhands", *arguments], check=True)


def main() -> None:
    run_id = f"detached-{uuid.uuid4().hex[:8]}"
    manyhands("engine", "start", "--background")
    try:
        with tempfile.TemporaryDirectory() as folder:
            pipe = Path(folder, "pipe")
            os.mkfifo(pipe)
            subprocess.run([sys.executable, __file__, run_id, str(pipe)], check=True)
            print("The script that started the run has exited. The run:")
            manyhands("runs", "list")
            pipe.write_text("world")  # waits until the step, driven by the engine, reads
            workflow.init()
            answer = workflow.get_output(run_id).result(timeout=60)
        print(answer)
        assert answer == "Hello, world."
    finally:
        manyhands("engine", "stop")


if __name__ == "__main__":
    start(*sys.argv[1:]) if len(sys.argv) > 1 else main()
