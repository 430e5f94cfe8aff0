"""What a route needs to succeed: the vocabulary in which threats are written, and which layers answer it.

A need is one thing that the kernel checks. Each is answered by the layers whose job it is (`Layer.stance`) or by the
ground. Alternatives that differ for one layer only (unshare or clone) stand in one need; alternatives that differ
for several are routes of their own. Decided against functions: needs are data, so that they can be listed, counted
against the 41 capabilities and the calls of the engines' filters, and judged once for many containers.
"""

from __future__ import annotations

from enum import StrEnum

from stratascope.value import Value


class Where(StrEnum):
    """In which user namespace a capability is asked for; user_namespaces(7)."""

    INITIAL = "initial"  # capable(): the machine's first one
    OWN = "own"  # ns_capable(current_user_ns()), or a file of a mapped id
    MNT_OWNER = "owner of the mount namespace"
    NET_OWNER = "owner of the network namespace"
    UTS_OWNER = "owner of the UTS namespace"
    IPC_OWNER = "owner of the IPC namespace"
    PID_OWNER = "owner of the PID namespace"


class Access(StrEnum):
    READ = "read"
    WRITE = "write"


class Resource(StrEnum):
    """What can be used up."""

    PROCESSES = "processes"
    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"
    LOG = "log"  # what the engine keeps of all that is printed
    LOCKED_MEMORY = "locked memory"
    PRIORITY = "priority"


class GroupUse(StrEnum):
    """What may be done with the files of a tree of control groups."""

    LIMIT = "limit"  # lift the limit of one's own group
    LEAVE = "leave"  # move to the topmost group, where no rules for devices are
    AGENT = "agent"  # name the program that the kernel runs when a group gets empty; version 1


class Setting(Value):
    """A setting of the host's kernel (sysctl, dotted name) with one of `values`.

    `absent`: whether it also counts as such where this kernel has no such setting.
    """

    name: str
    values: tuple[str, ...]
    absent: bool = False


class Call(Value):
    """A system call by its name in syscalls(2), with those arguments that matter: (place from 0, value)."""

    name: str
    args: tuple[tuple[int, int], ...] = ()


class Calls(Value):
    """One of these calls, whichever is let through, by any entry point (x86_64, i386, x32). seccomp's."""

    ways: tuple[Call, ...]


class Capability(Value):
    """One of these capabilities, effective, in that user namespace; only asked for where `only_if` holds.

    `older`: another one that counted before that release of the kernel, too.
    """

    any_of: tuple[str, ...]
    where: Where
    only_if: Setting | None = None
    older: tuple[str, tuple[int, int]] | None = None


class LowPort(Value):
    """To bind a port below 1024: NET_BIND_SERVICE in the network namespace's owner, or that namespace allows it."""


class Shares(Value):
    """The host's own namespace of this kind (`pid`, `net`, `ipc` …)."""

    kind: str


class KernelFile(Value):
    """A file of proc or sysfs, opened with the rights of its mode: root's own, as the host counts root.

    `fresh`: in a file system that the attacker mounted anew, so masks and read-only mounts don't count.
    `remounted`: its read-only bind was made writable again or taken away; masks of other places don't matter.
    `by_uid`: below /proc/sys, where only the uid counts and no capability helps (proc_sys_permission).
    `anyone`: its mode lets everyone in.
    """

    path: str
    access: Access
    fresh: bool = False
    remounted: bool = False
    by_uid: bool = False
    anyone: bool = False


class HostRoot(Value):
    """To be uid 0 as the host counts, now. `capable`: with capabilities, or a way to regain them."""

    capable: bool = False


class EngineUser(Value):
    """To have, on the host, the uid of the person who runs the engine."""


class SameUser(Value):
    """To have, on the host, the uid of an ordinary user who runs programs there."""


class SignalRoot(Value):
    """To be allowed to signal a process of the host's root: the same uid, or KILL in the initial namespace."""


class InspectContainer(Value):
    """To be let into another container's process by ptrace's rules: its uid, and no less capable, or SYS_PTRACE.

    `neighbours`: of one with which it shares a PID namespace, so that it is known how capable that is.
    """

    neighbours: bool = False


class InspectHost(Value):
    """To be let into a process of the host's root by ptrace's rules: SYS_PTRACE in the initial user namespace."""


class HostProcesses(Value):
    """The host's processes in sight: in the own PID namespace, or in a proc of the host's that was bound in.

    Who may look into one does not depend on PID namespaces: __ptrace_may_access, kernel/ptrace.c.
    """


