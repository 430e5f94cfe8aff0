"""The collector's reading of processes, held against this test's own reading of real ones."""

from __future__ import annotations

import ast
import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stratascope.collector import cgroups, members, read
from stratascope.collector.names import PARENTS, PERMISSIVE
from stratascope.collector.serve import Collector
from stratascope.core.ground import HOST_WANTS
from stratascope.linux.machine import parse_flaws

FOLDER = Path(read.__file__).parent
NAMES = tuple(sorted(read.PROCESS_FILES | read.PROCESS_LINKS))
STEADY = ("status", "cgroup", "mountinfo", "uid_map", "gid_map", "setgroups", "limits", "comm", "cmdline")

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@contextmanager
def sleeping(*command: str) -> Iterator[int]:
    """A child that sleeps, behind `command`; gives the PID of the sleep itself."""
    child = subprocess.Popen([*command, "sleep", "60"], stdin=subprocess.DEVNULL)
    try:
        yield _sleeper(child)
    finally:
        child.kill()
        child.wait()


def _sleeper(child: subprocess.Popen[bytes]) -> int:
    while child.poll() is None:
        here = child.pid
        while True:
            below = Path(f"/proc/{here}/task/{here}/children").read_text().split()
            if not below:
                break
            here = int(below[0])
        # in the midst of exec it has its new name, and no arguments yet
        if Path(f"/proc/{here}/cmdline").read_bytes() == b"sleep\x0060\x00":
            return here
        time.sleep(0.01)
    raise AssertionError(f"{child.args!r} ended with {child.returncode}")


def one(
    pid: int, wants: tuple[str, ...], members_too: bool = False, container: str = ""
) -> tuple[members.Process, list[members.Process], str]:
    return Collector().capture([(pid, wants, ("comm",), members_too, container)])[0][:3]


def texts(process: members.Process) -> dict[str, str]:
    return {item[0]: item[2] for item in (*process[1], *(item for group in process[2] for item in group)) if item[2]}


def still(status: str) -> list[str]:
    """Without its state, counts of context switches, the memory that a program is being loaded into, and the signals
    that are pending for all of its user's processes.
    """
    changing = ("State", "Vm", "Rss", "SigQ", "voluntary", "nonvoluntary")
    return [line for line in status.splitlines() if not line.startswith(changing)]


@as_root
def test_every_file_and_link_as_it_is() -> None:
    with sleeping("unshare", "-n", "-u", "-p", "-f", "--mount-proc", "--kill-child") as pid:
        process, _, _ = one(pid, NAMES)
        found = texts(process)
        for name in STEADY:
            text = Path(f"/proc/{pid}/{name}").read_bytes().decode("utf-8", "surrogateescape")
            if name == "status":
                assert still(found[name]) == still(text)
            else:
                assert found[name] == text
        for name in read.PROCESS_LINKS:
            assert found[name] == str(Path(f"/proc/{pid}/{name}").readlink())
        assert found["ns/net"] != str(Path("/proc/self/ns/net").readlink())
        assert [item[0] for item in process[1]] == list(NAMES)
        assert all(item[1] == f"/proc/{pid}/{item[0]}" for item in process[1])


@pytest.mark.parametrize(
    "name", ["../1/status", "environ", "mem", "root/etc/passwd", "ns/net/../mnt", "/etc/passwd", "status\0", "", ".",
             "auxv", "cwd", "exe", "fd/0", "io", "maps", "ns/pid_for_children", "root", "smaps", "stack", "syscall"]
)  # fmt: skip
def test_names_off_the_list_are_refused(name: str) -> None:
    (_, entries, _), *_ = one(os.getpid(), (name,))
    assert entries[0][2:5] == (None, "UNSUPPORTED", None)


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "status").symlink_to("/etc/passwd")
    assert read.entry("status", "status", str(tmp_path / "status"))[2:5] == (None, "UNSUPPORTED", errno.ELOOP)
    folder = os.open(tmp_path, os.O_PATH)
    try:
        (found,) = read.read_process(folder, 1, ("status",))
    finally:
        os.close(folder)
    assert found[2:5] == (None, "UNSUPPORTED", errno.ELOOP)


def test_a_policy_is_asked_where_there_is_one() -> None:
    """What it answers on a host with SELinux: tests/machine/vm/test_machines.py."""
    entry = one(os.getpid(), (PERMISSIVE,))[0][1][0]
    if Path("/sys/fs/selinux/access").exists():
        assert entry[2] in ("yes", "no")
    else:
        assert entry[:4] == (PERMISSIVE, "/sys/fs/selinux/access", None, "ABSENT")


