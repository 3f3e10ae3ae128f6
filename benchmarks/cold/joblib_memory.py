"""A first call of a function cached by joblib in a fresh folder."""

import sys

from joblib import Memory


def noop(x: int) -> int:
    return x


if __name__ == "__main__":
    if Memory(sys.argv[1], verbose=0).cache(noop)(1) != 1:
        raise AssertionError("the call gave another value")
    print("done", flush=True)
