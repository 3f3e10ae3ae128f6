"""A step that returns steps: the shape of the work is found out while it is done."""

import tempfile
import uuid
from pathlib import Path
from typing import Any

from manyhands import workflow


@workflow.step(name="total")
def total(here: int, below: list[int]) -> int:
    return here + sum(below)


@workflow.step(name="measure")
def measure(folder: str) -> Any:
    """Bytes in a folder. Only a look into it tells which folders are below, so the step answers with more steps."""
    entries = sorted(Path(folder).iterdir())
    here = sum(entry.stat().st_size for entry in entries if entry.is_file())
    below = [entry for entry in entries if entry.is_dir()]
    if not below:
        return here
    parts = [measure.options(metadata={"folder": entry.name}).step(str(entry)) for entry in below]
    return total.step(here, parts)


def plant(root: Path) -> int:
    """Make a small tree of folders, and return how many bytes are in it."""
    sizes = {"top.txt": 10, "a/one.txt": 100, "a/deep/two.txt": 1000, "b/three.txt": 10000}
    for path, size in sizes.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"." * size)
    return sum(sizes.values())


def main() -> None:
    workflow.init()
    run_id = f"nested-{uuid.uuid4().hex[:8]}"
    with tempfile.TemporaryDirectory() as folder:
        expected = plant(Path(folder))
        answer = measure.options(metadata={"folder": "the top"}).step(folder).run(run_id)
    print(f"{answer} bytes in all")
    assert answer == expected

    journal = workflow.get_metadata(run_id, name="all")
    print(f"\nThe run began with one step and ended with {len(journal)}:")
    for name, step in journal.items():
        print(f"  {name:<12}{step['user_metadata'].get('folder', '')}")
    assert sorted(journal) == ["measure", "measure_1", "measure_2", "measure_3", "total", "total_1"]
    print(f"\nSee the tree: manyhands runs show {run_id}")


if __name__ == "__main__":
    main()
