"""Needs and constants that several threats share: flags of clone(2), address families, common routes.

Contains no threat. The numbers are from the kernel's user-space headers, and the same on every architecture.
"""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.threats.needs import (
    Access,
    Call,
    Calls,
    Capability,
    Device,
    DeviceKind,
    Feature,
    GroupFile,
    GroupUse,
    KernelFile,
    LeaveNewUserNamespace,
    Mounting,
    NamespaceHandle,
    Need,
    NewUserNamespace,
    Node,
    Resource,
    Room,
    Setting,
    Where,
)
from stratascope.core.threats.threat import Route, Step
from stratascope.value import replace

CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_RDS, AF_CAN, AF_TIPC = 1, 2, 10, 16, 17, 21, 29, 30
AF_ALG, AF_VSOCK, AF_KCM, AF_SMC, AF_XDP = 38, 40, 41, 43, 44
NETLINK_ROUTE, NETLINK_XFRM, NETLINK_AUDIT, NETLINK_NETFILTER = 0, 6, 9, 12
SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET = 2, 3, 5
IPPROTO_SCTP = 132
SYS_SOCKET = 1  # socketcall(2), include/uapi/linux/net.h

DROP_ADMIN = msg("Drop SYS_ADMIN, and keep the engine's default seccomp profile.")
DROP_ADMIN_ALONE = msg("Drop SYS_ADMIN. Docker's default seccomp profile stops this as well, Podman's does not.")

DIRECT = msg("direct")
MAY_MOUNT = Capability(("CAP_SYS_ADMIN",), Where.MNT_OWNER)
# mount_capable, fs/super.c: of proc, the owner of the PID namespace that it shows; of a cgroup tree, that of the
# cgroup namespace
MAY_MOUNT_PROC = Capability(("CAP_SYS_ADMIN",), Where.PID_OWNER)
MAY_MOUNT_GROUPS = Capability(("CAP_SYS_ADMIN",), Where.CGROUP_OWNER)


# do_mount, path_mount, fs/namespace.c: which of its works mount(2) does depends on these of its flags, in this order
_MS_RDONLY, _MS_REMOUNT, _MS_BIND, _MS_MOVE = 0x1, 0x20, 0x1000, 0x2000
_MS_PROPAGATION = 0x001E0000  # MS_UNBINDABLE, PRIVATE, SLAVE, SHARED
_MS_NOUSER, _MS_MAGIC = 0x80000000, 0xC0ED0000  # refused; ignored as a whole


def _mount(flags: int, unset: int) -> Calls:
    """mount(2) with these flags, without those of `unset`, and with any others."""
    free = 0xFFFFFFFF & ~(flags | unset | _MS_NOUSER)
    # no bit that belongs to the magic number is free beside it
    with_magic = Call("mount", ((3, _MS_MAGIC | flags),), ((3, free & 0xFFFF),))
    return Calls((Call("mount", ((3, flags),), ((3, free),)), with_magic))


_NOT_NEW = _MS_REMOUNT | _MS_BIND | _MS_PROPAGATION | _MS_MOVE
MOUNT_CALLS = _mount(0, _NOT_NEW)  # of a new file system
BIND_CALLS = _mount(_MS_BIND, _MS_REMOUNT)
MOVE_CALLS = _mount(_MS_MOVE, _MS_REMOUNT | _MS_BIND | _MS_PROPAGATION)
_MS_REC = 0x4000
_COPY_CALLS = _mount(_MS_BIND, _MS_REMOUNT | _MS_REC)
# of the file system, and with it of the mount; or of the mount alone
_WHOLE_REMOUNT_CALLS = _mount(_MS_REMOUNT, _MS_RDONLY | _MS_BIND)
REMOUNT_CALLS = Calls((*_mount(_MS_REMOUNT | _MS_BIND, _MS_RDONLY).ways, *_WHOLE_REMOUNT_CALLS.ways))


def calls(*names: str) -> Calls:
    """Any of these, whatever the arguments."""
    return Calls(tuple(Call(name) for name in names))


def initial(*names: str, only_if: Setting | None = None) -> Capability:
    """Any of these capabilities, in the initial user namespace."""
    return Capability(tuple(f"CAP_{name}" for name in names), Where.INITIAL, only_if)


