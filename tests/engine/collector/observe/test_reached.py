"""What is reached through binds and devices, on real engines: held against what a program of ours does there."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rig.collector.asking import wait_for
from rig.collector.watching import Watch
from rig.engine import Rig
from stratascope.core.observation.fold import Fold
from stratascope.core.observation.observation import Access, UsedPath
from stratascope.probe.observer import ObservationTarget

# connect PATH: connect(2); loop PATH COUNT: nanoseconds of CPU time of an open, a read and a close
PROGRAM = r"""
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "connect")) {
        struct sockaddr_un there = {AF_UNIX};
        strcpy(there.sun_path, words[2]);
        return connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&there, sizeof there) != 0;
    }
    if (count == 3) {
        struct sockaddr_un there = {AF_UNIX};
        strcpy(there.sun_path, words[2]);
        if (connect(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&there, sizeof there)) return 1;
        puts("connected");
        fflush(stdout);
        pause();
    }
    if (count == 4) {
        struct timespec a, b;
        int times = atoi(words[3]);
        char one;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        for (int each = 0; each < times; each++) {
            int file = open(words[2], O_RDONLY);
            if (read(file, &one, 1) != 1) return 1;
            close(file);
        }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        printf("%.0f\n", ((b.tv_sec - a.tv_sec) * 1e9 + b.tv_nsec - a.tv_nsec) / times);
    }
    return 0;
}
"""
NAMES = ("read", "written", "executed", "listed", "sockets", "changed", "never")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reached")
    (folder / "reach.c").write_text(PROGRAM)
    subprocess.run(["gcc", "-O1", "-static", "-o", folder / "reach", folder / "reach.c"], check=True)
    return folder / "reach"


@pytest.fixture
def binds(tmp_path: Path, program: Path) -> Iterator[Path]:
    for name in NAMES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text("x")
    shutil.copy(program, tmp_path / "executed")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "sockets" / "s"))
        server.listen(64)
        yield tmp_path


def options(binds: Path) -> tuple[str, ...]:
    mounts = (word for name in NAMES for word in ("-v", f"{binds / name}:/b/{name}"))
    return (*mounts, "-v", f"{binds / 'sockets' / 's'}:/var/run/one.sock", "--device", "/dev/fuse")


PLACES = (*((f"/b/{name}", True) for name in NAMES), ("/var/run/one.sock", True), ("/dev/fuse", True))


@contextmanager
def watching(rig: Rig, number: str, name: str) -> Iterator[Watch]:
    watch = Watch(ObservationTarget(rig.pid(name), container=number, places=PLACES))
    try:
        time.sleep(1.5)  # the first poll: who is connected
        yield watch
        time.sleep(1.5)
    finally:
        watch.close()


def reached(watch: Watch) -> dict[str, UsedPath]:
    fold = Fold()
    for event in watch.events:
        fold.feed(event)
    return {each.path: each for each in fold.observation().reached}


@pytest.mark.parametrize("kind", ["docker_rootful", "podman_rootful"])
def test_each_bind_is_told_right(kind: str, binds: Path, request: pytest.FixtureRequest) -> None:
    """Opened, written, executed, listed, changed without an open, connected to, and one that nothing touches; what
    others do in the same folders of the host is not the container's.
    """
    rig: Rig = request.getfixturevalue(kind)
    name = f"strata-reached-{kind.replace('_', '-')}"
    with rig.container(*options(binds), name=name) as number:
        before = time.time()
        with watching(rig, number, name) as watch:
            for text in (
                "cat /b/read/file",
                "echo x >> /b/written/file",
                "/b/executed/reach",
                "ls /b/listed",
                "/b/executed/reach connect /b/sockets/s",
                "cd /b/sockets && ../executed/reach connect s",
                "/b/executed/reach connect /var/run/one.sock",
                "chown 0:0 /b/changed/file",
                "head -c 0 /dev/fuse",
            ):
                rig.run("exec", name, "sh", "-c", text)
            (binds / "never" / "file").read_text()
            (binds / "read" / "file").write_text("y")
        after = time.time()
    found = reached(watch)
    said = {path: set(each.access) for path, each in found.items()}
    assert said == {
        "/b/read": {Access.READ},
        "/b/written": {Access.WRITTEN},
        "/b/executed": {Access.READ, Access.EXECUTED},
        "/b/listed": {Access.READ},
        "/b/sockets": {Access.READ},  # its working directory
        "/b/sockets/s": {Access.CONNECTED},
        "/b/changed": {Access.READ, Access.WRITTEN},
        "/b/never": set(),
        "/var/run/one.sock": {Access.CONNECTED},
        "/dev/fuse": {Access.READ},
    }
    assert found["/b/sockets/s"].by == found["/var/run/one.sock"].by == ("reach",)
    # a shell becomes each, and fanotify(7) says when neither that was nor the open: a busy machine may name the shell
    assert found["/b/listed"].by[-1] in ("ls", "sh")
    assert found["/dev/fuse"].by in (("head",), ("sh",))
    assert not [each for each in found.values() if each.access and not before < each.first <= each.last < after]
    assert [path for path, each in found.items() if each.seconds < 1] == ["/b/sockets/s"]


def test_what_was_there_before_is_told_too(docker_rootful: Rig, binds: Path) -> None:
    """An open file, and after that nothing."""
    shutil.copy("/usr/bin/true", binds / "never" / "true")
    name = "strata-reached-before"
    script = "exec 3>>/b/written/file 4</b/read/file; exec sleep 3600"
    with docker_rootful.container(*options(binds), name=name, command=("sh", "-c", script)) as number:
        time.sleep(0.5)
        with watching(docker_rootful, number, name) as watch:
            pass
    said = {path: set(each.access) for path, each in reached(watch).items()}
    assert said["/b/written"] == {Access.WRITTEN}
    assert said["/b/read"] == {Access.READ}
    assert said["/b/never"] == set()


@pytest.mark.parametrize("kind", ["docker_rootful", "docker_rootless", "podman_rootless"])
@pytest.mark.parametrize("file", [False, True], ids=["folder", "socket"])
def test_a_connection_that_was_there_before_is_told_too(
    kind: str, file: bool, program: Path, request: pytest.FixtureRequest
) -> None:
    """By sock_diag(7), all that tells of connections without BPF: of an ordinary user's engine too. `file`: the
    socket alone is mounted, under another name.
    """
    rig: Rig = request.getfixturevalue(kind)
    name = f"strata-reached-{kind.replace('_', '-')}-{file}".lower()
    with tempfile.TemporaryDirectory(prefix="strata-reached-") as made, socket.socket(socket.AF_UNIX) as server:
        folder = Path(made)
        folder.chmod(0o755)
        for each in ("program", "sockets"):
            (folder / each).mkdir(mode=0o755)
        shutil.copy(program, folder / "program")
        there = folder / "sockets" / "s"
        server.bind(str(there))
        there.chmod(0o777)
        server.listen(4)
        server.settimeout(60)
        inside = "/run/one.sock" if file else "/b/s"
        place, source = (inside, there) if file else ("/b", folder / "sockets")
        mounts = ("-v", f"{folder}/program:/program:ro", "-v", f"{source}:{place}")
        with rig.container(*mounts, name=name, command=("/program/reach", "hold", inside)) as number:
            accepted, _ = server.accept()  # the kernel lists none that waits to be accepted
            wait_for(lambda: "connected" in rig.run("logs", name))
            watch = Watch(ObservationTarget(rig.pid(name), container=number, places=((place, True),)))
            time.sleep(2.5)
            watch.close()
            accepted.close()
    said = reached(watch)
    assert said[inside].access == (Access.CONNECTED,)
    assert said[inside].by == ("reach",)


def test_a_loop_of_opens_costs_little(docker_rootful: Rig, binds: Path) -> None:
    """Compared with the same loop under an observer that watches no bind; the best of each, of CPU time."""
    name = "strata-reached-loop"
    loop = ("exec", name, "/b/executed/reach", "loop", "/b/read/file", "60000")
    times: dict[bool, list[int]] = {True: [], False: []}
    with docker_rootful.container(*options(binds), name=name) as number:
        for _ in range(3):
            for watched in times:
                watch = Watch(ObservationTarget(docker_rootful.pid(name), container=number,
                                                places=PLACES if watched else ()))  # fmt: skip
                try:
                    time.sleep(1.2)
                    docker_rootful.run(*loop)  # its first second
                    time.sleep(1.0)
                    times[watched].append(min(int(docker_rootful.said(*loop[1:])) for _ in range(3)))
                finally:
                    watch.close()
                if watched:
                    assert Access.READ in reached(watch)["/b/read"].access
                    assert len([each for each in watch.events if type(each).__name__ == "Reached"]) < 30
    assert min(times[True]) / min(times[False]) < 1.25, times
