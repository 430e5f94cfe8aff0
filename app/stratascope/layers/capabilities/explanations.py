"""The 41 capabilities in plain words: what each allows, and why the engines' defaults include it or not.

What each allows is from capabilities(7) and the kernel's checks; `core/options/capabilities.py` has the engines'
defaults.
"""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.linux.capability import CapabilitySet

# Each of these alone leads from a process in the initial user namespace to full control of the host, whatever the other
# layers' settings: mounting its disks, loading code into its kernel, opening any of its files by handle, raw access to
# its hardware. SYS_PTRACE is not among them, since it also needs the host's processes visible. Nor is BPF, which also
# needs PERFMON to read kernel memory, nor SYS_BOOT: in a PID namespace of its own, reboot(2) only ends the container
# and can't start a kernel loaded by kexec_load(2) (kernel/pid_namespace.c, reboot_pid_ns).
TAKE_OVER = CapabilitySet.of(("CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_DAC_READ_SEARCH"))

# Not enough alone, but each opens a large part of the host or its kernel.
SERIOUS = CapabilitySet.of(
    (
        "CAP_SYS_PTRACE",
        "CAP_SYS_BOOT",
        "CAP_BPF",
        "CAP_PERFMON",
        "CAP_NET_ADMIN",
        "CAP_MAC_ADMIN",
        "CAP_MAC_OVERRIDE",
        "CAP_SYS_TIME",
    )
)

# What the Pod Security Standards' Baseline level allows adding ("Capabilities"); Restricted: NET_BIND_SERVICE.
BASELINE = CapabilitySet.of(
    (
        "CAP_AUDIT_WRITE",
        "CAP_CHOWN",
        "CAP_DAC_OVERRIDE",
        "CAP_FOWNER",
        "CAP_FSETID",
        "CAP_KILL",
        "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE",
        "CAP_SETFCAP",
        "CAP_SETGID",
        "CAP_SETPCAP",
        "CAP_SETUID",
        "CAP_SYS_CHROOT",
    )
)

# by facts field, as in "its effective set"
SET_WORDS: dict[str, Message] = {
    "inheritable": msg("inheritable"),
    "permitted": msg("permitted"),
    "effective": msg("effective"),
    "bounding": msg("bounding"),
    "ambient": msg("ambient"),
}

UNNAMED = (
    msg("Newer than this version of Stratascope: not described yet."),
    msg("No engine's default includes a capability that it does not know."),
)

