"""The kernel's log on the processes of one group: real lines of kernels, and whose they are."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.bpf.reading import Holders
from stratascope.collector.observe import kernel_log
from stratascope.collector.observe.kernel_log import TOLD_MAX, KernelLog

SECCOMP = (
    'audit(1795810354.844:2920): auid=4294967295 uid=0 gid=0 ses=4294967295 pid=22311 comm="python" exe="/bin/python" '
    "sig=31 arch=c000003e syscall=83 compat=0 ip=0x7f59b830f607 code=0x0"
)
APPARMOR = (
    'audit(1700000000.123:45): apparmor="DENIED" operation="open" class="file" profile="docker-default" '
    'name="/proc/kcore" pid=22311 comm="cat" requested_mask="r" denied_mask="r" fsuid=0 ouid=0'
)
SELINUX = (
    'audit(1700000000.123:46): avc:  denied  { read } for  pid=22311 comm="cat" name="shadow" dev="vda1" ino=7 '
    "scontext=system_u:system_r:container_t:s0:c1,c2 tcontext=system_u:object_r:shadow_t:s0 tclass=file permissive=0"
)
LANDLOCK = 'audit(1729738800.268:30): domain=195ba459b blockers=fs.read_file path="/etc/passwd" dev="vda2" ino=7'
DOMAIN = 'audit(1729738800.268:30): domain=195ba459b status=allocated mode=enforcing pid=22311 uid=0 exe="/x" comm="x"'


class Said:
    """A log that takes its records from the other end of a socket, and what it told."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, mine: set[int], holders: Callable[[], Holders | None] = lambda: None
    ) -> None:
        self.theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self.told: list[tuple[Any, ...]] = []
        self.killed: list[tuple[Any, ...]] = []
        self.refused: int | None = None
        self._ours = ours
        monkeypatch.setattr(kernel_log, "multicast", lambda: self)
        self.log = KernelLog(
            lambda _, *fields: self.told.append(fields),
            mine.__contains__,
            lambda: self.refused,
            lambda *found: self.killed.append(found[:3]),
            holders,
        )

    def recvfrom(self, size: int) -> tuple[bytes, tuple[int, int]]:
        return self._ours.recv(size), (0, 1)

    def fileno(self) -> int:
        return self._ours.fileno()

    def close(self) -> None:
        self._ours.close()
        self.theirs.close()

    def say(self, kind: int, text: str) -> None:
        self.theirs.send(struct.pack("=IHHII", 16 + len(text), kind, 0, 0, 0) + text.encode())


@pytest.mark.parametrize(("kind", "text"), [(1326, SECCOMP), (1400, APPARMOR), (1400, SELINUX)])
def test_a_record_of_one_of_its_processes(monkeypatch: pytest.MonkeyPatch, kind: int, text: str) -> None:
    said = Said(monkeypatch, {22311})
    said.say(kind, text)
    said.log.take()
    assert said.told == [("log", 22311, f"audit: type={kind} {text}")]
    assert said.killed == ([(22311, 64, 83)] if kind == 1326 else [])
    said.close()


@pytest.mark.parametrize("kind", [1326, 1400, 1300, 1100])
def test_what_others_did_is_never_told(monkeypatch: pytest.MonkeyPatch, kind: int) -> None:
    said = Said(monkeypatch, {5})
    said.say(kind, SECCOMP)
    said.log.take()
    said.log.take(last=True)
    assert said.told == said.killed == []
    said.close()


def test_a_process_that_becomes_known_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    mine: set[int] = set()
    said = Said(monkeypatch, mine)
    said.say(1326, SECCOMP)
    said.log.take()
    assert said.told == []
    mine.add(22311)
    said.log.take()
    assert len(said.told) == 1
    said.close()


def test_landlock_names_a_domain(monkeypatch: pytest.MonkeyPatch) -> None:
    """The record of the refusal comes before that of the domain."""
    said = Said(monkeypatch, {22311})
    said.refused = 22312
    said.say(1423, LANDLOCK)
    said.say(1424, DOMAIN)
    said.log.take()
    said.log.take()
    assert said.told == [("log", 22312, f"audit: type=1423 {LANDLOCK}")]
    said.close()


_NUMBER = 0x195BA459B


@pytest.mark.parametrize(
    ("held", "refused", "whose"),
    [
        pytest.param({22311}, None, 22311, id="announced before the log was read"),
        pytest.param({22311, 22312}, 22312, 22312, id="the one that was refused"),
        pytest.param({22311}, 22312, 22311, id="another one was refused last"),
        pytest.param({22311}, 22399, 22399, id="the one that was refused has ended"),
        pytest.param({5}, 22312, None, id="in another container"),
        pytest.param(set(), 22312, None, id="nobody's any more"),
    ],
)
def test_landlock_by_who_is_in_the_domain(
    monkeypatch: pytest.MonkeyPatch, held: set[int], refused: int | None, whose: int | None
) -> None:
    mine = {22311, 22312, 22399}
    found = Holders({5, 22311, 22312}, {_NUMBER: held} if held else {})
    said = Said(monkeypatch, mine, lambda: found)
    said.refused = refused
    said.say(1423, LANDLOCK)
    said.log.take(last=True)
    assert [fields[1] for fields in said.told] == ([] if whose is None else [whose])
    said.close()


def test_so_many_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    said = Said(monkeypatch, {22311})
    for _ in range(TOLD_MAX + 5):
        said.say(1400, APPARMOR)
    said.log.take()
    assert len(said.told) == TOLD_MAX
    assert said.log.dropped
    said.close()


@needs_root
def test_lines_of_kmsg_that_a_program_wrote_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """They come with another facility than the kernel's own."""
    monkeypatch.setattr(kernel_log, "multicast", lambda: None)
    told: list[tuple[Any, ...]] = []
    log = KernelLog(lambda *fields: told.append(fields), lambda _: True, lambda: None, lambda *_: None)
    try:
        Path("/dev/kmsg").write_text(f"<5>audit: type=1400 {APPARMOR}\n")
        log.take(last=True)
        assert told == []
        theirs, ours = os.pipe()
        os.set_blocking(theirs, False)
        os.write(ours, f"5,341345,51193849318,-;audit: type=1400 {APPARMOR}\n".encode())
        os.dup2(theirs, log.descriptor)
        os.close(ours)
        os.close(theirs)
        monkeypatch.setattr(kernel_log, "READ_MAX", 1)
        log.take(last=True)
        assert [fields[1:] for fields in told] == [("log", 22311, f"audit: type=1400 {APPARMOR}")]
    finally:
        log.close()
