"""A PID that is not the container's, though all that the engine says of it fits; and real ones, none of them lost.

The stranger is a process of the host with a mount namespace of its own, as a service of systemd with PrivateTmp= has,
and was started in the same second. The engine says that the container shares the host's PIDs, names and network.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import pytest

from rig.engine import Rig
from stratascope.core.capture import GapKind
from stratascope.core.container import Asked, Container, Status
from stratascope.core.ground import decode_ground
from stratascope.core.ports import Wish
from stratascope.core.process_match import WANTS, belongs
from stratascope.probe.local import LocalProber
from stratascope.value import replace

PROBER = LocalProber()
HOST = ("--pid", "host", "--network", "host", "--uts", "host")
TRUE = {
    "default": (),
    "host": HOST,
    "pid": ("--pid", "host", "--network", "none"),
    "cgroupns": ("--cgroupns", "private", "--pid", "host"),
    "privileged": ("--privileged", "--pid", "host"),
    "joined": ("--pid", "container:default", "--network", "container:default"),
    "named": ("--pid", "host", "--dns", "192.0.2.1", "--hostname", "other"),
    "own hosts": ("--pid", "host", "-v", "/etc/hosts:/etc/hosts:ro"),
}
PODMANS = {
    "no files": ("--pid", "host", "--no-hosts", "--dns", "none"),
    "mapped": ("--uidmap", "0:1:1000", "--pid", "host"),
    "systemd": ("--systemd", "always"),
}


def described(rig: Rig, name: str, options: tuple[str, ...]) -> Container:
    """What belonging needs of the engine's answer, taken by this test itself."""
    answer = rig.inspect(name)
    created = datetime.fromisoformat(answer["Created"]).timestamp()
    started = datetime.fromisoformat(answer["State"]["StartedAt"]).timestamp()
    mode = options[options.index("--pid") + 1] if "--pid" in options else "private"
    asked = Asked(pid_mode=mode)
    return Container(
        rig.kind, answer["Id"], name, "", Status.RUNNING, answer["State"]["Pid"], created, started, asked=asked
    )


@contextmanager
def stranger(*command: str) -> Iterator[int]:
    """A process of the host with a mount namespace of its own."""
    child = subprocess.Popen(("unshare", "-m", *command, "sh", "-c", "echo; exec sleep 600"), stdout=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        below = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        yield int(below[0]) if below else child.pid
    finally:
        child.kill()
        child.communicate()


def test_none_of_the_true_ones_is_lost(any_engine: Rig) -> None:
    rig = any_engine
    ground = decode_ground(PROBER.host())
    lost = []
    with ExitStack() as stack:
        if rig.kind == "podman":
            infra = ("--infra-image", "busybox:latest", "--infra-command", "sleep 3600")
            rig.run("pod", "create", *infra, "--name", "tied")
            stack.callback(rig.run, "pod", "rm", "-f", "-t", "0", "tied", check=False)
        more = {**PODMANS, "pod": ("--pod", "tied")} if rig.kind == "podman" else {}
        if not rig.rootless:
            stack.callback(remove_groups, "strata-parent")
            more["parent"] = ("--cgroup-parent", "/strata-parent", "--pid", "host")
        if rig.name == "podman_rootful":  # runc has no such thing
            more["no groups"] = ("--cgroups", "disabled")
        for name, options in (TRUE | more).items():
            place = stack.enter_context(rig.container(*options, name=name.replace(" ", "-")))
            container = described(rig, place, options)
            # with its id in the control group's path, and as if there were none
            seen = PROBER.capture((Wish(container.pid or 0, WANTS, members=False),))[0].first
            hidden = tuple(each for each in seen.readings if each.name != "cgroup")
            for each in (seen, replace(seen, readings=hidden)):
                gap = belongs(container, each, ground)
                if gap is not None:
                    lost.append((name, gap))
    assert lost == []


def remove_groups(name: str) -> None:
    """Engines leave the parent of their groups behind."""
    for folder, folders, _ in os.walk("/sys/fs/cgroup", topdown=False):  # others' come and go meanwhile
        if name in Path(folder).parts or name in folders:
            for each in (Path(folder) / item for item in folders if name in (*Path(folder).parts, item)):
                with suppress(FileNotFoundError):
                    each.rmdir()


@pytest.mark.parametrize("options", [HOST, ()], ids=["host", "private"])
def test_a_stranger_is_not_believed(one_engine: Rig, options: tuple[str, ...]) -> None:
    rig = one_engine
    ground = decode_ground(PROBER.host())
    command = () if options else ("--pid", "--fork", "--mount-proc", "--kill-child")
    with stranger(*command) as pid, rig.container(*options, name="true-one") as place:
        container = replace(described(rig, place, options), pid=pid)
        gap = belongs(container, PROBER.capture((Wish(pid, WANTS, members=False),))[0].first, ground)
        assert gap is not None
        assert gap.kind is GapKind.FOREIGN
        assert "nothing ties it" in gap.detail
