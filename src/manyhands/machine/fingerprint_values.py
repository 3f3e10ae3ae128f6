"""Handlers of everything but functions: built-in values, the standard library's, and classes with declared fields."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from manyhands.machine import fingerprint_arrays
from manyhands.machine.fingerprint_walk import (
    SCALARS,
    Handler,
    Part,
    Steps,
    Token,
    class_name,
    encode,
    plain,
    scalar_token,
    seal,
    tokens_of,
    tokens_of_attributes,
)

MICROSECONDS_PER_DAY = 86_400_000_000


def resolve(kind: type) -> Handler | None:
    """The handler of values of type `kind`; None when such values have no stable identity.

    The type itself, then its `__fingerprint__`, then what it derives from, then the fields it declares.
    """
    names = [class_name(cls) for cls in kind.__mro__]
    if names[0] in HANDLERS:
        return HANDLERS[names[0]].handler
    if hasattr(kind, "__fingerprint__"):
        return _hooked
    if "enum.Enum" in names:
        return _flag if "enum.Flag" in names else _member
    for name in names[1:]:
        if name in HANDLERS:
            return HANDLERS[name].for_subclass()
    fields = _declared_fields(kind)
    return None if fields is None else _instance_of(fields)


def _declared_fields(kind: Any) -> list[str] | None:
    """The names of the fields of a dataclass, msgspec Struct, attrs class or pydantic model, in order."""
    if hasattr(kind, "__dataclass_fields__"):
        # Whoever has a dataclass has the module, which takes too long to load for those who have none.
        return [field.name for field in sys.modules["dataclasses"].fields(kind)]
    if hasattr(kind, "__struct_fields__"):
        return list(kind.__struct_fields__)
    if hasattr(kind, "__attrs_attrs__"):
        return [attribute.name for attribute in kind.__attrs_attrs__]
    if hasattr(kind, "__pydantic_fields__"):
        return [*kind.__pydantic_fields__, "__pydantic_extra__", "__pydantic_private__"]
    return None


def _instance_of(names: list[str]) -> Handler:
    def handle(value: Any) -> Steps:
        tokens = yield from tokens_of_attributes(value, names)
        return seal(b"fields", encode([class_name(type(value)), names, tokens]))

    return handle


def _hooked(value: Any) -> Steps:
    token = yield ".__fingerprint__()", value.__fingerprint__()
    return seal(b"hook", encode([class_name(type(value)), token]))


def _member(value: Any) -> bytes:
    return seal(b"enum", encode([class_name(type(value)), value.name]))


def _flag(value: Any) -> bytes:
    # The name of a combination of flags differs between versions of Python; its number does not.
    return seal(b"flag", encode([class_name(type(value)), scalar_token(value.value)]))


# --- containers ------------------------------------------------------------------------------------------------


def _sequence(kind: bytes) -> Handler:
    def walk(items: Any) -> Steps:
        return seal(kind, encode((yield from tokens_of(items))))

    def handle(items: Any) -> bytes | Steps:
        data = plain(items)
        return walk(items) if data is None else seal(kind, data)

    return handle


def _set(kind: bytes) -> Handler:
    def handle(items: Any) -> Steps:
        tokens = []
        for item in items:
            tokens.append(scalar_token(item) if type(item) in SCALARS else (yield "{…}", item))
        return seal(kind, encode(sorted(map(encode, tokens))))

    return handle


def _dict(entries: Any) -> bytes | Steps:
    """Keys of text alone, by far the most, are sorted as they are; other keys by their bytes."""
    if not {str}.issuperset(map(type, entries)):
        return _mixed_dict(entries)
    names = sorted(entries)
    values = [entries[name] for name in names]
    keys = plain(names)
    data = plain(values)
    if keys is None or data is None:
        return _text_dict(names, values)
    return seal(b"dict", keys, data)


def _text_dict(names: list[str], values: list[Any]) -> Steps:
    tokens = []
    for name, value in zip(names, values, strict=True):
        tokens.append(scalar_token(value) if type(value) in SCALARS else (yield (name,), value))
    return seal(b"dict", encode([scalar_token(name) for name in names]), encode(tokens))


def _mixed_dict(entries: Any) -> Steps:
    pairs = []
    for key, value in entries.items():
        key_token = scalar_token(key) if type(key) in SCALARS else (yield ".keys()", key)
        pairs.append((encode(key_token), encode((yield (key,), value))))
    return seal(b"dict of any", encode(sorted(pairs)))


def _ordered_dict(entries: Any) -> Steps:
    return _joined(b"ordered dict", [(".items()", list(entries.items()))])


def _default_dict(entries: Any) -> Steps:
    return _joined(b"default dict", [("", dict(entries)), (".default_factory", entries.default_factory)])


# --- ways to say what a value consists of ----------------------------------------------------------------------


def _joined(kind: bytes, parts: Iterable[tuple[Part, Any]]) -> Steps:
    tokens: list[Token] = []
    for part, value in parts:
        tokens.append((yield part, value))
    return seal(kind, encode(tokens))


def _parts(kind: bytes, read: Callable[[Any], Iterable[tuple[Part, Any]]]) -> Handler:
    return lambda value: _joined(kind, read(value))


def _scalars(kind: bytes, read: Callable[[Any], Iterable[Any]]) -> Handler:
    return lambda value: seal(kind, encode([scalar_token(item) for item in read(value)]))


def _attributes(value: Any) -> list[str]:
    names = set(getattr(value, "__dict__", ()))
    for cls in type(value).__mro__:
        slots = cls.__dict__.get("__slots__", ())
        for slot in (slots,) if isinstance(slots, str) else slots:
            hidden = slot.startswith("__") and not slot.endswith("__")
            names.add(f"_{cls.__name__.lstrip('_')}{slot}" if hidden else slot)
    return sorted(names - {"__dict__", "__weakref__"})


class _Kind(NamedTuple):
    """A handler, and how it serves subclasses of its class.

    `derived`: the class and the attributes of its instances are added. `bare` makes a value of the class itself out
    of one of a subclass, whatever that overrides. Neither `derived` nor `open`: subclasses are refused.
    """

    handler: Handler
    open: bool = False
    derived: bool = True
    bare: Callable[[Any], Any] | None = None

    def for_subclass(self) -> Handler | None:
        if self.open:
            return self.handler
        return self._derive if self.derived else None

    def _derive(self, value: Any) -> Steps:
        outcome = self.handler(value if self.bare is None else self.bare(value))
        base = outcome if isinstance(outcome, bytes) else (yield from outcome)
        names = _attributes(value)
        tokens = yield from tokens_of_attributes(value, names)
        return seal(b"derived", encode([class_name(type(value)), base, names, tokens]))


# --- values of the standard library ----------------------------------------------------------------------------


def _zone(value: Any) -> list[Any]:
    """A time zone by its key where it has one, else by what it says at that time."""
    zone = value.tzinfo
    if zone is None:
        return [None, None]
    key = getattr(zone, "key", None)
    return [None, key] if key is not None else [_microseconds(value.utcoffset()), value.tzname()]


def _microseconds(delta: Any) -> int | None:
    if delta is None:
        return None
    return int(delta.days * MICROSECONDS_PER_DAY + delta.seconds * 1_000_000 + delta.microseconds)


def _moment(value: Any) -> list[Any]:
    return [value.replace(tzinfo=None).isoformat(), value.fold, *_zone(value)]


def _exception(value: Any) -> Steps:
    names = _attributes(value)
    arguments = yield ".args", value.args
    tokens = yield from tokens_of_attributes(value, names)
    return seal(b"exception", encode([class_name(type(value)), arguments, names, tokens]))


def _namespace(value: Any) -> Steps:
    return _joined(b"namespace", [("", dict(vars(value)))])


def _memoryview(view: Any) -> bytes:
    data = view.cast("B") if view.c_contiguous and view.nbytes else view.tobytes()
    return seal(b"memoryview", encode([view.format, list(view.shape)]), data)


def _method(value: Any) -> bytes | Steps:
    owner = value.__self__
    if owner is None or isinstance(owner, type(sys)):
        return _by_name(value)
    return _joined(b"method", [("", getattr(value, "__func__", value.__name__)), (".__self__", owner)])


def _by_name(value: Any) -> bytes:
    return seal(b"named", encode([type(value).__qualname__, str(value.__module__), value.__qualname__]))


def _descriptor(value: Any) -> bytes:
    return seal(b"descriptor", encode([class_name(value.__objclass__), value.__name__]))


def _partial(value: Any) -> Steps:
    return _joined(b"partial", [(".func", value.func), (".args", value.args), (".keywords", value.keywords)])


def _alias(value: Any) -> Steps:
    origin = getattr(value, "__origin__", None)
    return _joined(b"alias", [(".__origin__", origin), (".__args__", value.__args__)])


def _only(kind: bytes) -> Handler:
    return _scalars(kind, lambda value: [])


_PATH = _Kind(_scalars(b"path", lambda path: [str(path)]), open=True)
_CLASS = _Kind(_scalars(b"class", lambda cls: [class_name(cls)]), open=True)
_DESCRIPTOR = _Kind(_descriptor, derived=False)
_WRAPPER = _Kind(_parts(b"wrapper", lambda value: [(".__wrapped__", value.__wrapped__)]), derived=False)


HANDLERS: dict[str, _Kind] = {
    "builtins.int": _Kind(_scalars(b"int", lambda value: [value]), bare=int.__int__),
    "builtins.float": _Kind(_scalars(b"float", lambda value: [value]), bare=float.__float__),
    "builtins.str": _Kind(_scalars(b"str", lambda value: [value]), bare=str.__str__),
    "builtins.bytes": _Kind(_scalars(b"bytes", lambda value: [value]), bare=lambda value: bytes(memoryview(value))),
    "builtins.bytearray": _Kind(lambda value: seal(b"bytearray", value)),
    "builtins.memoryview": _Kind(_memoryview),
    "builtins.complex": _Kind(_scalars(b"complex", lambda value: [value.real, value.imag])),
    "builtins.list": _Kind(_sequence(b"list"), bare=lambda value: list(list.__iter__(value))),
    "builtins.tuple": _Kind(_sequence(b"tuple"), bare=lambda value: tuple(tuple.__iter__(value))),
    "builtins.set": _Kind(_set(b"set"), bare=lambda value: set(set.__iter__(value))),
    "builtins.frozenset": _Kind(_set(b"frozenset"), bare=lambda value: frozenset(frozenset.__iter__(value))),
    "builtins.dict": _Kind(_dict, bare=lambda value: dict(dict.items(value))),
    "builtins.mappingproxy": _Kind(_parts(b"mapping proxy", lambda value: [("", dict(value))])),
    "builtins.range": _Kind(_scalars(b"range", lambda value: [value.start, value.stop, value.step])),
    "builtins.slice": _Kind(
        _parts(b"slice", lambda value: [(".start", value.start), (".stop", value.stop), (".step", value.step)])
    ),
    "builtins.ellipsis": _Kind(_only(b"ellipsis")),
    "builtins.NotImplementedType": _Kind(_only(b"not implemented")),
    "builtins.type": _CLASS,
    "builtins.module": _Kind(_scalars(b"module", lambda value: [value.__name__]), open=True),
    "builtins.BaseException": _Kind(_exception, open=True),
    "builtins.builtin_function_or_method": _Kind(_method),
    "builtins.method": _Kind(_method),
    "builtins.method-wrapper": _Kind(_method),
    "builtins.method_descriptor": _DESCRIPTOR,
    "builtins.wrapper_descriptor": _DESCRIPTOR,
    "builtins.classmethod_descriptor": _DESCRIPTOR,
    "builtins.getset_descriptor": _DESCRIPTOR,
    "builtins.member_descriptor": _DESCRIPTOR,
    "builtins.staticmethod": _WRAPPER,
    "builtins.classmethod": _WRAPPER,
    "functools._lru_cache_wrapper": _WRAPPER,
    "functools.partial": _Kind(_partial),
    "operator.itemgetter": _Kind(_parts(b"item getter", lambda value: [("", value.__reduce__()[1])])),
    "operator.attrgetter": _Kind(_parts(b"attribute getter", lambda value: [("", value.__reduce__()[1])])),
    "types.GenericAlias": _Kind(_alias),
    "types.UnionType": _Kind(_alias),
    "typing._GenericAlias": _Kind(_alias, open=True),
    "types.SimpleNamespace": _Kind(_namespace),
    "collections.OrderedDict": _Kind(_ordered_dict),
    "collections.defaultdict": _Kind(_default_dict),
    "collections.deque": _Kind(_parts(b"deque", lambda value: [(".maxlen", value.maxlen), ("", list(value))])),
    "array.array": _Kind(_parts(b"array", lambda value: [(".typecode", value.typecode), ("", value.tolist())])),
    "datetime.datetime": _Kind(_scalars(b"datetime", _moment)),
    "datetime.date": _Kind(_scalars(b"date", lambda value: [value.isoformat()])),
    "datetime.time": _Kind(_scalars(b"time", _moment)),
    "datetime.timedelta": _Kind(_scalars(b"timedelta", lambda value: [_microseconds(value)])),
    "datetime.timezone": _Kind(
        _scalars(b"timezone", lambda value: [_microseconds(value.utcoffset(None)), value.tzname(None)])
    ),
    "zoneinfo.ZoneInfo": _Kind(_scalars(b"zone", lambda value: [value.key])),
    "zoneinfo._common.ZoneInfo": _Kind(_scalars(b"zone", lambda value: [value.key])),
    "decimal.Decimal": _Kind(_scalars(b"decimal", lambda value: [str(value)])),
    "fractions.Fraction": _Kind(_scalars(b"fraction", lambda value: [value.numerator, value.denominator])),
    "uuid.UUID": _Kind(_scalars(b"uuid", lambda value: [value.bytes])),
    "re.Pattern": _Kind(_scalars(b"pattern", lambda value: [value.pattern, value.flags])),
    "pathlib.PurePath": _PATH,
    "pathlib._local.PurePath": _PATH,
    "msgspec.UnsetType": _Kind(_only(b"unset")),
    "msgspec.msgpack.Ext": _Kind(_scalars(b"ext", lambda value: [value.code, bytes(value.data)])),
    "numpy._ArrayFunctionDispatcher": _Kind(_by_name),
    **{name: _Kind(handler, open=True) for name, handler in fingerprint_arrays.OPEN.items()},
    **{name: _Kind(handler, derived=False) for name, handler in fingerprint_arrays.CLOSED.items()},
}
"""Handlers by the name of a class, so that no module is loaded for a type that nobody uses.

Table of constants: nothing writes to it."""
