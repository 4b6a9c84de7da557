"""Tests for `twisted_ticker.signalr.protocol.messages`; texts are as recorded from the reference."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.errors import MalformedInvocation
from twisted_ticker.signalr.protocol.messages import (
    KEEP_ALIVE,
    MAX_STATE_LENGTH,
    Envelope,
    encode_client_call,
    encode_error,
    encode_progress,
    encode_result,
    parse_invocation,
)


def arguments_of(text: str) -> list[bytes]:
    """The JSON of each argument of a call."""
    return [bytes(argument) for argument in parse_invocation(text).arguments]


def with_member(member: str) -> str:
    """A call with one more member."""
    return f'{{"H":"chat","M":"say",{member}}}'


# The id as the client sends it (JSON), and as it is echoed.
IDS = [
    ("0", "0"),
    ("7", "7"),
    (" 7 ", "7"),
    ("1.0", "1.0"),
    ("1e5", "1e5"),
    ("-1", "-1"),
    ("12345678901234567890123", "12345678901234567890123"),
    ('"abc"', "abc"),
    ('"4"', "4"),
    ('""', ""),
    ('"\\u00e9\\"\\ud83d\\ude00"', 'é"😀'),
    ("null", None),
]

NO_INVOCATIONS = [
    "",
    " ",
    "garbage",
    "[]",
    "1",
    "null",
    '"text"',
    "{}",
    '{"H":"chat"}',
    '{"M":"say"}',
    '{"H":null,"M":"say"}',
    '{"H":"chat","M":null}',
    '{"H":{},"M":"say"}',
    '{"H":"chat","M":["say"]}',
    '{"H":"chat","M":"say"',
    '{"H":"chat","M":"say"} {}',
    with_member('"A":{}'),
    with_member('"A":5'),
    with_member('"A":"x"'),
    with_member('"A":[1'),
    with_member('"S":[]'),
    with_member('"S":"x"'),
    with_member('"I":{}'),
    with_member('"I":[]'),
    with_member('"I":"\\ud800"'),
    with_member('"I":"\ud800"'),
]


class ParseInvocationTests(SynchronousTestCase):
    """Calls from clients."""

    def test_call_is_read_as_a_client_writes_it(self) -> None:
        """Hub, method, arguments, id and state come out as they were sent."""
        invocation = parse_invocation('{"H":"oracle","M":"SetState","A":["acme"],"I":7,"S":{"Company":"old","x":1}}')
        self.assertEqual((invocation.hub, invocation.method, invocation.id), ("oracle", "SetState", "7"))
        self.assertEqual([bytes(argument) for argument in invocation.arguments], [b'"acme"'])
        self.assertEqual(invocation.state, {"Company": "old", "x": 1})

    def test_optional_members_may_be_missing(self) -> None:
        """A call of nothing but hub and method has no arguments, no id and no state."""
        invocation = parse_invocation('{"H":"chat","M":"say"}')
        self.assertEqual(invocation.arguments, ())
        self.assertIsNone(invocation.id)
        self.assertIsNone(invocation.state)

    def test_members_are_matched_in_any_letter_case(self) -> None:
        """Clients that write small letters are understood, too."""
        text = '{"h":"Chat","m":"SAY","a":[1],"i":3,"s":{"Name":"ann"}}'
        invocation = parse_invocation(text)
        self.assertEqual((invocation.hub, invocation.method, invocation.id), ("Chat", "SAY", "3"))
        self.assertEqual(arguments_of(text), [b"1"])
        self.assertEqual(invocation.state, {"Name": "ann"})

    def test_unknown_members_are_ignored(self) -> None:
        """Members that later clients may add do no harm."""
        self.assertEqual(parse_invocation(with_member('"X":{"H":"other"},"I":1')).hub, "chat")

    def test_id_becomes_text(self) -> None:
        """Numbers are echoed as they were written, as strings."""
        for sent, echoed in IDS:
            self.assertEqual(parse_invocation(with_member(f'"I":{sent}')).id, echoed, sent)

    def test_numbers_can_name_hubs_and_methods(self) -> None:
        """A number is used as text, as the reference does."""
        invocation = parse_invocation('{"H":1,"M":2.50}')
        self.assertEqual((invocation.hub, invocation.method), ("1", "2.50"))

    def test_arguments_are_kept_as_json(self) -> None:
        """Each argument waits, undecoded, for the type that the method declares."""
        self.assertEqual(
            arguments_of(with_member('"A":[1, 1.50 ,"a\\u00e9",null,{"x":[1, 2]}]')),
            [b"1", b"1.50", b'"a\\u00e9"', b"null", b'{"x":[1, 2]}'],
        )

    def test_arguments_may_be_null_or_none(self) -> None:
        """Null stands for no arguments."""
        self.assertEqual(arguments_of(with_member('"A":null')), [])
        self.assertEqual(arguments_of(with_member('"A":[]')), [])

    def test_state_may_be_null_or_empty(self) -> None:
        """Null is no state; an empty one is one."""
        self.assertIsNone(parse_invocation(with_member('"S":null')).state)
        self.assertEqual(parse_invocation(with_member('"S":{}')).state, {})

    def test_anything_else_is_refused(self) -> None:
        """What is no call is the client's error, and never another exception."""
        for text in NO_INVOCATIONS:
            self.assertRaises(MalformedInvocation, parse_invocation, text)

    def test_state_has_a_longest_length(self) -> None:
        """4096 characters of JSON are accepted, 4097 are not; characters, not bytes."""
        for letter in ("x", "é", "€"):
            longest = '{"a":"' + letter * (MAX_STATE_LENGTH - len('{"a":""}')) + '"}'
            self.assertEqual(len(longest), 4096)
            self.assertIsNotNone(parse_invocation(with_member(f'"S":{longest}')).state)
            too_long = longest.replace("a", "ab", 1)
            error = self.assertRaises(MalformedInvocation, parse_invocation, with_member(f'"S":{too_long}'))
            self.assertIn("State has exceeded the maximum length of 4096 bytes.", str(error))

    def test_deep_nesting_is_refused(self) -> None:
        """A text that nests deeper than the interpreter can follow is no call, wherever it nests."""
        nest = "[" * 100_000 + "]" * 100_000
        for member in (f'"A":[{nest}]', f'"I":{nest}', f'"X":{nest}', '"S":{"a":' + "[" * 2000 + "]" * 2000 + "}"):
            self.assertRaises(MalformedInvocation, parse_invocation, with_member(member))

    @settings(deadline=None)
    @given(st.text())
    def test_no_text_raises_anything_else(self, text: str) -> None:
        """Whatever is sent is either a call or malformed."""
        self.assertRaises(MalformedInvocation, parse_invocation, text)


