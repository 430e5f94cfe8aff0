"""What a route needs to succeed: the vocabulary of the threat catalogue, on which layers rule.

A need is one thing that the kernel checks. The layers that it concerns rule on it (`Layer.stance`), or the
ground does. Alternatives that differ for one layer only (unshare or clone) are one need; alternatives that differ for
several are separate routes. Decided against functions: as data, needs can be listed, checked for completeness against
the 41 capabilities and the calls of the engines' filters, and judged once for many containers.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.value import Value


class Where(StrEnum):
    """The user namespace that a capability is checked against; user_namespaces(7)."""

    INITIAL = "initial"  # capable(): the initial user namespace
    OWN = "own"  # ns_capable(current_user_ns()), or a file of a mapped id
    MNT_OWNER = "owner of the mount namespace"
    NET_OWNER = "owner of the network namespace"
    UTS_OWNER = "owner of the UTS namespace"
    IPC_OWNER = "owner of the IPC namespace"
    PID_OWNER = "owner of the PID namespace"
    CGROUP_OWNER = "owner of the cgroup namespace"

    @property
    def kind(self) -> str:
        """The kind of namespace (`mnt`) whose owning user namespace is meant; empty for the initial and the own one."""
        return self.name.removesuffix("_OWNER").lower() if self.name.endswith("_OWNER") else ""


class Access(StrEnum):
    READ = "read"
    WRITE = "write"


class Resource(StrEnum):
    """What can be exhausted."""

    PROCESSES = "processes"
    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"
    LOG = "log"  # disk used by the engine's log of the output
    LOCKED_MEMORY = "locked memory"
    PRIORITY = "priority"
    DISK_RATE = "disk rate"  # how much is read and written per second
    CRASHES = "crashes"  # a core file limit (ulimit -c) that lets the kernel run the host's crash handler


class GroupUse(StrEnum):
    """What the files of a cgroup hierarchy can be used for."""

    LIMIT = "limit"  # lift the limit of one's own group
    LEAVE = "leave"  # move to the root group, which has no device rules
    AGENT = "agent"  # set the program that the kernel runs when a group becomes empty; version 1


class Setting(Value):
    """A setting of the host's kernel (sysctl, dotted name) with one of `values`.

    `absent`: whether a kernel without this setting counts as a match.
    """

    name: str
    values: tuple[str, ...]
    absent: bool = False


class Call(Value):
    """A system call by its name in syscalls(2), with the arguments that matter: (index from 0, value).

    `free`: bits of these arguments that the attacker may also set, as the call does what is wanted all the same:
    (index, mask).
    """

    name: str
    args: tuple[tuple[int, int], ...] = ()
    free: tuple[tuple[int, int], ...] = ()


class Calls(Value):
    """Any one of these calls, by any entry point (x86_64, i386, x32). Answered by seccomp."""

    ways: tuple[Call, ...]


class Capability(Value):
    """Any one of these capabilities, effective, in that user namespace; required only if `only_if` holds.

    `older`: another one that was sufficient before that kernel release.
    """

    any_of: tuple[str, ...]
    where: Where
    only_if: Setting | None = None
    older: tuple[str, tuple[int, int]] | None = None


class LowPort(Value):
    """Bind a port below 1024: NET_BIND_SERVICE in the network namespace's owner, or a setting of that namespace."""


class Shares(Value):
    """Be in the host's own namespace of this kind (`pid`, `net`, `ipc` …)."""

    kind: str


class NamespaceHandle(Value):
    """A visible file that stands for the host's own namespace of this kind (nsfs), as setns(2) takes it.

    `net`, `ipc`, `uts` and `cgroup`. The others help nobody: one of a mount namespace can't be bound into a younger one
    (mnt_ns_loop, fs/namespace.c), and a PID or user namespace above one's own can't be joined (pidns_install,
    userns_install).
    """

    kind: str


class KernelFile(Value):
    """A file of proc or sysfs that is opened by its mode: owned by root, in the host's numbering.

    `fresh`: in a file system newly mounted by the attacker, so masks and read-only mounts don't apply.
    `remounted`: its read-only bind mount was made writable or removed; masks elsewhere don't matter.
    `copied`: in a copy of the mount below, which comes without what is mounted on it (open_tree(2) and MS_BIND, unless
    AT_RECURSIVE or MS_REC asks for that, too).
    `by_uid`: below /proc/sys, where only the uid counts and no capability helps (proc_sys_permission).
    `anyone`: its mode admits everyone. `bound`: through a bind mount elsewhere, where a policy that goes by paths does
    not know it. The path `/proc/sys` stands for any setting there that is the whole machine's.
    """

    path: str
    access: Access
    fresh: bool = False
    remounted: bool = False
    by_uid: bool = False
    anyone: bool = False
    bound: bool = False
    copied: bool = False


