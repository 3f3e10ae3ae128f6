"""Scenarios of an app's state: restarting, copies in files, loops over many turns; each test names its numbers."""

from pathlib import Path

import pytest

from manyhands.app import App, Work
from manyhands.app.rooted import AppStage
from tests.acceptance.app.apps import Watched
from tests.acceptance.kit import Place


class Adds(Work):
    def __init__(self) -> None:
        super().__init__()
        self.counter = 0

    def run(self, value: int) -> None:
        self.counter = value


class CountsToThree(Watched):
    def __init__(self) -> None:
        super().__init__()
        self.work = Adds()
        self.counter = 0

    def run(self) -> None:
        self.check_time()
        if self.counter == 3:
            self.stop()
        self.work.run(self.counter + 1)
        self.counter += 1


class Restarts(CountsToThree):
    """Has itself restarted when it has come to two, and let begin again."""

    def __init__(self) -> None:
        super().__init__()
        self._app: App | None = None
        self._before: list[tuple[int, int, bool]] = []

    def run(self) -> None:
        assert self._app is not None
        if not self._before and self.counter == 2:
            self._app.stage = AppStage.RESTARTING
            self._app.request_run()  # done before the next turn, when the stage is `blocking`
            self._before.append((self.counter, self.work.counter, self.work.has_started))
            return
        if len(self._before) == 1:
            self._before.append((self.counter, self.work.counter, self.work.has_started))
        super().run()


def test_40_a_restart_brings_back_the_first_state(place: Place) -> None:
    flow = Restarts()
    app = flow._app = App(flow)
    app.run()
    assert flow._before == [(2, 2, True), (0, 0, False)]
    assert (flow.counter, flow.work.counter) == (3, 3)
    assert app.stage == AppStage.STOPPING


def test_47_48_from_each_copy_the_flow_comes_to_three(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHARED_MOUNT_DIRECTORY", str(tmp_path / "shared"))
    app = App(CountsToThree())
    app.checkpointing = True
    app.run()
    folder = Path(app.checkpoint_dir)
    versions = sorted(int(path.name.split("_")[1]) for path in folder.glob("v_*.json"))
    assert versions == list(range(len(versions)))
    assert len(versions) >= 3
    seen = set()
    for version in [*versions, None]:
        again = App(CountsToThree())
        again.load_state_dict_from_checkpoint_dir(str(folder), version)
        seen.add(again.root.counter)
        again.run()
        assert (again.root.counter, again.root.work.counter) == (3, 3)
    assert seen >= {1, 2, 3}
    with pytest.raises(FileNotFoundError, match="it has the versions 0, 1"):
        app.load_state_dict_from_checkpoint_dir(str(folder), 1000)
    with pytest.raises(FileNotFoundError, match="the folder does not exist"):
        app.load_state_dict_from_checkpoint_dir(str(tmp_path / "nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="it holds none"):
        app.load_state_dict_from_checkpoint_dir(str(tmp_path / "empty"))


class Iterates(Watched):
    def __init__(self, once: bool) -> None:
        super().__init__()
        self.work = Adds()
        self.once = once
        self.done: list[int] = []
        self.most = 3

    def run(self) -> None:
        self.check_time()
        for value in self.experimental_iterate(range(10, 15), run_once=self.once):
            if len(self.done) == self.most:
                self.stop()
            self.work.run(value)
            self.done = [*self.done, value]
        self.stop()


@pytest.mark.parametrize("once", [True, False])
def test_49_a_loop_over_many_turns_survives_an_end(place: Place, once: bool) -> None:
    first = App(Iterates(once))
    first.run()
    assert first.root.done == [10, 11, 12]
    second = App(Iterates(once))
    second.load_state_dict(first.state_dict())
    second.root.most = 100
    second.run()
    assert second.root.done == [10, 11, 12, 13, 14]
    third = App(Iterates(once))
    third.load_state_dict(second.state_dict())
    third.run()
    # All is done: there is nothing left, or it begins anew, with calls that have succeeded before.
    assert third.root.done == [10, 11, 12, 13, 14] + ([] if once else [10, 11, 12, 13, 14])


def test_49_only_what_is_iterable(place: Place) -> None:
    class Wrong(Watched):
        def run(self) -> None:
            for _ in self.experimental_iterate(1):  # type: ignore[arg-type]
                pass

    with pytest.raises(TypeError, match="An iterable should be provided"):
        App(Wrong()).run()
