"""Programs that the kernel does not run, told by their files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.core.container import Status
from stratascope.core.refusals.ended.ending import End
from stratascope.core.refusals.ended.program_file import Flaw, by_file, concerns, examined, named
from stratascope.core.relaunch.launch_spec import ContainerFile

ELF = Path("/bin/ls").read_bytes()


def header(machine: int, order: bytes = b"\x01", bits: bytes = b"\x02") -> bytes:
    number = machine.to_bytes(2, "little" if order == b"\x01" else "big")
    return b"\x7fELF" + bits + order + b"\x01" + bytes(9) + b"\x02\x00" + number + bytes(44)


@pytest.mark.parametrize(
    ("data", "flaw", "detail"),
    [
        (header(183), Flaw.OTHER_MACHINE, "arm64"),
        (header(40, bits=b"\x01"), Flaw.OTHER_MACHINE, "arm"),
        (header(21), Flaw.OTHER_MACHINE, "ppc64le"),
        (header(22, b"\x02"), Flaw.OTHER_MACHINE, "s390x"),
        (header(999), Flaw.OTHER_MACHINE, "999"),
        (b"\x7fELF", Flaw.NO_FORMAT, ""),
        (b"", Flaw.EMPTY, ""),
        (b"echo\n", Flaw.NO_FORMAT, ""),
        (b"\xef\xbb\xbf#!/bin/sh\n", Flaw.MARKED, ""),
        (b"#!/bin/sh\r\necho\r\n", Flaw.LINE_END, "/bin/sh"),
        (b"#!/usr/bin/env bash\r\n", Flaw.LINE_END, "/usr/bin/env"),
        (b"#!/bin/sh\n", None, ""),
        (header(62), None, ""),
        (header(3, bits=b"\x01"), None, ""),  # 64-bit machines run it
    ],
)
def test_what_is_wrong_with_it(data: bytes, flaw: Flaw | None, detail: str) -> None:
    found = examined(ContainerFile("/x", 0o755, data), "amd64")
    assert (found.flaw, found.detail) == (flaw, detail)
    assert (by_file(found, End(Status.EXITED, machine="amd64")) is None) == (flaw is None)


def test_what_it_needs() -> None:
    assert examined(ContainerFile("/x", 0o755, ELF), "amd64").needs.startswith("/lib")
    assert examined(ContainerFile("/x", 0o755, b"#! /usr/bin/perl -w\n"), "amd64").needs == "/usr/bin/perl"


def test_where_nothing_can_be_told() -> None:
    assert examined(ContainerFile("/x", 0, None), "amd64").flaw is None
    assert examined(ContainerFile("/x", 0o644, b"#!/bin/sh\n"), "amd64").flaw is Flaw.NOT_EXECUTABLE
    assert examined(ContainerFile("/x", 0o755, header(183)), "").flaw is None, "the machine is not known"


@given(st.binary(max_size=400), st.sampled_from((b"", b"#!", b"\x7fELF\x02\x01", b"\x7fELF\x01\x02")))
def test_foreign_files_never_fail(data: bytes, begin: bytes) -> None:
    by_file(examined(ContainerFile("/x", 0o755, begin + data), "amd64"), End(Status.EXITED))


def test_only_the_end_of_the_log_speaks_of_it() -> None:
    line = "exec /f/arm: exec format error"
    assert named([line]) == named(["hello", line, ""]) == "/f/arm"
    assert named([line, "a", "b", "c"]) == ""
    crun = (
        '{"msg":"exec container process (missing dynamic library?) `/f/x`: No such file or directory","level":"error"}'
    )
    assert named([crun]) == "/f/x"
    assert not concerns("network nosuch not found", ["hello"])
