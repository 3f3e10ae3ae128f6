"""A first Luigi task with a file as target, with the local scheduler."""

import sys

import luigi


class Noop(luigi.Task):  # type: ignore[misc]
    folder = luigi.Parameter()

    def output(self) -> luigi.LocalTarget:
        return luigi.LocalTarget(f"{self.folder}/out.txt")

    def run(self) -> None:
        with self.output().open("w") as file:
            file.write("1")


if __name__ == "__main__":
    if not luigi.build([Noop(folder=sys.argv[1])], local_scheduler=True, log_level="ERROR"):
        raise AssertionError("the task did not succeed")
    print("done", flush=True)
