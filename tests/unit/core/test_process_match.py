"""Whether a process is the container's: every way in which a PID can be somebody else's."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

import stratascope
from stratascope.core.capture import Capture, Gap, GapKind, Reading, unread
from stratascope.core.container import Asked, Container, Status
from stratascope.core.ground import UNREAD, Ground, decode_ground
from stratascope.core.ports import Wish
from stratascope.core.process_match import SLACK, WANTS, belongs
from stratascope.linux.process import parse_stat
from stratascope.probe.local import LocalProber
from stratascope.value import replace

OURS, THEIRS = "a" * 64, "b" * 64
BOOT, CREATED, STARTED = 1_000_000.0, 1_000_100.0, 1_000_200.0
GROUND = replace(UNREAD, boot_time=BOOT, clock_ticks=100, namespaces=(("mnt", 1), ("pid", 4026531836)))
CONTAINER = Container("podman", OURS, "web", "image", Status.RUNNING, 4211, CREATED, STARTED)
HOST_PID = replace(CONTAINER, asked=Asked(pid_mode="host"))


def stat(start: float = CREATED + 1, flags: int = 0x400100, comm: str = "sh") -> str:
    ticks = int((start - BOOT) * 100)
    return f"4211 ({comm}) S 1 4211 4211 0 -1 {flags} 1 2 3 4 5 6 7 8 20 0 1 0 {ticks} 4096 7\n"


def mounted(root: str, target: str) -> str:
    return f"60 50 0:40 / / rw - overlay overlay rw\n61 60 254:0 {root} {target} rw - ext4 /dev/vda rw\n"


UNTIED = mounted("/etc/hosts", "/etc/hosts")


def capture(**texts: str | Gap) -> Capture:
    """A rootless container's first process, as it should look; `ns_mnt` stands for ns/mnt."""
    parts: dict[str, str | Gap] = {
        "cgroup": "4:memory:/\n0::/\n",
        "stat": stat(),
        "status": "Name:\tsh\nNSpid:\t4211\t1\n",
        "ns/mnt": "mnt:[77]",
        "ns/pid": "pid:[78]",
        "mountinfo": mounted(f"/var/lib/containers/overlay-containers/{OURS}/userdata/hosts", "/etc/hosts"),
    }
    names = {"ns_mnt": "ns/mnt", "ns_pid": "ns/pid", "parent_cwd": "parent:cwd"}
    parts.update({names.get(name, name): text for name, text in texts.items()})
    return Capture(
        4211,
        tuple(
            Reading(name, f"/proc/4211/{name}", None, text) if isinstance(text, Gap) else Reading(name, "", text)
            for name, text in parts.items()
        ),
    )


DENIED = Gap(GapKind.DENIED, 13)


@pytest.mark.parametrize(
    ("container", "seen"),
    [
        (CONTAINER, capture(cgroup=f"5:memory:/docker/{OURS}\n0::/\n")),
        (CONTAINER, capture(cgroup=f"0::/system.slice/docker-{OURS}.scope\n", stat=DENIED, status=DENIED)),
        (CONTAINER, capture(cgroup=f"0::/machine.slice/libpod-{OURS}.scope/container\n", ns_mnt=DENIED)),
        (CONTAINER, capture(cgroup=f"0::/../../docker/{OURS}\n")),
        (CONTAINER, capture(cgroup=f"0::/docker/{THEIRS}/docker/{OURS}\n")),
        (HOST_PID, capture(cgroup=f"0::/docker/{OURS}\n", status="NSpid:\t4211\n", ns_pid="pid:[4026531836]")),
        (CONTAINER, capture()),
        (CONTAINER, capture(ns_mnt=DENIED, ns_pid=DENIED)),
        (CONTAINER, capture(cgroup=DENIED)),
        (CONTAINER, capture(stat=stat(comm="a) (b) S 1 2"))),
        (HOST_PID, capture(status="NSpid:\t4211\n", ns_pid="pid:[4026531836]")),
        (HOST_PID, capture(mountinfo=UNTIED, parent_cwd=f"/run/io.containerd.runtime.v2.task/moby/{OURS}")),
        (HOST_PID, capture(mountinfo=DENIED, parent_cwd=f"/x/overlay-containers/{OURS}/userdata")),
        # it moved itself into a group below, with a name like a container's
        (CONTAINER, capture(cgroup=f"0::/docker/{OURS}/{THEIRS}\n")),
        (CONTAINER, capture(cgroup=f"0::/docker/{OURS}/docker/{THEIRS}\n")),
        (replace(CONTAINER, asked=Asked(pid_mode=f"container:{THEIRS}")), capture(status="NSpid:\t4211\t9\n")),
        # podman init: made long before start, or not started yet
        (replace(CONTAINER, started=CREATED + 86400), capture()),
        (replace(CONTAINER, started=0.0), capture()),
        # the wall clock was set after it started, or before it did and after the boot clock was read
        *(
            (each, capture(stat=stat(STARTED + hours * 3600.0), **tie))
            for hours in (-0.05, 3, 900)
            for each, tie in (
                (CONTAINER, {}),
                (CONTAINER, {"cgroup": f"0::/docker/{THEIRS}/docker/{OURS}\n"}),
                (HOST_PID, {"status": "NSpid:\t4211\n"}),
            )
        ),
        # an engine that gives whole seconds
        (replace(CONTAINER, created=STARTED, started=STARTED), capture(stat=stat(STARTED + 0.99))),
    ],
)
def test_ours(container: Container, seen: Capture) -> None:
    assert belongs(container, seen, GROUND) is None


