"""Tests for `twisted_ticker.web.validators`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.web.validators import NOT_MODIFIED, PRECONDITION_FAILED, Validators

#: Sun, 06 Nov 1994 08:49:37 GMT
THEN = 784111777
DATE, BEFORE, AFTER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in (37, 36, 38))

OLD = Validators.of(10, THEN * 10**9 + 500_000_000, now=THEN + 60)
FRESH = Validators.of(10, THEN * 10**9 + 500_000_000, now=THEN + 1.5)
TAG = OLD.etag


class ValidatorsTests(SynchronousTestCase):
    """Tests for `Validators`."""

    def outcome(self, validators: Validators = OLD, **headers: str) -> int | None:
        """What conditions lead to; underscores in names are hyphens."""
        return validators.outcome({name.replace("_", "-"): value for name, value in headers.items()}.get)

    def has_this(self, if_range: str | None, validators: Validators = OLD) -> bool:
        """Whether a client with these pieces may have more of them."""
        return validators.has_this({"If-Range": if_range}.get)

    def test_tags(self) -> None:
        """Another time or size is another tag, to the nanosecond; it is weak while the file may still be changing."""
        self.assertRegex(TAG, r'^"[0-9a-f]+-a"$')
        self.assertEqual(FRESH.etag, f"W/{TAG}")
        self.assertEqual(Validators.of(10, THEN * 10**9 + 500_000_000, now=THEN + 99).etag, TAG)
        others = {Validators.of(size, THEN * 10**9 + more, now=THEN + 60).etag for size in (10, 11) for more in (0, 1)}
        self.assertEqual(len(others | {TAG}), 5)
        self.assertTrue(Validators.of(1, THEN * 10**9, now=0).etag.startswith("W/"))

    def test_dates(self) -> None:
        """They are whole seconds of the past: a file that comes from the future was changed just now."""
        self.assertEqual((OLD.last_modified, OLD.date), (THEN, DATE.encode()))
        self.assertEqual(Validators.of(1, (THEN + 1000) * 10**9, now=THEN + 0.5).last_modified, THEN)

    def test_no_conditions(self) -> None:
        """The file is sent."""
        self.assertIsNone(self.outcome())

    def test_if_none_match(self) -> None:
        """A copy that is known need not be sent; weak or strong is all the same, and the date does not count then."""
        for tags, outcome in (
            (TAG, NOT_MODIFIED),
            (f"W/{TAG}", NOT_MODIFIED),
            (f'"x", {TAG}', NOT_MODIFIED),
            (f'"x",{TAG},"y"', NOT_MODIFIED),
            ("*", NOT_MODIFIED),
            (" * ", NOT_MODIFIED),
            ('"x"', None),
            ("", None),
            (TAG.strip('"'), None),
            (f"w/{TAG[:-1]}", None),
            (f'"x{TAG[1:]}', None),
            ('"*"', None),
        ):
            self.assertEqual(self.outcome(If_None_Match=tags), outcome, tags)
            self.assertEqual(self.outcome(FRESH, If_None_Match=tags), outcome, tags)
        self.assertIsNone(self.outcome(If_None_Match='"x"', If_Modified_Since=DATE))
        self.assertEqual(self.outcome(If_None_Match=TAG, If_Modified_Since=BEFORE), NOT_MODIFIED)

    def test_if_modified_since(self) -> None:
        """A copy of the same second or later will do; what is no date is not heeded."""
        for date, outcome in (
            (DATE, NOT_MODIFIED),
            (AFTER, NOT_MODIFIED),
            (BEFORE, None),
            ("Sunday, 06-Nov-94 08:49:37 GMT", NOT_MODIFIED),
            ("Sun Nov  6 08:49:37 1994", NOT_MODIFIED),
            ("", None),
            ("yesterday", None),
            ("Sun, 06 Nov 199999999 08:49:37 GMT", NOT_MODIFIED),
            (f"Sun, 06 Nov {'9' * 5000} 08:49:37 GMT", None),
            ("Sun, 06 Nov\xa01994 08:49:37 GMT", None),
            ("-1", None),
        ):
            self.assertEqual(self.outcome(If_Modified_Since=date), outcome, date)

    def test_if_match(self) -> None:
        """Who wants this version only is told that it is gone; a weak tag promises nothing."""
        for tags, outcome in (
            (TAG, None),
            (f'"x", {TAG}', None),
            ("*", None),
            ('"x"', PRECONDITION_FAILED),
            (f"W/{TAG}", PRECONDITION_FAILED),
            ("", PRECONDITION_FAILED),
        ):
            self.assertEqual(self.outcome(If_Match=tags), outcome, tags)
        self.assertEqual(self.outcome(FRESH, If_Match=FRESH.etag), PRECONDITION_FAILED)
        for date, outcome in ((DATE, None), (AFTER, None), ("nonsense", None), (BEFORE, PRECONDITION_FAILED)):
            self.assertEqual(self.outcome(If_Unmodified_Since=date), outcome, date)
        self.assertIsNone(self.outcome(If_Match=TAG, If_Unmodified_Since=BEFORE))
        self.assertEqual(self.outcome(If_Match=TAG, If_None_Match=TAG), NOT_MODIFIED)

    def test_if_range(self) -> None:
        """Pieces of one version only are put together; of one that may be changing, none are."""
        for told, is_this in (
            (None, True),
            (TAG, True),
            (DATE, True),
            (AFTER, False),
            (BEFORE, False),
            ('"x"', False),
            (f"W/{TAG}", False),
            (f"{TAG}, {TAG}", False),
            ("*", False),
            ("", False),
        ):
            self.assertEqual(self.has_this(told), is_this, told)
        for told in (FRESH.etag, TAG, DATE):
            self.assertFalse(self.has_this(told, FRESH), told)

    @given(st.text(st.characters(codec="latin-1")))
    def test_any_text(self, text: str) -> None:
        """Nothing that is written there is an error."""
        for name in ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"):
            OLD.outcome({name: text}.get)
        self.has_this(text)
