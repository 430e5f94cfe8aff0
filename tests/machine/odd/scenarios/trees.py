"""Kernel file systems that exist once for the machine, bound in or mounted, and file systems of a container's own."""

from __future__ import annotations

from machine.attempts.configurations import Configuration
from machine.attempts.on_host import kernel_tree, pinned_map

_UNCONFINED = ("--security-opt", "seccomp=unconfined")
_ROOTFUL = ("docker_rootful", "podman_rootful")
_ADMIN = ("--cap-add", "SYS_ADMIN")
_SECURITY, _CONNECTIONS = kernel_tree("securityfs"), kernel_tree("fusectl")
_NO_NEW_PRIVS = ("--security-opt", "no-new-privileges")

SCENARIOS = (
    Configuration("odd-security", ("-v", "{securityfs}:/tree"), host=(_SECURITY,), only=_ROOTFUL),
    Configuration("odd-security-read-only", ("-v", "{securityfs}:/tree:ro"), host=(_SECURITY,), only=_ROOTFUL),
    Configuration(
        "odd-security-user", ("-v", "{securityfs}:/tree", "--user", "1000"), host=(_SECURITY,), only=_ROOTFUL
    ),
    Configuration("odd-connections", ("-v", "{fusectl}:/tree"), host=(_CONNECTIONS,), only=_ROOTFUL),
    Configuration("odd-connections-read-only", ("-v", "{fusectl}:/tree:ro"), host=(_CONNECTIONS,), only=_ROOTFUL),
    Configuration(
        "odd-connections-user",
        ("-v", "{fusectl}:/tree", "--user", "1000", *_NO_NEW_PRIVS),
        host=(_CONNECTIONS,),
        only=_ROOTFUL,
    ),
    Configuration("odd-pinned", ("-v", "{bpf}:/tree", *_UNCONFINED), host=(pinned_map,), only=_ROOTFUL),
    Configuration("odd-pinned-read-only", ("-v", "{bpf}:/tree:ro", *_UNCONFINED), host=(pinned_map,), only=_ROOTFUL),
    Configuration("odd-pinned-filtered", ("-v", "{bpf}:/tree"), host=(pinned_map,), only=_ROOTFUL),
    Configuration(
        "odd-pinned-user",
        ("-v", "{bpf}:/tree", "--user", "1000", *_NO_NEW_PRIVS, *_UNCONFINED),
        host=(pinned_map,),
        only=_ROOTFUL,
    ),
    Configuration("odd-fuse", ("--device", "/dev/fuse")),
    Configuration("odd-fuse-admin", ("--device", "/dev/fuse", *_ADMIN)),
    Configuration("odd-fuse-admin-user", ("--device", "/dev/fuse", *_ADMIN, "--user", "1000", *_UNCONFINED)),
    Configuration("odd-fuse-by-rule", ("--device-cgroup-rule", "c 10:229 rwm", *_ADMIN, *_UNCONFINED), only=_ROOTFUL),
    Configuration("odd-fuse-no-mknod", (*_ADMIN, "--cap-drop", "MKNOD")),
    Configuration(
        "odd-fuse-to-read", ("--device", "/dev/fuse:/dev/fuse:r", *_ADMIN, "--cap-drop", "MKNOD"), only=_ROOTFUL
    ),
)
