"""What to write where to have a sandbox made otherwise: a row a maker and what is wanted of it. Pure.

Nothing here starts a sandbox: it is started by whoever started it, with the corrected line or after the corrected file
was written. What a maker has no option for can't be written, and is said so. Of its options `bwrap(1)`, `firejail(1)`,
`unshare(1)`, `systemd-nspawn(1)`, `systemd.exec(5)`, `flatpak-override(1)`, `lxc.container.conf(5)`, the permission
profiles of Codex and the settings of sandbox-runtime.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from itertools import pairwise
from shlex import split

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.message import Message, msg
from stratascope.core.options.difference import UnwritableError
from stratascope.core.sandbox import Sandbox
from stratascope.core.sandboxes.asked import bubblewrap
from stratascope.core.shell_quote import NoNotationError, comment, word, words
from stratascope.value import Value, replace

NULL = "/dev/null"  # what lies over a file that is hidden
_HIDDEN = "..."  # stands for values that the collector did not hand on
_PROFILE = "stratascope"


class What(StrEnum):
    """What can be wanted. HIDE: a folder, HIDE_FILE: a file or socket, by their paths inside; LOCK: a folder that
    stays, and can't be written to.
    """

    HIDE = "hide"
    HIDE_FILE = "hide-file"
    LOCK = "lock"
    READ_ONLY = "read-only"  # a mount of its own
    ROOT = "root"  # its root directory can't be written to
    NETWORK = "network"  # one of its own, likewise the next
    PID = "pid"
    IPC = "ipc"
    UTS = "uts"
    CGROUP = "cgroup"
    DROP = "drop"  # a capability, or ALL
    NO_NEW_PRIVILEGES = "no-new-privileges"
    FILTER = "filter"  # the maker's own filter of system calls
    MEMORY = "memory"  # bytes
    PIDS = "pids"
    CPU = "cpu"  # cores
    FILES = "nofile"  # open files of a process, likewise the next: bytes of a core file
    CORE = "core"


class Written(Value):
    """`text`: all of it, to be copied; `lines`: what is new in it, each led by a +; `place`: where it goes. `filled`:
    values that were not handed on stand in it as dots, or as variables of whoever starts it.
    """

    UNPRINTED = ("text",)

    text: str
    lines: tuple[str, ...]
    place: Message
    filled: bool = False


Wanted = tuple[What, str]
_Rows = dict[What, tuple[str, ...]]

_ARGUMENTS: dict[str, _Rows] = {
    "bubblewrap": {
        What.HIDE: ("--tmpfs", "{value}"),
        What.HIDE_FILE: ("--ro-bind", NULL, "{value}"),
        What.LOCK: ("--ro-bind-try", "{value}", "{value}"),
        What.READ_ONLY: ("--remount-ro", "{value}"),
        What.ROOT: ("--remount-ro", "/"),
        What.NETWORK: ("--unshare-net",),
        What.PID: ("--unshare-pid",),
        What.IPC: ("--unshare-ipc",),
        What.UTS: ("--unshare-uts",),
        What.CGROUP: ("--unshare-cgroup-try",),
        What.DROP: ("--cap-drop", "{value}"),
    },
    "firejail": {
        What.HIDE: ("--blacklist={value}",),
        What.HIDE_FILE: ("--blacklist={value}",),
        What.LOCK: ("--read-only={value}",),
        What.READ_ONLY: ("--read-only={value}",),
        What.NETWORK: ("--net=none",),
        What.IPC: ("--ipc-namespace",),
        What.FILES: ("--rlimit-nofile={value}",),
        What.DROP: ("--caps.drop={value}",),
        What.NO_NEW_PRIVILEGES: ("--nonewprivs",),
        What.FILTER: ("--seccomp",),
    },
    "unshare": {
        What.NETWORK: ("--net",),
        What.PID: ("--pid", "--fork", "--mount-proc"),
        What.IPC: ("--ipc",),
        What.UTS: ("--uts",),
        What.CGROUP: ("--cgroup",),
    },
    "nspawn": {
        What.HIDE: ("--inaccessible={value}",),
        What.HIDE_FILE: ("--inaccessible={value}",),
        What.ROOT: ("--read-only",),
        What.NETWORK: ("--private-network",),
        What.DROP: ("--drop-capability={value}",),
        What.NO_NEW_PRIVILEGES: ("--no-new-privileges=yes",),
    },
}
_FLATPAK: _Rows = {
    What.HIDE: ("--nofilesystem={value}",),
    What.HIDE_FILE: ("--nofilesystem={value}",),
    What.LOCK: ("--filesystem={value}:ro",),
    What.READ_ONLY: ("--filesystem={value}:ro",),
    What.NETWORK: ("--unshare=network",),
    What.IPC: ("--unshare=ipc",),
}
_SYSTEMD: _Rows = {
    What.HIDE: ("InaccessiblePaths=-{value}",),
    What.HIDE_FILE: ("InaccessiblePaths=-{value}",),
    What.LOCK: ("ReadOnlyPaths=-{value}",),
    What.READ_ONLY: ("ReadOnlyPaths=-{value}",),
    What.ROOT: ("ProtectSystem=strict",),
    What.NETWORK: ("PrivateNetwork=yes",),
    What.PID: ("PrivatePIDs=yes",),
    What.IPC: ("PrivateIPC=yes",),
    What.CGROUP: ("ProtectControlGroups=private",),
    What.UTS: ("ProtectHostname=yes",),
    What.DROP: ("CapabilityBoundingSet=~{value}",),
    What.NO_NEW_PRIVILEGES: ("NoNewPrivileges=yes",),
    What.FILTER: ("SystemCallFilter=@system-service", "SystemCallErrorNumber=EPERM"),
    What.MEMORY: ("MemoryMax={value}",),
    What.PIDS: ("TasksMax={value}",),
    What.CPU: ("CPUQuota={value}%",),
    What.FILES: ("LimitNOFILE={value}",),
    What.CORE: ("LimitCORE={value}",),
}
_LXC: _Rows = {
    What.HIDE: ("lxc.mount.entry = tmpfs {inside} tmpfs ro,size=4k,mode=000,optional 0 0",),
    What.HIDE_FILE: ("lxc.mount.entry = /dev/null {inside} none bind,ro,optional 0 0",),
    What.ROOT: ("lxc.rootfs.options = ro",),
    What.NETWORK: ("lxc.net.0.type = empty",),
    What.DROP: ("lxc.cap.drop = {value}",),
    What.NO_NEW_PRIVILEGES: ("lxc.no_new_privs = 1",),
    What.MEMORY: ("lxc.cgroup2.memory.max = {value}",),
    What.PIDS: ("lxc.cgroup2.pids.max = {value}",),
}
# Of a settings file: the list that takes the value, or what becomes of it
_SETTINGS: _Rows = {
    What.HIDE: ("filesystem.denyRead",),
    What.HIDE_FILE: ("filesystem.denyRead",),
    What.LOCK: ("filesystem.denyWrite",),
    What.READ_ONLY: ("filesystem.denyWrite",),
}
# Of a permission profile: what may be done with the path
_CODEX: _Rows = {
    What.HIDE: ("deny",),
    What.HIDE_FILE: ("deny",),
    What.LOCK: ("read",),
    What.READ_ONLY: ("read",),
    What.NETWORK: ("",),
}

_CAPABILITY: dict[str, Callable[[str], str]] = {
    "bubblewrap": lambda name: name,
    "firejail": lambda name: "all" if name == "ALL" else name.removeprefix("CAP_").lower(),
    "nspawn": lambda name: "all" if name == "ALL" else name,
    "systemd": lambda name: name,
    "lxc": lambda name: name.removeprefix("CAP_").lower(),
}

_NO_CAPABILITIES = {"systemd": "CapabilityBoundingSet=", "lxc": "lxc.cap.keep = none"}  # systemd's ~ alone means all


def rows_of(maker: str) -> _Rows:
    """What a maker can be told, by its id; empty: nothing that is known here."""
    return _WRITERS[maker][0] if maker in _WRITERS else {}


def wanted_of(before: Asked, after: Asked) -> Iterator[Wanted]:
    """What leads from one to the other. Raises UnwritableError for what no maker has."""
    was = {mount.target: mount for mount in before.mounts}
    mounts = tuple(mount for mount in after.mounts if was.get(mount.target) != mount)
    for mount in mounts:
        if mount.target in was and replace(was[mount.target], writable=False) == mount:
            yield What.READ_ONLY, mount.target
        else:
            yield _of_mount(mount)
    if after.read_only_root and not before.read_only_root:
        yield What.ROOT, ""
    for limit in after.limits:
        if limit not in before.limits:
            if limit.name not in (What.FILES, What.CORE):
                raise UnwritableError(limit.name)
            yield What(limit.name), str(limit.hard)
    for what, field in _MODES.items():
        if getattr(before, field) != getattr(after, field):
            if getattr(after, field) != "private":
                raise UnwritableError(field)
            yield what, ""
    if after.cap_drop != before.cap_drop:
        names = (name for name in after.cap_drop if name not in before.cap_drop)
        yield from ((What.DROP, name) for name in (("ALL",) if after.capabilities == () else names))
    if after.no_new_privileges and not before.no_new_privileges:
        yield What.NO_NEW_PRIVILEGES, ""
    if after.seccomp is ProfileKind.DEFAULT and before.seccomp is not ProfileKind.DEFAULT:
        yield What.FILTER, ""
    for what, field in ((What.MEMORY, "memory"), (What.PIDS, "pids")):
        if getattr(before, field) != getattr(after, field):
            yield what, str(getattr(after, field))
    if before.cpu_cores != after.cpu_cores:
        yield What.CPU, f"{(after.cpu_cores or 0) * 100:.0f}"
    fields = (*_MODES.values(), *_FIELDS)
    told = {name: getattr(after, name) for name in fields}
    kept = tuple(mount for mount in after.mounts if mount.target in was)
    if [mount.target for mount in kept] != list(was) or replace(before, mounts=after.mounts, **told) != after:
        raise UnwritableError("")


_FIELDS = (
    *("cap_add", "cap_drop", "capabilities", "no_new_privileges", "seccomp", "seccomp_profile"),
    *("memory", "memory_swap", "pids", "cpu_cores", "read_only_root", "limits"),
)
_MODES = {
    What.NETWORK: "network_mode",
    What.PID: "pid_mode",
    What.IPC: "ipc_mode",
    What.UTS: "uts_mode",
    What.CGROUP: "cgroupns_mode",
}


def _of_mount(mount: AskedMount) -> Wanted:
    if mount.kind == "tmpfs" and not mount.source:
        return What.HIDE, mount.target
    if mount.source == NULL:
        return What.HIDE_FILE, mount.target
    if mount.kind == "bind" and mount.source == mount.target and not mount.writable:
        return What.LOCK, mount.target
    raise UnwritableError(mount.target)


def written(sandbox: Sandbox, wanted: Sequence[Wanted]) -> Written:
    """All of it, for whoever made the sandbox. Raises UnwritableError for what its maker has no option for."""
    known = _WRITERS.get(sandbox.maker)
    if known is None:
        raise UnwritableError(sandbox.maker_title or sandbox.maker)
    rows, write = known
    for what, value in wanted:
        if what not in rows or "\n" in value or "\0" in value:
            raise UnwritableError(f"{what}={value}" if value else what)
    try:
        return write(sandbox, wanted)
    except NoNotationError as error:
        raise UnwritableError(str(error)) from error


def _told(maker: str, rows: _Rows, wanted: Wanted) -> tuple[str, ...]:
    what, value = wanted
    if what is What.DROP and value == "ALL" and maker in _NO_CAPABILITIES:
        return (_NO_CAPABILITIES[maker],)
    if what is What.DROP:
        value = _CAPABILITY[maker](value)
    return tuple(each.replace("{inside}", value.lstrip("/")).replace("{value}", value) for each in rows[what])


# Command lines


def given(sandbox: Sandbox) -> tuple[str, ...]:
    """The words of the command that made it. Raises UnwritableError if not all of them are known."""
    text = next((text for source, text in sandbox.asked_text if source.endswith("/cmdline")), "")
    try:
        found = tuple(split(text))
    except ValueError:  # it was cut
        found = ()
    if not found:
        raise UnwritableError(sandbox.maker)
    return found


def _command(sandbox: Sandbox, wanted: Sequence[Wanted]) -> Written:
    said, rows = given(sandbox), _ARGUMENTS[sandbox.maker]
    place = 1
    if sandbox.maker == "bubblewrap":  # the last of its mounts lies on top
        place = bubblewrap.end_of_options(said)
        if any(each == "--args" for each in said[:place]):
            raise UnwritableError("--args")
    new = [_told(sandbox.maker, rows, each) for each in wanted]
    added = [each for option in new for each in option]
    text = " ".join([*_typed(said[:place]), words(added), *_typed(said[place:])]) + "\n"
    lines = tuple(f"+ {words(option)}" for option in new)
    return Written(text, lines, msg("Start it with this line."), _HIDDEN in text or '"$' in text)


def _typed(said: Sequence[str]) -> Iterator[str]:
    """Quoted. The value of a variable that was not handed on is taken from that of whoever starts it."""
    for place, each in enumerate(said):
        name = said[place - 1] if place else ""
        if each == _HIDDEN and place > 1 and said[place - 2] == "--setenv" and name.isidentifier():
            yield f'"${name}"'
        else:
            yield word(each)


# Files


def _override(sandbox: Sandbox, wanted: Sequence[Wanted]) -> Written:
    options = [each for one in wanted for each in _told("flatpak", _FLATPAK, one)]
    text = words(("flatpak", "override", "--user", *options, sandbox.name)) + "\n"
    place = msg("Run this once, and start {name} again.", name=sandbox.name)
    return Written(text, tuple(f"+ {word(each)}" for each in options), place)


def _drop_in(sandbox: Sandbox, wanted: Sequence[Wanted]) -> Written:
    rows = [each for one in wanted for each in _told("systemd", _SYSTEMD, one)]
    lines = tuple(dict.fromkeys(each.replace("%", "%%") if "Paths=" in each else each for each in rows))
    place = msg("Put this into a drop-in: {command}", command=f"systemctl edit {word(sandbox.name)}")
    return Written("\n".join(("[Service]", *lines, "")), tuple(f"+ {each}" for each in lines), place)


def _config(sandbox: Sandbox, wanted: Sequence[Wanted]) -> Written:
    if any(what in (What.HIDE, What.HIDE_FILE) and " " in value for what, value in wanted):
        raise UnwritableError("lxc.mount.entry")
    lines = [each for one in wanted for each in _told("lxc", _LXC, one)]
    file = next((source for source, _ in sandbox.asked_text if not source.startswith("/proc/")), "")
    place = msg("Add this to {file}, and start it again.", file=file or "lxc.container.conf")
    return Written("\n".join((*lines, "")), tuple(f"+ {each}" for each in lines), place)


def _settings(sandbox: Sandbox, wanted: Sequence[Wanted]) -> Written:
    lists: dict[str, list[str]] = {}
    for what, value in wanted:
        lists.setdefault(_SETTINGS[what][0], []).append(value)
    lines = tuple(
        f"+ {key} {json.dumps(value, ensure_ascii=False)}" for key, values in lists.items() for value in values
    )
    filesystem = {key.partition(".")[2]: values for key, values in lists.items()}
    found: dict[str, object] = {"filesystem": filesystem}
    if sandbox.maker == "claude-code":
        file, found = "~/.claude/settings.json", {"sandbox": found}
    else:
        file = "~/.srt-settings.json"
        for _, text in sandbox.asked_text:
            file = next((after for one, after in _pairs(text) if one in ("-s", "--settings")), file)
    text = json.dumps(found, ensure_ascii=False, indent=2) + "\n"
    return Written(text, lines, msg("Add these to the lists in {file}.", file=file))


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    try:
        said = split(text)
    except ValueError:
        return
    yield from pairwise(said)


def _profile(sandbox: Sandbox, wanted: Sequence[Wanted]) -> Written:
    """Permission profiles do not go together with `sandbox_mode`."""
    said = next((text for source, text in sandbox.asked_text if source == "--permission-profile"), "")
    base = ":workspace" if '"access":"write"' in said.replace(" ", "") else ":read-only"
    paths = [f"{_toml(value)} = {_toml(_CODEX[what][0])}" for what, value in wanted if what is not What.NETWORK]
    network = any(what is What.NETWORK for what, _ in wanted)
    blocks = [
        f"default_permissions = {_toml(_PROFILE)}",
        f"[permissions.{_PROFILE}]\nextends = {_toml(base)}",
        *(["\n".join((f"[permissions.{_PROFILE}.filesystem]", *paths))] if paths else []),
        *([f"[permissions.{_PROFILE}.network]\nenabled = false"] if network else []),
    ]
    note = comment("Remove sandbox_mode and sandbox_workspace_write: Codex takes either these or a profile.")
    lines = (*paths, *(["network.enabled = false"] if network else []))
    place = msg("Put this at the top of {file}.", file="~/.codex/config.toml")
    return Written(f"{note}\n" + "\n\n".join(blocks) + "\n", tuple(f"+ {each}" for each in lines), place)


def _toml(text: str) -> str:
    """A basic string; JSON's is one, but for a character that TOML wants escaped."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


_Write = Callable[[Sandbox, Sequence[Wanted]], Written]
_WRITERS: dict[str, tuple[_Rows, _Write]] = {
    **{maker: (rows, _command) for maker, rows in _ARGUMENTS.items()},
    "flatpak": (_FLATPAK, _override),
    "systemd": (_SYSTEMD, _drop_in),
    "lxc": (_LXC, _config),
    "codex": (_CODEX, _profile),
    "sandbox-runtime": (_SETTINGS, _settings),
    "claude-code": (_SETTINGS, _settings),
}
