"""The Linux capabilities by number and name, and sets of them as the kernel prints them. See capabilities(7).

Numbers only: `layers/capabilities/explanations.py` says what each allows, `core/options/capabilities.py` has the
engines' defaults. A kernel may know fewer than 41 (38 before Linux 5.8) or more: `last` is its cap_last_cap.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import IntFlag

from stratascope.bounded_cache import remembered
from stratascope.linux.decode import DecodeError
from stratascope.value import Value

# include/uapi/linux/capability.h, in the order of their numbers
NAMES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)
LAST = len(NAMES) - 1  # the last one with a name here

_NUMBERS = {name: number for number, name in enumerate(NAMES)}
_MASK = re.compile(r"(?:0x)?([0-9a-fA-F]{1,16})").fullmatch
_UNNAMED = re.compile(r"CAP_([0-9]{1,2})").fullmatch
_WIDTH = 64  # bits in a kernel_cap_t
_FILE_SIZES = (12, 20, 24)  # XATTR_CAPS_SZ_1, _2, _3


def name_of(number: int) -> str:
    """`CAP_SYS_ADMIN` for 21; `CAP_45` for one newer than this table."""
    return NAMES[number] if 0 <= number <= LAST else f"CAP_{number}"


def number_of(name: str) -> int:
    """21 for `CAP_SYS_ADMIN`, `SYS_ADMIN` or `sys_admin`. Raises DecodeError for an unknown name."""
    full = name.upper()
    if not full.startswith("CAP_"):
        full = f"CAP_{full}"
    known = _NUMBERS.get(full)
    if known is not None:
        return known
    unnamed = _UNNAMED(full)
    if unnamed is not None and int(unnamed[1]) < _WIDTH:
        return int(unnamed[1])
    raise DecodeError(f"no such capability: {name[:40]!r}")


class CapabilitySet(Value):
    """A set of capabilities: bit n of `bits` is capability n. Prints as `0x` and 16 hexadecimal digits."""

    bits: int = 0

    def __str__(self) -> str:
        return f"0x{self.bits:016x}"

    def __contains__(self, number: int) -> bool:
        return bool(self.bits >> number & 1)

    def __iter__(self) -> Iterator[int]:
        return iter(_members(self.bits))

    def __len__(self) -> int:
        return self.bits.bit_count()

    def __or__(self, other: CapabilitySet) -> CapabilitySet:
        return CapabilitySet(self.bits | other.bits)

    def __and__(self, other: CapabilitySet) -> CapabilitySet:
        return CapabilitySet(self.bits & other.bits)

    def __sub__(self, other: CapabilitySet) -> CapabilitySet:
        return CapabilitySet(self.bits & ~other.bits)

    def __le__(self, other: CapabilitySet) -> bool:
        return not self.bits & ~other.bits

    def names(self) -> tuple[str, ...]:
        """The names, ordered by number."""
        return _names(self.bits)

    @classmethod
    def parse(cls, text: str) -> CapabilitySet:
        """Parse `00000000a80425fb`, with or without `0x`. Raises DecodeError."""
        found = _MASK(text)
        if found is None:
            raise DecodeError(f"not a set of capabilities: {text[:40]!r}")
        return cls(int(found[1], 16))

    @classmethod
    def of(cls, names: Iterable[str], last: int = LAST) -> CapabilitySet:
        """The set of these names, with or without `CAP_`; `ALL` is every one up to `last`. Raises DecodeError."""
        bits = 0
        for name in names:
            bits |= cls.full(last).bits if name.upper() in ("ALL", "CAP_ALL") else 1 << number_of(name)
        return cls(bits)

    @classmethod
    def full(cls, last: int = LAST) -> CapabilitySet:
        """Every capability of a kernel whose cap_last_cap is `last`."""
        return cls((1 << min(last + 1, _WIDTH)) - 1)


class Securebit(IntFlag):
    """include/uapi/linux/securebits.h; capabilities(7), "The securebits flags"."""

    NOROOT = 1 << 0
    NOROOT_LOCKED = 1 << 1
    NO_SETUID_FIXUP = 1 << 2
    NO_SETUID_FIXUP_LOCKED = 1 << 3
    KEEP_CAPS = 1 << 4
    KEEP_CAPS_LOCKED = 1 << 5
    NO_CAP_AMBIENT_RAISE = 1 << 6
    NO_CAP_AMBIENT_RAISE_LOCKED = 1 << 7


def root_by_exec(bits: int | None, held: int | None) -> bool | None:
    """Whether exec as root gives the bounding set; handle_privileged_root, security/commoncap.c. cap_task_prctl there:
    SETPCAP, if it is `held`, may change what is not locked. None: not known.
    """
    if bits is None:
        return None
    if not bits & Securebit.NOROOT:
        return True
    if bits & Securebit.NOROOT_LOCKED:
        return False
    return None if held is None else bool(held & CapabilitySet.of(("CAP_SETPCAP",)).bits)


def parse_securebits(text: str) -> int:
    """Decode the collector's `bpf:securebits`, hexadecimal. Raises DecodeError."""
    word = text.strip()
    if not 0 < len(word) <= 8 or word.strip("0123456789abcdef"):
        raise DecodeError(f"not securebits: {text[:40]!r}")
    return int(word, 16)


def file_capabilities(text: str) -> CapabilitySet | None:
    """A file's permitted set, from `security.capability` in hexadecimal (struct vfs_cap_data); None for "".

    Raises DecodeError.
    """
    if not text:
        return None
    try:
        data = bytes.fromhex(text)
        low, high = int.from_bytes(data[4:8], "little"), int.from_bytes(data[12:16], "little")
    except ValueError as error:
        raise DecodeError(f"not the capabilities of a file: {text[:40]!r}") from error
    if len(data) not in _FILE_SIZES:
        raise DecodeError(f"not the capabilities of a file: {text[:40]!r}")
    return CapabilitySet(low | high << 32)


@remembered()
def _members(bits: int) -> tuple[int, ...]:
    return tuple(number for number in range(bits.bit_length()) if bits >> number & 1)


@remembered()
def _names(bits: int) -> tuple[str, ...]:
    return tuple(name_of(number) for number in _members(bits))
