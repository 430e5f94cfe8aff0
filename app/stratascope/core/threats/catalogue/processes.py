"""Threats to processes, and by identity: tracing and signals; becoming another user, regaining rights."""

from __future__ import annotations

from stratascope.core.message import Message, msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import (
    MAY_MOUNT,
    MOUNT_CALLS,
    SIGNAL_CALLS,
    calls,
    direct,
    initial,
    own,
    uncovering,
)
from stratascope.core.threats.needs import (
    Allowed,
    Call,
    Calls,
    Capability,
    HostProcesses,
    HostTerminal,
    InspectContainer,
    InspectHost,
    Mounting,
    OpenFiles,
    OtherIds,
    ProcessesInSight,
    RegainByExec,
    RootInside,
    SameUser,
    Setting,
    SetUidExec,
    Shares,
    SignalRoot,
    StrongProcess,
    Tracing,
    Where,
)
from stratascope.core.threats.threat import Family, Route, Step, Threat

_PTRACE_ATTACH, _PTRACE_SEIZE = 16, 0x4206
_OWN_PIDS = msg("Give it a private PID namespace (no --pid=host).")
_NO_NEW_PRIVS = msg("Start it with --security-opt no-new-privileges; well-behaved services never notice.")
# Yama lets parents trace their children up to 1, requires SYS_PTRACE at 2, and forbids it at 3
_YAMA = (
    Allowed(Setting("kernel.yama.ptrace_scope", ("3",))),
    Capability(("CAP_SYS_PTRACE",), Where.OWN, Setting("kernel.yama.ptrace_scope", ("2",))),
)

