"""A first DBOS workflow of one step on a fresh SQLite file."""

import sys

from dbos import DBOS


@DBOS.step()
def noop(x: int) -> int:
    return x


@DBOS.workflow()
def single(x: int) -> int:
    return noop(x)


if __name__ == "__main__":
    DBOS(
        config={
            "name": "bench-peer",
            "system_database_url": f"sqlite:///{sys.argv[1]}/dbos.sqlite",
            "log_level": "ERROR",
            "enable_otlp": False,
        }
    )
    DBOS.launch()
    if single(1) != 1:
        raise AssertionError("the workflow gave another value")
    print("done", flush=True)
    DBOS.destroy()
