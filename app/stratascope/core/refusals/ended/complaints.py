"""Recognise error messages of programs and engines: the text, a path next to it, its meaning, and what would help.
Pure.

Used to explain why a container ended (`core/refusals/ended/why.py`) and which choice broke its replacement
(`usecases/relaunch/diagnosis.py`). The messages are those of the C library, busybox, nginx, gosu and the runtimes of
Go, Node, Python and Java. Decided against using more than words and numbers: a log is foreign text, which is never run,
opened or followed. Whether a message can be true is decided by the container's options: it no longer runs, so the
kernel can't be asked.
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

_LONGEST = 2000  # characters of one line that are searched
_LINES = 400
_PATH = re.compile(r"(?<![\w./-])/[\w.@+/-]*[\w@+-]")

# Some programs have their own texts for errno(3), so the numbers are matched too, as nginx prints them
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

# Words in the same line as a refusal, and the capability that the action needs: capabilities(7)
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
    """A matching line of the log, or of the engine's message; `path`: named next to the match, or ""."""

    text: str
    path: str


class Complaint(Value):
    """One explanation of a failure: a want, and its certainty (`weight`, 1 to 100) if a choice took away just that.
    `line`: the evidence; "" if it is the end itself, described by `text`.
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
    """A want for the path; None if the line names none."""
    return lambda line: made(line.path) if line.path else None


def of_kernel_files(path: str) -> bool:
    """Whether the path is in proc or sysfs, which a read-only root does not affect."""
    return path.startswith(("/proc/", "/sys/")) or path in ("/proc", "/sys")


def _not_written(line: Line) -> Want:
    """A want for a writable path; without a path, for the root file system, which is likeliest."""
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
        return msg("{path} is on a filesystem in memory from which no program can be run (noexec).", path=want.path)
    return None


def complaints(failure: Failure) -> Iterator[Complaint]:
    """All explanations of its messages and its end; for each kind the last line first, since programs exit after it."""
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
        sought = re.compile(pattern, re.IGNORECASE)  # cached by `re`; compiling at import would delay the window
        for line in lines:
            found = in_line(line, sought)
            want = None if found is None else wants(found)
            if want is not None:
                yield Complaint(weight, want, line, _said(want))
    for line in lines:
        yield from (Complaint(95, DeviceNode(path, "", "", ""), line) for path in _PATH.findall(line))


def last_lines(*texts: str) -> list[str]:
    """The last lines of foreign texts, each cut to the length that is searched."""
    return [line[:_LONGEST] for text in texts for line in text.splitlines()][-_LINES:]


def in_line(text: str, sought: re.Pattern[str]) -> Line | None:
    """The line if the pattern matches, else None."""
    found = sought.search(text)
    return None if found is None else Line(text, _path(text, found))


def _path(text: str, found: re.Match[str]) -> str:
    """The path nearest before the match, else the first after it: `touch: /a: Read-only …`, `Errno 30 … : '/a'`."""
    before = _PATH.findall(text[: found.start()])
    after = _PATH.findall(text[found.start() :])
    return before[-1] if before else after[0] if after else ""


Found = dict[str, str]
Wants = Callable[[Asked, Found], tuple[Want, ...]]
Fits = Callable[[Asked, Found], bool]
_FIELDS = re.compile(r"\{(\w+)\}")
_NUMBERED = re.compile(r"\d+$")


def nothing(asked: Asked, found: Found) -> tuple[Want, ...]:
    """No wants: no known option would help."""
    return ()


class Saying(Value):
    """A known message. `pattern`: case-insensitive; its named groups fill the fields of `text` (digits at the end of a
    group's name are ignored). Without a group `path`, the path next to the match is used; the field `lacking` gets the
    capabilities in `wants`. `wants`: what would help, by what was found. `fits`: whether it can be true with the
    options.
    """

    pattern: str
    layer: str
    text: Message
    wants: Wants = nothing
    fits: Fits = lambda asked, found: True


def claim_of(saying: Saying, text: str, asked: Asked, strength: Strength) -> Claim | None:
    """The claim if the text contains the message, else None."""
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
    """The claim of the first message that the text contains."""
    for saying in sayings:
        claim = claim_of(saying, text, asked, strength)
        if claim is not None:
            return claim
    return None


def filled(text: Message, found: Found) -> Message:
    """Fill the sentence's fields with what was found; missing ones become a question mark."""
    had = dict(text.args)
    names = _FIELDS.findall(text.id)
    return replace(text, args=tuple((name, found.get(name) or had.get(name, "?")) for name in names)) if names else text


# -- conditions on the options (`Saying.fits`), and the wants that would help (`Saying.wants`)

_OF_KERNEL = ("/proc/", "/sys/")


def uid(asked: Asked) -> int | None:
    """The uid it starts as; None if the user is given by name, which only its image can resolve."""
    word = asked.user.partition(":")[0]
    return 0 if starts_as_root(asked) else int(word) if word.isascii() and word.isdigit() and len(word) < 10 else None


def holds(asked: Asked, name: str) -> bool:
    """Whether it starts with that capability, as far as known: an ordinary user holds none."""
    return starts_as_root(asked) and (asked.privileged or asked.capabilities is None or name in asked.capabilities)


# -- capabilities


def lacks_one(names: tuple[str, ...]) -> Fits:
    """Fits if it does not hold all of these capabilities."""
    return lambda asked, found: not all(holds(asked, name) for name in names)


def rights(names: tuple[str, ...]) -> Wants:
    """Wants those of these capabilities that it does not hold."""
    return lambda asked, found: (
        HeldCapability(tuple(name for name in names if not holds(asked, name)) or names, uid(asked)),
    )


def port_rights(asked: Asked, found: Found) -> tuple[Want, ...]:
    """Wants that let it bind ports below 1024."""
    return (
        HeldCapability(("CAP_NET_BIND_SERVICE",), uid(asked)),
        Setting("net.ipv4.ip_unprivileged_port_start", found.get("port", "0")),
    )


def root_without_files(asked: Asked, found: Found) -> bool:
    """Fits if it is root without CAP_DAC_OVERRIDE, so that owner and mode of files apply to it."""
    return starts_as_root(asked) and not holds(asked, "CAP_DAC_OVERRIDE")


def as_other(asked: Asked, found: Found) -> bool:
    """Fits if it is a user other than root."""
    return not starts_as_root(asked)


def to_root(asked: Asked, found: Found) -> tuple[Want, ...]:
    """A want to run as root, unless it does."""
    return () if starts_as_root(asked) else (RunsAs(0),)


# -- limits


def limited(what: str) -> Fits:
    """Fits if it has such a limit: pids, memory."""

    def fits(asked: Asked, found: Found) -> bool:
        if what == "memory":
            return asked.memory is not None
        return asked.pids is not None or _limit(asked, "nproc") is not None

    return fits


def more_pids(asked: Asked, found: Found) -> tuple[Want, ...]:
    """A want for more processes: raise the smaller limit of its control group's and its user's."""
    user = _limit(asked, "nproc")
    if asked.pids is not None and (user is None or asked.pids <= user):
        return (MoreOf("pids", asked.pids),)
    return () if user is None else (MoreOf("nproc", user),)


def more_memory(asked: Asked, found: Found) -> tuple[Want, ...]:
    """A want for more memory, if it has a limit."""
    return () if asked.memory is None else (MoreOf("memory", asked.memory),)


def more_of(what: str) -> Wants:
    """A want for a higher ulimit (named as in `--ulimit`), or a larger /dev/shm."""
    path = "/dev/shm" if what == "shm" else ""
    return lambda asked, found: (MoreOf(what, _limit(asked, what), path),)


def _limit(asked: Asked, what: str) -> int | None:
    return next((each.soft for each in asked.limits if each.name == what), None)


# -- places and networks


def of_kernel(asked: Asked, found: Found) -> bool:
    """Fits if the path is in /proc or /sys."""
    return of_kernel_files(found.get("path", ""))


def on_read_only_mount(asked: Asked, found: Found) -> bool:
    """Fits if the path is on a read-only mount."""
    place = mount_of(asked, found.get("path", ""))
    return any(mount.target == place and not mount.writable for mount in asked.mounts)


def on_root(asked: Asked, found: Found) -> bool:
    """Fits if the root is read-only, and the path is on it or not named."""
    return asked.read_only_root and mount_of(asked, found.get("path", "")) == "/"


def on_root_said(asked: Asked, found: Found) -> bool:
    """Fits if the root is read-only, and the message names a path on it."""
    return "path" in found and on_root(asked, found)


def writable(asked: Asked, found: Found) -> tuple[Want, ...]:
    """A want to make the path writable."""
    path = found.get("path", "")
    return (WritablePlace(path, mount_of(asked, path)),) if path else ()


def mount_of(asked: Asked, path: str) -> str:
    """The mount point that the path is on: among the requested mounts, or the engine's own in /proc and /sys."""
    if path.startswith(_OF_KERNEL):
        places = [*(asked.read_only_paths or ()), "/proc", "/sys"]
    else:
        places = [mount.target.rstrip("/") for mount in asked.mounts]
    return max((place for place in places if place and (path == place or path.startswith(f"{place}/"))),
               key=len, default="/")  # fmt: skip


def on_noexec(asked: Asked, found: Found) -> bool:
    """Fits if the path is on a tmpfs without the option exec."""
    place = mount_of(asked, found.get("path", ""))
    return any(mount.kind == "tmpfs" and mount.target.rstrip("/") == place and "exec" not in mount.options.split(",")
               for mount in asked.mounts)  # fmt: skip


def runnable(asked: Asked, found: Found) -> tuple[Want, ...]:
    """A want to allow programs to run on the path's mount."""
    path = found.get("path", "")
    return (LooserMount(path, mount_of(asked, path), "exec"),)


def no_network(asked: Asked, found: Found) -> bool:
    """Fits if it has no network."""
    return asked.network_mode == "none"


def network(asked: Asked, found: Found) -> tuple[Want, ...]:
    """A want for a network, if it has none."""
    return (Network(),) if no_network(asked, found) else ()
