"""Messages that programs log in their last lines before they end, and their probable meaning. Data, and pure.

Each is a guess, since a log is no proof, as the observer's events are. Meanings that the container's options rule out
are left out. Messages that also show which choice of a relaunch broke it are in `complaints`.
"""

from __future__ import annotations

from stratascope.core.container import Asked
from stratascope.core.message import msg
from stratascope.core.refusals.ended.complaints import (
    DENIED,
    NEEDS,
    NO_FILES,
    NO_FORK,
    NO_MEMORY,
    NOT_PERMITTED,
    READ_ONLY,
    REFUSED,
    SIGSYS,
    UNREACHABLE,
    UNRESOLVED,
    Found,
    Saying,
    as_other,
    first,
    lacks_one,
    limited,
    more_memory,
    more_of,
    more_pids,
    network,
    no_network,
    of_kernel,
    on_noexec,
    on_read_only_mount,
    on_root,
    on_root_said,
    port_rights,
    rights,
    root_without_files,
    runnable,
    to_root,
    writable,
)
from stratascope.core.refusals.ended.ending import IMAGE, PROGRAM
from stratascope.core.refusals.refusal import FILES, KERNEL, NETWORK, Claim, Strength
from stratascope.core.relaunch.want import GainedRights, HeldCapability, PassedCall, Want

_RIGHTS = tuple(
    Saying(
        rf"(?:{word}).*?(?:{REFUSED})|(?:{REFUSED}).*?(?:{word})",
        "capabilities",
        msg("What it tried requires {lacking}, which it does not have."),
        rights(names),
        lacks_one(names),
    )
    for word, names in NEEDS
    if names != ("CAP_NET_BIND_SERVICE",)  # ports have their own sentence, which names the port
)  # fmt: skip

_OF_FILES = (
    # -- paths not writable
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It can't write to {path}: that part of /proc or /sys is read-only."),
        writable,
        of_kernel,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It can't write to {path}: that mount is read-only."),
        writable,
        on_read_only_mount,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It can't write to {path}: its root filesystem is read-only."),
        writable,
        on_root_said,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It can't write there: its root filesystem is read-only."),
        writable,
        on_root,
    ),
    Saying(
        READ_ONLY,
        "namespaces",
        msg("It can't write to a filesystem that is mounted read-only."),
    ),
    # -- programs and libraries
    Saying(
        r"(?P<name>[\w.+-]+\.so[\w.]*):? (?:cannot open shared object|no such file)|error loading shared library "
        r"(?P<name2>[^\s:]+)|could not load library (?P<name3>\S+)",
        IMAGE,
        msg("The library {name} is missing from its image."),
    ),
    Saying(
        r"version [`'\"](?P<name>GLIBC\w*_[\w.]+)[`'\"]? not found",
        IMAGE,
        msg("Its program needs a newer C library ({name}) than its image has. Build it on the same system."),
    ),
    Saying(
        r"no module named ['\"]?(?P<name>[\w.]+)|cannot find (?:module|package) ['\"](?P<name2>[^'\"]+)"
        r"|could not find or load main class (?P<name3>\S+)|noclassdeffounderror: (?P<name4>\S+)",
        IMAGE,
        msg("Its program needs {name}, which is not in the image, or is hidden by a mount."),
    ),
    Saying(
        r"exec format error|cannot execute binary file",
        IMAGE,
        msg("One of its programs is not built for this machine, or is a script without an interpreter line (#!)."),
    ),
    Saying(
        r"(?:env: |exec: )[`'\"‘]?(?P<name>[^`'\"’:]+?)\\?r?[`'\"’]?: no such file|(?P<name2>[\w./-]+): "
        r"(?:command )?not found",
        IMAGE,
        msg("There is no program {name} in it, or its script has Windows line endings (CRLF)."),
    ),
    Saying(
        r"unable to open database file|database is locked|has wrong ownership|has invalid permissions|too permissive",
        FILES,
        msg("Its data can't be used as they are: the directory's owner or mode is not what it expects."),
    ),
    Saying(
        r"is uninitialized and (?:superuser )?password|environment variable[^\n]{0,60}(?:not set|required|missing)"
        r"|missing required (?:option|argument|environment)",
        PROGRAM,
        msg("A required setting is missing: check which variables and options its image expects."),
    ),
    # -- capabilities, general ones last
    *_RIGHTS,
    Saying(
        rf"\bexec\b.*(?:{DENIED})|(?:{DENIED}).*\bexec\b|cannot execute",
        "namespaces",
        msg("{path} is on a filesystem in memory from which no program can be run (noexec)."),
        runnable,
        on_noexec,
    ),
    Saying(
        r"are you root|only root|requires? root|superuser privileges",
        "capabilities",
        msg("It is root, but lacks a capability that root usually has."),
    ),
    Saying(
        DENIED,
        "capabilities",
        msg(
            "It is root without DAC_OVERRIDE, so the owner and mode of files apply to it, and they do not let it use "
            "{path}."
        ),
        rights(("CAP_DAC_OVERRIDE",)),
        lambda asked, found: "path" in found and root_without_files(asked, found),
    ),
    Saying(  # a name without its folder, as find(1) prints it
        DENIED,
        "capabilities",
        msg("It is root without DAC_OVERRIDE, so the owner and mode of files apply to it."),
        rights(("CAP_DAC_OVERRIDE",)),
        root_without_files,
    ),
    Saying(
        DENIED,
        FILES,
        msg("It can't use {path}: its owner and mode exclude this user, or its SELinux label is wrong."),
        fits=lambda asked, found: "path" in found,
    ),
    Saying(
        DENIED,
        FILES,
        msg("It can't use a file or directory: the owner and mode exclude its user, or the SELinux label is wrong."),
    ),
    Saying(
        NOT_PERMITTED,
        "capabilities",
        msg(
            "The kernel refused something privileged: a capability is missing, or a filter stopped the call. Watch "
            "it to find out which."
        ),
    ),
    Saying(
        r"no such file or directory|\bENOENT\b|cannot find the file|filenotfound",
        PROGRAM,
        msg("A file that it needs does not exist: {path}."),
        fits=lambda asked, found: "path" in found,
    ),
)