class ResultTests(SynchronousTestCase):
    """Answers to calls."""

    def test_results_are_the_references(self) -> None:
        """State comes first, a missing result leaves no trace, and an id that was not sent is null."""
        cases = [
            (encode_result("0", result=b"3"), '{"R":3,"I":"0"}'),
            (encode_result("1"), '{"I":"1"}'),
            (encode_result("3", result=b'"ret"'), '{"R":"ret","I":"3"}'),
            (
                encode_result("7", result=b'"acme"', state=b'{"Company":"acme"}'),
                '{"S":{"Company":"acme"},"R":"acme","I":"7"}',
            ),
            (encode_result("0", state=b'{"index":10}'), '{"S":{"index":10},"I":"0"}'),
            (encode_result(None), '{"I":null}'),
            (encode_result("1.0", result=b"false"), '{"R":false,"I":"1.0"}'),
            (encode_result("1", result=b"0"), '{"R":0,"I":"1"}'),
            (encode_result("1", result=b'""'), '{"R":"","I":"1"}'),
            (encode_result('"é', result=b"[]"), '{"R":[],"I":"\\"\\u00e9"}'),
        ]
        for encoded, text in cases:
            self.assertEqual(encoded.decode(), text)

    def test_errors_are_the_references(self) -> None:
        """Order is state, id, hub's own, text, data."""
        generic = "There was an error invoking Hub method 'oracle.Throw'."
        cases = [
            (encode_error("4", generic), '{"I":"4","E":"There was an error invoking Hub method \'oracle.Throw\'."}'),
            (
                encode_error("5", "hub boom data", from_hub=True, data=b'{"Code":42,"text":"x"}'),
                '{"I":"5","H":true,"E":"hub boom data","D":{"Code":42,"text":"x"}}',
            ),
            (encode_error("6", "no", from_hub=True), '{"I":"6","H":true,"E":"no"}'),
            (encode_error("6", "no", from_hub=True, data=b"null"), '{"I":"6","H":true,"E":"no","D":null}'),
            (encode_error("7", "no", state=b'{"a":1}'), '{"S":{"a":1},"I":"7","E":"no"}'),
            (encode_error(None, ""), '{"I":null,"E":""}'),
            (encode_error("8", 'a "b"\n\u2028\ud800'), '{"I":"8","E":"a \\"b\\"\\n\\u2028\\ud800"}'),
        ]
        for encoded, text in cases:
            self.assertEqual(encoded.decode(), text)


