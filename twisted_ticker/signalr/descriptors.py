"""
What the library knows of a hub class: its name and its methods, read from the class once when it is mapped.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_origin

import msgspec

from .arguments import converter_of
from .authorization import Authorization, authorizations_of
from .errors import ConfigurationError, MethodNotFound
from .factories import class_made_by
from .hub import Hub, published_name
from .progress import Progress
from .protocol.proxies import camel_case
from .type_names import hints_of, type_name
from .typed_clients import check_client_types

__all__ = ["HubDescriptor", "HubFactory", "MethodDescriptor"]

#: A hub class, or a call without arguments that makes an instance.
HubFactory = Callable[[], Hub[Any]]


@dataclass(frozen=True, slots=True)
class MethodDescriptor:
    """
    One method that clients can call.

    Attributes:
        name: published name.
        hub_name: declared name of its hub.
        function: the plain function, to be called with the hub and the arguments.
        parameters: those that clients fill, in order.
        counts: the numbers of arguments that it takes.
        signature: as error texts show it, with the reference's names of types.
        authorizations: rules that a caller has to meet: the hub's, and its own.
        progress: the parameter that is given what progress is reported to, if there is one: its name and position.
    """

    name: str
    hub_name: str
    function: Callable[..., Any]
    parameters: tuple[inspect.Parameter, ...]
    counts: range
    signature: str
    authorizations: tuple[Authorization, ...]
    progress: tuple[str, int] | None
    _converters: tuple[Callable[[msgspec.Raw], Any], ...]

    @classmethod
    def of(
        cls,
        name: str,
        function: Callable[..., Any],
        hub_name: str = "",
        authorizations: tuple[Authorization, ...] = (),
    ) -> MethodDescriptor:
        """
        Describe a method.

        Raises:
            ConfigurationError: it has parameters that a client cannot fill by position, or annotations that name
                nothing, or nothing that JSON can be converted to.
        """
        hints = hints_of(function)
        declared = list(inspect.signature(function).parameters.values())[1:]
        reporters = [parameter for parameter in declared if _is_progress(hints.get(parameter.name))]
        parameters = tuple(parameter for parameter in declared if parameter not in reporters)
        _check_parameters(function, parameters, reporters)
        types = [hints.get(parameter.name, parameter.empty) for parameter in parameters]
        shown = (f"{parameter.name}:{type_name(type)}" for parameter, type in zip(parameters, types, strict=True))
        required = sum(parameter.default is parameter.empty for parameter in parameters)
        try:
            converters = tuple(map(converter_of, types))
        except ConfigurationError as error:
            raise ConfigurationError(f"The hub method {function.__qualname__} cannot be called: {error}") from error
        return cls(
            name=name,
            hub_name=hub_name,
            function=function,
            parameters=parameters,
            counts=range(required, len(parameters) + 1),
            signature=f"{name}({', '.join(shown)}):{_return_type_name(function, hints)}",
            authorizations=authorizations,
            progress=(reporters[0].name, declared.index(reporters[0])) if reporters else None,
            _converters=converters,
        )

    def bind(self, arguments: Sequence[msgspec.Raw]) -> list[Any]:
        """
        Convert a call's arguments to what the method declares.

        Raises:
            ArgumentError: one of them does not fit.
        """
        return [convert(argument) for convert, argument in zip(self._converters, arguments, strict=False)]

    def call(self, hub: Hub[Any], arguments: list[Any], progress: Progress[Any] | None) -> Any:
        """Call the method of *hub* with what :meth:`bind` made of a call's arguments."""
        if self.progress is None:
            return self.function(hub, *arguments)
        name, position = self.progress
        if position <= len(arguments):
            return self.function(hub, *arguments[:position], progress, *arguments[position:])
        # Behind parameters that were left out.
        return self.function(hub, *arguments, **{name: progress})


