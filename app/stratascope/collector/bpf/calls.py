"""bpf(2) for an iterator over all threads, and for tracepoints: maps, programs, and a descriptor to read from. And how
many programs a control group is under.

Only needs ctypes.
"""

from __future__ import annotations

import mmap
import os
import struct
from errno import E2BIG, EAGAIN, EINTR
from typing import Any, List, Optional, Tuple

_NUMBERS = {"x86_64": 321, "aarch64": 280}
# include/uapi/linux/bpf.h, enum bpf_cmd
_MAP_CREATE, _MAP_LOOKUP, _MAP_UPDATE, _MAP_DELETE = 0, 1, 2, 3
_PROG_LOAD, _PROG_QUERY, _RAW_TRACEPOINT_OPEN, _BTF_LOAD, _LINK_CREATE, _ITER_CREATE = 5, 16, 17, 18, 28, 33
_TRACING, _TRACE_POINT, _TRACE_ITER = 26, 23, 28  # BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, BPF_TRACE_ITER
INGRESS, EGRESS = 0, 1  # BPF_CGROUP_INET_*
_EFFECTIVE = 1  # BPF_F_QUERY_EFFECTIVE: those of the groups above, too
HASH, ARRAY = 1, 2
READ_ONLY, SHARED = 1 << 3, 1 << 10  # BPF_F_RDONLY: not to be written by this program; BPF_F_MMAPABLE
_LOG = 1 << 16
_READ_MAX = 64 << 20  # bytes of one walk over all threads; 2^22 of them at most
# BTF of our two functions, int main(void) and int step(void): the kernel wants to know which one is called back
_STRINGS = b"\0int\0walk\0step\0"
_TYPES = b"".join(
    struct.pack("<III", *words) + more
    for words, more in (
        ((1, 1 << 24, 4), struct.pack("<I", 1 << 24 | 32)),
        ((0, 13 << 24, 1), b""),
        ((5, 12 << 24, 2), b""),
        ((10, 12 << 24, 2), b""),
    )
)
_BTF = struct.pack("<HBBIIIII", 0xEB9F, 1, 0, 24, 0, len(_TYPES), len(_TYPES), len(_STRINGS)) + _TYPES + _STRINGS


class BpfError(OSError):
    """The kernel refused a call: errno, which call it was, and the verifier's last words."""

    def __init__(self, number: int, what: str, words: str = "") -> None:
        super().__init__(number, os.strerror(number))
        self.what, self.words = what, words


