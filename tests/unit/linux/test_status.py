"""/proc/PID/status of real kernels, damaged ones, and anything at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.places import CAPTURES
from stratascope.linux.decode import DecodeError
from stratascope.linux.process import Ids, parse_status

REAL = (CAPTURES / "lsm/apparmor/docker-default/status.txt").read_text()


def test_a_real_one() -> None:
    status = parse_status(REAL)
    assert (status.name, status.state, status.tgid, status.ppid) == ("sleep", "S", 644, 620)
    assert status.nspid == (644, 1)
    assert status.uids == Ids(0, 0, 0, 0)
    assert status.gids == Ids(0, 0, 0, 0)
    assert status.groups == (0,)
    assert status.effective == status.permitted == status.bounding == 0xA80425FB
    assert status.inheritable == status.ambient == 0
    assert (status.no_new_privs, status.seccomp, status.seccomp_filters) == (False, 2, 1)
    assert f"SigCgt:\t{status.caught:016x}\n" in REAL


@pytest.mark.parametrize("path", sorted(CAPTURES.glob("lsm/*/*/status.txt")), ids=lambda path: path.parent.name)
def test_every_recorded_one(path: object) -> None:
    text = (CAPTURES / str(path)).read_text()
    status = parse_status(text)
    assert f"CapEff:\t{status.effective:016x}\n" in text
    assert f"CapBnd:\t{status.bounding:016x}\n" in text
    assert status.nspid[0] == status.tgid


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("CapAmb", "ambient"),
        ("NoNewPrivs", "no_new_privs"),
        ("Seccomp", "seccomp"),
        ("Seccomp_filters", "seccomp_filters"),
        ("SigCgt", "caught"),
    ],
)
def test_a_kernel_without_that_line(line: str, field: str) -> None:
    text = "\n".join(each for each in REAL.split("\n") if not each.startswith(f"{line}:"))
    assert getattr(parse_status(text), field) is None


def test_a_name_can_not_pose_as_a_line() -> None:
    # the kernel writes a newline in a name as two characters
    text = REAL.replace("Name:\tsleep", "Name:\tx\\nCapEff:\t0000000000000000")
    status = parse_status(text)
    assert status.name == "x\\nCapEff:\t0000000000000000"
    assert status.effective == 0xA80425FB


def test_a_name_that_is_not_utf8() -> None:
    raw = REAL.encode().replace(b"Name:\tsleep", b"Name:\tsl\xffep \xe2\x80\xae")
    assert parse_status(raw.decode("utf-8", "surrogateescape")).name == "sl\udcffep \u202e"


def test_no_groups_and_many_groups() -> None:
    assert parse_status(REAL.replace("Groups:\t0 ", "Groups:\t")).groups == ()
    many = " ".join(map(str, range(70000, 70400)))
    assert parse_status(REAL.replace("Groups:\t0 ", f"Groups:\t{many} ")).groups == tuple(range(70000, 70400))


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("CapEff:\t00000000a80425fb", "CapEff:\tzz", "CapEff"),
        ("CapBnd:\t00000000a80425fb", "CapBnd:\t-1", "CapBnd"),
        ("CapPrm:\t00000000a80425fb", "CapPrm:\t000000000a80425fb0", "CapPrm"),
        ("Uid:\t0\t0\t0\t0", "Uid:\t0\t0\t0", "Uid"),
        ("Uid:\t0\t0\t0\t0", "Uid:\t0\t0\t0\t٣", "Uid"),
        ("NSpid:\t644\t1", "NSpid:\t644\tx", "NSpid"),
        ("NoNewPrivs:\t0", "NoNewPrivs:\t2", "NoNewPrivs"),
        ("Seccomp:\t2", "Seccomp:\t", "Seccomp"),
        ("Tgid:\t644", "Tgid:\t6_4", "Tgid"),
        ("State:\tS (sleeping)", "State:\t", "State"),
    ],
)
def test_a_damaged_line(old: str, new: str, word: str) -> None:
    assert old in REAL
    with pytest.raises(DecodeError, match=word):
        parse_status(REAL.replace(old, new))


@pytest.mark.parametrize("text", ["", "\n", "nonsense", "Name: sleep", "\0" * 40])
def test_no_status_at_all(text: str) -> None:
    with pytest.raises(DecodeError):
        parse_status(text)


@given(st.text() | st.lists(st.sampled_from(REAL.split("\n")) | st.text()).map("\n".join))
def test_anything_gives_a_status_or_a_decode_error(text: str) -> None:
    try:
        status = parse_status(text)
    except DecodeError:
        return
    assert status.effective is None or 0 <= status.effective < 1 << 64


@given(st.integers(0, len(REAL)), st.integers(0, len(REAL)), st.text(max_size=3))
def test_a_piece_exchanged(start: int, end: int, piece: str) -> None:
    try:
        parse_status(REAL[: min(start, end)] + piece + REAL[max(start, end) :])
    except DecodeError as error:
        assert str(error).startswith("status: ")  # noqa: PT017 - either outcome is right
