"""Needs and constants that several threats share: flags of clone(2), families of sockets, the ways to do one thing.

No threat stands here. Numbers are those of the kernel's user-space headers and the same on every architecture.
"""

from __future__ import annotations

from dataclasses import replace

from stratascope.core.message import msg
from stratascope.core.steps import (
    Access,
    Call,
    Calls,
    Capability,
    Device,
    Feature,
    KernelFile,
    Mounting,
    Need,
    NewUserNamespace,
    Node,
    Setting,
    Where,
)
from stratascope.core.threat import Route, Step

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
AF_INET, AF_NETLINK, AF_PACKET, AF_VSOCK = 2, 16, 17, 40
NETLINK_ROUTE, NETLINK_AUDIT = 0, 9
SOCK_RAW = 3
SYS_SOCKET = 1  # socketcall(2), include/uapi/linux/net.h

DIRECT = msg("direct")
MAY_MOUNT = Capability(("CAP_SYS_ADMIN",), Where.MNT_OWNER)
MOUNT_CALLS = Calls((Call("mount"),))


def calls(*names: str) -> Calls:
    """Any of these, whatever their arguments."""
    return Calls(tuple(Call(name) for name in names))


def initial(*names: str, only_if: Setting | None = None) -> Capability:
    """Any of these capabilities, against the whole machine."""
    return Capability(tuple(f"CAP_{name}" for name in names), Where.INITIAL, only_if)


def own(*names: str) -> Capability:
    """Any of these capabilities, in the process's own user namespace."""
    return Capability(tuple(f"CAP_{name}" for name in names), Where.OWN)


# kill_something_info and its kin in kernel/signal.c ask the same of all of them
SIGNAL_CALLS = calls("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")


def direct(text: str, *needs: Need) -> Route:
    """A route of one step."""
    return Route(DIRECT, (Step(text, needs),))


def new_namespaces(flags: int) -> Calls:
    """unshare and clone take the flags as an argument; clone3 takes them in memory, where no filter sees them."""
    return Calls((Call("unshare", ((0, flags),)), Call("clone", ((0, flags),)), Call("clone3")))


def socket(family: int, kind: int | None = None, protocol: int | None = None) -> Calls:
    """socket(2); on i386 socketcall(2) takes the family in memory, where no filter sees it."""
    given = enumerate((family, kind, protocol))
    args = tuple([(place, value) for place, value in given if value is not None])
    return Calls((Call("socket", args), Call("socketcall", ((0, SYS_SOCKET),))))


# The kernel lets everyone create one, unless a Debian kernel was told otherwise
USER_NAMESPACE: tuple[Need, ...] = (
    NewUserNamespace(),
    initial("SYS_ADMIN", only_if=Setting("kernel.unprivileged_userns_clone", ("0",))),
)


_RULES = "/sys/fs/cgroup/devices/devices.allow"


def unattached(kind: str) -> tuple[Step, ...]:
    """A file system of one's own that appears in no directory, which rules about mounting do not see."""
    return (
        Step(f'fsopen("{kind}")', (calls("fsopen"), MAY_MOUNT, Mounting("new-api"), Feature("new_mount_api"))),
        Step("fsconfig(FSCONFIG_CMD_CREATE)", (calls("fsconfig"), Mounting("new-api"))),
        Step("fsmount()", (calls("fsmount"), MAY_MOUNT, Mounting("new-api"))),
    )


def devices_opened(node: str, numbers: str, device: Device, *more: Need) -> tuple[Route, ...]:
    """To open a device after opening the own rules for devices, in an old cgroup tree that is mounted anew.

    devcgroup_update_access, security/device_cgroup.c, asks for SYS_ADMIN of the whole machine and nothing else.
    """
    write = Step('write("devices.allow", "a")', (KernelFile(_RULES, Access.WRITE, fresh=True), initial("SYS_ADMIN")))
    mounted = (Step('mount("cgroup", "devices")', (MOUNT_CALLS, MAY_MOUNT, Mounting("mount"))), write)
    never = (*unattached("cgroup"), write)
    opened = replace(device, opened=True)
    made = (
        Step(
            f'mknod("/dev/x", {numbers})',
            (calls("mknod", "mknodat"), initial("MKNOD"), replace(opened, access="m")),
        ),
        Step('open("/dev/x")', (Node(node, made=True), opened, *more)),
    )
    there = (Step('open("/dev/x")', (Node(node), opened, *more)),)
    return (
        Route(msg("a node made with mknod, after opening its own rules"), (*mounted, *made)),
        Route(msg("the same by a cgroup tree that is never attached"), (*never, *made)),
        Route(msg("a node that is there, after opening its own rules"), (*mounted, *there)),
        Route(msg("a node that is there, by a cgroup tree that is never attached"), (*never, *there)),
    )


UNATTACHED_PROC = unattached("proc")


def kernel_file(path: str, access: Access) -> tuple[Route, ...]:
    """The ways to a file below /proc/sys: as it is, made writable again, and in a proc of the attacker's own."""
    opening = f'open("{path}")'
    return (
        direct(opening, KernelFile(path, access, by_uid=True)),
        Route(
            msg("after remounting /proc/sys"),
            (
                Step(
                    'mount("/proc/sys", MS_REMOUNT | MS_BIND)',
                    (MOUNT_CALLS, MAY_MOUNT, Mounting("remount")),
                ),
                Step(opening, (KernelFile(path, access, remounted=True, by_uid=True),)),
            ),
        ),
        Route(
            msg("after unmounting what covers it"),
            (
                Step('umount2("/proc/sys")', (calls("umount2", "umount"), MAY_MOUNT, Mounting("umount"))),
                Step(opening, (KernelFile(path, access, remounted=True, by_uid=True),)),
            ),
        ),
        Route(
            msg("after changing the flags of its mount"),
            (
                Step(
                    'mount_setattr("/proc/sys")',
                    (calls("mount_setattr"), MAY_MOUNT, Mounting("setattr"), Feature("new_mount_api")),
                ),
                Step(opening, (KernelFile(path, access, remounted=True, by_uid=True),)),
            ),
        ),
        Route(
            msg("through a freshly mounted proc"),
            (
                Step('mount("proc")', (MOUNT_CALLS, MAY_MOUNT, Mounting("mount"))),
                Step(opening, (KernelFile(path, access, fresh=True, by_uid=True),)),
            ),
        ),
        Route(
            msg("through a proc that is never attached"),
            (*UNATTACHED_PROC, Step(opening, (KernelFile(path, access, fresh=True, by_uid=True),))),
        ),
    )
