"""Threats that reach the host itself: its files, its disks, its root, and the engine that owns all containers."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity, flaws_of
from stratascope.core.threats.catalogue.devices import device_routes
from stratascope.core.threats.catalogue.shared import (
    BIND_CALLS,
    DIRECT,
    DROP_ADMIN,
    MAKE_NODE,
    MAY_MOUNT,
    MOUNT_CALLS,
    calls,
    devices_opened,
    direct,
    initial,
    kernel_file,
    own,
    read_or_written,
)
from stratascope.core.threats.needs import (
    Access,
    Bus,
    BusSocket,
    Device,
    EngineSocket,
    EngineUser,
    Feature,
    HostFiles,
    HostFileSystem,
    HostRoot,
    Mounting,
    Node,
    OtherIds,
    RouteOut,
    SharedMount,
    Shares,
)
from stratascope.core.threats.threat import Family, Route, Step, Threat
from stratascope.value import replace

THREATS = (
    Threat(
        "use-engine-socket",
        Family.HOST,
        Severity.CRITICAL,
        msg("Use the engine's socket"),
        msg(
            "A process could start containers through the engine's socket, with all rights of that engine: root's, or "
            "those of the user who runs it."
        ),
        msg("With root's engine it owns this machine; with a rootless one, everything of that user."),
        msg("Remove the socket from the container. What needs the engine can use a proxy that allows only a little."),
        "namespaces",
        (
            direct('connect("/run/docker.sock")', EngineSocket(), calls("connect", "socketcall")),
            Route(
                msg("through an abstract socket of old containerd"),
                (
                    Step(
                        'connect("@/containerd-shim/…")',
                        (
                            Shares("net"),
                            HostRoot(),
                            calls("connect", "socketcall"),
                            Feature("abstract_engine_sockets"),
                        ),
                    ),
                ),
            ),
        ),
        ("CIS-Docker-1.6.0:5.32", "unix(7)", *flaws_of("use-engine-socket")),
    ),
    Threat(
        "use-engine-port",
        Family.HOST,
        Severity.CRITICAL,
        msg("Use an engine's network port"),
        msg("A process could ask an engine that listens on the network for a container that owns the host."),
        msg("It has all rights of that engine: root on this machine, unless it is rootless."),
        msg("Let engines listen on a socket file alone, or only with TLS; leave the host's network."),
        "namespaces",
        (
            Route(
                msg("from the host's network"),
                (
                    Step(
                        "connect(127.0.0.1:2375)",
                        (Shares("net"), calls("connect", "socketcall"), Feature("engine_port")),
                    ),
                ),
            ),
            Route(
                msg("from its own network"),
                (
                    Step(
                        "connect(the gateway's port 2375)",
                        (RouteOut(host=True), calls("connect", "socketcall"), Feature("engine_port_everywhere")),
                    ),
                ),
            ),
        ),
        ("CIS-Docker-1.6.0:2.7", "tcp(7)"),
    ),
    Threat(
        "order-systemd",
        Family.HOST,
        Severity.CRITICAL,
        msg("Give orders to the host's systemd"),
        msg("A process could ask systemd for a service that runs the attacker's program as the host's root."),
        msg("It is root on this machine: systemd does not ask the host's root for a password."),
        msg("Remove the socket of D-Bus or systemd from the container, or run it as another user."),
        "namespaces",
        (
            Route(
                msg("over the system's D-Bus"),
                (
                    Step(
                        'connect("/run/dbus/system_bus_socket")',
                        (BusSocket(Bus.SYSTEM), calls("connect", "socketcall")),
                    ),
                ),
            ),
            Route(
                msg("through systemd's private socket"),
                (
                    Step(
                        'connect("/run/systemd/private")',
                        (BusSocket(Bus.SYSTEMD), calls("connect", "socketcall")),
                    ),
                ),
            ),
        ),
        ("unix(7)", "systemd-run(1)"),
    ),
    Threat(
        "order-user-session",
        Family.HOST,
        Severity.HIGH,
        msg("Give orders to a user's session"),
        msg("A process could ask the session of a user of the host to run the attacker's program."),
        msg("It reads and changes everything that this user can, outside every container."),
        msg("Remove the session's socket from the container. A proxy such as xdg-dbus-proxy can allow only a little."),
        "namespaces",
        (
            Route(
                msg("over the session's D-Bus"),
                (
                    Step(
                        'connect("/run/user/1000/bus")',
                        (BusSocket(Bus.USER), calls("connect", "socketcall")),
                    ),
                ),
            ),
            Route(
                msg("through the private socket of the user's systemd"),
                (
                    Step(
                        'connect("/run/user/1000/systemd/private")',
                        (BusSocket(Bus.USER_SYSTEMD), calls("connect", "socketcall")),
                    ),
                ),
            ),
        ),
        ("unix(7)", "systemd-run(1)"),
    ),
    Threat(
        "open-host-disk",
        Family.HOST,
        Severity.CRITICAL,
        msg("Open a disk of the host"),
        msg(
            "A process could open a disk of the host as a device and change any file on it, bypassing all permissions."
        ),
        msg("It can read every secret and plant a program that the host runs as root."),
        msg("Remove devices, leave privileged mode, and drop MKNOD."),
        "cgroup",
        (
            *read_or_written(
                Route(
                    msg("an existing node"),
                    (Step('open("/dev/sda")', (Node("disk"), Device("b", None, None, "r"))),),
                ),
                Route(
                    msg("a node made with mknod"),
                    (
                        Step('mknod("/dev/x", S_IFBLK, device)', (*MAKE_NODE, Device("b", None, None, "m"))),
                        Step('open("/dev/x")', (Node("disk", made=True), Device("b", None, None, "r"))),
                    ),
                ),
                Route(
                    msg("in a new mount of the host's /dev"),
                    (
                        Step(
                            'mount("devtmpfs")',
                            (MOUNT_CALLS, MAY_MOUNT, initial("SYS_ADMIN"), Mounting("mount"), Feature("devtmpfs")),
                        ),
                        Step('open("/new/sda")', (Device("b", None, None, "r"),)),
                    ),
                ),
            ),
            *devices_opened("disk", "S_IFBLK, device", Device("b", None, None, "r")),
            *(
                replace(
                    way,
                    name=msg("by a device that passes commands to disks")
                    if way.name == DIRECT
                    else msg("by a device that passes commands to disks: {way}", way=way.name),
                )
                for way in device_routes("disk commands", "/dev/sg0")
            ),
        ),
        ("CIS-Docker-1.6.0:5.18", "mknod(2)"),
    ),
    Threat(
        "open-by-handle",
        Family.HOST,
        Severity.CRITICAL,
        msg("Open host files by handle"),
        msg("A process could open any file of a host's file system by its handle, although no path leads there."),
        msg("One mounted file is enough to read all others on its file system, including the host's passwords."),
        msg("Drop DAC_READ_SEARCH, which no engine gives by default."),
        "capabilities",
        (
            direct(
                "open_by_handle_at(handle)",
                calls("open_by_handle_at"),
                initial("DAC_READ_SEARCH"),
                HostFileSystem(),
                Feature("open_by_handle"),
            ),
        ),
        ("open_by_handle_at(2)",),
    ),
    Threat(
        "write-core-pattern",
        Family.HOST,
        Severity.CRITICAL,
        msg("Set the crash handler"),
        msg("A process could name a program of its own that the host's kernel runs as root when anything crashes."),
        msg("It is root on this machine at the next crash, which it can cause itself."),
        msg("Keep /proc/sys read-only (no systempaths=unconfined, not privileged), and drop SYS_ADMIN."),
        "namespaces",
        kernel_file("/proc/sys/kernel/core_pattern", Access.WRITE, "/proc/sys", by_uid=True),
        ("core(5)", "PSS:baseline"),
    ),
    Threat(
        "plant-set-uid-on-host",
        Family.HOST,
        Severity.HIGH,
        msg("Plant a set-uid file on the host"),
        msg("A process could leave a program in a mounted host folder that makes anyone who runs it there root."),
        msg("Any account on this machine becomes root by running that file."),
        msg("Mount host paths read-only, or run the container as another user or in a user namespace."),
        "usermap",
        (
            direct(
                'chmod("/mounted/x", 04755)',
                HostFiles(set_uid=True),
                calls("chmod", "fchmod", "fchmodat", "fchmodat2"),
            ),
            Route(
                msg("created with the set-uid bit"),
                (
                    Step(
                        'open("/mounted/x", O_CREAT, 04755)',
                        (
                            HostFiles(set_uid=True, made=True),
                            calls("open", "openat", "openat2", "creat", "mknod", "mknodat"),
                        ),
                    ),
                ),
            ),
        ),
        ("CIS-Docker-1.6.0:5.6", "chmod(2)"),
    ),
    Threat(
        "write-host-files",
        Family.HOST,
        Severity.HIGH,
        msg("Write to files of the host"),
        msg("A process could change files of the host through a folder that is mounted writable."),
        msg("It can alter what the host or other programs read from there."),
        msg("Mount the path read-only, or use a volume that belongs to this container alone."),
        "namespaces",
        (direct('open("/mounted/x", O_WRONLY)', HostFiles()),),
        ("CIS-Docker-1.6.0:5.6", "PSS:baseline"),
    ),
    Threat(
        "change-host-system",
        Family.HOST,
        Severity.CRITICAL,
        msg("Change what the host runs"),
        msg(
            "A process could change what the host or one of its users runs, through a folder that is mounted writable."
        ),
        msg("The host runs the attacker's program as root, or as the user whose home directory it is."),
        msg("Mount the path read-only, or only the one file that is needed of it."),
        "namespaces",
        (
            direct('open("/mounted/cron.d/x", O_CREAT)', HostFiles(system=True)),
            Route(
                msg("by a mount that the host gets, too"),
                (
                    Step(
                        'mount("/own", "/mounted/cron.d", MS_BIND)',
                        (BIND_CALLS, MAY_MOUNT, Mounting("bind"), SharedMount(system=True)),
                    ),
                ),
            ),
            Route(
                msg("in the home directory of a user"),
                (Step('open("/mounted/.bashrc", O_APPEND)', (HostFiles(users=True),)),),
            ),
        ),
        ("CIS-Docker-1.6.0:5.5", "PSS:baseline", "cron(8)"),
    ),
    Threat(
        "be-host-root",
        Family.HOST,
        Severity.HIGH,
        msg("Be root after an escape"),
        msg("If a flaw lets a process escape from this container, it is root on the host."),
        msg(
            "The files of the host's root are then its own: it could change what root runs, even without capabilities."
        ),
        msg("Run it as another user, in a user namespace, or with a rootless engine."),
        "usermap",
        (direct("getuid() == 0", HostRoot()),),
        ("CIS-Docker-1.6.0:2.9", "PSS:restricted", "user_namespaces(7)"),
    ),
    Threat(
        "hold-root-powers",
        Family.HOST,
        Severity.HIGH,
        msg("Have root's powers after an escape"),
        msg("If a flaw lets a process escape from this container, it has root's capabilities on the host at once."),
        msg("No file mode or owner holds it back then, whatever else the exploit cannot do."),
        msg("Drop all capabilities that it does not need; better still, also run it as another user."),
        "capabilities",
        (direct("getuid() == 0", HostRoot(capable=True)),),
        ("PSS:restricted", "capabilities(7)"),
    ),
    Threat(
        "be-engine-user",
        Family.HOST,
        Severity.MEDIUM,
        msg("Have your account after an escape"),
        msg("If a flaw lets a process escape from this container, it has your own account on the host."),
        msg("Your files, keys and browser sessions are open to it."),
        msg(
            "Run it as a user that is mapped to an unused ID: with --user or, on rootless Podman alone, "
            "--userns=auto or --userns=nomap."
        ),
        "usermap",
        (direct("getuid()", EngineUser()),),
        ("user_namespaces(7)",),
    ),
    Threat(
        "create-block-device",
        Family.HOST,
        Severity.MEDIUM,
        msg("Create a disk's device node"),
        msg("A process could create a device node for a disk of the host; opening it is another question."),
        msg("It has the node, and only the device rules of the cgroup are still in the way."),
        msg("Drop MKNOD: hardly any program needs it."),
        "capabilities",
        (direct('mknod("/dev/x", S_IFBLK, 7:0)', *MAKE_NODE, Device("b", 7, 0, "m")),),
        ("PSS:restricted", "mknod(2)"),
    ),
    Threat(
        "create-char-device",
        Family.HOST,
        Severity.MEDIUM,
        msg("Create a character device node"),
        msg("A process could create a device node for the host's memory or terminals; opening it is another question."),
        msg("It has the node, and only the device rules of the cgroup are still in the way."),
        msg("Drop MKNOD: hardly any program needs it."),
        "capabilities",
        (direct('mknod("/dev/x", S_IFCHR, 1:1)', *MAKE_NODE, Device("c", 1, 1, "m")),),
        ("PSS:restricted", "mknod(2)"),
    ),
    Threat(
        "set-immutable",
        Family.HOST,
        Severity.LOW,
        msg("Make files immutable"),
        msg("A process could mark files, also in mounted host folders, so that not even root can change them."),
        msg("It can block updates and clean-up until someone finds that flag."),
        msg("Drop LINUX_IMMUTABLE, which no engine gives by default."),
        "capabilities",
        (direct("ioctl(FS_IOC_SETFLAGS)", calls("ioctl"), initial("LINUX_IMMUTABLE")),),
        ("capabilities(7)", "ioctl_iflags(2)"),
    ),
    Threat(
        "disk-quota",
        Family.HOST,
        Severity.LOW,
        msg("Change disk quotas"),
        msg("A process could read or change how much disk the users of a host's file system may use."),
        msg("It can lock others out of their disk, or lift its own limit."),
        DROP_ADMIN,
        "capabilities",
        (
            direct(
                "quotactl_fd(Q_GETQUOTA)",
                calls("quotactl_fd", "quotactl"),
                initial("SYS_ADMIN"),
                HostFileSystem(writable=True),
                Feature("quota"),
            ),
        ),
        ("quotactl(2)",),
    ),
    Threat(
        "read-file-handles",
        Family.HOST,
        Severity.LOW,
        msg("Get file handles"),
        msg("A process could ask for the persistent handle of a file, from which others can be guessed."),
        msg("On its own it is harmless; it is half of what opening files by handle needs."),
        msg("Use a seccomp profile that stops name_to_handle_at."),
        "seccomp",
        (direct("name_to_handle_at(path)", calls("name_to_handle_at"), Feature("open_by_handle")),),
        ("open_by_handle_at(2)",),
    ),
    Threat(
        "take-lease",
        Family.HOST,
        Severity.LOW,
        msg("Delay access to others' files"),
        msg(
            "A process could take a lease on a file that is not its own, so that others have to wait before they can "
            "open it."
        ),
        msg("It can slow down programs that use the same files, also in mounted host folders."),
        msg("Drop LEASE, which no engine gives by default."),
        "capabilities",
        (direct("fcntl(F_SETLEASE)", calls("fcntl", "fcntl64"), initial("LEASE")),),
        ("fcntl(2)", "capabilities(7)"),
    ),
    Threat(
        "change-foreign-files",
        Family.HOST,
        Severity.LOW,
        msg("Change the mode of others' files"),
        msg("A process could change the permissions of files that belong to other users of the container."),
        msg("It can open what others locked away, also in volumes that other containers use."),
        msg("Drop FOWNER, and run the program as the owner of its files."),
        "capabilities",
        (
            direct(
                "chmod(another's file)",
                calls("chmod", "fchmod", "fchmodat", "fchmodat2"),
                own("FOWNER"),
                OtherIds(),
            ),
        ),
        ("capabilities(7)", "chmod(2)"),
    ),
)
