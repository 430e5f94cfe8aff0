"""Threats by identity: becoming another user, regaining rights, and bypassing permissions."""

from __future__ import annotations

from stratascope.core.message import msg
from stratascope.core.severity import Severity
from stratascope.core.threats.catalogue.shared import calls, direct, own
from stratascope.core.threats.needs import Allowed, Capability, OtherIds, RegainByExec, Setting, SetUidExec, Where
from stratascope.core.threats.threat import Family, Threat

_PTRACE_SEIZE = 0x4206
_OWN_PIDS = msg("Give it a PID namespace of its own (no --pid=host).")
_NO_NEW_PRIVS = msg("Start it with --security-opt no-new-privileges; well-behaved services never notice.")
# Yama lets parents trace their children up to 1, requires SYS_PTRACE at 2, and forbids it at 3
_YAMA = (
    Allowed(Setting("kernel.yama.ptrace_scope", ("3",))),
    Capability(("CAP_SYS_PTRACE",), Where.OWN, Setting("kernel.yama.ptrace_scope", ("2",))),
)

THREATS = (
    Threat(
        "set-uid-file-gains-root",
        Family.PROCESSES,
        Severity.MEDIUM,
        msg("Become root through a set-uid file"),
        msg("An ordinary user in the container could become its root through a set-uid program such as su."),
        msg("A flaw in any such program defeats the purpose of not running the container as root."),
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
        msg("A process could regain capabilities that it does not hold now by starting a file that carries them."),
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
        msg("A process could become any other user of the container."),
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
        msg("A process could join any group of the container, or leave those that deny it something."),
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
        msg("A process could make any user of the container the owner of any file."),
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
        msg("A process could read and write every file of the container, whoever owns it."),
        msg("Separate users inside the container are not protected from each other, nor in shared volumes."),
        msg("Drop DAC_OVERRIDE, and run the program as the owner of its files."),
        "capabilities",
        (direct("open(another's file, O_WRONLY)", own("DAC_OVERRIDE"), OtherIds()),),
        ("capabilities(7)", "PSS:restricted"),
    ),
    Threat(
        "bypass-file-search",
        Family.PROCESSES,
        Severity.LOW,
        msg("Read every file and folder"),
        msg("A process could read every file and list every folder of the container, whoever owns it."),
        msg("It sees the secrets of all users inside, also in shared volumes."),
        msg("Drop DAC_OVERRIDE and DAC_READ_SEARCH, and run the program as the owner of its files."),
        "capabilities",
        (direct("open(another's file, O_RDONLY)", own("DAC_READ_SEARCH", "DAC_OVERRIDE"), OtherIds()),),
        ("capabilities(7)",),
    ),
    Threat(
        "keep-set-id-bits",
        Family.PROCESSES,
        Severity.LOW,
        msg("Keep set-id bits on changed files"),
        msg("A process could change a set-uid program and keep its set-uid bit, which the kernel otherwise clears."),
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
        msg("A process could add capabilities to a program, so that anyone who starts it in the container gets them."),
        msg("It leaves itself a way back to its privileges."),
        msg("Drop SETFCAP, which package managers need and services do not."),
        "capabilities",
        (
            direct(
                'setxattr("security.capability")',
                calls("setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
                own("SETFCAP"),
            ),
        ),
        ("capabilities(7)",),
    ),
    Threat(
        "change-capability-sets",
        Family.PROCESSES,
        Severity.LOW,
        msg("Rearrange its capabilities"),
        msg("A process could pass its capabilities on to programs that it starts, and change how root is treated."),
        msg("It gains nothing new, but programs that it starts may keep capabilities that they should lose."),
        msg("Drop SETPCAP, unless the program starts others with fewer capabilities."),
        "capabilities",
        (direct("prctl(PR_CAPBSET_DROP)", calls("prctl"), own("SETPCAP")),),
        ("capabilities(7)", "prctl(2)"),
    ),
)
