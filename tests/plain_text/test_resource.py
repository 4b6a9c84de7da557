"""Tests for `twisted_ticker.plain_text.resource` and `twisted_ticker.plain_text.followers`, over HTTP."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from tests.market.fakes import ScriptedFeed
from tests.web.support import SiteHarness, our_log
from tests.web.wire import HttpConnection
from twisted_ticker.market import FULL_SAMPLE_LISTING, Market, MarketState
from twisted_ticker.plain_text import PriceFollowers, PricesText
from twisted_ticker.plain_text.lines import price_table
from twisted_ticker.web import build_site

MSFT_LINE = "MSFT         42.00       +0.32      +0.76%"


class PricesTextTestCase(SynchronousTestCase):
    """A site with the prices of an open market."""

    def setUp(self) -> None:
        self.harness = SiteHarness(self)
        clock = self.harness.clock
        self.feed = ScriptedFeed()
        self.market = Market(FULL_SAMPLE_LISTING, feed=self.feed, state=MarketState.OPEN)
        self.followers = PriceFollowers(self.market, seconds=clock.seconds, clock=clock)
        self.market.observe(self.followers)
        resource = PricesText(self.market, self.followers, seconds=clock.seconds)
        self.harness.site = build_site(
            self.harness.server,
            self.mktemp(),
            start_page="/start.html",
            clock=clock,
            resources={"prices.txt": resource},
            access_log=False,
        )
        self.followers.startService()
        self.addCleanup(self.stop)

    def stop(self) -> None:
        """Stop the followers' service, unless it is stopped."""
        if self.followers.running:
            stopped = self.followers.stopService()
            self.harness.advance(1)
            self.successResultOf(stopped)

    @property
    def table(self) -> str:
        """The table as it is now."""
        return price_table(self.market, self.harness.clock.seconds())

    def trade(self, *trades: tuple[str, str]) -> None:
        """Let one step of the market pass, in which this is traded."""
        self.feed.due = [*ScriptedFeed(*trades).due]
        self.market.step()
        self.harness.flush()

    def follow(self) -> HttpConnection:
        """Somebody who follows."""
        connection = self.harness.connection()
        connection.request("GET", "/prices.txt?follow=1")
        return connection

    def news(self, connection: HttpConnection) -> list[str]:
        """The lines that have come after the table and the empty line behind it."""
        assert connection.response is not None
        text = connection.response.body.decode()
        return text.partition("\n\n")[2].partition("\n\n")[2].splitlines()

    def texts(self, connection: HttpConnection) -> list[str]:
        """The same without their times."""
        return [line.partition("  ")[2] or line for line in self.news(connection)]


class TableTests(PricesTextTestCase):
    """``/prices.txt``."""

    def test_table(self) -> None:
        """It is the prices as they are at that moment, for nobody to keep."""
        self.trade(("MSFT", "42.00"))
        for target in ("/prices.txt", "/prices.txt?follow=0", "/prices.txt?follow", "/prices.txt?follow=1&follow=0"):
            response = self.harness.fetch("GET", target)
            self.assertEqual((response.status, response.body.decode()), (200, self.table), target)
            self.assertEqual(response.header("Content-Type"), "text/plain; charset=utf-8")
            self.assertEqual(response.header("Cache-Control"), "no-store")
            self.assertEqual(response.header("X-Content-Type-Options"), "nosniff")
            self.assertEqual(response.header("Content-Length"), str(len(response.body)))
        self.assertEqual(len(self.followers), 0)

    def test_head(self) -> None:
        """Who wants headers only gets them, at once."""
        for target, length in (("/prices.txt", str(len(self.table))), ("/prices.txt?follow=1", None)):
            with our_log() as lines:
                response = self.harness.fetch("HEAD", target)
            self.assertEqual((response.status, response.body, response.header("Content-Length")), (200, b"", length))
            self.assertEqual(response.header("Content-Type"), "text/plain; charset=utf-8")
            self.assertEqual(lines, [])
        self.assertEqual(len(self.followers), 0)

    def test_other_methods(self) -> None:
        """There is nothing to send there."""
        response = self.harness.fetch("POST", "/prices.txt", body=b"")
        self.assertEqual((response.status, response.header("Allow")), (405, "GET, HEAD"))


