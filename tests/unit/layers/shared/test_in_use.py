"""What says that a container uses what it was granted: pure."""

from __future__ import annotations

import pytest

from stratascope.core.observation.imports import Program, Programs
from stratascope.core.observation.observation import Access, Observation, Seen, UsedCapability, UsedPath
from stratascope.core.relaunch.toggle import Subject, Use
from stratascope.i18n.translate import translate
from stratascope.layers.shared.signs_of_use import (
    LONG,
    any_device_used,
    capabilities_used,
    evidence,
    path_used,
    path_written,
    runs_scripts,
)
from stratascope.linux.capability import CapabilitySet
from stratascope.value import replace
from unit.layers.toggle_subjects import DOCKER, default, subject


def of(command: str = "", *environment: str, **seen: object) -> Subject:
    found = subject(default(DOCKER), engine=DOCKER)
    container = replace(found.container, command=command)
    observed = Observation(Seen(9.0, 1), **seen) if seen else None  # type: ignore[arg-type]
    return replace(found, container=container, environment=environment, seen=observed)


@pytest.mark.parametrize(
    ("place", "command", "environment", "used"),
    [
        ("/host", "exporter --path.rootfs=/host", "", True),
        ("/host", "ls /host/etc", "", True),
        ("/host", "", "/host", True),
        ("/host", "ls /hostile /srv/host /host.bak /my-host", "", False),
        ("/host/", "sh -c 'cd \"/host\"; pwd'", "", True),
        ("/var/run/docker.sock", "", "unix:///var/run/docker.sock", True),
        ("/var/run/docker.sock", "", "unix:///run/docker.sock", True),  # one folder by two names
        ("/run/docker.sock", "agent /var/run/docker.sock", "", True),
        ("/var/run/docker.sock", "sleep 3600", "tcp://docker:2375", False),
        ("/", "ls /", "/", False),  # everything begins so
        ("/a+b", "cat /a+b/c", "", True),
        ("/a+b", "cat /aab", "", False),
    ],
)
def test_a_path_that_is_named(place: str, command: str, environment: str, used: bool) -> None:
    found = path_used(place, of(command, environment))
    assert (found is not None) is used
    assert found is None or translate(found.why).startswith("Its command or its environment names ")


def test_a_path_that_was_seen_in_use() -> None:
    assert path_used("/data", of(written=("/data/db/1",))) is not None
    assert path_used("/data", of(written=("/database/1",))) is None
    assert path_used("/dev/fuse", of(devices=("/dev/fuse",))) is not None
    started = path_used("/opt", of(executed=("/opt/bin/tool",)))
    assert started is not None
    assert translate(started.why) == "It was seen starting /opt/bin/tool."


@pytest.mark.parametrize(
    ("name", "command", "used"),
    [
        ("CAP_SYS_ADMIN", "capsh --keep=sys_admin", True),
        ("CAP_SYS_ADMIN", "run CAP_SYS_ADMIN", True),
        ("CAP_SYS_ADMIN", "SYS_ADMINISTRATOR", False),
        ("CAP_KILL", "sh -c 'kill 1'", False),  # a word of other things
        ("CAP_KILL", "keep cap_kill", True),
        ("CAP_BPF", "bpftool", False),
    ],
)
def test_a_capability_that_is_named(name: str, command: str, used: bool) -> None:
    assert (capabilities_used(CapabilitySet.of((name,)), of(command)) is not None) is used


def test_a_capability_that_was_seen_in_use() -> None:
    seen = (UsedCapability("CAP_SYS_ADMIN", True, 3, ("mount",)), UsedCapability("CAP_NET_RAW", True, 0, ()))
    both = CapabilitySet.of(("CAP_SYS_ADMIN", "CAP_NET_RAW"))
    found = capabilities_used(both, of(capabilities=seen))
    assert found is not None
    assert translate(found.why) == "It was seen using SYS_ADMIN."
    assert capabilities_used(CapabilitySet.of(("CAP_NET_RAW",)), of(capabilities=seen)) is None


