"""One file out of an engine's archive: as tar writes it, damaged, and too clever."""

from __future__ import annotations

import base64
import contextlib
import json
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.engines.shared.archives import tar
from stratascope.engines.shared.host_files import STAT, file_in, link_target, may_hold_file, stat_of

FORMATS = (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)


def head(**about: Any) -> dict[str, str]:
    return {STAT: base64.b64encode(json.dumps(about).encode()).decode()}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", ["sh", "x" * 300])
@pytest.mark.parametrize("data", [b"", b"hello", bytes(511), bytes(512), bytes(9000)])
def test_a_file(form: int, name: str, data: bytes) -> None:
    name = name[:90] if form == tarfile.USTAR_FORMAT else name
    found = file_in(tar(name, data, form, mode=0o4755, pax_headers={"mtime": "1.5"}), "/bin/sh")
    assert found is not None
    assert (found.path, found.mode, found.data) == ("/bin/sh", 0o4755, data)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, b"S"])
def test_no_file(kind: bytes) -> None:
    """S: a sparse file of GNU's, whose size is what it says."""
    assert file_in(tar(data=b"", type=kind, linkname="dash"), "/bin/sh") is None


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        bytes(10240),
        tar()[:200],
        tar(data=bytes(5000))[:3000],
        tar()[:124] + b"not octal!\0\0" + tar()[136:],
        tar()[:124] + b"\x80" + b"\xff" * 11 + tar()[136:],  # 2^88 bytes
        b"".join(tar(data=b"", type=b"x")[:512] for _ in range(9)),  # about, and about, and about
    ],
)
def test_bad(archive: bytes) -> None:
    with pytest.raises(ValueError, match="archive"):
        file_in(archive, "/x")


def test_the_head() -> None:
    assert stat_of(head(name="sh", size=4, mode=1 << 27 | 0o777, linkTarget="/usr/bin/dash"))[1] == "/usr/bin/dash"
    assert link_target(head(mode=1 << 27 | 0o777, linkTarget="/usr/bin/dash")) == "/usr/bin/dash"
    assert link_target(head(mode=0o755, linkTarget="/usr/bin/dash")) == "", "Podman says where each path is"
    assert may_hold_file(head(mode=0o755))
    for mode in (1 << 31 | 0o755, 1 << 26, 1 << 25, 1 << 24, 1 << 21 | 1 << 26):
        assert not may_hold_file(head(mode=mode))


@pytest.mark.parametrize("text", ["", "!", "e30", base64.b64encode(b"[]").decode(), "A" * 40000, "Zm9v", "/////w=="])
def test_no_head(text: str) -> None:
    assert not may_hold_file({STAT: text})
    assert not may_hold_file({})


@given(st.binary(max_size=1200), st.integers(0, 511), st.text(max_size=60))
def test_any_bytes(data: bytes, place: int, text: str) -> None:
    whole = tar()
    for archive in (data, whole[:place] + data + whole[place + len(data) :]):
        with contextlib.suppress(ValueError):
            file_in(archive, "/x")
    may_hold_file({STAT: text})
    with contextlib.suppress(ValueError):
        link_target({STAT: base64.b64encode(text.encode("utf-8", "replace")).decode()})
