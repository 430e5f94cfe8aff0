"""System calls by name and number, for each way into the kernel: x86_64, i386, x32, aarch64. See syscalls(2).

An x86-64 kernel may have three entry points side by side, each with its own numbers: a filter that forgets one is
no filter. Decided against libseccomp for this: the program must read a filter where that is not installed.
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
        """What seccomp_data.arch holds (AUDIT_ARCH_*, include/uapi/linux/audit.h); x32 comes as x86_64."""
        return _AUDIT_ARCH[self]

    @property
    def number_bit(self) -> int:
        """Set in seccomp_data.nr of every call of this entry point: __X32_SYSCALL_BIT."""
        return 0x40000000 if self is Abi.X32 else 0

    @property
    def wide(self) -> bool:
        """Whether arguments have 64 bits."""
        return self is not Abi.I386


_AUDIT_ARCH = {Abi.X86_64: 0xC000003E, Abi.I386: 0x40000003, Abi.X32: 0xC000003E, Abi.AARCH64: 0xC00000B7}
_TEXTS = {
    Abi.X86_64: syscall_numbers.X86_64,
    Abi.I386: syscall_numbers.I386,
    Abi.X32: syscall_numbers.X32,
    Abi.AARCH64: syscall_numbers.AARCH64,
}


def abis_of(machine: str) -> tuple[Abi, ...]:
    """The entry points that a kernel of that machine (uname -m) may have, its own first; empty for others."""
    if machine in ("x86_64", "amd64"):
        return Abi.X86_64, Abi.I386, Abi.X32
    return (Abi.AARCH64,) if machine in ("aarch64", "arm64") else ()


@cache
def numbers(abi: Abi) -> dict[str, int]:
    """Name -> number, without `number_bit`, ordered by name."""
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
    """Number -> name."""
    return {number: name for name, number in numbers(abi).items()}


@cache
def known_names() -> frozenset[str]:
    """Every name that any of the entry points has."""
    return frozenset().union(*(numbers(abi) for abi in Abi))
