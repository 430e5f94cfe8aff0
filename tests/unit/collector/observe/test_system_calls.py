"""System calls by BPF programs: of one control group, with what refused calls named; on this kernel, as root."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.collector.asking import needs_root
from stratascope.collector.observe.call_programs import CHECKS, LONG, READS, SHORT, WRITES
from stratascope.collector.observe.checks import Symbols
from stratascope.collector.observe.perf import Record, frames
from stratascope.collector.observe.system_calls import CONNECTS, MASKED, MOVED, NAMES, Asked, Pointer, SystemCalls
from stratascope.collector.observe.trace import Point

UNIFIED = next((each for each in (Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup"))
                if (each / "cgroup.procs").exists()), None)  # fmt: skip
SETUID, SYS_CHROOT = 7, 18
OPEN, OPENAT, RENAME, CONNECT, CHDIR, CHROOT = 2, 257, 82, 42, 80, 161
STAT, MKDIR = 4, 83
RENAME_RAW = struct.pack("=q", RENAME)
CHECK = Point(0, {"target_ns": (16, 8), "cap": (32, 4), "ret": (36, 4)})
EXECUTION = Point(0, {"filename": (8, 4)})
ASKED = Asked(
    {OPEN: (Pointer(0),), OPENAT: (Pointer(1),), RENAME: (Pointer(0), Pointer(1)), CONNECT: (Pointer(1, 2),)},
    {OPEN: 0, OPENAT: 1},
    {CHDIR: 0, CHROOT: None},
    (1, 13, 30),
    {2: {CHDIR, OPENAT, RENAME}, 111: {CONNECT}},
    check=CHECK,
    execution=EXECUTION,
    named={STAT: (0, READS), MKDIR: (0, WRITES)},
    connect=CONNECT,
)
pytestmark = [needs_root, pytest.mark.skipif(os.uname().machine != "x86_64" or UNIFIED is None, reason="not on this")]


@pytest.fixture
def group() -> Iterator[Path]:
    assert UNIFIED is not None
    path = UNIFIED / f"strata-test-calls-{os.getpid()}"
    path.mkdir()
    yield path
    while (path / "cgroup.procs").read_text():
        os.sched_yield()
    path.rmdir()


@pytest.fixture
def calls(group: Path) -> Iterator[SystemCalls]:
    folder = os.open(group, os.O_RDONLY | os.O_DIRECTORY)
    try:
        made = SystemCalls(folder, ASKED)
    except OSError as error:
        pytest.skip(f"no BPF here: {error}")
    yield made
    made.close()
    os.close(folder)


def run(group: Path | None, code: str) -> int:
    """Run Python code in that group, after a call by which it is told from what came before; its PID."""
    enter = "" if group is None else f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')\n"
    text = f"import ctypes, os, threading\nlibc = ctypes.CDLL(None)\n{enter}{code}"
    with subprocess.Popen([sys.executable, "-SIc", text]) as child:
        child.wait()
    return child.pid


def refused(records: list[Record]) -> list[tuple[int, int, list[bytes | None]]]:
    """Number and result of refused calls, and what they named."""
    return [
        (*struct.unpack("=8xqq", each.raw), list(each.copied.found.values()))
        for each in records
        if each.kind == "leave"
    ]


def test_what_a_refused_call_named(group: Path, calls: SystemCalls) -> None:
    """In memory that is gone or overwritten a moment later; also a long one, and both of two."""
    long = "/none/" + "x" * 200 + "/" + "y" * 200
    run(group, f"""
for name in (b"/none/one", {long.encode()!r}):
    text = ctypes.create_string_buffer(name)
    libc.syscall({OPENAT}, -100, text, 0)
    text.raw = b"-" * len(text.raw)
libc.rename(b"/none/from", b"/none/to")
""")  # fmt: skip
    found = [each for each in refused(calls.drain()) if each[2] and b"/none" in (each[2][0] or b"")]
    assert len(long) > SHORT
    assert found == [
        (OPENAT, -2, [b"/none/one\0"]),
        (OPENAT, -2, [long.encode() + b"\0"]),
        (RENAME, -2, [b"/none/from\0", b"/none/to\0"]),
    ]
    assert len(long) < LONG


def test_an_address(group: Path, calls: SystemCalls) -> None:
    run(group, """
