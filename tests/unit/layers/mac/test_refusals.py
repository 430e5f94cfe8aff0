"""What AppArmor and SELinux refused: by a line that fits the call, by measured profiles, by exclusion, or not at all.

The answers of docker-default are those that a program got on a virtual machine with AppArmor, with all capabilities,
without a filter and in the host's PID namespace.
"""

from __future__ import annotations

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rig.recorded import container, recorded, surroundings
from stratascope.core.ground import Surroundings
from stratascope.core.observation.events import CapabilityCheck, Circumstances, ResolvedPath
from stratascope.core.refusals.refusal import Attempt, AttemptKind, Claim, Strength
from stratascope.core.relaunch.want import Unconfined
from stratascope.i18n.translate import translate
from stratascope.layers.mac.layer import LAYER
from stratascope.linux.capability import CapabilitySet
from stratascope.value import replace

APPARMOR = surroundings(
    lsms=("apparmor",), apparmor=True, features=(("apparmor_userns", True), ("apparmor_move_mount", True))
)
DEBIAN = replace(APPARMOR, engine=replace(APPARMOR.engine, version="26.1.5"))
UBUNTU = surroundings(
    lsms=("apparmor",), apparmor=True, sysctls=(("kernel.apparmor_restrict_unprivileged_userns", "1"),)
)
SELINUX = surroundings(lsms=("selinux",), selinux="enforcing")
PERMISSIVE = surroundings(lsms=("selinux",), selinux="permissive")
EACCES, EPERM = errno.EACCES, errno.EPERM
ALL = Circumstances(effective=CapabilitySet.full())

DENIED = 'apparmor="DENIED" operation="{op}" profile="docker-default" {more} pid=7 comm="x" denied_mask="r"'
AVC = (
    "avc:  denied  {{ {what} }} for  pid=7 comm=\"x\" {name} dev=\"vda\" ino=5"
    " scontext=system_u:system_r:container_t:s0:c1,c2 tcontext={target} tclass={kind} permissive=0"
)  # fmt: skip
HOME = "unconfined_u:object_r:user_home_t:s0"


def call(name: str, code: int, path: str = "", *lines: str, first: int = 0, around: Circumstances = ALL) -> Attempt:
    return Attempt(AttemptKind.CALL, "x", "x86_64", name, code, True, (first, 0, 0, 0, 0, 0), path, (), around, lines)


def claim(attempt: Attempt, label: str, around: Surroundings) -> Claim | None:
    facts = LAYER.decode(recorded(f"lsm/{label}"), container(), around)
    return LAYER.refused(attempt, facts, around)


@pytest.mark.parametrize(
    ("attempt", "sentence"),
    [
        (call("openat", EACCES, "/proc/kcore"), "forbids this on /proc/kcore, as measured on Docker 26.1."),
        (call("pivot_root", EACCES, "/tmp"), "forbids every mount."),
        (call("mount", EACCES, "/mnt"), "forbids every mount."),
        (call("ptrace", EACCES, first=16), "lets it reach only processes under the same profile."),
        (call("unshare", EACCES, first=1 << 28), "forbids new user namespaces."),
    ],
)
def test_docker_default_where_nothing_is_logged(attempt: Attempt, sentence: str) -> None:
    found = claim(attempt, "apparmor/docker-default", DEBIAN)
    assert found is not None
    assert (found.layer, found.strength, found.wants) == ("mac", Strength.FITS, (Unconfined("apparmor"),))
    assert translate(found.what) == f"The AppArmor profile docker-default {sentence}"


def test_where_a_mount_would_fail_all_the_same() -> None:
    """AppArmor is asked before the kernel asks for SYS_ADMIN."""
    poor = Circumstances(effective=CapabilitySet(0xA80425FB))
    found = claim(call("mount", EACCES, "/mnt", around=poor), "apparmor/docker-default", DEBIAN)
    assert found is not None
    assert found.wants == ()


