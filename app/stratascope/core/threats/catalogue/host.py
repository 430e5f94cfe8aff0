"""Threats that reach the host itself: its files, its disks, its root, and the engine that owns all containers."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity, flaws_of
from stratascope.core.threats.catalogue.devices import device_routes
from stratascope.core.threats.catalogue.shared import (
    AF_INET,
    AF_INET6,
    AF_UNIX,
    BIND_CALLS,
    DIRECT,
    DROP_ADMIN,
    MAKE_NODE,
    MAY_MOUNT,
    MOUNT_CALLS,
    calls,
    connecting,
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
        msg("Could take over this machine through the engine's socket; a rootless engine's gives its user's account."),
        msg("It can start containers with all rights of that engine."),
        msg("Remove the socket, or put a filtering proxy before it, such as docker-socket-proxy."),
        "namespaces",
        (
            direct('connect("/run/docker.sock")', EngineSocket(), *connecting(AF_UNIX)),
            Route(
                msg("through an abstract socket of old containerd"),
                (
                    Step(
                        'connect("@/containerd-shim/…")',
                        (
                            Shares("net"),
                            HostRoot(),
                            *connecting(AF_UNIX),
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
        msg("Use an engine's TCP port"),
        msg("Could take over this machine through an engine's TCP port, unless that engine is rootless."),
        msg("It has all rights of that engine: root on this machine, unless it is rootless."),
        msg("Let engines listen on a Unix socket only, or with TLS; do not use the host's network."),
        "namespaces",
        (
            Route(
                msg("from the host's network"),
                (
                    Step(
                        "connect(127.0.0.1:2375)",
                        (Shares("net"), *connecting(AF_INET, AF_INET6), Feature("engine_port")),
                    ),
                ),
            ),
            Route(
                msg("from its own network"),
                (
                    Step(
                        "connect(the gateway's port 2375)",
                        (RouteOut(host=True), *connecting(AF_INET, AF_INET6), Feature("engine_port_everywhere")),
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
        msg("Could run a program as root on this machine through systemd."),
        msg("It is root on this machine: systemd does not ask the host's root for a password."),
        msg("Remove the socket of D-Bus or systemd from the container, or run it as another user."),
        "namespaces",
        (
            Route(
                msg("over the system's D-Bus"),
                (
                    Step(
                        'connect("/run/dbus/system_bus_socket")',
                        (BusSocket(Bus.SYSTEM), *connecting(AF_UNIX)),
                    ),
                ),
            ),
            Route(
                msg("through systemd's private socket"),
                (
                    Step(
                        'connect("/run/systemd/private")',
                        (BusSocket(Bus.SYSTEMD), *connecting(AF_UNIX)),
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
        msg("Could run a program as a user of this machine, through that user's session."),
        msg("It reads and changes everything that this user can, outside every container."),
        msg("Remove the session's socket, or put a filtering proxy before it, such as xdg-dbus-proxy."),
        "namespaces",
        (
            Route(
                msg("over the session's D-Bus"),
                (
                    Step(
                        'connect("/run/user/1000/bus")',
                        (BusSocket(Bus.USER), *connecting(AF_UNIX)),
                    ),
                ),
            ),
            Route(
                msg("through the private socket of the user's systemd"),
                (
                    Step(
                        'connect("/run/user/1000/systemd/private")',
                        (BusSocket(Bus.USER_SYSTEMD), *connecting(AF_UNIX)),
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
        msg("Could open the host's disks as devices, and change any file on them."),
        msg("It can read every secret and plant a program that the host runs as root."),
        msg("Remove --privileged and the devices, and drop MKNOD."),
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
        msg("Could open any file on a host filesystem by its handle, though no path leads there."),
        msg("One mounted file is enough to read all others on its filesystem, including the host's passwords."),
        msg("Drop {name}, which no engine gives by default.", name="DAC_READ_SEARCH"),
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
        msg("Could have the host's kernel run a program as root whenever anything crashes."),
        msg("It is root on this machine at the next crash, which it can cause itself."),
        msg("Keep /proc/sys read-only (no systempaths=unconfined, no --privileged), and drop SYS_ADMIN."),
        "namespaces",
        kernel_file("/proc/sys/kernel/core_pattern", Access.WRITE, "/proc/sys", by_uid=True),
        ("core(5)", "PSS:baseline"),
    ),
    Threat(
        "plant-set-uid-on-host",
        Family.HOST,
        Severity.HIGH,
        msg("Plant a set-uid file on the host"),
        msg("Could leave a program in a mounted host directory that makes anyone who runs it root."),
        msg("Any account on this machine becomes root by running that file."),
        msg("Mount host paths read-only, or run it as non-root or in a user namespace."),
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
        msg("Could change host files through a writable mount."),
        msg("It can alter what the host or other programs read from there."),
        msg("Mount the path read-only, or use a volume of its own."),
        "namespaces",
        (direct('open("/mounted/x", O_WRONLY)', HostFiles()),),
        ("CIS-Docker-1.6.0:5.6", "PSS:baseline"),
    ),
    Threat(
        "change-host-system",
        Family.HOST,
        Severity.CRITICAL,
        msg("Change what the host runs"),
        msg("Could change what the host or one of its users runs, through a writable mount."),
        msg("The host runs the attacker's program as root, or as the user whose home directory it is."),
        msg("Mount the path read-only, or mount only the file that it needs."),
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
        msg("Would be root on this machine if a vulnerability let it escape."),
        msg(
            "The files of the host's root are its own then: it could change what root runs, even without capabilities."
        ),
        msg("Run it as non-root, in a user namespace, or with a rootless engine."),
        "usermap",
        (direct("getuid() == 0", HostRoot()),),
        ("CIS-Docker-1.6.0:2.9", "PSS:restricted", "user_namespaces(7)"),
    ),
    Threat(
        "hold-root-powers",
        Family.HOST,
        Severity.HIGH,
        msg("Keep root's powers"),
        msg("Would have root's capabilities on this machine if a vulnerability let it escape."),
        msg("File modes and owners no longer stop it then."),
        msg("Drop the capabilities that it does not need, and run it as non-root."),
        "capabilities",
        (direct("getuid() == 0", HostRoot(capable=True)),),
        ("PSS:restricted", "capabilities(7)"),
    ),
    Threat(
        "be-engine-user",
        Family.HOST,
        Severity.MEDIUM,
        msg("Have your account after an escape"),
        msg("Would have your account on this machine if a vulnerability let it escape."),
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
        msg("Could create a device node for a host disk; opening it takes more."),
        msg("Only the cgroup's device rules still keep it from opening the disk."),
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
        msg("Could create a device node for the host's memory or terminals; opening it takes more."),
        msg("Only the cgroup's device rules still keep it from opening the disk."),
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
        msg("Could mark files so that not even root can change them, also in mounted host directories."),
        msg("It can block updates and clean-up until someone finds that flag."),
        msg("Drop {name}, which no engine gives by default.", name="LINUX_IMMUTABLE"),
        "capabilities",
        (direct("ioctl(FS_IOC_SETFLAGS)", calls("ioctl"), initial("LINUX_IMMUTABLE")),),
        ("capabilities(7)", "ioctl_iflags(2)"),
    ),
    Threat(
        "disk-quota",
        Family.HOST,
        Severity.LOW,
        msg("Change disk quotas"),
        msg("Could read or change the disk quotas of the host's users."),
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
        msg("Could get the handle of a file, from which others can be guessed."),
        msg("Harmless alone, but half of what opening files by handle needs."),
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
        msg("Could take leases on others' files, so that they wait before they can open them."),
        msg("It can slow down programs that use the same files, also in mounted host directories."),
        msg("Drop {name}, which no engine gives by default.", name="LEASE"),
        "capabilities",
        (direct("fcntl(F_SETLEASE)", calls("fcntl", "fcntl64"), initial("LEASE")),),
        ("fcntl(2)", "capabilities(7)"),
    ),
    Threat(
        "change-foreign-files",
        Family.HOST,
        Severity.LOW,
        msg("Change the mode of others' files"),
        msg("Could change the permissions of files that belong to other users of the container."),
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
