"""ELF files made by hand: both classes, both orders of bytes, with just what a dynamic linker reads."""

from __future__ import annotations

import struct
from collections.abc import Sequence

BASE = 0x400000
NEEDED, STRTAB, SYMTAB, STRSZ, SYMENT, RPATH, RUNPATH = 1, 5, 6, 10, 11, 15, 29


def elf(
    *,
    bits: int = 64,
    order: str = "<",
    kind: int = 2,
    interpreter: str = "/lib64/ld-linux-x86-64.so.2",
    needed: Sequence[str] = ("libc.so.6",),
    imports: Sequence[str] = (),
    defined: Sequence[str] = (),
    runpath: str = "",
    tag: int = RUNPATH,
    notes: Sequence[bytes] = (b"GNU\0",),
    dynamic: bool = True,
    tail: bytes = b"",
) -> bytes:
    """One LOAD segment holds it all: interpreter, notes by their owners, symbols, strings, PT_DYNAMIC; then `tail`."""
    wide = bits == 64
    names = b"\0"
    places = {}
    for name in dict.fromkeys((*needed, *imports, *defined, *([runpath] if runpath else []))):
        places[name] = len(names)
        names += name.encode() + b"\0"
    symbols = _symbol(wide, order, 0, 0, 0)
    symbols += b"".join(_symbol(wide, order, places[name], 0x12, 0) for name in imports)
    symbols += b"".join(_symbol(wide, order, places[name], 0x12, 1) for name in defined)
    note = b"".join(struct.pack(f"{order}III", len(owner), 4, 4) + owner + b"abcd" for owner in notes)
    path = interpreter.encode() + b"\0"
    count = 1 + bool(interpreter) + dynamic + 1
    start = (64 if wide else 52) + count * (56 if wide else 32)
    at_path, at_note = start, start + len(path)
    at_symbols = -(-(at_note + len(note)) // 8) * 8
    at_names = at_symbols + len(symbols)
    at_dynamic = -(-(at_names + len(names)) // 8) * 8
    entries = [(NEEDED, places[name]) for name in needed]
    entries += [(tag, places[runpath])] if runpath else []
    entries += [(STRTAB, BASE + at_names), (SYMTAB, BASE + at_symbols), (STRSZ, len(names)), (0, 0)]
    table = b"".join(struct.pack(order + ("qQ" if wide else "iI"), *entry) for entry in entries)
    end = at_dynamic + len(table)
    segments = [(1, 0, end), (4, at_note, len(note))]
    segments += [(3, at_path, len(path))] if interpreter else []
    segments += [(2, at_dynamic, len(table))] if dynamic else []
    body = _head(bits, order, kind, count)
    body += b"".join(_segment(wide, order, *segment) for segment in segments)
    body += path + note
    body = body.ljust(at_symbols, b"\0") + symbols + names
    return body.ljust(at_dynamic, b"\0") + table + tail


def _head(bits: int, order: str, kind: int, count: int) -> bytes:
    ident = b"\x7fELF" + bytes((bits // 32, 1 if order == "<" else 2, 1)) + bytes(9)
    if bits == 64:
        return ident + struct.pack(f"{order}HHIQQQIHHHHHH", kind, 62, 1, 0, 64, 0, 0, 64, 56, count, 0, 0, 0)
    return ident + struct.pack(f"{order}HHIIIIIHHHHHH", kind, 3, 1, 0, 52, 0, 0, 52, 32, count, 0, 0, 0)


def _segment(wide: bool, order: str, kind: int, offset: int, size: int) -> bytes:
    if wide:
        return struct.pack(f"{order}IIQQQQQQ", kind, 4, offset, BASE + offset, 0, size, size, 8)
    return struct.pack(f"{order}IIIIIIII", kind, offset, BASE + offset, 0, size, size, 4, 8)


def _symbol(wide: bool, order: str, name: int, about: int, section: int) -> bytes:
    if wide:
        return struct.pack(f"{order}IBBHQQ", name, about, 0, section, 0, 0)
    return struct.pack(f"{order}IIIBBH", name, 0, 0, about, 0, section)