@pytest.mark.parametrize(
    ("container", "seen"),
    [
        # a reused PID, or an engine elsewhere whose PID is here another container's
        (CONTAINER, capture(cgroup=f"0::/docker/{THEIRS}\n")),
        # ... or one of a container inside, which has files of its own
        (CONTAINER, capture(cgroup=f"0::/docker/{OURS}/docker/{THEIRS}\n", mountinfo=UNTIED)),
        *(
            (CONTAINER, capture(cgroup=path, status="NSpid:\t4211\t70\t1\n", stat=stat(STARTED + SLACK + 0.1)))
            for path in (f"0::/docker/{OURS}/docker/{THEIRS}\n", f"0::/docker/{THEIRS}/docker/{OURS}\n")
        ),
        (CONTAINER, capture(cgroup=f"0::/machine.slice/libpod-conmon-{OURS}.scope\n")),
        (CONTAINER, capture(cgroup=f"0::/docker/{OURS}f\n", ns_mnt="mnt:[1]")),
        # ... or any process of this host
        (CONTAINER, capture(ns_mnt="mnt:[1]")),
        (HOST_PID, capture(ns_mnt="mnt:[1]")),
        (CONTAINER, capture(ns_pid="pid:[4026531836]")),
        (CONTAINER, capture(ns_pid=DENIED, status="NSpid:\t4211\n")),
        (CONTAINER, capture(status="NSpid:\t4211\t17\n")),
        # ... or a thread of the kernel
        (HOST_PID, capture(stat=stat(flags=0x208040), ns_mnt=DENIED)),
        # older than the container, as with an engine in a VM; younger than its start, as with a reused PID
        *(
            (each, capture(stat=stat(start), **apart))
            for start in (CREATED - SLACK - 0.1, STARTED + SLACK + 0.1)
            for each, apart in (
                (CONTAINER, {"mountinfo": UNTIED}),
                (CONTAINER, {"status": DENIED}),
                (HOST_PID, {"status": "NSpid:\t4211\n", "mountinfo": UNTIED}),
            )
        ),
        # what fits in every way, and is a service with a mount namespace of its own (PrivateTmp=), or a sandbox
        *((each, capture(mountinfo=UNTIED, parent_cwd="/")) for each in (CONTAINER, HOST_PID)),
        (HOST_PID, capture(mountinfo=mounted(f"/x/{THEIRS}/hosts", "/etc/hosts"), parent_cwd=f"/x/{THEIRS}/userdata")),
        (HOST_PID, capture(mountinfo=mounted(f"/x/{OURS}/data", "/srv"), parent_cwd="/")),
        (HOST_PID, capture(mountinfo=mounted(f"/x/{OURS}f/hosts", "/etc/hosts"), parent_cwd=f"/x/{OURS}f")),
    ],
)
def test_foreign(container: Container, seen: Capture) -> None:
    gap = belongs(container, seen, GROUND)
    assert gap is not None
    assert gap.kind is GapKind.FOREIGN
    assert gap.detail


