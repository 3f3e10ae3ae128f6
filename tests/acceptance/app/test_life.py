"""The life of an app around its turns: what it sets up for them, and what it says when one ends it."""

import sys

import pytest

from manyhands.app import App, Work
from manyhands.app.endings import RAISE_NOTHING, WorkFailed
from manyhands.app.life import SWITCH_SECONDS
from tests.acceptance.app.apps import Watched
from tests.acceptance.kit import Place


class Notices(Watched):
    def __init__(self) -> None:
        super().__init__()
        self._pace = 0.0

    def run(self) -> None:
        self._pace = sys.getswitchinterval()
        self.stop()


def test_threads_take_quick_turns_while_an_app_lives(place: Place) -> None:
    before = sys.getswitchinterval()
    flow = Notices()
    App(flow).run()
    assert flow._pace == pytest.approx(SWITCH_SECONDS)
    assert sys.getswitchinterval() == before


class RaisesAgain(Work):
    def run(self) -> None:
        raise ValueError("out of luck")

    def on_exception(self, exception: BaseException) -> None:
        raise KeyError("worse") from exception


class CallsIt(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = RaisesAgain(raise_exception=False)

    def run(self) -> None:
        self.check_time()
        self.work.run()


def test_what_on_exception_raises_is_to_be_mended_there(place: Place) -> None:
    with pytest.raises(WorkFailed, match=f"out of luck(?s:.*)KeyError: 'worse'\\n{RAISE_NOTHING}"):
        App(CallsIt()).run()
