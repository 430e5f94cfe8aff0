"""ELF files: what a program imports from shared libraries. Pure; elf(5), the generic ABI (gabi), and no process.

Reads what the dynamic linker reads: program headers, PT_DYNAMIC, its strings and its undefined symbols. Section headers
are ignored: they are at the end of a file that may be truncated, and nothing needs them at run time. No tag gives the
number of symbols, but their table ends before the next one begins; anything read past its end is dropped, since it is
no valid name. Whatever the file claims, reads stay within the limits here.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice

from stratascope.linux.decode import DecodeError
from stratascope.value import Value, replace

SEGMENTS_MAX = 256
ENTRIES_MAX = 1024  # in PT_DYNAMIC
SYMBOLS_MAX = 1 << 16  # undefined symbols come first in what GNU's linkers write
LIBRARIES_MAX = 128
NAME_MAX = 512  # bytes per name: C++ has longer ones, libc's functions don't
PATH_MAX = 4096

_EXECUTABLE, _SHARED = 2, 3  # e_type; a position-independent executable is a shared object too
_LOAD, _DYNAMIC, _INTERPRETER, _NOTE = 1, 2, 3, 4  # p_type
_END, _NEEDED, _STRINGS, _SYMBOLS, _STRINGS_SIZE, _RPATH, _RUNPATH = 0, 1, 5, 6, 10, 15, 29  # d_tag
# d_tag of tables' addresses, which may follow the symbols
_TABLES = frozenset((4, 5, 7, 17, 23, 25, 26, 32, 36, 0x6FFFFEF5, 0x6FFFFFF0, 0x6FFFFFFC, 0x6FFFFFFE))
_OF_DYNAMIC_LINKER = frozenset((0, 1, 2, 6, 10))  # st_type: none, object, function, TLS, GNU indirect function
_GLOBAL, _WEAK = 1, 2  # st_bind
# e_machine, elf.h: the second name is for little endian
_MACHINES = {
    3: ("386",),
    8: ("mips", "mipsle"),
    21: ("ppc64", "ppc64le"),
    22: ("s390x",),
    40: ("arm",),
    62: ("amd64",),
    183: ("arm64",),
    243: ("riscv64",),
    258: ("loong64",),
}
_GO = b"Go\0\0"  # owner of the note with Go's build id, cmd/internal/buildid
# In the table of a Go program's functions, which no strip removes (runtime.pclntab). Its linker leaves out what nothing
# calls
_GO_CALLS = (
    re.compile(rb"syscall\.([A-Z][A-Za-z0-9]{1,30})\0").finditer,
    re.compile(rb"golang\.org/x/sys/unix\.([A-Z][A-Za-z0-9]{1,30})\0").finditer,
)
LINKED_MAX = 512
_NAME = re.compile(rb"[A-Za-z_][A-Za-z0-9_.$@]*").fullmatch
_PROGRAM = re.compile(rb"/(?:usr/)?(?:local/)?(?:lib|libexec|sbin|bin)/[A-Za-z0-9_.+/-]{1,200}(?=\0)")


class Elf(Value):
    """A program or a shared library. `imports`: names of imported symbols, in order, without versions."""

    bits: int  # 32 or 64
    interpreter: str = ""  # the dynamic linker it requests
    needed: tuple[str, ...] = ()  # DT_NEEDED: a name, or a path
    folders: tuple[str, ...] = ()  # DT_RUNPATH or DT_RPATH, as written: $ORIGIN is the file's directory
    imports: tuple[str, ...] = ()
    go: bool = False  # a Go program: it makes system calls without libc, and its runtime imports what it never calls
    linked: tuple[str, ...] = ()  # of a Go program: names of calls, in lower case, whose functions it contains

    @property
    def static(self) -> bool:
        """Whether it is statically linked, so that its imports say nothing about what it does."""
        return not self.interpreter and not self.needed


class _Segment(Value):
    kind: int
    offset: int
    address: int
    size: int  # in the file


def is_elf(data: bytes) -> bool:
    return data[:4] == b"\x7fELF"


def machine(data: bytes) -> str:
    """The machine it was built for, as images name it (Go's: amd64, arm64); its number if that has no name.

    Needs the first 20 bytes. Raises DecodeError.
    """
    if not is_elf(data) or len(data) < 20 or data[5] not in (1, 2):
        raise DecodeError(f"no ELF file: {data[:6]!r}")
    number = int.from_bytes(data[18:20], "little" if data[5] == 1 else "big")
    names = _MACHINES.get(number, (str(number),))
    return names[-1] if data[5] == 1 else names[0]


def parse_elf(data: bytes) -> Elf:
    """Parse a whole file, or its beginning if that contains the tables. Raises DecodeError."""
    if not is_elf(data) or len(data) < 20 or data[4] not in (1, 2) or data[5] not in (1, 2):
        raise DecodeError(f"no ELF file: {data[:6]!r}")
    file = _File(data, bits=32 * data[4], order="<" if data[5] == 1 else ">")
    (kind,) = file.fields("H", 16)
    if kind not in (_EXECUTABLE, _SHARED):
        raise DecodeError(f"neither a program nor a library: e_type {kind}")
    segments = tuple(file.segments())
    interpreter = next((file.bytes_of(each) for each in segments if each.kind == _INTERPRETER), b"")
    go = any(each.kind == _NOTE and _GO in file.notes(each) for each in segments)
    dynamic = next((each for each in segments if each.kind == _DYNAMIC), None)
    found = Elf(file.bits, _text(interpreter.rstrip(b"\0")), go=go, linked=_linked_calls(data) if go else ())
    if dynamic is None:
        return found
    return _linked(found, file, segments, tuple(file.entries(dynamic)))


def _linked_calls(data: bytes) -> tuple[str, ...]:
    found = {match[1].decode("ascii").lower() for find in _GO_CALLS for match in islice(find(data), LINKED_MAX)}
    return tuple(sorted(found))


def programs_named(data: bytes, most: int) -> tuple[str, ...]:
    """Paths of programs in the file that are whole strings, as those that it executes are; at most `most`."""
    found: dict[str, None] = {}
    for match in _PROGRAM.finditer(data):
        found.setdefault(match[0].decode("ascii"))
        if len(found) == most:
            break
    return tuple(found)


def _linked(found: Elf, file: _File, segments: tuple[_Segment, ...], entries: tuple[tuple[int, int], ...]) -> Elf:
    tags = dict(reversed(entries))  # the first of each tag counts
    if _STRINGS not in tags:
        return found
    strings = file.at(segments, tags[_STRINGS])
    end = min(len(file.data), strings + tags.get(_STRINGS_SIZE, 0))
    names = file.data[strings:end]
    needed = [_string(names, value, PATH_MAX) for tag, value in entries if tag == _NEEDED][:LIBRARIES_MAX]
    path = _string(names, tags.get(_RUNPATH, tags.get(_RPATH, len(names))), PATH_MAX)
    folders = tuple(folder for folder in _text(path).split(":") if folder)[:LIBRARIES_MAX]
    imports: frozenset[str] = frozenset()
    if _SYMBOLS in tags:
        later = [value for tag, value in entries if tag in _TABLES and value > tags[_SYMBOLS]]
        room = min(later) - tags[_SYMBOLS] if later else 0
        imports = file.undefined(file.at(segments, tags[_SYMBOLS]), room, names)
    libraries = tuple(text for name in needed if (text := _text(name)))
    return replace(found, needed=libraries, folders=folders, imports=tuple(sorted(imports)))


class _File:
    """Reads numbers of one ELF class and byte order from data of any length."""

    def __init__(self, data: bytes, *, bits: int, order: str) -> None:
        self.data, self.bits, self._order = data, bits, order

    def fields(self, form: str, offset: int) -> tuple[int, ...]:
        try:
            return struct.unpack_from(self._order + form, self.data, offset)
        except (struct.error, OverflowError) as error:
            raise DecodeError(f"cut off at {offset}") from error

    def segments(self) -> Iterator[_Segment]:
        wide = self.bits == 64
        start, size, count = (
            (*self.fields("Q", 32), *self.fields("HH", 54)) if wide else (*self.fields("I", 28), *self.fields("HH", 42))
        )
        if count > SEGMENTS_MAX or size < (56 if wide else 32):
            raise DecodeError(f"{count} program headers of {size} bytes")
        for place in range(count):
            at = start + place * size
            if wide:
                kind, _, offset, address, _, length = self.fields("IIQQQQ", at)
            else:
                kind, offset, address, _, length = self.fields("IIIII", at)
            yield _Segment(kind, offset, address, length)

    def bytes_of(self, segment: _Segment) -> bytes:
        """The segment's first bytes, at most a path's length."""
        return self.data[segment.offset : segment.offset + min(segment.size, PATH_MAX)]

    def notes(self, segment: _Segment) -> Iterator[bytes]:
        """The owner of each note at the segment's beginning, elf(5): a linker puts several into one segment."""
        data = self.bytes_of(segment)
        place = 0
        while place + 12 <= len(data):
            name, description = struct.unpack_from(self._order + "II", data, place)
            yield data[place + 12 : place + 12 + name]
            place += 12 + name + -name % 4 + description + -description % 4

    def entries(self, segment: _Segment) -> Iterator[tuple[int, int]]:
        form, size = ("qQ", 16) if self.bits == 64 else ("iI", 8)
        for place in range(min(segment.size // size, ENTRIES_MAX)):
            tag, value = self.fields(form, segment.offset + place * size)
            if tag == _END:
                return
            yield tag, value

    def at(self, segments: tuple[_Segment, ...], address: int) -> int:
        """The file offset of an address."""
        for each in segments:
            if each.kind == _LOAD and each.address <= address < each.address + each.size:
                place = each.offset + address - each.address
                if place < len(self.data):
                    return place
        raise DecodeError(f"address {address:#x} is not in what there is of the file")

    def undefined(self, start: int, room: int, names: bytes) -> frozenset[str]:
        form, size = ("IBBHQQ", 24) if self.bits == 64 else ("IIIBBH", 16)
        room = min(room, SYMBOLS_MAX * size, len(self.data) - start)
        table = memoryview(self.data)[start : start + room - room % size]
        found = set()
        for entry in struct.iter_unpack(self._order + form, table):
            name, about, section = (entry[0], entry[1], entry[3]) if self.bits == 64 else (entry[0], *entry[3::2])
            # section 0 is SHN_UNDEF: the symbol is defined elsewhere
            if section or about >> 4 not in (_GLOBAL, _WEAK) or about & 15 not in _OF_DYNAMIC_LINKER:
                continue
            text = _string(names, name, NAME_MAX)
            if _NAME(text):
                found.add(text.decode("ascii"))
        return frozenset(found)


def _string(names: bytes, start: int, most: int) -> bytes:
    """The string up to its NUL; empty if there is none within `most` bytes."""
    end = names.find(b"\0", start, start + most) if start < len(names) else -1
    return names[start:end] if end >= 0 else b""


def _text(path: bytes) -> str:
    """Empty if it is no valid path."""
    return path.decode("utf-8", "surrogateescape") if b"\0" not in path else ""
