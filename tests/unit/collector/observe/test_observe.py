"""What the observer tells, against what programs really did: each is made to do one thing, and other means say what."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rig.collector.asking import needs_root, wait_for
from rig.collector.watching import Watch, group, inside, observed, watching
from stratascope.core.observation.events import (
    Arguments,
    Begin,
    Call,
    Check,
    Device,
    End,
    Exit,
    Failed,
    Listens,
    Lost,
    Peak,
    Peer,
    Process,
    Signal,
    Unseen,
    User,
)
from stratascope.core.observation.fold import is_use
from stratascope.linux.capability import name_of
from stratascope.linux.syscalls import Abi, names, numbers
from stratascope.probe.observer import ObservationTarget
from unit.collector import one_capability
from unit.collector.one_capability import ACTIONS

pytestmark = [needs_root, pytest.mark.skipif(os.uname().machine != "x86_64", reason="calls are named as on x86_64")]
ONE = Path(one_capability.__file__)
CALLS = numbers(Abi.X86_64)
# What a kernel may have been built without: then nobody asks for it
NEEDS = {
    "CAP_SYS_MODULE": Path("/proc/modules"),
    "CAP_SYS_RAWIO": Path("/proc/kcore"),
    "CAP_BLOCK_SUSPEND": Path("/sys/power/wakeup_count"),
}


def python(text: str) -> tuple[str, ...]:
    return (sys.executable, "-SIc", text)


@pytest.fixture
def somebody() -> Iterator[int]:
    """A process of uid 5, outside of the group."""
    child = subprocess.Popen(["sleep", "3600"], user=5, group=5, extra_groups=[])
    yield child.pid
    child.kill()
    child.wait()


def files(folder: Path) -> Path:
    """What `one_capability` works on."""
    folder.mkdir()
    for name, uid, gid, mode in (
        ("own", 0, 0, 0o644),
        ("theirs", 5, 0, 0o644),
        ("closed", 5, 0, 0),
        ("group", 0, 5, 0o644),
    ):
        (folder / name).write_text("x")
        os.chown(folder / name, uid, gid)
        (folder / name).chmod(mode)
    return folder


def test_each_capability_by_a_program_that_needs_only_that(somebody: int, tmp_path: Path) -> None:
    held = int(re.findall(r"CapEff:\t(\w+)", Path("/proc/self/status").read_text())[0], 16)
    with group() as path, watching(path) as watch:
        ran = {}
        for name in ACTIONS:
            command = (sys.executable, "-SI", str(ONE), name, str(files(tmp_path / name)), str(somebody))
            child = subprocess.Popen(
                ("unshare", "-nu", *inside(path, *command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            child.wait()
            ran[child.pid] = name
    assert watch.of(Lost) == []
    checks = watch.of(Check)
    found = {
        name: {name_of(each.capability) for each in checks if each.pid == pid and is_use(each)}
        for pid, name in ran.items()
    }
    refused = {name_of(each.capability) for each in checks if each.answer < 0}
    wrong = {}
    for number, name in ((each.capability, name_of(each.capability)) for each in checks):
        assert name.startswith("CAP_"), number
    for name, used in found.items():
        here = NEEDS.get(name)
        expected = {name} if here is None or here.exists() else set()
        lacks = not held >> [name_of(each) for each in range(64)].index(name) & 1
        if lacks and name in refused:
            expected = set()  # this machine's root does not hold it, and it was refused
        if used != expected:
            wrong[name] = used
    assert wrong == {}
    assert len(found) == 38


def test_the_same_calls_as_strace(tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        pytest.skip("needs strace")
    script = "ls -lR /usr/share/man | sort | md5sum; cp /etc/passwd $0; sed -i s/a/b/ $0; rm $0"
    command = ("sh", "-c", script, str(tmp_path / "copy"))
    traced = tmp_path / "strace"
    subprocess.run(("strace", "-f", "-qq", "-o", str(traced), *command), check=True, capture_output=True)
    lines = traced.read_text(errors="replace").splitlines()
    theirs = {match.group(1) for line in lines if (match := re.match(r"\d+ +(\w+)\(", line))}
    with group() as path, watching(path) as watch:
        subprocess.run(inside(path, *command), check=True, capture_output=True)
    ours = {names(Abi.X86_64)[event.number] for event in watch.of(Call)}
    # a process that is started again now and then for a signal has one call more, and so has the shell that moves in
    assert theirs - ours - {"restart_syscall"} == set()
    assert ours - theirs <= {"write", "close", "dup2", "fcntl", "rt_sigreturn", "restart_syscall", "openat"}


def test_children_that_live_for_a_millisecond(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("")
    program = f"""
