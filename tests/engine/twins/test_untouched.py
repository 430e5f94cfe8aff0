"""A twin does its worst, and its original does not notice: files, connections, processes, and what is left of it."""

from __future__ import annotations

import ctypes
import json
import os
import shlex
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.twins.stage import QUICK, Stage, stage_of, tree
from rig.engine import Rig
from stratascope.core.relaunch.launch_spec import TWIN
from stratascope.core.relaunch.trial import Tried, TwinRefusal, Works
from stratascope.i18n.translate import translate
from stratascope.usecases.trial.trial import Witness

# The first to come makes the data; every one after it changes and destroys what it finds
WORST = (
    "if ! [ -e /named/mine ]; then "
    "for place in /named /nameless /folder; do "
    "echo kept >$place/mine; mkdir $place/below; echo kept >$place/below/mine; done; chown 1000:1000 /named; "
    "chmod 0700 /named; nc -ll -p 8000 -e cat & "
    "else [ $(stat -c %u:%a /named) = 1000:700 ] && [ $(cat /folder/below/mine) = kept ] || exit 9; "
    "for place in /named /nameless /folder; do "
    "echo lost >$place/mine; chmod 0777 $place/below/mine; echo lost >>$place/below/mine; mv $place/below $place/away; "
    "echo lost >$place/new; chown 7:7 $place; touch $place; ln $place/mine $place/hard; done; "
    "echo lost >/file; [ -e /named/away/mine ] || exit 8; nc -ll -p 8000 -e cat & fi; "
) + QUICK


