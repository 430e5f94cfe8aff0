"""Devices that may only be written, or only read: modes and device rules ask for each alone."""

from __future__ import annotations

from machine.attempts.configurations import Configuration

_ROOTFUL = ("docker_rootful", "podman_rootful")
_NO_CAPABILITIES = ("--cap-drop", "ALL")
_UNCONFINED = ("--security-opt", "seccomp=unconfined")


def _given(name: str, device: str, access: str, *more: str, only: tuple[str, ...] = _ROOTFUL) -> Configuration:
    option = f"/dev/{device}:/dev/{device}:{access}"
    return Configuration(name, (*_NO_CAPABILITIES, "--device", option, *more), only=only)


SCENARIOS = (
    Configuration("odd-first-process-bound", ("-v", "/proc/1:/hp1"), only=_ROOTFUL),
    # Podman reports /dev/loop0 as /dev/vcs, which has the same number
    _given("odd-disk-written-only", "loop0", "w", only=("docker_rootful",)),
    # the engine's default lets it make nodes, and the rules let it open some
    Configuration("odd-machines-by-rule", ("--device-cgroup-rule", "c 10:232 rwm"), only=_ROOTFUL),
    Configuration("odd-consoles-by-rule", ("--device-cgroup-rule", "c 4:* w"), only=_ROOTFUL),
    _given("odd-console-written-only", "tty1", "w"),
    _given("odd-machines-written-only", "kvm", "w"),
    _given("odd-disk-made-only", "loop0", "m", only=("docker_rootful",)),
    _given("odd-fuse-written-only", "fuse", "w", "--cap-add", "SYS_ADMIN", *_UNCONFINED),
    _given("odd-fuse-read-only", "fuse", "r", "--cap-add", "SYS_ADMIN", *_UNCONFINED),
    Configuration(
        "odd-disks-rule-written-only",
        (*_NO_CAPABILITIES, "--cap-add", "MKNOD", "--device-cgroup-rule", "b 7:0 w"),
        only=_ROOTFUL,
    ),
)
