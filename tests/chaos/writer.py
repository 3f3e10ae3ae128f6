"""A process that writes runs to a store as fast as it can, and says what was committed: `writer URL NAME STOP [aloud]`.

It begins when its input has a line or ends, and goes on until the file STOP is there.
"""

import os
import sys

from manyhands.model.records import Changes
from manyhands.stores.sqlite import SqliteStore
from manyhands.testing.store_kit import done, end_run, engine, new_run, new_task, start, value

STEPS = 5


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def write_run(store: SqliteStore, run_id: str, aloud: bool) -> int:
    """One run of a few steps, each its own commit; returns how many commits that took."""
    tasks = [new_task(n) for n in range(STEPS)]
    made = Changes(None, 0, new_run(run_id, entry=STEPS - 1), tasks=tasks, moves=[start(0)])
    store.commit([made])
    for n in range(STEPS):
        last = n == STEPS - 1
        moves = [done(n, result=value(run_id.encode()))] + ([] if last else [start(n + 1)])
        store.commit([Changes(made.key, 1, moves=moves, move=end_run() if last else None)])
        if aloud:
            say(run_id, n)
    return STEPS + 1


def main(url: str, name: str, stop: str, aloud: bool) -> None:
    store = SqliteStore(url)
    store.open()
    store.enroll(engine(name))
    say("ready")
    sys.stdin.readline()
    commits = 0
    runs = 0
    while not os.path.exists(stop):
        commits += write_run(store, f"{name}-{runs}", aloud)
        runs += 1
    store.close()
    say("wrote", runs, commits)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], aloud=sys.argv[4:] == ["aloud"])