_IDENTITIES = (
    Threat(
        "set-uid-file-gains-root",
        Family.PROCESSES,
        Severity.MEDIUM,
        msg("Become root through a set-uid file"),
        msg("Could make an ordinary user the container's root, through a set-uid program such as su."),
        msg("One vulnerable set-uid program undoes running as non-root."),
        _NO_NEW_PRIVS,
        "capabilities",
        (direct("execve(root's 04755 file)", calls("execve", "execveat"), SetUidExec(), OtherIds()),),
        ("CIS-Docker-1.6.0:5.26", "PSS:restricted", "execve(2)"),
    ),
    Threat(
        "regain-by-exec",
        Family.PROCESSES,
        Severity.MEDIUM,
        msg("Regain capabilities through exec"),
        msg("Could regain capabilities that it does not hold now by starting a file that carries them."),
        msg("What the program gave up on purpose comes back."),
        _NO_NEW_PRIVS,
        "capabilities",
        (direct("execve(file with capabilities)", calls("execve", "execveat"), RegainByExec()),),
        ("CIS-Docker-1.6.0:5.26", "capabilities(7)"),
    ),
    Threat(
        "become-other-user",
        Family.PROCESSES,
        Severity.LOW,
        msg("Become another user"),
        msg("Could become any other user of the container."),
        msg("It gets access to that user's files and processes."),
        msg("Drop SETUID, and start the program as the user it needs."),
        "capabilities",
        (
            direct(
                "setresuid()",
                calls(
                    "setresuid", "setreuid", "setuid", "setfsuid", "setresuid32", "setreuid32", "setuid32", "setfsuid32"
                ),
                own("SETUID"),
                OtherIds(),
            ),
        ),
        ("setresuid(2)", "PSS:restricted"),
    ),
    Threat(
        "drop-groups",
        Family.PROCESSES,
        Severity.LOW,
        msg("Change its groups"),
        msg("Could join any group of the container, or leave those that deny it something."),
        msg("It gets access to files that are open to these groups."),
        msg("Drop SETGID, and start the program with the groups it needs."),
        "capabilities",
        (
            direct(
                "setgroups(0)",
                calls("setgroups", "setgroups32"),
                own("SETGID"),
                OtherIds(group=True),
            ),
        ),
        ("setgroups(2)",),
    ),
    Threat(
        "give-file-away",
        Family.PROCESSES,
        Severity.LOW,
        msg("Change the owner of a file"),
        msg("Could make any user of the container the owner of any file."),
        msg("It gets around permissions, and can attribute files to others."),
        msg("Drop CHOWN once the files have their owners."),
        "capabilities",
        (
            direct(
                "chown()",
                calls("chown", "fchown", "lchown", "fchownat", "chown32", "fchown32", "lchown32"),
                own("CHOWN"),
                OtherIds(),
            ),
        ),
        ("chown(2)", "PSS:restricted"),
    ),
    Threat(
        "bypass-file-permissions",
        Family.PROCESSES,
        Severity.LOW,
        msg("Ignore file permissions"),
        msg("Could read and write every file of the container, whoever owns it."),
        msg("Separate users inside the container are not protected from each other, nor in shared volumes."),
        msg("Drop DAC_OVERRIDE, and run the program as the owner of its files."),
        "capabilities",
        (direct("open(another's file, O_WRONLY)", own("DAC_OVERRIDE"), OtherIds(), OpenFiles()),),
        ("capabilities(7)", "PSS:restricted"),
    ),
    Threat(
        "bypass-file-search",
        Family.PROCESSES,
        Severity.LOW,
        msg("Read every file and directory"),
        msg("Could read every file and list every directory of the container, whoever owns it."),
        msg("It sees the secrets of all users inside, also in shared volumes."),
        msg("Drop DAC_OVERRIDE and DAC_READ_SEARCH, and run the program as the owner of its files."),
        "capabilities",
        (direct("open(another's file, O_RDONLY)", own("DAC_READ_SEARCH", "DAC_OVERRIDE"), OtherIds(), OpenFiles()),),
        ("capabilities(7)",),
    ),
    Threat(
        "keep-set-id-bits",
        Family.PROCESSES,
        Severity.LOW,
        msg("Keep set-id bits on changed files"),
        msg("Could change a set-uid program and keep its set-uid bit, which the kernel otherwise clears."),
        msg("A changed program still runs with its owner's rights."),
        msg("Drop FSETID, which package managers need and services do not."),
        "capabilities",
        (direct("chmod(02755)", calls("chmod", "fchmod", "fchmodat", "fchmodat2"), own("FSETID")),),
        ("capabilities(7)",),
    ),
    Threat(
        "set-file-capabilities",
        Family.PROCESSES,
        Severity.LOW,
        msg("Give capabilities to a file"),
        msg("Could add capabilities to a program, so that anyone who starts it in the container gets them."),
        msg("It leaves itself a way back to its privileges."),
        msg("Drop SETFCAP, which package managers need and services do not."),
        "capabilities",
        (
            direct(
                'setxattr("security.capability")',
                calls("setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
                own("SETFCAP"),
                RootInside(),
            ),
        ),
        ("capabilities(7)",),
    ),
    Threat(
        "change-capability-sets",
        Family.PROCESSES,
        Severity.LOW,
        msg("Rearrange its capabilities"),
        msg("Could pass its capabilities on to programs that it starts, and change how root is treated."),
        msg("It gains nothing new, but programs that it starts may keep capabilities that they should lose."),
        msg("Drop SETPCAP, unless the program starts others with fewer capabilities."),
        "capabilities",
        (direct("prctl(PR_CAPBSET_DROP)", calls("prctl"), own("SETPCAP")),),
        ("capabilities(7)", "prctl(2)"),
    ),
)


# Yama's check for processes that are no children of its own: at 1 they take SYS_PTRACE, too
_YAMA_BEYOND = (
    Allowed(Setting("kernel.yama.ptrace_scope", ("3",))),
    initial("SYS_PTRACE", only_if=Setting("kernel.yama.ptrace_scope", ("1", "2"))),
)
_OWN_PROC = msg("Give it a private PID namespace (no --pid=host), and do not mount the host's /proc.")
# Yama lets parents trace their children up to 1, requires SYS_PTRACE at 2, and forbids it at 3
# /proc/PID/mem makes the same check on open, __mem_open in fs/proc/base.c
_INTO_CHILD = (Tracing("own"), *_YAMA)
_TIOCSTI = Calls((Call("ioctl", ((1, 0x5412),)),))  # include/uapi/asm-generic/ioctls.h
_TRACE = Calls((Call("ptrace", ((0, _PTRACE_SEIZE),)), Call("ptrace", ((0, _PTRACE_ATTACH),))))

_SET_USER = calls(
    *("setfsuid", "setresuid", "setreuid", "setuid", "setfsuid32", "setresuid32", "setreuid32", "setuid32")
)
_SET_GROUP = calls(
    *("setfsgid", "setresgid", "setregid", "setgid", "setfsgid32", "setresgid32", "setregid32", "setgid32")
)


def _traced(label: Message, *, neighbours: bool = False) -> Route:
    sight, look = ProcessesInSight(neighbours=neighbours), InspectContainer(neighbours=neighbours, traced=True)
    return Route(label, (Step('open("/proc/P/root")', (sight, own("SYS_PTRACE"), look, Tracing("container"))),))


_PROCESSES = (
    Threat(
        "enter-host-process",
        Family.PROCESSES,
        Severity.CRITICAL,
        msg("Enter a host process"),
        msg("Could open all files of the host through a host process in /proc."),
        msg("It can read and change every file of this machine."),
        msg("Give it a private PID namespace (no --pid=host), do not mount the host's /proc, and drop SYS_PTRACE."),
        "namespaces",
        (direct('open("/proc/2/root")', HostProcesses(), InspectHost(), Tracing("host")),),
        ("CIS-Docker-1.6.0:5.16", "PSS:baseline", "ptrace(2)"),
    ),
    Threat(
        "enter-host-user-process",
        Family.PROCESSES,
        Severity.CRITICAL,
        msg("Enter a host user's process"),
        msg("Could become a user who runs a program on the host, and reach all files through it."),
        msg("Root again afterwards, it can reach every file of this machine."),
        msg(
            "Give it a private PID namespace (no --pid=host), do not mount the host's /proc, and drop SETUID "
            "and SETGID."
        ),
        "namespaces",
        (
            Route(
                msg("as that user"),
                (
                    # __ptrace_may_access, kernel/ptrace.c: all three uids and all three gids
                    Step("setfsgid(its group)", (_SET_GROUP, initial("SETGID"))),
                    Step("setfsuid(that user)", (_SET_USER, initial("SETUID"))),
                    Step('open("/proc/P/root")', (HostProcesses(), Tracing("host"))),
                ),
            ),
        ),
        ("CIS-Docker-1.6.0:5.16", "PSS:baseline", "ptrace(2)"),
    ),
    Threat(
        "enter-same-user-process",
        Family.PROCESSES,
        Severity.HIGH,
        msg("Enter a user's own programs"),
        msg("Could open a host user's files through that user's programs, since it has the same ID."),
        msg("It reads and changes everything that this user can, outside every container."),
        msg(
            "Give it a private PID namespace (no --pid=host) and do not mount the host's /proc. Another user "
            "ID helps only if no host user has it."
        ),
        "namespaces",
        (direct('open("/proc/P/root")', HostProcesses(), SameUser(), Tracing("host")),),
        ("CIS-Docker-1.6.0:5.16", "ptrace(2)"),
    ),
    Threat(
        "enter-foreign-process",
        Family.PROCESSES,
        Severity.HIGH,
        msg("Enter another container's process"),
        msg("Could open the files of another container through /proc, as that container sees them."),
        msg("It can read that container's secrets and change its programs."),
        _OWN_PROC,
        "namespaces",
        (
            direct('open("/proc/P/root")', ProcessesInSight(), InspectContainer(), Tracing("container")),
            _traced(msg("with SYS_PTRACE")),
            Route(
                msg("of a container in the same PID namespace"),
                (
                    Step(
                        'open("/proc/P/root")',
                        (
                            ProcessesInSight(neighbours=True),
                            InspectContainer(neighbours=True),
                            Tracing("container"),
                        ),
                    ),
                ),
            ),
            _traced(msg("of a container in the same PID namespace, with SYS_PTRACE"), neighbours=True),
        ),
        ("CIS-Docker-1.6.0:5.16", "ptrace(2)"),
    ),
    Threat(
        "take-over-privileged-process",
        Family.PROCESSES,
        Severity.CRITICAL,
        msg("Take over a privileged process"),
        msg("Could make a program of the host's root, or of a privileged container, run its code."),
        msg("It then has that program's privileges: those of the host's root."),
        msg("Do not share the PID namespace of the host or of a privileged container, and drop SYS_PTRACE."),
        "namespaces",
        (
            Route(
                msg("through /proc/PID/mem"),
                (Step('write("/proc/P/mem")', (StrongProcess(), InspectHost(), Tracing("host"), *_YAMA_BEYOND)),),
            ),
        ),
        ("CIS-Docker-1.6.0:5.16", "ptrace(2)"),
    ),
    Threat(
        "signal-host-process",
        Family.PROCESSES,
        Severity.HIGH,
        msg("Kill programs of the host"),
        msg("Could send signals to programs of the host's root, and kill them."),
        msg("It can stop services of this machine, including the engine."),
        _OWN_PIDS,
        "namespaces",
        (direct("kill(2, 0)", SIGNAL_CALLS, Shares("pid"), SignalRoot()),),
        ("CIS-Docker-1.6.0:5.16", "kill(2)"),
    ),
    Threat(
        "see-host-processes",
        Family.PROCESSES,
        Severity.MEDIUM,
        msg("See the host's processes"),
        msg("Could see every host process with its command line, including passwords in it."),
        msg("It learns what runs here, and what to attack next."),
        _OWN_PROC,
        "namespaces",
        (
            direct('open("/proc/2/comm")', HostProcesses(shown=True), Tracing("see")),
            *(
                Route(name, (step, Step('open("/proc/2/comm")', (HostProcesses(), Tracing("see")))))
                for name, step in uncovering("/proc")
            ),
            Route(
                msg("through a freshly mounted proc"),
                (
                    Step('mount("proc")', (MOUNT_CALLS, MAY_MOUNT, Mounting("mount"))),
                    Step('open("/proc/2/comm")', (HostProcesses(), Tracing("see"))),
                ),
            ),
        ),
        ("CIS-Docker-1.6.0:5.16", "PSS:baseline", "pid_namespaces(7)"),
    ),
    Threat(
        "signal-other-users",
        Family.PROCESSES,
        Severity.LOW,
        msg("Kill others' programs"),
        msg("Could send signals to programs of all users in the container."),
        msg("It can stop whatever else runs in the container."),
        msg("Drop KILL, unless the program supervises others that run as other users."),
        "capabilities",
        (direct("kill(process of another user)", SIGNAL_CALLS, own("KILL"), OtherIds()),),
        ("kill(2)",),
    ),
    Threat(
        "trace-child",
        Family.PROCESSES,
        Severity.LOW,
        msg("Control another program"),
        msg("Could stop a program of the same user and change what it does, as a debugger can."),
        msg("It can take over programs that run beside it in the container."),
        msg("Use a seccomp profile without ptrace, if nothing is debugged in it."),
        "seccomp",
        (
            direct(
                "ptrace(PTRACE_SEIZE, child)",
                _TRACE,
                *_INTO_CHILD,
            ),
        ),
        ("ptrace(2)",),
    ),
    Threat(
        "read-child-memory",
        Family.PROCESSES,
        Severity.LOW,
        msg("Read another program's memory"),
        msg("Could read the memory of a program of the same user, keys and passwords included."),
        msg("It learns the secrets of programs that run beside it in the container."),
        msg("Run programs that should not trust each other as different users: no filter closes /proc/PID/mem."),
        "seccomp",
        (
            direct("process_vm_readv(child)", calls("process_vm_readv"), Tracing("own"), *_YAMA),
            Route(msg("through /proc/PID/mem"), (Step('read("/proc/P/mem")', _INTO_CHILD),)),
            Route(msg("by tracing it"), (Step("ptrace(PTRACE_PEEKDATA)", (_TRACE, *_INTO_CHILD)),)),
        ),
        ("process_vm_readv(2)",),
    ),
    Threat(
        "write-child-memory",
        Family.PROCESSES,
        Severity.LOW,
        msg("Change another program's memory"),
        msg("Could change the memory of a program of the same user while it runs."),
        msg("It can make programs beside it do anything."),
        msg("Run programs that should not trust each other as different users: no filter closes /proc/PID/mem."),
        "seccomp",
        (
            direct("process_vm_writev(child)", calls("process_vm_writev"), Tracing("own"), *_YAMA),
            Route(msg("through /proc/PID/mem"), (Step('write("/proc/P/mem")', _INTO_CHILD),)),
            Route(msg("by tracing it"), (Step("ptrace(PTRACE_POKEDATA)", (_TRACE, *_INTO_CHILD)),)),
        ),
        ("process_vm_readv(2)",),
    ),
    Threat(
        "steal-descriptor",
        Family.PROCESSES,
        Severity.LOW,
        msg("Take another program's open files"),
        msg("Could take a copy of an open file or connection from a program of the same user."),
        msg("It can use whatever the other program was allowed to open."),
        msg("Run programs that should not trust each other as different users: no filter closes /proc/PID/fd."),
        "seccomp",
        (
            direct("pidfd_getfd(child)", calls("pidfd_getfd"), Tracing("own"), *_YAMA),
            # proc_fd_link, fs/proc/fd.c, requires read access only; for files and pipes, not for sockets
            Route(msg("through /proc/PID/fd"), (Step('open("/proc/P/fd/N")', (Tracing("look"),)),)),
            Route(msg("by tracing it"), (Step("ptrace(PTRACE_SEIZE, child)", (_TRACE, *_INTO_CHILD)),)),
        ),
        ("pidfd_getfd(2)",),
    ),
    Threat(
        "compare-kernel-objects",
        Family.PROCESSES,
        Severity.LOW,
        msg("Compare kernel objects"),
        msg("Could ask whether two processes share a file, memory or another kernel object."),
        msg("It learns little: the kernel scrambles the order it returns."),
        msg("Keep the engine's default seccomp profile."),
        "seccomp",
        (direct("kcmp()", calls("kcmp"), Tracing("look")),),
        ("kcmp(2)",),
    ),
    Threat(
        "type-into-terminal",
        Family.PROCESSES,
        Severity.HIGH,
        msg("Type into a terminal of the host"),
        msg("Could type commands into a host terminal that was left open in it."),
        msg("The shell there runs them as the terminal's user, once the container has ended."),
        msg("Give it its own terminal (-t), or none, and keep dev.tty.legacy_tiocsti at 0 on the host."),
        "namespaces",
        (
            # tiocsti, drivers/tty/tty_io.c
            direct(
                "ioctl(TIOCSTI)",
                _TIOCSTI,
                HostTerminal(controlling=True),
                initial("SYS_ADMIN", only_if=Setting("dev.tty.legacy_tiocsti", ("0",))),
            ),
            Route(
                msg("one that is not its own session's"),
                (Step("ioctl(TIOCSTI)", (_TIOCSTI, HostTerminal(), initial("SYS_ADMIN"))),),
            ),
        ),
        ("ioctl_tty(2)",),
    ),
    Threat(
        "hang-up-terminal",
        Family.PROCESSES,
        Severity.LOW,
        msg("Cut terminals off"),
        msg("Could cut a terminal off from the programs that use it."),
        msg("It can throw others out of a session."),
        msg("Drop {name}, which no engine gives by default.", name="SYS_TTY_CONFIG"),
        "capabilities",
        (direct("vhangup()", calls("vhangup"), initial("SYS_TTY_CONFIG")),),
        ("vhangup(2)",),
    ),
)

THREATS = (*_IDENTITIES, *_PROCESSES)
