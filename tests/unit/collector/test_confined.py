"""The confined processes of this machine, as root and as an ordinary user, with what fakes and what hides."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.ordinary import as_theirs
from rig.places import APP
from rig.plan import ordinary_user
from stratascope.collector import confined
from stratascope.collector.confined import CUT, read_confined
from stratascope.core.sandboxes.find import sandboxes
from stratascope.linux.confined import Confined, ConfinedProcess, parse_confined

ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
SCRIPT = "import sys; from stratascope.collector.confined import read_confined; sys.stdout.write(read_confined()[2])"


def look() -> Confined:
    name, source, text = read_confined()
    assert (name, source) == ("processes:confined", "/proc")
    return parse_confined(text)


@contextmanager
def sleeping(*before: str, script: str = "") -> Iterator[int]:
    """A sleep behind this; its PID."""
    command = (*before, "sh", "-c", f"{script} echo $$; exec sleep 600")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process.pid
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def process(found: Confined, pid: int) -> ConfinedProcess | None:
    return next((each for each in found.processes if each.pid == pid), None)


@pytest.mark.parametrize(
    "words", [["setpriv", "--no-new-privs"], ["unshare", "-Ur"], ["setpriv", "--bounding-set=-chown"]]
)
def test_one_that_is_confined_is_listed_with_its_ancestors(words: list[str]) -> None:
    if words[-1].startswith("--bounding") and os.geteuid():
        words = ["setpriv", "--no-new-privs"]
    with sleeping(*words) as pid:
        found = look()
    own = process(found, pid)
    assert own is not None
    assert own.confined
    assert own.argv == ("sleep", "600")
    above = process(found, own.parent)
    assert above is not None
    assert above.pid == os.getpid()


def test_one_that_is_not_confined_is_not_listed() -> None:
    with sleeping() as pid:
        assert process(look(), pid) is None


@ROOT
def test_a_chroot_is_seen_without_a_namespace(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    busybox = tmp_path / "bin/busybox"
    busybox.write_bytes(Path("/bin/busybox").read_bytes())
    busybox.chmod(0o755)
    command = ("chroot", str(tmp_path), "/bin/busybox", "sleep", "600")
    with subprocess.Popen(command) as child:
        try:
            while Path(f"/proc/{child.pid}/root").readlink() == Path("/"):
                assert child.poll() is None
            own = process(look(), child.pid)
            assert own is not None
            assert own.confinement.root == str(tmp_path)
        finally:
            child.kill()


@ROOT
def test_a_fake_is_told_as_what_the_kernel_says(tmp_path: Path) -> None:
    """A name, arguments of a megabyte, files in its root and variables, in nothing but namespaces."""
    (tmp_path / ".flatpak-info").write_text("[Application]\nname=org.example.Bank\n")
    script = (
        f"mount --rbind / /mnt && mount -t tmpfs none /mnt/tmp && cp {tmp_path}/.flatpak-info /mnt/tmp/ && "
        "printf bwrap > /proc/self/comm; export CLAUDECODE=1 CODEX_SANDBOX=x container=flatpak;"
    )
    with sleeping("unshare", "-m", script=script) as pid:
        found = look()
    own = process(found, pid)
    assert own is not None
    assert own.environment is not None
    assert "CLAUDECODE" in own.environment
    made = [each.sandbox for each in sandboxes(found.processes, found.host, {}) if pid in each.sandbox.pids]
    assert [each.maker for each in made] == ["none"]


@ROOT
def test_an_ordinary_user_sees_all_of_his_own_and_of_others_what_everybody_may() -> None:
    uid, gid, _ = ordinary_user()
    theirs = ("setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups")
    with sleeping(*theirs, "unshare", "-Ur") as own, sleeping("setpriv", "--no-new-privs", "unshare", "-m") as other:
        done = subprocess.run(
            as_theirs(sys.executable, "-c", SCRIPT),
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(APP), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            capture_output=True,
            text=True,
            check=True,
        )
    found = parse_confined(done.stdout)
    mine, others = process(found, own), process(found, other)
    assert mine is not None
    assert mine.exe is not None
    assert mine.confinement.namespace("user") != found.host.confinement.namespace("user")
    assert others is not None
    assert (others.exe, others.confinement.namespaces) == (None, ())
    assert others.confinement.no_new_privs


def test_it_is_cut_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confined, "LISTED_MAX", 1)
    with sleeping("setpriv", "--no-new-privs"):
        text = read_confined()[2]
    assert text.endswith(CUT)
    assert parse_confined(text).cut
    assert len(parse_confined(text).processes) <= 1
    for line in text.removesuffix(CUT).splitlines():
        json.loads(line)