class PinnedObject(Value):
    """A visible file of the host's bpffs, which belongs to its root. bpf(2) finds it by its path and asks for its mode,
    but opens nothing: a read-only mount and rules on opening files do not matter (bpf_obj_do_get, kernel/bpf/inode.c).
    """


class HostTerminal(Value):
    """A terminal of the host is held open. `controlling`: it is its own controlling one, whose session it is still in
    (credentials(7)); of any other the kernel asks more (tiocsti, drivers/tty/tty_io.c).
    """

    controlling: bool = False


class HostRoot(Value):
    """Be uid 0 in the host's numbering, now. `capable`: with capabilities, or a way to regain them."""

    capable: bool = False


class EngineUser(Value):
    """Have, on the host, the uid of the person who runs the engine."""


class SameUser(Value):
    """Have, on the host, the uid of an ordinary user who runs programs there."""


class SignalRoot(Value):
    """May signal a process of the host's root: the same uid, or KILL in the initial namespace."""


class InspectContainer(Value):
    """Pass ptrace's access check for another container's process: with its ids, and no fewer capabilities.

    `neighbours`: of a container in the same PID namespace, whose ids and capabilities are known. `traced`: by
    SYS_PTRACE instead, in its user namespace.
    """

    neighbours: bool = False
    traced: bool = False


class InspectHost(Value):
    """Pass ptrace's access check for a process of the host's root: SYS_PTRACE in the initial user namespace."""


class HostProcesses(Value):
    """The host's processes are visible: in the own PID namespace, or in a bind mount of the host's proc.

    PID namespaces play no part in who may look into a process: __ptrace_may_access, kernel/ptrace.c. `shown`: by a proc
    that nothing covers; else a PID is enough, which needs none.
    """

    shown: bool = False


class ProcessesInSight(Value):
    """Processes of other containers are visible, in the same two ways.

    `neighbours`: only of containers that share its PID namespace, where that is not the host's.
    """

    neighbours: bool = False


class StrongProcess(Value):
    """A visible, writable process that is as strong as the host's root: one of root's, or a privileged container's."""


class Node(Value):
    """A visible device node. `kind` is memory, disk, log or one of `collector.devices.KINDS`; `made`: by an earlier
    step of the route; `access` r or w, which its permissions have to allow.
    """

    kind: str
    made: bool = False
    access: str = "r"


class Device(Value):
    """Allowed by the device cgroup. `kind` c or b, `major`, `minor` (None: any host disk), access of r, w, m.

    `opened`: after the attacker changed the rules, where they are a file (cgroup v1).
    """

    kind: str
    major: int | None
    minor: int | None
    access: str
    opened: bool = False


class DeviceKind(Value):
    """Some character device of that kind (one of `collector.devices.KINDS`) is allowed by the device cgroup, to be read
    (`access` r) or written (w).
    """

    kind: str
    access: str = "r"


class Room(Value):
    """Enough of a resource to hurt others: no limit below that.

    `lifted`: after the attacker lifted the limit of its own group.
    """

    resource: Resource
    lifted: bool = False


class GroupFile(Value):
    """A writable file of a cgroup hierarchy, owned by the host's root.

    `controller` names the hierarchy (empty: any). `fresh`: in one mounted by the attacker.
    """

    controller: str
    use: GroupUse
    fresh: bool = False


class RootWritable(Value):
    """Create a file in the container's root directory."""


class EngineSocket(Value):
    """A visible socket of an engine or runtime, with permission to connect."""


class OpenFiles(Value):
    """An access-control policy allows opening some ordinary file of the container."""


class AbstractSocket(Value):
    """An access-control policy allows connecting to an abstract socket of a process outside."""


class Bus(StrEnum):
    """Sockets by which the host's own programs take orders; whom each obeys."""

    SYSTEM = "system"  # the system's D-Bus: services of root, which ask polkit unless the caller is uid 0
    SYSTEMD = "systemd"  # systemd's private socket: uid 0 alone (bus_check_peercred, src/core/dbus.c)
    USER = "user"  # the bus of a user's session: that user alone
    USER_SYSTEMD = "user systemd"  # of a user's systemd: that user, and uid 0


