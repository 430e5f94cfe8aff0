"""What a container keeps outside its volumes is put into a new one: it is there after the relaunch, after a restart and
after an undo, with owner and mode, and a full disk loses nothing of it.
"""

from __future__ import annotations

import os
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, desk_at
from rig.engine import Rig

FOLDER = "/var/lib/app"
VOLUME = f"{NAME}-var-lib-app"
# Writes its data once, as a database would, and says what of it is not as it was left
PROGRAM = f"""
trap 'exit 0' TERM
if ! test -e {FOLDER}/made; then
  mkdir -p {FOLDER}/sub; cd {FOLDER}
  echo kept >file; chown 70:71 file; chmod 640 file; ln file hard; ln -s file link; mkfifo pipe
  echo x >suid; chown 5:6 suid; chmod 4755 suid; mkdir -m 1777 sub/t; : >empty; mkdir none
  mkdir -m 700 sys proc; echo x >sys/db; ln -s db sys/link; rm -rf /srv/old; chown 70:71 .; chmod 710 .; echo yes >made
fi
echo $$ >/run/app.pid && chown 5 /run/app.pid || exit 3
sleep 3600 & wait"""
LOOK = (
    "cd /var/lib/app; (ls -ldn .; ls -lAn . sub sys) | sed 's/ [A-Z][a-z][a-z]  *[0-9]* [0-9:]* / /';"
    " cat file hard link made"
)


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(any_engine, tmp_path) as found:
        yield found


def _set(*choices: str) -> list[str]:
    return [word for choice in choices for word in ("--set", choice)]


def _start(desk: Desk) -> str:
    desk.rig.run("run", "-d", "--restart", "always", "--name", NAME, "busybox", "sh", "-c", PROGRAM)
    return _look(desk)


def _look(desk: Desk) -> str:
    for _ in range(100):
        said = desk.rig.said(NAME, "sh", "-c", LOOK)
        if said.rstrip().endswith("yes"):
            break
    return said


def test_data_is_there_after_the_relaunch_a_restart_and_an_undo(desk: Desk) -> None:
    before = _start(desk)
    assert "kept" in before
    code, told, err = desk.harden(*_set(f"volume={FOLDER}", "read-only-root=on", "tmpfs=/run"))
    assert code in (0, 1), (told, err)
    assert told["result"] in ("verified", "enforced"), told
    assert desk.volumes() == [VOLUME]
    assert _look(desk) == before, "owner, mode, links, and nothing more"
    assert f" {FOLDER} " in desk.rig.said(NAME, "cat", "/proc/1/mounts")
    desk.rig.run("exec", NAME, "sh", "-c", f"echo later >{FOLDER}/later; rm {FOLDER}/empty")
    after = _look(desk)
    desk.rig.run("restart", "-t", "5", NAME)
    assert _look(desk) == after
    code, out, err = desk.run("undo", NAME, "--dry-run")
    assert code == 0
    assert VOLUME in out, "it is said where the data is"
    code, out, err = desk.run("undo", NAME, "--watch", "1")
    assert code == 0, (out, err)
    assert _look(desk) == after, "what was written since is there as well"
    assert desk.rig.inspect(NAME)["HostConfig"]["RestartPolicy"]["Name"] == "always"
    desk.rig.run("exec", NAME, "sh", "-c", f"echo last >{FOLDER}/last; test -w /etc")
    after = _look(desk)
    code, out, err = desk.run("undo", NAME, "--watch", "1")
    assert code == 0, (out, err)
    assert _look(desk) == after, "hardened again, with what was written meanwhile"
    code, out, err = desk.run("discard", NAME, "--yes")
    assert code == 0, (out, err)
    assert _look(desk) == after
    assert desk.volumes() == [VOLUME]


AS_ROOT = f"""
trap 'exit 0' TERM
mkdir -p {FOLDER} && cd {FOLDER}
test -e file || {{ echo x >theirs; chown 5:6 theirs; echo kept >old; }}
id -u >>file || exit 3
sleep 3600 & wait"""


