"""What was in a process's memory when a call was refused, for processes that can't be read any more.

A path that a program names is mostly a constant, which is in its file as it is in its memory: pages that are not
writable are the file's own (mmap(2), MAP_PRIVATE). The kernel reports each mapping when it is made (perf_event_open(2),
PERF_RECORD_MMAP2), in order with the other records. It does not report unmapping, so a later mapping over it counts,
and memory itself before both, if it can still be read. A mapping that was ever writable may differ from its file and is
left out (mprotect(2) is reported as another mapping at the same place). If records were lost, nothing is known of any
process until it executes another program.

Names out of argv, and those composed in a buffer, are on the stack, which the kernel copies at that moment: a record
beside the one of the refused call, in the ring of records that may be lost (`perf`). Only the argument's own bytes are
read from it.

Only where a BPF program can't copy the argument itself (`system_calls`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import Callable, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple

from stratascope.collector.observe.perf import MAPPED, Record
from stratascope.collector.read import TooLongError, read_file

PROCESSES_MAX = 1 << 14
PLACES_MAX = 4096  # mappings of one process
_TEXT_MAX = 4096
_WRITE, _SHARED = 2, 1  # PROT_WRITE, MAP_SHARED
_APART = 4000000  # nanoseconds between the two records of one call, at most: many on an emulated machine
_KEPT = 1024  # records of the last round, whose calls may come yet


class FileOffset(NamedTuple):
    """A place in a file; at most `size` bytes from there were mapped."""

    path: str
    inode: int
    offset: int
    size: int


class _Piece(NamedTuple):
    first: int
    last: int  # the first address after it
    offset: int
    inode: int
    path: str
    written: bool  # it was writable, or is


class Mapped:
    """The file mappings of all processes, in the order of time."""

    def __init__(self) -> None:
        self._known: Dict[int, List[_Piece]] = {}  # by process, in the order of addresses

    def add_found(self, pid: int) -> None:
        """Read the current mappings of a process that was found."""
        try:
            text = read_file("/proc/%d/maps" % pid)
        except (OSError, TooLongError):
            return
        self._known[pid] = []
        for line in text.split("\n"):
            words = line.split(None, 5)
            if len(words) == 6 and words[5].startswith("/"):
                first, _, last = words[0].partition("-")
                # octal escapes make it another name; whether it was writable before is unknown
                written = "w" in words[1] or "s" in words[1] or "\\" in words[5]
                place = int(first, 16), int(last, 16), int(words[2], 16)
                self._add(pid, _Piece(*place, int(words[4]), words[5], written))

    def add_record(self, pid: int, data: bytes) -> None:
        """Handle a mapping record of the kernel's."""
        _, _, first, size, offset, _, _, inode, _, protection, flags = MAPPED.unpack_from(data)
        path = data[MAPPED.size :].split(b"\0")[0].decode("utf-8", "surrogateescape")
        written = bool(protection & _WRITE or flags & _SHARED)
        self._add(pid, _Piece(first, first + size, offset, inode, "" if path.startswith("//") else path, written))

    def forked(self, pid: int, parent: int) -> None:
        """Copy the parent's mappings to a child."""
        above = self._known.get(parent)
        if above is not None:
            self._known[pid] = above

    def executed(self, pid: int) -> None:
        """Clear a process's mappings at exec; its new ones follow."""
        if len(self._known) >= PROCESSES_MAX:
            self._known.clear()
        self._known[pid] = []

    def process_ended(self, pid: int) -> None:
        """Forget a process that has ended."""
        self._known.pop(pid, None)

    def lost(self) -> None:
        """Forget everything: records were lost."""
        self._known.clear()

    def at(self, pid: int, address: int) -> Optional[FileOffset]:
        """The file content at an address; None if it is not a file's, or may have been written to."""
        pieces = self._known.get(pid, [])
        place = bisect_right(pieces, _key(address, 1 << 64)) - 1
        if place < 0:
            return None
        piece = pieces[place]
        if piece.written or not piece.first <= address < piece.last:
            return None
        return FileOffset(
            piece.path, piece.inode, piece.offset + address - piece.first, min(piece.last - address, _TEXT_MAX)
        )

    def _add(self, pid: int, new: _Piece) -> None:
        pieces = self._known.get(pid)
        if pieces is None:
            return  # not known since its start
        first = max(0, bisect_left(pieces, _key(new.first, 0)) - 1)
        kept: List[_Piece] = pieces[:first]
        after: List[_Piece] = []
        for number in range(first, len(pieces)):
            old = pieces[number]
            if old.first >= new.last:
                after += pieces[number:]
                break
            if old.last <= new.first:
                kept.append(old)
                continue
            if old.written and old.inode == new.inode and old.offset - old.first == new.offset - new.first:
                new = new._replace(written=True)
            if old.first < new.first:
                kept.append(old._replace(last=new.first))
            if old.last > new.last:
                after.append(old._replace(first=new.last, offset=old.offset + new.last - old.first))
        if new.path.startswith("/"):
            kept.append(new)
        self._known[pid] = (kept + after)[:PLACES_MAX]


