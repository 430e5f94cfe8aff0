"""Threats by namespaces: making new ones, joining others, and using the host's."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import (
    AF_PACKET,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    DROP_ADMIN,
    DROP_ADMIN_ALONE,
    OWN_NETWORK,
    SOCK_RAW,
    USER_NAMESPACE,
    calls,
    direct,
    entered,
    in_new_namespaces,
    new_namespaces,
    own,
    socket,
)
from stratascope.core.threats.needs import Capability, Feature, Shares, Where
from stratascope.core.threats.threat import Family, Route, Step, Threat

THREATS = (
    Threat(
        "share-host-ipc",
        Family.NAMESPACES,
        Severity.MEDIUM,
        msg("Use the host's shared memory"),
        msg("A process shares memory segments and message queues with programs of the host."),
        msg("It can read and change what they keep there, such as a database's cache."),
        msg("Give it an IPC namespace of its own (no --ipc=host)."),
        "namespaces",
        (direct("shmat(host's segment)", Shares("ipc")), entered("ipc", "shmat(host's segment)")),
        ("CIS-Docker-1.6.0:5.17", "PSS:baseline", "ipc_namespaces(7)"),
    ),
    Threat(
        "new-user-namespace",
        Family.NAMESPACES,
        Severity.MEDIUM,
        msg("Become root in a new user namespace"),
        msg("A process could create a user namespace, in which it holds every capability."),
        msg("They count only in there, but they open kernel code in which most known escapes began."),
        msg("Use a seccomp profile that stops unshare and clone with CLONE_NEWUSER, as Docker's default does."),
        "seccomp",
        (
            direct(
                "unshare(CLONE_NEWUSER)",
                *new_namespaces(CLONE_NEWUSER),
                Feature("user_namespaces"),
                *USER_NAMESPACE,
            ),
        ),
        ("user_namespaces(7)",),
    ),
    Threat(
        "kernel-surface-in-user-namespace",
        Family.NAMESPACES,
        Severity.MEDIUM,
        msg("Reach network code as a namespace's root"),
        msg(
            "A process could create a user and a network namespace, and use kernel code there that is reserved for "
            "root."
        ),
        msg(
            "Firewall and packet code has had many flaws that lead out of containers; all of it can be attacked there."
        ),
        msg("Use a seccomp profile that stops unshare and clone with CLONE_NEWUSER, as Docker's default does."),
        "seccomp",
        (
            Route(
                msg("in new namespaces"),
                (
                    OWN_NETWORK,
                    Step(
                        "socket(AF_PACKET, SOCK_RAW)",
                        (socket(AF_PACKET, SOCK_RAW), Feature("packet_socket")),
                    ),
                ),
            ),
        ),
        ("user_namespaces(7)", "network_namespaces(7)"),
    ),
    Threat(
        "new-mount-namespace",
        Family.NAMESPACES,
        Severity.MEDIUM,
        msg("Create a mount namespace"),
        msg("A process could take a copy of all mounts, to change them unseen by the rest of the container."),
        msg("It is the first step of most ways to reach what is masked or read-only."),
        msg("Drop SYS_ADMIN, and use a seccomp profile that stops CLONE_NEWUSER, as Docker's default does."),
        "capabilities",
        (
            direct("unshare(CLONE_NEWNS)", *new_namespaces(CLONE_NEWNS), own("SYS_ADMIN")),
            in_new_namespaces("unshare(CLONE_NEWUSER | CLONE_NEWNS)"),
        ),
        ("mount_namespaces(7)",),
    ),
    Threat(
        "new-network-namespace",
        Family.NAMESPACES,
        Severity.LOW,
        msg("Create a network namespace"),
        msg("A process could create an empty network that it controls, without leaving its user namespace."),
        msg("Kernel code for setting up networks can be reached there."),
        DROP_ADMIN_ALONE,
        "capabilities",
        (direct("unshare(CLONE_NEWNET)", *new_namespaces(CLONE_NEWNET), own("SYS_ADMIN")),),
        ("network_namespaces(7)",),
    ),
    Threat(
        "join-namespace",
        Family.NAMESPACES,
        Severity.MEDIUM,
        msg("Enter another namespace"),
        msg("A process could enter a namespace of another container or of the host, once it has a handle to it."),
        msg("What the namespace keeps separate is open to it."),
        DROP_ADMIN_ALONE,
        "capabilities",
        (
            direct(
                "setns(own UTS namespace)",
                calls("setns"),
                Capability(("CAP_SYS_ADMIN",), Where.UTS_OWNER),
                own("SYS_ADMIN"),
            ),
        ),
        ("setns(2)",),
    ),
    Threat(
        "set-hostname",
        Family.NAMESPACES,
        Severity.LOW,
        msg("Change the host name"),
        msg("A process could change the name that this machine, or only its container, goes by."),
        msg("Logs and certificates get a wrong name; in the host's UTS namespace it is the machine's."),
        DROP_ADMIN,
        "capabilities",
        (direct("sethostname()", calls("sethostname"), Capability(("CAP_SYS_ADMIN",), Where.UTS_OWNER)),),
        ("sethostname(2)", "uts_namespaces(7)"),
    ),
    Threat(
        "set-domain-name",
        Family.NAMESPACES,
        Severity.LOW,
        msg("Change the domain name"),
        msg("A process could change the domain name of this machine, or only of its container."),
        msg("Old directory services believe it; in the host's UTS namespace it is the machine's."),
        DROP_ADMIN,
        "capabilities",
        (direct("setdomainname()", calls("setdomainname"), Capability(("CAP_SYS_ADMIN",), Where.UTS_OWNER)),),
        ("setdomainname(2)",),
    ),
    Threat(
        "bypass-ipc-permissions",
        Family.NAMESPACES,
        Severity.LOW,
        msg("Open others' shared memory"),
        msg("A process could use shared memory and queues of other users of its IPC namespace, whatever their mode."),
        msg("It can read what other programs of the container, or of the host where that is shared, keep there."),
        msg("Drop IPC_OWNER, which no engine gives by default."),
        "capabilities",
        (
            direct(
                "shmget(segment of another user)",
                calls("shmget", "ipc"),
                Capability(("CAP_IPC_OWNER",), Where.IPC_OWNER),
            ),
        ),
        ("capabilities(7)", "sysvipc(7)"),
    ),
    Threat(
        "choose-process-id",
        Family.NAMESPACES,
        Severity.LOW,
        msg("Choose process IDs"),
        msg("A process could start others with a PID of its choice, as tools that checkpoint and restore programs do."),
        msg("It can pose as a process that ended, to programs that compare only PIDs."),
        msg("Drop CHECKPOINT_RESTORE and SYS_ADMIN, which no engine gives by default."),
        "capabilities",
        (
            direct(
                "clone3(set_tid)",
                calls("clone3"),
                Capability(("CAP_CHECKPOINT_RESTORE", "CAP_SYS_ADMIN"), Where.PID_OWNER),
            ),
        ),
        ("clone(2)",),
    ),
)
