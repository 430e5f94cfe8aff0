"""How programs and engines complain: the words, the path next to them, what they mean, and what would help. Pure.

Why a container ended (`core/refusals/ended/why.py`) and which choice broke its replacement
(`usecases/relaunch/diagnosis.py`) go by the same words. They are those of the C library, busybox, nginx, gosu and the
runtimes of Go, Node, Python and Java. Decided against more than words and numbers, since a log is foreign text that is
never run, opened or followed. Whether a sentence can be true is decided by the container's options, in place of the
kernel: nothing runs any more that could be read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from stratascope.core.container import Asked
from stratascope.core.message import Message, msg
from stratascope.core.options.capabilities import starts_as_root
from stratascope.core.refusals.refusal import Claim, Strength
from stratascope.core.relaunch.evidence import Failure
from stratascope.core.relaunch.want import (
    DeviceNode,
    GainedRights,
    HeldCapability,
    HostsNamespace,
    LooserMount,
    MappedId,
    MoreOf,
    Network,
    PassedCall,
    ReadablePlace,
    RunsAs,
    Setting,
    Unconfined,
    Want,
    WritablePlace,
)
from stratascope.value import Value, replace

_LONGEST = 2000  # characters of one line that are looked at
_LINES = 400
_PATH = re.compile(r"(?<![\w./-])/[\w.@+/-]*[\w@+-]")

# Several programs translate errno(3) themselves, so the numbers in nginx's way count too
READ_ONLY = r"read-only file ?system|\bEROFS\b|\(30: "
NOT_PERMITTED = r"operation not permitted|\bEPERM\b|\(1: |not permitted"
DENIED = r"permission denied|\bEACCES\b|\(13: |access denied"
REFUSED = rf"{NOT_PERMITTED}|{DENIED}"
MISSING = r"no such file or directory|\bENOENT\b|\(2: "
NO_FORK = (
    r"resource temporarily unavailable|\bEAGAIN\b|can(?:no|')?t fork|fork failed"
    r"|unable to (?:create|start).{0,20}thread|pthread_create"
)
NO_FILES = r"too many open files|\bEMFILE\b|\bENFILE\b"
NO_MEMORY = r"cannot allocate memory|out of memory|\bENOMEM\b|bad_alloc|outofmemory|memoryerror"
UNRESOLVED = (
    r"name or service not known|failure in name resolution|could not resolve|bad address|no such host|name resolution"
)
UNREACHABLE = (
    r"connection refused|network is unreachable|no route to host|cannot assign requested address|\bECONNREFUSED\b"
)
SIGSYS = r"bad system call|\bSIGSYS\b"

# What is spoken of in the same line as a refusal, and the capability that it takes: capabilities(7)
NEEDS = (
    (r"\bf?l?chown(?:at)?\b|chang\w+ owner", ("CAP_CHOWN",)),
    (
        r"set(?:res|re|e)?[ug]ids?\b|setgroups|initgroups|set groups|switching to"
        r"|su-exec|gosu|setpriv|change (?:user|group)|\bsu:",
        ("CAP_SETGID", "CAP_SETUID"),
    ),
    (r"\bbind\b|listen", ("CAP_NET_BIND_SERVICE",)),
    (r"\bping\b|raw socket|SOCK_RAW|icmp", ("CAP_NET_RAW",)),
    (r"\bu?mount\b|unshare|setns|pivot_root|sethostname", ("CAP_SYS_ADMIN",)),
    (r"\bchroot\b", ("CAP_SYS_CHROOT",)),
    (r"\bmknod\b", ("CAP_MKNOD",)),
    (r"iptables|nftables|netlink|RTNETLINK|\bip(?:route)?:|tun\b|\bioctl\b", ("CAP_NET_ADMIN",)),
    (r"\bkill\b", ("CAP_KILL",)),
    (r"f?chmod|utimes?|change mode|change permissions", ("CAP_FOWNER",)),
    (r"set ?r?limit|prlimit", ("CAP_SYS_RESOURCE",)),
    (r"setpriority|\bnice\b|sched_set", ("CAP_SYS_NICE",)),
    (r"mlock", ("CAP_IPC_LOCK",)),
    (r"settimeofday|adjtime|clock_settime", ("CAP_SYS_TIME",)),
    (r"ptrace", ("CAP_SYS_PTRACE",)),
    (r"setcap|capset", ("CAP_SETFCAP", "CAP_SETPCAP")),
)


class Line(Value):
    """A line of the log, or of the engine's words, that has what was sought; `path` is named next to it, or ""."""

    text: str
    path: str