def own(*names: str) -> Capability:
    """Any of these capabilities, in the process's own user namespace."""
    return Capability(tuple(f"CAP_{name}" for name in names), Where.OWN)


# kill_something_info and related functions in kernel/signal.c make the same check for all of them
SIGNAL_CALLS = calls("kill", "tkill", "tgkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_send_signal")


def direct(text: str, *needs: Need) -> Route:
    """A route of one step."""
    return Route(DIRECT, (Step(text, needs),))


# Bits that unshare(2) and clone(2) take besides those that are wanted. Not CLONE_FS for clone, which goes with neither
# CLONE_NEWUSER nor CLONE_NEWNS; the lowest bits are the signal at the child's end
_NAMESPACES = 0x7E020000
_WITH_UNSHARE = _NAMESPACES | 0x80 | 0x200 | 0x400 | 0x40000  # CLONE_NEWTIME, FS, FILES, SYSVSEM
_WITH_CLONE = _NAMESPACES | 0x3F | 0x400 | 0x2000 | 0x4000 | 0x00B00000 | 0x01000000 | 0x80000000
_WITH_SOCKET = 0o2004000  # SOCK_CLOEXEC, SOCK_NONBLOCK
SOCK_PACKET = 10  # with AF_INET the same as AF_PACKET: __sock_create, net/socket.c


def new_namespaces(*flags: int) -> tuple[Calls, ...]:
    """A namespace for each flag, in one call or one after the other.

    unshare and clone take the flags as an argument; clone3 takes them in memory, where a filter can't see them.
    """
    return tuple(
        Calls(
            (
                Call("unshare", ((0, flag),), ((0, _WITH_UNSHARE & ~flag),)),
                Call("clone", ((0, flag),), ((0, _WITH_CLONE & ~flag),)),
                Call("clone3"),
            )
        )
        for flag in flags
    )


def socket(family: int, kind: int | None = None, protocol: int | None = None) -> Calls:
    """socket(2); on i386 socketcall(2) takes the family in memory, where a filter can't see it."""
    ways = [(family, kind, protocol)]
    if family == AF_PACKET:
        ways += [(family, SOCK_DGRAM, protocol), (AF_INET, SOCK_PACKET, protocol)]
    return Calls((*(_socket(*way) for way in ways), Call("socketcall", ((0, SYS_SOCKET),))))


def connecting(*families: int) -> tuple[Calls, Calls]:
    """A socket of one of these families, and its connection."""
    return Calls(tuple([way for family in families for way in socket(family).ways])), calls("connect", "socketcall")


def _socket(family: int, kind: int | None, protocol: int | None) -> Call:
    given = enumerate((family, kind, protocol))
    args = tuple([(place, value) for place, value in given if value is not None])
    return Call("socket", args, () if kind is None else ((1, _WITH_SOCKET),))


# Anyone may create one, unless a Debian kernel forbids it
USER_NAMESPACE: tuple[Need, ...] = (
    NewUserNamespace(),
    initial("SYS_ADMIN", only_if=Setting("kernel.unprivileged_userns_clone", ("0",))),
)

# the first step of what needs network code as root of namespaces of its own
OWN_NETWORK = Step(
    "unshare(CLONE_NEWUSER | CLONE_NEWNET)",
    (
        *new_namespaces(CLONE_NEWUSER, CLONE_NEWNET),
        Feature("user_namespaces"),
        *USER_NAMESPACE,
        LeaveNewUserNamespace(),
    ),
)


MAKE_NODE: tuple[Need, ...] = (calls("mknod", "mknodat"), initial("MKNOD"))

_RULES = "/sys/fs/cgroup/devices/devices.allow"


def read_or_written(*routes: Route) -> tuple[Route, ...]:
    """Routes that open a device to read it, and the same to write it only: modes and device rules ask for each alone.

    devcgroup_inode_permission, include/linux/device_cgroup.h; most drivers take commands by either.
    """
    return (*routes, *map(_written, routes))


def _written(way: Route) -> Route:
    name = msg("for writing only") if way.name == DIRECT else msg("{way}, for writing only", way=way.name)
    return Route(name, tuple(map(_written_step, way.steps)))


def _written_step(step: Step) -> Step:
    needs = tuple(
        [
            replace(need, access="w") if isinstance(need, Node | Device | DeviceKind) and need.access == "r" else need
            for need in step.needs
        ]
    )
    return step if needs == step.needs else Step(step.text.replace('")', '", O_WRONLY)'), needs)


