"""What the engine states counts where this reader may not look, and nowhere else; on recorded containers."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded, with_gap, with_text
from stratascope.collector.names import NETWORK_INODE
from stratascope.core.capture import Capture, Gap, GapKind
from stratascope.core.container import Asked, Engine, EngineFacts, EngineKind, ProfileKind
from stratascope.core.ground import NAMESPACES, Peers, Surroundings
from stratascope.core.layer import Layer, Verdict
from stratascope.core.threats.needs import Capability, LowPort, Mounting, Need, ProcessesInSight, Shares, Where
from stratascope.core.threats.states import ruled
from stratascope.core.threats.threat import Basis, Stance
from stratascope.layers.capabilities.layer import LAYER as CAPABILITIES
from stratascope.layers.mac.layer import LAYER as MAC
from stratascope.layers.namespaces.layer import LAYER as NAMESPACES_LAYER
from stratascope.layers.usermap.layer import LAYER as USERMAP
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around, container

STOPS, OPEN, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
KERNEL, ASKED = Basis.KERNEL, Basis.ASKED
NEIGHBOURS = ProcessesInSight(neighbours=True)
BY_ALL = replace(GROUND, namespaces_from="own", network_inode=4026531900, first_processes=True)
PTRACE = Capability(("CAP_SYS_PTRACE",), Where.INITIAL)
DOCKER = around().engine
PODMAN = Engine("podman", EngineKind.PODMAN, "unix:///run/podman/podman.sock")
REMAPPED = Engine("docker", EngineKind.DOCKER, "unix:///run/docker.sock", facts=EngineFacts(userns_remap=True))


def unread(**texts: str) -> Capture:
    """A default container of Docker's as another user sees it: no link of its namespaces."""
    process = recorded("lsm/apparmor/docker-default")
    for kind in NAMESPACES:
        process = with_gap(process, f"ns/{kind}", Gap(GapKind.DENIED, 13))
    for name, text in texts.items():
        process = with_text(process, {"net": NETWORK_INODE}.get(name, name), text)
    return process


def said(
    layer: Layer, need: Need, process: Capture, asked: Asked | None = None, near: Surroundings | None = None
) -> tuple[Stance, Basis]:
    thing, surroundings = container(asked), near or around(ground=BY_ALL)
    facts: Any = layer.decode(process, thing, surroundings)
    found = ruled(layer, need, layer.judged_by(facts, layer.asked(thing), surroundings))
    assert found is not None
    return found.stance, found.basis


def with_pids(pids: str) -> Capture:
    process = unread()
    text = process.text("status")
    assert isinstance(text, str)
    lines = [f"NSpid:\t{pids}" if line.startswith("NSpid:") else line for line in text.splitlines()]
    return with_text(process, "status", "\n".join(lines) + "\n")


@pytest.mark.parametrize(
    ("need", "process", "asked", "found"),
    [
        (Shares("ipc"), unread(), Asked(), (STOPS, ASKED)),
        (Shares("ipc"), unread(), Asked(ipc_mode="host"), (OPEN, ASKED)),
        (Shares("ipc"), unread(), Asked(ipc_mode="container:db"), (UNKNOWN, KERNEL)),
        (Shares("ipc"), unread(), Asked(ipc_mode="pod"), (UNKNOWN, KERNEL)),
        # what everybody may read decides, whatever was asked
        (Shares("pid"), with_pids("4211\t1"), Asked(pid_mode="host"), (STOPS, KERNEL)),
        (Shares("pid"), with_pids("4211"), Asked(), (OPEN, KERNEL)),
        (Shares("net"), unread(net="4026531900"), Asked(), (OPEN, KERNEL)),
        (Shares("net"), unread(net="4026539999"), Asked(network_mode="host"), (STOPS, KERNEL)),
        (Shares("net"), unread(), Asked(), (STOPS, ASKED)),
        (Shares("net"), unread(net="x"), Asked(), (STOPS, ASKED)),
        # that its PID namespace is another does not say that it is alone in there
        (NEIGHBOURS, with_pids("4211\t1"), Asked(), (STOPS, ASKED)),
        (NEIGHBOURS, with_pids("4211\t9"), Asked(pid_mode="container:db"), (UNKNOWN, KERNEL)),
        (ProcessesInSight(), with_pids("4211"), Asked(), (OPEN, KERNEL)),
    ],
)  # fmt: skip
def test_namespaces(need: Need, process: Capture, asked: Asked, found: tuple[Stance, Basis]) -> None:
    assert said(NAMESPACES_LAYER, need, process, asked) == found


def test_others_that_were_asked_to_be_in_its_namespace_are_seen_there() -> None:
    near = around(ground=BY_ALL, peers=Peers(as_requested=(("pid", ("db",)),)))
    assert said(NAMESPACES_LAYER, NEIGHBOURS, with_pids("4211\t1"), near=near) == (OPEN, ASKED)
    asked = Asked(pid_mode="container:db")
    assert said(NAMESPACES_LAYER, NEIGHBOURS, with_pids("4211\t9"), asked, near) == (OPEN, ASKED)


def test_only_the_first_pid_namespace_counts_pids_as_the_host_does() -> None:
    inside = around(ground=replace(BY_ALL, first_processes=False))
    assert said(NAMESPACES_LAYER, Shares("pid"), with_pids("4211"), near=inside) == (STOPS, ASKED)