import os
for n in range(150):
    if os.fork() == 0:
        os.chown({str(target)!r}, n + 1, 0)
        os._exit(n)
    os.wait()
"""
    events, _ = observed(*python(program))
    lost = [event for event in events if isinstance(event, Lost)]
    assert not lost
    forks = [event for event in events if isinstance(event, Process) and event.how == "fork"]
    exits = {event.pid: event.code for event in events if isinstance(event, Exit)}
    chowns = Counter(event.pid for event in events if isinstance(event, Check) and event.capability == 0)
    assert len({event.pid for event in forks}) == len(forks) == 150
    assert [exits[event.pid] for event in forks] == list(range(150))
    assert set(chowns) == {event.pid for event in forks}


def test_a_flood_hides_nothing(tmp_path: Path) -> None:
    """As many calls as the machine makes, while another process makes one of each of sixty others, in between."""
    rare = [name for name in CALLS if name.startswith(("sched_get", "get")) and name not in ("getppid", "getpmsg")]
    loop = "import os\ng = os.getppid\nfor n in range(2000000): g()\n"
    each = [CALLS[name] for name in rare]
    many = "import ctypes, time\ncall = ctypes.CDLL(None).syscall\n"
    many += f"for n in {each!r}:\n    call(n, 0, 0, 0, 0, 0)\n    time.sleep(0.01)\n"
    with group() as path, watching(path) as watch:
        runs = [subprocess.Popen(inside(path, *python(text))) for text in (loop, many)]
        for run in runs:
            assert run.wait() == 0
    seen = {event.number for event in watch.of(Call) if event.pid == runs[1].pid}
    lost = sum(event.count for event in watch.of(Lost))
    missing = {name for name in rare if CALLS[name] not in seen}
    assert not missing or lost, missing
    assert sum(event.count for event in watch.of(Call) if event.number == CALLS["getppid"]) < 2000000, "it was left out"


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86_64")
def test_what_is_no_refusal_of_this_entry_point_is_none() -> None:
    """select is 23, which is setuid for a program of 32 bits; both may say EINVAL, and only setuid's is a refusal."""
    text = "import ctypes\ncall = ctypes.CDLL(None).syscall\n"
    text += "assert call(23, -1, 0, 0, 0, 0) == call(117, 5, 5, 7) == -1\n"
    with group() as path, watching(path) as watch:
        run = subprocess.run(inside(path, "unshare", "-U", *python(text)), check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    refused = {(event.number, event.errno) for event in watch.of(Failed)}
    assert (117, 22) in refused
    assert (23, 22) not in refused


def test_a_refused_call_with_its_path_and_whether_it_began() -> None:
    """One is refused by a filter of the program's own, one by the file's mode."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # pytest's own folder is closed to others
        refused(Path(folder) / "closed")


def refused(path: Path) -> None:
    path.write_text("")
    path.chmod(0)
    # if nr == mkdir (83): ERRNO(77); else allow. BPF_LD|W|ABS, JEQ, RET
    program = f"""
import ctypes, os, struct, time
code = struct.pack("=HBBI", 0x20, 0, 0, 0) + struct.pack("=HBBI", 0x15, 0, 1, 83)
code += struct.pack("=HBBI", 0x06, 0, 0, 0x00050001) + struct.pack("=HBBI", 0x06, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(code)
prog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer)))
libc = ctypes.CDLL(None)
os.setuid(5)
libc.prctl(38, 1, 0, 0, 0)
assert libc.prctl(22, 2, prog, 0, 0) == 0
path = ctypes.create_string_buffer({str(path).encode()!r})
for n in range(5):
    libc.open(path, 0)
    time.sleep(0.1)
    libc.mkdir(path, 0o777)
    time.sleep(0.1)
"""
    events, done = observed(*python(program))
    assert done.stderr == ""
    failed = [event for event in events if isinstance(event, Failed) and event.path == str(path)]
    told = {(names(Abi.X86_64)[event.number], event.errno, event.entered) for event in failed}
    assert told == {("openat", 13, True), ("mkdir", 1, False)}
    assert sum(event.count for event in events if isinstance(event, Failed) and event.number == CALLS["mkdir"]) == 5


def test_a_path_that_was_overwritten_is_not_told_of_the_call_before() -> None:
    """But for once in twenty: who loses the processor between the two, on a busy machine, shows no sign of it."""
    program = """
