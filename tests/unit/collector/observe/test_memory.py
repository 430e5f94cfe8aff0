"""What lay in a process's memory, of processes that have mapped, written to and taken away what they named."""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from pathlib import Path

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.observe.memory import NONE, PLACES_MAX, FileOffset, Mapped, Stack, Stacks
from stratascope.collector.observe.paths import PathReader
from stratascope.collector.observe.perf import MAPPED, Record

READ, WRITE, EXEC = 1, 2, 4
PRIVATE, SHARED = 2, 1


def told(first: int, last: int, path: str = "/bin/x", offset: int = 0, protection: int = READ, **more: int) -> bytes:
    fields = (7, 7, first, last - first, offset, 8, 1, more.get("inode", 5), 0, protection, more.get("flags", PRIVATE))
    return MAPPED.pack(*fields) + path.encode() + b"\0"


def mapped(*records: bytes) -> Mapped:
    found = Mapped()
    found.executed(7)
    for each in records:
        found.add_record(7, each)
    return found


@pytest.mark.parametrize(
    ("records", "place"),
    [
        ([told(0x1000, 0x3000, offset=0x400)], FileOffset("/bin/x", 5, 0x1404, 0xFFC)),
        ([told(0x1000, 0x3000, protection=READ | WRITE)], None),
        ([told(0x1000, 0x3000, flags=SHARED)], None),
        ([told(0x3000, 0x4000)], None),
        ([], None),
        # memory of no file came to lie there, of which the kernel says only that
        ([told(0x1000, 0x3000), told(0x2000, 0x3000, "//anon")], None),
        ([told(0x1000, 0x3000), told(0x1000, 0x2000, "//anon")], FileOffset("/bin/x", 5, 0x1004, 0xFFC)),
        # one hole in the middle of it leaves two
        ([told(0x0, 0x9000), told(0x1000, 0x2000, "[heap]")], FileOffset("/bin/x", 5, 0x2004, 0x1000)),
        # what relocation wrote to is closed after (RELRO), and differs from its file
        ([told(0x1000, 0x3000, protection=READ | WRITE), told(0x2000, 0x3000, offset=0x1000)], None),
        # another file in the same place
        (
            [told(0x1000, 0x3000, protection=READ | WRITE), told(0x2000, 0x3000, "/lib/y", inode=6)],
            FileOffset("/lib/y", 6, 4, 0xFFC),
        ),
    ],
)
def test_what_lies_at_an_address(records: list[bytes], place: FileOffset | None) -> None:
    assert mapped(*records).at(7, 0x2004) == place


def test_a_child_has_what_its_parent_has_until_it_is_another_program() -> None:
    found = mapped(told(0x1000, 0x3000))
    found.forked(8, 7)
    found.add_record(7, told(0x1000, 0x3000, "//anon"))
    assert found.at(7, 0x1004) is None
    assert found.at(8, 0x1004) == FileOffset("/bin/x", 5, 4, 0x1000)
    found.executed(8)
    assert found.at(8, 0x1004) is None
    found.forked(9, 6)
    found.add_record(9, told(0x1000, 0x3000))
    assert found.at(9, 0x1004) is None  # its beginning was not seen
    found.lost()
    found.add_record(8, told(0x1000, 0x3000))
    assert found.at(8, 0x1004) is None


def test_a_process_with_mappings_without_end() -> None:
    found = mapped(*(told(0x1000 * n, 0x1000 * (n + 1)) for n in range(PLACES_MAX + 50)))
    assert found.at(7, 0x1004) is not None
    assert found.at(7, 0x1000 * (PLACES_MAX + 20)) is None


