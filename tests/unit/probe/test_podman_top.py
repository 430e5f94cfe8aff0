"""Rows of Podman's top into captures: what is told is there, what is not told is a gap."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stratascope.core.capture import Gap, GapKind, whole_gap
from stratascope.linux.process import parse_status
from stratascope.probe.podman_top import COLUMNS, PodmanTop

DEFAULT = "CHOWN,DAC_OVERRIDE,FOWNER,FSETID,KILL,NET_BIND_SERVICE,SETFCAP,SETGID,SETPCAP,SETUID,SYS_CHROOT"
FIRST = ("4211", "1", DEFAULT, DEFAULT, "none", DEFAULT, "none", "filter", "containers-default (enforce)", "0")
EXEC = ("4300", "7", "full", "full", "none", "full", "none", "disabled", "?", "0")


def top(*rows: Sequence[str]) -> PodmanTop:
    def ask(container: str, columns: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
        assert (container, columns) == ("c1", COLUMNS)
        return tuple(map(tuple, rows))

    return PodmanTop(ask)


def test_what_top_tells() -> None:
    found = top(EXEC, FIRST)("c1", 4211)
    text = found.first.text("status")
    assert isinstance(text, str)
    status = parse_status(text)
    assert (status.effective, status.bounding, status.ambient, status.seccomp) == (0x800405FB, 0x800405FB, 0, 2)
    assert status.nspid == (4211, 1)
    assert (status.no_new_privs, status.uids, status.seccomp_filters) == (None, None, None)
    assert found.first.text("attr/current") == "containers-default (enforce)"
    assert (found.first.via, found.first.source("status")) == ("podman-top", "podman top")
    other = parse_status(str(found.members[0].text("status")))
    assert (other.effective, other.seccomp, found.members[0].pid) == (0x1FFFFFFFFFF, 0, 4300)
    assert isinstance(found.members[0].text("attr/current"), Gap)


@pytest.mark.parametrize("name", ["uid_map", "ns/net", "mountinfo", "cgroup", "stat"])
def test_all_else_is_a_gap(name: str) -> None:
    gap = top(FIRST)("c1", 4211).first.text(name)
    assert isinstance(gap, Gap)
    assert gap.kind is GapKind.UNSUPPORTED


def test_a_set_with_an_unknown_name_is_left_out() -> None:
    row = ("4211", "1", "CHOWN,unknown", DEFAULT, "", "?", "none", "?", "", "")
    text = str(top(row)("c1", 4211).first.text("status"))
    assert "CapEff" not in text
    assert "Seccomp" not in text
    assert parse_status(text).bounding == 0x800405FB


def test_without_host_pids_the_first_is_found_by_its_own() -> None:
    inside = ("?", "1", *FIRST[2:])
    assert whole_gap(top(inside, EXEC)("c1", 99).first) is None
    host = ("?", "4211", *FIRST[2:])
    assert whole_gap(top(host)("c1", 4211).first) is None


@pytest.mark.parametrize("rows", [(), (("77", "1", *FIRST[2:]),), ((),), (("4211",),)])
def test_rows_that_do_not_have_it(rows: tuple[tuple[str, ...], ...]) -> None:
    first = top(*rows)("c1", 4211).first
    assert isinstance(first.text("status"), Gap)
    assert isinstance(first.text("attr/current"), Gap)