class FollowTests(PricesTextTestCase):
    """``/prices.txt?follow=1``."""

    def test_beginning(self) -> None:
        """The table comes first, and at once; proxies shall pass on each piece."""
        connection = self.follow()
        response = connection.response
        assert response is not None
        self.assertEqual((response.status, response.body.decode(), response.complete), (200, f"{self.table}\n", False))
        self.assertEqual(response.header("Cache-Control"), "no-store")
        self.assertEqual(response.header("X-Accel-Buffering"), "no")
        self.assertEqual(response.header("Transfer-Encoding"), "chunked")
        self.assertIsNone(response.header("Content-Length"))

    def test_news(self) -> None:
        """Each change is a line, with the time: of prices, and of the market."""
        connection = self.follow()
        self.trade(("MSFT", "42.00"), ("GOOG", "543.00"))
        self.assertEqual(
            self.news(connection), [f"13:46:40  {MSFT_LINE}", "13:46:40  GOOG        543.00       -0.01      +0.00%"]
        )
        self.harness.advance(1)
        self.market.close_market()
        self.harness.flush()
        self.assertEqual(self.news(connection)[2:], ["13:46:41  Market closed"])
        self.market.reset()
        self.market.open_market()
        self.feed.is_stale = True
        self.trade()
        self.feed.is_stale = False
        self.trade()
        goog, msft, aapl, *rest = self.texts(connection)[4:]
        self.assertEqual(self.texts(connection)[3], "Market reset")
        self.assertEqual([line.split()[:2] for line in (goog, msft, aapl)][1], ["MSFT", "41.68"])
        self.assertEqual(
            rest,
            ["Market opened", "Prices are out of date: their source is down", "Prices are up to date again"],
        )

    def test_everybody_gets_the_same_bytes(self) -> None:
        """A step is one piece for each reader, however many prices it has."""
        readers = [self.follow() for _ in range(3)]
        self.harness.written.clear()
        self.trade(("MSFT", "42.00"), ("GOOG", "543.00"))
        texts = [data for data in self.harness.written if MSFT_LINE.encode() in data]
        self.assertEqual(len(texts), 3)
        self.assertEqual(len(set(texts)), 1)
        for reader in readers:
            self.assertEqual(len(self.news(reader)), 2)

    def test_signs_of_life(self) -> None:
        """When nothing happens for long, an empty comment does; when something does, it does not."""
        connection = self.follow()
        self.harness.advance(20)
        self.assertEqual(self.news(connection), [])
        self.harness.advance(40)
        self.assertIn(self.news(connection), (["#"], ["#", "#"]))
        before = len(self.news(connection))
        for _ in range(12):
            self.harness.advance(10)
            self.trade(("MSFT", "42.00"))
        self.assertEqual(len(self.news(connection)), before + 12)

    def test_who_is_gone(self) -> None:
        """Who leaves is forgotten, and nothing is written for him."""
        connection = self.follow()
        self.assertEqual(len(self.followers), 1)
        connection.drop()
        self.assertEqual(len(self.followers), 0)
        self.harness.written.clear()
        self.trade(("MSFT", "42.00"))
        self.assertEqual(self.harness.written, [])

    def test_old_clients(self) -> None:
        """A client of HTTP/1.0 follows too; the end of the connection is the end of the text."""
        connection = self.harness.connection()
        connection.request("GET", "/prices.txt?follow=1", version="HTTP/1.0")
        self.trade(("MSFT", "42.00"))
        self.assertTrue(connection.raw.endswith(f"{MSFT_LINE}\n".encode()))
        self.stop()
        self.assertTrue(connection.closed)

    def test_the_end(self) -> None:
        """A server that stops ends all texts properly, and begins no other."""
        connection = self.follow()
        self.stop()
        assert connection.response is not None
        self.assertTrue(connection.response.complete)
        self.assertEqual(len(self.followers), 0)
        self.assertEqual(self.harness.fetch("GET", "/prices.txt?follow=1").status, 503)
        self.assertEqual(self.harness.fetch("HEAD", "/prices.txt?follow=1").status, 503)
        self.assertEqual(self.harness.fetch("GET", "/prices.txt").status, 200)
        self.trade(("MSFT", "42.00"))

    def test_starting_again(self) -> None:
        """A service that was stopped can be started."""
        self.stop()
        self.followers.startService()
        connection = self.follow()
        self.trade(("MSFT", "42.00"))
        self.assertEqual(self.texts(connection), [MSFT_LINE])


