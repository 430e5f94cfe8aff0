"""What the layers predict of a relaunch, held against processes that real engines started that way."""

from __future__ import annotations

from typing import Any

import pytest

from rig.recorded import recorded
from stratascope.core.capture import GapKind
from stratascope.core.container import Asked, AskedLimit, AskedMount, ProfileKind
from stratascope.core.ground import Surroundings
from stratascope.core.message import msg
from stratascope.core.threats.gain import Gain
from stratascope.layers import all_layers
from stratascope.layers.toggles import choice_of, fold
from stratascope.linux.capability import CapabilitySet
from stratascope.linux.seccomp import SeccompMode
from stratascope.value import replace
from unit.layers.surroundings import GROUND
from unit.layers.toggle_subjects import DEFAULTS, DOCKER, PODMAN, PODMAN_ROOTLESS, default, facts_of, made, subject

LAYERS = {layer.id: layer for layer in all_layers()}
# Where a value was read, and what belongs to one process only
_NOT_COMPARED = {
    "gaps",
    "process",
    "mounts",
    "origin",
    "default",
    "path",
    "memory_from",
    "pids_from",
    "cpu_from",
    "memberships",
    "who",  # these captures have no mounts and no map of groups
}
# The captures hold no limits of processes, and those of some containers no control group
_USES = {
    "sources",
    "processes_unread",
    "memory_current",
    "memory_peak",
    "pids_current",
    "pids_peak",
    "pids_room",
    "memory_level",
    "pids_level",
    "host_from",
    "modules",
}