# by number: what it allows; why the defaults keep it or leave it out
WORDS: tuple[tuple[Message, Message], ...] = (
    (
        msg("Give a file to any other user or group."),
        msg("Kept by default: package managers and start scripts give files to the user that a service runs as."),
    ),
    (
        msg("Read, write and run files whatever their permissions say."),
        msg("Kept by default: root expects to open every file. It reaches the host's files where some are mounted."),
    ),
    (
        msg("Read any file, search any directory, and open files by handle, beyond the edge of the container."),
        msg(
            "Left out by default: with handles a process can open any file on a disk from which it sees one file, "
            "including the "
            "host's."
        ),
    ),
    (
        msg("Change mode, times and attributes of files that belong to others."),
        msg("Kept by default: installing software sets modes of files that were already given to another user."),
    ),
    (
        msg("Keep the set-uid and set-gid bits of a file when it is changed."),
        msg("Kept by default: installing software writes such files. A service in production does not need it."),
    ),
    (
        msg("Send signals to processes of other users."),
        msg(
            "Kept by default: root's init ends processes of other users. It reaches only processes that the container "
            "sees."
        ),
    ),
    (
        msg("Become any group."),
        msg("Kept by default: services start as root and change to a group of their own."),
    ),
    (
        msg("Become any user."),
        msg("Kept by default: services start as root and change to a user of their own."),
    ),
    (
        msg("Drop capabilities from its bounding set, make those in it inheritable, and change the securebits."),
        msg("Kept by default: it mainly serves to give capabilities away. It yields none that the bounding set lacks."),
    ),
    (
        msg("Set and clear the immutable and append-only flags of files."),
        msg("Left out by default: in a mounted host directory it could make log files erasable, or files unremovable."),
    ),
    (
        msg("Listen on ports below 1024."),
        msg(
            "Kept by default: web servers listen on 80 and 443. It applies to the container's own network, "
            "unless that is the host's."
        ),
    ),
    (
        msg("Receive the kernel's notices of other network namespaces; despite its name, nothing else."),
        msg("Left out by default: a container needs only its own network."),
    ),
    (
        msg("Configure the network: addresses, routes, firewall, promiscuous mode."),
        msg(
            "Left out by default: the engine has configured the network. It also exposes much kernel code with past "
            "vulnerabilities."
        ),
    ),
    (
        msg("Create raw packets: for an old ping, but also forged addresses and sniffing."),
        msg(
            "Docker keeps it for ping; Podman leaves it out, as ping no longer needs it. It allows spoofing neighbours."
        ),
    ),
    (
        msg("Lock memory beyond the limit, so that it is never swapped out."),
        msg("Left out by default: a container could take memory away from all others."),
    ),
    (
        msg("Ignore the permissions of System V shared memory, semaphores and queues."),
        msg("Left out by default: where the IPC namespace is shared, it reaches other users' memory there."),
    ),
    (
        msg("Load code into the kernel, and remove it."),
        msg(
            "Left out by default: a loaded module becomes part of the kernel. Nothing that a container is for needs it."
        ),
    ),
    (
        msg("Talk to hardware directly: I/O ports, raw memory, raw SCSI commands."),
        msg("Left out by default: nothing is checked once the kernel is bypassed."),
    ),
    (
        msg("Use chroot, and join other mount namespaces if it also holds SYS_ADMIN."),
        msg("Kept by default: FTP, DNS and mail servers confine themselves with chroot."),
    ),
    (
        msg("Read and change the memory of any process that it sees, and trace it."),
        msg(
            "Left out by default: if it sees the host's processes, it controls the host. Debugging one's own "
            "processes works without it."
        ),
    ),
    (
        msg("Turn process accounting on and off."),
        msg("Left out by default: a container has no use for it."),
    ),
    (
        msg("A whole collection of powers: mount filesystems, join namespaces, change quotas, and much more."),
        msg(
            "Left out by default: nearly root itself. mount(2) requires it; Docker's filter blocks that call too, as "
            "long as "
            "this capability is not given."
        ),
    ),
    (
        msg("Reboot the machine, and load another kernel to replace the running one."),
        msg(
            "Left out by default: it concerns the whole machine. In its own PID namespace, a reboot ends only the "
            "container."
        ),
    ),
    (
        msg("Raise priorities, and bind others' processes to CPUs."),
        msg("Left out by default: a container could push itself ahead of everything else."),
    ),
    (
        msg("Exceed limits: quotas, reserved disk space, numbers of processes and open files."),
        msg("Left out by default: limits are there to be kept. Those of its cgroup apply regardless."),
    ),
    (
        msg("Set the machine's clock."),
        msg("Left out by default: there is one clock for the whole machine, and certificates and logs depend on it."),
    ),
    (
        msg("Configure terminals, and hang them up."),
        msg("Left out by default: it concerns the host's consoles."),
    ),
    (
        msg("Create device files."),
        msg(
            "Docker keeps it for old installers; Podman leaves it out. The cgroup's device rules decide which ones "
            "open."
        ),
    ),
    (
        msg("Get notified before others open a file that it does not own, and delay them."),
        msg("Left out by default: file servers use it, few others."),
    ),
    (
        msg("Write records to the kernel's audit log."),
        msg("Docker keeps it for sshd, su and sudo; Podman leaves it out. Forged records could flood the host's log."),
    ),
    (
        msg("Turn the kernel's auditing on and off, and change its rules."),
        msg("Left out by default: auditing watches the whole machine, including containers."),
    ),
    (
        msg("Give capabilities to files, so that anyone who runs them gets those."),
        msg(
            "Kept by default: installing software sets them, for example on ping. It yields none that the bounding "
            "set lacks."
        ),
    ),
    (
        msg("Ignore the rules of mandatory access control; only Smack checks for it."),
        msg("Left out by default: with Smack in use, it would switch off a layer."),
    ),
    (
        msg("Change the rules of mandatory access control, such as AppArmor profiles."),
        msg("Left out by default: it would switch off a layer."),
    ),
    (
        msg("Read and clear the kernel's log, and see its addresses in /proc."),
        msg("Left out by default: the kernel's addresses help an attack on the kernel."),
    ),
    (
        msg("Wake the machine from sleep with a timer."),
        msg("Left out by default: it concerns the whole machine."),
    ),
    (
        msg("Keep the machine from going to sleep."),
        msg("Left out by default: it concerns the whole machine."),
    ),
    (
        msg("Listen to the kernel's audit log."),
        msg("Left out by default: the log tells what all others on this machine do."),
    ),
    (
        msg("Measure the whole machine with perf, including the inside of the kernel."),
        msg("Left out by default: it sees what other processes and the kernel do, including secrets."),
    ),
    (
        msg("Load BPF programs into the kernel."),
        msg(
            "Left out by default: the kernel verifies such programs, but the verifier has had vulnerabilities. With "
            "PERFMON "
            "they read its memory."
        ),
    ),
    (
        msg("For tools that checkpoint and restore processes: choose process IDs, read links of others' memory maps."),
        msg("Left out by default: the engine does this from outside, for containers that are moved."),
    ),
)


def explain(number: int) -> tuple[Message, Message]:
    """What the capability allows, and why the defaults keep it or leave it out."""
    return WORDS[number] if 0 <= number < len(WORDS) else UNNAMED