import socket
socket.socket().connect_ex(("127.0.0.1", 9))
""")  # fmt: skip
    found = [each for each in refused(calls.drain()) if each[0] == CONNECT]
    assert [each[2] for each in found] == [[struct.pack("=H", 2) + b"\0\x09\x7f\0\0\x01" + bytes(8)]]


def test_other_groups_are_not_told_of(group: Path, calls: SystemCalls) -> None:
    mine = run(group, "libc.rename(b'/none/a', b'/none/b')")
    run(None, "libc.rename(b'/none/c', b'/none/d')")
    found = calls.drain()
    assert {each.pid for each in found} == {mine}
    assert [each[2] for each in refused(found) if each[0] == RENAME] == [[b"/none/a\0", b"/none/b\0"]]


def test_threads_and_entries(group: Path, calls: SystemCalls) -> None:
    mine = run(group, "threading.Thread(target=lambda: libc.chdir(b'/none')).start()")
    found = calls.drain()
    (left,) = [each for each in found if each.kind == "leave" and struct.unpack_from("=8xq", each.raw)[0] == CHDIR]
    assert left.pid == mine != left.tid
    (entered,) = [each for each in found if each.kind == "enter" and struct.unpack_from("=8xq", each.raw)[0] == CHDIR]
    assert (entered.pid, entered.tid) == (left.pid, left.tid)
    assert entered.time < left.time
    assert struct.unpack_from("=16x6Q", entered.raw) == left.registers


def test_where_relative_paths_begin(group: Path, calls: SystemCalls) -> None:
    mine = run(group, "libc.chdir(b'/etc'); libc.chdir(b'none'); libc.chroot(b'/')")
    assert [(each.pid, each.raw) for each in calls.drain() if each.kind == MOVED] == [(mine, b"/etc"), (mine, b"")]


def test_what_is_left_out_is_not_told(group: Path, calls: SystemCalls) -> None:
    calls.leave_out([CHDIR])
    run(group, "libc.chdir(b'/none')")
    found = calls.drain()
    assert CHDIR not in {struct.unpack_from("=8xq", each.raw)[0] for each in found if each.kind == "enter"}
    assert CHDIR in {each[0] for each in refused(found)}


def test_what_comes_again_is_counted(group: Path, calls: SystemCalls) -> None:
    """By thread, call, error and path: another path of the same thread is told."""
    code = """
import sys
def go(name): libc.rename(name, b"/none/to")
go(b"/none/often")
sys.stdin.readline()
for _ in range(1000): go(b"/none/often")
go(b"/none/once")
"""
    enter = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')\n"
    text = f"import ctypes, os\nlibc = ctypes.CDLL(None)\n{enter}{code}"
    with subprocess.Popen([sys.executable, "-SIc", text], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        first: list[Record] = []
        while not first:
            first = [
                each
                for each in calls.drain()
                if each.kind == "leave" and each.copied.text(each.registers[0]) == b"/none/often"
            ]
        alike = calls.alike(first[0], RENAME, -2)
        assert alike is not None
        calls.count(alike)
        child.stdin.write(b"\n")
    assert calls.counted(alike) == 1000
    assert [each[2][0] for each in refused(calls.drain()) if each[0] == RENAME] == [b"/none/once\0"]
    calls.tell(alike)
    assert calls.counted(alike) is None


LOOP = """
import sys
def go(name): libc.rename(name, b"/none/to")
go(b"/none/" + b"x" * 80 + b"one")
sys.stdin.readline()
for each in range(100): go(b"/none/%d" % each)
libc.chdir(b"/none")
"""


def test_what_comes_in_many_forms_is_left_out_for_a_while(group: Path, calls: SystemCalls) -> None:
    """By call, error and thread, or of all threads; a path whose end the kernel does not compare is not counted."""
    for of_all in (False, True):
        enter = f"open({str(group / 'cgroup.procs')!r}, 'w').write('0')\n"
        text = f"import ctypes, os\nlibc = ctypes.CDLL(None)\n{enter}{LOOP}"
        with subprocess.Popen([sys.executable, "-SIc", text], stdin=subprocess.PIPE) as child:
            assert child.stdin is not None
            first: list[Record] = []
            while not first:
                first = [each for each in calls.drain() if each.kind == "leave" and each.raw[8:16] == RENAME_RAW]
            assert calls.alike(first[0], RENAME, -2) is None
            calls.crowd([(RENAME, -2, 0 if of_all else child.pid)])
            child.stdin.write(b"\n")
        found = [each[0] for each in refused(calls.drain())]
        assert RENAME not in found
        assert CHDIR in found
        calls.crowd([])
        run(group, "libc.rename(b'/none/a', b'/none/b')")
        assert RENAME in [each[0] for each in refused(calls.drain())]


def test_capability_checks(group: Path, calls: SystemCalls) -> None:
    """With what was asked for, of whom, the answer, the call and where in the kernel; until they are left out."""
    if "check" not in calls.tells:
        pytest.skip("this kernel has no such tracepoint")
    code = "libc.setresuid(1234, 1234, 1234); libc.setuid(0); libc.chroot(b'/')"
    mine = run(group, code)
    found = [each for each in calls.drain() if each.kind == "check" and each.pid == mine]
    asked = [struct.unpack_from("=ii", each.raw, 32) for each in found]
    assert (SETUID, 0) in asked
    assert [each for each in asked if each[1]][:1] == [(SETUID, -1)]
    assert (SYS_CHROOT, -1) in asked
    (last,) = [each for each, what in zip(found, asked, strict=True) if what == (SYS_CHROOT, -1)]
    names = [Symbols().name(address) for address in frames(last.chain)]
    assert "cap_capable" in names
    assert any("sys_chroot" in name for name in names[names.index("cap_capable") :])
    assert last.copied.command.startswith("python")
    calls.crowd([(SYS_CHROOT, -1, 0)], CHECKS)
    run(group, code)
    asked = [struct.unpack_from("=ii", each.raw, 32) for each in calls.drain() if each.kind == "check"]
    assert (SYS_CHROOT, -1) not in asked
    assert (SETUID, -1) in asked


def test_executions(group: Path, calls: SystemCalls) -> None:
    mine = run(group, "os.execv('/bin/true', ['true'])")
    found = [each for each in calls.drain() if each.kind == "exec"]
    assert [(each.pid, each.bits, each.copied.command) for each in found] == [(mine, 64, "true")]
    (place,) = struct.unpack_from("=H", found[0].raw, 8)
    assert found[0].raw[place:].split(b"\0")[0] == b"/bin/true"


def test_opens_of_masked_paths(group: Path, calls: SystemCalls) -> None:
    assert calls.masks(["/proc/version", "/proc/uptime"])
    mine = run(group, "open('/proc/uptime'); open('/proc/stat')")
    found = [(each.pid, each.raw) for each in calls.drain() if each.kind == MASKED]
    assert found == [(mine, b"/proc/uptime")]
    assert not calls.masks(["/proc/" + "x" * 100])


def test_what_is_lost_is_counted(group: Path, calls: SystemCalls) -> None:
    run(group, "for _ in range(60000): libc.rename(b'/none/a', b'/none/b')")
    told = len(refused(calls.drain()))
    assert told + calls.lost() >= 60000 > told
    assert calls.lost() == 0


def test_calls_that_name_a_watched_path(group: Path, calls: SystemCalls, tmp_path: Path) -> None:
    """At it or below; opens with their flags; each kind only where it is wanted, and nothing that was refused."""
    place = str(tmp_path).encode()
    code = f"""