class Complaint(Value):
    """One reading of a failure: a want, and how surely (1 to 100) it explains what was said if a choice took just that.
    `line`: where it says so; "" where only the end itself does, and `text` says how.
    """

    weight: int
    want: Want
    line: str = ""
    text: Message | None = None


_Wants = Callable[[Line], Want | None]
_CALL = PassedCall("", "", ())
_ROOT = RunsAs(0)


def _always(want: Want) -> _Wants:
    return lambda line: want


def _placed(made: Callable[[str], Want]) -> _Wants:
    """Only where a path is named."""
    return lambda line: made(line.path) if line.path else None


def of_kernel_files(path: str) -> bool:
    """Whether that path is of the kernel's own file systems, which a read-only root directory leaves alone."""
    return path.startswith(("/proc/", "/sys/")) or path in ("/proc", "/sys")


def _not_written(line: Line) -> Want:
    """Without a path it was probably below the root directory."""
    return WritablePlace(line.path, "" if line.path else "/")


def _file_of_root(line: Line) -> Want | None:
    return _ROOT if line.path and "bind" not in line.text else None


_WORDS: tuple[tuple[int, str, _Wants], ...] = (
    *(
        (90, rf"(?:{word}).*?(?:{REFUSED})|(?:{REFUSED}).*?(?:{word})", _always(HeldCapability(names)))
        for word, names in NEEDS
    ),
    (60, DENIED, _placed(lambda path: HeldCapability(("CAP_DAC_OVERRIDE",)))),
    (60, NOT_PERMITTED, _always(HeldCapability(("CAP_SYS_ADMIN",)))),
    (35, NOT_PERMITTED, _always(HeldCapability(()))),
    (95, r"(?:must|needs? to|has to|can only|only) (?:be )?(?:run|started|executed).{0,20}\broot\b", _always(_ROOT)),
    (85, DENIED, _file_of_root),
    (75, r"\bbind\b.*(?:denied|permitted)", _always(_ROOT)),
    (60, NOT_PERMITTED, _always(_ROOT)),
    (95, r"sub[ug]id|unused id|newuidmap|uid_map|user namespace|id ?mapp", _always(MappedId(0))),
    (75, rf"{DENIED}|value too large|\bEOVERFLOW\b", _always(MappedId(0))),
    (55, NOT_PERMITTED, _always(MappedId(0))),
    (95, r"no new privileges|no_new_privs|effective uid is not 0", _always(GainedRights(""))),
    (80, r"(?:must|has to|needs to) be (?:suid|setuid|set-uid|installed setuid)|\bsudo:|setuid root",
     _always(GainedRights(""))),
    (45, r"\bsu: |\bping: |polkit|pkexec|fusermount|newuidmap", _always(GainedRights(""))),
    (100, SIGSYS, _always(_CALL)),
    (80, r"seccomp|function not implemented|\bENOSYS\b|\(38: ", _always(_CALL)),
    (40, NOT_PERMITTED, _always(_CALL)),
    (95, r"apparmor", _always(Unconfined("apparmor"))),
    (40, REFUSED, _always(Unconfined("apparmor"))),
    (95, r"selinux|\bavc:", _always(Unconfined("selinux"))),
    (50, REFUSED, _always(Unconfined("selinux"))),
    (90, READ_ONLY, _not_written),
    (50, READ_ONLY, lambda line: None if line.path else WritablePlace("", "")),
    (90, REFUSED, lambda line: WritablePlace(line.path, "") if of_kernel_files(line.path) else None),
    (90, MISSING, _placed(ReadablePlace)),
    (95, r"docker daemon|(?:docker|podman|containerd|crio)\.sock", _always(ReadablePlace("docker.sock"))),
    (85, DENIED, _placed(lambda path: LooserMount(path, "", "exec"))),
    (70, r"no space left|\bENOSPC\b", _placed(lambda path: MoreOf("tmpfs", path=path))),
    (70, r"no such device|\bENODEV\b|\bENXIO\b", _always(DeviceNode("", "", "", ""))),
    (90, NO_MEMORY, _always(MoreOf("memory"))),
    (90, NO_FORK, _always(MoreOf("pids"))),
    (85, NO_FORK, _always(MoreOf("nproc"))),
    (95, NO_FILES, _always(MoreOf("nofile"))),
    (20, r"core dump|\bcore file", _always(MoreOf("core"))),
    (30, r"time(?:d )?[- ]?out", _always(MoreOf("cpus"))),
    (85, UNRESOLVED, _always(Network())),
    (75, UNREACHABLE, _always(Network())),
    (70, r"no such process|\bESRCH\b|/proc/[0-9]+\b", _always(HostsNamespace("pid"))),
    (70, r"\bshm|shared memory|\bsem(?:get|op|aphore)|\bmq_|message queue|/dev/shm", _always(HostsNamespace("ipc"))),
    (50, r"host ?name", _always(HostsNamespace("uts"))),
    (60, r"cgroup", _always(HostsNamespace("cgroup"))),
)  # fmt: skip
_KILLED, _BAD_CALL = 137, 159  # 128 and SIGKILL, SIGSYS, as engines report them
_LOW_PORTS = 1024


