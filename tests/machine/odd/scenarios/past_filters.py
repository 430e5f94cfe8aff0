"""Filters that people write: they stop a call by one value of an argument, or the call and not what does the same."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from machine.attempts.configurations import Configuration
from rig.engine import KINDS, Rig

_USER, _MOUNTS, _NET = 0x10000000, 0x00020000, 0x40000000
_ARCHITECTURES = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
_RING = ("io_uring_setup", "io_uring_enter", "io_uring_register")
_ALLOWED = "SCMP_ACT_ALLOW"


def _denied(*names: str, number: int = 1, args: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    return {"names": list(names), "action": "SCMP_ACT_ERRNO", "errnoRet": number, "args": args or []}


def _killing(rule: dict[str, Any]) -> dict[str, Any]:
    return {"names": rule["names"], "action": "SCMP_ACT_KILL_PROCESS", "args": rule["args"]}


def _equal(place: int, value: int) -> dict[str, Any]:
    return {"index": place, "value": value, "op": "SCMP_CMP_EQ"}


def _bits(value: int, place: int = 0) -> dict[str, Any]:
    return {"index": place, "value": value, "valueTwo": value, "op": "SCMP_CMP_MASKED_EQ"}


def _filter(*rules: dict[str, Any]) -> Callable[[Rig, Path], AbstractContextManager[dict[str, str]]]:
    """What writes that profile, for the option `{profile}`."""
    text = json.dumps({"defaultAction": _ALLOWED, "architectures": _ARCHITECTURES, "syscalls": list(rules)})

    @contextmanager
    def written(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
        path = folder / f"profile-{zlib.crc32(text.encode())}.json"
        path.write_text(text)
        path.chmod(0o644)
        yield {"profile": str(path)}

    return written


_BY_POINTER = _denied("clone3", number=38)
_SOCKETCALL = _denied("socketcall")
_FAMILIES = [_denied("socket", args=[_equal(0, family)]) for family in (17, 38, 40)]
_RAW = _denied("socket", args=[_equal(0, 2), _equal(1, 3)])


def _scenario(
    name: str, *rules: dict[str, Any], options: tuple[str, ...] = (), only: tuple[str, ...] = KINDS
) -> Configuration:
    wanted = ("--security-opt", "seccomp={profile}", *options)
    return Configuration(f"odd-{name}", wanted, host=(_filter(*rules),), only=only)


def _faults(name: str, *options: str, only: tuple[str, ...] = KINDS) -> Configuration:
    """With the device that gives what the filter denies as a call."""
    return _scenario(f"faults-{name}", _denied("userfaultfd"), options=options, only=only)


# What changes mounts, by which a filter tries to keep what the engine masks; open_tree_attr is newer than libseccomp
_CHANGING = (
    *("umount", "umount2", "fsopen", "fspick", "fsmount", "fsconfig", "mount_setattr", "pivot_root", "setns"),
    *("open_tree", "move_mount", "mount"),
)


def _mounting(name: str, but: str = "", only: int | None = None, never: int | None = None) -> Configuration:
    """May mount, but by no call except one; mount(2) only with exactly those flags, or never with one."""
    kept = ("mount",) if only is not None or never is not None else (but,)
    rules = [_denied(*(call for call in _CHANGING if call not in kept))]
    if only is not None:
        rules += [
            _denied("mount", args=[{"index": 3, "value": only, "op": op}]) for op in ("SCMP_CMP_LT", "SCMP_CMP_GT")
        ]
    if never is not None:
        rules.append(_denied("mount", args=[_bits(never, 3)]))
    return _scenario(f"mounts-{name}", *rules, options=("--cap-add", "SYS_ADMIN"), only=_ROOTFUL)


_FAULTS = "/dev/userfaultfd"
_ROOTFUL = ("docker_rootful", "podman_rootful")


SCENARIOS = (
    _scenario("bare-flag", *(_denied(name, args=[_equal(0, _USER)]) for name in ("unshare", "clone")), _BY_POINTER),
    _scenario("flag", *(_denied(name, args=[_bits(_USER)]) for name in ("unshare", "clone")), _BY_POINTER),
    _scenario("flag-but-clone3", *(_denied(name, args=[_bits(_USER)]) for name in ("unshare", "clone"))),
    _scenario(
        "flags-together",
        *(_denied(name, args=[_bits(_USER | other)]) for name in ("unshare", "clone") for other in (_MOUNTS, _NET)),
        _BY_POINTER,
    ),
    _scenario(
        "bare-mounts",
        *(_denied(name, args=[_equal(0, flag)]) for name in ("unshare", "clone") for flag in (_USER, _MOUNTS, _NET)),
        _BY_POINTER,
        options=("--cap-add", "SYS_ADMIN"),
    ),
    _scenario("sockets-but-ring", *_FAMILIES, _RAW, _SOCKETCALL),
    _scenario("sockets-and-ring", *_FAMILIES, _RAW, _SOCKETCALL, _denied(*_RING)),
    _scenario("sockets-but-ring-made", *_FAMILIES, _RAW, _SOCKETCALL, _denied(*_RING[1:])),
    _scenario("sockets-killed", *(_killing(each) for each in (*_FAMILIES, _RAW, _SOCKETCALL))),
    _scenario(
        "connect-but-ring",
        _denied("connect"),
        _SOCKETCALL,
        options=("-v", "{socket}:/run/docker.sock", "--net", "host"),
    ),
    _scenario(
        "bind-but-ring", _denied("bind"), _SOCKETCALL, options=("--sysctl", "net.ipv4.ip_unprivileged_port_start=1024")
    ),
    _scenario("packet-family", _denied("socket", args=[_equal(0, 17)]), _SOCKETCALL, _denied(*_RING)),
    _scenario("raw-kind", _RAW, _SOCKETCALL, _denied(*_RING)),
    _scenario("one-personality", _denied("personality", args=[_equal(0, 0x40000)])),
    _scenario("one-userfaultfd", _denied("userfaultfd", args=[_equal(0, 0)]), options=("--cap-add", "SYS_PTRACE")),
    _scenario(
        "seize",
        _denied("ptrace", args=[_equal(0, 0x4206)]),
        _denied("process_vm_readv", "process_vm_writev", "pidfd_getfd"),
    ),
    _faults("device", "--device", _FAULTS),
    _faults("device-user", "--device", _FAULTS, "--user", "1000"),
    _faults("device-dropped", "--device", _FAULTS, "--cap-drop", "ALL"),
    _faults("device-renamed", "--device", f"{_FAULTS}:/dev/faults", only=_ROOTFUL),
    _faults("device-write-only", "--device", f"{_FAULTS}:{_FAULTS}:w", only=_ROOTFUL),
    _faults("bound", "-v", f"{_FAULTS}:/faults"),
    _faults("bound-and-allowed", "-v", f"{_FAULTS}:/faults", "--device-cgroup-rule", "c 10:* rwm", only=_ROOTFUL),
    _faults("privileged", "--privileged"),
    _scenario(
        "faults-asked-for",
        _denied("userfaultfd"),
        _denied("ioctl", args=[_equal(1, 0xAA00)]),
        options=("--device", _FAULTS),
    ),
    _mounting("but-copy", "open_tree"),
    _mounting("but-copy-with-attributes"),
    _mounting("but-move", "move_mount"),
    _mounting("only-bind", only=0x1000),
    _mounting("only-move", only=0x2000),
    _mounting("only-remount", only=0x20),
    _mounting("never-bind", never=0x1000),
    _mounting("never-remount", never=0x20),
    _scenario("attributes-but-ring", _denied("setxattr", "lsetxattr", "fsetxattr", "setxattrat")),
)
# Only root may read the filters, and Podman tells no more of a profile than its path
UNSEEN = frozenset(item.name for item in SCENARIOS)
