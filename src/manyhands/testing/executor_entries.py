"""Entries that the executor suite has run on the far side: well-behaved, failing, dying, stubborn."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn, Protocol

import msgspec

from manyhands.model.outcomes import Failure, Outcome, Value
from manyhands.model.states import Cause
from manyhands.model.values import Encoded


class Context(Protocol):
    settings: dict[str, Any]
    worker: str
    kit: Any


def value(data: bytes) -> Value:
    return Value(Encoded("raw", data))


def give_back(payload: bytes, context: Context) -> Outcome:
    return value(payload)


def describe(payload: bytes, context: Context) -> Outcome:
    """The context and the process, as msgpack."""
    context.kit = (context.kit or 0) + 1
    facts = {
        "settings": context.settings, "worker": context.worker, "kit": context.kit, "pid": os.getpid(),
        "cwd": os.getcwd(), "store": os.environ.get("MANYHANDS_STORE"), "path": sys.path,
        "sigint": signal.getsignal(signal.SIGINT) is signal.SIG_IGN, "stdin": os.read(0, 1),
        "leader": os.getsid(0) == os.getpid(),
    }  # fmt: skip
    return value(msgspec.msgpack.encode(facts))


def refuse(payload: bytes, context: Context) -> Outcome:
    return Failure(Cause.MEMORY, payload.decode(), retryable=False)


def fail(payload: bytes, context: Context) -> Outcome:
    raise ValueError(payload.decode())


def leave(payload: bytes, context: Context) -> Outcome:
    sys.exit(payload.decode())


def interrupt(payload: bytes, context: Context) -> Outcome:
    raise KeyboardInterrupt


def return_nothing(payload: bytes, context: Context) -> Any:
    return None


def garble(payload: bytes, context: Context) -> Outcome:
    """A message that is no text."""
    return Failure(Cause.ERROR, "half a character: \udc80")


def enlarge(payload: bytes, context: Context) -> Outcome:
    return value(b"x" * int(payload))


def measure(payload: bytes, context: Context) -> Outcome:
    return value(str(len(payload)).encode())


def take(payload: bytes, context: Context) -> Outcome:
    """Some time, in seconds."""
    time.sleep(float(payload))
    return value(payload)


def speak(payload: bytes, context: Context) -> Outcome:
    sys.stdout.write(payload.decode())
    return value(b"")


def speak_through_child(payload: bytes, context: Context) -> Outcome:
    subprocess.run([sys.executable, "-S", "-c", "import sys; print(sys.argv[1])", payload], check=True)
    return value(b"")


def speak_and_die(payload: bytes, context: Context) -> Outcome:
    sys.stdout.write(payload.decode() + "\n")
    os.kill(os.getpid(), signal.SIGKILL)
    return value(b"")


def exit_with(payload: bytes, context: Context) -> Outcome:
    os._exit(int(payload))


def die_by(payload: bytes, context: Context) -> Outcome:
    os.kill(os.getpid(), int(payload))
    return value(b"")


def come_back_twice(payload: bytes, context: Context) -> Outcome:
    """The child of the attempt returns from it, too."""
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    return value(b"parent" if pid else b"child")


def open_gate(folder: str) -> int:
    """Where to tell that one has begun; it stays open for as long as the process lives."""
    return os.open(os.path.join(folder, "begun"), os.O_WRONLY)


def tell(descriptor: int) -> None:
    os.write(descriptor, f"{os.getpid()}\n".encode())


def await_release(folder: str) -> None:
    descriptor = os.open(os.path.join(folder, "go"), os.O_RDONLY)
    os.read(descriptor, 1)
    os.close(descriptor)


def hold(payload: bytes, context: Context) -> Outcome:
    """Until the gate is opened."""
    folder = payload.decode()
    descriptor = open_gate(folder)
    tell(descriptor)
    await_release(folder)
    os.close(descriptor)
    return value(b"released")


def speak_and_hold(payload: bytes, context: Context) -> Outcome:
    sys.stdout.write("holding\n")
    return hold(payload, context)


def hold_stubbornly(payload: bytes, context: Context) -> Outcome:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return hold(payload, context)


def hold_orderly(payload: bytes, context: Context) -> Outcome:
    """Ends by itself, with a last word and code 7, when it is asked to."""
    folder = payload.decode()
    descriptor = open_gate(folder)

    def end(number: int, stack: object) -> NoReturn:
        os.write(descriptor, b"7\n")
        os._exit(7)

    signal.signal(signal.SIGTERM, end)
    tell(descriptor)
    await_release(folder)
    os.close(descriptor)
    return value(b"released")


def hold_bravely(payload: bytes, context: Context) -> Outcome:
    """Takes SIGTERM for the signal to come to a result."""
    waiting, arrived = os.pipe()
    signal.signal(signal.SIGTERM, lambda number, stack: os.write(arrived, b"!") and None)
    descriptor = open_gate(payload.decode())
    tell(descriptor)
    os.read(waiting, 1)
    os.close(descriptor)
    return value(b"finished")


def hold_with_child(payload: bytes, context: Context) -> Outcome:
    """A child that ignores SIGTERM keeps the announcement open, too."""
    folder = payload.decode()
    descriptor = open_gate(folder)
    child = "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); os.write(1, b'.'); signal.pause()"
    ready, told = os.pipe()
    subprocess.Popen([sys.executable, "-S", "-c", child], stdout=told, pass_fds=(descriptor,))
    os.read(ready, 1)
    tell(descriptor)
    await_release(folder)
    return value(b"released")


def leave_child(payload: bytes, context: Context) -> Outcome:
    """The attempt ends, its child goes on."""
    descriptor = open_gate(payload.decode())
    subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"], pass_fds=(descriptor,))
    tell(descriptor)
    os.close(descriptor)
    return value(b"")


def hold_the_interpreter(payload: bytes, context: Context) -> Outcome:
    """Lets no other thread run for a minute."""
    sys.setswitchinterval(60)
    descriptor = open_gate(payload.decode())
    tell(descriptor)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass
    os.close(descriptor)
    return value(b"")