class SlowReaderTests(PricesTextTestCase):
    """Those who do not read."""

    def setUp(self) -> None:
        super().setUp()
        self.connection = self.follow()
        self.transport: Any = self.connection.link.server

    def test_only_the_latest_is_kept(self) -> None:
        """Who reads again gets the latest line of each stock, in the order in which they came, and no others."""
        quick = self.follow()
        self.transport.fill()
        for cents in range(100):
            self.trade(("MSFT", f"40.{cents:02}"), ("GOOG", f"540.{cents:02}"))
        self.trade(("MSFT", "42.00"))
        self.assertEqual(self.texts(self.connection), [])
        self.assertEqual(len(self.texts(quick)), 201)
        self.transport.drain()
        self.harness.flush()
        goog, msft = self.texts(self.connection)
        self.assertEqual((goog.split()[:2], msft.split()[:2]), (["GOOG", "540.99"], ["MSFT", "42.00"]))
        self.trade(("MSFT", "42.01"))
        self.assertEqual(len(self.texts(self.connection)), 3)

    def test_nothing_to_tell(self) -> None:
        """Who was asleep while nothing happened gets nothing."""
        self.transport.fill()
        self.harness.advance(60)
        self.transport.drain()
        self.harness.flush()
        self.assertEqual(self.texts(self.connection), [])

    def test_the_market_is_kept_too(self) -> None:
        """Of what happens to the market the latest is kept; after a reset, the prices of before are not told."""
        self.transport.fill()
        for _ in range(3):
            self.trade(("MSFT", "42.00"))
            self.market.close_market()
            self.market.reset()
            self.market.open_market()
        self.feed.is_stale = True
        self.trade()
        self.transport.drain()
        self.harness.flush()
        lines = self.texts(self.connection)
        self.assertEqual([line.split()[0] for line in lines[1:4]], ["GOOG", "MSFT", "AAPL"])
        self.assertEqual(lines[2].split()[1], "41.68")
        self.assertEqual(
            [*lines[:1], *lines[4:]],
            ["Market reset", "Market opened", "Prices are out of date: their source is down"],
        )

    def test_patience_has_an_end(self) -> None:
        """Who reads nothing for minutes is cut off, whatever is in his buffers; others are not."""
        other = self.follow()
        self.transport.fill()
        self.harness.advance(179)
        self.assertFalse(self.transport.aborted)
        with our_log() as lines:
            self.harness.advance(20)
        self.assertTrue(self.transport.aborted)
        self.assertEqual(len(lines), 1)
        self.assertIn("192.0.2.1", lines[0])
        self.assertEqual(len(self.followers), 1)
        self.trade(("MSFT", "42.00"))
        self.assertEqual(self.texts(other)[-1], MSFT_LINE)

    def test_a_pause_is_forgotten(self) -> None:
        """Who reads now and then is not cut off; a second call to pause does not begin anew."""
        for _ in range(4):
            self.transport.fill()
            self.harness.advance(120)
            self.transport.drain()
            self.harness.flush()
        self.assertFalse(self.transport.aborted)
        self.transport.fill()
        self.harness.advance(120)
        self.transport.fill()
        self.harness.advance(80)
        self.assertTrue(self.transport.aborted)

    def test_the_end(self) -> None:
        """A stop ends the text of who does not read as well."""
        self.transport.fill()
        self.trade(("MSFT", "42.00"))
        self.stop()
        self.assertEqual(len(self.followers), 0)
