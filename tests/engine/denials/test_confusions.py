"""The ten confusions that fill the trackers of engines: each is explained in the guide, and really happens in a case.

What this machine can't show (AppArmor, SELinux, rootless) runs inside the virtual machines (`tests/machine/vm`); what
none of them has (Ubuntu's rule, Yama) is held against the kernel's own words.
"""

from __future__ import annotations

import errno
import re

import pytest

from engine.denials.case import PODMAN
from engine.denials.cases.all import ALL
from engine.denials.cases.machines import APPARMOR, OF_ROOTLESS, SELINUX
from engine.denials.staged import Engine, told
from engine.denials.verdict import Verdict
from rig.collector.asking import needs_root
from rig.core.refusals.moments import around, call, check
from rig.recorded import container, surroundings
from stratascope.core.refusals.refusal import KERNEL, Attempt
from stratascope.core.snapshot import ContainerState
from stratascope.i18n.translate import translate
from stratascope.resources import read_text
from stratascope.usecases.refusals.explain import claim_of

CASES = {
    "new-libc": ("filter-clone3-eperm", "filter-faccessat2-eperm"),
    "io-uring": ("seccomp-io-uring",),
    "mount": ("armor-mount",),
    "file-capabilities": ("file-capability-dropped",),
    "su-exec": ("without-setuid", "without-setgroups", "without-chown"),
    "podman-volumes": ("file-volume", "map-volume", "rootless-volume", "label-volume-read"),
    "ptrace": ("lacks-sys-ptrace",),
    "low-ports": ("low-port-user", "low-port-root", "rootless-low-port"),
}
HERE = [each for each in CASES if any(case.id in CASES[each] for case in ALL)]
NAMES = {"seccomp": "Seccomp", "capabilities": "Capabilities", "usermap": "User namespace",
         "files": "Owner and mode of files", "mac": "Access control", KERNEL: "This kernel"}  # fmt: skip
_RESTRICT = "kernel.apparmor_restrict_unprivileged_userns"
_YAMA = "kernel.yama.ptrace_scope"
_UBUNTU = (
    'apparmor="DENIED" operation="capable" profile="unprivileged_userns" pid=7 comm="bwrap" capability=21'
    '  capname="sys_admin"'
)
_HELD = [21, 0, False, ["cap_capable", "security_capable", "ns_capable", "may_mount"]]  # AppArmor is asked after it
_CREATE = (
    'apparmor="DENIED" operation="userns_create" class="namespace" profile="docker-default" pid=7 comm="unshare"'
    ' requested="userns_create" denied="userns_create"'
)


def section(language: str, anchor: str) -> str:
    """Of the guide's chapter."""
    (rest,) = re.findall(rf'<a id="{anchor}"></a>\n(.*?)(?=<a id=|\Z)', chapter(language), re.DOTALL)
    return str(rest)


def chapter(language: str) -> str:
    return read_text(f"guide/{language}/14-mix-ups.md")


@pytest.mark.parametrize("anchor", [*CASES, "user-namespaces", "userns-create"])
def test_the_guide_has_it_in_both_languages(anchor: str) -> None:
    there = {case.id for case in (*ALL, *APPARMOR, *SELINUX, *OF_ROOTLESS)}
    assert set(CASES.get(anchor, ())) <= there
    for language in ("en", "ja"):
        assert len(section(language, anchor)) > 80


@pytest.mark.slow
@needs_root
@pytest.mark.parametrize(
    "anchor",
    # of a file it has to be seen before its process is gone
    [pytest.param(each, marks=pytest.mark.slow if each == "podman-volumes" else ()) for each in HERE],
)
def test_it_is_told_as_the_guide_says(engine: Engine, anchor: str) -> None:
    """The layer that the guide names in that section, on the engine, by the program as a user calls it."""
    cases = [case for case in ALL if case.id in CASES[anchor] and engine.kind in case.engines]
    assert cases or (anchor, engine.kind) == ("io-uring", PODMAN), "Podman's filter lets that through"
    for case in cases:
        found = Verdict(engine.kind, case, told(engine, case, remedy=False))
        assert found.right, (found.row(), found.told.lines)
        assert f"**{NAMES[found.told.lines[0]['layer']]}**" in section("en", anchor)


FOREIGN = [
    (
        "user-namespaces",
        call("mount", errno.EPERM, lines=(_UBUNTU,), said=around(1000, [_HELD])),
        (_RESTRICT, "1"),
        "mac",
        _RESTRICT,
    ),
    (
        "userns-create",
        call("unshare", errno.EACCES, 1 << 28, lines=(_CREATE,), said=around(1000)),
        (_RESTRICT, "0"),
        "mac",
        "userns_create",
    ),
    (
        "ptrace",
        call(
            "ptrace",
            errno.EPERM,
            16,
            9,
            said=around(0, [check("CAP_SYS_PTRACE", "ns_capable", "yama_ptrace_access_check")]),
        ),
        (_YAMA, "1"),
        KERNEL,
        f"{_YAMA} = 1",
    ),
]


@pytest.mark.parametrize(("anchor", "attempt", "setting", "layer", "words"), FOREIGN)
def test_on_other_machines(anchor: str, attempt: Attempt, setting: tuple[str, str], layer: str, words: str) -> None:
    ground = surroundings(lsms=("apparmor",), apparmor=True, sysctls=(setting,))
    claim = claim_of(attempt, ContainerState(container(), ()), ground)
    assert (claim.layer, claim.certain) == (layer, True), translate(claim.what)
    assert words in translate(claim.what)
    assert f"**{NAMES[layer]}**" in section("en", anchor)
