"""Parts of the host bound in: what it runs, its settings, its namespaces; and masks over files of the image.

The targets say what a place is to the host (`places.c`): /system, /users, /plain, /settings, /handle-KIND.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine.attempts.configurations import Configuration
from rig.engine import Rig

_ADMIN = ("--cap-add", "SYS_ADMIN")
_ROOTFUL = ("docker_rootful", "podman_rootful")
_PODMAN = ("podman_rootful", "podman_rootless")
_DROPPED = ("--cap-drop", "ALL")


@contextmanager
def _folders(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """Folders and files of several owners and modes."""
    top = folder / "owned"
    if not top.exists():
        top.mkdir()
        for name, uid, mode in (
            ("roots", 0, 0o755),
            ("users", 1000, 0o755),
            ("closed", 1000, 0o700),
            ("shared", 0, 0o1777),
            ("groups", 0, 0o775),
            ("deep", 0, 0o755),
            ("deep/below", 1000, 0o755),
            ("hidden", 0, 0o700),
            ("hidden/open", 0, 0o777),
        ):
            (top / name).mkdir()
            (top / name).chmod(mode)
            os.chown(top / name, uid, 1000 if name == "groups" else uid)
        for name, uid, mode in (("roots-file", 0, 0o644), ("users-file", 1000, 0o644), ("read-only-file", 1000, 0o444)):
            (top / name).write_text("")
            (top / name).chmod(mode)
            os.chown(top / name, uid, uid)
        top.chmod(0o755)
    yield {"owned": str(top)}


def _on(
    name: str, *options: str, only: tuple[str, ...] = (*_ROOTFUL, "docker_rootless", "podman_rootless")
) -> Configuration:
    return Configuration(f"odd-paths-{name}", options, only=only, host=(_folders,))


def _owner(name: str, place: str) -> tuple[Configuration, ...]:
    """A place as root, as root without capabilities, as user 1000, and with group 1000."""
    bind = ("-v", f"{{owned}}/{place}:/plain")
    return (
        _on(f"{name}", *bind),
        _on(f"{name}-dropped", *bind, *_DROPPED),
        _on(f"{name}-user", *bind, "--user", "1000"),
        _on(f"{name}-group", *bind, "--user", "1001:1000"),
    )


SCENARIOS = (
    # what the host runs
    *(
        _on(f"system{place.replace('/', '-')}", "-v", f"{place}:/system")
        for place in (
            "/etc/cron.d",
            "/usr/local/bin",
            "/usr/lib/systemd",
            "/etc/profile.d",
            "/etc/init.d",
            "/var/lib/dpkg/status",
        )
    ),
    _on("system-read-only", "-v", "/etc/cron.d:/system:ro"),
    _on("system-user", "-v", "/usr/local/bin:/system", "--user", "1000"),
    _on("system-dropped", "-v", "/usr/local/bin:/system", *_DROPPED),
    _on("system-var-user", "-v", "/usr/lib/tmpfiles.d:/system", "--user", "1000"),
    _on("home", "-v", "/home:/users"),
    _on("home-user", "-v", "/home:/users", "--user", "1000"),
    # the host's settings
    _on("settings-vm", "-v", "/proc/sys/vm:/settings"),
    _on("settings-fs", "-v", "/proc/sys/fs:/settings"),
    _on("settings-one", "-v", "/proc/sys/kernel/panic:/settings"),
    _on("settings-never-writable", "-v", "/proc/sys/kernel/osrelease:/settings"),
    _on("settings-of-network", "-v", "/proc/sys/net:/own-settings"),
    _on("settings-read-only", "-v", "/proc/sys/vm:/settings:ro"),
    _on("settings-user", "-v", "/proc/sys/vm:/settings", "--user", "1000"),
    # files that stand for the host's namespaces
    _on("handle-net", "-v", "/proc/2/ns/net:/handle-net", *_ADMIN, only=_ROOTFUL),
    _on("handle-net-alone", "-v", "/proc/2/ns/net:/handle-net", only=_ROOTFUL),
    _on("handle-ipc", "-v", "/proc/2/ns/ipc:/handle-ipc", *_ADMIN, only=_ROOTFUL),
    _on("handle-cgroup", "-v", "/proc/2/ns/cgroup:/handle-cgroup", *_ADMIN, only=_ROOTFUL),
    _on("profile-by-path", "--security-opt", "seccomp={folder}/few.json"),
    # masks over the image's files
    _on("mask", "--security-opt", "mask=/etc/passwd:/etc/group", only=_PODMAN),
    _on("mask-user", "--security-opt", "mask=/etc/passwd", "--user", "1000", only=_PODMAN),
    _on("null-device", "-v", "/dev/null:/etc/motd"),
    # who may write
    *_owner("roots", "roots"),
    *_owner("users", "users"),
    *_owner("closed", "closed"),
    *_owner("shared", "shared"),
    *_owner("groups", "groups"),
    *_owner("deep", "deep"),
    *_owner("hidden", "hidden"),
    *_owner("roots-file", "roots-file"),
    *_owner("users-file", "users-file"),
    *_owner("read-only-file", "read-only-file"),
)
