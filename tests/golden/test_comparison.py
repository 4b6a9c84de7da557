"""The normal form takes out what is chance, and nothing else."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.golden.comparison import Answer, Event, join_envelopes, messages_of, neutral, split_stream

__all__ = ["ComparisonTests"]


def _neutral(text: str) -> str:
    return neutral(text, user=lambda token: token.upper(), groups=lambda token: token.split("+"))


class ComparisonTests(SynchronousTestCase):
    """Rules of comparison."""

    def test_opaque_texts(self) -> None:
        """Cursors, tokens and ids are replaced by what they say; nothing else is."""
        self.assertEqual(
            _neutral('{"C":"d-1,2","S":1,"G":"a+b","M":["C",{"C":"x"}]}'),
            '{"C":"<cursor>","S":1,"G":"<groups ["a", "b"]>","M":["C",{"C":"x"}]}',
        )
        self.assertEqual(
            _neutral('{"ConnectionToken":"t:al","ConnectionId":"0caf6eac-981b-4756-80bf-d01f0b65e627","X":20.0}'),
            """{"ConnectionToken":"<token of 'T:AL'>","ConnectionId":"<id>","X":20.0}""",
        )

    def test_an_id_that_is_no_guid(self) -> None:
        """A connection id has to be one, in lower case."""
        self.assertIn("0CAF", _neutral('{"ConnectionId":"0CAF6EAC-981b-4756-80bf-d01f0b65e627"}'))

    def test_joining(self) -> None:
        """Only neighbours are joined that have a cursor and messages and nothing else."""
        first, second = '{"C":"<cursor>","M":[1,2]}', '{"C":"<cursor>","M":[{"M":[]}]}'
        self.assertEqual(join_envelopes([first, second]), ['{"C":"<cursor>","M":[1,2,{"M":[]}]}'])
        for other in ('{"C":"<cursor>","M":[]}', '{"C":"<cursor>","S":1,"M":[]}', "{}", '{"I":"0"}'):
            self.assertEqual(join_envelopes([first, other, second]), [first, other, second])

    def test_joining_keeps_wrappings_apart(self) -> None:
        """What is wrapped differently is not joined."""
        pieces = ['data: {"C":"<cursor>","M":[1]}\n\n', 'data: {"C":"<cursor>","M":[2]}\n']
        self.assertEqual(join_envelopes(pieces), pieces)

    def test_splitting(self) -> None:
        """A body falls into its events, scripts, or blanks and answer; put together, they are the body."""
        bodies = {
            "serverSentEvents": ["data: initialized\n\n", 'data: {"C":"x","M":[]}\n\n', "data: {}\n\n"],
            "foreverFrame": [
                "<!DOCTYPE html><script>\r\nvar r;\r\n</script>\r\n",
                '<script>r(c, {"C":"x","M":[]});</script>\r\n',
                "<script>r(c, {});</script>\n\n",
            ],
            "longPolling": [" ", " ", '{"C":"x","M":[" "]}'],
        }
        for transport, items in bodies.items():
            self.assertEqual(split_stream(transport, "".join(items)), items)
            self.assertEqual([messages_of(item) is not None for item in items].count(True), 1)

    def test_answers(self) -> None:
        """Of a 500 only the status counts; else the status, SignalR's headers and phrases, and the body do."""
        headers = [("Server", "Nowin"), ("Content-Type", "text/plain"), ("X-Content-Type-Options", "nosniff")]
        self.assertEqual(Answer.of(500, "", headers, "oops"), Answer(500))
        self.assertEqual(
            Answer.of(200, "OK", headers, "x"),
            Answer(200, "", {"content-type": "text/plain", "x-content-type-options": "nosniff"}, "x"),
        )
        self.assertEqual(
            Answer.of(403, "Forbidden: JSONP is disabled.", [], "").reason, "Forbidden: JSONP is disabled."
        )

    def test_events(self) -> None:
        """Events are equal that are of the same kind, and happen at about the same time."""
        self.assertEqual(Event(1000, "e", True), Event(1199, "e", True))
        self.assertNotEqual(Event(1000, "e", True), Event(1200, "e", True))
        self.assertNotEqual(Event(1000, "e", True), Event(1000, "e", False))