@pytest.mark.skipif(os.geteuid() != 0, reason="changes owners of files")
def test_it_is_its_users_where_it_starts_as_another(desk: Desk) -> None:
    """The copy is: root's files are the new user's, and root's again after the undo but for what that user wrote."""
    look = f"cd {FOLDER}; stat -c %u:%g . old theirs; cat file"
    desk.rig.run("run", "-d", "--name", NAME, "busybox", "sh", "-c", AS_ROOT)
    desk.rig.run("exec", NAME, "sh", "-c", f"while ! test -e {FOLDER}/file; do sleep 0.1; done")
    code, told, err = desk.harden(*_set("user=1000:1000", f"volume={FOLDER}"))
    assert code in (0, 1), (told, err)
    assert desk.rig.said(NAME, "sh", "-c", look).split() == ["1000:1000", "1000:1000", "5:6", "0", "1000"]
    code, out, err = desk.run("undo", NAME, "--watch", "1")
    assert code == 0, (out, err)
    assert desk.rig.said(NAME, "sh", "-c", look).split() == ["0:0", "0:0", "5:6", "0", "1000", "0"]


def test_the_plan_gives_it_one_and_a_failure_leaves_none(desk: Desk) -> None:
    before = _start(desk)
    code, out, err = desk.run("harden", NAME, "--dry-run", "--preset", "recommended")
    assert code == 0, (out, err)
    assert f"volume={FOLDER}" in out
    assert VOLUME in out, "and is told its name"
    assert desk.volumes() == []
    code, told, err = desk.harden(*_set(f"volume={FOLDER}", "capabilities=none"))
    assert told["result"] == "rolled-back", (code, told, err)
    assert _look(desk) == before
    assert desk.volumes() == [], "nothing of it is left"
    assert [name for name in desk.all() if name.startswith(NAME)] == [NAME]


def test_a_folder_that_it_emptied_stays_empty(desk: Desk) -> None:
    """The image has something there, which neither engine may copy in again."""
    command = "trap 'exit 0' TERM; rm -rf /var/spool/cron; mkdir -p /var/spool/cron/own; sleep 3600 & wait"
    desk.rig.run("run", "-d", "--name", NAME, "busybox", "sh", "-c", f"test -e /done || {{ {command}; }}")
    code, told, err = desk.harden(*_set("volume=/var/spool/cron"))
    assert code in (0, 1), (told, err)
    assert desk.rig.said(NAME, "ls", "/var/spool/cron").split() == ["own"]


def test_one_that_its_owner_creates_is_refused(desk: Desk) -> None:
    label = ("--label", "com.docker.compose.project=x", "--label", "com.docker.compose.service=y")
    desk.rig.run("run", "-d", "--name", NAME, *label, "busybox", "sh", "-c", PROGRAM)
    code, out, err = desk.run("harden", NAME, "--dry-run", *_set(f"volume={FOLDER}"))
    assert code == 3, (out, err)
    assert desk.volumes() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="reads other users' files")
def test_attributes_that_would_be_lost_are_named_before(desk: Desk) -> None:
    """No engine copies an access list: acl(5), as the kernel stores it."""
    _start(desk)
    entries = ((1, 7), (4, 5), (32, 1))
    text = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", kind, bits, -1) for kind, bits in entries)
    os.setxattr(f"/proc/{desk.rig.pid(NAME)}/root{FOLDER}", "system.posix_acl_default", text)
    code, out, err = desk.run("harden", NAME, "--dry-run", "--preset", "recommended")
    assert f"volume={FOLDER}" not in out, "off by itself"
    for choice in (("--set", f"volume={FOLDER}"), ("--commit-layer", "--set", "no-new-privileges=on")):
        code, out, err = desk.run("harden", NAME, "--dry-run", *choice)
        assert code == 0, (out, err)
        assert any("access lists" in line and FOLDER in line for line in out.splitlines()), out