@pytest.mark.parametrize(
    ("label", "attempt"),
    [
        ("apparmor/docker-default", call("openat", EACCES, "/data/file")),
        ("apparmor/docker-default", call("setuid", EPERM)),
        ("apparmor/docker-default", call("mount", EPERM, "/mnt")),
        ("apparmor/docker-privileged", call("openat", EACCES, "/proc/kcore")),
        ("apparmor/docker-complain", call("openat", EACCES, "/x")),
        ("apparmor/docker-profile-spaces", call("setgroups", EPERM)),
        ("apparmor/docker-default", call("openat", errno.EROFS, "/proc/kcore")),
        ("apparmor/docker-default", replace(call("openat", EACCES, "/proc/kcore"), entered=False)),
    ],
)
def test_not_by_apparmor(label: str, attempt: Attempt) -> None:
    assert claim(attempt, label, DEBIAN) is None


def test_a_profile_of_ones_own_is_left_over() -> None:
    found = claim(call("openat", EACCES, "/x"), "apparmor/docker-profile-spaces", DEBIAN)
    assert found is not None
    assert (found.strength, found.certain) == (Strength.LEFT, False)
    lacking = replace(call("openat", EACCES, "/x"), lacked=("CAP_DAC_OVERRIDE",))
    assert claim(lacking, "apparmor/docker-profile-spaces", DEBIAN) is None


def test_a_line_is_certain_where_it_fits_the_call() -> None:
    line = DENIED.format(op="open", more='name="/data/secret"')
    found = claim(call("openat", EACCES, "/data/secret", line), "apparmor/docker-default", DEBIAN)
    assert found is not None
    assert found.strength is Strength.SAID
    text = "The AppArmor profile docker-default forbids this (open) on /data/secret."
    assert translate(found.what) == text
    for other in (call("openat", EACCES, "/data/other", line), call("mkdir", EACCES, "/data/secret", line)):
        assert claim(other, "apparmor/docker-default", DEBIAN) is None
    led = replace(
        call("openat", EACCES, "/link", line),
        around=Circumstances(place=ResolvedPath("/data/secret", None, None, None)),
    )
    assert claim(led, "apparmor/docker-default", DEBIAN) is not None


# Linux 6.12, AppArmor 4.1, docker-default: what a program with all capabilities in the host's PID namespace was refused
LOGGED = (
    (
        call("pivot_root", EACCES, "/tmp"),
        'operation="pivotroot" class="mount" profile="docker-default" name="/tmp/" pid=573 comm="python3"',
        "forbids this (pivotroot) on /tmp/.",
    ),
    (
        call("ptrace", EACCES, first=16),
        'operation="ptrace" class="ptrace" profile="docker-default" pid=573 comm="python3" requested_mask="trace"'
        ' denied_mask="trace" peer="unconfined"',
        "forbids this (ptrace) on a process of unconfined.",
    ),
    (
        call("openat", EACCES, "/proc/1/environ"),
        'operation="ptrace" class="ptrace" profile="docker-default" pid=573 comm="python3" requested_mask="read"'
        ' denied_mask="read" peer="unconfined"',
        "forbids this (ptrace) on a process of unconfined.",
    ),
    (
        call("unshare", EACCES, first=1 << 28),
        'operation="userns_create" class="namespace" profile="docker-default" pid=573 comm="python3"'
        ' requested="userns_create" denied="userns_create"',
        "forbids this (userns_create).",
    ),
)


@pytest.mark.parametrize(("attempt", "line", "sentence"), LOGGED)
def test_lines_of_docker_default(attempt: Attempt, line: str, sentence: str) -> None:
    heard = replace(attempt, lines=(f'audit: type=1400 audit(1795812431.047:9): apparmor="DENIED" {line}',))
    found = claim(heard, "apparmor/docker-default", DEBIAN)
    assert found is not None
    assert (found.strength, found.wants) == (Strength.SAID, (Unconfined("apparmor"),))
    assert translate(found.what) == f"The AppArmor profile docker-default {sentence}"


def test_a_capability_that_a_policy_forbids_was_asked_for_in_this_call() -> None:
    line = DENIED.format(op="capable", more='capability=12  capname="net_admin"')
    asked = Circumstances(checks=(CapabilityCheck(12, 0, True, ()),))
    found = claim(call("ioctl", EPERM, "", line, around=asked), "apparmor/docker-default", DEBIAN)
    assert found is not None
    assert translate(found.what) == "The AppArmor profile docker-default forbids the use of NET_ADMIN."
    none = Circumstances(checks=())
    assert claim(call("ioctl", EPERM, "", line, around=none), "apparmor/docker-default", DEBIAN) is None