def _said(want: Want) -> Message | None:
    if isinstance(want, LooserMount):
        return msg("{path} is on a file system in memory from which no program can be run (noexec).", path=want.path)
    return None


def complaints(failure: Failure) -> Iterator[Complaint]:
    """All that its words and its end may mean, of each kind the last line first: programs give up after it."""
    if failure.out_of_memory:
        yield Complaint(100, MoreOf("memory"))
    elif failure.exit_code == _KILLED:
        yield Complaint(60, MoreOf("memory"), text=msg("It was killed, perhaps at its memory limit."))
    if failure.exit_code == _BAD_CALL:
        yield Complaint(100, _CALL)
    for port in failure.silent:
        if port < _LOW_PORTS:
            text = msg("It can't listen on port {port}: ports below net.ipv4.ip_unprivileged_port_start require "
                       "NET_BIND_SERVICE.", port=str(port))  # fmt: skip
            yield Complaint(75, _ROOT, text=text)
            yield Complaint(60, HeldCapability(("CAP_NET_BIND_SERVICE",)), text=text)
    lines = last_lines(failure.words, failure.log)[::-1]
    for weight, pattern, wants in _WORDS:
        sought = re.compile(pattern, re.IGNORECASE)  # kept by `re`; at the import it would hold up the window
        for line in lines:
            found = in_line(line, sought)
            want = None if found is None else wants(found)
            if want is not None:
                yield Complaint(weight, want, line, _said(want))
    for line in lines:
        yield from (Complaint(95, DeviceNode(path, "", "", ""), line) for path in _PATH.findall(line))


def last_lines(*texts: str) -> list[str]:
    """Of foreign texts, those lines that are looked at, and of each line what is."""
    return [line[:_LONGEST] for text in texts for line in text.splitlines()][-_LINES:]


def in_line(text: str, sought: re.Pattern[str]) -> Line | None:
    """That line, where it has the pattern."""
    found = sought.search(text)
    return None if found is None else Line(text, _path(text, found))


