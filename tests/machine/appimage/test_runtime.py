"""The runtime of the AppImage, with a small shell script as the program: mounting, unpacking, and how it ends."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import signal
import subprocess
from functools import partial
from pathlib import Path

import pytest

from machine.appimage.started import PATH, Person, mounts, until
from rig.plan import ordinary_user
from stratascope import __version__

pytestmark = pytest.mark.appimage
NO_DEVICE = ("unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /dev/fuse && exec "$@"', "sh")
# fusermount3 is set-uid; without it a user can't mount
NO_HELPER = (
    *("unshare", "--mount", "sh", "-c"),
    'mount --bind /bin/false "$(command -v fusermount3)" && exec setpriv --reuid=%d --regid=%d --clear-groups "$@"',
    "sh",
)


def test_it_is_mounted_and_the_program_gets_its_words(person: Person, tiny: Path) -> None:
    done = person.run(tiny, "words", "two words", "", "ü\n", "--appimage-help")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[two words]\n[]\n[ü\n]\n[--appimage-help]\n", "")


def test_files_and_links_are_read(person: Person, tiny: Path) -> None:
    assert person.run(tiny, "read", "usr/link").stdout == "a few words\n"
    assert person.run(tiny, "read", "usr/share/none").stdout == ""
    command = '"$0" read usr/share/large | sha256sum'
    large = (tiny.parent / "AppDir/usr/share/large").read_bytes()
    assert person.run("/bin/sh", "-c", command, tiny).stdout.split()[0] == hashlib.sha256(large).hexdigest()


def test_variables_are_told(person: Person, tiny: Path, open_folder: Path) -> None:
    done = person.run(f"./{tiny.name}", "environment", cwd=open_folder, ARGV0="a terminal's", OWD="/elsewhere")
    found = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert found["APPIMAGE"] == str(tiny)
    assert found["ARGV0"] == f"./{tiny.name}"
    assert found["OWD"] == str(open_folder)
    assert found["APPDIR"].startswith("/tmp/.mount_Strata")
    assert (found["ARGV0_ORIG"], found["OWD_ORIG"]) == ("a terminal's", "/elsewhere")
    assert "APPDIR_ORIG" not in found


def test_a_link_to_it_works_too(person: Person, tiny: Path, open_folder: Path) -> None:
    link = open_folder / "link"
    link.symlink_to(tiny.name)
    try:
        found = person.run(link, "environment").stdout.splitlines()
    finally:
        link.unlink()
    assert f"APPIMAGE={tiny}" in found


@pytest.mark.parametrize("status", [0, 1, 7, 255])
def test_the_exit_status_is_the_programs(person: Person, tiny: Path, status: int) -> None:
    assert person.run(tiny, "end", str(status)).returncode == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGABRT])
def test_death_by_a_signal_is_the_programs(person: Person, tiny: Path, number: signal.Signals) -> None:
    assert person.run(tiny, "die", str(int(number))).returncode == -number


def test_a_signal_reaches_the_program(person: Person, tiny: Path) -> None:
    child = person.start(tiny, "trap")
    assert child.stdout is not None
    assert child.stdout.readline().strip() in mounts()
    child.terminate()
    out, _ = child.communicate(timeout=10)
    assert (child.returncode, out) == (3, "told\n")


def test_kill_leaves_no_mount(person: Person, tiny: Path) -> None:
    child = person.start(tiny, "wait")
    assert child.stdout is not None
    folder = child.stdout.readline().strip()
    assert folder in mounts()
    child.kill()
    child.communicate()
    until(partial(is_gone, folder), "the mount is gone")


def test_a_killed_session_leaves_no_mount(person: Person, tiny: Path) -> None:
    """As a terminal that is closed, or `pkill -9 -f` by the file's name."""
    child = person.start(tiny, "wait")
    assert child.stdout is not None
    folder = child.stdout.readline().strip()
    servers = server_pids(tiny)
    assert len(servers) == 2
    assert {Path(f"/proc/{pid}/cmdline").read_bytes().strip(b"\0") for pid in servers} == {b"appimage-mount"}
    os.killpg(child.pid, signal.SIGKILL)
    child.communicate()
    until(partial(is_gone, folder), "the mount is gone")


