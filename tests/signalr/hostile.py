"""JSON that nobody honest sends: what is in it, and a hub that takes all kinds of arguments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from enum import Enum, Flag
from typing import Any
from uuid import UUID

from twisted_ticker.signalr import Hub, hub_method

__all__ = ["METHODS", "SIZE", "HostileHub", "hostile_arguments", "hostile_calls", "hostile_texts"]

#: Of the long ones, in characters: the longest body that is taken.
SIZE = 1024 * 1024 - 1024


class Side(Enum):
    """An enumeration."""

    BUY = 1
    SELL = 2


class Rights(Flag):
    """Flags."""

    READ = 1
    WRITE = 2


@dataclass
class Order:
    """An object."""

    symbol: str
    price: Decimal | None = None
    side: Side = Side.BUY
    parts: list[Order] | None = None


class HostileHub(Hub):
    """Takes arguments of all kinds, and says nothing about them."""

    hub_name = "probe"

    @hub_method
    def untyped(self, value: Any) -> None: ...

    @hub_method
    def whole(self, value: int) -> None: ...

    @hub_method
    def fraction(self, value: float) -> None: ...

    @hub_method
    def exact(self, value: Decimal) -> None: ...

    @hub_method
    def truth(self, value: bool) -> None: ...

    @hub_method
    def text(self, value: str) -> None: ...

    @hub_method
    def binary(self, value: bytes) -> None: ...

    @hub_method
    def moment(self, value: datetime) -> None: ...

    @hub_method
    def clock(self, value: time) -> None: ...

    @hub_method
    def span(self, value: timedelta) -> None: ...

    @hub_method
    def identity(self, value: UUID) -> None: ...

    @hub_method
    def side(self, value: Side) -> None: ...

    @hub_method
    def rights(self, value: Rights) -> None: ...

    @hub_method
    def order(self, value: Order) -> None: ...

    @hub_method
    def orders(self, value: list[Order]) -> None: ...

    @hub_method
    def any_of(self, value: list[int | str | datetime]) -> None: ...

    @hub_method
    def table(self, value: dict[str, list[Decimal]]) -> None: ...

    @hub_method
    def pair(self, value: tuple[int, float]) -> None: ...

    @hub_method
    def echo(self, value: Any) -> Any:
        return value

    @hub_method
    def remember(self, value: Any) -> Any:
        self.state.value = value
        return self.state.other

    @hub_method
    def hello(self) -> str:
        self.clients.all.greeted()
        return "hello"


#: All that take one argument.
METHODS = tuple(name for name in vars(HostileHub) if not name.startswith("_") and name not in ("hub_name", "hello"))


def _fill(unit: str, size: int = SIZE) -> str:
    return unit * (size // len(unit))


def _members(texts: Mapping[str, str]) -> str:
    """An object of these members, each with the text of its value."""
    members = ",".join(f'"{name}":{text}' for name, text in texts.items())
    return f"{{{members}}}"


def _object(names: Iterable[str]) -> str:
    """An object whose members have these names, which may be the same."""
    members = ",".join(f'"{name}":0' for name in names)
    return f"{{{members}}}"


def _names(count: int) -> Iterator[str]:
    """So many different names."""
    return (f"{number:x}" for number in range(count))


def hostile_arguments(size: int = SIZE) -> Iterator[str]:
    """Texts, most of them JSON, each to be an argument; the long ones of about *size* characters."""
    yield from (
        "1e400", "-1e400", "1e-400", "1e999999999", "1e-999999999", "NaN", "Infinity", "-Infinity", "-0", "0e0", "1.",
        "01", "+1", "0x10", "9" * 19, "9" * 400, "9" * 4300, "9" * 4301, "-" + "9" * 5000, f"1e{'9' * 5000}",
        '"1e400"', '"NaN"', '"Infinity"', f'"{"9" * 4300}"', f'"{"9" * 4301}"', '"1_000"', '"٣"', '"１"',
        r'"\ud800"', r'"\udc00\ud800"', r'"\ud83d\ude00"', r'"\u0000"', '"\0"', '"\x1f"', '"\u2028"', '"</script>"',
        r'"\x41"', '"', "'a'", "", " ", "[", "]", "{", "}", "[,]", "[1,]", "{,}", '{"a"}', '{"a":}', '{1:2}',
        "[1 2]", "nul", "true1", "/**/1", "1;", "[]]", "\ufeff1", "undefined", "null", "true", '""', "[]", "{}",
        '{"a":1,"a":2,"A":3}', '{"symbol":"a","SYMBOL":"b","price":1e400}', '{"symbol":{}}', '{"__proto__":{"a":1}}',
        '"/Date(999999999999999)/"', '"/Date(-999999999999999+2359)/"', '"9999-12-31T23:59:60Z"', '"999999999.00:00"',
        f'"P{"9" * 50}D"', '"0,1,2,3"', '"-1"', '"read,write,read"',
    )  # fmt: skip
    for depth in (20, 21, 100, 10_000):
        yield "[" * depth + "]" * depth
        yield "[" * depth
        yield '{"a":' * depth + "1" + "}" * depth
        yield '[{"parts":' * depth + "null" + "}]" * depth
    yield from (f"{'1' * (size // 64)}", f"1.{'1' * size}", f"1e{'1' * size}", f'"{"1" * size}"', f'"{"1" * size}x"')
    yield from (f'"{" " * size}x"', f'"{"a" * size}"', f'"{"é" * (size // 2)}"', f'"{"," * size}"', f'"{"[" * size}"')
    yield from (f'"{_fill(escape, size)}"' for escape in (r"\u0041", r"\"", r"\\", r"\ud83d\ude00", "-", "+1", "1e"))
    yield from (f"[{_fill(item, size)}0]" for item in ("0,", "1.5,", "1e9,", '"",', "[],", "{},", "null,", '{"a":1},'))
    yield from (f"[{item * 9_900}0]" for item in ("0,", "1.5,", "1e9,", '"",', "[],", '{"symbol":"a"},'))
    yield from (_object(["a"] * (size // 6)), _object(_names(size // 12)), _object(_names(9_900)))
    yield f'{{"{"k" * size}":"not a number"}}'
    yield f"[{_fill(' ', size)}]"


def hostile_calls() -> Iterator[str]:
    """Texts that are to be calls; what of them is wrong is not an argument."""
    good = {"H": '"probe"', "M": '"hello"', "A": "[]", "I": "0", "S": "{}"}
    wrong = (
        "null", "true", "0", "-1", "1.5", "1e400", "9" * 5000, '""', '"x"', r'"\ud800"', '"\u2028"', "[]", "[0]", "{}",
        '{"a":0}', "[" * 10_000, "[" * 10_000 + "]" * 10_000, '{"a":' * 5000 + "0" + "}" * 5000, f'"{"x" * 100_000}"',
        '{"a":1e400}', '{"a":1e-400,"b":-1e999999}', f'{{"a":{"9" * 4000}}}', f'{{"a":-{"9" * 20}}}', '{"a":NaN}',
        r'{"a":"\ud800"}', r'{"\ud800":0}', f'{{"a":{"[" * 1000}{"]" * 1000}}}', f'{{"a":"{"x" * 5000}"}}',
        '{"a":1,"a":2}', '{"value":1,"items":2,"__class__":3}', f'{{"a":{18446744073709551616}}}',
    )  # fmt: skip
    for field in good:
        for value in wrong:
            members = {**good, field: value}
            yield _members(members)
        yield _members({name: text for name, text in good.items() if name != field})
    yield from ("", " ", "null", "0", '"x"', "[]", "{}", "[{}]", "{", "nonsense", "\0", "\ufeff{}", "\ud800", "}{")
    yield '{"H":"probe","H":"nobody","M":"hello","I":0}'
    yield '{"h":"probe","m":"hello","i":0,"ſ":{},"ı":1}'
    yield "[" * SIZE
    yield '{"H":' * 10_000
    yield from (_object(["a"] * (SIZE // 6)), _object(_names(SIZE // 12)))
    yield f'{{"H":"probe","M":"echo","A":[{_fill("0,")}0],"I":0}}'
    yield f'{{"H":"{"x" * SIZE}","M":"y","I":0}}'
    yield f'{{"H":"probe","M":"{"x" * SIZE}","I":0}}'
    yield f'{{"H":"probe","M":"hello","I":"{"x" * SIZE}"}}'


def hostile_texts() -> Iterator[str]:
    """Values of parameters of a query string, which are not longer than that."""
    yield from (
        "", " ", "\0", "é", "\u2028", "\ud7ff", "null", "NaN", "1e400", "-1", "0", "9" * 5000, "true", "[]", "{}", "x",
        "[" * 10_000, '[{"name":' * 1000, '[{"name":"probe"}]', '[{"name":"probe"},{"name":"PROBE"}]', '[{"Name":1}]',
        '[{"name":""}]', '[{"name":null}]', "[null]", '{"name":"probe"}', r'[{"name":"\ud800"}]', '[{"name":1e400}]',
        f'[{{"name":"{"x" * 9000}"}}]', f"[{'9' * 9000}]", f"[{'0,' * 5000}0]", f"[{'1e400,' * 1000}NaN]",
        "e1-0", "e1--1", "-", "--", "e-0x10", "e-1_0", f"e-{'f' * 60}", f"e-{'f' * 5000}", "..", "%", "%zz", "%00",
        "</script><script>alert(1)</script>", "alert(1)", "a.b", "a..b", "x" * 15_000, "=" * 1000, "A" * 101,
        "٣", "１２", "+1", "1.5", "2.1", "9999999999999.9", "1.5.5.5.5", "\x7f", "\ufffe", "\U0010ffff",
    )  # fmt: skip
