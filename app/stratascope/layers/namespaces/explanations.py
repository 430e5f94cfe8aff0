"""What each kind of namespace isolates, in plain words."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.linux.namespace import Namespace

INSPECT = {
    Namespace.PID: "inspect:HostConfig.PidMode",
    Namespace.NET: "inspect:HostConfig.NetworkMode",
    Namespace.IPC: "inspect:HostConfig.IpcMode",
    Namespace.UTS: "inspect:HostConfig.UTSMode",
    Namespace.CGROUP: "inspect:HostConfig.CgroupnsMode",
    Namespace.USER: "inspect:HostConfig.UsernsMode",
}
LABELS: dict[Namespace, Message] = {
    Namespace.PID: msg("Processes (pid)"),
    Namespace.NET: msg("Network (net)"),
    Namespace.MNT: msg("Mounts (mnt)"),
    Namespace.IPC: msg("Shared memory and queues (ipc)"),
    Namespace.UTS: msg("Host name (uts)"),
    Namespace.CGROUP: msg("View of cgroups (cgroup)"),
    Namespace.USER: msg("Users (user)"),
    Namespace.TIME: msg("Clocks since boot (time)"),
}

# within a line
SHORT: dict[Namespace, Message] = {
    Namespace.PID: msg("processes (pid)"),
    Namespace.NET: msg("network (net)"),
    Namespace.MNT: msg("mounts (mnt)"),
    Namespace.IPC: msg("shared memory (ipc)"),
    Namespace.UTS: msg("host name (uts)"),
    Namespace.CGROUP: msg("cgroup view"),
    Namespace.USER: msg("users (user)"),
    Namespace.TIME: msg("clocks since boot (time)"),
}

NOTES: dict[Namespace, Message] = {
    Namespace.PID: msg("Hides other processes, and keeps them out of reach of signals."),
    Namespace.NET: msg("Separates interfaces, addresses, ports, firewall rules and abstract sockets."),
    Namespace.MNT: msg("Separates the file tree and what is mounted where."),
    Namespace.IPC: msg("Separates System V shared memory, semaphores and message queues."),
    Namespace.UTS: msg("Separates the host name, so that setting it changes nothing outside."),
    Namespace.CGROUP: msg("Hides the paths of the host's cgroups; it limits nothing."),
    Namespace.USER: msg("Decides who root inside is outside; see the user namespace layer."),
    Namespace.TIME: msg("Engines share it with the host, which is normal."),
}

# For the kinds that decide the verdict: how bad it is to be in the host's
SHARED: dict[Namespace, tuple[Severity, Message, Message, tuple[str, ...]]] = {
    Namespace.PID: (
        Severity.HIGH,
        msg("Can see every host process, kill those of its own user, and reach that user's files through them."),
        msg("Start it without --pid host."),
        ("CIS-Docker-1.6.0:5.16", "PSS:baseline"),
    ),
    Namespace.NET: (
        Severity.HIGH,
        msg("Can reach the host's localhost services and abstract sockets: it is in the host's network."),
        msg("Give it a network of its own, and publish the ports that it needs."),
        ("CIS-Docker-1.6.0:5.10", "PSS:baseline"),
    ),
    Namespace.MNT: (
        Severity.CRITICAL,
        msg("The host's files are its files: it is in the host's mount namespace."),
        msg("Find out what started this process outside the container's mounts."),
        ("CIS-Docker-1.6.0:5.6", "PSS:baseline"),
    ),
    Namespace.IPC: (
        Severity.MEDIUM,
        msg("Can read and change memory segments and message queues of the host's processes."),
        msg("Start it without --ipc host."),
        ("CIS-Docker-1.6.0:5.17", "PSS:baseline"),
    ),
    Namespace.UTS: (
        Severity.LOW,
        msg("Can rename the host if it holds SYS_ADMIN: it shares the host's UTS namespace."),
        msg("Start it without --uts host."),
        ("CIS-Docker-1.6.0:5.21",),
    ),
    Namespace.CGROUP: (
        Severity.LOW,
        msg("Can see the host's cgroup paths, which reveal what else runs there."),
        msg("Start it with --cgroupns private."),
        ("cgroup_namespaces(7)",),
    ),
}

# For root with root's capabilities, without access control: /proc/PID/root of an ordinary user's process shows the
# host's files once one's own file-system uid is that user's (ptrace(2), access mode checking)
SHARED_PID_AS_ROOT = msg(
    "Can change the host's files as root, through a host process's /proc/PID/root: it sees every host process."
)

WITH_OTHERS: dict[Namespace, Message] = {
    Namespace.PID: msg("It sees the processes of {names}, and they see its own."),
    Namespace.NET: msg("It shares its network, including localhost, with {names}."),
    Namespace.MNT: msg("It shares its mounts with {names}."),
    Namespace.IPC: msg("It shares memory segments and message queues with {names}."),
    Namespace.UTS: msg("It shares its host name with {names}."),
    Namespace.CGROUP: msg("It shares its view of cgroups with {names}."),
}