def test_a_killed_server_leaves_no_mount(person: Person, tiny: Path) -> None:
    """Neither does the death of each of the two processes that serve it."""
    for place in (0, 1):
        child = person.start(tiny, "wait")
        assert child.stdout is not None
        folder = child.stdout.readline().strip()
        os.kill(server_pids(tiny)[place], signal.SIGKILL)
        if place == 0:  # the keeper: the server still ends with the program
            child.kill()
        until(partial(is_gone, folder), "the mount is gone")
        child.kill()
        child.communicate()
        until(lambda: not server_pids(tiny), "the servers have ended")


def test_the_program_holds_no_descriptor_of_ours(person: Person, tiny: Path) -> None:
    assert set(person.run(tiny, "open").stdout.split()) == {"0", "1", "2", "3"}  # 3: ls reads that folder


def test_an_end_is_seen_by_who_reads_the_output(person: Person, tiny: Path) -> None:
    """The server does not hold the pipe: communicate() returns when the program ends."""
    child = person.start(tiny, "wait", "0")
    child.communicate(timeout=5)
    assert child.returncode == 0


def test_ignored_signals_of_a_child_do_no_harm(person: Person, tiny: Path) -> None:
    script = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )
    done = person.run("/usr/bin/python3", "-c", script, tiny, "end", "4")
    assert (done.returncode, done.stderr) == (4, "")


def test_closed_standard_descriptors_do_no_harm(person: Person, tiny: Path) -> None:
    assert person.run("/bin/sh", "-c", '"$0" end 5 <&- >&- 2>&-', tiny).returncode == 5


def test_unpacked_where_there_is_no_device(tiny: Path) -> None:
    done = subprocess.run((*NO_DEVICE, tiny, "environment"), capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "fuse3" in done.stderr
    folder = next(line for line in done.stdout.splitlines() if line.startswith("APPDIR=")).partition("=")[2]
    until(lambda: not Path(folder).exists(), "what was unpacked is gone")


def test_unpacked_where_a_user_may_not_mount(tiny: Path) -> None:
    uid, gid, _ = ordinary_user()
    command = (*NO_HELPER[:4], NO_HELPER[4] % (uid, gid), NO_HELPER[5], tiny, "words", "x")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[x]\n"), done.stderr
    assert "fuse3" in done.stderr
    assert "fusermount" not in done.stderr
    until(lambda: not list(Path("/tmp").glob(".mount_Strata*")), "what was unpacked is gone")


def test_asked_to_unpack_and_run(person: Person, tiny: Path) -> None:
    for words, value in ((["--appimage-extract-and-run"], "0"), ([], "1")):
        done = person.run(tiny, *words, "words", "x", APPIMAGE_EXTRACT_AND_RUN=value)
        assert (done.returncode, done.stdout, done.stderr) == (0, "[x]\n", "")
        assert person.run(tiny, *words, "end", "9", APPIMAGE_EXTRACT_AND_RUN=value).returncode == 9


def test_a_kill_leaves_nothing_unpacked(person: Person, tiny: Path) -> None:
    child = person.start(tiny, "--appimage-extract-and-run", "wait")
    assert child.stdout is not None
    folder = Path(child.stdout.readline().strip())
    assert (folder / "AppRun").exists()
    assert folder.stat().st_mode & 0o077 == 0
    child.kill()
    child.communicate()
    until(lambda: not folder.exists(), "what was unpacked is gone")


def test_no_room_is_told(tiny: Path) -> None:
    """A full disk everywhere: a sentence that says what to do."""
    script = """
        mkdir /run/strata-no-room; cp "$1" /run/strata-no-room/it; mount --bind /dev/null /dev/fuse
        for place in /tmp /var/tmp /dev/shm; do mount -t tmpfs -o size=64k tmpfs $place; done
        status=0; /run/strata-no-room/it end 0 || status=$?
        rm -r /run/strata-no-room; exit $status"""
    done = subprocess.run(
        ("unshare", "--mount", "sh", "-c", script, "sh", tiny),
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": PATH, "HOME": "/proc", "TMPDIR": "relative"},
    )
    assert done.returncode == 127
    assert "MB free" in done.stderr
    assert "TMPDIR" in done.stderr


def test_extract(person: Person, tiny: Path, own_folder: Path) -> None:
    for _ in range(2):  # over what is there, too
        done = person.run(tiny, "--appimage-extract", cwd=own_folder)
        assert done.returncode == 0, done.stderr
        assert "squashfs-root/usr/share/large" in done.stdout.splitlines()
    root, source = own_folder / "squashfs-root", tiny.parent / "AppDir"
    assert {path.relative_to(root) for path in root.rglob("*")} == {p.relative_to(source) for p in source.rglob("*")}
    assert (root / "usr/share/large").read_bytes() == (source / "usr/share/large").read_bytes()
    assert (root / "usr/link").readlink() == Path("share/small")
    assert (root / "AppRun").stat().st_mode & 0o777 == 0o755
    assert person.run(root / "AppRun", "end", "6").returncode == 6


def test_extract_some(person: Person, tiny: Path, own_folder: Path) -> None:
    assert person.run(tiny, "--appimage-extract", "usr/sh*/small", cwd=own_folder).returncode == 0
    files = {str(path.relative_to(own_folder)) for path in own_folder.rglob("*") if path.is_file()}
    assert files == {"squashfs-root/usr/share/small"}
    done = person.run(tiny, "--appimage-extract", "nothing*", cwd=own_folder)
    assert done.returncode == 127
    assert "nothing*" in done.stderr


def test_extract_where_nothing_can_be_written(person: Person, tiny: Path) -> None:
    done = person.run(tiny, "--appimage-extract", cwd=Path("/proc"))
    assert done.returncode == 127
    assert "squashfs-root can't be made here" in done.stderr


def test_mount(person: Person, tiny: Path) -> None:
    child = person.start(tiny, "--appimage-mount")
    assert child.stdout is not None
    folder = child.stdout.readline().strip()
    assert person.run("/bin/cat", f"{folder}/usr/link").stdout == "a few words\n"
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=10)
    assert child.returncode == 0
    until(partial(is_gone, folder), "the mount is gone")


