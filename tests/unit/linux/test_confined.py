"""The list of confined processes: what is understood, and that nothing else than DecodeError comes of other text."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stratascope.linux.confined import Confinement, parse_confined
from stratascope.linux.decode import DecodeError

HOST = {"host": {"ns": {"mnt": 8}, "root": "/", "nnp": False, "filters": 0, "bounding": "1ff"}, "self": 7}
FULL = {
    "pid": 42,
    "ppid": 41,
    "start": 900,
    "uid": 1000,
    "nnp": True,
    "seccomp": 2,
    "filters": 1,
    "bounding": "0",
    "depth": 2,
    "ns": {"pid": 5, "mnt": 4},
    "root": "/jail",
    "domain": "2a",
    "comm": "sl\nep",
    "confined": True,
    "exe": "/usr/bin/sleep (deleted)",
    "hosts_exe": False,
    "cgroups": ["/a", "/b"],
    "argv": ["sleep", "\udcff\n"],
    "files": {".flatpak-info": "[Application]\n"},
    "environment": ["container"],
    "mounts": {"/usr": "/runtime/files"},
}
SMALL = {"pid": 1, "ppid": 0, "start": 0, "comm": "init"}


def text(*items: object) -> str:
    return "".join(json.dumps(item) + "\n" for item in items)


def test_everything_that_is_told_is_decoded() -> None:
    found = parse_confined(text(HOST, SMALL, FULL) + "...\n")
    assert found.cut
    assert (found.host.reader, found.host.confinement.bounding) == (7, 0x1FF)
    small, full = found.processes
    assert small.confinement == Confinement()
    assert (small.exe, small.argv, small.environment) == (None, None, None)
    assert full.confinement == Confinement((("mnt", 4), ("pid", 5)), "/jail", True, 2, 1, 0, 2, 42)
    assert (small.confined, full.confined) == (False, True)
    assert full.program == "sleep"
    assert (full.argv, full.cgroups) == (("sleep", "\udcff\n"), ("/a", "/b"))
    assert dict(full.mounts) == {"/usr": "/runtime/files"}
    assert parse_confined("\n".join((found.host.line, full.line))).processes == (full,)


def test_no_text_is_no_process() -> None:
    assert parse_confined("").processes == ()


@pytest.mark.parametrize(
    "bad",
    [
        "x",
        "[]",
        "1",
        "null",
        "{}",
        text({**SMALL, "pid": "1"}),
        text({**SMALL, "pid": True}),
        text({**SMALL, "pid": -1}),
        text({**SMALL, "start": 1 << 64}),
        text({**SMALL, "comm": None}),
        text({**SMALL, "exe": 3}),
        text({**SMALL, "nnp": 1}),
        text({**SMALL, "ns": {"other": 3}}),
        text({**SMALL, "ns": ["mnt"]}),
        text({**SMALL, "bounding": "-1"}),
        text({**SMALL, "bounding": "12345678123456781"}),
        text({**SMALL, "argv": "sleep"}),
        text({**SMALL, "argv": [1]}),
        text({**SMALL, "files": ["a"]}),
        text({**SMALL, "files": {"a": 1}}),
        text({"host": []}),
        "[" * 100_000,
    ],
)
def test_bad_text_is_told_as_such(bad: str) -> None:
    with pytest.raises(DecodeError):
        parse_confined(bad)


KEYS = st.sampled_from([*FULL, "host", "self"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(KEYS, VALUES), st.booleans())
def test_only_decode_errors_come_out(changes: dict[str, object], replace: bool) -> None:
    with contextlib.suppress(DecodeError):
        parse_confined(text({**FULL, **changes} if replace else changes))


@given(st.text(max_size=80))
def test_only_decode_errors_come_out_of_any_text(line: str) -> None:
    with contextlib.suppress(DecodeError):
        parse_confined(line)
