"""Attempts in a process's place: with its rights alone, past nothing that it keeps out, and nothing is left of them."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.collector.asking import as_ordinary, needs_root, read
from stratascope.collector import attempts, entering, privileged_readings, reach
from stratascope.collector.names import TRIED
from stratascope.linux.reach import Tried, parse_tried

ALLOW = 0x7FFF0000
KILL_PROCESS, REFUSE, TRAP = 0x80000000, 0x00050001, 0x00030000
CONNECT, KILL, UNSHARE = 42, 62, 272  # x86_64
AS_USER = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
x86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="numbers of x86_64 calls")


@pytest.fixture(autouse=True)
def time_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no reason to find less."""
    monkeypatch.setitem(privileged_readings.MORE, TRIED, 30.0)
    monkeypatch.setattr(privileged_readings, "REQUEST_LIMIT", 40.0)
    monkeypatch.setattr(attempts, "SECONDS", 15.0)
    monkeypatch.setattr(reach, "SECONDS", 10.0)


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Of user 1000: a key of its own, and a token that everybody may read. Not below pytest's own folder: each start of
    pytest closes that to others.
    """
    with tempfile.TemporaryDirectory(prefix="strata-home-") as folder:
        made = Path(folder) / "home"
        for path, mode in ((".ssh/id", 0o600), (".npmrc", 0o644)):
            (made / path).parent.mkdir(parents=True, exist_ok=True)
            (made / path).write_text("secret")
            (made / path).chmod(mode)
        if os.geteuid() == 0:
            subprocess.run(["chown", "-R", "1000:1000", str(made)], check=True)
            made.parent.chmod(0o755)
        monkeypatch.setenv("HOME", str(made))
        yield made


@contextmanager
def running(*command: str, before: Callable[[], None] | None = None) -> Iterator[int]:
    """A process that does nothing, and says so."""
    script = ("sh", "-c", "echo up; exec sleep 600")
    with subprocess.Popen(
        [*command, *script], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, preexec_fn=before  # noqa: PLW1509
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        pid = process.pid
        while (children := Path(f"/proc/{pid}/task/{pid}/children").read_text().split()) and children[0]:
            pid = int(children[0])
        while Path(f"/proc/{pid}/comm").read_text() != "sleep\n":
            time.sleep(0.01)
        try:
            yield pid
        finally:
            os.kill(pid, signal.SIGKILL)
            process.kill()


def children() -> set[str]:
    """Of this process, by whichever thread."""
    return {pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()}


@pytest.fixture
def neighbour() -> Iterator[None]:
    """A process of its own user that it has nothing else in common with: it may signal it, and look into it."""
    with running(*AS_USER, "--no-new-privs"):
        yield


def tried(pid: int) -> Tried:
    answer = read(pid, TRIED)[TRIED]
    assert isinstance(answer, str), answer
    return parse_tried(answer)


def of(found: Tried, home: Path) -> dict[tuple[str, str], int]:
    """Errno by kind and right, of what lies in the home."""
    return {(file.kind, file.right): file.errno for file in found.files if file.path.startswith(str(home))}


def rows(found: Tried) -> dict[str, int]:
    return {row.id: row.errno for row in found.rows}


def filtering(number: int, action: int) -> Callable[[], None]:
    """Put on a filter that answers one call so."""
    code = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, action), (0x06, 0, 0, ALLOW)]
    raw = b"".join(struct.pack("=HBBI", *each) for each in code)

    def put_on() -> None:
        library = ctypes.CDLL(None)
        held = ctypes.create_string_buffer(raw)
        library.prctl(38, 1, 0, 0, 0)
        library.prctl(22, 2, struct.pack("HxxxxxxP", len(code), ctypes.addressof(held)), 0, 0)

    return put_on


@needs_root
@pytest.mark.usefixtures("neighbour")
def test_as_another_user_what_is_not_his_is_refused(home: Path) -> None:
    (home / ".ssh/id").chmod(0o600)
    os.chown(home / ".ssh/id", 0, 0)
    with running(*AS_USER) as pid:
        found = tried(pid)
    assert of(found, home) == {("ssh-keys", "r"): 13, ("npm", "r"): 0, ("home", "r"): 0, ("home", "w"): 0}
    assert found.loose == found.short == frozenset()
    assert rows(found)["signal-others"] == 0
    (system,) = {file.errno for file in found.files if (file.kind, file.path) == ("system", "/etc")}
    assert system == 13


@needs_root
def test_in_namespaces_of_its_own(home: Path) -> None:
    with running(
        *AS_USER, "bwrap", "--ro-bind", "/", "/", "--tmpfs", f"{home}/.ssh", "--unshare-all", "--proc", "/proc"
    ) as pid:
        found = tried(pid)
    assert of(found, home) == {("ssh-keys", "r"): 2, ("npm", "r"): 0, ("home", "r"): 0, ("home", "w"): 30}
    answers = rows(found)
    assert answers["new-user-namespace"] == 0
    assert all(answers[name] for name in ("host-loopback", "internet", "abstract-sockets", "host-processes"))
    assert "signal-others" not in answers  # a number means another process there


@needs_root
def test_nothing_is_left_of_it(home: Path) -> None:
    """No file, no changed time, no process, no byte to who listens."""
    times = {path: path.stat().st_mtime_ns for path in (home, *home.rglob("*"))}
    others = children()
    agent = home / ".ssh/agent"
    agent.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        before = Path.cwd()
        os.chdir(agent)
        listening.bind("s.1")
        os.chdir(before)
        listening.listen()
        listening.settimeout(0.2)
        times[home / ".ssh"] = (home / ".ssh").stat().st_mtime_ns
        with running(*AS_USER) as pid:
            found = tried(pid)
        assert [file.errno for file in found.files if file.kind == "ssh-agent"] == [13]  # root made it
        with running() as pid:
            found = tried(pid)
        assert [file.errno for file in found.files if file.kind == "ssh-agent"] == [0]
        with pytest.raises(TimeoutError):
            listening.accept()
    assert {path: path.stat().st_mtime_ns for path in times} == times
    assert not privileged_readings.given_up()
    assert children() <= others


@x86_64
@needs_root
@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize(
    ("call", "action", "outcome", "refused"),
    [
        (CONNECT, REFUSE, 1, {"host-loopback", "socket", "abstract-sockets"}),
        (KILL, KILL_PROCESS, -1, {"signal-others"}),
        (UNSHARE, TRAP, -1, {"new-user-namespace"}),
    ],
)
def test_its_filter_answers(home: Path, call: int, action: int, outcome: int, refused: set[str]) -> None:
    with running(*AS_USER, before=filtering(call, action)) as pid:
        answers = rows(tried(pid))
    assert {answers[name] for name in refused if name in answers} == {outcome}
    assert answers["open"] == 0
    assert {answers[name] for name in answers if name not in refused} == {0}


@x86_64
@needs_root
def test_who_would_be_asked_is_not_there(home: Path) -> None:
    """A filter that leaves a call to a supervisor (SECCOMP_RET_USER_NOTIF) is not the same without him."""
    with running(*AS_USER, before=filtering(CONNECT, 0x7FC00000)) as pid:
        assert tried(pid).loose == frozenset({"filter"})


@needs_root
def test_a_file_system_that_does_not_answer_is_not_asked(home: Path) -> None:
    """A silent FUSE over its keys: no answer for these, all others in time."""
    fuse = os.open("/dev/fuse", os.O_RDWR)
    target = home / ".ssh"
    options = f"fd={fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
    library = ctypes.CDLL(None, use_errno=True)

    def silent() -> None:
        library.unshare(0x00020000)
        library.mount(b"none", b"/", None, 0x44000, None)
        assert library.mount(b"silent", os.fsencode(target), b"fuse", 0, options.encode()) == 0

    begun = time.monotonic()
    try:
        with running(before=silent) as pid:
            found = of(tried(pid), home)
    finally:
        os.close(fuse)
    assert ("ssh-keys", "r") not in found
    assert found["npm", "r"] == 0
    assert time.monotonic() - begun < 15


@needs_root
def test_a_stopped_process_is_tried_too(home: Path) -> None:
    begun = time.monotonic()
    with running(*AS_USER, before=filtering(CONNECT, REFUSE)) as pid:
        os.kill(pid, signal.SIGSTOP)
        assert of(tried(pid), home)["npm", "r"] == 0
        os.kill(pid, signal.SIGCONT)
    assert time.monotonic() - begun < 15


def test_what_is_anothers_is_not_entered() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs another user's process")
    request = json.dumps({"ask": "capture", "wishes": [[1, [TRIED], [], False, ""]]})
    ((_, entries, _), *_) = as_ordinary(request)["found"][0]
    (entry,) = [each for each in entries if each[0] == TRIED]
    assert entry[2:4] == [None, "DENIED"]


@needs_root
def test_ones_own_is_entered_without_a_password(home: Path) -> None:
    """A user's own sandbox, tried by a collector that is the same user."""
    hide = ("bwrap", "--bind", "/", "/", "--tmpfs", f"{home}/.ssh", "--unshare-pid", "--proc", "/proc")
    with running(*AS_USER, *hide) as pid:
        request = json.dumps({"ask": "capture", "wishes": [[pid, [TRIED], [], False, ""]]})
        ((_, entries, _), *_) = as_ordinary(request, 1000)["found"][0]
    (entry,) = [each for each in entries if each[0] == TRIED]
    assert entry[2] is not None, entry
    found = parse_tried(entry[2])
    assert of(found, home) == {("ssh-keys", "r"): 2, ("npm", "r"): 0, ("home", "r"): 0, ("home", "w"): 0}
    assert found.loose == found.short == frozenset()


@needs_root
def test_another_folder_at_the_same_path_is_not_it(home: Path) -> None:
    """Who has a home of its own there writes to that one."""
    with running("bwrap", "--bind", "/", "/", "--tmpfs", str(home)) as pid:
        assert set(of(tried(pid), home).values()) == {2}


@pytest.mark.parametrize(
    ("limit", "used", "joined"),
    [("max", "1", True), (str(1 << 30), "1", True), (str(40 << 20), str(20 << 20), False)],
)
@pytest.mark.parametrize("where", ["outer", "outer/inner"])
def test_a_group_that_is_nearly_full_is_not_joined(
    tmp_path: Path, where: str, limit: str, used: str, joined: bool
) -> None:
    """Or the kernel might end a process of the container for the memory of an attempt."""
    (tmp_path / "outer" / "inner").mkdir(parents=True)
    (tmp_path / where / "memory.max").write_text(limit)
    (tmp_path / where / "memory.current").write_text(used)
    (tmp_path / "outer" / "inner" / "cgroup.procs").touch()
    found = entering.procs_of((str(tmp_path), "/outer/inner"))
    assert (found is not None) is joined
    if found is not None:
        os.close(found)
