"""Listening sockets, open sockets and kills for want of memory, held against this test's own reading."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from stratascope.collector import liveness
from stratascope.collector.cgroups import Mounts
from stratascope.collector.read import CHUNK
from stratascope.collector.serve import Collector
from stratascope.linux.sockets import parse_listening

WANTS = ("net/tcp", "net/tcp6", "fd:sockets", "cgroup:oom", "cgroup:forks")


def read(pid: int, wants: tuple[str, ...] = WANTS) -> dict[str, tuple[object, ...]]:
    (_, entries, _), *_ = Collector().capture([(pid, wants, (), False, "")])[0]
    return {str(item[0]): item for item in entries}


def test_only_listening_sockets_are_told_and_which_are_its_own() -> None:
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        client = stack.enter_context(socket.create_connection(server.getsockname()))
        stack.enter_context(server.accept()[0])
        found = read(os.getpid())
        text = str(found["net/tcp"][2])
        ports = {item.port: item for item in parse_listening(text)}
        port = server.getsockname()[1]
        inode = os.fstat(server.fileno()).st_ino
        assert ports[port].inode == inode
        assert f":{client.getsockname()[1]:04X} " not in text, "with whom it talks is not told"
        assert text.startswith(Path("/proc/net/tcp").read_text().splitlines()[0])
        links = str(found["fd:sockets"][2]).splitlines()
        assert {f"socket:[{inode}]", f"socket:[{os.fstat(client.fileno()).st_ino}]"} <= set(links)


def test_many_connections_do_not_hide_who_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel names listening sockets first, so a list that is broken off has them all."""
    monkeypatch.setattr(liveness, "SIZE_MAX", 1)
    monkeypatch.setattr(liveness, "CHUNK", 4096)
    with ExitStack() as stack:
        server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
        for _ in range(100):
            stack.enter_context(socket.create_connection(server.getsockname()))
            stack.enter_context(server.accept()[0])
        told = parse_listening(str(read(os.getpid())["net/tcp"][2]))
        whole = parse_listening(Path("/proc/net/tcp").read_text())
        assert server.getsockname()[1] in {item.port for item in told}
        assert {item.port for item in told} == {item.port for item in whole[: len(told)]}


def test_no_more_is_read_of_sockets_than_a_megabyte(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def endless(_: int, most: int) -> bytes:
        assert sum(sizes) <= 1 << 20, "it reads on"
        sizes.append(most)
        return b"x" * most

    folder = os.open("/proc/self", os.O_PATH)
    monkeypatch.setattr(os, "read", endless)
    try:
        liveness.read_liveness(folder, os.getpid(), ("net/tcp",), None, Mounts())
    finally:
        os.close(folder)
    assert sum(sizes) <= (1 << 20) + CHUNK


def test_a_file_with_too_many_open_files_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(liveness, "FILES_MAX", 1)
    assert read(os.getpid())["fd:sockets"][2:4] == (None, "UNSUPPORTED")


def test_kills_are_those_of_its_own_group() -> None:
    found = read(os.getpid())["cgroup:oom"]
    if found[2] is None:
        assert found[3] == "UNSUPPORTED"
        return
    assert Path(str(found[1])).name in ("memory.oom_control", "memory.events")
    assert str(found[2]) == Path(str(found[1])).read_text()


def test_refused_processes_are_those_of_its_own_group() -> None:
    found = read(os.getpid())["cgroup:forks"]
    if found[2] is None:
        assert found[3] == "UNSUPPORTED"
        return
    assert Path(str(found[1])).name == "pids.events"
    assert str(found[2]).startswith("max ")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become somebody else")
def test_sockets_of_others_are_denied_and_not_none() -> None:
    """As nobody, of a process of root's."""
    program = (
        f"import os,sys;sys.path.insert(0,{str(Path(liveness.__file__).parents[2])!r});"
        "from stratascope.collector.serve import Collector;"
        "os.setgroups([]);os.setgid(65534);os.setuid(65534);"
        f"found=Collector().capture([({os.getpid()},('fd:sockets','net/tcp'),(),False,'')])[0][0][1];"
        "print([(item[0],item[3] if item[2] is None else 'read') for item in found])"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[('net/tcp', 'read'), ('fd:sockets', 'DENIED')]" or done.stdout.strip() == (
        "[('fd:sockets', 'DENIED'), ('net/tcp', 'read')]"
    )