def test_ubuntu_s_rule() -> None:
    line = (
        'apparmor="DENIED" operation="capable" class="cap" profile="unprivileged_userns" pid=7 comm="x" capability=21'
        '  capname="sys_admin"'
    )
    found = claim(call("mount", EPERM, "/mnt", line), "apparmor/docker-apparmor-unconfined", UBUNTU)
    assert found is not None
    assert (found.strength, found.wants) == (Strength.SAID, ())
    assert "kernel.apparmor_restrict_unprivileged_userns" in translate(found.what)
    seems = claim(call("unshare", EPERM, first=1 << 28), "apparmor/docker-apparmor-unconfined", UBUNTU)
    assert seems is not None
    assert not seems.certain
    assert claim(call("unshare", EPERM, first=1 << 28), "apparmor/docker-apparmor-unconfined", DEBIAN) is None


def test_selinux_and_the_label_of_a_volume() -> None:
    line = AVC.format(what="read", name='name="f"', target=HOME, kind="file")
    found = claim(call("openat", EACCES, "/vol/f", line), "selinux/docker-default", SELINUX)
    assert found is not None
    assert (found.strength, found.wants) == (Strength.SAID, (Unconfined("selinux", "/vol/f"),))
    assert translate(found.what) == (
        "SELinux does not let processes of the type container_t do this (read) to /vol/f: its type user_home_t is "
        "not a container file type."
    )
    other = AVC.format(what="read", name='name="f"', target="system_u:object_r:container_file_t:s0:c3,c4", kind="file")
    apart = claim(call("openat", EACCES, "/vol/f", other), "selinux/docker-default", SELINUX)
    assert apart is not None
    assert translate(apart.what).startswith("SELinux keeps other containers' files apart: /vol/f has the label")


def test_selinux_and_capabilities_and_classes() -> None:
    asked = Circumstances(checks=(CapabilityCheck(12, 0, True, ()),))
    line = AVC.format(what="net_admin", name="capability=12 ", target=HOME, kind="capability")
    found = claim(call("ioctl", EPERM, "", line, around=asked), "selinux/docker-default", SELINUX)
    assert found is not None
    assert translate(found.what).endswith("container_t use the capability NET_ADMIN.")
    bpf = AVC.format(what="map_create", name="", target=HOME, kind="bpf")
    assert claim(call("bpf", EACCES, "", bpf), "selinux/docker-default", SELINUX) is not None
    left = claim(call("openat", EACCES, "/vol/f", bpf), "selinux/docker-default", SELINUX)
    assert left is not None
    assert left.strength is Strength.LEFT


@pytest.mark.parametrize(
    ("label", "around", "attempt"),
    [
        ("selinux/docker-privileged", SELINUX, call("openat", EACCES, "/vol/f")),
        ("selinux/docker-default", PERMISSIVE, call("openat", EACCES, "/vol/f")),
        ("selinux/docker-default", surroundings(), call("openat", EACCES, "/vol/f")),
        ("selinux/docker-default", SELINUX, call("setuid", EPERM)),
        ("selinux/docker-default", SELINUX, Attempt(AttemptKind.OUT_OF_MEMORY, "x")),
    ],
)
def test_not_by_selinux(label: str, around: Surroundings, attempt: Attempt) -> None:
    assert claim(attempt, label, around) is None


@given(
    st.sampled_from(["openat", "mount", "clone", "bpf", "kill", "", "?"]),
    st.sampled_from([EPERM, EACCES]),
    st.text(max_size=20),
    st.lists(st.text(max_size=60) | st.sampled_from([DENIED, AVC]), max_size=3),
    st.sampled_from(["apparmor/docker-default", "apparmor/docker-profile-spaces", "selinux/docker-default"]),
)
def test_nothing_raises(name: str, code: int, path: str, lines: list[str], label: str) -> None:
    around = SELINUX if label.startswith("selinux") else DEBIAN
    found = claim(call(name, code, path, *lines), label, around)
    assert found is None or translate(found.what).endswith(".")