def _check_parameters(
    function: Callable[..., Any], parameters: Sequence[inspect.Parameter], reporters: Sequence[inspect.Parameter]
) -> None:
    for parameter in parameters:
        if parameter.kind not in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            raise ConfigurationError(
                f"The hub method {function.__qualname__} cannot be called by clients: "
                f"they pass arguments by position, and {parameter} is not passed so."
            )
    if len(reporters) > 1 or any(parameter.kind != parameter.POSITIONAL_OR_KEYWORD for parameter in reporters):
        raise ConfigurationError(
            f"The hub method {function.__qualname__} cannot be called: it may have one Progress, as a parameter "
            "that can be given by position and by name."
        )


def _is_progress(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) is Progress


def _return_type_name(function: Callable[..., Any], hints: Mapping[str, Any]) -> str:
    returned = hints.get("return", inspect.Parameter.empty)
    kind = get_origin(returned) or returned
    if inspect.iscoroutinefunction(function):
        return "Task" if returned in (type(None), inspect.Parameter.empty) else "Task`1"
    if isinstance(kind, type) and issubclass(kind, Awaitable):
        # The outcome is the last of a coroutine's types, and the only one of others.
        return "Task" if get_args(returned)[-1:] in ((), (None,), (type(None),)) else "Task`1"
    return type_name(returned)


@dataclass(frozen=True, slots=True)
class HubDescriptor:
    """
    One mapped hub.

    Attributes:
        name: as declared; this is how clients see it in calls.
        hub_class: the class.
        create: makes an instance.
        methods: by published name in lower case, the overloads of that name.
        authorizations: rules that who uses the hub has to meet.
    """

    name: str
    hub_class: type[Hub[Any]]
    create: HubFactory
    methods: Mapping[str, tuple[MethodDescriptor, ...]]
    authorizations: tuple[Authorization, ...] = ()

    @classmethod
    def of(cls, factory: HubFactory) -> HubDescriptor:
        """
        Describe the hub that *factory* makes.

        Raises:
            ConfigurationError: it makes no hub, or one with an unusable name, or with two overloads of a method
                that take the same number of arguments, or with declarations that cannot be kept.
        """
        hub_class: type[Hub[Any]] = class_made_by(factory, Hub)
        check_client_types(hub_class)
        name = hub_class.hub_name or hub_class.__name__
        if "." in name:
            raise ConfigurationError(f"The hub name '{name}' is invalid.")
        authorizations = tuple(rule for base in hub_class.__mro__ for rule in authorizations_of(base))
        methods: dict[str, tuple[MethodDescriptor, ...]] = {}
        for method in _published_methods(hub_class, name, authorizations):
            overloads = methods.get(method.name.lower(), ())
            for other in overloads:
                if set(other.counts) & set(method.counts):
                    raise ConfigurationError(
                        f"The hub '{name}' has two methods '{method.name}' for the same number of arguments."
                    )
            methods[method.name.lower()] = (*overloads, method)
        return cls(name, hub_class, factory, methods, authorizations)

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


def _published_methods(
    hub_class: type[Hub[Any]], hub_name: str, of_class: tuple[Authorization, ...]
) -> Iterator[MethodDescriptor]:
    for attribute in dir(hub_class):
        # zope.interface lists names on classes that only some instances have.
        function: Any = getattr(hub_class, attribute, None)
        # An override is kept as what it overrides is.
        own = tuple(rule for base in hub_class.__mro__ for rule in authorizations_of(vars(base).get(attribute)))
        if any(rule.require_outgoing is not None for rule in own):
            raise ConfigurationError(
                f"{hub_class.__name__}.{attribute} is marked with require_outgoing, which is for hub classes: "
                "a method is only called."
            )
        name = published_name(function)
        if name is not None:
            yield MethodDescriptor.of(name, function, hub_name, of_class + own)
        elif own:
            raise ConfigurationError(
                f"{hub_class.__name__}.{attribute} is kept from callers by authorize, but is no hub_method."
            )