buffer = ctypes.create_string_buffer(4096)
place = {place!r}
libc.syscall({STAT}, place, buffer)
libc.syscall({STAT}, b"/etc", buffer)
libc.syscall({STAT}, place + b"/none", buffer)
libc.syscall({OPENAT}, -100, place, os.O_RDONLY | os.O_DIRECTORY)
"""
    calls.mounts({str(tmp_path): READS | WRITES})
    mine = run(group, code + f"libc.syscall({MKDIR}, place + b'/one', 0o700)")
    found = [each for each in calls.drain() if each.kind == NAMES]
    assert [(each.extra, each.raw) for each in found] == [
        (STAT, place),
        (OPENAT, place),
        (MKDIR, place + b"/one"),
    ]
    assert {each.pid for each in found} == {mine}
    assert found[1].registers[2] == os.O_RDONLY | os.O_DIRECTORY
    calls.mounts({str(tmp_path): WRITES})
    run(group, code + f"libc.syscall({MKDIR}, place + b'/two', 0o700)")
    assert [each.extra for each in calls.drain() if each.kind == NAMES] == [MKDIR]
    calls.mounts({})
    run(group, code)
    assert not [each for each in calls.drain() if each.kind == NAMES]


def test_connections_to_sockets_of_the_machine(group: Path, calls: SystemCalls, tmp_path: Path) -> None:
    """Also relative ones; none to an address, none that was refused."""
    place = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as server, socket.socket() as other:
        server.bind(str(place))
        server.listen()
        other.bind(("127.0.0.1", 0))
        other.listen()
        mine = run(group, f"""
import socket
os.chdir({str(tmp_path)!r})
for name in ({str(place)!r}, "s", "none"):
    socket.socket(socket.AF_UNIX).connect_ex(name)
socket.socket().connect(("127.0.0.1", {other.getsockname()[1]}))
""")  # fmt: skip
    found = [(each.pid, each.raw[2:].split(b"\0")[0]) for each in calls.drain() if each.kind == CONNECTS]
    assert found == [(mine, str(place).encode()), (mine, b"s")]
