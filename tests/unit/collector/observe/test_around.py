"""What stood around a refused call, of programs that are refused one thing each; held against what they set up."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.collector.asking import needs_root, wait_for
from rig.collector.watching import Watch, group, inside, observed, watching
from stratascope.collector.cgroups import Mounts
from stratascope.collector.observe.moments import IN_VAIN_MAX
from stratascope.core.observation.events import (
    Address,
    Failed,
    Log,
    Masked,
    NodeKind,
    NotGained,
    Process,
    Signal,
    Unseen,
)
from stratascope.core.observation.fold import is_refusal
from stratascope.linux.capability import CapabilitySet, name_of
from stratascope.linux.syscalls import Abi, numbers

pytestmark = [needs_root, pytest.mark.skipif(os.uname().machine != "x86_64", reason="calls are named as on x86_64")]
CALLS = numbers(Abi.X86_64)
WAIT = "import ctypes, os, socket, sys, time\nlibc = ctypes.CDLL(None)\n"
FILTER = """
import struct
code = struct.pack("=HBBI", 0x20, 0, 0, 0) + struct.pack("=HBBI", 0x15, 0, 1, 83)
code += struct.pack("=HBBI", 0x06, 0, 0, {answer}) + struct.pack("=HBBI", 0x06, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(code)
prog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer)))
def closed():
    libc.prctl(38, 1, 0, 0, 0)
    libc.prctl(22, 2, prog, 0, 0)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One that everybody may go into."""
    for each in (tmp_path, *tmp_path.parents[:2]):
        each.chmod(0o755)
    return tmp_path


def failed(program: str, name: str) -> Failed:
    """The call of that name that was refused to a program, which stays a while."""
    events, done = observed(sys.executable, "-SIc", WAIT + program + "\ntime.sleep(0.5)\n")
    assert done.stderr == ""
    found = [
        event for event in events if isinstance(event, Failed) and event.number == CALLS[name] and event.around.ids
    ]
    assert found, [event for event in events if isinstance(event, Failed)]
    return found[0]


def test_who_called_and_where_it_led(folder: Path) -> None:
    (folder / "closed").write_text("")
    os.chown(folder / "closed", 7, 8)
    (folder / "closed").chmod(0o2640)
    (folder / "link").symlink_to("closed")
    program = f"""
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (99, 100))
os.chdir({str(folder)!r})
libc.prctl(38, 1, 0, 0, 0)
os.setgroups([8000, 9000]); os.setgid(6); os.setuid(5)
path = ctypes.create_string_buffer(b"link")
libc.open(path, 0)
"""
    event = failed(program, "openat")
    around = event.around
    assert event.path == f"{folder}/link"
    assert (around.ids, around.groups, around.uid, around.no_new_privs) == ((5, 6, 5, 6), (8000, 9000), 5, True)
    assert around.tid == around.inside == event.pid
    assert around.effective is not None
    assert not around.effective.bits
    assert around.limit("nofile") == 99
    assert around.place is not None
    assert around.place.path == f"{folder}/closed"
    assert around.place.node is not None
    assert around.place.folder is not None
    node = around.place.node
    assert (node.kind, node.mode, node.uid, node.gid) == (NodeKind.FILE, 0o2640, 7, 8)
    assert around.place.folder.kind == NodeKind.FOLDER
    assert around.place.mount is not None
    assert folder.is_relative_to(around.place.mount.target)
    assert {name_of(each.capability) for each in around.checks or () if is_refusal(each)} == {
        "CAP_DAC_OVERRIDE",
        "CAP_DAC_READ_SEARCH",
    }


def test_a_check_of_another_call_is_not_of_this_one(folder: Path) -> None:
    """The same call succeeded before, though a capability was asked for in vain; and many that are left out by then."""
    program = """