_BIND = r"\bbind\b|\blisten\b|could not bind|make_sock"
_LOW = r"(?:[1-9]\d{0,2}|10[01]\d|102[0-3])"
_HIGH = r"(?:102[4-9]|10[3-9]\d|1[1-9]\d\d|[2-9]\d{3}|\d{5})"
_THREAD = (
    r"pthread_create|can't start new thread|unable to create (?:new )?native thread|failed to create new OS thread"
)


def _gained(asked: Asked, found: Found) -> tuple[Want, ...]:
    return (GainedRights(found.get("path", "")),)


def _call(name: str) -> tuple[Want, ...]:
    return (PassedCall("x86_64", name, ()),)


_SAYINGS = (
    # -- ports and networks
    Saying(
        rf"(?:{_BIND})[^\n]*?:(?P<port>{_LOW})\b(?=[^\n]*(?:{DENIED}))"
        rf"|(?:{DENIED})[^\n]*?(?:{_BIND}|0\.0\.0\.0|\[?::\]?)[^\n]*?:(?P<port2>{_LOW})\b"
        rf"|(?:{DENIED})[^\n]*?port (?P<port3>{_LOW})\b",
        "capabilities",
        msg(
            "It can't listen on port {port}: ports below net.ipv4.ip_unprivileged_port_start require NET_BIND_SERVICE."
        ),
        port_rights,
    ),
    Saying(
        rf"^(?!.*(?::{_HIGH}\b|unix|\.sock)).*(?:{_BIND}).*(?:{DENIED})",
        "capabilities",
        msg("It can't listen on its port: ports below net.ipv4.ip_unprivileged_port_start require NET_BIND_SERVICE."),
        port_rights,
    ),
    Saying(
        r"address already in use|\bEADDRINUSE\b|\(98: ",
        NETWORK,
        msg("Something else in its network already listens on its port, perhaps a second process of its own."),
    ),
    Saying(
        rf"{UNRESOLVED}|\bEAI_AGAIN\b|\bENOTFOUND\b|unknownhostexception|temporary failure resolving",
        NETWORK,
        msg("It has no network, so it can't resolve names."),
        network,
        no_network,
    ),
    Saying(
        rf"{UNRESOLVED}|\bEAI_AGAIN\b|\bENOTFOUND\b|unknownhostexception|temporary failure resolving",
        NETWORK,
        msg(
            "It could not resolve the name of another machine: that one is not in its networks or not up yet, or no "
            "name server answers."
        ),
    ),
    Saying(
        r"network is unreachable|no route to host|\bENETUNREACH\b|\bEHOSTUNREACH\b",
        NETWORK,
        msg("It has no network, or no route to the machine it wants to reach."),
        network,
    ),
    Saying(
        rf"{UNREACHABLE}|connection timed out|\bETIMEDOUT\b|could not connect to server|connection to \S+ failed",
        NETWORK,
        msg(
            "Another service that it needs did not answer: it is not up yet, listens elsewhere, or shares no network "
            "with this container."
        ),
    ),
    # -- rights that a program gains by its file
    Saying(
        r"no new privileges.{0,3} flag is set|effective uid is not 0|must be (?:suid|setuid)|not setuid root",
        "capabilities",
        msg(
            "A program that should run with root's rights (sudo, su, ping) did not get them: no-new-privileges is set."
        ),
        _gained,
        lambda asked, found: asked.no_new_privileges,
    ),
    Saying(
        r"effective uid is not 0|must be (?:suid|setuid)|not setuid root",
        "namespaces",
        msg(
            "A program that should run with root's rights (sudo, su, ping) did not get them: its set-uid bit is "
            "missing, or it is on a nosuid mount."
        ),
        _gained,
    ),
    Saying(
        r"(?:cannot|can't|must not|should not|do not|don't|refus\w+ to) (?:be )?(?:run|start|execut)\w*[^\n]{0,30}"
        r"\b(?:as )?[\"'`]?root",
        PROGRAM,
        msg("It refuses to run as root: set another user."),
    ),
    Saying(
        r"(?:must|need to|have to|has to|should) (?:be )?(?:run|start|execut)?\w* ?(?:by|as|be) [\"'`]?root"
        r"|are you root|only root|requires? root|not running as root|superuser privileges",
        "usermap",
        msg("It has to be root, but runs as another user here."),
        to_root,
        as_other,
    ),
    # -- threads, files, memory
    Saying(
        rf"(?:{_THREAD})[^\n]*(?:not permitted|\bEPERM\b|errno ?= ?1\b)|\bclone3?\b[^\n]*(?:not permitted|\bEPERM\b)",
        "seccomp",
        msg(
            "It could not start a thread: the filter refuses clone3, because the engine or libseccomp is older than "
            "its C library. Update the engine."
        ),
        lambda asked, found: _call("clone3"),
    ),
    Saying(
        r"io_uring[^\n]*(?:not permitted|not implemented|\bEPERM\b|\bENOSYS\b|fail)",
        "seccomp",
        msg(
            "It uses io_uring, which the engines' default filters block or the kernel has disabled "
            "(kernel.io_uring_disabled)."
        ),
        lambda asked, found: _call("io_uring_setup"),
    ),
    Saying(
        rf"{NO_FORK}|{_THREAD}",
        "cgroup",
        msg("It could not start more processes or threads: its process limit is reached."),
        more_pids,
        limited("pids"),
    ),
    Saying(
        r"inotify[^\n]*too many open files|file watchers|max_user_(?:watches|instances)",
        KERNEL,
        msg(
            "The host's limit for file watches is reached: see fs.inotify.max_user_watches and "
            "fs.inotify.max_user_instances."
        ),
    ),
    Saying(
        NO_FILES,
        "cgroup",
        msg("It could not open more files or connections: its open file limit is reached."),
        more_of("nofile"),
    ),
    Saying(
        r"shared memory[^\n]*(?:no space|\bENOSPC\b|cannot allocate)|/dev/shm[^\n]*(?:no space|\bENOSPC\b|bus error)",
        "cgroup",
        msg("Its shared memory in /dev/shm is full: engines give 64 MiB by default."),
        more_of("shm"),
    ),
    Saying(
        r"heap out of memory|java heap space|gc overhead limit|metaspace|reached heap limit",
        PROGRAM,
        msg("Its own heap is full: its runtime (Node, Java) has a limit of its own, derived from the container's."),
        more_memory,
    ),
    Saying(
        r"mlock\w*[^\n]*(?:cannot allocate|not permitted|fail)|\bRLIMIT_MEMLOCK\b|memory locking",
        "cgroup",
        msg("It can't lock enough memory: raise its memlock ulimit, or add IPC_LOCK."),
        lambda asked, found: (*more_of("memlock")(asked, found), HeldCapability(("CAP_IPC_LOCK",))),
    ),
    Saying(
        rf"{NO_MEMORY}|runtime: out of memory|could not allocate|not enough memory",
        "cgroup",
        msg("It got no more memory: its limit is too low for it."),
        more_memory,
        limited("memory"),
    ),
    Saying(
        rf"{NO_MEMORY}|runtime: out of memory|not enough memory",
        KERNEL,
        msg(
            "It got no more memory, and has no limit of its own: the machine has too little, or it asks for more than "
            "vm.overcommit_memory allows."
        ),
    ),
    Saying(
        r"no space left on device|\bENOSPC\b|disk quota exceeded|disk (?:is )?full|\(28: ",
        KERNEL,
        msg("A filesystem is full: the host's disk, or one in memory (tmpfs) that has a size limit."),
    ),
    Saying(
        r"file size limit exceeded|file too large|\bEFBIG\b",
        "cgroup",
        msg("It wrote a file larger than its limit (ulimit fsize)."),
        more_of("fsize"),
    ),
    # -- filters, the kernel, the machine
    Saying(
        SIGSYS,
        "seccomp",
        msg("A seccomp filter killed it for a system call: see which in the kernel's log, or observe it."),
    ),
    Saying(
        r"x86-64-v[234]|cpu does not support|unsupported (?:cpu|processor)|illegal instruction",
        KERNEL,
        msg("It is built for a newer CPU than this machine has. Use an image for an older one."),
    ),
    Saying(
        r"kernel too old",
        KERNEL,
        msg("It is built for a newer kernel than this host's."),
    ),
    Saying(
        r"function not implemented|\bENOSYS\b|\(38: ",
        "seccomp",
        msg("A system call got ENOSYS: the filter does not know the call, or this kernel lacks it."),
    ),
    *_OF_FILES,
)


def likely(text: str, asked: Asked) -> Claim | None:
    """The probable meaning of one line of its log; None if not known."""
    return first(_SAYINGS, text, asked, Strength.LEFT)
