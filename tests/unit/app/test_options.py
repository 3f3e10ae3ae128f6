"""The options of a work that cannot be are refused when it is made, not when its first call is due."""

from typing import Any

import pytest

from manyhands.model.errors import OptionError
from tests.unit.app.doubles import Counting


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("timeout", value) for value in (-1, 0, "x", float("nan"), float("inf"), True)],
        *[("retries", value) for value in (-1, "2", 1.5, True, None)],
        *[("retry_delay", value) for value in (-1, "1", float("nan"), float("inf"), None)],
        *[("port", value) for value in (-1, 65536, "80", 80.0, False)],
    ],
)
def test_an_option_that_cannot_be_is_named(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=rf"^{name} must be .*, not "):
        Counting(**{name: value})


def test_options_that_can_be() -> None:
    work = Counting(timeout=0.5, retries=2, retry_delay=1, port=0)
    assert (work._timeout_, work._retries_, work._retry_delay_, work.port) == (0.5, 2, 1, 0)