PRIVILEGED = Asked(
    privileged=True,
    seccomp=ProfileKind.UNCONFINED,
    apparmor=ProfileKind.UNCONFINED,
    masked_paths=(),
    read_only_paths=(),
)
# engine, what is running, how it was asked for, the toggles, and a process that was really started that way
PAIRS = {
    "drop all": (DOCKER, "docker-default", default(DOCKER), "capabilities=none", "docker-capdrop"),
    "no new privileges": (DOCKER, "docker-default", default(DOCKER), "no-new-privileges=on", "docker-nnp"),
    "another user": (DOCKER, "docker-default", default(DOCKER), "user=1000:1000", "docker-user1000"),
    "a filter": (
        DOCKER,
        "docker-seccomp-unconfined",
        default(DOCKER, seccomp=ProfileKind.UNCONFINED),
        "seccomp=default",
        "docker-default",
    ),
    "a profile": (
        DOCKER,
        "docker-apparmor-unconfined",
        default(DOCKER, apparmor=ProfileKind.UNCONFINED),
        "apparmor=default",
        "docker-default",
    ),
    "leave privileged": (DOCKER, "docker-privileged", PRIVILEGED, "privileged=off", "docker-default"),
    "leave privileged, podman": (PODMAN, "podman-privileged", PRIVILEGED, "privileged=off", "podman-default"),
    "a map": (PODMAN, "podman-default", default(PODMAN), "userns=0:200000:65536", "podman-uidmap"),
    "no map": (
        PODMAN,
        "podman-uidmap",
        default(PODMAN, userns_mode="private", uid_map=((0, 200000, 65536),)),
        "userns=host",
        "podman-default",
    ),
    "keep-id": (
        PODMAN_ROOTLESS,
        "rootless-default",
        default(PODMAN_ROOTLESS, apparmor=ProfileKind.UNKNOWN),
        "userns=keep-id",
        "rootless-keepid",
    ),
    "own namespaces": (
        DOCKER,
        "docker-hostns",
        default(DOCKER, pid_mode="host", ipc_mode="host", uts_mode="host", network_mode="host", cgroupns_mode="host"),
        "pid=private ipc=private uts=private network=private cgroupns=private",
        "docker-default",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_predicted_is_what_comes(name: str) -> None:
    engine, now, before, toggles, then = PAIRS[name]
    engine = replace(engine, facts=replace(engine.facts, apparmor=True))
    chosen = [choice_of(*text.split("=", 1)) for text in toggles.split()]
    known = subject(before, recorded(f"lsm/apparmor/{now}"), engine)
    after = fold(before, chosen, known)
    around = Surroundings(replace(GROUND, apparmor=True, lsms=("apparmor",)), engine)
    start = dict(facts_of(recorded(f"lsm/apparmor/{now}"), made(before), engine, around.ground))
    real = dict(facts_of(recorded(f"lsm/apparmor/{then}"), made(after), engine, around.ground))
    compared = 0
    for layer in all_layers():
        predicted = layer.predict(start[layer.id], before, after, around)
        if not (_recorded(start[layer.id]) and _recorded(real[layer.id])):
            continue
        for name in predicted.__struct_fields__:
            if name in _NOT_COMPARED | _USES or name.endswith("source"):
                continue
            told, came = getattr(predicted, name), getattr(real[layer.id], name)
            if told is None or came is None or _version(told, came) or (name == "groups" and told == ()):
                continue  # nothing was foretold, or nothing was recorded
            if hasattr(came, "inode"):
                told, came = told.shared_with_host, came.shared_with_host
            assert told == came, f"{layer.id}.{name}: {told!r} was predicted, {came!r} came"
            compared += 1
    assert compared > 15


def _recorded(facts: Any) -> bool:
    """Some captures are without control groups, and some without labels."""
    return getattr(facts, "version", "") is not None and getattr(facts, "system", "") is not None


def _version(told: object, came: object) -> bool:
    """The name of Podman's profile has the version of a library in it."""
    return str(told).strip("(',)").startswith("containers-default-") and "containers-default-" in str(came)


def test_an_unchanged_relaunch_changes_no_fact() -> None:
    asked = default(DOCKER)
    around = Surroundings(GROUND, DOCKER)
    for name, facts in facts_of(recorded("lsm/apparmor/docker-default"), made(asked)):
        assert LAYERS[name].predict(facts, asked, asked, around) is facts
        assert LAYERS[name].predict(None, asked, replace(asked, user="1"), around) is None


def predicted(layer: str, text: str, process: str = "docker-default", before: Asked | None = None) -> Any:
    before = before or default(DOCKER)
    known = subject(before, recorded(f"lsm/apparmor/{process}"))
    after = fold(before, [choice_of(*word.split("=", 1)) for word in text.split()], known)
    return LAYERS[layer].predict(known.of(layer), before, after, Surroundings(GROUND, DOCKER))


def test_limits() -> None:
    facts = predicted("cgroup", "memory=512m pids=100 cpus=1.5 ulimit-core=0")
    assert (facts.memory_max, facts.swap_max, facts.pids_max, facts.cpu_cores) == (512 << 20, 0, 100, 1.5)
    assert facts.pids_room is not None
    assert facts.pids_room <= 100
    assert not {"memory_max", "pids_max", "cpu_cores"} & set(facts.unknown)


def test_a_rootless_engine_with_old_groups_limits_nothing() -> None:
    facts = predicted("cgroup", "")
    old = replace(facts, version="v1")
    around = Surroundings(GROUND, PODMAN_ROOTLESS)
    after = LAYERS["cgroup"].predict(old, Asked(), Asked(memory=1 << 29), around)
    assert after.memory_max is None


def test_an_ancestor_still_binds() -> None:
    facts = replace(predicted("cgroup", ""), memory_max=1 << 28, memory_level=1, memory_from="/parent")
    around = Surroundings(GROUND, DOCKER)
    assert LAYERS["cgroup"].predict(facts, Asked(), Asked(memory=1 << 30), around).memory_max == 1 << 28
    own = replace(facts, memory_level=0)
    assert LAYERS["cgroup"].predict(own, Asked(), Asked(memory=1 << 30), around).memory_max == 1 << 30


def test_files_and_sockets() -> None:
    asked = default(DOCKER, mounts=(AskedMount("bind", "/srv", "/srv", True),))
    before = predicted("namespaces", "", before=asked)
    assert before.root_read_only is False
    facts = predicted("namespaces", "read-only-root=on tmpfs=/tmp,/run", before=asked)
    assert facts.root_read_only is True
    assert {"/tmp", "/run"} <= set(facts.mounts.tmpfs)
    assert facts.mounts.reach.root_writable is False
    assert facts.mounts.reach.host_writable == "", "the files that the engine binds are read-only then, too"


def test_masks_come_back() -> None:
    asked = default(DOCKER, masked_paths=(), read_only_paths=())
    bare = recorded("lsm/apparmor/docker-privileged")
    known = subject(asked, bare)
    assert known.of("namespaces").mounts.proc_guarded is False
    after = fold(asked, [choice_of("masked-paths", "default")], known)
    facts = LAYERS["namespaces"].predict(known.of("namespaces"), asked, after, Surroundings(GROUND, DOCKER))
    assert facts.mounts.proc_guarded is True
    assert "/proc/sys" in facts.mounts.read_only
    assert "/proc/kcore" in facts.mounts.masked


def test_a_program_that_drops_rights_by_itself_will_drop_them_again() -> None:
    asked = default(DOCKER)
    known = dict(facts_of(recorded("lsm/apparmor/docker-user1000"), made(asked)))["capabilities"]
    after = replace(
        asked, cap_drop=("CAP_MKNOD",), capabilities=tuple(n for n in asked.capabilities or () if "MK" not in n)
    )
    facts = LAYERS["capabilities"].predict(known, asked, after, Surroundings(GROUND, DOCKER))
    assert not facts.effective
    assert "CAP_MKNOD" not in facts.bounding.names()
    assert len(facts.bounding) == 13


def test_the_filter_follows_the_capabilities() -> None:
    asked = default(DOCKER, cap_add=("CAP_SYS_ADMIN",), capabilities=(*DEFAULTS[DOCKER.kind], "CAP_SYS_ADMIN"))
    known = dict(facts_of(recorded("lsm/apparmor/docker-default"), made(asked)))["seccomp"]
    assert "mount" not in known.x86_64.denied_names
    after = default(DOCKER)
    facts = LAYERS["seccomp"].predict(known, asked, after, Surroundings(GROUND, DOCKER))
    assert facts.mode is SeccompMode.FILTER
    assert "mount" in facts.x86_64.denied_names


def test_a_label_that_nobody_can_foretell_is_a_gap() -> None:
    around = Surroundings(replace(GROUND, apparmor=True, lsms=("apparmor",)), DOCKER)
    asked = default(DOCKER)
    known = dict(facts_of(recorded("lsm/apparmor/docker-default"), made(asked), DOCKER, around.ground))["mac"]
    after = replace(asked, apparmor=ProfileKind.CUSTOM, apparmor_profile="mine")
    facts = LAYERS["mac"].predict(known, asked, after, around)
    assert facts.label is None
    assert facts.gaps[0].gap.kind is GapKind.UNSUPPORTED


def test_ulimits_count_for_ordinary_users() -> None:
    asked = default(DOCKER)
    known = predicted("cgroup", "")
    limits = (AskedLimit("nproc", 50, 50),)
    around = Surroundings(GROUND, DOCKER)
    assert LAYERS["cgroup"].predict(known, asked, replace(asked, limits=limits), around).processes_by_user is None
    other = LAYERS["cgroup"].predict(known, asked, replace(asked, limits=limits, user="1000"), around)
    assert other.processes_by_user == (50 if known.process_limits else None)


@pytest.mark.parametrize(
    ("root", "held", "exempt_root", "left"),
    [(True, 0, True, (None, False)), (True, 0, False, (50, False)), (True, 0, None, (None, True)),
     (False, 0, True, (50, False)), (False, CapabilitySet.of(("CAP_SYS_RESOURCE",)).bits, True, (None, False))],
)  # fmt: skip
def test_the_hosts_root_is_exempt_from_a_users_limit(
    root: bool, held: int, exempt_root: bool | None, left: tuple[int | None, bool]
) -> None:
    """Also one that it only becomes: through a set-uid program."""
    facts = replace(predicted("cgroup", ""), processes_by_user=50, processes_unread=False, exempt_root=exempt_root)
    found = LAYERS["cgroup"].gained(facts, Gain(root, held, "execve()", msg("through it"), ()))
    assert (found.processes_by_user, found.processes_unread) == left
