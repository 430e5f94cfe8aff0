"""Calls really made under real filters whose answers were replaced by harmless markers; see seccomp_try.c."""

from __future__ import annotations

import platform
import shutil
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from stratascope.linux import bpf
from stratascope.linux.seccomp import Action, ActionKind, action_of
from stratascope.linux.syscalls import Abi

SOURCE = Path(__file__).with_name("seccomp_try.c")
_MARKS = {kind: 3000 + place for place, kind in enumerate(ActionKind)}


class Attempt(NamedTuple):
    """One call to be made, by its number in the entry point's table."""

    abi: Abi
    number: int
    arguments: tuple[int, ...] = ()


def can_try() -> bool:
    """Whether this machine is of the kind that seccomp_try.c is written for."""
    return platform.machine() == "x86_64" and shutil.which("gcc") is not None


def build(folder: Path) -> Path:
    """The program, built into that folder."""
    program = folder / "seccomp_try"
    subprocess.run(("gcc", "-O1", "-Wall", "-Wno-unused-result", "-o", str(program), str(SOURCE)), check=True)
    return program


def mark(action: Action) -> int:
    """The errno by which a replaced answer is known again."""
    return 1000 + action.number if action.kind is ActionKind.ERRNO else _MARKS[action.kind]


def marked(raw: bytes) -> bytes:
    """The filter with each constant answer replaced by ERRNO with its mark: nothing passes, nothing kills."""
    found = []
    for code, true, false, k in bpf.decode(raw):
        value = 0x00050000 | mark(action_of(k)) if code == bpf.RET_K else k
        found.append(struct.pack("<HBBI", code, true, false, value))
    return b"".join(found)


def attempt(program: Path, filters: Sequence[bytes], attempts: Sequence[Attempt]) -> tuple[list[int], int]:
    """What each call returned, and the status of the process that made them (0: it lived to the end)."""
    parts = [struct.pack("<I", len(filters))]
    for raw in filters:
        parts += [struct.pack("<I", len(raw) // 8), raw]
    parts.append(struct.pack("<I", len(attempts)))
    for abi, number, arguments in attempts:
        values = (*arguments, *(0,) * (6 - len(arguments)))
        parts.append(struct.pack("<8Q", abi is Abi.I386, number | abi.number_bit, *values))
    done = subprocess.run((str(program),), input=b"".join(parts), capture_output=True, check=True)
    found = struct.unpack(f"<{len(attempts) + 1}q", done.stdout)
    return list(found[:-1]), found[-1]