def unattached(kind: str, *more: Need) -> tuple[Step, ...]:
    """A new file system that is attached to no directory, which mount rules do not see."""
    return (
        Step(f'fsopen("{kind}")', (calls("fsopen"), MAY_MOUNT, *more, Mounting("new-api"), Feature("new_mount_api"))),
        Step("fsconfig(FSCONFIG_CMD_CREATE)", (calls("fsconfig"), Mounting("new-api"))),
        Step("fsmount()", (calls("fsmount"), MAY_MOUNT, Mounting("new-api"))),
    )


def devices_opened(node: str, numbers: str, device: Device, *more: Need) -> tuple[Route, ...]:
    """Open a device after lifting the container's own device rules, in a newly mounted v1 cgroup hierarchy.

    devcgroup_update_access, security/device_cgroup.c, requires SYS_ADMIN in the initial user namespace and nothing
    else.
    """
    write = Step('write("devices.allow", "a")', (KernelFile(_RULES, Access.WRITE, fresh=True), initial("SYS_ADMIN")))
    mounted = (
        Step('mount("cgroup", "devices")', (MOUNT_CALLS, MAY_MOUNT, MAY_MOUNT_GROUPS, Mounting("mount"))),
        write,
    )
    never = (*unattached("cgroup", MAY_MOUNT_GROUPS), write)
    opened = replace(device, opened=True)
    made = (
        Step(
            f'mknod("/dev/x", {numbers})',
            (*MAKE_NODE, replace(opened, access="m")),
        ),
        Step('open("/dev/x")', (Node(node, made=True), opened, *more)),
    )
    there = (Step('open("/dev/x")', (Node(node), opened, *more)),)
    left = Step('write("cgroup.procs", "0")', (GroupFile("devices", GroupUse.LEAVE),))
    return (
        Route(
            msg("a node made with mknod, after leaving its cgroup"),
            (
                left,
                Step(f'mknod("/dev/x", {numbers})', MAKE_NODE),
                Step('open("/dev/x")', (Node(node, made=True), *more)),
            ),
        ),
        Route(
            msg("an existing node, after leaving its cgroup"),
            (left, Step('open("/dev/x")', (Node(node), *more))),
        ),
        Route(msg("a node made with mknod, after opening its own device rules"), (*mounted, *made)),
        Route(msg("the same through a cgroup tree that is never attached"), (*never, *made)),
        Route(msg("an existing node, after opening its own device rules"), (*mounted, *there)),
        Route(msg("an existing node, through a cgroup tree that is never attached"), (*never, *there)),
    )


def past_limits(controller: str, resource: Resource, text: str, *more: Need) -> tuple[Route, ...]:
    """Use up a resource after lifting the container's own limit: in a visible cgroup hierarchy, or in a new one.

    The files belong to root and require no capability; cgroup_file_write, kernel/cgroup/cgroup.c.
    """
    lift = Step('write(own limit, "max")', (GroupFile(controller, GroupUse.LIMIT),))
    fresh = Step(lift.text, (GroupFile(controller, GroupUse.LIMIT, fresh=True),))
    # with any flags: a tree that is there read-only may be remounted as well
    mounted = Step('mount("cgroup")', (calls("mount"), MAY_MOUNT, MAY_MOUNT_GROUPS, Mounting("mount")))
    own = in_new_namespaces(mounted.text, calls("mount"), Mounting("mount"), flags=CLONE_NEWCGROUP).steps
    lifted = Step(text, (*more, Room(resource, lifted=True)))
    return (
        Route(msg("after lifting its own limit"), (lift, lifted)),
        Route(msg("after lifting its own limit in a newly mounted tree"), (mounted, fresh, lifted)),
        Route(
            msg("after lifting its own limit in a tree that is never attached"),
            (*unattached("cgroup", MAY_MOUNT_GROUPS), fresh, lifted),
        ),
        Route(msg("after lifting its own limit in new namespaces"), (*own, fresh, lifted)),
    )


UNATTACHED_PROC = unattached("proc", MAY_MOUNT_PROC)


def _bound(opening: str, file: KernelFile, *more: Need) -> Route:
    return Route(msg("through a bind mount elsewhere"), (Step(opening, (replace(file, bound=True), *more)),))


