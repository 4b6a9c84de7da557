"""The cases of :mod:`tests.web.conformance`: what RFC 6455 demands of a server, case by case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from twisted.trial.unittest import SynchronousTestCase

from tests.web.clients import WebSocketClient
from tests.web.conformance import closing, framing, limits, utf8
from tests.web.conformance.case import Case, End
from tests.web.conformance.client import echoing_harness, failures_of
from tests.web.support import SiteHarness
from twisted_ticker.signalr import Settings

#: Where our server closes before it answers what came in the same write: an echo of SignalR's takes a turn more.
_CLOSED_FIRST = {"3.2", "5.15", "7.1.6"}


class ConformanceTests(SynchronousTestCase):
    """Each section's cases, on a server with somebody who must not notice them."""

    def carry_out(self, cases: Iterable[Case], settings: Settings | None = None) -> None:
        """Check that all cases are passed."""
        harness = echoing_harness(SiteHarness(self, settings=settings))
        bystander = WebSocketClient(harness)
        bystander.come()
        failures, tolerated = failures_of(cases, harness)
        self.assertEqual(failures, {})
        self.assertEqual([number for number in tolerated if number not in _CLOSED_FIRST], [])
        harness.say("undisturbed")
        self.assertEqual(bystander.heard(), ["undisturbed"])

    def test_framing(self) -> None:
        """Sections 1 to 5 and 10: messages of all lengths, pings, reserved bits and opcodes, fragments."""
        self.carry_out(framing.CASES)

    def test_utf8(self) -> None:
        """Section 6: what is no UTF-8 is refused with 1007, as soon as it can be told."""
        self.carry_out(utf8.CASES)

    def test_closing(self) -> None:
        """Section 7: closes are answered, and nothing behind them is."""
        self.carry_out(closing.CASES)

    def test_limits(self) -> None:
        """Section 9: long messages and many messages, where the server takes such long ones."""
        self.carry_out(limits.cases(), Settings(max_incoming_websocket_message_size=limits.LONGEST))


class CaseTests(SynchronousTestCase):
    """The tables themselves."""

    def test_numbers(self) -> None:
        """Each number is given once; the sections have as many cases as the suite's."""
        numbers = [case.number for case in (*framing.CASES, *utf8.CASES, *closing.CASES, *limits.cases())]
        self.assertEqual([number for number, count in Counter(numbers).items() if count > 1], [])
        sections = Counter(number.split(".")[0] for number in numbers)
        self.assertEqual(sections, {"1": 16, "2": 11, "3": 7, "4": 10, "5": 20, "6": 145, "7": 37, "9": 54, "10": 1})

    def test_a_failure(self) -> None:
        """A case that expects something else fails, with what happened instead."""
        [good] = [case for case in framing.CASES if case.number == "1.1.2"]
        [refused] = [case for case in framing.CASES if case.number == "1.2.2"]
        wrong = [
            Case("other answer", good.sends),
            Case("other end", good.sends, good.answers, end=End.SERVER),
            Case("other code", refused.sends, end=End.SERVER, codes=(1002,)),
            Case("too late", (*refused.sends, b""), end=End.SERVER, codes=(1003,), fails_at=-1),
        ]
        failures, tolerated = failures_of(wrong, echoing_harness(SiteHarness(self)))
        self.assertEqual(list(failures), [case.number for case in wrong])
        self.assertEqual(tolerated, [])
