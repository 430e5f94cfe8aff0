"""Which programs of a container are looked at, how often, and what becomes of slow and lying engines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rig.usecases.host import Host
from rig.usecases.memory_access import MemoryAccess, Seconds
from stratascope import bounded_cache
from stratascope.core.container import (
    Asked,
    AskedMount,
    Container,
    Engine,
    EngineKind,
    EngineState,
    ProfileKind,
    Status,
)
from stratascope.core.message import msg
from stratascope.core.observation.imports import Programs
from stratascope.core.ports import EngineError, RefusedError
from stratascope.core.relaunch.launch_spec import ContainerFile, FileChange
from stratascope.state.journal import FileJournal
from stratascope.usecases.evidence.readings import ProcessKind
from stratascope.usecases.plan.programs import ALL_MAX, FILE_MAX, PROGRAMS_MAX, SECONDS, programs_of
from unit.linux.elf_files import elf
from unit.usecases.memory_engine import MemoryEngine

SSHD = elf(imports=("setuid",), tail=b"\0/usr/lib/openssh/sshd-session\0/usr/lib/debug/x/sshd\0/usr/lib/php/a.so\0")
SESSION = elf(imports=("chroot", "pam_authenticate", "pam_open_session"))
MASTER = elf(imports=("kill",), needed=("libown.so", "libc.so.6"), runpath="/usr/lib/own")
FILES: dict[str, tuple[int, bytes]] = {
    "/usr/sbin/sshd": (0o755, SSHD),
    "/usr/lib/openssh/sshd-session": (0o755, SESSION),
    "/usr/bin/sudo": (0o4755, elf(imports=("setuid", "pam_authenticate", "pam_open_session"))),
    "/usr/bin/su": (0o755, elf()),  # without its bit
    "/usr/sbin/master": (0o755, MASTER),
    "/usr/lib/own/libown.so": (0o644, elf(kind=3, imports=("setgroups",), interpreter="")),
    "/usr/bin/python3": (0o755, elf(imports=("setuid",))),
    "/usr/bin/sh": (0o755, elf(imports=("setuid",))),
    "/usr/bin/static": (0o755, elf(interpreter="", dynamic=False)),
    "/usr/bin/gone": (0o755, elf(interpreter="", dynamic=False, notes=(b"Go\0\0",))),
    "/usr/bin/damaged": (0o755, b"\x7fELF" + bytes(60)),
    "/entry": (0o755, b'#!/bin/sh\n# exec master\nchown -R app /data\nexec gosu app nginx "$@"\n'),
    "/usr/sbin/nginx": (0o755, elf(imports=("setgid",))),
    "/usr/local/bin/nginx": (0o755, elf(imports=("mknod",))),
}


class Engines(MemoryEngine):
    """Its files, and what it was asked for. `each`: called before each answer."""

    def __init__(self, files: dict[str, tuple[int, bytes]], each: Callable[[str], None] = lambda path: None) -> None:
        super().__init__()
        self.files, self.each, self.given = files, each, 0
        self.asked, self.limits = list[str](), list[tuple[int, float]]()

    def file(self, container: str, path: str, most: int, seconds: float) -> ContainerFile | None:
        self.asked.append(path)
        self.limits.append((most, seconds))
        self.each(path)
        if path not in self.files:
            return None
        mode, data = self.files[path]
        self.given += len(data) if len(data) <= most else 0
        return ContainerFile(path, mode, data if len(data) <= most else None)


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    bounded_cache.forget()
    yield
    bounded_cache.forget()


def container(command: str = "sshd -D", image: str = "sha256:1", **asked: Any) -> Container:
    return Container("memory", "ab" * 32, "it", "img", Status.RUNNING, 7, 0.0, 0.0, command=command, image_id=image,
                     asked=Asked(**asked))  # fmt: skip


def looked(
    of: Container, engine: Engines, changes: tuple[FileChange, ...] | None = (), **access: Any
) -> Programs | None:
    return programs_of(MemoryAccess(engine, FileJournal(Path("/nonexistent")), **access), of, changes)


def names(found: Programs | None) -> list[str]:
    assert found is not None
    return [program.path for program in found.found]


def test_a_login_service_with_its_own_programs_and_what_gives_rights_after_it() -> None:
    found = looked(container(), Engines(FILES))
    assert names(found) == ["/usr/sbin/sshd", "/usr/lib/openssh/sshd-session"]
    assert found is not None
    assert found.set_uid == ("/usr/bin/sudo",)
    assert found.whole


@pytest.mark.parametrize(
    ("command", "programs"),
    [
        ("/usr/sbin/sshd -D", ["/usr/sbin/sshd", "/usr/lib/openssh/sshd-session"]),
        ("sh -c 'chown x y; exec nginx -g x'", ["/usr/bin/sh", "sh -c", "/usr/local/bin/nginx"]),
        ("/entry --flag sshd", ["/entry", "/usr/local/bin/nginx"]),
        ("env A=1 python3 -m http.server", ["/usr/bin/python3"]),
        ("'unclosed", []),
        ("", []),
        ("/nowhere", []),
        ("../../etc/passwd", []),
        ("\x00\n", []),
    ],
)
def test_by_the_command(command: str, programs: list[str]) -> None:
    found = looked(container(command), Engines(FILES))
    paths = [] if found is None else names(found)
    assert [path for path in paths if path in programs] == programs
    assert "/usr/sbin/master" not in paths, "a comment"


def test_by_the_processes() -> None:
    running = frozenset((ProcessKind("nginx", 33), ProcessKind("kworker/0:1", 0), ProcessKind("sshd", 0)))
    found = looked(container("sshd"), Engines(FILES), processes_after=running)
    assert "/usr/local/bin/nginx" in names(found)
    assert names(found).count("/usr/sbin/sshd") == 1


def test_libraries_of_its_own_count_and_those_of_the_system_are_not_even_asked_for() -> None:
    engine = Engines(FILES)
    found = looked(container("master"), engine)
    assert found is not None
    assert found.found[0].imports == ("kill", "setgroups")
    assert not any("libc.so" in path for path in engine.asked if not path.startswith("/usr/lib/own/"))


@pytest.mark.parametrize("name", ["python3", "sh", "static", "gone", "damaged"])
def test_nothing_can_be_told_of_these(name: str) -> None:
    found = looked(container(name), Engines(FILES))
    assert found is not None
    assert found.found[0].opaque


def test_forty_containers_of_an_image_ask_once() -> None:
    engine = Engines(FILES)
    first = looked(container(), engine)
    once = len(engine.asked)
    assert [looked(container(), engine) for _ in range(39)] == [first] * 39
    assert len(engine.asked) == once
    looked(container(image="sha256:2"), engine)
    assert len(engine.asked) == 2 * once


def test_what_root_reads_serves_no_other_container(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own processes may see other files than its image has."""
    engine, forged = Engines(FILES), ContainerFile("/usr/sbin/sshd", 0o755, elf(imports=("nothing",)))
    with monkeypatch.context() as root:
        root.setattr(
            MemoryAccess,
            "file_inside",
            lambda self, number, path, most: (forged if path == "/usr/sbin/sshd" else None,),
        )
        found = looked(container(), engine)
        assert found is not None
        assert found.found[0].imports == ("nothing",)
        assert not engine.asked, "its engine need not be asked"
    assert names(looked(container(), engine)) == ["/usr/sbin/sshd", "/usr/lib/openssh/sshd-session"]