@pytest.mark.skipif(os.geteuid() != 0, reason="reads other users' files")
def test_the_number_of_a_process_is_no_data(desk: Desk) -> None:
    command = "trap 'exit 0' TERM; mkdir /etc/app; echo $$ >/etc/app/own.lock; sleep 3600 & wait"
    desk.rig.run("run", "-d", "--name", NAME, "busybox", "sh", "-c", command)
    while not desk.rig.said(NAME, "cat", "/etc/app/own.lock"):
        pass
    code, told, err = desk.harden(*_set("no-new-privileges=on"))
    assert code == 0, (told, err)
    code, _, _ = desk.run("undo", NAME, "--watch", "1")
    assert code == 0
    desk.rig.run("exec", NAME, "sh", "-c", "echo 2147483000 >/etc/app/own.lock")
    code, told, err = desk.harden(*_set("no-new-privileges=on"))
    assert code == 3, "a number of none is data"


def test_a_volume_that_a_crash_leaves_is_named(desk: Desk) -> None:
    """What the replacement wrote is nowhere else."""
    before = _start(desk)
    child = desk.popen("harden", NAME, "--json", "--yes", "--watch", "60", *_set(f"volume={FOLDER}"))
    assert child.stdout is not None
    for line in child.stdout:
        if '"watch"' in line:
            break
    child.kill()
    child.communicate()
    code, out, err = desk.run("recover")
    assert code == 0, (out, err)
    assert VOLUME in out
    assert desk.volumes() == [VOLUME]
    assert _look(desk) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="reads other users' files")
def test_an_empty_volume_for_another_user(desk: Desk) -> None:
    """It is given to that user; where that can't be done, what to do is said, and helps."""
    desk.rig.run("run", "-d", "--name", NAME, "busybox", "sh", "-c", "trap 'exit 0' TERM; sleep 3600 & wait")
    chosen = _set("volume=/srv/new", "user=1000:1000")
    code, told, err = desk.harden(*chosen)
    if code == 2:
        assert "/srv/new" in err
        desk.rig.run("exec", NAME, "sh", "-c", "mkdir -p /srv/new; chown 1000:1000 /srv/new")
        code, told, err = desk.harden(*chosen)
    assert code == 0, (told, err)
    desk.rig.run("exec", NAME, "sh", "-c", "echo mine >/srv/new/file")
    assert desk.rig.said(NAME, "stat", "-c", "%u", "/srv/new/file") == "1000"
    code, out, err = desk.run("undo", NAME, "--watch", "1")
    assert code == 0, (out, err)
    assert desk.rig.said(NAME, "stat", "-c", "%u:%g", "/srv/new/file") == "1000:1000", "as it was written"


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
@pytest.mark.slow
def test_a_full_disk_loses_nothing(docker_rootful: Rig, tmp_path: Path) -> None:
    """A volume of a small file system: what is there does not fit into it."""
    place = docker_rootful.folder / "data" / "volumes"
    with desk_at(docker_rootful, tmp_path) as desk:
        desk.rig.run("run", "-d", "--name", NAME, "busybox", "sh", "-c", PROGRAM)
        before = _look(desk)
        desk.rig.run("exec", NAME, "dd", "if=/dev/zero", f"of={FOLDER}/much", "bs=1M", "count=24")
        before = _look(desk)
        inside = ("nsenter", "-t", str(docker_rootful.daemon_pids()[0]), "-m")  # the daemon's own mounts
        subprocess.run([*inside, "mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], check=True)
        try:
            code, told, err = desk.harden(*_set(f"volume={FOLDER}"))
            assert code not in (0, 1), (told, err)
            assert _look(desk) == before
            assert [name for name in desk.all() if name.startswith(NAME)] == [NAME]
            assert "space" in str(told) + err, "it is said why"
        finally:
            subprocess.run([*inside, "umount", str(place)], check=True)
            desk.rig.remove(NAME)
