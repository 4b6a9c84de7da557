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
import types
import typing
from collections import abc, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin

import msgspec

from .errors import ArgumentError, ConfigurationError
from .protocol.bounds import is_deeper
from .scalars import (
    KINDS,
    MISFITS,
    SCALARS,
    WORST,
    Convert,
    Converter,
    Misfit,
    Plain,
    any_value,
    enumeration_of,
    literal_of,
    refuse,
)
from .type_names import NULL, hints_of, type_name, unwrapped

__all__ = ["MAX_DEPTH", "converter_of"]

#: Arguments that are nested deeper are refused, as by the reference.
MAX_DEPTH = 20

_decode_plain = msgspec.json.Decoder(float_hook=Decimal).decode
_decode_any = msgspec.json.Decoder().decode


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
        except Misfit as error:
            raise ArgumentError(f"{error}{_path_text(error.path)}") from error
        except (*MISFITS, RecursionError) as error:
            raise ArgumentError(str(error) or type(error).__name__) from error

    return converted


def _path_text(path: list[str]) -> str:
    return f" Path '{''.join(reversed(path)).lstrip('.')}'." if path else ""


def _check_depth(text: bytes) -> None:
    if is_deeper(text, MAX_DEPTH):
        raise Misfit(f"The argument is nested deeper than {MAX_DEPTH} levels.")


# Containers


def _array(value: Plain, member: Convert) -> list[Any]:
    converted = []
    for index, item in enumerate(value):
        try:
            converted.append(member(item))
        except Misfit as error:
            error.path.append(f"[{index}]")
            raise
    return converted


def _array_of(member: Convert, build: Callable[[list[Any]], Any], wanted: str) -> Convert:
    def convert(value: Plain) -> Any:
        if value is None:
            return None
        if type(value) is not list:
            refuse(value, wanted)
        return build(_array(value, member))

    return convert


def _tuple_of(members: list[Convert]) -> Convert:
    def convert(value: Plain) -> Any:
        if value is None:
            return None
        if type(value) is not list or len(value) != len(members):
            refuse(value, f"Tuple`{len(members)}")
        steps = iter(members)
        return tuple(_array(value, lambda item: next(steps)(item)))

    return convert


def _mapping_of(key: Convert, member: Convert) -> Convert:
    def convert(value: Plain) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            refuse(value, "Dictionary`2")
        converted = {}
        for name, item in value.items():
            try:
                converted[key(name)] = member(item)
            except Misfit as error:
                error.path.append(f".{name}")
                raise
        return converted

    return convert


def _optional(convert: Convert) -> Convert:
    return lambda value: None if value is None else convert(value)


def _union(members: list[Converter], wanted: str) -> Convert:
    # Sorting is stable: among equals, the first that is declared.
    by_kind = {
        kind: [member.convert for member in sorted(members, key=lambda member: member.ranks.get(kind, WORST))]
        for kind in KINDS
    }

    def convert(value: Plain) -> Any:
        for member in by_kind[type(value)]:
            try:
                return member(value)
            except MISFITS:
                continue
        refuse(value, wanted)

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
    convert: Convert = any_value


def _object_of(kind: type, members: list[_Member]) -> Convert:
    wanted = kind.__name__
    tag_field, tag = _tag_of(kind)
    by_name = {member.name.lower(): member for member in members} | {member.name: member for member in members}
    required = [member for member in members if member.required]

    def convert(value: Plain) -> Any:
        if value is None:
            return None
        if type(value) is not dict:
            refuse(value, wanted)
        if tag is not None and value.get(tag_field, tag) != tag:
            refuse(value, f"{wanted}, which has another {tag_field}")
        given = {}
        for name, item in value.items():
            member = by_name.get(name) or by_name.get(name.lower())
            if member is None:
                continue
            try:
                given[member.parameter] = member.convert(item)
            except Misfit as error:
                error.path.append(f".{name}")
                raise
        for member in required:
            if member.parameter not in given:
                raise Misfit(f"Required member '{member.name}' of {wanted} is missing.")
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
        self._objects: dict[Any, Converter] = {}

    def converter_of(self, annotation: Any) -> Converter:
        """
        What converts to the type that *annotation* names.

        Raises:
            ConfigurationError: nothing can.
        """
        if get_origin(annotation) is typing.Annotated and any(
            isinstance(extra, msgspec.Meta) for extra in annotation.__metadata__
        ):
            return self._constrained(annotation)
        annotation = unwrapped(annotation)
        if isinstance(annotation, TypeVar):
            annotation = Any
        if annotation in SCALARS:
            return SCALARS[annotation]
        origin, arguments = get_origin(annotation), get_args(annotation)
        if origin in (Union, types.UnionType):
            return self._union(annotation, [self.converter_of(member) for member in arguments if member is not NULL])
        if origin is typing.Literal:
            return Converter(literal_of(arguments), dict.fromkeys(KINDS, 0))
        return self._container(origin or annotation, arguments) or self._object(annotation)

    def _union(self, annotation: Any, members: list[Converter]) -> Converter:
        convert = members[0].convert if len(members) == 1 else _union(members, type_name(annotation))
        ranks = {kind: min(member.ranks.get(kind, WORST) for member in members) for kind in KINDS}
        if NULL in get_args(annotation):
            return Converter(_optional(convert), {**ranks, NULL: 0})
        return Converter(convert, ranks)

    def _constrained(self, annotation: Any) -> Converter:
        base = self.converter_of(get_args(annotation)[0])
        return Converter(lambda value: msgspec.convert(base.convert(value), annotation), base.ranks)

    def _container(self, kind: Any, arguments: tuple[Any, ...]) -> Converter | None:
        if kind in _ARRAYS:
            member = self.converter_of(arguments[0] if arguments else Any).convert
            return Converter(_array_of(member, _ARRAYS[kind], type_name(kind)), {list: 0})
        if kind is tuple:
            if not arguments or arguments[-1] is Ellipsis:
                member = self.converter_of(arguments[0] if arguments else Any).convert
                return Converter(_array_of(member, tuple, "List`1"), {list: 0})
            return Converter(_tuple_of([self.converter_of(each).convert for each in arguments]), {list: 0})
        if kind in _MAPPINGS:
            key, member = (self.converter_of(each).convert for each in arguments or (str, Any))
            return Converter(_mapping_of(key, member), {dict: 0})
        return None

    def _object(self, annotation: Any) -> Converter:
        if annotation in self._objects:
            return self._objects[annotation]
        kind = get_origin(annotation) or annotation
        if isinstance(kind, type) and issubclass(kind, Enum):
            return Converter(enumeration_of(kind), {int: 0, str: 0})
        members = self._members(kind)
        if members is None:
            raise ConfigurationError(f"JSON cannot be converted to {annotation!r}.")
        # Remembered before its members are looked at, because they may be of the same class.
        self._objects[annotation] = converter = Converter(_object_of(kind, members), {dict: 0})
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