class Bpf:
    """The system call. Raises ImportError without ctypes, BpfError where the kernel refuses."""

    def __init__(self) -> None:
        import ctypes

        self._ctypes: Any = ctypes
        self._number = _NUMBERS.get(os.uname().machine)
        self._call: Any = ctypes.CDLL(None, use_errno=True).syscall
        self._call.restype = ctypes.c_long

    @property
    def known(self) -> bool:
        """Whether the call's number is known on this machine."""
        return self._number is not None

    def _do(self, command: int, attributes: Any, what: str, log: Any = None) -> int:
        """`attributes`: bytes, or a buffer that the kernel writes to."""
        ctypes = self._ctypes
        buffer = (
            ctypes.create_string_buffer(attributes, len(attributes)) if isinstance(attributes, bytes) else attributes
        )
        found = int(
            self._call(ctypes.c_long(self._number or 0), ctypes.c_long(command), buffer, ctypes.c_long(len(attributes)))
        )
        if found < 0:
            words = log.value.decode("ascii", "replace").strip().splitlines()[-3:] if log is not None else []
            raise BpfError(ctypes.get_errno(), what, "; ".join(words))
        return found

    def map(self, kind: int, key: int, value: int, entries: int, flags: int = 0) -> int:
        """A map's descriptor."""
        return self._do(_MAP_CREATE, struct.pack("<IIIII", kind, key, value, entries, flags) + bytes(52), "map")

    def put(self, descriptor: int, key: bytes, value: bytes) -> None:
        """Set an element."""
        one, two = (self._ctypes.create_string_buffer(each, len(each)) for each in (key, value))
        address = self._ctypes.addressof
        self._do(_MAP_UPDATE, struct.pack("<IIQQQ", descriptor, 0, address(one), address(two), 0), "element")

    def get(self, descriptor: int, key: bytes, size: int) -> Optional[bytes]:
        """An element of that size; None if there is none."""
        one, two = self._ctypes.create_string_buffer(key, len(key)), self._ctypes.create_string_buffer(size)
        address = self._ctypes.addressof
        try:
            self._do(_MAP_LOOKUP, struct.pack("<IIQQQ", descriptor, 0, address(one), address(two), 0), "element")
        except BpfError:
            return None
        return bytes(two.raw)

    def take_out(self, descriptor: int, key: bytes) -> None:
        """Remove an element."""
        one = self._ctypes.create_string_buffer(key, len(key))
        address = self._ctypes.addressof(one)
        self._do(_MAP_DELETE, struct.pack("<IIQQQ", descriptor, 0, address, 0, 0), "element")

    def iterator(self, code: bytes, attach: int, step: int = 0) -> int:
        """Load a program for walks over threads: its descriptor, for `attached`.

        `attach`: the number of `bpf_iter_task` in the kernel's BTF. `step`: the instruction where a function begins
        that is called back.
        """
        ctypes = self._ctypes
        text, licence = self._texts(code)
        described, functions = -1, None
        attributes = self._traced(code, text, licence, _TRACE_ITER, attach)
        try:
            if step:
                described = self._describe()
                functions = ctypes.create_string_buffer(struct.pack("<IIII", 0, 3, step, 4), 16)
                struct.pack_into("<IIQI", attributes, 72, described, 8, ctypes.addressof(functions), 2)
            return self._load(attributes)
        finally:
            if described >= 0:
                os.close(described)

    def attached(self, program: int, process: int = 0) -> int:
        """Attach it to the walk over all threads, or over those of that process: a link's descriptor. Kernels before
        6.1 know no walk over one process's: E2BIG.
        """
        info = self._ctypes.create_string_buffer(struct.pack("<III", 0, process, 0), 12)  # union bpf_iter_link_info
        where = (self._ctypes.addressof(info), len(info)) if process else (0, 0)
        attributes = struct.pack("<IIIIQI", program, 0, _TRACE_ITER, 0, *where) + bytes(20)
        return self._do(_LINK_CREATE, attributes, "link")

    def tracepoint(self, code: bytes, attach: int) -> int:
        """Load a program and attach it to a tracepoint: a link's descriptor. `attach`: the number of `btf_trace_NAME`
        in the kernel's BTF.
        """
        text, licence = self._texts(code)
        program = self._load(self._traced(code, text, licence, _TRACE_POINT, attach))
        try:
            return self._do(_RAW_TRACEPOINT_OPEN, struct.pack("<QII", 0, program, 0), "tracepoint")
        finally:
            os.close(program)

    def _texts(self, code: bytes) -> Tuple[Any, Any]:
        return (
            self._ctypes.create_string_buffer(code, len(code)),
            self._ctypes.create_string_buffer(b"GPL"),
        )

    def _traced(self, code: bytes, text: Any, licence: Any, how: int, attach: int) -> bytearray:
        attributes = bytearray(144)
        places = map(self._ctypes.addressof, (text, licence))
        struct.pack_into("<IIQQ", attributes, 0, _TRACING, len(code) // 8, *places)
        struct.pack_into("<16s", attributes, 48, b"stratascope")
        struct.pack_into("<I", attributes, 68, how)
        struct.pack_into("<I", attributes, 108, attach)
        return attributes

    def _load(self, attributes: bytearray) -> int:
        try:
            return self._do(_PROG_LOAD, bytes(attributes), "program")
        except BpfError:
            # once more, for the verifier's words: a log makes loading slow
            log = self._ctypes.create_string_buffer(_LOG)
            struct.pack_into("<IIQ", attributes, 24, 1, _LOG, self._ctypes.addressof(log))
            return self._do(_PROG_LOAD, bytes(attributes), "program", log)

    def _describe(self) -> int:
        text = self._ctypes.create_string_buffer(_BTF, len(_BTF))
        return self._do(_BTF_LOAD, struct.pack("<QQIIII", self._ctypes.addressof(text), 0, len(_BTF), 0, 0, 0), "BTF")

    def in_effect(self, group: int, kind: int) -> int:
        """How many programs of that kind a control group is under. `group`: a descriptor of its folder."""
        attributes = self._ctypes.create_string_buffer(struct.pack("<III", group, kind, _EFFECTIVE), 64)
        self._do(_PROG_QUERY, attributes, "query")
        return int(struct.unpack_from("<I", attributes, 24)[0])  # prog_cnt

    def walk(self, link: int) -> bytes:
        """Run the program once for every thread of that walk: what it has written."""
        descriptor = self._do(_ITER_CREATE, struct.pack("<II", link, 0), "iterator")
        parts: List[bytes] = []
        size = 0
        try:
            while size < _READ_MAX:
                try:
                    part = os.read(descriptor, 1 << 20)
                except OSError as error:
                    if error.errno in (EAGAIN, EINTR):
                        continue
                    raise BpfError(error.errno or E2BIG, "walk") from error
                if not part:
                    break
                parts.append(part)
                size += len(part)
        finally:
            os.close(descriptor)
        return b"".join(parts)


def memory(descriptor: int, size: int) -> mmap.mmap:
    """The only element of a shared array. Raises OSError."""
    return mmap.mmap(descriptor, size, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