def _path(text: str, found: re.Match[str]) -> str:
    """The path nearest before the words, else the first after: `touch: /a: Read-only …`, `Errno 30 … : '/a'`."""
    before = _PATH.findall(text[: found.start()])
    after = _PATH.findall(text[found.start() :])
    return before[-1] if before else after[0] if after else ""


Found = dict[str, str]
Wants = Callable[[Asked, Found], tuple[Want, ...]]
Fits = Callable[[Asked, Found], bool]
_FIELDS = re.compile(r"\{(\w+)\}")
_NUMBERED = re.compile(r"\d+$")


def nothing(asked: Asked, found: Found) -> tuple[Want, ...]:
    """No option that we know would help."""
    return ()


class Saying(Value):
    """`pattern`: without regard to case; its named groups fill the fields of `text`, digits at their ends left out.
    `path` is the one next to it where no group has that name, `lacking` the capabilities that are wanted. `wants`: by
    what was found. `fits`: whether it can be so with these options.
    """

    pattern: str
    layer: str
    text: Message
    wants: Wants = nothing
    fits: Fits = lambda asked, found: True


def claim_of(saying: Saying, text: str, asked: Asked, strength: Strength) -> Claim | None:
    """What the sentence means, where the text has it."""
    sought = re.compile(saying.pattern, re.IGNORECASE)
    match = sought.search(text)
    if match is None:
        return None
    found = {_NUMBERED.sub("", name): value for name, value in match.groupdict().items() if value}
    if "path" not in found and (line := in_line(text, sought)) is not None and line.path:
        found["path"] = line.path
    if not saying.fits(asked, found):
        return None
    wants = saying.wants(asked, found)
    lacking = [name.removeprefix("CAP_") for want in wants if isinstance(want, HeldCapability) for name in want.names]
    return Claim(saying.layer, filled(saying.text, {**found, "lacking": ", ".join(lacking)}), strength, wants)


def first(sayings: Sequence[Saying], text: str, asked: Asked, strength: Strength) -> Claim | None:
    """The first of them that the text has."""
    for saying in sayings:
        claim = claim_of(saying, text, asked, strength)
        if claim is not None:
            return claim
    return None


def filled(text: Message, found: Found) -> Message:
    """The sentence with what was found; a field for which nothing was is a question mark."""
    had = dict(text.args)
    names = _FIELDS.findall(text.id)
    return replace(text, args=tuple((name, found.get(name) or had.get(name, "?")) for name in names)) if names else text


# -- what the options rule out, and what they would have to be

_OF_KERNEL = ("/proc/", "/sys/")


def uid(asked: Asked) -> int | None:
    """As whom it starts; None where that is a name, whose number only its image knows."""
    word = asked.user.partition(":")[0]
    return 0 if starts_as_root(asked) else int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None


def holds(asked: Asked, name: str) -> bool:
    """Whether it starts with that capability, as far as is known: an ordinary user holds none."""
    return starts_as_root(asked) and (asked.privileged or asked.capabilities is None or name in asked.capabilities)


# -- capabilities


def lacks_one(names: tuple[str, ...]) -> Fits:
    """Whether it does not hold all of these."""
    return lambda asked, found: not all(holds(asked, name) for name in names)


def rights(names: tuple[str, ...]) -> Wants:
    """Those that it does not hold."""
    return lambda asked, found: (
        HeldCapability(tuple(name for name in names if not holds(asked, name)) or names, uid(asked)),
    )


def port_rights(asked: Asked, found: Found) -> tuple[Want, ...]:
    """What lets it listen below 1024."""
    return (
        HeldCapability(("CAP_NET_BIND_SERVICE",), uid(asked)),
        Setting("net.ipv4.ip_unprivileged_port_start", found.get("port", "0")),
    )


def root_without_files(asked: Asked, found: Found) -> bool:
    """Whether it is root, and owner and mode of files count for it all the same."""
    return starts_as_root(asked) and not holds(asked, "CAP_DAC_OVERRIDE")


