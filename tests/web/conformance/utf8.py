"""Section 6: texts that are UTF-8 (RFC 3629), texts that are not, and how soon that is noticed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.web.conformance.case import NOT_UTF8, Case, End, echo
from tests.web.frames import TEXT, chopped, frame, head, message

__all__ = ["CASES"]

#: Characters of two bytes; the accent is that of old Greek, of three bytes.
_GREEK = "κ\u1f79σμε".encode()
#: Characters of one, two and three bytes.
_MIXED = "Grüße aus Łódź, 東京 & São Paulo!".encode()

#: Where a code point would be above U+10FFFF, which its second byte tells.
_TOO_HIGH = b"\xf4\x90\x80\x80"

_SURROGATE = b"\xed\xa0\x80"

#: What misses its last byte: for lengths of two to six, with the lowest and with the highest bits.
_INCOMPLETE = (
    *map(bytes.fromhex, ("c0", "e080", "f08080", "f8808080", "fc80808080")),
    *map(bytes.fromhex, ("df", "efbf", "f7bfbf", "fbbfbfbf", "fdbfbfbfbf")),
)

#: Single sequences, in groups of the suite's; in each of them all are valid, or none is.
_SEQUENCES: dict[str, tuple[bool, Iterable[bytes]]] = {
    # A character of each length within a text, and a text of several lengths.
    "6.5": (True, [*(f"hello{each}world".encode() for each in "$¢€\U00024b62"), _GREEK]),
    # The first sequence of each length, and the first of the lengths that there are no more.
    "6.7": (True, (chr(each).encode() for each in (0x0, 0x80, 0x800, 0x10000))),
    "6.8": (False, map(bytes.fromhex, ("f888808080", "fc8480808080"))),
    # The last sequence of each length, and those beyond the last code point.
    "6.9": (True, (chr(each).encode() for each in (0x7F, 0x7FF, 0xFFFF, 0x10FFFF))),
    "6.10": (False, map(bytes.fromhex, ("f7bfbfbf", "fbbfbfbfbf", "fdbfbfbfbfbf"))),
    # Continuation bytes without a beginning: 1 to 6, and nearly all that there are.
    "6.12": (False, [b"\x80", b"\xbf", *((b"\x80\xbf" * 3)[:n] for n in range(2, 7)), bytes(range(0x80, 0xBF))]),
    # Beginnings of each length without a continuation.
    "6.13": (
        False,
        (
            b"".join(bytes([each, 0x20]) for each in range(first, end))
            for first, end in ((0xC0, 0xDF), (0xE0, 0xEF), (0xF0, 0xF7), (0xF8, 0xFB), (0xFC, 0xFD))
        ),
    ),
    "6.14": (False, _INCOMPLETE),
    "6.15": (False, [b"".join(_INCOMPLETE)]),
    # Bytes that occur nowhere.
    "6.16": (False, [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]),
    # Longer forms than there need be: of a slash, of the last code point of each length, and of NUL.
    "6.17": (False, map(bytes.fromhex, ("c0af", "e080af", "f08080af", "f8808080af", "fc80808080af"))),
    "6.18": (False, map(bytes.fromhex, ("c1bf", "e09fbf", "f08fbfbf", "f887bfbfbf", "fc83bfbfbfbf"))),
    "6.19": (False, map(bytes.fromhex, ("c080", "e08080", "f0808080", "f880808080", "fc8080808080"))),
    # Surrogates, alone and in pairs, as if UTF-16 had been encoded.
    "6.20": (False, map(bytes.fromhex, ("eda080", "edadbf", "edae80", "edafbf", "edb080", "edbe80", "edbfbf"))),
    "6.21": (
        False,
        (bytes.fromhex(f"ed{high}ed{low}") for high in ("a080", "adbf", "ae80", "afbf") for low in ("b080", "bfbf")),
    ),
    # Code points that are no characters, which UTF-8 allows, and the specials around them.
    "6.22": (True, (chr(plane << 16 | low).encode() for plane in range(17) for low in (0xFFFE, 0xFFFF))),
    "6.23": (True, (chr(each).encode() for each in range(0xFFF9, 0x10000))),
}


def _cases() -> Iterator[Case]:
    yield from _empty_fragments()
    yield from _mixed_texts()
    yield from _fail_fast()
    for section, (is_valid, sequences) in _SEQUENCES.items():
        for number, sequence in enumerate(sequences, 1):
            yield _text(f"{section}.{number}", sequence, is_valid)
    # Every beginning of a text; those that end within a character are no texts.
    whole = {len(_GREEK.decode()[:count].encode()) for count in range(6)}
    for length in range(1, len(_GREEK) + 1):
        yield _text(f"6.6.{length}", _GREEK[:length], length in whole)
    # On both sides of the surrogates, the replacement character, the last code point and what would be the next.
    for number, sequence in enumerate((b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"), 1):
        yield _text(f"6.11.{number}", sequence, True)
    yield _text("6.11.5", _TOO_HIGH, False)


def _empty_fragments() -> Iterator[Case]:
    yield Case("6.1.1", (frame(TEXT),), (echo(b""),))
    yield Case("6.1.2", tuple(message(b"", b"", b"")), (echo(b""),))
    yield Case("6.1.3", tuple(message(b"", b"in the middle", b"")), (echo(b"in the middle"),))


def _mixed_texts() -> Iterator[Case]:
    yield Case("6.2.1", (frame(TEXT, _MIXED),), (echo(_MIXED),))
    yield Case("6.2.2", tuple(message("Grüße".encode(), _MIXED[len("Grüße".encode()) :])), (echo(_MIXED),))
    yield Case("6.2.3", tuple(message(*chopped(_MIXED))), (echo(_MIXED),))
    yield Case("6.2.4", tuple(message(*chopped(_GREEK))), (echo(_GREEK),))
    bad = _GREEK + _SURROGATE + b"edited"
    yield _text("6.3.1", bad, False)
    # Two of the surrogate's bytes tell.
    yield _failing("6.3.2", message(*chopped(bad)), fails_at=len(_GREEK) + 1)


def _fail_fast() -> Iterator[Case]:
    """
    A text that goes wrong long before its end: in the second of three fragments or pieces of a frame, at once.

    The suite puts up with a server that notices it at the end; ours must not wait.
    """
    for number, parts in enumerate(
        ((_GREEK, _TOO_HIGH, b"edited"), (_GREEK + _TOO_HIGH[:1], _TOO_HIGH[1:2], _TOO_HIGH[2:] + b"edited")), 1
    ):
        yield _failing(f"6.4.{number}", message(*parts), fails_at=1)
        start, data = head(TEXT, len(b"".join(parts))), frame(TEXT, b"".join(parts))
        first = len(start) + len(parts[0])
        pieces = [data[:first], data[first : first + len(parts[1])], data[first + len(parts[1]) :]]
        yield _failing(f"6.4.{number + 2}", pieces, fails_at=1)


def _text(number: str, text: bytes, is_valid: bool) -> Case:
    return Case(number, (frame(TEXT, text),), (echo(text),)) if is_valid else _failing(number, [frame(TEXT, text)])


def _failing(number: str, sends: Iterable[bytes], *, fails_at: int | None = None) -> Case:
    return Case(number, tuple(sends), end=End.SERVER, codes=(NOT_UTF8,), fails_at=fails_at)


CASES = tuple(_cases())