class ProgressTests(SynchronousTestCase):
    """Reports of calls that go on."""

    def test_reports_are_the_references(self) -> None:
        """State comes first; the id is there twice, once marked."""
        cases = [
            (encode_progress("6", b"1"), '{"I":"P|6","P":{"I":"6","D":1}}'),
            (encode_progress("6", b"null", b'{"a":1}'), '{"S":{"a":1},"I":"P|6","P":{"I":"6","D":null}}'),
            (encode_progress('"', b"[]"), '{"I":"P|\\"","P":{"I":"\\"","D":[]}}'),
            (encode_progress(None, b"1"), '{"I":"P|","P":{"I":null,"D":1}}'),
        ]
        for encoded, text in cases:
            self.assertEqual(encoded.decode(), text)


class ClientCallTests(SynchronousTestCase):
    """Calls to clients."""

    def test_calls_are_the_references(self) -> None:
        """Arguments are always a list, and state comes last."""
        cases = [
            (encode_client_call("oracle", "msg", b'["before"]'), '{"H":"oracle","M":"msg","A":["before"]}'),
            (encode_client_call("stockTicker", "marketReset", b"[]"), '{"H":"stockTicker","M":"marketReset","A":[]}'),
            (
                encode_client_call("demo", "invoke", b"[0]", b'{"index":1}'),
                '{"H":"demo","M":"invoke","A":[0],"S":{"index":1}}',
            ),
            (encode_client_call('h"é', "m\u2028", b"[]"), '{"H":"h\\"\\u00e9","M":"m\\u2028","A":[]}'),
        ]
        for encoded, text in cases:
            self.assertEqual(encoded.decode(), text)


class EnvelopeTests(SynchronousTestCase):
    """What travels on every receive channel."""

    def test_envelope_has_cursor_and_messages_at_least(self) -> None:
        """Both are there without any message, too."""
        self.assertEqual(Envelope("e-1f", 31).json(), b'{"C":"e-1f","M":[]}')

    def test_messages_are_written_as_they_were_encoded(self) -> None:
        """Nothing comes between them but commas."""
        envelope = Envelope("e-2", 2, (b'{"a":1}', b'"\xc3\xa9"', b"3"))
        self.assertEqual(envelope.json(), b'{"C":"e-2","M":[{"a":1},"\xc3\xa9",3]}')

    def test_optional_members_stand_between_cursor_and_messages(self) -> None:
        """Each is written when it says something, in the reference's order, and is else left out."""
        cases = [
            (Envelope("c", 1, initialized=True).json(), '{"C":"c","S":1,"M":[]}'),
            (Envelope("c", 1, groups_token="g-_").json(), '{"C":"c","G":"g-_","M":[]}'),
            (Envelope("c", 1).json(long_poll_delay_ms=1500), '{"C":"c","L":1500,"M":[]}'),
            (Envelope("c", 1).json(long_poll_delay_ms=0), '{"C":"c","M":[]}'),
            (
                Envelope("c", 1, (b"1",), initialized=True, groups_token="g").json(long_poll_delay_ms=2),
                '{"C":"c","S":1,"G":"g","L":2,"M":[1]}',
            ),
        ]
        for encoded, text in cases:
            self.assertEqual(encoded.decode(), text)

    def test_groups_token_makes_another_envelope(self) -> None:
        """The envelope that others share stays as it was."""
        shared = Envelope("c", 5, (b"1",), initialized=True)
        own = shared.with_groups_token("g")
        self.assertEqual(own.json(), b'{"C":"c","S":1,"G":"g","M":[1]}')
        self.assertEqual((own.cursor, own.sequence), ("c", 5))
        self.assertEqual(shared.json(), b'{"C":"c","S":1,"M":[1]}')

    def test_each_framing_is_made_once(self) -> None:
        """Everybody with the same framing is given the very same bytes."""
        calls = []

        def plain(envelope: Envelope) -> bytes:
            calls.append("plain")
            return envelope.json()

        def doubled(envelope: Envelope) -> bytes:
            calls.append("doubled")
            return envelope.json() * 2

        envelope = Envelope("c", 1)
        first = envelope.framed[plain]
        self.assertEqual(first, b'{"C":"c","M":[]}')
        self.assertIs(envelope.framed[plain], first)
        self.assertEqual(envelope.framed[doubled], first * 2)
        self.assertIs(envelope.framed[plain], first)
        self.assertEqual(calls, ["plain", "doubled"])

    def test_frames_are_not_shared_between_envelopes(self) -> None:
        """An envelope made from another one is framed anew."""
        shared = Envelope("c", 1)
        shared.framed[Envelope.json]
        dressed = shared.with_groups_token("g")
        self.assertEqual(dressed.framed[Envelope.json], b'{"C":"c","G":"g","M":[]}')

    def test_keep_alive_is_an_empty_object(self) -> None:
        """It is what clients take for a sign of life, and no envelope."""
        self.assertEqual(KEEP_ALIVE, b"{}")
