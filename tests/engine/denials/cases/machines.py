"""Only on real machines with AppArmor or SELinux and control groups of version 2 (`machine/vm`), and what is tried
there of the others.
"""

from __future__ import annotations

from typing import Any

from engine.denials.case import DOCKER, OPEN, PODMAN, ROOTLESS, Case, added, user
from engine.denials.cases import cgroup, elsewhere, namespaces, usermap

_UNMASKED = ("--security-opt", "{unmask}")
_UNCONFINED = ("--security-opt", "apparmor=unconfined")
_OWN = ("--security-opt", "apparmor=strata-denials")
_VOLUME = ("-v", "{folder}:/data")
_UNLABELLED = ("--security-opt", "label=disable")

# For `_OWN`: all but what the cases try. What is not named is refused and logged; what is denied is not logged.
PROFILE = """profile strata-denials flags=(attach_disconnected,mediate_deleted) {
  network inet stream, network inet6, network unix, network netlink,
  capability setuid, capability setgid, capability dac_override, capability kill,
  file, mount, umount, pivot_root, ptrace, signal, unix,
  deny /own w,
  audit deny /private r,
  deny /tmp/secret/** rwklx,
}
"""


def _armor(name: str, attempt: str, status: int = 13, options: tuple[str, ...] = (), **more: Any) -> Case:
    """Passes without a profile."""
    unconfined = tuple(word for word in options if not word.startswith("apparmor="))
    if len(unconfined) < len(options):
        at = options.index(next(word for word in options if word.startswith("apparmor=")))
        unconfined = (*options[: at - 1], *options[at + 1 :])
    more = {"engines": (DOCKER, PODMAN), **more}
    return Case(f"armor-{name}", ("mac",), attempt, status, options, (*unconfined, *_UNCONFINED), **more)


APPARMOR = (
    _armor("mount", "call mount :t /mnt :tmpfs 0 0", 13, (*added("SYS_ADMIN"), *OPEN)),
    _armor("sysrq", "call open /proc/sysrq-trigger 1", 13, _UNMASKED),
    _armor("kernel-memory", "call open /proc/kcore 0", 13, (*_UNMASKED, *added("SYS_RAWIO"))),
    _armor("own-deny", "call open /own 1", 13, _OWN),
    _armor("own-audited", "call open /private 0", 13, _OWN),
    _armor("own-capability", "call chown /foreign 5 5", 1, _OWN),
    _armor("own-socket", "call socket 2 2 0", 13, _OWN),
    _armor("own-raw", "call socket 2 3 1", 13, (*_OWN, *added("NET_RAW"))),
)
SELINUX = (
    Case("label-volume-read", ("mac",), "call open /data/private 0", 13, _VOLUME, (*_UNLABELLED, *_VOLUME),
         engines=(DOCKER, PODMAN)),
    Case("label-volume-write", ("mac",), "call mkdir /data/new 0755", 13, _VOLUME, (*_UNLABELLED, *_VOLUME),
         engines=(DOCKER, PODMAN)),
    Case("label-volume-mode", ("mac",), "call chmod /data/private 0644", 13, _VOLUME, (*_UNLABELLED, *_VOLUME),
         engines=(DOCKER, PODMAN)),
)  # fmt: skip


def _rootless(name: str, attempt: str, status: int, *options: str, layers: tuple[str, ...] = ("usermap",),
              **more: Any) -> Case:  # fmt: skip
    """Passes on the same machine's root's Podman, which is not asked here: nothing of one engine takes it away."""
    more = {"control": None, "passing": "fine", "remedied": False, **more}
    return Case(f"rootless-{name}", layers, attempt, status, options, engines=(ROOTLESS,), **more)


OF_ROOTLESS = (
    _rootless("chown", "call chown /own 70000 70000", 22),
    _rootless("setuid", "call setuid 70000", 22),
    _rootless("device", "call mknod /tmp/n 020666 259", 1, *added("MKNOD")),
    _rootless("clock", "call adjtimex @hex:00400000", 1, *added("SYS_TIME"), *OPEN),
    _rootless("priority", "call setpriority 0 0 -5", 13, *added("SYS_NICE")),
    _rootless("limit", "call prlimit64 0 7 @hex:2c010000000000002c01000000000000 0", 1, *added("SYS_RESOURCE"),
              "--ulimit", "nofile=200:200", layers=("usermap", "cgroup")),
    _rootless("volume", "call open /data/private 0", 13, *_VOLUME),
    _rootless("volume-write", "call mkdir /data/new 0755", 13, *_VOLUME),
    _rootless("low-port", "call socket 2 1 0 + call bind % @in:0.0.0.0:80 16", 13, "--network", "host",
              layers=("usermap", "capabilities", "namespaces", "kernel")),
    _rootless("pids", "forks 30", 11, "--pids-limit", "24", layers=("cgroup",), calls=("clone", "fork", "clone3"),
              remedied=True),
    _rootless("read-only", "call mkdir /new 0755", 30, "--read-only", layers=("namespaces",), control=(), passing="",
              remedied=True),
    _rootless("file", "call open /private 0", 13, *user(1000), layers=("files",), control=(), passing="",
              remedied=True),
)  # fmt: skip


def _some(cases: tuple[Case, ...], *names: str) -> tuple[Case, ...]:
    return tuple(case for case in cases if case.id in names)


SECOND_VERSION = (
    *cgroup.CASES,
    *_some(usermap.CASES, "map-chown", "map-device", "map-volume"),
    *_some(namespaces.CASES, "mount-read-only-create", "mount-volume", "mount-masked-file", "mount-noexec"),
    *_some(elsewhere.CASES, "file-read", "file-mode", "network-none", "kernel-landlock"),
)