class BusSocket(Value):
    """A visible socket of that kind, whose owner obeys this process."""

    bus: Bus


class SharedMount(Value):
    """A mount whose changes reach the host: mounts made below it appear there (mount_namespaces(7), shared).

    `system`: the host runs what lies there as root.
    """

    system: bool = False


class RouteOut(Value):
    """The routes of its network namespace lead to the host (`host`), or beyond it."""

    host: bool = False


class HostFiles(Value):
    """A visible, writable path of the host. `set_uid`: a set-uid file of the host's root can be placed there.

    `system`: owned by root, and whoever writes there makes the host run a program as root. `users`: likewise, as the
    ordinary user who owns it. `made`: by creating the file, as its future owner; else by changing owner and mode.
    """

    set_uid: bool = False
    system: bool = False
    users: bool = False
    made: bool = False


class HostFileSystem(Value):
    """Any file of a visible file system of the host (for open_by_handle_at, quotactl).

    `writable`: through a mount that is not read-only, as quotactl_fd(2) requires (mnt_want_write).
    """

    writable: bool = False


class SharedIds(Value):
    """The same user namespace as the host's processes: keys and quotas are accounted by the ids in it."""


class OtherIds(Value):
    """More than one id is mapped. `group`: setgroups(2) is allowed, too."""

    group: bool = False


class SetUidExec(Value):
    """exec of a set-uid file in the root file system changes the uid: no_new_privs off, no nosuid."""


class RegainByExec(Value):
    """exec can gain capabilities that are not held now: bounding above permitted, no_new_privs off."""


class NewUserNamespace(Value):
    """The host's settings allow creating a user namespace (user.max_user_namespaces …), and its own ids are mapped."""


class RootInside(Value):
    """Uid 0 exists in the process's own user namespace."""


class Unlocked(Value):
    """What is mounted may be taken away or made writable: it came from no more privileged mount namespace.

    mount_namespaces(7), "Restrictions on mount namespaces".
    """


class LeaveNewUserNamespace(Value):
    """An access-control policy allows using capabilities in a newly created user namespace."""


class Mounting(Value):
    """An access-control policy allows a mount operation.

    `mount`, `bind`, `remount`, `umount`, `pivot_root`; with the newer calls `new-api` (fsopen, fsconfig, fsmount,
    fspick), `setattr` (mount_setattr), `move` (move_mount) and `open-tree`, which a policy mediates differently or not
    at all.
    """

    operation: str


class Tracing(Value):
    """An access-control policy allows tracing or reading a process: `own` (a child), `container`, `host`.

    `look`: only inspecting a child, as kcmp(2) does (PTRACE_MODE_READ). `see`: reading what /proc shows of the host's.
    """

    peer: str


class Feature(Value):
    """Something that this kernel must have: a name of `core.ground.FEATURES`. Answered by the ground."""

    name: str


class KernelSince(Value):
    """A kernel of that release or newer. Answered by the ground."""

    release: tuple[int, int]


class Allowed(Value):
    """A host setting that would forbid it to everyone. Answered by the ground. `why` is the setting's effect."""

    forbidden_by: Setting


class CrashHandler(Value):
    """The host's kernel hands every crash to a program of the host (core(5)). Answered by the ground."""


class ActiveModule(Value):
    """One of these security modules is active in the kernel. Answered by the ground."""

    any_of: tuple[str, ...]


class NotLockedDown(Value):
    """Kernel lockdown is below that level (`integrity`, `confidentiality`); kernel_lockdown(7). Answered by
    the ground.
    """

    level: str


Need = (
    Calls
    | Capability
    | LowPort
    | Shares
    | NamespaceHandle
    | KernelFile
    | PinnedObject
    | HostTerminal
    | HostRoot
    | EngineUser
    | SameUser
    | SignalRoot
    | InspectContainer
    | InspectHost
    | HostProcesses
    | ProcessesInSight
    | StrongProcess
    | Node
    | Device
    | DeviceKind
    | Room
    | GroupFile
    | RootWritable
    | EngineSocket
    | AbstractSocket
    | OpenFiles
    | BusSocket
    | SharedMount
    | RouteOut
    | HostFiles
    | HostFileSystem
    | SharedIds
    | OtherIds
    | SetUidExec
    | RegainByExec
    | NewUserNamespace
    | RootInside
    | Unlocked
    | LeaveNewUserNamespace
    | Mounting
    | Tracing
    | Feature
    | KernelSince
    | Allowed
    | CrashHandler
    | ActiveModule
    | NotLockedDown
)
