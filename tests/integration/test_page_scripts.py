"""What the page's scripts calculate, without the page: order, curves, delays, options; in a browser, as they are."""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from random import Random
from typing import Any

from tests.integration.support import StockTickerTestCase
from tests.integration.ticker_page import FULL_PAGE
from twisted_ticker.market.history import Curve

__all__ = ["PageScriptTests"]


def longest_ascent(numbers: list[int]) -> int:
    """How many of these numbers can stay where they are when they are sorted."""
    ends: list[int] = []
    for number in numbers:
        place = bisect_left(ends, number)
        ends[place : place + 1] = [number]
    return len(ends)


class PageScriptTests(StockTickerTestCase):
    """Functions of ``window.StockTicker`` that depend on nothing but their arguments."""

    def setUp(self) -> None:
        super().setUp()
        self.page = self.open_page(self.start_server().url + FULL_PAGE)
        self.random = Random(4)

    def evaluate(self, function: str, cases: list[Any]) -> list[Any]:
        """Call it with each of the cases; returns what it returns."""
        answers: list[Any] = self.page.page.evaluate(f"cases => cases.map({function})", cases)
        self.assertNoComplaints()
        return answers

    def test_as_few_moves_as_possible(self) -> None:
        """The rows that stay are in order already, and no larger number of rows is."""
        cases = [[], [0], [0, 1, 2], [2, 1, 0], [1, 2, 3, 0], [3, 0, 1, 2]]
        for count in range(2, 40):
            cases.append(self.random.sample(range(count), count))
        for numbers, marks in zip(cases, self.evaluate("numbers => StockTicker.inPlace(numbers)", cases), strict=True):
            stays = [number for number, stay in zip(numbers, marks, strict=True) if stay]
            self.assertEqual(stays, sorted(stays))
            self.assertEqual(len(stays), longest_ascent(numbers), numbers)

    def test_curves_as_the_server_has_them(self) -> None:
        """A curve that the page continues has the points of the server's, however long the day is."""
        cases = []
        for count in (1, 100, 240, 241, 500, 3000):
            seconds = 1.7e9
            case = []
            for _ in range(count):
                seconds += self.random.choice((0.25, 0.25, 1, 3, 40))
                case.append((seconds, self.random.randrange(1, 99999) / 100))
            cases.append(case)
        answers = self.evaluate(
            """prices => {
                const curve = StockTicker.curve();
                prices.forEach(([seconds, price]) => StockTicker.extendCurve(curve, seconds, price));
                return curve.times.map((at, index) => [at, curve.prices[index].toFixed(2)]);
            }""",
            cases,
        )
        for case, answer in zip(cases, answers, strict=True):
            curve = Curve((seconds, Decimal(str(price)).quantize(Decimal("0.01"))) for seconds, price in case)
            self.assertEqual([(at, Decimal(price)) for at, price in answer], curve.points)

    def test_places_of_a_curve(self) -> None:
        """Time goes to the right at its own pace; the last price lasts until now; high is up."""
        [points] = self.evaluate(
            """([times, prices, begin, end]) => {
                const curve = {times, prices, span: 1}, span = {begin, end};
                return StockTicker.curvePoints(
                    curve, span, StockTicker.curveScale(span, StockTicker.curveRange(curve), 100, 10));
            }""",
            [[[100, 110, 140], [5, 7, 6], 100, 200]],
        )
        self.assertEqual(points, "0.0,10.0 10.0,0.0 40.0,5.0 100.0,5.0")

    def test_retry_delays(self) -> None:
        """They double up to a minute; the lower half is certain, the upper one is up to chance."""
        cases = [(failures, chance) for failures in (*range(8), 1000) for chance in (0, 0.5, 1)]
        answers = self.evaluate("([failures, chance]) => StockTicker.retryDelay(failures, chance)", cases)
        for (failures, chance), answer in zip(cases, answers, strict=True):
            whole = min(60, 2 ** min(failures, 10)) * 1000
            self.assertEqual(answer, whole * (1 + chance) / 2)

    def test_options_of_the_address(self) -> None:
        """Transports, logging and rate are read from the query, whatever else is there."""
        both = {"transport": ["webSockets", "longPolling"]}
        cases = {
            "": {"start": both, "logging": False, "rate": ""},
            "?rate=0.2&rate=4": {"start": both, "logging": False, "rate": "0.2"},
            "?transport=longPolling&logging=1": {
                "start": {"transport": "longPolling"},
                "logging": True,
                "rate": "",
            },
            "?transport=a,+b&logging=TRUE": {"start": {"transport": ["a", "b"]}, "logging": True, "rate": ""},
            "?transport=auto&%&=&__proto__=1&logging=0": {"start": {}, "logging": False, "rate": ""},
        }
        self.assertEqual(self.evaluate("search => StockTicker.options(search)", list(cases)), list(cases.values()))
