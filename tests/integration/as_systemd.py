"""
Runs a command as systemd runs that of a service: ``python as_systemd.py SPECIFICATION COMMAND…``.

The specification is a JSON object:

- ``socket``: descriptor of a listening socket that the command inherits, and ``name``, what it is called;
- ``system_calls``: names of those that the command may use; all others fail with EPERM;
- ``address_families``: numbers of those that it may have sockets of;
- ``writable_code``: whether it may have memory that it can both write and execute.

What a unit says of files and accounts needs systemd itself, and is left out.
"""

from __future__ import annotations

import ctypes
import errno
import json
import mmap
import os
import sys
from typing import Any

# Of <seccomp.h>.
_ALLOW = 0x7FFF0000
_FAIL_WITH_EPERM = 0x00050000 | errno.EPERM
_EQUAL, _MASKED_EQUAL = 4, 7

_FIRST_SOCKET = 3


class _Comparison(ctypes.Structure):
    """``struct scmp_arg_cmp``: what an argument of a system call must be like."""

    _fields_ = [
        ("argument", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    ]


class Filter:
    """A filter of system calls, by libseccomp, which systemd uses as well."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
        self._library.seccomp_init.restype = ctypes.c_void_p
        self._context = ctypes.c_void_p(self._library.seccomp_init(ctypes.c_uint32(_FAIL_WITH_EPERM)))

    def allow(self, name: str, *comparisons: tuple[int, int, int, int]) -> None:
        """Allow a system call, if all comparisons hold."""
        number = self._library.seccomp_syscall_resolve_name(name.encode())
        if number < 0:
            return  # this machine has no such call
        array = (_Comparison * len(comparisons))(*(_Comparison(*comparison) for comparison in comparisons))
        self._check(
            self._library.seccomp_rule_add_array(
                self._context, ctypes.c_uint32(_ALLOW), number, ctypes.c_uint(len(comparisons)), array
            )
        )

    def load(self) -> None:
        """Be subject to it, from now on."""
        self._check(self._library.seccomp_load(self._context))

    def _check(self, status: int) -> None:
        if status < 0:
            raise OSError(-status, os.strerror(-status))


def confine(system_calls: list[str], address_families: list[int], writable_code: bool) -> None:
    """Give up what the command may not do."""
    rules = Filter()
    conditional = {"socket"} if writable_code else {"socket", "mmap", "mprotect", "pkey_mprotect", "shmat"}
    for name in system_calls:
        if name not in conditional:
            rules.allow(name)
    for family in address_families:
        rules.allow("socket", (0, _EQUAL, family, 0))
    if not writable_code:
        both = mmap.PROT_WRITE | mmap.PROT_EXEC
        for protection in (0, mmap.PROT_WRITE, mmap.PROT_EXEC):
            rules.allow("mmap", (2, _MASKED_EQUAL, both, protection))
        for name in ("mprotect", "pkey_mprotect"):
            rules.allow(name, (2, _MASKED_EQUAL, mmap.PROT_EXEC, 0))
    rules.load()


def main(specification: dict[str, Any], command: list[str]) -> None:
    os.dup2(specification["socket"], _FIRST_SOCKET)
    os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": specification["name"]}
    confine(specification["system_calls"], specification["address_families"], specification["writable_code"])
    os.execv(command[0], command)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
