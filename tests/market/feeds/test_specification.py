"""Tests for `twisted_ticker.market.feeds.specification`."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.market.feeds.specification import HttpSpec, RandomSpec, ReplaySpec, parse_feed


class ParseFeedTests(SynchronousTestCase):
    """Tests for `parse_feed`."""

    def refusal(self, text: str) -> str:
        """Why a specification is refused."""
        return str(self.assertRaises(ValueError, parse_feed, text))

    def test_random(self) -> None:
        """With a seed or without; a seed may be anything."""
        self.assertEqual(parse_feed("random"), RandomSpec())
        self.assertEqual(parse_feed("random:7"), RandomSpec("7"))
        self.assertEqual(parse_feed("random:a:b"), RandomSpec("a:b"))

    def test_replay(self) -> None:
        """A file, whose name may have colons, and perhaps a speed."""
        cases = [
            ("replay:day.csv", ReplaySpec("day.csv")),
            ("replay:day.csv:2", ReplaySpec("day.csv", 2.0)),
            ("replay:day.csv:0.5", ReplaySpec("day.csv", 0.5)),
            ("replay:day.csv:1e3", ReplaySpec("day.csv", 1000.0)),
            ("replay:/a:b/day:one.csv", ReplaySpec("/a:b/day:one.csv")),
            ("replay:/a:b/day:one.csv:10", ReplaySpec("/a:b/day:one.csv", 10.0)),
            ("replay:day.csv:", ReplaySpec("day.csv:")),
            ("replay:2", ReplaySpec("2")),
        ]
        for text, spec in cases:
            self.assertEqual(parse_feed(text), spec)

    def test_bad_speeds(self) -> None:
        """A speed is a number above 0, and not so high that the server does nothing else."""
        for speed in ("0", "-1", "1001", "inf", "-inf", "nan", "1e9"):
            text = self.refusal(f"replay:day.csv:{speed}")
            self.assertEqual(text, f"SPEED must be above 0 and at most 1000, not {speed}")

    def test_http(self) -> None:
        """A URL, with http: before it or not."""
        cases = [
            ("http://host/quotes.json", HttpSpec("http://host/quotes.json")),
            ("https://host/quotes.json", HttpSpec("https://host/quotes.json")),
            ("http:http://host/quotes.json", HttpSpec("http://host/quotes.json")),
            ("http:https://host", HttpSpec("https://host")),
            ("https://host:8443/a:b?c=d&e=#", HttpSpec("https://host:8443/a:b?c=d&e=")),
            ("http://[::1]:80/", HttpSpec("http://[::1]:80/")),
            ("http://host/#every=0.5", HttpSpec("http://host/", 0.5)),
            ("http://host/#timeout=2", HttpSpec("http://host/", 1.0, 2.0)),
            ("http:https://host/?a#timeout=2&every=60", HttpSpec("https://host/?a", 60.0, 2.0)),
        ]
        for text, spec in cases:
            self.assertEqual(parse_feed(text), spec)

    def test_bad_urls(self) -> None:
        """A URL is absolute, in ASCII, and has no password."""
        for url in (
            "http:host/quotes.json",
            "https:host",
            "http:///quotes.json",
            "http:ftp://host/",
            "http://user@host/",
            "http://user:password@host/",
            "http://host:port/",
            "http://host:0/",
            "http://host:65536/",
            "http://[::1/",
            "http://host/a b",
            "http://host/\r\nX: y",
            "http://hôst/",
        ):
            self.assertIn("the URL must begin with http:// or https://", self.refusal(url))

    def test_bad_settings(self) -> None:
        """Behind # there are known settings, once each, in bounds."""
        for settings in ("x=", "slow=1", "every=1&slow=1", "every=1&every=2", "&", "=", "x"):
            self.assertIn(
                "after # there may be every=SECONDS and timeout=SECONDS", self.refusal(f"http://h/#{settings}")
            )
        for value in ("0", "-1", "0.049", "3601", "inf", "nan", "x", ""):
            for name in ("every", "timeout"):
                text = self.refusal(f"http://h/#{name}={value}")
                self.assertEqual(text, f"{name} must be from 0.05 to 3600 seconds, not {value!r}")

    def test_others(self) -> None:
        """Anything else is refused with what there is."""
        for text in (
            "",
            "x",
            "random:",
            "randomly",
            "Random",
            "replay",
            "replay:",
            "http",
            "http:",
            "https:",
            ":",
            "file:x",
        ):
            refusal = self.refusal(text)
            for form in ("random[:SEED]", "replay:FILE[:SPEED]", "http:URL", repr(text)):
                self.assertIn(form, refusal)

    def test_name(self) -> None:
        """What logs say of a URL tells no key that its query may have."""
        spec = parse_feed("https://host/quotes?key=secret#every=2")
        assert isinstance(spec, HttpSpec)
        self.assertEqual(spec.name, "https://host/quotes")
