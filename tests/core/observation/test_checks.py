"""Which checks are a use: by call chains as kernel 6.18 gave them."""

from __future__ import annotations

import pytest

from stratascope.core.observation.checks import is_refusal, is_use
from stratascope.core.observation.events import Check


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