def _key(first: int, last: int) -> _Piece:
    return _Piece(first, last, 0, 0, "", False)


class Stack:
    """The stack bytes copied from an address on; of several copies only what is the same in all counts."""

    def __init__(self, taken: Sequence[Tuple[int, bytes]]) -> None:
        self._taken = taken

    def text(self, address: int) -> Optional[bytes]:
        """A string without its terminating zero byte; None unless all of it is there."""
        return self._same([_text(data, address - first) for first, data in self._taken])

    def data(self, address: int, size: int) -> Optional[bytes]:
        """`size` bytes; None unless all of them are there."""
        return self._same(
            [
                data[address - first : address - first + size] if 0 <= address - first <= len(data) - size else None
                for first, data in self._taken
            ]
        )

    def _same(self, found: List[Optional[bytes]]) -> Optional[bytes]:
        return found[0] if found and found.count(found[0]) == len(found) else None


NONE = Stack(())
_Call = Tuple[int, bytes, Tuple[int, ...]]  # thread, record, registers


class Stacks:
    """Stack records, until their calls come.

    It is unknown which of the two records of a call comes first, and a loop makes identical calls: so there must be one
    stack record for each call close in time.
    """

    def __init__(self) -> None:
        self._before: List[Record] = []
        self._stacks: Dict[_Call, List[Record]] = {}
        self._calls: Dict[_Call, List[int]] = {}

    def take(self, records: List[Record]) -> List[Record]:
        """Keep the stack records and return all others."""
        mine = [each for each in records if each.kind in ("stack", "leave")]
        self._stacks, self._calls = {}, {}
        for each in self._before + mine:
            call = each.tid, each.raw, each.registers
            if each.kind == "stack":
                self._stacks.setdefault(call, []).append(each)
            else:
                self._calls.setdefault(call, []).append(each.time)
        self._before = mine[-_KEPT:]
        return [each for each in records if each.kind != "stack"]

    def of(self, record: Record) -> Stack:
        """The stack at that exit of a call."""
        call = record.tid, record.raw, record.registers
        near = [each for each in self._stacks.get(call, ()) if abs(each.time - record.time) < _APART]
        alike = [at for at in self._calls.get(call, ()) if abs(at - record.time) < _APART]
        if not near or len(near) < len(alike):
            return NONE
        return Stack([(each.extra, each.stack) for each in near])


def used_last(
    records: List[Record], places: Dict[int, Set[int]], entered: Callable[[bytes], Tuple[int, ...]]
) -> Dict[Tuple[int, int], int]:
    """When each thread last named one of these addresses in a call, or its process executed another program, which
    counts for all of them. `entered`: returns number and arguments of a sys_enter.
    """
    last: Dict[Tuple[int, int], int] = {}
    for record in records:
        thread = record.pid if record.kind == "exec" else record.tid
        mine = places.get(thread)
        if mine is None or record.kind not in ("enter", "leave", "exec"):
            continue
        if record.kind != "exec":
            mine = mine.intersection(entered(record.raw)[1:] if record.kind == "enter" else record.registers)
        for place in mine:
            last[thread, place] = max(record.time, last.get((thread, place), 0))
    return last


def _text(data: bytes, place: int) -> Optional[bytes]:
    end = data.find(b"\0", place) if 0 <= place < len(data) else -1
    return data[place:end] if end >= 0 and end - place < _TEXT_MAX else None
