"""
Annotations: what they resolve to, and how the reference would name the like of them.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections import abc
from collections.abc import Callable
from dataclasses import InitVar
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Union, get_args, get_origin
from uuid import UUID

from .errors import ConfigurationError

__all__ = ["NULL", "hints_of", "type_name", "unwrapped"]

NULL = type(None)


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


_NAMES: dict[Any, str] = {
    Any: "Object",
    object: "Object",
    inspect.Parameter.empty: "Object",
    None: "Void",
    NULL: "Void",
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
    annotation = unwrapped(annotation)
    if annotation in _NAMES:
        return _NAMES[annotation]
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        members = [member for member in get_args(annotation) if member is not NULL]
        if len(members) > 1:
            return "Object"
        is_value = isinstance(members[0], type) and issubclass(members[0], _VALUE_TYPES)
        return "Nullable`1" if is_value else type_name(members[0])
    if origin is tuple or annotation is tuple:
        return f"Tuple`{len(get_args(annotation))}"
    kind = origin or annotation
    return _NAMES.get(kind) or str(getattr(kind, "__name__", "Object"))


def unwrapped(annotation: Any) -> Any:
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
