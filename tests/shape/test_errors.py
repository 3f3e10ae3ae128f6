"""Every error of ours crosses a process border whole."""

import collections.abc
import datetime
import enum
import inspect
import pathlib
import pickle
import string
import types
import typing

import pytest

from tests.shape.tree import import_everything

SAMPLES: dict[typing.Any, typing.Any] = {
    str: "a name",
    int: 7,
    float: 1.5,
    bool: True,
    bytes: b"bytes",
    object: "a thing",
    typing.Any: "a thing",
    type: int,
    type(None): None,
    list: ["one", "two"],
    tuple: ("one", "two"),
    set: {"one"},
    frozenset: frozenset({"one"}),
    dict: {"key": "value"},
    collections.abc.Sequence: ("one", "two"),
    collections.abc.Iterable: ("one", "two"),
    collections.abc.Collection: ("one", "two"),
    collections.abc.Mapping: {"key": "value"},
    pathlib.Path: pathlib.Path("folder/file"),
    datetime.datetime: datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
    datetime.timedelta: datetime.timedelta(seconds=3),
}


def sample(annotation: typing.Any) -> typing.Any:
    """A value that the annotation allows."""
    origin = typing.get_origin(annotation)
    if isinstance(annotation, typing.NewType):
        return sample(annotation.__supertype__)
    if origin is typing.Literal:
        return typing.get_args(annotation)[0]
    if origin in (typing.Union, types.UnionType):
        return sample(next(a for a in typing.get_args(annotation) if a is not type(None)))
    kind = origin or annotation
    if kind in SAMPLES:
        return SAMPLES[kind]
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return next(iter(kind))
    if isinstance(kind, type) and issubclass(kind, BaseException):
        return ValueError("the cause")
    raise TypeError(f"no sample for {annotation!r}: add one to SAMPLES")


def placeholders(cls: type[BaseException]) -> int:
    """How many arguments the error's text wants; one where it has no text of its own."""
    fields = {field for _, field, _, _ in string.Formatter().parse(getattr(cls, "text", "{0}")) if field is not None}
    assert fields == {str(number) for number in range(len(fields))}, f"{cls.__name__}.text leaves an argument out"
    return len(fields)


def build(cls: type[BaseException]) -> BaseException:
    """An instance with every parameter of its constructor given."""
    constructor = cls.__init__
    if not inspect.isfunction(constructor):
        return cls(*(f"argument {number}" for number in range(placeholders(cls))))
    hints = typing.get_type_hints(constructor)
    args: list[typing.Any] = []
    keywords: dict[str, typing.Any] = {}
    for parameter in list(inspect.signature(constructor).parameters.values())[1:]:
        value = sample(hints[parameter.name])
        if parameter.kind is parameter.KEYWORD_ONLY:
            keywords[parameter.name] = value
        elif parameter.kind is not parameter.VAR_KEYWORD:
            args.append(value)
    return cls(*args, **keywords)


def all_errors() -> list[type[BaseException]]:
    modules = import_everything()
    found = {
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, BaseException) and value.__module__.startswith("manyhands.")
    }
    return sorted(found, key=lambda cls: (cls.__module__, cls.__qualname__))


ERRORS = all_errors()


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__qualname__)
def test_an_error_survives_pickling(cls: type[BaseException]) -> None:
    error = build(cls)
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is cls
    assert repr(copy.args) == repr(error.args)
    assert str(copy) == str(error)
    assert repr(vars(copy)) == repr(vars(error))


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__qualname__)
def test_an_error_says_something(cls: type[BaseException]) -> None:
    text = str(build(cls))
    assert text.strip()
    assert "object at 0x" not in text


@pytest.mark.parametrize("cls", ERRORS, ids=lambda cls: cls.__qualname__)
def test_errors_have_one_root(cls: type[BaseException]) -> None:
    """What is no `Exception` on purpose (suspension) is no error, and may stand apart."""
    if issubclass(cls, Exception):
        assert "ManyhandsError" in {base.__name__ for base in cls.__mro__}
