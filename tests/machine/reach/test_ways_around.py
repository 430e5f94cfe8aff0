"""Ways that no mount and no route tells of: what it holds open, another /proc, a cable to the machine's localhost."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.collector.asking import needs_root
from rig.sandboxes import descendants
from stratascope.core.ground import decode_ground
from stratascope.core.reach.row import Answer, Known, ReachRow
from stratascope.layers import all_layers
from stratascope.probe.local import LocalProber
from stratascope.usecases.reach.attempts import attempts_by, tried
from stratascope.usecases.reach.judge import reached
from stratascope.usecases.reach.subject import of_process

AS_USER = ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")
SYSTEM = ("--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64")
BWRAP = (*AS_USER, "bwrap", *SYSTEM, "--proc", "/proc", "--unshare-all")
SLEEPS = ("/usr/bin/sleep", "600")
OPEN, CLOSED = Answer.OPEN, Answer.CLOSED


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with one key, of the ordinary user; nobody but root can pass the folders on the way."""
    folder = tmp_path / ".ssh"
    folder.mkdir()
    (folder / "id_rsa").write_text("key")
    for path in (tmp_path, folder, folder / "id_rsa"):
        os.chown(path, 1000, 1000)
        path.chmod(0o700)
    monkeypatch.setenv("HOME", str(tmp_path))
    return folder


@contextmanager
def running(command: Sequence[str], held: Path | None = None) -> Iterator[int]:
    """The PID of the program that sleeps below it."""
    opened = () if held is None else (os.open(held, os.O_RDONLY),)
    with subprocess.Popen((*command, *SLEEPS), pass_fds=opened, cwd="/") as process:
        try:
            for each in opened:
                os.close(each)
            deadline = time.monotonic() + 20
            while not (found := [pid for pid in (process.pid, *descendants(process.pid)) if _sleeps(pid)]):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield found[-1]
            for pid in found:
                os.kill(pid, 9)
        finally:
            process.kill()


def _sleeps(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_bytes() == "\0".join((*SLEEPS, "")).encode()


def asked(pid: int) -> tuple[dict[str, ReachRow], dict[str, ReachRow]]:
    """As predicted, and after it was tried."""
    prober = LocalProber()
    subject = of_process(all_layers(), pid, decode_ground(prober.host()), prober)
    found = (reached(subject), tried(subject, attempts_by(prober, subject)))
    return {row.thing.id: row for row in found[0].rows}, {row.thing.id: row for row in found[1].rows}


@needs_root
@pytest.mark.parametrize("name", ["id_rsa", "."])
def test_what_it_holds_open_it_can_read(keys: Path, name: str) -> None:
    with running(BWRAP, keys / name) as pid:
        assert str((keys / name).resolve()) in map(os.readlink, Path(f"/proc/{pid}/fd").iterdir())
        for rows in asked(pid):
            assert (rows["ssh-keys"].answer, rows["ssh-keys"].known) == (OPEN, Known.ENFORCED)
            assert rows["ssh-keys"].hides == ()  # no mount hides it
    with running(BWRAP) as pid:
        assert {rows["ssh-keys"].answer for rows in asked(pid)} == {CLOSED}


@needs_root
def test_processes_in_the_machines_proc_are_seen_and_have_no_number_to_be_stopped_by() -> None:
    with running((*AS_USER, "bwrap", "--bind", "/", "/host", *SYSTEM, "--proc", "/proc", "--unshare-all")) as pid:
        inside = ("nsenter", f"--target={pid}", "--user", "--preserve-credentials", "--mount", "--pid")
        subprocess.run((*inside, "/usr/bin/cat", f"/host/proc/{os.getpid()}/comm"), check=True, capture_output=True)
        for rows in asked(pid):
            assert (rows["host-processes"].answer, rows["signal-others"].answer) == (OPEN, CLOSED)


@needs_root
@pytest.mark.parametrize(
    ("options", "answer"),
    [((), OPEN), (("-T", "none", "-U", "none", "--no-map-gw"), CLOSED), (("-T", "none", "-U", "none"), OPEN)],
)
def test_a_cable_that_hands_on_to_the_localhost(options: tuple[str, ...], answer: Answer) -> None:
    with running((*AS_USER, "pasta", "-q", "--config-net", *options, "--")) as pid:
        for rows in asked(pid):
            assert rows["host-loopback"].answer is answer
            assert "proxy" not in rows
