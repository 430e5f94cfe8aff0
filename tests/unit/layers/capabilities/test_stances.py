"""What capabilities say to each need, as a table, and on recorded containers."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded, with_text
from stratascope.core.ground import Surroundings
from stratascope.core.threats.catalogue import all_threats
from stratascope.core.threats.depth import needs_of
from stratascope.core.threats.needs import (
    Capability,
    HostFiles,
    HostRoot,
    InspectContainer,
    InspectHost,
    LowPort,
    Need,
    RegainByExec,
    RootWritable,
    Setting,
    SetUidExec,
    Shares,
    SignalRoot,
    Where,
)
from stratascope.core.threats.threat import Stance
from stratascope.i18n.translate import translate
from stratascope.layers.capabilities.layer import LAYER
from stratascope.layers.capabilities.stances import CapabilityPosture
from stratascope.linux.capability import CapabilitySet
from stratascope.value import replace
from unit.layers.surroundings import GROUND, around, capture, container, judged

STOPS, OPEN, UNKNOWN = Stance.STOPS, Stance.LETS_THROUGH, Stance.UNKNOWN
DOCKER = 0xA80425FB
FULL = CapabilitySet.full().bits
DMESG = Setting("kernel.dmesg_restrict", ("1",))
ADMIN = Capability(("CAP_SYS_ADMIN",), Where.INITIAL)
LOG = Capability(("CAP_SYSLOG",), Where.INITIAL, DMESG)
OLD_LOG = replace(LOG, older=("CAP_SYS_ADMIN", (6, 9)))
BASE = CapabilityPosture(DOCKER, DOCKER, False, True, DOCKER, 40, None, "@x", ((DMESG, True),))


def bits(*names: str) -> int:
    return CapabilitySet.of(names).bits


@pytest.mark.parametrize(
    ("need", "change", "stance"),
    [
        (ADMIN, {}, STOPS),
        (ADMIN, {"held": FULL}, OPEN),
        (ADMIN, {"held": None}, UNKNOWN),
        # root that gave it up gets it back by exec, unless that is barred; securebits, which can, no file shows
        (ADMIN, {"held": 0, "bounding": FULL}, UNKNOWN),
        (ADMIN, {"held": 0, "bounding": FULL, "no_new_privs": True}, STOPS),
        (ADMIN, {"held": 0, "bounding": FULL, "no_new_privs": None}, UNKNOWN),
        (ADMIN, {"held": 0, "bounding": FULL, "root": False}, STOPS),
        (ADMIN, {"held": 0, "bounding": FULL, "root": None}, UNKNOWN),
        (ADMIN, {"held": 0, "bounding": None}, UNKNOWN),
        (ADMIN, {"held": 0, "bounding": None, "no_new_privs": True}, STOPS),
        (InspectHost(), {"held": 0, "bounding": FULL}, UNKNOWN),
        (LowPort(), {"held": 0, "port_start": 1024}, UNKNOWN),
        (replace(ADMIN, where=Where.MNT_OWNER), {}, STOPS),  # where it is asked for is the user namespace's question
        (replace(ADMIN, where=Where.OWN), {"held": bits("SYS_ADMIN")}, OPEN),
        (Capability(("CAP_BPF", "CAP_SYS_ADMIN"), Where.INITIAL), {"held": bits("BPF")}, OPEN),
        (LOG, {}, STOPS),
        (LOG, {"held": bits("SYSLOG"), "settings": ((DMESG, None),)}, OPEN),
        (LOG, {"settings": ((DMESG, False),)}, OPEN),
        (LOG, {"settings": ((DMESG, False),), "held": None}, OPEN),
        (LOG, {"settings": ((DMESG, None),)}, UNKNOWN),
        (LOG, {"settings": ()}, UNKNOWN),
        # SYS_ADMIN counts on older kernels
        (OLD_LOG, {"held": bits("SYS_ADMIN"), "kernel": (6, 8)}, OPEN),
        (OLD_LOG, {"held": bits("SYS_ADMIN"), "kernel": (6, 9)}, STOPS),
        (OLD_LOG, {"held": bits("SYS_ADMIN")}, UNKNOWN),
        (OLD_LOG, {"kernel": (6, 8)}, STOPS),
        (OLD_LOG, {"held": bits("SYSLOG")}, OPEN),
        (LowPort(), {}, OPEN),
        (LowPort(), {"held": 0, "bounding": 0}, UNKNOWN),
        (LowPort(), {"held": 0, "bounding": 0, "port_start": 0}, OPEN),
        (LowPort(), {"held": 0, "bounding": 0, "port_start": 80}, OPEN),
        (LowPort(), {"held": 0, "bounding": 0, "port_start": 1023}, OPEN),
        (LowPort(), {"held": 0, "bounding": 0, "port_start": 1024}, STOPS),
        (LowPort(), {"held": bits("NET_BIND_SERVICE"), "port_start": 1024}, OPEN),
        (LowPort(), {"held": None, "port_start": 1024}, UNKNOWN),
        (LowPort(), {"held": None, "port_start": 0}, OPEN),
        (SetUidExec(), {}, OPEN),
        (SetUidExec(), {"no_new_privs": True}, STOPS),
        (SetUidExec(), {"no_new_privs": None}, UNKNOWN),
        (RegainByExec(), {}, STOPS),  # nothing above what it holds
        (RegainByExec(), {"held": 0}, UNKNOWN),
        (RegainByExec(), {"held": 0, "root": False}, OPEN),  # by a set-uid file
        (RegainByExec(), {"held": 0, "no_new_privs": True}, STOPS),
        (RegainByExec(), {"held": None, "no_new_privs": True}, STOPS),
        (RegainByExec(), {"held": 0, "no_new_privs": None}, UNKNOWN),
        (RegainByExec(), {"held": 0, "bounding": 0}, STOPS),
        (RegainByExec(), {"held": 0, "bounding": None}, UNKNOWN),
        (HostRoot(capable=True), {}, OPEN),
        (HostRoot(capable=True), {"held": 0}, UNKNOWN),
        (HostRoot(capable=True), {"held": 0, "bounding": 0}, STOPS),
        (HostRoot(capable=True), {"held": 0, "no_new_privs": True}, STOPS),
        (HostRoot(capable=True), {"held": 0, "no_new_privs": None}, UNKNOWN),
        (HostRoot(capable=True), {"held": 0, "bounding": None}, UNKNOWN),
        (HostRoot(capable=True), {"held": None}, UNKNOWN),
        (InspectHost(), {}, STOPS),
        (InspectHost(), {"held": bits("SYS_PTRACE")}, OPEN),
        (InspectHost(), {"held": FULL}, OPEN),
        (InspectHost(), {"held": None}, UNKNOWN),
        (InspectContainer(), {}, OPEN),
        (InspectContainer(), {"held": DOCKER & ~bits("CHOWN")}, UNKNOWN),  # the other one may be as weak
        (InspectContainer(), {"held": 0}, UNKNOWN),
        (InspectContainer(neighbours=True), {"neighbours": (DOCKER,)}, OPEN),
        (InspectContainer(neighbours=True), {"neighbours": (DOCKER | bits("SYS_ADMIN"),)}, STOPS),
        (InspectContainer(neighbours=True), {"neighbours": (DOCKER | bits("SYS_ADMIN"), 0)}, OPEN),
        (InspectContainer(neighbours=True), {"held": 0, "neighbours": (None,)}, UNKNOWN),
        (InspectContainer(), {"held": bits("SYS_PTRACE")}, UNKNOWN),  # a route of its own
        (InspectContainer(neighbours=True), {"held": 0, "root": True, "root_by_exec": True, "bounding": FULL}, OPEN),
    ],
)
def test_rule(need: Need, change: dict[str, Any], stance: Stance) -> None:
    assert judged(LAYER, need, replace(BASE, **change)).stance is stance


@pytest.mark.parametrize("need", [Shares("pid"), SignalRoot(), HostRoot(), RootWritable(), HostFiles()])
def test_not_its_job(need: Need) -> None:
    assert LAYER.stance(need, BASE) is None


def test_what_undoes_it() -> None:
    assert judged(LAYER, ADMIN, BASE).hinges == {"capability:CAP_SYS_ADMIN"}
    either = Capability(("CAP_BPF", "CAP_SYS_ADMIN"), Where.INITIAL)
    assert judged(LAYER, either, BASE).hinges == {"capability:CAP_BPF", "capability:CAP_SYS_ADMIN"}
    user = replace(BASE, held=0, root=False)
    assert judged(LAYER, Capability(("CAP_CHOWN",), Where.OWN), user).hinges == {"capability:CAP_CHOWN", "user"}
    assert judged(LAYER, ADMIN, user).hinges == {"capability:CAP_SYS_ADMIN"}  # root would not have it either
    assert judged(LAYER, SetUidExec(), replace(BASE, no_new_privs=True)).hinges == {"no-new-privileges"}


def test_reasons_name_what_is_missing() -> None:
    assert translate(judged(LAYER, ADMIN, BASE).reason) == "It does not hold SYS_ADMIN."
    either = Capability(("CAP_PERFMON", "CAP_SYS_ADMIN"), Where.INITIAL)
    assert translate(judged(LAYER, either, BASE).reason) == "It holds neither PERFMON nor SYS_ADMIN."


def posture_of(name: str, surroundings: Surroundings, **texts: str) -> CapabilityPosture:
    process = recorded(f"lsm/apparmor/{name}")
    for reading, text in texts.items():
        process = with_text(process, reading.replace("__", ":"), text)
    facts = LAYER.decode(process, container(), surroundings)
    found = LAYER.posture(facts, LAYER.asked(container()), surroundings)
    assert isinstance(found, CapabilityPosture)
    return found


def test_posture_of_real_containers() -> None:
    default = posture_of("docker-default", around())
    assert (default.held, default.bounding, default.no_new_privs, default.root) == (DOCKER, DOCKER, False, True)
    assert default.port_start is None
    assert default == posture_of("docker-apparmor-unconfined", around())  # another process, the same stances
    user = posture_of("docker-user1000", around())
    assert (user.held, user.bounding, user.root) == (0, DOCKER, False)
    assert posture_of("docker-nnp", around()).no_new_privs is True
    assert posture_of("docker-capdrop", around()).held == posture_of("docker-capdrop", around()).bounding


def test_first_free_port_is_the_network_namespaces() -> None:
    reading = {"netns__net.ipv4.ip_unprivileged_port_start": "0\n"}
    assert posture_of("docker-default", around(), **reading).port_start == 0
    ground = replace(GROUND, sysctls=(("net.ipv4.ip_unprivileged_port_start", "1024"),))
    inside = posture_of("docker-hostns", around(ground=ground))
    assert (inside.port_start, inside.port_source) == (1024, "/proc/sys/net/ipv4/ip_unprivileged_port_start")
    assert posture_of("docker-default", around(ground=ground)).port_start is None  # the reader's own is another one
    rubbish = {"netns__net.ipv4.ip_unprivileged_port_start": "many"}
    assert posture_of("docker-default", around(), **rubbish).port_start is None


def test_settings_of_the_host_travel_in_the_posture() -> None:
    strict = replace(GROUND, sysctls=(("kernel.dmesg_restrict", "1"),))
    loose = replace(GROUND, sysctls=(("kernel.dmesg_restrict", "0"),))
    for ground, stance in ((strict, STOPS), (loose, OPEN), (GROUND, UNKNOWN)):
        near = around(ground=ground)
        facts = LAYER.decode(recorded("lsm/apparmor/docker-default"), container(), near)
        need = next(need for need in _log_needs() if need.only_if is not None)
        assert judged(LAYER, need, LAYER.posture(facts, LAYER.asked(container()), near)).stance is stance


def _log_needs() -> list[Capability]:
    return [need for need in needs_of(all_threats()) if isinstance(need, Capability) and "CAP_SYSLOG" in need.any_of]


def test_nothing_read_is_nothing_known() -> None:
    near = around()
    facts = LAYER.decode(capture({}, denied=("status", "uid_map", "ns/user")), container(), near)
    posture = LAYER.posture(facts, LAYER.asked(container()), near)
    needs: tuple[Need, ...] = (ADMIN, LowPort(), SetUidExec(), RegainByExec(), HostRoot(capable=True), InspectHost())
    assert {judged(LAYER, need, posture).stance for need in needs} == {UNKNOWN}


def test_wants_the_port_with_privilege() -> None:
    assert LAYER.privileged_wants == ("netns:net.ipv4.ip_unprivileged_port_start", "root:programs")


@pytest.mark.parametrize(
    ("need", "by_exec", "expected"),
    [
        (Capability(("CAP_CHOWN",), Where.OWN), True, Stance.LETS_THROUGH),
        (Capability(("CAP_CHOWN",), Where.OWN), False, Stance.STOPS),
        (Capability(("CAP_CHOWN",), Where.OWN), None, Stance.UNKNOWN),
        (RegainByExec(), True, Stance.LETS_THROUGH),
        (RegainByExec(), False, Stance.UNKNOWN),  # files with capabilities give theirs all the same
        (RegainByExec(), None, Stance.UNKNOWN),
        (HostRoot(capable=True), True, Stance.LETS_THROUGH),
        (HostRoot(capable=True), False, Stance.UNKNOWN),
        (LowPort(), True, Stance.LETS_THROUGH),
        (LowPort(), False, Stance.STOPS),
    ],
)
def test_what_root_laid_down_comes_back_unless_its_securebits_forbid_it(
    need: Need, by_exec: bool | None, expected: Stance
) -> None:
    posture = replace(BASE, held=0, root=True, root_by_exec=by_exec, port_start=1024)
    ruling = LAYER.stance(need, posture)
    assert ruling is not None
    assert ruling.stance is expected
