"""
Arguments of hub calls: JSON becomes what a hub method's annotation names.

The JSON is decoded to plain values with fractions kept as they are written, and those are converted by functions that
are put together from the annotation once. It is as lenient as the reference's serialiser: numbers may come as text
and text as numbers, members are found in any letter case, unknown members are ignored, and null is ``None`` for
whatever .NET has as a reference type (text, bytes, containers, objects), whether ``None`` was declared or not.

=========================================  ===========================================================================
``int``                                    a number without fraction or exponent, or such a text; of any size
``float``                                  a number, or its text; ``"NaN"``, ``"Infinity"``, ``"-Infinity"``
``Decimal``                                a number, or its text; at most 28 digits before the point and behind it
``bool``                                   true, false, their text in any letter case; a number that is zero or not
``str``                                    text; a number or boolean as JSON writes it
``bytes``                                  text in base 64, or an array of numbers
``datetime``, ``date``, ``time``           text in ISO 8601; for the first also Microsoft's ``/Date(milliseconds)/``
``timedelta``                              text such as ``1.02:03:04.5000000``, or in ISO 8601
``UUID``                                   text, with or without dashes and braces
enumerations                               by value, or by name in any letter case; flags also by several names
``list``, ``tuple``, ``set``, ``dict``…    array, or object; their abstract classes too
dataclasses, attrs, ``Struct``…            object; ``TypedDict`` and ``NamedTuple`` too
unions                                     what fits best; ``Literal`` by equality
``Any``, ``object``, nothing               as it comes
=========================================  ===========================================================================

Source: SignalR 2.4, ``Hubs/Lookup/DefaultParameterResolver.cs``; Newtonsoft.Json 12, as it was observed.
"""

from __future__ import annotations

import inspect
import re
import types
import typing
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections import abc, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import InitVar, dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Context, Decimal
from enum import Enum, Flag
from functools import reduce
from itertools import accumulate
from operator import or_
from typing import Any, NoReturn, TypeVar, Union, get_args, get_origin
from uuid import UUID

import msgspec

from .errors import ArgumentError, ConfigurationError

__all__ = ["MAX_DEPTH", "converter_of", "hints_of", "type_name"]

#: Arguments that are nested deeper are refused, as by the reference.
MAX_DEPTH = 20

#: What an argument has been decoded to, before its annotation is looked at.
Plain = Any
Convert = Callable[[Plain], Any]

_decode_plain = msgspec.json.Decoder(float_hook=Decimal).decode
_decode_any = msgspec.json.Decoder().decode

# .NET's range of decimal numbers.
_MAX_DECIMAL = Decimal(2**96 - 1)
_DECIMAL_QUANTUM = Decimal("1E-28")
_DECIMAL_CONTEXT = Context(prec=64)

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*")
_NO_NUMBERS = {text: float(text) for text in ("NaN", "Infinity", "-Infinity")}
_MICROSOFT_DATE = re.compile(r"/Date\((-?[0-9]{1,15})(?:([+-])([0-9]{2})([0-9]{2}))?\)/")
_TIME_SPAN = re.compile(
    r"(?P<sign>-?)(?:(?P<days>[0-9]{1,9})\.)?(?P<hours>[01]?[0-9]|2[0-3]):(?P<minutes>[0-5]?[0-9])"
    r"(?::(?P<seconds>[0-5]?[0-9])(?:\.(?P<fraction>[0-9]{1,7}))?)?"
)
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')

_NULL = type(None)

#: Rank of what a type is not made for at all.
_WORST = 99


