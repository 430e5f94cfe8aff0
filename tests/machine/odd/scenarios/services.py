"""What of the host takes orders or passes mounts on, and the kernel's own file systems."""

from __future__ import annotations

from machine.attempts.configurations import Configuration
from machine.attempts.on_host import shared_mount

_UNCONFINED = ("--security-opt", "seccomp=unconfined")
_NO_PLACE = {"docker_rootless": "error creating device nodes"}
_ONE = ("podman_rootful",)  # the tests' engines are in mount namespaces of their own: no mount there is the host's
_ADMIN = ("--cap-add", "SYS_ADMIN")

SCENARIOS = (
    Configuration(
        "odd-shared", ("-v", "{shared}:/shared:rshared,ro", *_ADMIN, *_UNCONFINED), host=(shared_mount,), only=_ONE
    ),
    Configuration("odd-shared-no-admin", ("-v", "{shared}:/shared:rshared,ro"), host=(shared_mount,), only=_ONE),
    Configuration(
        "odd-slave", ("-v", "{shared}:/shared:rslave,ro", *_ADMIN, *_UNCONFINED), host=(shared_mount,), only=_ONE
    ),
    Configuration("odd-admin-unconfined", (*_ADMIN, *_UNCONFINED)),
    Configuration("odd-admin-no-mknod", (*_ADMIN, *_UNCONFINED, "--cap-drop", "MKNOD")),
    Configuration("odd-admin-user", (*_ADMIN, *_UNCONFINED, "--user", "1000")),
    Configuration("odd-host-sys", ("-v", "/sys:/host-sys", *_UNCONFINED)),
    Configuration("odd-net-admin", ("--cap-add", "NET_ADMIN")),
    Configuration("odd-net-admin-host", ("--cap-add", "NET_ADMIN", "--network", "host")),
    Configuration("odd-no-net-raw", ("--cap-drop", "NET_RAW")),
    Configuration("odd-no-network", ("--network", "none")),
    Configuration("odd-kvm", ("--device", "/dev/kvm")),
    Configuration("odd-kvm-user", ("--device", "/dev/kvm", "--user", "1000")),
    Configuration("odd-console", ("--device", "/dev/tty1")),
    Configuration("odd-console-renamed", ("--device", "/dev/tty1:/dev/a-tty", "--cap-drop", "ALL"), refused=_NO_PLACE),
    Configuration("odd-privileged", ("--privileged",)),
    Configuration("odd-privileged-user", ("--privileged", "--user", "1000", "--security-opt", "no-new-privileges")),
    Configuration("odd-core-limit", ("--ulimit", "core=1")),
)