@pytest.mark.parametrize(
    ("asked", "engine", "found"),
    [
        (Asked(), PODMAN, (OPEN, ASKED)),
        (Asked(userns_mode="host"), REMAPPED, (OPEN, ASKED)),
        (Asked(), REMAPPED, (UNKNOWN, KERNEL)),  # an id map of its own was to be expected
        (Asked(userns_mode="auto"), PODMAN, (UNKNOWN, KERNEL)),
        (Asked(uid_map=((0, 0, 4294967295),)), PODMAN, (UNKNOWN, KERNEL)),  # whole, and yet another namespace
        (Asked(), replace(PODMAN, rootless=True), (UNKNOWN, KERNEL)),
    ],
)
def test_the_first_user_namespace(asked: Asked, engine: Engine, found: tuple[Stance, Basis]) -> None:
    near = Surroundings(BY_ALL, engine)
    assert said(USERMAP, PTRACE, unread(), asked, near) == found


def test_a_map_of_its_own_is_the_kernels_word() -> None:
    process = unread(uid_map="0 100000 65536\n")
    assert said(USERMAP, PTRACE, process, Asked(userns_mode="host")) == (STOPS, KERNEL)


@pytest.mark.parametrize(
    ("asked", "engine", "found"),
    [
        (Asked(), around().engine, (OPEN, ASKED)),
        (Asked(sysctls=(("net.ipv4.ip_unprivileged_port_start", "1024"),)), around().engine, (STOPS, ASKED)),
        (Asked(), PODMAN, (STOPS, ASKED)),
        (Asked(network_mode="container:db"), PODMAN, (UNKNOWN, KERNEL)),
    ],
)
def test_free_ports(asked: Asked, engine: Engine, found: tuple[Stance, Basis]) -> None:
    """Of a process without NET_BIND_SERVICE."""
    process = unread()
    text = process.text("status")
    assert isinstance(text, str)
    none = "0000000000000000"
    lines = [f"{line.split(':')[0]}:\t{none}" if line.startswith("Cap") else line for line in text.splitlines()]
    process = with_text(process, "status", "\n".join(lines) + "\n")
    assert said(CAPABILITIES, LowPort(), process, asked, Surroundings(BY_ALL, engine)) == found


def test_nothing_that_only_the_engine_states_counts_where_all_is_to_be_verified() -> None:
    near = replace(around(ground=BY_ALL), verified_only=True)
    assert said(NAMESPACES_LAYER, Shares("ipc"), unread(), near=near) == (UNKNOWN, KERNEL)
    assert said(NAMESPACES_LAYER, Shares("pid"), with_pids("4211\t1"), near=near) == (STOPS, KERNEL)


@pytest.mark.parametrize(
    ("name", "asked", "engine", "same"),
    [
        ("apparmor/docker-default", Asked(apparmor=ProfileKind.DEFAULT), DOCKER, True),
        ("apparmor/podman-default", Asked(apparmor=ProfileKind.DEFAULT), PODMAN, True),
        ("apparmor/docker-privileged", Asked(apparmor=ProfileKind.UNCONFINED, privileged=True), DOCKER, True),
        ("apparmor/docker-apparmor-unconfined", Asked(apparmor=ProfileKind.UNCONFINED), DOCKER, True),
        # in which mode a profile of one's own was loaded the engine does not say
        ("apparmor/docker-complain", Asked(apparmor=ProfileKind.CUSTOM, apparmor_profile="x"), DOCKER, False),
        ("apparmor/rootless-default", Asked(apparmor=ProfileKind.UNKNOWN), replace(PODMAN, rootless=True), False),
    ],
)
def test_a_label_that_can_not_be_read(name: str, asked: Asked, engine: Engine, same: bool) -> None:
    """What is stated rules as what was read rules; where nothing is stated the verdict stays unknown."""
    ground = replace(BY_ALL, lsms=("capability", "apparmor"), apparmor=True)
    near, thing, process = Surroundings(ground, engine), container(asked), recorded(f"lsm/{name}")
    for file in ("attr/current", "attr/apparmor/current"):
        process = with_gap(process, file, Gap(GapKind.DENIED, 13))
    whole: Any = MAC.decode(recorded(f"lsm/{name}"), thing, near)
    facts: Any = MAC.decode(process, thing, near)
    told = MAC.assessed(facts, MAC.asked(thing), near)
    read = MAC.assessed(whole, MAC.asked(thing), near)
    assert MAC.assess(facts, MAC.asked(thing), near).verdict is Verdict.UNKNOWN
    if not same:
        assert (told.verdict, told.basis) == (Verdict.UNKNOWN, KERNEL)
        return
    assert (told.verdict, told.basis) == (read.verdict, ASKED)
    need = Mounting("mount")
    ruling = MAC.stance(need, MAC.posture(whole, MAC.asked(thing), near))
    assert ruling is not None
    assert said(MAC, need, process, asked, near) == (ruling.stance, ASKED)


def test_what_was_made_together_with_a_user_namespace_of_its_own_belongs_to_it() -> None:
    process = unread(uid_map="0 200000 65536\n", gid_map="0 200000 65536\n")
    mount = Capability(("CAP_SYS_ADMIN",), Where.MNT_OWNER)
    names = Capability(("CAP_SYS_ADMIN",), Where.UTS_OWNER)
    near = replace(around(ground=BY_ALL), engine=PODMAN)
    own = Asked(uid_map=((0, 200000, 65536),), userns_mode="private", uts_mode="host")
    assert said(USERMAP, mount, process, own, near) == (OPEN, ASKED)
    assert said(USERMAP, names, process, own, near) == (STOPS, ASKED)
    assert said(USERMAP, mount, process, Asked(), near)[0] is UNKNOWN
