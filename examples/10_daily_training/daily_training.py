"""Every day some data comes in and a model is trained on all there is: once a day, in a flow that never rests."""

import sys
from datetime import date
from pathlib import Path

import numpy
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from manyhands.app import App, Flow, Work

PER_DAY, TEST = 400, 500
FOLDER = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
DIGITS = load_digits(return_X_y=True)
PICTURES = numpy.column_stack([DIGITS[0] / 16, DIGITS[1]])  # 64 pixels, and the digit that they show


def today() -> str:
    """What the file `today` says, where there is one: then days need not be waited for. Else the calendar's day."""
    clock = FOLDER / "today"
    return clock.read_text() if clock.exists() else date.today().isoformat()


def note(line: str) -> None:
    with (FOLDER / "ledger").open("a") as file:
        file.write(line + "\n")


class Processor(Work):
    def __init__(self) -> None:
        super().__init__()
        self.data: list[str] = []

    def run(self, day: str) -> None:
        """Fetch what is new on that day: four hundred more pictures of handwritten digits."""
        note(f"fetch {day}")
        days = [*(known for known in self.data if known != day), day]
        numpy.save(FOLDER / f"{day}.npy", PICTURES[(len(days) - 1) * PER_DAY : len(days) * PER_DAY])
        self.data = days


class Trainer(Work):
    def __init__(self) -> None:
        super().__init__()
        self.accuracy = 0.0

    def run(self, days: list[str]) -> None:
        """Train on all days so far, and see how many of five hundred other pictures the model reads."""
        known, other = numpy.concatenate([numpy.load(FOLDER / f"{day}.npy") for day in days]), PICTURES[-TEST:]
        model = LogisticRegression(max_iter=1000).fit(known[:, :-1], known[:, -1])
        self.accuracy = float(model.score(other[:, :-1], other[:, -1]))
        note(f"train {days[-1]}: {len(known)} pictures, {self.accuracy:.1%} right")


class Daily(Flow):
    def __init__(self) -> None:
        super().__init__()
        self.processor = Processor()
        self.trainer = Trainer()
        self._shown = ""

    def run(self) -> None:
        day = today()
        self.processor.run(day)
        self.trainer.run(self.processor.data)
        if self._shown != day:
            self._shown = day
            print(
                f"{day}: the model of {len(self.processor.data)} day(s) reads {self.trainer.accuracy:.1%} of the digits"
            )


app = App(Daily())