class _Misfit(ValueError):
    """A value does not fit; *path* leads to it, innermost step first."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.path: list[str] = []


class _Converter(typing.NamedTuple):
    """
    How to convert to one type.

    Attributes:
        convert: does so, or raises an exception that :data:`_MISFITS` has.
        ranks: what it is made for: types of plain values, the better the lower. Decides unions.
    """

    convert: Convert
    ranks: Mapping[type, int]


_MISFITS = (ValueError, TypeError, ArithmeticError)


def converter_of(annotation: Any) -> Callable[[bytes | msgspec.Raw], Any]:
    """
    What turns an argument's JSON into the type that *annotation* names, or raises
    :exc:`~twisted_ticker.signalr.ArgumentError`.

    Raises:
        ConfigurationError: nothing can be converted to that.
    """
    if annotation in (Any, object, inspect.Parameter.empty):
        return _from_json(_decode_any, None)
    return _from_json(_decode_plain, _Annotations().converter_of(annotation).convert)


def _from_json(
    decode: Callable[[bytes | msgspec.Raw], Plain], convert: Convert | None
) -> Callable[[bytes | msgspec.Raw], Any]:
    def converted(text: bytes | msgspec.Raw) -> Any:
        try:
            value = decode(text)
            if type(value) in (list, dict):
                _check_depth(bytes(text))
            return value if convert is None else convert(value)
        except _Misfit as error:
            raise ArgumentError(f"{error}{_path_text(error.path)}") from error
        except (*_MISFITS, RecursionError) as error:
            raise ArgumentError(str(error) or type(error).__name__) from error

    return converted


def _path_text(path: list[str]) -> str:
    return f" Path '{''.join(reversed(path)).lstrip('.')}'." if path else ""


def _check_depth(text: bytes) -> None:
    if text.count(b"[") + text.count(b"{") <= MAX_DEPTH:
        return
    brackets = (1 if byte in b"[{" else -1 for byte in _STRINGS.sub(b"", text) if byte in b"[]{}")
    if max(accumulate(brackets)) > MAX_DEPTH:
        raise _Misfit(f"The argument is nested deeper than {MAX_DEPTH} levels.")


def hints_of(annotated: Callable[..., Any]) -> dict[str, Any]:
    """
    The types in the annotations of a function or class, by name.

    Raises:
        ConfigurationError: one of them names nothing.
    """
    try:
        return typing.get_type_hints(annotated, include_extras=True)
    except NameError as error:
        raise ConfigurationError(
            f"{annotated.__qualname__} has an annotation that cannot be resolved: {error}."
        ) from error


# Names of types


_NAMES: dict[Any, str] = {
    Any: "Object",
    object: "Object",
    inspect.Parameter.empty: "Object",
    None: "Void",
    _NULL: "Void",
    int: "Int32",
    float: "Double",
    str: "String",
    bool: "Boolean",
    Decimal: "Decimal",
    bytes: "Byte[]",
    bytearray: "Byte[]",
    datetime: "DateTime",
    date: "DateTime",
    time: "TimeSpan",
    timedelta: "TimeSpan",
    UUID: "Guid",
    list: "List`1",
    set: "HashSet`1",
    frozenset: "HashSet`1",
    dict: "Dictionary`2",
    abc.Mapping: "IDictionary`2",
    abc.MutableMapping: "IDictionary`2",
    abc.Sequence: "IEnumerable`1",
    abc.MutableSequence: "IEnumerable`1",
    abc.Collection: "IEnumerable`1",
    abc.Iterable: "IEnumerable`1",
    abc.Set: "ISet`1",
    abc.MutableSet: "ISet`1",
}

_VALUE_TYPES = (int, float, bool, Decimal, datetime, date, time, timedelta, UUID, Enum)


def type_name(annotation: Any) -> str:
    """An annotation as the reference names the like of it in error texts: ``Int32``, ``List`1``, ``Stock``…"""
    annotation = _unwrapped(annotation)
    if annotation in _NAMES:
        return _NAMES[annotation]
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not _NULL]
        if len(members) > 1:
            return "Object"
        is_value = isinstance(members[0], type) and issubclass(members[0], _VALUE_TYPES)
        return "Nullable`1" if is_value else type_name(members[0])
    if origin is tuple or annotation is tuple:
        return f"Tuple`{len(get_args(annotation))}"
    kind = origin or annotation
    return _NAMES.get(kind) or str(getattr(kind, "__name__", "Object"))


