"""LXC: a command line names the machine; lxc.container.conf(5) has what was asked."""

from __future__ import annotations

from collections.abc import Sequence

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.modes import options, with_modes

_SHORT = {"n": "name", "P": "lxcpath", "f": "rcfile", "o": "logfile", "l": "logpriority", "p": "pidfile", "s": "define"}
_VALUES = (*_SHORT.values(), "console", "console-log", "share-net", "share-ipc", "share-uts", "share-pid", "uid", "gid")
_FLAGS = {"F": "foreground", "d": "daemon", "q": "quiet", "C": "close-all-fds"}
USUAL = "/var/lib/lxc"


def read(argv: Sequence[str]) -> AskedOf:
    """By its command line, its own name first. The text of its file is left to whoever may read it: it is empty."""
    given, rest = options(list(argv[1:]), {**_SHORT, **_FLAGS}, _VALUES)
    last = dict(given)
    name = last.get("name") or next(iter(rest), "")
    file = last.get("rcfile") or f"{last.get('lxcpath', USUAL)}/{name}/config"
    return AskedOf(name=name, texts=((file, ""),) if name else ())


def read_file(text: str) -> AskedOf:
    """By the text of its file."""
    lines = [line.partition("=")[::2] for line in text.split("\n") if not line.lstrip().startswith("#")]
    given = [(key.strip(), value.strip()) for key, value in lines if key.strip()]
    last = dict(given)
    own = {"pid", "ipc", "uts", "cgroup", "net"}
    if last.get("lxc.net.0.type") == "none":
        own.discard("net")
    own -= set(last.get("lxc.namespace.keep", "").split())
    maps = [value.split() for key, value in given if key == "lxc.idmap"]
    if maps:
        own.add("user")
    profile = last.get("lxc.apparmor.profile", "")
    held = Asked(
        read_only_root="ro" in last.get("lxc.rootfs.options", "").split(","),
        mounts=tuple(found for key, value in given if key == "lxc.mount.entry" and (found := _mount(value))),
        masked_paths=None,
        read_only_paths=None,
        device_rules=None,
        cap_drop=_capabilities(given, "lxc.cap.drop"),
        no_new_privileges=last.get("lxc.no_new_privs") == "1",
        seccomp=ProfileKind.CUSTOM if last.get("lxc.seccomp.profile") else ProfileKind.UNCONFINED,
        apparmor=ProfileKind.UNCONFINED
        if profile == "unconfined"
        else ProfileKind.CUSTOM
        if profile
        else ProfileKind.UNKNOWN,
        apparmor_profile="" if profile == "unconfined" else profile,
        uid_map=_map(maps, "u"),
        gid_map=_map(maps, "g"),
        pids=_number(last.get("lxc.cgroup2.pids.max") or last.get("lxc.cgroup.pids.max")),
        memory=_number(last.get("lxc.cgroup2.memory.max") or last.get("lxc.cgroup.memory.limit_in_bytes")),
    )
    return AskedOf(name=last.get("lxc.uts.name", ""), asked=with_modes(held, own))


def _capabilities(given: Sequence[tuple[str, str]], name: str) -> tuple[str, ...]:
    return tuple(f"CAP_{word.upper()}" for key, value in given if key == name for word in value.split())


def _mount(value: str) -> AskedMount | None:
    words = value.split()
    if len(words) < 4:
        return None
    source, target, kind, options_ = words[:4]
    bind = "bind" in options_ or "rbind" in options_
    return AskedMount(
        "bind" if bind else kind, source if bind else "", f"/{target.lstrip('/')}", "ro" not in options_.split(",")
    )


def _map(maps: Sequence[Sequence[str]], kind: str) -> tuple[tuple[int, int, int], ...]:
    found = []
    for words in maps:
        if len(words) == 4 and words[0] == kind and all(word.isdecimal() for word in words[1:]):
            found.append((int(words[1]), int(words[2]), int(words[3])))
    return tuple(found)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() else None