libc.prctl(24, 24, 0, 0, 0)  # PR_CAPBSET_DROP, which is no use to root: only exec looks at it
os.setuid(5)
for n in range(2000): os.getppid(); os.access("/", 4)
libc.chown(ctypes.create_string_buffer(b"/etc/passwd"), 1, 1)
time.sleep(0.2)
libc.epoll_ctl(libc.epoll_create1(0), 1, os.open("/etc/passwd", 0), ctypes.create_string_buffer(16))
"""
    event = failed(program, "epoll_ctl")
    assert event.errno == 1
    assert event.around.checks == ()
    assert event.path == "/etc/passwd"


@pytest.mark.parametrize(
    ("data", "address"),
    [
        (
            "struct.pack('=H', 2) + struct.pack('!H', 80) + bytes((127, 0, 0, 1)) + bytes(8)",
            Address("inet", "127.0.0.1", 80),
        ),
        (
            "struct.pack('=H', 10) + struct.pack('!H', 81) + bytes(19) + bytes([1]) + bytes(4)",
            Address("inet6", "::1", 81),
        ),
        ("struct.pack('=H', 1) + b'/etc/no' + bytes(1)", Address("unix", "/etc/no", 0)),
    ],
)
def test_addresses(data: str, address: Address) -> None:
    """As a program in C has it: in memory that is not written to at once."""
    if address.family == "inet6" and not Path("/proc/net/if_inet6").exists():
        pytest.skip("no IPv6 here")
    program = f"""
import struct
held = {data}
family = struct.unpack_from("=H", held)[0]
there = ctypes.create_string_buffer(held, len(held))
os.setuid(5)
libc.bind(socket.socket(family).detach(), there, len(held))
"""
    assert failed(program, "bind").around.address == address


def test_processes_that_could_not_be_made() -> None:
    """The group that counts them says how often."""
    with group() as path, counted(path) as folder, watching(path) as watch:
        program = f"open('{folder}/cgroup.procs', 'w').write(str(os.getpid()))\n"
        program += "try: os.fork()\nexcept OSError: time.sleep(0.5)\n"
        subprocess.run(inside(path, sys.executable, "-SIc", WAIT + program), check=True)
    (found,) = [event for event in watch.of(Failed) if event.errno == 11]
    assert found.around.forked_in_vain == 1


@contextlib.contextmanager
def counted(path: str) -> Iterator[Path]:
    """A group of that path where processes are counted, that takes one."""
    top = Mounts().ready().place("pids", "/") or ("/sys/fs/cgroup", "")
    folder = Path(top[0]) / path[1:]
    made = not folder.exists()
    folder.mkdir(exist_ok=True)
    try:
        if not (folder / "pids.max").exists():
            pytest.skip("processes are not counted here")
        (folder / "pids.max").write_text("1")
        yield folder
    finally:
        if made:
            wait_for(lambda: not (folder / "cgroup.procs").read_text())
            folder.rmdir()


def test_a_signal_for_a_call(folder: Path) -> None:
    """Kill and trap: which call it was stands in a register. One thread of several gets no signal, but a line."""
    for answer in (0x80000000, 0x30000):
        events, _ = observed(
            sys.executable, "-SIc", WAIT + FILTER.format(answer=answer) + "closed(); libc.mkdir(b'/x', 5)"
        )
        (signal,) = [event for event in events if isinstance(event, Signal)]
        assert (signal.number, signal.code, signal.abi, signal.call) == (31, 1, "x86_64", CALLS["mkdir"])
        assert signal.values[1] == 5


def test_the_log_tells_of_a_thread_that_was_ended() -> None:
    program = """
import threading
def run(): closed(); libc.mkdir(b"/x", 5)
threading.Thread(target=run, daemon=True).start()
time.sleep(1)
os._exit(0)
"""
    events, _ = observed(sys.executable, "-SIc", WAIT + FILTER.format(answer=0) + program)
    if not any(isinstance(event, Log) for event in events):
        pytest.skip("the kernel's log can't be read here")
    (signal,) = [event for event in events if isinstance(event, Signal)]
    (line,) = [event for event in events if isinstance(event, Log)]
    assert (signal.number, signal.code, signal.call, signal.pid) == (31, 1, CALLS["mkdir"], line.pid)
    assert "type=1326" in line.text


@pytest.fixture
def masking() -> Iterator[tuple[Watch, str]]:
    """A group whose first process has masked a folder and a file of its /proc, and waits."""
    script = """
