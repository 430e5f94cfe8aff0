"""Which checks are a use: by call chains as kernel 6.18 gave them."""

from __future__ import annotations

import pytest

from stratascope.core.observation.events import Check
from stratascope.core.observation.fold import decisive, is_refusal, is_use
from stratascope.linux.capability import number_of
from stratascope.value import replace


def check(answer: int, *frames: str) -> Check:
    """Of chown(2) by process 7."""
    return Check(1.0, 7, 0, answer, True, "x86_64", 92, frames, 1)


_ASK = ("cap_capable", "security_capable", "ns_capable_common")

USES = [
    ("setuid(2)", (*_ASK, "ns_capable_setid", "__sys_setuid", "do_syscall_64")),
    ("chown(2)", (*_ASK, "capable_wrt_inode_uidgid", "setattr_prepare", "ovl_setattr", "notify_change", "do_fchownat")),
    ("a file of others", (*_ASK, "capable_wrt_inode_uidgid", "generic_permission", "ovl_permission", "may_open")),
    ("renamed by the compiler", (*_ASK, "capable_wrt_inode_uidgid", "generic_permission.part.0", "ovl_permission")),
    ("no frames", ()),
]
ASIDE = [
    ("memory reserve", (*_ASK, "__vm_enough_memory", "mmap_region", "do_mmap")),
    ("overlayfs as its mounter", (*_ASK, "ns_capable", "vfs_removexattr", "ovl_do_removexattr", "ovl_rename")),
    (
        "overlayfs asks its layer for the right to read",
        (*_ASK, "capable_wrt_inode_uidgid", "generic_permission", "inode_permission", "ovl_permission", "may_open"),
    ),
    (
        "overlayfs gives a copy its owner",
        (*_ASK, "capable_wrt_inode_uidgid", "setattr_prepare", "ext4_setattr", "notify_change", "ovl_set_attr.part.0"),
    ),
    ("overlayfs on the upper layer", (*_ASK, "capable_wrt_inode_uidgid", "may_delete", "ovl_do_unlink", "vfs_unlink")),
]


@pytest.mark.parametrize(("what", "frames"), USES, ids=lambda each: each if isinstance(each, str) else "")
def test_uses(what: str, frames: tuple[str, ...]) -> None:
    """Granted, a use; not granted, a refusal."""
    assert is_use(check(0, *frames))
    assert not is_refusal(check(0, *frames))
    assert is_refusal(check(-1, *frames))
    assert not is_use(check(-1, *frames))


@pytest.mark.parametrize(("what", "frames"), ASIDE, ids=lambda each: each if isinstance(each, str) else "")
def test_nobody_s_use(what: str, frames: tuple[str, ...]) -> None:
    """The kernel's own business, whatever it was answered."""
    assert not is_use(check(0, *frames))
    assert not is_refusal(check(-1, *frames))


def test_only_asked() -> None:
    """Where the kernel asks without minding, no refuses nothing; yes may be of use all the same."""
    frames = ("cap_capable", "security_capable", "ns_capable_common", "ns_capable_noaudit", "__ptrace_may_access")
    assert not is_refusal(check(-1, *frames))
    assert is_use(check(0, *frames))


def asked(name: str, answer: int, *frames: str) -> Check:
    return replace(check(answer, *_ASK, *frames), capability=number_of(name))


def test_what_another_right_made_up_for_refused_nothing() -> None:
    """As root of Docker has DAC_OVERRIDE, and is asked for DAC_READ_SEARCH before."""
    by = ("capable_wrt_inode_uidgid", "generic_permission", "ovl_permission", "inode_permission", "may_open")
    search, override = asked("CAP_DAC_READ_SEARCH", -1, *by), asked("CAP_DAC_OVERRIDE", 0, *by)
    assert decisive((search, override)) == ()
    assert decisive((search, replace(override, answer=-1))) == (search, replace(override, answer=-1))
    elsewhere = asked("CAP_DAC_OVERRIDE", 0, "capable_wrt_inode_uidgid", "generic_permission", "link_path_walk")
    assert decisive((search, elsewhere)) == (search,)
    assert decisive((asked("CAP_PERFMON", -1, "perf_event_open"), asked("CAP_SYS_ADMIN", 0, "perf_event_open"))) == ()


def test_a_right_of_its_own_is_not_made_up_for() -> None:
    owner, chown = asked("CAP_FOWNER", -1, "setattr_prepare"), asked("CAP_CHOWN", 0, "setattr_prepare")
    assert decisive((owner, chown)) == (owner,)