def test_what_a_container_wrote_or_mounts_is_its_own() -> None:
    engine = Engines(FILES)
    looked(container(), engine)
    for own, changes in (
        (container(), (FileChange("/usr/sbin/sshd", "changed"),)),
        (container(mounts=(AskedMount("volume", "/v", "/usr/sbin", True),)), ()),
        (container(), None),
        (container(image=""), ()),
    ):
        engine.asked.clear()
        looked(own, engine, changes)
        assert "/usr/sbin/sshd" in engine.asked


def test_no_more_than_the_limits() -> None:
    many = {f"/usr/bin/p{number}": (0o755, elf(tail=bytes(1000))) for number in range(50)}
    engine = Engines(many)
    running = frozenset(ProcessKind(f"p{number}", 0) for number in range(50))
    found = looked(container("p0"), engine, processes_after=running)
    assert len(names(found)) == PROGRAMS_MAX
    assert all(most <= FILE_MAX and 0 < seconds <= SECONDS for most, seconds in engine.limits)
    large = Engines({f"/usr/bin/p{number}": (0o755, elf(tail=bytes(30 << 20))) for number in range(9)})
    found = looked(container("p0"), large, None, processes_after=running)
    assert found is not None
    assert [program.opaque for program in found.found] == [False] * 3 + [True] * 6, "of these only the size is known"
    assert large.given <= ALL_MAX