mount -t proc proc /proc
mount --bind /dev/null /proc/keys && mount -t tmpfs -o ro tmpfs /proc/fs
while :; do sleep 0.3; cat /proc/keys /proc/filesystems; ls /proc/fs; done
"""
    with group() as path, watching(path) as watch:
        command = ("unshare", "-mpf", "--kill-child", "--propagation", "private", "sh", "-c", script)
        with subprocess.Popen(inside(path, *command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
            yield watch, path
            child.kill()


def test_masked_paths_that_are_opened(masking: tuple[Watch, str]) -> None:
    watch, _ = masking
    wait_for(lambda: {event.path for event in watch.of(Masked)} == {"/proc/fs", "/proc/keys"})
    told = watch.of(Masked)
    assert not [event for event in watch.of(Unseen) if event.what == "masked"]
    assert {event.pid for event in told} <= {event.pid for event in watch.of(Process)}
    Path("/proc/keys").read_text()  # of the machine: nobody is told


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("libc.prctl(38, 1, 0, 0, 0)", {"set-uid", "capable"}),  # PR_SET_NO_NEW_PRIVS
        ("libc.prctl(24, 13, 0, 0, 0)", {"capable"}),  # PR_CAPBSET_DROP
        ("pass", set()),
    ],
)
def test_programs_that_did_not_get_their_rights(folder: Path, way: str, told: set[str]) -> None:
    sleep = Path("/usr/bin/sleep").read_bytes()
    for name in ("set-uid", "capable", "plain"):
        (folder / name).write_bytes(sleep)
        (folder / name).chmod(0o4755 if name == "set-uid" else 0o755)
    # VFS_CAP_REVISION_2, permitted: CAP_NET_RAW
    os.setxattr(folder / "capable", "security.capability", bytes.fromhex("0000000200200000" + "00" * 12))
    with group() as path, watching(path) as watch:
        for name in ("set-uid", "capable", "plain"):
            program = f"{way}\nos.setgroups([])\nos.setuid(5)\nos.execv({str(folder / name)!r}, ['x', '0.3'])"
            subprocess.run(inside(path, sys.executable, "-SIc", WAIT + program), check=True)
    found = {Path(event.program).name: event for event in watch.of(NotGained)}
    assert set(found) == told
    for event in found.values():
        assert event.around.ids is not None
        assert event.around.ids[0] == 5
        assert event.around.place is not None
        assert event.around.place.node is not None
        assert event.around.place.node.capabilities == event.program.endswith("capable")


def test_the_first_of_each_kind_and_a_flood_of_one() -> None:
    """What stood around is told once; a second program is not left out for it.

    It calls for a while: where the observer gets no processor, a flood's first moments push out what else came then.
    """
    flood = (
        "os.setuid(5)\npath = ctypes.create_string_buffer(b'/etc/shadow')\nfor n in range(60000): libc.open(path, 0)\n"
    )
    other = (
        "os.setuid(5)\npath = ctypes.create_string_buffer(b'/etc/hosts')\n"
        "for n in range(40): libc.chown(path, 1, 1), time.sleep(0.05)\n"
    )
    with group() as path, watching(path) as watch:
        first = subprocess.Popen(inside(path, sys.executable, "-SIc", WAIT + flood))
        wait_for(lambda: any(event.pid == first.pid for event in watch.of(Failed)))
        second = subprocess.Popen(inside(path, sys.executable, "-SIc", WAIT + other))
        assert first.wait() == second.wait() == 0
    told = [event for event in watch.of(Failed) if event.pid == first.pid and event.number == CALLS["openat"]]
    assert {event.path for event in told} <= {"/etc/shadow", ""}
    assert sum(event.around.place is not None for event in told) <= 2
    assert sum(event.around.ids is not None for event in told) <= 2 + IN_VAIN_MAX
    theirs = [event for event in watch.of(Failed) if event.pid == second.pid and event.number == CALLS["chown"]]
    assert {event.path for event in theirs} <= {"/etc/hosts", ""}
    assert any(event.path and event.around.place is not None for event in theirs)


SHORT = r"""
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
int main(int count, char **words) {
    char built[32];
    if (!strcmp(words[1], "constant")) open("/etc/shadow", 0);
    if (!strcmp(words[1], "word")) open(words[2], 0);
    if (!strcmp(words[1], "built")) { strcpy(built, "/etc/"); strcat(built, words[3]); open(built, 0); }
    if (!strcmp(words[1], "again")) { strcpy(built, "/etc/shadow"); open(built, 0); strcpy(built, "/etc/wrong"); }
    _exit(0);
}
"""
"""One that is refused one call and ends at once, as most do."""


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("short")
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)
    (folder / "short.c").write_text(SHORT)
    subprocess.run(("cc", "-O1", "-o", folder / "short", folder / "short.c"), check=True)
    return folder / "short"


@pytest.mark.parametrize("kind", ["constant", "word", "built", "again"])
def test_who_ends_at_once_is_known_all_the_same(short: Path, kind: str) -> None:
    """Where its path lay at that moment, as whom it worked and where that led; never another text."""
    shadow = Path("/etc/shadow").stat()
    loop = f"for n in $(seq 40); do {short} {kind} /etc/shadow shadow; sleep 0.03; done; sleep 1"
    with group() as path, watching(path) as watch:
        command = ("setpriv", "--reuid=5", "--regid=6", "--clear-groups", "sh", "-c", loop)
        subprocess.run(inside(path, *command), env={"PATH": "/usr/bin:/bin", "KEY": "only-theirs"}, check=True)
    assert "only-theirs" not in repr(watch.events)  # which lies on the stack too
    told = [event for event in watch.of(Failed) if event.number == CALLS["openat"] and event.errno == 13]
    assert {event.path for event in told} <= {"/etc/shadow", ""}
    known = [event for event in told if event.path and event.around.ids is not None]
    assert len(known) >= 36, [(event.path, event.around.ids) for event in told]
    for event in known:
        around = event.around
        assert (around.ids, around.groups, around.uid, around.effective) == ((5, 6, 5, 6), (), 5, CapabilitySet(0))
        assert around.place is not None
        assert around.place.path == "/etc/shadow"
        assert around.place.node is not None
        assert (around.place.node.uid, around.place.node.mode) == (shadow.st_uid, shadow.st_mode & 0o7777)


def test_two_paths(folder: Path) -> None:
    """What is mounted on can't be taken the place of."""
    (folder / "new").write_text("")
    (folder / "held").write_text("")
    program = f"""
libc.unshare(0x20000)
libc.mount(b"none", b"/", None, 0x44000, None)
libc.mount(b"{folder}/held", b"{folder}/held", None, 0x1000, None)
libc.rename(b"{folder}/new", b"{folder}/held")
"""
    event = failed(program, "rename")
    assert (event.errno, event.path) == (16, f"{folder}/new")
    assert event.around.other is not None
    assert event.around.other.path == f"{folder}/held"
    assert event.around.other.mount is not None
    assert event.around.other.mount.target == f"{folder}/held"


def test_processors_that_it_may_not_use() -> None:
    event = failed("libc.sched_setaffinity(0, 8, ctypes.create_string_buffer(8))", "sched_setaffinity")
    assert event.errno == 22


NARROW = """
import mmap
code = mmap.mmap(-1, 4096, prot=7)
# push rbx; mov eax, 17; xor ebx, ebx; int 0x80; pop rbx; ret
code.write(bytes.fromhex("53 b811000000 31db cd80 5b c3"))
ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(code)))()
time.sleep(1)
"""


def test_a_call_by_the_entry_point_of_32_bits_in_a_program_of_64() -> None:
    """It began, by other registers: no filter refused it, and its number is that of another call."""
    with group() as path, watching(path) as watch:
        ended = subprocess.run(inside(path, sys.executable, "-SIc", WAIT + NARROW), check=False).returncode
    if ended:
        pytest.skip("this kernel runs no programs of 32 bits")
    told = [event for event in watch.of(Failed) if event.errno == 38 and event.number == 17]
    assert [(event.abi, event.entered) for event in told] == [(Abi.I386.value, True)]