class ProcessesInSight(Value):
    """Processes of other containers in sight, by the same two ways.

    `neighbours`: of those containers alone with which it shares a PID namespace that is not the host's.
    """

    neighbours: bool = False


class StrongProcess(Value):
    """In sight, to be written to, a process as good as the host's root: one of that, or a privileged container's."""


class Node(Value):
    """A device node in sight. `kind` is memory, disk or log; `made`: by an earlier step of the route."""

    kind: str
    made: bool = False


class Device(Value):
    """The device cgroup's leave. `kind` c or b, `major`, `minor` (None: any host disk), access of r, w, m.

    `opened`: after the attacker wrote to the file of the rules, where there is one.
    """

    kind: str
    major: int | None
    minor: int | None
    access: str
    opened: bool = False


class Room(Value):
    """Enough of a resource to hurt others: no limit that stops it before.

    `lifted`: once the attacker has lifted the limit of its own group.
    """

    resource: Resource
    lifted: bool = False


class GroupFile(Value):
    """A writable file of a tree of control groups, of the host's root.

    `controller` names the tree (empty: any). `fresh`: in one that the attacker mounted.
    """

    controller: str
    use: GroupUse
    fresh: bool = False


class RootWritable(Value):
    """To create a file in the container's root directory."""


class EngineSocket(Value):
    """A socket of an engine or runtime in sight, and leave to connect to it."""


class HostFiles(Value):
    """A writable path of the host in sight. `set_uid`: where a set-uid file of the host's root can be planted.

    `system`: one that belongs to root, and through which whoever writes there makes the host run a program as root.
    `made`: by making it so, which takes whoever is to own it; else by changing owner and mode.
    """

    set_uid: bool = False
    system: bool = False
    made: bool = False


class HostFileSystem(Value):
    """Any file of a file system of the host in sight (a name for open_by_handle_at, quotactl).

    `writable`: through a mount that is not read-only, as quotactl_fd(2) asks for (mnt_want_write).
    """

    writable: bool = False


class SharedIds(Value):
    """The same user namespace as the host's processes: keys and quotas go by ids in it."""


class OtherIds(Value):
    """More than one id mapped. `group`: that setgroups(2) is allowed, too."""

    group: bool = False


class SetUidExec(Value):
    """exec of a set-uid file of the root file system changes the uid: no_new_privs off, no nosuid."""


class RegainByExec(Value):
    """exec can bring capabilities that are not held now: bounding above permitted, no_new_privs off."""


class NewUserNamespace(Value):
    """Leave of the host's settings to create a user namespace (user.max_user_namespaces …). The ground's."""


class LeaveNewUserNamespace(Value):
    """An access-control policy's leave to use capabilities in a user namespace that it has just created."""


class Mounting(Value):
    """An access-control policy's leave for a mount operation.

    `mount`, `bind`, `remount`, `umount`, `pivot_root`; by the newer calls `new-api` (fsopen, fsconfig, fsmount,
    fspick), `setattr` (mount_setattr), `move` (move_mount) and `open-tree`, which a policy sees differently or not.
    """

    operation: str


class Tracing(Value):
    """An access-control policy's leave to trace or read a process: `own` (a child), `container`, `host`.

    `look`: only to look at a child, as kcmp(2) does (PTRACE_MODE_READ). `see`: to read what /proc shows of the host's.
    """

    peer: str


class Feature(Value):
    """Something that this kernel must have: a name of `core.ground.FEATURES`. The ground's."""

    name: str


class Allowed(Value):
    """A setting of the host that forbids it for everyone. The ground's. `why` is the setting's effect."""

    forbidden_by: Setting


class ActiveModule(Value):
    """One of these security modules, active in the kernel. The ground's."""

    any_of: tuple[str, ...]


class NotLockedDown(Value):
    """Kernel lockdown must be below that level (`integrity`, `confidentiality`); kernel_lockdown(7). The ground's."""

    level: str


Need = (
    Calls
    | Capability
    | LowPort
    | Shares
    | KernelFile
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
    | Room
    | GroupFile
    | RootWritable
    | EngineSocket
    | HostFiles
    | HostFileSystem
    | SharedIds
    | OtherIds
    | SetUidExec
    | RegainByExec
    | NewUserNamespace
    | LeaveNewUserNamespace
    | Mounting
    | Tracing
    | Feature
    | Allowed
    | ActiveModule
    | NotLockedDown
)
