"""Sandboxes that do not start here, run by the ordinary user: each has one cause, and starts with what is advised."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from rig.ordinary import as_theirs
from rig.places import APP
from rig.plan import ordinary_user

Words = tuple[str, ...]
_ROOT = ("bwrap", "--ro-bind", "/", "/")
_USR = ("bwrap", "--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib")
_OPENS_FUSE = ("sh", "-c", "exec 3</dev/fuse")
_PYTHON = ("/usr/bin/python3", "-c")
_MAPS = """
import ctypes, os
user, group = os.getuid(), os.getgid()
ctypes.CDLL(None).unshare(0x10000000)
def write(name, text):
    with open("/proc/self/" + name, "wb", buffering=0) as file:
        file.write(text.encode())
write("uid_map", f"0 {user} COUNT")
DENY
write("gid_map", f"0 {group} 1")
"""
_LANDLOCK = """
import ctypes, struct, sys
libc = ctypes.CDLL(None)
rules = libc.syscall(444, ctypes.create_string_buffer(struct.pack("Q", 1)), 8, 0)
sys.exit(libc.syscall(446, rules, 0) != 0)
"""


def _maps(count: int, *, deny: bool = True) -> Words:
    text = _MAPS.replace("COUNT", str(count)).replace("DENY", 'write("setgroups", "deny")' if deny else "")
    return (*_PYTHON, text)


def _limit(number: int) -> Words:
    """In a user namespace that allows so many others."""
    return ("unshare", "-Ur", "sh", "-c", f'echo {number} > /proc/sys/user/max_user_namespaces; exec "$@"', "sh")


def _on_tmpfs(options: str) -> Words:
    return ("unshare", "-Urm", "sh", "-c", f"mount -t tmpfs -o {options} t /mnt; cp /bin/true /mnt; /mnt/true")


class Failure(NamedTuple):
    """`works`: with the least that is advised. `around`: where both are started; `around_works`: instead of that."""

    cause: str
    fails: Words
    works: Words
    around: Words = ()
    around_works: Words | None = None

    @property
    def works_around(self) -> Words:
        return self.around if self.around_works is None else self.around_works


FAILURES = (
    Failure("namespaces-forbidden", (*_ROOT, "--unshare-user", "true"), (*_ROOT, "--unshare-user", "true"),
            _limit(0), _limit(9)),
    Failure("namespaces-nested", (("unshare", "-Uc") * 34 + ("true",)), (("unshare", "-Uc") * 20 + ("true",))),
    Failure("user-unmapped", ("unshare", "-U", "unshare", "-U", "true"), ("unshare", "-Uc", "unshare", "-U", "true")),
    Failure("chrooted", ("unshare", "-Ur", "chroot", "/usr", "/bin/unshare", "-U", "/bin/true"),
            ("bwrap", "--bind", "/usr", "/", "/bin/unshare", "-U", "/bin/true")),
    Failure("ids-of-others", ("unshare", "--map-users=0,1,500", "true"), ("unshare", "-Ur", "true")),
    Failure("no-newuidmap", ("env", "PATH=/nowhere", "/usr/bin/unshare", "--map-auto", "/usr/bin/true"),
            ("/usr/bin/unshare", "--map-auto", "/usr/bin/true")),
    Failure("ids-not-own", _maps(10), _maps(1)),
    Failure("setgroups-first", _maps(1, deny=False), _maps(1)),
    Failure("setgroups", ("unshare", "-Ur", "setpriv", "--clear-groups", "true"),
            ("unshare", "-Ur", "setpriv", "true")),
    Failure("no-new-privileges", ("setpriv", "--no-new-privs", "unshare", "--map-auto", "true"),
            ("unshare", "--map-auto", "true")),
    Failure("proc-of-others", ("unshare", "-Urm", "mount", "-t", "proc", "proc", "/proc"),
            ("unshare", "-Urmp", "--fork", "mount", "-t", "proc", "proc", "/proc")),
    Failure("mounts-of-others", ("unshare", "-Ur", "mount", "-t", "tmpfs", "t", "/mnt"),
            ("unshare", "-Urm", "mount", "-t", "tmpfs", "t", "/mnt")),
    Failure("no-rights", ("unshare", "-m", "true"), ("unshare", "-Um", "true")),
    Failure("landlock-rights", (*_PYTHON, _LANDLOCK), ("setpriv", "--no-new-privs", *_PYTHON, _LANDLOCK)),
    Failure("no-device", (*_ROOT, "--tmpfs", "/dev", *_OPENS_FUSE),
            (*_ROOT, "--tmpfs", "/dev", "--dev-bind", "/dev/fuse", "/dev/fuse", *_OPENS_FUSE)),
    Failure("read-only", (*_ROOT, "mkdir", "/opt/it"), (*_ROOT, "--tmpfs", "/opt", "mkdir", "/opt/it")),
    Failure("no-exec", _on_tmpfs("noexec"), _on_tmpfs("exec")),
    Failure("no-loader", (*_USR, "/bin/true"), (*_USR, "--symlink", "usr/lib64", "/lib64", "/bin/true")),
    Failure("no-program", ("bwrap", "--ro-bind", "/usr/lib", "/usr/lib", "/usr/bin/true"), (*_ROOT, "/usr/bin/true")),
)  # fmt: skip


def told(command: Words, outside: Words = (), seconds: str = "20") -> tuple[int, dict[str, Any]]:
    """What `denials -- COMMAND` says of it, as the ordinary user."""
    program = (sys.executable, "-m", "stratascope", "denials", "--for", seconds, "--json", "--", *command)
    done = _as_user(program, (), outside)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def _as_user(
    command: Words, around: Words = (), outside: Words = (), text: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (*outside, *as_theirs(*around, *command)),
        env={"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(ordinary_user()[2]), "PYTHONPATH": str(APP),
             "PYTHONDONTWRITEBYTECODE": "1", "LC_ALL": "C.UTF-8"},
        cwd="/", capture_output=True, text=True, check=False, input=text,
    )  # fmt: skip


_MANY = """
import json, os, sys
from stratascope.presentation.start_report import json_object
from stratascope.usecases.refusals.starting import Watching
nowhere = os.open(os.devnull, os.O_RDWR)
for words in json.loads(sys.stdin.read()):
    print(json.dumps(json_object(Watching(words, nowhere, nowhere).begin(20.0))))