def test_a_mount_in_use_goes_too(person: Person, tiny: Path) -> None:
    child = person.start(tiny, "--appimage-mount")
    assert child.stdout is not None
    folder = child.stdout.readline().strip()
    inside = person.start("/bin/sh", "-c", 'cd "$0" && echo there && exec sleep 60', folder)
    assert inside.stdout is not None
    assert inside.stdout.readline() == "there\n"
    child.terminate()
    child.communicate(timeout=10)
    until(lambda: folder not in mounts(), "the mount is gone")
    inside.kill()
    inside.communicate()


def test_what_it_tells_about_itself(person: Person, tiny: Path, appimage: Path) -> None:
    offset = int(person.run(tiny, "--appimage-offset").stdout)
    assert tiny.read_bytes()[offset : offset + 4] == b"hsqs"
    assert person.run(tiny, "--appimage-version").stdout == f"Stratascope {__version__}\n"
    words = person.run(tiny, "--appimage-help").stdout
    assert all(f"--appimage-{name}" in words for name in ("extract", "extract-and-run", "mount", "offset", "version"))
    done = person.run(tiny, "--appimage-nonsense")
    assert done.returncode == 2
    assert "--appimage-help" in done.stderr


def test_a_file_that_was_cut_off_is_told(person: Person, tiny: Path, open_folder: Path) -> None:
    offset = int(person.run(tiny, "--appimage-offset").stdout)
    cut = open_folder / "cut.AppImage"
    cut.write_bytes(tiny.read_bytes()[: offset + 50])
    cut.chmod(0o755)
    for words in ((), ("--appimage-extract-and-run",)):
        done = person.run(cut, *words)
        assert done.returncode == 127
        assert "is damaged; get it again" in done.stderr


def is_gone(folder: str) -> bool:
    return folder not in mounts() and not Path(folder).exists()


class Judge:
    """Debian's libappimage, which has nothing of ours."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL("libappimage.so.1.0abi1")
        self._library.appimage_get_payload_offset.restype = ctypes.c_ssize_t

    def kind(self, path: Path) -> int:
        return int(self._library.appimage_get_type(os.fsencode(path), False))

    def offset(self, path: Path) -> int:
        return int(self._library.appimage_get_payload_offset(os.fsencode(path)))


def test_libappimage_agrees(tiny: Path, appimage: Path) -> None:
    judge = Judge()
    for path in (tiny, appimage):
        own = int(subprocess.run((path, "--appimage-offset"), capture_output=True, text=True, check=True).stdout)
        assert judge.kind(path) == 2
        assert judge.offset(path) == own
    assert judge.kind(Path("/bin/true")) == -1  # it can say no


def server_pids(image: Path) -> list[int]:
    """The keeper and then the server of this file."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if (entry / "comm").read_text() == "appimage-mount\n" and (entry / "exe").readlink() == image:
                    found.append(int(entry.name))
    return sorted(found)