def _unwrapped(annotation: Any) -> Any:
    """Without what makes no difference to a value: ``NewType``, ``Annotated``, names of types."""
    while True:
        if get_origin(annotation) in (typing.Annotated, typing.Required, typing.NotRequired):
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif isinstance(annotation, InitVar):
            annotation = annotation.type
        elif type(annotation).__name__ == "TypeAliasType":
            annotation = annotation.__value__
        else:
            return annotation


def _misfit(value: Plain, wanted: str) -> NoReturn:
    raise _Misfit(f"Cannot convert {_KINDS[type(value)]} to {wanted}.")


_KINDS = {
    _NULL: "null",
    bool: "a boolean",
    int: "an integer",
    Decimal: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


# Scalars


def _any(value: Plain) -> Any:
    if type(value) is Decimal:
        return _finite(float(value))
    if type(value) is list:
        return [_any(member) for member in value]
    if type(value) is dict:
        return {name: _any(member) for name, member in value.items()}
    return value


def _none(value: Plain) -> None:
    if value is not None:
        _misfit(value, "null")


def _integer(value: Plain) -> int:
    if type(value) is int:
        return value
    if type(value) is str and _INTEGER.fullmatch(value):
        return int(value)
    _misfit(value, "Int32")


def _float(value: Plain) -> float:
    if type(value) in (int, Decimal) or (type(value) is str and _NUMBER.fullmatch(value)):
        return _finite(float(value))
    if type(value) is str and value in _NO_NUMBERS:
        return _NO_NUMBERS[value]
    _misfit(value, "Double")


def _finite(value: float) -> float:
    if value in (_NO_NUMBERS["Infinity"], _NO_NUMBERS["-Infinity"]):
        raise _Misfit("The number is out of range.")
    return value


def _decimal(value: Plain) -> Decimal:
    if type(value) is not Decimal:
        if type(value) is not int and not (type(value) is str and _NUMBER.fullmatch(value)):
            _misfit(value, "Decimal")
        value = Decimal(value)
    assert isinstance(value, Decimal)
    if not -_MAX_DECIMAL <= value <= _MAX_DECIMAL:
        raise _Misfit("The number is out of range.")
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return value if exponent >= -28 else value.quantize(_DECIMAL_QUANTUM, context=_DECIMAL_CONTEXT)


def _boolean(value: Plain) -> bool:
    if type(value) is bool:
        return value
    if type(value) is str and value.strip().lower() in ("true", "false"):
        return value.strip().lower() == "true"
    if type(value) in (int, Decimal):
        return bool(value)
    _misfit(value, "Boolean")


def _text(value: Plain) -> str | None:
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return "true" if value else "false"
    if type(value) in (int, Decimal):
        return str(value)
    _misfit(value, "String")


def _bytes(value: Plain) -> bytes | None:
    if value is None:
        return None
    if type(value) is list:
        return bytes(_integer(member) for member in value)
    if type(value) is not str:
        _misfit(value, "Byte[]")
    try:
        return a2b_base64(value, strict_mode=True)
    except Base64Error:
        _misfit(value, "Byte[]")


def _byte_array(value: Plain) -> bytearray | None:
    converted = _bytes(value)
    return None if converted is None else bytearray(converted)


def _of_text(wanted: str, parse: Callable[[str], Any]) -> Convert:
    """Converts text only, by a call that fails for what it cannot read."""

    def convert(value: Plain) -> Any:
        if type(value) is not str:
            _misfit(value, wanted)
        try:
            return parse(value)
        except _MISFITS:
            _misfit(value, wanted)

    return convert


def _parse_datetime(text: str) -> datetime:
    match = _MICROSOFT_DATE.fullmatch(text)
    if match is None:
        return datetime.fromisoformat(text.strip())
    milliseconds, sign, hours, minutes = match.groups()
    utc = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(milliseconds))
    if sign is None:
        return utc
    offset = timedelta(hours=int(hours), minutes=int(minutes))
    return utc.astimezone(timezone(-offset if sign == "-" else offset))


