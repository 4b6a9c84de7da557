"""Tests for `twisted_ticker.market.feeds.recording`."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.market.test_tables import FileTestCase
from twisted_ticker.market.entries import HIGHEST_PRICE
from twisted_ticker.market.feeds import recording
from twisted_ticker.market.feeds.recording import Recording
from twisted_ticker.market.tables import FileError

LISTED = ("MSFT", "GOOG")


class RecordingTests(FileTestCase):
    """Tests for `Recording`."""

    def read(self, content: str) -> list[tuple[float, str, str]]:
        """The trades of a recording: seconds since the first, symbol, price."""
        played = Recording.read(self.file(content, "day.csv"), LISTED)
        return [(played.seconds(index), played[index][0], str(played[index][1])) for index in range(len(played))]

    def refusal(self, content: str) -> str:
        """Why a recording is refused, without its directory."""
        path = self.file(content, "day.csv")
        return str(self.assertRaises(FileError, Recording.read, path, LISTED)).replace(path, "day.csv")

    def test_times(self) -> None:
        """Each kind of time counts from the first trade."""
        cases = [
            ("0", "0.25", "12"),
            ("1714725000", "1714725000.25", "1714725012.000"),
            ("9:30:00", "09:30:00.25", "09:30:12"),
            ("23:59:00", "23:59:00.250000999", "23:59:12"),
            ("2024-05-03T23:59:59", "2024-05-03 23:59:59.25", "2024-05-04T00:00:11"),
            ("2024-05-03T10:00:00Z", "2024-05-03T12:00:00.25+02:00", "2024-05-03T10:00:12Z"),
        ]
        for first, second, third in cases:
            rows = f"{first},MSFT,41.68\n{second},GOOG,543.01\n{third},MSFT,41.7\n"
            expected = [(0.0, "MSFT", "41.68"), (0.25, "GOOG", "543.01"), (12.0, "MSFT", "41.70")]
            self.assertEqual(self.read(rows), expected, first)
            self.assertEqual(self.read(f"Time,Symbol,Price\n{rows}"), expected, first)

    def test_equal_times(self) -> None:
        """Trades at one time keep their order."""
        rows = "5,MSFT,1\n5,MSFT,2\n5,MSFT,3\n"
        self.assertEqual([price for _, _, price in self.read(rows)], ["1.00", "2.00", "3.00"])

    def test_refused(self) -> None:
        """A line that cannot be played is refused, with its number."""
        head = "time,symbol,price\n10:00:00,MSFT,41.68\n10:00:01,GOOG,543.01\n"
        no_time = ("", "x", "1e3", "-1", "24:00:00", "10:60:00", "10:00:60", "2024-02-30T10:00:00", "2024-05-03", "٣")
        cases = [
            *((f"{time},MSFT,1", f"line 4: {time!a} is no time") for time in no_time),
            ("10:00:00.999,MSFT,1", "line 4: '10:00:00.999' is before the time above"),
            ("36002,MSFT,1", "line 4: '36002' is a number of seconds, the first time was a time of day"),
            (
                "2024-05-03T10:00:02,MSFT,1",
                "line 4: '2024-05-03T10:00:02' is a date-time without zone, the first time was a time of day",
            ),
            ("10:00:02,AAPL,1", "line 4: 'AAPL' is not listed (--stocks says which stocks are)"),
            ("10:00:02,,1", "line 4: '' is not listed (--stocks says which stocks are)"),
            ("10:00:02,MSFT,0", "line 4: 0 is no price above 0"),
            ("10:00:02,MSFT,x", "line 4: 'x' is no price"),
            ("10:00:02,MSFT", "line 4: 2 columns instead of 3, which are in the header"),
        ]
        for row, reason in cases:
            self.assertEqual(self.refusal(f"{head}{row}\n"), f"day.csv, {reason}.")

    def test_zones_are_not_mixed(self) -> None:
        """How far a time with zone is from one without, nobody knows."""
        self.assertIn("line 2", self.refusal("2024-05-03T10:00:00Z,MSFT,1\n2024-05-03T10:00:01,MSFT,1\n"))

    def test_nothing(self) -> None:
        """A recording has trades, and a file."""
        for content in ("", "time,symbol,price\n"):
            self.assertEqual(self.refusal(content), "day.csv: there are no trades in it.")
        error = self.assertRaises(FileError, Recording.read, "/nowhere.csv", LISTED)
        self.assertEqual(str(error), "/nowhere.csv: cannot be read: No such file or directory.")

    def test_how_many(self) -> None:
        """What has too many trades is refused before it fills the memory."""
        self.patch(recording, "_MAX_TRADES", 3)
        rows = [f"{second},MSFT,1\n" for second in range(4)]
        self.assertEqual(len(self.read("".join(rows[:3]))), 3)
        self.assertEqual(self.refusal("".join(rows)), "day.csv, line 4: more than 3 trades.")

    @settings(max_examples=25)
    @given(
        st.lists(
            st.tuples(
                st.integers(0, 10**15),
                st.sampled_from(LISTED),
                st.integers(1, int(HIGHEST_PRICE * 100)).map(lambda cents: Decimal(cents).scaleb(-2)),
            ),
            min_size=1,
        )
    )
    def test_what_is_written_is_read(self, trades: list[tuple[int, str, Decimal]]) -> None:
        """To the cent and the microsecond."""
        trades.sort(key=lambda trade: trade[0])
        rows = "".join(f"{time // 10**6}.{time % 10**6:06},{symbol},{price}\n" for time, symbol, price in trades)
        first = trades[0][0]
        expected = [((time - first) / 1e6, symbol, str(price)) for time, symbol, price in trades]
        self.assertEqual(self.read(rows), expected)
