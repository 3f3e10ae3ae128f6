"""A request to stop is obeyed once, whatever the main thread does when it comes."""

import subprocess
import sys

import pytest

HEAD = """
import os, signal, threading, time
from manyhands.app.stopping import Uninterrupted, WorkStopped

times = []
def leave():
    times.append("left")
    raise WorkStopped
asked = Uninterrupted(leave)
asked.watch()
"""

MISSED = """
ear, mouth = os.pipe()
def miss():
    signal.pthread_kill(threading.get_ident(), signal.SIGTERM)  # the main thread's call is not interrupted
    asked.insist()
threading.Timer(0.05, miss).start()
try:
    os.read(ear, 1)
except WorkStopped:
    print(times)
"""

LOST = """
class Deaf:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
try:
    Deaf()
    signal.pause()
except WorkStopped:
    print(times)
"""

HELD = """
try:
    with asked:
        with asked:
            signal.raise_signal(signal.SIGTERM)
        print("whole")
    print("never")
except WorkStopped:
    print(times)
"""

TWICE = """
try:
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        asked.insist()
        signal.raise_signal(signal.SIGTERM)
        print("cleaned up")
except WorkStopped:
    print(times)
"""

OWN = """
signal.signal(signal.SIGTERM, lambda *_: times.append("own"))
asked.insist()
signal.raise_signal(signal.SIGTERM)
for thread in threading.enumerate():
    if thread.name == "manyhands-stop":
        thread.join()
print(times)
"""

FORKED = """
child = os.fork()
if not child:
    signal.raise_signal(signal.SIGTERM)
    os._exit(0)
print(os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGTERM, times)
"""


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param(MISSED, "['left']\n", id="missed before a system call"),
        pytest.param(LOST, "['left']\n", id="lost where exceptions are ignored"),
        pytest.param(HELD, "whole\n['left']\n", id="held while something is told"),
        pytest.param(TWICE, "cleaned up\n['left']\n", id="asked twice"),
        pytest.param(OWN, "['own']\n", id="a handler of the work's own"),
        pytest.param(FORKED, "True []\n", id="in a process that the work has forked"),
    ],
)
def test_a_request_to_stop_is_obeyed_once(body: str, said: str) -> None:
    done = subprocess.run([sys.executable, "-c", HEAD + body], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == (said, "")