@pytest.mark.parametrize(
    ("command", "devices", "used"),
    [
        ("dd if=/dev/sda", (), True),
        ("cat /dev/null >/dev/stdout", (), False),
        ("", ("/dev/kvm",), True),
        ("", ("/dev/null", "/dev/urandom"), False),
        ("read /srv/dev/sda", (), False),
    ],
)
def test_any_device_of_the_host(command: str, devices: tuple[str, ...], used: bool) -> None:
    assert (any_device_used(of(command, devices=devices)) is not None) is used


def test_what_was_reached_through_a_mount_says_how_and_when() -> None:
    seen = (
        UsedPath("/host", (Access.READ,), ("agent",), 5.0, 9.0),
        UsedPath("/run/x.sock", (Access.CONNECTED,), ("cli", "sh"), 5.0, 8.0),
        UsedPath("/data", (Access.READ, Access.WRITTEN), ("db",), 5.0, 7.0),
        UsedPath("/idle", seconds=LONG, starts=1),
    )
    which = of(reached=seen)
    found = [path_used(place, which) for place in ("/host", "/run", "/data", "/idle")]
    assert [found and translate(found.why) for found in found] == [
        "It was only seen reading /host (agent).",
        "It was seen connecting to /run/x.sock (cli, sh).",
        "It was seen writing to /data (db).",
        None,
    ]
    assert [found and (found.by, found.at) for found in found] == [
        (("agent",), 9.0),
        (("cli", "sh"), 8.0),
        (("db",), 7.0),
        None,
    ]
    assert [path_written(place, which) is not None for place in ("/host", "/run", "/data", "/idle")] == [
        False, False, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "use"),
    [
        ((), Use.UNKNOWN),  # watched by a version that did not look there
        ((UsedPath("/host", seconds=LONG, starts=1),), Use.NOT_USED),
        ((UsedPath("/host", seconds=LONG - 1, starts=1),), Use.UNKNOWN),
        ((UsedPath("/host", seconds=LONG, starts=0),), Use.UNKNOWN),
    ],
)
def test_not_used_is_said_of_a_place_that_was_watched(seen: tuple[UsedPath, ...], use: Use) -> None:
    which = replace(of(), seen=Observation(Seen(9 * LONG, 3), reached=seen))
    assert evidence(None, which, "reached", places=["/host"]).use is use
    both = evidence(None, which, "reached", places=["/host", "/other"])
    assert both.use is Use.UNKNOWN


@pytest.mark.parametrize(
    ("found", "users", "scripts"),
    [
        ((Program("/usr/bin/python3", opaque=True),), (), True),
        ((Program("/usr/bin/python3", opaque=True),), (("python3", 0),), True),
        ((Program("/usr/sbin/nginx"),), (), False),
        # a start script that became the server, and one that starts it and waits
        ((Program("/entry.sh", opaque=True, script=True), Program("/usr/bin/redis-server")), (), False),
        ((Program("/usr/bin/tini", opaque=True), Program("/usr/sbin/nginx")), (), False),
        ((Program("/usr/bin/gosu", opaque=True), Program("/usr/bin/app", opaque=True)), (), True),
        ((Program("/usr/bin/python3", opaque=True), Program("/usr/sbin/nginx")), (("nginx", 33),), False),
        ((Program("/usr/bin/python3", opaque=True), Program("/usr/sbin/nginx")), None, True),
        ((), (), False),
    ],
)
def test_what_runs_scripts(
    found: tuple[Program, ...], users: tuple[tuple[str, int], ...] | None, scripts: bool
) -> None:
    """`users` are those of the processes beside the first."""
    assert runs_scripts(replace(of(), programs=Programs(found), users=users)) is scripts


def test_what_was_seen_in_another_container_of_its_image_is_said_so() -> None:
    whose = "Seen in another container of this image."
    for own in (of(written=("/data/db/1",)), replace(of(), seen=Observation(Seen(720.0, 1)))):
        for elsewhere in (False, True):
            subject = replace(own, elsewhere=elsewhere)
            found = evidence(path_used("/data", subject), subject, "written")
            assert translate(found.why).endswith(whose) is elsewhere
    named = replace(of("cat /data/x"), elsewhere=True)
    assert whose not in translate(evidence(path_used("/data", named), named).why), "it was not seen"