def _parse_timedelta(text: str) -> timedelta:
    match = _TIME_SPAN.fullmatch(text.strip())
    if match is None:
        if "P" in text:
            return msgspec.convert(text, timedelta)
        return timedelta(days=int(text))
    length = timedelta(
        days=int(match["days"] or 0),
        hours=int(match["hours"]),
        minutes=int(match["minutes"]),
        seconds=int(match["seconds"] or 0),
        microseconds=int((match["fraction"] or "").ljust(6, "0")[:6]),
    )
    return -length if match["sign"] else length


_LAST = 9

_SCALARS: dict[Any, _Converter] = {
    Any: _Converter(_any, dict.fromkeys(_KINDS, _LAST)),
    object: _Converter(_any, dict.fromkeys(_KINDS, _LAST)),
    inspect.Parameter.empty: _Converter(_any, dict.fromkeys(_KINDS, _LAST)),
    None: _Converter(_none, {_NULL: 0}),
    _NULL: _Converter(_none, {_NULL: 0}),
    bool: _Converter(_boolean, {bool: 0}),
    int: _Converter(_integer, {int: 0}),
    float: _Converter(_float, {Decimal: 0, int: 1}),
    Decimal: _Converter(_decimal, {Decimal: 0, int: 1}),
    # Whatever is more than text is tried before text is.
    str: _Converter(_text, {str: 1}),
    bytes: _Converter(_bytes, {str: 2}),
    bytearray: _Converter(_byte_array, {str: 2}),
    datetime: _Converter(_of_text("DateTime", _parse_datetime), {str: 0}),
    date: _Converter(_of_text("DateTime", lambda text: _parse_datetime(text).date()), {str: 0}),
    time: _Converter(_of_text("TimeSpan", time.fromisoformat), {str: 0}),
    timedelta: _Converter(_of_text("TimeSpan", _parse_timedelta), {str: 0}),
    UUID: _Converter(_of_text("Guid", UUID), {str: 0}),
}


def _enumeration(kind: type[Enum]) -> Convert:
    by_name = {name.lower(): member for name, member in kind.__members__.items()}
    by_text = {member.value: member for member in kind if isinstance(member.value, str)}

    def named(text: str) -> Any:
        member = by_name.get(text.strip().lower())
        return kind(int(text)) if member is None else member

    def convert(value: Plain) -> Any:
        try:
            if type(value) is int:
                return kind(value)
            if type(value) is str:
                if value in by_text:
                    return by_text[value]
                if issubclass(kind, Flag):
                    return reduce(or_, map(named, value.split(",")))
                return named(value)
        except ValueError:
            pass
        _misfit(value, kind.__name__)

    return convert


def _literal(values: tuple[Any, ...]) -> Convert:
    def convert(value: Plain) -> Any:
        for allowed in values:
            plain = allowed.value if isinstance(allowed, Enum) else allowed
            if plain == value and type(plain) is type(value):
                return allowed
        _misfit(value, " or ".join(map(repr, values)))

    return convert


# Containers


def _array(value: Plain, member: Convert) -> list[Any]:
    converted = []
    for index, item in enumerate(value):
        try:
            converted.append(member(item))
        except _Misfit as error:
            error.path.append(f"[{index}]")
            raise
    return converted


def _array_of(member: Convert, build: Callable[[list[Any]], Any], wanted: str) -> Convert:
    def convert(value: Plain) -> Any:
        if value is None:
            return None
        if type(value) is not list:
            _misfit(value, wanted)
        return build(_array(value, member))

    return convert


def _tuple_of(members: list[Convert]) -> Convert:
    def convert(value: Plain) -> Any:
        if value is None:
            return None
        if type(value) is not list or len(value) != len(members):
            _misfit(value, f"Tuple`{len(members)}")
        steps = iter(members)
        return tuple(_array(value, lambda item: next(steps)(item)))

    return convert


