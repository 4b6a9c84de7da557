"""
What the library knows of a hub class: its name and its methods, read from the class once when it is mapped.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, get_type_hints

import msgspec

from . import serialization
from .errors import ArgumentError, ConfigurationError, MethodNotFound
from .hub import Hub, published_name
from .protocol.proxies import camel_case

__all__ = ["HubDescriptor", "HubFactory", "MethodDescriptor"]

#: A hub class, or a call without arguments that makes an instance.
HubFactory = Callable[[], Hub]


@dataclass(frozen=True, slots=True)
class MethodDescriptor:
    """
    One method that clients can call.

    Attributes:
        name: published name.
        function: the plain function, to be called with the hub and the arguments.
        parameters: their names and annotated types, in order.
        required: how many of them have no default.
    """

    name: str
    function: Callable[..., Any]
    parameters: tuple[tuple[str, Any], ...]
    required: int

    @classmethod
    def of(cls, name: str, function: Callable[..., Any]) -> MethodDescriptor:
        """
        Describe a method.

        Raises:
            ConfigurationError: it has parameters that a client cannot fill by position, or annotations that name
                nothing.
        """
        try:
            hints = get_type_hints(function)
        except NameError as error:
            raise ConfigurationError(
                f"The hub method {function.__qualname__} has an annotation that cannot be resolved: {error}."
            ) from error
        parameters = list(inspect.signature(function).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
                raise ConfigurationError(
                    f"The hub method {function.__qualname__} cannot be called by clients: "
                    f"they pass arguments by position, and {parameter} is not passed so."
                )
        return cls(
            name=name,
            function=function,
            parameters=tuple((parameter.name, hints.get(parameter.name, Any)) for parameter in parameters),
            required=sum(parameter.default is parameter.empty for parameter in parameters),
        )

    @property
    def counts(self) -> range:
        """The numbers of arguments that it takes."""
        return range(self.required, len(self.parameters) + 1)

    @property
    def signature(self) -> str:
        """As error texts show it."""
        return f"{self.name}({', '.join(f'{name}:{_type_name(type)}' for name, type in self.parameters)})"

    def bind(self, arguments: Sequence[msgspec.Raw]) -> list[Any]:
        """
        Convert a call's arguments to what the method declares.

        Raises:
            ArgumentError: one of them does not fit.
        """
        try:
            return [
                serialization.decode(argument, type)
                for argument, (_, type) in zip(arguments, self.parameters, strict=False)
            ]
        except (ValueError, RecursionError) as error:
            raise ArgumentError(str(error)) from error


def _type_name(annotation: Any) -> str:
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


@dataclass(frozen=True, slots=True)
class HubDescriptor:
    """
    One mapped hub.

    Attributes:
        name: as declared; this is how clients see it in calls.
        hub_class: the class.
        create: makes an instance.
        methods: by published name in lower case, the overloads of that name.
    """

    name: str
    hub_class: type[Hub]
    create: HubFactory
    methods: Mapping[str, tuple[MethodDescriptor, ...]]

    @classmethod
    def of(cls, factory: HubFactory) -> HubDescriptor:
        """
        Describe the hub that *factory* makes.

        Raises:
            ConfigurationError: it makes no hub, or one with an unusable name, or with two overloads of a method
                that take the same number of arguments.
        """
        hub_class = _class_made_by(factory)
        name = hub_class.hub_name or hub_class.__name__
        if "." in name:
            raise ConfigurationError(f"The hub name '{name}' is invalid.")
        methods: dict[str, tuple[MethodDescriptor, ...]] = {}
        for method in _published_methods(hub_class):
            overloads = methods.get(method.name.lower(), ())
            for other in overloads:
                if set(other.counts) & set(method.counts):
                    raise ConfigurationError(
                        f"The hub '{name}' has two methods '{method.name}' for the same number of arguments."
                    )
            methods[method.name.lower()] = (*overloads, method)
        return cls(name, hub_class, factory, methods)

    @property
    def script_name(self) -> str:
        """As the proxy script names it: declared names as they are, class names with a lower first letter."""
        return self.hub_class.hub_name or camel_case(self.name)

    @property
    def method_names(self) -> list[str]:
        """The published names, each once."""
        return [overloads[0].name for overloads in self.methods.values()]

    def find_method(self, name: str, count: int) -> MethodDescriptor:
        """
        The method of that name, in any letter case, that takes *count* arguments.

        Raises:
            MethodNotFound: there is none. Candidates are told only to a client that got the letter case right, as
                the reference does.
        """
        overloads = self.methods.get(name.lower(), ())
        for method in overloads:
            if count in method.counts:
                return method
        raise MethodNotFound(name, tuple(method.signature for method in overloads if method.name == name))


def _class_made_by(factory: HubFactory) -> type[Hub]:
    inner: Any = factory
    while isinstance(inner, partial):
        inner = inner.func
    hub_class = inner if isinstance(inner, type) else type(factory())
    if not issubclass(hub_class, Hub) or hub_class is Hub:
        raise ConfigurationError(f"{factory!r} makes no Hub: map subclasses of twisted_ticker.signalr.Hub.")
    return hub_class


def _published_methods(hub_class: type[Hub]) -> Iterable[MethodDescriptor]:
    for attribute in dir(hub_class):
        function = getattr(hub_class, attribute)
        name = published_name(function)
        if name is not None:
            yield MethodDescriptor.of(name, function)