def test_no_such_process_and_no_process_id() -> None:
    child = subprocess.Popen(["true"])
    child.wait()
    (_, entries, _), found, how = one(child.pid, NAMES, True)
    assert (entries[0][0], entries[0][3], entries[0][4], found, how) == ("", "GONE", 2, [], "")
    for pid in (0, -1, 1 << 40):
        (_, entries, _), *_ = one(pid, NAMES)
        assert entries[0][3] == "UNSUPPORTED"


def test_a_zombie_is_gone() -> None:
    child = subprocess.Popen(["true"])
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    try:
        for wants in (NAMES, ("stat", "uid_map")):
            (_, entries, _), *_ = one(child.pid, wants)
            assert (entries[0][0], entries[0][3]) == ("", "GONE")
        directory = read.open_process(child.pid)
        entries = read.read_process(directory, child.pid, ("ns/net", "mountinfo"))
        os.close(directory)
        assert {item[3] for item in entries} == {"GONE"}
    finally:
        child.wait()


def test_a_first_thread_that_ended_is_not_a_zombie() -> None:
    program = (
        "import ctypes,threading,time;threading.Thread(target=time.sleep,args=(30,)).start();"
        "print(flush=True);ctypes.CDLL(None).pthread_exit(None)"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        while ") Z " not in (stat := Path(f"/proc/{child.pid}/stat").read_text()):
            time.sleep(0.01)
        assert ") Z " in stat
        assert not read.ended(stat)
    finally:
        child.kill()
        child.wait()
        if child.stdout is not None:
            child.stdout.close()


def test_a_process_that_ends_while_it_is_read_is_gone_everywhere() -> None:
    child = subprocess.Popen(["sleep", "60"])
    directory = read.open_process(child.pid)
    child.kill()
    child.wait()
    try:
        entries = read.read_process(directory, child.pid, NAMES)
    finally:
        os.close(directory)
    assert {item[3] for item in entries} == {"GONE"}


def test_stat_after_a_file_that_is_not_there_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """That it lives shows that only the file is missing."""
    (tmp_path / "stat").write_text("7 (sleep) S " + "1 " * 48)
    directory = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    opened: list[str] = []
    reading = read.read_file

    def noted(path: str, folder: int | None = None) -> str:
        opened.append(path)
        return reading(path, folder)

    monkeypatch.setattr(read, "read_file", noted)
    try:
        entries = read.read_process(directory, 7, ("limits", "stat"))
        assert [item[3:4] for item in entries] == [("ABSENT",), ()]
        assert opened == ["limits", "stat"]
        (tmp_path / "stat").write_text("7 (sleep) Z " + "1 " * 48)
        assert read.read_process(directory, 7, ("limits", "stat"))[0][3] == "GONE"
    finally:
        os.close(directory)


def test_bytes_that_are_not_utf8_survive() -> None:
    child = subprocess.Popen(
        [b"/bin/sh", b"-c", b"printf '\\377name' > /proc/$$/comm; echo; read x"], stdin=-1, stdout=-1
    )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        (_, entries, _), *_ = one(child.pid, ("comm",))
        assert entries[0][2].encode("utf-8", "surrogateescape") == b"\xffname\n"
    finally:
        child.kill()
        child.communicate()


def test_a_file_that_is_too_long_is_refused_not_cut(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"x" * (read.SIZE_MAX + 1))
    assert read.entry("long", "long", str(path))[2:4] == (None, "UNSUPPORTED")
    path.write_bytes(b"x" * read.SIZE_MAX)
    assert len(read.entry("long", "long", str(path))[2]) == read.SIZE_MAX


@as_root
def test_hidepid_tells_denied_from_gone() -> None:
    """In a private mount namespace with /proc of our own, as nobody."""
    program = f"""
import os, subprocess, sys
sys.path.insert(0, {str(FOLDER.parent.parent)!r})
from stratascope.collector.serve import Collector
root = subprocess.Popen(["sleep", "60"])
gone = subprocess.Popen(["true"]); gone.wait()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for pid in (root.pid, gone.pid):
    (_, entries, _), *_ = Collector().capture([(pid, ("status", "stat"), (), False, "")])[0]
    print(entries[0][0] or "whole", entries[0][3])
"""
    for value in ("1", "2"):
        mount = f'mount -t proc -o hidepid={value} proc /proc && exec "$@"'
        done = subprocess.run(
            ["unshare", "-pfm", "--kill-child", "sh", "-c", mount, "sh", sys.executable, "-S", "-c", program],
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.stdout.splitlines() == ["whole DENIED", "whole GONE"], done.stderr


def test_mounts_and_paths() -> None:
    mounts = cgroups.Mounts()
    mounts.take(
        "1 0 0:1 /docker/own /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"
        "2 1 0:2 / /sys/fs/cgroup/mem\\040ory rw - cgroup cgroup rw,memory\n"
    )
    assert mounts.place("v2", "/docker/own/a") == ("/sys/fs/cgroup", "/a")
    assert mounts.place("v2", "/docker/own") == ("/sys/fs/cgroup", "")
    assert mounts.place("v2", "/docker/owner") is None
    assert mounts.place("memory", "/") == ("/sys/fs/cgroup/mem ory", "")
    assert mounts.place("memory", "/../x") is None
    assert mounts.place("memory", "x") is None
    assert mounts.place("pids", "/") is None


@pytest.mark.parametrize(
    ("text", "kind", "hierarchies"),
    [
        ("0::/../../outside\n", "UNSUPPORTED", {"v2"}),
        ("4:memory:/gone (deleted)\n", "GONE", {"memory"}),
        ("4:memory:/never/was\n0::/\n", "GONE", {"memory"}),
        ("nonsense\n\n:\n1:\n", None, set()),
        ("1:name=systemd:/x\n", None, set()),
    ],
)
def test_limits_of_odd_lines(text: str, kind: str | None, hierarchies: set[str]) -> None:
    mounts = cgroups.Mounts()
    mounts.take(
        "1 0 0:1 / /nowhere/unified rw - cgroup2 cgroup2 rw\n2 1 0:2 / /nowhere/memory rw - cgroup cgroup rw,memory\n"
    )
    entries = [
        item
        for group in cgroups.Limits(mounts).of(text)
        for item in group
        if "v2" in hierarchies or ":v2:" not in item[0]
    ]
    assert {item[0].split(":")[1] for item in entries} == hierarchies
    assert {item[3] for item in entries} == ({kind} if kind else set())


@pytest.mark.parametrize(
    ("path", "group"),
    [
        (f"/docker/{'a' * 64}", f"/docker/{'a' * 64}"),
        (f"/docker/{'a' * 64}/docker/{'b' * 64}", f"/docker/{'a' * 64}"),
        (f"/docker/{'a' * 64}/{'b' * 64}", f"/docker/{'a' * 64}"),
        (f"/docker/{'b' * 64}/docker/{'a' * 64}/{'b' * 64}", f"/docker/{'b' * 64}/docker/{'a' * 64}"),
        (f"/docker/{'b' * 64}", ""),
        (f"/machine.slice/libpod-conmon-{'a' * 64}.scope", ""),
        (
            f"/machine.slice/libpod-{'a' * 64}.scope/container/init.scope",
            f"/machine.slice/libpod-{'a' * 64}.scope/container",
        ),
        (f"/system.slice/docker-{'a' * 64}.scope/deep/er", f"/system.slice/docker-{'a' * 64}.scope"),
        ("/user.slice/user-1000.slice/session-1.scope", ""),
        ("/", ""),
        (f"/docker/{'a' * 64} (deleted)", ""),
        (f"/docker/{'a' * 65}", ""),
    ],
)
def test_own_group(path: str, group: str) -> None:
    assert members.own_group(path, "a" * 64) == group


@as_root
def test_members_by_pid_namespace_and_never_of_the_host() -> None:
    command = "sleep 60 & sleep 60 & exec sleep 60"
    child = subprocess.Popen(["unshare", "-pf", "--kill-child", "sh", "-c", command], stdin=subprocess.DEVNULL)
    try:
        first = 0
        others: list[str] = []
        while len(others) < 2:
            time.sleep(0.02)
            below = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
            if below:
                first = int(below[0])
                others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        process, found, how = one(first, ("status",), True)
        assert how == "pid namespace"
        assert {str(member[0]) for member in found} == set(others)
        inside = str(Path(f"/proc/{first}/ns/pid").readlink())
        assert all(texts(member)["ns/pid"] == inside for member in found)
        assert [item[0] for item in process[1]] == ["status"]
    finally:
        child.kill()
        child.wait()
    assert one(os.getpid(), ("status",), True)[1:] == ([], "")


@as_root
def test_members_and_limits_by_cgroup() -> None:
    root = Path("/sys/fs/cgroup/pids")
    if not (root / "cgroup.procs").exists():
        pytest.skip("no v1 pids hierarchy here")
    group = root / ("c" * 64)
    deep, inner = group / "deep", group / ("d" * 64)
    children = [subprocess.Popen(["sleep", "60"]) for _ in range(3)]
    try:
        for folder, child in zip((group, deep, inner), children, strict=True):
            folder.mkdir()
            (folder / "cgroup.procs").write_text(str(child.pid))
        (group / "pids.max").write_text("77")
        process, found, how = one(children[1].pid, ("status", "cgroup:*"), True, "c" * 64)
        assert how == "cgroup"
        assert {member[0] for member in found} == {children[0].pid, children[2].pid}
        read_here = texts(process)
        assert read_here["cgroup:pids:1:pids.max"] == "77\n"
        assert read_here["cgroup:pids:0:pids.current"] == "1\n"
        # where this kernel has it, and never of the groups above
        assert read_here.get("cgroup:pids:0:pids.peak") == ("1\n" if (deep / "pids.peak").exists() else None)
        assert "cgroup:pids:1:pids.peak" not in read_here
        sources = {item[0]: item[1] for entries in process[2] for item in entries}
        assert sources["cgroup:pids:1:pids.max"] == f"{group}/pids.max"
        assert "cgroup:pids:2:pids.max" in sources
    finally:
        for child in children:
            child.send_signal(signal.SIGKILL)
            child.wait()
        for folder in (deep, inner, group):
            for _ in range(50):
                try:
                    folder.rmdir()
                    break
                except OSError:  # the kernel lets the last process go a moment later
                    time.sleep(0.02)


def test_the_host_list_is_the_program_s() -> None:
    entries = Collector().host(HOST_WANTS)
    assert [item[0] for item in entries] == list(HOST_WANTS)
    assert not [item[0] for item in entries if item[2] is None and "list" in (item[5] or "")]
    assert texts((0, entries, []))["uname:release"] == os.uname().release
    boot = float(texts((0, entries, []))["clock:boot_time"])
    stated = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    assert abs(boot - int(stated.split()[1])) < 2


def test_the_flaws_of_the_processors() -> None:
    folder = Path("/sys/devices/system/cpu/vulnerabilities")
    if not folder.is_dir():
        pytest.skip("this kernel tells nothing of them")
    (found,) = Collector().host(("cpu:vulnerabilities",))
    told = dict(line.split(": ", 1) for line in found[2].splitlines())
    assert told == {file.name: file.read_text().strip() for file in folder.iterdir()}
    assert len(parse_flaws(found[2])) == len(told)


def test_the_host_refuses_other_names() -> None:
    names = ("/etc/shadow", "/proc/1/environ", "/proc/1/exe", "/proc/self/cwd", "/proc/3/ns/net", "uname:../x")
    entries = Collector().host(names)
    assert {item[2:5] for item in entries} == {(None, "UNSUPPORTED", None)}


@pytest.mark.parametrize("file", sorted(FOLDER.rglob("*.py")), ids=lambda file: str(file.relative_to(FOLDER)))
def test_python_3_8_and_nothing_of_ours(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"), feature_version=(3, 8))
    for node in ast.walk(tree):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            own = name.startswith("stratascope.collector")
            assert own or name.split(".")[0] in sys.stdlib_module_names, name


def test_user_namespaces_above_its_own() -> None:
    own = Path("/proc/self/ns/user").stat().st_ino
    assert [entry[2] for entry in one(os.getpid(), (PARENTS,))[0][1]] == [""]
    with sleeping("unshare", "--user", "--map-root-user", "unshare", "--user") as pid:
        above = texts(one(pid, (PARENTS,))[0])[PARENTS].split()
        assert len(above) == 2
        assert above[-1] == f"user:[{own}]"
        assert Path(f"/proc/{pid}/ns/user").stat().st_ino not in (own, int(above[0][6:-1]))


def test_a_monitor_that_works_elsewhere_has_the_containers_files_open(tmp_path: Path) -> None:
    """Its child is the container's first process."""
    number = "a" * 64
    (tmp_path / number).mkdir()
    (tmp_path / number / "ctl").write_text("")
    script = (
        f"import os,subprocess,sys;f=open({str(tmp_path / number / 'ctl')!r});os.chdir('/');"
        "p=subprocess.Popen(('sleep','60'));print(p.pid,flush=True);sys.stdin.read();p.kill()"
    )
    with subprocess.Popen((sys.executable, "-c", script), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as monitor:
        assert monitor.stdout is not None
        child = int(monitor.stdout.readline())
        directory = read.open_process(child)
        try:
            assert read.parent_folder(directory, number)[2] == str(tmp_path / number / "ctl")
            assert read.parent_folder(directory, "b" * 64)[2] == "/"
            assert read.parent_folder(directory)[2] == "/"
        finally:
            os.close(directory)
            assert monitor.stdin is not None
            monitor.stdin.close()