import ctypes, os, time
libc = ctypes.CDLL(None)
os.setuid(5)
path = ctypes.create_string_buffer(64)
for n in range(20):
    path.value = b"/etc/shadow"
    libc.open(path, 0)
    path.value = b"/etc/passwd"
    libc.chown(path, 1, 1)
    time.sleep(0.02)
"""
    events, _ = observed(*python(program))
    opened = [event for event in events if isinstance(event, Failed) and event.number == CALLS["openat"]]
    assert {event.path for event in opened} <= {"/etc/shadow", "/etc/passwd", ""}
    assert sum(event.count for event in opened if event.path == "/etc/passwd") <= 1


def test_arguments_that_were_asked_for(tmp_path: Path) -> None:
    program = "import socket\nfor n in range(300): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()\n"
    events, _ = observed(*python(program + "socket.socket(socket.AF_UNIX).close()\n"))
    told = [event.values for event in events if isinstance(event, Arguments) and event.number == CALLS["socket"]]
    assert sorted(told) == [(1, 0o2000001, 0), (2, 0o2000002, 0)]
    calls = sum(event.count for event in events if isinstance(event, Call) and event.number == CALLS["socket"])
    assert calls == 301, "such a call is never left out"


@pytest.mark.parametrize(
    ("program", "code", "signal"),
    [
        ("raise SystemExit(7)", 7, None),
        ("import os; os.kill(os.getpid(), 15)", None, 15),
        ("import os; os.abort()", None, 6),
        ("import threading, os; threading.Thread(target=lambda: os._exit(3)).start()\nwhile True: pass", 3, None),
    ],
)
def test_how_a_process_ends(program: str, code: int | None, signal: int | None) -> None:
    events, _ = observed(*python(program))
    (end,) = [event for event in events if isinstance(event, Exit)]
    assert (end.code, end.signal) == (code, signal)


def test_the_way_back_from_a_signal_is_no_call() -> None:
    """Its end is told with the number -1, and the answer of whatever the signal came into."""
    program = "import os, signal\nsignal.signal(10, lambda *_: None)\nfor n in range(99): os.kill(os.getpid(), 10)\n"
    after = "import ctypes\nctypes.CDLL(None).syscall(15)\n"  # rt_sigreturn without a frame: SIGSEGV
    events, _ = observed(*python(program + after))
    assert isinstance(events[-1], End)
    (end,) = [event for event in events if isinstance(event, Exit)]
    assert end.signal == 11


def test_a_signal_that_a_filter_sends() -> None:
    program = """
import ctypes, struct
code = struct.pack("=HBBI", 0x20, 0, 0, 0) + struct.pack("=HBBI", 0x15, 0, 1, 83)
code += struct.pack("=HBBI", 0x06, 0, 0, 0x80000000) + struct.pack("=HBBI", 0x06, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(code)
prog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer)))
libc = ctypes.CDLL(None)
libc.prctl(38, 1, 0, 0, 0)
libc.prctl(22, 2, prog, 0, 0)
libc.mkdir(b"/x", 0)
"""
    events, _ = observed(*python(program))
    (signal,) = [event for event in events if isinstance(event, Signal)]
    (end,) = [event for event in events if isinstance(event, Exit)]
    assert (signal.number, signal.pid, end.signal) == (31, end.pid, 31)


def test_a_program_of_32_bits(tmp_path: Path) -> None:
    source = tmp_path / "narrow.c"
    source.write_text(
        "void _start(void) { int n = 20; for (int i = 0; i < 9; i++) { n = 20;"
        ' __asm__ volatile("int $0x80" : "+a"(n)); }'
        ' n = 1; __asm__ volatile("int $0x80" : : "a"(n), "b"(5)); }'
    )
    built = tmp_path / "narrow"
    done = subprocess.run(
        ("gcc", "-m32", "-static", "-nostdlib", "-ffreestanding", "-fno-pie", "-no-pie", "-O1", "-o", built, source),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        pytest.skip(f"no compiler for 32 bits: {done.stderr}")
    if subprocess.run([built], check=False).returncode != 5:
        pytest.skip("this kernel runs no programs of 32 bits")
    events, _ = observed(str(built))
    told = {(event.abi, event.number): 0 for event in events if isinstance(event, Call)}
    assert ("i386", 20) in told
    assert ("i386", 1) in told
    (end,) = [event for event in events if isinstance(event, Exit)]
    assert end.code == 5


def test_ports_users_devices_and_peaks() -> None:
    program = """