"""


@cache
def _all(around: Words) -> dict[Words, dict[str, Any]]:
    """What is said of all commands that are started there, one after the other."""
    commands = [
        words
        for each in FAILURES
        for words, place in ((each.fails, each.around), (each.works, each.works_around))
        if place == around
    ]
    done = _as_user((sys.executable, "-c", _MANY), around, text=json.dumps(commands))
    lines = done.stdout.splitlines()
    assert len(lines) == len(commands), done.stderr
    return dict(zip(commands, map(json.loads, lines), strict=True))


@pytest.mark.parametrize("failure", FAILURES, ids=[each.cause for each in FAILURES])
def test_each_has_its_cause_and_starts_with_the_least(failure: Failure) -> None:
    found = _all(failure.around)[failure.fails]
    assert not found["works"]
    assert [each["id"] for each in found["causes"][:1]] == [failure.cause]
    cause = found["causes"][0]
    assert cause["own"] or cause["host"] or cause["docker"]
    assert _all(failure.works_around)[failure.works]["works"]


def test_a_user_without_a_range_of_ids() -> None:
    hidden = 'for each in /etc/subuid /etc/subgid; do mount --bind /dev/null "$each"; done; exec "$@"'
    outside = ("unshare", "--mount", "--propagation", "private", "sh", "-c", hidden, "sh")
    _, found = told(("unshare", "--map-auto", "true"), outside=outside)
    assert found["causes"][0]["id"] == "no-id-range"
    assert told(("unshare", "--map-auto", "true"))[0] == 0


@pytest.fixture
def group() -> Iterator[Path]:
    """A control group of root's."""
    base = next(Path(path) for path in ("/sys/fs/cgroup/pids", "/sys/fs/cgroup") if Path(path).is_dir())
    made = base / f"starting{os.getpid()}"
    made.mkdir()
    yield made
    for each in (*made.glob("*/"), made):
        if each.is_dir():
            each.rmdir()


def test_a_control_group_that_was_not_delegated(group: Path) -> None:
    command = ("mkdir", str(group / "below"))
    _, found = told(command)
    assert found["causes"][0]["id"] == "cgroup-not-delegated"
    os.chown(group, *ordinary_user()[:2])
    assert told(command)[0] == 0


def test_it_ends_with_all_that_it_left_behind() -> None:
    number = str(7_000_000 + os.getpid())
    code, found = told(("sh", "-c", f"sleep {number} & setsid sleep {number} & exit 3"))
    assert (code, found["status"], found["causes"]) == (1, 3, [])
    assert not _running(number)


def test_what_still_runs_when_its_time_is_over_has_started() -> None:
    number = str(8_000_000 + os.getpid())
    code, found = told((*_ROOT, "--unshare-all", "sleep", number), seconds="2")
    assert (code, found["works"], found["status"]) == (0, True, None)
    assert not _running(number)


def _running(number: str) -> bool:
    """Whether a process with that argument is left; the kernel may take a moment to end one."""
    until = time.monotonic() + 5
    while time.monotonic() < until:
        lines = (path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists())
        if not any(number.encode() in line for line in lines):
            return False
        time.sleep(0.05)
    return True
