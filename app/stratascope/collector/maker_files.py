"""What makers of sandboxes were asked for, in files of fixed names that root reads: a containerd task's config.json, an
LXC machine's configuration, the settings of a machine of systemd-nspawn. What they hold beside that (variables,
annotations, hooks) is left out.
"""

from __future__ import annotations

import json
import os
import re
import stat
from typing import Any, Dict, Iterator, List, Tuple

FILE_MAX = 1 << 18  # bytes
TEXT_MAX = 1 << 16
# containerd/containerd, defaults; k3s, pkg/agent/config
STATES = ("/run/containerd", "/run/k3s/containerd", "/run/docker/containerd")
LXC = "/var/lib/lxc"
_NSPAWN_SHORT = {"-M": "--machine", "-D": "--directory", "-i": "--image"}
NSPAWN = (
    "/etc/systemd/nspawn",
    "/run/systemd/nspawn",
    "/var/lib/machines",
)  # the first that has one: systemd.nspawn(5)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,127}").fullmatch
_KEPT: Dict[str, Any] = {
    "process": {
        **dict.fromkeys(("args", "user", "noNewPrivileges", "apparmorProfile")),
        "capabilities": {"bounding": None},
    },
    "root": {"readonly": None},
    "mounts": None,
    "linux": {
        **dict.fromkeys(("namespaces", "maskedPaths", "readonlyPaths", "uidMappings", "gidMappings")),
        "cgroupsPath": None,
        "resources": {"memory": {"limit": None}, "pids": {"limit": None}},
        "seccomp": {"defaultAction": None},
    },
}


def files_of(program: str, argv: List[str]) -> Dict[str, str]:
    """Path and text, by the maker's own process; empty if there is none, or it may not be read."""
    if program.startswith("containerd-shim"):
        return _task({word.lstrip("-"): after for word, after in _pairs(argv)})
    if program in ("lxc-start", "lxc-execute"):
        return _machine(argv)
    if program == "systemd-nspawn":
        return _settings(argv)
    return {}


def _task(given: Dict[str, str]) -> Dict[str, str]:
    name, namespace, state = given.get("id", ""), given.get("namespace", ""), given.get("address", "").rsplit("/", 1)[0]
    if not _NAME(name) or not _NAME(namespace) or state not in STATES:
        return {}
    path = "%s/io.containerd.runtime.v2.task/%s/%s/config.json" % (state, namespace, name)
    try:
        text = json.dumps(_kept(json.loads(_text(path)), _KEPT))
    except (OSError, ValueError, RecursionError):
        return {}
    return {path: text} if len(text) <= TEXT_MAX else {}


def _kept(found: Any, wanted: Dict[str, Any]) -> Dict[str, Any]:
    if not isinstance(found, dict):
        raise ValueError("not an object")
    kept = {}
    for name, below in wanted.items():
        if found.get(name) is not None:
            kept[name] = found[name] if below is None else _kept(found[name], below)
    return kept


def _machine(argv: List[str]) -> Dict[str, str]:
    for name in _names(argv):
        if _NAME(name):
            path = "%s/%s/config" % (LXC, name)
            try:
                lines = _text(path)[:TEXT_MAX].split("\n")
            except (OSError, ValueError):
                continue
            told = [line for line in lines if line.startswith("lxc.") and not line.startswith("lxc.environment")]
            return {path: "\n".join(told)}
    return {}


def _settings(argv: List[str]) -> Dict[str, str]:
    given: Dict[str, str] = {}
    for word, after in _pairs(argv):
        option, equals, value = word.partition("=")
        given[_NSPAWN_SHORT.get(option, option)] = value if equals else after
    place = given.get("--directory") or given.get("--image") or ""
    name = given.get("--machine") or place.rstrip("/").rpartition("/")[2]
    name = name[:-4] if name.endswith(".raw") else name
    for folder in NSPAWN if _NAME(name) else ():
        path = "%s/%s.nspawn" % (folder, name)
        try:
            lines = _text(path)[:TEXT_MAX].split("\n")
        except (OSError, ValueError):
            continue
        return {path: "\n".join(line for line in lines if not line.lstrip().startswith("Environment"))}
    return {}


def _names(argv: List[str]) -> Iterator[str]:
    for word, after in _pairs(argv):
        if word in ("-n", "--name"):
            yield after
        elif word.startswith("--name="):
            yield word[len("--name=") :]


def _pairs(argv: List[str]) -> List[Tuple[str, str]]:
    return [(word, argv[place + 1] if place + 1 < len(argv) else "") for place, word in enumerate(argv)]


def _text(path: str) -> str:
    """Of a regular file that is root's alone to write, no longer than FILE_MAX. Raises OSError, ValueError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        about = os.fstat(descriptor)
        if not stat.S_ISREG(about.st_mode) or about.st_uid != 0 or about.st_size > FILE_MAX:
            raise ValueError("no such file")
        data = b""
        while len(data) <= FILE_MAX:
            more = os.read(descriptor, FILE_MAX + 1 - len(data))
            if not more:
                return data.decode("utf-8")
            data += more
        raise ValueError("too long")
    finally:
        os.close(descriptor)
