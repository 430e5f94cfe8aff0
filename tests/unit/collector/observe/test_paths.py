"""The reader of paths: what it reads, and that it holds nobody up."""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
from pathlib import Path

from rig.collector.asking import needs_root
from stratascope.collector.observe.paths import HANGS_MAX, PathReader

pytestmark = needs_root


def test_text_that_crosses_a_page() -> None:
    memory = mmap.mmap(-1, 2 * mmap.PAGESIZE)
    memory[mmap.PAGESIZE - 3 : mmap.PAGESIZE + 4] = b"/etc/x\0"
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    reader = PathReader()
    try:
        assert reader.text(os.getpid(), address + mmap.PAGESIZE - 3) == "/etc/x"
        assert reader.text(os.getpid(), 1) == ""
        assert reader.text(os.getpid(), (1 << 64) - 1) == ""
        assert not reader.given_up
    finally:
        reader.close()


def test_memory_that_does_not_answer_holds_nobody_up() -> None:
    """The reader's child stands still, as it does in memory that a program has to fill (FUSE) and does not."""
    held = ctypes.create_string_buffer(b"/etc/passwd")
    address = ctypes.addressof(held)
    reader = PathReader()
    try:
        for left in range(HANGS_MAX, 0, -1):
            assert reader.text(os.getpid(), address) == "/etc/passwd"
            os.kill(children()[-1], signal.SIGSTOP)
            assert reader.text(os.getpid(), address) == ""
            assert reader.given_up == (left == 1)
        assert reader.text(os.getpid(), address) == ""
    finally:
        reader.close()


def children() -> list[int]:
    return [int(word) for word in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]