@pytest.mark.parametrize(
    ("container", "seen", "ground", "kind"),
    [
        (CONTAINER, unread(4211, Gap(GapKind.GONE, 2)), GROUND, GapKind.GONE),
        (CONTAINER, capture(stat=DENIED), GROUND, GapKind.DENIED),
        (CONTAINER, capture(mountinfo=DENIED, parent_cwd=DENIED), GROUND, GapKind.DENIED),
        (CONTAINER, capture(stat=Gap(GapKind.GONE, 3)), GROUND, GapKind.GONE),
        (CONTAINER, capture(stat="4211 (sh"), GROUND, GapKind.UNPARSED),
        (CONTAINER, capture(), UNREAD, GapKind.UNSUPPORTED),
        (replace(CONTAINER, created=0.0, started=0.0), capture(), GROUND, GapKind.UNSUPPORTED),
    ],
)
def test_what_can_not_be_found_out(container: Container, seen: Capture, ground: Ground, kind: GapKind) -> None:
    gap = belongs(container, seen, ground)
    assert gap is not None
    assert gap.kind is kind


def test_what_the_engine_itself_told_is_its_own() -> None:
    assert belongs(CONTAINER, replace(capture(ns_mnt="mnt:[1]"), via="podman-top"), GROUND) is None


def young(seen: Capture, ground: Ground, since: float) -> bool:
    """Whether it started after `since`, less the slack."""
    parts = seen.decoded("stat", parse_stat)
    if isinstance(parts, Gap) or ground.boot_time is None or ground.clock_ticks is None:
        return False
    return ground.boot_time + parts.start / ground.clock_ticks > since - SLACK


def test_real_processes(tmp_path: Path) -> None:
    """A process that looks like a rootless container's first, and everything else that runs here."""
    made = tmp_path / OURS / "hosts"
    made.parent.mkdir()
    made.touch()
    prober = LocalProber()
    ground = decode_ground(prober.host())
    before = time.time()
    child = subprocess.Popen(
        [
            "unshare",
            "-Urmpf",
            "--mount-proc",
            "--kill-child",
            "sh",
            "-c",
            f"mount --bind {made} /etc/hosts; exec sleep 60",
        ],
        stdin=subprocess.DEVNULL,
    )
    try:
        inner: list[str] = []
        while True:
            inner = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
            if inner and Path(f"/proc/{inner[0]}/comm").read_text() == "sleep\n":
                break
            time.sleep(0.01)
        container = replace(CONTAINER, pid=int(inner[0]), created=before, started=time.time())
        here = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
        found = prober.capture(tuple(Wish(pid, WANTS, members=False) for pid in here))
        ours = {item.first.pid for item in found if belongs(container, item.first, ground) is None}
        # what other programs of this machine start in the same seconds in namespaces of its own may look the same
        assert ours - {item.first.pid for item in found if young(item.first, ground, before)} == set()
        assert int(inner[0]) in ours
        # the same process, but the engine speaks of another container
        seen = prober.capture((Wish(int(inner[0]), WANTS),))[0].first
        gap = belongs(replace(container, id=THEIRS), seen, ground)
        assert gap is not None
        assert gap.kind is GapKind.FOREIGN
    finally:
        child.kill()
        child.wait()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_a_reader_in_a_pid_namespace_of_its_own() -> None:
    """Its PIDs collide with those that an engine outside names; none of its processes is a container's."""
    program = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from stratascope.core.process_match import WANTS, belongs
from stratascope.core.container import Asked, Container, Status
from stratascope.core.ground import decode_ground
from stratascope.core.ports import Wish
from stratascope.linux.process import parse_stat
from stratascope.probe.local import LocalProber
prober, now = LocalProber(), time.time()
ground = decode_ground(prober.host())
for mode in ("private", "host"):
    for pid in (1, 2, os.getpid(), 30000):
        asked = Asked(pid_mode=mode)
        there = Container("docker", "a" * 64, "", "", Status.RUNNING, pid, now - 60, now, asked=asked)
        found = prober.capture((Wish(pid, WANTS),))[0].first
        print(belongs(there, found, ground).kind)
"""
    inside = ("sh", "-c", 'sleep 30 & "$@"; kill $!', "sh", sys.executable, "-c", program)
    done = subprocess.run(
        ["unshare", "-pf", "--mount-proc", "--kill-child", *inside, str(Path(stratascope.__file__).parent.parent)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == ["FOREIGN", "FOREIGN", "FOREIGN", "GONE"] * 2, done.stderr
