"""Translate the options of an inspect response that Docker and Podman share; Podman's HostConfig has most of Docker's
names.
"""

from __future__ import annotations

from typing import Any

from stratascope.core.container import Asked, AskedDevice, AskedLimit, AskedMount, AskedPort, LogKeeping
from stratascope.core.options.request import HealthTest
from stratascope.core.options.rules import log_keeping
from stratascope.core.options.table import OF_FIELD
from stratascope.core.options.values import TEXT
from stratascope.engines.shared.json_reader import JsonObject, capability_names, cores

# Names of numbers and texts in HostConfig, by fields of `Asked`
PLAIN = {
    "memory": "Memory",
    "memory_swap": "MemorySwap",
    "pids": "PidsLimit",
    "shm_size": "ShmSize",
    "cpuset": "CpusetCpus",
    "cgroup_parent": "CgroupParent",
    "oom_score_adj": "OomScoreAdj",
}
MODES = {"pid_mode": "PidMode", "ipc_mode": "IpcMode", "uts_mode": "UTSMode", "network_mode": "NetworkMode"}
_NO_NETWORKS = ("host", "none", "pasta", "slirp4netns")  # modes; no network can have such a name
_RLIMIT = "RLIMIT_"  # Podman's prefix


def common_options(answer: JsonObject) -> Asked:
    """Translate the fields Docker and Podman share; all others keep their defaults."""
    config, host = answer.part("Config"), answer.part("HostConfig")
    log_driver, log = log_of(host)
    fields: dict[str, Any] = {
        **{field: _plain(host, field, key) for field, key in PLAIN.items()},
        **{field: host.text(key) or "private" for field, key in MODES.items()},
    }
    return Asked(
        **fields,
        privileged=host.flag("Privileged"),
        user=config.text("User"),
        read_only_root=host.flag("ReadonlyRootfs"),
        devices=tuple(
            AskedDevice(
                device.text("PathOnHost"), device.text("PathInContainer"), device.text("CgroupPermissions") or "rwm"
            )
            for device in host.parts("Devices")
        ),
        cpu_cores=cores(host),
        cap_drop=capability_names(host.texts("CapDrop")),
        selinux_label=answer.text("ProcessLabel"),
        limits=tuple(
            AskedLimit(limit.text("Name").removeprefix(_RLIMIT).lower(), limit.whole("Soft"), limit.whole("Hard"))
            for limit in host.parts("Ulimits")
        ),
        log_driver=log_driver,
        log=log,
        groups=host.texts("GroupAdd") or (),
    )


def _plain(host: JsonObject, field: str, key: str) -> int | str | None:
    form = OF_FIELD[field].form
    if form is TEXT:
        return host.text(key)
    return host.limit(key) if form.limit else host.whole(key)


def bound_ports(host: JsonObject) -> tuple[AskedPort, ...]:
    """The ports published individually: `{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}`."""
    bindings = host.part("PortBindings")
    return tuple(
        AskedPort(name, binding.text("HostIp"), binding.text("HostPort"))
        for name in bindings.names()
        for binding in bindings.parts(name)
    )


def health_test(fields: JsonObject) -> HealthTest:
    """A health check, in the form used in images, requests and responses of both."""
    return HealthTest(
        fields.texts("Test") or (),
        fields.whole("Interval"),
        fields.whole("Timeout"),
        fields.whole("StartPeriod"),
        fields.whole("StartInterval"),
        fields.whole("Retries"),
    )


def tmpfs_mounts(host: JsonObject) -> tuple[AskedMount, ...]:
    """Mounts by `--tmpfs`: path and mount options."""
    return tuple(
        AskedMount("tmpfs", "", target, "ro" not in options.split(","))
        for target, options in host.pairs("Tmpfs")
    )  # fmt: skip


def log_of(host: JsonObject) -> tuple[str, LogKeeping]:
    """The log driver, and how much of a container's output it keeps."""
    log = host.part("LogConfig")
    driver = log.text("Type")
    if not driver:
        return "", LogKeeping.UNKNOWN
    # Docker's option, where -1 is no limit (moby, daemon/logger/jsonfilelog), and Podman's own field
    endless = dict(log.pairs("Config")).get("max-size", "-1").startswith("-") and log.text("Size") in ("", "0B")
    return driver, log_keeping(driver, limited=not endless)


def overridden(word: str, words: list[str]) -> bool:
    """Whether a mount option is overridden by these: `noexec` by `exec`, a size by another."""
    name, equals, _ = word.partition("=")
    return word.removeprefix("no") in words or (bool(equals) and any(each.startswith(f"{name}=") for each in words))


def network_ids(answer: JsonObject) -> dict[str, str]:
    """The networks that it is connected to: name to the id at the time of connecting.

    Podman lists the host's network too, which can't go away.
    """
    networks = answer.part("NetworkSettings").part("Networks")
    return {name: networks.part(name).text("NetworkID") for name in networks.names() if name not in _NO_NETWORKS}