def entered(kind: str, text: str, *needs: Need) -> Route:
    """A route in the host's namespace of that kind, after joining it: netns_install and its like, setns(2)."""
    joining = f'setns(open("/handle"), "{kind}")'
    wanted = (NamespaceHandle(kind), calls("setns"), initial("SYS_ADMIN"))
    steps = (Step(joining, wanted), Step(text, needs)) if needs else (Step(f"{joining}, {text}", wanted),)
    return Route(msg("after joining the host's namespace by a file that stands for it"), steps)


def uncovering(cover: str) -> tuple[tuple[Message, Step], ...]:
    """The ways to take away what is mounted there."""
    unmounting = (calls("umount2", "umount"), MAY_MOUNT, Mounting("umount"))
    moving = (calls("move_mount"), MAY_MOUNT, Mounting("move"), Feature("new_mount_api"))
    by_mount = (MOVE_CALLS, MAY_MOUNT, Mounting("mount"))
    return (
        (msg("after unmounting what covers it"), Step(f'umount2("{cover}")', unmounting)),
        (msg("after moving away what covers it"), Step(f'move_mount("{cover}", "/elsewhere")', moving)),
        (msg("after moving away what covers it, with mount"), Step(f'mount("{cover}", MS_MOVE)', by_mount)),
    )


def _past_covering(opening: str, file: KernelFile, cover: str, *more: Need) -> tuple[Route, ...]:
    """The ways past what covers a kernel file at `cover`: it is taken away, no longer read-only, or left behind."""
    remounting = (REMOUNT_CALLS, MAY_MOUNT, Mounting("remount"))
    attributes = (calls("mount_setattr"), MAY_MOUNT, Mounting("setattr"), Feature("new_mount_api"))
    gone = list(uncovering(cover))
    if file.path.startswith("/proc/") and file.access is Access.WRITE:
        gone += [
            (msg("after remounting {path}", path=cover), Step(f'mount("{cover}", MS_REMOUNT | MS_BIND)', remounting)),
            (msg("after changing the flags of its mount"), Step(f'mount_setattr("{cover}")', attributes)),
        ]
    # __do_loopback, fs/namespace.c: without AT_RECURSIVE, MS_REC what is mounted below is not copied
    top = "/" + file.path.split("/")[1]
    cloning = (calls("open_tree", "open_tree_attr"), MAY_MOUNT, Mounting("open-tree"), Feature("new_mount_api"))
    binding = (_COPY_CALLS, MAY_MOUNT, Mounting("bind"))
    copied = (
        (msg("in a copy that nothing covers"), Step(f'open_tree("{top}", OPEN_TREE_CLONE)', cloning)),
        (msg("in a bind mount that nothing covers"), Step(f'mount("{top}", MS_BIND)', binding)),
    )
    bare = Step(opening, (replace(file, remounted=True), *more))
    inside = Step(opening, (replace(file, copied=True), *more))
    return tuple([Route(name, (step, last)) for ways, last in ((gone, bare), (copied, inside)) for name, step in ways])


def kernel_file(
    path: str, access: Access, cover: str = "", *more: Need, by_uid: bool = False, anyone: bool = False
) -> tuple[Route, ...]:
    """The routes to a file of proc: directly, past what covers it at `cover`, and in a newly mounted proc.

    `more`: further needs of the last step. `by_uid`, `anyone`: see `KernelFile`.
    """
    file = KernelFile(path, access, by_uid=by_uid, anyone=anyone)
    opening = f'open("{path}")'
    past = uncovered_file(path, access, cover, *more, by_uid=by_uid, anyone=anyone)
    return (direct(opening, file, *more), _bound(opening, file, *more), *past)


def uncovered_file(
    path: str, access: Access, cover: str = "", *more: Need, by_uid: bool = False, anyone: bool = False
) -> tuple[Route, ...]:
    """Those of `kernel_file` that do not mind whether something covers it."""
    file = KernelFile(path, access, by_uid=by_uid, anyone=anyone)
    opening = f'open("{path}")'
    fresh = Step(opening, (replace(file, fresh=True), *more))
    return (
        *_past_covering(opening, file, cover or path, *more),
        Route(
            msg("through a freshly mounted proc"),
            (Step('mount("proc")', (MOUNT_CALLS, MAY_MOUNT, MAY_MOUNT_PROC, Mounting("mount"))), fresh),
        ),
        Route(msg("through a proc that is never attached"), (*UNATTACHED_PROC, fresh)),
    )


