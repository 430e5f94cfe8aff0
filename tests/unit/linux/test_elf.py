"""What ELF files import: made ones of every kind, real ones of this machine, and damaged ones."""

from __future__ import annotations

import contextlib
import ctypes
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stratascope.linux.decode import DecodeError
from stratascope.linux.elf import ENTRIES_MAX, LIBRARIES_MAX, SYMBOLS_MAX, Elf, parse_elf, programs_named
from unit.linux.elf_files import RPATH, elf

LIBC = ("libc.so.6",)
LOADER = "/lib64/ld-linux-x86-64.so.2"


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("made", "found"),
    [
        ({"imports": ("setuid", "chown")}, {"imports": ("chown", "setuid")}),
        ({"imports": ("setuid",), "defined": ("main",)}, {"imports": ("setuid",)}),
        ({"kind": 3, "interpreter": ""}, {"interpreter": ""}),  # a library
        ({"needed": ("libpam.so.0", "libc.so.6")}, {"needed": ("libpam.so.0", "libc.so.6")}),
        ({"runpath": "$ORIGIN/../lib:/usr/lib/postfix"}, {"folders": ("$ORIGIN/../lib", "/usr/lib/postfix")}),
        ({"runpath": "/opt/x", "tag": RPATH}, {"folders": ("/opt/x",)}),
        ({"notes": (b"Go\0\0",)}, {"go": True}),
        ({"notes": (b"GNU\0", b"Go\0\0")}, {"go": True}),  # of a Go program that the system's linker linked
        ({"imports": ("_ZN3FooC1Ev", "bad name", "9lives", "x" * 600, "naïve")}, {"imports": ("_ZN3FooC1Ev",)}),
    ],
)
def test_good(bits: int, order: str, made: dict[str, Any], found: dict[str, Any]) -> None:
    expected = {"interpreter": LOADER, "needed": LIBC, **found}
    assert parse_elf(elf(bits=bits, order=order, **made)) == Elf(bits, **expected)


def test_static_programs_import_nothing() -> None:
    for made in (elf(interpreter="", dynamic=False), elf(interpreter="", needed=(), kind=3)):
        assert parse_elf(made).static
    assert not parse_elf(elf()).static


def test_calls_that_go_linked() -> None:
    """Its runtime imports setuid for whoever calls it; the table of its functions says whether anything does."""
    table = b"\0runtime.main\0syscall.Setgid\0vendor/golang.org/x/sys/unix.Mount\0syscall.setsockopt\0mysyscall.X"
    assert parse_elf(elf(imports=("setuid",), notes=(b"GNU\0", b"Go\0\0")) + table).linked == ("mount", "setgid")
    assert parse_elf(elf(imports=("setuid",)) + table).linked == ()


@pytest.mark.parametrize(("program", "becomes"), [("dockerd", False), ("podman", True)])
def test_real_go_programs(program: str, becomes: bool) -> None:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"no {program} on this machine")
    found = parse_elf(Path(path).read_bytes())
    assert found.go
    assert "setresuid" in found.imports
    assert ("setresuid" in found.linked) is becomes
    assert "mount" in found.linked


GOOD = elf(imports=("setuid",))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#!/bin/sh\n",
        GOOD[:15],
        GOOD[:40],  # no program headers
        GOOD[:64],
        GOOD[:4] + b"\x03" + GOOD[5:],  # a class of its own
        GOOD[:5] + b"\x00" + GOOD[6:],  # neither order of bytes
        elf(kind=1),  # an object file
        elf(kind=4),  # a core
        GOOD[:54] + b"\x01\x00" + GOOD[56:],  # program headers of a byte
        GOOD[:56] + b"\xff\xff" + GOOD[58:],  # 65,535 of them
        GOOD[: len(GOOD) - 40],  # cut off in PT_DYNAMIC
    ],
)
def test_bad(data: bytes) -> None:
    with pytest.raises(DecodeError):
        parse_elf(data)


def test_a_table_that_is_nowhere() -> None:
    strings = GOOD.rindex((5).to_bytes(8, "little"))  # DT_STRTAB
    broken = bytearray(GOOD)
    broken[strings + 8 : strings + 16] = (1 << 60).to_bytes(8, "little")
    with pytest.raises(DecodeError):
        parse_elf(bytes(broken))


def test_no_more_than_the_limits_is_looked_at() -> None:
    many = [f"f{number}" for number in range(SYMBOLS_MAX + 500)]
    found = parse_elf(elf(imports=many, needed=[f"lib{number}.so" for number in range(LIBRARIES_MAX + 50)]))
    assert len(found.imports) == SYMBOLS_MAX - 1, "the first symbol is none"
    assert len(found.needed) == LIBRARIES_MAX
    assert parse_elf(elf(needed=["x"] * (ENTRIES_MAX + 1))).needed == (), "its strings would come later"


def test_programs_that_are_named() -> None:
    data = elf(tail=b"x/usr/lib/openssh/sshd-session\0see /usr/bin/less here\0/usr/sbin/sendmail\0")
    assert programs_named(data, 8) == ("/usr/lib/openssh/sshd-session", "/usr/sbin/sendmail")
    assert programs_named(data, 1) == ("/usr/lib/openssh/sshd-session",)


def test_this_very_program() -> None:
    found = parse_elf(Path(sys.executable).resolve().read_bytes())
    assert found.bits == 8 * ctypes.sizeof(ctypes.c_void_p)
    assert not found.static
    assert any(name.startswith("libc.") for name in found.needed)
    assert "__libc_start_main" in found.imports


@pytest.mark.parametrize("program", ["sh", "cat", "ls", "python3", "ssh", "xargs", "runc", "git", "Xvfb"])
def test_as_binutils_says(program: str) -> None:
    path, readelf = shutil.which(program), shutil.which("readelf")
    if path is None or readelf is None:
        pytest.skip("not installed here")
    data = Path(path).resolve().read_bytes()
    if not data.startswith(b"\x7fELF"):
        pytest.skip("a script here")
    said = subprocess.run(
        (readelf, "--dyn-syms", "-W", path), capture_output=True, text=True, errors="replace", check=True
    ).stdout
    rows = [line.split() for line in said.splitlines()]
    undefined = {row[7].partition("@")[0] for row in rows if len(row) > 7 and row[6] == "UND" and row[4] != "LOCAL"}
    assert set(parse_elf(data).imports) == undefined


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    for each in (data, b"\x7fELF\x02\x01\x01" + data, b"\x7fELF\x01\x02\x01" + data):
        with contextlib.suppress(DecodeError):
            parse_elf(each)
    programs_named(data, 4)


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(4, len(GOOD) - 1), st.integers(0, 255)), max_size=12), st.sampled_from([32, 64]))
def test_damaged(changes: list[tuple[int, int]], bits: int) -> None:
    data = bytearray(elf(imports=("setuid", "chown"), bits=bits, runpath="/x"))
    for place, value in changes:
        data[place % len(data)] = value
    with contextlib.suppress(DecodeError):
        found = parse_elf(bytes(data))
        assert len(found.imports) <= len(data) // 16
