"""What people type, as values."""

import pytest

from manyhands.cli import values
from manyhands.model.errors import UsageError


def test_arguments_are_json_with_or_without_a_name() -> None:
    given = ["3", '"x=1"', "n=4", 'text="a"', "[1, 2]", 'options={"a": null}', "flag=true"]
    positional, named = values.arguments(given)
    assert positional == [3, "x=1", [1, 2]]
    assert named == {"n": 4, "text": "a", "options": {"a": None}, "flag": True}


@pytest.mark.parametrize("given", ["hello", "n=hello", "{", ""])
def test_an_argument_that_is_no_json_says_how_to_write_text(given: str) -> None:
    with pytest.raises(UsageError, match=r"--arg.* is not JSON\. Text wants quotes of its own"):
        values.arguments([given])


def test_inputs_have_names() -> None:
    assert values.keywords(["x=3"]) == {"x": 3}
    with pytest.raises(UsageError, match="NAME=JSON"):
        values.keywords(["3"])


def test_metadata_is_text_unless_it_is_json() -> None:
    assert values.metadata(["owner=me", "seed=7", 'tags=["a"]', "empty=", "a=b=c"]) == {
        "owner": "me",
        "seed": 7,
        "tags": ["a"],
        "empty": "",
        "a": "b=c",
    }


def test_metadata_may_be_whole_objects_and_later_ones_win() -> None:
    assert values.metadata(['{"a": 1, "b": {"c": 2}}', "a=3"]) == {"a": 3, "b": {"c": 2}}


@pytest.mark.parametrize("given", ["owner", "=x", "[1]"])
def test_metadata_that_is_neither(given: str) -> None:
    with pytest.raises(UsageError, match="neither KEY=VALUE nor a JSON object"):
        values.metadata([given])


def test_metadata_that_begins_as_an_object() -> None:
    with pytest.raises(UsageError, match="is not JSON"):
        values.metadata(["{'a': 1}"])