def test_a_slow_engine_is_left_in_time_and_what_it_said_counts() -> None:
    time = Seconds()

    def slow(path: str) -> None:
        time.passed += 1.5 if path in engine.files else 0.0

    engine = Engines({**FILES, **{f"/usr/bin/p{number}": (0o755, elf()) for number in range(9)}}, slow)
    running = frozenset(ProcessKind(f"p{number}", 0) for number in range(9))
    found = looked(container(), engine, None, processes_after=running, clock=time.clock())
    assert found is not None
    assert not found.whole
    assert names(found)[0] == "/usr/sbin/sshd"
    assert time.passed <= SECONDS + 1.5


@pytest.mark.parametrize("refused", [True, False])
def test_an_engine_that_fails(refused: bool) -> None:
    def fail(path: str) -> None:
        if path.endswith("sshd-session"):
            kind = RefusedError if refused else EngineError
            raise kind(EngineState.UNREACHABLE, msg("x"), "x")

    found = looked(container(), Engines(FILES, fail))
    assert names(found) == ["/usr/sbin/sshd"]
    assert found is not None
    assert found.whole is refused


@pytest.mark.parametrize(
    ("kind", "there", "asked"),
    [
        (EngineKind.DOCKER, True, True),
        (EngineKind.DOCKER, False, False),
        (EngineKind.DOCKER, None, False),
        (EngineKind.PODMAN, False, True),
    ],
)
def test_docker_is_not_asked_where_it_would_make_a_folder(
    monkeypatch: pytest.MonkeyPatch, kind: EngineKind, there: bool | None, asked: bool
) -> None:
    monkeypatch.setattr(Host, "exists", lambda self, path: there)
    engine = Engines(FILES)
    mounted = container(mounts=(AskedMount("bind", "/srv/gone", "/data", True),))
    access = MemoryAccess(engine, FileJournal(Path("/nonexistent")), engine=Engine("memory", kind, "unix:///memory"))
    found = programs_of(access, mounted, ())
    assert (found is not None) is bool(engine.asked) is asked


@pytest.mark.parametrize(
    ("command", "user", "found"),
    [
        ("python3 app.py", "1000", ("/usr/bin/sudo",)),
        ("python3 app.py", "", ()),  # root's have those rights
        ("nginx", "1000", ()),  # its calls are known
    ],
)
def test_scripts_of_an_ordinary_user_may_call_sudo(command: str, user: str, found: tuple[str, ...]) -> None:
    seen = looked(container(command, user=user), Engines(FILES))
    assert seen is not None
    assert seen.set_uid == found


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({"seccomp": ProfileKind.UNCONFINED}, ("bwrap",)),
        ({"seccomp": ProfileKind.DEFAULT}, ()),
        ({"seccomp": ProfileKind.UNCONFINED, "privileged": True}, ()),  # which may be for anything
    ],
)
def test_what_a_filter_may_be_switched_off_for(asked: dict[str, Any], found: tuple[str, ...]) -> None:
    seen = looked(container("python3", **asked), Engines({**FILES, "/usr/bin/bwrap": (0o755, elf())}))
    assert seen is not None
    assert seen.installed == found