@needs_root
def test_a_process_that_was_found_and_its_files(tmp_path: Path) -> None:
    """Ours: a file that is mapped read-only, read out of the file; not once that was written to."""
    file = tmp_path / "held"
    file.write_bytes(b"\0" * 4100 + b"/etc/x\0")
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ) as memory:
        found = Mapped()
        found.add_found(os.getpid())
        lines = [line for line in Path("/proc/self/maps").read_text().split("\n") if str(file) in line]
        first = int(lines[0].partition("-")[0], 16)
        lies = found.at(os.getpid(), first + 4100)
        assert memory[4100:4106] == b"/etc/x"
    assert lies is not None
    assert lies == FileOffset(str(file), file.stat().st_ino, 4100, 2 * mmap.PAGESIZE - 4100)
    reader = PathReader()
    try:
        touched = file.stat().st_ctime_ns
        assert reader.content(os.getpid(), lies, touched + 1) == b"/etc/x\0"
        assert reader.content(os.getpid(), lies, touched) == b""
        assert reader.content(os.getpid(), FileOffset(lies.path, 1, lies.offset, lies.size), touched + 1) == b""
        assert (
            reader.content(os.getpid(), FileOffset(str(tmp_path), lies.inode, lies.offset, lies.size), touched + 1)
            == b""
        )
        assert not reader.given_up
    finally:
        reader.close()


def test_a_stack() -> None:
    stack = Stack([(0x1000, b"abc\0" + b"/etc/x\0" + b"end")])
    assert stack.text(0x1004) == b"/etc/x"
    assert stack.text(0x1003) == b""
    assert stack.text(0x100B) is None  # it goes on where nothing was taken
    assert stack.text(0xFFF) is None
    assert stack.text(0x2000) is None
    assert stack.data(0x100B, 3) == b"end"
    assert stack.data(0x100B, 4) is None
    assert stack.data(0xFFF, 4) is None
    assert NONE.text(0) is None
    two = Stack([(0x1000, b"/x\0/y\0"), (0x1000, b"/x\0/z\0")])
    assert two.text(0x1000) == b"/x"
    assert two.text(0x1003) is None
    assert two.data(0x1000, 6) is None


def record(kind: str, at: int, raw: bytes = b"r", tid: int = 7, stack: bytes = b"/x\0") -> Record:
    return Record(at, kind, 7, tid, raw, b"", (1,), 64, 0x1000, stack)


def test_a_stack_belongs_to_one_call() -> None:
    stacks = Stacks()
    call = record("leave", 1000)
    assert stacks.take([record("stack", 900), call, record("stack", 1100, b"other")]) == [call]
    assert stacks.of(call).text(0x1000) == b"/x"
    assert stacks.of(record("leave", 1000, b"else")) is NONE
    assert stacks.of(record("leave", 1_000_000_000)) is NONE
    assert stacks.of(record("leave", 1000, tid=8)) is NONE
    stacks = Stacks()
    stacks.take([record("stack", 900)])
    stacks.take([call])
    assert stacks.of(call).text(0x1000) == b"/x"  # its ring was emptied before the call's
    stacks.take([])
    stacks.take([])
    assert stacks.of(call) is NONE


def test_of_calls_that_look_alike_none_has_the_other_s() -> None:
    """A loop over one buffer, that names another path each time."""
    first, second = record("leave", 1000), record("leave", 3000)
    stacks = Stacks()
    stacks.take([record("stack", 1500, stack=b"/x\0"), first, second])
    assert stacks.of(first) is NONE  # whose it is can't be told
    stacks = Stacks()
    stacks.take([record("stack", 1500), record("stack", 2900, stack=b"/y\0"), first, second])
    assert stacks.of(first).text(0x1000) is None
    stacks = Stacks()
    stacks.take([record("stack", 1500), record("stack", 2900), first, second])
    assert stacks.of(first).text(0x1000) == stacks.of(second).text(0x1000) == b"/x"


def test_the_kernel_s_record_has_that_form() -> None:
    assert MAPPED.size == struct.calcsize("=IIQQQIIQQII") == 64
    assert ctypes.sizeof(ctypes.c_uint64) == 8
