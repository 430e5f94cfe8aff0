"""What gives back, on real engines: a container is refused something, one setting more lets it through, and `undo` ends
that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rig.cli.hardened import NAME, Desk, desk_at, start
from rig.engine import Rig
from stratascope.layers.toggles import all_toggles

PROFILE = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["unshare"], "action": "SCMP_ACT_ERRNO"}]}
KINDS = ("docker_rootful", "podman_rootful")
DOCKER, PODMAN = KINDS


@dataclass(frozen=True)
class Case:
    """`attempt`: what a shell in it does in vain until `choice` is made; `live`: changed while it runs, without a way
    back.
    """

    choice: str
    attempt: str
    options: tuple[str, ...] = ()
    live: bool = False
    only: str = ""


CASES = (
    Case("capabilities=+NET_ADMIN", "ip link set lo mtu 65000"),
    Case("capabilities=+NET_ADMIN", "ip link set lo mtu 65000", ("--cap-drop", "ALL")),
    Case("capabilities=+NET_ADMIN", "ip link set lo mtu 65000", ("--user", "1000"), only=PODMAN),
    Case("no-new-privileges=off", "grep -q NoNewPrivs:.0 /proc/self/status",
         ("--security-opt", "no-new-privileges")),
    Case("read-only-root=off", "touch /x", ("--read-only",)),
    Case("tmpfs=/run/own", "touch /run/own/x", ("--read-only",)),
    Case("tmpfs=/scratch:exec", "cp /bin/busybox /scratch/ && /scratch/busybox true",
         ("--tmpfs", "/scratch:noexec,size=8m")),
    Case("tmpfs=/scratch:size=2097152", "dd if=/dev/zero of=/scratch/x bs=1M count=1",
         ("--tmpfs", "/scratch:size=64k")),
    Case("masked-paths=+/proc/sys", "echo 100 > /proc/sys/net/core/somaxconn"),
    Case("masked-paths=off", "! grep -q ' /proc/' /proc/self/mountinfo"),
    Case("host-paths=writable", "touch /data/x", ("-v", "FOLDER:/data:ro")),
    Case("host-paths=+/data", "touch /data/x", ("-v", "mine:/data:ro")),
    Case("devices=+/dev/fuse:rw", ": < /dev/fuse"),
    Case("seccomp=+unshare:0x10000000", "unshare -U true", only=DOCKER),  # Podman's default lets it through
    Case("seccomp=+unshare:0x10000000", "unshare -U true", ("--security-opt", "seccomp=PROFILE")),
    Case("user=0", "touch /root/x", ("--user", "1000")),
    Case("network=bridge", "ip route | grep -q default", ("--network", "none")),
    Case("pid=host", "grep -q kthreadd /proc/2/comm"),
    Case("ipc=host", "! grep -q ' /dev/shm .*size=65536k' /proc/self/mountinfo", ("--shm-size", "64m")),
    Case("uts=host", "hostname | grep -qx HOST"),
    Case("memory=64m", "dd if=/dev/zero of=/dev/null bs=40M count=1", ("--memory", "24m", "--memory-swap", "24m"),
         live=True),
    Case("memory=unlimited", "dd if=/dev/zero of=/dev/null bs=40M count=1",
         ("--memory", "24m", "--memory-swap", "24m")),
    Case("pids=32", "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait", ("--pids-limit", "6"), live=True),
    Case("pids=unlimited", "for i in 1 2 3 4 5 6 7 8; do sleep 1 & done; wait", ("--pids-limit", "6")),
    Case("ulimit-nofile=512", "test $(ulimit -n) -gt 256", ("--ulimit", "nofile=256:256")),
    Case("ulimit-fsize=1000000", "dd if=/dev/zero of=/tmp/x bs=4096 count=1", ("--ulimit", "fsize=1024:1024")),
    Case("ulimit-memlock=8388608", "test $(ulimit -l) -gt 64", ("--ulimit", "memlock=65536:65536")),
    Case("shm-size=1m", "dd if=/dev/zero of=/dev/shm/x bs=128k count=1", ("--shm-size", "64k")),
    Case("sysctl=net.core.somaxconn=1234", "grep -qx 1234 /proc/sys/net/core/somaxconn"),
    Case("sysctl=net.ipv4.ip_unprivileged_port_start=80", "grep -qx 80 /proc/sys/net/ipv4/ip_unprivileged_port_start"),
    Case("userns=0:200000:5001", "touch /tmp/x && chown 5000 /tmp/x",
         ("--uidmap", "0:200000:1000", "--gidmap", "0:200000:1000"), only=PODMAN),
    Case("userns=host", "grep -q 4294967295 /proc/self/uid_map",
         ("--uidmap", "0:200000:1000", "--gidmap", "0:200000:1000"), only=PODMAN),
)  # fmt: skip


@pytest.fixture
def desk(any_engine: Rig, tmp_path: Path) -> Iterator[Desk]:
    with desk_at(any_engine, tmp_path) as found:
        yield found
    any_engine.run("volume", "rm", "mine", check=False)


def passes(desk: Desk, attempt: str) -> bool:
    host = Path("/proc/sys/kernel/hostname").read_text().strip()
    script = f"if ( {attempt.replace('HOST', host)} ) >/dev/null 2>&1; then echo passes; else echo refused; fi"
    found = desk.rig.run("exec", NAME, "sh", "-c", script, check=False).split()
    return found[-1:] == ["passes"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("any_engine", "case"),
    [
        pytest.param(kind, case, id=f"{kind}-{number}-{case.choice.partition('=')[0]}")
        for kind in KINDS
        for number, case in enumerate(CASES)
        if case.only in ("", kind)
    ],
    indirect=["any_engine"],
)
def test_what_was_refused_passes_until_it_is_taken_back(desk: Desk, case: Case) -> None:
    folder = desk.rig.folder / "given"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    profile = folder / "profile.json"
    profile.write_text(json.dumps(PROFILE))
    start(desk, *(word.replace("FOLDER", str(folder)).replace("PROFILE", str(profile)) for word in case.options))
    assert not passes(desk, case.attempt), "it must be refused before"
    code, last, err = desk.harden("--set", case.choice)
    assert (code, [item["outcome"] for item in last.get("toggles", ())]) == (0, ["enforced"]), (last, err)
    assert passes(desk, case.attempt)
    if case.live:
        assert last["result"] == "limits-changed"
        return
    code, _, err = desk.run("undo", NAME, "--watch", "1")
    assert code == 0, err
    assert not passes(desk, case.attempt)


# Beside what `ulimit` shows in the same way, what takes another machine: tests/machine/vm
NOT_HERE = {"apparmor", "selinux", "cgroupns", "cpus", "ulimit-stack", "ulimit-msgqueue", "ulimit-rtprio",
            "ulimit-nice", "ulimit-sigpending"}  # fmt: skip


def test_none_that_gives_is_left_out() -> None:
    given = {toggle.id for toggle in all_toggles() if toggle.gives}
    assert {case.choice.partition("=")[0] for case in CASES} >= given - NOT_HERE
