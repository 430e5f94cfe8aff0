"""What each kind of namespace isolates, in plain words."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.linux.namespace import Kind

INSPECT = {
    Kind.PID: "inspect:HostConfig.PidMode",
    Kind.NET: "inspect:HostConfig.NetworkMode",
    Kind.IPC: "inspect:HostConfig.IpcMode",
    Kind.UTS: "inspect:HostConfig.UTSMode",
    Kind.CGROUP: "inspect:HostConfig.CgroupnsMode",
    Kind.USER: "inspect:HostConfig.UsernsMode",
}
LABELS: dict[Kind, Message] = {
    Kind.PID: msg("Processes (pid)"),
    Kind.NET: msg("Network (net)"),
    Kind.MNT: msg("Mounts (mnt)"),
    Kind.IPC: msg("Shared memory and queues (ipc)"),
    Kind.UTS: msg("Host name (uts)"),
    Kind.CGROUP: msg("View of control groups (cgroup)"),
    Kind.USER: msg("Users (user)"),
    Kind.TIME: msg("Clocks since boot (time)"),
}

# within a line
SHORT: dict[Kind, Message] = {
    Kind.PID: msg("processes (pid)"),
    Kind.NET: msg("network (net)"),
    Kind.MNT: msg("mounts (mnt)"),
    Kind.IPC: msg("shared memory (ipc)"),
    Kind.UTS: msg("host name (uts)"),
    Kind.CGROUP: msg("cgroup view"),
    Kind.USER: msg("users (user)"),
    Kind.TIME: msg("clocks since boot (time)"),
}

NOTES: dict[Kind, Message] = {
    Kind.PID: msg("Hides other processes, and keeps them out of reach of signals."),
    Kind.NET: msg("Separates interfaces, addresses, ports, firewall rules and abstract sockets."),
    Kind.MNT: msg("Separates the file tree and what is mounted where."),
    Kind.IPC: msg("Separates System V shared memory, semaphores and message queues."),
    Kind.UTS: msg("Separates the host name, so that setting it changes nothing outside."),
    Kind.CGROUP: msg("Hides the paths of the host's control groups; it limits nothing."),
    Kind.USER: msg("Decides who root inside is outside; see the user namespace layer."),
    Kind.TIME: msg("Engines share it with the host, which is normal."),
}

# For the kinds that decide the verdict: how bad it is to be in the host's
SHARED: dict[Kind, tuple[Severity, Message, Message, tuple[str, ...]]] = {
    Kind.PID: (
        Severity.HIGH,
        msg(
            "It sees every process of the host. It can end those of its own user, and reach that user's files "
            "through them."
        ),
        msg("Start it without --pid host."),
        ("CIS-Docker-1.6.0:5.16", "PSS:baseline"),
    ),
    Kind.NET: (
        Severity.HIGH,
        msg(
            "It is in the host's network: it reaches services that listen on localhost and the host's abstract sockets."
        ),
        msg("Give it a network of its own, and publish the ports that it needs."),
        ("CIS-Docker-1.6.0:5.10", "PSS:baseline"),
    ),
    Kind.MNT: (
        Severity.CRITICAL,
        msg("It is in the host's mount namespace: the host's files are its files."),
        msg("Find out what started this process outside the container's mounts."),
        ("CIS-Docker-1.6.0:5.6", "PSS:baseline"),
    ),
    Kind.IPC: (
        Severity.MEDIUM,
        msg("It shares memory segments and message queues with the host's processes."),
        msg("Start it without --ipc host."),
        ("CIS-Docker-1.6.0:5.17", "PSS:baseline"),
    ),
    Kind.UTS: (
        Severity.LOW,
        msg("It shares the host's name; with the capability to set it, it can rename the host."),
        msg("Start it without --uts host."),
        ("CIS-Docker-1.6.0:5.21",),
    ),
    Kind.CGROUP: (
        Severity.LOW,
        msg("It sees the paths of the host's control groups, which reveal what else runs there."),
        msg("Start it with --cgroupns private."),
        ("cgroup_namespaces(7)",),
    ),
}

# For root with root's capabilities, without access control: /proc/PID/root of an ordinary user's process shows the
# host's files once one's own file-system uid is that user's (ptrace(2), access mode checking)
SHARED_PID_AS_ROOT = msg(
    "It sees every process of the host and is root: through some process's /proc/PID/root it can change the host's "
    "files."
)

WITH_OTHERS: dict[Kind, Message] = {
    Kind.PID: msg("It sees the processes of {names}, and they see its own."),
    Kind.NET: msg("It shares its network, including localhost, with {names}."),
    Kind.MNT: msg("It shares its mounts with {names}."),
    Kind.IPC: msg("It shares memory segments and message queues with {names}."),
    Kind.UTS: msg("It shares its host name with {names}."),
    Kind.CGROUP: msg("It shares its view of control groups with {names}."),
}