def _mapping_of(key: Convert, member: Convert) -> Convert:
    def convert(value: Plain) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            _misfit(value, "Dictionary`2")
        converted = {}
        for name, item in value.items():
            try:
                converted[key(name)] = member(item)
            except _Misfit as error:
                error.path.append(f".{name}")
                raise
        return converted

    return convert


def _optional(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _union(members: list[_Converter], wanted: str) -> Convert:
    def convert(value: Plain) -> Any:
        kind = type(value)
        # Sorting is stable: among equals, the first that is declared.
        for member in sorted(members, key=lambda member: member.ranks.get(kind, _WORST)):
            try:
                return member.convert(value)
            except _MISFITS:
                continue
        _misfit(value, wanted)

    return convert


# Objects


@dataclass(slots=True)
class _Member:
    """
    A member of an object: how JSON names it, how its class's constructor does, and its type.

    Attributes:
        required: whether an object without it is refused.
    """

    name: str
    parameter: str
    annotation: Any
    required: bool
    convert: Convert = _any


def _object_of(kind: type, members: list[_Member]) -> Convert:
    wanted = kind.__name__
    tag_field, tag = _tag_of(kind)
    by_name = {member.name.lower(): member for member in members} | {member.name: member for member in members}
    required = [member for member in members if member.required]

    def convert(value: Plain) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            _misfit(value, wanted)
        if tag is not None and value.get(tag_field, tag) != tag:
            _misfit(value, f"{wanted}, which has another {tag_field}")
        given = {}
        for name, item in value.items():
            member = by_name.get(name) or by_name.get(name.lower())
            if member is None:
                continue
            try:
                given[member.parameter] = member.convert(item)
            except _Misfit as error:
                error.path.append(f".{name}")
                raise
        for member in required:
            if member.parameter not in given:
                raise _Misfit(f"Required member '{member.name}' of {wanted} is missing.")
        return kind(**given)

    return convert


def _tag_of(kind: type) -> tuple[str | None, str | int | None]:
    """By which member, and value of it, a struct can be told from others."""
    config = kind.__struct_config__ if issubclass(kind, msgspec.Struct) else None
    return (None, None) if config is None else (config.tag_field, config.tag)


def _members_of_typed_dict(kind: Any) -> list[_Member]:
    members = []
    for name, annotation in hints_of(kind).items():
        # The class itself does not know what is marked, if its annotations were text when it was made.
        marker = get_origin(annotation)
        if marker in (typing.Required, typing.NotRequired):
            required = marker is typing.Required
        else:
            required = name in kind.__required_keys__
        members.append(_Member(name, name, annotation, required))
    return members


def _members_of_struct(kind: type[msgspec.Struct]) -> list[_Member]:
    fields = msgspec.structs.fields(kind)
    return [_Member(field.encode_name, field.name, field.type, field.required) for field in fields]


def _members_of_class(kind: type) -> list[_Member]:
    """What the constructor of a dataclass, attrs class or named tuple takes."""
    hints = hints_of(kind)
    names = {attribute.alias: attribute.name for attribute in getattr(kind, "__attrs_attrs__", ())}
    members = []
    for parameter in inspect.signature(kind).parameters.values():
        name = names.get(parameter.name, parameter.name)
        required = parameter.default is parameter.empty
        members.append(_Member(name, parameter.name, hints.get(name, Any), required))
    return members


def _is_named_tuple(kind: type) -> bool:
    return issubclass(kind, tuple) and hasattr(kind, "_fields")


_ARRAYS: dict[Any, Callable[[list[Any]], Any]] = {
    list: lambda items: items,
    abc.Sequence: lambda items: items,
    abc.MutableSequence: lambda items: items,
    abc.Collection: lambda items: items,
    abc.Iterable: lambda items: items,
    set: set,
    abc.Set: set,
    abc.MutableSet: set,
    frozenset: frozenset,
    deque: deque,
}

_MAPPINGS = (dict, abc.Mapping, abc.MutableMapping)


class _Annotations:
    """Puts converters together; remembers those of classes, which may refer to themselves."""

    def __init__(self) -> None:
        self._objects: dict[Any, _Converter] = {}

    def converter_of(self, annotation: Any) -> _Converter:
        """
        What converts to the type that *annotation* names.

        Raises:
            ConfigurationError: nothing can.
        """
        if get_origin(annotation) is typing.Annotated and any(
            isinstance(extra, msgspec.Meta) for extra in annotation.__metadata__
        ):
            return self._constrained(annotation)
        annotation = _unwrapped(annotation)
        if isinstance(annotation, TypeVar):
            annotation = Any
        if annotation in _SCALARS:
            return _SCALARS[annotation]
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (Union, types.UnionType):
            return self._union(annotation, [self.converter_of(member) for member in arguments if member is not _NULL])
        if origin is typing.Literal:
            return _Converter(_literal(arguments), dict.fromkeys(_KINDS, 0))
        return self._container(origin or annotation, arguments) or self._object(annotation)

    def _union(self, annotation: Any, members: list[_Converter]) -> _Converter:
        convert = members[0].convert if len(members) == 1 else _union(members, type_name(annotation))
        ranks = {kind: min(member.ranks.get(kind, _WORST) for member in members) for kind in _KINDS}
        if _NULL in get_args(annotation):
            return _Converter(_optional(convert), {**ranks, _NULL: 0})
        return _Converter(convert, ranks)

    def _constrained(self, annotation: Any) -> _Converter:
        base = self.converter_of(get_args(annotation)[0])
        return _Converter(lambda value: msgspec.convert(base.convert(value), annotation), base.ranks)

    def _container(self, kind: Any, arguments: tuple[Any, ...]) -> _Converter | None:
        if kind in _ARRAYS:
            member = self.converter_of(arguments[0] if arguments else Any).convert
            return _Converter(_array_of(member, _ARRAYS[kind], _NAMES.get(kind, "List`1")), {list: 0})
        if kind is tuple:
            if not arguments or arguments[-1] is Ellipsis:
                member = self.converter_of(arguments[0] if arguments else Any).convert
                return _Converter(_array_of(member, tuple, "List`1"), {list: 0})
            return _Converter(_tuple_of([self.converter_of(each).convert for each in arguments]), {list: 0})
        if kind in _MAPPINGS:
            key, member = (self.converter_of(each).convert for each in arguments or (str, Any))
            return _Converter(_mapping_of(key, member), {dict: 0})
        return None

    def _object(self, annotation: Any) -> _Converter:
        if annotation in self._objects:
            return self._objects[annotation]
        kind = get_origin(annotation) or annotation
        if isinstance(kind, type) and issubclass(kind, Enum):
            return _Converter(_enumeration(kind), {int: 0, str: 0})
        members = self._members(kind)
        if members is None:
            raise ConfigurationError(f"JSON cannot be converted to {annotation!r}.")
        # Remembered before its members are looked at, because they may be of the same class.
        self._objects[annotation] = converter = _Converter(_object_of(kind, members), {dict: 0})
        values = dict(zip(getattr(kind, "__parameters__", ()), get_args(annotation), strict=False))
        for member in members:
            member.convert = self.converter_of(_with_values(member.annotation, values)).convert
        return converter

    def _members(self, kind: Any) -> list[_Member] | None:
        if typing.is_typeddict(kind):
            return _members_of_typed_dict(kind)
        if not isinstance(kind, type):
            return None
        if issubclass(kind, msgspec.Struct):
            return _members_of_struct(kind)
        if hasattr(kind, "__dataclass_fields__") or hasattr(kind, "__attrs_attrs__") or _is_named_tuple(kind):
            return _members_of_class(kind)
        return None


def _with_values(annotation: Any, values: Mapping[Any, Any]) -> Any:
    """A member's annotation in a generic class, with the type variables that have been given a value."""
    if isinstance(annotation, TypeVar):
        return values.get(annotation, Any)
    parameters: Iterable[Any] = getattr(annotation, "__parameters__", ())
    if not parameters or isinstance(annotation, type):
        return annotation
    return annotation[tuple(values.get(parameter, Any) for parameter in parameters)]
