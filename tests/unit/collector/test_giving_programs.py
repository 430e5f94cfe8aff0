"""Set-uid programs and programs with file capabilities in a process's root directory: of a real one, made here."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stratascope.collector import giving_programs
from stratascope.collector.known_programs import KNOWN, recognised
from stratascope.collector.own_rules import FilesBelow, own_rules
from stratascope.collector.paths import Sight
from stratascope.collector.serve import Collector
from stratascope.linux.giving_programs import GivingPrograms, parse_giving

needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="needs root, to make set-uid files and enter a root directory"
)
BUSYBOX = Path("/bin/busybox").read_bytes()
ELF = b"\x7fELF" + bytes(60)
# version 2, effective, CAP_NET_RAW permitted
NET_RAW = bytes.fromhex("0100000200200000000000000000000000000000")


@pytest.fixture
def rooted(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """A process with a root directory of its own."""
    for folder in ("bin", "usr/bin/deep/er/than/others", "closed", "etc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "bin/busybox").write_bytes(BUSYBOX)
    (tmp_path / "bin/busybox").chmod(0o755)
    tmp_path.chmod(0o755)
    child = subprocess.Popen(["chroot", "--userspec=65534:65534", str(tmp_path), "/bin/busybox", "sleep", "60"])
    while Path(f"/proc/{child.pid}/exe").readlink() != tmp_path / "bin/busybox":  # then it is no longer root
        time.sleep(0.01)
    yield child.pid, tmp_path
    child.kill()
    child.wait()


def put(path: Path, data: bytes, mode: int, owner: int = 0) -> None:
    path.write_bytes(data)
    os.chown(path, owner, owner)
    path.chmod(mode)


def text(pid: int) -> str:
    (_, entries, _), *_ = Collector().capture([(pid, ("root:programs",), (), False, "")])[0]
    (found,) = [item for item in entries if item[0] == "root:programs"]
    assert found[2] is not None, found
    return str(found[2])


def look(pid: int) -> GivingPrograms:
    return parse_giving(text(pid))


@needs_root
def test_wherever_they_are(rooted: tuple[int, Path]) -> None:
    pid, root = rooted
    put(root / "usr/bin/deep/er/than/others/tool", ELF, 0o4755)
    put(root / "usr/bin/su", ELF + b"\0pam_authenticate\0", 0o4755)
    put(root / "bin/su", BUSYBOX, 0o4755)  # a shell under that name
    put(root / "bin/at", ELF, 0o2755, 7)
    put(root / "usr/bin/cat", ELF, 0o755)
    put(root / "usr/bin/not-executable", ELF, 0o4644)
    put(root / "usr/bin/script", b"#!/bin/sh\n", 0o4755)  # the kernel ignores the mark
    put(root / "closed/hidden", ELF, 0o4711)
    (root / "closed").chmod(0o750)
    put(root / "bin/ping", ELF + b"icmp_seq=", 0o755)
    os.setxattr(root / "bin/ping", "security.capability", NET_RAW)
    (root / "usr/bin/link").symlink_to("/usr/bin/su")
    found = look(pid)
    assert {each.path: (each.known, oct(each.access.mode), each.access.uid) for each in found.programs} == {
        "/usr/bin/deep/er/than/others/tool": ("", "0o4755", 0),
        "/usr/bin/su": ("su", "0o4755", 0),
        "/bin/su": ("", "0o4755", 0),
        "/bin/at": ("", "0o2755", 7),
        "/closed/hidden": ("", "0o4711", 0),
        "/bin/ping": ("ping", "0o755", 0),
    }
    ping = next(each for each in found.programs if each.path == "/bin/ping")
    assert (ping.permitted, ping.effective, ping.root) == (1 << 13, True, 0)
    hidden = next(each for each in found.programs if each.path == "/closed/hidden")
    assert [(each.uid, each.gid, each.mode) for each in hidden.folders] == [(0, 0, 0o750)]
    assert found.whole


@needs_root
def test_links_lead_nowhere(rooted: tuple[int, Path], tmp_path_factory: pytest.TempPathFactory) -> None:
    pid, root = rooted
    outside = tmp_path_factory.mktemp("outside")
    put(outside / "su", ELF, 0o4755)
    (root / "sbin").symlink_to(outside)
    (root / "usr/bin/su").symlink_to(outside / "su")
    assert look(pid) == GivingPrograms()


@needs_root
@pytest.mark.parametrize(("name", "value"), [("FILES_MAX", 3), ("FOLDERS_MAX", 1), ("FOUND_MAX", 0), ("SECONDS", -1.0)])
def test_what_is_cut_short_is_said(
    rooted: tuple[int, Path], monkeypatch: pytest.MonkeyPatch, name: str, value: float
) -> None:
    put(rooted[1] / "bin/su", ELF, 0o4755)
    monkeypatch.setattr(giving_programs, name, value)
    assert not look(rooted[0]).whole


def test_a_name_is_no_proof() -> None:
    """No shell or interpreter of this machine passes for a known program, whatever it is called."""
    for path in map(Path, ("/bin/bash", "/bin/dash", "/bin/busybox", "/usr/bin/perl", "/usr/bin/env", "/usr/bin/find",
                           "/usr/bin/python3", "/usr/bin/cp", "/usr/bin/setpriv", "/usr/bin/git")):  # fmt: skip
        if path.exists():
            data = path.read_bytes()
            assert [name for name in KNOWN if recognised(f"/usr/bin/{name}", data)] == [], path


def test_what_this_machine_has_is_recognised() -> None:
    own = [path for name in ("su", "mount", "umount", "passwd", "chsh", "chfn", "newgrp", "gpasswd", "newuidmap")
           if (path := Path("/usr/bin", name)).exists()]  # fmt: skip
    assert len(own) >= 3
    assert [path.name for path in own if recognised(str(path), path.read_bytes()) != path.name] == []


# sudoers, su's PAM file, shadow; and whom they let in
RULES = {
    "nothing": ({}, []),
    "a user": ({"sudoers": "app ALL=(ALL) NOPASSWD: ALL\n"}, ["r sudo u 1000"]),
    "with a password": ({"sudoers": "app ALL=(ALL:ALL) ALL\n"}, ["q sudo u 1000"]),
    "a group": ({"sudoers": "%wheel ALL = NOPASSWD: /usr/bin/apt\n"}, ["r sudo g 10", "r sudo u 1001"]),
    "the last one counts": ({"sudoers": "app ALL=(ALL) NOPASSWD: ALL\napp ALL=(ALL) ALL\n"}, ["q sudo u 1000"]),
    "elsewhere": ({"sudoers": "app ALL=(ALL) NOPASSWD: ALL\napp other=(ALL) ALL\n"}, ["r sudo u 1000"]),
    "all but it": ({"sudoers": "%wheel, app, !app ALL=(ALL) ALL\n"}, ["q sudo g 10", "q sudo u 1001"]),
    "not root": ({"sudoers": "app ALL=(daemon) NOPASSWD: ALL\n"}, []),
    "a group of root's only": ({"sudoers": "app ALL=(:daemon) NOPASSWD: ALL\n"}, []),
    "denied": ({"sudoers": "app ALL=(ALL) NOPASSWD: !ALL\n"}, []),
    "an alias": (
        {"sudoers": "User_Alias PEOPLE = app, \\\n  other\nPEOPLE ALL=(ALL) NOPASSWD: ALL\n"},
        ["r sudo u 1000", "r sudo u 1001"],
    ),
    "a drop-in": (
        {"sudoers": "@includedir /etc/sudoers.d\n", "sudoers.d/app": "#1000 ALL=NOPASSWD:ALL"},
        ["r sudo u 1000"],
    ),
    "not of that folder": (
        {"sudoers": "#includedir /etc/sudoers.d\n", "sudoers.d/app.bak": "ALL ALL=NOPASSWD: ALL"},
        [],
    ),
    "a comment": ({"sudoers": "# app ALL=(ALL) NOPASSWD: ALL\n"}, []),
    "without being asked": ({"sudoers": "Defaults:app !authenticate\napp ALL=(ALL) ALL\n"}, ["r sudo u 1000"]),
    "an empty password of its own": (
        {"sudoers": "app ALL=(ALL) ALL\n", "shadow": "root:*:1::::::\napp::1::::::\n"},
        ["r sudo u 1000"],
    ),
    "mixed": ({"sudoers": "app ALL=(ALL) PASSWD: ALL, NOPASSWD: /bin/id\n"}, ["r sudo u 1000"]),
    "no password of root": ({"shadow": "root::1::::::\n"}, ["r su a 0"]),
    "PAM permits": ({"pam.d/su": "auth sufficient pam_permit.so\n"}, ["r su a 0"]),
    "PAM asks": (
        {
            "pam.d/su": "auth sufficient pam_rootok.so\n@include common-auth\n",
            "pam.d/common-auth": "auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\n"
            "auth required pam_permit.so\n",
        },
        [],
    ),
    "PAM trusts wheel": (
        {"pam.d/su": "auth sufficient pam_wheel.so trust\nauth required pam_unix.so\n"},
        ["r su g 10", "r su u 1001"],
    ),
    "doas": ({"doas.conf": "permit nopass app as root\npermit other\n"}, ["r doas u 1000", "q doas u 1001"]),
    "doas of a group": ({"doas.conf": "permit nopass keepenv :wheel\n"}, ["r doas g 10", "r doas u 1001"]),
    "doas as another": ({"doas.conf": "permit nopass app as daemon\n"}, []),
    "anyone may write": ({"shadow": "root:*:1::::::\n", "": "passwd"}, ["w su 0 0 666"]),
}


@pytest.mark.parametrize("closed", ["/etc/sudoers", "/etc/sudoers.d"])
def test_rules_that_may_not_be_read(closed: str) -> None:
    """As they are for an ordinary user: that is told, and is not taken for no rules."""

    class Barred:
        def text(self, path: str) -> str:
            if path == closed:
                raise PermissionError
            return "@includedir /etc/sudoers.d\n" if path == "/etc/sudoers" else ""

        def names(self, path: str) -> list[str]:
            if path == closed:
                raise PermissionError
            return []

        def access(self, _: str) -> None:
            return None

    assert own_rules(Barred(), {"sudo"}) == ["u sudo"]
    assert parse_giving("q sudo u 5\nu sudo\n").unread == ("sudo",)


@needs_root
@pytest.mark.parametrize("name", RULES)
def test_whom_their_own_rules_let_in(tmp_path: Path, name: str) -> None:
    files, expected = RULES[name]
    etc = tmp_path / "etc"
    for folder in (etc / "sudoers.d", etc / "pam.d"):
        folder.mkdir(parents=True)
    tmp_path.chmod(0o755)
    (etc / "passwd").write_text("root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:\nother:x:1001:1001::/:\n")
    (etc / "group").write_text("root:x:0:\nwheel:x:10:other\n")
    (etc / "shadow").write_text("root:!:1::::::\n")
    (etc / "pam.d/su").write_text("auth required pam_unix.so\n")
    for path, content in files.items():
        if path:
            (etc / path).write_text(content)
        else:
            (etc / content).chmod(0o666)
    assert own_rules(FilesBelow(Sight(str(tmp_path))), {"su", "sudo", "doas"}) == expected


def test_ids_as_they_were_read_below_are_told_as_the_readers() -> None:
    lines = (
        "p 0 5 4755 0 0 0 0 su 0:0:700,5:5:711 /bin/a file",
        "p 70000 0 4755 2000 0 1 3 - - /b",
        "r sudo u 1000",
        "w su 0 42 640",
        "...",
    )
    uids, gids = "0 1500 1\n1 100000 65536\n", "0 1600 1\n1 200000 65536\n"
    assert giving_programs.outside(lines, uids, gids) == [
        "p 1500 200004 4755 0 0 0 0 su 1500:1600:700,100004:200004:711 /bin/a file",
        "p 70000 1600 4755 2000 0 1 100002 - - /b",
        "r sudo u 1000",  # as the files of the image say it
        "w su 1500 200041 640",
        "...",
    ]