@pytest.fixture
def stage(any_engine: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return stage_of(any_engine, tmp_path, monkeypatch)


def put(rig: Rig, folder: Path) -> tuple[Path, Path]:
    """A folder and a file for binds, of the engine's user."""
    (folder / "bound").mkdir()
    (folder / "file").write_text("kept\n")
    for path in (folder / "bound", folder / "file"):
        os.chown(path, *(rig.user[:2] if rig.user else (0, 0)))
    return folder / "bound", folder / "file"


@contextmanager
def connection(pid: int, port: int) -> Iterator[socket.socket]:
    """Into the network of that process."""
    made: list[socket.socket] = []

    def enter() -> None:
        handle = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        assert ctypes.CDLL(None).setns(handle, 0x40000000) == 0
        os.close(handle)
        while not made:
            try:
                made.append(socket.create_connection(("127.0.0.1", port)))
            except ConnectionRefusedError:
                continue

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    with made[0] as link:
        yield link


def echoed(link: socket.socket) -> bytes:
    link.sendall(b"there\n")
    return link.recv(64)


def why(found: Tried) -> str:
    return f"{translate(found.why) if found.why else ''} {found.words} {found.log}"


@pytest.mark.slow
def test_the_original_is_byte_for_byte_the_same(stage: Stage, tmp_path: Path) -> None:
    rig = stage.rig
    folder, file = put(rig, tmp_path)
    rig.run("volume", "create", "twin-named")
    options = ("-v", "twin-named:/named", "-v", "/nameless", "-v", f"{folder}:/folder", "-v", f"{file}:/file")
    try:
        with stage.container(*options, "-p", "8000", "--restart", "always", command=WORST) as name:
            pid = rig.pid(name)
            with connection(pid, 8000) as link:
                assert echoed(link) == b"there\n"
                places = [Path(f"/proc/{pid}/root") / place for place in ("named", "nameless", "folder", "file")]
                before, there, asked = [tree(place) for place in places], stage.there(), rig.inspect(name)
                found = stage.tried(name, "true")
                assert found.works is Works.YES, why(found)
                assert [tree(place) for place in places] == before
                assert echoed(link) == b"there\n"
            after = rig.inspect(name)
            assert (after["State"]["StartedAt"], after["RestartCount"]) == (asked["State"]["StartedAt"], 0)
            assert (after["HostConfig"], rig.pid(name)) == (asked["HostConfig"], pid)
            assert stage.there() == there
            assert stage.journal.twins() == ()
            assert not stage.overlays()
            # and that a twin does change what is not overlaid is what the test is about
            assert any("8000" in translate(text) for text in found.compared)
    finally:
        rig.run("volume", "rm", "-f", "twin-named", check=False)


SEEN = """
import os, pathlib
pid = os.environ["STRATASCOPE_TWIN_PID"]
proc = pathlib.Path("/proc") / pid
assert os.environ["STRATASCOPE_TWIN_NETNS"] == f"/proc/{pid}/ns/net"
names = [line.split(":")[0].strip() for line in (proc / "net/dev").read_text().splitlines()[2:]]
assert names == ["lo"], names
out = pathlib.Path("OUT")
out.write_text(os.environ["STRATASCOPE_TWIN_NAME"] + "\\n" + (proc / "root/etc/hostname").read_text())
"""


def test_what_a_twin_is(stage: Stage, tmp_path: Path) -> None:
    """Its name, its host name, its labels; nothing but a loopback interface."""
    rig, out = stage.rig, tmp_path / "out"
    script = tmp_path / "seen.py"
    script.write_text(SEEN.replace("OUT", str(out)))
    look = f"{shlex.quote(sys.executable)} {shlex.quote(str(script))}"
    labels = f"{tmp_path}/labels"
    command = " ".join((*map(shlex.quote, rig.command("inspect")), '"$STRATASCOPE_TWIN_NAME"', ">", labels))
    options = ("--label", "com.example.owner=somebody", "--restart", "always", "-p", "8000", "--hostname", "kept")
    with stage.container(*options) as name:
        found = stage.tried(name, look, command)
        assert found.works is Works.YES, f"{why(found)} {found.failure}"
        called, host = out.read_text().split()
        assert (called.startswith(f"{name}.twin-"), host) == (True, "kept")
        (told,) = json.loads(Path(labels).read_text())
        assert TWIN in told["Config"]["Labels"]
        assert "com.example.owner" not in told["Config"]["Labels"]
        assert told["HostConfig"]["RestartPolicy"]["Name"] in ("", "no")
        assert not told["HostConfig"]["PortBindings"]


@pytest.mark.slow
def test_a_socket_in_a_volume_is_out_of_its_reach(stage: Stage, tmp_path: Path) -> None:
    """The same path leads to it in the original, and to nobody in the twin."""
    # a rootless engine's file system answers only those whom its user namespace has
    try_it = (
        "import ctypes, os, socket, sys\n"
        "theirs = os.open(f'/proc/{sys.argv[2]}/ns/user', os.O_RDONLY)\n"
        "if not os.path.sameopenfile(theirs, os.open('/proc/self/ns/user', os.O_RDONLY)):\n"
        "    assert ctypes.CDLL(None).setns(theirs, 0x10000000) == 0\n"
        "    os.setgid(0), os.setuid(0)\n"
        "link = socket.socket(socket.AF_UNIX)\n"
        "try: link.connect(sys.argv[1])\n"
        "except ConnectionRefusedError: print('refused')\n"
        "else: sys.exit('it answers')\n"
    )
    script = tmp_path / "connect.py"
    script.write_text(try_it)
    command = f'{shlex.quote(sys.executable)} {shlex.quote(str(script))} "/proc/$STRATASCOPE_TWIN_PID/root/place/s"'
    command += " $STRATASCOPE_TWIN_PID"
    with stage.container("-v", "/place") as name:
        pid = stage.rig.pid(name)
        with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
            here = os.open(f"/proc/{pid}/root/place", os.O_PATH)
            try:
                server.bind(f"/proc/self/fd/{here}/s")
                Path(f"/proc/self/fd/{here}/s").chmod(0o777)
                server.listen()
                client.connect(f"/proc/self/fd/{here}/s")
            finally:
                os.close(here)
            found = stage.tried(name, command)
        assert found.works is Works.YES, f"{why(found)} {found.failure}"


class _Below:
    """A witness that only says where the twin is to lie, and looks whether it does."""

    def __init__(self, cgroup: str) -> None:
        self.cgroup, self.lies = cgroup, ""
        self.rig: Rig | None = None

    def attach(self, container: str, initialize: Callable[[], int | None]) -> None:
        for hierarchy in ("", "pids", "memory"):  # as an observer that has to be there before the start
            top = Path("/sys/fs/cgroup") / hierarchy
            if (top / "cgroup.procs").exists():
                (top / self.cgroup.strip("/")).mkdir(exist_ok=True)

    def started(self, container: str) -> None:
        assert self.rig is not None
        self.lies = Path(f"/proc/{self.rig.pid(container)}/cgroup").read_text()

    def refusals(self) -> tuple[TwinRefusal, ...]:
        return ()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["docker_rootful", "podman_rootful"])
def test_it_lies_below_a_control_group_that_goes_with_it(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(request.getfixturevalue(kind), tmp_path, monkeypatch)
    below = _Below(f"/stratascope-{os.urandom(8).hex()}")
    below.rig = stage.rig

    @contextmanager
    def observe(number: str) -> Iterator[Witness]:
        yield below

    with stage.container() as name, stage.trials(name, observe=observe) as trials:
        found = trials.run(())
        assert found.works is Works.YES, why(found)
    assert f"{below.cgroup}/" in below.lies
    assert not [*Path("/sys/fs/cgroup").glob(f"**/{below.cgroup.strip('/')}")]


@pytest.mark.slow
def test_one_that_does_not_run_has_a_twin_too(each_api: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it listens on and starts is not known then, and that is said."""
    stage, name = stage_of(each_api, tmp_path, monkeypatch), f"twin-{os.getpid()}-still"
    command = ("sh", "-c", QUICK)
    with stage.rig.container("-v", "/data", "-p", "53/udp", name=name, command=command):
        stage.rig.run("stop", *stage.rig.at_once, name)
        there, asked = stage.there(), stage.rig.inspect(name)["State"]
        found = stage.tried(name, "true")
        assert found.works is Works.YES, why(found)
        said = " ".join(translate(text) for text in found.not_compared)
        assert "Which ports it listens on can't be read." in said
        assert "Its UDP ports are not checked: 53/udp." in said
        assert (stage.there(), stage.rig.inspect(name)["State"]) == (there, asked)
