"""Tests for `twisted_ticker.signalr.client.frames`; texts are as recorded from the reference."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_ticker.signalr.client.addresses import Position
from twisted_ticker.signalr.client.errors import ClientError, HubInvocationError, ProtocolViolation
from twisted_ticker.signalr.client.frames import (
    ClientCall,
    Delivery,
    Dismissal,
    KeepAlive,
    Progress,
    Result,
    encode_invocation,
    is_started,
    parse_frame,
    parse_message,
    parse_result,
)

FRAMES: list[tuple[str, Any]] = [
    ("{}", KeepAlive()),
    (' \r\n {"X":1} ', KeepAlive()),
    ('{"C":"d-1A2B-A,0|B,0","S":1,"M":[]}', Delivery(Position("d-1A2B-A,0|B,0"), initialized=True)),
    ('{"C":"c","S":0,"M":[]}', Delivery(Position("c"), initialized=True)),
    ('{"C":"c","T":1,"M":[]}', Delivery(Position("c"), reconnect=True)),
    ('{"C":"c","G":"g","M":[1,"a",null,{"I":"x"}]}', Delivery(Position("c", "g"), (1, "a", None, {"I": "x"}))),
    ('{"C":"c","L":1500,"M":[]}', Delivery(Position("c"), delay_seconds=1.5)),
    ('{"M":[]}', Delivery()),
    ('{"C":"c"}', Delivery(Position("c"))),
    ('{"E":"Go away."}', Dismissal("Go away.")),
    ('{"D":1}', Dismissal()),
    ('{"R":3,"I":"0"}', Result("0", 3)),
    ('{"I":null}', Result(None)),
    ('{"I":7}', Result("7")),
    ('{"S":{"Company":"acme"},"R":"acme","I":"7"}', Result("7", "acme", state={"Company": "acme"})),
]

NO_FRAMES = [
    "",
    " ",
    "null",
    "[]",
    '"x"',
    "1",
    '{"C":"c"',
    '{"C":"c"}{}',
    '{"C":1,"M":[]}',
    '{"G":[],"M":[]}',
    '{"C":"c","M":{}}',
    '{"C":"c","M":null}',
    '{"C":"c","M":[],"L":"1"}',
    '{"C":"\\ud800"}',
    "[" * 100_000,
]

MESSAGES: list[tuple[Any, Any]] = [
    ({"H": "Chat", "M": "line", "A": ["ann", 1]}, ClientCall("Chat", "line", ("ann", 1))),
    ({"H": "Chat", "M": "line"}, ClientCall("Chat", "line")),
    ({"H": "Chat", "M": "line", "A": [], "S": {"i": 1}}, ClientCall("Chat", "line", (), {"i": 1})),
    ({"I": "P|6", "P": {"I": "6", "D": 1}}, Progress("6", 1)),
    ({"I": "P|6", "P": {"I": 6}, "S": {"i": 1}}, Progress("6", None, {"i": 1})),
]

NO_MESSAGES: list[Any] = [
    None,
    1,
    "x",
    [],
    {},
    {"H": "Chat"},
    {"H": 1, "M": "x"},
    {"H": "C", "M": "x", "A": {}},
    {"P": 1},
]


class FrameTests(SynchronousTestCase):
    """What arrives on a channel."""

    def test_frames(self) -> None:
        """All that servers send is understood."""
        for text, frame in FRAMES:
            self.assertEqual(parse_frame(text), frame, text)
            self.assertEqual(parse_frame(text.encode()), frame, text)

    def test_anything_else_is_a_violation(self) -> None:
        """What no server sends is one kind of error."""
        for text in NO_FRAMES:
            self.assertRaises(ProtocolViolation, parse_frame, text)
        self.assertRaises(ProtocolViolation, parse_frame, b'{"C":"\xff"}')

    def test_errors(self) -> None:
        """A method's failure is ready to be raised; only a hub's own exception has data."""
        for text, is_hub_exception, data in (
            ('{"I":"7","E":"No."}', False, None),
            ('{"I":"7","H":true,"E":"No.","D":{"a":1}}', True, {"a": 1}),
            ('{"I":"7","H":true,"E":"No."}', True, None),
        ):
            result = parse_frame(text)
            assert isinstance(result, Result)
            error = result.error
            assert isinstance(error, HubInvocationError)
            self.assertEqual((error.text, error.is_hub_exception, error.data), ("No.", is_hub_exception, data))

    def test_positions_advance(self) -> None:
        """A new cursor or token replaces the old one; what is not said stays; an empty token says "no groups"."""
        position = Position("c", "g")
        for text, after in (
            ('{"C":"d","M":[]}', Position("d", "g")),
            ('{"M":[]}', position),
            ('{"C":"","M":[]}', position),
            ('{"C":"d","G":"h","M":[]}', Position("d", "h")),
            ('{"C":"d","G":"","M":[]}', Position("d", "")),
        ):
            delivery = parse_frame(text)
            assert isinstance(delivery, Delivery)
            self.assertEqual(delivery.after(position), after, text)

    def test_answers_to_send(self) -> None:
        """They are results and nothing else."""
        self.assertEqual(parse_result(b'{"R":false,"I":"1"}'), Result("1", False))
        for body in (b"", b"{}", b'{"C":"c","M":[]}', b"x"):
            self.assertRaises(ProtocolViolation, parse_result, body)

    def test_answers_to_start(self) -> None:
        """As the reference writes them, or anybody else."""
        self.assertTrue(is_started(b'{ "Response": "started" }'))
        self.assertTrue(is_started(b'{"Response":"Started"}'))
        for body in (b"", b"{}", b'{ "Response": "pong" }', b'"started"', b"<html>", b"[" * 100_000):
            self.assertFalse(is_started(body), body)


class MessageTests(SynchronousTestCase):
    """Messages of hubs."""

    def test_messages(self) -> None:
        """Calls of the client, and reports of progress."""
        for message, parsed in MESSAGES:
            self.assertEqual(parse_message(message), parsed, message)

    def test_anything_else_is_a_violation(self) -> None:
        """A hub sends nothing else."""
        for message in NO_MESSAGES:
            self.assertRaises(ProtocolViolation, parse_message, message)


class EncodeInvocationTests(SynchronousTestCase):
    """Calls of hub methods."""

    def test_calls(self) -> None:
        """Their exact text; empty state is left out."""
        self.assertEqual(
            encode_invocation("chat", "say", ("lobby", {"é": None}), "4", {}),
            '{"H":"chat","M":"say","A":["lobby",{"é":null}],"I":"4"}',
        )
        self.assertEqual(
            encode_invocation("chat", "say", (), "4", {"a": 1}), '{"H":"chat","M":"say","A":[],"I":"4","S":{"a":1}}'
        )

    def test_state_has_a_longest_length(self) -> None:
        """4096 characters of JSON are sent, 4097 are not."""
        encode_invocation("chat", "say", (), "4", {"a": "é" * 4088})
        self.assertRaises(ClientError, encode_invocation, "chat", "say", (), "4", {"a": "é" * 4089})
