"""What is raised in a worker is what its caller catches."""

import threading
from typing import Any

import pytest

from manyhands.codecs.values import ValueCodec
from manyhands.stores.blobs import MemoryBlobs


class Booking(Exception):
    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Named(ValueError):
    def __init__(self, *, name: str) -> None:
        super().__init__(name)
        self.name = name


class Gone(OSError):
    def __init__(self, path: str) -> None:
        super().__init__(2, "gone", path)


class Reduced(Exception):
    def __reduce__(self) -> Any:
        return ValueError, ("in other words",)


class Closed(Exception):
    def __new__(cls) -> "Closed":
        return super().__new__(cls, "closed")

    def __init__(self) -> None:
        super().__init__("one", "two")


@pytest.fixture
def values() -> ValueCodec:
    return ValueCodec(MemoryBlobs())


def there_and_back(error: BaseException, values: ValueCodec) -> Any:
    encoded = values.encode_exception(error)
    assert encoded is not None
    return values.decode(encoded, "the exception")


@pytest.mark.parametrize(
    ("error", "attributes"),
    [
        (Booking(404, "no hotel"), {"code": 404}),
        (Named(name="n"), {"name": "n"}),
        (Gone("/there"), {"errno": 2, "filename": "/there"}),
        (KeyError("k"), {}),
        (ExceptionGroup("both", [Booking(1, "a"), ValueError("b")]), {}),
    ],
)
def test_its_class_its_text_and_its_attributes(error: Any, attributes: dict[str, Any], values: ValueCodec) -> None:
    back = there_and_back(error, values)
    assert (type(back), str(back), repr(back)) == (type(error), str(error), repr(error))
    assert {name: getattr(back, name) for name in attributes} == attributes


def test_those_in_a_group_are_what_they_were(values: ValueCodec) -> None:
    back = there_and_back(ExceptionGroup("both", [Booking(1, "a"), ValueError("b")]), values)
    assert [type(each) for each in back.exceptions] == [Booking, ValueError]
    assert back.exceptions[0].code == 1


def test_what_cannot_be_pickled_of_it_is_left_out(values: ValueCodec) -> None:
    error = ValueError("with lock")
    error.lock = threading.Lock()  # type: ignore[attr-defined]
    back = there_and_back(error, values)
    assert (type(back), str(back), vars(back)) == (ValueError, "with lock", {})


def test_it_may_be_part_of_a_value(values: ValueCodec) -> None:
    back = values.decode(values.encode((None, {"why": Booking(404, "no hotel")}), "a value"), "a value")
    assert (repr(back[1]["why"]), back[1]["why"].code) == ("Booking('no hotel')", 404)


def test_a_class_that_says_how_it_is_pickled_is_believed(values: ValueCodec) -> None:
    assert repr(there_and_back(Reduced("x"), values)) == "ValueError('in other words')"


def test_at_the_worst_its_name_and_its_text_are_told(values: ValueCodec) -> None:
    assert repr(there_and_back(Closed(), values)) == """RuntimeError("Closed: ('one', 'two')")"""


def test_nothing_is_pickled_where_that_is_forbidden() -> None:
    assert ValueCodec(MemoryBlobs(), allow_pickle=False).encode_exception(ValueError("x")) is None
