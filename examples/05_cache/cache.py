"""A step with equal inputs is computed once, in whichever run it is asked for."""

import tempfile
import uuid
from pathlib import Path

from manyhands import workflow


@workflow.step(name="simulate", cache=True)
def simulate(folder: str, setting: dict[str, float]) -> float:
    with Path(folder, "ledger").open("a") as file:
        file.write(f"{sorted(setting.items())}\n")
    return round(setting["height"] * 0.5 + setting["width"], 3)


def main() -> None:
    workflow.init()
    mark = uuid.uuid4().hex[:8]
    with tempfile.TemporaryDirectory() as folder:
        for number, setting in enumerate(
            (
                {"height": 2.0, "width": 1.0},
                {"width": 1.0, "height": 2.0},  # the same inputs: the order of a dict does not count
                {"height": 3.0, "width": 1.0},
            )
        ):
            answer = simulate.step(folder, setting).run(f"cache-{mark}-{number}")
            computed = len(Path(folder, "ledger").read_text().splitlines())
            print(f"run {number}: {setting} → {answer}   computed so far: {computed}")
            assert computed == (1, 1, 2)[number]
            assert answer == (2.0, 2.0, 2.5)[number]
    print(f"\nSee where run 1 has it from: manyhands why cache-{mark}-1 simulate")


if __name__ == "__main__":
    main()
