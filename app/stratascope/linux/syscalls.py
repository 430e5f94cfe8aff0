"""System calls by name and number, for each entry point: x86_64, i386, x32, aarch64. See syscalls(2). Also the names of
those argument values that filters check.

An x86-64 kernel may have three entry points at once, each with its own numbers: a filter that forgets one filters
nothing. Decided against libseccomp for this: filters must be readable where it is not installed.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache

from stratascope.linux import syscall_numbers


class Abi(StrEnum):
    """One entry point into the kernel."""

    X86_64 = "x86_64"
    I386 = "i386"
    X32 = "x32"
    AARCH64 = "aarch64"

    @property
    def audit_arch(self) -> int:
        """The value of seccomp_data.arch (AUDIT_ARCH_*, include/uapi/linux/audit.h); x32 uses x86_64's."""
        return _AUDIT_ARCH[self]

    @property
    def number_bit(self) -> int:
        """Set in seccomp_data.nr of every call of this entry point: __X32_SYSCALL_BIT, else 0."""
        return 0x40000000 if self is Abi.X32 else 0

    @property
    def wide(self) -> bool:
        """Whether arguments are 64 bits wide."""
        return self is not Abi.I386


_AUDIT_ARCH = {Abi.X86_64: 0xC000003E, Abi.I386: 0x40000003, Abi.X32: 0xC000003E, Abi.AARCH64: 0xC00000B7}
_TEXTS = {
    Abi.X86_64: syscall_numbers.X86_64,
    Abi.I386: syscall_numbers.I386,
    Abi.X32: syscall_numbers.X32,
    Abi.AARCH64: syscall_numbers.AARCH64,
}

_CLONE = {
    0x00020000: "CLONE_NEWNS",
    0x02000000: "CLONE_NEWCGROUP",
    0x04000000: "CLONE_NEWUTS",
    0x08000000: "CLONE_NEWIPC",
    0x10000000: "CLONE_NEWUSER",
    0x20000000: "CLONE_NEWPID",
    0x40000000: "CLONE_NEWNET",
    0x00000080: "CLONE_NEWTIME",
    0x00002000: "CLONE_PTRACE",
}
_FAMILIES = {
    1: "AF_UNIX",
    2: "AF_INET",
    10: "AF_INET6",
    16: "AF_NETLINK",
    17: "AF_PACKET",
    38: "AF_ALG",
    40: "AF_VSOCK",
    44: "AF_XDP",
}
# include/uapi/linux/personality.h
_PERSONALITIES = {
    0x0: "PER_LINUX",
    0x8: "PER_LINUX32",
    0x20000: "UNAME26",
    0x20008: "PER_LINUX32|UNAME26",
    0x40000: "ADDR_NO_RANDOMIZE",
    0xFFFFFFFF: "0xffffffff",  # only queries it
}
ARGUMENT_FLAGS = {("clone", 0): _CLONE, ("unshare", 0): _CLONE, ("setns", 1): _CLONE}
_VALUES = {
    ("socket", 0): _FAMILIES,
    ("socketpair", 0): _FAMILIES,
    ("personality", 0): _PERSONALITIES,
    ("socket", 2): {9: "9 (NETLINK_AUDIT)"},
    ("ioctl", 1): {0x5412: "TIOCSTI", 0x541C: "TIOCLINUX"},
    ("unshare", 0): _CLONE,
    ("setns", 1): _CLONE,
}


def abis_of(machine: str) -> tuple[Abi, ...]:
    """The entry points that a kernel of that machine (uname -m) may have, native first; empty for others."""
    if machine in ("x86_64", "amd64"):
        return Abi.X86_64, Abi.I386, Abi.X32
    return (Abi.AARCH64,) if machine in ("aarch64", "arm64") else ()


@cache
def numbers(abi: Abi) -> dict[str, int]:
    """Map name to number, without `number_bit`, ordered by name."""
    found: dict[str, int] = {}
    number = 0
    for word in _TEXTS[abi].split():
        if word.isdigit():
            number = int(word)
        else:
            found[word] = number
            number += 1
    return dict(sorted(found.items()))


@cache
def names(abi: Abi) -> dict[int, str]:
    """Map number to name."""
    return {number: name for name, number in numbers(abi).items()}


@cache
def abi_named(word: str) -> Abi | None:
    """The entry point with this value; None if unknown here."""
    return next((abi for abi in Abi if abi.value == word), None)


def call_name(word: str, number: int) -> str:
    """A call's name by entry point and number, with or without `number_bit`; the number if it has no name here."""
    abi = abi_named(word)
    return str(number) if abi is None else names(abi).get(number & ~abi.number_bit, str(number))


@cache
def known_names() -> frozenset[str]:
    """Every name in any of the entry points."""
    return frozenset().union(*(numbers(abi) for abi in Abi))


def argument_word(name: str, place: int, value: int) -> str:
    """The C header name of an argument value, such as AF_INET for the first one of socket; else the number."""
    return _VALUES.get((name, place), {}).get(value) or (str(value) if value < 1024 else hex(value))


def flag_words(name: str, place: int, value: int) -> tuple[str, ...]:
    """The names of the value's flags; flags without a name here are left out."""
    return tuple(word for bit, word in sorted(ARGUMENT_FLAGS.get((name, place), {}).items()) if value & bit)
