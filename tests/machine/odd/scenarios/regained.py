"""Rights that a process lacks and can regain: by set-uid programs, by files with capabilities, by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machine.attempts.build import GIVEN
from machine.attempts.configurations import Configuration
from rig.engine import Rig

_ROOTFUL = ("docker_rootful", "podman_rootful")


@contextmanager
def _of_a_group(rig: Rig, folder: Path) -> Iterator[dict[str, str]]:
    """A folder that only a group may write to, for the option `{group}`."""
    place = folder / "of-a-group"
    place.mkdir(exist_ok=True)
    os.chown(place, 0, GIVEN)
    place.chmod(0o775)
    yield {"group": str(place)}


def _by_group(name: str, *options: str, image: str = "giving-a-group") -> Configuration:
    bound = (*_USER, "-v", "{group}:/plain", *options)
    return Configuration(f"odd-regain-gid{name}", bound, only=_ROOTFUL, image=image, host=(_of_a_group,))


_USER = ("--user", "1000")
_UNCONFINED = ("--security-opt", "seccomp=unconfined")
_PRIVILEGED = ("--privileged", *_USER)
_ADMIN = (*_USER, "--cap-add", "SYS_ADMIN", *_UNCONFINED)
_NO_NEW_PRIVS = ("--security-opt", "no-new-privileges")
_PODMAN = ("podman_rootful", "podman_rootless")
_MAP = ("--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536")

SCENARIOS = (
    Configuration("odd-regain-privileged", _PRIVILEGED),
    Configuration("odd-regain-added", (*_USER, "--cap-add", "NET_ADMIN", "--cap-add", "SYS_PTRACE")),
    Configuration("odd-regain-nothing", (*_USER, "--cap-drop", "ALL")),
    Configuration("odd-regain-one", (*_USER, "--cap-drop", "ALL", "--cap-add", "MKNOD")),
    Configuration("odd-regain-read-only", (*_USER, "--read-only")),
    Configuration("odd-regain-none", _PRIVILEGED, image="without-set-uid"),
    Configuration("odd-regain-asking", _PRIVILEGED, image="asking"),
    Configuration("odd-regain-asking-added", _ADMIN, image="asking"),
    Configuration("odd-regain-disguised", _PRIVILEGED, image="disguised"),
    Configuration("odd-regain-out-of-reach", _PRIVILEGED, image="out-of-reach"),
    Configuration("odd-regain-group", _PRIVILEGED, image="of-a-group"),
    Configuration("odd-regain-group-member", (*_PRIVILEGED, "--group-add", "4242"), image="of-a-group"),
    Configuration("odd-regain-file", _ADMIN, image="capable"),
    Configuration("odd-regain-file-refused", _USER, image="capable"),
    Configuration("odd-regain-no-new-privs", (*_PRIVILEGED, *_NO_NEW_PRIVS)),
    _by_group(""),
    _by_group("-nothing-new", *_NO_NEW_PRIVS),
    _by_group("-no-such-file", image="without-set-uid"),
    Configuration("odd-regain-mapped", (*_PRIVILEGED, *_MAP), only=("podman_rootful",)),
    Configuration("odd-regain-by-itself", (*_USER, "--cap-add", "SETUID"), only=_PODMAN, image="without-set-uid"),
    Configuration(
        "odd-regain-root-only",
        (*_USER, "--cap-add", "SETUID", *_NO_NEW_PRIVS),
        only=_PODMAN,
        image="without-set-uid",
    ),
)
