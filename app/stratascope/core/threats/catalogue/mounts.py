"""Threats by mounting: reaching what was hidden or read-only."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import (
    BIND_CALLS,
    DROP_ADMIN,
    DROP_ADMIN_ALONE,
    MAY_MOUNT,
    MAY_MOUNT_GROUPS,
    MOUNT_CALLS,
    calls,
    direct,
    entered,
    in_new_namespaces,
    initial,
    own,
    unattached,
)
from stratascope.core.threats.needs import (
    Access,
    Feature,
    GroupFile,
    GroupUse,
    KernelFile,
    Mounting,
    RootWritable,
    SharedMount,
    Shares,
    Unlocked,
)
from stratascope.core.threats.threat import Family, Route, Step, Threat

# Low by itself, since nearly everyone may mount in new namespaces: each host resource that a mount uncovers is a
# separate threat, and the kernel code that becomes reachable is covered by new-user-namespace
_NO_NAMESPACES = msg("Drop SYS_ADMIN, and use a seccomp profile that stops CLONE_NEWUSER, as Docker's default does.")
# Linux commit 24f600856418 ("cgroup-v1: Require capabilities to set release_agent") (in v5.17); before, the host's own
# cgroup namespace took the same one to be mounted (cgroup1_get_tree, kernel/cgroup/cgroup-v1.c)
_OF_HOST = initial("SYS_ADMIN")
_AGENT = "/sys/fs/cgroup/pids/release_agent"

THREATS = (
    Threat(
        "cgroup-release-agent",
        Family.MOUNTS,
        Severity.CRITICAL,
        msg("Set the cgroup release agent"),
        msg("Could have the host's kernel run a program as root, through the release agent of cgroup v1."),
        msg("It is root on this machine as soon as one of its cgroups is empty."),
        msg("Drop SYS_ADMIN, and give it a private cgroup namespace."),
        "capabilities",
        (
            Route(
                msg("mounted again"),
                (
                    Step(
                        'mount("cgroup", "pids")',
                        (MOUNT_CALLS, MAY_MOUNT, MAY_MOUNT_GROUPS, Mounting("mount"), Feature("cgroup_v1")),
                    ),
                    Step(
                        f'open("{_AGENT}")', (Shares("cgroup"), _OF_HOST, KernelFile(_AGENT, Access.WRITE, fresh=True))
                    ),
                ),
            ),
            entered(
                "cgroup",
                'mount("cgroup", "pids"), open("release_agent")',
                *(MOUNT_CALLS, MAY_MOUNT, Mounting("mount"), Feature("cgroup_v1")),
                KernelFile(_AGENT, Access.WRITE, fresh=True),
            ),
            Route(
                msg("in a visible cgroup tree of the host"),
                (Step('write("release_agent")', (GroupFile("", GroupUse.AGENT), _OF_HOST)),),
            ),
            Route(
                msg("in a cgroup tree that is never attached"),
                (
                    *unattached("cgroup", MAY_MOUNT_GROUPS),
                    Step(
                        'openat(tree, "release_agent")',
                        (
                            Shares("cgroup"),
                            _OF_HOST,
                            KernelFile(_AGENT, Access.WRITE, fresh=True),
                            Feature("cgroup_v1"),
                        ),
                    ),
                ),
            ),
        ),
        ("cgroups(7)", "CIS-Docker-1.6.0:5.4"),
    ),
    Threat(
        "mount-file-system",
        Family.MOUNTS,
        Severity.LOW,
        msg("Mount a filesystem"),
        msg("Could mount a filesystem of its choice over any directory of the container."),
        msg("It can hide files behind its own, and reach the kernel code of filesystems."),
        _NO_NAMESPACES,
        "capabilities",
        (
            direct('mount("tmpfs")', MOUNT_CALLS, MAY_MOUNT, Mounting("mount")),
            in_new_namespaces('mount("tmpfs")', MOUNT_CALLS, Mounting("mount")),
        ),
        ("CIS-Docker-1.6.0:5.4", "PSS:baseline", "mount(2)"),
    ),
    Threat(
        "bind-mount",
        Family.MOUNTS,
        Severity.HIGH,
        msg("Bind-mount a directory"),
        msg("Could bind-mount a directory to a second place, where it is not hidden or read-only."),
        msg("What the engine masked can be seen and written again."),
        DROP_ADMIN_ALONE,
        "capabilities",
        (direct('mount("/", MS_BIND)', BIND_CALLS, MAY_MOUNT, Unlocked(), Mounting("bind")),),
        ("mount(2)", "PSS:baseline"),
    ),
    Threat(
        "mount-over-host",
        Family.MOUNTS,
        Severity.HIGH,
        msg("Mount over the host's directories"),
        msg("Could mount its own files over host directories, because its mounts propagate to the host."),
        msg("Host programs read its files, and find programs there that make anyone root."),
        msg("Drop SYS_ADMIN, and mount host paths with private or slave propagation (not rshared)."),
        "namespaces",
        (
            direct('mount("tmpfs", "/mounted/x")', MOUNT_CALLS, MAY_MOUNT, Mounting("mount"), SharedMount()),
            Route(
                msg("with the newer calls"),
                (
                    *unattached("tmpfs"),
                    Step("move_mount()", (calls("move_mount"), MAY_MOUNT, Mounting("move"), SharedMount())),
                ),
            ),
        ),
        ("CIS-Docker-1.6.0:5.20", "mount_namespaces(7)"),
    ),
    Threat(
        "new-mount-api",
        Family.MOUNTS,
        Severity.LOW,
        msg("Mount with the newer calls"),
        msg("Could mount a filesystem with fsopen and related calls, which older filters do not know."),
        msg("It gets past rules that name only mount."),
        _NO_NAMESPACES,
        "capabilities",
        (
            direct(
                'fsopen("tmpfs")',
                calls("fsopen"),
                MAY_MOUNT,
                Mounting("new-api"),
                Feature("new_mount_api"),
            ),
            in_new_namespaces('fsopen("tmpfs")', calls("fsopen"), Mounting("new-api"), Feature("new_mount_api")),
        ),
        ("fsopen(2)", "mount_namespaces(7)"),
    ),
    Threat(
        "change-mounts",
        Family.MOUNTS,
        Severity.HIGH,
        msg("Move and change mounts"),
        msg("Could detach a mount, or change its flags, with the newer calls."),
        msg("Read-only places become writable, and hidden ones visible."),
        DROP_ADMIN_ALONE,
        "capabilities",
        # of locked mounts, flags may be added, and what has no other below it be copied: mount_namespaces(7)
        (
            Route(
                msg("mount_setattr"),
                (
                    Step(
                        'mount_setattr("/")',
                        (calls("mount_setattr"), MAY_MOUNT, Mounting("setattr"), Feature("new_mount_api")),
                    ),
                ),
            ),
            Route(
                msg("open_tree and move_mount"),
                (
                    Step(
                        "open_tree(OPEN_TREE_CLONE)",
                        (calls("open_tree", "open_tree_attr"), MAY_MOUNT, Feature("new_mount_api")),
                    ),
                    Step("move_mount()", (calls("move_mount"), MAY_MOUNT, Mounting("move"))),
                ),
            ),
            Route(
                msg("fspick and fsconfig"),
                (
                    Step('fspick("/")', (calls("fspick"), MAY_MOUNT, Unlocked(), Feature("new_mount_api"))),
                    Step("fsconfig(FSCONFIG_CMD_RECONFIGURE)", (calls("fsconfig"), Mounting("new-api"))),
                ),
            ),
        ),
        ("mount_setattr(2)",),
    ),
    Threat(
        "unmount",
        Family.MOUNTS,
        Severity.MEDIUM,
        msg("Unmount filesystems"),
        msg("Could unmount what the engine mounted over secret or dangerous paths."),
        msg("Masked files of /proc and /sys, and what lies below a mount, become visible."),
        DROP_ADMIN_ALONE,
        "capabilities",
        (direct('umount2("/proc")', calls("umount2", "umount"), MAY_MOUNT, Unlocked(), Mounting("umount")),),
        ("umount(2)",),
    ),
    Threat(
        "pivot-root",
        Family.MOUNTS,
        Severity.LOW,
        msg("Swap the root directory"),
        msg("Could make another mount its root, as container runtimes do (pivot_root)."),
        msg("It can set up containers inside, unseen by the engine."),
        _NO_NAMESPACES,
        "capabilities",
        (
            direct('pivot_root("/", "/")', calls("pivot_root"), MAY_MOUNT, Mounting("pivot_root")),
            in_new_namespaces('pivot_root("/", "/")', calls("pivot_root"), Mounting("pivot_root")),
        ),
        ("pivot_root(2)",),
    ),
    Threat(
        "change-root",
        Family.MOUNTS,
        Severity.LOW,
        msg("Change its root directory"),
        msg("Could make any directory its root, and show programs a filesystem of its own making."),
        msg("It can fool set-uid programs; with a directory outside left open, it gets out."),
        msg("Drop SYS_CHROOT, unless the program confines itself with chroot."),
        "capabilities",
        (
            direct('chroot("/")', calls("chroot"), own("SYS_CHROOT")),
            in_new_namespaces('chroot("/")', calls("chroot")),
        ),
        ("chroot(2)", "PSS:restricted"),
    ),
    Threat(
        "write-root-file-system",
        Family.MOUNTS,
        Severity.MEDIUM,
        msg("Change the container's files"),
        msg("Could write to the container's own filesystem, and leave a program there."),
        msg("An attacker survives a restart, and can replace the programs of the container."),
        msg("Start it read-only, with a tmpfs where it must write."),
        "namespaces",
        (direct('open("/x", O_CREAT)', RootWritable()),),
        ("CIS-Docker-1.6.0:5.13",),
    ),
    Threat(
        "watch-file-system",
        Family.MOUNTS,
        Severity.MEDIUM,
        msg("Monitor and block file access"),
        msg("Could watch every access to a whole filesystem, and decide which go ahead (fanotify)."),
        msg("It sees what others open, and can hold up every program that uses the same disk."),
        DROP_ADMIN,
        "capabilities",
        (direct("fanotify_init(FAN_CLASS_CONTENT)", calls("fanotify_init"), initial("SYS_ADMIN")),),
        ("fanotify(7)",),
    ),
)
