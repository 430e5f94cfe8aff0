"""A file out of a container by its engine's archive call: what is there, what a link leads to, and what lies."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.engines.docker.replaced import relauncher as docker
from engine.engines.podman.replaced import relauncher as podman
from rig.engine import Rig
from rig.engines.fake_engine import Drip, FakeEngine, by_path, reply
from rig.engines.shared.archives import tar
from stratascope.core.ports import EngineError, NoSuchContainerError, RefusedError, Relauncher
from stratascope.engines.discovery import discover
from stratascope.engines.open import open_engine, relauncher_of
from stratascope.engines.shared.host_files import LocalFiles
from stratascope.linux.process import parse_stat

MOST = 8 << 20
WRITTEN = "until [ $(stat -c %s /opt/large 2>/dev/null || echo 0) = 100000 ]; do sleep 0.05; done; echo there"
LINKS = """
mkdir -p /opt/own /opt/other; echo text >/opt/own/file; chmod 4711 /opt/own/file
ln -s file /opt/own/beside; ln -s ../own/beside /opt/other/far; ln -s /opt/own /opt/folder
ln -s /opt/loop2 /opt/loop; ln -s /opt/loop /opt/loop2; ln -s /etc/hostname-of-nobody /opt/dangling
ln -s ../../../../../../etc/passwd /opt/out; mkfifo /opt/pipe; head -c 100000 /dev/zero >/opt/large; sleep 3600
"""


@contextmanager
def port_of(rig: Rig) -> Iterator[Relauncher]:
    with docker(rig) if rig.kind == "docker" else podman(rig) as port:
        yield port


def test_what_lies_in_a_container(each_api: Rig) -> None:
    with port_of(each_api) as port, each_api.container(command=("sh", "-c", LINKS)) as container:
        each_api.said(
            container,
            "sh",
            "-c",
            WRITTEN,
        )

        def read(path: str, most: int = MOST) -> tuple[int, bytes | None] | None:
            found = port.file(container, path, most, 60.0)
            return None if found is None else (found.mode, found.data)

        for path in ("own/file", "own/beside", "other/far", "folder/file", "other/../own/file"):
            assert read(f"/opt/{path}") == (0o4711, b"text\n"), path
        passwd = each_api.said(container, "cat", "/etc/passwd") + "\n"
        assert read("/opt/out") == (0o644, passwd.encode()), "the container's, not the machine's"
        for path in (
            "/opt/own",
            "/opt/folder",
            "/opt/pipe",
            "/dev/null",
            "/opt/dangling",
            "/nowhere/at/all",
        ):
            assert read(path) is None, path
        with pytest.raises(RefusedError):
            read("/opt/loop")
        shell = read("/bin/sh")
        assert shell is not None
        assert shell[1] is not None
        assert shell[1][:4] == b"\x7fELF"
        found = port.file(container, "/opt/large", 1000, 60.0)
        assert found is not None
        assert found.data is None, "larger than that"
    with port_of(each_api) as port, pytest.raises(NoSuchContainerError):
        port.file(container, "/etc/passwd", MOST, 60.0)


def process_of(rig: Rig, container: str) -> tuple[int, int]:
    """PID and start of its first process."""
    pid = rig.inspect(container)["State"]["Pid"]
    return pid, start_of(pid)


def start_of(pid: int) -> int:
    return parse_stat(Path(f"/proc/{pid}/stat").read_text()).start


def test_root_reads_the_same_without_the_engine(each_api: Rig) -> None:
    files = LocalFiles(each_api.endpoint)
    with port_of(each_api) as port, each_api.container(command=("sh", "-c", LINKS)) as container:
        each_api.said(container, "sh", "-c", WRITTEN)
        pid, start = process_of(each_api, container)
        for path in (
            *("/opt/own/file", "/opt/own/beside", "/opt/other/far", "/opt/folder/file", "/opt/other/../own/file"),
            *("/opt/out", "/opt/own", "/opt/folder", "/opt/pipe", "/opt/dangling", "/nowhere/at/all", "/bin/sh"),
            "/proc/self/exe",  # of no process in there
        ):
            assert files.file_inside(pid, start, path, MOST) == port.file(container, path, MOST, 60.0), path
        large = files.file_inside(pid, start, "/opt/large", 1000)
        assert large == port.file(container, "/opt/large", 1000, 60.0)
        for path in ("/opt/loop", "/dev/null", "/proc/version", "/etc/hostname"):
            with pytest.raises(OSError, match=r"\["):  # a loop, and what lies on other mounts
                files.file_inside(pid, start, path, MOST)
        with pytest.raises(ProcessLookupError):
            files.file_inside(pid, start + 1, "/opt/own/file", MOST)


def test_a_root_directory_of_its_own_making_is_not_the_containers(each_api: Rig) -> None:
    make = "mkdir -p /opt/new/bin; cp /bin/busybox /opt/new/bin/sleep; exec chroot /opt/new /bin/sleep 3600"
    files = LocalFiles(each_api.endpoint)
    with each_api.container(command=("sh", "-c", make)) as container:
        pid, start = process_of(each_api, container)
        while not Path(f"/proc/{pid}/root/bin/sleep").exists() or Path(f"/proc/{pid}/root/etc").exists():
            time.sleep(0.02)
        with pytest.raises(OSError, match=r"\["):
            files.file_inside(pid, start, "/bin/sleep", MOST)


def head(mode: int, target: str = "") -> str:
    text = json.dumps({"name": "x", "size": 1, "mode": mode, "linkTarget": target})
    return f"X-Docker-Container-Path-Stat: {base64.b64encode(text.encode()).decode()}\r\n"


LINK = 1 << 27 | 0o777
Asked = Callable[[bytes | Drip], tuple[Relauncher, FakeEngine]]


@pytest.fixture
def lying(tmp_path: Path) -> Iterator[Asked]:
    closed: list[Callable[[], None]] = []

    def start(answer: bytes | Drip) -> tuple[Relauncher, FakeEngine]:
        fake = FakeEngine(
            tmp_path / "engine.sock", by_path({"/archive": answer, "/version": reply({"ApiVersion": "1.45"})})
        )
        engine = open_engine(discover({"STRATASCOPE_ENGINES": fake.endpoint})[0])
        closed.extend((engine.close, fake.close))
        return relauncher_of(engine), fake

    yield start
    for close in closed:
        close()


def test_a_folder_is_not_even_begun(lying: Asked) -> None:
    body = Drip(reply(b"", headers=head(1 << 31 | 0o755), length=1 << 40), b"x", 0.01)
    port, _ = lying(body)
    assert port.file("a" * 64, "/x", MOST, 600.0) is None


def test_an_endless_file_ends_at_its_limit(lying: Asked) -> None:
    big = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n"
        + head(0o755).encode()
        + b"\r\n"
        + b"10000\r\n"
        + bytes(65536)
        + b"\r\n"
    )
    port, fake = lying(Drip(big, b"10000\r\n" + bytes(65536) + b"\r\n", 0.0))
    found = port.file("a" * 64, "/x", 1 << 20, 600.0)
    assert found is not None
    assert found.data is None
    assert fake.sent < 8 << 20


def test_a_file_that_drips_ends_in_time(lying: Asked) -> None:
    port, _ = lying(Drip(reply(b"", headers=head(0o755), length=5000), b"x", 0.05))
    with pytest.raises(EngineError):
        port.file("a" * 64, "/x", MOST, 1.0)


def test_links_without_end(lying: Asked) -> None:
    link = tar(data=b"", type=b"2", linkname="/x")
    port, fake = lying(reply(link, headers=head(LINK, "/x")))
    assert port.file("a" * 64, "/x", MOST, 60.0) is None
    assert len([target for target in fake.asked if "/archive" in target]) <= 4


@pytest.mark.parametrize("body", [b"", b"no archive", tar(data=bytes(9000))[:2000]])
def test_what_is_no_archive(lying: Asked, body: bytes) -> None:
    port, _ = lying(reply(body, headers=head(0o755)))
    if body:
        with pytest.raises(EngineError):
            port.file("a" * 64, "/x", MOST, 60.0)
    else:
        assert port.file("a" * 64, "/x", MOST, 60.0) is None


def test_without_a_word_about_it_nothing_is_taken(lying: Asked) -> None:
    port, _ = lying(reply(tar()))
    assert port.file("a" * 64, "/x", MOST, 60.0) is None