import os, socket, time
inside, outside, name = socket.socket(), socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
inside.bind(("127.0.0.1", 0)); inside.listen()
outside.bind(("0.0.0.0", 0)); outside.listen()
name.bind(("127.0.0.1", 0))
held = [os.open("/dev/zero", 0) for n in range(30)]
print(inside.getsockname()[1], outside.getsockname()[1], name.getsockname()[1], flush=True)
os.setgid(7); os.setuid(5)
other = [inside.accept(), outside.accept()]
time.sleep(3600)
"""
    with group() as path, watching(path) as watch:
        child = subprocess.Popen(inside(path, *python(program)), stdout=subprocess.PIPE, text=True)
        assert child.stdout is not None
        first, second, third = map(int, child.stdout.readline().split())
        links = [socket.create_connection(("127.0.0.1", port)) for port in (first, second)]
        wait_for(lambda: {event.port for event in watch.of(Peer)} == {first, second})
        wait_for(lambda: any(event.uid == 5 for event in watch.of(User)))
        wait_for(lambda: any(event.path == "/dev/zero" for event in watch.of(Device)))
        wait_for(lambda: any(event.what == "open_files" and event.value > 33 for event in watch.of(Peak)))
        for link in links:
            link.close()
        child.kill()
        child.wait()
        child.stdout.close()
    listening = {(event.protocol, event.port, event.loopback) for event in watch.of(Listens)}
    assert listening == {("tcp", first, True), ("tcp", second, False), ("udp", third, True)}
    assert all(event.loopback for event in watch.of(Peer))
    assert (5, 7) in {(event.uid, event.gid) for event in watch.of(User)}


def test_killed_it_leaves_nothing_behind() -> None:
    with group() as path:
        watch = Watch(ObservationTarget(0, group=path))
        subprocess.run(inside(path, "true"), check=True)
        pid = watch.pid
        helpers = children(pid)
        assert helpers, "one reads paths"
        os.kill(pid, 9)
        watch.wait()
        assert watch.failure is not None
        wait_for(lambda: not any(Path(f"/proc/{each}").exists() for each in helpers))


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_it_ends_with_its_time() -> None:
    with group() as path:
        watch = Watch(ObservationTarget(0, group=path, seconds=0.5))
        watch.wait()
        assert [event.why for event in watch.of(End)] == ["the time is over"]


def test_it_ends_while_nobody_takes_its_lines() -> None:
    with group() as path:
        watch = Watch(ObservationTarget(0, group=path))
        run = subprocess.Popen(inside(path, *python("import os\nwhile True: os.getppid()")))
        watch.close()
        run.kill()
        run.wait()
        assert isinstance(watch.events[-1], End)


@pytest.mark.parametrize(
    ("watched", "why"),
    [
        (lambda: ObservationTarget(os.getpid()), "control group"),
        (lambda: ObservationTarget(os.getpid(), start="1"), "the process has ended"),
        (lambda: ObservationTarget(0, group="/strata-no-such-group"), "can't be seen"),
        (lambda: ObservationTarget(0, group="/"), "not below the root"),
        (lambda: ObservationTarget(0, group="/a/../.."), "not below the root"),
    ],
)
def test_what_can_t_be_observed_is_said(watched: Callable[[], ObservationTarget], why: str) -> None:
    watch = Watch(watched())
    watch.wait()
    assert isinstance(watch.events[0], Begin)
    (unseen,) = watch.of(Unseen)
    assert unseen.what == "everything"
    assert why in unseen.why


def test_without_an_overlay_what_is_written_is_not_seen() -> None:
    program = "import time\ntime.sleep(3600)\n"
    with group() as path, watching(path) as watch:
        run = subprocess.Popen(("unshare", "-pf", "--kill-child", *inside(path, *python(program))))
        wait_for(lambda: any(event.what == "written" for event in watch.of(Unseen)))
        run.kill()
        run.wait()


def test_two_at_once_each_see_their_own() -> None:
    with group() as one, group() as two, watching(one) as first, watching(two) as second:
        threads = [
            threading.Thread(target=subprocess.run, args=(inside(path, "chown", str(n), "/dev/null"),))
            for n, path in ((0, one), (0, two))
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    pids = [{event.pid for event in watch.of(Process)} for watch in (first, second)]
    assert all(pids)
    assert not pids[0] & pids[1]
