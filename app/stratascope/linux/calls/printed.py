"""A call's arguments as strace(1) prints them, from the six registers and the one path that was read.

Memory that was not read is printed as `...`, a null pointer as NULL. Pure and total: any six numbers have a text.
"""

from __future__ import annotations

from stratascope.linux.calls.signatures import signature
from stratascope.linux.calls.values import family, flags, node_type, signal_name, values
from stratascope.linux.syscalls import argument_word

_LOW = 0xFFFFFFFF
_AT_FDCWD = -100
_MAKES = 0o100 | 0o20000000  # O_CREAT, O_TMPFILE
_SOCK_TYPE = 0xF
_EXIT_SIGNAL = 0xFF
_UNIX, _INET, _INET6, _NETLINK, _PACKET = 1, 2, 10, 16, 17
_WIDE = frozenset(("hex", "size", "ptr", "made", "dev"))


def printed(abi: str, name: str, registers: tuple[int, ...], path: str = "", address: str = "") -> tuple[str, ...]:
    """The printed arguments; empty for a call whose arguments are not known here.

    `path`: of the PATH or FD argument, safe to print; "" if it was not read. `address`: as strace prints it.
    """
    kinds = signature(name)
    if kinds is None:
        return ()
    found: list[str] = []
    narrow = abi == "i386"
    for place, (kind, register) in enumerate(zip(kinds, registers, strict=False)):
        value = register & _LOW if narrow or kind not in _WIDE else register
        before = registers[place - 1] if place else 0
        match kind:
            case "made" if not before & _MAKES:
                continue
            case "PATH":
                found.append(_quoted(path) if path else _pointer(register))
            case "FD":
                found.append(f"{_signed(value)}<{path}>" if path else str(_signed(value)))
            case "ADDR":
                found.append(address or _pointer(register))
            case "protocol":
                found.append(_protocol(value, registers[0] & _LOW))
            case _:
                found.append(_one(kind, value, abi, name, place))
    return tuple(found)


def _one(kind: str, value: int, abi: str, name: str, place: int) -> str:
    match kind:
        case "ptr":
            return _pointer(value)
        case "at":
            return "AT_FDCWD" if _signed(value) == _AT_FDCWD else str(_signed(value))
        case "fd" | "int" | "id":
            return str(_signed(value))
        case "size":
            return str(value)
        case "hex":
            return "0" if value == 0 else hex(value)
        case "mode" | "made":
            return _octal(value & 0o7777)
        case "nodemode":
            kind_of = node_type(value)
            return f"{kind_of}|{_octal(value & 0o7777)}" if kind_of else _octal(value)
        case "dev":
            major = (value >> 8 & 0xFFF) | (value >> 32 & 0xFFFFF000)
            return f"makedev({major:#x}, {(value & 0xFF) | (value >> 12 & 0xFFFFFF00):#x})"
        case "signal":
            return signal_name(value)
        case "family":
            return family(value)
        case "personality":
            return argument_word("personality", 0, value)
        case "socktype":
            return _combined(values("socktype").get(value & _SOCK_TYPE, str(value & _SOCK_TYPE)), value, "sockflags")
        case "clone" if name == "clone":
            return _combined("", value & ~_EXIT_SIGNAL, "clone", _exit_signal(value))
    if kind == "access" and value == 0:
        return "F_OK"
    if kind == "oflags" and name in ("open", "openat", "mq_open", "open_by_handle_at"):
        return _combined("" if value & 3 else "O_RDONLY", value, "oflags", abi=abi)
    if flags(kind):
        return _combined("", value, kind, abi=abi)
    known = values(kind)
    return known.get(value) or (hex(value) if value > 0xFFFF else str(value)) if known else hex(value)


def _combined(first: str, value: int, kind: str, last: str = "", abi: str = "") -> str:
    words = [first] if first else []
    left = value & ~_SOCK_TYPE if kind == "sockflags" else value
    table = flags(kind, abi)
    bits = []
    for bit in sorted(table, key=lambda bit: -bit.bit_count()):  # O_TMPFILE includes the bit of O_DIRECTORY
        if left & bit == bit:
            bits.append(bit)
            left &= ~bit
    words += [table[bit] for bit in sorted(bits)]
    if left:
        words.append(hex(left))
    return "|".join([*words, *([last] if last else [])]) or "0"


def _exit_signal(value: int) -> str:
    number = value & _EXIT_SIGNAL
    return signal_name(number) if number else ""


def _protocol(value: int, of: int) -> str:
    if of in (_INET, _INET6):
        return values("inet").get(value, str(value))
    if of == _NETLINK:
        return values("netlink").get(value, str(value))
    return hex(value) if of == _PACKET and value else str(value)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '\\"') + '"'


def _pointer(value: int) -> str:
    return "..." if value else "NULL"


def _octal(value: int) -> str:
    return f"0{value:o}" if value else "0"


def _signed(value: int) -> int:
    value &= _LOW
    return value - (1 << 32) if value >> 31 else value
