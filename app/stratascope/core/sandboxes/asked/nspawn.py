"""systemd-nspawn(1): its arguments, and what a file of the machine's name adds, systemd.nspawn(5). Both count; where
they say different things the file with --settings=override, else the arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.modes import options, with_modes

_SHORT = {
    "D": "directory",
    "i": "image",
    "M": "machine",
    "u": "user",
    "b": "boot",
    "a": "as-pid2",
    "x": "ephemeral",
    "q": "quiet",
    "n": "network-veth",
    "U": "private-users=pick",
    "E": "setenv",
    "S": "slice",
    "p": "port",
    "Z": "selinux-context",
    "L": "selinux-apifs-context",
    "j": "link-journal",
}
_VALUES = (
    *("directory", "template", "image", "root-hash", "machine", "hostname", "uuid", "slice", "property", "user"),
    *("kill-signal", "network-interface", "network-macvlan", "network-ipvlan", "network-veth-extra", "port"),
    *("network-bridge", "network-zone", "network-namespace-path", "capability", "drop-capability", "setenv", "chdir"),
    *("system-call-filter", "rlimit", "oom-score-adjust", "cpu-affinity", "personality", "bind", "bind-ro", "tmpfs"),
    *("inaccessible", "overlay", "overlay-ro", "console", "selinux-context", "selinux-apifs-context", "oci-bundle"),
    *("no-new-privileges", "ambient-capability", "pivot-root", "settings", "register", "kill-signal", "resolv-conf"),
)
_NETWORK = ("private-network", "network-veth", "network-bridge", "network-zone", "network-namespace-path")
_TRUE = ("1", "yes", "true", "on", "y", "t")
# By section: a setting, and the option that it is
_SETTINGS = {
    "Exec": {
        "User": "user",
        "Capability": "capability",
        "DropCapability": "drop-capability",
        "NoNewPrivileges": "no-new-privileges",
        "PrivateUsers": "private-users",
        "SystemCallFilter": "system-call-filter",
    },
    "Files": {
        "ReadOnly": "read-only",
        "Bind": "bind",
        "BindReadOnly": "bind-ro",
        "TemporaryFileSystem": "tmpfs",
        "Inaccessible": "inaccessible",
    },
    "Network": {
        "Private": "private-network",
        "VirtualEthernet": "network-veth",
        "Bridge": "network-bridge",
        "Zone": "network-zone",
        "Interface": "network-interface",
        "MACVLAN": "network-macvlan",
    },
}
_FLAGS = ("read-only", "private-network", "network-veth")  # on the command line without a value
_LISTS = ("capability", "drop-capability")
SUFFIX = ".nspawn"


def read(argv: Sequence[str], settings: str = "") -> AskedOf:
    """By its command line, its own name first, and the text of its file."""
    given, command = options(list(argv[1:]), _SHORT, _VALUES)
    how = dict(given).get("settings", "yes").lower()
    if settings and how in (*_TRUE, "trusted", "override"):
        added = list(_settings(settings))
        given = [*given, *added] if how == "override" else [*added, *given]
    last = dict(given)
    own = {"pid", "ipc", "uts", "cgroup"}
    if any(name.startswith(_NETWORK) or name in ("network-interface", "network-macvlan") for name in last):
        own.add("net")
    if last.get("private-users", "no") not in ("no", "0", "false") or "private-users=pick" in last:
        own.add("user")
    held = Asked(
        user=last.get("user", ""),
        read_only_root="read-only" in last,
        mounts=tuple(found for name, value in given if (found := _mount(name, value)) is not None),
        masked_paths=None,
        read_only_paths=None,
        device_rules=None,
        cap_add=_listed(given, "capability"),
        cap_drop=_listed(given, "drop-capability"),
        no_new_privileges=last.get("no-new-privileges", "no").lower() in _TRUE,
        seccomp=ProfileKind.CUSTOM if "system-call-filter" in last else ProfileKind.DEFAULT,
        apparmor=ProfileKind.UNCONFINED,
    )
    place = last.get("directory") or last.get("image") or last.get("template") or ""
    name = last.get("machine") or place.rstrip("/").rsplit("/", 1)[-1].removesuffix(".raw")
    return AskedOf(name=name, command=tuple(command), asked=with_modes(held, own))


def _settings(text: str) -> Iterator[tuple[str, str]]:
    """As options. A later line without a value empties a list, which no option does: those before it are left out."""
    found: list[tuple[str, str]] = []
    section = ""
    for line in text.split("\n"):
        name, equals, value = (part.strip() for part in line.partition("="))
        if name.startswith("[") and name.endswith("]"):
            section = name[1:-1]
        option = _SETTINGS.get(section, {}).get(name)
        if option is None or not equals or name.startswith(("#", ";")):
            continue
        if not value:
            found = [each for each in found if each[0] != option]
        elif option not in _FLAGS:
            found.append((option, value.replace(" ", ",") if option in _LISTS else value))
        elif value.lower() in _TRUE:
            found.append((option, ""))
    yield from found


def _listed(given: Sequence[tuple[str, str]], option: str) -> tuple[str, ...]:
    words = (word for name, value in given if name == option for word in value.split(","))
    return tuple("ALL" if word == "all" else word for word in words if word)


def _mount(name: str, value: str) -> AskedMount | None:
    if name not in ("bind", "bind-ro", "tmpfs"):
        return None
    words = value.split(":")
    if name == "tmpfs":
        return AskedMount("tmpfs", "", words[0], writable=True, options=":".join(words[1:]))
    target = words[1] if len(words) > 1 and words[1] else words[0]
    return AskedMount("bind", words[0].lstrip("+-"), target, name == "bind", options=":".join(words[2:]))
