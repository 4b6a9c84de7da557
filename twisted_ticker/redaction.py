"""
What no log may tell: whoever holds a token is the client that it was made for.

Secrets are found by their names (``…token``, ``…authorization``, ``…cookie``, in any letter case), in the ways that
addresses, headers, JSON and Python write a name with its value; our own tokens are found wherever they turn up.
"""

from __future__ import annotations

import re

__all__ = ["REDACTED", "is_secret", "redacted"]

#: Stands where something secret stood.
REDACTED = "…"

_TOKEN = "(?<=token)"
_HEADER = "(?:(?<=authorization)|(?<=cookie))"
_NAME = f"(?:{_TOKEN}|{_HEADER})"

# Between a name and its value, if both are quoted: {"name": "value"}, ('name', b'value').
_QUOTED = r"""["']\s*[:=,]\s*"""
_STRING = r"""b?(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""

# All that can follow a name. Each has one group, which is kept, and the secret behind it.
_FORMS = [
    # name=value
    rf"{_TOKEN}(=)(?!b?[\"']|{REDACTED})(?:\\.|[^&\s\"\\])+",
    # The same in an address that is a parameter of another, where ampersands are encoded as often as equals signs.
    *(rf"{_TOKEN}(%{'25' * often}3d)(?:(?!%{'25' * often}26)[^&\s\"'\\])+" for often in range(3)),
    # name='value', 'name': 'value', 'name': ['value', 'value']
    rf"{_NAME}(=){_STRING}",
    rf"{_NAME}({_QUOTED}){_STRING}",
    rf"{_NAME}({_QUOTED}[\[(])\s*{_STRING}(?:\s*,\s*{_STRING})*",
    # JSON within a string.
    rf"{_NAME}(\\+\"\s*:\s*\\+\")[^\"\\]+",
    # name: value
    rf"{_TOKEN}(:[ \t]*)[^\s\"'\\,{{}}\[\]]+",
    rf"{_HEADER}([:=][ \t]*)[^\r\n]+",
]
# What it may begin with is said first, because that is found fast.
_NAMED = re.compile(rf"(?=[=%:\"'\\])(?:{'|'.join(_FORMS)})", re.IGNORECASE)
_KEPT = "".join(rf"\{number}" for number in range(1, len(_FORMS) + 1)) + REDACTED

# Ours are Fernet's, which begin with a version and the upper bits of a time.
_OUR_TOKEN = re.compile(r"gAAAA[\w-]{16,}")

# A user's password, in an address. It begins behind the first colon, which is looked for once.
_PASSWORD = re.compile(r"(://[^/?#@\s\"':]*:)[^/?#@\s\"']*(?=@)")


def redacted(text: str) -> str:
    """*text* with :data:`REDACTED` for each token, cookie, credential and password of a URL that can be found in it."""
    text = _OUR_TOKEN.sub(REDACTED, text)
    text = _PASSWORD.sub(rf"\1{REDACTED}", text)
    return _NAMED.sub(_KEPT, text)


def is_secret(name: str) -> bool:
    """Whether a value of that name is one that no log may tell."""
    return name.lower().endswith(("token", "authorization", "cookie"))