def as_other(asked: Asked, found: Found) -> bool:
    """Whether it is another user than root."""
    return not starts_as_root(asked)


def to_root(asked: Asked, found: Found) -> tuple[Want, ...]:
    """What makes it root."""
    return () if starts_as_root(asked) else (RunsAs(0),)


# -- limits


def limited(what: str) -> Fits:
    """Whether it was given such a limit: pids, memory."""

    def fits(asked: Asked, found: Found) -> bool:
        if what == "memory":
            return asked.memory is not None
        return asked.pids is not None or _limit(asked, "nproc") is not None

    return fits


def more_pids(asked: Asked, found: Found) -> tuple[Want, ...]:
    """The smaller of what its control group and its user may have."""
    user = _limit(asked, "nproc")
    if asked.pids is not None and (user is None or asked.pids <= user):
        return (MoreOf("pids", asked.pids),)
    return () if user is None else (MoreOf("nproc", user),)


def more_memory(asked: Asked, found: Found) -> tuple[Want, ...]:
    """Where it has a limit."""
    return () if asked.memory is None else (MoreOf("memory", asked.memory),)


def more_of(what: str) -> Wants:
    """Of a limit of its processes, by its name in `--ulimit`; and of shm."""
    path = "/dev/shm" if what == "shm" else ""
    return lambda asked, found: (MoreOf(what, _limit(asked, what), path),)


def _limit(asked: Asked, what: str) -> int | None:
    return next((each.soft for each in asked.limits if each.name == what), None)


# -- places and networks


def of_kernel(asked: Asked, found: Found) -> bool:
    """Whether it is about /proc or /sys."""
    return of_kernel_files(found.get("path", ""))


def on_read_only_mount(asked: Asked, found: Found) -> bool:
    """Whether it is about a mount that may not be written to."""
    place = mount_of(asked, found.get("path", ""))
    return any(mount.target == place and not mount.writable for mount in asked.mounts)


def on_root(asked: Asked, found: Found) -> bool:
    """Whether its root directory is read-only, and the path is in it or not said."""
    return asked.read_only_root and mount_of(asked, found.get("path", "")) == "/"


def on_root_said(asked: Asked, found: Found) -> bool:
    """The same of a path that is said."""
    return "path" in found and on_root(asked, found)


def writable(asked: Asked, found: Found) -> tuple[Want, ...]:
    """That path, made writable."""
    path = found.get("path", "")
    return (WritablePlace(path, mount_of(asked, path)),) if path else ()


def mount_of(asked: Asked, path: str) -> str:
    """Of the mounts that it asked for, and the engine's own of the kernel's files, the one that the path lies on."""
    if path.startswith(_OF_KERNEL):
        places = [*(asked.read_only_paths or ()), "/proc", "/sys"]
    else:
        places = [mount.target.rstrip("/") for mount in asked.mounts]
    return max((place for place in places if place and (path == place or path.startswith(f"{place}/"))),
               key=len, default="/")  # fmt: skip


def on_noexec(asked: Asked, found: Found) -> bool:
    """Whether it is about a file system in memory, from which no program may be run where nobody asked for that."""
    place = mount_of(asked, found.get("path", ""))
    return any(mount.kind == "tmpfs" and mount.target.rstrip("/") == place and "exec" not in mount.options.split(",")
               for mount in asked.mounts)  # fmt: skip


def runnable(asked: Asked, found: Found) -> tuple[Want, ...]:
    """That path, where programs may be run."""
    path = found.get("path", "")
    return (LooserMount(path, mount_of(asked, path), "exec"),)


def no_network(asked: Asked, found: Found) -> bool:
    """Whether it has none at all."""
    return asked.network_mode == "none"


def network(asked: Asked, found: Found) -> tuple[Want, ...]:
    """One, where it has none."""
    return (Network(),) if no_network(asked, found) else ()
