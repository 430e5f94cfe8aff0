"""BPF instructions by name, with labels: as much of the instruction set as the fixed programs need.

Documentation/bpf/standardization/instruction-set.rst. Registers are numbers: 1 to 5 arguments, 6 to 9 kept over calls,
10 the frame, 0 the result.
"""

from __future__ import annotations

import struct
from typing import Dict, List, Tuple, Union

_INSTRUCTION = struct.Struct("<BBhi")
_COMPARE = {"==": 0x10, ">": 0x20, ">=": 0x30, "!=": 0x50, "<": 0xA0, "<=": 0xB0}
_ALU = {"+": 0x00, "-": 0x10, "*": 0x20, "&": 0x50}
_WIDTH = {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}
_MAP, _MAP_VALUE, _FUNCTION = 1, 2, 4  # BPF_PSEUDO_MAP_FD, BPF_PSEUDO_MAP_VALUE, BPF_PSEUDO_FUNC
FRAME = 10

# include/uapi/linux/bpf.h
MAP_LOOKUP, PROBE_READ, PROBE_READ_STRING, SEQ_WRITE, FOR_EACH = 1, 113, 115, 127, 164

_Item = Tuple[int, int, int, int, int]


class Program:
    """Instructions as they are added; labels are names given by `label`."""

    def __init__(self) -> None:
        self._code: List[_Item] = []
        self._labels: Dict[str, int] = {}
        self._jumps: Dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._code)

    def label(self, name: str) -> None:
        """The next instruction has this name."""
        self._labels[name] = len(self._code)

    def at(self, name: str) -> int:
        """The number of a label's instruction."""
        return self._labels[name]

    def _add(self, code: int, to: int = 0, of: int = 0, offset: int = 0, number: int = 0) -> None:
        self._code.append((code, to, of, offset, number))

    def load(self, to: int, base: int, offset: int, width: int = 8) -> None:
        """`to` = what is at `base` + `offset`."""
        self._add(0x61 | _WIDTH[width], to, base, offset)

    def store(self, base: int, offset: int, of: int, width: int = 8) -> None:
        """Write register `of` there."""
        self._add(0x63 | _WIDTH[width], base, of, offset)

    def store_number(self, base: int, offset: int, number: int, width: int = 8) -> None:
        """Write a number there."""
        self._add(0x62 | _WIDTH[width], base, 0, offset, number)

    def count(self, base: int, offset: int, of: int) -> None:
        """Add register `of` to what is there, at once for all processors."""
        self._add(0xDB, base, of, offset)

    def move(self, to: int, of: int) -> None:
        """`to` = `of`."""
        self._add(0xBF, to, of)

    def set(self, to: int, number: int) -> None:
        """`to` = a number."""
        self._add(0xB7, to, number=number)

    def alu(self, operation: str, to: int, number: int) -> None:
        """`to` = `to` OPERATION number."""
        self._add(0x07 | _ALU[operation], to, number=number)

    def add(self, to: int, of: int) -> None:
        """`to` += `of`."""
        self._add(0x0F, to, of)

    def jump(self, label: str) -> None:
        """Go on there."""
        self._jumps[len(self._code)] = label
        self._add(0x05)

    def jump_if(self, register: int, compare: str, other: Union[int, str], label: str) -> None:
        """Go on there if so; `other` is a number, or a register as `r7`. Unsigned."""
        self._jumps[len(self._code)] = label
        if isinstance(other, str):
            self._add(0x0D | _COMPARE[compare], register, int(other[1:]))
        else:
            self._add(0x05 | _COMPARE[compare], register, number=other)

    def map(self, to: int, descriptor: int) -> None:
        """`to` = that map."""
        self._wide(to, _MAP, descriptor, 0)

    def map_value(self, to: int, descriptor: int) -> None:
        """`to` = the address of the only element of that array."""
        self._wide(to, _MAP_VALUE, descriptor, 0)

    def function(self, to: int, label: str) -> None:
        """`to` = the function that begins there."""
        self._jumps[len(self._code)] = label
        self._wide(to, _FUNCTION, 0, 0)

    def _wide(self, to: int, kind: int, low: int, high: int) -> None:
        self._add(0x18, to, kind, 0, low)
        self._add(0, number=high)

    def call(self, helper: int) -> None:
        """Call a helper of the kernel."""
        self._add(0x85, number=helper)

    def exit(self, number: int) -> None:
        """Return a number."""
        self.set(0, number)
        self._add(0x95)

    def peek(self, to_base: int, to_offset: int, size: int, base: int, offset: int) -> None:
        """Copy `size` bytes of the kernel at register `base` + `offset` to `to_base` + `to_offset`; zeros if it can't.

        Registers 0 to 5 are lost.
        """
        self.move(3, base)
        if offset:
            self.alu("+", 3, offset)
        self.move(1, to_base)
        if to_offset:
            self.alu("+", 1, to_offset)
        self.set(2, size)
        self.call(PROBE_READ)

    def peek_several(self, to_base: int, to_offset: int, count: int, size: int, base: int, offset: int) -> None:
        """The same of `size` bytes times register `count`, whose bounds are known."""
        self.move(2, count)
        self.alu("*", 2, size)
        self.move(3, base)
        self.alu("+", 3, offset)
        self.move(1, to_base)
        self.alu("+", 1, to_offset)
        self.call(PROBE_READ)

    def code(self) -> bytes:
        """The program as the kernel takes it."""
        made = []
        for place, (code, to, of, offset, number) in enumerate(self._code):
            label = self._jumps.get(place)
            distance = 0 if label is None else self._labels[label] - place - 1
            far, near = (distance, 0) if code == 0x18 else (0, distance)
            made.append(_INSTRUCTION.pack(code, to | of << 4, offset + near, number + far))
        return b"".join(made)
