"""Tests for `twisted_ticker.web.places`: how many connections there may be, and who is told of those that may not."""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.web.support import our_log
from twisted_ticker.web.places import ConnectionLimits, Places

ANN = IPv4Address("TCP", "192.0.2.1", 1)
BOB = IPv4Address("TCP", "192.0.2.2", 1)


class PlacesTests(SynchronousTestCase):
    """Taking places, and giving them back."""

    def setUp(self) -> None:
        self.clock = Clock()

    def places(self, **limits: int) -> Places:
        """So many of them."""
        return Places(ConnectionLimits(**limits), self.clock.seconds)

    def test_any_number(self) -> None:
        """Without limits, connections are only counted."""
        places = self.places()
        taken = [places.take(ANN) for _ in range(1000)]
        self.assertEqual(taken, [""] * 1000)
        self.assertEqual(places.taken, 1000)
        for place in taken:
            assert place is not None
            places.free(place)
        self.assertEqual((places.taken, places.refused), (0, 0))

    def test_all_together(self) -> None:
        """One more is refused until one has gone."""
        places = self.places(total=2)
        self.assertEqual([places.take(ANN), places.take(BOB), places.take(BOB)], ["", "", None])
        self.assertEqual((places.taken, places.refused), (2, 1))
        places.free("")
        self.assertEqual([places.take(BOB), places.take(ANN)], ["", None])
        self.assertEqual((places.taken, places.refused), (2, 2))

    def test_of_one_address(self) -> None:
        """Others have their own."""
        places = self.places(per_address=2)
        first, second = places.take(ANN), places.take(ANN)
        self.assertEqual((first, second), ("192.0.2.1", "192.0.2.1"))
        self.assertIsNone(places.take(ANN))
        self.assertEqual(places.take(BOB), "192.0.2.2")
        assert first is not None
        places.free(first)
        self.assertIsNotNone(places.take(ANN))
        self.assertEqual((places.taken, places.refused), (3, 1))

    def test_addresses(self) -> None:
        """A network of IPv6 is one client, as is an IPv4 address however it is written; no address is nobody."""
        for one, other, same in (
            ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("::ffff:192.0.2.1", "192.0.2.1", True),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
            ("fe80::1%eth0", "fe80::2%eth0", True),
            ("192.0.2.1", "192.0.2.2", False),
            ("what.is.this", "what.is.this", True),
        ):
            places = self.places(per_address=1)
            for address in (one, other):
                kind: Any = IPv6Address if ":" in address else IPv4Address
                places.take(kind("TCP", address, 1))
            self.assertEqual(places.refused, int(same), (one, other))
        places = self.places(per_address=1)
        for address in (None, UNIXAddress(None), UNIXAddress(b"/x")) * 2:
            self.assertEqual(places.take(address), "")

    def test_nothing_is_kept(self) -> None:
        """Of who has gone, however many there have been."""
        places = self.places(per_address=1)
        for number in range(1000):
            place = places.take(IPv4Address("TCP", f"192.0.{number // 250}.{number % 250}", 1))
            assert place
            places.free(place)
        self.assertEqual(len(places._by_client), 0)

    def test_settling(self) -> None:
        """A connection that nobody was known to have becomes somebody's, if he may have it."""
        places = self.places(total=3, per_address=1)
        self.assertEqual([places.take(None), places.take(None)], ["", ""])
        self.assertEqual((places.settle(ANN), places.settle(ANN)), ("192.0.2.1", None))
        self.assertEqual((places.taken, places.refused), (2, 1))
        places.free("192.0.2.1")
        self.assertEqual((places.taken, places.settle(ANN)), (1, "192.0.2.1"))

    def test_making_room(self) -> None:
        """When all places are taken, some connection may give way."""
        places = self.places(total=1)

        def make_room() -> bool:
            if places.taken:
                places.free("")
            return True

        places.make_room = make_room
        self.assertEqual([places.take(ANN), places.take(BOB)], ["", ""])
        self.assertEqual((places.taken, places.refused, places.given_up), (1, 0, 1))

    def test_the_log(self) -> None:
        """There is a line a minute for each kind of refusal, and it tells how many it stands for."""
        places = self.places(total=5, per_address=1)
        places.take(ANN)
        with our_log() as lines:
            for _ in range(100):
                places.take(ANN)
            self.clock.advance(59)
            places.take(ANN)
        of_ann = "Refused a connection: 192.0.2.1 has 1 connections, which is all that it may have"
        self.assertEqual(lines, [f"{of_ann} (--max-connections-per-address)"])
        with our_log() as lines:
            self.clock.advance(1)
            places.take(ANN)
            for _ in range(5):
                places.take(None)
        self.assertEqual(
            lines,
            [
                f"{of_ann} (--max-connections-per-address); 100 others were refused since this was said last",
                "Refused a connection: There are 5 connections, which is all that may be (--max-connections)",
            ],
        )
