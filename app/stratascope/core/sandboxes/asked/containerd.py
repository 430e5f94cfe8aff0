"""A task of containerd: the shim's command line names it; its bundle has the runtime specification's config.json."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from stratascope.core.container import Asked, AskedMount, ProfileKind
from stratascope.core.sandboxes.asked.asked_of import AskedOf
from stratascope.core.sandboxes.asked.modes import with_modes

STATE = "/run/containerd"
_KINDS = {"network": "net", "pid": "pid", "ipc": "ipc", "uts": "uts", "user": "user", "cgroup": "cgroup"}
_HEX = re.compile(r"[0-9a-f]{64}").fullmatch
_NAME = re.compile(r"[\w.-]{1,128}").fullmatch


def read(argv: Sequence[str]) -> AskedOf:
    """By the shim's command line. The text of the bundle's file is left to whoever may read it: it is empty."""
    last: dict[str, str] = {}
    for option, value in pairwise(argv):
        last[option.lstrip("-")] = value
    name, namespace, address = last.get("id", ""), last.get("namespace", ""), last.get("address", "")
    if not _NAME(name) or not _NAME(namespace):
        return AskedOf()
    state = address.rsplit("/", 1)[0] if address.startswith("/") else STATE
    file = f"{state}/io.containerd.runtime.v2.task/{namespace}/{name}/config.json"
    return AskedOf(name=name[:12] if _HEX(name) else name, texts=((file, ""),))


def read_file(text: str) -> AskedOf:
    """By the text of config.json (runtime-spec, config.md and config-linux.md)."""
    try:
        return _read(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return AskedOf()


def _read(spec: Any) -> AskedOf:
    process, linux = spec.get("process") or {}, spec.get("linux") or {}
    own = {
        _KINDS[each["type"]] for each in linux.get("namespaces", []) if each["type"] in _KINDS and not each.get("path")
    }
    resources = linux.get("resources") or {}
    bounding = (process.get("capabilities") or {}).get("bounding") or []
    profile = str(process.get("apparmorProfile") or "")
    user = process.get("user") or {}
    held = Asked(
        user=str(user.get("uid", "")),
        read_only_root=bool((spec.get("root") or {}).get("readonly")),
        mounts=tuple(found for each in spec.get("mounts") or [] if (found := _mount(each)) is not None),
        masked_paths=tuple(map(str, linux.get("maskedPaths") or ())),
        read_only_paths=tuple(map(str, linux.get("readonlyPaths") or ())),
        device_rules=None,
        capabilities=tuple(map(str, bounding)),
        no_new_privileges=process.get("noNewPrivileges") is True,
        seccomp=ProfileKind.CUSTOM if linux.get("seccomp") else ProfileKind.UNCONFINED,
        apparmor=ProfileKind.CUSTOM if profile and profile != "unconfined" else ProfileKind.UNCONFINED,
        apparmor_profile="" if profile == "unconfined" else profile,
        memory=_positive((resources.get("memory") or {}).get("limit")),
        pids=_positive((resources.get("pids") or {}).get("limit")),
        cgroup_parent=str(linux.get("cgroupsPath") or ""),
        uid_map=_map(linux.get("uidMappings")),
        gid_map=_map(linux.get("gidMappings")),
    )
    return AskedOf(command=tuple(map(str, process.get("args") or ())), asked=with_modes(held, own))


def _mount(each: Any) -> AskedMount | None:
    options = [str(word) for word in each.get("options") or ()]
    if each.get("type") != "bind" and not {"bind", "rbind"}.intersection(options):
        return None
    return AskedMount("bind", str(each.get("source", "")), str(each["destination"]), "ro" not in options)


def _positive(value: Any) -> int | None:
    return value if type(value) is int and value > 0 else None


def _map(maps: Any) -> tuple[tuple[int, int, int], ...]:
    return tuple((int(each["containerID"]), int(each["hostID"]), int(each["size"])) for each in maps or ())
