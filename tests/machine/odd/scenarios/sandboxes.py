"""A first process that went into a user namespace of its own, as bwrap, a browser or `unshare -U` do.

There it holds every capability, over nothing that the engine made: what was mounted before is locked, and the
namespaces that it did not make belong to the container's user namespace.
"""

from __future__ import annotations

from machine.attempts.configurations import Configuration

_UNCONFINED = ("--security-opt", "seccomp=unconfined")
_EVERY = "userns:mnt,pid,net,ipc,uts,cgroup"
_UNMASKED = ("--security-opt", "{unmask}")

SCENARIOS = (
    Configuration("odd-below", _UNCONFINED, ("userns",)),
    Configuration("odd-below-mounts", _UNCONFINED, ("userns:mnt",)),
    Configuration("odd-below-everything", _UNCONFINED, (_EVERY,)),
    Configuration("odd-below-without-ids", _UNCONFINED, (f"{_EVERY},none",)),
    Configuration("odd-below-without-capabilities", (*_UNCONFINED, "--cap-drop", "ALL"), ("userns:mnt,none",)),
    Configuration("odd-below-user", (*_UNCONFINED, "--user", "1001"), ("userns:mnt,pid,net,same",)),
    Configuration("odd-below-user-as-root", (*_UNCONFINED, "--user", "1001"), ("userns:mnt,net",)),
    Configuration("odd-below-privileged", ("--privileged",), (_EVERY,)),
    Configuration("odd-below-admin", (*_UNCONFINED, "--cap-add", "SYS_ADMIN"), ("userns:mnt,cgroup",)),
    Configuration("odd-below-unmasked", (*_UNCONFINED, *_UNMASKED), (_EVERY,)),
    Configuration("odd-below-unmasked-admin", (*_UNCONFINED, *_UNMASKED, "--cap-add", "SYS_ADMIN"), ("userns:mnt",)),
    Configuration("odd-below-host-cgroups", (*_UNCONFINED, "--cgroupns", "host"), ("userns:mnt,cgroup",)),
    Configuration("odd-below-host-pids", (*_UNCONFINED, "--pid", "host", "--network", "host"), ("userns:mnt",)),
    Configuration("odd-below-host-proc", (*_UNCONFINED, "-v", "/proc:/host-proc"), ("userns:mnt,pid",)),
    Configuration("odd-below-host-folder", (*_UNCONFINED, "-v", "{folder}/mounted:/host"), ("userns:mnt",)),
    Configuration("odd-below-twice", _UNCONFINED, ("userns:mnt", "userns:pid")),
    Configuration(
        "odd-below-uid-map",
        (*_UNCONFINED, "--uidmap", "0:200000:65536", "--gidmap", "0:200000:65536"),
        ("userns:mnt,pid",),
        only=("podman_rootful",),
    ),
    Configuration(
        "odd-below-kept-id", (*_UNCONFINED, "--userns", "keep-id"), ("userns:mnt",), only=("podman_rootless",)
    ),
    Configuration("odd-below-no-map", (*_UNCONFINED, "--userns", "nomap"), ("userns:mnt",), only=("podman_rootless",)),
    Configuration("odd-below-host-trees", (*_UNCONFINED, "-v", "/sys/fs/cgroup:/trees"), ("userns:mnt,cgroup",)),
)
# Whether it made the other namespaces, too, or is still in the container's, only those who may trace it can see
UNSEEN_OF_ROOTS = frozenset(item.name for item in SCENARIOS)
