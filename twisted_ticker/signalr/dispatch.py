"""
Calling hubs: a text from a client becomes a call of a hub's method, and what comes of it a result for the client.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from . import serialization
from .audiences import CallerClients, Groups, IGroupMembers
from .bus import MessageBus
from .counters import Counters
from .descriptors import HubDescriptor
from .errors import HubException, HubNotFound, InvocationError, MalformedInvocation, RequestError
from .excerpts import excerpt
from .hub import Hub, HubCallerContext
from .pipeline import HubPipeline, IncomingInvocation
from .progress import Progress
from .protocol.messages import Invocation, encode_error, encode_result, parse_invocation
from .signals import hub_connection_topic
from .state import CallerState

__all__ = ["HubDispatcher"]


class HubDispatcher:
    """
    Calls the methods and events of some hubs, each on a hub object of its own.

    Args:
        hubs: the hubs that clients may name.
        bus: where the hubs' messages go.
        members: who can be put into groups.
        detailed_errors: whether results tell the texts of all exceptions.
        counters: where failures are counted.
        pipeline: what calls pass through; nothing when not given.
        max_values: how many JSON values one call may hold; ``None`` for any number.
    """

    _log = Logger()

    def __init__(
        self,
        hubs: Iterable[HubDescriptor],
        *,
        bus: MessageBus,
        members: IGroupMembers,
        detailed_errors: bool,
        counters: Counters,
        pipeline: HubPipeline | None = None,
        max_values: int | None = None,
    ) -> None:
        self._hubs = {hub.name.lower(): hub for hub in hubs}
        self._bus = bus
        self._members = members
        self._detailed_errors = detailed_errors
        self._counters = counters
        self._pipeline = pipeline or HubPipeline()
        self._max_values = max_values

    def find(self, name: str) -> HubDescriptor:
        """
        The hub of that name, in any letter case.

        Raises:
            HubNotFound: there is none.
        """
        try:
            return self._hubs[name.lower()]
        except KeyError:
            self._counters.unknown_hubs += 1
            raise HubNotFound(name) from None

    def invoke(self, text: str, context: HubCallerContext) -> Deferred[bytes | None]:
        """
        Carry out one call from a client.

        Returns:
            The result or error result, as JSON; it does not fail.

        Raises:
            RequestError: the text is no call, or its hub is unknown or cannot be made: there is nothing that could
                be answered.
        """
        invocation = parse_invocation(text, self._max_values)
        try:
            state = CallerState(invocation.state)
        except RecursionError as error:
            raise MalformedInvocation("The state is nested too deeply.") from error
        descriptor = self.find(invocation.hub)
        try:
            hub = self._create(descriptor, context, state)
        except Exception as error:
            self._log.failure("The hub {hub} cannot be made", hub=descriptor.name)
            raise RequestError(f"The hub '{descriptor.name}' cannot be made.") from error

        outcome: Deferred[Any] = maybeDeferred(self._call, descriptor, hub, invocation)
        outcome.addCallback(self._result, invocation, state)
        outcome.addErrback(self._error_result, invocation, state)
        return outcome

    def _call(self, descriptor: HubDescriptor, hub: Hub[Any], invocation: Invocation) -> Any:
        pipeline = self._pipeline
        method = descriptor.find_method(invocation.method, len(invocation.arguments))
        if (method.authorizations or pipeline.authentication_required) and not pipeline.admits_call_of(
            method, hub.context.user
        ):
            raise InvocationError(f"Caller is not authorized to invoke the {method.name} method on {descriptor.name}.")
        arguments = method.bind(invocation.arguments)
        if method.progress is None and not pipeline.modules:
            return method.function(hub, *arguments)
        progress = self._progress(descriptor, hub, invocation)
        outcome: Deferred[Any]
        if pipeline.modules:
            passing = IncomingInvocation(hub, method, arguments)
            call = pipeline.incoming(passing, lambda: method.call(hub, passing.arguments, progress))
            outcome = Deferred.fromCoroutine(call)
        else:
            outcome = maybeDeferred(method.call, hub, arguments, progress)
        return outcome.addBoth(self._completed, progress)

    def _progress(self, descriptor: HubDescriptor, hub: Hub[Any], invocation: Invocation) -> Progress[Any]:
        topic = hub_connection_topic(descriptor.name, hub.context.connection_id)
        return Progress(partial(self._bus.publish, topic), invocation.id, hub.state)

    def _completed(self, outcome: Any, progress: Progress[Any]) -> Any:
        progress.complete()
        return outcome

    def _result(self, value: Any, invocation: Invocation, state: CallerState) -> bytes:
        result = None if value is None else serialization.encode(value)
        return encode_result(invocation.id, result=result, state=state.changes())

    def _error_result(self, failure: Failure, invocation: Invocation, state: CallerState) -> bytes:
        self._counters.failed_invocations += 1
        error = failure.value
        target = f"{invocation.hub}.{invocation.method}"
        if isinstance(error, InvocationError):
            self._log.info("Cannot invoke {target!r}: {error!r}", target=excerpt(target), error=excerpt(str(error)))
        elif not isinstance(error, HubException):
            self._log.failure("The hub method {target!r} failed", failure, target=excerpt(target))
        generic = f"There was an error invoking Hub method '{target}'."
        try:
            changes = state.changes()
            if isinstance(error, HubException):
                data = serialization.encode(error.data) if error.has_data else None
                return encode_error(invocation.id, str(error), from_hub=True, data=data, state=changes)
            text = str(error) if self._detailed_errors else generic
            return encode_error(invocation.id, text, state=changes)
        except Exception:
            # The caller still waits for an answer, and the text of an exception is anybody's code.
            self._log.failure("The error of {target!r} cannot be sent", target=excerpt(target))
            return encode_error(invocation.id, generic)

    def raise_event(
        self,
        hubs: Iterable[HubDescriptor],
        context: HubCallerContext,
        event: Callable[[Hub[Any]], Any],
    ) -> Deferred[None]:
        """
        Raise an event on each of the hubs.

        Returns:
            Done when all of them are; fails as the first of them did.
        """
        return self.raise_events(((hub, event) for hub in hubs), context)

    def raise_events(
        self, events: Iterable[tuple[HubDescriptor, Callable[[Hub[Any]], Any]]], context: HubCallerContext
    ) -> Deferred[None]:
        """Raise events, each on a hub of its own; see :meth:`raise_event`."""

        def raise_on(hub: HubDescriptor, event: Callable[[Hub[Any]], Any]) -> Any:
            return event(self._create(hub, context, CallerState()))

        outcomes: list[Deferred[Any]] = [maybeDeferred(raise_on, hub, event) for hub, event in events]
        if len(outcomes) == 1:
            # A list of them costs more than most events do.
            return outcomes[0].addCallback(lambda _: None)
        return DeferredList(outcomes, consumeErrors=True).addCallback(self._first_failure)

    def _first_failure(self, outcomes: list[tuple[bool, Any]]) -> Failure | None:
        failures: list[Failure] = [result for succeeded, result in outcomes if not succeeded]
        for failure in failures[1:]:
            # The first one is reported by whoever raised the event.
            self._log.failure("An event failed on another hub too", failure)
        return failures[0] if failures else None

    def _create(self, descriptor: HubDescriptor, context: HubCallerContext, state: CallerState) -> Hub[Any]:
        hub = descriptor.create()
        hub.context = context
        hub.state = state
        hub.clients = CallerClients(self._bus, descriptor.name, context.connection_id, state, self._pipeline)
        hub.groups = Groups(self._members, descriptor.name)
        return hub
