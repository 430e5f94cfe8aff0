"""The layout of this kernel's structures, from its own description (/sys/kernel/btf/vmlinux, `struct btf_header`).

One pass finds where each of some 130,000 types begins, since types refer to each other by their ordinal number; only
the few that are asked for are looked at. It takes some 30 ms of CPU. Little-endian, as all machines that are supported.
"""

from __future__ import annotations

import re
import struct
from array import array
from bisect import bisect_left
from typing import Dict, List, NamedTuple, Optional, Tuple

PATH = "/sys/kernel/btf/vmlinux"
SIZE_MAX = 64 << 20  # bytes; kernels of distributions have 5 to 12 MiB
_MAGIC = 0xEB9F
_HEADER = struct.Struct("<HBBIIIII")
_INT, _PTR, _STRUCT, _UNION, _TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _FUNC, _TAG = 1, 2, 4, 5, 8, 9, 10, 11, 12, 18
_QUALIFIERS = (_TYPEDEF, _VOLATILE, _CONST, _RESTRICT, _TAG)
# Words that follow the three of each type: a fixed number, and some for each of `vlen` elements (include/uapi/linux/
# btf.h: integer, array, structure, union, enumeration, prototype, variable, section, tag of a declaration, enum64)
_FIXED = {1: 1, 3: 3, 14: 1, 17: 1}
_EACH = {4: 3, 5: 3, 6: 2, 13: 2, 15: 3, 19: 3}
_DEPTH_MAX = 8


class NoLayoutError(Exception):
    """The kernel has no description, one that is not understood, or no such structure in it; says which."""


class Field(NamedTuple):
    """Where a field is: bytes from the start of the structure; bit and width for a bit field, else 0 and 0."""

    offset: int
    bit: int
    width: int
    type: int


class _Sizes(Dict[int, int]):
    """The length of a type in words, by its second word: there are only a few hundred different ones."""

    def __missing__(self, info: int) -> int:
        kind = info >> 24 & 31
        found = self[info] = 3 + _FIXED.get(kind, 0) + _EACH.get(kind, 0) * (info & 0xFFFF)
        return found


class Btf:
    """A parsed description. Raises NoLayoutError."""

    def __init__(self, raw: bytes) -> None:
        try:
            magic, _, _, header, types, types_size, names, names_size = _HEADER.unpack_from(raw)
        except struct.error:
            raise NoLayoutError("the kernel's BTF is too short") from None
        if magic != _MAGIC:
            raise NoLayoutError("the kernel's BTF is in another byte order")
        self._raw = raw
        self._types = memoryview(raw)[header + types : header + types + types_size]
        self._start = header + names
        self._end = self._start + names_size
        self._words = array("I")
        if self._words.itemsize != 4 or len(self._types) % 4:
            raise NoLayoutError("the kernel's BTF is not understood")
        self._words.frombytes(self._types)
        self._at = self._walk()
        self._known: Dict[Tuple[str, int], int] = {}

    def _walk(self) -> List[int]:
        """The word at which each type begins, by its number; number 0 is `void`."""
        words, sizes = self._words, _Sizes()
        found, at = [-1], 0
        add, end = found.append, len(self._words)
        try:
            while at < end:
                add(at)
                at += sizes[words[at + 1]]
        except IndexError:
            raise NoLayoutError("the kernel's BTF is cut off") from None
        return found

    def typedef(self, name: str) -> int:
        """The number of a type's other name."""
        return self._numbered(name, _TYPEDEF)

    def function(self, name: str) -> int:
        """The number of a function's type."""
        return self._numbered(name, _FUNC)

    def size(self, name: str) -> int:
        """Bytes of a structure."""
        return self._words[self._at[self._numbered(name, _STRUCT)] + 2]

    def field(self, path: str) -> Field:
        """The field of `structure.field`; in a named member by `structure.member.field`."""
        structure, *names = path.split(".")
        number = self._numbered(structure, _STRUCT)
        offset, found = 0, None
        for name in names:
            found = self._member(number, name, 0)
            if found is None:
                raise NoLayoutError("struct %s has no %s on this kernel" % (structure, name))
            found = found._replace(offset=found.offset + offset)
            offset, number = found.offset, self._bare(found.type)
        if found is None:
            raise NoLayoutError("no field was asked for")
        return found

    def has(self, path: str) -> bool:
        """Whether there is such a field, or such a structure."""
        try:
            if "." in path:
                self.field(path)
            else:
                self._numbered(path, _STRUCT)
        except NoLayoutError:
            return False
        return True

    def points_to(self, field: Field) -> str:
        """The name of the structure that a field points to; "" if it is no such pointer."""
        number = self._bare(field.type)
        if self._kind(number) != _PTR:
            return ""
        number = self._bare(self._words[self._at[number] + 2])
        return self._name(self._words[self._at[number]]) if self._kind(number) == _STRUCT else ""

    def _numbered(self, name: str, kind: int) -> int:
        """The number of a type; each is looked for once."""
        known = self._known.get((name, kind))
        if known is None:
            known = self._known[name, kind] = self._search(name, kind)
        if not known:
            raise NoLayoutError("%s is not in this kernel's BTF" % name)
        return known

    def _search(self, name: str, kind: int) -> int:
        at = self._raw.find(b"\0" + name.encode("ascii") + b"\0", self._start, self._end) - self._start
        if at < 0:
            return 0
        # the name's place, and the kind in the last byte of the next word, with or without the flag for bit fields
        wanted = re.escape(struct.pack("<I", at + 1)) + b"..\0[" + re.escape(bytes((kind, kind | 0x80))) + b"]"
        for found in re.finditer(wanted, self._types, re.DOTALL):
            number = bisect_left(self._at, found.start() // 4)
            if found.start() % 4 == 0 and number < len(self._at) and self._at[number] == found.start() // 4:
                return number
        return 0

    def _member(self, number: int, name: str, depth: int) -> Optional[Field]:
        """A member by name, also one of a nameless structure or union within it."""
        if depth > _DEPTH_MAX or self._kind(number) not in (_STRUCT, _UNION):
            return None
        start = self._at[number]
        info = self._words[start + 1]
        for place in range(start + 3, start + 3 + 3 * (info & 0xFFFF), 3):
            label, kind, where = self._words[place : place + 3]
            bits, width = (where & 0xFFFFFF, where >> 24) if info >> 31 else (where, 0)
            if label:
                if self._name(label) == name:
                    return Field(bits // 8, bits % 8 if width else 0, width, kind)
                continue
            inner = self._member(self._bare(kind), name, depth + 1)
            if inner is not None:
                return inner._replace(offset=inner.offset + bits // 8)
        return None

    def _bare(self, number: int) -> int:
        """The type without typedefs and qualifiers."""
        for _ in range(_DEPTH_MAX * 2):
            if self._kind(number) not in _QUALIFIERS:
                break
            number = self._words[self._at[number] + 2]
        return number

    def _kind(self, number: int) -> int:
        return self._words[self._at[number] + 1] >> 24 & 31 if 0 < number < len(self._at) else 0

    def _name(self, offset: int) -> str:
        start = self._start + offset
        return self._raw[start : self._raw.find(b"\0", start, self._end)].decode("ascii", "replace")


def description() -> bytes:
    """This kernel's own. Raises OSError, NoLayoutError."""
    with open(PATH, "rb") as file:
        raw = file.read(SIZE_MAX + 1)
    if len(raw) > SIZE_MAX:
        raise NoLayoutError("the kernel's BTF is too long")
    return raw
