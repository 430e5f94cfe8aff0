"""Which of the kernel's questions for a capability are a program's use of it, and which are only asked.

Every check comes with the functions that led to it, innermost first. By them, and not by credentials: overlayfs works
with the credentials of whoever mounted it, in the middle of a program's call, and their address is used again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, TypeVar

from stratascope.linux.capability import number_of

# security/commoncap.c, kernel/capability.c: how a check is asked for, not by whom
_ASKING_NAMES = """
__netlink_ns_capable
bpf_capable bpf_ns_capable cap_capable cap_capable_helper capable capable_noaudit capable_wrt_inode_uidgid
checkpoint_restore_ns_capable file_ns_capable has_capability has_capability_noaudit has_ns_capability
has_ns_capability_noaudit netlink_capable netlink_net_capable netlink_ns_capable ns_capable ns_capable_common
ns_capable_noaudit ns_capable_setid perfmon_capable privileged_wrt_inode_uidgid security_capable sk_capable
sk_net_capable sk_ns_capable
"""
_ASKING = frozenset(_ASKING_NAMES.split())
_ONLY_ASKED = frozenset(("has_capability_noaudit", "has_ns_capability_noaudit", "ns_capable_noaudit"))
# Of these the task's own right decides, also below overlayfs (fs/overlayfs checks the caller before it changes over)
_OF_THE_TASK = frozenset(("generic_permission", "inode_owner_or_capable", "setattr_prepare"))
# Whoever has CAP_SYS_ADMIN may take the last 3 % of memory: the last of these asks (security/commoncap.c), called by
# the first through the second (mm/util.c). Compilers leave out one or the other.
_MEMORY_RESERVE = frozenset(("__vm_enough_memory", "security_vm_enough_memory_mm", "cap_vm_enough_memory"))


# What the kernel goes on to ask for where the first is not held, and is content with: generic_permission of fs/namei.c,
# perfmon_capable and its like of include/linux/capability.h, copy_process, sk_setsockopt
_ADMIN = number_of("CAP_SYS_ADMIN")
_INSTEAD = {
    number_of("CAP_DAC_READ_SEARCH"): (number_of("CAP_DAC_OVERRIDE"),),
    number_of("CAP_NET_RAW"): (number_of("CAP_NET_ADMIN"),),
    **dict.fromkeys(
        map(number_of, ("CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE", "CAP_SYSLOG", "CAP_SYS_RESOURCE")),
        (_ADMIN,),
    ),
}


# What takes requests over netlink, and refuses one where the right is lacking (net/core/rtnetlink.c, net/netlink,
# net/netfilter/nfnetlink.c, net/xfrm/xfrm_user.c, kernel/audit.c). What asks deeper inside only tells less
_REQUESTS = frozenset(
    (
        *("audit_netlink_ok", "audit_receive", "audit_receive_msg", "genl_family_rcv_msg", "genl_rcv_msg"),
        *("nfnetlink_rcv", "nfnetlink_rcv_msg", "rtnetlink_rcv_msg", "xfrm_user_rcv_msg"),
    )
)


class Answered(Protocol):
    """A check: its answer, 0 or −errno, and the kernel's functions that led to it, innermost first."""

    @property
    def answer(self) -> int: ...
    @property
    def frames(self) -> tuple[str, ...]: ...


class OfCapability(Answered, Protocol):
    """The same, and what was asked for."""

    @property
    def capability(self) -> int: ...


Of = TypeVar("Of", bound=OfCapability)


def is_use(check: Answered) -> bool:
    """Whether a check that was answered with yes is a use: without the capability something would have failed."""
    return check.answer == 0 and not _is_aside(check.frames)


def is_refusal(check: Answered) -> bool:
    """Whether a check that was answered with no refused something."""
    return check.answer < 0 and not _is_aside(check.frames) and not any(name in _ONLY_ASKED for name in check.frames)


def decisive(checks: Iterable[Of]) -> tuple[Of, ...]:
    """Of the checks of one call those that refused something. Not one where another right would do, which was asked for
    in its place and held: whatever the call was refused for then, it was not that.
    """
    known = tuple(checks)
    granted = {(each.capability, _callers(each)) for each in known if each.answer == 0}
    return tuple(
        each
        for each in known
        if is_refusal(each)
        and not any((right, _callers(each)) in granted for right in _INSTEAD.get(each.capability, ()))
    )


def _callers(check: Answered) -> tuple[str, ...]:
    names = (name.partition(".")[0] for name in check.frames)
    return tuple(name for name in names if name not in _ASKING)


def is_refused_request(check: Answered) -> bool:
    """Whether a request over netlink was refused so: its call goes on, and gets the errno as the answer."""
    if not is_refusal(check):
        return False
    callers = (name.partition(".")[0] for name in check.frames)
    return next((name for name in callers if name not in _ASKING), "") in _REQUESTS


def _is_aside(frames: tuple[str, ...]) -> bool:
    names = [name.partition(".")[0] for name in frames]  # `generic_permission.part.0`
    if not _MEMORY_RESERVE.isdisjoint(names):
        return True
    callers = [name for name in names if name not in _ASKING]
    if not any(name.startswith("ovl_") for name in callers):
        return False
    # what the overlay asks of the layer below it goes the same way, and then something lies between
    return not (callers[0] in _OF_THE_TASK and callers[1].startswith("ovl_"))
