"""Ways that no mount and no route tells of: what it holds open, another /proc, a cable to the machine's localhost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.collector.asking import needs_root
from rig.engine import Rig
from rig.sandboxes import descendants
from stratascope.core.ground import decode_ground
from stratascope.core.reach.row import Answer, Known, ReachRow
from stratascope.core.reach.things import INWARD
from stratascope.core.severity import Severity
from stratascope.layers import all_layers
from stratascope.presentation.reach_report import subject_of as reach_subject
from stratascope.probe.local import LocalProber
from stratascope.usecases.reach.attempts import attempts_by, tried
from stratascope.usecases.reach.judge import reached
from stratascope.usecases.reach.subject import of_process
from stratascope.wiring.engines import open_engines
from stratascope.wiring.reach import subject_of

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
def running(command: Sequence[str], held: Path | socket.socket | None = None) -> Iterator[int]:
    """The PID of the program that sleeps below it. `held`: what it is given open."""
    opened = () if held is None else (os.open(held, os.O_RDONLY) if isinstance(held, Path) else os.dup(held.fileno()),)
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
@pytest.mark.parametrize("way", [("unshare", "-mpfin", "--mount-proc"), ("unshare", "-pfin", "--mount-proc")])
def test_what_was_opened_with_more_rights_stays_open(keys: Path, way: tuple[str, ...]) -> None:
    """In a mount namespace of its own or not, and whatever the file's mode."""
    user = ("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "--no-new-privs")
    with running((*way, *user), keys / "id_rsa") as pid:
        for rows in asked(pid):
            assert rows["ssh-keys"].answer is OPEN
            assert rows["ssh-keys"].where == str(keys / "id_rsa")
    with running((*way, *user)) as pid:
        assert {rows["ssh-keys"].answer for rows in asked(pid)} == {CLOSED}


@needs_root
def test_a_folder_that_it_works_in_needs_none_of_those_above(keys: Path) -> None:
    keys.chmod(0o755)
    (keys / "id_rsa").chmod(0o644)
    user = ("setpriv", "--reuid=1234", "--regid=1234", "--clear-groups", "--no-new-privs")
    below = ("unshare", "-pfin", "--mount-proc", *user)
    with running(("env", "-C", str(keys), *below)) as pid:
        reads = [
            subprocess.run((*user, "/usr/bin/cat", path), cwd=f"/proc/{pid}/cwd", capture_output=True, check=False)
            for path in ("id_rsa", keys / "id_rsa")
        ]
        assert [each.stdout for each in reads] == [b"key", b""]
        assert {rows["ssh-keys"].answer for rows in asked(pid)} == {OPEN}
    with running(below) as pid:
        assert {rows["ssh-keys"].answer for rows in asked(pid)} == {CLOSED}


def connects(pid: int, uid: int, path: str) -> bool:
    """Whether a user may connect to that socket, with the files of that process."""
    child = os.fork()
    if not child:
        try:
            os.chroot(f"/proc/{pid}/root")
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            socket.socket(socket.AF_UNIX).connect(path)
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("user", [0, 1000])
def test_an_engines_socket_by_another_name(one_engine: Rig, user: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATASCOPE_ENGINES", one_engine.endpoint)
    options = ("--user", str(user), "-v", f"{one_engine.socket}:/x/y.sock")
    with one_engine.container(*options, name="reach-socket") as container:
        pid = one_engine.pid(container)
        uid = int(Path(f"/proc/{pid}/status").read_text().partition("Uid:")[2].split()[0])
        with open_engines() as engines:
            rows = {row.thing.id: row for row in reached(subject_of(engines, "reach-socket")[0]).rows}
        row = rows[f"{one_engine.kind}-socket"]
        assert (row.answer, row.where) == (OPEN if connects(pid, uid, "/x/y.sock") else CLOSED, "/x/y.sock")


@needs_root
def test_a_rootless_engines_socket_gives_its_users_account(
    docker_rootful: Rig, docker_rootless: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it lies, and whether or not that engine is known; a root engine's gives the machine."""
    for listed in ((docker_rootful,), (docker_rootful, docker_rootless)):
        monkeypatch.setenv("STRATASCOPE_ENGINES", " ".join(f"{rig.kind}={rig.endpoint}" for rig in listed))
        for whose in (docker_rootful, docker_rootless):
            with docker_rootful.container("-v", f"{whose.socket}:/x/docker.sock") as name, open_engines() as engines:
                layers = subject_of(engines, name)[0].state.layers
            findings = [each for layer in layers if layer.assessment for each in layer.assessment.findings]
            (found,) = (each.severity for each in findings if each.code == "namespaces.engine-socket")
            assert found is (Severity.CRITICAL if whose is docker_rootful else Severity.HIGH), listed


@needs_root
def test_a_process_is_told_as_what_it_belongs_to(one_engine: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRATASCOPE_ENGINES", one_engine.endpoint)
    with one_engine.container() as container, running(BWRAP) as sandboxed, open_engines(sandboxes=True) as engines:
        told = {}
        for pid in (one_engine.pid(container), sandboxed, os.getpid()):
            judged = subject_of(engines, str(pid))[0]
            told[pid] = reach_subject(judged.state.container, judged.capture.pid)
    first, second, third = told.values()
    assert list(told) == [each.pid for each in told.values()]
    assert (first.kind, first.id, first.engine) == ("container", container, engines.ports[0].id)
    assert (second.kind, second.maker, second.name) == ("other", "bubblewrap", "sleep")
    assert (third.kind, third.maker, third.engine) == ("other", "", "")


@needs_root
def test_processes_in_the_machines_proc_are_seen_and_have_no_number_to_be_stopped_by() -> None:
    with running(
        (*AS_USER, "bwrap", "--ro-bind", "/proc", "/host-proc", *SYSTEM, "--proc", "/proc", "--unshare-all")
    ) as pid:
        inside = ("nsenter", f"--target={pid}", "--user", "--preserve-credentials", "--mount", "--pid")
        subprocess.run((*inside, "/usr/bin/cat", f"/host-proc/{os.getpid()}/comm"), check=True, capture_output=True)
        for rows in asked(pid):
            assert (rows["host-processes"].answer, rows["signal-others"].answer) == (OPEN, CLOSED)


@needs_root
@pytest.mark.parametrize(
    ("options", "answer"),
    [((), OPEN), (("-T", "none", "-U", "none", "--no-map-gw"), CLOSED), (("-T", "none", "-U", "none"), OPEN)],
)
def test_a_cable_that_hands_on_to_the_localhost(options: tuple[str, ...], answer: Answer) -> None:
    words = (*AS_USER, "pasta", "-q", "--config-net", *options, "--", "bwrap", *SYSTEM)
    with running(words) as pid:  # a home that it may write would be another way
        for rows in asked(pid):
            assert rows["host-loopback"].answer is answer
            assert "proxy" not in rows


@pytest.fixture
def passable(keys: Path) -> Path:
    """The home with one key; its user can pass the folders on the way."""
    for folder in keys.parent.parents:
        folder.chmod(folder.stat().st_mode | 0o111)
    return keys.parent


@needs_root
@pytest.mark.parametrize(
    ("options", "written"),
    [
        (("--overlay-src", "HOME", "--tmp-overlay", "/mnt"), CLOSED),
        (("--overlay-src", "HOME", "--overlay-src", "/usr/games", "--ro-overlay", "/mnt"), CLOSED),
        (("--overlay-src", "/usr/games", "--overlay", "HOME", "WORK", "/mnt"), OPEN),
    ],
)
def test_what_an_overlay_shows_and_where_writes_land(
    passable: Path, options: tuple[str, ...], written: Answer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its topmost folder has the times of the layer that is written to, and its layers are named by descriptors."""
    home, work = passable, tmp_path_factory.mktemp("work")
    os.chown(work, 1000, 1000)
    words = [each.replace("HOME", str(home)).replace("WORK", str(work)) for each in options]
    with running((*BWRAP, *words)) as pid:
        for rows in asked(pid):
            told = tuple(rows[name].answer for name in ("ssh-keys", "home-read", "home-write"))
            assert told == (OPEN, OPEN, written)
        inside = (*AS_USER, "nsenter", f"--target={pid}", "--user", "--preserve-credentials", "--mount")
        listed = subprocess.run((*inside, "/usr/bin/ls", "-A", "/mnt"), check=True, capture_output=True, text=True)
        assert ".ssh" in listed.stdout.split()
        subprocess.run((*inside, "/usr/bin/touch", "/mnt/made"), check=False, capture_output=True)
        assert (home / "made").exists() is (written is OPEN)


IN_JAIL = """
import os, sys
jail, home, *words = sys.argv[1:]
os.chdir(home), os.chroot(jail)
os.setgroups([]), os.setresgid(1000, 1000, 1000), os.setresuid(1000, 1000, 1000)
os.execv(words[0], words)
"""


@needs_root
def test_a_working_directory_outside_of_a_chroot_is_the_way_that_is_tried(passable: Path) -> None:
    jail = passable / "jail"
    (jail / "usr").mkdir(parents=True)
    for name in ("lib", "lib64"):
        (jail / name).symlink_to(f"usr/{name}")
    script = f'mount --bind /usr {jail}/usr; exec "$@"'
    words = ("unshare", "-mpf", "sh", "-c", script, "sh", sys.executable, "-c", IN_JAIL, str(jail), str(passable))
    with running(words) as pid:
        inside = ("nsenter", f"--target={pid}", "--mount", "--root", "--wd", *AS_USER)
        subprocess.run((*inside, "/usr/bin/cat", ".ssh/id_rsa"), check=True, capture_output=True)
        for rows in asked(pid):
            assert {rows[name].answer for name in ("ssh-keys", "home-read", "home-write")} == {OPEN}
        assert rows["ssh-keys"].known is Known.TRIED


@pytest.fixture
def agent() -> Iterator[Path]:
    """An SSH agent of the ordinary user at a place of its own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        os.chown(folder, 1000, 1000)
        place = Path(folder, "agent")
        with running_alone((*AS_USER, "ssh-agent", "-D", "-a", str(place))):
            while not place.exists():
                time.sleep(0.02)
            yield place


@contextmanager
def running_alone(command: Sequence[str]) -> Iterator[None]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def gets_an_agent(*options: str) -> set[bool]:
    with running((*BWRAP, *options)) as pid:
        return {"ssh-agent" in rows and rows["ssh-agent"].answer is OPEN for rows in asked(pid)}


@needs_root
def test_an_agent_is_known_wherever_it_listens_and_through_what_hands_on_to_it(agent: Path) -> None:
    assert gets_an_agent("--bind", str(agent.parent), "/p") == {True}
    assert gets_an_agent() == {False}
    # through an overlay it is another socket, to which nobody listens
    assert gets_an_agent("--overlay-src", str(agent.parent), "--tmp-overlay", "/p") == {False}
    with running_alone((*AS_USER, "socat", "ABSTRACT-LISTEN:strata-rig,fork", f"UNIX-CONNECT:{agent}")):
        while "@strata-rig" not in Path("/proc/net/unix").read_text():
            time.sleep(0.02)
        assert (gets_an_agent("--share-net"), gets_an_agent()) == ({True}, {False})


@needs_root
def test_a_connection_to_an_agent_that_it_was_given(agent: Path) -> None:
    with socket.socket(socket.AF_UNIX) as connected:
        with running(BWRAP, connected) as pid:
            for rows in asked(pid):
                assert "ssh-agent" not in rows or rows["ssh-agent"].answer is CLOSED
        connected.connect(str(agent))
        with running(BWRAP, connected) as pid:
            inside = next(each.name for each in Path(f"/proc/{pid}/fd").iterdir() if "socket:" in str(each.readlink()))
            for rows in asked(pid):
                assert (rows["ssh-agent"].answer, rows["ssh-agent"].where) == (OPEN, f"/proc/self/fd/{inside}")
        connected.sendall(b"\0\0\0\1\x0b")  # SSH_AGENTC_REQUEST_IDENTITIES
        assert connected.recv(5)[4] == 12  # SSH_AGENT_IDENTITIES_ANSWER


@needs_root
def test_a_connection_to_an_engine_is_a_way_to_all(docker_rootful: Rig) -> None:
    with socket.socket(socket.AF_UNIX) as connected:
        connected.connect(str(docker_rootful.socket))
        with running(BWRAP, connected) as pid:
            for rows in asked(pid):
                assert rows["docker-socket"].where.startswith("/proc/self/fd/")
                closed = [row.thing.id for row in rows.values() if row.answer is CLOSED]
                assert set(closed) <= {"set-uid", "sudo", "new-user-namespace", *INWARD}, closed


@needs_root
def test_processes_that_are_not_seen_can_be_stopped_by_their_numbers() -> None:
    with running((*AS_USER, "bwrap", *SYSTEM, "--unshare-net")) as pid:
        for rows in asked(pid):
            assert (rows["host-processes"].answer, rows["signal-others"].answer) == (CLOSED, OPEN)
