"""Names of steps as people type them."""

from collections.abc import Iterator

import pytest

from manyhands.cli import names
from manyhands.cli.names import NoSuchStep
from manyhands.model.errors import RunNotFound
from tests.unit.engine.history import History


@pytest.fixture
def history() -> Iterator[History]:
    made = History()
    made.run("r").task("bank.Account.pay_in").task("bank.Account.pay_in_1").task("bank.Shop.close").task("Bar.close")
    yield made
    made.store.close()


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("bank.Account.pay_in", "bank.Account.pay_in"),
        ("pay_in", "bank.Account.pay_in"),
        ("pay_in_1", "bank.Account.pay_in_1"),
        ("Account.pay_in", "bank.Account.pay_in"),
        ("Shop.close", "bank.Shop.close"),
    ],
)
def test_a_name_or_its_end(history: History, given: str, found: str) -> None:
    assert names.step(history.inspect, "r", given) == found


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("close", "workflow r. These end so: 'bank.Shop.close' and 'Bar.close'. `manyhands tasks list r`"),
        ("pay_on", "workflow r. Near it: 'bank.Account.pay_in'"),
        ("in", "workflow r. `manyhands"),
    ],
)
def test_what_is_near_is_told(history: History, given: str, told: str) -> None:
    with pytest.raises(NoSuchStep) as caught:
        names.step(history.inspect, "r", given)
    assert told in str(caught.value)


def test_an_unknown_run(history: History) -> None:
    with pytest.raises(RunNotFound):
        names.step(history.inspect, "x", "a")