IN_NEW_MOUNT = (DIRECT, msg("in a new mount of it"), msg("in a mount of it that is never attached"))


def mounted_file(
    kind: str, path: str, access: Access, *more: Need, names: tuple[Message, Message, Message] = IN_NEW_MOUNT
) -> tuple[Route, Route, Route]:
    """The routes to a file of a kernel file system that exists once for the whole machine, as tracefs does.

    `path` is its usual one, `names` are the routes': through a mount that is there, a new one, one without a place.
    Mounting such a file system takes SYS_ADMIN in the initial user namespace: mount_capable,
    fs/super.c, without FS_USERNS_MOUNT.
    """
    file = KernelFile(path, access)
    opening = f'open("{path}")'
    fresh = Step(opening, (replace(file, fresh=True), *more))
    first, *others = unattached(kind)
    return (
        Route(names[0], (Step(opening, (file, *more)),)),
        Route(
            names[1],
            (
                Step(
                    f'mount("{kind}")',
                    (MOUNT_CALLS, MAY_MOUNT, initial("SYS_ADMIN"), Mounting("mount"), Feature(kind)),
                ),
                fresh,
            ),
        ),
        Route(
            names[2],
            (Step(first.text, (*first.needs, initial("SYS_ADMIN"), Feature(kind))), *others, fresh),
        ),
    )


# sysfs shows the devices of a network namespace, so its owner is checked too: kobj_ns_current_may_mount
_MAY_MOUNT_SYSFS = Capability(("CAP_SYS_ADMIN",), Where.NET_OWNER)


def sysfs_file(path: str, access: Access, cover: str = "", *more: Need, anyone: bool = False) -> tuple[Route, ...]:
    """The routes to a file of sysfs. A new mount is the same file system, and read-only if that is.

    So for writing, the superblock is made writable, which takes more than a mount flag.
    """
    file = KernelFile(path, access, anyone=anyone)
    opening = f'open("{path}")'
    fresh = Step(opening, (replace(file, fresh=True), *more))
    mounted = [Step('mount("sysfs")', (MOUNT_CALLS, MAY_MOUNT, _MAY_MOUNT_SYSFS, Mounting("mount")))]
    first, *others = unattached("sysfs")
    never = [Step(first.text, (*first.needs, _MAY_MOUNT_SYSFS)), *others]
    found = [direct(opening, file, *more), _bound(opening, file, *more)]
    if access is Access.WRITE:
        bare = Step(opening, (replace(file, remounted=True), *more))
        remounting = (_WHOLE_REMOUNT_CALLS, MAY_MOUNT, _MAY_MOUNT_SYSFS, Mounting("remount"))
        found.append(
            Route(msg("after remounting {path}", path="/sys"), (Step('mount("/sys", MS_REMOUNT)', remounting), bare))
        )
        mounted.append(Step('mount("sysfs", MS_REMOUNT)', (_WHOLE_REMOUNT_CALLS, MAY_MOUNT, Mounting("remount"))))
        never.append(Step("fspick(), fsconfig(FSCONFIG_CMD_RECONFIGURE)", (calls("fspick"), MAY_MOUNT)))
    else:
        found += _past_covering(opening, file, cover or path, *more)
    return (
        *found,
        Route(msg("through a freshly mounted sysfs"), (*mounted, fresh)),
        Route(msg("through a sysfs that is never attached"), (*never, fresh)),
    )


def in_new_namespaces(text: str, *needs: Need, flags: int = 0) -> Route:
    """A route with all capabilities, as the creator of a user namespace holds in it. `flags`: additional namespaces."""
    further = (flags,) if flags else ()
    made = Step(
        "unshare(CLONE_NEWUSER | CLONE_NEWNS)"
        if not flags
        else "unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWCGROUP)",
        (
            *new_namespaces(CLONE_NEWUSER, CLONE_NEWNS, *further),
            Feature("user_namespaces"),
            *USER_NAMESPACE,
            LeaveNewUserNamespace(),
        ),
    )
    return Route(msg("in new namespaces"), (made, Step(text, needs)) if needs else (made,))
